//! Files that go from process to process: sealed, so that who holds one without the key can neither read
//! nor change it.
//!
//! ```text
//! MAGIC | kind | length of the head | head | frame … frame
//! frame: last? | length | nonce | ciphertext with its tag
//! ```
//!
//! XChaCha20-Poly1305 (RFC 8439, draft-irtf-cfrg-xchacha) with a key derived from the pseudonym key. The head, the
//! number of the frame, whether it is the last one and the tag of the one before are authenticated with each
//! frame, so that frames can be neither left out, nor swapped, nor taken from another file, be it of the same share. A nonce is a keyed digest of all that
//! goes into the frame: two frames share one only if they are equal, and the same share makes the same bytes.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::artefact::StagedFile;
use crate::{Error, ErrorKind, Origin};

const MAGIC: &[u8; 17] = b"decostop-sealed-1";
const NONCE: usize = 24;
const TAG: usize = 16;
/// Frames are cut at about this size before they are sealed.
pub(super) const FRAME_BYTES: usize = 1 << 20;
/// Longer than a frame with one record can be: a line of 16 MiB, its removals, and the seal.
const MAX_FRAME: u32 = 256 << 20;
const MAX_HEAD: u32 = 1 << 16;

/// What a sealed file is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Facts = 1,
    Part = 2,
}

/// What a sealed file says openly: which share of which plan it belongs to.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Head {
    pub(super) plan: String,
    /// The share, or `None` for what was merged of all.
    pub(super) ordinal: Option<u32>,
    pub(super) of: u32,
}

/// The key under which the files of one dive are sealed.
pub(super) struct Seal {
    cipher: XChaCha20Poly1305,
    nonces: Zeroizing<[u8; 32]>,
}

impl Seal {
    pub(super) fn new(secret: &[u8; 32]) -> Self {
        let key = Zeroizing::new(blake3::derive_key("decostop cluster seal v1: frames", secret));
        Self {
            cipher: XChaCha20Poly1305::new(&Key::from(*key)),
            nonces: Zeroizing::new(blake3::derive_key("decostop cluster seal v1: nonces", secret)),
        }
    }

    fn nonce(&self, bound: &[u8], plain: &[u8]) -> [u8; NONCE] {
        let mut hasher = blake3::Hasher::new_keyed(&self.nonces);
        hasher.update(&(bound.len() as u64).to_le_bytes());
        hasher.update(bound);
        hasher.update(plain);
        let mut nonce = [0; NONCE];
        hasher.finalize_xof().fill(&mut nonce);
        nonce
    }
}

/// What a frame is authenticated with beside its content: the tag of the one before, too, so that frames of
/// two runs of one share do not fit together.
fn bound(head: &[u8; 32], nth: u64, last: bool, before: &[u8; TAG]) -> Vec<u8> {
    let mut bound = head.to_vec();
    bound.extend_from_slice(&nth.to_le_bytes());
    bound.push(u8::from(last));
    bound.extend_from_slice(before);
    bound
}

/// The tag of a sealed frame: its end.
fn tag(sealed: &[u8]) -> [u8; TAG] {
    sealed.last_chunk().copied().unwrap_or_default()
}

/// That nothing is there, or what an earlier run of the same step may have left.
fn replaceable(path: &Path, kind: Kind) -> Result<(), Error> {
    let Ok(metadata) = path.symlink_metadata() else {
        return Ok(());
    };
    let mut start = [0; MAGIC.len() + 1];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    if metadata.is_file() && read.is_ok() && start.strip_prefix(MAGIC) == Some(&[kind as u8]) {
        return Ok(());
    }
    Err(at(path, "exists already and is no file of this step")
        .hint("name another one with --out; only what an earlier run of the step wrote is replaced"))
}

/// A sealed file in the making: a sibling that gets its name when it is complete, and is gone if it never is.
pub(super) struct SealedWriter<'s> {
    seal: &'s Seal,
    kind: Kind,
    out: BufWriter<StagedFile>,
    head: [u8; 32],
    frames: u64,
    /// Tag of the frame before.
    before: [u8; TAG],
}

impl<'s> SealedWriter<'s> {
    pub(super) fn create(path: &Path, seal: &'s Seal, kind: Kind, head: &Head) -> Result<Self, Error> {
        replaceable(path, kind)?;
        let failed = |cause| Error::io(ErrorKind::Sink, path, "write", cause);
        let file = StagedFile::create(path)?;
        let told = postcard::to_allocvec(head).map_err(|_| bug())?;
        let length = u32::try_from(told.len()).map_err(|_| bug())?;
        let mut open = MAGIC.to_vec();
        open.push(kind as u8);
        open.extend_from_slice(&length.to_le_bytes());
        open.extend_from_slice(&told);
        let mut out = BufWriter::with_capacity(1 << 16, file);
        out.write_all(&open).map_err(failed)?;
        Ok(Self {
            seal,
            kind,
            out,
            head: *blake3::hash(&open).as_bytes(),
            frames: 0,
            before: [0; TAG],
        })
    }

    pub(super) fn frame(&mut self, plain: &[u8]) -> Result<(), Error> {
        self.seal_frame(plain, false)
    }

    fn seal_frame(&mut self, plain: &[u8], last: bool) -> Result<(), Error> {
        let bound = bound(&self.head, self.frames, last, &self.before);
        let nonce = self.seal.nonce(&bound, plain);
        let payload = Payload {
            msg: plain,
            aad: &bound,
        };
        let sealed = self
            .seal
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| bug())?;
        let length = u32::try_from(sealed.len())
            .ok()
            .filter(|length| *length <= MAX_FRAME);
        let length = length.ok_or_else(|| Error::new(ErrorKind::Limit, "a record is too long for a part"))?;
        let mut write = || -> io::Result<()> {
            self.out.write_all(&[u8::from(last)])?;
            self.out.write_all(&length.to_le_bytes())?;
            self.out.write_all(&nonce)?;
            self.out.write_all(&sealed)
        };
        write().map_err(|cause| Error::io(ErrorKind::Sink, self.out.get_ref().out(), "write", cause))?;
        self.frames += 1;
        self.before = tag(&sealed);
        Ok(())
    }

    /// Writes the last frame and gives the file its name, in place of one that was there.
    pub(super) fn finish(mut self, plain: &[u8]) -> Result<(), Error> {
        self.seal_frame(plain, true)?;
        let out = self.out.get_ref().out().to_owned();
        let file = self
            .out
            .into_inner()
            .map_err(|cause| Error::io(ErrorKind::Sink, &out, "write", cause.into_error()))?;
        replaceable(&out, self.kind)?;
        file.publish()
    }
}

/// A file that is opened for each read, so that a dive may have more parts than a process may have files
/// open. What is read is authenticated as one file, whatever happens to it in between.
struct Reopened {
    path: PathBuf,
    at: u64,
}

impl Read for Reopened {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(self.at))?;
        let read = file.read(to)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// A sealed file that is read frame by frame.
pub(super) struct SealedReader<'s> {
    seal: &'s Seal,
    path: PathBuf,
    from: BufReader<Reopened>,
    pub(super) head: Head,
    digest: [u8; 32],
    frames: u64,
    before: [u8; TAG],
    is_over: bool,
}

impl<'s> SealedReader<'s> {
    pub(super) fn open(path: &Path, seal: &'s Seal, kind: Kind) -> Result<Self, Error> {
        drop(File::open(path).map_err(|cause| Error::io(ErrorKind::Config, path, "read", cause))?);
        let file = Reopened {
            path: path.to_owned(),
            at: 0,
        };
        let mut from = BufReader::with_capacity(1 << 16, file);
        let mut open = vec![0; MAGIC.len() + 5];
        let read = from.read_exact(&mut open);
        let (magic, rest) = open.split_at_checked(MAGIC.len()).ok_or_else(bug)?;
        let is_ours = read.is_ok() && magic == MAGIC && rest.first() == Some(&(kind as u8));
        let length = rest.get(1..).and_then(<[u8]>::first_chunk);
        let length = length.map_or(0, |length| u32::from_le_bytes(*length));
        if !is_ours || length > MAX_HEAD {
            let what = match kind {
                Kind::Facts => "is no file of facts",
                Kind::Part => "is no part of a dive",
            };
            let hint = match kind {
                Kind::Facts => "`decostop learn` and `decostop merge` write them",
                Kind::Part => "`decostop redact --shard` writes them",
            };
            return Err(at(path, what).hint(hint));
        }
        let mut told = vec![0; length as usize];
        from.read_exact(&mut told).map_err(|_| damaged(path))?;
        open.extend_from_slice(&told);
        let head = postcard::from_bytes(&told).map_err(|_| damaged(path))?;
        Ok(Self {
            seal,
            path: path.to_owned(),
            from,
            head,
            digest: *blake3::hash(&open).as_bytes(),
            frames: 0,
            before: [0; TAG],
            is_over: false,
        })
    }

    /// The next frame, and whether it is the last one; nothing behind that.
    pub(super) fn next(&mut self) -> Result<Option<(Vec<u8>, bool)>, Error> {
        if self.is_over {
            return Ok(None);
        }
        let mut start = [0; 5 + NONCE];
        self.from
            .read_exact(&mut start)
            .map_err(|_| damaged(&self.path))?;
        let [last, length @ ..] = &start;
        let (length, nonce) = length.split_first_chunk::<4>().ok_or_else(bug)?;
        let (last, length) = (*last == 1, u32::from_le_bytes(*length));
        if length > MAX_FRAME {
            return Err(damaged(&self.path));
        }
        let mut sealed = Vec::new();
        let read = (&mut self.from).take(u64::from(length)).read_to_end(&mut sealed);
        if read.ok() != Some(length as usize) {
            return Err(damaged(&self.path));
        }
        let bound = bound(&self.digest, self.frames, last, &self.before);
        let nonce: [u8; NONCE] = nonce.try_into().map_err(|_| bug())?;
        let payload = Payload {
            msg: &sealed,
            aad: &bound,
        };
        let plain = self
            .seal
            .cipher
            .decrypt(&XNonce::from(nonce), payload)
            .map_err(|_| {
                at(&self.path, "cannot be opened").hint(
                "it is damaged, or was sealed with another key: all steps of a dive take the same --key-file",
            )
            })?;
        self.frames += 1;
        self.before = tag(&sealed);
        if last {
            self.is_over = true;
            if self.from.read(&mut [0]).ok() != Some(0) {
                return Err(damaged(&self.path));
            }
        }
        Ok(Some((plain, last)))
    }

    pub(super) fn damaged(&self) -> Error {
        damaged(&self.path)
    }
}

pub(super) fn at(path: &Path, what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Config, what).at(Origin {
        path: path.to_owned(),
        offset: None,
    })
}

fn damaged(path: &Path) -> Error {
    at(path, "is damaged or incomplete").hint("make it once more; what is complete appears under its name")
}

fn bug() -> Error {
    Error::new(ErrorKind::Internal, "a sealed file cannot be written or read")
}
