//! Whether a profile and a request let anything out, tried on the real logs: `decostop selftest`.
//!
//! ```text
//! inputs ─ sample (lines of each source) ─ plant (canaries in every field) ─ logs in a private directory
//!        ─ Dive, without and with personal data ─ artefact ─ views (own decoders) ─ survivors, missed records
//! ```
//!
//! A sampled line is written again as a flat JSON object with its real fields. Its resource becomes one of the
//! scope, its time one of the window, and everything else makes room for canaries: credentials, identities of
//! others, personal data and internals of the platform, in thirteen spellings. So that every planted line is
//! looked for, the selects are widened to the whole scope and every condition but ownership is set aside; the
//! scope, the profile and what may be disclosed are the request's own.
//!
//! A canary that stands in any decoded view of a record has survived: the profile calls something harmless
//! that is not, or decostop has a fault. A planted record that does not come out was missed.
//!
//! The raw lines lie in a directory that only the user can enter and that is removed at the end, also when
//! the run is stopped or fails. Nothing of a log and no canary is told: kinds, spellings, names of fields.
//!
//! Not for: lines of text as text. They are planted as the fields that they are read as.

mod canary;
mod plant;
mod random;
mod sample;
#[cfg(test)]
mod tests;
mod views;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use decostop_profile::{Profile, RuleSet, Scope};
use decostop_redact::{Facts, Learner, Policy, ProfilePlan, Redactor, RequestKey, Typed};
use serde::Serialize;

use self::canary::Mint;
use self::plant::{Planted, Planter};
use self::random::Random;
use crate::artefact::{self, Finding, NdjsonProvenance, Options, private_file};
use crate::pipeline::{Dive, dive_into};
use crate::query::scope_index;
use crate::request::{Exception, ProjectRef, Request, Select, UserRef, conditions};
use crate::source::Discover;
use crate::{Error, ErrorKind, Limits, parse};

/// Lines of a source that are planted unless said otherwise.
pub const DEFAULT_SAMPLE: usize = 200;
/// Dives of one mode, each without the lines that the verifier stopped before.
const MAX_ROUNDS: usize = 16;
/// Survivors that are told one by one.
const MAX_TOLD: usize = 1_000;

/// A self-test, to be run. A request and a profile are not settings: there is none without them.
pub struct SelfTest {
    request: Request,
    profile: Arc<Profile>,
    inputs: Vec<PathBuf>,
    source_of: Vec<(String, String)>,
    rules: Arc<RuleSet>,
    sample: usize,
    seed: Option<u64>,
    threads: usize,
    temp_dir: PathBuf,
    now: SystemTime,
    cancel: Arc<AtomicBool>,
}

impl SelfTest {
    /// A self-test of a request on a profile.
    pub fn new(request: Request, profile: Arc<Profile>) -> Self {
        Self {
            request,
            profile,
            inputs: Vec::new(),
            source_of: Vec::new(),
            rules: RuleSet::builtin(),
            sample: DEFAULT_SAMPLE,
            seed: None,
            threads: 0,
            temp_dir: std::env::temp_dir(),
            now: SystemTime::UNIX_EPOCH,
            cancel: Arc::default(),
        }
    }

    /// Where the sample is taken from: files, directories, globs.
    #[must_use]
    pub fn inputs(mut self, paths: impl IntoIterator<Item = PathBuf>) -> Self {
        self.inputs.extend(paths);
        self
    }

    /// File-name globs with the source that they stand for, before the profile's own.
    #[must_use]
    pub fn source_of(mut self, pairs: Vec<(String, String)>) -> Self {
        self.source_of = pairs;
        self
    }

    /// Rules whose examples are planted, beside the kinds that always are. By default, the built-in ones.
    #[must_use]
    pub fn rules(mut self, rules: RuleSet) -> Self {
        self.rules = Arc::new(rules);
        self
    }

    /// Lines that are planted of each source. By default, [`DEFAULT_SAMPLE`].
    #[must_use]
    pub fn sample(mut self, lines: usize) -> Self {
        self.sample = lines;
        self
    }

    /// What the canaries are made from. By default, a fresh one; [`Outcome::seed`] tells it.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Threads of the dives. By default, one for each core.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Where the private directory is made. By default, the system's temporary directory.
    #[must_use]
    pub fn temp_dir(mut self, dir: PathBuf) -> Self {
        self.temp_dir = dir;
        self
    }

    /// The present time. Has to be given: the library has no clock.
    #[must_use]
    pub fn now(mut self, now: SystemTime) -> Self {
        self.now = now;
        self
    }

    /// A flag that ends the self-test when it becomes true.
    #[must_use]
    pub fn cancel(mut self, cancel: Arc<AtomicBool>) -> Self {
        self.cancel = cancel;
        self
    }

    /// Plants, dives and looks.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the request has no scope, or no line of a source was read;
    /// [`ErrorKind::Interrupted`] when cancelled; or as [`dive_into`]. A leak that the verifier stops is no
    /// error but a part of the outcome. The private directory is removed in any case.
    pub fn run(&self) -> Result<Outcome, Error> {
        let request = widened(&self.request)?;
        let config = |cause: decostop_redact::Error| Error::new(ErrorKind::Config, cause.to_string());
        let plan = ProfilePlan::new(Arc::clone(&self.profile)).map_err(config)?;
        let mut discover = Discover::new(&self.profile);
        for (glob, source) in &self.source_of {
            discover = discover.source_of(glob, source)?;
        }
        let discovery = discover.run(&self.inputs)?;
        let limits = Limits::default();
        let samples = sample::read(&plan, &discovery.inputs, &limits, self.sample, &self.cancel);
        self.check_cancelled()?;
        if samples.lines.is_empty() {
            return Err(Error::new(
                ErrorKind::Config,
                "no line of the inputs is a record of the profile",
            )
            .hint("--source-of GLOB=SOURCE names the source of files"));
        }
        let seed = match self.seed {
            Some(seed) => seed,
            None => fresh_seed()?,
        };
        let mut random = Random::new(seed);
        let paths = paths_of(&request.scope);
        let mint = Mint::new(&self.profile, &self.rules, &request.scope.users, &paths)?;
        let from = request.window.from.unwrap_or(request.requested_at);
        let nexus = Nexus::new(&request, plan)?;
        let mut sown = Vec::new();
        for (&index, lines) in &samples.lines {
            let Some(source) = self.profile.sources.get(index) else {
                continue;
            };
            let planter = Planter {
                profile: &self.profile,
                source,
                index,
                samples: &samples,
                scope: &request.scope,
                mint: &mint,
                from,
            };
            let mut field = Sown {
                source: source.name.clone(),
                sampled: lines.len() as u64,
                planted: Vec::new(),
            };
            let mut judge = nexus.judge(index, &limits);
            for nth in 0..self.sample {
                self.check_cancelled()?;
                // Where the line names no resource, only somebody of the scope makes it the customer's.
                let tries = [nth % 3 == 2, true];
                let made = tries.into_iter().find_map(|own| {
                    let planted = planter.line(nth, own, &mut random)?;
                    judge.concerns_scope(&planted.line).then_some(planted)
                });
                field.planted.extend(made);
            }
            sown.push(field);
        }
        let field = |name: &str| tempfile::Builder::new().prefix(name).tempdir_in(&self.temp_dir);
        let dir = field("decostop-selftest-").map_err(|cause| {
            Error::io(
                ErrorKind::Sink,
                &self.temp_dir,
                "make a private directory in it",
                cause,
            )
        })?;
        let outcome = self.dives(&request, &sown, dir.path(), seed);
        let kept = dir.path().to_owned();
        dir.close().map_err(|cause| {
            Error::io(ErrorKind::Sink, &kept, "remove it", cause)
                .hint("it holds raw log lines: remove it yourself")
        })?;
        let mut outcome = outcome?;
        outcome.unread_inputs = samples.unread;
        Ok(outcome)
    }

    fn check_cancelled(&self) -> Result<(), Error> {
        if self.cancel.load(Ordering::Relaxed) {
            return Err(Error::new(
                ErrorKind::Interrupted,
                "interrupted; nothing of the self-test is left",
            ));
        }
        Ok(())
    }

    fn dives(&self, request: &Request, sown: &[Sown], dir: &Path, seed: u64) -> Result<Outcome, Error> {
        let mut outcome = Outcome {
            seed,
            ..Outcome::default()
        };
        let mut cells = Cells::default();
        for field in sown {
            outcome.sources.push(SourceOutcome {
                source: field.source.clone(),
                sampled: field.sampled,
                planted: field.planted.len() as u64,
                ..SourceOutcome::default()
            });
        }
        if sown.iter().all(|field| field.planted.is_empty()) {
            return Ok(outcome);
        }
        for personal in [false, true] {
            let mode = Mode {
                personal,
                name: if personal { "personal" } else { "support" },
            };
            let mut request = request.clone();
            request.disclosure.personal_data = personal;
            // A record that the verifier stops ends a dive; the others are looked at without it.
            let mut stopped: HashSet<(usize, usize)> = HashSet::new();
            for _ in 0..MAX_ROUNDS {
                let (files, places) = lay_out(dir, sown, &stopped)?;
                let dive = Dive::builder(request.clone(), Arc::clone(&self.profile))
                    .inputs(files.iter().map(|(path, _)| path.clone()))
                    .source_of(files.iter().map(|(_, pair)| pair.clone()).collect())
                    .threads(self.threads)
                    .spill_dir(dir.to_owned())
                    .now(self.now)
                    .cancel(Arc::clone(&self.cancel))
                    .build()?;
                let out = dir.join(mode.name);
                match dive_into(&dive, &out, Options::default(), NdjsonProvenance::create_in) {
                    Ok(finished) => {
                        outcome.withheld += finished.report.counts.withheld;
                        self.look(&out, mode, sown, &places, &stopped, &mut cells, &mut outcome)?;
                        let _ = fs::remove_dir_all(&out);
                        break;
                    }
                    Err(error) if error.kind() == ErrorKind::Leak => {
                        let rejected = dir.join(format!("{}.rejected", mode.name));
                        let before = stopped.len();
                        for finding in findings(&rejected, dir)? {
                            let line = finding.line.as_ref().and_then(|line| places.get(line)).copied();
                            stopped.extend(line);
                            outcome.stopped.push(finding.told(mode.name, sown, line));
                        }
                        let _ = fs::remove_dir_all(&rejected);
                        if stopped.len() == before {
                            // Nothing says which line it is.
                            break;
                        }
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        outcome.cells = cells.told();
        Ok(outcome)
    }

    /// Looks for the canaries in the artefact of one mode.
    #[expect(
        clippy::too_many_arguments,
        reason = "what was sown, where, and what comes of it"
    )]
    fn look(
        &self,
        out: &Path,
        mode: Mode,
        sown: &[Sown],
        places: &Places,
        stopped: &HashSet<(usize, usize)>,
        cells: &mut Cells,
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let forbidden = |planted: &plant::Plant| !(mode.personal && planted.support_only);
        for plant in sown
            .iter()
            .flat_map(|field| &field.planted)
            .flat_map(|planted| &planted.plants)
            .filter(|plant| forbidden(plant))
        {
            cells.of(plant).0 += 1;
        }
        let artefact = artefact::open(out)?;
        let rows = artefact::read_ndjson(&out.join("internal/provenance.ndjson"))?;
        let mut seen: HashSet<(usize, usize)> = HashSet::new();
        for (record, row) in artefact.records()?.zip(rows) {
            self.check_cancelled()?;
            let (record, row) = (record?, row?);
            let name = Path::new(&row.input)
                .file_name()
                .map(|name| name.to_string_lossy().into_owned());
            let at = name.zip(row.offset).and_then(|line| places.get(&line)).copied();
            let line = at.and_then(|(source, nth)| {
                let field = sown.get(source)?;
                Some((field, field.planted.get(nth)?))
            });
            let Some((field, planted)) = line else { continue };
            seen.extend(at);
            let needles: Vec<(&plant::Plant, &str)> = planted
                .plants
                .iter()
                .filter(|plant| forbidden(plant))
                .flat_map(|plant| plant.needles.iter().map(move |needle| (plant, needle.as_str())))
                .collect();
            let texts = || needles.iter().map(|(_, needle)| *needle);
            if views::found(record.line(), texts()).is_empty() {
                continue;
            }
            for (name, value) in record.fields() {
                // A survivor in a key stands in the name.
                let text = format!(
                    "{name} {}",
                    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
                );
                for at in views::found(&text, texts()) {
                    let Some((plant, _)) = needles.get(at) else {
                        continue;
                    };
                    cells.of(plant).1 += 1;
                    outcome.survived(Survivor {
                        mode: mode.name,
                        source: field.source.clone(),
                        kind: plant.kind.clone(),
                        encoding: plant.encoding,
                        planted_in: plant.place.clone(),
                        found_in: told_field(&self.profile, &field.source, name),
                    });
                }
            }
        }
        for (at, (field, told)) in sown.iter().zip(&mut outcome.sources).enumerate() {
            let of = |set: &HashSet<(usize, usize)>| set.iter().filter(|(source, _)| *source == at).count();
            let (found, stopped) = (of(&seen), of(stopped));
            told.found.insert(mode.name, found as u64);
            let expected = field.planted.len() - stopped;
            outcome.expected += expected as u64;
            outcome.missed += (expected - found.min(expected)) as u64;
        }
        self.look_at_manifest(&artefact, mode, sown, outcome)
    }

    #[expect(clippy::unused_self, reason = "beside `look`")]
    fn look_at_manifest(
        &self,
        artefact: &artefact::Artefact,
        mode: Mode,
        sown: &[Sown],
        outcome: &mut Outcome,
    ) -> Result<(), Error> {
        let manifest = serde_json::to_string(artefact.manifest()).map_err(|cause| {
            Error::new(ErrorKind::Internal, "the manifest has no JSON form").because(cause)
        })?;
        let plants: Vec<(&Sown, &plant::Plant, &str)> = sown
            .iter()
            .flat_map(|field| field.planted.iter().map(move |planted| (field, planted)))
            .flat_map(|(field, planted)| planted.plants.iter().map(move |plant| (field, plant)))
            .filter(|(_, plant)| !plant.support_only)
            .flat_map(|(field, plant)| {
                plant
                    .needles
                    .iter()
                    .map(move |needle| (field, plant, needle.as_str()))
            })
            .collect();
        for at in views::found(&manifest, plants.iter().map(|(_, _, needle)| *needle)) {
            if let Some((field, plant, _)) = plants.get(at) {
                outcome.survived(Survivor {
                    mode: mode.name,
                    source: field.source.clone(),
                    kind: plant.kind.clone(),
                    encoding: plant.encoding,
                    planted_in: plant.place.clone(),
                    found_in: "manifest.json".to_owned(),
                });
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy)]
struct Mode {
    personal: bool,
    name: &'static str,
}

/// The planted lines of one source.
struct Sown {
    source: String,
    sampled: u64,
    planted: Vec<Planted>,
}

/// Name of a file and offset of a line in it, to the place of a source and of a line in it.
type Places = HashMap<(String, u64), (usize, usize)>;
/// Files with the source that each stands for.
type Files = Vec<(PathBuf, (String, String))>;

/// Writes the planted lines that were not stopped yet.
fn lay_out(dir: &Path, sown: &[Sown], stopped: &HashSet<(usize, usize)>) -> Result<(Files, Places), Error> {
    let (mut files, mut places) = (Files::new(), Places::new());
    for (source, field) in sown.iter().enumerate() {
        let name = format!("{}.log", field.source);
        let path = dir.join(&name);
        let mut lines = String::new();
        for (nth, planted) in field.planted.iter().enumerate() {
            if !stopped.contains(&(source, nth)) {
                places.insert((name.clone(), lines.len() as u64), (source, nth));
                lines.push_str(&planted.line);
                lines.push('\n');
            }
        }
        if lines.is_empty() {
            continue;
        }
        let _ = fs::remove_file(&path);
        private_file(&path)
            .and_then(|mut file| file.write_all(lines.as_bytes()))
            .map_err(|cause| Error::io(ErrorKind::Sink, &path, "write it", cause))?;
        files.push((path, (name, field.source.clone())));
    }
    Ok((files, places))
}

/// Tells which lines concern the scope.
struct Nexus {
    plan: Arc<ProfilePlan>,
    redactor: Redactor,
    facts: Facts,
}

struct Judge<'n> {
    nexus: &'n Nexus,
    source: usize,
    limits: &'n Limits,
    scratch: parse::Scratch,
    typed: Vec<Typed>,
}

impl Nexus {
    fn new(request: &Request, plan: ProfilePlan) -> Result<Self, Error> {
        let plan = Arc::new(plan);
        let key = RequestKey::from_bytes([0; 32]);
        let redactor = Redactor::new(Arc::clone(&plan), Policy::default(), &key)
            .map_err(|cause| Error::new(ErrorKind::Config, cause.to_string()))?;
        let facts = Learner::new(1).freeze(scope_index(request)?, &plan.profile.vocabulary.words);
        Ok(Self {
            plan,
            redactor,
            facts,
        })
    }

    fn judge<'n>(&'n self, source: usize, limits: &'n Limits) -> Judge<'n> {
        Judge {
            nexus: self,
            source,
            limits,
            scratch: parse::Scratch::default(),
            typed: Vec::new(),
        }
    }
}

impl Judge<'_> {
    fn concerns_scope(&mut self, line: &str) -> bool {
        let Nexus {
            plan,
            redactor,
            facts,
        } = self.nexus;
        let typed = &mut self.typed;
        let source = Some(self.source);
        let judged = parse::with_record(
            plan,
            line.as_bytes(),
            source,
            self.limits,
            &mut self.scratch,
            |record| {
                let at = plan.time(record).ok().flatten();
                record.source == self.source
                    && plan.typed(record, typed).is_ok()
                    && at.is_some_and(|at| redactor.has_nexus(typed, facts, at.ns))
            },
        );
        judged == Ok(true)
    }
}

/// What came of a self-test. Holds no value of a log and no canary.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Outcome {
    /// What the canaries were made from.
    pub seed: u64,
    /// Each source of which lines were read.
    pub sources: Vec<SourceOutcome>,
    /// Inputs of which no line was read.
    pub unread_inputs: u64,
    /// Canaries by kind and spelling, over both modes.
    pub cells: Vec<Cell>,
    /// Canaries that survived, at most 1,000.
    pub survivors: Vec<Survivor>,
    /// Survivors beyond those.
    pub further_survivors: u64,
    /// What the verifier stopped: the redactor let it through.
    pub stopped: Vec<Stopped>,
    /// Records that had to come out, over both modes.
    pub expected: u64,
    /// Those that did not.
    pub missed: u64,
    /// Planted lines that were withheld; they are among the missed.
    pub withheld: u64,
}

impl Outcome {
    /// Whether anything survived, or had to be stopped by the verifier.
    pub fn leaks(&self) -> bool {
        !self.survivors.is_empty() || !self.stopped.is_empty()
    }

    /// Whether planted records did not come out, or there was none.
    pub fn is_incomplete(&self) -> bool {
        self.missed > 0 || self.expected == 0 && self.stopped.is_empty()
    }

    fn survived(&mut self, survivor: Survivor) {
        if self.survivors.len() < MAX_TOLD {
            self.survivors.push(survivor);
        } else {
            self.further_survivors += 1;
        }
    }
}

/// One source of a self-test.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct SourceOutcome {
    /// Its name.
    pub source: String,
    /// Real lines that were read.
    pub sampled: u64,
    /// Lines that were planted; 0 if a line of the source cannot be made to concern the scope.
    pub planted: u64,
    /// Those that came out, by mode.
    pub found: BTreeMap<&'static str, u64>,
}

/// Canaries of one kind in one spelling.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Cell {
    /// What they are: `credential.jwt`, `foreign.name`, …
    pub kind: String,
    /// How they are written; `typed` for an identity in a field of its class.
    pub encoding: &'static str,
    /// How many.
    pub planted: u64,
    /// How many survived.
    pub survived: u64,
}

/// A canary that survived: where, never what.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Survivor {
    /// `support` or `personal`.
    pub mode: &'static str,
    /// The source.
    pub source: String,
    /// What it is.
    pub kind: String,
    /// How it was written.
    pub encoding: &'static str,
    /// The field in which it was planted; `[other]` if the profile does not know it.
    pub planted_in: String,
    /// The field of the record in which it stands.
    pub found_in: String,
}

/// A record that the verifier stopped.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Stopped {
    /// `support` or `personal`.
    pub mode: &'static str,
    /// The source of the line.
    pub source: String,
    /// The verifier's finding.
    #[serde(flatten)]
    pub finding: Finding,
    /// What was planted in that field, or in the whole line if the finding names no field.
    pub canaries: Vec<String>,
}

#[derive(Default)]
struct Cells(BTreeMap<(String, &'static str), (u64, u64)>);

impl Cells {
    fn of(&mut self, plant: &plant::Plant) -> &mut (u64, u64) {
        self.0.entry((plant.kind.clone(), plant.encoding)).or_default()
    }

    fn told(self) -> Vec<Cell> {
        let cells = self.0.into_iter();
        cells
            .map(|((kind, encoding), (planted, survived))| Cell {
                kind,
                encoding,
                planted,
                survived,
            })
            .collect()
    }
}

/// The name of a field of a record, if the profile knows it.
fn told_field(profile: &Profile, source: &str, name: &str) -> String {
    let base = crate::residual::base_name(source, name);
    let known = artefact::is_column(base)
        || profile
            .source(source)
            .is_some_and(|source| source.spec(base).is_some());
    // Of parameters the field and the keys that the profile lists.
    let dots = base.match_indices('.').map(|(at, _)| at);
    let listed = dots
        .filter_map(|at| base.get(at + 1..))
        .any(|key| profile.params.contains_key(key) || key == "[key]");
    if known || listed { name } else { "[other]" }.to_owned()
}

/// A finding of the verifier, and the line that it speaks of.
struct Found {
    rule: String,
    place: String,
    line: Option<(String, u64)>,
}

impl Found {
    fn told(self, mode: &'static str, sown: &[Sown], line: Option<(usize, usize)>) -> Stopped {
        let field = line.and_then(|(source, _)| sown.get(source));
        let planted = line.and_then(|(_, nth)| field?.planted.get(nth));
        // `field path: …` is a place, as is `field params.note: …`.
        let place = self
            .place
            .strip_prefix("field ")
            .and_then(|rest| rest.split(':').next());
        let in_place = |plant: &&plant::Plant| {
            place.is_none_or(|place| {
                let rest = place.strip_prefix(plant.place.as_str());
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '#']))
            })
        };
        let plants = planted
            .iter()
            .flat_map(|planted| &planted.plants)
            .filter(in_place);
        let mut canaries: Vec<String> = plants
            .map(|plant| format!("{} as {}", plant.kind, plant.encoding))
            .collect();
        canaries.sort_unstable();
        canaries.dedup();
        Stopped {
            mode,
            source: field.map(|field| field.source.clone()).unwrap_or_default(),
            finding: Finding::new(self.rule, self.place),
            canaries,
        }
    }
}

/// The verifier's findings, with places that do not name the private directory.
fn findings(rejected: &Path, dir: &Path) -> Result<Vec<Found>, Error> {
    let path = rejected.join("internal/verify.ndjson");
    let text =
        fs::read_to_string(&path).map_err(|cause| Error::io(ErrorKind::Sink, &path, "read it", cause))?;
    let dir = format!("{}/", dir.display());
    let told = |line: &str| -> Option<Found> {
        let row: serde_json::Value = serde_json::from_str(line).ok()?;
        let part = |name: &str| Some(row.get(name)?.as_str()?.replace(&dir, ""));
        let (rule, place) = (part("rule")?, part("place")?);
        let origin = place
            .rsplit_once(": ")
            .map_or(place.as_str(), |(_, origin)| origin);
        let line = origin.split_once(" at decoded byte ");
        let line = line.and_then(|(file, offset)| Some((file.to_owned(), offset.parse().ok()?)));
        Some(Found { rule, place, line })
    };
    Ok(text.lines().filter_map(told).collect())
}

/// The request with selects that take all that concerns its scope, and without what could refuse it.
fn widened(request: &Request) -> Result<Request, Error> {
    let mut request = request.clone();
    let Scope {
        namespaces,
        projects,
        users,
    } = &mut request.scope;
    // The lines are made now, whenever what they concern was acquired.
    for (since, until) in namespaces
        .iter_mut()
        .map(|entry| (&mut entry.since, &mut entry.until))
        .chain(
            projects
                .iter_mut()
                .map(|entry| (&mut entry.since, &mut entry.until)),
        )
        .chain(users.iter_mut().map(|entry| (&mut entry.since, &mut entry.until)))
    {
        (*since, *until) = (None, None);
    }
    if request.ad_hoc || namespaces.is_empty() && projects.is_empty() && users.is_empty() {
        return Err(Error::new(
            ErrorKind::Config,
            "the request owns nothing, so that nothing of a planted line could come out",
        )
        .hint("give a request with a [scope]"));
    }
    let mut selects = Vec::new();
    if !namespaces.is_empty() {
        selects.push(Select {
            namespaces: namespaces.iter().map(|entry| entry.path.clone()).collect(),
            ..Select::default()
        });
    }
    let named = projects.iter().filter(|project| !project.path.is_empty());
    let named: Vec<ProjectRef> = named
        .map(|project| ProjectRef::Path(project.path.clone()))
        .collect();
    let by_id = projects
        .iter()
        .filter_map(|project| project.id.map(ProjectRef::Id));
    let all: Vec<ProjectRef> = named.into_iter().chain(by_id).collect();
    if !all.is_empty() {
        selects.push(Select {
            projects: all,
            ..Select::default()
        });
    }
    if !users.is_empty() {
        let names = users.iter().filter(|user| !user.username.is_empty());
        let names = names.map(|user| UserRef::Name(user.username.clone()));
        let ids = users.iter().filter_map(|user| user.id.map(UserRef::Id));
        selects.push(Select {
            users: names.chain(ids).collect(),
            ..Select::default()
        });
    }
    request.selects = selects;
    request.exceptions = conditions::IDS
        .iter()
        .filter(|id| **id != conditions::SCOPE_OWNED)
        .map(|id| Exception {
            condition: (*id).to_owned(),
            reason: "self-test".to_owned(),
            approved_by: "self-test".to_owned(),
        })
        .collect();
    if request.evidence.is_empty() {
        "self-test".clone_into(&mut request.evidence);
    }
    Ok(request)
}

fn paths_of(scope: &Scope) -> Vec<String> {
    let namespaces = scope.namespaces.iter().map(|entry| entry.path.clone());
    namespaces
        .chain(scope.projects.iter().map(|entry| entry.path.clone()))
        .collect()
}

fn fresh_seed() -> Result<u64, Error> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).map_err(|cause| {
        Error::new(
            ErrorKind::Internal,
            format!("the system gives no random bytes: {cause}"),
        )
    })?;
    Ok(u64::from_le_bytes(seed))
}
