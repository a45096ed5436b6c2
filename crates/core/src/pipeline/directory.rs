//! A dive into a directory: run, verify what was written, and only then give it its name.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::time::Instant as Clock;

use decostop_verify::verify_dir_with;

use super::{Dive, Phase};
use crate::artefact::{Finding, Options, ProvenanceWriter, Writer};
use crate::sink::Sink;
use crate::stats::Report;
use crate::{Error, ErrorKind};

/// A finished artefact.
#[derive(Debug)]
#[non_exhaustive]
pub struct Finished {
    /// What the dive counted.
    pub report: Report,
    /// The artefact.
    pub path: PathBuf,
    /// What is left of an artefact that this one replaced, if it could not be removed.
    pub leftover: Option<PathBuf>,
}

/// Runs a dive and leaves its artefact at `out`, verified. `provenance` makes the provenance file.
///
/// # Errors
/// As [`Dive::run`] and [`Writer::commit`]. On [`ErrorKind::Leak`] only `OUT.rejected` is left, on any
/// other error nothing.
pub fn dive_into(
    dive: &Dive,
    out: &Path,
    options: Options,
    provenance: impl FnOnce(&Path) -> Result<Box<dyn ProvenanceWriter>, Error>,
) -> Result<Finished, Error> {
    into_directory(dive, out, options, provenance, |sink| dive.run(sink))
}

/// As [`dive_into`], by a run of any kind.
pub(crate) fn into_directory(
    dive: &Dive,
    out: &Path,
    options: Options,
    provenance: impl FnOnce(&Path) -> Result<Box<dyn ProvenanceWriter>, Error>,
    run: impl FnOnce(&mut dyn Sink) -> Result<Report, Error>,
) -> Result<Finished, Error> {
    let mut writer = Writer::create(out, options.ad_hoc(dive.request().ad_hoc), provenance)?;
    let mut report = match run(&mut writer) {
        Ok(report) => report,
        Err(error) if error.kind() == ErrorKind::Leak => {
            let findings = writer.reject(&dive.leaks())?.join("internal/verify.ndjson");
            return Err(error.hint(format!("{} says which rule and where", findings.display())));
        }
        Err(error) => return Err(error),
    };
    dive.progress.enter(Phase::Verifying);
    dive.check_cancelled()?;
    let begun = Clock::now();
    let threads = NonZeroUsize::new(dive.threads).unwrap_or(NonZeroUsize::MIN);
    let committed = writer.commit(|dir| {
        let found = verify_dir_with(dir, &dive.compiled, &[], threads).map_err(|cause| {
            Error::new(
                ErrorKind::Internal,
                format!("the result could not be verified: {cause}"),
            )
        })?;
        dive.check_cancelled()?;
        Ok(found.leaks.iter().map(Finding::from).collect())
    })?;
    report.timings.insert("verify", begun.elapsed());
    report.work.verify += begun.elapsed() * u32::try_from(threads.get()).unwrap_or(1);
    Ok(Finished {
        report,
        path: committed.path,
        leftover: committed.leftover,
    })
}
