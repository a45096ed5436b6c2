//! Columnar formats of decostop: disclosed records as Arrow batches, Parquet, Arrow IPC and CSV files,
//! and the evidence in `internal/provenance.parquet`.
//!
//! [`Parquet`], [`Arrow`] and [`Csv`] are formats that an artefact may have; [`records`] reads the records
//! of any. [`ParquetSink`], [`ArrowSink`], [`CsvSink`] and [`BatchSink`] take the results of a dive without
//! an artefact:
//!
//! ```
//! use decostop_columnar::CsvSink;
//! use decostop_verify::{Ground, Verifier};
//!
//! let verifier = Verifier::new(decostop_profile::Profile::gitlab(), Ground::default())?;
//! let record = br#"{"time":"2026-11-01T00:00:00.120Z","source":"production_json","status":200,"method":"GET"}"#;
//! let mut sink = CsvSink::new(Vec::new())?;
//! sink.push(verifier.check(record).expect("nothing leaks"))?;
//! let text = String::from_utf8(sink.into_inner()?)?;
//! assert!(text.ends_with("2026-11-01T00:00:00.120Z,production_json,,,,,,200,,\"{\"\"method\"\":\"\"GET\"\"}\"\r\n"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
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
//! It is a crate of its own because Arrow and Parquet are heavy dependencies. Not for: verifying a
//! finished file, which `decostop-verify` does with readers of its own.

#![forbid(unsafe_code)]

mod read;
mod records;
mod stream;
#[cfg(test)]
mod tests;
mod write;

pub use read::{Row, Rows, read_provenance};
pub use records::{
    Arrow, ArrowSink, BATCH_BYTES, BATCH_ROWS, BatchSink, Csv, CsvSink, GROUP_BYTES, GROUP_ROWS, Parquet,
    ParquetSink, RecordBatches, Records, format_named, lines, records, schema,
};
pub use stream::BatchStream;
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
