//! From what Python hands over to what the library takes.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use decostop::request::{AdHoc, Instant, Request};
use decostop_profile::Profile;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};

use crate::errors::{ConfigError, raised};

/// The present, in nanoseconds since 1970.
pub(crate) fn now() -> Instant {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Instant(i64::try_from(since.as_nanos()).unwrap_or(i64::MAX))
}

/// `profile=`: the name of a built-in profile, a file, or nothing for GitLab's.
pub(crate) fn profile(given: Option<PathBuf>) -> PyResult<Arc<Profile>> {
    let Some(given) = given else {
        return Ok(Profile::gitlab());
    };
    if let Some(known) = given.to_str().and_then(Profile::builtin) {
        return Ok(known);
    }
    let text = std::fs::read_to_string(&given).map_err(|cause| {
        ConfigError::new_err(format!("{}: cannot read the profile: {cause}", given.display()))
    })?;
    Profile::parse(&text)
        .map(Arc::new)
        .map_err(|cause| ConfigError::new_err(format!("{}: cannot be used: {cause}", given.display())))
}

/// `request=`: a file, a dict of the same shape, or the text of one in JSON or TOML.
pub(crate) fn request(given: &Bound<'_, PyAny>, profile: &Profile) -> PyResult<Request> {
    let read = if let Ok(dict) = given.cast::<PyDict>() {
        let json = given.py().import("json")?;
        let plain = PyDict::new(given.py());
        // Times as Python has them are written as a request has them.
        plain.set_item(
            "default",
            given.py().import("decostop._shapes")?.getattr("plain")?,
        )?;
        let text: String = json.call_method("dumps", (dict,), Some(&plain))?.extract()?;
        Request::parse_with(&text, Path::new(""), profile)
    } else {
        Request::load(&given.extract::<PathBuf>()?, profile)
    };
    read.map_err(|error| raised(&error))
}

/// The request of an ad-hoc look by keywords.
pub(crate) fn ad_hoc(flags: &AdHoc, profile: &Profile) -> PyResult<Request> {
    let now = now();
    let whole = Instant(now.0 - now.0.rem_euclid(1_000_000_000));
    Request::ad_hoc(flags, profile, whole).map_err(|error| raised(&error))
}

/// `key=`: 32 bytes.
pub(crate) fn key(given: Option<&Bound<'_, PyBytes>>) -> PyResult<Option<[u8; 32]>> {
    given
        .map(|bytes| {
            <[u8; 32]>::try_from(bytes.as_bytes())
                .map_err(|_| ConfigError::new_err("key= is not 32 bytes long"))
        })
        .transpose()
}

/// JSON text as Python objects.
pub(crate) fn loaded<'py>(python: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    python.import("json")?.call_method1("loads", (json,))
}
