//! From decoded bytes to whole lines.
//!
//! The framer pushes: [`for_each_segment`] drives the decoder over one [`Unit`] and hands out
//! [`Piece`]s, in order. How the bytes were cut up on the way (blocks, reads, units) leaves no trace
//! in the lines.
//!
//! ```text
//! Unit -> decoder -> buffer (recycled) -> Piece::Lines     whole lines with their decoded offset
//!             mapped and plain: no buffer  Piece::Overlong a line beyond the limit, in parts
//!                                          Piece::Lost     where lines are missing, and why
//! ```
//!
//! Not for: taking lines apart, or deciding about them. A `\r` before the `\n` stays where it is.

use std::fmt;
use std::ops::{ControlFlow, Range};
use std::path::Path;

use memchr::memchr;

use crate::Limits;
use crate::source::{
    Backing, Codec, Coders, Drain, Feed, LossReason, LostRange, Opened, Supply, Unit, decode,
};

mod archive;
mod assemble;
mod lines;
mod part;
mod segment;

pub(crate) use assemble::{Assembler, Layout};
pub use lines::{Line, Lines};
use segment::Framer;
pub(crate) use segment::{EXCHANGED_SEGMENTS, Exchange, RATIO_FLOOR};

/// What a unit is made of.
#[non_exhaustive]
pub enum Piece<'a> {
    /// A run of whole lines, none longer than [`Limits::max_line_bytes`]. It ends with a line feed,
    /// or is the end of the input.
    Lines {
        /// Decoded offset of the first byte.
        offset: u64,
        /// The lines with their line feeds; never empty.
        bytes: &'a [u8],
    },
    /// A record that is no line: joined from parts, or a member of a document. Line feeds inside belong
    /// to it.
    Record {
        /// Decoded offset of the first byte.
        offset: u64,
        /// The record, at most [`Limits::max_line_bytes`] and one part long.
        bytes: &'a [u8],
    },
    /// A part of a line that is longer than [`Limits::max_line_bytes`]; the parts follow each other.
    /// Where they are cut has no meaning, and the last one may be empty.
    Overlong {
        /// Decoded offset of this part.
        offset: u64,
        /// The part; the last one ends with the line feed, if the line has one.
        bytes: &'a [u8],
        /// Whether the line begins here.
        first: bool,
        /// Whether the line ends here.
        last: bool,
    },
    /// What follows is a file inside an archive.
    Member {
        /// Its path in the archive.
        path: &'a Path,
        /// Decoded offset at which it begins: the members of an archive count on from each other.
        offset: u64,
    },
    /// Lines are missing, or in doubt.
    Lost(LostRange),
}

impl fmt::Debug for Piece<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lines { offset, bytes } => write!(f, "Lines(<{} bytes> at {offset})", bytes.len()),
            Self::Overlong {
                offset,
                bytes,
                first,
                last,
            } => {
                write!(
                    f,
                    "Overlong(<{} bytes> at {offset}, first: {first}, last: {last})",
                    bytes.len()
                )
            }
            Self::Record { offset, bytes } => write!(f, "Record(<{} bytes> at {offset})", bytes.len()),
            Self::Member { offset, .. } => write!(f, "Member(at {offset})"),
            Self::Lost(range) => write!(f, "Lost({range:?})"),
        }
    }
}

/// What reading a unit came to.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// Bytes of the input as stored that were looked at.
    pub stored_bytes: u64,
    /// Decoded bytes that were framed.
    pub decoded_bytes: u64,
    /// BLAKE3 digest of the whole input as stored; of compressed inputs that were read to the end.
    pub digest: Option<[u8; 32]>,
    /// Whether the caller asked to stop.
    pub stopped: bool,
    /// Whether a part of a compressed input holds damage, or does not end where the next one begins: then
    /// no part of the input counts.
    pub broken: bool,
}

/// Buffers and decoders of one worker, used again for each unit.
///
/// # Memory usage
///
/// [`Limits::segment_bytes`] and, after a long line, up to [`Limits::max_line_bytes`] more; the bytes
/// that are read at a time; the decoder's window, bounded by [`Limits::max_zstd_window_log`]; up to
/// 16 MiB after lz4, and 4 MiB after bzip2 or xz.
#[derive(Default)]
pub struct Scratch {
    lines: Vec<u8>,
    stored: Vec<u8>,
    coders: Coders,
}

impl Scratch {
    pub(crate) fn coders(&mut self) -> &mut Coders {
        &mut self.coders
    }
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Scratch(<{} bytes>)",
            self.lines.capacity() + self.stored.capacity()
        )
    }
}

/// Reads a unit and hands out its pieces in order, until the end or until `each` breaks.
///
/// A stream has one unit, and yields its pieces only once. Trouble with the input is a
/// [`Piece::Lost`]; the rest is read where that is possible.
pub fn for_each_segment(
    opened: &Opened,
    unit: &Unit,
    limits: &Limits,
    scratch: &mut Scratch,
    each: &mut dyn FnMut(Piece<'_>) -> ControlFlow<()>,
) -> Summary {
    read(opened, unit, limits, scratch, each, None)
}

/// As [`for_each_segment`]; decoded segments may also go to `exchange`.
pub(crate) fn read(
    opened: &Opened,
    unit: &Unit,
    limits: &Limits,
    scratch: &mut Scratch,
    each: &mut dyn FnMut(Piece<'_>) -> ControlFlow<()>,
    exchange: Option<&dyn Exchange>,
) -> Summary {
    let Scratch {
        lines,
        stored,
        coders,
    } = scratch;
    let is_part = unit.range != (0..opened.bytes());
    if opened.codec() == Codec::Plain && is_part {
        return plain_part(opened, unit, limits, lines, stored, each);
    }
    let mut framer = Framer::new(lines, limits, each).exchanging(exchange);
    if is_part && let Some(supply) = opened.supply() {
        let feed = Feed::new(supply, opened.read_bytes, stored, 0);
        return part::read(opened, unit, feed, framer, coders, limits);
    }
    let mut stream;
    let mut held = 0;
    let supply = match &opened.backing {
        Backing::Mapped { bytes, .. } if opened.codec() == Codec::Plain && !opened.is_archive() => {
            let flow = framer.slices(bytes);
            return framer.finish(flow, bytes.len() as u64);
        }
        Backing::Mapped { bytes, .. } => Supply::Slice(bytes),
        Backing::File { file, end } => Supply::File(file, *end),
        Backing::Stream(slot) => {
            // A poisoned lock means that a reader panicked; what it left cannot be relied on.
            stream = slot.lock().ok().and_then(|mut slot| slot.take());
            match &mut stream {
                Some(stream) => {
                    stored.clear();
                    stored.append(&mut stream.head);
                    held = stored.len();
                    Supply::Stream(stream.reader.as_mut())
                }
                None => return framer.finish(ControlFlow::Continue(()), 0),
            }
        }
    };
    let mut feed = Feed::new(supply, opened.read_bytes, stored, held);
    if opened.digest && opened.codec() != Codec::Plain {
        feed = feed.digesting();
    }
    let flow = if opened.is_archive() {
        archive::read(opened.codec(), &mut feed, &mut framer, limits)
    } else {
        decode(opened.codec(), &mut feed, &mut framer, coders, limits, u64::MAX)
    };
    let mut summary = framer.finish(flow, feed.position());
    if !summary.stopped {
        summary.digest = feed.digest();
    }
    summary
}

/// Reads one of several parts of a plain file: the lines that begin behind the first line feed at or
/// after the start of the range, up to the first line feed at or after its end.
///
/// A part without a line feed lies inside a line that an earlier part began, and is empty; so a long
/// line is walked over once, however many parts it spans.
fn plain_part(
    opened: &Opened,
    unit: &Unit,
    limits: &Limits,
    lines: &mut Vec<u8>,
    stored: &mut Vec<u8>,
    each: &mut dyn FnMut(Piece<'_>) -> ControlFlow<()>,
) -> Summary {
    let mut framer = Framer::new(lines, limits, each);
    let flow = match &opened.backing {
        Backing::Mapped { bytes, .. } if bytes.was_truncated() => {
            framer.start_at(unit.range.start);
            framer.lost(unit.range.start, LossReason::Truncated)
        }
        Backing::Mapped { bytes, .. } => {
            let part = mapped_part(bytes, unit);
            framer.start_at(part.start as u64);
            framer.slices(bytes.get(part).unwrap_or_default())
        }
        Backing::File { file, end } => {
            let mut feed = Feed::new(Supply::File(file, *end), opened.read_bytes, stored, 0);
            feed.start_at(unit.range.start);
            segment::part(&mut feed, &mut framer, unit, end.unwrap_or(u64::MAX))
        }
        // Streams are not split.
        Backing::Stream(_) => ControlFlow::Continue(()),
    };
    framer.finish(flow, unit.bytes())
}

/// Where the lines of a part are in a mapped file.
fn mapped_part(bytes: &[u8], unit: &Unit) -> Range<usize> {
    let index = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    let (start, end) = (index(unit.range.start), index(unit.range.end));
    let line_feed = |within: Range<usize>| {
        let offset = within.start;
        memchr(b'\n', bytes.get(within).unwrap_or_default()).map(|found| offset + found + 1)
    };
    let begin = if start == 0 {
        Some(0)
    } else {
        line_feed(start..end)
    };
    match begin {
        Some(begin) => begin..line_feed(end..bytes.len()).unwrap_or(bytes.len()),
        None => end..end,
    }
}

#[cfg(test)]
mod tests;
