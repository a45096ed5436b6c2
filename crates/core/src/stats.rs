//! What a dive counted, and the evidence of how its output came to be.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use decostop_profile::Class;

/// One input as it was read.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct InputReport {
    /// The input, as the caller named it.
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
    /// First and last instant disclosed, as RFC 3339.
    pub first_time: Option<String>,
    /// See `first_time`.
    pub last_time: Option<String>,
    /// Inputs in order.
    pub inputs: Vec<InputReport>,
    /// Name and BLAKE3 digest of the profile.
    pub profile: (String, String),
    /// BLAKE3 digest of the policy: request, profile and version together.
    pub policy_digest: String,
    /// Threads used.
    pub threads: usize,
    /// Wall time of each phase: `scan`, `redact`.
    #[serde(serialize_with = "seconds")]
    pub timings: BTreeMap<&'static str, Duration>,
    /// Largest resident set of the process, if the system tells.
    pub peak_memory_bytes: Option<u64>,
    /// How lines were found: needles of the prefilter, or why there is none.
    pub plan: Vec<String>,
    /// Whether an ad-hoc look round rather than a request was run.
    pub ad_hoc: bool,
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

/// What the internal record of a dive needs beside the counts. Holds values: never leaves the house,
/// and does not print.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct Evidence {
    /// The request as run.
    pub request_toml: String,
    /// The request's pseudonym key.
    pub request_key: [u8; 32],
    /// Pseudonyms given, with class and value, ordered by pseudonym.
    pub pseudonyms: Vec<(String, Class, String)>,
    /// Values learned, ordered.
    pub dictionary: Vec<(Class, String, Standing)>,
    /// What the manifest says was asked: foreign selects are pseudonyms already.
    pub asked: Vec<serde_json::Value>,
    /// The customer's reference, or the request id.
    pub reference: String,
    /// The window as asked, RFC 3339.
    pub window: (Option<String>, Option<String>),
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
