//! Bzip2 streams, one after another.
//!
//! A block is read to its end before any of it comes out, and its checksum is compared when all of it
//! has. The decoder is asked in these two steps, so that it is known where a block begins: what a
//! damaged one gave is in doubt from there on, whatever the sizes of the chunks.

use std::io;
use std::ops::ControlFlow;

use ::bzip2::{Decompress, Status};

use super::codec::{Damage, Drain, Nowhere};
use super::gzip::find;
use super::{Feed, LossReason};

const MAGIC: &[u8] = b"BZh";
const BLOCK_MAGIC: &[u8] = &[0x31, 0x41, 0x59, 0x26, 0x53, 0x59];

/// With no more than these at a time the decoder does not look ahead into the header behind a block:
/// what it then says is said of the block.
const FEW_BYTES: usize = 7;

/// After damage, how many places that look like a stream are tried before the rest counts as lost.
const MAX_TRIALS: u32 = 10_000;

/// How much of a stream is decoded.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Extent {
    All,
    FirstBlock,
}

pub(super) fn decode(feed: &mut Feed<'_>, drain: &mut dyn Drain) -> ControlFlow<()> {
    loop {
        let start = feed.position();
        let mut block = None;
        match stream(feed, drain, Extent::All, &mut block) {
            Ok(true) => {}
            Ok(false) => return ControlFlow::Continue(()),
            Err(Damage::Stopped) => return ControlFlow::Break(()),
            Err(Damage::Is(reason)) => {
                // The decoder does not tell a checksum from a damaged header behind it, and of the
                // blocks behind nothing comes any more: the last block is in doubt, the rest is lost.
                if let Some(since) = block.filter(|_| reason == LossReason::Corrupt) {
                    drain.doubt(since, start, LossReason::Checksum)?;
                }
                drain.lost(start, reason)?;
                let io = matches!(reason, LossReason::Io(_));
                if io || !matches!(resume(feed, start), Ok(true)) {
                    return ControlFlow::Continue(());
                }
            }
        }
    }
}

/// Decodes one stream; false at the end of the input. `block` is where the last block that gave
/// anything began in the decoded bytes.
fn stream(
    feed: &mut Feed<'_>,
    drain: &mut dyn Drain,
    extent: Extent,
    block: &mut Option<u64>,
) -> Result<bool, Damage> {
    let head = feed.peek(MAGIC.len())?;
    if head.is_empty() {
        return Ok(false);
    }
    if !head.starts_with(MAGIC) {
        let cut = MAGIC.starts_with(head);
        return Err(Damage::Is(if cut {
            LossReason::Truncated
        } else {
            LossReason::Garbage
        }));
    }
    let mut decoder = Decompress::new(false);
    loop {
        let mut moved = false;
        let ended = loop {
            let mut seen = feed.peek(1)?;
            if extent == Extent::FirstBlock {
                seen = seen.get(..FEW_BYTES).unwrap_or(seen);
            }
            let (ended, before) = (seen.is_empty(), decoder.total_in());
            // Without room nothing comes out, and the decoder stops reading at the end of the block.
            let status = decoder.decompress(seen, &mut []).map_err(corrupt)?;
            let read = (decoder.total_in() - before) as usize;
            let all = read == seen.len();
            moved |= read > 0;
            feed.consume(read);
            match status {
                Status::StreamEnd => return Ok(true),
                Status::MemNeeded => return Err(Damage::Is(LossReason::Corrupt)),
                _ if ended || !all => break ended,
                _ => {}
            }
        };
        let since = drain.decoded();
        loop {
            let room = drain.room();
            let before = decoder.total_out();
            let result = decoder.decompress(&[], room);
            let written = (decoder.total_out() - before) as usize;
            if drain.filled(written, feed.position()).is_break() {
                return Err(Damage::Stopped);
            }
            if written > 0 {
                *block = Some(since);
            }
            if result.map_err(corrupt)? == Status::MemNeeded {
                return Err(Damage::Is(LossReason::Corrupt));
            }
            if written == 0 {
                break;
            }
        }
        match (*block == Some(since), extent) {
            (true, Extent::All) => {}
            (true, Extent::FirstBlock) => return Ok(true),
            (false, _) if ended => return Err(Damage::Is(LossReason::Truncated)),
            (false, _) if moved => {}
            (false, _) => return Err(Damage::Is(LossReason::Corrupt)),
        }
    }
}

fn corrupt(_: ::bzip2::Error) -> Damage {
    Damage::Is(LossReason::Corrupt)
}

/// Behind damage at `start`, goes to the next stream whose first block is whole; false if there is none.
/// A stream cannot go back, and gives up.
fn resume(feed: &mut Feed<'_>, start: u64) -> io::Result<bool> {
    if !feed.can_go_back() {
        return Ok(false);
    }
    let mut from = start + 1;
    for _ in 0..MAX_TRIALS {
        if !feed.seek(from)? || !find(feed, MAGIC)? {
            return Ok(false);
        }
        let candidate = feed.position();
        let begins = match feed.peek(MAGIC.len() + 1 + BLOCK_MAGIC.len())? {
            [_, _, _, b'1'..=b'9', block @ ..] => block.starts_with(BLOCK_MAGIC),
            _ => false,
        };
        let whole = || stream(feed, &mut Nowhere::default(), Extent::FirstBlock, &mut None);
        if begins && matches!({ whole }(), Ok(true)) {
            return feed.seek(candidate);
        }
        from = candidate + 1;
    }
    Ok(false)
}
