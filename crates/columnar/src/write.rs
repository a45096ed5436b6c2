//! Provenance rows into Parquet.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use decostop::artefact::{ProvenanceWriter, RemovalsJson, path_text, private_file};
use decostop::sink::Provenance;
use decostop::{Error, ErrorKind};
use parquet::basic::{Compression, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;

use crate::SCHEMA;

/// Rows of a row group at most.
pub const MAX_GROUP_ROWS: usize = 64 << 10;
/// Bytes of text that are collected for one row group: with long lists of removals a group is closed
/// before it has [`MAX_GROUP_ROWS`], so that memory stays bounded.
pub const MAX_GROUP_BYTES: usize = 32 << 20;

/// Writes `provenance.parquet`.
///
/// # Memory usage
/// One row group: at most [`MAX_GROUP_ROWS`] rows and little more than [`MAX_GROUP_BYTES`], twice
/// over while it is encoded.
pub struct ParquetProvenance {
    path: PathBuf,
    writer: SerializedFileWriter<File>,
    group: Group,
    removals: RemovalsJson,
    max_rows: usize,
    max_bytes: usize,
}

#[derive(Default)]
struct Group {
    ordinals: Vec<i64>,
    inputs: Vec<ByteArray>,
    offsets: Vec<i64>,
    offset_known: Vec<i16>,
    digests: Vec<FixedLenByteArray>,
    sources: Vec<ByteArray>,
    events: Vec<ByteArray>,
    times: Vec<i64>,
    removals: Vec<ByteArray>,
    bytes: usize,
    last_input: Option<(PathBuf, ByteArray)>,
}

impl ParquetProvenance {
    /// Makes `provenance.parquet` in `internal`. Fits the last parameter of
    /// [`Writer::create`](decostop::artefact::Writer::create).
    ///
    /// # Errors
    /// If the file exists or cannot be made.
    pub fn create_in(internal: &Path) -> Result<Box<dyn ProvenanceWriter>, Error> {
        Ok(Box::new(Self::create(&internal.join("provenance.parquet"))?))
    }

    /// Makes the file at `path`, readable by its owner alone.
    ///
    /// # Errors
    /// If the file exists or cannot be made.
    pub fn create(path: &Path) -> Result<Self, Error> {
        Self::with_groups(path, MAX_GROUP_ROWS, MAX_GROUP_BYTES)
    }

    pub(crate) fn with_groups(path: &Path, max_rows: usize, max_bytes: usize) -> Result<Self, Error> {
        let file =
            private_file(path).map_err(|cause| Error::io(ErrorKind::Sink, path, "create it", cause))?;
        let properties = || -> Result<_, ParquetError> {
            let schema = Arc::new(parse_message_type(SCHEMA)?);
            let properties = WriterProperties::builder()
                // Half of it is digests, on which a higher level spends time and saves nothing.
                .set_compression(Compression::ZSTD(ZstdLevel::try_new(1)?))
                .set_created_by(concat!("decostop ", env!("CARGO_PKG_VERSION")).to_owned())
                .build();
            SerializedFileWriter::new(file, schema, Arc::new(properties))
        };
        let writer = properties().map_err(|cause| refused(path, cause))?;
        Ok(Self {
            path: path.to_owned(),
            writer,
            group: Group::default(),
            removals: RemovalsJson::default(),
            max_rows,
            max_bytes,
        })
    }

    fn flush(&mut self) -> Result<(), ParquetError> {
        let group = std::mem::take(&mut self.group);
        if group.ordinals.is_empty() {
            return Ok(());
        }
        let mut to = self.writer.next_row_group()?;
        column::<Int64Type>(&mut to, &group.ordinals, None)?;
        column::<ByteArrayType>(&mut to, &group.inputs, None)?;
        column::<Int64Type>(&mut to, &group.offsets, Some(&group.offset_known))?;
        column::<FixedLenByteArrayType>(&mut to, &group.digests, None)?;
        column::<ByteArrayType>(&mut to, &group.sources, None)?;
        column::<ByteArrayType>(&mut to, &group.events, None)?;
        column::<Int64Type>(&mut to, &group.times, None)?;
        column::<ByteArrayType>(&mut to, &group.removals, None)?;
        to.close()?;
        Ok(())
    }
}

impl ProvenanceWriter for ParquetProvenance {
    fn row(&mut self, ordinal: u64, provenance: &Provenance) -> Result<(), Error> {
        let removals = self.removals.of(&provenance.removals);
        self.group.push(ordinal, provenance, removals)?;
        if self.group.ordinals.len() >= self.max_rows || self.group.bytes >= self.max_bytes {
            self.flush().map_err(|cause| refused(&self.path, cause))?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Result<(), Error> {
        let done = self.flush().and_then(|()| self.writer.finish());
        done.map_err(|cause| refused(&self.path, cause))?;
        self.writer
            .inner()
            .sync_all()
            .map_err(|cause| Error::io(ErrorKind::Sink, &self.path, "complete it", cause))
    }
}

impl Group {
    fn push(&mut self, ordinal: u64, provenance: &Provenance, removals: Vec<u8>) -> Result<(), Error> {
        let input = match &self.last_input {
            Some((path, text)) if *path == provenance.origin.path => text.clone(),
            _ => {
                let text = ByteArray::from(path_text(&provenance.origin.path).into_bytes());
                self.bytes += text.len();
                self.last_input = Some((provenance.origin.path.clone(), text.clone()));
                text
            }
        };
        self.bytes += removals.len() + provenance.source.len() + provenance.event.len();
        self.ordinals.push(number(ordinal)?);
        self.inputs.push(input);
        self.offset_known
            .push(i16::from(provenance.origin.offset.is_some()));
        self.offsets
            .extend(provenance.origin.offset.map(number).transpose()?);
        self.digests
            .push(FixedLenByteArray::from(provenance.line_digest.to_vec()));
        self.sources.push(ByteArray::from(provenance.source.as_str()));
        self.events.push(ByteArray::from(provenance.event.as_str()));
        self.times.push(provenance.time_ns.div_euclid(1_000));
        self.removals.push(ByteArray::from(removals));
        Ok(())
    }
}

fn column<T: DataType>(
    to: &mut SerializedRowGroupWriter<'_, File>,
    values: &[T::T],
    known: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let missing = || ParquetError::General("the schema has fewer columns than the writer".to_owned());
    let mut column = to.next_column()?.ok_or_else(missing)?;
    column.typed::<T>().write_batch(values, known, None)?;
    column.close()
}

fn number(value: u64) -> Result<i64, Error> {
    i64::try_from(value).map_err(|cause| {
        Error::new(ErrorKind::Limit, "an offset or ordinal is too large for Parquet").because(cause)
    })
}

/// The operating system's refusal is told as such, so that a full disk has its hint.
fn refused(path: &Path, cause: ParquetError) -> Error {
    match cause {
        ParquetError::External(cause) => match cause.downcast::<std::io::Error>() {
            Ok(cause) => Error::io(ErrorKind::Sink, path, "write it", *cause),
            Err(cause) => Error::io(ErrorKind::Sink, path, "write it", std::io::Error::other(cause)),
        },
        other => Error::io(ErrorKind::Sink, path, "write it", std::io::Error::other(other)),
    }
}
