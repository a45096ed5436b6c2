//! The evidence of a dive: everything that never leaves the house.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use zeroize::Zeroizing;

use super::manifest::{Tool, Window};
use super::private::{close_files, private_file, sync_dir};
use super::provenance::{ProvenanceWriter, path_text, write_json_line};
use super::{close, failed, hex};
use crate::Error;
use crate::sink::{Provenance, Withheld};
use crate::stats::{Counts, Evidence, InputReport, Report, Work};

pub(super) const RUN: &str = "run.json";
pub(super) const WITHHELD: &str = "withheld.ndjson";
pub(super) const RESIDUAL: &str = "residual.json";
pub(super) const PSEUDONYMS: &str = "pseudonyms.csv";
pub(super) const DICTIONARY: &str = "dictionary.csv";
pub(super) const KEY: &str = "key";
/// What stands before its digits.
const KEY_FORM: &str = "decostop-request-key-v1 ";
pub(super) const REQUEST: &str = "request.toml";
pub(super) const RULES: &str = "rules.json";
pub(super) const LOOKUPS: &str = "lookups.ndjson";
pub(super) const FINDINGS: &str = "verify.ndjson";

/// What went out, for `run.json`.
#[derive(Debug, Serialize)]
pub(super) struct Output {
    pub(super) format: &'static str,
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) sha256: String,
    /// Whether the reader of a stream left before the end.
    pub(super) reader_left: bool,
}

/// The evidence files while a dive runs.
pub(super) struct Internal {
    dir: PathBuf,
    provenance: Option<Box<dyn ProvenanceWriter>>,
    withheld: BufWriter<File>,
    rows: u64,
}

#[derive(Serialize)]
struct WithheldRow<'a> {
    reason: &'static str,
    input: &'a str,
    offset: Option<u64>,
    bytes: Option<u64>,
    source: Option<&'a str>,
    nexus: bool,
}

#[derive(Serialize)]
struct Run<'a> {
    version: u32,
    tool: Tool,
    started: Option<&'a str>,
    reference: &'a str,
    ad_hoc: bool,
    window: Window,
    profile: Profile<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rules: Option<Rules<'a>>,
    policy_digest: &'a str,
    threads: usize,
    peak_memory_bytes: Option<u64>,
    timings: BTreeMap<&'static str, f64>,
    work: &'a Work,
    plan: &'a [String],
    output: &'a Output,
    first_time: Option<&'a str>,
    last_time: Option<&'a str>,
    actors: u64,
    addresses: u64,
    by_source: &'a BTreeMap<String, u64>,
    by_event: &'a BTreeMap<String, u64>,
    by_day: &'a BTreeMap<String, u64>,
    by_namespace: &'a BTreeMap<String, u64>,
    counts: &'a Counts,
    inputs: Vec<Input<'a>>,
}

#[derive(Serialize)]
struct Profile<'a> {
    name: &'a str,
    digest: &'a str,
}

#[derive(Serialize)]
struct Rules<'a> {
    count: usize,
    digest: &'a str,
}

/// An [`InputReport`] with paths that JSON can hold.
#[derive(Serialize)]
struct Input<'a> {
    path: String,
    codec: &'static str,
    bytes: u64,
    decoded_bytes: u64,
    digest: Option<&'a str>,
    duplicate_of: Option<String>,
    set_aside: Option<&'a str>,
    complete: bool,
}

impl<'a> Input<'a> {
    fn new(input: &'a InputReport) -> Self {
        Self {
            path: path_text(&input.path),
            codec: input.codec,
            bytes: input.bytes,
            decoded_bytes: input.decoded_bytes,
            digest: input.digest.as_deref(),
            duplicate_of: input.duplicate_of.as_deref().map(path_text),
            set_aside: input.set_aside.as_deref(),
            complete: input.complete,
        }
    }
}

impl Internal {
    /// Starts the files in `dir`, which exists.
    pub(super) fn create(
        dir: PathBuf,
        provenance: impl FnOnce(&Path) -> Result<Box<dyn ProvenanceWriter>, Error>,
    ) -> Result<Self, Error> {
        let path = dir.join(WITHHELD);
        let withheld = private_file(&path).map_err(|cause| failed(&path, "create it", cause))?;
        let provenance = Some(provenance(&dir)?);
        Ok(Self {
            dir,
            provenance,
            withheld: BufWriter::new(withheld),
            rows: 0,
        })
    }

    pub(super) fn record(&mut self, provenance: &Provenance) -> Result<(), Error> {
        if let Some(writer) = &mut self.provenance {
            writer.row(self.rows, provenance)?;
        }
        self.rows += 1;
        Ok(())
    }

    pub(super) fn withheld(&mut self, item: &Withheld) -> Result<(), Error> {
        let row = WithheldRow {
            reason: item.reason.as_str(),
            input: &path_text(&item.origin.path),
            offset: item.origin.offset,
            bytes: item.bytes,
            source: item.source.as_deref(),
            nexus: item.nexus,
        };
        write_json_line(&mut self.withheld, &row)
            .map_err(|cause| failed(&self.dir.join(WITHHELD), "write it", cause))
    }

    /// Completes the running files, writes the others and makes all of them durable.
    pub(super) fn finish(
        mut self,
        report: &Report,
        evidence: &Evidence,
        output: &Output,
        started: Option<&str>,
    ) -> Result<(), Error> {
        if let Some(writer) = self.provenance.take() {
            writer.finish()?;
        }
        close(self.withheld).map_err(|cause| failed(&self.dir.join(WITHHELD), "write it", cause))?;
        let dir = &self.dir;
        write(dir, RUN, |file| {
            let run = Run {
                version: 1,
                tool: Tool::this(),
                started,
                reference: &evidence.reference,
                ad_hoc: report.ad_hoc,
                window: Window {
                    from: evidence.window.0.clone(),
                    to: evidence.window.1.clone(),
                },
                profile: Profile {
                    name: &report.profile.0,
                    digest: &report.profile.1,
                },
                rules: (!evidence.rules.is_empty()).then_some(Rules {
                    count: report.rules.0,
                    digest: &report.rules.1,
                }),
                policy_digest: &report.policy_digest,
                threads: report.threads,
                peak_memory_bytes: report.peak_memory_bytes,
                timings: report
                    .timings
                    .iter()
                    .map(|(phase, spent)| (*phase, spent.as_secs_f64()))
                    .collect(),
                work: &report.work,
                plan: &report.plan,
                output,
                first_time: report.first_time.as_deref(),
                last_time: report.last_time.as_deref(),
                actors: report.actors,
                addresses: report.addresses,
                by_source: &report.by_source,
                by_event: &report.by_event,
                by_day: &report.by_day,
                by_namespace: &report.by_namespace,
                counts: &report.counts,
                inputs: report.inputs.iter().map(Input::new).collect(),
            };
            write_json(file, &run)
        })?;
        write(dir, RESIDUAL, |file| write_json(file, &evidence.residual))?;
        write(dir, PSEUDONYMS, |file| {
            let mut csv = table(file);
            csv.write_record(["pseudonym", "class", "value"])?;
            for (pseudonym, class, value) in &evidence.pseudonyms {
                csv.write_record([pseudonym.as_str(), class.as_str(), value.as_str()])?;
            }
            csv.flush()
        })?;
        write(dir, DICTIONARY, |file| {
            let mut csv = table(file);
            csv.write_record(["class", "value", "standing"])?;
            for (class, value, standing) in evidence.dictionary.iter() {
                csv.write_record([class.as_str(), value, standing.as_str()])?;
            }
            csv.flush()
        })?;
        write(dir, KEY, |file| {
            let digits = Zeroizing::new(hex(&evidence.request_key));
            file.write_all(KEY_FORM.as_bytes())?;
            file.write_all(digits.as_bytes())?;
            file.write_all(b"\n")
        })?;
        write(dir, REQUEST, |file| {
            file.write_all(evidence.request_toml.as_bytes())
        })?;
        if !evidence.rules.is_empty() {
            write(dir, RULES, |file| file.write_all(evidence.rules.as_bytes()))?;
        }
        close_files(dir)
            .and_then(|()| sync_dir(dir))
            .map_err(|cause| failed(dir, "complete it", cause))
    }
}

/// Cells are always quoted and never altered: these tables are read back by `verify` and `lookup`,
/// and a value that begins with `=` must come back as it was. They are not for spreadsheets.
fn table<W: Write>(to: W) -> csv::Writer<W> {
    csv::WriterBuilder::new()
        .quote_style(csv::QuoteStyle::Always)
        .from_writer(to)
}

/// One JSON document for people: indented, with a line end.
pub(super) fn write_json(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, value)?;
    to.write_all(b"\n")
}

/// A private file written in one go and made durable.
pub(super) fn write(
    dir: &Path,
    name: &str,
    fill: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
) -> Result<(), Error> {
    let path = dir.join(name);
    private_file(&path)
        .map(BufWriter::new)
        .and_then(|mut file| fill(&mut file).and_then(|()| close(file)))
        .map_err(|cause| failed(&path, "write it", cause))
}

/// The request's key, as [`KEY`] holds it.
pub(crate) fn request_key(text: &str) -> Option<[u8; 32]> {
    let digits = text.strip_prefix(KEY_FORM)?.trim_end();
    let mut key = [0; 32];
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_hexadecimal() {
        let read = |digits: &str| request_key(&format!("{KEY_FORM}{digits}\n"));
        assert_eq!(read(&"0f".repeat(32)), Some([15; 32]));
        assert_eq!(read(&"0F".repeat(32)), Some([15; 32]));
        for wrong in [
            String::new(),
            "0".repeat(63),
            "0".repeat(65),
            "+f".repeat(32),
            "0g".repeat(32),
        ] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
        assert_eq!(request_key(&"0f".repeat(32)), None);
    }
}
