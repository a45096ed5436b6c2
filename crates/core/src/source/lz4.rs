//! Lz4 frames, one after another; also those of the format's first version, and skippable ones.
//!
//! The frame is read here, so that its structure is known whatever is inside of a block: a block that
//! cannot be decoded costs itself, or, if the blocks build on each other, the rest of its frame.

use std::hash::Hasher as _;
use std::io::{self, Read};
use std::ops::ControlFlow;

use lz4_flex::block::{decompress_into, decompress_into_with_dict};
use twox_hash::XxHash32;

use super::codec::{Drain, copy_into};
use super::gzip::find;
use super::zstd::is_skippable;
use super::{Feed, LossReason};

const MAGIC: [u8; 4] = [0x04, 0x22, 0x4d, 0x18];
const LEGACY_MAGIC: [u8; 4] = [0x02, 0x21, 0x4c, 0x18];
/// How far back a block may refer.
const HISTORY: usize = 64 << 10;
const LEGACY_BLOCK: usize = 8 << 20;
/// Magic, flags, block size, content size, dictionary, checksum.
const MAX_HEADER: usize = 4 + 2 + 8 + 4 + 1;

/// After damage, how many places that look like a frame are tried before the rest counts as lost.
const MAX_TRIALS: u32 = 10_000;

/// What came of looking at the next part.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Next {
    /// [`Frames::block`] is decoded.
    Block,
    /// The input ends.
    End,
    /// A frame ends.
    Frame,
}

enum Damage {
    /// All was decoded, and its checksum or the stated size does not fit.
    Checksum,
    /// Something within a frame whose structure is whole up to here.
    Inside(LossReason),
    /// The structure itself.
    Structure(LossReason),
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Self {
        Self::Structure(LossReason::Io(error.kind()))
    }
}

const CUT: Damage = Damage::Structure(LossReason::Truncated);

pub(super) fn decode(feed: &mut Feed<'_>, drain: &mut dyn Drain, frames: &mut Frames) -> ControlFlow<()> {
    frames.begin();
    let (mut start, mut since) = (feed.position(), drain.decoded());
    loop {
        match frames.next(&mut Taken(feed)) {
            Ok(Next::Block) => copy_into(drain, frames.block(), feed.position())?,
            Ok(Next::End) => return ControlFlow::Continue(()),
            Ok(Next::Frame) => {}
            Err(Damage::Checksum) => {
                drain.doubt(since, start, LossReason::Checksum)?;
                // The damage may have hidden where the frame ends, and the next one begins.
                let here = feed.position();
                let before = feed.can_go_back() && matches!(search(feed, start, here), Ok(true));
                if !before && feed.seek(here).is_err() {
                    return ControlFlow::Continue(());
                }
            }
            Err(Damage::Inside(reason)) => {
                frames.tell(drain, since, start, reason)?;
                let dictionary = reason == LossReason::Dictionary;
                if !matches!(frames.go_on(feed, start, dictionary), Ok(true)) {
                    return ControlFlow::Continue(());
                }
            }
            Err(Damage::Structure(reason)) => {
                frames.tell(drain, since, start, reason)?;
                frames.begin();
                let io = matches!(reason, LossReason::Io(_));
                if io || !matches!(search(feed, start, u64::MAX), Ok(true)) {
                    return ControlFlow::Continue(());
                }
            }
        }
        if frames.head.is_none() {
            let taken = frames.magic.map_or(0, |magic| magic.len() as u64);
            (start, since) = (feed.position() - taken, drain.decoded());
        }
    }
}

/// Goes to the first frame that begins behind `start` and before `end`; false if there is none.
///
/// A frame is believed if its header's checksum fits and its structure is whole; a stream cannot go
/// back, and believes the header.
fn search(feed: &mut Feed<'_>, start: u64, end: u64) -> io::Result<bool> {
    let mut from = start + 1;
    for _ in 0..MAX_TRIALS {
        let moved = feed.seek(from)?;
        if (!moved && feed.can_go_back()) || !find(feed, &MAGIC)? {
            return Ok(false);
        }
        let candidate = feed.position();
        if candidate >= end {
            return Ok(false);
        }
        let seen = feed.peek(MAX_HEADER)?;
        let length = header_bytes(seen);
        if let Some(head) = seen.get(..length).and_then(Head::parse) {
            if !feed.can_go_back() {
                return Ok(true);
            }
            if feed.skip(length as u64)? && head.follow(feed)? {
                return feed.seek(candidate);
            }
        }
        from = candidate + 1;
    }
    Ok(false)
}

/// Bytes of the header that begins with `seen`, as far as its first five tell.
fn header_bytes(seen: &[u8]) -> usize {
    let flags = seen.get(4).copied().unwrap_or_default();
    let size = if flags & 8 != 0 { 8 } else { 0 };
    let dictionary = if flags & 1 != 0 { 4 } else { 0 };
    7 + size + dictionary
}

/// What a frame's header says.
#[derive(Clone, Copy)]
struct Head {
    legacy: bool,
    independent: bool,
    block_checksum: bool,
    content_checksum: bool,
    dictionary: bool,
    content_bytes: Option<u64>,
    max_block: usize,
}

impl Head {
    const LEGACY: Self = Self {
        legacy: true,
        independent: true,
        block_checksum: false,
        content_checksum: false,
        dictionary: false,
        content_bytes: None,
        max_block: LEGACY_BLOCK,
    };

    /// Reads a whole header with its magic; none if it is not one.
    fn parse(header: &[u8]) -> Option<Self> {
        let (&sum, covered) = header.strip_prefix(&MAGIC)?.split_last()?;
        let &[flags, sizes, ref rest @ ..] = covered else {
            return None;
        };
        let max_block = match sizes >> 4 {
            4 => 64 << 10,
            5 => 256 << 10,
            6 => 1 << 20,
            7 => 4 << 20,
            _ => return None,
        };
        let version = flags >> 6 == 1 && flags & 2 == 0 && sizes & 0x8f == 0;
        let stated = rest.first_chunk().filter(|_| flags & 8 != 0);
        (version && sum == (XxHash32::oneshot(0, covered) >> 8) as u8).then_some(Self {
            legacy: false,
            independent: flags & 0x20 != 0,
            block_checksum: flags & 0x10 != 0,
            content_checksum: flags & 4 != 0,
            dictionary: flags & 1 != 0,
            content_bytes: stated.map(|bytes| u64::from_le_bytes(*bytes)),
            max_block,
        })
    }

    /// The most bytes that a block has as stored.
    fn max_stored(self) -> usize {
        // Blocks of the first version are compressed even if that makes them longer.
        let growth = if self.legacy { self.max_block / 255 + 16 } else { 0 };
        self.max_block + growth
    }

    /// Whether four bytes in place of a block's size end the frame: the mark, or, in the first version,
    /// the next frame.
    fn ends_with(self, word: [u8; 4]) -> bool {
        if self.legacy {
            is_magic(word)
        } else {
            word == [0; 4]
        }
    }

    /// Goes on to the end of the frame without decoding; false if it has none or if something else than
    /// a frame follows.
    fn follow(self, feed: &mut Feed<'_>) -> io::Result<bool> {
        loop {
            let seen = feed.peek(4)?;
            let Some(&word) = seen.first_chunk() else {
                return Ok(self.legacy && seen.is_empty());
            };
            if self.ends_with(word) {
                if self.legacy {
                    return Ok(true);
                }
                let sum = if self.content_checksum { 4 } else { 0 };
                if !feed.skip(4 + sum)? {
                    return Ok(false);
                }
                let seen = feed.peek(4)?;
                return Ok(seen.is_empty() || seen.first_chunk().is_some_and(|word| is_magic(*word)));
            }
            let (stored, _) = self.block_bytes(word);
            let sum = if self.block_checksum { 4 } else { 0 };
            if stored > self.max_stored() || !feed.skip(4 + stored as u64 + sum)? {
                return Ok(false);
            }
        }
    }

    /// Bytes of a block as stored, and whether it is compressed.
    fn block_bytes(self, word: [u8; 4]) -> (usize, bool) {
        let word = u32::from_le_bytes(word);
        if self.legacy {
            (word as usize, true)
        } else {
            ((word & 0x7fff_ffff) as usize, word >> 31 == 0)
        }
    }
}

fn is_magic(word: [u8; 4]) -> bool {
    word == MAGIC || word == LEGACY_MAGIC || is_skippable(&word)
}

/// A decoder that is asked for one block after the other, with its buffers.
///
/// # Memory usage
///
/// Two blocks of the largest size that a frame's header has named, at most 8 MiB each.
#[derive(Default)]
pub(crate) struct Frames {
    /// Within a frame: its header.
    head: Option<Head>,
    /// The next frame's magic, if it was met where the frame before ended.
    magic: Option<[u8; 4]>,
    stored: Vec<u8>,
    /// The history of blocks that build on each other, up to [`HISTORY`], and the block behind it.
    room: Vec<u8>,
    history: usize,
    decoded: usize,
    hash: XxHash32,
    content_bytes: u64,
    /// A block is missing: what is said of the whole content cannot be checked.
    damaged: bool,
    /// The structure is known to be whole to the end of the frame.
    followed: bool,
}

impl Frames {
    fn begin(&mut self) {
        (self.head, self.magic, self.decoded) = (None, None, 0);
    }

    /// The decoded bytes of the last block.
    fn block(&self) -> &[u8] {
        self.room.get(HISTORY..HISTORY + self.decoded).unwrap_or_default()
    }

    /// Decodes the next block, or goes over the next boundary.
    fn next(&mut self, from: &mut dyn Read) -> Result<Next, Damage> {
        match self.head {
            None => self.enter(from),
            Some(head) => self.within(head, from),
        }
    }

    fn enter(&mut self, from: &mut dyn Read) -> Result<Next, Damage> {
        let mut header = [0; MAX_HEADER];
        let (magic, rest) = header.split_at_mut(4);
        let known = match self.magic.take() {
            Some(word) => {
                magic.copy_from_slice(&word);
                4
            }
            None => fill(from, magic)?,
        };
        if known == 0 {
            return Ok(Next::End);
        }
        let seen = magic.get(..known).unwrap_or_default();
        if is_skippable(seen) {
            let mut size = [0; 4];
            whole(from, &mut size)?;
            let size = u64::from(u32::from_le_bytes(size));
            let skipped = io::copy(&mut from.take(size), &mut io::sink())?;
            return if skipped == size {
                Ok(Next::Frame)
            } else {
                Err(CUT)
            };
        }
        if seen == LEGACY_MAGIC {
            return self.begin_frame(Head::LEGACY);
        }
        if seen != MAGIC {
            let cut = known < 4 && (MAGIC.starts_with(seen) || LEGACY_MAGIC.starts_with(seen));
            return Err(if cut {
                CUT
            } else {
                Damage::Structure(LossReason::Garbage)
            });
        }
        let (first, behind) = rest.split_at_mut(3);
        whole(from, first)?;
        let length = header_bytes(&[0, 0, 0, 0, first.first().copied().unwrap_or_default()]);
        whole(from, behind.get_mut(..length - 7).unwrap_or_default())?;
        match header.get(..length).and_then(Head::parse) {
            Some(head) => self.begin_frame(head),
            None => Err(Damage::Structure(LossReason::Corrupt)),
        }
    }

    fn begin_frame(&mut self, head: Head) -> Result<Next, Damage> {
        self.head = Some(head);
        self.hash = XxHash32::with_seed(0);
        (self.history, self.decoded, self.content_bytes) = (0, 0, 0);
        (self.damaged, self.followed) = (false, false);
        grow(&mut self.room, HISTORY + head.max_block);
        if head.dictionary {
            return Err(Damage::Inside(LossReason::Dictionary));
        }
        Ok(Next::Block)
    }

    fn within(&mut self, head: Head, from: &mut dyn Read) -> Result<Next, Damage> {
        self.keep_history(head);
        let mut word = [0; 4];
        let known = fill(from, &mut word)?;
        if head.legacy && known == 0 {
            self.head = None;
            return Ok(Next::Frame);
        }
        if known < word.len() {
            return Err(CUT);
        }
        if head.ends_with(word) {
            self.magic = head.legacy.then_some(word);
            self.head = None;
            return self.end(head, from);
        }
        let (size, compressed) = head.block_bytes(word);
        if size > head.max_stored() {
            return Err(Damage::Structure(LossReason::Corrupt));
        }
        grow(&mut self.stored, size);
        let stored = self.stored.get_mut(..size).unwrap_or_default();
        whole(from, stored)?;
        let room = self.room.get_mut(HISTORY - self.history..).unwrap_or_default();
        let (history, room) = room.split_at_mut_checked(self.history).unwrap_or_default();
        let room = room.get_mut(..head.max_block).unwrap_or_default();
        if head.block_checksum {
            let mut sum = [0; 4];
            whole(from, &mut sum)?;
            if XxHash32::oneshot(0, stored) != u32::from_le_bytes(sum) {
                return Err(Damage::Inside(LossReason::Corrupt));
            }
        }
        let decoded = if !compressed {
            room.get_mut(..size).map(|room| {
                room.copy_from_slice(stored);
                size
            })
        } else if history.is_empty() {
            decompress_into(stored, room).ok()
        } else {
            decompress_into_with_dict(stored, room, history).ok()
        };
        self.decoded = decoded.ok_or(Damage::Inside(LossReason::Corrupt))?;
        self.content_bytes += self.decoded as u64;
        if head.content_checksum && !self.damaged {
            let block = self.room.get(HISTORY..HISTORY + self.decoded);
            self.hash.write(block.unwrap_or_default());
        }
        Ok(Next::Block)
    }

    /// What a block that builds on the last one may refer to goes in front of it.
    fn keep_history(&mut self, head: Head) {
        let decoded = std::mem::take(&mut self.decoded);
        if !head.independent {
            let end = HISTORY + decoded;
            let kept = (self.history + decoded).min(HISTORY);
            self.room.copy_within(end - kept..end, HISTORY - kept);
            self.history = kept;
        }
    }

    /// Compares what is said of the whole content.
    fn end(&mut self, head: Head, from: &mut dyn Read) -> Result<Next, Damage> {
        let mut sum = [0; 4];
        if head.content_checksum {
            whole(from, &mut sum)?;
        }
        if self.damaged {
            return Ok(Next::Frame);
        }
        if head.content_checksum && self.hash.finish_32() != u32::from_le_bytes(sum) {
            return Err(Damage::Checksum);
        }
        if head
            .content_bytes
            .is_some_and(|stated| stated != self.content_bytes)
        {
            return Err(Damage::Checksum);
        }
        Ok(Next::Frame)
    }

    /// Tells damage in the frame that began at decoded byte `since`. Without checksums of blocks those
    /// that came out before it may be wrong, or another frame that a wrong size has swallowed.
    fn tell(&self, drain: &mut dyn Drain, since: u64, start: u64, reason: LossReason) -> ControlFlow<()> {
        let sure = self.head.is_none_or(|head| head.block_checksum) || self.content_bytes == 0;
        if reason == LossReason::Corrupt && !sure {
            drain.doubt(since, start, reason)
        } else {
            drain.lost(start, reason)
        }
    }

    /// Behind a damaged block, goes to the next one, or to the next frame where blocks build on each
    /// other; by structure if it is whole, else by searching. False if there is neither.
    fn go_on(&mut self, feed: &mut Feed<'_>, start: u64, dictionary: bool) -> io::Result<bool> {
        let here = feed.position();
        if let Some(head) = self.head {
            self.damaged = true;
            let each = head.independent && !dictionary && feed.can_go_back();
            if each && self.followed {
                return Ok(true);
            }
            if head.follow(feed)? {
                if each {
                    self.followed = true;
                    return feed.seek(here);
                }
                self.begin();
                return Ok(true);
            }
        }
        self.begin();
        search(feed, start, u64::MAX)
    }
}

fn grow(buffer: &mut Vec<u8>, bytes: usize) {
    if buffer.len() < bytes {
        buffer.resize(bytes, 0);
    }
}

/// Reads until `to` is full or the input ends; says how much there was.
fn fill(from: &mut dyn Read, to: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while let Some(room) = to.get_mut(filled..).filter(|room| !room.is_empty()) {
        match from.read(room) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Fills `to`, or says that the input is cut.
fn whole(from: &mut dyn Read, to: &mut [u8]) -> Result<(), Damage> {
    if fill(from, to)? == to.len() {
        Ok(())
    } else {
        Err(CUT)
    }
}

/// A feed as something to read from.
struct Taken<'r, 'f>(&'r mut Feed<'f>);

impl Read for Taken<'_, '_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let seen = self.0.peek(1)?;
        let count = seen.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..count), seen.get(..count)) {
            to.copy_from_slice(from);
        }
        self.0.consume(count);
        Ok(count)
    }
}

/// The decoded content of frames, for those who read; damage is an error.
pub(crate) struct Reader<R> {
    from: R,
    frames: Frames,
    given: usize,
}

impl<R: Read> Reader<R> {
    pub(crate) fn new(from: R) -> Self {
        Self {
            from,
            frames: Frames::default(),
            given: 0,
        }
    }
}

impl<R: Read> Read for Reader<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            let rest = self.frames.block().get(self.given..).unwrap_or_default();
            if !rest.is_empty() || room.is_empty() {
                let count = rest.len().min(room.len());
                if let (Some(to), Some(from)) = (room.get_mut(..count), rest.get(..count)) {
                    to.copy_from_slice(from);
                }
                self.given += count;
                return Ok(count);
            }
            self.given = 0;
            match self.frames.next(&mut self.from) {
                Ok(Next::Block | Next::Frame) => {}
                Ok(Next::End) => return Ok(0),
                Err(Damage::Structure(LossReason::Io(kind))) => return Err(kind.into()),
                Err(Damage::Structure(LossReason::Truncated)) => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                Err(_) => return Err(io::ErrorKind::InvalidData.into()),
            }
        }
    }
}
