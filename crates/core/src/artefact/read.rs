//! Reading an artefact's records, for `decostop view`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::manifest::Manifest;
use super::records::{NDJSON, file_name};
use super::summary::looks_like_pseudonym;
use super::{DISCLOSURE, INTERNAL, LOOK, MANIFEST};
use crate::{Error, ErrorKind, Limits, Origin};

/// The columns of [`Record::cells`].
pub const COLUMNS: [&str; 7] = ["time", "source", "event", "actor", "project", "ip", "status"];
/// A manifest is small; a larger one is something else.
const MAX_MANIFEST: u64 = 16 << 20;

/// An artefact on disk.
#[derive(Clone, Debug)]
pub struct Artefact {
    shown: PathBuf,
    internal: Option<PathBuf>,
    manifest: Manifest,
}

/// Opens the artefact at `dir`, or what a customer got of one: the directory with the manifest.
///
/// Its content is not verified here; `decostop verify` does that.
///
/// # Errors
/// [`ErrorKind::Config`] if it is not an artefact.
pub fn open(dir: &Path) -> Result<Artefact, Error> {
    let candidates = [dir.join(DISCLOSURE), dir.join(LOOK), dir.to_owned()];
    let Some(shown) = candidates
        .into_iter()
        .find(|shown| shown.join(MANIFEST).is_file())
    else {
        let message = if dir.exists() {
            "is not an artefact: it has no manifest"
        } else {
            "there is no such directory"
        };
        return Err(Error::new(ErrorKind::Config, message)
            .at(place(dir))
            .hint(below(dir).map_or_else(
                || "name the directory that a dive wrote with --out".to_owned(),
                |found| format!("did you mean {}?", found.display()),
            )));
    };
    let path = shown.join(MANIFEST);
    let mut text = Vec::new();
    File::open(&path)
        .and_then(|file| file.take(MAX_MANIFEST).read_to_end(&mut text))
        .map_err(|cause| Error::io(ErrorKind::Config, &path, "read the manifest", cause))?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|cause| {
        let message = format!("is not a manifest of this version: line {}", cause.line());
        Error::new(ErrorKind::Config, message).at(place(&path))
    })?;
    let internal = Some(dir.join(INTERNAL)).filter(|internal| internal.is_dir());
    Ok(Artefact {
        shown,
        internal,
        manifest,
    })
}

/// An artefact directly below a directory, the first by name.
fn below(dir: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(dir).ok()?.flatten().map(|entry| entry.path());
    let is_artefact = |path: &PathBuf| {
        [DISCLOSURE, LOOK]
            .iter()
            .any(|shown| path.join(shown).join(MANIFEST).is_file())
    };
    entries.filter(is_artefact).min()
}

impl Artefact {
    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// The directory with the manifest and the records.
    pub fn shown(&self) -> &Path {
        &self.shown
    }

    /// The evidence, if it is here.
    pub fn internal(&self) -> Option<&Path> {
        self.internal.as_deref()
    }

    /// Its records in order, one at a time.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the records are not JSON lines: `decostop_columnar::records` reads the
    /// others. [`ErrorKind::Source`] if they cannot be opened.
    pub fn records(&self) -> Result<Records, Error> {
        if self.manifest.format != NDJSON {
            return Err(Error::new(ErrorKind::Config, "these records are not JSON lines")
                .at(place(&self.shown))
                .hint("decostop_columnar::records reads every format"));
        }
        let path = self.records_path();
        let limits = Limits::default();
        let open = || {
            let mut decoder = zstd::Decoder::new(File::open(&path)?)?;
            decoder.window_log_max(limits.max_zstd_window_log)?;
            Ok(BufReader::new(decoder))
        };
        let lines = open().map_err(|cause| Error::io(ErrorKind::Source, &path, "read the records", cause))?;
        Ok(Records {
            lines,
            path,
            max: limits.max_line_bytes,
            number: 0,
            done: false,
        })
    }

    /// The file with the records, by the format that the manifest names.
    pub fn records_path(&self) -> PathBuf {
        self.shown.join(file_name(&self.manifest.format))
    }

    /// Size of the artefact's records on disk, if it can be told.
    pub fn records_bytes(&self) -> Option<u64> {
        fs::metadata(self.records_path()).ok().map(|meta| meta.len())
    }
}

/// The records of an artefact. After an error there are no more.
pub struct Records {
    lines: BufReader<zstd::Decoder<'static, BufReader<File>>>,
    path: PathBuf,
    max: usize,
    number: u64,
    done: bool,
}

impl Records {
    fn read(&mut self) -> Result<Option<Record>, Error> {
        let mut line = Vec::new();
        let limit = self.max as u64 + 1;
        self.lines
            .by_ref()
            .take(limit)
            .read_until(b'\n', &mut line)
            .map_err(|cause| Error::io(ErrorKind::Source, &self.path, "read the records", cause))?;
        if line.is_empty() {
            return Ok(None);
        }
        self.number += 1;
        let damaged = || {
            let message = format!("record {} cannot be read", self.number);
            Error::new(ErrorKind::Source, message).at(place(&self.path))
        };
        if line.pop() != Some(b'\n') {
            return Err(damaged());
        }
        let line = String::from_utf8(line).map_err(|_| damaged())?;
        Record::parse(line).map(Some).ok_or_else(damaged)
    }
}

impl Iterator for Records {
    type Item = Result<Record, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.done {
            return None;
        }
        let read = self.read().transpose();
        self.done = !matches!(read, Some(Ok(_)));
        read
    }
}

/// One disclosed record.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    line: String,
    fields: Map<String, Value>,
}

impl Record {
    /// A record from its line, if that is one JSON object.
    pub fn parse(line: String) -> Option<Self> {
        let fields = serde_json::from_str(&line).ok()?;
        Some(Self { line, fields })
    }

    /// The line as it is in the artefact.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Its fields in order.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// A field's text, if it has that field and the field holds a string.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields.get(field)?.as_str()
    }

    /// Its instant, nanoseconds since 1970 in UTC.
    pub fn time_ns(&self) -> Option<i64> {
        let time: Timestamp = self.text("time")?.parse().ok()?;
        i64::try_from(time.as_nanosecond()).ok()
    }

    /// One cell for each of [`COLUMNS`], an absent one empty. Characters that a terminal would obey
    /// (controls, direction marks) are shown as `\u{…}`.
    pub fn cells(&self) -> [String; COLUMNS.len()] {
        COLUMNS.map(|column| self.cell(column))
    }

    /// A field's value as a cell, empty if the record has no such field; as in [`Record::cells`].
    pub fn cell(&self, field: &str) -> String {
        self.plain(field).as_deref().map(printable).unwrap_or_default()
    }

    /// The line with every character that a terminal would obey written as `\uXXXX`: the same JSON.
    pub fn printable_line(&self) -> String {
        let mut out = String::with_capacity(self.line.len());
        for c in self.line.chars() {
            if is_obeyed(c) {
                // All of them lie in the first plane.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            } else {
                out.push(c);
            }
        }
        out
    }

    fn plain(&self, field: &str) -> Option<Cow<'_, str>> {
        Some(match self.fields.get(field)? {
            Value::String(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string()),
        })
    }
}

/// Which records of an artefact to show: those that fit every filter, where of a filter given several
/// times one must fit. By default, all.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    sources: Vec<String>,
    events: Vec<String>,
    actors: Vec<String>,
    namespaces: Vec<String>,
    projects: Vec<String>,
    addresses: Vec<Address>,
    statuses: Vec<String>,
    texts: Vec<String>,
    from_ns: Option<i64>,
    to_ns: Option<i64>,
}

#[derive(Clone, Debug)]
enum Address {
    Net(IpNet),
    Pseudonym(String),
}

impl Filter {
    /// Adds a source; `*` stands for any run of characters. By default, every source.
    #[must_use]
    pub fn source(mut self, pattern: impl Into<String>) -> Self {
        self.sources.push(pattern.into());
        self
    }

    /// Adds an event, as in [`Filter::source`]. By default, every event.
    #[must_use]
    pub fn event(mut self, pattern: impl Into<String>) -> Self {
        self.events.push(pattern.into());
        self
    }

    /// Adds a text that an actor may hold, whatever its case. By default, any or no actor.
    #[must_use]
    pub fn actor(mut self, part: &str) -> Self {
        self.actors.push(part.to_lowercase());
        self
    }

    /// Adds a namespace with everything below it; a record's project counts too. By default, any.
    #[must_use]
    pub fn namespace(mut self, path: &str) -> Self {
        self.namespaces.push(path.trim_matches('/').to_lowercase());
        self
    }

    /// Adds a project. By default, any.
    #[must_use]
    pub fn project(mut self, path: &str) -> Self {
        self.projects.push(path.trim_matches('/').to_lowercase());
        self
    }

    /// Adds an address, a range or the pseudonym of an address. By default, any.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if it is none of them.
    pub fn ip(mut self, text: &str) -> Result<Self, Error> {
        let net = text.parse::<IpNet>().ok();
        let net = net.or_else(|| text.parse().ok().map(|address: IpAddr| address.into()));
        self.addresses.push(match net {
            Some(net) => Address::Net(net),
            None if looks_like_pseudonym(text) => Address::Pseudonym(text.to_owned()),
            None => {
                let message = format!("\"{}\" is no address", text.escape_debug());
                return Err(Error::new(ErrorKind::Config, message)
                    .hint("write an address, a range such as 192.0.2.0/24, or a pseudonym as it stands in the records"));
            }
        });
        Ok(self)
    }

    /// Adds a status; `x` stands for any digit, as in `4xx`. By default, any.
    #[must_use]
    pub fn status(mut self, pattern: &str) -> Self {
        self.statuses.push(pattern.to_lowercase());
        self
    }

    /// Adds a text that the record must hold somewhere, whatever its case. By default, none.
    #[must_use]
    pub fn holds(mut self, text: &str) -> Self {
        self.texts.push(text.to_lowercase());
        self
    }

    /// Only records at or after this instant (nanoseconds since 1970, UTC). By default, from the
    /// first.
    #[must_use]
    pub fn from_ns(mut self, instant: i64) -> Self {
        self.from_ns = Some(instant);
        self
    }

    /// Only records before this instant. By default, to the last.
    #[must_use]
    pub fn to_ns(mut self, instant: i64) -> Self {
        self.to_ns = Some(instant);
        self
    }

    /// Whether a record is to be shown. A record without a time is in no range.
    pub fn matches(&self, record: &Record) -> bool {
        let folded = |field| record.text(field).map(str::to_lowercase);
        let any = |patterns: &[String], field| {
            patterns.is_empty()
                || record
                    .text(field)
                    .is_some_and(|text| patterns.iter().any(|p| wildcard(p, text)))
        };
        let actor = || {
            self.actors.is_empty()
                || folded("actor").is_some_and(|actor| self.actors.iter().any(|part| actor.contains(part)))
        };
        let namespace = || {
            let below = |path: &String| {
                self.namespaces.iter().any(|wanted| {
                    path.strip_prefix(wanted.as_str())
                        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
                })
            };
            self.namespaces.is_empty()
                || ["namespace", "project"]
                    .into_iter()
                    .any(|field| folded(field).as_ref().is_some_and(below))
        };
        let project = || {
            self.projects.is_empty() || folded("project").is_some_and(|path| self.projects.contains(&path))
        };
        let ip = || {
            self.addresses.is_empty()
                || record
                    .text("ip")
                    .is_some_and(|text| self.addresses.iter().any(|wanted| wanted.fits(text)))
        };
        let status = || {
            self.statuses.is_empty()
                || record.plain("status").is_some_and(|status| {
                    let status = status.to_lowercase();
                    self.statuses.iter().any(|pattern| is_status(pattern, &status))
                })
        };
        let text = || {
            if self.texts.is_empty() {
                return true;
            }
            let line = record.line.to_lowercase();
            let values = record.fields.values().filter_map(Value::as_str);
            let values: Vec<String> = values.map(str::to_lowercase).collect();
            self.texts
                .iter()
                .any(|text| line.contains(text) || values.iter().any(|value| value.contains(text)))
        };
        let time = || {
            (self.from_ns.is_none() && self.to_ns.is_none())
                || record.time_ns().is_some_and(|time| {
                    self.from_ns.is_none_or(|from| from <= time) && self.to_ns.is_none_or(|to| time < to)
                })
        };
        any(&self.sources, "source")
            && any(&self.events, "event")
            && actor()
            && namespace()
            && project()
            && ip()
            && status()
            && time()
            && text()
    }
}

impl Address {
    fn fits(&self, text: &str) -> bool {
        match self {
            Self::Pseudonym(wanted) => wanted == text,
            Self::Net(net) => text
                .parse()
                .is_ok_and(|address: IpAddr| net.contains(&address.to_canonical())),
        }
    }
}

/// Whether a status fits a pattern in which `x` stands for any digit.
fn is_status(pattern: &str, status: &str) -> bool {
    let digits = pattern.starts_with(|first: char| first.is_ascii_digit());
    pattern.len() == status.len()
        && pattern
            .bytes()
            .zip(status.bytes())
            .all(|(wanted, is)| wanted == is || (digits && wanted == b'x' && is.is_ascii_digit()))
}

/// Whether `pattern`, in which `*` stands for any run of characters, is all of `text`.
fn wildcard(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else {
        return false;
    };
    let Some(last) = parts.next_back() else {
        return rest.is_empty();
    };
    for part in parts {
        let Some((_, after)) = rest.split_once(part) else {
            return false;
        };
        rest = after;
    }
    rest.ends_with(last)
}

/// Whether a terminal may obey a character rather than show it.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The text with every character that a terminal may obey shown as `\u{…}`.
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if is_obeyed(c) {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

fn place(path: &Path) -> Origin {
    Origin {
        path: path.to_owned(),
        offset: None,
    }
}
