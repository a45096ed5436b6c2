//! The conditions of a request.

use decostop_core::request::conditions;

use crate::boundary::boundary;
use crate::buffer::dcs_buffer;
use crate::dive::now;
use crate::error::dcs_error;
use crate::pointer::{Slot, handle};
use crate::profile::dcs_profile;
use crate::request::dcs_request;
use crate::status::dcs_status;

/// Checks the conditions of a request, as `decostop check` does. `accepted` becomes whether the
/// request may be looked into at all, `json` the conditions one by one and the route that follows
/// (the shape of `decostop check --json`). A refusal is an answer, no failure.
///
/// # Safety
/// `request` and `profile` were not freed; `accepted` and `json` may be written; `error` is NULL or
/// may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_check(
    request: *const dcs_request,
    profile: *const dcs_profile,
    accepted: *mut bool,
    json: *mut *mut dcs_buffer,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let (request, profile) = (handle(request, "request")?, handle(profile, "profile")?);
            let (accepted, json) = (Slot::new(accepted, "accepted")?, Slot::new(json, "json")?);
            let assessment = conditions::check(&request.0, &profile.0, now());
            json.give(dcs_buffer(assessment.to_json(&request.0).into_bytes()));
            accepted.store(assessment.accepted);
            Ok(())
        })
    }
}
