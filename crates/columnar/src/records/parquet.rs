//! Records as Parquet.

use std::io::{self, Write};

use arrow_array::RecordBatch;
use decostop::Error;
use decostop::sink::{Flow, Provenance, Sink, Verified};
use decostop::stats::{Evidence, Report};
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::schema::types::ColumnPath;

use super::batch::{FIELDS, RecordBatches, refused, schema};

/// Rows of a row group at most.
pub const GROUP_ROWS: usize = 128 << 10;
/// Encoded bytes of a row group, about, after which it is closed before it has [`GROUP_ROWS`].
pub const GROUP_BYTES: usize = 64 << 20;
/// Who wrote the file, all that its metadata says beside the schema and what follows from the rows.
pub(crate) const CREATED_BY: &str = concat!("decostop ", env!("CARGO_PKG_VERSION"));

/// Writes records to a Parquet file: zstd, row groups of [`GROUP_ROWS`] rows or [`GROUP_BYTES`] bytes, a
/// page index, and bloom filters on `actor`, `namespace` and `event`. Statistics are exact, `fields`
/// has none; no key-value metadata, and nothing that depends on when and where it is written.
///
/// # Memory usage
/// One batch and one row group as encoded.
pub struct ParquetSink<W: Write + Send> {
    batches: RecordBatches,
    writer: ArrowWriter<W>,
}

impl<W: Write + Send> ParquetSink<W> {
    /// Starts a file that is written to `to`.
    ///
    /// # Errors
    /// As `to` refuses.
    pub fn new(to: W) -> io::Result<Self> {
        Self::with_groups(to, GROUP_ROWS)
    }

    pub(crate) fn with_groups(to: W, rows: usize) -> io::Result<Self> {
        let path = |name: &str| ColumnPath::from(name);
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::try_new(3).map_err(told)?))
            .set_created_by(CREATED_BY.to_owned())
            .set_max_row_group_row_count(Some(rows))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            // What is cut would have to be told from what is whole; these columns are short.
            .set_statistics_truncate_length(None)
            .set_column_index_truncate_length(None)
            .set_column_statistics_enabled(path(FIELDS), EnabledStatistics::None)
            .set_column_dictionary_enabled(path("time"), false)
            .set_column_dictionary_enabled(path(FIELDS), false)
            .set_sorting_columns(Some(vec![SortingColumn {
                column_idx: 0,
                descending: false,
                nulls_first: false,
            }]));
        for name in ["event", "actor", "namespace"] {
            properties = properties
                .set_column_bloom_filter_enabled(path(name), true)
                .set_column_bloom_filter_fpp(path(name), 0.01)
                .set_column_bloom_filter_max_ndv(path(name), GROUP_ROWS as u64);
        }
        let options = ArrowWriterOptions::new()
            .with_properties(properties.build())
            // The schema says all there is to say; a second one in the metadata would be one more place.
            .with_skip_arrow_metadata(true)
            .with_schema_root("records".to_owned());
        Ok(Self {
            batches: RecordBatches::default(),
            writer: ArrowWriter::try_new_with_options(to, schema(), options).map_err(told)?,
        })
    }

    /// Takes one record.
    ///
    /// # Errors
    /// As the output refuses.
    pub fn push(&mut self, record: Verified<'_>) -> io::Result<()> {
        let batch = self.batches.push(record)?;
        self.write(batch)
    }

    #[cfg(test)]
    pub(crate) fn push_text(&mut self, record: &[u8]) -> io::Result<()> {
        let batch = self.batches.push_text(record)?;
        self.write(batch)
    }

    fn write(&mut self, batch: Option<RecordBatch>) -> io::Result<()> {
        batch.map_or(Ok(()), |batch| self.writer.write(&batch).map_err(told))
    }

    /// Completes the file and gives back what it was written to. Without it there is no file.
    ///
    /// # Errors
    /// As the output refuses.
    pub fn into_inner(mut self) -> io::Result<W> {
        let batch = self.batches.finish()?;
        self.write(batch)?;
        self.writer.into_inner().map_err(told)
    }
}

impl<W: Write + Send> Sink for ParquetSink<W> {
    fn record(&mut self, record: Verified<'_>, _provenance: &Provenance) -> Result<Flow, Error> {
        self.push(record).map(|()| Flow::Continue).map_err(refused)
    }

    fn finish(&mut self, _report: &Report, _evidence: &Evidence) -> Result<(), Error> {
        let batch = self.batches.finish().map_err(refused)?;
        self.write(batch)
            .and_then(|()| self.writer.finish().map(|_| ()).map_err(told))
            .map_err(refused)
    }
}

/// The operating system's refusal is told as such, so that a full disk has its hint.
fn told(cause: ParquetError) -> io::Error {
    match cause {
        ParquetError::External(cause) => match cause.downcast::<io::Error>() {
            Ok(cause) => *cause,
            Err(cause) => io::Error::other(cause),
        },
        other => io::Error::other(other),
    }
}
