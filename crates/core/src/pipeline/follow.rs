//! Following what matches name: ids of the accounts they pair, and the other lines of their requests.
//!
//! `follow_ids` adds a pass before: records that pair a selected path or name with an id (or the other
//! way round) teach the select the other one. `follow_correlation` adds a pass behind: lines of any
//! source that share a correlation id with a match. Both only find more. What is disclosed is decided as
//! for every record, and a followed line without any identity of its own is disclosed only if every
//! identified line of each of its correlation ids has nexus.

use std::collections::HashSet;
use std::sync::Mutex;

use decostop_redact::{Ident, Place, Typed};
use rayon::prelude::*;

use super::Dive;
use super::collect::{Collector, Matched};
use crate::query::{Joins, QueryPlan, Set};
use crate::{Error, ErrorKind, parse};

/// Shorter correlation ids are no ids: `-`, `0`, `none`.
const MIN_ID_BYTES: usize = 6;
/// Correlation ids that one dive follows.
pub(super) const MAX_IDS: usize = 2_000_000;

/// Whether a correlation id tells its request from others.
pub(super) fn can_follow(id: &str) -> bool {
    id.len() >= MIN_ID_BYTES
}

/// Whether there are too many ids to follow them all: none is left out silently.
pub(super) fn check(ids: &HashSet<String>) -> Result<(), Error> {
    if ids.len() <= MAX_IDS {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Limit,
        format!("more than {MAX_IDS} correlation ids to follow"),
    )
    .hint("narrow the request, or leave --follow-correlation out"))
}

/// Identities that records pair with selected ones.
#[derive(Debug, Default)]
pub(super) struct Learned {
    pub(super) pairs: HashSet<(usize, Set, Ident)>,
}

impl Learned {
    pub(super) fn observe(&mut self, query: &QueryPlan, typed: &[Typed]) {
        for value in typed.iter().filter(|value| value.place == Place::Field) {
            let Some(tuple) = value.tuple else { continue };
            for (select, set) in query.holders(&value.ident) {
                let others = typed.iter().filter(|other| {
                    other.tuple == Some(tuple) && other.place == Place::Field && other.ident != value.ident
                });
                // Display names are shared by many.
                let telling = others.filter(|other| {
                    matches!(
                        other.ident,
                        Ident::NamespaceId(_)
                            | Ident::Path(_)
                            | Ident::ProjectId(_)
                            | Ident::User(_)
                            | Ident::UserId(_)
                    )
                });
                self.pairs
                    .extend(telling.map(|other| (select, set, other.ident.clone())));
            }
        }
    }
}

/// Correlation ids of which some identified line has no nexus.
pub(super) struct Tainted(HashSet<String>);

impl Tainted {
    /// Looks through everything that was collected.
    pub(super) fn of(
        dive: &Dive,
        pool: &rayon::ThreadPool,
        lines: &mut Collector,
        facts: &decostop_redact::Facts,
    ) -> Result<Self, Error> {
        let tainted: Mutex<HashSet<String>> = Mutex::default();
        lines.visit(&mut |lines| {
            let found: Vec<HashSet<String>> = pool.install(|| {
                lines
                    .par_iter()
                    .map_init(Default::default, |(scratch, typed), line| {
                        taints(dive, facts, line, scratch, typed)
                    })
                    .filter(|ids| !ids.is_empty())
                    .collect()
            });
            if let Ok(mut tainted) = tainted.lock() {
                tainted.extend(found.into_iter().flatten());
            }
        })?;
        Ok(Self(tainted.into_inner().unwrap_or_default()))
    }

    /// Whether a line with these correlation ids may be disclosed though it names nobody.
    pub(super) fn clears(&self, ids: &HashSet<String>) -> bool {
        !ids.is_empty() && ids.is_disjoint(&self.0)
    }
}

/// Whether a record names an account or a resource of its own.
pub(super) fn is_identified(typed: &[Typed]) -> bool {
    typed.iter().any(|value| match value.place {
        Place::Field => !matches!(value.ident, Ident::Ip(_)),
        Place::Route => true,
        // A URL of one segment is the platform's page as often as somebody's.
        Place::Page => !matches!(&value.ident, Ident::Path(path) if !path.contains('/')),
        _ => false,
    })
}

/// The correlation ids of a line that names somebody without nexus.
fn taints(
    dive: &Dive,
    facts: &decostop_redact::Facts,
    line: &Matched,
    scratch: &mut parse::Scratch,
    typed: &mut Vec<Typed>,
) -> HashSet<String> {
    let source = Some(line.source as usize);
    let ids = parse::with_record(&dive.plan, &line.line, source, &dive.limits, scratch, |record| {
        let sound = dive.plan.typed(record, typed);
        let ns = line.key.ns;
        // A message that names a stranger tells whose request it was, though it gives nobody nexus.
        let stranger = |value: &Typed| {
            value.place == Place::Text
                && !matches!(value.ident, Ident::Ip(_))
                && !facts.is_inside(&value.ident, ns)
        };
        let clean = sound.is_ok()
            && !typed.iter().any(stranger)
            && (!is_identified(typed) || dive.redactor.has_nexus(typed, facts, ns));
        if clean {
            HashSet::new()
        } else {
            Joins::of(&dive.plan, record).correlation
        }
    });
    ids.unwrap_or_default()
}
