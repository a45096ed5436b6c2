//! Read-only bytes of a file: mapped into memory or read.
//!
//! Mapping is the fast way to look at a closed log, and the only one that can crash: if another
//! process truncates the file, the next look at a page that is gone raises `SIGBUS`. Hence two
//! decisions that a caller must make in so many words:
//!
//! - [`MapPolicy::mapped`] (or [`Bytes::mapped`]) is `unsafe`: whoever calls it vouches for the files.
//! - [`install_truncation_guard`] is `unsafe` and belongs in a binary, never in a library: it takes
//!   over a signal of the whole process.
//!
//! ```
//! # fn main() -> std::io::Result<()> {
//! use decostop_mmap::{Bytes, MapPolicy};
//! let file = std::fs::File::open("Cargo.toml")?;
//! let bytes = match MapPolicy::read().map(&file)? {
//!     Some(mapped) => mapped,
//!     None => Bytes::read(&file)?,
//! };
//! assert!(bytes.starts_with(b"[package]"));
//! # Ok(())
//! # }
//! ```
//!
//! Not for: writing, sharing memory, or files that change while they are read.

#![expect(unsafe_code, reason = "the one place where files become memory")]

use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Deref;

use memmap2::{Advice, Mmap, MmapOptions};

mod guard;

pub use guard::install_truncation_guard;

/// The bytes of a file.
pub struct Bytes(Inner);

enum Inner {
    // Fields drop in order: the watch must end before the pages are given back.
    Mapped { watch: Option<guard::Watch>, map: Mmap },
    Read(Vec<u8>),
}

impl Bytes {
    /// Maps the whole of a regular file, privately and read-only. An empty file is not mapped.
    ///
    /// # Errors
    ///
    /// What the operating system says; nothing is mapped then.
    ///
    /// # Safety
    ///
    /// While the bytes are in use no process may truncate or rewrite the file. Where that cannot be
    /// promised, three things must hold instead, as they do in decostop: the truncation guard is
    /// installed and [`Bytes::is_guarded`] says yes; nothing takes these bytes for valid UTF-8, or
    /// relies in any other way on two looks at one byte being equal; and the caller asks
    /// [`Bytes::was_truncated`] before it trusts what it has read.
    pub unsafe fn mapped(file: &File) -> io::Result<Self> {
        if file.metadata()?.len() == 0 {
            return Ok(Self(Inner::Read(Vec::new())));
        }
        // SAFETY: the caller upholds the contract above, which is that of the mapping.
        let map = unsafe { MmapOptions::new().map_copy_read_only(file) }?;
        // Advice is a hint; a file system that refuses it is still readable.
        let _ = map.advise(Advice::Sequential);
        let watch = guard::Watch::begin(map.as_ptr() as usize, map.len());
        Ok(Self(Inner::Mapped { watch, map }))
    }

    /// Reads the rest of a file into memory.
    ///
    /// # Errors
    ///
    /// What the operating system says.
    ///
    /// # Memory usage
    ///
    /// As large as the file: for small files and tests.
    pub fn read(mut file: &File) -> io::Result<Self> {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        Ok(Self(Inner::Read(bytes)))
    }

    /// Whether the bytes are a mapping.
    pub fn is_mapped(&self) -> bool {
        matches!(self.0, Inner::Mapped { .. })
    }

    /// Whether a truncation of the file is caught, not fatal. Always so for bytes that were read.
    pub fn is_guarded(&self) -> bool {
        match &self.0 {
            Inner::Mapped { watch, .. } => watch.is_some(),
            Inner::Read(_) => true,
        }
    }

    /// Whether pages were missing when somebody looked: from there on the bytes are zeros that the
    /// file never held. Once true it stays true.
    pub fn was_truncated(&self) -> bool {
        match &self.0 {
            Inner::Mapped { watch, .. } => watch.as_ref().is_some_and(guard::Watch::fired),
            Inner::Read(_) => false,
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Inner::Mapped { map, .. } => map,
            Inner::Read(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Inner::Read(bytes))
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = if self.is_mapped() { "mapped" } else { "read" };
        write!(f, "Bytes(<{} bytes> {how})", self.len())
    }
}

/// Whether files may be mapped. The promise is made once, where the policy is built, so that the
/// code in between stays safe.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MapPolicy(Choice);

#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
enum Choice {
    Mapped,
    MappedIfGuarded,
    #[default]
    Read,
}

impl MapPolicy {
    /// Files are mapped where that is possible.
    ///
    /// # Safety
    ///
    /// No process may truncate or rewrite a mapped file while it is in use; a truncated one raises
    /// `SIGBUS`. See [`Bytes::mapped`].
    pub unsafe fn mapped() -> Self {
        Self(Choice::Mapped)
    }

    /// Files are mapped while the truncation guard can watch them, and read otherwise.
    ///
    /// # Safety
    ///
    /// As for [`Bytes::mapped`], except that truncation is caught: nothing may rely on two looks at
    /// one byte being equal.
    pub unsafe fn mapped_if_guarded() -> Self {
        Self(Choice::MappedIfGuarded)
    }

    /// Files are read. By default, this is the policy.
    pub fn read() -> Self {
        Self(Choice::Read)
    }

    /// Whether any file may be mapped.
    pub fn may_map(self) -> bool {
        self.0 != Choice::Read
    }

    /// Maps a regular file if the policy allows it; `None` says that it is to be read.
    ///
    /// # Errors
    ///
    /// What the operating system says. A file system that cannot map is not an error but `None`.
    pub fn map(self, file: &File) -> io::Result<Option<Bytes>> {
        let metadata = file.metadata()?;
        if !self.may_map() || !metadata.is_file() || metadata.len() == 0 {
            return Ok(None);
        }
        // SAFETY: whoever built this policy made the promise that mapping asks for.
        let Ok(bytes) = (unsafe { Bytes::mapped(file) }) else {
            return Ok(None);
        };
        let usable = self.0 == Choice::Mapped || bytes.is_guarded();
        Ok(usable.then_some(bytes))
    }
}

#[cfg(test)]
mod tests;
