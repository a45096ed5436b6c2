//! From lines to records where the two are not the same.
//!
//! ```text
//! Piece::Lines ─ Assembler ─ lines            as they are, in whole segments
//!                    │       containers       parts of a line joined: CRI `P … F`, Docker's `log` without \n
//!                    │       document         the members of a record array, or whole objects
//!                    └──────► Piece::Lines, Piece::Record, Piece::Overlong, Piece::Lost
//! ```
//!
//! What fits no expectation is handed on as it came, for the parser to refuse; what stands around and
//! between the records of a document is no part of any. A document that ends within its list is a loss.

use std::ops::ControlFlow;

use memchr::{memchr, memchr3, memmem};

use super::{Lines, LossReason, LostRange, Piece};
use crate::Limits;

/// How the lines of an input make records.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Layout {
    /// A line of a container runtime: `<time> stdout F <line>`.
    Cri,
    /// A line of Docker's json-file driver: `{"log":"<line>\n","stream":"stdout",…}`.
    Docker,
    /// JSON objects that may be spread over lines, or be members of an array.
    Document,
    /// A record a line.
    Lines,
}

impl Layout {
    /// The layout of an input by its first decoded bytes.
    pub(crate) fn detect(head: &[u8]) -> Self {
        let line = head
            .get(..memchr(b'\n', head).unwrap_or(head.len()))
            .unwrap_or_default();
        if line.starts_with(DOCKER) {
            Self::Docker
        } else if Cri::of(line).is_some() {
            Self::Cri
        } else {
            Self::Lines
        }
    }
}

/// Docker cuts lines into parts of this many bytes (moby's `defaultBufSize`); any other text without a line
/// feed is whole, since collectors strip it.
const DOCKER_PART: usize = 16 << 10;
/// What a character that was cut in two adds at each end: it is written as U+FFFD.
const DOCKER_SLACK: usize = 9;
const DOCKER: &[u8] = b"{\"log\":\"";
const DOCKER_STREAM: &[u8] = b"\",\"stream\":\"";
/// Streams whose parts may be interleaved.
const STREAMS: [&[u8]; 2] = [b"stdout", b"stderr"];

/// A function that takes pieces.
pub(crate) type Take<'t> = &'t mut dyn FnMut(Piece<'_>) -> ControlFlow<()>;

/// Turns the pieces of one input, or of one member of an archive, into pieces of records.
pub(crate) struct Assembler<'a> {
    layout: Option<Layout>,
    /// Keys whose list holds the records of a document.
    keys: &'a [String],
    max_bytes: usize,
    /// Unfinished lines of the two streams.
    pending: [Option<Pending>; 2],
    document: Document,
}

/// A line of which parts have come.
struct Pending {
    offset: u64,
    bytes: Vec<u8>,
    /// What ends the line once no part follows.
    end: Vec<u8>,
    /// Whether parts were handed out already since the line is too long.
    overlong: bool,
}

impl<'a> Assembler<'a> {
    /// For an input whose source has these record keys; `first` says whether its beginning will be seen.
    pub(crate) fn new(keys: &'a [String], first: bool, limits: &Limits) -> Self {
        let layout = match (keys, first) {
            ([], true) => None,
            ([], false) => Some(Layout::Lines),
            _ => Some(Layout::Document),
        };
        Self {
            layout,
            keys,
            max_bytes: limits.max_line_bytes,
            pending: [None, None],
            document: Document::default(),
        }
    }

    /// Takes a piece and hands on what is complete.
    pub(crate) fn take(&mut self, piece: Piece<'_>, to: Take<'_>) -> ControlFlow<()> {
        let layout = match &piece {
            Piece::Lines { bytes, .. } | Piece::Overlong { bytes, .. } => {
                *self.layout.get_or_insert_with(|| Layout::detect(bytes))
            }
            _ => self.layout.unwrap_or(Layout::Lines),
        };
        match (layout, piece) {
            (Layout::Lines, piece) => to(piece),
            (Layout::Document, Piece::Lines { offset, bytes } | Piece::Overlong { offset, bytes, .. }) => {
                self.document.feed(offset, bytes, self.keys, self.max_bytes, to)
            }
            (Layout::Cri | Layout::Docker, Piece::Lines { offset, bytes }) => {
                self.join(layout, offset, bytes, to)
            }
            (_, piece) => {
                self.flush(to)?;
                to(piece)
            }
        }
    }

    /// Whether the lines of the input are its records, and come as they are.
    pub(crate) fn has_lines(&self) -> bool {
        self.layout == Some(Layout::Lines)
    }

    /// Hands on what is left at the end of the input.
    pub(crate) fn finish(&mut self, to: Take<'_>) -> ControlFlow<()> {
        // How many records the rest of the list had nobody can tell.
        let cut = self.document.list.map(|_| self.document.end);
        self.flush(to)?;
        match cut {
            Some(end) => to(Piece::Lost(LostRange::new(end, 0, LossReason::Truncated))),
            None => ControlFlow::Continue(()),
        }
    }

    /// Hands on what is left before a gap.
    fn flush(&mut self, to: Take<'_>) -> ControlFlow<()> {
        for pending in &mut self.pending {
            if let Some(pending) = pending.take() {
                pending.hand_on(to)?;
            }
        }
        self.document.finish(to)
    }

    fn join(&mut self, layout: Layout, offset: u64, bytes: &[u8], to: Take<'_>) -> ControlFlow<()> {
        let quiet = self.pending.iter().all(Option::is_none);
        if quiet && layout == Layout::Cri && !has_cri_part(bytes) {
            return to(Piece::Lines { offset, bytes });
        }
        // Whole lines are handed on together.
        let mut run = 0;
        let mut at = 0;
        for line in Lines::new(offset, bytes) {
            let end = (at + line.bytes.len() + 1).min(bytes.len());
            let part = match layout {
                Layout::Cri => Part::of_cri(line.bytes),
                _ => Part::of_docker(line.bytes),
            };
            let open = part
                .as_ref()
                .and_then(|part| self.pending.get(part.stream))
                .is_some_and(Option::is_some);
            if let Some(part) = part.filter(|part| !part.last || open) {
                if run < at {
                    to(Piece::Lines {
                        offset: offset + run as u64,
                        bytes: bytes.get(run..at).unwrap_or_default(),
                    })?;
                }
                run = end;
                self.add(&part, line.offset, to)?;
            }
            at = end;
        }
        match bytes.get(run..) {
            Some(rest) if !rest.is_empty() => to(Piece::Lines {
                offset: offset + run as u64,
                bytes: rest,
            }),
            _ => ControlFlow::Continue(()),
        }
    }

    fn add(&mut self, part: &Part<'_>, offset: u64, to: Take<'_>) -> ControlFlow<()> {
        let Some(slot) = self.pending.get_mut(part.stream) else {
            return ControlFlow::Continue(());
        };
        let pending = slot.get_or_insert_with(|| Pending {
            offset,
            bytes: part.head.clone(),
            end: Vec::new(),
            overlong: false,
        });
        pending.bytes.extend_from_slice(part.content);
        pending.end.clear();
        pending.end.extend_from_slice(part.end);
        if part.last {
            let done = slot.take();
            return done.map_or(ControlFlow::Continue(()), |pending| pending.hand_on(to));
        }
        if pending.bytes.len() > self.max_bytes {
            let bytes = std::mem::take(&mut pending.bytes);
            let first = !std::mem::replace(&mut pending.overlong, true);
            return to(Piece::Overlong {
                offset: pending.offset,
                bytes: &bytes,
                first,
                last: false,
            });
        }
        ControlFlow::Continue(())
    }
}

impl Pending {
    fn hand_on(mut self, to: Take<'_>) -> ControlFlow<()> {
        self.bytes.extend_from_slice(&self.end);
        let (offset, bytes) = (self.offset, self.bytes.as_slice());
        to(if self.overlong {
            Piece::Overlong {
                offset,
                bytes,
                first: false,
                last: true,
            }
        } else {
            Piece::Record { offset, bytes }
        })
    }
}

/// A line of a container runtime, taken apart.
struct Part<'l> {
    stream: usize,
    /// Whether the line that it belongs to ends with it.
    last: bool,
    /// What a joined line begins with.
    head: Vec<u8>,
    content: &'l [u8],
    /// What a joined line ends with.
    end: &'l [u8],
}

/// `2026-11-01T09:00:00.123456789Z stdout P content`, with tags after the `P` or `F`.
struct Cri<'l> {
    stream: usize,
    partial: bool,
    /// Everything before the tag.
    head: &'l [u8],
    content: &'l [u8],
}

impl<'l> Cri<'l> {
    fn of(line: &'l [u8]) -> Option<Self> {
        let time = memchr(b' ', line)?;
        let is_time = (20..=40).contains(&time)
            && std::str::from_utf8(line.get(..time)?)
                .ok()
                .and_then(decostop_redact::Instant::parse)
                .is_some();
        if !is_time {
            return None;
        }
        let rest = line.get(time + 1..)?;
        let stream = STREAMS.iter().position(|name| rest.starts_with(name))?;
        let head = time + 1 + STREAMS.get(stream)?.len() + 1;
        let tags = line.get(head..)?;
        let end = memchr(b' ', tags).unwrap_or(tags.len());
        let partial = match tags.get(..end)?.split(|byte| *byte == b':').next()? {
            b"F" => false,
            b"P" => true,
            _ => return None,
        };
        (line.get(head - 1) == Some(&b' ')).then_some(Self {
            stream,
            partial,
            head: line.get(..head)?,
            content: tags.get((end + 1).min(tags.len())..)?,
        })
    }
}

/// Whether some line of a segment may be a part of one.
fn has_cri_part(bytes: &[u8]) -> bool {
    [&b" stdout P"[..], b" stderr P"]
        .iter()
        .any(|mark| memmem::find(bytes, mark).is_some())
}

impl<'l> Part<'l> {
    fn of_cri(line: &'l [u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let cri = Cri::of(line)?;
        Some(Self {
            stream: cri.stream,
            last: !cri.partial,
            head: [cri.head, b"F "].concat(),
            content: cri.content,
            end: b"",
        })
    }

    fn of_docker(line: &'l [u8]) -> Option<Self> {
        let body = line.strip_prefix(DOCKER)?;
        let end = memmem::rfind(body, DOCKER_STREAM)?;
        let name = body.get(end + DOCKER_STREAM.len()..)?;
        let content = body.get(..end)?;
        Some(Self {
            stream: STREAMS.iter().position(|stream| name.starts_with(stream))?,
            last: ends_with_line_feed(content) || !is_docker_part(content),
            head: DOCKER.to_vec(),
            content,
            end: body.get(end..)?,
        })
    }
}

/// Whether the text of a JSON string is as long as the parts that Docker makes.
fn is_docker_part(text: &[u8]) -> bool {
    // Undone, an escape is shorter.
    text.len() >= DOCKER_PART && (DOCKER_PART..=DOCKER_PART + DOCKER_SLACK).contains(&undone_len(text))
}

/// Bytes of the text of a JSON string once its escapes are undone.
fn undone_len(text: &[u8]) -> usize {
    let mut len = 0;
    let mut rest = text;
    while let Some(at) = memchr(b'\\', rest) {
        let digits = rest
            .get(at + 2..at + 6)
            .filter(|_| rest.get(at + 1) == Some(&b'u'))
            .and_then(|digits| u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        let (bytes, used) = match digits {
            Some(0..=0x7f) => (1, 6),
            // Half of a pair stands for two of its four bytes.
            Some(0x80..=0x7ff | 0xd800..=0xdfff) => (2, 6),
            Some(_) => (3, 6),
            None => (1, 2),
        };
        len += at + bytes;
        rest = rest.get(at + used..).unwrap_or_default();
    }
    len + rest.len()
}

/// Whether the text of a JSON string ends with an escaped line feed.
fn ends_with_line_feed(text: &[u8]) -> bool {
    let Some(before) = text.strip_suffix(b"n") else {
        return false;
    };
    let backslashes = before.iter().rev().take_while(|byte| **byte == b'\\').count();
    backslashes % 2 == 1
}

/// Takes a run of JSON values apart, wherever its bytes are cut.
///
/// Each object at the top is a record, and so is each object in a list at the top or under a record
/// key of a top object. A line feed inside a string, or an object where none can begin, shows that a
/// record was cut: what there is of it is handed on, and reading begins anew.
#[derive(Default)]
struct Document {
    /// The record, or the top object of which it is not known yet whether it is one.
    bytes: Vec<u8>,
    offset: u64,
    /// Where what was read so far ends.
    end: u64,
    state: State,
    /// Open brackets, outermost first.
    open: Vec<u8>,
    /// Depth of the list whose members are records.
    list: Option<usize>,
    in_string: bool,
    escaped: bool,
    /// The last byte that was neither blank nor in a string; a quote stands for a string.
    last: u8,
    /// The text of the latest string of a top object.
    key: Vec<u8>,
    overlong: bool,
}

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum State {
    /// Between records; what is read is no part of one.
    #[default]
    Between,
    /// In a record.
    Record,
    /// In something that is no JSON, up to the end of the line.
    Junk,
}

impl Document {
    fn feed(
        &mut self,
        offset: u64,
        bytes: &[u8],
        keys: &[String],
        max: usize,
        to: Take<'_>,
    ) -> ControlFlow<()> {
        self.end = offset + bytes.len() as u64;
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            let here = offset + at as u64;
            if self.state == State::Junk {
                let end = memchr(b'\n', bytes.get(at..).unwrap_or_default());
                let stop = end.map_or(bytes.len(), |end| at + end);
                self.keep(bytes.get(at..stop).unwrap_or_default(), max, to)?;
                at = stop;
                if end.is_some() {
                    self.hand_on(to)?;
                    self.begin_anew();
                    at += 1;
                }
                continue;
            }
            if self.in_string {
                at = self.string(bytes, at, max, to)?;
                continue;
            }
            at += 1;
            if byte.is_ascii_whitespace() {
                self.keep(&[byte], max, to)?;
                continue;
            }
            match byte {
                b'"' => {
                    if self.state == State::Between && self.open.is_empty() {
                        self.junk(here, byte);
                        continue;
                    }
                    self.in_string = true;
                    self.key.clear();
                    self.keep(&[byte], max, to)?;
                }
                b'{' => {
                    let may_begin = match self.open.last() {
                        None => true,
                        Some(b'[') => matches!(self.last, b',' | b'['),
                        Some(_) => self.last == b':',
                    };
                    if !may_begin {
                        self.hand_on(to)?;
                        self.begin_anew();
                    }
                    let depth = self.open.len();
                    if self.state == State::Between && (depth == 0 || self.list == Some(depth)) {
                        self.state = State::Record;
                        self.offset = here;
                        self.bytes.clear();
                    }
                    self.open.push(byte);
                    self.keep(&[byte], max, to)?;
                }
                b'[' => {
                    let holds_records = match self.open.as_slice() {
                        [] => true,
                        [b'{'] => self.last == b':' && keys.iter().any(|key| key.as_bytes() == self.key),
                        _ => false,
                    };
                    self.open.push(byte);
                    if holds_records {
                        if self.overlong {
                            self.hand_on(to)?;
                        }
                        self.list = Some(self.open.len());
                        self.state = State::Between;
                        self.bytes.clear();
                    } else {
                        self.keep(&[byte], max, to)?;
                    }
                }
                b'}' | b']' => {
                    self.keep(&[byte], max, to)?;
                    let depth = self.open.len();
                    if self.open.pop().is_none() {
                        self.junk(here, byte);
                        continue;
                    }
                    if self.list == Some(depth) {
                        self.list = None;
                    }
                    let ends = depth == 1 || self.list == Some(depth - 1);
                    if self.state == State::Record && ends {
                        self.hand_on(to)?;
                        self.state = State::Between;
                    }
                }
                b',' | b':' => self.keep(&[byte], max, to)?,
                // A mark that says that the text is UTF-8.
                0xef | 0xbb | 0xbf if here < 3 => continue,
                _ if self.state == State::Between && self.open.is_empty() => {
                    self.junk(here, byte);
                    continue;
                }
                _ => self.keep(&[byte], max, to)?,
            }
            self.last = byte;
        }
        ControlFlow::Continue(())
    }

    /// Reads on in a string; gives where it stopped.
    fn string(&mut self, bytes: &[u8], at: usize, max: usize, to: Take<'_>) -> ControlFlow<(), usize> {
        if self.escaped {
            self.escaped = false;
            self.push(bytes.get(at..=at).unwrap_or_default(), max, to)?;
            return ControlFlow::Continue(at + 1);
        }
        let rest = bytes.get(at..).unwrap_or_default();
        let found = memchr3(b'"', b'\\', b'\n', rest).unwrap_or(rest.len());
        let text = rest.get(..found).unwrap_or_default();
        self.push(text, max, to)?;
        match rest.get(found) {
            Some(b'"') => {
                self.in_string = false;
                self.last = b'"';
                self.keep(b"\"", max, to)?;
            }
            Some(b'\\') => {
                self.escaped = true;
                self.push(b"\\", max, to)?;
            }
            Some(_) => {
                self.hand_on(to)?;
                self.begin_anew();
            }
            None => return ControlFlow::Continue(at + found),
        }
        ControlFlow::Continue(at + found + 1)
    }

    /// Text inside a string: part of the record, and of a key of the top object.
    fn push(&mut self, text: &[u8], max: usize, to: Take<'_>) -> ControlFlow<()> {
        if self.open.len() == 1 && self.key.len() + text.len() <= 256 {
            self.key.extend_from_slice(text);
        }
        self.keep(text, max, to)
    }

    fn keep(&mut self, bytes: &[u8], max: usize, to: Take<'_>) -> ControlFlow<()> {
        if self.state == State::Between {
            return ControlFlow::Continue(());
        }
        self.bytes.extend_from_slice(bytes);
        if self.bytes.len() <= max {
            return ControlFlow::Continue(());
        }
        let first = !std::mem::replace(&mut self.overlong, true);
        let part = std::mem::take(&mut self.bytes);
        to(Piece::Overlong {
            offset: self.offset,
            bytes: &part,
            first,
            last: false,
        })
    }

    fn junk(&mut self, here: u64, byte: u8) {
        self.begin_anew();
        self.state = State::Junk;
        self.offset = here;
        self.bytes.push(byte);
    }

    fn begin_anew(&mut self) {
        *self = Self {
            end: self.end,
            ..Self::default()
        };
    }

    /// Hands on what was collected.
    fn hand_on(&mut self, to: Take<'_>) -> ControlFlow<()> {
        let (offset, bytes) = (self.offset, std::mem::take(&mut self.bytes));
        if std::mem::take(&mut self.overlong) {
            return to(Piece::Overlong {
                offset,
                bytes: &bytes,
                first: false,
                last: true,
            });
        }
        let flow = if self.state == State::Between || bytes.trim_ascii().is_empty() {
            ControlFlow::Continue(())
        } else {
            to(Piece::Record {
                offset,
                bytes: &bytes,
            })
        };
        self.bytes = bytes;
        self.bytes.clear();
        flow
    }

    fn finish(&mut self, to: Take<'_>) -> ControlFlow<()> {
        self.hand_on(to)?;
        self.begin_anew();
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
