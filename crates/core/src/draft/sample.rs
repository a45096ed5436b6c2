//! The first part of a log, and the format of its lines.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use decostop_profile::{LinePattern, Profile, Source, read_logfmt};
use serde_json::{Map, Value};

use crate::frame::{Piece, Scratch, for_each_segment};
use crate::source::{Input, InputId, InputKind, MapPolicy, OpenOptions, open};
use crate::{Error, ErrorKind, Limits, Origin};

/// A record as a flat or nested object.
pub(super) type Record = Map<String, Value>;

/// How the records are written.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// A JSON object a line.
    Json,
    /// JSON documents: the key whose list holds the records, if there is one.
    Document(Option<String>),
    /// `key=value` pairs.
    Logfmt,
    /// Lines that a built-in profile has patterns for.
    Text {
        /// That profile.
        profile: Arc<Profile>,
        /// The patterns that occur.
        patterns: Vec<LinePattern>,
    },
}

/// What was read.
#[derive(Debug)]
pub(super) struct Sample {
    pub(super) shape: Shape,
    pub(super) records: Vec<Record>,
    /// The key under which a line holds the record, as an object or as a string.
    pub(super) wrapper: Option<Wrapper>,
    pub(super) unread: u64,
    pub(super) cut: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wrapper {
    Object(&'static str),
    String(&'static str),
}

/// Of ten lines, how many a format must fit.
const MOST: usize = 8;
/// Records that are looked at.
const MAX_RECORDS: usize = 20_000;
/// Keys under which exports and collectors put a record.
const OBJECTS: [&str; 3] = ["jsonPayload", "json", "detail"];
const STRINGS: [&str; 4] = ["message", "log", "msg", "textPayload"];

pub(super) fn read(path: &Path, limit: usize) -> Result<Sample, Error> {
    let (bytes, cut) = head(path, limit)?;
    let text = String::from_utf8_lossy(&bytes);
    understand(&text, cut).ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            "the format was not recognised: most lines are neither JSON objects, nor parts of a JSON document \
             with a list of objects, nor logfmt, nor lines of nginx, Apache or HAProxy",
        )
        .at(Origin {
            path: path.to_owned(),
            offset: None,
        })
        .hint("for text of another form write a source with format = \"text\" and `lines`, see docs/PROFILES.md")
    })
}

/// The first decoded bytes, whole lines if possible, and whether there is more.
fn head(path: &Path, limit: usize) -> Result<(Vec<u8>, bool), Error> {
    let unreadable = |cause| Error::io(ErrorKind::Source, path, "read the sample", cause);
    let metadata = std::fs::metadata(path).map_err(unreadable)?;
    if metadata.is_dir() {
        return Err(
            Error::new(ErrorKind::Config, "a sample is one file, not a directory").at(Origin {
                path: path.to_owned(),
                offset: None,
            }),
        );
    }
    let input = Input {
        id: InputId(0),
        path: path.to_owned(),
        bytes: metadata.len(),
        mtime: None,
        identity: None,
        kind: if metadata.is_file() {
            InputKind::File
        } else {
            InputKind::Stream
        },
        source: None,
    };
    // Nothing is mapped, so that the time of opening does not matter.
    let options = OpenOptions::new(MapPolicy::read(), SystemTime::UNIX_EPOCH).digest(false);
    let refused = |problem: crate::source::Problem| {
        Error::new(ErrorKind::Source, "the sample cannot be read").because(problem)
    };
    let opened = open(&input, &options).map_err(refused)?;
    let (mut bytes, mut cut) = (Vec::new(), false);
    let mut keep = |more: &[u8]| {
        let room = limit.saturating_sub(bytes.len());
        bytes.extend_from_slice(more.get(..more.len().min(room)).unwrap_or_default());
        cut |= more.len() > room;
        if cut {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let (limits, mut scratch) = (Limits::default(), Scratch::default());
    for unit in opened.units() {
        let summary = for_each_segment(&opened, &unit, &limits, &mut scratch, &mut |piece| match piece {
            Piece::Lines { bytes, .. } | Piece::Record { bytes, .. } | Piece::Overlong { bytes, .. } => {
                keep(bytes)
            }
            _ => ControlFlow::Continue(()),
        });
        if summary.stopped {
            break;
        }
    }
    if bytes.trim_ascii().is_empty() {
        return Err(Error::new(ErrorKind::Config, "the sample is empty").at(Origin {
            path: path.to_owned(),
            offset: None,
        }));
    }
    Ok((bytes, cut))
}

fn understand(text: &str, cut: bool) -> Option<Sample> {
    let mut lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    // The last line may be a part of one.
    if cut && lines.len() > 1 {
        lines.pop();
    }
    let sample = |shape, records: Vec<Record>, unread: usize| Sample {
        shape,
        records,
        wrapper: None,
        unread: unread as u64,
        cut,
    };
    if let Some((key, records)) = document(text, &lines) {
        return Some(sample(Shape::Document(key), records, 0));
    }
    let most = |fitting: usize, of: usize| of > 0 && fitting * 10 >= of * MOST;
    lines.truncate(MAX_RECORDS);
    let all = lines.len();
    let json: Vec<Record> = lines.iter().filter_map(|line| object(line)).collect();
    if most(json.len(), all) {
        let unread = all - json.len();
        return Some(unwrapped(sample(Shape::Json, json, unread)));
    }
    let strings = |pairs: Vec<(&str, std::borrow::Cow<'_, str>)>| -> Record {
        let present = pairs.into_iter().filter(|(_, value)| value != "-");
        present
            .map(|(name, value)| (name.to_owned(), Value::String(value.into_owned())))
            .collect()
    };
    // A single pair may stand in any text.
    let logfmt: Vec<Record> = lines
        .iter()
        .filter(|line| line.matches('=').count() >= 2)
        .filter_map(|line| Some(strings(read_logfmt(line)?)))
        .collect();
    if most(logfmt.len(), all) {
        let unread = all - logfmt.len();
        return Some(sample(Shape::Logfmt, logfmt, unread));
    }
    // GitLab's has patterns for the proxies before it; those written for them alone come first.
    let mut names: Vec<&str> = Profile::builtin_names().collect();
    names.sort_by_key(|name| *name == "gitlab");
    for name in names {
        let Some(profile) = Profile::builtin(name) else {
            continue;
        };
        for source in profile.sources.iter().filter(|source| !source.lines.is_empty()) {
            let (records, patterns) = by_patterns(source, &lines, &strings);
            if most(records.len(), all) {
                let unread = all - records.len();
                let shape = Shape::Text {
                    profile: Arc::clone(&profile),
                    patterns,
                };
                return Some(sample(shape, records, unread));
            }
        }
    }
    None
}

type Strings<'s> = &'s dyn Fn(Vec<(&str, std::borrow::Cow<'_, str>)>) -> Record;

fn by_patterns(source: &Source, lines: &[&str], strings: Strings<'_>) -> (Vec<Record>, Vec<LinePattern>) {
    let mut used = vec![false; source.lines.len()];
    let mut records = Vec::new();
    for line in lines {
        let found = source
            .lines
            .iter()
            .zip(&mut used)
            .find_map(|(pattern, used)| Some((pattern.read(line)?, used)));
        if let Some((pairs, used)) = found {
            *used = true;
            records.push(strings(pairs));
        }
    }
    let patterns = source.lines.iter().zip(used).filter(|(_, used)| *used);
    (records, patterns.map(|(pattern, _)| pattern.clone()).collect())
}

/// The object of a line, also behind the time that a container runtime or a logger puts in front.
fn object(line: &str) -> Option<Record> {
    let begin = match line.find('{')? {
        0 => 0,
        at if line.starts_with(|c: char| c.is_ascii_digit()) => at,
        _ => return None,
    };
    match serde_json::from_str(line.get(begin..)?) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// The records inside a common wrapper, if nearly every line has it.
fn unwrapped(mut sample: Sample) -> Sample {
    let enough =
        |records: &[Record]| !records.is_empty() && records.len() * 10 >= sample.records.len() * MOST;
    let objects = OBJECTS.iter().find_map(|key| {
        let inner: Vec<Record> = sample
            .records
            .iter()
            .filter_map(|record| record.get(*key)?.as_object().cloned())
            .collect();
        enough(&inner).then_some((Wrapper::Object(key), inner))
    });
    let strings = || {
        STRINGS.iter().find_map(|key| {
            let inner: Vec<Record> = sample
                .records
                .iter()
                .filter_map(|record| object(record.get(*key)?.as_str()?.trim()))
                .collect();
            enough(&inner).then_some((Wrapper::String(key), inner))
        })
    };
    if let Some((wrapper, records)) = objects.or_else(strings) {
        sample.unread += (sample.records.len() - records.len()) as u64;
        sample.wrapper = Some(wrapper);
        sample.records = records;
    }
    sample
}

/// Records of JSON that is not one object a line: members of a list, or objects spread over lines.
fn document(text: &str, lines: &[&str]) -> Option<(Option<String>, Vec<Record>)> {
    if !text.trim_start().starts_with(['{', '[']) {
        return None;
    }
    let by_lines = lines.iter().filter(|line| object(line).is_some()).count();
    let (key, found) = members(text);
    // One object a line may hold lists as well; a document has little beside its list.
    let is_document = match &key {
        Some(_) => by_lines <= 1 || by_lines * 10 < lines.len() * MOST,
        None => by_lines * 10 < lines.len() * MOST,
    };
    (is_document && !found.is_empty()).then_some((key, found))
}

/// The objects that are members of the first list of objects one level down (with its key), or of the
/// outermost list; else the outermost objects.
fn members(text: &str) -> (Option<String>, Vec<Record>) {
    let (mut open, mut begin, mut key_begin) = (Vec::new(), 0, 0);
    let (mut quoted, mut escaped) = (false, false);
    let (mut last, mut key) = (String::new(), None::<String>);
    let (mut inner, mut outer) = (Vec::new(), Vec::new());
    let record = |from: usize, to: usize| -> Option<Record> {
        match serde_json::from_str(text.get(from..=to)?) {
            Ok(Value::Object(object)) => Some(object),
            _ => None,
        }
    };
    for (at, byte) in text.bytes().enumerate() {
        if inner.len() >= MAX_RECORDS || outer.len() >= MAX_RECORDS {
            break;
        }
        if quoted {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => {
                    quoted = false;
                    if open == [b'{'] {
                        text.get(key_begin..at).unwrap_or_default().clone_into(&mut last);
                    }
                }
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => {
                quoted = true;
                key_begin = at + 1;
            }
            b'[' => {
                if open == [b'{'] && inner.is_empty() {
                    key = Some(last.clone());
                }
                open.push(byte);
            }
            b'{' => {
                if open.is_empty() || open == [b'['] || open == [b'{', b'['] {
                    begin = at;
                }
                open.push(byte);
            }
            b'}' | b']' => {
                open.pop();
                if byte == b'}' {
                    match open.as_slice() {
                        [b'{', b'['] => inner.extend(record(begin, at)),
                        [] | [b'['] => outer.extend(record(begin, at)),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    // Members of one list only: a second list is of something else.
    if inner.len() > 1 || key.as_deref() == Some("Records") && !inner.is_empty() {
        (key, inner)
    } else {
        (None, outer)
    }
}
