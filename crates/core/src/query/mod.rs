//! What a request looks for, compiled: the exact typed match of a record, and the needles that a line
//! must hold to be worth parsing.

mod needle;
mod select;

use std::collections::HashSet;

use decostop_profile::{Class, LinePiece, Profile};
use decostop_redact::{Ident, ProfilePlan, Record, ScopeIndex, Typed};

pub(crate) use needle::hidden_in;
use needle::joins_names;
pub use needle::{Needle, Needles};
pub use select::SelectPlan;
pub(crate) use select::Set;

use crate::request::{Request, Window};

/// All selects of a request, compiled for one profile.
#[derive(Debug)]
pub struct QueryPlan {
    selects: Vec<SelectPlan>,
    window: Window,
    /// Whether the profile reads parts of paths out of longer names.
    glued: bool,
    /// Needles of the selects, for lines that cannot be parsed.
    pub needles: Needles,
}

impl QueryPlan {
    /// Compiles the selects of a request.
    pub fn new(request: &Request, plan: &ProfilePlan) -> Self {
        let selects: Vec<SelectPlan> = request
            .selects
            .iter()
            .map(|select| SelectPlan::new(select, request, plan))
            .collect();
        let glued = glues_names(&plan.profile);
        Self {
            window: request.window,
            needles: Needles::new(&selects, glued),
            glued,
            selects,
        }
    }

    /// Whether an instant lies in the window.
    pub fn in_window(&self, ns: i64) -> bool {
        self.window.contains(crate::request::Instant(ns))
    }

    /// Whether any select matches a record, whatever its time.
    pub fn matches(&self, plan: &ProfilePlan, record: &Record<'_>, typed: &[Typed]) -> bool {
        let raw = plan.raw_event(record);
        let mut joins: Option<Joins> = None;
        self.selects.iter().any(|select| {
            select.takes_source(record.source)
                && select.takes_event(record.source, raw.as_deref())
                && select.takes_identities(typed)
                && (!select.needs_joins()
                    || select.takes_joins(joins.get_or_insert_with(|| Joins::of(plan, record))))
        })
    }

    /// The sets of the selects that hold an identity.
    pub(crate) fn holders(&self, ident: &Ident) -> Vec<(usize, Set)> {
        let selects = self.selects.iter().enumerate();
        selects
            .flat_map(|(at, select)| select.holders(ident).into_iter().map(move |set| (at, set)))
            .collect()
    }

    /// Lets the selects' sets hold more identities.
    pub(crate) fn add(&mut self, more: impl IntoIterator<Item = (usize, Set, Ident)>) {
        for (select, set, ident) in more {
            if let Some(select) = self.selects.get_mut(select) {
                select.add(set, ident);
            }
        }
        self.needles = Needles::new(&self.selects, self.glued);
    }

    /// Whether every select excludes a record by what it names.
    pub(crate) fn excludes(&self, typed: &[Typed]) -> bool {
        self.selects.iter().all(|select| select.excludes(typed))
    }

    /// Whether any select leaves out some sources, so that a source need not be read at all.
    pub fn wants_source(&self, source: usize) -> bool {
        self.selects.iter().any(|select| select.takes_source(source))
    }

    /// What of a record makes a difference to any select.
    pub(crate) fn needs(&self) -> Needs {
        Needs {
            identities: self.selects.iter().any(SelectPlan::needs_identities),
            events: self.selects.iter().any(SelectPlan::needs_events),
            joins: self.selects.iter().any(SelectPlan::needs_joins),
        }
    }

    /// The selects.
    pub fn selects(&self) -> &[SelectPlan] {
        &self.selects
    }
}

/// What of a record, but for its source and time, a query looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    pub(crate) identities: bool,
    pub(crate) events: bool,
    pub(crate) joins: bool,
}

/// Whether a profile has a place for a path right beside text that could be part of a name, such as
/// `repo-{project}`.
fn glues_names(profile: &Profile) -> bool {
    let mut patterns = profile.sources.iter().flat_map(|source| &source.lines);
    profile
        .templates
        .iter()
        .any(|template| glues_slots(&template.text))
        || patterns.any(|pattern| glues_fields(&pattern.pieces))
}

fn glues_slots(template: &str) -> bool {
    template.match_indices('{').any(|(at, _)| {
        let (before, slot) = template.split_at_checked(at).unwrap_or_default();
        let (slot, behind) = slot.split_once('}').unwrap_or((slot, ""));
        let is_path = ["{namespace", "{project"]
            .iter()
            .any(|name| slot.starts_with(name));
        let joins = |byte: Option<u8>| byte.is_some_and(|byte| joins_names(byte) || b"{}".contains(&byte));
        is_path && (joins(before.bytes().last()) || joins(behind.bytes().next()))
    })
}

fn glues_fields(pieces: &[LinePiece]) -> bool {
    let joins = |byte: Option<u8>| byte.is_some_and(joins_names);
    let pairs = pieces.windows(2).any(|pair| match pair {
        [LinePiece::Field { .. }, LinePiece::Field { .. }] => true,
        [LinePiece::Text(text), LinePiece::Field { .. }] => joins(text.bytes().last()),
        [LinePiece::Field { .. }, LinePiece::Text(text)] => joins(text.bytes().next()),
        _ => false,
    });
    let mut within = pieces.iter().filter_map(|piece| match piece {
        LinePiece::Group { pieces, .. } => Some(pieces),
        _ => None,
    });
    pairs || within.any(|pieces| glues_fields(pieces))
}

/// The join keys of a record.
#[derive(Debug, Default)]
pub struct Joins {
    pub(crate) correlation: HashSet<String>,
    token: HashSet<String>,
}

impl Joins {
    pub(crate) fn of(plan: &ProfilePlan, record: &Record<'_>) -> Self {
        let mut joins = Self::default();
        for field in &record.fields {
            let Some(text) = field.value.as_scalar() else {
                continue;
            };
            match plan.class(record, field) {
                Some(Class::Correlation) => joins.correlation.insert(text.to_owned()),
                Some(Class::TokenId) => joins.token.insert(text.to_owned()),
                _ => continue,
            };
        }
        joins
    }
}

/// The scope of a request, compiled.
///
/// # Errors
/// A `since` or `until` is not an instant.
pub fn scope_index(request: &Request) -> Result<ScopeIndex, crate::Error> {
    ScopeIndex::new(&request.scope)
        .map_err(|cause| crate::Error::new(crate::ErrorKind::Config, cause.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_that_glue_names_are_told() {
        for (text, glues) in [
            ("Project \"{project}\" was deleted", false),
            ("{event} JID-{correlation}: start", false),
            ("see {project}.", false),
            ("repo-{project}", true),
            ("{namespace}1", true),
            ("{number}{project.2}", true),
        ] {
            assert_eq!(glues_slots(text), glues, "{text}");
        }
        for name in ["gitlab", "nginx", "haproxy", "cloudtrail", "kubernetes-audit"] {
            let profile = Profile::builtin(name).expect("a built-in profile");
            assert!(!glues_names(&profile), "{name}");
        }
    }
}
