//! URL paths against the profile's route patterns.
//!
//! A path is rebuilt from the pattern that it fits: literals come from the pattern, slots are typed
//! values, the tail is free text. A path that fits no pattern has no parts and is dropped.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use decostop_profile::Class;
use foldhash::fast::RandomState;

use crate::Error;
use crate::identity::percent_decode;

/// What may stand at a place of a pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Segment {
    Literal(String),
    Slot(Slot),
    Tail,
}

/// A typed place of a pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub(crate) enum Slot {
    /// An identity.
    Identity(Class),
    /// A short number.
    Number,
    /// A credential.
    Secret,
    /// A word of the vocabulary.
    Word,
}

impl Slot {
    fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "number" => Self::Number,
            "secret" => Self::Secret,
            "word" => Self::Word,
            "project" => Self::Identity(Class::Project),
            "project_id" => Self::Identity(Class::ProjectId),
            "namespace" => Self::Identity(Class::Namespace),
            "namespace_id" => Self::Identity(Class::NamespaceId),
            "user" => Self::Identity(Class::User),
            "user_id" => Self::Identity(Class::UserId),
            _ => return None,
        })
    }

    fn spans_segments(self) -> bool {
        matches!(self, Self::Identity(Class::Project | Class::Namespace))
    }
}

/// A part of a path that fits a pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub(crate) enum Part<'p> {
    /// A literal of the pattern.
    Literal(&'p str),
    /// A slot and its decoded text.
    Slot(Slot, Cow<'p, str>),
    /// What the pattern leaves open: decoded segments, perhaps none.
    Tail(Vec<Cow<'p, str>>),
}

/// A path taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub(crate) struct Routed<'p> {
    /// The parts between slashes.
    pub parts: Vec<Part<'p>>,
    /// The query string, undecoded, without its question mark.
    pub query: Option<&'p str>,
    /// The pattern, as the profile writes it.
    pub pattern: &'p str,
}

/// Compiled patterns in order of preference.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    patterns: Vec<Pattern>,
    literals: HashMap<Box<str>, Literal, RandomState>,
    /// Patterns without any literal.
    open: Vec<usize>,
    texts: HashSet<String, RandomState>,
}

#[derive(Debug)]
struct Pattern {
    text: String,
    segments: Vec<Segment>,
    /// The marks of its literals.
    marks: u64,
    /// How many segments a path has that fits.
    least: usize,
    most: usize,
}

/// A literal of some pattern.
#[derive(Debug)]
struct Literal {
    /// One bit, which it may share with others.
    mark: u64,
    /// The patterns of which it is the longest literal: a path must hold it, so that it is compared
    /// with a few of hundreds.
    patterns: Vec<usize>,
}

/// Stands for a segment that is no text once decoded. No vocabulary has it.
const UNREADABLE: &str = "\u{fffd}";
/// Segments a path may have; a longer one fits nothing.
const MAX_SEGMENTS: usize = 64;

impl Routes {
    /// Compiles patterns such as `/:project/-/blob/**`.
    ///
    /// # Errors
    /// An unknown slot, or a tail that is not last.
    pub(crate) fn new<'t>(patterns: impl IntoIterator<Item = &'t str>) -> Result<Self, Error> {
        let mut routes = Self::default();
        for (at, text) in patterns.into_iter().enumerate() {
            let segments = compile(text).ok_or_else(|| Error::route(text))?;
            let marks = routes.mark(at, &segments);
            let is_tail = |segment: &Segment| matches!(segment, Segment::Tail);
            let spans = |segment: &Segment| {
                is_tail(segment) || matches!(segment, Segment::Slot(slot) if slot.spans_segments())
            };
            routes.patterns.push(Pattern {
                text: text.to_owned(),
                marks,
                least: segments.iter().filter(|segment| !is_tail(segment)).count(),
                most: if segments.iter().any(spans) {
                    MAX_SEGMENTS
                } else {
                    segments.len()
                },
                segments,
            });
            routes.texts.insert(text.to_owned());
        }
        Ok(routes)
    }

    /// Takes the literals of a pattern in, and answers their marks.
    fn mark(&mut self, at: usize, segments: &[Segment]) -> u64 {
        let literals = segments.iter().filter_map(|segment| match segment {
            Segment::Literal(literal) => Some(literal.as_str()),
            Segment::Slot(_) | Segment::Tail => None,
        });
        let mut marks = 0;
        for literal in literals.clone() {
            let next = 1u64.rotate_left(self.literals.len() as u32);
            let held = self.literals.entry(literal.into()).or_insert(Literal {
                mark: next,
                patterns: Vec::new(),
            });
            marks |= held.mark;
        }
        match literals.max_by_key(|literal| literal.len()) {
            None => self.open.push(at),
            Some(longest) => {
                if let Some(held) = self.literals.get_mut(longest) {
                    held.patterns.push(at);
                }
            }
        }
        marks
    }

    /// Takes a URL or URL path apart by the first pattern that fits.
    pub(crate) fn parse<'p>(&'p self, url: &'p str) -> Option<Routed<'p>> {
        let path = strip_origin(url)?;
        let until = |text: &'p str, mark: u8| match text.bytes().position(|byte| byte == mark) {
            None => (text, None),
            Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..)),
        };
        let (path, _) = until(path, b'#');
        let (path, query) = until(path, b'?');
        // As servers do before they route: `//`, `/./` and `/../` are ways of writing another path.
        let mut segments: Vec<&str> = Vec::with_capacity(16);
        let mut rest = Some(path.strip_prefix('/')?);
        while let Some(path) = rest {
            let (segment, after) = until(path, b'/');
            rest = after;
            let dots = segment
                .bytes()
                .any(|byte| matches!(byte, b'.' | b'%'))
                .then(|| percent_decode(segment))
                .flatten();
            match dots.as_deref().unwrap_or(segment) {
                "" | "." => {}
                ".." => {
                    segments.pop();
                }
                _ => segments.push(segment),
            }
        }
        if segments.len() > MAX_SEGMENTS {
            return None;
        }
        let mut marks = 0;
        let mut found: Vec<&[usize]> = Vec::with_capacity(segments.len() + 1);
        for literal in segments.iter().filter_map(|segment| self.literals.get(*segment)) {
            marks |= literal.mark;
            found.push(&literal.patterns);
        }
        found.push(&self.open);
        // A path fits only if it holds every literal of the pattern, and has enough segments.
        let may_fit = |at: &usize| {
            self.patterns.get(*at).is_some_and(|pattern| {
                pattern.marks & !marks == 0 && (pattern.least..=pattern.most).contains(&segments.len())
            })
        };
        let mut candidates: Vec<usize> = found.into_iter().flatten().copied().filter(may_fit).collect();
        candidates.sort_unstable();
        candidates.into_iter().find_map(|at| {
            let pattern = self.patterns.get(at)?;
            let mut parts = Vec::with_capacity(pattern.segments.len());
            fits(&pattern.segments, &segments, &mut parts).then_some(Routed {
                parts,
                query,
                pattern: &pattern.text,
            })
        })
    }

    /// Whether this is the text of a pattern.
    pub(crate) fn is_pattern(&self, text: &str) -> bool {
        self.texts.contains(text)
    }
}

fn compile(text: &str) -> Option<Vec<Segment>> {
    let names: Vec<&str> = text
        .strip_prefix('/')?
        .split('/')
        .filter(|name| !name.is_empty())
        .collect();
    let last = names.len().saturating_sub(1);
    names
        .into_iter()
        .enumerate()
        .map(|(at, name)| match name.strip_prefix(':') {
            Some(slot) => Slot::parse(slot).map(Segment::Slot),
            None if name == "**" => (at == last).then_some(Segment::Tail),
            None => Some(Segment::Literal(name.to_owned())),
        })
        .collect()
}

/// The path of an absolute URL; a path as it is.
fn strip_origin(url: &str) -> Option<&str> {
    if url.starts_with('/') {
        return Some(url);
    }
    let rest = url
        .strip_prefix("https://")
        .or_else(|| url.strip_prefix("http://"))?;
    Some(rest.find('/').and_then(|slash| rest.get(slash..)).unwrap_or("/"))
}

/// Matches greedily: a slot that spans segments takes as many as let the rest fit.
fn fits<'p>(pattern: &'p [Segment], segments: &[&'p str], parts: &mut Vec<Part<'p>>) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return segments.is_empty();
    };
    match first {
        Segment::Tail => {
            // What is no text once decoded is nobody's name, and hides no other part of the path.
            let decoded = segments
                .iter()
                .map(|segment| percent_decode(segment).unwrap_or(Cow::Borrowed(UNREADABLE)));
            parts.push(Part::Tail(decoded.collect()));
            true
        }
        Segment::Literal(literal) => {
            let Some((segment, others)) = segments.split_first() else {
                return false;
            };
            if segment != literal {
                return false;
            }
            parts.push(Part::Literal(literal));
            fits(rest, others, parts) || undo(parts)
        }
        Segment::Slot(slot) => {
            let longest = if slot.spans_segments() {
                segments.iter().take_while(|segment| **segment != "-").count()
            } else {
                segments.len().min(1)
            };
            (1..=longest).rev().any(|taken| {
                let Some((own, others)) = segments.split_at_checked(taken) else {
                    return false;
                };
                let text = match join_decoded(own) {
                    Some(text) => text,
                    None if matches!(slot, Slot::Secret | Slot::Word) => Cow::Borrowed(UNREADABLE),
                    None => return false,
                };
                if matches!(slot, Slot::Number) && !text.bytes().all(|byte| byte.is_ascii_digit()) {
                    return false;
                }
                parts.push(Part::Slot(*slot, text));
                fits(rest, others, parts) || undo(parts)
            })
        }
    }
}

fn undo(parts: &mut Vec<Part<'_>>) -> bool {
    parts.pop();
    false
}

fn join_decoded<'p>(segments: &[&'p str]) -> Option<Cow<'p, str>> {
    match segments {
        [one] => percent_decode(one),
        many => percent_decode(&many.join("/")).map(|text| Cow::Owned(text.into_owned())),
    }
}

/// The pairs of a query string, keys and values decoded; a pair that is not UTF-8 is skipped.
pub(crate) fn query_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .filter_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let decode = |text: &str| percent_decode(&text.replace('+', " ")).map(Cow::into_owned);
            Some((decode(key)?, decode(value)?))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes {
        Routes::new([
            "/assets/**",
            "/users/:user",
            "/api/v4/projects/:project_id/**",
            "/-/invites/:secret",
            "/:project/-/blob/**",
            "/:project/info/refs",
            "/:project/uploads",
            "/:project",
            "/",
        ])
        .expect("sound patterns")
    }

    fn shape(path: &str) -> Option<String> {
        let routes = routes();
        let routed = routes.parse(path)?;
        let parts: Vec<String> = routed
            .parts
            .iter()
            .map(|part| match part {
                Part::Literal(text) => (*text).to_owned(),
                Part::Slot(slot, text) => format!("{slot:?}={text}"),
                Part::Tail(tail) => format!("*{}", tail.join("|")),
            })
            .collect();
        Some(parts.join(" "))
    }

    #[test]
    fn paths_find_their_pattern() {
        for (path, want) in [
            ("/assets/a/b.js", "assets *a|b.js"),
            (
                "/acme/pay/-/blob/main/a%20b.md?x=1",
                "Identity(Project)=acme/pay - blob *main|a b.md",
            ),
            (
                "/acme/pay.git/info/refs",
                "Identity(Project)=acme/pay.git info refs",
            ),
            (
                "/api/v4/projects/acme%2Fpay/members",
                "api v4 projects Identity(ProjectId)=acme/pay *members",
            ),
            ("/-/invites/s3cr3t", "- invites Secret=s3cr3t"),
            ("https://gitlab.example.com/users/bob", "users Identity(User)=bob"),
            ("/acme/pay/", "Identity(Project)=acme/pay"),
            // A literal further back is no reason to pass over an earlier pattern.
            ("/assets/uploads", "assets *uploads"),
            ("/acme/blob/uploads", "Identity(Project)=acme/blob uploads"),
            ("/", ""),
            ("/acme//./pay", "Identity(Project)=acme/pay"),
            (
                "/other/../acme/%2E%2e/acme/pay/x/..",
                "Identity(Project)=acme/pay",
            ),
            ("/../..", ""),
        ] {
            assert_eq!(shape(path).as_deref(), Some(want), "{path}");
        }
    }

    #[test]
    fn the_first_pattern_that_fits_is_found_without_trying_all() {
        let profile = decostop_profile::Profile::gitlab();
        let all = Routes::new(profile.routes.iter().map(String::as_str)).expect("sound patterns");
        let alone: Vec<Routes> = profile
            .routes
            .iter()
            .map(|route| Routes::new([route.as_str()]).expect("a sound pattern"))
            .collect();
        // Every pattern with its slots filled, also with a segment more and one less.
        for route in &profile.routes {
            let filled: Vec<&str> = route
                .split('/')
                .map(|segment| match segment {
                    ":project" => "acme/pay/-x",
                    ":number" | ":project_id" | ":user_id" | ":namespace_id" => "12",
                    "**" => "a/b",
                    slot => slot.trim_start_matches(':'),
                })
                .collect();
            let path = filled.join("/");
            let shorter = path.rsplit_once('/').map_or("/", |(before, _)| before);
            for path in [
                path.as_str(),
                shorter,
                &format!("{path}/more"),
                &format!("{path}/9"),
            ] {
                let first = alone.iter().find_map(|routes| Some(routes.parse(path)?.pattern));
                assert_eq!(all.parse(path).map(|routed| routed.pattern), first, "{path}");
            }
        }
    }

    #[test]
    fn odd_paths_fit_nothing() {
        for path in ["acme/pay", "", "/-/unknown", "/%ff", "ftp://x/acme"] {
            assert_eq!(shape(path), None, "{path}");
        }
        assert_eq!(shape(&"/a".repeat(65)), None);
    }

    #[test]
    fn queries_decode() {
        let pairs: Vec<_> = query_pairs("a=1&b=x%2Fy+z&&c&d=%ff").collect();
        assert_eq!(
            pairs,
            [
                ("a".into(), "1".into()),
                ("b".into(), "x/y z".into()),
                ("c".into(), String::new())
            ]
        );
    }
}
