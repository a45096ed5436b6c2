//! A few real lines of each source, as fields.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use decostop_profile::Class;
use decostop_redact::{ProfilePlan, Record};

use crate::frame::{Lines, Piece, Scratch, for_each_segment};
use crate::source::{Input, InputKind, MapPolicy, OpenOptions, open};
use crate::{Limits, parse};

/// Decoded bytes of one input that are looked at.
const MAX_BYTES: usize = 8 << 20;
/// Words that make a value a sentence.
const SENTENCE: usize = 3;

/// One line, taken apart.
#[derive(Clone)]
pub(super) struct Sampled {
    pub(super) fields: Vec<SampledField>,
}

#[derive(Clone)]
pub(super) struct SampledField {
    pub(super) name: String,
    /// JSON text of the value.
    pub(super) raw: String,
    pub(super) class: Option<Class>,
}

/// Lines by the index of their source.
#[derive(Default)]
pub(super) struct Samples {
    pub(super) lines: BTreeMap<usize, Vec<Sampled>>,
    /// Fields whose real values are sentences, whatever the profile takes them for.
    pub(super) sentences: HashSet<(usize, String)>,
    /// Inputs of which no line was read.
    pub(super) unread: u64,
}

/// Reads up to `most` lines of each source, spread over its inputs.
pub(super) fn read(
    plan: &ProfilePlan,
    inputs: &[Input],
    limits: &Limits,
    most: usize,
    cancel: &AtomicBool,
) -> Samples {
    let mut samples = Samples::default();
    let mut scratch = parse::Scratch::default();
    for input in inputs.iter().filter(|input| input.kind == InputKind::File) {
        let alike = inputs.iter().filter(|other| other.source == input.source).count();
        let share = match input.source {
            Some(_) => most.div_ceil(alike.max(1)),
            None => most,
        };
        let mut room = Room {
            plan,
            limits,
            most,
            share,
            bytes: MAX_BYTES,
            taken: 0,
            source: input.source,
            scratch: &mut scratch,
            samples: &mut samples,
        };
        // Nothing is mapped, so that the time of opening does not matter.
        let options = OpenOptions::new(MapPolicy::read(), SystemTime::UNIX_EPOCH).digest(false);
        let Ok(opened) = open(input, &options) else {
            samples.unread += 1;
            continue;
        };
        let mut frames = Scratch::default();
        for unit in opened.units() {
            let summary = for_each_segment(&opened, &unit, limits, &mut frames, &mut |piece| {
                if cancel.load(Ordering::Relaxed) {
                    return ControlFlow::Break(());
                }
                match piece {
                    Piece::Lines { offset, bytes } => {
                        Lines::new(offset, bytes).try_for_each(|line| room.take(line.bytes))
                    }
                    Piece::Record { bytes, .. } => room.take(bytes),
                    _ => ControlFlow::Continue(()),
                }
            });
            if summary.stopped {
                break;
            }
        }
        let none = room.taken == 0;
        samples.unread += u64::from(none);
    }
    samples
}

/// What may still be taken from one input.
struct Room<'r> {
    plan: &'r ProfilePlan,
    limits: &'r Limits,
    most: usize,
    share: usize,
    bytes: usize,
    taken: usize,
    source: Option<usize>,
    scratch: &'r mut parse::Scratch,
    samples: &'r mut Samples,
}

impl Room<'_> {
    fn take(&mut self, line: &[u8]) -> ControlFlow<()> {
        if self.taken >= self.share || self.bytes < line.len() {
            return ControlFlow::Break(());
        }
        self.bytes -= line.len();
        let (plan, most) = (self.plan, self.most);
        let samples = &mut *self.samples;
        let taken = parse::with_record(plan, line, self.source, self.limits, self.scratch, |record| {
            let lines = samples.lines.entry(record.source).or_default();
            if lines.len() >= most {
                return false;
            }
            lines.push(sampled(plan, record));
            let sentences = record.fields.iter().filter(|field| {
                let words = field.value.as_str().unwrap_or_default().split_whitespace();
                words.filter(|word| word.contains(char::is_alphabetic)).count() >= SENTENCE
            });
            let names = sentences.map(|field| (record.source, field.name.to_string()));
            samples.sentences.extend(names);
            true
        });
        self.taken += usize::from(taken == Ok(true));
        ControlFlow::Continue(())
    }
}

fn sampled(plan: &ProfilePlan, record: &Record<'_>) -> Sampled {
    let fields = record.fields.iter().map(|field| SampledField {
        name: field.name.to_string(),
        raw: field.raw.to_string(),
        class: plan.class(record, field),
    });
    Sampled {
        fields: fields.collect(),
    }
}
