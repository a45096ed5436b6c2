//! The formats as [`Options::format`](decostop::artefact::Options::format) takes them.

use std::io;
use std::sync::Arc;

use decostop::artefact::{RecordsFormat, RecordsOut, RecordsWriter};
use decostop::sink::Verified;

use super::{ArrowSink, CsvSink, ParquetSink};

/// `records.parquet`, by a [`ParquetSink`].
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name, nothing to add")]
pub struct Parquet;

/// `records.arrow`, by an [`ArrowSink`].
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name, nothing to add")]
pub struct Arrow;

/// `records.csv`, by a [`CsvSink`].
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::exhaustive_structs, reason = "a name, nothing to add")]
pub struct Csv;

/// The format of a name: `parquet`, `arrow` or `csv`. Nothing for any other, `ndjson` included, which
/// needs none.
pub fn format_named(name: &str) -> Option<Arc<dyn RecordsFormat>> {
    match name {
        "parquet" => Some(Arc::new(Parquet)),
        "arrow" => Some(Arc::new(Arrow)),
        "csv" => Some(Arc::new(Csv)),
        _ => None,
    }
}

macro_rules! format {
    ($format:ident, $name:literal, $sink:ident) => {
        impl RecordsFormat for $format {
            fn name(&self) -> &'static str {
                $name
            }

            fn create(&self, to: RecordsOut) -> io::Result<Box<dyn RecordsWriter>> {
                Ok(Box::new($sink::new(to)?))
            }
        }

        impl RecordsWriter for $sink<RecordsOut> {
            fn record(&mut self, record: Verified<'_>) -> io::Result<()> {
                self.push(record)
            }

            fn finish(self: Box<Self>) -> io::Result<RecordsOut> {
                (*self).into_inner()
            }
        }
    };
}

format!(Parquet, "parquet", ParquetSink);
format!(Arrow, "arrow", ArrowSink);
format!(Csv, "csv", CsvSink);
