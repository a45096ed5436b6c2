//! Records of an artefact in any format, for `decostop view`.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};
use std::vec;

use arrow_array::RecordBatch;
use arrow_ipc::reader::FileReader;
use decostop::artefact::{Artefact, Record};
use decostop::{Error, ErrorKind, Origin};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::batch::{BATCH_ROWS, lines};
use super::csv::CsvLines;

/// The records of an artefact in order, a batch of them in memory. After an error there are no more.
pub struct Records(Source);

enum Source {
    Ndjson(decostop::artefact::Records),
    Lines(Lines),
}

struct Lines {
    path: PathBuf,
    next: Box<dyn Iterator<Item = io::Result<String>>>,
    number: u64,
    done: bool,
}

/// Reads an artefact's records, whatever their format. What they say is not verified here.
///
/// # Errors
/// [`ErrorKind::Source`] if the file cannot be read or is not of the format that the manifest names,
/// [`ErrorKind::Config`] if there is no such format.
pub fn records(artefact: &Artefact) -> Result<Records, Error> {
    let path = artefact.records_path();
    let file = || File::open(&path);
    let next: io::Result<Box<dyn Iterator<Item = io::Result<String>>>> =
        match artefact.manifest().format.as_str() {
            "ndjson" => return artefact.records().map(|records| Records(Source::Ndjson(records))),
            "parquet" => file().and_then(|file| {
                let reader = ParquetRecordBatchReaderBuilder::try_new(file)
                    .and_then(|builder| builder.with_batch_size(BATCH_ROWS).build())
                    .map_err(io::Error::other)?;
                Ok(Box::new(Rows::new(reader.map(|batch| batch.map_err(io::Error::other)))) as Box<_>)
            }),
            "arrow" => file().and_then(|file| {
                let reader = FileReader::try_new(BufReader::new(file), None).map_err(io::Error::other)?;
                Ok(Box::new(Rows::new(reader.map(|batch| batch.map_err(io::Error::other)))) as Box<_>)
            }),
            "csv" => file().and_then(|file| Ok(Box::new(CsvLines::new(BufReader::new(file))?) as Box<_>)),
            _ => {
                return Err(
                    Error::new(ErrorKind::Config, "the manifest names a format that is not known")
                        .at(place(artefact.shown()))
                        .hint("a later version of decostop may have written it"),
                );
            }
        };
    let next = next.map_err(|cause| Error::io(ErrorKind::Source, &path, "read the records", cause))?;
    Ok(Records(Source::Lines(Lines {
        path,
        next,
        number: 0,
        done: false,
    })))
}

/// The rows of batches.
struct Rows<I> {
    batches: I,
    rows: vec::IntoIter<String>,
}

impl<I: Iterator<Item = io::Result<RecordBatch>>> Rows<I> {
    fn new(batches: I) -> Self {
        Self {
            batches,
            rows: Vec::new().into_iter(),
        }
    }
}

impl<I: Iterator<Item = io::Result<RecordBatch>>> Iterator for Rows<I> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            match self.batches.next()?.and_then(|batch| lines(&batch)) {
                Ok(rows) => self.rows = rows.into_iter(),
                Err(cause) => return Some(Err(cause)),
            }
        }
    }
}

impl Iterator for Records {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Source::Ndjson(records) => records.next(),
            Source::Lines(lines) => lines.next(),
        }
    }
}

impl Iterator for Lines {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let line = self.next.next()?;
        self.number += 1;
        let record = line.ok().and_then(Record::parse);
        self.done = record.is_none();
        Some(record.ok_or_else(|| {
            // No cause: it could quote what it read.
            Error::new(
                ErrorKind::Source,
                format!("record {} cannot be read", self.number),
            )
            .at(place(&self.path))
        }))
    }
}

fn place(path: &Path) -> Origin {
    Origin {
        path: path.to_owned(),
        offset: None,
    }
}
