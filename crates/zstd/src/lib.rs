//! Zstandard frames, block by block, each decoded where its history lies.
//!
//! The streaming interface of zstd keeps the history of a frame in a buffer of its own and copies every
//! decoded byte from there to the caller, which costs a fifth of decoding. Here the caller looks at the
//! bytes in that buffer. It is the "buffer-less" interface of `zstd.h`, which the streaming one is made
//! of: the caller brings one item of the format at a time (header, block header, block, checksum).
//!
//! Not for: dictionaries, skippable frames, or finding out where an item ends.

#![expect(unsafe_code, reason = "calls into zstd")]

use std::fmt;
use std::ptr::NonNull;

use zstd_sys::{
    ZSTD_DCtx, ZSTD_createDCtx, ZSTD_decompressBegin, ZSTD_decompressContinue, ZSTD_freeDCtx, ZSTD_isError,
    ZSTD_nextSrcSizeToDecompress,
};

/// Most that a block decodes to (RFC 8878, 3.1.1.2.4).
pub const MAX_BLOCK_BYTES: usize = 128 << 10;

/// What zstd may write behind a block while it copies (`WILDCOPY_OVERLENGTH`), for history and block.
const SLACK: usize = 64;

/// A buffer above this size is given back after its frame.
const KEPT_BYTES: usize = 9 << 20;

/// zstd's own number of what is wrong.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Error(pub usize);

/// Decodes frames, one after another.
pub struct Blocks {
    context: Option<NonNull<ZSTD_DCtx>>,
    /// History and newest block, used round and round.
    ring: Vec<u8>,
    /// Where the next block goes.
    at: usize,
    block_bytes: usize,
}

// SAFETY: a context is plain memory of zstd; it may be used from any thread, by one at a time, which
// `&mut self` sees to.
unsafe impl Send for Blocks {}

impl Blocks {
    /// A decoder without buffers.
    pub fn new() -> Self {
        // SAFETY: takes no arguments; null says that there is no memory.
        let context = unsafe { ZSTD_createDCtx() };
        Self {
            context: NonNull::new(context),
            ring: Vec::new(),
            at: 0,
            block_bytes: 0,
        }
    }

    /// Begins a frame whose header says that matches reach back `window_bytes`. `limit` bounds the
    /// buffer: the caller has refused larger windows already.
    ///
    /// # Errors
    /// zstd has no memory, or the window is above `limit`.
    pub fn begin(&mut self, window_bytes: u64, limit: u64) -> Result<(), Error> {
        const NO_MEMORY: usize = 64;
        let context = self.context.ok_or(Error(NO_MEMORY.wrapping_neg()))?;
        if window_bytes > limit {
            // ZSTD_error_frameParameter_windowTooLarge
            return Err(Error(16_usize.wrapping_neg()));
        }
        // zstd takes windows of less than 1 KiB for that.
        let window =
            usize::try_from(window_bytes.max(1 << 10)).map_err(|_| Error(NO_MEMORY.wrapping_neg()))?;
        self.block_bytes = window.min(MAX_BLOCK_BYTES);
        let want = window + self.block_bytes + SLACK;
        if self.ring.len() < want || self.ring.len() > KEPT_BYTES.max(want) {
            self.ring = vec![0; want];
        }
        self.at = 0;
        // SAFETY: the context is one that zstd made, and nobody else uses it now.
        checked(unsafe { ZSTD_decompressBegin(context.as_ptr()) }).map(|_| ())
    }

    /// Bytes of the next item; 0 once the frame is complete.
    pub fn wants(&self) -> usize {
        // SAFETY: the context is one that zstd made; this only reads it.
        self.context.map_or(0, |context| unsafe {
            ZSTD_nextSrcSizeToDecompress(context.as_ptr())
        })
    }

    /// Takes the next item, exactly as many bytes as [`Blocks::wants`] says, and gives what it decodes
    /// to, if anything.
    ///
    /// # Errors
    /// What zstd says; the frame cannot go on.
    pub fn take(&mut self, item: &[u8]) -> Result<&[u8], Error> {
        let context = self.context.ok_or(Error(64_usize.wrapping_neg()))?;
        if self.at + self.block_bytes + SLACK > self.ring.len() {
            self.at = 0;
        }
        let room = self.ring.get_mut(self.at..).unwrap_or_default();
        // SAFETY: source and destination are slices that are valid for their lengths and do not overlap:
        // `item` is borrowed from elsewhere while the ring is borrowed mutably. Earlier blocks, which zstd
        // reads as history, lie in the same ring, which is neither moved nor shortened within a frame:
        // `begin` alone replaces it, and tells zstd to forget. The ring holds the window, a block and the
        // slack, so that the block overwrites nothing that may be referred to (`ZSTD_decodingBufferSize_min`).
        let count = checked(unsafe {
            ZSTD_decompressContinue(
                context.as_ptr(),
                room.as_mut_ptr().cast(),
                room.len(),
                item.as_ptr().cast(),
                item.len(),
            )
        })?;
        let start = self.at;
        self.at += count;
        Ok(self.ring.get(start..self.at).unwrap_or_default())
    }
}

impl Default for Blocks {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Blocks {
    fn drop(&mut self) {
        if let Some(context) = self.context {
            // SAFETY: the context is one that zstd made, it is freed once, and it is not used any more.
            unsafe { ZSTD_freeDCtx(context.as_ptr()) };
        }
    }
}

impl fmt::Debug for Blocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blocks(<{} bytes>)", self.ring.len())
    }
}

fn checked(code: usize) -> Result<usize, Error> {
    // SAFETY: only looks at the number.
    if unsafe { ZSTD_isError(code) } == 0 {
        Ok(code)
    } else {
        Err(Error(code))
    }
}
