//! A dive: phase 1 finds and collects, phase 2 redacts, verifies and hands over in order.
//!
//! ```text
//! phase 1 (many threads)  input -> segments -> candidates -> record -> match -> Collector, Learner
//!                         (`scan` reads inputs, `worker` judges a line, `seam` joins what svlogd cut,
//!                         `follow` adds the passes before and behind)
//! phase 2 (many threads,  Sorted -> batch -> redact -> verify -> Sink, in order
//!          one writer)
//! ```
//!
//! Redaction needs the whole dictionary and the output is in time order; both are known only when the
//! last input was read. Between the phases only matched lines are kept, sorted, in bounded memory.
//! Results do not depend on threads: the dictionary is complete, the order total.

mod collect;
mod directory;
mod emit;
mod evidence;
mod follow;
mod handover;
mod input;
mod lane;
mod progress;
mod scan;
mod seam;
mod stream;
mod worker;

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Instant as Clock, SystemTime};

use decostop_profile::{Profile, RuleSet, Source, Values};
use decostop_redact::{Learner, Policy, ProfilePlan, Redactor, RequestKey};
use decostop_verify::CompiledProfile;

pub(crate) use directory::into_directory;
pub use directory::{Finished, dive_into};
pub(crate) use emit::{Assembly, Ledgered};
pub use progress::{Phase, Progress};
pub use stream::{ARTEFACT_SOURCE, LineRedactor, StreamStats, redact_stream};

use crate::artefact::{Finding, path_text};
use crate::prefilter::Prefilter;
use crate::query::{QueryPlan, scope_index};
use crate::request::{Request, conditions};
use crate::sink::Sink;
use crate::source::{Discover, Discovery, MapPolicy};
use crate::stats::{Report, Work};
use crate::{Error, ErrorKind, Limits};

/// Where the pseudonym key comes from.
#[derive(Clone)]
enum Key {
    Fresh,
    Material([u8; 32]),
    Request([u8; 32]),
}

/// Settings of a [`Dive`]. A request and a profile are not settings: there is no dive without them.
pub struct DiveBuilder {
    request: Request,
    profile: Arc<Profile>,
    rules: Arc<RuleSet>,
    inputs: Vec<PathBuf>,
    threads: usize,
    limits: Limits,
    map_policy: MapPolicy,
    prefilter: bool,
    key: Key,
    accounts: Arc<Values>,
    learn_all: bool,
    follow_ids: bool,
    follow_correlation: bool,
    source_of: Vec<(String, String)>,
    stdin_source: Option<String>,
    spill_dir: Option<PathBuf>,
    digest: bool,
    dedup: bool,
    witness: Option<(Request, Arc<Profile>)>,
    reads_nothing: bool,
    now: SystemTime,
    progress: Arc<Progress>,
    cancel: Arc<AtomicBool>,
}

impl DiveBuilder {
    fn new(request: Request, profile: Arc<Profile>) -> Self {
        Self {
            request,
            profile,
            rules: RuleSet::builtin(),
            inputs: Vec::new(),
            threads: 0,
            limits: Limits::default(),
            map_policy: MapPolicy::read(),
            prefilter: true,
            key: Key::Fresh,
            accounts: Arc::default(),
            learn_all: false,
            follow_ids: false,
            follow_correlation: false,
            source_of: Vec::new(),
            stdin_source: None,
            spill_dir: None,
            digest: false,
            dedup: false,
            witness: None,
            reads_nothing: false,
            now: SystemTime::UNIX_EPOCH,
            progress: Arc::default(),
            cancel: Arc::default(),
        }
    }

    /// What to read: files, directories, globs, `-` for standard input.
    #[must_use]
    pub fn inputs(mut self, paths: impl IntoIterator<Item = PathBuf>) -> Self {
        self.inputs.extend(paths);
        self
    }

    /// The rules of the detectors, all of them: [`rules::load`](crate::rules::load) adds those of files to the
    /// built-in ones. By default, the built-in ones.
    #[must_use]
    pub fn rules(mut self, rules: Arc<RuleSet>) -> Self {
        self.rules = rules;
        self
    }

    /// Threads that read and redact. By default, one for each core.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Bounds. By default, [`Limits::default`].
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Whether inputs may be mapped into memory. By default, they are read.
    #[must_use]
    pub fn map_policy(mut self, policy: MapPolicy) -> Self {
        self.map_policy = policy;
        self
    }

    /// Whether lines that cannot match are skipped unparsed, or parsed only where it decides. Changes the time, never the result. By
    /// default, they are.
    #[must_use]
    pub fn prefilter(mut self, yes: bool) -> Self {
        self.prefilter = yes;
        self
    }

    /// Key material from which the request's key is derived. By default, fresh from the system.
    #[must_use]
    pub fn key_material(mut self, material: [u8; 32]) -> Self {
        self.key = Key::Material(material);
        self
    }

    /// The request's key itself, as an earlier dive left it.
    #[must_use]
    pub fn request_key(mut self, key: [u8; 32]) -> Self {
        self.key = Key::Request(key);
        self
    }

    /// Accounts known to be foreign, whether or not a matched line names them.
    #[must_use]
    pub fn accounts(mut self, accounts: impl Into<Values>) -> Self {
        self.accounts = Arc::new(accounts.into());
        self
    }

    /// Whether foreign names are learned from every line rather than from matched ones. Parses every
    /// line. By default, they are not.
    #[must_use]
    pub fn learn_all(mut self, yes: bool) -> Self {
        self.learn_all = yes;
        self
    }

    /// Whether ids that records pair with selected names and paths, and names with selected ids, are
    /// looked for too. Reads every input once more. By default, they are not.
    #[must_use]
    pub fn follow_ids(mut self, yes: bool) -> Self {
        self.follow_ids = yes;
        self
    }

    /// Whether lines of any source that share a correlation id with a match are looked for too. Reads
    /// every input once more. By default, they are not.
    #[must_use]
    pub fn follow_correlation(mut self, yes: bool) -> Self {
        self.follow_correlation = yes;
        self
    }

    /// File-name globs with the source that they stand for, before the profile's own.
    #[must_use]
    pub fn source_of(mut self, pairs: Vec<(String, String)>) -> Self {
        self.source_of = pairs;
        self
    }

    /// The source of standard input.
    #[must_use]
    pub fn stdin_source(mut self, source: Option<String>) -> Self {
        self.stdin_source = source;
        self
    }

    /// Where matched lines go that do not fit into memory. By default, the system's temporary directory.
    #[must_use]
    pub fn spill_dir(mut self, dir: PathBuf) -> Self {
        self.spill_dir = Some(dir);
        self
    }

    /// Whether plain inputs are digested too, in a pass of their own. By default, only compressed ones.
    #[must_use]
    pub fn digest(mut self, yes: bool) -> Self {
        self.digest = yes;
        self
    }

    /// Whether of lines of the same source, time and bytes only the first in the order of the output is
    /// disclosed, the others counted: for archives that overlap. By default, all are disclosed.
    #[must_use]
    pub fn dedup(mut self, yes: bool) -> Self {
        self.dedup = yes;
        self
    }

    /// What the verifier goes by instead of the dive's own request and profile: for tests that give the
    /// rest of a dive a wrong one. By default, it has the same.
    #[doc(hidden)]
    #[must_use]
    pub fn verified_by(mut self, request: Request, profile: Arc<Profile>) -> Self {
        self.witness = Some((request, profile));
        self
    }

    /// The present time, for the conditions and for telling inputs that are still written. Has to be
    /// given: the library has no clock.
    #[must_use]
    pub fn now(mut self, now: SystemTime) -> Self {
        self.now = now;
        self
    }

    /// Counters to watch.
    #[must_use]
    pub fn progress(mut self, progress: Arc<Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// A flag that ends the dive when it becomes true.
    #[must_use]
    pub fn cancel(mut self, cancel: Arc<AtomicBool>) -> Self {
        self.cancel = cancel;
        self
    }

    /// For records that others have found.
    pub(crate) fn without_inputs(mut self) -> Self {
        self.reads_nothing = true;
        self
    }

    /// Checks the conditions, finds the inputs and compiles the request.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if a condition does not hold; [`ErrorKind::Config`] for a path that does
    /// not exist or anything else that is wrong with the settings. Nothing was written.
    pub fn build(self) -> Result<Dive, Error> {
        let now = since_epoch(self.now);
        if let Some(refusal) = conditions::check(&self.request, &self.profile, now).refusal() {
            return Err(refusal);
        }
        let profile = self.profile;
        let mut discover = Discover::new(&profile);
        for (glob, source) in &self.source_of {
            discover = discover.source_of(glob, source)?;
        }
        if let Some(source) = &self.stdin_source {
            discover = discover.standard_input_is(source)?;
        }
        let discovery = if self.reads_nothing {
            Discovery::default()
        } else {
            discover.run(&self.inputs)?
        };
        let read_once = discovery
            .inputs
            .iter()
            .find(|input| input.kind == crate::source::InputKind::Stream);
        if let Some(input) = read_once.filter(|_| self.follow_ids || self.follow_correlation) {
            return Err(Error::new(
                ErrorKind::Config,
                format!(
                    "{} can be read only once, and following takes another pass",
                    input.path.display()
                ),
            )
            .hint("write it to a file first"));
        }
        let config = |cause: decostop_redact::Error| Error::new(ErrorKind::Config, cause.to_string());
        let plan =
            Arc::new(ProfilePlan::with_rules(Arc::clone(&profile), Arc::clone(&self.rules)).map_err(config)?);
        let (witness, known) = self.witness.unzip();
        let known = known.unwrap_or_else(|| Arc::clone(&profile));
        let compiled = CompiledProfile::with_rules(known, Arc::clone(&self.rules))
            .map_err(|cause| Error::new(ErrorKind::Config, cause.to_string()))?;
        scope_index(&self.request)?;
        let query = QueryPlan::new(&self.request, &plan);
        let prefilter = if self.prefilter && !self.learn_all {
            Prefilter::new(&query.needles).map(Arc::new)
        } else {
            None
        };
        let key = match self.key {
            Key::Request(key) => RequestKey::from_bytes(key),
            Key::Material(material) => RequestKey::derive(&material, &self.request.id),
            Key::Fresh => RequestKey::derive(&fresh_key()?, &self.request.id),
        };
        let policy = policy_of(&self.request);
        let redactor = Redactor::new(Arc::clone(&plan), policy, &key).map_err(config)?;
        let threads = if self.threads == 0 {
            std::thread::available_parallelism().map_or(1, usize::from)
        } else {
            self.threads
        };
        let passes = 1 + u64::from(self.follow_ids) + u64::from(self.follow_correlation);
        let total = discovery.inputs.iter().map(|input| input.bytes).sum::<u64>() * passes;
        self.progress.bytes_total.store(total, Ordering::Relaxed);
        Ok(Dive {
            project: self.prefilter && !self.learn_all,
            request: self.request,
            profile,
            rules: self.rules,
            plan,
            compiled,
            witness,
            query,
            prefilter,
            redactor,
            key,
            discovery,
            threads,
            limits: self.limits,
            map_policy: self.map_policy,
            accounts: self.accounts,
            learn_all: self.learn_all,
            follow_ids: self.follow_ids,
            follow_correlation: self.follow_correlation,
            source_of: self.source_of,
            spill_dir: self.spill_dir.unwrap_or_else(std::env::temp_dir),
            digest: self.digest,
            dedup: self.dedup,
            now: self.now,
            progress: self.progress,
            cancel: self.cancel,
            leaks: Mutex::default(),
        })
    }
}

/// What a request allows.
fn policy_of(request: &Request) -> Policy {
    let selects = &request.selects;
    Policy {
        personal_data: request.disclosure.personal_data,
        correlation_ids: selects
            .iter()
            .flat_map(|select| select.correlation_ids.clone())
            .collect(),
        token_ids: selects
            .iter()
            .flat_map(|select| select.token_ids.clone())
            .collect(),
        nexus_excepted: request.exception(conditions::NEXUS).is_some(),
    }
}

fn since_epoch(now: SystemTime) -> crate::request::Instant {
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    crate::request::Instant(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// Key material from the system, as a dive takes it that is given none.
///
/// # Errors
/// [`ErrorKind::Internal`] if the system has none.
pub fn fresh_key() -> Result<[u8; 32], Error> {
    let mut material = [0; 32];
    getrandom::fill(&mut material).map_err(|cause| {
        Error::new(
            ErrorKind::Internal,
            format!("the system gives no random bytes: {cause}"),
        )
    })?;
    Ok(material)
}

/// What others learned, to go by instead of what the inputs teach; and what looks at that first.
pub(crate) type Lesson<'l> = (Learner, &'l dyn Fn(&Learner) -> Result<(), Error>);

/// A request, ready to be run over its inputs.
pub struct Dive {
    pub(crate) request: Request,
    pub(crate) profile: Arc<Profile>,
    pub(crate) rules: Arc<RuleSet>,
    plan: Arc<ProfilePlan>,
    /// The profile as the verifier reads it, for what is checked before it is written and once more behind.
    compiled: CompiledProfile,
    /// The request as the verifier knows it, if it is another one.
    witness: Option<Request>,
    query: QueryPlan,
    prefilter: Option<Arc<Prefilter>>,
    /// Whether lines may be ruled out by a few of their fields.
    project: bool,
    redactor: Redactor,
    key: RequestKey,
    pub(crate) discovery: Discovery,
    threads: usize,
    pub(crate) limits: Limits,
    map_policy: MapPolicy,
    pub(crate) accounts: Arc<Values>,
    pub(crate) learn_all: bool,
    pub(crate) follow_ids: bool,
    pub(crate) follow_correlation: bool,
    pub(crate) source_of: Vec<(String, String)>,
    spill_dir: PathBuf,
    pub(crate) digest: bool,
    pub(crate) dedup: bool,
    now: SystemTime,
    progress: Arc<Progress>,
    cancel: Arc<AtomicBool>,
    leaks: Mutex<Vec<Finding>>,
}

impl std::fmt::Debug for Dive {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Dive({} inputs, {} threads)",
            self.discovery.inputs.len(),
            self.threads
        )
    }
}

/// What a dive would read and how it would look for matches.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Plan {
    /// Inputs that would be read, with their bytes as stored and the source that their name tells.
    pub inputs: Vec<(PathBuf, u64, Option<String>)>,
    /// Inputs that would not be read, and why.
    pub skipped: Vec<(PathBuf, String)>,
    /// Bytes as stored of all inputs that would be read.
    pub bytes: u64,
    /// How matches are found, in words.
    pub lines: Vec<String>,
}

impl Plan {
    /// The plan as JSON: `inputs` (`path`, `bytes`, `source`), `skipped` (`path`, `reason`), `bytes`, `search`.
    pub fn to_json(&self) -> String {
        let inputs = self.inputs.iter().map(|(path, bytes, source)| {
            serde_json::json!({"path": path_text(path), "bytes": bytes, "source": source})
        });
        let skipped = self
            .skipped
            .iter()
            .map(|(path, reason)| serde_json::json!({"path": path_text(path), "reason": reason}));
        let told = serde_json::json!({
            "inputs": inputs.collect::<Vec<_>>(),
            "skipped": skipped.collect::<Vec<_>>(),
            "bytes": self.bytes,
            "search": self.lines,
        });
        told.to_string()
    }
}

impl Dive {
    /// Starts the settings of a dive.
    pub fn builder(request: Request, profile: Arc<Profile>) -> DiveBuilder {
        DiveBuilder::new(request, profile)
    }

    /// The request.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The profile.
    pub fn profile(&self) -> &Arc<Profile> {
        &self.profile
    }

    /// What would be read.
    pub fn plan(&self) -> Plan {
        let name = |index: usize| {
            self.profile
                .sources
                .get(index)
                .map(|source: &Source| source.name.clone())
        };
        let (wanted, unwanted): (Vec<_>, Vec<_>) =
            self.discovery.inputs.iter().partition(|input| self.wants(input));
        let skipped = self
            .discovery
            .skipped
            .iter()
            .map(|skipped| (skipped.path.clone(), skipped.reason.told()));
        let unwanted = unwanted
            .iter()
            .map(|input| (input.path.clone(), "no select names its source".to_owned()));
        let problems = self
            .discovery
            .problems
            .iter()
            .map(|problem| (problem.path.clone(), problem.kind.to_string()));
        Plan {
            bytes: wanted.iter().map(|input| input.bytes).sum(),
            inputs: wanted
                .iter()
                .map(|input| (input.path.clone(), input.bytes, input.source.and_then(name)))
                .collect(),
            skipped: skipped.chain(unwanted).chain(problems).collect(),
            lines: self.how(),
        }
    }

    fn how(&self) -> Vec<String> {
        let mut lines = self.how_matches();
        if self.follow_ids {
            lines.push("a pass before: ids that records pair with selected names and paths".to_owned());
        }
        if self.follow_correlation {
            lines.push("a pass behind: lines that share a correlation id with a match".to_owned());
        }
        if self.dedup {
            lines.push("equal lines of one source and time are disclosed once".to_owned());
        }
        lines
    }

    fn how_matches(&self) -> Vec<String> {
        match (&self.prefilter, self.query.needles.search()) {
            (Some(_), Some(needles)) => {
                vec![format!(
                    "prefilter: {} needle{}, searched in decoded blocks; only lines that hold one are parsed",
                    needles.len(),
                    if needles.len() == 1 { "" } else { "s" }
                )]
            }
            _ if self.learn_all => {
                vec!["every line is parsed, since foreign names are learned from all of them".to_owned()]
            }
            (None, Some(_)) => vec!["every line is parsed, since the prefilter is off".to_owned()],
            _ => vec![
                "every line is parsed, since a select names nothing that could be searched for".to_owned(),
            ],
        }
    }

    pub(crate) fn wants(&self, input: &crate::source::Input) -> bool {
        input.source.is_none_or(|source| self.wants_source(source))
    }

    fn wants_source(&self, source: usize) -> bool {
        self.learn_all || self.query.wants_source(source)
    }

    /// Runs the dive and hands the results to `sink`, in order.
    ///
    /// # Errors
    /// [`ErrorKind::Interrupted`] when cancelled, [`ErrorKind::Leak`] when the verifier objects, or what
    /// the sink said. The sink's [`Sink::finish`] was not called then.
    pub fn run(&self, sink: &mut dyn Sink) -> Result<Report, Error> {
        self.finish(None, sink)
    }

    /// As [`Dive::run`], by what others learned if that is given.
    pub(crate) fn finish(&self, learned: Option<Lesson<'_>>, sink: &mut dyn Sink) -> Result<Report, Error> {
        let (mut report, ledgered) = self.work(learned, sink)?;
        let evidence = evidence::complete(self, ledgered, &mut report)?;
        sink.finish(&report, &evidence)?;
        Ok(report)
    }

    /// Both phases, but for the evidence.
    pub(crate) fn work(
        &self,
        learned: Option<Lesson<'_>>,
        sink: &mut dyn Sink,
    ) -> Result<(Report, Ledgered), Error> {
        let pool = self.pool()?;
        let mut report = self.blank();
        self.progress.enter(Phase::Scanning);
        let begun = Clock::now();
        if self.threads > 1 {
            // Everything told is held against the verifier's rules: all threads would wait for them behind the scan.
            let compiled = self.compiled.clone();
            pool.spawn(move || compiled.warm());
        }
        let mut scanned = scan::run(self, &pool, true, &mut report)?;
        if let Some((learned, check)) = learned {
            check(&scanned.learner)?;
            scanned.learner = learned;
        }
        report.idle_within(begun.elapsed(), Work::default());
        report.timings.insert("scan", begun.elapsed());
        let scan_work = report.work;
        self.progress.enter(Phase::Redacting);
        let begun = Clock::now();
        let ledgered = emit::run(self, &pool, scanned, sink, &mut report)?;
        report.idle_within(begun.elapsed(), scan_work);
        report.timings.insert("redact", begun.elapsed());
        Ok((report, ledgered))
    }

    /// The first phase alone: what the inputs teach. What it cannot read is counted as withheld.
    pub(crate) fn learn(&self) -> Result<(Learner, Report), Error> {
        let pool = self.pool()?;
        let mut report = self.blank();
        self.progress.enter(Phase::Scanning);
        let begun = Clock::now();
        let scanned = scan::run(self, &pool, false, &mut report)?;
        report.idle_within(begun.elapsed(), Work::default());
        report.timings.insert("scan", begun.elapsed());
        for (_, reason) in scanned.problems {
            report.counts.withhold(reason, false);
        }
        for kept in scanned.kept {
            report.counts.withhold(kept.reason, kept.nexus);
        }
        Ok((scanned.learner, report))
    }

    fn pool(&self) -> Result<rayon::ThreadPool, Error> {
        rayon::ThreadPoolBuilder::new()
            .num_threads(self.threads)
            .thread_name(|index| format!("dive-{index}"))
            .build()
            .map_err(|cause| {
                Error::new(
                    ErrorKind::Internal,
                    format!("cannot start {} threads: {cause}", self.threads),
                )
            })
    }

    /// A report before anything was done.
    fn blank(&self) -> Report {
        Report {
            threads: self.threads,
            ad_hoc: self.request.ad_hoc,
            plan: self.how(),
            ..Report::default()
        }
    }

    /// What the verifier found when [`Dive::run`] failed with [`ErrorKind::Leak`].
    pub fn leaks(&self) -> Vec<Finding> {
        self.leaks.lock().map(|leaks| leaks.clone()).unwrap_or_default()
    }

    fn is_cancelled(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    fn check_cancelled(&self) -> Result<(), Error> {
        if self.is_cancelled() {
            Err(Error::new(
                ErrorKind::Interrupted,
                "interrupted; no result was made",
            ))
        } else {
            Ok(())
        }
    }
}
