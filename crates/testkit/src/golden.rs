//! The golden corpus: one case shows one rule. One loader, many runners.
//!
//! ```text
//! testdata/golden/*.toml -> File -> Case -> runner -> Bindings::check(expected, actual)
//! ```
//!
//! A case states the whole output, byte for byte; only pseudonyms, which differ with every key, are
//! written as `{user:1}`: the same number stands for the same pseudonym, another number for another.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// What a file of cases may say for all of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The keys of `[scope]`.
    scope: String,
    /// The `[[select]]` tables.
    select: String,
    case: Vec<Case>,
}

/// Bounds that a case may lower.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CaseLimits {
    /// Longest line.
    pub max_line_bytes: Option<usize>,
    /// Deepest nesting.
    pub max_depth: Option<usize>,
    /// Most JSON nodes.
    pub max_nodes: Option<usize>,
    /// Most values in the dictionary.
    pub max_dictionary: Option<usize>,
}

/// One case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Case {
    /// Its name, unique over all files.
    pub name: String,
    /// The rule it shows: a document and a paragraph.
    pub rule: String,
    /// What the rule says of it.
    pub why: String,
    /// The source of [`Case::input`].
    #[serde(default)]
    source: String,
    /// Lines of the source. `{byte:ff}` stands for one byte that is not text, `{repeat:x:100}` for a
    /// run.
    #[serde(default)]
    input: Vec<String>,
    /// Lines of further sources.
    #[serde(default)]
    files: BTreeMap<String, Vec<String>>,
    /// Output without personal data; absent if the case does not say.
    support: Option<Vec<String>>,
    /// Output with personal data; absent if the case does not say.
    personal: Option<Vec<String>>,
    /// Output in both modes.
    both: Option<Vec<String>>,
    /// Matched lines without nexus.
    #[serde(default)]
    pub outside_scope: u64,
    /// Reasons of lines that are kept back, ordered.
    #[serde(default)]
    pub withheld: Vec<String>,
    /// Counted notes that must be there.
    #[serde(default)]
    pub notes: BTreeMap<String, u64>,
    /// Names of unknown fields as they are told, with counts; checked if given.
    pub unknown_fields: Option<BTreeMap<String, u64>>,
    /// Class and text of accounts known to be foreign.
    #[serde(default)]
    pub accounts: Vec<(String, String)>,
    /// Whether names are learned from every line.
    #[serde(default)]
    pub learn_all: bool,
    /// Lower bounds.
    #[serde(default)]
    pub limits: CaseLimits,
    scope: Option<String>,
    select: Option<String>,
    /// More of the request, after everything else.
    #[serde(default)]
    extra: String,
}

/// One case in one mode.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Run {
    /// Whether personal data is asked for.
    pub personal_data: bool,
    /// The request, as TOML.
    pub request: String,
    /// The output, line by line.
    pub expected: Vec<String>,
}

/// Why the corpus could not be loaded.
#[derive(Debug)]
pub struct LoadError(String);

impl std::fmt::Display for LoadError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for LoadError {}

/// Where the corpus lies in the repository.
pub fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/golden")
}

/// Loads every file of a directory, ordered by file name.
///
/// # Errors
/// A file cannot be read or is no corpus, or two cases share a name.
pub fn load(dir: &Path) -> Result<Vec<Case>, LoadError> {
    let entries = std::fs::read_dir(dir).map_err(|cause| LoadError(format!("{}: {cause}", dir.display())))?;
    let mut paths: Vec<PathBuf> = entries.filter_map(Result::ok).map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ext| ext == "toml"));
    paths.sort_unstable();
    let mut cases: Vec<Case> = Vec::new();
    for path in paths {
        let fault = |cause: &dyn std::fmt::Display| LoadError(format!("{}: {cause}", path.display()));
        let text = std::fs::read_to_string(&path).map_err(|cause| fault(&cause))?;
        let file: File = toml::from_str(&text).map_err(|cause| fault(&cause))?;
        for mut case in file.case {
            if cases.iter().any(|other| other.name == case.name) {
                return Err(fault(&format!("two cases are named {}", case.name)));
            }
            if case.support.is_none() && case.personal.is_none() && case.both.is_none() {
                return Err(fault(&format!("{} expects nothing", case.name)));
            }
            case.scope.get_or_insert_with(|| file.scope.clone());
            case.select.get_or_insert_with(|| file.select.clone());
            cases.push(case);
        }
    }
    Ok(cases)
}

impl Case {
    /// The modes in which the case is run.
    pub fn runs(&self) -> Vec<Run> {
        let modes = [(false, &self.support), (true, &self.personal)];
        let expected = |own: &Option<Vec<String>>| own.clone().or_else(|| self.both.clone());
        modes
            .into_iter()
            .filter_map(|(personal_data, own)| {
                Some(Run {
                    personal_data,
                    request: self.request(personal_data),
                    expected: expected(own)?,
                })
            })
            .collect()
    }

    /// Inputs: source name and bytes, each line with its end.
    pub fn inputs(&self) -> Vec<(String, Vec<u8>)> {
        let own = (!self.source.is_empty()).then_some((&self.source, &self.input));
        let lines = |lines: &[String]| {
            let mut out = Vec::new();
            for line in lines {
                push_line(line, &mut out);
                out.push(b'\n');
            }
            out
        };
        own.into_iter()
            .chain(&self.files)
            .map(|(source, text)| (source.clone(), lines(text)))
            .collect()
    }

    fn request(&self, personal_data: bool) -> String {
        let scope = self.scope.as_deref().unwrap_or_default();
        let select = self.select.as_deref().unwrap_or_default();
        let mut out = format!(
            "version = 1\nid = \"GOLDEN-1\"\nrequested_at = 2026-11-08T09:00:00Z\n\
             [customer]\nname = \"Acme\"\nplan = \"ultimate\"\nbilling = \"paid\"\n\
             [scope]\nevidence = \"a test\"\n{scope}\n\
             [window]\nfrom = 2026-11-01T00:00:00Z\nto = 2026-11-08T00:00:00Z\n{select}\n\
             [disclosure]\npersonal_data = {personal_data}\n"
        );
        for condition in ["events.few", "events.listed", "resources.listed"] {
            let _ = write!(
                out,
                "[[exception]]\ncondition = \"{condition}\"\nreason = \"a test\"\napproved_by = \"the tests\"\n"
            );
        }
        out.push_str(&self.extra);
        out
    }
}

/// A line with its stand-ins filled in.
fn push_line(line: &str, out: &mut Vec<u8>) {
    let mut rest = line;
    loop {
        let (before, mark) = match (rest.find("{byte:"), rest.find("{repeat:")) {
            (None, None) => return out.extend_from_slice(rest.as_bytes()),
            (a, b) => rest.split_at(a.unwrap_or(usize::MAX).min(b.unwrap_or(usize::MAX))),
        };
        out.extend_from_slice(before.as_bytes());
        let (inner, after) = mark.split_once('}').unwrap_or((mark, ""));
        let mut parts = inner.trim_start_matches('{').splitn(3, ':');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("byte"), Some(hex), None) => out.extend(u8::from_str_radix(hex, 16).ok()),
            (Some("repeat"), Some(text), Some(count)) => {
                out.extend_from_slice(text.repeat(count.parse().unwrap_or(0)).as_bytes());
            }
            _ => out.extend_from_slice(inner.as_bytes()),
        }
        rest = after;
    }
}

/// Kinds of pseudonyms.
const KINDS: [&str; 8] = [
    "user",
    "name",
    "email",
    "namespace",
    "project",
    "ip",
    "correlation",
    "token",
];

/// Which pseudonym each stand-in of one run stands for.
#[derive(Clone, Debug, Default)]
pub struct Bindings(BTreeMap<String, String>);

impl Bindings {
    /// Whether `actual` is what `expected` says; stand-ins are bound on the way.
    pub fn check(&mut self, expected: &str, actual: &str) -> bool {
        let (mut expected, mut actual) = (expected, actual);
        while let Some((before, key, after)) = next_stand_in(expected) {
            let Some(rest) = actual.strip_prefix(before) else {
                return false;
            };
            let Some((pseudonym, rest)) = take_pseudonym(rest, kind_of(key)) else {
                return false;
            };
            if !self.bind(key, pseudonym) {
                return false;
            }
            (expected, actual) = (after, rest);
        }
        expected == actual
    }

    fn bind(&mut self, key: &str, pseudonym: &str) -> bool {
        match self.0.get(key) {
            Some(known) => known == pseudonym,
            None if self.0.values().any(|other| other == pseudonym) => false,
            None => self.0.insert(key.to_owned(), pseudonym.to_owned()).is_none(),
        }
    }
}

fn kind_of(key: &str) -> &str {
    key.split(':').next().unwrap_or_default()
}

/// The text before the first stand-in, `kind:number`, and the text after it.
fn next_stand_in(text: &str) -> Option<(&str, &str, &str)> {
    for (at, _) in text.match_indices('{') {
        let (before, rest) = text.split_at(at);
        let Some((key, after)) = rest.get(1..).and_then(|rest| rest.split_once('}')) else {
            continue;
        };
        let Some((kind, number)) = key.split_once(':') else {
            continue;
        };
        if KINDS.contains(&kind) && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some((before, key, after));
        }
    }
    None
}

/// A pseudonym of this kind at the start of the text, and what follows it.
fn take_pseudonym<'t>(text: &'t str, kind: &str) -> Option<(&'t str, &'t str)> {
    let tail = text.strip_prefix(kind)?.strip_prefix('-')?;
    let sound = tail
        .get(..21)?
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || (b'2'..=b'7').contains(&byte));
    sound.then(|| text.split_at(kind.len() + 22))
}

/// Puts stand-ins in place of pseudonyms, numbered as they come: how a case is first written down.
pub fn with_stand_ins(lines: &[String]) -> Vec<String> {
    let mut known: BTreeMap<String, String> = BTreeMap::new();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut out = Vec::new();
    for line in lines {
        let (mut rest, mut shown) = (line.as_str(), String::new());
        while let Some(c) = rest.chars().next() {
            let boundary = !shown.ends_with(|c: char| c.is_ascii_alphanumeric());
            let found = KINDS
                .iter()
                .filter(|_| boundary)
                .find_map(|kind| Some((*kind, take_pseudonym(rest, kind)?)));
            if let Some((kind, (pseudonym, after))) = found {
                let stand_in = known.entry(pseudonym.to_owned()).or_insert_with(|| {
                    let count = counts.entry(kind).or_default();
                    *count += 1;
                    format!("{{{kind}:{count}}}")
                });
                shown.push_str(stand_in);
                rest = after;
            } else {
                shown.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
        out.push(shown);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &str = "user-abcdefghijklmnopqrstu";
    const B: &str = "user-bbcdefghijklmnopqrstu";

    #[test]
    fn equal_numbers_are_equal_pseudonyms() {
        let check = |expected: &str, actual: String| Bindings::default().check(expected, &actual);
        assert!(check("{user:1} x {user:1}", format!("{A} x {A}")));
        assert!(check("{user:1} x {user:2}", format!("{A} x {B}")));
        assert!(!check("{user:1} x {user:1}", format!("{A} x {B}")));
        assert!(!check("{user:1} x {user:2}", format!("{A} x {A}")));
        assert!(!check("{name:1}", A.to_owned()));
        assert!(!check("{user:1}", format!("{A}x")));
        assert!(!check("alice", A.to_owned()));
        assert!(check(r#"{"a":{"b":1}}"#, r#"{"a":{"b":1}}"#.to_owned()));
    }

    #[test]
    fn stand_ins_are_numbered_as_they_come() {
        let lines = [format!(r#"{{"a":"{B}"}}"#), format!("{A} {B}")];
        assert_eq!(
            with_stand_ins(&lines),
            [r#"{"a":"{user:1}"}"#, "{user:2} {user:1}"]
        );
    }

    #[test]
    fn lines_can_hold_any_byte() {
        let mut out = Vec::new();
        push_line("a{byte:ff}b{repeat:xy:2}{\"c\":1}", &mut out);
        assert_eq!(out, b"a\xffbxyxy{\"c\":1}");
    }

    #[test]
    fn the_corpus_loads() {
        let cases = load(&directory()).expect("a sound corpus");
        assert!(cases.len() >= 60, "{} cases", cases.len());
    }
}
