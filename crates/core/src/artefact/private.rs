//! Files and directories that only their owner can read.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a file that only its owner can read (mode 0600) and that was not there before. For
/// implementations of [`ProvenanceWriter`](super::ProvenanceWriter).
///
/// # Errors
/// As [`File::create_new`].
pub fn private_file(path: &Path) -> io::Result<File> {
    options().write(true).create_new(true).open(path)
}

/// Opens a private file for adding lines, making it if need be.
pub(super) fn append_file(path: &Path) -> io::Result<File> {
    options().append(true).create(true).open(path)
}

#[cfg(unix)]
fn options() -> OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;
    let mut options = OpenOptions::new();
    options.mode(0o600);
    options
}

#[cfg(not(unix))]
fn options() -> OpenOptions {
    OpenOptions::new()
}

/// Makes a directory that only its owner can enter (mode 0700).
#[cfg(unix)]
pub(super) fn make_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    DirBuilder::new().mode(0o700).create(path)
}

#[cfg(not(unix))]
pub(super) fn make_dir(path: &Path) -> io::Result<()> {
    DirBuilder::new().create(path)
}

/// Closes what somebody else created in `dir` to everybody but its owner.
#[cfg(unix)]
pub(super) fn close_files(dir: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_file() && entry.metadata()?.permissions().mode() & 0o777 != 0o600 {
            std::fs::set_permissions(entry.path(), std::fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn close_files(_dir: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes the names in a directory durable, where the file system can.
#[cfg(unix)]
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    match File::open(path).and_then(|dir| dir.sync_all()) {
        Err(cause)
            if matches!(
                cause.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        done => done,
    }
}

#[cfg(not(unix))]
pub(super) fn sync_dir(_path: &Path) -> io::Result<()> {
    Ok(())
}
