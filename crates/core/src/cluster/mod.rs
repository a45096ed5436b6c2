//! A dive in shares, for a cluster that is somebody else's: any scheduler that runs functions over files.
//!
//! ```text
//! Dive::shards ─► Shard (JSON) ─┬─► Task::learn ──► facts ─┐
//!                               │                          ├─► merge ─► facts of all
//!                               │        (each share)      ┘                │
//!                               └─► Task::redact ◄───────────────────────────┤
//!                                     │  Task::redact_into: any Sink        │
//!                                     ▼                                     ▼
//!                                    part ───────── (each share) ──────► gather ─► artefact
//! ```
//!
//! Two phases, as in one process, since what is foreign is known only when all was read. The result is the
//! same: `gather` writes the bytes that one process writes. A step that runs twice makes the same file; each
//! file appears when it is complete. Raw lines never leave a worker: facts (foreign names) and parts (records that
//! were redacted and verified, and the evidence of it) are sealed with a key derived from the pseudonym key,
//! and every record is verified once more when the parts come together. The key is in none of the files.
//!
//! ```no_run
//! # use std::path::{Path, PathBuf};
//! # use std::time::SystemTime;
//! # fn example(dive: &decostop::Dive, key: [u8; 32]) -> Result<(), decostop::Error> {
//! use decostop::artefact::{NdjsonProvenance, Options};
//! use decostop::cluster::{self, Gather, Secret, Task};
//! use decostop_profile::Values;
//!
//! let secret = Secret::Material(key);
//! let (mut facts, mut parts) = (Vec::new(), Vec::new());
//! let shards = dive.shards(8)?;
//! for shard in &shards {
//!     let path = PathBuf::from(format!("facts-{}", shard.ordinal()));
//!     Task::new(shard.clone(), secret.clone()).now(SystemTime::now()).learn(&path)?;
//!     facts.push(path);
//! }
//! let all = Path::new("facts");
//! cluster::merge(&facts, &Values::new(), &secret, all)?;
//! for shard in &shards {
//!     let path = PathBuf::from(format!("part-{}", shard.ordinal()));
//!     Task::new(shard.clone(), secret.clone()).now(SystemTime::now()).redact(all, &path)?;
//!     parts.push(path);
//! }
//! let gather = Gather::new(parts, all, secret).now(SystemTime::now());
//! let done = gather.into_directory(Path::new("SIRT-1"), Options::default(), NdjsonProvenance::create_in)?;
//! println!("{} records disclosed", done.report.counts.disclosed);
//! # Ok(())
//! # }
//! ```

mod facts;
mod gather;
mod part;
mod seal;
mod shard;
mod task;

pub use facts::merge;
pub use gather::Gather;
pub use shard::{Shard, write_shards};
pub use task::Task;

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use decostop_profile::Values;
use zeroize::Zeroizing;

use crate::artefact::request_key;
use crate::{DiveBuilder, Error, ErrorKind};

/// Where the pseudonym key comes from: the same for all steps of a dive. Does not print it.
#[derive(Clone)]
#[expect(clippy::exhaustive_enums, reason = "there are two kinds of key files")]
pub enum Secret {
    /// 32 bytes from which the request's key is derived, as [`DiveBuilder::key_material`].
    Material([u8; 32]),
    /// The request's key itself, as [`DiveBuilder::request_key`].
    Request([u8; 32]),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(<32 bytes>)")
    }
}

impl Secret {
    /// Reads a key file: exactly 32 bytes, or the `internal/key` of an earlier dive.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it cannot be read or is neither.
    pub fn read(path: &Path) -> Result<Self, Error> {
        const LONGEST: u64 = 4096;
        let failed = |cause| Error::io(ErrorKind::Config, path, "read the key", cause);
        let mut bytes = Zeroizing::new(Vec::new());
        let file = File::open(path).map_err(failed)?;
        file.take(LONGEST).read_to_end(&mut bytes).map_err(failed)?;
        // First the text: 32 raw bytes cannot begin with it and be a whole one.
        if let Some(key) = std::str::from_utf8(&bytes).ok().and_then(request_key) {
            return Ok(Self::Request(key));
        }
        <[u8; 32]>::try_from(bytes.as_slice()).map(Self::Material).map_err(|_| {
            seal::at(path, "is not a pseudonym key").hint(
                "a key is exactly 32 bytes (`head -c 32 /dev/urandom > key`), or the internal/key of an earlier dive",
            )
        })
    }

    fn bytes(&self) -> &[u8; 32] {
        match self {
            Self::Material(bytes) | Self::Request(bytes) => bytes,
        }
    }

    fn seal(&self) -> seal::Seal {
        seal::Seal::new(self.bytes())
    }

    /// What tells accounts from others, whatever their order, to whom has the key: without it nobody can try
    /// names until one fits.
    fn digest_of(&self, accounts: &Values) -> String {
        let key = Zeroizing::new(blake3::derive_key("decostop cluster accounts v1", self.bytes()));
        let mut sorted: Vec<_> = accounts.iter().collect();
        sorted.sort_unstable();
        let mut hasher = blake3::Hasher::new_keyed(&key);
        for (class, text) in sorted {
            for piece in [class.as_str(), text] {
                hasher.update(&(piece.len() as u64).to_le_bytes());
                hasher.update(piece.as_bytes());
            }
        }
        hasher.finalize().to_hex().to_string()
    }

    fn given_to(&self, builder: DiveBuilder) -> DiveBuilder {
        match self {
            Self::Material(bytes) => builder.key_material(*bytes),
            Self::Request(bytes) => builder.request_key(*bytes),
        }
    }
}
