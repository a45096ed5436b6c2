//! A directory, or a file, that appears whole or not at all.
//!
//! Work happens in a sibling `.NAME.partial-<pid>-<host and random>` of the result, private to its
//! owner; a rename makes it the result. A sibling whose process was killed is removed by the next run
//! for the same result. Whether it was killed is told by a lock that its process holds on it, on a
//! directory from before it has that name: process ids come back, and in containers they are all
//! alike. Only siblings made under this host's name are looked at, since some network file systems
//! keep locks per host; a file system without locks is never cleaned.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind as IoKind};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use super::private::{make_dir, private_file, sync_dir};
use super::{DISCLOSURE, LOOK, failed, hex};
use crate::{Error, ErrorKind, Origin};

/// Longest file name that common file systems take, in bytes.
const MAX_NAME: usize = 255;
/// Longest result name whose siblings still carry it; longer ones carry its digest.
const MAX_STEM: usize = 180;
const NEW: &str = "new";
const PARTIAL: &str = "partial";
const REPLACED: &str = "replaced";
/// What a rejected result is called.
pub(super) const REJECTED: &str = ".rejected";

/// Where a result goes, once it is complete.
struct Place {
    out: PathBuf,
    parent: PathBuf,
    stem: OsString,
}

impl Place {
    /// Takes `out` apart, so that `out/`, `./out` and `out/.` are one place.
    fn new(out: &Path) -> Result<Self, Error> {
        let Some(name) = out.file_name() else {
            return Err(config(out, "cannot be the name of a result"));
        };
        if name.len() + REJECTED.len() > MAX_NAME {
            return Err(config(out, "the name is too long"));
        }
        let parent = match out.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        match fs::metadata(&parent) {
            Ok(meta) if meta.is_dir() => {}
            Ok(_) => {
                return Err(config(
                    &parent,
                    "is not a directory, so the result cannot be made in it",
                ));
            }
            Err(cause) => {
                return Err(Error::io(
                    ErrorKind::Config,
                    &parent,
                    "find the directory of the result",
                    cause,
                )
                .hint("create it first, or choose another place"));
            }
        }
        let stem = if name.len() > MAX_STEM {
            OsString::from(hex(&blake3::hash(name.as_encoded_bytes()).as_bytes()[..16]))
        } else {
            name.to_owned()
        };
        let out = if parent == Path::new(".") {
            PathBuf::from(name)
        } else {
            parent.join(name)
        };
        Ok(Self { out, parent, stem })
    }

    /// What sets a run's siblings apart: its process, host and a random number.
    fn tag() -> Result<String, Error> {
        let random = getrandom::u32().map_err(|cause| {
            Error::new(ErrorKind::Internal, "the system gives no random bytes").because(cause)
        })?;
        let host = host().unwrap_or_else(|| "0".repeat(8));
        Ok(format!("{}-{host}{random:08x}", std::process::id()))
    }

    /// A name beside the result.
    fn sibling(&self, what: &str, tag: &str) -> PathBuf {
        let mut name = OsString::from(".");
        name.push(&self.stem);
        name.push(format!(".{what}-{tag}"));
        self.parent.join(name)
    }

    /// Siblings of one kind that this host made and nobody works on: directories or files.
    fn orphans(&self, what: &str, is_one: fn(&fs::FileType) -> bool) -> Vec<(PathBuf, Lock)> {
        let Some(host) = host() else { return Vec::new() };
        let Ok(entries) = fs::read_dir(&self.parent) else {
            return Vec::new();
        };
        let mut found: Vec<_> = entries
            .flatten()
            .filter(|entry| {
                entry.file_type().is_ok_and(|kind| is_one(&kind))
                    && made_by(&entry.file_name(), &self.stem, what, &host)
            })
            .filter_map(|entry| Some((entry.path(), Lock::take(&entry.path()).ok()?)))
            .collect();
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        found
    }

    /// Brings back a result that a killed `--force` had set aside, and removes what else was left.
    fn recover(&self) {
        for (old, _held) in self.orphans(REPLACED, fs::FileType::is_dir) {
            if exists(&self.out) || fs::rename(&old, &self.out).is_err() {
                let _ = fs::remove_dir_all(&old);
            }
        }
    }

    fn sweep(&self) {
        for (left, _held) in self.orphans(PARTIAL, fs::FileType::is_dir) {
            let _ = fs::remove_dir_all(left);
        }
    }

    fn sweep_files(&self) {
        for (left, _held) in self.orphans(PARTIAL, fs::FileType::is_file) {
            let _ = fs::remove_file(left);
        }
    }
}

/// A directory under construction. Dropped, it is removed.
pub(crate) struct Staging {
    place: Place,
    path: PathBuf,
    force: Option<fn(&Path) -> bool>,
    lock: Option<Lock>,
    live: bool,
}

impl Staging {
    /// Makes the directory that will become `out`. An existing `out` is an error, unless `force`
    /// recognises it as something that may be replaced.
    pub(crate) fn create(out: &Path, force: Option<fn(&Path) -> bool>) -> Result<Self, Error> {
        let place = Place::new(out)?;
        place.recover();
        replaceable(&place.out, force)?;
        place.sweep();
        let refused = |cause| failed(&place.out, "create the result", cause);
        let tag = Place::tag()?;
        let (new, path) = (place.sibling(NEW, &tag), place.sibling(PARTIAL, &tag));
        make_dir(&new).map_err(refused)?;
        let lock = Lock::take(&new).ok();
        if let Err(cause) = fs::rename(&new, &path) {
            let _ = fs::remove_dir(&new);
            return Err(refused(cause));
        }
        Ok(Self {
            place,
            path,
            force,
            lock,
            live: true,
        })
    }

    /// The directory while it is under construction.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// What it will be called.
    pub(super) fn out(&self) -> &Path {
        &self.place.out
    }

    /// Gives the directory its name. Returns what `force` replaced and could not remove.
    pub(crate) fn publish(mut self) -> Result<Option<PathBuf>, Error> {
        let out = self.place.out.clone();
        sync_dir(&self.path).map_err(|cause| failed(&out, "complete the result", cause))?;
        replaceable(&out, self.force)?;
        let old = if exists(&out) {
            Some(self.set_aside()?)
        } else {
            None
        };
        if let Err(cause) = fs::rename(&self.path, &out) {
            if let Some((old, _held)) = &old {
                let _ = fs::rename(old, &out);
            }
            return Err(failed(&out, "complete the result", cause));
        }
        self.live = false;
        sync_dir(&self.place.parent).map_err(|cause| failed(&out, "complete the result", cause))?;
        Ok(old.and_then(|(old, _held)| fs::remove_dir_all(&old).is_err().then_some(old)))
    }

    /// Publishes under the name of a rejected result instead, replacing an earlier rejection.
    pub(super) fn publish_rejected(mut self, ours: fn(&Path) -> bool) -> Result<PathBuf, Error> {
        let mut name = self.place.out.clone().into_os_string();
        name.push(REJECTED);
        let rejected = PathBuf::from(name);
        if exists(&rejected) && ours(&rejected) {
            fs::remove_dir_all(&rejected).map_err(|cause| failed(&rejected, "replace it", cause))?;
        }
        fs::rename(&self.path, &rejected).map_err(|cause| failed(&rejected, "write the findings", cause))?;
        self.live = false;
        sync_dir(&self.place.parent).map_err(|cause| failed(&rejected, "complete the findings", cause))?;
        Ok(rejected)
    }

    /// Removes what is there so far, records first.
    pub(super) fn discard(&mut self) {
        if std::mem::take(&mut self.live) {
            for name in [DISCLOSURE, LOOK] {
                let _ = fs::remove_dir_all(self.path.join(name));
            }
            let _ = fs::remove_dir_all(&self.path);
            self.lock = None;
        }
    }

    /// Renames the existing result away. It stays locked, so that no other process takes it for an
    /// orphan before the swap is over.
    fn set_aside(&self) -> Result<(PathBuf, Option<Lock>), Error> {
        let out = &self.place.out;
        let held = match Lock::take(out) {
            Ok(held) => Some(held),
            Err(TryLockError::Error(_)) => None,
            Err(TryLockError::WouldBlock) => {
                return Err(
                    Error::new(ErrorKind::Sink, "another run is replacing it").at(Origin {
                        path: out.clone(),
                        offset: None,
                    }),
                );
            }
        };
        let old = self.place.sibling(REPLACED, &Place::tag()?);
        fs::rename(out, &old).map_err(|cause| failed(out, "replace the result", cause))?;
        Ok((old, held))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        self.discard();
    }
}

/// A file under construction. Dropped, it is removed.
pub(crate) struct StagedFile {
    place: Place,
    path: PathBuf,
    file: File,
    lock: Option<Lock>,
    live: bool,
}

impl StagedFile {
    /// Makes the file that will become `out`, in place of what is there.
    pub(crate) fn create(out: &Path) -> Result<Self, Error> {
        let place = Place::new(out)?;
        place.sweep_files();
        loop {
            let path = place.sibling(PARTIAL, &Place::tag()?);
            let refused = |cause| failed(&place.out, "create the file", cause);
            let file = private_file(&path).map_err(refused)?;
            let locked = file.try_clone().map(Lock::on);
            let is_there = || file.metadata().map(|metadata| metadata.nlink() > 0);
            // Before it was locked, another run may have taken it for an orphan.
            let (lock, is_ours) = match locked.map_err(refused)? {
                Ok(lock) => (Some(lock), is_there().map_err(refused)?),
                Err(TryLockError::Error(_)) => (None, true),
                Err(TryLockError::WouldBlock) => (None, false),
            };
            if is_ours {
                return Ok(Self {
                    place,
                    path,
                    file,
                    lock,
                    live: true,
                });
            }
        }
    }

    /// What it will be called.
    pub(crate) fn out(&self) -> &Path {
        &self.place.out
    }

    /// Gives the file its name, once it is on the disk.
    pub(crate) fn publish(mut self) -> Result<(), Error> {
        let out = self.place.out.clone();
        let refused = |cause| failed(&out, "complete the file", cause);
        self.file.sync_all().map_err(refused)?;
        fs::rename(&self.path, &out).map_err(refused)?;
        self.live = false;
        sync_dir(&self.place.parent).map_err(refused)
    }
}

impl io::Write for StagedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for StagedFile {
    fn drop(&mut self) {
        if self.live {
            let _ = fs::remove_file(&self.path);
        }
        self.lock = None;
    }
}

/// Whether anything is there, a dangling link included.
fn exists(path: &Path) -> bool {
    !matches!(fs::symlink_metadata(path), Err(cause) if cause.kind() == IoKind::NotFound)
}

fn replaceable(out: &Path, force: Option<fn(&Path) -> bool>) -> Result<(), Error> {
    if !exists(out) {
        return Ok(());
    }
    let Some(ours) = force else {
        return Err(config(out, "already exists").hint("choose another name, or replace it with --force"));
    };
    let real = fs::symlink_metadata(out).is_ok_and(|meta| meta.is_dir());
    if real && ours(out) {
        return Ok(());
    }
    Err(config(
        out,
        "exists and is not a result of decostop, so it is not replaced",
    )
    .hint("choose another name, or remove it yourself"))
}

/// The lock on a directory or file, held until it is dropped.
struct Lock(File);

impl Lock {
    fn take(path: &Path) -> Result<Self, TryLockError> {
        // Network file systems lock files alone to whom could write them, and directories can be read only.
        let writable = File::options().read(true).write(true).open(path);
        let file = writable.or_else(|_| File::open(path));
        Self::on(file.map_err(TryLockError::Error)?)
    }

    fn on(file: File) -> Result<Self, TryLockError> {
        file.try_lock()?;
        Ok(Self(file))
    }
}

impl Drop for Lock {
    /// Closing would not do: a child that another thread is just starting holds a copy of the file
    /// until it runs its program.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

/// Whether a name is that of a sibling of `stem`, made on `host`.
fn made_by(name: &OsStr, stem: &OsStr, what: &str, host: &str) -> bool {
    let parts = || {
        let rest = name
            .as_encoded_bytes()
            .strip_prefix(b".")?
            .strip_prefix(stem.as_encoded_bytes())?;
        let rest = std::str::from_utf8(rest)
            .ok()?
            .strip_prefix('.')?
            .strip_prefix(what)?
            .strip_prefix('-')?;
        let (pid, random) = rest.split_once('-')?;
        Some((pid, random.strip_prefix(host)?))
    };
    parts().is_some_and(|(pid, random)| {
        !pid.is_empty()
            && pid.bytes().all(|byte| byte.is_ascii_digit())
            && random.len() == 8
            && random.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Eight digits that stand for this host, if its name can be told.
pub(super) fn host() -> Option<String> {
    let name = fs::read("/proc/sys/kernel/hostname").ok()?;
    Some(hex(blake3::hash(&name).as_bytes().first_chunk::<4>()?))
}

fn config(path: &Path, message: &str) -> Error {
    Error::new(ErrorKind::Config, message).at(Origin {
        path: path.to_owned(),
        offset: None,
    })
}

/// Lists the names in a directory; an unreadable one lists nothing usable.
pub(super) fn names(dir: &Path) -> io::Result<Vec<OsString>> {
    let mut names = fs::read_dir(dir)?
        .map(|entry| entry.map(|entry| entry.file_name()))
        .collect::<Result<Vec<_>, _>>()?;
    names.sort();
    Ok(names)
}
