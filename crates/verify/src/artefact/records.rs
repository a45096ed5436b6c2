//! The records file, in order: of JSON lines, whole frames and nothing between them; of other formats,
//! the rows.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use sha2::{Digest, Sha256};

use super::Report;
use super::folder::Disclosure;
use super::manifest::Tally;
use super::rows::{self, Fault};
use crate::error::Error;
use crate::instant::Instant;
use crate::leak::{Leak, Place};
use crate::survival::{Foreign, Memory};
use crate::verifier::Verifier;

/// Longer than any record that a dive writes.
const MAX_RECORD_BYTES: usize = 64 << 20;
const FRAME_MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

/// What the file holds.
pub(crate) struct Counts {
    pub(crate) total: u64,
    pub(crate) by_source: Tally,
    pub(crate) by_event: Tally,
    pub(crate) by_day: Tally,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// Passes bytes on and digests them.
struct Digesting<R> {
    inner: R,
    digest: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Digesting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.digest.update(buffer.get(..count).unwrap_or_default());
        self.bytes += count as u64;
        Ok(count)
    }
}

/// Checks the lines one after the other.
struct Lines<'v> {
    verifier: &'v Verifier,
    derived: Option<&'v Foreign>,
    file: String,
    counts: Counts,
    last: Option<Instant>,
    rest: Vec<u8>,
    memory: Memory,
}

/// Reads the file once, for its digest, its frames and its records.
pub(crate) fn read(
    disclosure: &Disclosure,
    verifier: &Verifier,
    derived: Option<&Foreign>,
    report: &mut Report,
) -> Result<Counts, Error> {
    let path = disclosure.dir.join(disclosure.records);
    let file = File::open(&path).map_err(|cause| Error::io(&path, cause))?;
    let digesting = Digesting {
        inner: file,
        digest: Sha256::new(),
        bytes: 0,
    };
    let mut input = BufReader::with_capacity(1 << 17, digesting);
    let counts = Counts {
        total: 0,
        by_source: Tally::default(),
        by_event: Tally::default(),
        by_day: Tally::default(),
        bytes: 0,
        sha256: String::new(),
    };
    let name = format!("{}/{}", disclosure.name, disclosure.records);
    let mut lines = Lines {
        verifier,
        derived,
        file: name,
        counts,
        last: None,
        rest: Vec::new(),
        memory: Memory::default(),
    };
    let fault = if disclosure.format == "ndjson" {
        frames(&mut input, &mut lines, report).map_err(|cause| Error::io(&path, cause))?
    } else {
        let mut file = File::open(&path).map_err(|cause| Error::io(&path, cause))?;
        let mut take = |record: Result<&[u8], &'static str>| match record {
            Ok(record) => lines.record(record, report),
            Err(rule) => lines.broken(rule, report),
        };
        match rows::read(disclosure.format, &mut file, &mut take) {
            Ok(()) => None,
            Err(Fault::Rule(rule)) => Some(rule),
            Err(Fault::Io(cause)) => return Err(Error::io(&path, cause)),
        }
    };
    let fault = fault.or_else(|| (!lines.rest.is_empty()).then_some("artefact.unfinished_line"));
    if let Some(rule) = fault {
        report.add(Leak::new(rule, Place::Whole).in_file(&lines.file));
    }
    // What stands behind a fault counts for size and digest all the same.
    io::copy(&mut input, &mut io::sink()).map_err(|cause| Error::io(&path, cause))?;
    let Digesting { digest, bytes, .. } = input.into_inner();
    lines.counts.bytes = bytes;
    for byte in digest.finalize() {
        let _ = write!(lines.counts.sha256, "{byte:02x}");
    }
    Ok(lines.counts)
}

/// Frame by frame; the rule that the file breaks, if any.
fn frames(
    input: &mut BufReader<Digesting<File>>,
    lines: &mut Lines<'_>,
    report: &mut Report,
) -> io::Result<Option<&'static str>> {
    let mut chunk = vec![0; 1 << 17];
    loop {
        if input.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let mut magic = Vec::with_capacity(4);
        input.by_ref().take(4).read_to_end(&mut magic)?;
        if magic != FRAME_MAGIC {
            return Ok(Some("artefact.foreign_bytes"));
        }
        let framed = magic.as_slice().chain(&mut *input);
        let mut decoder = zstd::stream::read::Decoder::with_buffer(framed)?.single_frame();
        loop {
            let count = match decoder.read(&mut chunk) {
                Ok(0) => break,
                Ok(count) => count,
                // The file itself was read before; what fails here is its content.
                Err(_) => return Ok(Some("artefact.encoding")),
            };
            if !lines.feed(chunk.get(..count).unwrap_or_default(), report) {
                return Ok(Some("artefact.record_size"));
            }
        }
    }
}

impl Lines<'_> {
    /// Answers `false` when a line is too long.
    fn feed(&mut self, mut bytes: &[u8], report: &mut Report) -> bool {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            let (line, rest) = bytes.split_at(end);
            bytes = rest.get(1..).unwrap_or_default();
            if self.rest.is_empty() {
                self.record(line, report);
            } else {
                let mut whole = std::mem::take(&mut self.rest);
                whole.extend_from_slice(line);
                self.record(&whole, report);
                whole.clear();
                self.rest = whole;
            }
        }
        self.rest.extend_from_slice(bytes);
        self.rest.len() <= MAX_RECORD_BYTES
    }

    /// A row that stands for no record.
    fn broken(&mut self, rule: &'static str, report: &mut Report) {
        self.counts.total += 1;
        let leak = Leak::new(rule, Place::Whole).in_file(&self.file);
        report.add(leak.in_record(self.counts.total));
    }

    fn record(&mut self, line: &[u8], report: &mut Report) {
        self.counts.total += 1;
        let number = self.counts.total;
        let file = self.file.as_str();
        let mut add = |leak: Leak| report.add(leak.in_file(file).in_record(number));
        let verified = match self.verifier.check_with(line, self.derived, &mut self.memory) {
            Ok(verified) => verified,
            Err(leak) => return add(leak),
        };
        let count = |tally: &mut Tally, name: Option<&str>| {
            if let Some(name) = name {
                if let Some(count) = tally.0.get_mut(name) {
                    *count += 1;
                } else {
                    tally.0.insert(name.to_owned(), 1);
                }
            }
        };
        let time = verified.time();
        let instant = time.and_then(Instant::column);
        if instant.is_none() {
            add(Leak::new("artefact.no_time", Place::Whole));
        } else if instant < self.last {
            add(Leak::new("artefact.order", Place::Whole));
        }
        self.last = self.last.max(instant);
        count(&mut self.counts.by_source, verified.source());
        count(&mut self.counts.by_event, verified.event());
        count(&mut self.counts.by_day, time.and_then(|time| time.get(..10)));
    }
}
