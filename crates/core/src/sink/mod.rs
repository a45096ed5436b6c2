//! Where verified records go.
//!
//! A [`Sink`] takes nothing but [`Verified`] records, and only the verifier makes those: a raw line
//! cannot reach a sink because its type does not fit.

use std::sync::Arc;

use crate::stats::{Evidence, Report};
use crate::{Error, Origin};

pub use decostop_verify::Verified;

mod count;

pub use count::CountSink;

/// What the pipeline does after a sink took something.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "a third answer would be another protocol")]
pub enum Flow {
    /// Go on.
    Continue,
    /// End the dive early; [`Sink::finish`] is still called.
    Stop,
}

/// Why a line, or a range of an input, is kept back.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Reason {
    /// A field that decides (time, selection, nexus) has the wrong JSON type.
    DecidingType,
    /// Nested deeper than the limit.
    Depth,
    /// A decoder failed or the input ended too early: a range is lost.
    Damaged,
    /// The input changed while it was read: a range is lost.
    Changed,
    /// Longer than the longest line that is parsed.
    Length,
    /// A limit on decoded size or ratio was reached: a range is lost.
    Limit,
    /// More JSON nodes than the limit.
    Nodes,
    /// It names what is asked for, but its source cannot be told, or it has no field of its source.
    Source,
    /// It matches but has no usable time.
    Time,
    /// The input could not be opened or read: the whole input is lost.
    Unreadable,
    /// Not a record of its source's format.
    Unparsable,
    /// The redactor could not decide.
    Undecided,
}

impl Reason {
    /// The word used in `withheld.ndjson` and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Damaged => "damaged",
            Self::DecidingType => "deciding_type",
            Self::Depth => "depth",
            Self::Length => "length",
            Self::Limit => "limit",
            Self::Nodes => "nodes",
            Self::Source => "source",
            Self::Time => "time",
            Self::Undecided => "undecided",
            Self::Unparsable => "unparsable",
            Self::Unreadable => "unreadable",
        }
    }

    /// The reason of a word.
    pub(crate) fn named(word: &str) -> Option<Self> {
        const ALL: [Reason; 12] = [
            Reason::Changed,
            Reason::Damaged,
            Reason::DecidingType,
            Reason::Depth,
            Reason::Length,
            Reason::Limit,
            Reason::Nodes,
            Reason::Source,
            Reason::Time,
            Reason::Undecided,
            Reason::Unparsable,
            Reason::Unreadable,
        ];
        ALL.into_iter().find(|reason| reason.as_str() == word)
    }

    /// Whether a range of an input is lost, rather than one line withheld.
    pub fn is_range(self) -> bool {
        matches!(
            self,
            Self::Changed | Self::Damaged | Self::Limit | Self::Unreadable
        )
    }
}

/// One line, or one range, that was kept back. Holds no content.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Withheld {
    /// Why.
    pub reason: Reason,
    /// The input and the decoded offset where it begins.
    pub origin: Origin,
    /// Decoded length in bytes, if known.
    pub bytes: Option<u64>,
    /// Source name, if known.
    pub source: Option<String>,
    /// Whether the line has nexus to the scope as far as could be told.
    pub nexus: bool,
    /// Its instant, if it was kept back among the records: its place in their order.
    pub(crate) time_ns: Option<i64>,
}

impl Withheld {
    /// A line or range at `origin` that is kept back for `reason`.
    pub fn new(reason: Reason, origin: Origin) -> Self {
        Self {
            reason,
            origin,
            bytes: None,
            source: None,
            nexus: false,
            time_ns: None,
        }
    }
}

/// Something that is not in the output record although it was in the line: one entry of provenance.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Removal {
    /// Dotted path of the field or parameter it was in; `[other]` if the name itself may not be told.
    pub field: Arc<str>,
    /// Class of what was removed.
    pub class: &'static str,
    /// The rule that removed it.
    pub rule: &'static str,
    /// First byte of the removed span in the decoded value.
    pub start: u32,
    /// Length of the removed span in bytes.
    pub length: u32,
    /// First 128 bits of a digest of what stood there, keyed with a key derived from the request's: equal
    /// values have equal digests within a request, and no guess can be tried without `internal/key`.
    pub digest: [u8; 16],
}

/// How an output record came to be; goes to `internal/provenance.parquet`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Provenance {
    /// Input and decoded offset of the raw line.
    pub origin: Origin,
    /// BLAKE3 digest of the raw line without its line end.
    pub line_digest: [u8; 32],
    /// What was removed, in field order.
    pub removals: Vec<Removal>,
    /// Source name.
    pub source: String,
    /// The record's event as disclosed.
    pub event: String,
    /// The record's instant, nanoseconds since 1970 in UTC.
    pub time_ns: i64,
}

/// Takes the results of a dive, in order.
pub trait Sink {
    /// Takes one verified record.
    ///
    /// # Errors
    /// Ends the dive; `finish` is not called and nothing of this sink may be used.
    fn record(&mut self, record: Verified<'_>, provenance: &Provenance) -> Result<Flow, Error>;

    /// Told of something kept back. By default, ignored: the report counts it anyway.
    ///
    /// # Errors
    /// As [`Sink::record`].
    fn withheld(&mut self, item: &Withheld) -> Result<Flow, Error> {
        let _ = item;
        Ok(Flow::Continue)
    }

    /// The dive is complete: every record and withheld item was given.
    ///
    /// # Errors
    /// The dive fails.
    fn finish(&mut self, report: &Report, evidence: &Evidence) -> Result<(), Error> {
        let _ = (report, evidence);
        Ok(())
    }
}
