//! Opening an input: mapped or read, with its codec, and split into units of work.

use std::fmt;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use decostop_mmap::{Bytes, MapPolicy};

use super::codec::borders;
use super::patient::Patient;
use super::{Codec, Coders, Feed, Input, InputId, InputKind, Problem, SourceProblem, Supply};
use crate::frame::Layout;

/// First bytes that are looked at to tell a codec.
const HEAD_BYTES: usize = 512;

/// A file changed within this time may still be written to, and is read instead of mapped.
const SETTLED: Duration = Duration::from_secs(60);

/// How inputs are opened.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    map: MapPolicy,
    now: SystemTime,
    read_bytes: usize,
    unit_bytes: u64,
    digest: bool,
    cancel: Arc<AtomicBool>,
}

impl OpenOptions {
    /// Inputs are read, and mapped only if `map` allows it, they are larger than 32 KiB, and they were not
    /// changed in the minute before `now`.
    pub fn new(map: MapPolicy, now: SystemTime) -> Self {
        Self {
            map,
            now,
            read_bytes: 256 << 10,
            unit_bytes: 64 << 20,
            digest: true,
            cancel: Arc::default(),
        }
    }

    /// A flag that ends the wait for a stream, and passes over a whole file, when it becomes true. By
    /// default, one that never does.
    #[must_use]
    pub fn cancel(mut self, flag: Arc<AtomicBool>) -> Self {
        self.cancel = flag;
        self
    }

    /// Bytes that are looked at or read at a time. By default, 256 KiB.
    #[must_use]
    pub fn read_bytes(mut self, bytes: usize) -> Self {
        self.read_bytes = bytes.max(1);
        self
    }

    /// Bytes of a plain file that make one unit of work. By default, 64 MiB.
    #[must_use]
    pub fn unit_bytes(mut self, bytes: u64) -> Self {
        self.unit_bytes = bytes.max(1);
        self
    }

    /// Whether compressed inputs are digested while they are read. By default, they are.
    #[must_use]
    pub fn digest(mut self, yes: bool) -> Self {
        self.digest = yes;
        self
    }
}

/// A part of an input that one worker reads from front to back. Units of one input, in order, yield
/// all its lines once and in order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unit {
    /// The input.
    pub input: InputId,
    /// Bytes of the input as stored. In a plain input the unit has the lines that begin in this range,
    /// give or take the one at each edge; callers need not care which.
    pub range: Range<u64>,
}

impl Unit {
    /// Bytes as stored: a measure of the work.
    pub fn bytes(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }
}

/// An input that is open for reading.
pub struct Opened {
    input: InputId,
    path: PathBuf,
    codec: Codec,
    pub(crate) backing: Backing,
    before: Option<Stamp>,
    /// Bytes of the file that was found, if another was opened, or less of it.
    missed: Option<u64>,
    pub(crate) read_bytes: usize,
    unit_bytes: u64,
    pub(crate) digest: bool,
    cancel: Arc<AtomicBool>,
    archive: bool,
    wide_window: Option<u64>,
    layout: Layout,
}

pub(crate) enum Backing {
    File { file: File, end: Option<u64> },
    Mapped { file: File, bytes: Bytes },
    Stream(Mutex<Option<Stream>>),
}

/// A stream and the bytes that were read to tell its codec.
pub(crate) struct Stream {
    pub(crate) reader: Box<dyn Read + Send>,
    pub(crate) head: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Stamp {
    bytes: u64,
    mtime: Option<SystemTime>,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        Self {
            bytes: metadata.len(),
            mtime: metadata.modified().ok(),
        }
    }
}

/// Opens an input.
///
/// # Errors
///
/// A [`Problem`] with this input: it cannot be read, or its codec is not supported.
pub fn open(input: &Input, options: &OpenOptions) -> Result<Opened, Problem> {
    let unreadable = |cause| Problem::unreadable(&input.path, cause).of(input.id);
    if input.kind == InputKind::Stream {
        let path = input.path.clone();
        let stream = move || -> io::Result<Box<dyn Read>> {
            Ok(if path.as_os_str() == "-" {
                Box::new(io::stdin())
            } else {
                Box::new(File::open(path)?)
            })
        };
        let reader = Patient::new(stream, Arc::clone(&options.cancel)).map_err(unreadable)?;
        return Opened::from_reader(input, Box::new(reader), options);
    }
    let file = File::open(&input.path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(Problem::new(&input.path, SourceProblem::NotAFile).of(input.id));
    }
    let before = Stamp::of(&metadata);
    let settled = before
        .mtime
        .and_then(|mtime| options.now.duration_since(mtime).ok())
        .is_some_and(|age| age >= SETTLED);
    // One read is less than a mapping costs, above all with other threads in the same memory.
    let small = before.bytes <= SMALL_BYTES;
    let mapped = if settled && !small {
        options.map.map(&file).map_err(unreadable)?
    } else {
        None
    };
    let mut head = vec![0; HEAD_BYTES];
    let known = file.read_at(&mut head, 0).map_err(unreadable)?;
    head.truncate(known);
    let codec = supported(&head, input)?;
    let backing = match mapped {
        Some(bytes) => Backing::Mapped { file, bytes },
        // Files that the kernel makes up on the spot have no size.
        None => Backing::File {
            file,
            end: (before.bytes > 0).then_some(before.bytes),
        },
    };
    let mut opened = Opened::new(input, codec, &head, backing, Some(before), options);
    let another = input
        .identity
        .is_some_and(|found| found != (metadata.dev(), metadata.ino()));
    opened.missed = (another || before.bytes < input.bytes).then_some(input.bytes);
    Ok(opened)
}

/// Inputs up to this size are not mapped.
const SMALL_BYTES: u64 = 32 << 10;

/// Windows above this are decoded one at a time.
const WIDE_BYTES: u64 = 8 << 20;

/// Whether an input is a tar archive: by its first bytes, or where these are compressed by its name.
fn is_archive(head: &[u8], codec: Codec, path: &Path) -> bool {
    const NAMES: [&str; 10] = [
        ".tar.gz",
        ".tgz",
        ".tar.zst",
        ".tar.zstd",
        ".tzst",
        ".tar.bz2",
        ".tbz2",
        ".tar.xz",
        ".txz",
        ".tar.lz4",
    ];
    match codec {
        Codec::Plain => head.get(257..262) == Some(b"ustar"),
        _ => path
            .to_str()
            .is_some_and(|path| NAMES.iter().any(|name| path.ends_with(name))),
    }
}

fn supported(head: &[u8], input: &Input) -> Result<Codec, Problem> {
    match Codec::detect(head, &input.path) {
        Codec::Unsupported(name) if !head.is_empty() => {
            Err(Problem::new(&input.path, SourceProblem::UnsupportedCodec(name)).of(input.id))
        }
        Codec::Unsupported(_) => Ok(Codec::Plain),
        codec => Ok(codec),
    }
}

/// What one read yields, and more only while that is too short to tell a codec: whoever writes to the
/// other end may be waiting for an answer.
fn head_of(reader: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEAD_BYTES];
    let mut known = 0;
    while known < 6 {
        match reader.read(head.get_mut(known..).unwrap_or_default()) {
            Ok(0) => break,
            Ok(count) => known += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    head.truncate(known);
    Ok(head)
}

impl Opened {
    /// An input that is read from `reader`, as standard input is.
    ///
    /// # Errors
    ///
    /// A [`Problem`] if the first bytes cannot be read, or the codec is not supported.
    pub fn from_reader(
        input: &Input,
        mut reader: Box<dyn Read + Send>,
        options: &OpenOptions,
    ) -> Result<Self, Problem> {
        let head =
            head_of(&mut reader).map_err(|cause| Problem::unreadable(&input.path, cause).of(input.id))?;
        let codec = supported(&head, input)?;
        let known = head.clone();
        let backing = Backing::Stream(Mutex::new(Some(Stream { reader, head })));
        Ok(Self::new(input, codec, &known, backing, None, options))
    }

    fn new(
        input: &Input,
        codec: Codec,
        head: &[u8],
        backing: Backing,
        before: Option<Stamp>,
        options: &OpenOptions,
    ) -> Self {
        let archive = is_archive(head, codec, &input.path);
        let layout = if codec == Codec::Plain && !archive {
            Layout::detect(head)
        } else {
            Layout::Lines
        };
        Self {
            archive,
            layout,
            input: input.id,
            path: input.path.clone(),
            codec,
            backing,
            before,
            missed: None,
            read_bytes: options.read_bytes,
            unit_bytes: options.unit_bytes,
            digest: options.digest,
            cancel: Arc::clone(&options.cancel),
            wide_window: (codec == Codec::Zstd)
                .then(|| super::zstd::window(head))
                .flatten()
                .filter(|bytes| *bytes > WIDE_BYTES),
        }
    }

    /// Bytes of a large buffer that decoding it takes, as its first frame says: `zstd --long` and the highest
    /// levels ask for up to 128 MiB, and as many as there are threads may be more memory than there is.
    pub(crate) fn wide_window(&self) -> Option<usize> {
        self.wide_window
            .map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX))
    }

    /// The input's number.
    pub fn input(&self) -> InputId {
        self.input
    }

    /// How it is stored.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Whether it is a tar archive, whose members are framed one by one.
    pub fn is_archive(&self) -> bool {
        self.archive
    }

    /// All of it as one unit.
    pub(crate) fn whole(&self) -> Unit {
        Unit {
            input: self.input,
            range: 0..self.bytes(),
        }
    }

    /// Whether it is mapped into memory.
    pub fn is_mapped(&self) -> bool {
        matches!(self.backing, Backing::Mapped { .. })
    }

    /// Bytes as stored; 0 for streams.
    pub fn bytes(&self) -> u64 {
        self.before.map_or(0, |stamp| stamp.bytes)
    }

    /// Units of work. Plain files are split unless lines depend on those before them; a compressed
    /// input, an archive and a stream are one unit each.
    ///
    /// What is read does not depend on the split.
    pub fn units(&self) -> Vec<Unit> {
        let bytes = self.bytes();
        let unit = |range| Unit {
            input: self.input,
            range,
        };
        if self.codec != Codec::Plain || bytes == 0 || self.archive || self.layout != Layout::Lines {
            return vec![self.whole()];
        }
        // Equal parts of at least the unit size: no small one is left at the end.
        let parts = (bytes / self.unit_bytes).max(1);
        let edge = |part: u64| (u128::from(bytes) * u128::from(part) / u128::from(parts)) as u64;
        (0..parts).map(|part| unit(edge(part)..edge(part + 1))).collect()
    }

    /// Units of work of a compressed input too: runs of whole frames or members, of at least `part_bytes`
    /// as stored.
    ///
    /// That these are all, and nothing is lost, shows only when each was read: if one says that it was
    /// [broken](crate::frame::Summary::broken), what all of them gave must be dropped, and the whole read
    /// as one unit.
    pub(crate) fn parts(&self, coders: &mut Coders, part_bytes: u64) -> Vec<Unit> {
        let bytes = self.bytes();
        if self.codec == Codec::Plain || self.archive || bytes < part_bytes.saturating_mul(2) {
            return self.units();
        }
        let Some(supply) = self.supply() else {
            return self.units();
        };
        let mut buffer = Vec::new();
        let mut feed = Feed::new(supply, self.read_bytes, &mut buffer, 0);
        let borders = borders(self.codec, &mut feed, coders, part_bytes.max(1), &self.cancel);
        let starts = std::iter::once(0).chain(borders.iter().copied());
        let ends = borders.iter().copied().chain([bytes]);
        starts
            .zip(ends)
            .map(|(start, end)| Unit {
                input: self.input,
                range: start..end,
            })
            .collect()
    }

    /// The bytes as stored; none for streams.
    pub(crate) fn supply(&self) -> Option<Supply<'_>> {
        match &self.backing {
            Backing::File { file, end } => Some(Supply::File(file, *end)),
            Backing::Mapped { bytes, .. } => Some(Supply::Slice(bytes)),
            Backing::Stream(_) => None,
        }
    }

    /// BLAKE3 digest of the file as stored, in a pass of its own. None for streams, and once cancelled.
    ///
    /// # Errors
    ///
    /// A [`Problem`] if it cannot be read.
    pub fn digest(&self) -> Result<Option<[u8; 32]>, Problem> {
        let mut buffer = Vec::new();
        let Some(supply) = self.supply() else {
            return Ok(None);
        };
        let mut feed = Feed::new(supply, self.read_bytes, &mut buffer, 0).digesting();
        // What fails here fails once more below, and is told there.
        while let Ok(count @ 1..) = feed.peek(1).map(<[u8]>::len) {
            if self.cancel.load(Ordering::Relaxed) {
                return Ok(None);
            }
            feed.consume(count);
        }
        let digest = feed.digest();
        let cause = || io::Error::from(io::ErrorKind::UnexpectedEof);
        digest
            .map(Some)
            .ok_or_else(|| Problem::unreadable(&self.path, cause()).of(self.input))
    }

    /// Closes the input and says whether it is still what it was when it was found and opened. To be called
    /// when everything was read; a change means that lines may be missing or cut.
    pub fn close(self) -> Option<Problem> {
        let (file, cut) = match &self.backing {
            Backing::File { file, .. } => (file, false),
            Backing::Mapped { file, bytes } => (file, bytes.was_truncated()),
            Backing::Stream(_) => return None,
        };
        let before = self.before?;
        let after = match file.metadata() {
            Ok(metadata) => Stamp::of(&metadata),
            Err(cause) => return Some(Problem::unreadable(&self.path, cause).of(self.input)),
        };
        let kind = SourceProblem::Changed {
            before: self.missed.unwrap_or(before.bytes),
            after: after.bytes,
        };
        (cut || after != before || self.missed.is_some())
            .then(|| Problem::new(&self.path, kind).of(self.input))
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened")
            .field("input", &self.input)
            .field("path", &self.path)
            .field("codec", &self.codec)
            .field("mapped", &self.is_mapped())
            .finish_non_exhaustive()
    }
}
