//! Where panics end and errors are handed out.

use std::io::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

use crate::error::{Failure, dcs_error};
use crate::status::dcs_status;

/// Runs the whole body of a function of the header.
///
/// # Safety
/// `error` is NULL or may be written.
pub(crate) unsafe fn boundary(
    error: *mut *mut dcs_error,
    body: impl FnOnce() -> Result<(), Failure>,
) -> dcs_status {
    quiet_panics();
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return dcs_status::DCS_OK,
        Ok(Err(failure)) => failure,
        Err(_) => Failure::new(
            dcs_status::DCS_INTERNAL,
            "a panic inside decostop; please report it",
        ),
    };
    let status = failure.status();
    if !error.is_null() {
        // SAFETY: not NULL, and writable as promised by the caller.
        unsafe { error.write(Box::into_raw(failure.into_box())) };
    }
    status
}

/// A panic's message could hold what a log says: only its place is told. The hook is that of this
/// library's own copy of Rust's standard library, not the caller's.
fn quiet_panics() {
    static SET: Once = Once::new();
    SET.call_once(|| {
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(std::io::stderr(), "decostop: panic at {place}");
        }));
    });
}
