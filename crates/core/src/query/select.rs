//! One select, compiled.

use std::collections::HashSet;

use decostop_profile::{Class, NamespaceScope, UserScope};
use decostop_redact::{Ident, ProfilePlan, Typed, fold, read_text};
use ipnet::IpNet;

use super::Joins;
use super::needle::Needle;
use crate::request::glob::Glob;
use crate::request::{Exclude, ProjectRef, Request, Select, UserRef, events};

/// A set of identities; a record matches it if any typed value does.
#[derive(Debug, Default)]
pub(super) struct IdentSet {
    exact: HashSet<Ident>,
    /// Namespaces with everything below them.
    below: Vec<String>,
    nets: Vec<IpNet>,
}

impl IdentSet {
    fn holds(&self, ident: &Ident) -> bool {
        self.exact.contains(ident)
            || match ident {
                Ident::Path(path) => self.below.iter().any(|namespace| is_below(path, namespace)),
                Ident::Ip(address) => self.nets.iter().any(|net| net.contains(address)),
                _ => false,
            }
    }

    fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.below.is_empty() && self.nets.is_empty()
    }

    fn takes(&self, typed: &[Typed]) -> bool {
        self.is_empty() || typed.iter().any(|value| self.holds(&value.ident))
    }

    /// One needle for each value, or `None` if a value has no needle.
    fn needles(&self) -> Option<Vec<Needle>> {
        let nets = self.nets.iter().map(|net| {
            let single = net.prefix_len() == net.max_prefix_len();
            // IPv6 addresses have many spellings.
            (single && net.addr().is_ipv4())
                .then(|| Needle::text(&net.addr().to_string()))
                .flatten()
        });
        let below = self.below.iter().map(|path| Needle::path(path));
        let exact = self.exact.iter().map(Needle::of);
        let ipv4 = self.nets.iter().any(|net| net.addr().is_ipv4())
            || self
                .exact
                .iter()
                .any(|ident| matches!(ident, Ident::Ip(address) if address.is_ipv4()));
        // `::ffff:5145:290` is one as well.
        let mapped = ipv4.then(|| Needle::text("ffff"));
        exact.chain(below).chain(nets).chain(mapped).collect()
    }
}

fn is_below(path: &str, namespace: &str) -> bool {
    path.strip_prefix(namespace)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The raw events of one source that a select takes.
#[derive(Debug)]
enum EventSet {
    All,
    Some(Vec<Glob>),
}

impl EventSet {
    fn new(patterns: &[String], source: &decostop_profile::Source, plan: &ProfilePlan) -> Self {
        if patterns.iter().any(|pattern| {
            pattern
                .strip_prefix(events::RAW)
                .is_some_and(crate::request::glob::is_everything)
        }) {
            return Self::All;
        }
        let raw = events::raw_patterns_of(patterns, source, &plan.profile);
        Self::Some(raw.iter().map(|pattern| Glob::new(pattern)).collect())
    }

    fn takes(&self, raw: Option<&str>) -> bool {
        match self {
            Self::All => true,
            Self::Some(globs) => raw.is_some_and(|raw| globs.iter().any(|glob| glob.matches(raw))),
        }
    }
}

/// Which set of a select an identity belongs to.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Set {
    /// Namespaces or projects: the place in the select's list of sets.
    Place(usize),
    /// Users.
    Users,
}

/// One select: every key given must match, and no exclusion.
#[derive(Debug)]
pub struct SelectPlan {
    sources: Vec<bool>,
    events: Option<Vec<EventSet>>,
    pub(super) places: Vec<IdentSet>,
    pub(super) users: IdentSet,
    pub(super) addresses: IdentSet,
    pub(super) correlation: HashSet<String>,
    pub(super) tokens: HashSet<String>,
    exclude: IdentSet,
    exclude_events: Vec<EventSet>,
}

impl SelectPlan {
    /// Compiles a select of a request.
    pub fn new(select: &Select, request: &Request, plan: &ProfilePlan) -> Self {
        let sources = &plan.profile.sources;
        let mut places = Vec::new();
        if !select.namespaces.is_empty() {
            places.push(namespaces(&select.namespaces, request));
        }
        if !select.projects.is_empty() {
            places.push(projects(&select.projects, request));
        }
        Self {
            sources: sources
                .iter()
                .map(|source| select.sources.is_empty() || select.sources.contains(&source.name))
                .collect(),
            events: (!select.events.is_empty()).then(|| {
                sources
                    .iter()
                    .map(|source| EventSet::new(&select.events, source, plan))
                    .collect()
            }),
            places,
            users: users(&select.users, request),
            addresses: IdentSet {
                nets: select.ips.clone(),
                ..IdentSet::default()
            },
            correlation: select.correlation_ids.iter().cloned().collect(),
            tokens: select.token_ids.iter().cloned().collect(),
            exclude: exclusion(&select.exclude, request),
            exclude_events: if select.exclude.events.is_empty() {
                Vec::new()
            } else {
                sources
                    .iter()
                    .map(|source| EventSet::new(&select.exclude.events, source, plan))
                    .collect()
            },
        }
    }

    pub(super) fn takes_source(&self, source: usize) -> bool {
        self.sources.get(source).copied().unwrap_or(false)
    }

    pub(super) fn takes_event(&self, source: usize, raw: Option<&str>) -> bool {
        let wanted = self
            .events
            .as_ref()
            .is_none_or(|events| events.get(source).is_some_and(|events| events.takes(raw)));
        let excluded = self
            .exclude_events
            .get(source)
            .is_some_and(|events| events.takes(raw));
        wanted && !excluded
    }

    pub(super) fn takes_identities(&self, typed: &[Typed]) -> bool {
        self.places.iter().all(|places| places.takes(typed))
            && self.users.takes(typed)
            && self.addresses.takes(typed)
            && (self.exclude.is_empty() || !self.excludes(typed))
    }

    pub(super) fn holders(&self, ident: &Ident) -> Vec<Set> {
        let places = self.places.iter().enumerate();
        let held = places
            .filter(|(_, places)| places.holds(ident))
            .map(|(at, _)| Set::Place(at));
        held.chain(self.users.holds(ident).then_some(Set::Users))
            .collect()
    }

    pub(super) fn add(&mut self, set: Set, ident: Ident) {
        let set = match set {
            Set::Place(at) => self.places.get_mut(at),
            Set::Users => Some(&mut self.users),
        };
        if let Some(set) = set {
            set.exact.insert(ident);
        }
    }

    pub(super) fn excludes(&self, typed: &[Typed]) -> bool {
        typed.iter().any(|value| self.exclude.holds(&value.ident))
    }

    pub(super) fn needs_joins(&self) -> bool {
        !self.correlation.is_empty() || !self.tokens.is_empty()
    }

    /// Whether whom a record names makes a difference.
    pub(super) fn needs_identities(&self) -> bool {
        let sets = [&self.users, &self.addresses, &self.exclude];
        self.places.iter().chain(sets).any(|set| !set.is_empty())
    }

    /// Whether what a record says happened makes a difference.
    pub(super) fn needs_events(&self) -> bool {
        self.events.is_some() || !self.exclude_events.is_empty()
    }

    pub(super) fn takes_joins(&self, joins: &Joins) -> bool {
        (self.correlation.is_empty() || !self.correlation.is_disjoint(&joins.correlation))
            && (self.tokens.is_empty() || !self.tokens.is_disjoint(&joins.token))
    }

    /// The needles of each key that was given: a matching record holds one of each list. A key with a
    /// value that has no needle is `None`.
    pub(super) fn needle_groups(&self) -> Vec<Option<Vec<Needle>>> {
        let idents = self
            .places
            .iter()
            .chain([&self.users, &self.addresses])
            .filter(|set| !set.is_empty())
            .map(IdentSet::needles);
        let joins = [&self.correlation, &self.tokens]
            .into_iter()
            .filter(|set| !set.is_empty())
            .map(|set| set.iter().map(|text| Needle::text(text)).collect());
        idents.chain(joins).collect()
    }
}

/// Namespaces under every path and id by which the scope knows them.
fn namespaces(paths: &[String], request: &Request) -> IdentSet {
    let mut set = IdentSet::default();
    for path in paths.iter().map(|path| fold(path.trim_matches('/'))) {
        for alias in aliases(&path, &request.scope.namespaces) {
            set.below.push(alias);
        }
        set.below.push(path);
    }
    set.below.sort_unstable();
    set.below.dedup();
    for entry in &request.scope.namespaces {
        if set
            .below
            .iter()
            .any(|namespace| is_below(&fold(&entry.path), namespace))
        {
            set.exact.extend(entry.id.map(Ident::NamespaceId));
            set.below.extend(entry.formerly.iter().map(|path| fold(path)));
        }
    }
    for entry in &request.scope.projects {
        let under = std::iter::once(&entry.path).chain(&entry.formerly).any(|path| {
            let path = fold(path);
            !path.is_empty() && set.below.iter().any(|namespace| is_below(&path, namespace))
        });
        if under {
            set.exact.extend(entry.id.map(Ident::ProjectId));
            set.exact
                .extend(entry.formerly.iter().map(|path| Ident::Path(fold(path))));
        }
    }
    set
}

/// The other spellings of a path that lies in a namespace of the scope that was renamed.
fn aliases(path: &str, entries: &[NamespaceScope]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in entries {
        let names: Vec<String> = std::iter::once(&entry.path)
            .chain(&entry.formerly)
            .map(|name| fold(name))
            .collect();
        let rest = names.iter().find_map(|name| {
            path.strip_prefix(name.as_str())
                .filter(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if let Some(rest) = rest {
            found.extend(names.iter().map(|name| format!("{name}{rest}")));
        }
    }
    found
}

fn projects(wanted: &[ProjectRef], request: &Request) -> IdentSet {
    let mut set = IdentSet::default();
    for project in wanted {
        match project {
            ProjectRef::Id(id) => set.exact.insert(Ident::ProjectId(*id)),
            ProjectRef::Path(path) => {
                let path = fold(path.trim_matches('/'));
                set.exact.extend(
                    aliases(&path, &request.scope.namespaces)
                        .into_iter()
                        .map(Ident::Path),
                );
                set.exact.insert(Ident::Path(path))
            }
        };
    }
    for entry in &request.scope.projects {
        let paths: Vec<Ident> = std::iter::once(&entry.path)
            .chain(&entry.formerly)
            .filter(|path| !path.is_empty())
            .map(|path| Ident::Path(fold(path)))
            .collect();
        let id = entry.id.map(Ident::ProjectId);
        if paths.iter().chain(&id).any(|ident| set.exact.contains(ident)) {
            set.exact.extend(paths.into_iter().chain(id));
        }
    }
    set
}

/// Users under every name by which the scope knows them; a foreign user under the one given.
fn users(wanted: &[UserRef], request: &Request) -> IdentSet {
    let mut set = IdentSet::default();
    for user in wanted {
        set.exact.extend(match user {
            UserRef::Id(id) => Some(Ident::UserId(*id)),
            UserRef::Name(name) => read_text(Class::User, name),
        });
    }
    for entry in &request.scope.users {
        let idents = idents_of(entry);
        let named = idents
            .iter()
            .any(|ident| matches!(ident, Ident::User(_) | Ident::UserId(_)) && set.exact.contains(ident));
        if named {
            set.exact.extend(idents);
        }
    }
    set
}

fn idents_of(user: &UserScope) -> Vec<Ident> {
    let names = std::iter::once(&user.username)
        .chain(&user.formerly)
        .filter_map(|name| read_text(Class::User, name));
    let emails = user
        .emails
        .iter()
        .filter_map(|email| read_text(Class::Email, email));
    let display = user.names.iter().filter_map(|name| read_text(Class::Name, name));
    names
        .chain(emails)
        .chain(display)
        .chain(user.id.map(Ident::UserId))
        .collect()
}

fn exclusion(exclude: &Exclude, request: &Request) -> IdentSet {
    let mut set = namespaces(&exclude.namespaces, request);
    set.exact.extend(projects(&exclude.projects, request).exact);
    set.exact.extend(users(&exclude.users, request).exact);
    set.nets.clone_from(&exclude.ips);
    set
}
