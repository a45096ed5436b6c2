//! Gzip members, one after another.
//!
//! The header, the deflate data and the trailer are read here instead of through a gzip reader, so
//! that damage is told apart: data that makes no sense, a checksum that does not fit, an input that
//! ends too early, bytes that belong to no member.

use std::io;
use std::ops::ControlFlow;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use memchr::memmem;

use super::codec::{Damage, Drain, Nowhere};
use super::{Feed, LossReason};

const MAGIC: &[u8] = &[0x1f, 0x8b, 8];
const HEADER_BYTES: usize = 10;
const TRAILER_BYTES: usize = 8;

/// After damage, how many places that look like a member are tried before the rest counts as lost.
const MAX_TRIALS: u32 = 10_000;

/// Decodes the members that begin before byte `until`.
pub(super) fn decode(
    feed: &mut Feed<'_>,
    drain: &mut dyn Drain,
    inflate: &mut Decompress,
    until: u64,
) -> ControlFlow<()> {
    while feed.position() < until {
        let start = feed.position();
        let since = drain.decoded();
        match member(feed, drain, inflate) {
            Ok(true) => {}
            Ok(false) => return ControlFlow::Continue(()),
            Err(Damage::Stopped) => return ControlFlow::Break(()),
            Err(Damage::Is(LossReason::Checksum)) => {
                drain.doubt(since, start, LossReason::Checksum)?;
                // The damage may have hidden where the member ends, and the next one begins.
                let here = feed.position();
                let before = matches!(resume(feed, inflate, start, here), Ok(true));
                if !before && feed.seek(here).is_err() {
                    return ControlFlow::Continue(());
                }
            }
            Err(Damage::Is(reason)) => {
                // Data that makes no sense was found out some way behind where it began to be wrong.
                if reason == LossReason::Corrupt {
                    drain.doubt(since, start, reason)?;
                } else {
                    drain.lost(start, reason)?;
                }
                let io = matches!(reason, LossReason::Io(_));
                if io || !matches!(resume(feed, inflate, start, u64::MAX), Ok(true)) {
                    return ControlFlow::Continue(());
                }
            }
        }
    }
    ControlFlow::Continue(())
}

/// The first place at least `apart` bytes further on that looks like the start of a member and begins to
/// decode as one; `None` if there is none before byte `give_up` of the input.
///
/// Only whoever decodes what comes before knows whether it is one: see [`crate::frame`].
pub(super) fn border(
    feed: &mut Feed<'_>,
    inflate: &mut Decompress,
    apart: u64,
    give_up: u64,
) -> io::Result<Option<u64>> {
    let mut from = feed.position().saturating_add(apart);
    while from < give_up {
        if !feed.seek(from)? || !find_before(feed, MAGIC, give_up)? {
            return Ok(None);
        }
        let candidate = feed.position();
        let mut trial = Nowhere::up_to(TRIAL_BYTES);
        match member(feed, &mut trial, inflate) {
            Ok(true) | Err(Damage::Stopped) => {
                feed.seek(candidate)?;
                return Ok(Some(candidate));
            }
            Ok(false) | Err(Damage::Is(_)) => from = candidate + 1,
        }
    }
    Ok(None)
}

/// Decoded bytes after which a place counts as the start of a member, for the time being.
const TRIAL_BYTES: u64 = 64 << 10;

/// Decodes one member; false at the end of the input.
fn member(feed: &mut Feed<'_>, drain: &mut dyn Drain, inflate: &mut Decompress) -> Result<bool, Damage> {
    if !header(feed)? {
        return Ok(false);
    }
    let mut crc = Crc::new();
    inflate.reset(false);
    loop {
        let seen = feed.peek(1)?;
        let room = drain.room();
        let (read, written) = (inflate.total_in(), inflate.total_out());
        let result = inflate.decompress(seen, room, FlushDecompress::None);
        let read = (inflate.total_in() - read) as usize;
        let written = (inflate.total_out() - written) as usize;
        crc.update(room.get(..written).unwrap_or_default());
        let ended = seen.is_empty();
        let stuck = read == 0 && written == 0;
        feed.consume(read);
        if drain.filled(written, feed.position()).is_break() {
            return Err(Damage::Stopped);
        }
        match result {
            Ok(Status::StreamEnd) => break,
            Ok(_) if stuck && ended => return Err(Damage::Is(LossReason::Truncated)),
            Ok(_) if !stuck => {}
            Ok(_) | Err(_) => return Err(Damage::Is(LossReason::Corrupt)),
        }
    }
    let trailer = feed.peek(TRAILER_BYTES)?;
    let Some(&trailer) = trailer.first_chunk::<TRAILER_BYTES>() else {
        // Every line was decoded; that the check is missing puts them in doubt.
        let rest = trailer.len();
        feed.consume(rest);
        return Err(Damage::Is(LossReason::Checksum));
    };
    feed.consume(TRAILER_BYTES);
    // CRC and length, both 32 bits, least significant byte first.
    if u64::from_le_bytes(trailer) != u64::from(crc.amount()) << 32 | u64::from(crc.sum()) {
        return Err(Damage::Is(LossReason::Checksum));
    }
    Ok(true)
}

/// Reads a member's header; false if only padding, or nothing, is left.
fn header(feed: &mut Feed<'_>) -> Result<bool, Damage> {
    let at = feed.position();
    let head = feed.peek(HEADER_BYTES)?;
    if head.is_empty() {
        return Ok(false);
    }
    if at > 0 && head.first() == Some(&0) {
        return if zeros_to_the_end(feed)? {
            Ok(false)
        } else {
            Err(Damage::Is(LossReason::Garbage))
        };
    }
    let known = head.len().min(MAGIC.len());
    if head.get(..known) != MAGIC.get(..known) {
        return Err(Damage::Is(LossReason::Garbage));
    }
    let Some(&[_, _, _, flags, ..]) = head.first_chunk::<HEADER_BYTES>() else {
        return Err(Damage::Is(LossReason::Truncated));
    };
    if flags & 0xe0 != 0 {
        return Err(Damage::Is(LossReason::Corrupt));
    }
    feed.consume(HEADER_BYTES);
    if flags & 4 != 0 {
        let &[low, high, ..] = feed.peek(2)? else {
            return Err(Damage::Is(LossReason::Truncated));
        };
        skip(feed, 2 + u64::from(u16::from_le_bytes([low, high])))?;
    }
    for flag in [8, 16] {
        if flags & flag != 0 {
            skip_text(feed)?;
        }
    }
    if flags & 2 != 0 {
        skip(feed, 2)?;
    }
    Ok(true)
}

fn skip(feed: &mut Feed<'_>, count: u64) -> Result<(), Damage> {
    if feed.skip(count)? {
        Ok(())
    } else {
        Err(Damage::Is(LossReason::Truncated))
    }
}

/// Skips a name or a comment and the zero byte behind it.
fn skip_text(feed: &mut Feed<'_>) -> Result<(), Damage> {
    loop {
        let seen = feed.peek(1)?;
        if seen.is_empty() {
            return Err(Damage::Is(LossReason::Truncated));
        }
        let end = memchr::memchr(0, seen);
        let count = end.map_or(seen.len(), |end| end + 1);
        feed.consume(count);
        if end.is_some() {
            return Ok(());
        }
    }
}

fn zeros_to_the_end(feed: &mut Feed<'_>) -> io::Result<bool> {
    loop {
        let seen = feed.peek(1)?;
        if seen.is_empty() {
            return Ok(true);
        }
        let zeros = seen.iter().take_while(|&&byte| byte == 0).count();
        let all = zeros == seen.len();
        feed.consume(zeros);
        if !all {
            return Ok(false);
        }
    }
}

/// Behind damage at `start`, goes to the next member that is whole and begins before `end`; false if
/// there is none.
///
/// Three bytes are not enough to believe in a member, so each candidate is decoded and checked
/// before a line of it is delivered. A stream cannot go back, and gives up.
fn resume(feed: &mut Feed<'_>, inflate: &mut Decompress, start: u64, end: u64) -> io::Result<bool> {
    if !feed.can_go_back() {
        return Ok(false);
    }
    let mut from = start + 1;
    for _ in 0..MAX_TRIALS {
        if !feed.seek(from)? || !find(feed, MAGIC)? {
            return Ok(false);
        }
        let candidate = feed.position();
        if candidate >= end {
            return Ok(false);
        }
        if matches!(member(feed, &mut Nowhere::default(), inflate), Ok(true)) {
            return feed.seek(candidate);
        }
        from = candidate + 1;
    }
    Ok(false)
}

/// Moves to the next place that holds `needle`; false at the end of the input.
pub(super) fn find(feed: &mut Feed<'_>, needle: &[u8]) -> io::Result<bool> {
    find_before(feed, needle, u64::MAX)
}

/// The same; false too if there is none before byte `end`.
fn find_before(feed: &mut Feed<'_>, needle: &[u8], end: u64) -> io::Result<bool> {
    let finder = memmem::Finder::new(needle);
    while feed.position() < end {
        let seen = feed.peek(needle.len())?;
        if seen.len() < needle.len() {
            let rest = seen.len();
            feed.consume(rest);
            return Ok(false);
        }
        let hit = finder.find(seen);
        let count = hit.unwrap_or(seen.len() + 1 - needle.len());
        feed.consume(count);
        if hit.is_some() {
            return Ok(feed.position() < end);
        }
    }
    Ok(false)
}
