//! What a request looks for, compiled: the exact typed match of a record, and the needles that a line
//! must hold to be worth parsing.

mod needle;
mod select;

use std::collections::HashSet;

use decostop_profile::Class;
use decostop_redact::{Ident, ProfilePlan, Record, ScopeIndex, Typed};

pub(crate) use needle::hidden_in;
pub use needle::{Needle, Needles};
pub use select::SelectPlan;
pub(crate) use select::Set;

use crate::request::{Request, Window};

/// All selects of a request, compiled for one profile.
#[derive(Debug)]
pub struct QueryPlan {
    selects: Vec<SelectPlan>,
    window: Window,
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
        let needles = Needles::new(&selects);
        Self {
            selects,
            window: request.window,
            needles,
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
        self.needles = Needles::new(&self.selects);
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
