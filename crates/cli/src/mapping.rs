//! The one place where the binary promises something about files in memory.

#![expect(
    unsafe_code,
    reason = "mapping files is a promise about them, and a binary must make it"
)]

use std::sync::OnceLock;

use decostop_mmap::MapPolicy;

static GUARDED: OnceLock<bool> = OnceLock::new();

/// Watches mapped files: one that is truncated while it is read is withheld from there on, instead
/// of ending the process.
pub(crate) fn install_guard() {
    // SAFETY: this is the binary, nobody else in it handles SIGBUS, and it is called before any
    // thread is started.
    let installed = unsafe { decostop_mmap::install_truncation_guard() };
    // Without the guard files are read, which is slower and as safe.
    let _ = GUARDED.set(installed.is_ok());
}

/// Whether files are mapped.
pub(crate) fn maps(no_mmap: bool) -> bool {
    !no_mmap && GUARDED.get() == Some(&true)
}

/// How files are read: mapped if the user does not object and truncation is caught.
pub(crate) fn policy(no_mmap: bool) -> MapPolicy {
    if !maps(no_mmap) {
        return MapPolicy::read();
    }
    // SAFETY: truncation is caught by the guard, and the library neither takes mapped bytes for
    // UTF-8 unchecked nor relies on two looks at one byte being equal.
    unsafe { MapPolicy::mapped_if_guarded() }
}
