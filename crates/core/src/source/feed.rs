//! Compressed bytes in bounded memory, with a look ahead and, for files, a way back.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

/// The most that a decoder asks to see at once: a zstd block. It is stored in no more than it decodes to.
pub(crate) const LOOK_AHEAD: usize = decostop_zstd::MAX_BLOCK_BYTES;

pub(crate) enum Supply<'a> {
    /// All of it, in memory.
    Slice(&'a [u8]),
    /// A file, up to its size when it was opened; without a size up to its end.
    File(&'a File, Option<u64>),
    /// Something that can only be read on.
    Stream(&'a mut (dyn Read + Send)),
}

/// Bytes in memory that are digested together.
const HASHED_BYTES: u64 = 128 << 10;

/// A window that moves over an input.
pub(crate) struct Feed<'a> {
    from: Supply<'a>,
    chunk: usize,
    /// Read but not consumed: `buffer[start..end]`. Unused for slices.
    buffer: &'a mut Vec<u8>,
    start: usize,
    end: usize,
    position: u64,
    ended: bool,
    digest: Option<Box<blake3::Hasher>>,
    hashed: u64,
}

impl<'a> Feed<'a> {
    /// A feed that reads `chunk` bytes at a time into `buffer`, whose first `held` bytes come first.
    pub(crate) fn new(from: Supply<'a>, chunk: usize, buffer: &'a mut Vec<u8>, held: usize) -> Self {
        Self {
            from,
            chunk: chunk.max(1),
            buffer,
            start: 0,
            end: held,
            position: 0,
            ended: false,
            digest: None,
            hashed: 0,
        }
    }

    /// Takes the BLAKE3 digest of all bytes on the way.
    pub(crate) fn digesting(mut self) -> Self {
        self.digest = Some(Box::new(blake3::Hasher::new()));
        self.hash_up_to(self.end as u64);
        self
    }

    /// Begins in the middle of a file; nothing was read yet.
    pub(crate) fn start_at(&mut self, position: u64) {
        self.position = position;
    }

    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next bytes: at least `want` (at most [`LOOK_AHEAD`]), unless the input ends before.
    pub(crate) fn peek(&mut self, want: usize) -> io::Result<&[u8]> {
        debug_assert!(want <= LOOK_AHEAD, "a longer look ahead is not bounded");
        if let Supply::Slice(all) = self.from {
            let rest = all.get(self.position as usize..).unwrap_or_default();
            return Ok(rest.get(..self.chunk.max(want)).unwrap_or(rest));
        }
        while self.end - self.start < want && !self.ended {
            self.read_more()?;
        }
        Ok(self.buffer.get(self.start..self.end).unwrap_or_default())
    }

    fn read_more(&mut self) -> io::Result<()> {
        self.buffer.copy_within(self.start..self.end, 0);
        let held = self.end - self.start;
        (self.start, self.end) = (0, held);
        let at = self.position + held as u64;
        let mut room = self.chunk;
        if let Supply::File(_, Some(end)) = self.from {
            room = room.min(usize::try_from(end.saturating_sub(at)).unwrap_or(usize::MAX));
        }
        if self.buffer.len() < held + room {
            self.buffer.resize(held + room, 0);
        }
        let spare = self.buffer.get_mut(held..held + room).unwrap_or_default();
        let read = loop {
            let result = match &mut self.from {
                Supply::Slice(_) => Ok(0),
                Supply::File(file, _) => file.read_at(spare, at),
                Supply::Stream(stream) => stream.read(spare),
            };
            match result {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        let read = read?;
        self.end += read;
        self.hash_up_to(at + read as u64);
        self.ended = read == 0;
        Ok(())
    }

    /// Moves on by `count` bytes that were seen.
    pub(crate) fn consume(&mut self, count: usize) {
        self.position += count as u64;
        self.start += count;
        let in_memory = matches!(self.from, Supply::Slice(_));
        if in_memory && self.position >= self.hashed + HASHED_BYTES {
            self.hash_up_to(self.position);
        }
    }

    /// Adds to the digest what was read up to byte `end` and is not part of it yet. Pieces are large:
    /// BLAKE3 takes many of its chunks at once.
    fn hash_up_to(&mut self, end: u64) {
        if end <= self.hashed {
            return;
        }
        if let Some(digest) = &mut self.digest {
            let fresh = if let Supply::Slice(all) = self.from {
                all.get(self.hashed as usize..end as usize)
            } else {
                let known = self.hashed.saturating_sub(self.position) as usize;
                self.buffer.get(self.start + known..self.end)
            };
            digest.update(fresh.unwrap_or_default());
        }
        self.hashed = end;
    }

    /// Moves on by `count` bytes, seen or not; false if the input ends before.
    pub(crate) fn skip(&mut self, mut count: u64) -> io::Result<bool> {
        while count > 0 {
            let seen = self.peek(1)?.len();
            if seen == 0 {
                return Ok(false);
            }
            let step = seen.min(usize::try_from(count).unwrap_or(usize::MAX));
            self.consume(step);
            count -= step as u64;
        }
        Ok(true)
    }

    /// Goes to `position`, back or forth. False, and nothing moved, where a stream cannot go back.
    pub(crate) fn seek(&mut self, position: u64) -> io::Result<bool> {
        if position >= self.position {
            return self.skip(position - self.position);
        }
        match self.from {
            Supply::Slice(_) => {}
            Supply::File(..) => {
                (self.start, self.end) = (0, 0);
                self.ended = false;
            }
            Supply::Stream(_) => return Ok(false),
        }
        self.position = position;
        Ok(true)
    }

    /// Whether [`Feed::seek`] can go back.
    pub(crate) fn can_go_back(&self) -> bool {
        !matches!(self.from, Supply::Stream(_))
    }

    /// The digest of the whole input; reads what is left of a file. None for a stream that was not
    /// read to its end, and where none was asked for.
    pub(crate) fn digest(mut self) -> Option<[u8; 32]> {
        self.digest.as_ref()?;
        while self.can_go_back() {
            match self.peek(1).ok()?.len() {
                0 => break,
                seen => self.consume(seen),
            }
        }
        if let Supply::Slice(all) = self.from {
            self.hash_up_to(all.len() as u64);
        }
        let at_end = self.can_go_back() || (self.ended && self.start == self.end);
        let digest = self.digest.take().filter(|_| at_end)?;
        Some(*digest.finalize().as_bytes())
    }
}
