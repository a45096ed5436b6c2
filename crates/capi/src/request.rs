//! Requests.

use std::path::Path;

use decostop_core::request::Request;

use crate::boundary::boundary;
use crate::error::dcs_error;
use crate::pointer::{self, Slot, handle};
use crate::profile::dcs_profile;
use crate::status::dcs_status;
use crate::text::dcs_str;

/// Who asks, what they own, what to look for. Read-only: any number of threads may use it.
pub struct dcs_request(pub(crate) Request);

/// Reads a request file, TOML or JSON, and the files that it names.
///
/// # Safety
/// `path` is readable, `profile` a profile that was not freed; `request` may be written; `error` is
/// NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_request_load(
    path: dcs_str,
    profile: *const dcs_profile,
    request: *mut *mut dcs_request,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let (path, profile) = (path.path("path")?, handle(profile, "profile")?);
            let slot = Slot::new(request, "request")?;
            slot.give(dcs_request(Request::load(&path, &profile.0)?));
            Ok(())
        })
    }
}

/// Reads a request from text, TOML or JSON; files that it names are relative to the working directory.
///
/// # Safety
/// As `dcs_request_load`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_request_parse(
    text: dcs_str,
    profile: *const dcs_profile,
    request: *mut *mut dcs_request,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let (text, profile) = (text.text("text")?, handle(profile, "profile")?);
            let slot = Slot::new(request, "request")?;
            slot.give(dcs_request(Request::parse_with(text, Path::new(""), &profile.0)?));
            Ok(())
        })
    }
}

/// Frees a request; NULL is allowed. What was made with it goes on.
///
/// # Safety
/// `request` is NULL or a request of this library that was not freed; it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_request_free(request: *mut dcs_request) {
    // SAFETY: promised by the caller.
    unsafe { pointer::free(request) }
}
