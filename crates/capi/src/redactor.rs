//! The redaction pipeline alone.

use std::sync::Mutex;

use decostop_core::Limits;
use decostop_core::pipeline::LineRedactor;
use decostop_core::sink::Verified;

use crate::boundary::boundary;
use crate::error::{Failure, dcs_error};
use crate::pointer::{self, Slot, handle};
use crate::profile::dcs_profile;
use crate::request::dcs_request;
use crate::status::dcs_status;
use crate::text::dcs_str;

/// Redacts lines of one source, one at a time. One thread at a time may use it.
pub struct dcs_redactor(Mutex<Working>);

struct Working {
    redactor: LineRedactor,
    line: Vec<u8>,
}

/// A redactor for lines of `source`. Without a request nothing is in scope, so that every identity
/// becomes a pseudonym; `key` is 32 bytes, the same for the same pseudonyms. Names in free text are
/// known from the lines so far.
///
/// # Safety
/// `profile` was not freed, `request` is NULL or was not freed, `source` and `key` are readable;
/// `redactor` may be written; `error` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_redactor_new(
    profile: *const dcs_profile,
    request: *const dcs_request,
    source: dcs_str,
    key: dcs_str,
    redactor: *mut *mut dcs_redactor,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let (profile, source) = (handle(profile, "profile")?, source.text("source")?);
            let request = request.as_ref().map(|request| &request.0);
            let key = <[u8; 32]>::try_from(key.bytes("key")?)
                .map_err(|_| Failure::new(dcs_status::DCS_CONFIG, "`key` is not 32 bytes long"))?;
            let slot = Slot::new(redactor, "redactor")?;
            let redactor = LineRedactor::new(request, &profile.0, source, key, &[], &Limits::default())?;
            slot.give(dcs_redactor(Mutex::new(Working {
                redactor,
                line: Vec::new(),
            })));
            Ok(())
        })
    }
}

/// Redacts and verifies one line, given without its end. `record` becomes the JSON line that may be
/// disclosed; it is valid until the next call with this redactor. `DCS_WITHHELD` if the line cannot be
/// decided.
///
/// # Safety
/// `redactor` was not freed, `line` is readable; `record` may be written; `error` is NULL or may be
/// written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_redactor_line(
    redactor: *mut dcs_redactor,
    line: dcs_str,
    record: *mut dcs_str,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let (redactor, line) = (handle(redactor, "redactor")?, line.bytes("line")?);
            let slot = Slot::new(record, "record")?;
            let mut working = redactor.0.try_lock().map_err(|fault| busy(&fault))?;
            let working = &mut *working;
            let made = working.redactor.line(line)?;
            let made = made.map_err(|reason| {
                Failure::new(dcs_status::DCS_WITHHELD, format!("withheld: {}", reason.as_str()))
            })?;
            working.line.clear();
            working
                .line
                .extend_from_slice(Verified::as_bytes(&made.as_verified()));
            slot.store(dcs_str::of_bytes(&working.line));
            Ok(())
        })
    }
}

/// Why a handle cannot be taken.
pub(crate) fn busy<T>(fault: &std::sync::TryLockError<T>) -> Failure {
    match fault {
        std::sync::TryLockError::Poisoned(_) => Failure::new(
            dcs_status::DCS_POISONED,
            "an earlier call on this handle panicked",
        ),
        std::sync::TryLockError::WouldBlock => {
            Failure::new(dcs_status::DCS_BUSY, "another thread is using this handle")
        }
    }
}

/// Frees a redactor; NULL is allowed.
///
/// # Safety
/// `redactor` is NULL or a redactor of this library that was not freed; it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_redactor_free(redactor: *mut dcs_redactor) {
    // SAFETY: promised by the caller.
    unsafe { pointer::free(redactor) }
}
