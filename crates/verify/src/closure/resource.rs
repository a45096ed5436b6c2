//! URL paths, held against the profile's route patterns.

use std::collections::HashMap;

use decostop_profile::{Class, Profile};
use foldhash::fast::RandomState;

use super::text::class_by_name;
use super::value::Input;
use super::words::short_number;
use super::{Broken, Context, Residue, blanks};
use crate::error::Error;
use crate::verifier::Verifier;

/// The route patterns.
pub(crate) struct Routes {
    routes: Vec<Route>,
    literals: HashMap<Box<str>, Literal, RandomState>,
    /// Routes without a literal.
    open: Vec<usize>,
}

struct Route {
    segments: Vec<Segment>,
    tail: bool,
    /// The marks of its literals; none if there is no literal.
    marks: u64,
    /// Whether one of its slots takes more than one segment.
    spans: bool,
}

/// A literal of some route.
struct Literal {
    /// One bit, which others may have as well.
    mark: u64,
    /// The routes of which it is the longest literal: a path must hold it.
    routes: Vec<usize>,
}

enum Segment {
    Literal(Box<str>),
    Number,
    Secret,
    Slot(Class),
    Word,
}

impl Routes {
    pub(crate) fn new(profile: &Profile) -> Result<Self, Error> {
        let bad = || Error::config("profile", "a route has an unknown slot");
        let mut routes = Self {
            routes: Vec::with_capacity(profile.routes.len()),
            literals: HashMap::default(),
            open: Vec::new(),
        };
        for pattern in &profile.routes {
            let mut segments = Vec::new();
            let mut tail = false;
            for part in pattern.split('/').filter(|part| !part.is_empty()) {
                if tail {
                    return Err(bad());
                }
                segments.push(match part.strip_prefix(':') {
                    _ if part == "**" => {
                        tail = true;
                        continue;
                    }
                    None => Segment::Literal(part.into()),
                    Some("number") => Segment::Number,
                    Some("secret") => Segment::Secret,
                    Some("word") => Segment::Word,
                    Some(class) => Segment::Slot(class_by_name(class).ok_or_else(bad)?),
                });
            }
            let spans = segments
                .iter()
                .any(|segment| matches!(segment, Segment::Slot(Class::Project | Class::Namespace)));
            let nth = routes.routes.len();
            let marks = routes.mark(nth, &segments);
            routes.routes.push(Route {
                segments,
                tail,
                marks,
                spans,
            });
        }
        Ok(routes)
    }

    /// Takes in the literals of a route; answers their marks.
    fn mark(&mut self, nth: usize, segments: &[Segment]) -> u64 {
        let words = segments.iter().filter_map(|segment| match segment {
            Segment::Literal(word) => Some(word),
            _ => None,
        });
        let mut marks = 0;
        for word in words.clone() {
            let mark = 1 << (self.literals.len() % 64);
            let held = self.literals.entry(word.clone()).or_insert(Literal {
                mark,
                routes: Vec::new(),
            });
            marks |= held.mark;
        }
        let longest = words.max_by_key(|word| word.len());
        match longest.and_then(|word| self.literals.get_mut(word)) {
            Some(held) => held.routes.push(nth),
            None => self.open.push(nth),
        }
        marks
    }

    /// The routes that a path may fit, in order: it holds all their literals, and is long enough.
    fn candidates(&self, path: &Path<'_>) -> Vec<(usize, &Route)> {
        let spans = (0..path.cuts.len()).filter_map(|nth| path.span(nth, nth + 1));
        let held: Vec<&Literal> = spans.filter_map(|span| self.literals.get(span)).collect();
        let marks = held.iter().fold(0, |marks, literal| marks | literal.mark);
        let keyed = held.iter().flat_map(|literal| &literal.routes);
        let mut found: Vec<(usize, &Route)> = keyed
            .chain(&self.open)
            .filter_map(|&nth| Some((nth, self.routes.get(nth)?)))
            .filter(|(_, route)| route.marks & !marks == 0 && route.takes(path.cuts.len()))
            .collect();
        found.sort_unstable_by_key(|(nth, _)| *nth);
        found.dedup_by_key(|(nth, _)| *nth);
        found
    }
}

impl Routes {
    /// The identities that a raw path names, undecoded, by the first route that it fits.
    pub(crate) fn identities(&self, path: &str) -> Vec<(Class, String)> {
        let Some(path) = Path::new(path) else {
            return Vec::new();
        };
        self.candidates(&path)
            .into_iter()
            .find_map(|(_, route)| {
                let mut named = Vec::new();
                route
                    .names(&route.segments, &path, 0, &mut named)
                    .then_some(named)
            })
            .unwrap_or_default()
    }
}

impl Route {
    /// Whether a raw path fits, each slot taking as much as it can; `named` is what is in the slots.
    fn names(
        &self,
        wanted: &[Segment],
        path: &Path<'_>,
        from: usize,
        named: &mut Vec<(Class, String)>,
    ) -> bool {
        let left = path.cuts.len().saturating_sub(from);
        let Some((segment, rest)) = wanted.split_first() else {
            return self.tail || left == 0;
        };
        if left < wanted.len() {
            return false;
        }
        let longest = match segment {
            Segment::Slot(Class::Project | Class::Namespace) => left - rest.len(),
            _ => 1,
        };
        (1..=longest).rev().any(|count| {
            let Some(span) = path.span(from, from + count) else {
                return false;
            };
            let before = named.len();
            let fits = match segment {
                Segment::Literal(word) => span == word.as_ref(),
                Segment::Number => span.bytes().all(|byte| byte.is_ascii_digit()),
                Segment::Secret | Segment::Word => true,
                Segment::Slot(class) => {
                    named.push((*class, span.to_owned()));
                    span.split('/').all(|part| part != "-")
                }
            };
            let fits = fits && self.names(rest, path, from + count, named);
            if !fits {
                named.truncate(before);
            }
            fits
        })
    }

    fn has_literal(&self) -> bool {
        self.marks != 0
    }

    /// Whether a path of that many segments may fit.
    fn takes(&self, count: usize) -> bool {
        count >= self.segments.len() && (self.tail || self.spans || count == self.segments.len())
    }

    /// Whether a path has the literals of this route in its places, whatever fills the slots.
    fn shape(&self, path: &Path<'_>) -> bool {
        fn from(wanted: &[Segment], tail: bool, path: &Path<'_>, at: usize) -> bool {
            let left = path.cuts.len().saturating_sub(at);
            let Some((segment, rest)) = wanted.split_first() else {
                return tail || left == 0;
            };
            let longest = match segment {
                _ if left < wanted.len() => 0,
                Segment::Slot(Class::Project | Class::Namespace) => left - rest.len(),
                _ => 1,
            };
            (1..=longest).any(|count| {
                let fits = match segment {
                    Segment::Literal(word) => path.span(at, at + 1) == Some(word),
                    Segment::Number => path.span(at, at + 1).is_some_and(|span| {
                        span == "[text]" || span.bytes().all(|byte| byte.is_ascii_digit())
                    }),
                    _ => (at..at + count).all(|nth| path.span(nth, nth + 1) != Some("-")),
                };
                fits && from(rest, tail, path, at + count)
            })
        }
        path.cuts.len() >= self.segments.len() && from(&self.segments, self.tail, path, 0)
    }
}

/// The segments of a path with their places in it.
struct Path<'p> {
    text: &'p str,
    cuts: Vec<(usize, usize)>,
}

impl<'p> Path<'p> {
    fn new(text: &'p str) -> Option<Self> {
        let tail = text.strip_prefix('/')?;
        // One slash at the end is a way of writing the same path.
        let tail = tail.strip_suffix('/').unwrap_or(tail);
        let mut cuts = Vec::new();
        if !tail.is_empty() {
            let mut start = 1;
            for part in tail.split('/') {
                cuts.push((start, start + part.len()));
                start += part.len() + 1;
            }
        }
        Some(Self { text, cuts })
    }

    /// The text of segments `from..to`.
    fn span(&self, from: usize, to: usize) -> Option<&'p str> {
        let (start, _) = self.cuts.get(from)?;
        let (_, end) = self.cuts.get(to.checked_sub(1)?)?;
        self.text.get(*start..*end)
    }
}

impl Verifier {
    /// A path that some route allows, with its query if the request asks for personal data.
    pub(crate) fn resource(&self, text: &str, at: Context) -> Result<Residue, Broken> {
        let (path, query) = text
            .split_once('?')
            .map_or((text, None), |(path, query)| (path, Some(query)));
        let path = Path::new(path).ok_or("closure.resource")?;
        let mut residue = String::new();
        let routes = self.routes.candidates(&path);
        // A project in scope has any path below it: it may not swallow what a route names.
        let swallows = |nth: usize| {
            let mut earlier = routes.iter().take_while(|(other, _)| *other < nth);
            earlier.any(|(_, other)| other.has_literal() && other.shape(&path))
        };
        let fitting = routes.iter().any(|&(nth, route)| {
            self.route(route, &path, at, &mut residue) && (route.has_literal() || !swallows(nth))
        });
        if !fitting {
            return Err("closure.resource");
        }
        if let Some(query) = query {
            if !self.personal_data {
                return Err("closure.personal_data");
            }
            self.query(query, at, &mut residue)?;
        }
        Ok(Residue::text(residue))
    }

    fn route(&self, route: &Route, path: &Path<'_>, at: Context, residue: &mut String) -> bool {
        if !route.shape(path) {
            return false;
        }
        residue.clear();
        self.segments(route, &route.segments, path, 0, at, residue)
    }

    fn segments(
        &self,
        route: &Route,
        wanted: &[Segment],
        path: &Path<'_>,
        from: usize,
        at: Context,
        residue: &mut String,
    ) -> bool {
        let left = path.cuts.len().saturating_sub(from);
        let Some((segment, rest)) = wanted.split_first() else {
            return if route.tail {
                self.tail(path, from, at, residue)
            } else {
                left == 0
            };
        };
        if left < wanted.len() {
            return false;
        }
        let longest = match segment {
            Segment::Slot(Class::Project | Class::Namespace) => left - rest.len(),
            _ => 1,
        };
        (1..=longest).rev().any(|count| {
            let Some(span) = path.span(from, from + count) else {
                return false;
            };
            let kept = residue.len();
            let fits = self.segment(segment, span, at, residue)
                && self.segments(route, rest, path, from + count, at, residue);
            if !fits {
                residue.truncate(kept);
            }
            fits
        })
    }

    fn segment(&self, segment: &Segment, span: &str, at: Context, residue: &mut String) -> bool {
        residue.push('/');
        match segment {
            Segment::Literal(word) => span == word.as_ref(),
            Segment::Secret => span == "[secret]",
            Segment::Number => {
                residue.push_str(span);
                short_number(span, 6) || span == "[text]"
            }
            Segment::Word => {
                residue.push_str(span);
                span == "[text]" || self.compound(span)
            }
            Segment::Slot(class) => {
                let bare = match class {
                    Class::Project | Class::Namespace | Class::ProjectId => [".git", ".wiki", ".design"]
                        .iter()
                        .fold(span, |span, suffix| span.strip_suffix(suffix).unwrap_or(span)),
                    _ => span,
                };
                residue.extend(blanks(span));
                span != "-" && matches!(self.value(*class, None, Input::Text(bare), at), Ok(Residue::None))
            }
        }
    }

    /// Words of the vocabulary joined as in `group_members` or `diffs_batch.json`, with at most one short
    /// number; never a name, since a `:word` is shown without personal data as well.
    fn compound(&self, span: &str) -> bool {
        let mut numbers = 0;
        span.split(['_', '-', '.', ':', '=', '#']).all(|part| {
            self.words.part(part) || {
                numbers += 1;
                numbers == 1 && short_number(part, 4)
            }
        })
    }

    fn tail(&self, path: &Path<'_>, from: usize, at: Context, residue: &mut String) -> bool {
        let left = path.cuts.len().saturating_sub(from);
        if left == 0 || (left == 1 && path.span(from, from + 1) == Some("*")) {
            return true;
        }
        self.personal_data
            && (from..path.cuts.len()).all(|nth| {
                let Some(chunk) = path.span(nth, nth + 1).filter(|span| !span.contains(' ')) else {
                    return false;
                };
                self.chunk(chunk, at).is_some_and(|chunk| {
                    residue.push('/');
                    residue.push_str(&chunk.residue);
                    true
                })
            })
    }

    /// `k=v&k2=v2&[key]`.
    fn query(&self, query: &str, at: Context, residue: &mut String) -> Result<(), Broken> {
        const RULE: Broken = "closure.resource.query";
        let mut unlisted = false;
        for pair in query.split('&') {
            if pair == "[key]" && !std::mem::replace(&mut unlisted, true) {
                continue;
            }
            let (key, value) = pair.split_once('=').ok_or(RULE)?;
            let class = self.profile.params.get(key).copied().ok_or(RULE)?;
            if value.contains(['?', '#', ' ']) {
                return Err(RULE);
            }
            if let Residue::Text(text) | Residue::Code(text) =
                self.value(class, None, Input::Text(value), at)?
            {
                residue.push('&');
                residue.push_str(&text);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_route_that_a_path_fits_is_a_candidate() {
        let profile = Profile::gitlab();
        let routes = Routes::new(&profile).expect("sound routes");
        let mut fitting = 0;
        for pattern in &profile.routes {
            let filled: Vec<&str> = pattern
                .split('/')
                .map(|part| match part {
                    ":project" | ":namespace" => "acme/pay",
                    "**" => "a/b",
                    part if part.starts_with(':') => "12",
                    part => part,
                })
                .collect();
            let whole = filled.join("/");
            let shorter = whole.rsplit_once('/').map_or("/", |(before, _)| before);
            for text in [
                whole.as_str(),
                shorter,
                &format!("{whole}/x"),
                &format!("/x{whole}"),
            ] {
                let Some(path) = Path::new(text) else { continue };
                let candidates: Vec<usize> =
                    routes.candidates(&path).into_iter().map(|(nth, _)| nth).collect();
                assert!(candidates.is_sorted_by(|a, b| a < b), "{text}");
                for (nth, route) in routes.routes.iter().enumerate() {
                    if route.shape(&path) || route.names(&route.segments, &path, 0, &mut Vec::new()) {
                        assert!(candidates.contains(&nth), "{text}");
                        fitting += 1;
                    }
                }
            }
        }
        assert!(fitting > profile.routes.len());
    }
}
