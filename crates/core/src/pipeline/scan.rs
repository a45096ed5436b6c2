//! Phase 1: every input, every candidate line, in parallel; once, or more often where the request
//! follows ids and correlations.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use decostop_redact::{Learner, ScopeIndex};
use rayon::prelude::*;

use super::collect::Collector;
use super::handover::Buffers;
use super::lane::Lane;
use super::seam::Seams;
use super::worker::{Reading, Worker};
use super::{Dive, follow};
use crate::limits::MemoryBudget;
use crate::parse::Projection;
use crate::prefilter::Prefilter;
use crate::query::{Needles, QueryPlan, scope_index};
use crate::sink::Reason;
use crate::source::{Discover, Input, SkipReason, SourceProblem};
use crate::stats::{InputReport, Report};
use crate::{Error, ErrorKind};

/// A line or range that was kept back, in the space that many of them can take.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Kept {
    pub(super) input: u32,
    pub(super) part: u32,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) reason: Reason,
    pub(super) source: Option<u32>,
    pub(super) nexus: bool,
}

/// Files inside an input, with the decoded offset at which each begins.
pub(super) type Members = BTreeMap<u32, Vec<(u64, PathBuf)>>;

/// Decoded offsets at which the parts of inputs begin that were read in parts.
pub(super) type Parts = BTreeMap<u32, Vec<u64>>;

/// What phase 1 leaves to phase 2.
pub(super) struct Scanned {
    pub(super) lines: Collector,
    pub(super) learner: Learner,
    pub(super) kept: Vec<Kept>,
    pub(super) members: Members,
    pub(super) parts: Parts,
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
    pub(super) prefilter: Option<Arc<Prefilter>>,
    pub(super) names: Discover<'d>,
    pub(super) seams: Seams,
    pub(super) lane: Lane<'d>,
    pub(super) members: Mutex<Members>,
    pub(super) parts: Mutex<Parts>,
    pub(super) buffers: Buffers,
    pub(super) memory: Arc<MemoryBudget>,
    /// Bytes as stored of all inputs of this pass.
    pub(super) stored: u64,
    /// Units that are being read.
    pub(super) active: AtomicUsize,
    failed: Mutex<Option<Error>>,
    stop: AtomicBool,
}

/// What the workers of one pass found.
struct Swept {
    inputs: Vec<(u32, InputReport)>,
    members: Members,
    parts: Parts,
    workers: Vec<Worker>,
}

/// Reads all inputs; matched lines are kept only if they are to be `collect`ed.
pub(super) fn run(
    dive: &Dive,
    pool: &rayon::ThreadPool,
    collect: bool,
    report: &mut Report,
) -> Result<Scanned, Error> {
    let scope = scope_index(&dive.request)?;
    let memory = MemoryBudget::new(dive.limits.memory_bytes);
    let mut collector = Collector::new(&dive.spill_dir, &memory, dive.limits.memory_bytes / 2);
    if !collect {
        collector.discard();
    }
    let mut extended = None;
    if dive.follow_ids {
        let pass = Shared::new(dive, &dive.query, Pass::Ids, &collector, &memory)?.sweep(pool)?;
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
            report.work.add(&worker.work);
            report.counts.candidates += worker.candidates;
            report.counts.matched += worker.hits;
        }
        std::mem::take(&mut correlation)
    };
    let main = Shared::new(dive, query, Pass::Match, &collector, &memory)?.sweep(pool)?;
    let ids = take(main.workers, report);
    let (inputs, members, parts) = (main.inputs, main.members, main.parts);
    if dive.follow_correlation {
        follow::check(&ids)?;
        let matched = report.counts.matched;
        report
            .counts
            .notes
            .insert("follow.correlation_ids", ids.len() as u64);
        if !ids.is_empty() {
            let pass = Shared::new(dive, query, Pass::Follow(ids), &collector, &memory)?.sweep(pool)?;
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
    for (class, text) in dive.accounts.iter() {
        learner.add_account(class, text, &scope);
    }
    kept.sort_unstable();
    if dive.follow_correlation {
        // A later pass meets what an earlier one kept back again.
        kept.dedup_by_key(|kept| (kept.input, kept.part, kept.offset, kept.reason));
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
        parts,
        problems,
    })
}

pub(super) fn bug() -> Error {
    Error::new(ErrorKind::Internal, "a worker panicked")
}

pub(super) fn reason_of(problem: SourceProblem) -> Reason {
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
        memory: &Arc<MemoryBudget>,
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
            lane: Lane::new(collector, dive.limits.max_dictionary),
            members: Mutex::default(),
            parts: Mutex::default(),
            buffers: Buffers::new(&dive.limits, memory),
            memory: Arc::clone(memory),
            stored: 0,
            active: AtomicUsize::new(0),
            failed: Mutex::default(),
            stop: AtomicBool::new(false),
        })
    }

    /// What a line that cannot be read must name to count.
    pub(super) fn needles(&self) -> &Needles {
        self.needles.as_ref().unwrap_or(&self.query.needles)
    }

    /// Reads every input.
    fn sweep(mut self, pool: &rayon::ThreadPool) -> Result<Swept, Error> {
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
        self.stored = order.iter().map(|input| input.bytes).sum();
        let mut inputs: Vec<(u32, InputReport)> = pool.install(|| {
            let first = order.par_iter().with_max_len(1);
            let first: Vec<Option<InputReport>> = first.map(|input| self.input(input, false)).collect();
            // What needs much memory goes by itself, behind the rest; its segments keep all threads busy.
            let read = order.iter().zip(first).map(|(input, report)| {
                let report = report.or_else(|| self.input(input, true));
                (input.id.0, report.unwrap_or_default())
            });
            read.collect()
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
            parts: self.parts.into_inner().map_err(|_| bug())?,
            workers: self.lane.into_workers()?,
        })
    }

    /// Judges the lines that wait at the borders of inputs.
    fn close_seams(&self) {
        let mut worker = self.lane.worker();
        for seam in self.seams.drain() {
            let reading = |input: u32| Reading {
                input,
                part: 0,
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
        if let Err(error) = self.lane.give_back(worker) {
            self.fail(error);
        }
    }

    /// Keys whose list holds the records of a source's documents.
    pub(super) fn record_keys(&self, source: Option<usize>) -> &'d [String] {
        let spec = source.and_then(|source| self.dive.profile.sources.get(source));
        spec.map(|spec| spec.records.as_slice()).unwrap_or_default()
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.dive.is_cancelled()
    }

    pub(super) fn fail(&self, error: Error) {
        self.stop.store(true, Ordering::Relaxed);
        if let Ok(mut failed) = self.failed.lock() {
            failed.get_or_insert(error);
        }
    }
}
