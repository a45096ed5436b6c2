//! Ctrl-C: a dive is asked to stop and cleans up; a second one, or one while nothing could clean up,
//! ends the process at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::exit::Exit;

static ASKED: OnceLock<Arc<AtomicBool>> = OnceLock::new();
static HEEDED: AtomicBool = AtomicBool::new(false);
static PAGING: AtomicBool = AtomicBool::new(false);

/// Whether the user asked to stop; shared with whoever should look at it.
pub(crate) fn flag() -> Arc<AtomicBool> {
    Arc::clone(ASKED.get_or_init(Arc::default))
}

/// While this lives, somebody looks at the flag and cleans up.
pub(crate) struct Heeded(());

/// Announces that the flag will be looked at.
pub(crate) fn heed() -> Heeded {
    HEEDED.store(true, Ordering::SeqCst);
    Heeded(())
}

impl Drop for Heeded {
    fn drop(&mut self) {
        HEEDED.store(false, Ordering::SeqCst);
    }
}

/// While this lives, Ctrl-C is the pager's: it stops what the pager does, and ends nothing.
pub(crate) struct LeftToPager(());

/// Leaves Ctrl-C to a pager that shares the terminal.
pub(crate) fn leave_to_pager() -> LeftToPager {
    PAGING.store(true, Ordering::SeqCst);
    LeftToPager(())
}

impl Drop for LeftToPager {
    fn drop(&mut self) {
        PAGING.store(false, Ordering::SeqCst);
    }
}

/// Takes over `SIGINT`.
pub(crate) fn install() -> Result<(), ctrlc::Error> {
    let asked = flag();
    ctrlc::set_handler(move || {
        if PAGING.load(Ordering::SeqCst) {
            return;
        }
        let again = asked.swap(true, Ordering::SeqCst);
        if again || !HEEDED.load(Ordering::SeqCst) {
            #[expect(clippy::exit, reason = "the second Ctrl-C does not wait for anybody")]
            std::process::exit(Exit::Interrupted.code().into());
        }
    })
}
