//! Tar archives, such as support bundles: each regular file inside is framed by itself, after decoding
//! if it is compressed once more.
//!
//! Links and directories hold no lines. Decoded offsets count on from member to member.

use std::cell::Cell;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::segment::Framer;
use crate::Limits;
use crate::source::{Codec, Drain, Feed, LossReason, Lz4Reader, xz_decoder};

/// Bytes of a member that tell its codec.
const HEAD_BYTES: u64 = 512;

/// Reads a whole archive.
pub(super) fn read(
    codec: Codec,
    feed: &mut Feed<'_>,
    framer: &mut Framer<'_>,
    limits: &Limits,
) -> ControlFlow<()> {
    let at = Cell::new(0);
    let stored = Stored { feed, at: &at };
    let decoded = match decoder(codec, Box::new(stored), limits) {
        Ok(decoded) => decoded,
        Err(reason) => return framer.lost(0, reason),
    };
    let mut archive = tar::Archive::new(decoded);
    // Archives may be appended to each other.
    archive.set_ignore_zeros(true);
    let entries = match archive.entries() {
        Ok(entries) => entries,
        Err(error) => return framer.lost(at.get(), reason_of(&error)),
    };
    for entry in entries {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => return framer.lost(at.get(), reason_of(&error)),
        };
        let kind = entry.header().entry_type();
        if !(kind.is_file() || kind.is_contiguous() || kind.is_gnu_sparse()) {
            continue;
        }
        let path = entry
            .path()
            .map_or_else(|_| PathBuf::from("?"), std::borrow::Cow::into_owned);
        framer.member(&path)?;
        member(&path, &mut entry, framer, &at, limits)?;
    }
    ControlFlow::Continue(())
}

/// Frames the bytes of one member.
fn member(
    path: &Path,
    entry: &mut dyn Read,
    framer: &mut Framer<'_>,
    at: &Cell<u64>,
    limits: &Limits,
) -> ControlFlow<()> {
    let mut head = Vec::new();
    if let Err(error) = Read::take(&mut *entry, HEAD_BYTES).read_to_end(&mut head) {
        return framer.lost(at.get(), reason_of(&error));
    }
    let codec = match Codec::detect(&head, path) {
        Codec::Unsupported(_) if head.is_empty() => Codec::Plain,
        codec => codec,
    };
    let whole = io::Cursor::new(head).chain(entry);
    let mut decoded = match decoder(codec, Box::new(whole), limits) {
        Ok(decoded) => decoded,
        Err(reason) => return framer.lost(at.get(), reason),
    };
    loop {
        match decoded.read(framer.room()) {
            Ok(0) => return ControlFlow::Continue(()),
            Ok(count) => framer.filled(count, at.get())?,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return framer.lost(at.get(), reason_of(&error)),
        }
    }
}

fn decoder<'r>(
    codec: Codec,
    stored: Box<dyn Read + 'r>,
    limits: &Limits,
) -> Result<Box<dyn Read + 'r>, LossReason> {
    match codec {
        Codec::Plain => Ok(stored),
        Codec::Bzip2 => Ok(Box::new(bzip2::read::MultiBzDecoder::new(stored))),
        Codec::Lz4 => Ok(Box::new(Lz4Reader::new(stored))),
        Codec::Xz => {
            let decoder = xz_decoder(limits, liblzma::stream::CONCATENATED)?;
            Ok(Box::new(liblzma::read::XzDecoder::new_stream(stored, decoder)))
        }
        Codec::Gzip => Ok(Box::new(MultiGzDecoder::new(stored))),
        Codec::Zstd => {
            let mut decoder =
                ::zstd::stream::read::Decoder::new(stored).map_err(|error| reason_of(&error))?;
            decoder
                .window_log_max(limits.max_zstd_window_log)
                .map_err(|error| reason_of(&error))?;
            Ok(Box::new(decoder))
        }
        Codec::Unsupported(_) => Err(LossReason::Codec),
    }
}

fn reason_of(error: &io::Error) -> LossReason {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => LossReason::Truncated,
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput | io::ErrorKind::Other => {
            LossReason::Corrupt
        }
        kind => LossReason::Io(kind),
    }
}

/// The archive as stored, and how much of it was read.
struct Stored<'r, 'f> {
    feed: &'r mut Feed<'f>,
    at: &'r Cell<u64>,
}

impl Read for Stored<'_, '_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let seen = self.feed.peek(1)?;
        let count = seen.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..count), seen.get(..count)) {
            to.copy_from_slice(from);
        }
        self.feed.consume(count);
        self.at.set(self.feed.position());
        Ok(count)
    }
}
