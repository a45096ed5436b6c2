//! Columnar evidence for decostop: `internal/provenance.parquet`.
//!
//! [`ParquetProvenance`] is a [`ProvenanceWriter`](decostop::artefact::ProvenanceWriter) that the
//! artefact writer takes, [`read_provenance`] gives the rows back, one row group at a time:
//!
//! ```
//! use decostop::sink::Provenance;
//! use decostop_columnar::{ParquetProvenance, read_provenance};
//!
//! # let dir = tempfile::tempdir()?;
//! let mut writer = ParquetProvenance::create_in(dir.path())?;
//! writer.row(0, &Provenance::default())?;
//! writer.finish()?;
//! let rows = read_provenance(&dir.path().join("provenance.parquet"))?;
//! assert_eq!(rows.count(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! It is a crate of its own because Parquet is a heavy dependency. Not for: records. This is
//! evidence, which never leaves the house.

#![forbid(unsafe_code)]

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Row, Rows, read_provenance};
pub use write::{MAX_GROUP_BYTES, MAX_GROUP_ROWS, ParquetProvenance};

/// The columns, one row for each output record. `time` is in microseconds, as most readers expect;
/// `removals` is JSON text, `[{"field","class","rule","start","length","digest"}]`, with keyed digests of the
/// removed values.
const SCHEMA: &str = "message provenance {
    required int64 ordinal;
    required binary input (UTF8);
    optional int64 offset;
    required fixed_len_byte_array(32) line_digest;
    required binary source (UTF8);
    required binary event (UTF8);
    required int64 time (TIMESTAMP(MICROS, true));
    required binary removals (UTF8);
}";
