//! What a profile's own data can prove about it: `decostop profile check`.
//!
//! Loading refuses a profile whose parts contradict each other. A check goes further and runs the
//! examples: it finds a profile that is sound and still does not say what its author meant.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt;

use serde_json::{Map, Value};

use crate::line::read_logfmt;
use crate::model::{Event, Example, Format, Profile, Source, Template};
use crate::syntax::{self, Asked, Piece};

/// Something in a profile that does not do what it says.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct CheckFinding {
    /// The part of the profile, such as ``source `gitaly`.example[1]``.
    pub place: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for CheckFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.reason)
    }
}

/// What a check looked at and what it found.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct CheckReport {
    /// Sources.
    pub sources: usize,
    /// Fields and field patterns of all sources.
    pub fields: usize,
    /// Sample lines that were run.
    pub examples: usize,
    /// Public events.
    pub events: usize,
    /// Raw patterns of all public events.
    pub raw_patterns: usize,
    /// Path patterns.
    pub routes: usize,
    /// Message templates, each run on its example.
    pub templates: usize,
    /// Words of the vocabulary.
    pub words: usize,
    /// Raw events of the vocabulary.
    pub known_events: usize,
    /// What is wrong, in the order of the profile.
    pub findings: Vec<CheckFinding>,
}

impl CheckReport {
    /// Whether nothing was found.
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    fn find(&mut self, place: impl Into<String>, reason: impl Into<String>) {
        self.findings.push(CheckFinding {
            place: place.into(),
            reason: reason.into(),
        });
    }
}

impl Profile {
    /// Runs the profile's examples and looks for parts that cannot work.
    ///
    /// ```
    /// let report = decostop_profile::Profile::gitlab().check();
    /// assert!(report.is_clean());
    /// assert!(report.examples >= 14);
    /// ```
    pub fn check(&self) -> CheckReport {
        let mut report = CheckReport {
            sources: self.sources.len(),
            fields: self
                .sources
                .iter()
                .map(|source| source.fields.len() + source.patterns.len())
                .sum(),
            examples: self.sources.iter().map(|source| source.examples.len()).sum(),
            events: self.events.len(),
            raw_patterns: self
                .events
                .iter()
                .flat_map(|event| event.raw.values())
                .map(Vec::len)
                .sum(),
            routes: self.routes.len(),
            templates: self.templates.len(),
            words: self.vocabulary.words.len(),
            known_events: self.vocabulary.events.len(),
            findings: Vec::new(),
        };
        for source in &self.sources {
            check_source(source, self, &mut report);
        }
        self.check_events(&mut report);
        self.check_routes(&mut report);
        check_templates(&self.templates, &mut report);
        report
    }

    fn check_events(&self, report: &mut CheckReport) {
        let reach = Reach::new(&self.events);
        for (i, event) in self.events.iter().enumerate() {
            let place = format!("event `{}`", event.name);
            if event.raw.values().all(Vec::is_empty) {
                report.find(&place, "stands for nothing: no raw pattern");
            }
            for (source, patterns) in &event.raw {
                for pattern in patterns.iter().filter(|pattern| !pattern.contains('*')) {
                    let known = self.vocabulary.events.contains(pattern.as_str());
                    if !known && !syntax::is_caller(pattern) && !self.is_routed(pattern) {
                        let reason = format!("`{pattern}` fits no entry point and is not in the vocabulary");
                        report.find(format!("{place}.raw.{source}"), reason);
                    }
                    let first = reach.first(source, pattern).filter(|&first| first != i);
                    if let Some(other) = first.and_then(|first| self.events.get(first)) {
                        let reason = format!(
                            "`{pattern}` already belongs to `{}`, which comes first",
                            other.name
                        );
                        report.find(format!("{place}.raw.{source}"), reason);
                    }
                }
            }
        }
    }

    /// Whether a raw event is what `{method} {uri|route}` can give.
    fn is_routed(&self, pattern: &str) -> bool {
        pattern.split_once(' ').is_some_and(|(method, route)| {
            self.vocabulary.methods.contains(method) && self.routes.iter().any(|known| known == route)
        })
    }

    fn check_routes(&self, report: &mut CheckReport) {
        for (i, later) in self.routes.iter().enumerate() {
            if let Some(earlier) = self.routes.iter().take(i).find(|earlier| covers(earlier, later)) {
                report.find(
                    "paths.routes",
                    format!("`{later}` is never reached: `{earlier}` comes first"),
                );
            }
        }
    }
}

/// Which event the raw events of a source reach first.
struct Reach<'p> {
    exact: HashMap<(&'p str, &'p str), usize>,
    globs: HashMap<&'p str, Vec<(&'p str, usize)>>,
}

impl<'p> Reach<'p> {
    fn new(events: &'p [Event]) -> Self {
        let mut reach = Self {
            exact: HashMap::new(),
            globs: HashMap::new(),
        };
        for (i, event) in events.iter().enumerate() {
            for (source, patterns) in &event.raw {
                for pattern in patterns {
                    if pattern.contains('*') {
                        reach.globs.entry(source).or_default().push((pattern, i));
                    } else {
                        reach.exact.entry((source, pattern)).or_insert(i);
                    }
                }
            }
        }
        reach
    }

    fn first(&self, source: &str, raw: &str) -> Option<usize> {
        let globs = self.globs.get(source).into_iter().flatten();
        let by_glob = globs.filter(|(glob, _)| syntax::glob(glob, raw)).map(|(_, i)| *i);
        by_glob.chain(self.exact.get(&(source, raw)).copied()).min()
    }
}

/// Whether every path that fits `later` also fits `earlier`, as far as the segments tell one by one.
fn covers(earlier: &str, later: &str) -> bool {
    let (mut earlier, mut later) = (earlier.split('/'), later.split('/'));
    loop {
        match (earlier.next(), later.next()) {
            (None, None) | (Some("**"), _) => return true,
            (Some(one), Some(other)) if one == other => {}
            (Some(one), Some(other)) if takes_any(one) && takes_one(other) => {}
            _ => return false,
        }
    }
}

/// Slots that take any one segment.
fn takes_any(segment: &str) -> bool {
    matches!(
        segment,
        ":namespace_id" | ":project_id" | ":secret" | ":user" | ":user_id" | ":word"
    )
}

/// Segments that take exactly one segment.
fn takes_one(segment: &str) -> bool {
    !matches!(segment, ":namespace" | ":project" | "**")
}

fn check_source(source: &Source, profile: &Profile, report: &mut CheckReport) {
    let place = format!("source `{}`", source.name);
    if source.files.is_empty() && source.discriminators.is_empty() {
        report.find(
            &place,
            "no line can be known to be of it: neither `files` nor `discriminators`",
        );
    }
    if source.event.is_empty() {
        report.find(&place, "its records have no event: no `event` expression");
    }
    if source.examples.is_empty() {
        report.find(&place, "has no example line");
    }
    for (i, example) in source.examples.iter().enumerate() {
        let place = format!("{place}.example[{i}]");
        match object_of(source, &example.line) {
            Ok(object) => check_example(source, profile, example, &object, &place, report),
            Err(reason) => report.find(place, reason),
        }
    }
}

/// The fields of a line as a JSON object, whatever its format.
fn object_of(source: &Source, line: &str) -> Result<Map<String, Value>, String> {
    let by_pattern = || {
        let pairs = source.lines.iter().find_map(|pattern| pattern.read(line))?;
        Some(pairs.into_iter().filter(|(_, value)| value != "-").collect())
    };
    let pairs: Option<Vec<_>> = match source.format {
        Format::Text => by_pattern(),
        Format::Logfmt => read_logfmt(line).or_else(by_pattern),
        Format::Json => None,
    };
    if let Some(pairs) = pairs {
        let text = |(name, value): (&str, Cow<'_, str>)| (name.to_owned(), Value::String(value.into_owned()));
        return Ok(pairs.into_iter().map(text).collect());
    }
    match serde_json::from_str::<Value>(line) {
        Ok(Value::Object(object)) => Ok(object),
        _ if source.format == Format::Text => Err("the line fits none of the patterns".to_owned()),
        _ if source.format == Format::Logfmt => Err("the line is not logfmt".to_owned()),
        Ok(_) => Err("the line is not a JSON object".to_owned()),
        Err(error) => Err(format!("the line is not JSON (column {})", error.column())),
    }
}

fn check_example(
    source: &Source,
    profile: &Profile,
    example: &Example,
    object: &Map<String, Value>,
    place: &str,
    report: &mut CheckReport,
) {
    let mut fields = BTreeMap::new();
    flatten(source, "", object, &mut fields);

    let event = source
        .event
        .iter()
        .find_map(|expression| evaluate(expression, &fields, profile));
    if example.event.is_some() && event != example.event {
        let shown = |event: &Option<String>| {
            event
                .as_ref()
                .map_or("none".to_owned(), |event| format!("`{event}`"))
        };
        report.find(
            place,
            format!("its event is {}, not {}", shown(&event), shown(&example.event)),
        );
    }
    let time = source
        .time
        .iter()
        .find_map(|field| match fields.get(field.as_str())? {
            Value::Number(number) => Some(number.to_string()),
            value => text(value).map(str::to_owned),
        })
        .filter(|time| is_instant(time) || is_epoch(time));
    match (time, &example.time) {
        (None, _) => report.find(place, "its time is not found or is no instant"),
        (Some(found), Some(stated)) if found != *stated => {
            report.find(place, format!("its time is `{found}`, not `{stated}`"));
        }
        _ => {}
    }
    for field in &example.unknown {
        if source.spec(field).is_some() {
            report.find(place, format!("`{field}` is said to be unknown and has a class"));
        } else if !fields.contains_key(field) {
            report.find(
                place,
                format!("`{field}` is said to be unknown and does not occur"),
            );
        }
    }
    for field in fields.keys().filter(|field| !example.unknown.contains(field)) {
        if source.spec(field).is_none() {
            report.find(
                place,
                format!("`{field}` has no class; give it one or list it as `unknown`"),
            );
        }
    }
}

/// Fields of nested objects under dotted names; an object whose name has a class stays whole.
fn flatten<'v>(
    source: &Source,
    prefix: &str,
    object: &'v Map<String, Value>,
    fields: &mut BTreeMap<String, &'v Value>,
) {
    for (key, value) in object {
        let name = if prefix.is_empty() {
            key.clone()
        } else {
            format!("{prefix}.{key}")
        };
        match value {
            Value::Object(inner) if source.spec(&name).is_none() => flatten(source, &name, inner, fields),
            _ => {
                fields.insert(name, value);
            }
        }
    }
}

fn text(value: &Value) -> Option<&str> {
    value.as_str().filter(|text| !text.is_empty())
}

fn evaluate(expression: &str, fields: &BTreeMap<String, &Value>, profile: &Profile) -> Option<String> {
    let scalar = |field: &str| match fields.get(field)? {
        Value::Number(number) => Some(number.to_string()),
        value => text(value).map(str::to_owned),
    };
    let mut event = String::new();
    for piece in syntax::pieces(expression).ok()? {
        match piece {
            Piece::Literal(literal) => event.push_str(literal),
            Piece::Slot(slot) => {
                let (field, asked) = syntax::placeholder(slot);
                match asked {
                    Asked::Text => event.push_str(&scalar(field)?),
                    Asked::Route => event.push_str(route_of(&profile.routes, text(fields.get(field)?)?)?),
                    Asked::Template => {
                        event.push_str(event_of(&profile.templates, text(fields.get(field)?)?)?);
                    }
                }
            }
        }
    }
    Some(event)
}

/// The event of the first template that a message fits.
fn event_of<'t>(templates: &'t [Template], message: &str) -> Option<&'t str> {
    let fitting = templates
        .iter()
        .find(|template| syntax::pieces(&template.text).is_ok_and(|pieces| fits(&pieces, message)))?;
    fitting.event.as_deref()
}

/// The first route that a URL's path fits, slots by their number of segments only.
fn route_of<'r>(routes: &'r [String], url: &str) -> Option<&'r str> {
    fn fits(route: &[&str], path: &[&str]) -> bool {
        match (route, path) {
            ([], []) | (["**"], _) => true,
            ([first, rest @ ..], path) if !takes_one(first) => {
                (1..=path.len()).any(|taken| fits(rest, path.get(taken..).unwrap_or_default()))
            }
            ([first, rest @ ..], [segment, path @ ..]) => {
                (first == segment || first.starts_with(':')) && fits(rest, path)
            }
            _ => false,
        }
    }
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = match path.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or("/"),
        None => path,
    };
    let split = |text: &'r str| {
        text.split('/')
            .filter(|part| !part.is_empty())
            .collect::<Vec<_>>()
    };
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    routes
        .iter()
        .map(String::as_str)
        .find(|route| fits(&split(route), &segments))
}

/// `2026-11-03T09:15:02.417Z`, `25/Oct/2024:14:48:00 +0000` and their relatives: the shape only, as far as
/// an example needs it.
fn is_instant(text: &str) -> bool {
    const ACCESS: &[u8] = b"00/aaa/0000:00:00:00";
    let is_access = text.len() >= ACCESS.len()
        && text.bytes().zip(ACCESS).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            b'a' => byte.is_ascii_alphabetic(),
            other => byte == *other,
        });
    if is_access {
        return true;
    }
    const SHAPE: &[u8] = b"0000-00-00T00:00:00";
    let bytes = text.as_bytes();
    bytes.len() >= SHAPE.len()
        && bytes.iter().zip(SHAPE).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            b'T' => matches!(byte, b'T' | b' '),
            b'-' => matches!(byte, b'-' | b'/'),
            other => byte == other,
        })
        && bytes
            .iter()
            .skip(SHAPE.len())
            .all(|b| b.is_ascii_digit() || b".,:+- ZUTC".contains(b))
}

/// Seconds since 1970, perhaps with a fraction, or milliseconds.
fn is_epoch(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    (9..=13).contains(&whole.len()) && digits(whole) && digits(fraction)
}

fn check_templates(templates: &[Template], report: &mut CheckReport) {
    let parsed: Vec<Vec<Piece<'_>>> = templates
        .iter()
        .map(|template| syntax::pieces(&template.text).unwrap_or_default())
        .collect();
    for (i, template) in templates.iter().enumerate() {
        let place = format!("template[{i}] `{}`", template.text);
        match parsed.iter().position(|pieces| fits(pieces, &template.example)) {
            None => report.find(place, "its example does not fit it"),
            Some(first) if first < i => {
                let earlier = templates.get(first).map_or("", |earlier| earlier.text.as_str());
                report.find(
                    place,
                    format!("its example already fits `{earlier}`, which comes first"),
                );
            }
            Some(first) if first > i => report.find(place, "its example does not fit it"),
            Some(_) => {}
        }
    }
}

/// Whether a message fits a template, each slot by the shape of its kind.
fn fits(pieces: &[Piece<'_>], message: &str) -> bool {
    let Some((first, rest)) = pieces.split_first() else {
        return message.is_empty();
    };
    match first {
        Piece::Literal(literal) => message
            .strip_prefix(literal)
            .is_some_and(|message| fits(rest, message)),
        Piece::Slot(slot) => {
            let kind = syntax::slot_kind(slot);
            let ends = message.char_indices().map(|(at, c)| at + c.len_utf8());
            ends.filter_map(|end| message.split_at_checked(end))
                .any(|(value, after)| fits_slot(kind, value) && fits(rest, after))
        }
    }
}

fn fits_slot(kind: &str, value: &str) -> bool {
    let all = |allowed: fn(char) -> bool| value.chars().all(allowed);
    match kind {
        "number" => {
            value.starts_with(|c: char| c.is_ascii_digit()) && all(|c| c.is_ascii_digit() || c == '.')
        }
        "word" | "status" | "method" => all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'),
        "correlation" | "token_id" => all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-' || c == '/'),
        "email" => value.contains('@') && all(|c| !c.is_whitespace() && c != '(' && c != ')'),
        "event" => all(|c| c.is_ascii_alphanumeric() || "_:#./-".contains(c)),
        "ip" => all(|c| c.is_ascii_hexdigit() || ".:[]%".contains(c)),
        "namespace_id" | "project_id" | "user_id" => all(|c| c.is_ascii_alphanumeric() || "-/:_".contains(c)),
        "resource" => value.starts_with('/') && all(|c| !c.is_whitespace()),
        "time" => is_instant(value),
        "namespace" | "project" | "user" => all(|c| !c.is_whitespace() && c != '"' && c != '\''),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::{fits, fits_slot, is_instant};
    use crate::syntax::pieces;
    use crate::{ErrorKind, Profile};

    fn small(source: &str, rest: &str) -> Profile {
        let text = format!(
            "version = 1\nname = 'x'\n{rest}\n[[source]]\nname = 's'\nabout = 'a'\nfiles = ['s.log']\n\
             time = ['t']\nevent = ['{{e}}']\n[source.fields]\nt = 'time'\ne = 'event'\n{source}"
        );
        Profile::parse(&text).unwrap_or_else(|error| panic!("{error}"))
    }

    fn findings(profile: &Profile) -> Vec<String> {
        profile.check().findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn gitlab_is_clean() {
        let report = Profile::gitlab().check();
        let told: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        assert!(report.is_clean(), "{told:#?}");
        assert_eq!(report.sources, Profile::gitlab().sources.len());
        assert!(
            Profile::gitlab()
                .sources
                .iter()
                .all(|source| source.examples.len() >= 2)
        );
    }

    #[test]
    fn every_built_in_profile_is_clean() {
        let mut names = 0;
        for name in Profile::builtin_names() {
            let profile = Profile::builtin(name).unwrap_or_else(|| panic!("{name}"));
            assert_eq!(profile.name, name);
            assert_eq!(findings(&profile), Vec::<String>::new(), "{name}");
            for source in &profile.sources {
                assert!(source.examples.len() >= 2, "{name}: {}", source.name);
            }
            names += 1;
        }
        assert!(names >= 5);
    }

    #[test]
    fn examples_are_run() {
        let good = "[[source.example]]\nline = '{\"t\":\"2026-11-01T00:00:00Z\",\"e\":\"a\"}'\nevent = 'a'\n";
        assert_eq!(findings(&small(good, "")), Vec::<String>::new());
        for (line, said) in [
            ("line = 'x'", "not JSON"),
            ("line = '[]'", "not a JSON object"),
            (
                "line = '{\"t\":\"2026-11-01T00:00:00Z\",\"e\":\"b\"}'\nevent = 'a'",
                "its event is `b`, not `a`",
            ),
            (
                "line = '{\"t\":\"2026-11-01T00:00:00Z\",\"e\":\"\"}'\nevent = 'a'",
                "its event is none",
            ),
            (
                "line = '{\"t\":\"yesterday\",\"e\":\"a\"}'",
                "its time is not found",
            ),
            (
                "line = '{\"t\":\"2026-11-01T00:00:00Z\"}'\ntime = 'x'",
                "its time is",
            ),
            (
                "line = '{\"t\":\"2026-11-01T00:00:00Z\",\"z\":1}'",
                "`z` has no class",
            ),
            (
                "line = '{\"t\":\"2026-11-01T00:00:00Z\"}'\nunknown = ['e']",
                "`e` is said to be unknown and has",
            ),
            (
                "line = '{\"t\":\"2026-11-01T00:00:00Z\"}'\nunknown = ['q']",
                "and does not occur",
            ),
        ] {
            let found = findings(&small(&format!("[[source.example]]\n{line}\n"), ""));
            assert!(
                found.len() == 1 && found.iter().all(|f| f.contains(said)),
                "{line}: {found:?}"
            );
        }
    }

    #[test]
    fn a_message_gives_the_event_of_its_template() {
        let profile = |event: &str, message: &str| {
            Profile::parse(&format!(
                "version = 1\nname = 'x'\n[[source]]\nname = 's'\nabout = 'a'\nfiles = ['s.log']\ntime = ['t']\n\
                 event = ['{{m|template}}', '{{e}}']\n[source.fields]\nt = 'time'\ne = 'event'\nm = 'text'\n\
                 [[source.example]]\nline = '{{\"t\":\"2026-11-01T00:00:00Z\",\"e\":\"a\",\"m\":\"{message}\"}}'\n\
                 event = '{event}'\n[[template]]\ntext = 'bye {{user}}'\nexample = 'bye x'\nevent = 'left'\n"
            ))
        };
        let told = |event, message| {
            let profile = profile(event, message).unwrap_or_else(|error| panic!("{error}"));
            findings(&profile)
        };
        assert_eq!(told("left", "bye alex9"), Vec::<String>::new());
        assert_eq!(told("a", "good bye alex9"), Vec::<String>::new());
        assert!(
            told("a", "bye alex9")
                .iter()
                .any(|f| f.contains("its event is `left`"))
        );
    }

    #[test]
    fn an_event_may_be_a_number() {
        let example =
            "[[source.example]]\nline = '{\"t\":\"2026-11-01T00:00:00Z\",\"e\":4624}'\nevent = '4624'\n";
        assert_eq!(findings(&small(example, "")), Vec::<String>::new());
    }

    #[test]
    fn a_time_may_be_a_number() {
        for (time, findings_wanted) in [("1793697302", 0), ("1793697302.417", 0), ("17", 1)] {
            let example =
                format!("[[source.example]]\nline = '{{\"t\":{time},\"e\":\"a\"}}'\ntime = '{time}'\n");
            assert_eq!(findings(&small(&example, "")).len(), findings_wanted, "{time}");
        }
    }

    #[test]
    fn unreachable_parts_are_told() {
        let example = "[[source.example]]\nline = '{\"t\":\"2026-11-01T00:00:00Z\",\"e\":\"a\"}'\n";
        for (rest, said) in [
            ("[paths]\nroutes = ['/a/**', '/a/b']", "`/a/b` is never reached"),
            (
                "[paths]\nroutes = ['/a/:word', '/a/:number']",
                "`/a/:number` is never reached",
            ),
            (
                "[paths]\nroutes = ['/:user_id/:word/**', '/a/b/c/**']",
                "`/a/b/c/**` is never reached",
            ),
            (
                "[[template]]\ntext = 'a {number}'\nexample = 'a b'",
                "does not fit it",
            ),
            (
                "[[template]]\ntext = 'a {text}'\nexample = 'a b'\n[[template]]\ntext = 'a {word}'\nexample = 'a b'",
                "already fits",
            ),
            ("[[event]]\nname = 'a.b'\nabout = 'c'", "stands for nothing"),
            (
                "[[event]]\nname = 'a.b'\nabout = 'c'\nraw.s = ['no entry point']",
                "fits no entry point",
            ),
            (
                "[[event]]\nname = 'a.b'\nabout = 'c'\nraw.s = ['x_*']\n[[event]]\nname = 'a.c'\nabout = 'c'\nraw.s = ['x_y']",
                "already belongs to `a.b`",
            ),
        ] {
            let found = findings(&small(example, rest));
            assert!(
                found.len() == 1 && found.iter().all(|f| f.contains(said)),
                "{rest}: {found:?}"
            );
        }
    }

    #[test]
    fn slots_have_shapes() {
        assert!(fits(
            &pieces("a {user} ({email}) b").unwrap_or_default(),
            "a u1 (u@b.example) b"
        ));
        assert!(!fits(&pieces("a {user} b").unwrap_or_default(), "a u 1 b"));
        assert!(fits(&pieces("{number} s").unwrap_or_default(), "0.5 s"));
        assert!(!fits_slot("ip", "gitlab"));
        assert!(is_instant("2026-11-01 00:00:00.5 UTC") && !is_instant("2026-11-01"));
    }

    #[test]
    fn an_unknown_list_is_an_inconsistency() {
        let error =
            Profile::parse("version = 1\nname = 'x'\n[vocabulary]\nbuiltin = ['klingon']\n").map(|_| ());
        assert_eq!(error.map_err(|e| e.kind()), Err(ErrorKind::Inconsistent));
    }
}
