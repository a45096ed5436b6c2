//! Phase 2: the sorted matches are parsed again, redacted and verified in parallel, and handed to the
//! sink in order.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant as Clock;

use decostop_redact::{Facts, Ledger, Record, Typed};
use decostop_verify::{Ground, Memory, VerifiedBuf, Verifier};
use rayon::prelude::*;

use super::collect::{Matched, Sorted, Unique};
use super::follow::{Tainted, is_identified};
use super::scan::{Kept, Members, Parts, Scanned};
use super::{Dive, Progress, policy_of};
use crate::artefact::Finding;
use crate::parse;
use crate::query::{Joins, Needles, scope_index};
use crate::residual::{Counter, Features, Lens};
use crate::sink::{Flow, Provenance, Reason, Removal, Sink, Withheld};
use crate::stats::{Report, Work};
use crate::{Error, ErrorKind, Origin};

/// Bytes of matched lines that are redacted as one batch. There are two batches at a time.
const BATCH_BYTES: usize = 2 << 20;

/// What phase 2 leaves to the evidence.
pub(crate) struct Ledgered {
    pub(crate) facts: Facts,
    pub(crate) ledger: Ledger,
    pub(crate) residual: Counter,
}

#[derive(Default)]
struct Worker {
    parse: parse::Scratch,
    typed: Vec<Typed>,
    ledger: Ledger,
    memory: Memory,
    work: Work,
}

/// What became of one matched line.
enum Outcome {
    Record(VerifiedBuf, Box<Provenance>, Shown),
    OutsideScope,
    Withheld(Withheld),
    Leak(Finding),
}

/// What the closing counts need of a record.
struct Shown {
    actor: Option<String>,
    namespace: Option<String>,
    ip: Option<String>,
    features: Features,
}

struct Emitter<'d> {
    dive: &'d Dive,
    facts: Facts,
    verifier: Verifier,
    lens: Lens,
    scope_needles: Needles,
    members: Members,
    parts: Parts,
    /// Where correlation ids were followed: those that clear nothing.
    tainted: Option<Tainted>,
    idle: Mutex<Vec<Worker>>,
}

pub(super) fn run(
    dive: &Dive,
    pool: &rayon::ThreadPool,
    scanned: Scanned,
    sink: &mut dyn Sink,
    report: &mut Report,
) -> Result<Ledgered, Error> {
    let facts = scanned
        .learner
        .freeze(scope_index(&dive.request)?, &dive.profile.vocabulary.words);
    if !facts.text_allowed() {
        report.counts.notes.insert("dictionary.limit", 1);
    }
    let verifier = verifier(dive, &facts)?;
    let mut collected = scanned.lines;
    let tainted = if dive.follow_correlation {
        Some(Tainted::of(dive, pool, &mut collected, &facts)?)
    } else {
        None
    };
    let emitter = Emitter {
        dive,
        facts,
        verifier,
        lens: Lens::new(&dive.profile),
        scope_needles: Needles::of_scope(&dive.request.scope),
        members: scanned.members,
        parts: scanned.parts,
        tainted,
        idle: Mutex::default(),
    };
    let mut tally = Tally::default();
    emitter.withhold_early(sink, scanned.kept, scanned.problems, report)?;
    let mut lines = collected.into_sorted()?;
    let mut unique = dive.dedup.then(Unique::default);
    // While one batch is handed over, by one thread and in order, the next one is worked on.
    let mut ready: Vec<Vec<Outcome>> = Vec::new();
    loop {
        dive.check_cancelled()?;
        let begun = Clock::now();
        let batch = next_batch(&mut lines, unique.as_mut(), report)?;
        report.work.write += begun.elapsed();
        if batch.is_empty() && ready.is_empty() {
            break;
        }
        let mut next = Vec::new();
        let flow = if dive.threads == 1 {
            let flow = hand_over_all(ready, sink, report, &mut tally, dive)?;
            pool.install(|| next = emitter.batch(&batch));
            flow
        } else {
            pool.in_place_scope(|scope| {
                scope.spawn(|_| next = emitter.batch(&batch));
                hand_over_all(ready, sink, report, &mut tally, dive)
            })?
        };
        if flow == Flow::Stop {
            break;
        }
        ready = next;
    }
    Ok(emitter.close(report, tally))
}

/// Hands what became of a batch to the sink, unless a record of it was stopped.
fn hand_over_all(
    outcomes: Vec<Vec<Outcome>>,
    sink: &mut dyn Sink,
    report: &mut Report,
    tally: &mut Tally,
    dive: &Dive,
) -> Result<Flow, Error> {
    let begun = Clock::now();
    let leaks: Vec<Finding> = outcomes
        .iter()
        .flatten()
        .filter_map(|outcome| {
            if let Outcome::Leak(finding) = outcome {
                Some(finding.clone())
            } else {
                None
            }
        })
        .collect();
    if !leaks.is_empty() {
        let count = leaks.len();
        if let Ok(mut held) = dive.leaks.lock() {
            *held = leaks;
        }
        return Err(Error::new(
            ErrorKind::Leak,
            format!("the verifier stopped {count} records; no result was made"),
        ));
    }
    for outcome in outcomes.into_iter().flatten() {
        if hand_over(outcome, sink, report, tally, &dive.progress)? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    report.work.write += begun.elapsed();
    Ok(Flow::Continue)
}

fn verifier(dive: &Dive, facts: &Facts) -> Result<Verifier, Error> {
    let request = dive.witness.as_ref().unwrap_or(&dive.request);
    let policy = policy_of(request);
    let ground = Ground {
        scope: request.scope.clone(),
        personal_data: policy.personal_data,
        correlation_ids: policy.correlation_ids.iter().cloned().collect(),
        token_ids: policy.token_ids.iter().cloned().collect(),
        foreign: facts.foreign(),
        linked: facts.linked_ids(),
        request_key: *dive.key.as_bytes(),
    };
    Verifier::of(&dive.compiled, ground).map_err(|cause| Error::new(ErrorKind::Config, cause.to_string()))
}

fn next_batch(
    lines: &mut Sorted,
    mut unique: Option<&mut Unique>,
    report: &mut Report,
) -> Result<Vec<Matched>, Error> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while bytes < BATCH_BYTES {
        let Some(line) = lines.next()? else { break };
        if let Some(unique) = &mut unique
            && !unique.is_first(&line)
        {
            report.counts.duplicates += 1;
            continue;
        }
        bytes += line.weight();
        batch.push(line);
    }
    Ok(batch)
}

fn withhold(item: &Withheld, sink: &mut dyn Sink, report: &mut Report) -> Result<Flow, Error> {
    report.counts.withhold(item.reason, item.nexus);
    sink.withheld(item)
}

#[derive(Default)]
struct Tally {
    actors: BTreeSet<String>,
    addresses: BTreeSet<String>,
    first: Option<i64>,
    last: Option<i64>,
    residual: Counter,
}

fn hand_over(
    outcome: Outcome,
    sink: &mut dyn Sink,
    report: &mut Report,
    tally: &mut Tally,
    progress: &Progress,
) -> Result<Flow, Error> {
    match outcome {
        Outcome::Record(record, provenance, shown) => {
            report.counts.disclosed += 1;
            *report.by_source.entry(provenance.source.clone()).or_default() += 1;
            *report.by_event.entry(provenance.event.clone()).or_default() += 1;
            let at = decostop_redact::Instant {
                ns: provenance.time_ns,
                digits: 0,
            };
            let day = at.to_rfc3339().chars().take(10).collect();
            *report.by_day.entry(day).or_default() += 1;
            if let Some(namespace) = shown.namespace {
                *report.by_namespace.entry(namespace).or_default() += 1;
            }
            tally.actors.extend(shown.actor);
            tally.addresses.extend(shown.ip);
            tally.residual.add(shown.features);
            tally.first = Some(
                tally
                    .first
                    .map_or(provenance.time_ns, |first| first.min(provenance.time_ns)),
            );
            tally.last = Some(
                tally
                    .last
                    .map_or(provenance.time_ns, |last| last.max(provenance.time_ns)),
            );
            Progress::add(&progress.records, 1);
            sink.record(record.as_verified(), &provenance)
        }
        Outcome::OutsideScope => {
            report.counts.outside_scope += 1;
            Ok(Flow::Continue)
        }
        Outcome::Withheld(item) => withhold(&item, sink, report),
        Outcome::Leak(_) => Err(Error::new(ErrorKind::Internal, "a leak came past its check")),
    }
}

/// Records that were redacted elsewhere, by the facts of the whole dive: verified once more, counted, and
/// handed over as those of one process are.
pub(crate) struct Assembly<'d> {
    dive: &'d Dive,
    facts: Facts,
    verifier: Verifier,
    lens: Lens,
    memory: Memory,
    tally: Tally,
    pub(crate) ledger: Ledger,
    pub(crate) report: Report,
}

/// The columns that closing counts need.
#[derive(serde::Deserialize)]
struct Columns {
    actor: Option<serde_json::Value>,
    namespace: Option<serde_json::Value>,
    ip: Option<serde_json::Value>,
}

impl<'d> Assembly<'d> {
    pub(crate) fn new(dive: &'d Dive, learner: decostop_redact::Learner) -> Result<Self, Error> {
        let facts = learner.freeze(scope_index(&dive.request)?, &dive.profile.vocabulary.words);
        let mut report = dive.blank();
        if !facts.text_allowed() {
            report.counts.notes.insert("dictionary.limit", 1);
        }
        dive.progress.enter(super::Phase::Redacting);
        Ok(Self {
            verifier: verifier(dive, &facts)?,
            lens: Lens::new(&dive.profile),
            dive,
            facts,
            memory: Memory::default(),
            tally: Tally::default(),
            ledger: Ledger::default(),
            report,
        })
    }

    /// Takes the next record.
    pub(crate) fn record(
        &mut self,
        line: Vec<u8>,
        provenance: Provenance,
        sink: &mut dyn Sink,
    ) -> Result<(), Error> {
        self.dive.check_cancelled()?;
        let columns: Columns = serde_json::from_slice(&line)
            .map_err(|_| Error::new(ErrorKind::Internal, "a record that is no JSON"))?;
        let spelled = |value: Option<serde_json::Value>| {
            value.map(|value| match value {
                serde_json::Value::String(text) => text.to_lowercase(),
                other => other.to_string(),
            })
        };
        let shown = Shown {
            actor: spelled(columns.actor),
            namespace: spelled(columns.namespace)
                .filter(|text| self.dive.redactor.pseudonyms().recognise(text).is_none()),
            ip: spelled(columns.ip),
            features: self.lens.features(&line),
        };
        match self.verifier.check_with_memory(line, &mut self.memory) {
            Ok(record) => {
                let outcome = Outcome::Record(record, Box::new(provenance), shown);
                hand_over(
                    outcome,
                    sink,
                    &mut self.report,
                    &mut self.tally,
                    &self.dive.progress,
                )
                .map(drop)
            }
            Err(leak) => {
                let finding = Finding::new(leak.rule(), leak.place().to_string());
                if let Ok(mut held) = self.dive.leaks.lock() {
                    *held = vec![finding.from_line(&provenance.origin)];
                }
                Err(Error::new(
                    ErrorKind::Leak,
                    "the verifier stopped a record; no result was made",
                ))
            }
        }
    }

    pub(crate) fn withheld(&mut self, item: &Withheld, sink: &mut dyn Sink) -> Result<(), Error> {
        withhold(item, sink, &mut self.report).map(drop)
    }

    pub(crate) fn finish(self, sink: &mut dyn Sink) -> Result<Report, Error> {
        let Self {
            dive,
            facts,
            tally,
            ledger,
            mut report,
            ..
        } = self;
        let ledgered = tally.close(facts, ledger, &mut report);
        let evidence = super::evidence::complete(dive, ledgered, &mut report)?;
        sink.finish(&report, &evidence)?;
        Ok(report)
    }
}

impl Tally {
    /// Writes into the report what is known when the last record was handed over.
    fn close(self, facts: Facts, ledger: Ledger, report: &mut Report) -> Ledgered {
        report.actors = self.actors.len() as u64;
        report.addresses = self.addresses.len() as u64;
        let text = |ns: Option<i64>| ns.map(|ns| decostop_redact::Instant { ns, digits: 3 }.to_rfc3339());
        report.first_time = text(self.first);
        report.last_time = text(self.last);
        Ledgered {
            facts,
            ledger,
            residual: self.residual,
        }
    }
}

impl Emitter<'_> {
    /// What phase 1 kept back goes to the sink first, in order of input and offset.
    fn withhold_early(
        &self,
        sink: &mut dyn Sink,
        kept: Vec<Kept>,
        problems: Vec<(PathBuf, Reason)>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let missing = problems
            .into_iter()
            .map(|(path, reason)| Withheld::new(reason, Origin { path, offset: None }));
        let lines = kept.into_iter().map(|kept| {
            let mut item = Withheld::new(kept.reason, self.origin(kept.input, kept.part, kept.offset));
            item.bytes = (kept.bytes > 0).then_some(kept.bytes);
            item.source = kept
                .source
                .and_then(|source| Some(self.dive.profile.sources.get(source as usize)?.name.clone()));
            item.nexus = kept.nexus;
            item
        });
        for item in missing.chain(lines) {
            withhold(&item, sink, report)?;
        }
        Ok(())
    }

    /// Where a line is: in an input, or in a file inside one (`bundle.tar.gz!var/log/x.log`).
    fn origin(&self, input: u32, part: u32, offset: u64) -> Origin {
        let begin = self
            .parts
            .get(&input)
            .and_then(|begins| begins.get(part as usize));
        let offset = offset + begin.copied().unwrap_or(0);
        let path = self.dive.discovery.inputs.get(input as usize);
        let path = path.map(|input| input.path.clone()).unwrap_or_default();
        let members = self.members.get(&input).map(Vec::as_slice).unwrap_or_default();
        let after = members.partition_point(|(begins, _)| *begins <= offset);
        match after.checked_sub(1).and_then(|at| members.get(at)) {
            Some((begins, member)) => {
                let mut path = path.into_os_string();
                path.push("!");
                path.push(member);
                Origin {
                    path: path.into(),
                    offset: Some(offset - begins),
                }
            }
            None => Origin {
                path,
                offset: Some(offset),
            },
        }
    }

    /// Whether a record may be disclosed at all.
    fn has_nexus(&self, record: &Record<'_>, typed: &[Typed], ns: i64, followed: bool) -> bool {
        // A look round owns nothing: all it shows are pseudonyms, and it is not for handing out.
        if self.dive.request.ad_hoc || self.dive.redactor.has_nexus(typed, &self.facts, ns) {
            return true;
        }
        // A followed line without anybody in it belongs to those whom its request names elsewhere.
        followed
            && !is_identified(typed)
            && self
                .tainted
                .as_ref()
                .is_some_and(|tainted| tainted.clears(&Joins::of(&self.dive.plan, record).correlation))
    }

    fn close(self, report: &mut Report, tally: Tally) -> Ledgered {
        let mut ledger = Ledger::default();
        for worker in self.idle.into_inner().unwrap_or_default() {
            ledger.merge(worker.ledger);
            report.work.add(&worker.work);
        }
        tally.close(self.facts, ledger, report)
    }

    /// What becomes of the lines of a batch, in their order.
    fn batch(&self, batch: &[Matched]) -> Vec<Vec<Outcome>> {
        let share = (batch.len() / (self.dive.threads * 4)).max(1);
        batch.par_chunks(share).map(|lines| self.chunk(lines)).collect()
    }

    fn chunk(&self, lines: &[Matched]) -> Vec<Outcome> {
        let mut worker = self
            .idle
            .lock()
            .ok()
            .and_then(|mut idle| idle.pop())
            .unwrap_or_default();
        let outcomes = lines.iter().map(|line| self.line(&mut worker, line)).collect();
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(worker);
        }
        outcomes
    }

    fn line(&self, worker: &mut Worker, matched: &Matched) -> Outcome {
        let dive = self.dive;
        let origin = self.origin(matched.key.input, matched.key.part, matched.key.offset);
        let Worker {
            parse,
            typed,
            ledger,
            memory,
            work,
        } = worker;
        let begun = Clock::now();
        let source = Some(matched.source as usize);
        let parsed = parse::with_record(&dive.plan, &matched.line, source, &dive.limits, parse, |record| {
            if dive.plan.typed(record, typed).is_err() {
                return Err(Reason::DecidingType);
            }
            let at = dive.plan.time(record).ok().flatten().ok_or(Reason::Time)?;
            if !self.has_nexus(record, typed, at.ns, matched.followed) {
                return Ok(None);
            }
            Ok(Some((
                at.ns,
                dive.redactor.redact(record, typed, &self.facts, at, ledger),
            )))
        });
        work.redact += begun.elapsed();
        match parsed.and_then(|outcome| outcome) {
            Ok(None) => Outcome::OutsideScope,
            Ok(Some((time_ns, redacted))) => {
                let column = |name| redacted.column(name).map(|text| one_spelling(&text));
                let shown = Shown {
                    actor: column("actor"),
                    namespace: column("namespace")
                        .filter(|text| dive.redactor.pseudonyms().recognise(text).is_none()),
                    ip: column("ip"),
                    features: self.lens.features(redacted.as_bytes()),
                };
                let (bytes, event, removals) = redacted.into_parts();
                let provenance = Provenance {
                    origin,
                    line_digest: *blake3::hash(&matched.line).as_bytes(),
                    removals: removals.into_iter().map(removal).collect(),
                    source: dive
                        .profile
                        .sources
                        .get(matched.source as usize)
                        .map(|source| source.name.clone())
                        .unwrap_or_default(),
                    event,
                    time_ns,
                };
                let begun = Clock::now();
                let checked = self.verifier.check_with_memory(bytes, memory);
                work.verify += begun.elapsed();
                match checked {
                    Ok(record) => Outcome::Record(record, Box::new(provenance), shown),
                    Err(leak) => Outcome::Leak(
                        Finding::new(leak.rule(), leak.place().to_string()).from_line(&provenance.origin),
                    ),
                }
            }
            Err(reason) => {
                let mut item = Withheld::new(reason, origin);
                item.bytes = Some(matched.line.len() as u64);
                item.source = dive
                    .profile
                    .sources
                    .get(matched.source as usize)
                    .map(|source| source.name.clone());
                item.nexus = self.scope_needles.mentioned_in(&matched.line).unwrap_or(false);
                item.time_ns = Some(matched.key.ns);
                Outcome::Withheld(item)
            }
        }
    }
}

/// What a column says, so that it counts once however a line spells it: the columns keep the escapes
/// and the case of the line.
fn one_spelling(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_lowercase();
    }
    let plain: Option<String> = serde_json::from_str(&format!("\"{text}\"")).ok();
    plain.as_deref().unwrap_or(text).to_lowercase()
}

fn removal(removal: decostop_redact::Removal) -> Removal {
    Removal {
        field: removal.field,
        class: removal.class,
        rule: removal.rule,
        start: removal.start,
        length: removal.length,
        digest: removal.digest,
    }
}

#[cfg(test)]
mod tests {
    use super::one_spelling;

    #[test]
    fn one_name_counts_once() {
        for text in ["acme/api", "Acme/api", r"\u0061cme/api", r"acme\/api"] {
            assert_eq!(one_spelling(text), "acme/api", "{text}");
        }
        assert_ne!(one_spelling("acme/web"), "acme/api");
    }
}
