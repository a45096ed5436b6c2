//! Which codec an input has, and how its bytes reach the framer.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use decostop_zstd::Blocks;
use flate2::Decompress;

use super::{Feed, LossReason, bzip2, gzip, lz4, xz, zstd};
use crate::Limits;

/// How an input is stored.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Codec {
    /// Bzip2 streams, one or many.
    Bzip2,
    /// Gzip members, one or many.
    Gzip,
    /// Lz4 frames, one or many.
    Lz4,
    /// As it is.
    Plain,
    /// Recognised, not decoded.
    Unsupported(&'static str),
    /// Xz streams, one or many.
    Xz,
    /// Zstandard frames, one or many.
    Zstd,
}

/// First bytes that tell a codec. Plain logs begin with a brace, a digit or a word, never with these.
const MAGIC: &[(&[u8], Codec)] = &[
    (&[0x1f, 0x8b], Codec::Gzip),
    (&[0x28, 0xb5, 0x2f, 0xfd], Codec::Zstd),
    (b"BZh", Codec::Bzip2),
    (&[0xfd, b'7', b'z', b'X', b'Z', 0], Codec::Xz),
    (&[0x04, 0x22, 0x4d, 0x18], Codec::Lz4),
    (&[0x02, 0x21, 0x4c, 0x18], Codec::Lz4),
    (&[0x1f, 0x9d], Codec::Unsupported("compress")),
    (b"PK\x03\x04", Codec::Unsupported("zip")),
    (b"7z\xbc\xaf\x27\x1c", Codec::Unsupported("7z")),
];

/// Extensions that tell a codec where the first bytes do not.
const EXTENSIONS: &[(&str, Codec)] = &[
    ("gz", Codec::Gzip),
    ("tgz", Codec::Gzip),
    ("zst", Codec::Zstd),
    ("zstd", Codec::Zstd),
    ("bz2", Codec::Bzip2),
    ("tbz2", Codec::Bzip2),
    ("xz", Codec::Xz),
    ("txz", Codec::Xz),
    ("lzma", Codec::Unsupported("lzma")),
    ("lz4", Codec::Lz4),
    ("Z", Codec::Unsupported("compress")),
    ("zip", Codec::Unsupported("zip")),
    ("7z", Codec::Unsupported("7z")),
];

impl Codec {
    /// The codec by the first bytes (some hundred are enough), else by the extension.
    ///
    /// Text in a file called `x.gz` is plain; anything else there is taken for damaged gzip, so that
    /// it is reported instead of being searched as if it were lines.
    pub fn detect(head: &[u8], path: &Path) -> Self {
        if let Some((_, codec)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
            return *codec;
        }
        let extension = path.extension().unwrap_or_default();
        if zstd::is_skippable(head) {
            return behind_skippable(head).unwrap_or(if extension == "lz4" { Self::Lz4 } else { Self::Zstd });
        }
        match EXTENSIONS.iter().find(|(name, _)| extension == *name) {
            Some((_, codec)) if !is_text(head) || codec.begins_with(head) => *codec,
            _ => Self::Plain,
        }
    }

    /// Whether `head` is all that a cut has left of the codec's first bytes.
    fn begins_with(self, head: &[u8]) -> bool {
        let mut magic = MAGIC.iter().filter(|(_, codec)| *codec == self);
        let skippable = matches!(self, Self::Lz4 | Self::Zstd) && zstd::begins_skippable(head);
        skippable || !head.is_empty() && magic.any(|(magic, _)| magic.starts_with(head))
    }

    /// The name used in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bzip2 => "bzip2",
            Self::Gzip => "gzip",
            Self::Lz4 => "lz4",
            Self::Plain => "plain",
            Self::Unsupported(name) => name,
            Self::Xz => "xz",
            Self::Zstd => "zstd",
        }
    }
}

/// The codec of the frame behind skippable ones, which zstd and lz4 share; none if it begins too late.
fn behind_skippable(mut head: &[u8]) -> Option<Codec> {
    while zstd::is_skippable(head) {
        let size = u32::from_le_bytes(*head.get(4..)?.first_chunk()?);
        head = head.get(8 + size as usize..)?;
    }
    let frames = [Codec::Lz4, Codec::Zstd];
    let mut magic = MAGIC.iter().filter(|(_, codec)| frames.contains(codec));
    magic
        .find(|(magic, _)| head.starts_with(magic))
        .map(|(_, codec)| *codec)
}

fn is_text(head: &[u8]) -> bool {
    let whole = match std::str::from_utf8(head) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    whole
        && !head
            .iter()
            .any(|&byte| byte < 0x20 && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b))
}

/// Where decoded bytes go: the framer, as the decoders see it. `Break` means that no more is wanted.
pub(crate) trait Drain {
    /// Free space, never empty.
    fn room(&mut self) -> &mut [u8];

    /// The first `count` bytes of the room were filled by the input up to byte `at`.
    fn filled(&mut self, count: usize, at: u64) -> ControlFlow<()>;

    /// Takes decoded bytes that lie elsewhere, for which the input was read up to byte `at`.
    fn slice(&mut self, bytes: &[u8], at: u64) -> ControlFlow<()> {
        copy_into(self, bytes, at)
    }

    /// More may be long in coming: whole lines need not wait for it.
    fn pause(&mut self) -> ControlFlow<()>;

    /// Decoded bytes so far.
    fn decoded(&self) -> u64;

    /// What follows could not be decoded; an unfinished line goes with it.
    fn lost(&mut self, at: u64, reason: LossReason) -> ControlFlow<()>;

    /// What was decoded from decoded byte `since` on may be wrong; an unfinished line goes with it.
    fn doubt(&mut self, since: u64, at: u64, reason: LossReason) -> ControlFlow<()>;
}

/// Copies decoded bytes into the room of a drain.
pub(crate) fn copy_into<D: Drain + ?Sized>(drain: &mut D, mut bytes: &[u8], at: u64) -> ControlFlow<()> {
    while !bytes.is_empty() {
        let room = drain.room();
        let (part, behind) = bytes.split_at(room.len().min(bytes.len()));
        if let Some(to) = room.get_mut(..part.len()) {
            to.copy_from_slice(part);
        }
        drain.filled(part.len(), at)?;
        bytes = behind;
    }
    ControlFlow::Continue(())
}

/// Why a decoder ends in the middle.
pub(super) enum Damage {
    Is(LossReason),
    /// Nobody wants more.
    Stopped,
}

impl From<io::Error> for Damage {
    fn from(error: io::Error) -> Self {
        Self::Is(LossReason::Io(error.kind()))
    }
}

/// Decoders of one worker, kept for the next input.
#[derive(Default)]
pub(crate) struct Coders {
    zstd: Option<Blocks>,
    inflate: Option<Decompress>,
    lz4: Option<lz4::Frames>,
    xz: Vec<u8>,
}

/// Decodes `feed` into `drain`: all of it, or of zstd and gzip what begins before byte `until`.
pub(crate) fn decode(
    codec: Codec,
    feed: &mut Feed<'_>,
    drain: &mut dyn Drain,
    coders: &mut Coders,
    limits: &Limits,
    until: u64,
) -> ControlFlow<()> {
    match codec {
        Codec::Bzip2 => bzip2::decode(feed, drain),
        Codec::Gzip => {
            let inflate = coders.inflate.get_or_insert_with(|| Decompress::new(false));
            gzip::decode(feed, drain, inflate, until)
        }
        Codec::Lz4 => lz4::decode(feed, drain, coders.lz4.get_or_insert_default()),
        Codec::Plain => copy(feed, drain),
        Codec::Unsupported(_) => drain.lost(feed.position(), LossReason::Garbage),
        Codec::Xz => xz::decode(feed, drain, &mut coders.xz, limits),
        Codec::Zstd => {
            let decoder = coders.zstd.get_or_insert_with(Blocks::new);
            zstd::decode(feed, drain, decoder, limits, until)
        }
    }
}

/// Where a compressed input can be cut into parts of at least `apart` bytes that decode by themselves;
/// empty if it is one piece, or if that would take reading far into it. Whether a member of gzip really
/// begins at a border shows only when the part before it is decoded.
pub(crate) fn borders(
    codec: Codec,
    feed: &mut Feed<'_>,
    coders: &mut Coders,
    apart: u64,
    cancel: &AtomicBool,
) -> Vec<u64> {
    let mut found = Vec::new();
    while !cancel.load(Ordering::Relaxed) {
        let begun = feed.position();
        let next = match codec {
            Codec::Zstd => zstd::border(feed, apart, GIVE_UP_BYTES),
            Codec::Gzip => {
                let inflate = coders.inflate.get_or_insert_with(|| Decompress::new(false));
                gzip::border(feed, inflate, apart, begun.saturating_add(GIVE_UP_BYTES))
            }
            _ => Ok(None),
        };
        match next {
            Ok(Some(border)) => found.push(border),
            // What is behind the last border is one part, whatever it is.
            Ok(None) => return found,
            Err(_) => return Vec::new(),
        }
    }
    found
}

/// Bytes within which a frame or member must end, or else what is left of the input is one part: looking
/// further could mean reading a large file twice.
const GIVE_UP_BYTES: u64 = 64 << 20;

fn copy(feed: &mut Feed<'_>, drain: &mut dyn Drain) -> ControlFlow<()> {
    loop {
        let at = feed.position();
        let seen = match feed.peek(1) {
            Ok([]) => return ControlFlow::Continue(()),
            Ok(seen) => seen,
            Err(error) => return drain.lost(at, LossReason::Io(error.kind())),
        };
        let room = drain.room();
        let count = seen.len().min(room.len());
        if let (Some(to), Some(from)) = (room.get_mut(..count), seen.get(..count)) {
            to.copy_from_slice(from);
        }
        feed.consume(count);
        drain.filled(count, feed.position())?;
        if !feed.can_go_back() {
            drain.pause()?;
        }
    }
}

/// Takes a trial's output and forgets it.
pub(super) struct Nowhere {
    room: Vec<u8>,
    count: u64,
    /// Decoded bytes after which it breaks.
    limit: u64,
}

impl Nowhere {
    pub(super) fn up_to(limit: u64) -> Self {
        Self {
            limit,
            ..Self::default()
        }
    }
}

impl Default for Nowhere {
    fn default() -> Self {
        Self {
            room: vec![0; 64 << 10],
            count: 0,
            limit: u64::MAX,
        }
    }
}

impl Drain for Nowhere {
    fn room(&mut self) -> &mut [u8] {
        &mut self.room
    }

    fn filled(&mut self, count: usize, _at: u64) -> ControlFlow<()> {
        self.count += count as u64;
        if self.count < self.limit {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(())
        }
    }

    fn pause(&mut self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }

    fn decoded(&self) -> u64 {
        self.count
    }

    fn lost(&mut self, _at: u64, _reason: LossReason) -> ControlFlow<()> {
        ControlFlow::Break(())
    }

    fn doubt(&mut self, _since: u64, _at: u64, _reason: LossReason) -> ControlFlow<()> {
        ControlFlow::Break(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_bytes_tell_before_the_extension_does() {
        let detect = |head: &[u8], name: &str| Codec::detect(head, Path::new(name)).as_str();
        for (head, name, expected) in [
            (&b"\x1f\x8b\x08"[..], "@400000005f8eaf6f1a80ef5c.s", "gzip"),
            (b"\x28\xb5\x2f\xfd", "x.log", "zstd"),
            (b"\x5d\x2a\x4d\x18", "x.log", "zstd"),
            (b"\x5d\x2a\x4d\x18", "x.lz4", "lz4"),
            (b"\x5d\x2a\x4d\x18\x01\0\0\0?\x04\x22\x4d\x18", "x.log", "lz4"),
            (b"\x5d\x2a\x4d\x18\x01\0\0\0?\x28\xb5\x2f\xfd", "x.lz4", "zstd"),
            (b"\x02\x21\x4c\x18", "x.log", "lz4"),
            (b"BZh9", "x.log", "bzip2"),
            (b"\xfd7zXZ\0", "x.log", "xz"),
            (b"\x04\x22\x4d\x18", "x.log", "lz4"),
            (b"PK\x03\x04", "x.log", "zip"),
            (b"{\"a\":1}", "x.log.gz", "plain"),
            (b"caf\xc3", "x.log.gz", "plain"),
            (b"\x8b\x08junk\0", "x.log.gz", "gzip"),
            (b"\0\0", "x.zst", "zstd"),
            (b"(", "x.zst", "zstd"),
            (b"\0\0", "x.xz", "xz"),
            (b"\0\0", "x.log", "plain"),
            (b"", "x.gz", "plain"),
        ] {
            assert_eq!(detect(head, name), expected, "{name}");
        }
    }
}
