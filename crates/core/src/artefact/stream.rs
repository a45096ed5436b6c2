//! The sink that gives records to a pipe, with the evidence in a directory of its own.

use std::io::{self, BufWriter, ErrorKind as IoKind, Write};
use std::path::{Path, PathBuf};

use super::failed;
use super::internal::{
    DICTIONARY, Internal, KEY, LOOKUPS, Output, PSEUDONYMS, REQUEST, RESIDUAL, RULES, RUN, WITHHELD,
};
use super::place::{Staging, names};
use super::provenance::ProvenanceWriter;
use super::records::Digesting;
use super::writer::{Options, agree, one_line, unusable};
use crate::sink::{Flow, Provenance, Sink, Verified, Withheld};
use crate::stats::{Evidence, Report};
use crate::{Error, ErrorKind};

const STREAM: &str = "standard output";

/// Gives records as plain JSON lines to a stream as they come.
///
/// A reader that leaves early (`| head`) ends the dive without an error: the sink answers
/// [`Flow::Stop`], the evidence of what it was given until then is kept, and
/// [`StreamWriter::reader_left`] says so. What was streamed cannot be called back; each record was
/// verified before.
pub struct StreamWriter {
    to: Option<Digesting<BufWriter<Box<dyn Write + Send>>>>,
    evidence: Option<(Staging, Option<Internal>)>,
    options: Options,
    records: u64,
    reader_left: bool,
    finished: bool,
}

impl StreamWriter {
    /// Starts a stream to `to`. With `internal`, the evidence is built beside that name and appears
    /// there on [`StreamWriter::commit`]; without, no evidence is kept and `provenance` not called.
    ///
    /// # Errors
    /// As [`Writer::create`](super::Writer::create), for `internal`.
    pub fn create(
        to: Box<dyn Write + Send>,
        internal: Option<&Path>,
        options: Options,
        provenance: impl FnOnce(&Path) -> Result<Box<dyn ProvenanceWriter>, Error>,
    ) -> Result<Self, Error> {
        let evidence = match internal {
            None => None,
            Some(out) => {
                let staging = Staging::create(out, options.force.then_some(is_evidence))?;
                let internal = Internal::create(staging.path().to_owned(), provenance)?;
                Some((staging, Some(internal)))
            }
        };
        let to = Some(Digesting::new(BufWriter::with_capacity(1 << 16, to)));
        Ok(Self {
            to,
            evidence,
            options,
            records: 0,
            reader_left: false,
            finished: false,
        })
    }

    /// Whether the reader of the stream left before the end.
    pub fn reader_left(&self) -> bool {
        self.reader_left
    }

    /// Gives the evidence its name. Returns it, if evidence was asked for.
    ///
    /// # Errors
    /// If [`Sink::finish`] did not succeed, or the system refuses: no evidence is left.
    pub fn commit(self) -> Result<Option<PathBuf>, Error> {
        if !self.finished {
            return Err(unusable());
        }
        let Some((staging, _)) = self.evidence else {
            return Ok(None);
        };
        let out = staging.out().to_owned();
        staging.publish()?;
        Ok(Some(out))
    }

    /// As the directory writer's: for [`Sink::record`] and the tests.
    pub(super) fn write_record(&mut self, record: &[u8], provenance: &Provenance) -> Result<Flow, Error> {
        let given = one_line(record).and_then(|()| self.give(record, provenance));
        self.poison_on_error(given)
    }

    fn give(&mut self, record: &[u8], provenance: &Provenance) -> Result<Flow, Error> {
        let Some(to) = &mut self.to else {
            return Err(unusable());
        };
        // Evidence first: nothing may go out that it does not know.
        if let Some((_, Some(internal))) = &mut self.evidence {
            internal.record(provenance)?;
        }
        self.records += 1;
        let written = to.write_all(record).and_then(|()| to.write_all(b"\n"));
        self.settle(written)
    }

    fn complete(&mut self, report: &Report, evidence: &Evidence) -> Result<(), Error> {
        let Some(mut to) = self.to.take() else {
            return Err(unusable());
        };
        if !self.reader_left {
            let flushed = to.flush();
            self.settle(flushed)?;
        }
        if !self.reader_left && report.counts.disclosed != self.records {
            return Err(Error::new(
                ErrorKind::Internal,
                format!(
                    "{} records were given, the report counts {}",
                    self.records, report.counts.disclosed
                ),
            ));
        }
        let (_, bytes, sha256) = to.into_parts();
        if let Some((_, internal)) = &mut self.evidence {
            let internal = internal.take().ok_or_else(unusable)?;
            let output = Output {
                format: "ndjson",
                records: self.records,
                bytes,
                sha256,
                reader_left: self.reader_left,
            };
            internal.finish(report, evidence, &output, self.options.started.as_deref())?;
        }
        Ok(())
    }

    /// After an error nothing more goes out, and the evidence is removed at once.
    fn poison_on_error<T>(&mut self, done: Result<T, Error>) -> Result<T, Error> {
        if done.is_err() {
            self.to = None;
            self.evidence = None;
        }
        done
    }

    /// Tells a reader that left from an output that failed.
    fn settle(&mut self, written: io::Result<()>) -> Result<Flow, Error> {
        match written {
            Ok(()) => Ok(Flow::Continue),
            Err(cause) if cause.kind() == IoKind::BrokenPipe => {
                self.reader_left = true;
                Ok(Flow::Stop)
            }
            Err(cause) => Err(failed(Path::new(STREAM), "write the records", cause)),
        }
    }
}

impl Sink for StreamWriter {
    fn record(&mut self, record: Verified<'_>, provenance: &Provenance) -> Result<Flow, Error> {
        let agreed = agree(record, provenance);
        self.poison_on_error(agreed)?;
        self.write_record(record.as_bytes(), provenance)
    }

    fn withheld(&mut self, item: &Withheld) -> Result<Flow, Error> {
        if let Some((_, Some(internal))) = &mut self.evidence {
            let written = internal.withheld(item);
            self.poison_on_error(written)?;
        }
        Ok(if self.reader_left {
            Flow::Stop
        } else {
            Flow::Continue
        })
    }

    fn finish(&mut self, report: &Report, evidence: &Evidence) -> Result<(), Error> {
        let done = self.complete(report, evidence);
        self.poison_on_error(done)?;
        self.finished = true;
        Ok(())
    }
}

/// Whether a directory holds evidence of a dive and nothing else, or is empty.
fn is_evidence(dir: &Path) -> bool {
    const KNOWN: [&str; 9] = [
        RUN, WITHHELD, RESIDUAL, PSEUDONYMS, DICTIONARY, KEY, REQUEST, RULES, LOOKUPS,
    ];
    names(dir).is_ok_and(|names| {
        names.is_empty()
            || dir.join(RUN).is_file()
                && names.iter().all(|name| {
                    KNOWN.iter().any(|known| name == known)
                        || name.to_string_lossy().starts_with("provenance.")
                })
    })
}
