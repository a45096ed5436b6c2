//! Another pair of eyes on a finished artefact.

use std::sync::Arc;

use decostop_verify::verify_dir;

use crate::boundary::boundary;
use crate::buffer::dcs_buffer;
use crate::error::{Failure, dcs_error};
use crate::pointer::{Slot, handle};
use crate::profile::dcs_profile;
use crate::status::dcs_status;
use crate::text::dcs_str;

/// Reads a finished directory again by an independent path, as `decostop verify` does. `clean` becomes
/// whether it may be handed out, `json` what was found (the shape of `decostop verify --json`). A leak
/// is an answer, no failure.
///
/// # Safety
/// `directory` is readable, `profile` was not freed; `clean` and `json` may be written; `error` is
/// NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_verify(
    directory: dcs_str,
    profile: *const dcs_profile,
    clean: *mut bool,
    json: *mut *mut dcs_buffer,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let (directory, profile) = (directory.path("directory")?, handle(profile, "profile")?);
            let (clean, json) = (Slot::new(clean, "clean")?, Slot::new(json, "json")?);
            let report = verify_dir(&directory, Arc::clone(&profile.0), &[])
                .map_err(|cause| Failure::new(dcs_status::DCS_CONFIG, cause.to_string()))?;
            json.give(dcs_buffer(report.to_json().into_bytes()));
            clean.store(report.is_clean());
            Ok(())
        })
    }
}
