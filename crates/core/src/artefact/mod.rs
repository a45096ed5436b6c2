//! What a dive leaves behind: the directory that may be handed out, and the evidence that may not.
//!
//! ```text
//! OUT/
//!   disclosure/   records.ndjson.zst, manifest.json      (an ad-hoc dive writes look/ instead;
//!                                                         other formats: records.parquet, .arrow, .csv)
//!   internal/     run.json, provenance.*, withheld.ndjson, residual.json, pseudonyms.csv, dictionary.csv, key,
//!                 request.toml, rules.json
//! ```
//!
//! A [`Writer`] is a [`Sink`](crate::sink::Sink) that builds this in a private sibling of OUT.
//! [`Writer::commit`] lets the caller verify the finished directory and renames it only then: a
//! directory that exists is complete and verified. Whatever else happens (an error, an interrupt, a
//! writer that is dropped) removes it; after a leak only `OUT.rejected/internal/verify.ndjson`
//! remains. [`StreamWriter`] gives the records to a pipe. [`open`], [`lookup()`] and [`Explainer`]
//! read an artefact.
//!
//! ```
//! use decostop::artefact::{NdjsonProvenance, Options, Writer, open};
//! use decostop::sink::Sink;
//! use decostop::stats::{Evidence, Report};
//!
//! # let dir = tempfile::tempdir()?;
//! let out = dir.path().join("SIRT-2041");
//! let mut writer = Writer::create(&out, Options::default(), NdjsonProvenance::create_in)?;
//! writer.finish(&Report::default(), &Evidence::default())?; // a dive gives it records before
//! writer.commit(|_directory| Ok(Vec::new()))?;
//! assert_eq!(open(&out)?.manifest().records.total, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! All of OUT is created readable by its owner alone (directories 0700, files 0600), the disclosure
//! as well: opening it up is the act of whoever approves it.
//!
//! Not for: deciding what may be disclosed. Only verified records come in.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind as IoKind, Write as _};
use std::path::Path;

use crate::{Error, ErrorKind};

mod explain;
mod format;
mod internal;
mod lookup;
mod manifest;
mod place;
mod private;
mod provenance;
mod read;
mod records;
mod stream;
mod summary;
mod writer;

#[cfg(all(test, unix))]
mod tests;

pub use explain::{Explainer, Explanation, Kept, Removed, residual};
pub use format::{RecordsFormat, RecordsOut, RecordsWriter};
pub(crate) use internal::request_key;
pub use lookup::{Asker, dictionary, lookup};
pub use manifest::{FileEntry, Manifest, RecordCounts, Tool, Window};
pub(crate) use place::{StagedFile, Staging};
pub use private::private_file;
pub use provenance::{NdjsonProvenance, NdjsonRow, ProvenanceWriter, RemovalsJson, path_text, read_ndjson};
pub use read::{Artefact, COLUMNS, Filter, Record, Records, open, printable};
pub use stream::StreamWriter;
pub use summary::Summary;
pub use writer::{Committed, Finding, Options, Writer};

/// What may go to the customer.
pub(crate) const DISCLOSURE: &str = "disclosure";
/// What an ad-hoc dive shows to the diver.
pub(crate) const LOOK: &str = "look";
/// What never leaves the house.
pub(crate) const INTERNAL: &str = "internal";
/// The manifest's name.
const MANIFEST: &str = "manifest.json";

pub(crate) use summary::looks_like_pseudonym;

/// Whether a name is that of a common column.
pub(crate) fn is_column(name: &str) -> bool {
    const COMMON: [&str; 9] = [
        "time",
        "source",
        "event",
        "actor",
        "namespace",
        "project",
        "ip",
        "status",
        "correlation_id",
    ];
    COMMON.contains(&name)
}

/// An output that the system refused, with what can be done about it.
fn failed(path: &Path, doing: &str, cause: io::Error) -> Error {
    let advice = match cause.kind() {
        IoKind::StorageFull | IoKind::QuotaExceeded => {
            "make room there or choose another place; nothing of this run was kept"
        }
        IoKind::PermissionDenied | IoKind::ReadOnlyFilesystem => "choose a place that you may write to",
        IoKind::NotFound => "something removed it while the dive ran; run it again",
        _ => "nothing of this run was kept",
    };
    Error::io(ErrorKind::Sink, path, doing, cause).hint(advice)
}

/// Makes a buffered file durable.
fn close(file: BufWriter<File>) -> io::Result<()> {
    let mut file = file;
    file.flush()?;
    file.get_ref().sync_all()
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
}
