//! Raw and public events of a source.

use std::collections::HashMap;

use decostop_profile::{Class, Profile, Source};
use foldhash::fast::RandomState;

use crate::plan::ProfilePlan;
use crate::record::Record;

/// `{field}` placeholders with literal text between.
#[derive(Debug)]
struct Expression {
    pieces: Vec<Piece>,
    /// Whether only listed events may come of it: clients choose one of its fields, or it names a route.
    closed: bool,
}

#[derive(Debug)]
enum Piece {
    Text(String),
    Field(String),
    /// The route of a field's path.
    Route(String),
    /// The event of the template that a field's text fits.
    Template(String),
}

impl Expression {
    fn parse(text: &str, source: &Source) -> Self {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            let (field, after) = after.split_once('}').unwrap_or((after, ""));
            let (field, asked) = field.split_once('|').unwrap_or((field, ""));
            pieces.push(match asked {
                "route" => Piece::Route(field.to_owned()),
                "template" => Piece::Template(field.to_owned()),
                _ => Piece::Field(field.to_owned()),
            });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        let is_closed = |piece: &Piece| match piece {
            // The event of a template is the profile's own.
            Piece::Text(_) | Piece::Template(_) => false,
            Piece::Field(field) => source.fields.get(field).is_some_and(|spec| spec.closed),
            Piece::Route(_) => true,
        };
        // Clients choose the method; beside a name that the platform coined it cannot say much.
        let is_method = |piece: &Piece| match piece {
            Piece::Field(field) => source.class_of(field) == Some(Class::Method),
            piece => matches!(piece, Piece::Text(_)),
        };
        Self {
            closed: pieces.iter().any(is_closed) || pieces.iter().all(is_method),
            pieces,
        }
    }

    fn evaluate(&self, record: &Record<'_>, plan: &ProfilePlan) -> Option<String> {
        let text = |field: &str| {
            let value = record.values(field).find_map(|field| field.value.as_scalar());
            value.filter(|text| !text.is_empty())
        };
        let mut out = String::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.push_str(text),
                Piece::Field(field) => out.push_str(text(field)?),
                Piece::Route(field) => out.push_str(plan.routes.parse(text(field)?)?.pattern),
                Piece::Template(field) => out.push_str(plan.templates.event(text(field)?)?),
            }
        }
        Some(out)
    }
}

/// Finds a record's raw event and the public events that it stands for.
#[derive(Debug)]
pub struct Events {
    expressions: Vec<Expression>,
    exact: HashMap<String, Vec<usize>, RandomState>,
    globs: Globs,
    /// The event of each glob, ascending.
    globbed: Vec<usize>,
    names: Vec<String>,
}

impl Events {
    /// The events of one source of a profile.
    pub fn new(profile: &Profile, source: usize) -> Self {
        let mut exact: HashMap<String, Vec<usize>, RandomState> = HashMap::default();
        let (mut globs, mut globbed) = (Globs::default(), Vec::new());
        let spec = profile.sources.get(source);
        for (index, event) in profile.events.iter().enumerate() {
            let patterns = spec
                .and_then(|spec| event.raw.get(&spec.name))
                .into_iter()
                .flatten();
            for pattern in patterns {
                if pattern.contains('*') {
                    globs.push(pattern);
                    globbed.push(index);
                } else {
                    exact.entry(pattern.clone()).or_default().push(index);
                }
            }
        }
        Self {
            expressions: spec
                .map(|spec| {
                    let texts = spec.event.iter();
                    texts.map(|text| Expression::parse(text, spec)).collect()
                })
                .unwrap_or_default(),
            exact,
            globs,
            globbed,
            names: profile.events.iter().map(|event| event.name.clone()).collect(),
        }
    }

    /// The source's own event string of a record, and whether only a listed one may be told.
    pub(crate) fn raw(&self, record: &Record<'_>, plan: &ProfilePlan) -> Option<(String, bool)> {
        self.expressions
            .iter()
            .find_map(|expression| Some((expression.evaluate(record, plan)?, expression.closed)))
    }

    /// Indices of the public events (in profile order) that a raw event stands for.
    pub fn public(&self, raw: &str) -> Vec<usize> {
        let mut found = self.exact.get(raw).cloned().unwrap_or_default();
        found.extend(self.by_glob(raw));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The first public event that a raw event stands for.
    pub(crate) fn first_public(&self, raw: &str) -> Option<usize> {
        let exact = self.exact.get(raw).and_then(|indices| indices.first()).copied();
        let globbed = self.by_glob(raw).next();
        exact.into_iter().chain(globbed).min()
    }

    fn by_glob<'e>(&'e self, raw: &'e str) -> impl Iterator<Item = usize> + 'e {
        let fitting = self.globs.fitting(raw);
        fitting.filter_map(|nth| self.globbed.get(nth).copied())
    }

    /// The name of a public event.
    pub fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
    }
}

/// Globs in order, of which a text is compared with those that begin like it.
#[derive(Debug, Default)]
pub(crate) struct Globs {
    globs: Vec<Glob>,
    /// Globs that may fit a text by its first two bytes, in order.
    by_start: HashMap<[u8; 2], Vec<usize>, RandomState>,
    /// Those that say less of a text than these: they may fit any.
    any: Vec<usize>,
}

/// A glob, taken apart.
#[derive(Debug)]
struct Glob {
    first: Box<str>,
    middle: Vec<Box<str>>,
    /// What stands behind the last star, if there is one.
    last: Option<Box<str>>,
}

impl Globs {
    pub(crate) fn push(&mut self, glob: &str) {
        let nth = self.globs.len();
        let glob = Glob::new(glob);
        if let Some(start) = glob.first.as_bytes().first_chunk() {
            let any = &self.any;
            let globs = self.by_start.entry(*start).or_insert_with(|| any.clone());
            globs.push(nth);
        } else {
            self.any.push(nth);
            self.by_start.values_mut().for_each(|globs| globs.push(nth));
        }
        self.globs.push(glob);
    }

    /// The globs that fit the whole text, in order.
    pub(crate) fn fitting<'g>(&'g self, text: &'g str) -> impl Iterator<Item = usize> + 'g {
        let start = text.as_bytes().first_chunk();
        let likely = start.and_then(|start| self.by_start.get(start));
        let likely = likely.unwrap_or(&self.any);
        let fits = |nth: &usize| self.globs.get(*nth).is_some_and(|glob| glob.fits(text));
        likely.iter().copied().filter(fits)
    }
}

impl Glob {
    fn new(glob: &str) -> Self {
        let mut parts = glob.split('*').map(Box::from);
        let first = parts.next().unwrap_or_default();
        let mut middle: Vec<Box<str>> = parts.collect();
        let last = middle.pop();
        Self { first, middle, last }
    }

    /// As [`glob_matches`]. The end is compared first: what lies between must end before it anyway.
    fn fits(&self, text: &str) -> bool {
        // Names of one family differ late: the last byte of what they begin with tells most apart.
        let end = self.first.len().checked_sub(1);
        if end.is_some_and(|end| text.as_bytes().get(end) != self.first.as_bytes().get(end)) {
            return false;
        }
        let Some(rest) = text.strip_prefix(&*self.first) else {
            return false;
        };
        let Some(last) = &self.last else {
            return rest.is_empty();
        };
        let Some(mut rest) = rest.strip_suffix(&**last) else {
            return false;
        };
        self.middle.iter().all(|part| match rest.split_once(&**part) {
            Some((_, after)) => {
                rest = after;
                true
            }
            None => false,
        })
    }
}

/// Whether a glob (`*` is any run of characters) matches the whole text. Linear in the text for each
/// star.
pub fn glob_matches(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part).and_then(|at| rest.get(at + part.len()..)) {
            Some(after) => rest = after,
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn globs_together_fit_as_each_alone(
            globs in proptest::collection::vec("[ab*]{0,6}", 0..8),
            text in "[ab]{0,10}",
        ) {
            let mut together = Globs::default();
            for glob in &globs {
                together.push(glob);
            }
            let alone: Vec<usize> = (0..globs.len()).filter(|nth| glob_matches(&globs[*nth], &text)).collect();
            prop_assert_eq!(together.fitting(&text).collect::<Vec<_>>(), alone);
        }
    }

    #[test]
    fn globs() {
        for (glob, text, want) in [
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "abc", true),
            ("a*b*c", "a-b-c", true),
            ("ab*bc", "abc", false),
            ("a", "ab", false),
            ("a*b", "ac", false),
            ("**", "x", true),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(glob_matches(glob, text), want, "{glob} on {text}");
        }
    }
}
