//! A share of a dive's inputs, complete in itself: what a worker elsewhere needs, but for the key.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use decostop_profile::{Profile, RuleSet, Values};
use decostop_redact::Learner;
use serde::{Deserialize, Serialize};

use super::Secret;
use super::seal::at;
use crate::artefact::{Staging, private_file};
use crate::query::scope_index;
use crate::request::Request;
use crate::source::{
    Discovery, Input, InputId, InputKind, Problem, SkipReason, Skipped, SourceProblem, follows_in_svlogd,
};
use crate::{Dive, Error, ErrorKind, Limits};

const FORMAT: &str = "decostop-shard/1";
/// Shares of a plan; more would each be smaller than a file.
const MAX_SHARDS: usize = 100_000;

/// One share of a dive: some of its inputs, and all that decides what is found in them and what may leave.
///
/// The request is part of it, so it is for the house. The pseudonym key is not: every step is told where to
/// find it. Whole files are the unit, since one can be decoded from its beginning only.
#[derive(Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Shard {
    format: String,
    /// Of decostop; all steps take the same.
    version: String,
    /// BLAKE3 digest over those of all shares: a share that was made to fit itself does not fit the plan.
    plan: String,
    /// The digests beside the way from this share's to the plan's.
    way: Vec<String>,
    ordinal: u32,
    of: u32,
    /// BLAKE3 digest of this share.
    digest: String,
    /// Bytes as stored of its inputs.
    bytes: u64,
    inputs: Vec<ShardInput>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    skipped: Vec<LeftOut>,
    /// What the plan could not read and nobody reads: the first share tells, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unreadable: Vec<PathBuf>,
    pub(super) dive: Common,
}

/// Tells neither the request nor paths.
impl std::fmt::Debug for Shard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (ordinal, of, inputs) = (self.ordinal, self.of, self.inputs.len());
        write!(f, "Shard({ordinal} of {of}, {inputs} inputs)")
    }
}

/// A file of a share, as the plan found it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShardInput {
    /// Its place among all inputs of the dive: a part of the order of the output.
    pub(super) index: u32,
    pub(super) path: PathBuf,
    bytes: u64,
    /// Nanoseconds since 1970.
    modified_ns: i64,
    /// By its name as it was given to the plan, if that tells.
    source: Option<String>,
}

/// A file that is not read, and why: the first share tells, so that the result accounts for it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct LeftOut {
    path: PathBuf,
    reason: Left,
}

#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Left {
    Duplicate(PathBuf),
    Superseded(PathBuf),
    SetAside(String),
}

impl LeftOut {
    fn of(skipped: &Skipped) -> Result<Self, Error> {
        Ok(Self {
            path: absolute(&skipped.path)?,
            reason: match &skipped.reason {
                SkipReason::Duplicate(instead) => Left::Duplicate(absolute(instead)?),
                SkipReason::Superseded(instead) => Left::Superseded(absolute(instead)?),
                SkipReason::SetAside(reason) => Left::SetAside(reason.clone()),
            },
        })
    }

    fn skipped(&self) -> Skipped {
        Skipped {
            path: self.path.clone(),
            reason: match &self.reason {
                Left::Duplicate(instead) => SkipReason::Duplicate(instead.clone()),
                Left::Superseded(instead) => SkipReason::Superseded(instead.clone()),
                Left::SetAside(reason) => SkipReason::SetAside(reason.clone()),
            },
        }
    }
}

fn absolute(path: &Path) -> Result<PathBuf, Error> {
    std::path::absolute(path).map_err(|cause| Error::io(ErrorKind::Config, path, "find", cause))
}

/// What all shares have in common.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Common {
    /// The request as TOML.
    pub(super) request: String,
    profile: Named,
    rules: Named,
    learn_all: bool,
    /// Whether plain inputs are digested.
    digest: bool,
    source_of: Vec<(String, String)>,
    bounds: Bounds,
    /// Keyed digest of the accounts known to be foreign, if there are any: they join what the shares teach.
    accounts: Option<String>,
}

/// The limits that decide what becomes of a line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Bounds {
    max_line_bytes: usize,
    max_decoded_bytes: u64,
    max_ratio: u64,
    max_zstd_window_log: u32,
    max_depth: usize,
    max_nodes: usize,
    max_dictionary: usize,
}

impl Bounds {
    fn of(limits: &Limits) -> Self {
        let Limits {
            max_line_bytes,
            max_decoded_bytes,
            max_ratio,
            max_zstd_window_log,
            max_depth,
            max_nodes,
            max_dictionary,
            // These change how it is done, and nothing that comes of it.
            segment_bytes: _,
            part_bytes: _,
            memory_bytes: _,
        } = *limits;
        Self {
            max_line_bytes,
            max_decoded_bytes,
            max_ratio,
            max_zstd_window_log,
            max_depth,
            max_nodes,
            max_dictionary,
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            max_line_bytes: self.max_line_bytes,
            max_decoded_bytes: self.max_decoded_bytes,
            max_ratio: self.max_ratio,
            max_zstd_window_log: self.max_zstd_window_log,
            max_depth: self.max_depth,
            max_nodes: self.max_nodes,
            max_dictionary: self.max_dictionary,
            ..Limits::default()
        }
    }
}

/// A profile or rules: by name and digest, with the text unless it is built in.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
struct Named {
    name: String,
    digest: String,
    text: Option<String>,
}

fn hex(bytes: &[u8]) -> String {
    blake3::hash(bytes).to_hex().to_string()
}

fn modified(time: Option<SystemTime>) -> i64 {
    let since = time
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn json<T: Serialize>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|_| {
        Error::new(
            ErrorKind::Config,
            "a path or name cannot be written as JSON: it is not UTF-8",
        )
    })
}

impl Common {
    fn of(dive: &Dive, secret: Option<&Secret>) -> Result<Self, Error> {
        let accounts = match (secret, dive.accounts.is_empty()) {
            (_, true) => None,
            (Some(secret), false) => Some(secret.digest_of(&dive.accounts)),
            (None, false) => {
                return Err(Error::new(
                    ErrorKind::Config,
                    "accounts are bound to a plan by the key of its dive",
                )
                .hint(
                    "plan with the key that all steps take; the accounts themselves go to `decostop merge`",
                ));
            }
        };
        let profile = &dive.profile;
        let built_in = Profile::builtin(&profile.name).is_some_and(|known| known.digest == profile.digest);
        // Without the lists of this build, which are behind it: those are built in.
        let text = (!built_in).then(|| profile.original().map(str::to_owned));
        let text = text
            .map(|text| text.ok_or_else(|| other_version("profile")))
            .transpose()?;
        let rules = dive.rules.record();
        Ok(Self {
            request: dive.request.to_toml()?,
            profile: Named {
                name: profile.name.clone(),
                digest: profile.digest.clone(),
                text,
            },
            rules: Named {
                name: format!("{} rules", dive.rules.rules.len()),
                digest: hex(rules.as_bytes()),
                text: (*dive.rules != *RuleSet::builtin()).then(|| rules.clone()),
            },
            learn_all: dive.learn_all,
            digest: dive.digest,
            source_of: dive.source_of.clone(),
            bounds: Bounds::of(&dive.limits),
            accounts,
        })
    }

    pub(super) fn profile(&self) -> Result<Arc<Profile>, Error> {
        let Named { name, digest, text } = &self.profile;
        let profile = match text {
            None => Profile::builtin(name).ok_or_else(|| other_version("profile"))?,
            Some(text) => Profile::parse(text).map(Arc::new).map_err(|cause| {
                Error::new(ErrorKind::Config, "the profile of the shard cannot be used").because(cause)
            })?,
        };
        if profile.digest == *digest {
            Ok(profile)
        } else {
            Err(other_version("profile"))
        }
    }

    pub(super) fn rules(&self) -> Result<Arc<RuleSet>, Error> {
        let Named { digest, text, .. } = &self.rules;
        let rules = match text {
            None => RuleSet::builtin(),
            Some(text) => Arc::new(RuleSet::recorded(text).map_err(|cause| {
                Error::new(ErrorKind::Config, "the rules of the shard cannot be used").because(cause)
            })?),
        };
        if hex(rules.record().as_bytes()) == *digest {
            Ok(rules)
        } else {
            Err(other_version("set of rules"))
        }
    }

    pub(super) fn request(&self, profile: &Profile) -> Result<Request, Error> {
        Request::parse_with(&self.request, Path::new(""), profile)
    }

    pub(super) fn builder(&self) -> Result<crate::DiveBuilder, Error> {
        let profile = self.profile()?;
        let request = self.request(&profile)?;
        Ok(Dive::builder(request, profile)
            .rules(self.rules()?)
            .learn_all(self.learn_all)
            .digest(self.digest)
            .source_of(self.source_of.clone())
            .limits(self.bounds.limits()))
    }

    /// Lets a learner know the accounts of the dive.
    pub(super) fn teach(
        &self,
        learner: &mut Learner,
        accounts: &Values,
        secret: &Secret,
    ) -> Result<(), Error> {
        let (message, hint) = match (&self.accounts, accounts.is_empty()) {
            (None, true) => return Ok(()),
            (None, false) => (
                "the dive was planned without accounts",
                "plan once more, with the same --accounts",
            ),
            (Some(_), true) => (
                "the dive was planned with accounts",
                "give the same --accounts here",
            ),
            (Some(planned), false) if *planned == secret.digest_of(accounts) => {
                let scope = scope_index(&self.request(&*self.profile()?)?)?;
                for (class, text) in accounts.iter() {
                    learner.add_account(class, text, &scope);
                }
                return Ok(());
            }
            (Some(_), false) => (
                "the dive was planned with other accounts, or with another key",
                "give the same --accounts and --key-file to `plan` and here",
            ),
        };
        Err(Error::new(ErrorKind::Config, message).hint(hint))
    }

    /// Foreign values that the dictionary may hold.
    pub(super) fn max_dictionary(&self) -> usize {
        self.bounds.max_dictionary
    }
}

fn other_version(what: &str) -> Error {
    Error::new(
        ErrorKind::Config,
        format!("the shard was planned with another {what} than this decostop has"),
    )
    .hint("all steps of a dive take the same version of decostop")
}

impl Shard {
    /// Reads a share.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it is none, was changed, or was planned by another version.
    pub fn from_json(text: &str) -> Result<Self, Error> {
        // The cause would quote the text, which may be a log that was taken for a shard.
        let shard: Self = serde_json::from_str(text).map_err(|cause| {
            let place = format!("line {}, column {}", cause.line(), cause.column());
            Error::new(ErrorKind::Config, format!("is no shard, as {place} tells"))
                .hint("`decostop plan REQUEST PATH… --shards N` makes them")
        })?;
        if shard.format != FORMAT || shard.version != env!("CARGO_PKG_VERSION") {
            return Err(other_version("version"));
        }
        let is_whole = shard.ordinal < shard.of
            && shard.digest == shard.digested()?
            && climbed(&shard.digest, shard.ordinal, shard.of, &shard.way).as_ref() == Some(&shard.plan);
        if !is_whole {
            return Err(
                Error::new(ErrorKind::Config, "the shard was changed after it was planned")
                    .hint("plan once more: `decostop plan REQUEST PATH… --shards N`"),
            );
        }
        Ok(shard)
    }

    /// The share as JSON, on one line.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if a path is not UTF-8.
    pub fn to_json(&self) -> Result<String, Error> {
        json(self)
    }

    fn digested(&self) -> Result<String, Error> {
        let plain = Self {
            digest: String::new(),
            plan: String::new(),
            way: Vec::new(),
            ..self.clone()
        };
        Ok(hex(json(&plain)?.as_bytes()))
    }

    /// Its number, from 0.
    pub fn ordinal(&self) -> u32 {
        self.ordinal
    }

    /// How many shares the plan has.
    pub fn of(&self) -> u32 {
        self.of
    }

    /// Bytes as stored of its inputs.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What the plan could not read, all of it in the first share.
    pub fn unreadable(&self) -> impl ExactSizeIterator<Item = &Path> {
        self.unreadable.iter().map(PathBuf::as_path)
    }

    /// What tells its plan from others, as hexadecimal digits.
    pub fn plan(&self) -> &str {
        &self.plan
    }

    /// Its files, in the order of the plan.
    pub fn paths(&self) -> impl Iterator<Item = &Path> {
        self.inputs.iter().map(|input| input.path.as_path())
    }

    pub(super) fn inputs(&self) -> &[ShardInput] {
        &self.inputs
    }

    /// Lets inputs that were found anew be what the plan found: in its order, of the same source, beside the
    /// same files that are not read. Answers whether they are the same files.
    pub(super) fn as_planned(&self, found: &mut Discovery, profile: &Profile) -> bool {
        let count = found.inputs.len();
        let mut by_path: HashMap<PathBuf, Input> = std::mem::take(&mut found.inputs)
            .into_iter()
            .map(|input| (input.path.clone(), input))
            .collect();
        for (nth, planned) in (0..).zip(&self.inputs) {
            // The plan may have ordered other spellings of the paths.
            let Some(mut input) = by_path.remove(&planned.path) else {
                return false;
            };
            let name = planned.source.as_deref();
            input.id = InputId(nth);
            input.source =
                name.and_then(|name| profile.sources.iter().position(|source| source.name == name));
            found.inputs.push(input);
        }
        let is_same = found.problems.is_empty() && found.inputs.len() == count;
        found.skipped = self.skipped.iter().map(LeftOut::skipped).collect();
        let lost = |path: &PathBuf| Problem::new(path, SourceProblem::Unreadable);
        found.problems = self.unreadable.iter().map(lost).collect();
        is_same
    }

    /// That every file is what it was when the dive was planned.
    pub(super) fn check_inputs(&self) -> Result<(), Error> {
        for input in &self.inputs {
            let metadata = fs::metadata(&input.path)
                .map_err(|cause| Error::io(ErrorKind::Source, &input.path, "read", cause))?;
            if metadata.len() != input.bytes || modified(metadata.modified().ok()) != input.modified_ns {
                let what = "changed after the dive was planned";
                return Err(Error::new(ErrorKind::Source, what)
                    .at(crate::Origin {
                        path: input.path.clone(),
                        offset: None,
                    })
                    .hint("plan once more, over files that are no longer written to"));
            }
        }
        Ok(())
    }

    /// Reads a share from a file.
    ///
    /// # Errors
    /// As [`Shard::from_json`], with the path.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(path)
            .map_err(|cause| Error::io(ErrorKind::Config, path, "read the shard", cause))?;
        Self::from_json(&text).map_err(|error| {
            let told = at(path, error.to_string());
            match error.advice() {
                Some(hint) => told.hint(hint),
                None => told,
            }
        })
    }
}

/// Writes shares to a new directory, one file each (`shard-0000.json`, …). It appears when it is complete.
///
/// # Errors
/// [`ErrorKind::Config`] if there is such a name already, or no directory for it, or if a path is not UTF-8;
/// [`ErrorKind::Sink`] if it cannot be written. Nothing is left then.
pub fn write_shards(shards: &[Shard], out: &Path) -> Result<(), Error> {
    let staging = Staging::create(out, None)?;
    for shard in shards {
        let path = staging.path().join(format!("shard-{:04}.json", shard.ordinal()));
        let json = shard.to_json()?;
        let write = || {
            let mut file = private_file(&path)?;
            file.write_all(json.as_bytes())?;
            file.sync_all()
        };
        write().map_err(|cause| Error::io(ErrorKind::Sink, out, "write a share", cause))?;
    }
    staging.publish().map(drop)
}

impl Dive {
    /// The dive in at most `count` shares of about the same number of stored bytes, none of them empty:
    /// whole files, those of one svlogd directory together. The same dive gives the same shares. What cannot be
    /// read now counts as lost, as in one process, whether or not a worker could.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] for settings that need all inputs at once (following ids or correlations,
    /// `dedup`), for accounts ([`Dive::shards_with`] takes them), for standard input, paths that are not UTF-8,
    /// or if there is nothing at all.
    pub fn shards(&self, count: usize) -> Result<Vec<Shard>, Error> {
        self.shared_out(count, None)
    }

    /// As [`Dive::shards`], also of a dive with accounts. They are not in the shares, which are not sealed:
    /// those hold a digest of them, keyed with `secret`, and [`merge`](super::merge) takes the same accounts.
    ///
    /// # Errors
    /// As [`Dive::shards`].
    pub fn shards_with(&self, count: usize, secret: &Secret) -> Result<Vec<Shard>, Error> {
        self.shared_out(count, Some(secret))
    }

    fn shared_out(&self, count: usize, secret: Option<&Secret>) -> Result<Vec<Shard>, Error> {
        let unfit = |what: &str, hint: &str| Err(Error::new(ErrorKind::Config, what).hint(hint));
        if self.request.ad_hoc {
            return unfit(
                "a look round cannot be shared out",
                "write a request: `decostop request new FILE`",
            );
        }
        if self.follow_ids || self.follow_correlation || self.dedup {
            return unfit(
                "following and --dedup need all inputs at once",
                "a dive in shares goes without them",
            );
        }
        let inputs: Vec<&Input> = self
            .discovery
            .inputs
            .iter()
            .filter(|input| self.wants(input))
            .collect();
        if inputs.iter().any(|input| input.kind == InputKind::Stream) {
            return unfit(
                "standard input and pipes cannot be shared out",
                "write it to a file first",
            );
        }
        let problems = self.discovery.problems.iter();
        let mut unreadable = problems
            .map(|problem| absolute(&problem.path))
            .collect::<Result<Vec<_>, _>>()?;
        if inputs.is_empty() && unreadable.is_empty() {
            return unfit(
                "there is nothing to read",
                "`decostop plan` says what was left out",
            );
        }
        let common = Common::of(self, secret)?;
        let all: Vec<ShardInput> = inputs
            .iter()
            .map(|input| {
                let source = input.source.and_then(|source| self.profile.sources.get(source));
                Ok(ShardInput {
                    index: input.id.0,
                    path: absolute(&input.path)?,
                    bytes: input.bytes,
                    modified_ns: modified(input.mtime),
                    source: source.map(|source| source.name.clone()),
                })
            })
            .collect::<Result<_, Error>>()?;
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let shares = balanced(together(all), count.clamp(1, MAX_SHARDS));
        let of = u32::try_from(shares.len()).unwrap_or(u32::MAX);
        let skipped = self.discovery.skipped.iter().map(LeftOut::of);
        let mut skipped = skipped.collect::<Result<Vec<_>, _>>()?;
        let shard = |(ordinal, inputs): (u32, Vec<ShardInput>)| {
            let mut shard = Shard {
                format: FORMAT.to_owned(),
                version: version.clone(),
                plan: String::new(),
                way: Vec::new(),
                ordinal,
                of,
                digest: String::new(),
                bytes: inputs.iter().map(|input| input.bytes).sum(),
                inputs,
                skipped: std::mem::take(&mut skipped),
                unreadable: std::mem::take(&mut unreadable),
                dive: common.clone(),
            };
            shard.digest = shard.digested()?;
            Ok(shard)
        };
        let mut shards: Vec<Shard> = (0..).zip(shares).map(shard).collect::<Result<_, Error>>()?;
        let leaves: Vec<String> = shards.iter().map(|shard| shard.digest.clone()).collect();
        let levels = levels(leaves);
        for shard in &mut shards {
            shard.way = way(&levels, shard.ordinal as usize);
            let plan = climbed(&shard.digest, shard.ordinal, of, &shard.way);
            shard.plan = plan.ok_or_else(|| Error::new(ErrorKind::Internal, "a share without a way"))?;
        }
        Ok(shards)
    }
}

/// The digest of two that stand side by side.
fn above(one: &str, other: &str) -> String {
    hex(format!("{FORMAT} {one} {other}").as_bytes())
}

/// Digests level by level, those of the shares first; one without a neighbour goes up as it is.
fn levels(leaves: Vec<String>) -> Vec<Vec<String>> {
    let mut levels = vec![leaves];
    while let Some(level) = levels.last().filter(|level| level.len() > 1) {
        let pairs = level.chunks(2);
        let next = pairs.map(|pair| match pair {
            [one, other] => above(one, other),
            _ => pair.concat(),
        });
        let next = next.collect();
        levels.push(next);
    }
    levels
}

/// The neighbours on the way up from the `at`th share.
fn way(levels: &[Vec<String>], at: usize) -> Vec<String> {
    let places = levels.iter().enumerate();
    places
        .filter_map(|(up, level)| level.get((at >> up) ^ 1).cloned())
        .collect()
}

/// The digest of the plan, from that of a share and its way; nothing if the way is too short or too long.
fn climbed(digest: &str, ordinal: u32, of: u32, way: &[String]) -> Option<String> {
    let (mut at, mut last) = (ordinal, of.checked_sub(1)?);
    let (mut digest, mut way) = (digest.to_owned(), way.iter());
    while last > 0 {
        if at % 2 == 1 {
            digest = above(way.next()?, &digest);
        } else if at < last {
            digest = above(&digest, way.next()?);
        }
        at /= 2;
        last /= 2;
    }
    // The number of shares belongs to the plan.
    way.next().is_none().then(|| above(&of.to_string(), &digest))
}

/// Files that have to be read by one worker: svlogd cuts lines between those of a directory.
fn together(inputs: Vec<ShardInput>) -> Vec<Vec<ShardInput>> {
    let paths: Vec<(&Path, u32)> = inputs
        .iter()
        .map(|input| (input.path.as_path(), input.index))
        .collect();
    let mut before: HashMap<u32, u32> = HashMap::new();
    let first = |before: &HashMap<u32, u32>, mut of: u32| {
        while let Some(earlier) = before.get(&of) {
            of = *earlier;
        }
        of
    };
    for (one, next) in follows_in_svlogd(&paths) {
        let (one, next) = (first(&before, one), first(&before, next));
        if one != next {
            before.insert(next, one);
        }
    }
    let mut groups: std::collections::BTreeMap<u32, Vec<ShardInput>> = std::collections::BTreeMap::new();
    for input in inputs {
        let of = first(&before, input.index);
        groups.entry(of).or_default().push(input);
    }
    groups.into_values().collect()
}

/// Largest first onto the least loaded; one share at least, if only to tell what cannot be read.
fn balanced(mut groups: Vec<Vec<ShardInput>>, count: usize) -> Vec<Vec<ShardInput>> {
    let bytes = |group: &[ShardInput]| group.iter().map(|input| input.bytes).sum::<u64>();
    groups.sort_by_key(|group| std::cmp::Reverse(bytes(group)));
    let mut shares: Vec<(u64, Vec<ShardInput>)> = vec![(0, Vec::new()); count.min(groups.len()).max(1)];
    for group in groups {
        let least = shares
            .iter_mut()
            .min_by_key(|(load, inputs)| (*load, inputs.len()));
        if let Some((load, inputs)) = least {
            *load += bytes(&group);
            inputs.extend(group);
        }
    }
    shares
        .into_iter()
        .map(|(_, mut inputs)| {
            inputs.sort_by_key(|input| input.index);
            inputs
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str = r#"
version = 1
id = "SIRT-1"
requested_at = 2026-11-08T09:00:00Z
customer = { name = "Acme", plan = "ultimate", billing = "paid" }
scope = { evidence = "an export", namespaces = ["acme"] }
window = { from = 2026-11-01T00:00:00Z, to = 2026-11-08T00:00:00Z }
select = [{ namespaces = ["acme"], events = ["repository.read"] }]
"#;

    #[test]
    fn inputs_stand_in_the_order_of_the_plan() {
        let dir = tempfile::tempdir().expect("a directory");
        for name in ["production_json.log.1", "production_json.log.2", "x.log"] {
            fs::write(dir.path().join(name), "{}\n").expect("a file");
        }
        let profile = Profile::gitlab();
        let find = || {
            crate::source::Discover::new(&profile)
                .run(&[dir.path().to_owned()])
                .expect("inputs")
        };
        let found = find();
        let text = |nth: usize| found.inputs.get(nth).map(|input| input.path.clone());
        let planned = |nth: usize| ShardInput {
            index: 0,
            path: text(nth).expect("an input"),
            bytes: 3,
            modified_ns: 0,
            source: Some("api_json".to_owned()),
        };
        let request = Request::parse_with(REQUEST, Path::new(""), &profile).expect("a request");
        let dive = Dive::builder(request, Arc::clone(&profile))
            .inputs([dir.path().to_owned()])
            .now(UNIX_EPOCH + std::time::Duration::from_secs(1_796_000_000))
            .build()
            .expect("a dive");
        let mut shard = dive.shards(1).expect("a share").remove(0);
        shard.inputs = vec![planned(2), planned(0), planned(1)];
        let mut again = find();
        assert!(shard.as_planned(&mut again, &profile));
        for (nth, (input, planned)) in again.inputs.iter().zip(&shard.inputs).enumerate() {
            assert_eq!((input.id.0 as usize, &input.path), (nth, &planned.path));
            let source = input.source.and_then(|at| profile.sources.get(at));
            assert_eq!(source.map(|source| source.name.as_str()), Some("api_json"));
        }
        // A file less or a file more is another share.
        shard.inputs.pop();
        assert!(!shard.as_planned(&mut find(), &profile));
        shard.inputs = vec![planned(0), planned(1), planned(2)];
        fs::remove_file(dir.path().join("x.log")).expect("a file");
        assert!(!shard.as_planned(&mut find(), &profile));
    }

    #[test]
    fn every_share_leads_to_the_plan_and_no_other_does() {
        for of in 1..40_u32 {
            let leaves: Vec<String> = (0..of).map(|nth| hex(&nth.to_le_bytes())).collect();
            let levels = levels(leaves.clone());
            let plan = levels
                .last()
                .and_then(|top| top.first())
                .map(|top| above(&of.to_string(), top));
            assert!(plan.is_some());
            for (ordinal, leaf) in (0..of).zip(&leaves) {
                let way = way(&levels, ordinal as usize);
                assert_eq!(climbed(leaf, ordinal, of, &way), plan, "{ordinal} of {of}");
                let other = hex(b"another share");
                assert_ne!(climbed(&other, ordinal, of, &way), plan, "{ordinal} of {of}");
                assert_ne!(climbed(leaf, ordinal, of + 1, &way), plan, "{ordinal} of {of}");
                if of > 1 {
                    assert_ne!(
                        climbed(leaf, (ordinal + 1) % of, of, &way),
                        plan,
                        "{ordinal} of {of}"
                    );
                    assert_ne!(climbed(leaf, ordinal, of, &way[1..]), plan, "{ordinal} of {of}");
                }
                let longer = [&way[..], &[other]].concat();
                assert_eq!(climbed(leaf, ordinal, of, &longer), None, "{ordinal} of {of}");
            }
        }
    }
}
