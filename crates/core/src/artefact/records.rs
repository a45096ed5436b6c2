//! The records file: compressed while it is written, digested on its way to the disk.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::format::{RecordsFormat, RecordsOut, RecordsWriter};
use super::manifest::{FileEntry, RecordCounts};
use super::private::private_file;
use super::{close, hex};
use crate::sink::{Provenance, Verified};

/// The name of the format of JSON lines.
pub(super) const NDJSON: &str = "ndjson";
pub(super) const RECORDS: &str = "records.ndjson.zst";
/// The level is part of the format: the same records give the same bytes.
const LEVEL: i32 = 3;
const NS_PER_DAY: i64 = 86_400_000_000_000;

/// Counts and digests what passes through.
pub(super) struct Digesting<W> {
    inner: W,
    hasher: Sha256,
    bytes: u64,
}

impl<W: Write> Digesting<W> {
    pub(super) fn new(inner: W) -> Self {
        Self {
            inner,
            hasher: Sha256::new(),
            bytes: 0,
        }
    }

    /// What it wrapped, the bytes that passed and their SHA-256.
    pub(super) fn into_parts(self) -> (W, u64, String) {
        (self.inner, self.bytes, hex(&self.hasher.finalize()))
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.inner.write(bytes)?;
        self.hasher.update(bytes.get(..taken).unwrap_or(bytes));
        self.bytes += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The name of the records file in a format.
pub(super) fn file_name(format: &str) -> String {
    if format == NDJSON {
        RECORDS.to_owned()
    } else {
        format!("records.{format}")
    }
}

/// The records file under construction.
pub(super) struct RecordsFile {
    format: &'static str,
    to: To,
}

#[expect(clippy::large_enum_variant, reason = "there is one in a dive")]
enum To {
    /// `records.ndjson.zst`: one frame with a checksum, one line a record.
    Lines(zstd::Encoder<'static, Digesting<BufWriter<File>>>),
    /// Another format, by whoever knows it.
    Rows(Box<dyn RecordsWriter>),
}

impl RecordsFile {
    pub(super) fn create(dir: &Path, format: Option<&dyn RecordsFormat>) -> io::Result<Self> {
        let name = format.map_or(NDJSON, RecordsFormat::name);
        let file = Digesting::new(BufWriter::new(private_file(&dir.join(file_name(name)))?));
        let to = if let Some(format) = format {
            To::Rows(format.create(RecordsOut(file))?)
        } else {
            let mut encoder = zstd::Encoder::new(file, LEVEL)?;
            encoder.include_checksum(true)?;
            To::Lines(encoder)
        };
        Ok(Self { format: name, to })
    }

    /// Takes a record.
    pub(super) fn record(&mut self, record: Verified<'_>) -> io::Result<()> {
        match &mut self.to {
            To::Lines(_) => self.line(record.as_bytes()),
            To::Rows(writer) => writer.record(record),
        }
    }

    /// Takes the bytes of a verified record; other formats take the proof with them.
    pub(super) fn line(&mut self, record: &[u8]) -> io::Result<()> {
        match &mut self.to {
            To::Lines(encoder) => {
                encoder.write_all(record)?;
                encoder.write_all(b"\n")
            }
            To::Rows(_) => Err(io::Error::other("this format takes verified records only")),
        }
    }

    pub(super) fn format(&self) -> &'static str {
        self.format
    }

    pub(super) fn finish(self) -> io::Result<FileEntry> {
        let file = match self.to {
            To::Lines(encoder) => encoder.finish()?,
            To::Rows(writer) => writer.finish()?.0,
        };
        let (file, bytes, sha256) = file.into_parts();
        close(file)?;
        Ok(FileEntry {
            name: file_name(self.format),
            bytes,
            sha256,
        })
    }
}

/// Counts of what was written, taken where it is written, so that the manifest speaks of the file.
#[derive(Default)]
pub(super) struct Tally {
    total: u64,
    by_source: BTreeMap<String, u64>,
    by_event: BTreeMap<String, u64>,
    by_day: BTreeMap<i64, u64>,
}

impl Tally {
    pub(super) fn add(&mut self, provenance: &Provenance) {
        self.total += 1;
        count(&mut self.by_source, &provenance.source);
        if !provenance.event.is_empty() {
            count(&mut self.by_event, &provenance.event);
        }
        *self
            .by_day
            .entry(provenance.time_ns.div_euclid(NS_PER_DAY))
            .or_default() += 1;
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn into_counts(self) -> RecordCounts {
        let by_day = self
            .by_day
            .into_iter()
            .map(|(day, records)| (day_text(day), records))
            .collect();
        RecordCounts {
            total: self.total,
            by_source: self.by_source,
            by_event: self.by_event,
            by_day,
        }
    }
}

fn count(counts: &mut BTreeMap<String, u64>, key: &str) {
    if let Some(seen) = counts.get_mut(key) {
        *seen += 1;
    } else {
        counts.insert(key.to_owned(), 1);
    }
}

fn day_text(day: i64) -> String {
    Timestamp::from_nanosecond(i128::from(day) * i128::from(NS_PER_DAY)).map_or_else(
        |_| "unknown".to_owned(),
        |day| day.strftime("%Y-%m-%d").to_string(),
    )
}
