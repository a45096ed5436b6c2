//! `check`, `verify` and `synth`.

use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

use decostop::request::conditions;
use decostop_testkit::synth::{self as corpora, CodecMix, Options};
use decostop_verify::verify_dir;
use pyo3::prelude::*;

use crate::detached;
use crate::errors::{ConfigError, SinkError};
use crate::settings;

/// The conditions of a request, one by one, and the route that follows, as `decostop check --json`.
#[pyfunction]
#[pyo3(signature = (request, *, profile = None))]
pub(crate) fn check<'py>(
    request: &Bound<'py, PyAny>,
    profile: Option<PathBuf>,
) -> PyResult<Bound<'py, PyAny>> {
    let profile = settings::profile(profile)?;
    let request_read = settings::request(request, &profile)?;
    let assessment = conditions::check(&request_read, &profile, settings::now());
    settings::loaded(request.py(), &assessment.to_json(&request_read))
}

/// Reads a finished directory again by an independent path, as `decostop verify --json`.
#[pyfunction]
#[pyo3(signature = (directory, *, against = None, profile = None))]
pub(crate) fn verify(
    python: Python<'_>,
    directory: PathBuf,
    against: Option<Vec<PathBuf>>,
    profile: Option<PathBuf>,
) -> PyResult<Bound<'_, PyAny>> {
    let profile = settings::profile(profile)?;
    let report = detached::run(python, &AtomicBool::new(false), &mut |_| Ok(()), || {
        verify_dir(&directory, profile, &against.unwrap_or_default())
    })?
    .map_err(|cause| ConfigError::new_err(format!("{}: cannot be verified: {cause}", directory.display())))?;
    settings::loaded(python, &report.to_json())
}

/// Makes a corpus of logs with ground truth below `directory`.
#[pyfunction]
#[pyo3(signature = (directory, *, megabytes = 20, seed = 1, days = 5, codec = "mixed"))]
pub(crate) fn synth(
    python: Python<'_>,
    directory: PathBuf,
    megabytes: u64,
    seed: u64,
    days: u32,
    codec: &str,
) -> PyResult<()> {
    let codec = match codec {
        "mixed" => CodecMix::Mixed,
        "plain" => CodecMix::Plain,
        "gzip" => CodecMix::Gzip,
        "zstd" => CodecMix::Zstd,
        "zstd-frames" => CodecMix::ZstdFrames,
        "bzip2" => CodecMix::Bzip2,
        "lz4" => CodecMix::Lz4,
        "xz" => CodecMix::Xz,
        _ => {
            let known = "mixed, plain, gzip, zstd, zstd-frames, bzip2, lz4, xz";
            return Err(ConfigError::new_err(format!("codec= is one of {known}")));
        }
    };
    let options = Options::default()
        .megabytes(megabytes)
        .seed(seed)
        .days(days)
        .codec(codec);
    detached::run(python, &AtomicBool::new(false), &mut |_| Ok(()), || {
        corpora::write(&directory, &options, &mut |_| ()).map(drop)
    })?
    .map_err(|cause| {
        SinkError::new_err(format!(
            "{}: cannot write the corpus: {cause}",
            directory.display()
        ))
    })
}
