//! The sink that writes an artefact directory.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use decostop_verify::Leak;
use serde::Serialize;

use super::format::RecordsFormat;
use super::internal::{FINDINGS, Internal, Output, RUN, write, write_json};
use super::manifest::{Manifest, Tool, Window};
use super::place::{Staging, names};
use super::private::{make_dir, sync_dir};
use super::provenance::{ProvenanceWriter, write_json_line};
use super::records::{RecordsFile, Tally};
use super::{DISCLOSURE, INTERNAL, LOOK, MANIFEST, failed};
use crate::sink::{Flow, Provenance, Sink, Verified, Withheld};
use crate::stats::{Evidence, Report};
use crate::{Error, ErrorKind, Origin};

/// How an artefact is written. By default, nothing is replaced, it is for a request, its records are
/// JSON lines, and `run.json` does not say when the dive began.
#[derive(Clone, Debug, Default)]
pub struct Options {
    pub(super) force: bool,
    pub(super) ad_hoc: bool,
    pub(super) started: Option<String>,
    pub(super) format: Option<Arc<dyn RecordsFormat>>,
}

impl Options {
    /// Whether an earlier artefact of the same name is replaced, once the new one is complete and
    /// verified. Anything that is not an artefact is never replaced. By default, no.
    #[must_use]
    pub fn force(mut self, yes: bool) -> Self {
        self.force = yes;
        self
    }

    /// Whether this is a diver's own look round: `look/` instead of `disclosure/`. By default, no.
    #[must_use]
    pub fn ad_hoc(mut self, yes: bool) -> Self {
        self.ad_hoc = yes;
        self
    }

    /// The format of the records, `None` for JSON lines. A stream takes JSON lines only. By default,
    /// JSON lines.
    #[must_use]
    pub fn format(mut self, format: Option<Arc<dyn RecordsFormat>>) -> Self {
        self.format = format;
        self
    }

    /// When the dive began, RFC 3339, for `run.json`. The library has no clock of its own.
    #[must_use]
    pub fn started(mut self, at: impl Into<String>) -> Self {
        self.started = Some(at.into());
        self
    }
}

/// Something that the verifier objects to: which rule and where, never the value.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The rule's id.
    pub rule: String,
    /// The file, record and field.
    pub place: String,
}

impl Finding {
    /// A finding of `rule` at `place`; neither may hold the value.
    pub fn new(rule: impl Into<String>, place: impl Into<String>) -> Self {
        Self {
            rule: rule.into(),
            place: place.into(),
        }
    }

    /// Adds the raw line that it comes from.
    #[must_use]
    pub fn from_line(mut self, origin: &Origin) -> Self {
        self.place = format!("{}: {origin}", self.place);
        self
    }
}

impl From<&Leak> for Finding {
    fn from(leak: &Leak) -> Self {
        let file = leak.file().map(|file| format!("{file}: ")).unwrap_or_default();
        let record = leak
            .record()
            .map(|number| format!("record {number}: "))
            .unwrap_or_default();
        Self {
            rule: leak.rule().to_owned(),
            place: format!("{file}{record}{}", leak.place()),
        }
    }
}

/// A finished artefact.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Committed {
    /// Where it is.
    pub path: PathBuf,
    /// The replaced artefact, if it could not be removed and still lies here.
    pub leftover: Option<PathBuf>,
}

/// Writes an artefact; see the [module](super) for its life.
///
/// After an error it is poisoned: what was written is removed, and every further call fails.
pub struct Writer {
    staging: Staging,
    options: Options,
    state: State,
}

enum State {
    Open(Box<Parts>),
    Finished,
    Failed,
}

struct Parts {
    records: RecordsFile,
    internal: Internal,
    tally: Tally,
}

impl Writer {
    /// Starts an artefact that will be called `out`. `provenance` makes its file in the directory it
    /// is given (`NdjsonProvenance::create_in`, or `ParquetProvenance::create_in` of
    /// `decostop-columnar`).
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if `out` exists and may not be replaced, or its parent does not exist:
    /// nothing was touched. [`ErrorKind::Sink`] if the system refuses.
    pub fn create(
        out: &Path,
        options: Options,
        provenance: impl FnOnce(&Path) -> Result<Box<dyn ProvenanceWriter>, Error>,
    ) -> Result<Self, Error> {
        let staging = Staging::create(out, options.force.then_some(is_artefact))?;
        let dir = staging.path();
        let shown = dir.join(shown_name(options.ad_hoc));
        let internal = dir.join(INTERNAL);
        let records = make_dir(&shown)
            .and_then(|()| make_dir(&internal))
            .and_then(|()| RecordsFile::create(&shown, options.format.as_deref()))
            .map_err(|cause| failed(staging.out(), "create the result", cause))?;
        let internal = Internal::create(internal, provenance)?;
        let parts = Parts {
            records,
            internal,
            tally: Tally::default(),
        };
        Ok(Self {
            staging,
            options,
            state: State::Open(Box::new(parts)),
        })
    }

    /// The directory while it is under construction.
    pub fn path(&self) -> &Path {
        self.staging.path()
    }

    /// What the artefact will be called.
    pub fn out(&self) -> &Path {
        self.staging.out()
    }

    /// Has `verify` look at the finished directory and gives it its name if there is no finding.
    ///
    /// # Errors
    /// [`ErrorKind::Leak`] if there are findings: the records are gone and `OUT.rejected` holds
    /// them. Any other error, `verify`'s own included: nothing is left.
    pub fn commit(
        self,
        verify: impl FnOnce(&Path) -> Result<Vec<Finding>, Error>,
    ) -> Result<Committed, Error> {
        if !matches!(self.state, State::Finished) {
            return Err(unusable());
        }
        let findings = verify(self.staging.path())?;
        if findings.is_empty() {
            let path = self.staging.out().to_owned();
            return self
                .staging
                .publish()
                .map(|leftover| Committed { path, leftover });
        }
        let count = findings.len();
        let rejected = self.reject(&findings)?;
        Err(Error::new(
            ErrorKind::Leak,
            format!("the verifier has {count} findings; no result was made"),
        )
        .at(Origin {
            path: rejected,
            offset: None,
        })
        .hint("internal/verify.ndjson says which rule and where"))
    }

    /// Gives the artefact up because of a leak: removes the records, then everything else, and
    /// leaves `OUT.rejected/internal/verify.ndjson`. Returns `OUT.rejected`.
    ///
    /// # Errors
    /// If something could not be removed, or the findings not written. Nothing is ever left under
    /// the name of the result.
    pub fn reject(mut self, findings: &[Finding]) -> Result<PathBuf, Error> {
        self.state = State::Failed;
        let dir = self.staging.path();
        let internal = dir.join(INTERNAL);
        for part in [dir.join(shown_name(self.options.ad_hoc)), internal.clone()] {
            std::fs::remove_dir_all(&part).map_err(|cause| failed(&part, "remove it", cause))?;
        }
        make_dir(&internal).map_err(|cause| failed(&internal, "create it", cause))?;
        write(&internal, FINDINGS, |file| {
            findings
                .iter()
                .try_for_each(|finding| write_json_line(file, finding))
        })?;
        sync_dir(&internal).map_err(|cause| failed(&internal, "complete it", cause))?;
        self.staging.publish_rejected(is_rejection)
    }

    /// Takes the bytes of one verified record. Seen by this module and its tests only: everybody else
    /// comes through [`Sink::record`], whose type is the proof.
    #[cfg(all(test, unix))]
    pub(super) fn write_record(&mut self, record: &[u8], provenance: &Provenance) -> Result<(), Error> {
        self.write(record, provenance, |records| records.line(record))
    }

    fn write(
        &mut self,
        record: &[u8],
        provenance: &Provenance,
        give: impl FnOnce(&mut RecordsFile) -> io::Result<()>,
    ) -> Result<(), Error> {
        let State::Open(parts) = &mut self.state else {
            return Err(unusable());
        };
        let written = one_line(record).and_then(|()| {
            give(&mut parts.records)
                .map_err(|cause| failed(self.staging.out(), "write the records", cause))?;
            parts.tally.add(provenance);
            parts.internal.record(provenance)
        });
        self.poison_on_error(written)
    }

    fn complete(&mut self, parts: Parts, report: &Report, evidence: &Evidence) -> Result<(), Error> {
        let records = parts.tally.total();
        if report.counts.disclosed != records {
            return Err(Error::new(
                ErrorKind::Internal,
                format!(
                    "{records} records were written, the report counts {}",
                    report.counts.disclosed
                ),
            ));
        }
        let out = self.staging.out();
        let format = parts.records.format();
        let file = parts
            .records
            .finish()
            .map_err(|cause| failed(out, "write the records", cause))?;
        let output = Output {
            format,
            records,
            bytes: file.bytes,
            sha256: file.sha256.clone(),
            reader_left: false,
        };
        parts
            .internal
            .finish(report, evidence, &output, self.options.started.as_deref())?;
        let manifest = Manifest {
            version: 1,
            tool: Tool::this(),
            reference: evidence.reference.clone(),
            ad_hoc: self.options.ad_hoc,
            window: Window {
                from: evidence.window.0.clone(),
                to: evidence.window.1.clone(),
            },
            asked: evidence.asked.clone(),
            records: parts.tally.into_counts(),
            withheld_with_nexus: report.counts.withheld_with_nexus,
            format: format.to_owned(),
            files: vec![file],
        };
        let shown = self.staging.path().join(shown_name(self.options.ad_hoc));
        write(&shown, MANIFEST, |file| write_json(file, &manifest))?;
        sync_dir(&shown).map_err(|cause| failed(out, "complete the result", cause))
    }

    /// A failed writer frees its space at once rather than when it is dropped.
    fn poison_on_error<T>(&mut self, done: Result<T, Error>) -> Result<T, Error> {
        if done.is_err() {
            self.state = State::Failed;
            self.staging.discard();
        }
        done
    }
}

impl Sink for Writer {
    fn record(&mut self, record: Verified<'_>, provenance: &Provenance) -> Result<Flow, Error> {
        let agreed = agree(record, provenance);
        self.poison_on_error(agreed)?;
        self.write(record.as_bytes(), provenance, |records| records.record(record))
            .map(|()| Flow::Continue)
    }

    fn withheld(&mut self, item: &Withheld) -> Result<Flow, Error> {
        let State::Open(parts) = &mut self.state else {
            return Err(unusable());
        };
        let written = parts.internal.withheld(item);
        self.poison_on_error(written).map(|()| Flow::Continue)
    }

    fn finish(&mut self, report: &Report, evidence: &Evidence) -> Result<(), Error> {
        let State::Open(parts) = std::mem::replace(&mut self.state, State::Failed) else {
            return Err(unusable());
        };
        let done = self.complete(*parts, report, evidence);
        self.poison_on_error(done)?;
        self.state = State::Finished;
        Ok(())
    }
}

pub(super) fn unusable() -> Error {
    Error::new(
        ErrorKind::Internal,
        "the artefact is not in a state for this: it failed or is finished",
    )
}

/// The manifest counts by what provenance says; only what the verifier saw may get there.
pub(super) fn agree(record: Verified<'_>, provenance: &Provenance) -> Result<(), Error> {
    if record.source().is_none_or(|source| source == provenance.source)
        && record.event().is_none_or(|event| event == provenance.event)
    {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Internal,
        "a record and its provenance name different sources or events",
    ))
}

/// A record with a line end inside would be two records.
pub(super) fn one_line(record: &[u8]) -> Result<(), Error> {
    if memchr::memchr2(b'\n', b'\r', record).is_some() {
        return Err(Error::new(ErrorKind::Internal, "a record holds a line end"));
    }
    Ok(())
}

fn shown_name(ad_hoc: bool) -> &'static str {
    if ad_hoc { LOOK } else { DISCLOSURE }
}

/// Whether a directory is an artefact and holds nothing else, or is empty.
fn is_artefact(dir: &Path) -> bool {
    names(dir).is_ok_and(|names| {
        names.is_empty()
            || names
                .iter()
                .all(|name| name == DISCLOSURE || name == LOOK || name == INTERNAL)
                && dir.join(INTERNAL).join(RUN).is_file()
    })
}

/// Whether a directory is what [`Writer::reject`] leaves.
fn is_rejection(dir: &Path) -> bool {
    names(dir).is_ok_and(|found| found == [INTERNAL])
        && names(&dir.join(INTERNAL)).is_ok_and(|found| found == [FINDINGS])
}
