//! Xz streams, one after another.
//!
//! A [`Walker`] reads the structure in step with the decoder. It knows where the next chunk ends (64 KiB
//! as stored, 2 MiB decoded), and a chunk is handed on when all of it was decoded, so that nothing comes
//! out of a damaged one; and where a block ends and its checksum begins, so that a checksum that does
//! not fit is told from damage.

use std::io;
use std::ops::ControlFlow;

use flate2::Crc;
use liblzma::stream::{Action, Error, Status, Stream};

use super::codec::{Drain, copy_into};
use super::gzip::find;
use super::{Feed, LossReason};
use crate::Limits;

const MAGIC: &[u8] = &[0xfd, b'7', b'z', b'X', b'Z', 0];
const HEADER_BYTES: usize = 12;
/// What the decoder needs beside the window.
const DECODER_BYTES: u64 = 1 << 20;
/// Room that the decoder is given at a time.
const STEP_BYTES: usize = 64 << 10;

/// After damage, how many places that look like a stream are tried before the rest counts as lost.
const MAX_TRIALS: u32 = 10_000;

enum Damage {
    /// A checksum does not fit: what was decoded from `since` on is in doubt. `more` blocks are behind.
    Checksum {
        since: u64,
        more: bool,
    },
    Is(LossReason),
    Stopped,
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Self {
        Self::Is(LossReason::Io(error.kind()))
    }
}

pub(super) fn decode(
    feed: &mut Feed<'_>,
    drain: &mut dyn Drain,
    chunk: &mut Vec<u8>,
    limits: &Limits,
) -> ControlFlow<()> {
    loop {
        let mut start = feed.position();
        let io = match stream(feed, drain, chunk, limits, &mut start) {
            Ok(true) => continue,
            Ok(false) => return ControlFlow::Continue(()),
            Err(Damage::Stopped) => return ControlFlow::Break(()),
            Err(Damage::Checksum { since, more }) => {
                drain.doubt(since, start, LossReason::Checksum)?;
                // The decoder does not go on behind it.
                if more {
                    drain.lost(start, LossReason::Corrupt)?;
                }
                false
            }
            Err(Damage::Is(reason)) => {
                drain.lost(start, reason)?;
                matches!(reason, LossReason::Io(_))
            }
        };
        if io || !matches!(resume(feed, start), Ok(true)) {
            return ControlFlow::Continue(());
        }
    }
}

/// Decodes one stream; false at the end of the input. Padding moves its `start` on.
fn stream(
    feed: &mut Feed<'_>,
    drain: &mut dyn Drain,
    chunk: &mut Vec<u8>,
    limits: &Limits,
    start: &mut u64,
) -> Result<bool, Damage> {
    if feed.position() > 0 {
        padding(feed)?;
    }
    *start = feed.position();
    let head = feed.peek(HEADER_BYTES)?;
    if head.is_empty() {
        return Ok(false);
    }
    let known = head.len().min(MAGIC.len());
    if head.get(..known) != MAGIC.get(..known) {
        return Err(Damage::Is(LossReason::Garbage));
    }
    let Some(header) = head.first_chunk() else {
        return Err(Damage::Is(LossReason::Truncated));
    };
    let Some(mut walker) = Walker::new(header) else {
        return Err(Damage::Is(LossReason::Corrupt));
    };
    let mut decoder = decoder(limits, 0).map_err(Damage::Is)?;
    let first = drain.decoded();
    let mut block = first;
    chunk.clear();
    loop {
        let seen = feed.peek(1)?;
        if seen.is_empty() {
            // What there is of the last chunk is as good as what came before.
            return Err(match copy_into(drain, chunk, feed.position()) {
                ControlFlow::Continue(()) => Damage::Is(LossReason::Truncated),
                ControlFlow::Break(()) => Damage::Stopped,
            });
        }
        let part = walker.part();
        let (count, ends) = walker.step(seen);
        let pushed = push(&mut decoder, seen.get(..count).unwrap_or_default(), chunk);
        let used = pushed.as_ref().map_or(count, |(used, _)| *used);
        feed.consume(used);
        let ended = match pushed {
            Ok((used, ended)) if used == count || ended => ended,
            // A decoder that leaves bytes of a part does not agree with the walker.
            Ok(_) => return Err(Damage::Is(LossReason::Corrupt)),
            Err(error) => {
                return Err(match part {
                    Part::Check => {
                        // What is behind the rest of the checksum, wherever a chunk ended in it.
                        feed.skip(walker.check_left())?;
                        Damage::Checksum {
                            since: block,
                            more: feed.peek(1)?.first().is_some_and(|&next| next != 0),
                        }
                    }
                    Part::Index => Damage::Checksum {
                        since: first,
                        more: false,
                    },
                    // Other filters hold bytes back: an earlier chunk may be what is wrong.
                    Part::Chunk if !walker.alone => Damage::Checksum {
                        since: block,
                        more: true,
                    },
                    Part::Chunk | Part::Header => Damage::Is(reason_of(error)),
                });
            }
        };
        if ended {
            return if part == Part::Index {
                Ok(true)
            } else {
                Err(Damage::Is(LossReason::Corrupt))
            };
        }
        if ends && part == Part::Chunk {
            if walker.alone && chunk.len() != walker.chunk_bytes {
                return Err(Damage::Is(LossReason::Corrupt));
            }
            if copy_into(drain, chunk, feed.position()).is_break() {
                return Err(Damage::Stopped);
            }
            chunk.clear();
        }
        if ends && part == Part::Header {
            block = drain.decoded();
        }
    }
}

/// Skips zeros, of which there must be a multiple of four.
fn padding(feed: &mut Feed<'_>) -> Result<(), Damage> {
    let start = feed.position();
    loop {
        let seen = feed.peek(1)?;
        let zeros = seen.iter().take_while(|&&byte| byte == 0).count();
        let more = zeros > 0 && zeros == seen.len();
        feed.consume(zeros);
        if !more {
            break;
        }
    }
    if (feed.position() - start).is_multiple_of(4) {
        Ok(())
    } else {
        Err(Damage::Is(LossReason::Garbage))
    }
}

/// Decodes `part` behind `chunk`; says how much of it was used and whether the stream ends.
fn push(decoder: &mut Stream, part: &[u8], chunk: &mut Vec<u8>) -> Result<(usize, bool), Error> {
    let mut used = 0;
    loop {
        chunk.reserve(STEP_BYTES);
        let (before_in, before_out) = (decoder.total_in(), decoder.total_out());
        let rest = part.get(used..).unwrap_or_default();
        let status = decoder.process_vec(rest, chunk, Action::Run)?;
        let read = (decoder.total_in() - before_in) as usize;
        used += read;
        let stuck = read == 0 && decoder.total_out() == before_out;
        let full = chunk.len() == chunk.capacity();
        let ended = status == Status::StreamEnd;
        if ended || stuck || (used == part.len() && !full) {
            return Ok((used, ended));
        }
    }
}

/// A decoder that accepts no larger window than is allowed.
pub(crate) fn decoder(limits: &Limits, flags: u32) -> Result<Stream, LossReason> {
    let window = 1u64.checked_shl(limits.max_zstd_window_log).unwrap_or(u64::MAX);
    Stream::new_stream_decoder(window.saturating_add(DECODER_BYTES), flags).map_err(reason_of)
}

fn reason_of(error: Error) -> LossReason {
    match error {
        Error::MemLimit => LossReason::Window,
        _ => LossReason::Corrupt,
    }
}

/// Behind damage at `start`, goes to the next stream; false if there is none. Twelve bytes that hold
/// a checksum of themselves are believed. A stream cannot go back, and searches ahead.
fn resume(feed: &mut Feed<'_>, start: u64) -> io::Result<bool> {
    let mut from = start + 1;
    for _ in 0..MAX_TRIALS {
        let moved = feed.seek(from)?;
        if (!moved && feed.can_go_back()) || !find(feed, MAGIC)? {
            return Ok(false);
        }
        let candidate = feed.position();
        let header = feed.peek(HEADER_BYTES)?.first_chunk();
        if header.and_then(Walker::new).is_some() {
            return Ok(true);
        }
        from = candidate + 1;
    }
    Ok(false)
}

/// Follows the structure of one stream over chunks of any size.
struct Walker {
    state: State,
    /// Bytes of a block's checksum.
    check: u32,
    /// Bytes of the block's data as stored, modulo four.
    stored: u32,
    /// Whether the block has no other filter than LZMA2.
    alone: bool,
    /// What the chunk's header says of its decoded size.
    chunk_bytes: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Header,
    Chunk,
    /// Padding and checksum of a block.
    Check,
    /// Index and footer.
    Index,
}

#[derive(Clone, Copy)]
enum State {
    StreamHeader { left: u32 },
    BlockOrIndex,
    BlockFlags { left: u32 },
    BlockHeader { left: u32 },
    ChunkControl,
    ChunkSizes { held: u64, have: u32, need: u32 },
    ChunkData { left: u32 },
    Check { left: u32 },
    Index,
}

impl Walker {
    /// Begins a stream; none if its header is damaged.
    fn new(header: &[u8; HEADER_BYTES]) -> Option<Self> {
        let [reserved, check, sum @ ..] = header.strip_prefix(MAGIC)? else {
            return None;
        };
        let mut crc = Crc::new();
        crc.update(&[*reserved, *check]);
        if sum != crc.sum().to_le_bytes() || *reserved != 0 {
            return None;
        }
        let check = match check {
            0 => 0,
            1..=3 => 4,
            4..=6 => 8,
            7..=9 => 16,
            10..=12 => 32,
            13..=15 => 64,
            _ => return None,
        };
        Some(Self {
            state: State::StreamHeader {
                left: HEADER_BYTES as u32,
            },
            check,
            stored: 0,
            alone: false,
            chunk_bytes: 0,
        })
    }

    /// What the next byte belongs to.
    fn part(&self) -> Part {
        match self.state {
            State::StreamHeader { .. }
            | State::BlockOrIndex
            | State::BlockFlags { .. }
            | State::BlockHeader { .. } => Part::Header,
            State::ChunkControl | State::ChunkSizes { .. } | State::ChunkData { .. } => Part::Chunk,
            State::Check { .. } => Part::Check,
            State::Index => Part::Index,
        }
    }

    /// Bytes of padding and checksum that are still to come.
    fn check_left(&self) -> u64 {
        match self.state {
            State::Check { left } => left.into(),
            _ => 0,
        }
    }

    /// Takes bytes of `seen`, at most to the end of the part; says how many, and whether it ends.
    fn step(&mut self, seen: &[u8]) -> (usize, bool) {
        let mut used = 0;
        while let Some(&byte) = seen.get(used) {
            let available = u32::try_from(seen.len() - used).unwrap_or(u32::MAX);
            let mut taken = 1;
            let mut ends = false;
            self.state = match self.state {
                State::StreamHeader { left } => {
                    taken = left.min(available);
                    ends = taken == left;
                    if ends {
                        State::BlockOrIndex
                    } else {
                        State::StreamHeader { left: left - taken }
                    }
                }
                State::BlockOrIndex if byte == 0 => {
                    ends = true;
                    State::Index
                }
                State::BlockOrIndex => State::BlockFlags {
                    left: u32::from(byte) * 4 + 3,
                },
                State::BlockFlags { left } => {
                    let others = byte & 3;
                    self.alone = others == 0;
                    State::BlockHeader { left: left - 1 }
                }
                State::BlockHeader { left } => {
                    taken = left.min(available);
                    ends = taken == left;
                    if ends {
                        self.stored = 0;
                        State::ChunkControl
                    } else {
                        State::BlockHeader { left: left - taken }
                    }
                }
                State::ChunkControl => {
                    self.chunk_bytes = 0;
                    self.stored += 1;
                    match byte {
                        0 => {
                            ends = true;
                            match (4 - self.stored % 4) % 4 + self.check {
                                0 => State::BlockOrIndex,
                                left => State::Check { left },
                            }
                        }
                        _ => State::ChunkSizes {
                            held: u64::from(byte),
                            have: 0,
                            need: match byte {
                                // Stored as it is. What is between does not exist, and the decoder
                                // says so.
                                ..0x80 => 2,
                                0x80..0xc0 => 4,
                                0xc0.. => 5,
                            },
                        },
                    }
                }
                State::ChunkSizes { held, have, need } => {
                    let (held, have) = (held << 8 | u64::from(byte), have + 1);
                    self.stored += 1;
                    if have < need {
                        State::ChunkSizes { held, have, need }
                    } else {
                        let [_, _, sizes @ ..] = (held << (8 * (5 - need))).to_be_bytes();
                        let [control, high, low, stored_high, stored_low, _] = sizes;
                        let decoded = u32::from_be_bytes([0, control & 0x1f, high, low]);
                        let (decoded, left) = if control < 0x80 {
                            let size = u32::from_be_bytes([0, 0, high, low]) + 1;
                            (size, size)
                        } else {
                            let size = u32::from_be_bytes([0, 0, stored_high, stored_low]) + 1;
                            (decoded + 1, size)
                        };
                        self.chunk_bytes = decoded as usize;
                        State::ChunkData { left }
                    }
                }
                State::ChunkData { left } => {
                    taken = left.min(available);
                    ends = taken == left;
                    self.stored = (self.stored + taken) % 4;
                    if ends {
                        State::ChunkControl
                    } else {
                        State::ChunkData { left: left - taken }
                    }
                }
                State::Check { left } => {
                    taken = left.min(available);
                    ends = taken == left;
                    if ends {
                        State::BlockOrIndex
                    } else {
                        State::Check { left: left - taken }
                    }
                }
                State::Index => {
                    taken = available;
                    State::Index
                }
            };
            used += taken as usize;
            if ends {
                return (used, true);
            }
        }
        (used, false)
    }
}
