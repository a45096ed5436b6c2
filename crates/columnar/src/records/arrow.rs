//! Records as an Arrow IPC file.

use std::io::{self, Write};

use arrow_array::RecordBatch;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions};
use arrow_schema::ArrowError;
use decostop::Error;
use decostop::sink::{Flow, Provenance, Sink, Verified};
use decostop::stats::{Evidence, Report};

use super::batch::{RecordBatches, refused, schema};

/// Writes records to an Arrow IPC file (Feather 2): batches as [`RecordBatches`] makes them, their
/// buffers compressed with zstd, no metadata beside the schema.
///
/// # Memory usage
/// One batch, and a position for each that was written.
pub struct ArrowSink<W: Write> {
    batches: RecordBatches,
    writer: FileWriter<W>,
}

impl<W: Write> ArrowSink<W> {
    /// Starts a file that is written to `to`.
    ///
    /// # Errors
    /// As `to` refuses.
    pub fn new(to: W) -> io::Result<Self> {
        let options = IpcWriteOptions::default()
            .try_with_compression(Some(CompressionType::ZSTD))
            .map_err(told)?;
        Ok(Self {
            batches: RecordBatches::default(),
            writer: FileWriter::try_new_with_options(to, &schema(), options).map_err(told)?,
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

impl<W: Write> Sink for ArrowSink<W> {
    fn record(&mut self, record: Verified<'_>, _provenance: &Provenance) -> Result<Flow, Error> {
        self.push(record).map(|()| Flow::Continue).map_err(refused)
    }

    fn finish(&mut self, _report: &Report, _evidence: &Evidence) -> Result<(), Error> {
        let batch = self.batches.finish().map_err(refused)?;
        self.write(batch)
            .and_then(|()| self.writer.finish().map_err(told))
            .map_err(refused)
    }
}

/// The operating system's refusal is told as such, so that a full disk has its hint.
fn told(cause: ArrowError) -> io::Error {
    match cause {
        ArrowError::IoError(_, cause) => cause,
        other => io::Error::other(other),
    }
}
