//! The foreign set once more, from the raw inputs: nothing that the redactor learned is believed.
//!
//! ```text
//! path -> unpack (codecs, archives) -> lines, or documents of records -> prefixes, parts joined
//!      -> json | text (patterns, logfmt) -> envelopes, strings -> values by class, URLs by route
//! ```
//!
//! Each value in a field of an identity class that is not the customer's joins the set. This is slow and
//! simple on purpose, and where a line can be read in two ways, both are learned from.

mod json;
mod names;
#[cfg(test)]
mod tests;
mod text;
mod unpack;

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read as _};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use decostop_profile::{Case, Class, ClassRule, Profile, Source};
use serde::de::DeserializeSeed;

use self::json::{Budgeted, Document, Every, Members};
use self::text::TextReader;
use self::unpack::Content;
use crate::closure::Context;
use crate::error::Error;
use crate::fold::fold;
use crate::verifier::Verifier;

/// Values held in memory at most: as many as the dictionary of a dive, some hundred bytes each.
const MAX_VALUES: usize = 8_000_000;
/// Longer lines, and longer records of documents, are counted as not understood.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// Nested strings that are JSON themselves are opened this deep.
const MAX_DEPTH: usize = 8;
/// Parts of one line that are waited for at most.
const MAX_PARTS: usize = 8192;
/// Archives in archives.
const MAX_ARCHIVES: usize = 4;

/// What the raw inputs name that is not the customer's.
pub(crate) struct Learned {
    /// In order, since of two classes of one text the first is told.
    pub(crate) values: BTreeSet<(Class, String)>,
    pub(crate) unread_lines: u64,
}

/// Reads every input.
pub(crate) fn learn(paths: &[PathBuf], profile: &Profile, verifier: &Verifier) -> Result<Learned, Error> {
    let tables: Vec<Table> = profile.sources.iter().map(table).collect();
    let mut union = Table::new();
    for (name, choices) in tables.iter().flatten() {
        let known = union.entry(name.clone()).or_default();
        known.extend(choices.iter().cloned());
        known.sort_unstable();
        known.dedup();
    }
    let conditions = union.values().flatten().filter_map(|choice| choice.on.as_ref());
    let siblings = conditions
        .flat_map(|(field, _)| [field.clone(), plain(field)])
        .collect();
    let mut learner = Learner {
        profile,
        verifier,
        readers: TextReader::all(profile)?,
        tables,
        union,
        siblings,
        said: Siblings::default(),
        discriminators: discriminators(profile),
        parts: HashMap::new(),
        cut: None,
        visited: HashSet::new(),
        learned: Learned {
            values: BTreeSet::new(),
            unread_lines: 0,
        },
    };
    for path in paths {
        learner.path(path, true)?;
    }
    learner.give_up_cut();
    Ok(learner.learned)
}

/// Field names of a source, also as exports write them, to the classes that matter here.
type Table = HashMap<String, Vec<Choice>>;

/// A class that a field can have.
#[derive(Clone, Eq, Ord, PartialEq, PartialOrd)]
struct Choice {
    class: Class,
    /// The field on which that depends, and the value that this must have.
    on: Option<(String, String)>,
}

/// What a record says in fields on which the class of another depends, and the values of those others:
/// which class they have is known only when the record was read to its end.
#[derive(Default)]
struct Siblings {
    said: Vec<(String, String)>,
    waiting: Vec<(Choice, String)>,
}

struct Learner<'v> {
    profile: &'v Profile,
    verifier: &'v Verifier,
    readers: Vec<TextReader>,
    tables: Vec<Table>,
    /// All of them together, for lines of which nothing tells the source.
    union: Table,
    /// Names of fields on which the class of another depends.
    siblings: HashSet<String>,
    /// Of the record that is being read.
    said: Siblings,
    /// Fields in the order of their first mention, with the source that each value stands for.
    discriminators: Vec<(&'v str, Vec<(&'v str, usize)>)>,
    /// The beginnings of lines that a container runtime wrote in parts, by stream.
    parts: HashMap<String, Parts>,
    /// A last line of svlogd's that may go on in the next file of its directory.
    cut: Option<(PathBuf, Vec<u8>)>,
    /// Device and number of what was read.
    visited: HashSet<(u64, u64)>,
    learned: Learned,
}

#[derive(Default)]
struct Parts {
    bytes: Vec<u8>,
    count: usize,
}

fn table(source: &Source) -> Table {
    let mut table = Table::new();
    for (name, spec) in &source.fields {
        let matters = |class| matches!(class, Class::Params | Class::Resource) || Class::is_identity(class);
        let all = match &spec.rule {
            ClassRule::Fixed(class) => vec![Choice {
                class: *class,
                on: None,
            }],
            ClassRule::On { field, cases } => {
                let choice = |case: &Case| Choice {
                    class: case.class,
                    on: Some((field.clone(), case.value.clone())),
                };
                cases.iter().map(choice).collect()
            }
            // None that this knows: every class counts.
            _ => {
                let choice = |class| Choice { class, on: None };
                spec.classes().map(choice).collect()
            }
        };
        let choices: Vec<Choice> = all.into_iter().filter(|choice| matters(choice.class)).collect();
        if choices.is_empty() {
            continue;
        }
        let plain = plain(name);
        if plain != *name && !source.fields.contains_key(&plain) {
            table.entry(plain).or_default().extend(choices.iter().cloned());
        }
        table.insert(name.clone(), choices);
    }
    table
}

/// A name of a field as exports write it.
fn plain(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}

fn discriminators(profile: &Profile) -> Vec<(&str, Vec<(&str, usize)>)> {
    let mut found: Vec<(&str, Vec<(&str, usize)>)> = Vec::new();
    for (nth, source) in profile.sources.iter().enumerate() {
        for told in &source.discriminators {
            let values = told.values.iter().map(|value| (value.as_str(), nth));
            match found.iter_mut().find(|(field, _)| *field == told.field) {
                Some((_, known)) => known.extend(values),
                None => found.push((&told.field, values.collect())),
            }
        }
    }
    found
}

/// The text of a member by its dotted name, which may also be nested.
fn text_of<'m>(members: &'m Members, dotted: &str) -> Option<&'m str> {
    let direct = members.iter().find_map(|(key, value)| match value {
        Every::Text(text) if key == dotted => Some(text.as_str()),
        _ => None,
    });
    direct.or_else(|| {
        let (outer, rest) = dotted.split_once('.')?;
        members.iter().find_map(|(key, value)| match value {
            Every::Object(inner) if key == outer => text_of(inner, rest),
            _ => None,
        })
    })
}

// Inputs.
impl<'v> Learner<'v> {
    /// Reads a file, or everything below a directory. What is named is never left out.
    fn path(&mut self, path: &Path, named: bool) -> Result<(), Error> {
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            // A link below a directory may lead nowhere.
            Err(_) if !named && path.is_symlink() => return Ok(()),
            Err(cause) => return Err(Error::io(path, cause)),
        };
        let hidden = names::is_hidden(path);
        if !named && (hidden || (!metadata.is_dir() && names::is_set_aside(self.profile, path))) {
            return Ok(());
        }
        // Links may lead to one file twice, and from a directory back to it.
        if !self.visited.insert((metadata.dev(), metadata.ino())) {
            return Ok(());
        }
        if metadata.is_dir() {
            let mut entries = Vec::new();
            for entry in fs::read_dir(path).map_err(|cause| Error::io(path, cause))? {
                entries.push(entry.map_err(|cause| Error::io(path, cause))?.path());
            }
            entries.sort();
            return entries.iter().try_for_each(|entry| self.path(entry, false));
        }
        if !named && !metadata.is_file() {
            return Ok(());
        }
        let file = File::open(path).map_err(|cause| Error::io(path, cause))?;
        self.content(Box::new(BufReader::with_capacity(1 << 17, file)), path, 0)
    }

    fn content(&mut self, packed: Box<dyn BufRead + '_>, path: &Path, depth: usize) -> Result<(), Error> {
        match unpack::unpacked(packed) {
            Ok(Content::Lines(mut lines)) => self.lines(&mut *lines, path),
            Ok(Content::Archive(mut archive)) if depth < MAX_ARCHIVES => {
                // Archives may be appended to each other.
                archive.set_ignore_zeros(true);
                let Ok(members) = archive.entries() else {
                    self.learned.unread_lines += 1;
                    return Ok(());
                };
                for member in members {
                    let Ok(member) = member else {
                        self.learned.unread_lines += 1;
                        break;
                    };
                    let name = String::from_utf8_lossy(&member.path_bytes()).into_owned();
                    let name = Path::new(&name);
                    let is_file = matches!(
                        member.header().entry_type(),
                        tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse
                    );
                    if is_file && !names::is_set_aside(self.profile, name) {
                        self.content(Box::new(BufReader::new(member)), name, depth + 1)?;
                    }
                }
                Ok(())
            }
            Ok(Content::Archive(_)) => {
                self.learned.unread_lines += 1;
                Ok(())
            }
            // What an archive loses is damage; a file of which nothing can be read is told.
            Err(_) if depth > 0 => {
                self.learned.unread_lines += 1;
                Ok(())
            }
            Err(cause) => Err(Error::io(path, cause)),
        }
    }

    fn limit(&self, path: &Path) -> Result<(), Error> {
        if self.learned.values.len() > MAX_VALUES {
            return Err(Error::limit(
                path,
                "more than 8,000,000 foreign values in the inputs",
            ));
        }
        Ok(())
    }

    fn lines(&mut self, input: &mut dyn BufRead, path: &Path) -> Result<(), Error> {
        let known = names::source(self.profile, path);
        let keys = self.record_keys(known);
        if known.is_some() && !keys.is_empty() {
            return self.documents(input, known, &keys, path);
        }
        let mut line = Vec::new();
        let mut first = true;
        loop {
            line.clear();
            let read = (&mut *input).take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
            match read {
                Ok(0) => break,
                Ok(_) => {}
                // A damaged end: the dive used the lines before it, and so does this.
                Err(_) => {
                    self.learned.unread_lines += 1;
                    break;
                }
            }
            let mut read = self.line(&line, known);
            if std::mem::take(&mut first) {
                if !read && !keys.is_empty() && begins_document(&line) {
                    let mut rest = io::Cursor::new(line).chain(input);
                    return self.documents(&mut rest, known, &keys, path);
                }
                read = self.join_cut(&line, read, known, path);
            }
            if !read && !line.ends_with(b"\n") && names::is_svlogd(path) {
                self.cut = Some((path.parent().unwrap_or(path).to_owned(), line.clone()));
            } else {
                self.learned.unread_lines += u64::from(!read);
            }
            self.limit(path)?;
        }
        self.give_up_parts();
        Ok(())
    }

    /// The first line of a file, and whether it was read by itself: it may be the rest of the last line of
    /// the file before it. Whether it is read now.
    fn join_cut(&mut self, line: &[u8], read: bool, known: Option<usize>, path: &Path) -> bool {
        let Some((directory, mut whole)) = self.cut.take() else {
            return read;
        };
        whole.extend_from_slice(line);
        let follows = path.parent() == Some(directory.as_path()) && names::is_svlogd(path);
        if !read && follows && self.line(&whole, known) {
            return true;
        }
        self.learned.unread_lines += 1;
        read
    }

    fn give_up_cut(&mut self) {
        self.learned.unread_lines += u64::from(self.cut.take().is_some());
    }

    fn give_up_parts(&mut self) {
        self.learned.unread_lines += self.parts.drain().count() as u64;
    }

    /// Keys whose list holds the records of a source, or of any.
    fn record_keys(&self, known: Option<usize>) -> Vec<&'v str> {
        let sources = self.profile.sources.iter().enumerate();
        sources
            .filter(|(nth, _)| known.is_none_or(|known| known == *nth))
            .flat_map(|(_, source)| source.records.iter().map(String::as_str))
            .collect()
    }

    /// Documents one after the other, with lines between them.
    fn documents(
        &mut self,
        input: &mut dyn BufRead,
        known: Option<usize>,
        keys: &[&str],
        path: &Path,
    ) -> Result<(), Error> {
        let budget = Cell::new(0);
        let mut line = Vec::new();
        loop {
            let next = match skip_blanks(input) {
                Ok(None) => break,
                Ok(Some(next)) => next,
                Err(_) => {
                    self.learned.unread_lines += 1;
                    break;
                }
            };
            if !matches!(next, b'{' | b'[') {
                line.clear();
                let read = (&mut *input).take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
                let read = read.is_ok() && self.line(&line, known);
                self.learned.unread_lines += u64::from(!read);
                continue;
            }
            budget.set(MAX_LINE_BYTES);
            let mut then = |members: &Members| {
                self.record(members, known, 0);
                self.learned.values.len() <= MAX_VALUES
            };
            let mut document = Document {
                keys,
                budget: &budget,
                then: &mut then,
                limit: MAX_LINE_BYTES,
            };
            let mut reader = serde_json::Deserializer::from_reader(Budgeted {
                inner: &mut *input,
                budget: &budget,
            });
            let read = document.deserialize(&mut reader);
            self.limit(path)?;
            if read.is_err() {
                self.learned.unread_lines += 1;
                // The next line may begin another document.
                if skip_line(input).is_err() {
                    break;
                }
            }
        }
        self.give_up_parts();
        Ok(())
    }
}

/// Whether a line is the first of a JSON document that goes on.
fn begins_document(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), Some(b'{' | b'['))
        && serde_json::from_slice::<serde::de::IgnoredAny>(line).is_err_and(|error| error.is_eof())
}

/// The next byte that is no blank; it stays in the input.
fn skip_blanks(input: &mut dyn BufRead) -> io::Result<Option<u8>> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(None);
        }
        if let Some(at) = buffer.iter().position(|byte| !byte.is_ascii_whitespace()) {
            let next = buffer.get(at).copied();
            input.consume(at);
            return Ok(next);
        }
        let length = buffer.len();
        input.consume(length);
    }
}

fn skip_line(input: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (length, done) = match end {
            Some(at) => (at + 1, true),
            None => (buffer.len(), buffer.is_empty()),
        };
        input.consume(length);
        if done {
            return Ok(());
        }
    }
}

// Lines.
impl Learner<'_> {
    /// Reads a line in whatever it is wrapped; whether anything could.
    fn line(&mut self, line: &[u8], known: Option<usize>) -> bool {
        let line = line.strip_suffix(b"\n").unwrap_or(line).trim_ascii_start();
        let Some(part) = text::runtime(line) else {
            return self.body(line, known);
        };
        if !part.partial && !self.parts.contains_key(part.stream) {
            return self.body(part.body, known);
        }
        let waiting = self.parts.entry(part.stream.to_owned()).or_default();
        if part.partial && waiting.add(part.body) {
            return true;
        }
        waiting.bytes.extend_from_slice(part.body);
        let whole = self.parts.remove(part.stream).unwrap_or_default().bytes;
        // The beginning may be lost with another file: then what is left may be a line of its own.
        self.body(&whole, known) | self.body(part.body, known)
    }

    fn body(&mut self, line: &[u8], known: Option<usize>) -> bool {
        let line = line.trim_ascii();
        if line.is_empty() {
            return true;
        }
        if line.starts_with(b"{") || line.starts_with(b"[") {
            if self.json(line, known) {
                return true;
            }
        } else if let Some(brace) = line.iter().position(|byte| *byte == b'{') {
            let json = self.json(line.get(brace..).unwrap_or_default(), known);
            return self.text(&String::from_utf8_lossy(line), known) | json;
        }
        self.text(&String::from_utf8_lossy(line), known)
    }

    fn json(&mut self, json: &[u8], known: Option<usize>) -> bool {
        match serde_json::from_slice(json) {
            Ok(Every::Object(members)) => {
                self.record(&members, known, 0);
                true
            }
            Ok(Every::List(items)) => items.iter().fold(false, |read, item| match item {
                Every::Object(members) => {
                    self.record(members, known, 0);
                    true
                }
                _ => read,
            }),
            _ => false,
        }
    }

    /// A line of a source whose lines are text; of any such source if nothing tells which.
    fn text(&mut self, line: &str, known: Option<usize>) -> bool {
        let bodies = text::without_prefix(line);
        let mut read = false;
        let mut found = Vec::new();
        for (nth, reader) in self.readers.iter().enumerate() {
            if known.is_some_and(|known| known != nth) || !reader.reads_text() {
                continue;
            }
            if let Some(pairs) = bodies.iter().find_map(|body| reader.read(body)) {
                read = true;
                found.extend(pairs.into_iter().map(|(name, value)| (nth, name, value)));
            }
        }
        let outer = std::mem::take(&mut self.said);
        for (nth, mut name, value) in found {
            // Access logs write a dash for what is absent.
            if value != "-" {
                self.value(&mut name, &Every::Text(value), Some(nth), 0);
            }
        }
        self.said_all(outer);
        read
    }

    /// The string of an envelope that holds the line, or a part of it if the runtime that wrote it cuts
    /// long ones: all but the last part lack the newline.
    fn wrapped(&mut self, text: &str, members: &Members, known: Option<usize>) {
        let stream = members.iter().find_map(|(key, value)| match value {
            Every::Text(stream) if key == "stream" && matches!(stream.as_str(), "stdout" | "stderr") => {
                Some(stream.as_str())
            }
            _ => None,
        });
        let Some(stream) = stream else {
            self.inner_line(text, known);
            return;
        };
        let is_last = text.ends_with('\n');
        let alone = self.inner_line(text, known);
        let mut read = alone;
        if let Some(waiting) = self.parts.get_mut(stream) {
            if !is_last && !alone && waiting.add(text.as_bytes()) {
                return;
            }
            let mut whole = self.parts.remove(stream).unwrap_or_default().bytes;
            whole.extend_from_slice(text.as_bytes());
            let joined = self.body(&whole, known);
            read |= joined;
            self.learned.unread_lines += u64::from(alone && !joined);
        } else if !is_last && !alone {
            let mut parts = Parts::default();
            parts.add(text.as_bytes());
            self.parts.insert(stream.to_owned(), parts);
            return;
        }
        let is_text = known.and_then(|nth| self.readers.get(nth));
        let expected = is_text.is_some_and(TextReader::reads_text);
        self.learned.unread_lines += u64::from(expected && !read);
    }

    /// A line inside a string. JSON alone is left to [`Self::value`], which opens every string.
    fn inner_line(&mut self, text: &str, known: Option<usize>) -> bool {
        let text = text.trim_ascii();
        if text.starts_with('{') {
            return serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok();
        }
        let has_time = text.split(' ').next().is_some_and(text::is_time);
        if has_time {
            return self.line(text.as_bytes(), known);
        }
        known.is_some() && self.text(text, known)
    }
}

impl Parts {
    /// Keeps a part, unless there are too many.
    fn add(&mut self, part: &[u8]) -> bool {
        let fits = self.count < MAX_PARTS && (self.bytes.len() + part.len()) as u64 <= MAX_LINE_BYTES;
        if fits {
            self.count += 1;
            self.bytes.extend_from_slice(part);
        }
        fits
    }
}

// Records.
impl Learner<'_> {
    /// The source that a record or an envelope names.
    fn discriminated(&self, members: &Members) -> Option<usize> {
        let objects = &self.profile.wrappers.objects;
        self.discriminators.iter().find_map(|(field, values)| {
            let dotted = || {
                objects
                    .iter()
                    .find_map(|object| text_of(members, &format!("{object}.{field}")))
            };
            let text = text_of(members, field).or_else(dotted)?;
            let named = values.iter().find(|(value, _)| names::fits(value, text));
            named.map(|(_, nth)| *nth)
        })
    }

    fn record(&mut self, members: &Members, known: Option<usize>, depth: usize) {
        if depth >= MAX_DEPTH {
            return;
        }
        let profile = self.profile;
        let known = self.discriminated(members).or(known);
        let keys = self.record_keys(known);
        for (key, value) in members {
            match value {
                Every::Object(inner) if profile.wrappers.objects.contains(key) => {
                    self.record(inner, known, depth + 1);
                }
                Every::Text(text) if profile.wrappers.strings.contains(key) => {
                    self.wrapped(text, members, known);
                }
                Every::List(items) if keys.contains(&key.as_str()) => {
                    for item in items {
                        if let Every::Object(inner) = item {
                            self.record(inner, known, depth + 1);
                        }
                    }
                }
                _ => {}
            }
        }
        let outer = std::mem::take(&mut self.said);
        for (key, value) in members {
            self.nested(&mut String::new(), key, value, known, depth);
        }
        self.said_all(outer);
    }

    /// The end of a record: what its siblings say decides the classes of what waits for them. Goes on with
    /// the record around it.
    fn said_all(&mut self, outer: Siblings) {
        let Siblings { said, waiting } = std::mem::replace(&mut self.said, outer);
        for (choice, text) in waiting {
            let is_said = |(field, value): &(String, String)| {
                let plain = plain(field);
                let mut said = said.iter();
                said.any(|(name, said)| (name == field || *name == plain) && said == value)
            };
            if choice.on.as_ref().is_some_and(is_said) {
                self.of_class(choice.class, &text);
            }
        }
    }

    fn value(&mut self, name: &mut String, value: &Every, known: Option<usize>, depth: usize) {
        match value {
            Every::Object(members) => {
                // Key-value lists are objects in disguise.
                let member = |key: &str| {
                    members
                        .iter()
                        .find(|(name, _)| name == key)
                        .map(|(_, value)| value)
                };
                if let (2, Some(Every::Text(key)), Some(value)) =
                    (members.len(), member("key"), member("value"))
                {
                    self.nested(name, key, value, known, depth);
                }
                for (key, value) in members {
                    self.nested(name, key, value, known, depth);
                }
            }
            Every::List(items) => items.iter().for_each(|item| self.value(name, item, known, depth)),
            Every::Text(text) => {
                self.typed(name, text, known);
                if depth < MAX_DEPTH
                    && text.trim_start().starts_with(['{', '['])
                    && let Ok(inner) = serde_json::from_str::<Every>(text)
                {
                    // Either parameters in a string, or the whole line inside an envelope.
                    self.value(name, &inner, known, depth + 1);
                    match inner {
                        Every::Object(members) => self.record(&members, known, depth + 1),
                        inner => self.value(&mut String::new(), &inner, known, depth + 1),
                    }
                }
            }
            Every::Number(number) => self.typed(name, number, known),
            Every::Other => {}
        }
    }

    fn nested(&mut self, name: &mut String, key: &str, value: &Every, known: Option<usize>, depth: usize) {
        if depth >= MAX_DEPTH {
            return;
        }
        let wrappers = &self.profile.wrappers;
        let length = name.len();
        if length == 0 {
            // Members of these objects are members of the record, however they are written.
            if wrappers.merged.iter().any(|object| object == key) && matches!(value, Every::Object(_)) {
                self.value(name, value, known, depth + 1);
            }
            let mut around = wrappers.objects.iter().chain(&wrappers.merged);
            let stem = around.find_map(|object| key.strip_prefix(object.as_str())?.strip_prefix('.'));
            if let Some(stem) = stem {
                self.value(&mut stem.to_owned(), value, known, depth + 1);
            }
        } else {
            name.push('.');
        }
        name.push_str(key);
        self.value(name, value, known, depth + 1);
        name.truncate(length);
    }

    /// A value by the classes that its field has.
    fn typed(&mut self, name: &str, text: &str, known: Option<usize>) {
        if self.siblings.contains(name) {
            self.said.said.push((name.to_owned(), text.to_owned()));
        }
        if text.is_empty() || text.starts_with('[') {
            return;
        }
        for choice in self.choices(name, known) {
            if choice.on.is_none() {
                self.of_class(choice.class, text);
            } else {
                self.said.waiting.push((choice, text.to_owned()));
            }
        }
    }

    fn of_class(&mut self, class: Class, text: &str) {
        if class == Class::Resource {
            self.url(text);
        } else if class.is_identity() && text.len() <= 512 {
            self.identity(class, text);
        }
    }

    /// Every class that a field of this name can have, as a field or as a listed parameter.
    fn choices(&self, name: &str, known: Option<usize>) -> Vec<Choice> {
        let Some(table) = known.map_or(Some(&self.union), |nth| self.tables.get(nth)) else {
            return Vec::new();
        };
        let mut found = table.get(name).cloned().unwrap_or_default();
        for (dot, _) in name.match_indices('.') {
            let holds_params = name
                .get(..dot)
                .and_then(|field| table.get(field))
                .is_some_and(|choices| choices.iter().any(|choice| choice.class == Class::Params));
            if holds_params {
                let class = name.get(dot + 1..).and_then(|key| self.profile.params.get(key));
                found.extend(class.map(|class| Choice {
                    class: *class,
                    on: None,
                }));
            }
        }
        found
    }

    /// A value of an identity class, kept if it is not the customer's.
    fn identity(&mut self, class: Class, text: &str) {
        // Where an id is asked for, a path may stand, its slashes encoded.
        let path = text.replace("%2F", "/").replace("%2f", "/");
        let (class, text) = match class {
            Class::ProjectId if is_path(&path) => (Class::Project, path.as_str()),
            Class::NamespaceId if is_path(&path) => (Class::Namespace, path.as_str()),
            Class::Project | Class::Namespace => (class, path.as_str()),
            _ => (class, text),
        };
        if !self.owned(class, text) {
            self.learned.values.insert((class, text.to_owned()));
        }
    }

    /// What a URL or path names, by the profile's routes and parameters.
    fn url(&mut self, text: &str) {
        let path = match text.split_once("://") {
            Some((scheme, rest)) if scheme.bytes().all(|b| b.is_ascii_alphabetic()) => {
                rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/")
            }
            _ if text.starts_with('/') => text,
            _ => return,
        };
        let path = path.split('#').next().unwrap_or_default();
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        // Servers read doubled slashes as one.
        let parts: Vec<&str> = path
            .split('/')
            .filter(|part| !part.is_empty() && *part != ".")
            .collect();
        if parts.len() > MAX_PATH_PARTS {
            return;
        }
        for (class, value) in self.verifier.routes.identities(&format!("/{}", parts.join("/"))) {
            let Some(value) = decoded(&value) else { continue };
            self.in_url(class, &value);
        }
        for pair in query.split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (Some(key), Some(value)) =
                (decoded(&key.replace('+', " ")), decoded(&value.replace('+', " ")))
            else {
                continue;
            };
            match self.profile.params.get(&key) {
                Some(class) if class.is_identity() && !value.is_empty() && value.len() <= 512 => {
                    self.identity(*class, &value);
                }
                _ => {}
            }
        }
    }

    fn in_url(&mut self, class: Class, value: &str) {
        let path = [".git", ".wiki", ".design"]
            .iter()
            .fold(value, |value, suffix| value.strip_suffix(suffix).unwrap_or(value));
        let is_name =
            |part: &str| !part.is_empty() && part.chars().all(|c| c.is_alphanumeric() || "_-.+@".contains(c));
        if path.len() > 512 || !path.split('/').all(is_name) {
            return;
        }
        // Anybody can ask for a path that is called like a client or a word; that makes it no name.
        let vocabulary = &self.profile.vocabulary;
        if vocabulary.words.contains(fold(path).as_ref())
            || vocabulary
                .agents
                .iter()
                .any(|agent| agent.eq_ignore_ascii_case(path))
        {
            return;
        }
        let root = path.split('/').next().unwrap_or(path);
        let personal = !matches!(class, Class::User | Class::UserId)
            && self.verifier.owned.user(root, crate::owned::When::Ever);
        if !personal {
            self.identity(class, path);
        }
    }

    fn owned(&self, class: Class, text: &str) -> bool {
        let verifier = self.verifier;
        let at = Context::always();
        match class {
            Class::User | Class::UserId | Class::Name | Class::Email => {
                verifier.own_user(Class::Name, text, at)
            }
            Class::Namespace | Class::NamespaceId | Class::Project | Class::ProjectId => {
                verifier.owned.namespace(text, at.time)
                    || verifier.owned.namespace_id(text, at.time)
                    || verifier.owned.project(text, at.time)
                    || verifier.owned.project_id(text, at.time)
            }
            // An address of a user of the scope is shown only in fields that are checked one by one.
            _ => false,
        }
    }
}

/// Longest path that is looked at.
const MAX_PATH_PARTS: usize = 64;

/// A path, not an id in one of its forms (`projects/7`, `gid://gitlab/Project/7`).
fn is_path(text: &str) -> bool {
    text.rsplit_once('/')
        .is_some_and(|(_, last)| !text.contains(':') && crate::owned::number(last).is_none())
}

/// Without percent encoding; nothing if what it hides is no text.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut parts = text.split('%');
    bytes.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        let digits = part
            .get(..2)
            .filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
        if let Some(byte) = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            bytes.push(byte);
            bytes.extend_from_slice(part.as_bytes().get(2..)?);
        } else {
            bytes.push(b'%');
            bytes.extend_from_slice(part.as_bytes());
        }
    }
    String::from_utf8(bytes).ok()
}
