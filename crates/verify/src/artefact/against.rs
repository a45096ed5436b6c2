//! The foreign set once more, from the raw inputs: nothing that the redactor learned is believed.
//!
//! Every line that is JSON, every record of a document, and every line that fits a pattern of its source is
//! flattened, and each value in a field of an identity class that is not the customer's joins the set. This
//! is slow and simple on purpose.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use decostop_profile::{Class, Format, Profile, Source, read_logfmt};

use crate::closure::Context;
use crate::error::Error;
use crate::verifier::Verifier;

/// Values held in memory at most.
const MAX_VALUES: usize = 2_000_000;
/// Longer lines are counted as not understood.
const MAX_LINE_BYTES: u64 = 64 << 20;
/// Larger documents are counted as not understood.
const MAX_DOCUMENT_BYTES: u64 = 512 << 20;
/// Words that a logger may put in front of a line of text.
const MAX_PREFIX_WORDS: usize = 8;
/// Nested strings that are JSON themselves are opened this deep.
const MAX_DEPTH: usize = 8;

/// What the raw inputs name that is not the customer's.
pub(crate) struct Learned {
    pub(crate) values: HashSet<(Class, String)>,
    pub(crate) unread_lines: u64,
}

/// Reads every input.
pub(crate) fn learn(paths: &[PathBuf], profile: &Profile, verifier: &Verifier) -> Result<Learned, Error> {
    let mut learner = Learner {
        profile,
        verifier,
        learned: Learned {
            values: HashSet::new(),
            unread_lines: 0,
        },
    };
    for path in paths {
        learner.path(path)?;
    }
    Ok(learner.learned)
}

struct Learner<'v> {
    profile: &'v Profile,
    verifier: &'v Verifier,
    learned: Learned,
}

/// A reader of the content, whatever it is packed in.
fn unpacked(path: &Path) -> io::Result<Box<dyn BufRead>> {
    let mut input = BufReader::with_capacity(1 << 17, File::open(path)?);
    let mut magic = [0; 4];
    let mut filled = 0;
    while let Some(rest) = magic.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match input.read(rest)? {
            0 => break,
            count => filled += count,
        }
    }
    let head = io::Cursor::new(magic).take(filled as u64);
    let whole = head.chain(input);
    Ok(match magic {
        [0x1f, 0x8b, ..] => Box::new(BufReader::new(flate2::bufread::MultiGzDecoder::new(whole))),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(whole)?))
        }
        [first, 0x2a, 0x4d, 0x18] if (0x50..=0x5f).contains(&first) => {
            Box::new(BufReader::new(zstd::stream::read::Decoder::with_buffer(whole)?))
        }
        _ => Box::new(whole),
    })
}

impl Learner<'_> {
    fn path(&mut self, path: &Path) -> Result<(), Error> {
        let metadata = fs::metadata(path).map_err(|cause| Error::io(path, cause))?;
        if !metadata.is_dir() {
            return self.file(path);
        }
        let mut entries = Vec::new();
        for entry in fs::read_dir(path).map_err(|cause| Error::io(path, cause))? {
            entries.push(entry.map_err(|cause| Error::io(path, cause))?.path());
        }
        entries.sort();
        // A link inside a folder may lead anywhere, also back to the folder.
        entries
            .iter()
            .filter(|entry| !entry.is_symlink())
            .try_for_each(|entry| self.path(entry))
    }

    fn file(&mut self, path: &Path) -> Result<(), Error> {
        let sources = self.sources(path);
        let mut input = unpacked(path).map_err(|cause| Error::io(path, cause))?;
        let mut line = Vec::new();
        let documents = sources
            .iter()
            .filter_map(|&nth| self.profile.sources.get(nth))
            .any(|source| !source.records.is_empty());
        // A document may be spread over lines: it is read whole, and by lines if it is none.
        if documents {
            let mut whole = Vec::new();
            let read = input.by_ref().take(MAX_DOCUMENT_BYTES).read_to_end(&mut whole);
            if read.is_ok() && self.document(&whole, &sources) {
                return self.within_limit(path);
            }
            input = unpacked(path).map_err(|cause| Error::io(path, cause))?;
        }
        loop {
            line.clear();
            match input.by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line) {
                Ok(0) => return Ok(()),
                Ok(_) => {}
                // A damaged end: the dive used the lines before it, and so does this.
                Err(_) => {
                    self.learned.unread_lines += 1;
                    return Ok(());
                }
            }
            let start = line.iter().position(|b| *b == b'{').unwrap_or(line.len());
            let json = line.get(start..).unwrap_or_default();
            match serde_json::from_slice::<Every>(json) {
                Ok(value) => self.value(&mut String::new(), &value, &sources, 0),
                Err(_) if line.trim_ascii().is_empty() || self.text(&line, &sources) => {}
                Err(_) => self.learned.unread_lines += 1,
            }
            self.within_limit(path)?;
        }
    }

    fn within_limit(&self, path: &Path) -> Result<(), Error> {
        if self.learned.values.len() > MAX_VALUES {
            return Err(Error::limit(
                path,
                "more than 2,000,000 foreign values in the inputs",
            ));
        }
        Ok(())
    }

    /// JSON values one after the other, whatever the line feeds; false if it is not that to the end.
    fn document(&mut self, whole: &[u8], sources: &[usize]) -> bool {
        let mut values = serde_json::Deserializer::from_slice(whole).into_iter::<Every>();
        values.by_ref().all(|value| match value {
            Ok(value) => {
                self.value(&mut String::new(), &value, sources, 0);
                true
            }
            Err(_) => false,
        })
    }

    /// A line that fits a pattern of a source, by itself or behind what a logger puts in front.
    fn text(&mut self, line: &[u8], sources: &[usize]) -> bool {
        let Ok(line) = std::str::from_utf8(line) else {
            return false;
        };
        let line = line.trim_ascii();
        let behind = line
            .match_indices([' ', '\t'])
            .map(|(at, _)| line.get(at + 1..).unwrap_or_default());
        for text in std::iter::once(line).chain(behind.take(MAX_PREFIX_WORDS)) {
            for &nth in sources {
                let found = self
                    .profile
                    .sources
                    .get(nth)
                    .and_then(|source| match source.format {
                        Format::Text => source.lines.iter().find_map(|pattern| pattern.read(text)),
                        Format::Logfmt => read_logfmt(text),
                        _ => None,
                    });
                if let Some(found) = found {
                    for (name, value) in found.iter().filter(|(_, value)| value != "-") {
                        self.identity(name, value, &[nth]);
                    }
                    return true;
                }
            }
        }
        false
    }

    /// The source by the file's name, else every source.
    fn sources(&self, path: &Path) -> Vec<usize> {
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        let parent = path
            .parent()
            .and_then(Path::file_name)
            .map(|name| name.to_string_lossy().into_owned());
        let longer = format!("{}/{name}", parent.unwrap_or_default());
        let fits = |source: &Source| {
            source
                .files
                .iter()
                .any(|glob| fits(glob, if glob.contains('/') { &longer } else { &name }))
        };
        let by_name = self.profile.sources.iter().position(fits);
        by_name.map_or_else(|| (0..self.profile.sources.len()).collect(), |nth| vec![nth])
    }

    fn value(&mut self, name: &mut String, value: &Every, sources: &[usize], depth: usize) {
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
                    self.nested(name, key, value, sources, depth);
                }
                for (key, value) in members {
                    self.nested(name, key, value, sources, depth);
                }
            }
            Every::List(items) => items
                .iter()
                .for_each(|item| self.value(name, item, sources, depth)),
            Every::Text(text) => {
                self.identity(name, text, sources);
                if depth < MAX_DEPTH
                    && text.trim_start().starts_with(['{', '['])
                    && let Ok(inner) = serde_json::from_str::<Every>(text)
                {
                    // Either parameters in a string, or the whole line inside an envelope.
                    self.value(name, &inner, sources, depth + 1);
                    self.value(&mut String::new(), &inner, sources, depth + 1);
                }
            }
            Every::Number(number) => self.identity(name, number, sources),
            Every::Other => {}
        }
    }

    fn nested(&mut self, name: &mut String, key: &str, value: &Every, sources: &[usize], depth: usize) {
        if depth >= MAX_DEPTH {
            return;
        }
        let holds_records = |nth: &usize| {
            let source = self.profile.sources.get(*nth);
            source.is_some_and(|source| source.records.iter().any(|list| list == key))
        };
        if name.is_empty()
            && sources.iter().any(holds_records)
            && let Every::List(items) = value
        {
            for item in items {
                self.value(&mut String::new(), item, sources, depth + 1);
            }
            return;
        }
        let wrapper = name.is_empty() && self.profile.wrappers.objects.iter().any(|object| object == key);
        if wrapper && matches!(value, Every::Object(_)) {
            self.value(&mut String::new(), value, sources, depth + 1);
        }
        let stem = self
            .profile
            .wrappers
            .objects
            .iter()
            .find_map(|object| key.strip_prefix(object)?.strip_prefix('.'));
        let length = name.len();
        if length > 0 {
            name.push('.');
        }
        name.push_str(stem.filter(|_| length == 0).unwrap_or(key));
        self.value(name, value, sources, depth + 1);
        name.truncate(length);
    }

    /// A value of an identity class that is not the customer's.
    fn identity(&mut self, name: &str, text: &str, sources: &[usize]) {
        if text.is_empty() || text.starts_with('[') || text.len() > 512 {
            return;
        }
        for &nth in sources {
            let Some(source) = self.profile.sources.get(nth) else {
                continue;
            };
            for class in classes(source, self.profile, name) {
                if class.is_identity() && !self.owned(class, text) {
                    self.learned.values.insert((class, text.to_owned()));
                }
            }
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

/// Every class that a field of this name can have, as a field or as a listed parameter.
fn classes(source: &Source, profile: &Profile, name: &str) -> Vec<Class> {
    if let Some(spec) = source.fields.get(name) {
        return spec.classes().collect();
    }
    let param = name.match_indices('.').find_map(|(dot, _)| {
        let field = source.fields.get(name.get(..dot)?)?;
        let params = field.classes().any(|class| class == Class::Params);
        params
            .then(|| profile.params.get(name.get(dot + 1..)?).copied())
            .flatten()
    });
    param.into_iter().collect()
}

/// `*` stands for any run of characters.
fn fits(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let Some(last) = glob.rsplit_once('*').map(|(_, last)| last) else {
        return rest.is_empty();
    };
    let middle: Vec<&str> = parts.collect();
    for part in middle.iter().take(middle.len().saturating_sub(1)) {
        let Some(at) = rest.find(*part) else { return false };
        rest = rest.get(at + part.len()..).unwrap_or_default();
    }
    rest.ends_with(last)
}

/// JSON with every member of every object, duplicate keys too, and numbers as text.
enum Every {
    List(Vec<Every>),
    Number(String),
    Object(Vec<(String, Every)>),
    Other,
    Text(String),
}

impl<'de> serde::Deserialize<'de> for Every {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> serde::de::Visitor<'de> for Visitor {
    type Value = Every;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Every, E> {
        Ok(Every::Other)
    }

    fn visit_unit<E>(self) -> Result<Every, E> {
        Ok(Every::Other)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Every, E> {
        Ok(Every::Number(number.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Every, E> {
        Ok(Every::Number(number.to_string()))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Every, E> {
        Ok(Every::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Every, E> {
        Ok(Every::Text(text.to_owned()))
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut items: A) -> Result<Every, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Every::List(list))
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Every, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Every::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PROFILE: &str = r#"
version = 1
name = "x"
[[source]]
name = "trail"
about = "documents"
files = ["trail*"]
records = ["Records"]
time = ["t"]
[source.fields]
"t" = "time"
"who.name" = "user"
"addresses" = "ip"
[[source]]
name = "access"
about = "text"
files = ["access*"]
format = "text"
lines = ['{client} {name} [{t}]']
time = ["t"]
[source.fields]
"t" = "time"
"client" = "ip"
"name" = "user"
"#;

    fn learned(file: &str, content: &str) -> (Vec<(Class, String)>, u64) {
        let profile = std::sync::Arc::new(Profile::parse(PROFILE).expect("a profile"));
        let verifier =
            Verifier::new(profile.clone(), crate::testing::ground(true)).expect("a verifier of the profile");
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join(file);
        fs::write(&path, content).expect("writable");
        let learned = learn(&[path], &profile, &verifier).expect("readable");
        let mut values: Vec<_> = learned.values.into_iter().collect();
        values.sort();
        (values, learned.unread_lines)
    }

    #[test]
    fn documents_and_lines_of_text_are_learned_from() {
        let record = r#"{"t":"2026-11-01T00:00:00Z","who":{"name":"mallory"},"addresses":["192.0.2.9"]}"#;
        let wanted = vec![
            (Class::Ip, "192.0.2.9".to_owned()),
            (Class::User, "mallory".to_owned()),
        ];
        let spread = record.replace(',', ",\n");
        for (file, content, unread) in [
            ("trail.json", format!(r#"{{"Records":[{record}]}}"#), 0),
            (
                "trail.json",
                format!("{{\"v\":1,\n\"Records\":\n[{spread},\n{record}]}}\n"),
                0,
            ),
            ("trail.json", format!("{record}\n{record}"), 0),
            ("trail.json", format!("no document\n{record}\n"), 1),
            (
                "access.log",
                "192.0.2.9 mallory [01/Nov/2026:00:00:00 +0000]\n".to_owned(),
                0,
            ),
            (
                "access.log",
                "Nov  1 00:00:00 web-1 httpd[7]: 192.0.2.9 mallory [01/Nov/2026:00:00:00 +0000]\nno line\n"
                    .to_owned(),
                1,
            ),
        ] {
            assert_eq!(learned(file, &content), (wanted.clone(), unread), "{content}");
        }
    }

    #[test]
    fn globs_fit_whole_names() {
        for (glob, text, yes) in [
            ("a.log", "a.log", true),
            ("a.log", "a.log.1", false),
            ("*a*", "xax", true),
            ("a*", "ba", false),
            ("*a*b", "a-b-c", false),
            ("*a*b", "a-c-b", true),
            ("a*a", "a", false),
            ("*", "", true),
        ] {
            assert_eq!(fits(glob, text), yes, "{glob} {text}");
        }
    }
}
