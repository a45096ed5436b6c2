//! What a dive counted, and the evidence of how its output came to be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Serialize;

use decostop_profile::{Class, Values};

use crate::artefact::path_text;
use crate::sink::Reason;

/// One input as it was read.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct InputReport {
    /// The input, as the caller named it.
    #[serde(serialize_with = "path")]
    pub path: PathBuf,
    /// `plain`, `gzip`, `zstd`, …
    pub codec: &'static str,
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes after decoding.
    pub decoded_bytes: u64,
    /// Digest of the bytes on disk (`blake3:…`), when it was taken.
    pub digest: Option<String>,
    /// Another input that holds the same file, which is why this one was not read.
    #[serde(serialize_with = "path_if_any")]
    pub duplicate_of: Option<PathBuf>,
    /// Why the profile says that nothing in it is missed, which is why it was not read.
    pub set_aside: Option<String>,
    /// Whether every byte was read and decoded.
    pub complete: bool,
}

/// Lines by what became of them. Added up over workers.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Counts {
    /// Lines looked at one by one; segments without any candidate are not split.
    pub candidates: u64,
    /// Lines that match a select.
    pub matched: u64,
    /// Matched lines that were disclosed.
    pub disclosed: u64,
    /// Matched lines without nexus to the scope.
    pub outside_scope: u64,
    /// Matched lines left out because an equal one came before; only counted when asked for.
    pub duplicates: u64,
    /// Lines and ranges kept back.
    pub withheld: u64,
    /// Of those, the ones with nexus.
    pub withheld_with_nexus: u64,
    /// Kept back by reason.
    pub withheld_by_reason: BTreeMap<&'static str, u64>,
    /// Values that were dropped, replaced or kept: `source/class/disposition` to count.
    pub fields: BTreeMap<String, u64>,
    /// Unclassed fields by name, as far as the names may be told.
    pub unknown_fields: BTreeMap<String, u64>,
    /// Other noteworthy things (`scope.conflict`, `event.unlisted`, `path.unrouted`, …) to count.
    pub notes: BTreeMap<&'static str, u64>,
}

impl Counts {
    /// Counts a line or range that is kept back.
    pub(crate) fn withhold(&mut self, reason: Reason, nexus: bool) {
        self.withheld += 1;
        self.withheld_with_nexus += u64::from(nexus);
        *self.withheld_by_reason.entry(reason.as_str()).or_default() += 1;
    }
}

/// What a dive did.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Counts of lines and fields.
    pub counts: Counts,
    /// Disclosed records by source.
    pub by_source: BTreeMap<String, u64>,
    /// Disclosed records by event.
    pub by_event: BTreeMap<String, u64>,
    /// Disclosed records by UTC day (`2026-11-01`).
    pub by_day: BTreeMap<String, u64>,
    /// Disclosed records by in-scope namespace.
    pub by_namespace: BTreeMap<String, u64>,
    /// Distinct actors among the disclosed records.
    pub actors: u64,
    /// Distinct client addresses among the disclosed records.
    pub addresses: u64,
    /// Disclosed records that are alone in their class by day: no other shares their remaining
    /// quasi-identifiers ([`crate::residual`]).
    pub alone: u64,
    /// First and last instant disclosed, as RFC 3339.
    pub first_time: Option<String>,
    /// See `first_time`.
    pub last_time: Option<String>,
    /// Inputs in order.
    pub inputs: Vec<InputReport>,
    /// Name and BLAKE3 digest of the profile.
    pub profile: (String, String),
    /// Number and BLAKE3 digest of the detector rules.
    pub rules: (usize, String),
    /// BLAKE3 digest of the policy: request, profile, rules and version together.
    pub policy_digest: String,
    /// Threads used.
    pub threads: usize,
    /// Wall time of each phase: `scan`, `redact`.
    #[serde(serialize_with = "seconds")]
    pub timings: BTreeMap<&'static str, Duration>,
    /// Largest resident set of the process, if the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// Where the time of the threads went.
    pub work: Work,
    /// How lines were found: needles of the prefilter, or why there is none.
    pub plan: Vec<String>,
    /// Whether an ad-hoc look round rather than a request was run.
    pub ad_hoc: bool,
}

impl Report {
    /// Everything that was counted, as JSON. Holds paths of inputs: for the house.
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("counts, names and texts can be written")
    }

    /// Lines and ranges that were withheld, or inputs that were not read to their end, whichever are
    /// more: where it is not 0, the result is incomplete.
    pub fn missing(&self) -> u64 {
        let broken = self.inputs.iter().filter(|input| !input.complete).count() as u64;
        self.counts.withheld.max(broken)
    }

    /// What of a phase of this length, in which the work grew from `before`, no thread worked.
    pub(crate) fn idle_within(&mut self, phase: Duration, before: Work) {
        let worked = self.work.busy().saturating_sub(before.busy());
        let all = phase * u32::try_from(self.threads).unwrap_or(u32::MAX);
        self.work.wait += all.saturating_sub(worked);
    }
}

/// Where the time of all threads together went, and how much they looked at.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Work {
    /// Reading, decoding and framing.
    #[serde(serialize_with = "in_seconds")]
    pub decode: Duration,
    /// Searching decoded bytes for what a match must hold.
    #[serde(serialize_with = "in_seconds")]
    pub search: Duration,
    /// Deciding about single lines: by projection of what decides, else parsed in full.
    #[serde(serialize_with = "in_seconds")]
    pub project: Duration,
    /// Parsing and redacting matched lines.
    #[serde(serialize_with = "in_seconds")]
    pub redact: Duration,
    /// Verifying records, one by one and once more as they were written.
    #[serde(serialize_with = "in_seconds")]
    pub verify: Duration,
    /// Merging, counting and writing.
    #[serde(serialize_with = "in_seconds")]
    pub write: Duration,
    /// Threads without work.
    #[serde(serialize_with = "in_seconds")]
    pub wait: Duration,
    /// Decoded bytes of lines that were looked at one by one.
    pub line_bytes: u64,
}

impl Work {
    /// Adds what another thread did.
    pub(crate) fn add(&mut self, other: &Self) {
        self.decode += other.decode;
        self.search += other.search;
        self.project += other.project;
        self.redact += other.redact;
        self.verify += other.verify;
        self.write += other.write;
        self.wait += other.wait;
        self.line_bytes += other.line_bytes;
    }

    /// All of it but the waiting.
    pub fn busy(&self) -> Duration {
        self.decode + self.search + self.project + self.redact + self.verify + self.write
    }

    /// Each part with its name, in the order of a dive.
    pub fn parts(&self) -> [(&'static str, Duration); 7] {
        [
            ("decode", self.decode),
            ("search", self.search),
            ("project", self.project),
            ("redact", self.redact),
            ("verify", self.verify),
            ("write", self.write),
            ("wait", self.wait),
        ]
    }
}

/// Paths need not be UTF-8.
fn path<S: serde::Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&path_text(path))
}

#[expect(clippy::ref_option, reason = "serde hands over a reference to the field")]
fn path_if_any<S: serde::Serializer>(path: &Option<PathBuf>, to: S) -> Result<S::Ok, S::Error> {
    path.as_deref().map(path_text).serialize(to)
}

fn in_seconds<S: serde::Serializer>(spent: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64(spent.as_secs_f64())
}

fn seconds<S: serde::Serializer>(
    timings: &BTreeMap<&'static str, Duration>,
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_map(timings.iter().map(|(phase, spent)| (phase, spent.as_secs_f64())))
}

/// Whether a value learned in a dive belongs to the customer.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Standing {
    /// Somebody else's.
    Foreign,
    /// In scope by its pairing with in-scope names, though the request does not list it.
    Linked,
}

impl Standing {
    /// The word used in `dictionary.csv`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Foreign => "foreign",
            Self::Linked => "linked",
        }
    }
}

/// The values that a dive learned, as `dictionary.csv` has them. `Debug` tells counts only.
#[derive(Clone, Debug, Default)]
pub struct Dictionary {
    /// Foreign values.
    pub foreign: Values,
    /// Ids in scope by their pairings.
    pub linked: Values,
}

impl Dictionary {
    /// Values of both kinds.
    pub fn len(&self) -> usize {
        self.foreign.len() + self.linked.len()
    }

    /// Whether nothing was learned.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All values in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = (Class, &str, Standing)> {
        let foreign = self.foreign.iter();
        let foreign = foreign.map(|(class, value)| (class, value, Standing::Foreign));
        let linked = self.linked.iter();
        foreign.chain(linked.map(|(class, value)| (class, value, Standing::Linked)))
    }
}

/// What the internal record of a dive needs beside the counts. Holds values: never leaves the house,
/// and does not print.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Evidence {
    /// The request as run.
    pub request_toml: String,
    /// The detector rules as run, as [`decostop_profile::RuleSet::record`] writes them; empty if there is no
    /// record, which makes a verifier take its built-in ones.
    pub rules: String,
    /// The request's pseudonym key.
    pub request_key: [u8; 32],
    /// Pseudonyms given, with class and value, ordered by pseudonym.
    pub pseudonyms: Vec<(String, Class, String)>,
    /// Values learned, ordered.
    pub dictionary: Dictionary,
    /// What the manifest says was asked: foreign selects are pseudonyms already.
    pub asked: Vec<serde_json::Value>,
    /// The customer's reference, or the request id.
    pub reference: String,
    /// The window as asked, RFC 3339.
    pub window: (Option<String>, Option<String>),
    /// What is left in the records, and how much of it stands out.
    pub residual: crate::residual::Residual,
}

impl std::fmt::Debug for Evidence {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Evidence(<{} pseudonyms, {} values>)",
            self.pseudonyms.len(),
            self.dictionary.len()
        )
    }
}
