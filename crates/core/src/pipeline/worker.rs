//! One line at a time: what it turns out to be in each pass over the inputs.

use std::collections::HashSet;
use std::time::Instant as Clock;

use decostop_redact::{Learner, ProfilePlan, Record, Typed};

use super::Progress;
use super::collect::{Collector, Key, Matched};
use super::follow::Learned;
use super::scan::{Kept, Pass, Shared};
use crate::query::Joins;
use crate::sink::Reason;
use crate::stats::Work;
use crate::{Error, frame, parse};

/// Bytes of matched lines that a worker holds before it gives them to the collector.
const RELIEF_BYTES: usize = 4 << 20;

/// Where lines come from: an input, or a member of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) input: u32,
    /// Of an input that is read in parts, which one.
    pub(super) part: u32,
    /// The source that the name tells.
    pub(super) source: Option<usize>,
}

/// Whether it pays to rule lines out without a parser: where most of them match, it is done for nothing.
#[derive(Default)]
struct Worth {
    asked: u32,
    ruled_out: u32,
    passed_over: u32,
}

/// Lines by which it is judged whether it pays.
const WORTH_LINES: u32 = 64;
/// Where it does not, one line in so many is asked all the same: the next file may be another.
const WORTH_AGAIN: u32 = 16;

impl Worth {
    /// Whether to ask of the next line. It costs half of what parsing and judging a line does.
    fn asks(&mut self) -> bool {
        if self.asked < WORTH_LINES || 2 * self.ruled_out >= self.asked {
            return true;
        }
        self.passed_over = (self.passed_over + 1) % WORTH_AGAIN;
        self.passed_over == 0
    }

    fn learn(&mut self, ruled_out: bool) {
        self.asked += 1;
        self.ruled_out += u32::from(ruled_out);
        if self.asked > 2 * WORTH_LINES {
            self.asked /= 2;
            self.ruled_out /= 2;
        }
    }
}

/// One thread's buffers and findings.
#[derive(Default)]
pub(super) struct Worker {
    pub(super) frame: frame::Scratch,
    parse: parse::Scratch,
    project: parse::Buffers,
    worth: Worth,
    typed: Vec<Typed>,
    matched: Vec<Matched>,
    held: usize,
    pub(super) learner: Learner,
    pub(super) kept: Vec<Kept>,
    pub(super) candidates: u64,
    pub(super) hits: u64,
    /// Correlation ids of matches, where they are to be followed.
    pub(super) correlation: HashSet<String>,
    pub(super) learned: Learned,
    pub(super) work: Work,
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
    /// No field of it is one of its source: a match if the text names a needle.
    Strange(usize),
}

/// What judging a record may add to.
struct Findings<'w> {
    typed: &'w mut Vec<Typed>,
    learner: &'w mut Learner,
    correlation: &'w mut HashSet<String>,
    learned: &'w mut Learned,
}

impl Worker {
    pub(super) fn new(max_dictionary: usize) -> Self {
        Self {
            learner: Learner::new(max_dictionary),
            ..Self::default()
        }
    }

    pub(super) fn keep(
        &mut self,
        reading: Reading,
        offset: u64,
        bytes: u64,
        reason: Reason,
        source: Option<usize>,
        nexus: bool,
    ) {
        self.kept.push(Kept {
            input: reading.input,
            part: reading.part,
            offset,
            bytes,
            reason,
            source: source.map(|source| source as u32),
            nexus,
        });
    }

    /// Gives matches away once they are many.
    pub(super) fn relieve(&mut self, collector: &Collector) -> Result<(), Error> {
        if self.held >= RELIEF_BYTES {
            self.hand_over(collector)
        } else {
            Ok(())
        }
    }

    pub(super) fn hand_over(&mut self, collector: &Collector) -> Result<(), Error> {
        self.held = 0;
        if self.matched.is_empty() {
            Ok(())
        } else {
            collector.add(&mut self.matched)
        }
    }

    /// Whether a line is a record at all.
    pub(super) fn is_record(&mut self, shared: &Shared<'_>, reading: Reading, line: &[u8]) -> bool {
        let dive = shared.dive;
        parse::with_record(
            &dive.plan,
            line,
            reading.source,
            &dive.limits,
            &mut self.parse,
            |_| (),
        )
        .is_ok()
    }

    /// Judges a line and counts the time that it took.
    pub(super) fn timed_line(&mut self, shared: &Shared<'_>, reading: Reading, offset: u64, line: &[u8]) {
        let begun = Clock::now();
        self.line(shared, reading, offset, line);
        self.work.project += begun.elapsed();
    }

    pub(super) fn line(&mut self, shared: &Shared<'_>, reading: Reading, offset: u64, line: &[u8]) {
        let dive = shared.dive;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.trim_ascii().is_empty() {
            return;
        }
        self.candidates += 1;
        self.work.line_bytes += line.len() as u64;
        if let Some(projection) = &shared.projection
            && self.worth.asks()
        {
            let ruled_out = projection.rules_out(
                &dive.plan,
                shared.query,
                line,
                reading.source,
                &dive.limits,
                &mut self.project,
            );
            self.worth.learn(ruled_out);
            if ruled_out {
                return;
            }
        }
        let mut typed = std::mem::take(&mut self.typed);
        let mut findings = Findings {
            typed: &mut typed,
            learner: &mut self.learner,
            correlation: &mut self.correlation,
            learned: &mut self.learned,
        };
        let judged = parse::with_record(
            &dive.plan,
            line,
            reading.source,
            &dive.limits,
            &mut self.parse,
            |record| judge(shared, record, &mut findings),
        );
        self.typed = typed;
        let bytes = line.len() as u64;
        let mentioned = || shared.needles().mentioned_in(line).unwrap_or(true);
        let (reason, source) = match judged {
            Ok(Verdict::Match { ns, source }) => {
                self.hits += 1;
                Progress::add(&dive.progress.matched, 1);
                let key = Key {
                    ns,
                    input: reading.input,
                    part: reading.part,
                    offset,
                };
                let matched = Matched {
                    key,
                    source: source as u32,
                    followed: matches!(shared.pass, Pass::Follow(_)),
                    line: line.to_vec(),
                };
                self.held += matched.weight();
                self.matched.push(matched);
                return;
            }
            Ok(Verdict::Withhold(reason, source)) => (reason, Some(source)),
            Ok(Verdict::Doubtful(source)) if mentioned() => (Reason::DecidingType, Some(source)),
            Ok(Verdict::Strange(source)) if mentioned() => (Reason::Source, Some(source)),
            // A line that cannot be read has no time: without a needle to look for it counts.
            Err(reason) if mentioned() => (reason, reading.source),
            Ok(Verdict::NoMatch | Verdict::Doubtful(_) | Verdict::Strange(_)) | Err(_) => return,
        };
        let nexus = shared.scope_needles.mentioned_in(line).unwrap_or(false);
        self.keep(reading, offset, bytes, reason, source, nexus);
    }
}

fn judge(shared: &Shared<'_>, record: &Record<'_>, findings: &mut Findings<'_>) -> Verdict {
    let dive = shared.dive;
    let sound = dive.plan.typed(record, findings.typed);
    let typed = &*findings.typed;
    let time = dive.plan.time(record);
    if dive.learn_all && matches!(shared.pass, Pass::Match) {
        let ns = time.ok().flatten().map_or(decostop_redact::EVER, |at| at.ns);
        findings.learner.observe(typed, &shared.scope, ns, None);
    }
    let source = record.source;
    if matches!(time, Ok(Some(at)) if !shared.query.in_window(at.ns)) {
        return Verdict::NoMatch;
    }
    if let Pass::Ids = shared.pass {
        findings.learned.observe(shared.query, typed);
        return Verdict::NoMatch;
    }
    let selected = shared.query.matches(&dive.plan, record, typed);
    let matches = match &shared.pass {
        Pass::Follow(ids) => {
            // What the selects take was collected in the pass before.
            !selected
                && !shared.query.excludes(typed)
                && !ids.is_disjoint(&Joins::of(&dive.plan, record).correlation)
        }
        _ => selected,
    };
    match (matches, sound, time) {
        (true, Ok(()), Ok(Some(at))) => {
            findings
                .learner
                .observe(typed, &shared.scope, at.ns, impersonation(&dive.plan, record));
            // Beyond the limit the dive ends anyway.
            let few = findings.correlation.len() <= super::follow::MAX_IDS;
            if dive.follow_correlation && few && matches!(shared.pass, Pass::Match) {
                let ids = Joins::of(&dive.plan, record).correlation;
                findings
                    .correlation
                    .extend(ids.into_iter().filter(|id| super::follow::can_follow(id)));
            }
            Verdict::Match { ns: at.ns, source }
        }
        (true, Err(_), _) | (true, _, Err(_)) => Verdict::Withhold(Reason::DecidingType, source),
        (true, Ok(()), Ok(None)) => Verdict::Withhold(Reason::Time, source),
        (false, Err(_), _) if !selected => Verdict::Doubtful(source),
        (false, ..) if matches!(shared.pass, Pass::Match) && is_strange(&dive.plan, record) => {
            Verdict::Strange(source)
        }
        (false, ..) => Verdict::NoMatch,
    }
}

/// Whether a record has nothing of its source: what is around it is no envelope that the profile knows.
fn is_strange(plan: &ProfilePlan, record: &Record<'_>) -> bool {
    !record
        .fields
        .iter()
        .any(|field| plan.is_leaf(record.source, &field.name))
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

#[cfg(test)]
mod tests {
    use super::{WORTH_AGAIN, WORTH_LINES, Worth};

    #[test]
    fn lines_are_ruled_out_where_that_pays() {
        let mut worth = Worth::default();
        let asked = |worth: &mut Worth, ruled_out: bool| {
            let asks = worth.asks();
            if asks {
                worth.learn(ruled_out);
            }
            asks
        };
        assert!((0..1000).all(|_| asked(&mut worth, true)));
        // All lines match: a few are asked to find out, and then one in sixteen.
        for _ in 0..2 * WORTH_LINES {
            asked(&mut worth, false);
        }
        let count = (0..1000).filter(|_| asked(&mut worth, false)).count();
        let few = (1000 / WORTH_AGAIN) as usize;
        assert!((few..=few + 1).contains(&count), "{count}");
        // Another file, of which few match.
        for _ in 0..WORTH_AGAIN * 2 * WORTH_LINES {
            asked(&mut worth, true);
        }
        assert!((0..1000).all(|_| asked(&mut worth, true)));
    }
}
