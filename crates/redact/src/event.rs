//! Raw and public events of a source.

use std::collections::HashMap;

use decostop_profile::{Profile, Source};

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
        Self {
            closed: pieces.iter().any(is_closed),
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
    exact: HashMap<String, Vec<usize>>,
    globs: Vec<(String, usize)>,
    names: Vec<String>,
}

impl Events {
    /// The events of one source of a profile.
    pub fn new(profile: &Profile, source: usize) -> Self {
        let mut exact: HashMap<String, Vec<usize>> = HashMap::new();
        let mut globs = Vec::new();
        let spec = profile.sources.get(source);
        for (index, event) in profile.events.iter().enumerate() {
            let patterns = spec
                .and_then(|spec| event.raw.get(&spec.name))
                .into_iter()
                .flatten();
            for pattern in patterns {
                if pattern.contains('*') {
                    globs.push((pattern.clone(), index));
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
        found.extend(
            self.globs
                .iter()
                .filter(|(glob, _)| glob_matches(glob, raw))
                .map(|(_, index)| *index),
        );
        found.sort_unstable();
        found.dedup();
        found
    }

    /// The name of a public event.
    pub fn name(&self, index: usize) -> Option<&str> {
        self.names.get(index).map(String::as_str)
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
    use super::*;

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
