//! Why a call failed.

use crate::pointer;
use crate::status::dcs_status;
use crate::text::dcs_str;

/// Why a call failed, in words that never hold bytes of a log.
pub struct dcs_error {
    status: dcs_status,
    message: String,
    hint: String,
}

/// A call that failed, before it is handed out.
pub(crate) struct Failure(Box<dcs_error>);

impl Failure {
    pub(crate) fn new(status: dcs_status, message: impl Into<String>) -> Self {
        Self(Box::new(dcs_error {
            status,
            message: message.into(),
            hint: String::new(),
        }))
    }

    pub(crate) fn null(what: &str) -> Self {
        Self::new(dcs_status::DCS_NULL_POINTER, format!("`{what}` is NULL"))
    }

    pub(crate) fn status(&self) -> dcs_status {
        self.0.status
    }

    pub(crate) fn into_box(self) -> Box<dcs_error> {
        self.0
    }
}

impl From<decostop_core::Error> for Failure {
    fn from(error: decostop_core::Error) -> Self {
        Self(Box::new(dcs_error {
            status: error.kind().into(),
            message: error.to_string(),
            hint: error.advice().unwrap_or_default().to_owned(),
        }))
    }
}

/// The status that the failed call returned; `DCS_NULL_POINTER` for NULL.
///
/// # Safety
/// `error` is NULL or an error of this library that was not freed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_error_status(error: *const dcs_error) -> dcs_status {
    // SAFETY: promised by the caller.
    unsafe { error.as_ref() }.map_or(dcs_status::DCS_NULL_POINTER, |error| error.status)
}

/// What went wrong, in UTF-8; valid until the error is freed. Empty for NULL.
///
/// # Safety
/// As `dcs_error_status`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_error_message(error: *const dcs_error) -> dcs_str {
    // SAFETY: promised by the caller.
    unsafe { error.as_ref() }.map_or(dcs_str::EMPTY, |error| dcs_str::of(&error.message))
}

/// What can be done about it, in UTF-8, or nothing; valid until the error is freed. Empty for NULL.
///
/// # Safety
/// As `dcs_error_status`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_error_hint(error: *const dcs_error) -> dcs_str {
    // SAFETY: promised by the caller.
    unsafe { error.as_ref() }.map_or(dcs_str::EMPTY, |error| dcs_str::of(&error.hint))
}

/// Frees an error; NULL is allowed.
///
/// # Safety
/// `error` is NULL or an error of this library that was not freed; it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_error_free(error: *mut dcs_error) {
    // SAFETY: promised by the caller.
    unsafe { pointer::free(error) }
}
