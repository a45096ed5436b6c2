//! Phase 1: every input, every candidate line, in parallel.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use decostop_redact::{Learner, ProfilePlan, Record, ScopeIndex, Typed};
use rayon::prelude::*;

use super::collect::{Collector, Key, Matched, Sorted};
use super::{Dive, Progress};
use crate::frame::{self, Lines, Piece};
use crate::parse;
use crate::query::{Needles, scope_index};
use crate::sink::Reason;
use crate::source::{Input, LossReason, OpenOptions, Problem, SkipReason, SourceProblem, Unit, open};
use crate::stats::{InputReport, Report};
use crate::{Error, ErrorKind};

/// Bytes of matched lines that a worker holds before it gives them to the collector.
const HANDOVER_BYTES: usize = 4 << 20;

/// A line or range that was kept back, in the space that many of them can take.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Kept {
    pub(super) input: u32,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) reason: Reason,
    pub(super) source: Option<u32>,
    pub(super) nexus: bool,
}

/// What phase 1 leaves to phase 2.
pub(super) struct Scanned {
    pub(super) lines: Sorted,
    pub(super) learner: Learner,
    pub(super) kept: Vec<Kept>,
    /// Problems of inputs that never became one.
    pub(super) problems: Vec<(std::path::PathBuf, Reason)>,
}

/// State that workers share.
struct Shared<'d> {
    dive: &'d Dive,
    scope: ScopeIndex,
    scope_needles: Needles,
    collector: Collector,
    idle: Mutex<Vec<Worker>>,
    failed: Mutex<Option<Error>>,
    stop: AtomicBool,
}

/// One thread's buffers and findings.
#[derive(Default)]
struct Worker {
    frame: frame::Scratch,
    parse: parse::Scratch,
    typed: Vec<Typed>,
    matched: Vec<Matched>,
    held: usize,
    learner: Learner,
    kept: Vec<Kept>,
    candidates: u64,
    hits: u64,
}

pub(super) fn run(dive: &Dive, pool: &rayon::ThreadPool, report: &mut Report) -> Result<Scanned, Error> {
    let scope = scope_index(&dive.request)?;
    let shared = Shared {
        dive,
        scope,
        scope_needles: Needles::of_scope(&dive.request.scope),
        collector: Collector::new(&dive.spill_dir, dive.limits.run_bytes),
        idle: Mutex::default(),
        failed: Mutex::default(),
        stop: AtomicBool::new(false),
    };
    // Largest first: a big input that starts last would leave the other threads idle.
    let mut order: Vec<&Input> = dive
        .discovery
        .inputs
        .iter()
        .filter(|input| dive.wants(input))
        .collect();
    order.sort_by_key(|input| (std::cmp::Reverse(input.bytes), input.id));
    let mut inputs: Vec<(u32, InputReport)> = pool.install(|| {
        order
            .par_iter()
            .with_max_len(1)
            .map(|input| (input.id.0, shared.input(input)))
            .collect()
    });
    dive.check_cancelled()?;
    if let Some(error) = shared.failed.into_inner().map_err(|_| bug())? {
        return Err(error);
    }
    inputs.sort_by_key(|(id, _)| *id);
    report.inputs.extend(inputs.into_iter().map(|(_, input)| input));
    report
        .inputs
        .extend(dive.discovery.skipped.iter().map(|skipped| InputReport {
            path: skipped.path.clone(),
            duplicate_of: skipped.reason.instead().map(Path::to_path_buf),
            set_aside: match &skipped.reason {
                SkipReason::SetAside(reason) => Some(reason.clone()),
                _ => None,
            },
            complete: true,
            ..InputReport::default()
        }));
    let mut learner = Learner::new(dive.limits.max_dictionary);
    let mut kept = Vec::new();
    for worker in shared.idle.into_inner().map_err(|_| bug())? {
        learner.merge(worker.learner);
        kept.extend(worker.kept);
        report.counts.candidates += worker.candidates;
        report.counts.matched += worker.hits;
    }
    for (class, text) in &dive.accounts {
        learner.add_account(*class, text, &shared.scope);
    }
    kept.sort_unstable();
    let problems = dive
        .discovery
        .problems
        .iter()
        .map(|problem| (problem.path.clone(), reason_of(problem.kind)))
        .collect();
    Ok(Scanned {
        lines: shared.collector.into_sorted()?,
        learner,
        kept,
        problems,
    })
}

fn bug() -> Error {
    Error::new(ErrorKind::Internal, "a worker panicked")
}

fn reason_of(problem: SourceProblem) -> Reason {
    match problem {
        SourceProblem::Changed { .. } => Reason::Changed,
        _ => Reason::Unreadable,
    }
}

impl Shared<'_> {
    fn worker(&self) -> Worker {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        idle.unwrap_or_else(|| Worker {
            learner: Learner::new(self.dive.limits.max_dictionary),
            ..Worker::default()
        })
    }

    fn put_back(&self, worker: Worker) {
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(worker);
        }
    }

    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.dive.is_cancelled()
    }

    fn fail(&self, error: Error) {
        self.stop.store(true, Ordering::Relaxed);
        if let Ok(mut failed) = self.failed.lock() {
            failed.get_or_insert(error);
        }
    }

    /// Reads one input to its end.
    fn input(&self, input: &Input) -> InputReport {
        let mut report = InputReport {
            path: input.path.clone(),
            bytes: input.bytes,
            ..InputReport::default()
        };
        if self.is_stopped() {
            return report;
        }
        let options = OpenOptions::new(self.dive.map_policy, self.dive.now)
            .cancel(std::sync::Arc::clone(&self.dive.cancel));
        let opened = match open(input, &options) {
            Ok(opened) => opened,
            Err(problem) => {
                self.lose(input, &problem);
                Progress::add(&self.dive.progress.bytes_done, input.bytes);
                return report;
            }
        };
        report.codec = opened.codec().as_str();
        let units = opened.units();
        let parts: Vec<(frame::Summary, bool)> = units
            .par_iter()
            .with_max_len(1)
            .map(|unit| self.unit(input, &opened, unit))
            .collect();
        report.decoded_bytes = parts.iter().map(|(part, _)| part.decoded_bytes).sum();
        report.complete = parts.iter().all(|(part, lost)| !lost && !part.stopped);
        let digest = match parts.as_slice() {
            [(only, _)] if only.digest.is_some() => only.digest,
            _ if self.dive.digest => opened.digest().ok().flatten(),
            _ => None,
        };
        report.digest = digest.map(|digest| format!("blake3:{}", blake3::Hash::from_bytes(digest).to_hex()));
        if let Some(problem) = opened.close() {
            report.complete = false;
            self.lose(input, &problem);
        }
        report
    }

    fn lose(&self, input: &Input, problem: &Problem) {
        let mut worker = self.worker();
        worker.kept.push(Kept {
            input: input.id.0,
            offset: 0,
            bytes: 0,
            reason: reason_of(problem.kind),
            source: input.source.map(|source| source as u32),
            nexus: false,
        });
        self.put_back(worker);
    }

    /// Reads one unit of an input; the flag says whether anything of it was lost.
    fn unit(&self, input: &Input, opened: &crate::source::Opened, unit: &Unit) -> (frame::Summary, bool) {
        let mut worker = self.worker();
        let mut frame = std::mem::take(&mut worker.frame);
        let mut overlong = Overlong::default();
        let mut lost = false;
        let summary = frame::for_each_segment(opened, unit, &self.dive.limits, &mut frame, &mut |piece| {
            if self.is_stopped() {
                return ControlFlow::Break(());
            }
            match piece {
                Piece::Lines { offset, bytes } => {
                    Progress::add(&self.dive.progress.decoded_bytes, bytes.len() as u64);
                    if let Err(error) = self.segment(&mut worker, input, offset, bytes) {
                        self.fail(error);
                        return ControlFlow::Break(());
                    }
                }
                Piece::Overlong {
                    offset,
                    bytes,
                    first,
                    last,
                } => {
                    Progress::add(&self.dive.progress.decoded_bytes, bytes.len() as u64);
                    self.overlong(&mut worker, input, &mut overlong, offset, bytes, first, last);
                }
                Piece::Lost(range) => {
                    lost = true;
                    let reason = match range.reason {
                        LossReason::DecodedLimit | LossReason::Ratio | LossReason::Window => Reason::Limit,
                        LossReason::Io(_) => Reason::Unreadable,
                        _ => Reason::Damaged,
                    };
                    worker.keep(input, range.decoded_offset, 0, reason, input.source, false);
                }
            }
            ControlFlow::Continue(())
        });
        worker.frame = frame;
        if let Err(error) = worker.hand_over(&self.collector) {
            self.fail(error);
        }
        self.put_back(worker);
        Progress::add(&self.dive.progress.bytes_done, unit.bytes());
        (summary, lost)
    }

    fn segment(&self, worker: &mut Worker, input: &Input, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        match &self.dive.prefilter {
            Some(prefilter) => prefilter.candidates(bytes, &mut |start, end| {
                worker.line(
                    self,
                    input,
                    offset + start as u64,
                    bytes.get(start..end).unwrap_or_default(),
                );
                true
            }),
            None => {
                for line in Lines::new(offset, bytes) {
                    worker.line(self, input, line.offset, line.bytes);
                }
            }
        }
        if worker.held >= HANDOVER_BYTES {
            worker.hand_over(&self.collector)
        } else {
            Ok(())
        }
    }

    /// A line above the limit is never held: only whether it names a needle is found out, piece by
    /// piece, with an overlap in which a needle at a seam is whole.
    #[expect(clippy::too_many_arguments, reason = "the parts of one piece")]
    fn overlong(
        &self,
        worker: &mut Worker,
        input: &Input,
        seen: &mut Overlong,
        offset: u64,
        bytes: &[u8],
        first: bool,
        last: bool,
    ) {
        if first {
            *seen = Overlong {
                offset,
                ..Overlong::default()
            };
        }
        seen.bytes += bytes.len() as u64;
        for chunk in bytes.chunks(1 << 20) {
            seen.tail.extend_from_slice(chunk);
            // Without a needle to look for, its time would decide, and that is unknown.
            seen.mentioned |= self.dive.query.needles.mentioned_in(&seen.tail).unwrap_or(true);
            seen.nexus |= self.scope_needles.mentioned_in(&seen.tail).unwrap_or(false);
            let keep = seen.tail.len().saturating_sub(OVERLAP);
            seen.tail.drain(..keep);
        }
        if last && seen.mentioned {
            worker.keep(
                input,
                seen.offset,
                seen.bytes,
                Reason::Length,
                input.source,
                seen.nexus,
            );
        }
    }
}

/// Longer than any escaped needle.
const OVERLAP: usize = 16 << 10;

#[derive(Default)]
struct Overlong {
    offset: u64,
    bytes: u64,
    mentioned: bool,
    nexus: bool,
    tail: Vec<u8>,
}

/// What a parsed line turned out to be.
enum Verdict {
    NoMatch,
    Match {
        ns: i64,
        source: usize,
    },
    Withhold(Reason, usize),
    /// A deciding field has a wrong type: a match if the text names a needle.
    Doubtful(usize),
}

impl Worker {
    fn keep(
        &mut self,
        input: &Input,
        offset: u64,
        bytes: u64,
        reason: Reason,
        source: Option<usize>,
        nexus: bool,
    ) {
        self.kept.push(Kept {
            input: input.id.0,
            offset,
            bytes,
            reason,
            source: source.map(|source| source as u32),
            nexus,
        });
    }

    fn hand_over(&mut self, collector: &Collector) -> Result<(), Error> {
        self.held = 0;
        if self.matched.is_empty() {
            Ok(())
        } else {
            collector.add(&mut self.matched)
        }
    }

    fn line(&mut self, shared: &Shared<'_>, input: &Input, offset: u64, line: &[u8]) {
        let dive = shared.dive;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            return;
        }
        self.candidates += 1;
        let mut typed = std::mem::take(&mut self.typed);
        let learner = &mut self.learner;
        let judged = parse::with_record(
            &dive.plan,
            line,
            input.source,
            &dive.limits,
            &mut self.parse,
            |record| judge(shared, record, &mut typed, learner),
        );
        self.typed = typed;
        let bytes = line.len() as u64;
        match judged {
            Ok(Verdict::NoMatch) => {}
            Ok(Verdict::Match { ns, source }) => {
                self.hits += 1;
                Progress::add(&dive.progress.matched, 1);
                let key = Key {
                    ns,
                    input: input.id.0,
                    offset,
                };
                let matched = Matched {
                    key,
                    source: source as u32,
                    line: line.to_vec(),
                };
                self.held += matched.weight();
                self.matched.push(matched);
            }
            Ok(Verdict::Withhold(reason, source)) => {
                let nexus = shared.scope_needles.mentioned_in(line).unwrap_or(false);
                self.keep(input, offset, bytes, reason, Some(source), nexus);
            }
            Ok(Verdict::Doubtful(source)) => {
                if dive.query.needles.mentioned_in(line).unwrap_or(true) {
                    let nexus = shared.scope_needles.mentioned_in(line).unwrap_or(false);
                    self.keep(input, offset, bytes, Reason::DecidingType, Some(source), nexus);
                }
            }
            Err(reason) => {
                // A line that cannot be read has no time: without a needle to look for it counts.
                if dive.query.needles.mentioned_in(line).unwrap_or(true) {
                    let nexus = shared.scope_needles.mentioned_in(line).unwrap_or(false);
                    self.keep(input, offset, bytes, reason, input.source, nexus);
                }
            }
        }
    }
}

fn judge(shared: &Shared<'_>, record: &Record<'_>, typed: &mut Vec<Typed>, learner: &mut Learner) -> Verdict {
    let dive = shared.dive;
    let sound = dive.plan.typed(record, typed);
    let time = dive.plan.time(record);
    if dive.learn_all {
        let ns = time.ok().flatten().map_or(decostop_redact::EVER, |at| at.ns);
        learner.observe(typed, &shared.scope, ns, None);
    }
    let source = record.source;
    let outside = matches!(time, Ok(Some(at)) if !dive.query.in_window(at.ns));
    if outside {
        return Verdict::NoMatch;
    }
    let matches = dive.query.matches(&dive.plan, record, typed);
    match (matches, sound, time) {
        (true, Ok(()), Ok(Some(at))) => {
            learner.observe(typed, &shared.scope, at.ns, impersonation(&dive.plan, record));
            Verdict::Match { ns: at.ns, source }
        }
        (true, Err(_), _) | (true, _, Err(_)) => Verdict::Withhold(Reason::DecidingType, source),
        (true, Ok(()), Ok(None)) => Verdict::Withhold(Reason::Time, source),
        (false, Err(_), _) => Verdict::Doubtful(source),
        (false, Ok(()), _) => Verdict::NoMatch,
    }
}

/// Whether a record says that somebody began, or ended, to act as somebody else.
fn impersonation(plan: &ProfilePlan, record: &Record<'_>) -> Option<bool> {
    let events = &plan.source(record.source)?.events;
    let raw = plan.raw_event(record)?;
    events
        .public(&raw)
        .into_iter()
        .find_map(|index| match events.name(index)? {
            "impersonation.started" => Some(true),
            "impersonation.stopped" => Some(false),
            _ => None,
        })
}
