//! What the customer reads beside the records: a closed schema.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// `manifest.json`. Nothing about the platform's side of a dive is in it: no lines, bytes or inputs
/// read, no timings, no internal ids or paths.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    /// Version of this schema.
    pub version: u32,
    /// What wrote it.
    pub tool: Tool,
    /// The customer's own reference, or the request's id.
    pub reference: String,
    /// Whether it is a diver's look round, which is not for handing out.
    pub ad_hoc: bool,
    /// The window asked for.
    pub window: Window,
    /// What was asked, in the customer's own words; foreign selects are pseudonyms.
    pub asked: Vec<Value>,
    /// Counts of disclosed records.
    pub records: RecordCounts,
    /// Lines that concern the customer and were kept back because they could not be decided.
    pub withheld_with_nexus: u64,
    /// Format of the records: `ndjson`, `parquet`, `arrow` or `csv`.
    pub format: String,
    /// Every other file of the directory.
    pub files: Vec<FileEntry>,
}

/// The program that wrote a manifest.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Tool {
    /// This program.
    pub(super) fn this() -> Self {
        Self {
            name: "decostop".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// A half-open window of time.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Window {
    /// First instant, RFC 3339.
    pub from: Option<String>,
    /// First instant after it, RFC 3339.
    pub to: Option<String>,
}

/// Disclosed records, counted.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordCounts {
    /// All of them.
    pub total: u64,
    /// By source.
    pub by_source: BTreeMap<String, u64>,
    /// By event.
    pub by_event: BTreeMap<String, u64>,
    /// By UTC day.
    pub by_day: BTreeMap<String, u64>,
}

/// One file and what it must hold.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct FileEntry {
    /// Its name in the directory.
    pub name: String,
    /// Its size.
    pub bytes: u64,
    /// Its SHA-256 in lower-case hexadecimal digits.
    pub sha256: String,
}
