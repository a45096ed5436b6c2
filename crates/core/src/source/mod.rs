//! From paths to bytes: which inputs there are, how they are opened, how they are decoded.
//!
//! ```text
//! paths -> discover -> Input -> open -> Opened -> units -> frame::for_each_segment
//!                        |        |                           (codec, inside)
//!                     Skipped   Problem                        Piece::Lost
//! ```
//!
//! Three kinds of trouble, kept apart. A [`crate::Error`] ends the dive before anything is read: a
//! path that is not there, a glob that cannot be understood. A [`Problem`] is about one input: it
//! cannot be opened, or it changed while it was read; the dive goes on and its coverage is
//! incomplete. A [`LostRange`] is about a part of an input: whole lines before it were delivered, and
//! so are those after it if the codec can find its way back.
//!
//! Not for: writing, watching a file grow, or the network.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

mod bzip2;
mod codec;
mod discover;
mod feed;
mod glob;
mod gzip;
mod lz4;
mod names;
mod open;
mod patient;
mod xz;
mod zstd;

pub use codec::Codec;
pub(crate) use codec::{Coders, Drain, copy_into, decode};
pub use discover::{Discover, Discovery, SkipReason, Skipped};
pub(crate) use feed::{Feed, Supply};
pub(crate) use lz4::Reader as Lz4Reader;
pub(crate) use names::follows_in_svlogd;
pub use names::natural_order;
pub(crate) use open::Backing;
pub use open::{OpenOptions, Opened, Unit, open};

pub(crate) use xz::decoder as xz_decoder;

pub use decostop_mmap::MapPolicy;

/// The number of an input within a dive: its place in natural order.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct InputId(pub u32);

/// How an input is read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum InputKind {
    /// A regular file: its size is known, and any part of it can be read.
    File,
    /// Standard input, a FIFO or a character device: read once, from the front.
    Stream,
}

/// One thing to read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Input {
    /// Its number.
    pub id: InputId,
    /// Its path as the caller gave it or as the walk found it; `-` is standard input.
    pub path: PathBuf,
    /// Its size on disk when it was found; 0 for streams.
    pub bytes: u64,
    /// When it was last changed; none for streams.
    pub mtime: Option<SystemTime>,
    /// Device and inode of what was found; none for streams. Another file under the path is a change.
    pub identity: Option<(u64, u64)>,
    /// How it is read.
    pub kind: InputKind,
    /// Index into the profile's sources, if the name tells; otherwise each record must.
    pub source: Option<usize>,
}

/// Why an input, or a part of it, could not be read. Never ends a dive; always counts.
#[derive(Debug)]
pub struct Problem {
    /// The path, as given or found.
    pub path: PathBuf,
    /// The input, if it became one.
    pub input: Option<InputId>,
    /// What happened.
    pub kind: SourceProblem,
    cause: Option<io::Error>,
}

/// What happened to an input.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SourceProblem {
    /// The file is not as it was when it was opened; what was added or cut off was not read.
    Changed {
        /// Size when it was opened.
        before: u64,
        /// Size afterwards.
        after: u64,
    },
    /// A FIFO, socket or device where only files are expected; it was not opened.
    NotAFile,
    /// The operating system refused.
    Unreadable,
    /// The codec is known by name only.
    UnsupportedCodec(&'static str),
}

impl Problem {
    pub(crate) fn new(path: &Path, kind: SourceProblem) -> Self {
        Self {
            path: path.to_owned(),
            input: None,
            kind,
            cause: None,
        }
    }

    pub(crate) fn unreadable(path: &Path, cause: io::Error) -> Self {
        Self {
            cause: Some(cause),
            ..Self::new(path, SourceProblem::Unreadable)
        }
    }

    pub(crate) fn of(mut self, input: InputId) -> Self {
        self.input = Some(input);
        self
    }
}

impl SourceProblem {
    /// A stable word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Changed { .. } => "changed",
            Self::NotAFile => "not_a_file",
            Self::Unreadable => "unreadable",
            Self::UnsupportedCodec(_) => "unsupported_codec",
        }
    }
}

impl fmt::Display for SourceProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed { before, after } if before == after => f.write_str("changed while it was read"),
            Self::Changed { before, after } => {
                write!(f, "changed while it was read, from {before} to {after} bytes")
            }
            Self::NotAFile => f.write_str("neither a file nor a directory; not opened"),
            Self::Unreadable => f.write_str("cannot be read"),
            Self::UnsupportedCodec(name) => write!(f, "codec not supported yet: {name}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.kind)?;
        self.cause.as_ref().map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

impl std::error::Error for Problem {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

/// A part of an input whose lines could not be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct LostRange {
    /// Where it begins in the decoded stream: the first byte after the last whole line delivered.
    /// For [`LossReason::Checksum`] the first byte in doubt.
    ///
    /// Behind a lost range decoded offsets count on from the last byte that was decoded, since the
    /// length of what is lost is not known.
    pub decoded_offset: u64,
    /// Where the damage was met in the input as stored: the start of the frame or member.
    pub compressed_offset: u64,
    /// Why.
    pub reason: LossReason,
}

impl LostRange {
    pub(crate) fn new(decoded_offset: u64, compressed_offset: u64, reason: LossReason) -> Self {
        Self {
            decoded_offset,
            compressed_offset,
            reason,
        }
    }
}

/// Why a range was lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum LossReason {
    /// A file inside an archive has a codec that is not supported.
    Codec,
    /// A checksum does not fit: lines of this frame or member were delivered, and may be wrong.
    Checksum,
    /// The compressed data makes no sense.
    Corrupt,
    /// [`crate::Limits::max_decoded_bytes`] was reached.
    DecodedLimit,
    /// A frame needs a dictionary.
    Dictionary,
    /// Bytes that belong to no frame or member.
    Garbage,
    /// The operating system refused to read on.
    Io(io::ErrorKind),
    /// [`crate::Limits::max_ratio`] was exceeded.
    Ratio,
    /// The input ends in the middle of a frame or member.
    Truncated,
    /// The frame's window is above [`crate::Limits::max_zstd_window_log`].
    Window,
}

impl LossReason {
    /// A stable word for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Codec => "codec",
            Self::Checksum => "checksum",
            Self::Corrupt => "corrupt",
            Self::DecodedLimit => "decoded_limit",
            Self::Dictionary => "dictionary",
            Self::Garbage => "garbage",
            Self::Io(_) => "io",
            Self::Ratio => "ratio",
            Self::Truncated => "truncated",
            Self::Window => "window",
        }
    }
}

impl fmt::Display for LossReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Codec => f.write_str("the codec of a file inside is not supported"),
            Self::Checksum => f.write_str("the checksum does not fit"),
            Self::Corrupt => f.write_str("the compressed data is damaged"),
            Self::DecodedLimit => f.write_str("the limit of decoded bytes is reached"),
            Self::Dictionary => f.write_str("a dictionary is needed"),
            Self::Garbage => f.write_str("bytes outside of any frame"),
            Self::Io(kind) => write!(f, "reading failed: {kind}"),
            Self::Ratio => f.write_str("it decodes to far more than its size allows"),
            Self::Truncated => f.write_str("the input ends too early"),
            Self::Window => f.write_str("the window is above the limit"),
        }
    }
}
