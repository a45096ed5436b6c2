//! What lies in the folder: what must, and nothing else.

use std::fs::{self, DirEntry, Metadata};
use std::path::{Path, PathBuf};

use super::Report;
use crate::error::Error;
use crate::leak::{Leak, Place};

/// The folder that may be handed out.
pub(crate) struct Disclosure {
    pub(crate) dir: PathBuf,
    /// Its name: `disclosure`, or `look` for an ad-hoc dive.
    pub(crate) name: &'static str,
    /// Format of the records, as the manifest has to name it.
    pub(crate) format: &'static str,
    /// The file with the records.
    pub(crate) records: &'static str,
}

/// Formats and their files.
const RECORDS: [(&str, &str); 4] = [
    ("ndjson", "records.ndjson.zst"),
    ("parquet", "records.parquet"),
    ("arrow", "records.arrow"),
    ("csv", "records.csv"),
];
pub(crate) const MANIFEST: &str = "manifest.json";

fn entries(dir: &Path) -> Result<Vec<(String, DirEntry, Metadata)>, Error> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(|cause| Error::io(dir, cause))? {
        let entry = entry.map_err(|cause| Error::io(dir, cause))?;
        let metadata = fs::symlink_metadata(entry.path()).map_err(|cause| Error::io(&entry.path(), cause))?;
        found.push((entry.file_name().to_string_lossy().into_owned(), entry, metadata));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// The one folder for the customer; nothing if it cannot be told, which is then a finding.
pub(crate) fn disclosure(dir: &Path, report: &mut Report) -> Result<Option<Disclosure>, Error> {
    let present = |name: &str| fs::symlink_metadata(dir.join(name)).ok();
    let (name, metadata) = match (present("disclosure"), present("look")) {
        (Some(_), Some(_)) => {
            report.add(Leak::new("artefact.two_disclosures", Place::Whole));
            return Ok(None);
        }
        (Some(metadata), None) => ("disclosure", metadata),
        (None, Some(metadata)) => ("look", metadata),
        (None, None) => return Err(Error::file(dir, "holds neither disclosure nor look")),
    };
    for (entry, _, _) in entries(dir)? {
        if entry != name && entry != "internal" {
            report.add(Leak::new("artefact.stray_file", Place::Whole));
        }
    }
    if !metadata.is_dir() {
        report.add(Leak::new("artefact.no_folder", Place::Whole).in_file(name));
        return Ok(None);
    }
    let dir = dir.join(name);
    let mut records = None;
    for (file, _, metadata) in entries(&dir)? {
        let known = RECORDS.into_iter().find(|(_, name)| *name == file);
        // A second file of records is one too many, whatever its format.
        let expected = file == MANIFEST || (known.is_some() && records.is_none());
        if !metadata.is_file() {
            report.add(Leak::new("artefact.not_a_file", Place::Whole).in_file(name));
        } else if !expected {
            let rule = if file.starts_with("records.") {
                "artefact.format"
            } else {
                "artefact.stray_file"
            };
            report.add(Leak::new(rule, Place::Whole).in_file(name));
        }
        records = records.or(known.filter(|_| metadata.is_file()));
    }
    let Some((format, records)) = records else {
        return Err(Error::file(&dir, "holds no records"));
    };
    Ok(Some(Disclosure {
        dir,
        name,
        format,
        records,
    }))
}

/// The house's own folder is the house's alone.
pub(crate) fn internal(dir: &Path, report: &mut Report) -> Result<(), Error> {
    let internal = dir.join("internal");
    let metadata = fs::symlink_metadata(&internal).map_err(|cause| Error::io(&internal, cause))?;
    if !metadata.is_dir() || !is_private(&metadata, 0o700) {
        report.add(Leak::new("artefact.internal_open", Place::Whole).in_file("internal"));
    }
    for (_, _, metadata) in entries(&internal)? {
        if !metadata.is_file() {
            report.add(Leak::new("artefact.not_a_file", Place::Whole).in_file("internal"));
        } else if !is_private(&metadata, 0o600) {
            report.add(Leak::new("artefact.internal_open", Place::Whole).in_file("internal"));
        }
    }
    Ok(())
}

#[cfg(unix)]
fn is_private(metadata: &Metadata, mode: u32) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o777 == mode
}

/// Other systems have other means; nothing is claimed about them.
#[cfg(not(unix))]
fn is_private(_: &Metadata, _: u32) -> bool {
    true
}
