//! Phase 1: every input, every candidate line, in parallel; once, or more often where the request
//! follows ids and correlations.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use decostop_redact::{Learner, ScopeIndex};
use rayon::prelude::*;

use super::collect::Collector;
use super::seam::Seams;
use super::worker::{Reading, Worker};
use super::{Dive, Progress, follow};
use crate::frame::{self, Assembler, Lines, Piece};
use crate::parse::Projection;
use crate::prefilter::Prefilter;
use crate::query::{Needles, QueryPlan, scope_index};
use crate::sink::Reason;
use crate::source::{
    Discover, Input, LossReason, OpenOptions, Problem, SkipReason, SourceProblem, Unit, open,
};
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

/// Files inside an input, with the decoded offset at which each begins.
pub(super) type Members = BTreeMap<u32, Vec<(u64, PathBuf)>>;

/// What phase 1 leaves to phase 2.
pub(super) struct Scanned {
    pub(super) lines: Collector,
    pub(super) learner: Learner,
    pub(super) kept: Vec<Kept>,
    pub(super) members: Members,
    /// Problems of inputs that never became one.
    pub(super) problems: Vec<(PathBuf, Reason)>,
}

/// What a pass over the inputs is for.
pub(super) enum Pass {
    /// Lines that share one of these correlation ids with a match.
    Follow(HashSet<String>),
    /// Records that pair selected identities with others.
    Ids,
    /// Lines that a select takes.
    Match,
}

/// State that workers share in one pass.
pub(super) struct Shared<'d> {
    pub(super) dive: &'d Dive,
    pub(super) query: &'d QueryPlan,
    pub(super) pass: Pass,
    pub(super) scope: ScopeIndex,
    pub(super) scope_needles: Needles,
    /// What rules lines out before they are parsed; only where nothing is learned of others.
    pub(super) projection: Option<Projection>,
    /// Needles of this pass, if they are not the query's.
    needles: Option<Needles>,
    prefilter: Option<Arc<Prefilter>>,
    names: Discover<'d>,
    seams: Seams,
    collector: &'d Collector,
    members: Mutex<Members>,
    idle: Mutex<Vec<Worker>>,
    failed: Mutex<Option<Error>>,
    stop: AtomicBool,
}

/// What the workers of one pass found.
struct Swept {
    inputs: Vec<(u32, InputReport)>,
    members: Members,
    workers: Vec<Worker>,
}

pub(super) fn run(dive: &Dive, pool: &rayon::ThreadPool, report: &mut Report) -> Result<Scanned, Error> {
    let scope = scope_index(&dive.request)?;
    let collector = Collector::new(&dive.spill_dir, dive.limits.run_bytes);
    let mut extended = None;
    if dive.follow_ids {
        let pass = Shared::new(dive, &dive.query, Pass::Ids, &collector)?.sweep(pool)?;
        let learned: HashSet<_> = pass
            .workers
            .into_iter()
            .flat_map(|worker| worker.learned.pairs)
            .collect();
        report.counts.notes.insert("follow.ids", learned.len() as u64);
        if !learned.is_empty() {
            let mut more = QueryPlan::new(&dive.request, &dive.plan);
            more.add(learned);
            extended = Some(more);
        }
    }
    let query = extended.as_ref().unwrap_or(&dive.query);
    let mut learner = Learner::new(dive.limits.max_dictionary);
    let mut kept = Vec::new();
    let mut correlation = HashSet::new();
    let mut take = |workers: Vec<Worker>, report: &mut Report| {
        for worker in workers {
            learner.merge(worker.learner);
            kept.extend(worker.kept);
            correlation.extend(worker.correlation);
            report.counts.candidates += worker.candidates;
            report.counts.matched += worker.hits;
        }
        std::mem::take(&mut correlation)
    };
    let main = Shared::new(dive, query, Pass::Match, &collector)?.sweep(pool)?;
    let ids = take(main.workers, report);
    let (inputs, members) = (main.inputs, main.members);
    if dive.follow_correlation {
        follow::check(&ids)?;
        let matched = report.counts.matched;
        report
            .counts
            .notes
            .insert("follow.correlation_ids", ids.len() as u64);
        if !ids.is_empty() {
            let pass = Shared::new(dive, query, Pass::Follow(ids), &collector)?.sweep(pool)?;
            take(pass.workers, report);
        }
        report
            .counts
            .notes
            .insert("follow.lines", report.counts.matched - matched);
    }
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
    for (class, text) in &dive.accounts {
        learner.add_account(*class, text, &scope);
    }
    kept.sort_unstable();
    if dive.follow_correlation {
        // A later pass meets what an earlier one kept back again.
        kept.dedup_by_key(|kept| (kept.input, kept.offset, kept.reason));
    }
    let problems = dive
        .discovery
        .problems
        .iter()
        .map(|problem| (problem.path.clone(), reason_of(problem.kind)))
        .collect();
    Ok(Scanned {
        lines: collector,
        learner,
        kept,
        members,
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

impl<'d> Shared<'d> {
    fn new(
        dive: &'d Dive,
        query: &'d QueryPlan,
        pass: Pass,
        collector: &'d Collector,
    ) -> Result<Self, Error> {
        let mut names = Discover::new(&dive.profile);
        for (glob, source) in &dive.source_of {
            names = names.source_of(glob, source)?;
        }
        let needles = match &pass {
            Pass::Follow(ids) => Some(Needles::of_texts(ids.iter().map(String::as_str))),
            Pass::Ids | Pass::Match => None,
        };
        // Ids that were learned are searched for as well.
        let extended = !std::ptr::eq(query, &raw const dive.query);
        let prefilter = match (&dive.prefilter, &needles) {
            (None, _) => None,
            (Some(_), Some(needles)) => Prefilter::new(needles).map(Arc::new),
            (Some(prefilter), None) if !extended => Some(Arc::clone(prefilter)),
            (Some(_), None) => Prefilter::new(&query.needles).map(Arc::new),
        };
        let project = dive.project && matches!(pass, Pass::Match);
        Ok(Self {
            dive,
            query,
            pass,
            projection: project.then(|| Projection::new(&dive.plan, query)),
            scope: scope_index(&dive.request)?,
            scope_needles: Needles::of_scope(&dive.request.scope),
            needles,
            prefilter,
            names,
            seams: Seams::new(&dive.discovery.inputs),
            collector,
            members: Mutex::default(),
            idle: Mutex::default(),
            failed: Mutex::default(),
            stop: AtomicBool::new(false),
        })
    }

    /// What a line that cannot be read must name to count.
    pub(super) fn needles(&self) -> &Needles {
        self.needles.as_ref().unwrap_or(&self.query.needles)
    }

    /// Reads every input.
    fn sweep(self, pool: &rayon::ThreadPool) -> Result<Swept, Error> {
        // Largest first: a big input that starts last would leave the other threads idle.
        let followed = matches!(self.pass, Pass::Follow(_) | Pass::Ids);
        let mut order: Vec<&Input> = self
            .dive
            .discovery
            .inputs
            .iter()
            .filter(|input| followed || self.dive.wants(input))
            .collect();
        order.sort_by_key(|input| (std::cmp::Reverse(input.bytes), input.id));
        let mut inputs: Vec<(u32, InputReport)> = pool.install(|| {
            order
                .par_iter()
                .with_max_len(1)
                .map(|input| (input.id.0, self.input(input)))
                .collect()
        });
        self.close_seams();
        self.dive.check_cancelled()?;
        if let Some(error) = self.failed.into_inner().map_err(|_| bug())? {
            return Err(error);
        }
        inputs.sort_by_key(|(id, _)| *id);
        Ok(Swept {
            inputs,
            members: self.members.into_inner().map_err(|_| bug())?,
            workers: self.idle.into_inner().map_err(|_| bug())?,
        })
    }

    /// Judges the lines that wait at the borders of inputs.
    fn close_seams(&self) {
        let mut worker = self.worker();
        for seam in self.seams.drain() {
            let reading = |input: u32| Reading {
                input,
                source: self
                    .dive
                    .discovery
                    .inputs
                    .get(input as usize)
                    .and_then(|input| input.source),
            };
            let (before, after) = (reading(seam.before), reading(seam.after));
            match (seam.tail, seam.head) {
                (Some((offset, tail)), Some((_, head)))
                    if worker.is_record(self, before, &[tail.as_slice(), &head].concat()) =>
                {
                    worker.line(self, before, offset, &[tail, head].concat());
                }
                (tail, head) => {
                    if let Some((offset, line)) = tail {
                        worker.line(self, before, offset, &line);
                    }
                    if let Some((offset, line)) = head {
                        worker.line(self, after, offset, &line);
                    }
                }
            }
        }
        if let Err(error) = worker.hand_over(self.collector) {
            self.fail(error);
        }
        self.put_back(worker);
    }

    fn worker(&self) -> Worker {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        idle.unwrap_or_else(|| Worker::new(self.dive.limits.max_dictionary))
    }

    /// Keys whose list holds the records of a source's documents.
    fn record_keys(&self, source: Option<usize>) -> &'d [String] {
        let spec = source.and_then(|source| self.dive.profile.sources.get(source));
        spec.map(|spec| spec.records.as_slice()).unwrap_or_default()
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
        let units = if self.record_keys(input.source).is_empty() {
            opened.units()
        } else {
            vec![opened.whole()]
        };
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
        let mut state = UnitState {
            reading: Reading {
                input: input.id.0,
                source: input.source,
            },
            set_aside: false,
            overlong: Overlong::default(),
            lost: false,
        };
        let limits = &self.dive.limits;
        let keys = self.record_keys(input.source);
        let mut assembler = Assembler::new(keys, unit.range.start == 0, limits);
        let summary = frame::for_each_segment(opened, unit, limits, &mut frame, &mut |piece| {
            if self.is_stopped() {
                return ControlFlow::Break(());
            }
            if let Piece::Lines { bytes, .. } | Piece::Overlong { bytes, .. } = &piece {
                Progress::add(&self.dive.progress.decoded_bytes, bytes.len() as u64);
            }
            if let Piece::Member { path, offset } = piece {
                assembler.finish(&mut |piece| self.piece(&mut worker, &mut state, &piece))?;
                self.member(&mut state, path, offset);
                assembler = Assembler::new(self.record_keys(state.reading.source), true, limits);
                return ControlFlow::Continue(());
            }
            assembler.take(piece, &mut |piece| self.piece(&mut worker, &mut state, &piece))
        });
        if !summary.stopped {
            // Whether it breaks makes no difference any more.
            let _ = assembler.finish(&mut |piece| self.piece(&mut worker, &mut state, &piece));
        }
        worker.frame = frame;
        if let Err(error) = worker.hand_over(self.collector) {
            self.fail(error);
        }
        self.put_back(worker);
        Progress::add(&self.dive.progress.bytes_done, unit.bytes());
        (summary, state.lost)
    }

    /// A file inside the input begins.
    fn member(&self, state: &mut UnitState, path: &Path, offset: u64) {
        state.reading.source = self.names.source_by_name(path);
        let unwanted = state
            .reading
            .source
            .is_some_and(|source| matches!(self.pass, Pass::Match) && !self.dive.wants_source(source));
        state.set_aside = unwanted || self.names.set_aside(path).is_some();
        if let Ok(mut members) = self.members.lock() {
            let found = members.entry(state.reading.input).or_default();
            found.push((offset, path.to_owned()));
        }
    }

    fn piece(&self, worker: &mut Worker, state: &mut UnitState, piece: &Piece<'_>) -> ControlFlow<()> {
        let reading = state.reading;
        let done = match *piece {
            Piece::Lost(range) => {
                state.lost = true;
                let reason = match range.reason {
                    LossReason::DecodedLimit | LossReason::Ratio | LossReason::Window => Reason::Limit,
                    LossReason::Io(_) => Reason::Unreadable,
                    _ => Reason::Damaged,
                };
                worker.keep(reading, range.decoded_offset, 0, reason, reading.source, false);
                Ok(())
            }
            _ if state.set_aside => Ok(()),
            Piece::Lines { offset, bytes } => self.segment(worker, reading, offset, bytes),
            Piece::Record { offset, bytes } => {
                if self
                    .prefilter
                    .as_ref()
                    .is_none_or(|prefilter| prefilter.holds(bytes))
                {
                    worker.line(self, reading, offset, bytes);
                }
                self.relieve(worker)
            }
            Piece::Overlong {
                offset,
                bytes,
                first,
                last,
            } => {
                self.overlong(worker, reading, &mut state.overlong, offset, bytes, first, last);
                Ok(())
            }
            Piece::Member { .. } => Ok(()),
        };
        match done {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.fail(error);
                ControlFlow::Break(())
            }
        }
    }

    fn segment(&self, worker: &mut Worker, reading: Reading, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        let (offset, bytes) = self.seams.take(reading.input, offset, bytes);
        match &self.prefilter {
            Some(prefilter) => prefilter.candidates(bytes, &mut |start, end| {
                worker.line(
                    self,
                    reading,
                    offset + start as u64,
                    bytes.get(start..end).unwrap_or_default(),
                );
                true
            }),
            None => {
                for line in Lines::new(offset, bytes) {
                    worker.line(self, reading, line.offset, line.bytes);
                }
            }
        }
        self.relieve(worker)
    }

    /// Takes a worker's matches once they are many.
    fn relieve(&self, worker: &mut Worker) -> Result<(), Error> {
        if worker.held >= HANDOVER_BYTES {
            worker.hand_over(self.collector)
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
        reading: Reading,
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
            seen.mentioned |= self.needles().mentioned_in(&seen.tail).unwrap_or(true);
            seen.nexus |= self.scope_needles.mentioned_in(&seen.tail).unwrap_or(false);
            let keep = seen.tail.len().saturating_sub(OVERLAP);
            seen.tail.drain(..keep);
        }
        if last && seen.mentioned {
            worker.keep(
                reading,
                seen.offset,
                seen.bytes,
                Reason::Length,
                reading.source,
                seen.nexus,
            );
        }
    }
}

/// Longer than any escaped needle.
const OVERLAP: usize = 16 << 10;

/// What reading one unit has come to.
struct UnitState {
    reading: Reading,
    /// Whether nothing of the present member is wanted.
    set_aside: bool,
    overlong: Overlong,
    lost: bool,
}

#[derive(Default)]
struct Overlong {
    offset: u64,
    bytes: u64,
    mentioned: bool,
    nexus: bool,
    tail: Vec<u8>,
}
