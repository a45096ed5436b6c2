//! Zstandard frames, one after another.
//!
//! A [`Walker`] reads the structure (frame header, block headers, checksum) in step with the decoder.
//! It knows where the next block ends, so that the decoder gets one block at a time and everything
//! before a damaged block has been delivered; and where the frame ends, so that the next frame can be
//! found whatever is inside this one.

use std::io;
use std::ops::ControlFlow;

use ::zstd::zstd_safe::is_error_kind;
use ::zstd::zstd_safe::zstd_sys::ZSTD_ErrorCode;
use decostop_zstd::Blocks;

use super::codec::{Damage, Drain};
use super::gzip::find;
use super::{Feed, LossReason};
use crate::Limits;

const MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];
const MAX_BLOCK_BYTES: u32 = 128 << 10;

/// After damage, how many places that look like a frame are tried before the rest counts as lost.
const MAX_TRIALS: u32 = 10_000;

/// Whether the bytes begin a skippable frame, as archives of many frames carry in front.
pub(super) fn is_skippable(head: &[u8]) -> bool {
    matches!(head, [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..])
}

/// Whether these are all that a cut has left of a skippable frame's first bytes.
pub(super) fn begins_skippable(head: &[u8]) -> bool {
    let (first, rest) = head.split_first().unwrap_or((&0, &[]));
    matches!(first, 0x50..=0x5f) && [0x2a, 0x4d].starts_with(rest)
}

/// Decodes the frames that begin before byte `until`.
pub(super) fn decode(
    feed: &mut Feed<'_>,
    drain: &mut dyn Drain,
    blocks: &mut Blocks,
    limits: &Limits,
    until: u64,
) -> ControlFlow<()> {
    while feed.position() < until {
        let start = feed.position();
        let since = drain.decoded();
        let mut walker = Walker::default();
        match frame(feed, drain, blocks, limits, &mut walker) {
            Ok(true) => {}
            Ok(false) => return ControlFlow::Continue(()),
            Err(Damage::Stopped) => return ControlFlow::Break(()),
            Err(Damage::Is(LossReason::Checksum)) => {
                drain.doubt(since, start, LossReason::Checksum)?;
                // The damage may have hidden where the frame ends, and the next one begins.
                let here = feed.position();
                let before = feed.can_go_back() && matches!(search(feed, start, here), Ok(true));
                if !before && feed.seek(here).is_err() {
                    return ControlFlow::Continue(());
                }
            }
            Err(Damage::Is(reason)) => {
                drain.lost(start, reason)?;
                if matches!(reason, LossReason::Io(_)) || !matches!(resume(feed, walker, start), Ok(true)) {
                    return ControlFlow::Continue(());
                }
            }
        }
    }
    ControlFlow::Continue(())
}

/// The first frame border at least `apart` bytes behind the last one, or behind the start; `None` at the
/// end, or where the structure is not whole, or a frame is larger than `give_up`.
pub(super) fn border(feed: &mut Feed<'_>, apart: u64, give_up: u64) -> io::Result<Option<u64>> {
    let begin = feed.position();
    loop {
        let start = feed.position();
        let head = feed.peek(8)?;
        if head.is_empty() {
            return Ok(None);
        }
        if start - begin >= apart {
            return Ok(Some(start));
        }
        let whole = match head {
            &[_, _, _, _, a, b, c, d, ..] if is_skippable(head) => {
                feed.skip(8 + u64::from(u32::from_le_bytes([a, b, c, d])))?
            }
            _ => Walker::default().follow_up_to(feed, start.saturating_add(give_up))?,
        };
        if !whole {
            return Ok(None);
        }
    }
}

/// Decodes or skips one frame; false at the end of the input.
fn frame(
    feed: &mut Feed<'_>,
    drain: &mut dyn Drain,
    blocks: &mut Blocks,
    limits: &Limits,
    walker: &mut Walker,
) -> Result<bool, Damage> {
    let head = feed.peek(MAGIC.len())?;
    if head.is_empty() {
        return Ok(false);
    }
    if is_skippable(head) {
        let &[_, _, _, _, a, b, c, d, ..] = feed.peek(8)? else {
            return Err(Damage::Is(LossReason::Truncated));
        };
        let count = 8 + u64::from(u32::from_le_bytes([a, b, c, d]));
        return if feed.skip(count)? {
            Ok(true)
        } else {
            Err(Damage::Is(LossReason::Truncated))
        };
    }
    if !head.starts_with(MAGIC) {
        let cut = head.len() < MAGIC.len() && MAGIC.starts_with(head);
        return Err(Damage::Is(if cut {
            LossReason::Truncated
        } else {
            LossReason::Garbage
        }));
    }
    let header = Header::parse(feed.peek(MAX_HEADER_BYTES)?).unwrap_or_default();
    let limit = 1 << limits.max_zstd_window_log.min(63);
    blocks.begin(header.window, limit).map_err(damage)?;
    let before = drain.decoded();
    loop {
        let want = blocks.wants();
        if want == 0 {
            // zstd compares the two only behind a block that is not empty.
            let decoded = drain.decoded() - before;
            return match header.content {
                Some(stated) if stated != decoded => Err(Damage::Is(LossReason::Corrupt)),
                _ => Ok(true),
            };
        }
        let at = feed.position() + want as u64;
        let item = feed.peek(want)?;
        let item = item.get(..want).unwrap_or(item);
        let count = item.len();
        let (_, step) = walker.step(item);
        let decoded = match step {
            _ if count < want => Err(Damage::Is(LossReason::Truncated)),
            Step::Broken => Err(Damage::Is(LossReason::Corrupt)),
            Step::End | Step::More => blocks.take(item).map_err(damage),
        };
        feed.consume(count);
        if drain.slice(decoded?, at).is_break() {
            return Err(Damage::Stopped);
        }
    }
}

/// What the header of a frame says.
#[derive(Clone, Copy, Debug, Default)]
struct Header {
    /// Bytes that a match may reach back.
    window: u64,
    /// Bytes of the whole frame, decoded.
    content: Option<u64>,
}

impl Header {
    /// None if it is not whole.
    fn parse(header: &[u8]) -> Option<Self> {
        let (&flags, rest) = header.strip_prefix(MAGIC)?.split_first()?;
        let single_segment = flags & 0x20 != 0;
        let (descriptor, rest) = if single_segment {
            (None, rest)
        } else {
            let (descriptor, rest) = rest.split_first()?;
            (Some(u64::from(*descriptor)), rest)
        };
        let skipped = [0, 1, 2, 4][usize::from(flags & 3)];
        let (bytes, least) = match CONTENT_SIZES[usize::from(flags >> 6)] {
            (0, least) if single_segment => (1, least),
            field => field,
        };
        let field = rest.get(skipped..skipped + bytes)?;
        let size = field
            .iter()
            .rev()
            .fold(0u64, |size, byte| size << 8 | u64::from(*byte));
        let content = (bytes > 0).then_some(size.saturating_add(least));
        let window = match descriptor {
            Some(descriptor) => {
                let base = 1u64 << (10 + (descriptor >> 3));
                base + base / 8 * (descriptor & 7)
            }
            // A single segment is as large as the content.
            None => content.unwrap_or_default(),
        };
        Some(Self { window, content })
    }
}

/// Bytes that a match may reach back, by the header of the frame that `head` begins with.
pub(super) fn window(head: &[u8]) -> Option<u64> {
    Header::parse(head).map(|header| header.window)
}

/// Bytes of the content size in a frame header, by two of its flags, and what is added to it.
const CONTENT_SIZES: [(usize, u64); 4] = [(0, 0), (2, 256), (4, 0), (8, 0)];

/// Longest frame header.
const MAX_HEADER_BYTES: usize = 18;

fn damage(decostop_zstd::Error(code): decostop_zstd::Error) -> Damage {
    const REASONS: [(ZSTD_ErrorCode, LossReason); 4] = [
        (ZSTD_ErrorCode::ZSTD_error_checksum_wrong, LossReason::Checksum),
        (
            ZSTD_ErrorCode::ZSTD_error_frameParameter_windowTooLarge,
            LossReason::Window,
        ),
        (
            ZSTD_ErrorCode::ZSTD_error_dictionary_wrong,
            LossReason::Dictionary,
        ),
        (
            ZSTD_ErrorCode::ZSTD_error_dictionary_corrupted,
            LossReason::Dictionary,
        ),
    ];
    let known = REASONS.iter().find(|(kind, _)| is_error_kind(code, *kind));
    Damage::Is(known.map_or(LossReason::Corrupt, |(_, reason)| *reason))
}

/// Behind damage in the frame at `start`, goes to the next frame; false if there is none to be found.
///
/// First by the structure of the damaged frame itself. If that is broken too, by searching for a frame
/// whose structure is whole; a stream cannot go back, and believes a frame header.
fn resume(feed: &mut Feed<'_>, walker: Walker, start: u64) -> io::Result<bool> {
    if walker.follow(feed)? {
        let next = feed.peek(MAGIC.len())?;
        if next.is_empty() || next.starts_with(MAGIC) || is_skippable(next) {
            return Ok(true);
        }
    }
    search(feed, start, u64::MAX)
}

/// Goes to the first frame that begins behind `start` and before `end`; false if there is none.
fn search(feed: &mut Feed<'_>, start: u64, end: u64) -> io::Result<bool> {
    let mut from = start + 1;
    for _ in 0..MAX_TRIALS {
        let moved = feed.seek(from)?;
        if (!moved && feed.can_go_back()) || !find(feed, MAGIC)? {
            return Ok(false);
        }
        let candidate = feed.position();
        if candidate >= end {
            return Ok(false);
        }
        if feed.can_go_back() {
            if Walker::default().follow(feed)? {
                return feed.seek(candidate);
            }
        } else if Walker::default().step(feed.peek(MAX_HEADER_BYTES)?).1 != Step::Broken {
            return Ok(true);
        }
        from = candidate + 1;
    }
    Ok(false)
}

/// Follows the structure of one frame over chunks of any size.
#[derive(Default)]
struct Walker {
    state: State,
    /// The header that is being gathered.
    held: [u8; 18],
    len: usize,
    checksum: bool,
}

#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    FrameHeader,
    BlockHeader,
    Block {
        left: u32,
        last: bool,
    },
    Checksum {
        left: u32,
    },
    Broken,
    Done,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// No frame looks like this.
    Broken,
    /// The frame is complete.
    End,
    /// There is more of the frame, behind a block or behind the chunk.
    More,
}

impl Walker {
    /// Takes bytes of `seen`, at most to the end of the next block; says how many.
    fn step(&mut self, seen: &[u8]) -> (usize, Step) {
        let mut used = 0;
        loop {
            let rest = seen.get(used..).unwrap_or_default();
            match self.state {
                State::FrameHeader => {
                    let need = self.frame_header_bytes();
                    used += self.gather(rest, need);
                    if self.len < need {
                        return (used, Step::More);
                    }
                    // The fifth byte tells how long the header is.
                    if self.len == self.frame_header_bytes() {
                        let [a, b, c, d, flags, ..] = self.held;
                        let valid = [a, b, c, d] == *MAGIC && flags & 8 == 0;
                        self.checksum = flags & 4 != 0;
                        self.enter(if valid { State::BlockHeader } else { State::Broken });
                    }
                }
                State::BlockHeader => {
                    used += self.gather(rest, 3);
                    if self.len < 3 {
                        return (used, Step::More);
                    }
                    let [a, b, c, ..] = self.held;
                    let header = u32::from_le_bytes([a, b, c, 0]);
                    let (last, kind, size) = (header & 1 == 1, header >> 1 & 3, header >> 3);
                    // A run-length block stores one byte whatever its size.
                    let left = if kind == 1 { 1 } else { size };
                    let valid = kind != 3 && size <= MAX_BLOCK_BYTES;
                    self.enter(if valid {
                        State::Block { left, last }
                    } else {
                        State::Broken
                    });
                }
                State::Block { left, last } => {
                    let taken = left.min(u32::try_from(rest.len()).unwrap_or(u32::MAX));
                    used += taken as usize;
                    let left = left - taken;
                    if left > 0 {
                        self.state = State::Block { left, last };
                        return (used, Step::More);
                    }
                    self.enter(match (last, self.checksum) {
                        (false, _) => State::BlockHeader,
                        (true, true) => State::Checksum { left: 4 },
                        (true, false) => State::Done,
                    });
                    return (
                        used,
                        if last && !self.checksum {
                            Step::End
                        } else {
                            Step::More
                        },
                    );
                }
                State::Checksum { left } => {
                    let taken = left.min(u32::try_from(rest.len()).unwrap_or(u32::MAX));
                    let end = left == taken;
                    self.state = if end {
                        State::Done
                    } else {
                        State::Checksum { left: left - taken }
                    };
                    return (used + taken as usize, if end { Step::End } else { Step::More });
                }
                State::Broken => return (used, Step::Broken),
                State::Done => return (used, Step::End),
            }
        }
    }

    fn enter(&mut self, state: State) {
        self.state = state;
        self.len = 0;
    }

    fn gather(&mut self, from: &[u8], need: usize) -> usize {
        let missing = self.held.get_mut(self.len..need).unwrap_or_default();
        let count = missing.len().min(from.len());
        for (to, byte) in missing.iter_mut().zip(from) {
            *to = *byte;
        }
        self.len += count;
        count
    }

    /// Bytes of the frame header, as far as can be told from what was gathered.
    fn frame_header_bytes(&self) -> usize {
        if self.len < 5 {
            return 5;
        }
        let [_, _, _, _, flags, ..] = self.held;
        let single_segment = flags & 0x20 != 0;
        let dictionary = [0, 1, 2, 4][usize::from(flags & 3)];
        let content_size = match flags >> 6 {
            0 => usize::from(single_segment),
            1 => 2,
            2 => 4,
            _ => 8,
        };
        5 + usize::from(!single_segment) + dictionary + content_size
    }

    /// Goes on to the end of the frame without decoding it; false if there is none.
    fn follow(self, feed: &mut Feed<'_>) -> io::Result<bool> {
        self.follow_up_to(feed, u64::MAX)
    }

    /// The same; false too if the end is not reached at byte `limit`.
    fn follow_up_to(mut self, feed: &mut Feed<'_>, limit: u64) -> io::Result<bool> {
        loop {
            if feed.position() > limit {
                return Ok(false);
            }
            let seen = feed.peek(1)?;
            if seen.is_empty() {
                return Ok(matches!(self.state, State::Done));
            }
            let (count, step) = self.step(seen);
            feed.consume(count);
            match step {
                Step::Broken => return Ok(false),
                Step::End => return Ok(true),
                Step::More => {}
            }
        }
    }
}
