//! Profiles.

use std::sync::Arc;

use decostop_profile::Profile;

use crate::boundary::boundary;
use crate::error::{Failure, dcs_error};
use crate::pointer::{self, Slot};
use crate::status::dcs_status;
use crate::text::dcs_str;

/// What a platform's logs look like. Read-only: any number of threads may use it.
pub struct dcs_profile(pub(crate) Arc<Profile>);

/// A built-in profile by its name: `gitlab`, `cloudtrail`, `kubernetes-audit`, `nginx`, `haproxy`.
///
/// # Safety
/// `name` is readable; `profile` may be written; `error` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_profile_builtin(
    name: dcs_str,
    profile: *mut *mut dcs_profile,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let (name, slot) = (name.text("name")?, Slot::new(profile, "profile")?);
            let found = Profile::builtin(name).ok_or_else(|| {
                let names: Vec<&str> = Profile::builtin_names().collect();
                let message = format!("no built-in profile of this name; there are {}", names.join(", "));
                Failure::new(dcs_status::DCS_CONFIG, message)
            })?;
            slot.give(dcs_profile(found));
            Ok(())
        })
    }
}

/// A profile from its TOML text.
///
/// # Safety
/// As `dcs_profile_builtin`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_profile_parse(
    text: dcs_str,
    profile: *mut *mut dcs_profile,
    error: *mut *mut dcs_error,
) -> dcs_status {
    // SAFETY: promised by the caller, here and below.
    unsafe {
        boundary(error, || {
            let (text, slot) = (text.text("text")?, Slot::new(profile, "profile")?);
            let parsed = Profile::parse(text)
                .map_err(|cause| Failure::new(dcs_status::DCS_CONFIG, cause.to_string()))?;
            slot.give(dcs_profile(Arc::new(parsed)));
            Ok(())
        })
    }
}

/// Frees a profile; NULL is allowed. What was made with it goes on.
///
/// # Safety
/// `profile` is NULL or a profile of this library that was not freed; it is not used again.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn dcs_profile_free(profile: *mut dcs_profile) {
    // SAFETY: promised by the caller.
    unsafe { pointer::free(profile) }
}
