//! The buffer in which decoded bytes become segments of whole lines.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use memchr::{memchr, memrchr};

use super::{LossReason, LostRange, Piece, Summary};
use crate::Limits;
use crate::source::{Drain, Feed, Unit, copy_into};

/// Below this many decoded bytes a high ratio harms nobody.
pub(crate) const RATIO_FLOOR: u64 = 64 << 20;

/// Segments that are gathered for another thread.
pub(crate) const EXCHANGED_SEGMENTS: usize = 4;

/// Takes segments away to be looked at elsewhere, so that decoding need not wait for that.
pub(crate) trait Exchange {
    /// Whether it may give a buffer: then segments are worth gathering in one.
    fn is_open(&self) -> bool;

    /// An empty buffer, to go on with in place of a full one; none if the full one is to be looked at
    /// here, since nobody is idle or enough is waiting.
    fn spare(&self) -> Option<Vec<u8>>;

    /// A buffer whose first `count` bytes are whole lines, the first of them at decoded byte `offset`.
    fn take(&self, offset: u64, buffer: Vec<u8>, count: usize);
}

/// Collects decoded bytes and hands out whole lines.
pub(super) struct Framer<'f> {
    buffer: &'f mut Vec<u8>,
    /// `buffer[..held]` is decoded and not handed out yet.
    held: usize,
    /// `buffer[..searched]` holds no line feed.
    searched: usize,
    /// Decoded offset of `buffer[0]`.
    offset: u64,
    /// Decoded offset at which this framer began.
    began: u64,
    /// Whether the buffer goes on with a line of which parts were handed out.
    overlong: bool,
    last_loss: Option<(u64, LossReason)>,
    stopped: bool,
    limits: &'f Limits,
    each: &'f mut dyn FnMut(Piece<'_>) -> ControlFlow<()>,
    exchange: Option<&'f dyn Exchange>,
}

impl<'f> Framer<'f> {
    pub(super) fn new(
        buffer: &'f mut Vec<u8>,
        limits: &'f Limits,
        each: &'f mut dyn FnMut(Piece<'_>) -> ControlFlow<()>,
    ) -> Self {
        Self {
            buffer,
            held: 0,
            searched: 0,
            offset: 0,
            began: 0,
            overlong: false,
            last_loss: None,
            stopped: false,
            limits,
            each,
            exchange: None,
        }
    }

    /// Offers full buffers to `exchange` first.
    pub(super) fn exchanging(mut self, exchange: Option<&'f dyn Exchange>) -> Self {
        self.exchange = exchange;
        self
    }

    /// The first `count` bytes of the room, which were filled but not reported. Not [`Drain::room`] again:
    /// how large that is may have changed.
    pub(super) fn fresh(&mut self, count: usize) -> &mut [u8] {
        self.buffer
            .get_mut(self.held..self.held + count)
            .unwrap_or_default()
    }

    /// Leaves out `count` decoded bytes while none are held.
    pub(super) fn pass(&mut self, count: usize) {
        debug_assert_eq!(self.held, 0, "bytes are held before those that are left out");
        self.offset += count as u64;
    }

    /// Begins at a decoded offset other than zero.
    pub(super) fn start_at(&mut self, offset: u64) {
        self.offset = offset;
        self.began = offset;
    }

    /// A file inside an archive begins: the one before ends here, with or without a line feed.
    pub(super) fn member(&mut self, path: &Path) -> ControlFlow<()> {
        self.flush(true)?;
        // Its losses are its own, even if the one before was lost in the same way.
        self.last_loss = None;
        let offset = self.decoded();
        self.give(Piece::Member { path, offset })
    }

    /// Hands out the rest and says what it came to. `flow` is how the decoder ended.
    pub(super) fn finish(mut self, flow: ControlFlow<()>, stored_bytes: u64) -> Summary {
        if flow.is_continue() {
            // Whether the last caller breaks makes no difference any more, but it is told so.
            let _ = self.flush(true);
        }
        Summary {
            stored_bytes,
            decoded_bytes: self.offset + self.held as u64 - self.began,
            digest: None,
            stopped: self.stopped,
            broken: false,
        }
    }

    /// Frames bytes that are in memory already, without a copy.
    pub(super) fn slices(&mut self, bytes: &[u8]) -> ControlFlow<()> {
        let allowed = usize::try_from(self.limits.max_decoded_bytes.saturating_sub(self.offset));
        let cut = allowed.is_ok_and(|allowed| allowed < bytes.len());
        let mut rest = if cut {
            bytes.get(..allowed.unwrap_or(0)).unwrap_or_default()
        } else {
            bytes
        };
        if cut {
            rest = rest
                .get(..memrchr(b'\n', rest).map_or(0, |end| end + 1))
                .unwrap_or_default();
        }
        while !rest.is_empty() {
            let target = self.limits.segment_bytes.max(1);
            let end = match rest.get(..target).and_then(|segment| memrchr(b'\n', segment)) {
                Some(end) => end + 1,
                None if rest.len() <= target => rest.len(),
                None => {
                    let behind = rest.get(target..).unwrap_or_default();
                    memchr(b'\n', behind).map_or(rest.len(), |end| target + end + 1)
                }
            };
            let (segment, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            self.whole_lines(self.offset, segment)?;
            self.offset += segment.len() as u64;
            rest = behind;
        }
        if cut {
            self.lost(self.offset, LossReason::DecodedLimit)
        } else {
            ControlFlow::Continue(())
        }
    }

    fn give(&mut self, piece: Piece<'_>) -> ControlFlow<()> {
        let flow = (self.each)(piece);
        self.stopped |= flow.is_break();
        flow
    }

    /// Hands out whole lines, with those that are too long set apart.
    fn whole_lines(&mut self, offset: u64, bytes: &[u8]) -> ControlFlow<()> {
        let max = self.limits.max_line_bytes;
        if bytes.len() <= max {
            return self.give_lines(offset, bytes);
        }
        let (mut good, mut at) = (0, 0);
        while at < bytes.len() {
            let rest = bytes.get(at..).unwrap_or_default();
            let feed = memchr(b'\n', rest);
            let end = at + feed.map_or(rest.len(), |feed| feed + 1);
            if feed.unwrap_or(rest.len()) > max {
                self.give_lines(offset + good as u64, bytes.get(good..at).unwrap_or_default())?;
                self.overlong_line(offset + at as u64, bytes.get(at..end).unwrap_or_default())?;
                good = end;
            }
            at = end;
        }
        self.give_lines(offset + good as u64, bytes.get(good..).unwrap_or_default())
    }

    fn give_lines(&mut self, offset: u64, bytes: &[u8]) -> ControlFlow<()> {
        if bytes.is_empty() {
            ControlFlow::Continue(())
        } else {
            self.give(Piece::Lines { offset, bytes })
        }
    }

    /// Hands out a whole overlong line in parts of a segment's size.
    fn overlong_line(&mut self, mut offset: u64, bytes: &[u8]) -> ControlFlow<()> {
        let size = self.limits.segment_bytes.max(1);
        let count = bytes.len().div_ceil(size);
        for (number, part) in bytes.chunks(size).enumerate() {
            let (first, last) = (number == 0, number + 1 == count);
            self.give(Piece::Overlong {
                offset,
                bytes: part,
                first,
                last,
            })?;
            offset += part.len() as u64;
        }
        ControlFlow::Continue(())
    }

    /// Hands out what is complete; at the `end` also a last line without a line feed.
    fn flush(&mut self, end: bool) -> ControlFlow<()> {
        if !end && self.hand_over() {
            return ControlFlow::Continue(());
        }
        // Taken out so that its parts can be handed out while the state changes.
        let buffer = std::mem::take(self.buffer);
        let (used, flow) = self.flush_from(buffer.get(..self.held).unwrap_or_default(), end);
        *self.buffer = buffer;
        self.buffer.copy_within(used..self.held, 0);
        self.held -= used;
        self.offset += used as u64;
        self.searched = self.held;
        flow
    }

    /// Bytes that make a segment: more where it goes to another thread, which has to be woken up.
    fn target(&self) -> usize {
        let one = self.limits.segment_bytes.max(1);
        if self.exchange.is_some_and(Exchange::is_open) {
            one * EXCHANGED_SEGMENTS
        } else {
            one
        }
    }

    /// Keeps a part of a line.
    fn hold(&mut self, bytes: &[u8]) {
        let end = self.held + bytes.len();
        if self.buffer.len() < end {
            self.buffer.resize(end, 0);
        }
        if let Some(room) = self.buffer.get_mut(self.held..end) {
            room.copy_from_slice(bytes);
        }
        self.held = end;
    }

    /// Gives whole lines away with their buffer; false if they stay here.
    fn hand_over(&mut self) -> bool {
        let held = self.buffer.get(..self.held).unwrap_or_default();
        let lines = memrchr(b'\n', held).map_or(0, |feed| feed + 1);
        // What could hold a line that is too long is looked at here.
        if self.overlong || lines == 0 || self.held > self.limits.max_line_bytes {
            return false;
        }
        let Some(exchange) = self.exchange else {
            return false;
        };
        let Some(mut spare) = exchange.spare() else {
            return false;
        };
        let rest = held.len() - lines;
        if spare.len() < rest {
            spare.resize(rest, 0);
        }
        if let (Some(to), Some(from)) = (spare.get_mut(..rest), held.get(lines..)) {
            to.copy_from_slice(from);
        }
        let full = std::mem::replace(self.buffer, spare);
        exchange.take(self.offset, full, lines);
        self.held = rest;
        self.offset += lines as u64;
        self.searched = rest;
        true
    }

    fn flush_from(&mut self, held: &[u8], end: bool) -> (usize, ControlFlow<()>) {
        let mut begin = 0;
        if self.overlong {
            let feed = memchr(b'\n', held);
            let part = held
                .get(..feed.map_or(held.len(), |feed| feed + 1))
                .unwrap_or_default();
            let last = feed.is_some() || end;
            if last || !part.is_empty() {
                let piece = Piece::Overlong {
                    offset: self.offset,
                    bytes: part,
                    first: false,
                    last,
                };
                self.overlong = !last;
                begin = part.len();
                let flow = self.give(piece);
                if flow.is_break() {
                    return (begin, flow);
                }
            }
        }
        let rest = held.get(begin..).unwrap_or_default();
        let offset = self.offset + begin as u64;
        let lines = if end {
            rest.len()
        } else {
            memrchr(b'\n', rest).map_or(0, |feed| feed + 1)
        };
        let (whole, partial) = rest.split_at_checked(lines).unwrap_or((rest, &[]));
        let flow = self.whole_lines(offset, whole);
        if flow.is_break() || partial.len() <= self.limits.max_line_bytes {
            return (begin + lines, flow);
        }
        self.overlong = true;
        let offset = offset + lines as u64;
        (
            held.len(),
            self.give(Piece::Overlong {
                offset,
                bytes: partial,
                first: true,
                last: false,
            }),
        )
    }

    /// Takes a last look at what is held before a loss: whole lines are handed out, and an unfinished
    /// one is dropped.
    fn abandon(&mut self) -> ControlFlow<()> {
        self.flush(false)?;
        let start = self.offset;
        self.offset += self.held as u64;
        self.held = 0;
        self.searched = 0;
        if self.overlong {
            self.overlong = false;
            self.give(Piece::Overlong {
                offset: start,
                bytes: &[],
                first: false,
                last: true,
            })?;
        }
        ControlFlow::Continue(())
    }

    fn give_loss(&mut self, decoded_offset: u64, at: u64, reason: LossReason) -> ControlFlow<()> {
        let end = self.offset + self.held as u64;
        // A run of damaged frames with nothing in between is one loss.
        if self.last_loss == Some((end, reason)) {
            return ControlFlow::Continue(());
        }
        self.last_loss = Some((end, reason));
        self.give(Piece::Lost(LostRange::new(decoded_offset, at, reason)))
    }
}

impl Drain for Framer<'_> {
    fn room(&mut self) -> &mut [u8] {
        let segment = self.target();
        // A line longer than a segment makes the buffer grow; `filled` keeps `held` below the limit.
        let want = if self.held < segment {
            segment
        } else {
            self.held + segment
        };
        if self.buffer.len() < want {
            self.buffer.reserve_exact(want - self.buffer.len());
            self.buffer.resize(want, 0);
        }
        self.buffer.get_mut(self.held..want).unwrap_or_default()
    }

    fn filled(&mut self, count: usize, at: u64) -> ControlFlow<()> {
        self.held += count;
        let decoded = self.decoded();
        let over = decoded.saturating_sub(self.limits.max_decoded_bytes);
        let bomb = decoded >= RATIO_FLOOR && decoded / at.max(1) > self.limits.max_ratio;
        if over > 0 || bomb {
            self.held -= usize::try_from(over).unwrap_or(self.held).min(self.held);
            let reason = if over > 0 {
                LossReason::DecodedLimit
            } else {
                LossReason::Ratio
            };
            self.lost(at, reason)?;
            // Not `stopped`: the limit ended it, not the caller.
            return ControlFlow::Break(());
        }
        let full = self.held >= self.target();
        if !full {
            return ControlFlow::Continue(());
        }
        let fresh = self.buffer.get(self.searched..self.held).unwrap_or_default();
        let too_long = self.held > self.limits.max_line_bytes;
        if self.overlong || too_long || memrchr(b'\n', fresh).is_some() {
            return self.flush(false);
        }
        self.searched = self.held;
        ControlFlow::Continue(())
    }

    fn slice(&mut self, bytes: &[u8], at: u64) -> ControlFlow<()> {
        if self.exchange.is_some_and(Exchange::is_open) {
            return copy_into(self, bytes, at);
        }
        let (mut rest, mut limit) = (bytes, None);
        let decoded = self.decoded() + bytes.len() as u64;
        let over = decoded.saturating_sub(self.limits.max_decoded_bytes);
        if over > 0 {
            let left = bytes
                .len()
                .saturating_sub(usize::try_from(over).unwrap_or(usize::MAX));
            (rest, limit) = (
                bytes.get(..left).unwrap_or_default(),
                Some(LossReason::DecodedLimit),
            );
        } else if decoded >= RATIO_FLOOR && decoded / at.max(1) > self.limits.max_ratio {
            limit = Some(LossReason::Ratio);
        }
        // The end of a line that is held, then whole lines where they lie, then the start of another.
        if self.held > 0 || self.overlong {
            let end = memchr(b'\n', rest).map_or(rest.len(), |feed| feed + 1);
            let (line, behind) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            self.hold(line);
            if line.ends_with(b"\n") || self.overlong || self.held > self.limits.max_line_bytes {
                self.flush(false)?;
            }
            rest = behind;
        }
        let lines = memrchr(b'\n', rest).map_or(0, |feed| feed + 1);
        let (lines, start) = rest.split_at_checked(lines).unwrap_or((rest, &[]));
        if !lines.is_empty() {
            self.slices(lines)?;
        }
        self.hold(start);
        if self.held > self.limits.max_line_bytes {
            self.flush(false)?;
        }
        // Whole lines may still be held from when they were gathered for another thread.
        self.searched = 0;
        if let Some(reason) = limit {
            self.lost(at, reason)?;
            // Not `stopped`: the limit ended it, not the caller.
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }

    fn pause(&mut self) -> ControlFlow<()> {
        let fresh = self.buffer.get(self.searched..self.held).unwrap_or_default();
        if memrchr(b'\n', fresh).is_some() {
            return self.flush(false);
        }
        self.searched = self.held;
        ControlFlow::Continue(())
    }

    fn decoded(&self) -> u64 {
        self.offset + self.held as u64
    }

    fn lost(&mut self, at: u64, reason: LossReason) -> ControlFlow<()> {
        self.flush(false)?;
        let since = self.offset;
        self.abandon()?;
        self.give_loss(since, at, reason)
    }

    fn doubt(&mut self, since: u64, at: u64, reason: LossReason) -> ControlFlow<()> {
        self.abandon()?;
        self.give_loss(since, at, reason)
    }
}

/// Reads a part of a plain file that is not mapped; see [`super::plain_part`].
pub(super) fn part(feed: &mut Feed<'_>, framer: &mut Framer<'_>, unit: &Unit, end: u64) -> ControlFlow<()> {
    let at = feed.position();
    match read_part(feed, framer, unit, end) {
        Ok(flow) => flow,
        Err(error) => framer.lost(at, LossReason::Io(error.kind())),
    }
}

fn read_part(
    feed: &mut Feed<'_>,
    framer: &mut Framer<'_>,
    unit: &Unit,
    end: u64,
) -> io::Result<ControlFlow<()>> {
    if unit.range.start > 0 && !behind_line_feed(feed, unit.range.end)? {
        return Ok(ControlFlow::Continue(()));
    }
    framer.start_at(feed.position());
    loop {
        let at = feed.position();
        let seen = feed.peek(1)?;
        if seen.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        let room = framer.room();
        let mut count = seen.len().min(room.len());
        // From the end of the range on, the first line feed ends the part.
        let inside = usize::try_from(unit.range.end.saturating_sub(at)).unwrap_or(usize::MAX);
        let beyond = seen
            .get(inside..count)
            .filter(|_| unit.range.end < end)
            .unwrap_or_default();
        let stop = memchr(b'\n', beyond);
        if let Some(stop) = stop {
            count = inside + stop + 1;
        }
        if let (Some(to), Some(from)) = (room.get_mut(..count), seen.get(..count)) {
            to.copy_from_slice(from);
        }
        feed.consume(count);
        let flow = framer.filled(count, at + count as u64);
        if flow.is_break() || stop.is_some() {
            return Ok(flow);
        }
    }
}

/// Moves behind the next line feed; false if there is none before `end`.
fn behind_line_feed(feed: &mut Feed<'_>, end: u64) -> io::Result<bool> {
    loop {
        let left = usize::try_from(end.saturating_sub(feed.position())).unwrap_or(usize::MAX);
        let seen = feed.peek(1)?;
        let inside = seen.get(..left).unwrap_or(seen);
        if inside.is_empty() {
            return Ok(false);
        }
        let found = memchr(b'\n', inside);
        let count = found.map_or(inside.len(), |found| found + 1);
        feed.consume(count);
        if found.is_some() {
            return Ok(true);
        }
    }
}
