//! The truncation guard: a `SIGBUS` inside a watched mapping puts zeros where the file ended.
//!
//! A signal handler may not lock or allocate, so the mappings are kept in a fixed table of atomics.
//! A mapping that finds no room there goes unwatched, and says so.

use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::{ffi::c_int, io};

/// More than a process opens at once; the handler walks it only after a fault.
const SLOTS: usize = 1024;

const FREE: u8 = 0;
const CHANGING: u8 = 1;
const WATCHED: u8 = 2;

struct Slot {
    state: AtomicU8,
    start: AtomicUsize,
    end: AtomicUsize,
    fired: AtomicBool,
}

static TABLE: [Slot; SLOTS] = [const {
    Slot {
        state: AtomicU8::new(FREE),
        start: AtomicUsize::new(0),
        end: AtomicUsize::new(0),
        fired: AtomicBool::new(false),
    }
}; SLOTS];

/// Size of a page once the guard is installed, 0 before.
static PAGE: AtomicUsize = AtomicUsize::new(0);

/// A watched range of addresses; the watch ends when this is dropped.
pub(crate) struct Watch(&'static Slot);

impl Watch {
    pub(crate) fn begin(start: usize, len: usize) -> Option<Self> {
        if PAGE.load(Ordering::Acquire) == 0 {
            return None;
        }
        let slot = TABLE.iter().find(|slot| {
            slot.state
                .compare_exchange(FREE, CHANGING, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
        })?;
        slot.start.store(start, Ordering::Relaxed);
        slot.end.store(start + len, Ordering::Relaxed);
        slot.fired.store(false, Ordering::Relaxed);
        slot.state.store(WATCHED, Ordering::Release);
        Some(Self(slot))
    }

    pub(crate) fn fired(&self) -> bool {
        self.0.fired.load(Ordering::Acquire)
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.state.store(FREE, Ordering::Release);
    }
}

/// Takes over `SIGBUS` for the process: a fault inside mapped [`Bytes`](crate::Bytes) is answered
/// with zeros from the faulting page to the end of the mapping, and remembered for
/// [`Bytes::was_truncated`](crate::Bytes::was_truncated); any other ends the process as it would have
/// without the guard.
///
/// Mappings made before the call are not watched.
///
/// # Errors
///
/// What the operating system says; the old handler stays in place then.
///
/// # Safety
///
/// For binaries only: the caller owns the process's signal handling, and nobody else relies on a
/// `SIGBUS` handler that was installed before or will be installed later.
pub unsafe fn install_truncation_guard() -> io::Result<()> {
    // SAFETY: reads a constant of the system.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
    let page = usize::try_from(page).map_err(|_| io::Error::last_os_error())?;
    // SAFETY: `sigaction` is a plain C struct for which all zeros (no flags, empty mask) are valid.
    let mut action: libc::sigaction = unsafe { mem::zeroed() };
    action.sa_sigaction = on_sigbus as *const () as usize;
    action.sa_flags = libc::SA_SIGINFO | libc::SA_ONSTACK;
    // SAFETY: `action` is initialised and the handler calls nothing that is unsafe in a signal; the
    // caller answers for the process.
    if unsafe { libc::sigaction(libc::SIGBUS, &raw const action, ptr::null_mut()) } != 0 {
        return Err(io::Error::last_os_error());
    }
    PAGE.store(page, Ordering::Release);
    Ok(())
}

extern "C" fn on_sigbus(signal: c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    // SAFETY: with `SA_SIGINFO` the kernel passes a valid `siginfo_t`.
    let info = unsafe { &*info };
    // SAFETY: for this signal the field is the address of the fault.
    let address = unsafe { info.si_addr() } as usize;
    let covered = info.si_code == libc::BUS_ADRERR && cover(address);
    if !covered {
        // The instruction faults again on return and ends the process with the usual message.
        // SAFETY: `signal` is async-signal-safe and SIGBUS a valid number.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Replaces the pages from `address` to the end of its mapping with zeros.
fn cover(address: usize) -> bool {
    let page = PAGE.load(Ordering::Acquire);
    let hit = TABLE.iter().find_map(|slot| {
        let watched = slot.state.load(Ordering::Acquire) == WATCHED;
        let end = slot.end.load(Ordering::Relaxed);
        (watched && (slot.start.load(Ordering::Relaxed)..end).contains(&address)).then_some((slot, end))
    });
    let Some((slot, end)) = hit.filter(|_| page != 0) else {
        return false;
    };
    // Set first: whoever reads a zero must not find the flag unset.
    slot.fired.store(true, Ordering::Release);
    let from = address - address % page;
    // SAFETY: errno belongs to this thread; the interrupted code must find it as it was.
    let errno = unsafe { libc::__errno_location() };
    // SAFETY: as above.
    let saved = unsafe { *errno };
    // SAFETY: the pages belong to a mapping that the faulting thread is looking at, so that it cannot
    // be given back meanwhile; a fixed mapping replaces exactly these pages.
    let zeros = unsafe {
        libc::mmap(
            from as *mut libc::c_void,
            end - from,
            libc::PROT_READ,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED,
            -1,
            0,
        )
    };
    // SAFETY: as above.
    unsafe { *errno = saved };
    zeros != libc::MAP_FAILED
}
