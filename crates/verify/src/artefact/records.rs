//! The records file, in order: of JSON lines, whole frames and nothing between them; of other formats,
//! the rows. One thread reads; what it has read is checked by as many as there are, a portion each, and
//! told in order.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::num::NonZeroUsize;
use std::thread;

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

/// Bytes of records that one thread checks at a time, and rows at most.
const PORTION_BYTES: usize = 512 << 10;
const PORTION_ROWS: usize = 16 << 10;
/// For fewer bytes no thread is begun.
const LEAST_BYTES: usize = 32 << 10;

/// Checks the lines, and tells of them one after the other.
struct Lines<'v> {
    verifier: &'v Verifier,
    derived: Option<&'v Foreign>,
    file: String,
    counts: Counts,
    last: Option<Instant>,
    rest: Vec<u8>,
    /// What was read and not checked yet.
    text: Vec<u8>,
    rows: Vec<Row>,
    /// Of each thread.
    memories: Vec<Memory>,
}

/// A row of the file.
enum Row {
    /// A record: so many further bytes of the text.
    Record(usize),
    /// None: it breaks this rule.
    Broken(&'static str),
}

/// What was found in a portion of the rows.
#[derive(Default)]
struct Checked {
    rows: Vec<Result<Option<Instant>, Leak>>,
    by_source: Tally,
    by_event: Tally,
    by_day: Tally,
}

/// Reads the file once, for its digest, its frames and its records.
pub(crate) fn read(
    disclosure: &Disclosure,
    verifier: &Verifier,
    derived: Option<&Foreign>,
    threads: NonZeroUsize,
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
        text: Vec::new(),
        rows: Vec::new(),
        memories: (0..threads.get()).map(|_| Memory::default()).collect(),
    };
    let fault = if disclosure.format == "ndjson" {
        frames(&mut input, &mut lines, report).map_err(|cause| Error::io(&path, cause))?
    } else {
        let mut file = File::open(&path).map_err(|cause| Error::io(&path, cause))?;
        let mut take = |record: Result<&[u8], &'static str>| match record {
            Ok(record) => lines.record(record, report),
            Err(rule) => lines.row(Row::Broken(rule), report),
        };
        match rows::read(disclosure.format, &mut file, &mut take) {
            Ok(()) => None,
            Err(Fault::Rule(rule)) => Some(rule),
            Err(Fault::Io(cause)) => return Err(Error::io(&path, cause)),
        }
    };
    lines.check(report);
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

    fn record(&mut self, line: &[u8], report: &mut Report) {
        self.text.extend_from_slice(line);
        self.row(Row::Record(line.len()), report);
    }

    fn row(&mut self, row: Row, report: &mut Report) {
        self.rows.push(row);
        let threads = self.memories.len();
        if self.text.len() >= PORTION_BYTES * threads || self.rows.len() >= PORTION_ROWS * threads {
            self.check(report);
        }
    }

    /// Checks what was read, and tells of it in its order.
    fn check(&mut self, report: &mut Report) {
        let (verifier, derived) = (self.verifier, self.derived);
        let (mut text, mut rows) = (self.text.as_slice(), self.rows.as_slice());
        let threads = self.memories.len();
        let share = (text.len() / threads + 1).max(LEAST_BYTES);
        let mut portions = Vec::with_capacity(threads);
        for (nth, memory) in self.memories.iter_mut().enumerate() {
            let (mut bytes, mut count) = (0, 0);
            // The last one takes all that is left.
            for row in rows {
                if bytes >= share && nth + 1 < threads {
                    break;
                }
                count += 1;
                bytes += row.bytes();
            }
            let (own_text, other_text) = text.split_at(bytes);
            let (own_rows, other_rows) = rows.split_at(count);
            (text, rows) = (other_text, other_rows);
            if count > 0 {
                portions.push((own_text, own_rows, memory));
            }
        }
        let one = |(text, rows, memory): (&[u8], &[Row], &mut Memory)| {
            Checked::of(text, rows, verifier, derived, memory)
        };
        let mut portions = portions.into_iter();
        let own = portions.next();
        let checked: Vec<Checked> = thread::scope(|scope| {
            let others: Vec<_> = portions
                .map(|portion| scope.spawn(move || one(portion)))
                .collect();
            let own = own.map(one);
            let others = others.into_iter().map(|other| match other.join() {
                Ok(checked) => checked,
                Err(panic) => std::panic::resume_unwind(panic),
            });
            own.into_iter().chain(others).collect()
        });
        for part in checked {
            part.by_source.join(&mut self.counts.by_source);
            part.by_event.join(&mut self.counts.by_event);
            part.by_day.join(&mut self.counts.by_day);
            for row in part.rows {
                self.tell(row, report);
            }
        }
        self.text.clear();
        self.rows.clear();
    }

    fn tell(&mut self, row: Result<Option<Instant>, Leak>, report: &mut Report) {
        self.counts.total += 1;
        let leak = match row {
            Err(leak) => leak,
            Ok(None) => Leak::new("artefact.no_time", Place::Whole),
            Ok(instant) if instant < self.last => Leak::new("artefact.order", Place::Whole),
            Ok(instant) => {
                self.last = instant;
                return;
            }
        };
        report.add(leak.in_file(&self.file).in_record(self.counts.total));
    }
}

impl Row {
    fn bytes(&self) -> usize {
        match self {
            Self::Record(bytes) => *bytes,
            Self::Broken(_) => 0,
        }
    }
}

impl Checked {
    fn of(
        mut text: &[u8],
        rows: &[Row],
        verifier: &Verifier,
        derived: Option<&Foreign>,
        memory: &mut Memory,
    ) -> Self {
        let mut checked = Self::default();
        for row in rows {
            let (line, rest) = text.split_at(row.bytes().min(text.len()));
            text = rest;
            let told = match row {
                Row::Broken(rule) => Err(Leak::new(*rule, Place::Whole)),
                Row::Record(_) => verifier.check_with(line, derived, memory).map(|verified| {
                    let time = verified.time();
                    checked.by_source.count(verified.source());
                    checked.by_event.count(verified.event().as_deref());
                    checked.by_day.count(time.and_then(|time| time.get(..10)));
                    time.and_then(Instant::column)
                }),
            };
            checked.rows.push(told);
        }
        checked
    }
}

impl Tally {
    fn count(&mut self, name: Option<&str>) {
        let Some(name) = name else { return };
        if let Some(count) = self.0.get_mut(name) {
            *count += 1;
        } else {
            self.0.insert(name.to_owned(), 1);
        }
    }

    fn join(self, to: &mut Self) {
        for (name, count) in self.0 {
            *to.0.entry(name).or_default() += count;
        }
    }
}
