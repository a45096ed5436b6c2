//! A finished artefact, file by file: nothing else in the folder, digests and counts that hold, and
//! every record once more.

mod against;
mod facts;
mod folder;
mod manifest;
mod records;
mod rows;
mod rules;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use decostop_profile::Profile;
use serde::Serialize;

use crate::compiled::CompiledProfile;
use crate::error::Error;
use crate::leak::Leak;
use crate::verifier::Verifier;

pub use rules::recorded_rules;

/// Findings kept; more are only counted.
const MAX_LEAKS: usize = 1000;

/// What a verification of an artefact found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Records read.
    pub records: u64,
    /// Findings, in the order of files and records; at most 1,000.
    pub leaks: Vec<Leak>,
    /// Findings beyond those.
    pub further_leaks: u64,
    /// Foreign values that were derived from the raw inputs.
    pub derived_values: u64,
    /// Lines of the raw inputs that no reader of this crate understands; nothing was learned from them.
    pub unread_lines: u64,
}

impl Report {
    /// Whether the artefact may be handed out as far as this crate can tell.
    pub fn is_clean(&self) -> bool {
        self.leaks.is_empty() && self.further_leaks == 0
    }

    /// The report as JSON: `clean` and its fields.
    pub fn to_json(&self) -> String {
        let told = Told {
            clean: self.is_clean(),
            records: self.records,
            leaks: &self.leaks,
            further_leaks: self.further_leaks,
            derived_values: self.derived_values,
            unread_lines: self.unread_lines,
        };
        serde_json::to_string_pretty(&told).expect("counts and names can be written")
    }

    fn add(&mut self, leak: Leak) {
        if self.leaks.len() < MAX_LEAKS {
            self.leaks.push(leak);
        } else {
            self.further_leaks += 1;
        }
    }
}

#[derive(Serialize)]
struct Told<'a> {
    clean: bool,
    records: u64,
    leaks: &'a [Leak],
    further_leaks: u64,
    derived_values: u64,
    unread_lines: u64,
}

/// Reads a finished artefact again, by nothing but its files and the profile. Detectors are those that the
/// dive recorded.
///
/// With raw inputs in `against`, the foreign values are derived from them a second time and every
/// record is held against those as well: from JSON lines, documents of records, text lines by their
/// patterns, logfmt, whatever a pipeline put around them, also in archives. That is slow, since each
/// line of each input is parsed in full, and holds at most eight million values in memory.
///
/// # Errors
/// When a file that verification needs is missing, unreadable or not of its form, when the
/// artefact was made with another profile, or when a limit is reached. Everything else that is
/// wrong is a [`Leak`] of the report.
pub fn verify_dir(dir: &Path, profile: Arc<Profile>, against: &[PathBuf]) -> Result<Report, Error> {
    let compiled = CompiledProfile::with_rules(profile, recorded_rules(dir)?)?;
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    verify_dir_with(dir, &compiled, against, threads)
}

/// As [`verify_dir`], with a profile that is compiled already, and its rules. Records are checked by so many
/// threads; their number changes nothing of the report.
///
/// # Errors
/// As [`verify_dir`].
pub fn verify_dir_with(
    dir: &Path,
    compiled: &CompiledProfile,
    against: &[PathBuf],
    threads: NonZeroUsize,
) -> Result<Report, Error> {
    let profile = compiled.profile();
    let mut report = Report::default();
    let facts = facts::read(dir, profile)?;
    folder::internal(dir, &mut report)?;
    let Some(disclosure) = folder::disclosure(dir, &mut report)? else {
        return Ok(report);
    };
    let verifier = Verifier::of(compiled, facts.ground.clone())?;
    let stated = manifest::read(&disclosure, &verifier, &facts, &mut report)?;
    let derived = if against.is_empty() {
        None
    } else {
        let learned = against::learn(against, profile, &verifier)?;
        report.derived_values = learned.values.len() as u64;
        report.unread_lines = learned.unread_lines;
        Some(verifier.foreign_of(learned.values.iter().map(|(class, text)| (*class, text.as_str()))))
    };
    let counts = records::read(&disclosure, &verifier, derived.as_ref(), threads, &mut report)?;
    report.records = counts.total;
    if let Some(stated) = stated {
        manifest::compare(&disclosure, &stated, &counts, &mut report);
    }
    Ok(report)
}
