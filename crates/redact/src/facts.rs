//! What a dive learns before anything is redacted: foreign values, and which names and ids belong
//! together. The result does not depend on the order in which records were seen.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use decostop_profile::{Class, Kind, Role, WordSet};
use foldhash::fast::RandomState;

use crate::detect::{is_sensitive, looks_random};
use crate::identity::{Ident, read_text};
use crate::plan::{Place, Typed};
use crate::scope::{EVER, Match, ScopeIndex, fold};
use crate::standing::{Standing, of_tuple, pairing};

type Map<K, V> = HashMap<K, V, RandomState>;
type Set<K> = HashSet<K, RandomState>;

/// With what kinds of names an id was seen in one tuple.
#[derive(Clone, Copy, Debug, Default)]
struct Pairing {
    inside: bool,
    outside: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct NameFact {
    smallest_id: Option<u64>,
    /// Seen in a tuple whose id says that it is somebody else's.
    contradicted: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct PathFact {
    smallest_project: Option<u64>,
    smallest_namespace: Option<u64>,
    project: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct AddressFact {
    own: bool,
    foreign: bool,
}

/// A growing set of facts; one for each worker, united at the end of phase 1.
#[derive(Default)]
pub struct Learner {
    usernames: Map<String, NameFact>,
    names: Map<String, NameFact>,
    emails: Map<String, NameFact>,
    user_ids: Map<u64, Pairing>,
    paths: Map<String, PathFact>,
    project_ids: Map<u64, Pairing>,
    namespace_ids: Map<u64, Pairing>,
    addresses: Map<IpAddr, AddressFact>,
    impersonation: Map<Ident, Vec<(i64, bool)>>,
    limit: Option<usize>,
    overflow: bool,
    /// Lines are redacted as they come: a pairing that contradicts may still follow.
    streaming: bool,
}

impl std::fmt::Debug for Learner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Learner(<{} values>)", self.len())
    }
}

fn entry<'m, K: Eq + Hash + Clone, V: Default>(map: &'m mut Map<K, V>, key: &K) -> &'m mut V {
    match map.entry(key.clone()) {
        Entry::Occupied(slot) => slot.into_mut(),
        Entry::Vacant(slot) => slot.insert(V::default()),
    }
}

fn smaller(held: &mut Option<u64>, id: Option<u64>) {
    *held = match (*held, id) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    };
}

fn unite<K: Eq + Hash, V: Copy + Default>(into: &mut Map<K, V>, from: Map<K, V>, join: impl Fn(&mut V, V)) {
    for (key, value) in from {
        join(into.entry(key).or_default(), value);
    }
}

impl Learner {
    /// Holds at most `limit` values; above it [`Facts::text_allowed`] becomes false.
    pub fn new(limit: usize) -> Self {
        Self {
            limit: Some(limit),
            ..Self::default()
        }
    }

    /// Values held.
    pub fn len(&self) -> usize {
        self.usernames.len()
            + self.names.len()
            + self.emails.len()
            + self.user_ids.len()
            + self.paths.len()
            + self.project_ids.len()
            + self.namespace_ids.len()
            + self.addresses.len()
    }

    /// Whether nothing was learned.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Learns from the typed values of one matched record at `ns`. `impersonation` is `Some(true)` for
    /// a record that says an impersonation began, `Some(false)` for one that says it ended.
    pub fn observe(&mut self, typed: &[Typed], scope: &ScopeIndex, ns: i64, impersonation: Option<bool>) {
        if self.overflow || self.limit.is_some_and(|limit| self.len() > limit) {
            self.overflow = true;
            return;
        }
        let mut own_actor = None;
        let tuples = typed
            .iter()
            .filter_map(|value| value.tuple)
            .max()
            .map_or(0, |last| last + 1);
        for tuple in 0..tuples {
            let members = members_of(typed, tuple);
            let role = typed
                .iter()
                .find(|value| value.tuple == Some(tuple))
                .and_then(|value| value.role);
            self.observe_tuple(&members, scope, ns);
            if role == Some(Role::Actor) && members.iter().any(|ident| !matches!(ident, Ident::Ip(_))) {
                // Ids are not linked yet; beside a name in scope an unlisted id is given the benefit.
                let lenient = |ident: &Ident| pairing(&members, ident, scope, ns) == Some(true);
                let inside = of_tuple(&members, scope, ns, lenient) == Standing::Inside;
                own_actor = Some(own_actor.unwrap_or(true) && inside);
            }
            if let (Some(began), Some(Role::Actor | Role::Target)) = (impersonation, role) {
                for ident in &members {
                    self.impersonation
                        .entry((*ident).clone())
                        .or_default()
                        .push((ns, began));
                }
            }
        }
        // The message of such a record names who is acted as, where no field does.
        let named = |value: &&Typed| value.place == Place::Text && matches!(value.ident, Ident::User(_));
        if let Some(began) = impersonation {
            for value in typed.iter().filter(named) {
                let moments = self.impersonation.entry(value.ident.clone()).or_default();
                moments.push((ns, began));
            }
        }
        // What a client typed into a form may stand in a message: it is looked for, not learned from.
        let taught = |value: &&Typed| value.tuple.is_none() && value.place != Place::Text;
        for value in typed.iter().filter(taught) {
            // A path of one segment in a URL may be any page: it would teach words as names.
            let sure = matches!(value.place, Place::Field | Place::Params);
            if sure || !matches!(&value.ident, Ident::Path(path) if !path.contains('/')) {
                self.observe_tuple(&[&value.ident], scope, ns);
            }
        }
        for value in typed.iter().filter(|value| value.place != Place::Text) {
            if let Ident::Ip(address) = value.ident {
                let fact = self.addresses.entry(address).or_default();
                fact.own |= own_actor == Some(true);
                fact.foreign |= own_actor != Some(true);
            }
        }
    }

    fn observe_tuple(&mut self, members: &[&Ident], scope: &ScopeIndex, ns: i64) {
        let user = smallest(members, |ident| {
            if let Ident::UserId(id) = ident {
                Some(*id)
            } else {
                None
            }
        });
        let project = smallest(members, |ident| {
            if let Ident::ProjectId(id) = ident {
                Some(*id)
            } else {
                None
            }
        });
        let namespace = smallest(members, |ident| {
            if let Ident::NamespaceId(id) = ident {
                Some(*id)
            } else {
                None
            }
        });
        let foreign_id = user.is_some_and(|id| !scope.user_id(id, ns).is_inside());
        let named_inside = members
            .iter()
            .any(|ident| matches!(ident, Ident::User(name) if scope.username(name, ns).is_inside()));
        for ident in members {
            match ident {
                Ident::User(name) => {
                    let mismatch = match scope.username(name, ns) {
                        Match::Entry { id: Some(id), .. } => user.is_some_and(|other| other != id),
                        _ => false,
                    };
                    let fact = entry(&mut self.usernames, name);
                    smaller(&mut fact.smallest_id, user);
                    fact.contradicted |= mismatch;
                }
                Ident::Email(email) => smaller(&mut entry(&mut self.emails, email).smallest_id, user),
                Ident::Name(name) => {
                    let fact = entry(&mut self.names, name);
                    smaller(&mut fact.smallest_id, user);
                    fact.contradicted |= foreign_id && !named_inside;
                }
                Ident::Path(path) => {
                    let fact = entry(&mut self.paths, path);
                    fact.project |= project.is_some();
                    smaller(&mut fact.smallest_project, project);
                    smaller(&mut fact.smallest_namespace, namespace);
                }
                Ident::UserId(id) => pair(&mut self.user_ids, *id, pairing(members, ident, scope, ns)),
                Ident::ProjectId(id) => pair(&mut self.project_ids, *id, pairing(members, ident, scope, ns)),
                Ident::NamespaceId(id) => {
                    pair(&mut self.namespace_ids, *id, pairing(members, ident, scope, ns));
                }
                Ident::Ip(_) => {}
            }
        }
    }

    /// Adds an account that the caller knows to be foreign.
    pub fn add_account(&mut self, class: Class, text: &str, scope: &ScopeIndex) {
        let ident = match class {
            Class::Ip => text.parse().ok().map(Ident::Ip),
            _ => read_text(class, text),
        };
        match ident {
            Some(Ident::Ip(address)) => self.addresses.entry(address).or_default().foreign = true,
            Some(ident) => {
                self.observe_tuple(&[&ident], scope, EVER);
            }
            None => {}
        }
    }

    /// Unites the facts of two workers.
    pub fn merge(&mut self, other: Self) {
        let name = |held: &mut NameFact, more: NameFact| {
            smaller(&mut held.smallest_id, more.smallest_id);
            held.contradicted |= more.contradicted;
        };
        unite(&mut self.usernames, other.usernames, name);
        unite(&mut self.names, other.names, name);
        unite(&mut self.emails, other.emails, name);
        unite(&mut self.user_ids, other.user_ids, join_pairing);
        unite(&mut self.project_ids, other.project_ids, join_pairing);
        unite(&mut self.namespace_ids, other.namespace_ids, join_pairing);
        unite(&mut self.paths, other.paths, |held, more| {
            smaller(&mut held.smallest_project, more.smallest_project);
            smaller(&mut held.smallest_namespace, more.smallest_namespace);
            held.project |= more.project;
        });
        unite(&mut self.addresses, other.addresses, |held, more| {
            held.own |= more.own;
            held.foreign |= more.foreign;
        });
        for (ident, times) in other.impersonation {
            self.impersonation.entry(ident).or_default().extend(times);
        }
        self.overflow |= other.overflow || self.limit.is_some_and(|limit| self.len() > limit);
    }

    /// Ends learning.
    pub fn freeze(mut self, scope: ScopeIndex, words: &WordSet) -> Facts {
        for times in self.impersonation.values_mut() {
            times.sort_unstable();
            times.dedup();
        }
        let mut facts = Facts {
            scope,
            learned: self,
            foreign: Tokens::default(),
            stamp: next_stamp(),
        };
        facts.build_tokens(words);
        facts
    }
}

fn members_of(typed: &[Typed], tuple: usize) -> Vec<&Ident> {
    let mut members: Vec<&Ident> = typed
        .iter()
        .filter(|value| value.tuple == Some(tuple))
        .map(|value| &value.ident)
        .collect();
    members.sort_unstable();
    members.dedup();
    members
}

fn smallest(members: &[&Ident], pick: impl Fn(&Ident) -> Option<u64>) -> Option<u64> {
    members.iter().filter_map(|ident| pick(ident)).min()
}

fn pair(map: &mut Map<u64, Pairing>, id: u64, said: Option<bool>) {
    let held = map.entry(id).or_default();
    held.inside |= said == Some(true);
    held.outside |= said == Some(false);
}

fn join_pairing(held: &mut Pairing, more: Pairing) {
    held.inside |= more.inside;
    held.outside |= more.outside;
}

/// What a dive learned, complete and read-only.
pub struct Facts {
    scope: ScopeIndex,
    learned: Learner,
    foreign: Tokens,
    stamp: u64,
}

/// Another number at each call: tells apart what answers were made from.
pub(crate) fn next_stamp() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// What foreign values are looked for by.
#[derive(Default)]
struct Tokens {
    /// Folded foreign values and their parts that may not stand in an event or a field name.
    tokens: Set<String>,
    /// Foreign display names of several words.
    phrases: Set<String>,
    /// Their first words.
    heads: Set<String>,
}

impl std::fmt::Debug for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Facts(<{} values>)", self.learned.len())
    }
}

impl Tokens {
    /// Adds a foreign value and its telling parts.
    fn add(&mut self, class: Class, value: String, words: &WordSet) {
        let separators: &[char] = match class {
            Class::Name => &[' ', '\u{a0}'],
            Class::Email => &['@', '.'],
            Class::Namespace | Class::Project => &['/', '-', '_', '.'],
            _ => &[],
        };
        for part in value
            .split(separators)
            .filter(|part| part.len() >= MIN_PART && !words.contains(part))
        {
            self.tokens.insert(part.to_owned());
        }
        if matches!(class, Class::Namespace | Class::Project) {
            // The groups above it; the first part alone is a part.
            let above = value
                .match_indices('/')
                .skip(1)
                .filter_map(|(at, _)| value.get(..at));
            self.tokens.extend(above.map(str::to_owned));
        }
        if class == Class::Name {
            // As the chunks of a text are compared: without the punctuation around its words.
            let words: Vec<&str> = value
                .split_whitespace()
                .map(|word| word.trim_matches(crate::text::OUTER))
                .collect();
            self.heads.extend(words.first().map(|head| (*head).to_owned()));
            self.phrases.insert(words.join(" "));
        }
        self.tokens.insert(value);
    }
}

/// Shortest part of a name or path that counts as a token of its own, in bytes.
const MIN_PART: usize = 4;

impl Facts {
    /// Facts for lines that are redacted as they come: what was seen so far, and no links.
    pub fn streaming(mut learner: Learner, scope: ScopeIndex, words: &WordSet) -> Self {
        learner.streaming = true;
        learner.freeze(scope, words)
    }

    /// Learns from one more record; only for [`Facts::streaming`].
    pub fn learn(&mut self, typed: &[Typed], ns: i64, words: &WordSet) {
        self.learned.observe(typed, &self.scope, ns, None);
        let known = self.foreign.tokens.len();
        let foreign: Vec<&Typed> = typed
            .iter()
            .filter(|value| !self.is_inside(&value.ident, EVER))
            .collect();
        for value in foreign {
            let text = match &value.ident {
                Ident::User(text) | Ident::Name(text) | Ident::Email(text) | Ident::Path(text) => {
                    text.clone()
                }
                Ident::UserId(id) | Ident::ProjectId(id) | Ident::NamespaceId(id) => id.to_string(),
                Ident::Ip(address) => address.to_string(),
            };
            self.foreign.add(value.class, text, words);
        }
        if self.foreign.tokens.len() != known {
            self.stamp = next_stamp();
        }
    }

    fn build_tokens(&mut self, words: &WordSet) {
        for (class, value) in self.foreign() {
            self.foreign.add(class, value, words);
        }
    }

    /// As long as it stays the same, so do the foreign tokens and the scope.
    pub(crate) fn stamp(&self) -> u64 {
        self.stamp
    }

    /// The scope.
    pub fn scope(&self) -> &ScopeIndex {
        &self.scope
    }

    /// Whether the dictionary is complete; if not, all text of the dive is dropped.
    pub fn text_allowed(&self) -> bool {
        !self.learned.overflow
    }

    /// Whether an id that the request does not list is in scope because every tuple of the dive that
    /// pairs it with a name or path shows one that is.
    pub(crate) fn linked(&self, ident: &Ident) -> bool {
        let pairing = match ident {
            Ident::UserId(id) => self.learned.user_ids.get(id),
            Ident::ProjectId(id) => self.learned.project_ids.get(id),
            Ident::NamespaceId(id) => self.learned.namespace_ids.get(id),
            _ => None,
        };
        // Above the limit not every pairing was seen: one that contradicts may be missing.
        !self.learned.overflow
            && !self.learned.streaming
            && pairing.is_some_and(|pairing| pairing.inside && !pairing.outside)
    }

    pub(crate) fn standing(&self, members: &[&Ident], ns: i64) -> Standing {
        of_tuple(members, &self.scope, ns, |ident| self.linked(ident))
    }

    /// Whether the value itself is in scope: listed by the request, or linked.
    pub fn is_inside(&self, ident: &Ident, ns: i64) -> bool {
        match ident {
            Ident::User(name) => self.scope.username(name, ns).is_inside(),
            Ident::UserId(id) => self.scope.user_id(*id, ns).is_inside() || self.linked(ident),
            Ident::Email(email) => self.scope.email(email, ns).is_inside(),
            Ident::Name(name) => self.scope.name(name, ns).is_inside(),
            Ident::Path(path) => self.scope.path(path, ns).is_inside(),
            Ident::ProjectId(id) => self.scope.project_id(*id, ns).is_inside() || self.linked(ident),
            Ident::NamespaceId(id) => self.scope.namespace_id(*id, ns).is_inside() || self.linked(ident),
            Ident::Ip(_) => false,
        }
    }

    /// Whether a path that nothing but a text or URL says to be one may be shown: the request lists it,
    /// or none of its segments looks like a credential. Anything may follow a namespace in a URL.
    pub(crate) fn is_plausible_path(&self, path: &str, domains: &[String]) -> bool {
        self.scope.lists_path(&fold(path))
            || !is_sensitive(path, domains)
                && !path
                    .split('/')
                    .any(|segment| looks_random(segment) || looks_like_data(segment))
    }

    /// Whether a path is a personal namespace (or lies in one): its first component is a user name.
    pub fn is_personal(&self, path: &str) -> bool {
        let root = path.split('/').next().unwrap_or_default();
        self.scope.has_username(root) || self.learned.usernames.contains_key(root)
    }

    /// Whether an in-scope user name, e-mail or display name was seen for somebody else as well: then
    /// it is not kept in text.
    pub(crate) fn is_contradicted(&self, ident: &Ident) -> bool {
        let fact = match ident {
            Ident::User(name) => self.learned.usernames.get(name),
            Ident::Email(email) => self.learned.emails.get(email),
            Ident::Name(name) => self.learned.names.get(name),
            _ => None,
        };
        fact.is_some_and(|fact| fact.contradicted)
    }

    /// Whether a folded token is, or is part of, a foreign value.
    pub fn is_foreign_token(&self, folded: &str) -> bool {
        self.foreign.tokens.contains(folded)
    }

    /// Whether a folded run of words is a foreign display name.
    pub(crate) fn is_foreign_phrase(&self, folded: &str) -> bool {
        self.foreign.phrases.contains(folded)
    }

    /// Whether a display name of several words, foreign or of the scope, begins with this one (folded).
    pub(crate) fn begins_name(&self, folded: &str) -> bool {
        self.foreign.heads.contains(folded) || self.scope.begins_name(folded)
    }

    /// Whether an address was only ever seen with in-scope actors.
    pub fn is_own_address(&self, address: IpAddr) -> bool {
        self.learned
            .addresses
            .get(&address)
            .is_some_and(|fact| fact.own && !fact.foreign)
    }

    /// Whether somebody was acting as this user at an instant, as far as start and stop were seen.
    pub(crate) fn is_impersonated(&self, ident: &Ident, ns: i64) -> bool {
        let Some(times) = self.learned.impersonation.get(ident) else {
            return false;
        };
        let before = times.iter().rev().find(|(at, _)| *at <= ns);
        let after = times.iter().find(|(at, _)| *at >= ns);
        before.is_some_and(|(_, began)| *began) || after.is_some_and(|(_, began)| !*began)
    }

    /// The canonical text of a tuple: the smallest id it holds or is known by, else its smallest name.
    pub(crate) fn canonical(&self, kind: Kind, members: &[&Ident]) -> String {
        let ids = members.iter().filter_map(|ident| match (kind, ident) {
            (Kind::User, Ident::UserId(id))
            | (Kind::Project, Ident::ProjectId(id))
            | (Kind::Namespace, Ident::NamespaceId(id)) => Some(*id),
            _ => None,
        });
        let known = || {
            members
                .iter()
                .filter(|_| !self.learned.overflow)
                .filter_map(|ident| match (kind, ident) {
                    (Kind::User, Ident::User(name)) => self.learned.usernames.get(name)?.smallest_id,
                    (Kind::User, Ident::Email(email)) => self.learned.emails.get(email)?.smallest_id,
                    (Kind::Project, Ident::Path(path)) => self.learned.paths.get(path)?.smallest_project,
                    (Kind::Namespace, Ident::Path(path)) => self.learned.paths.get(path)?.smallest_namespace,
                    _ => None,
                })
        };
        if let Some(id) = ids.min().or_else(|| known().min()) {
            return format!("id:{id}");
        }
        let name = members.iter().filter_map(|ident| match ident {
            Ident::User(text) | Ident::Path(text) => Some(text),
            _ => None,
        });
        let other = members.iter().filter_map(|ident| match ident {
            Ident::Email(text) | Ident::Name(text) => Some(text),
            _ => None,
        });
        name.min()
            .or_else(|| other.min())
            .map_or_else(|| "none:".to_owned(), |text| format!("name:{text}"))
    }

    /// All foreign values learned, as class and folded value, ordered.
    pub fn foreign(&self) -> Vec<(Class, String)> {
        let learned = &self.learned;
        let mut out = Vec::with_capacity(learned.len());
        let outside = |ident: &Ident| !self.is_inside(ident, EVER);
        let texts = |map: &Map<String, NameFact>,
                     class: Class,
                     make: fn(String) -> Ident,
                     out: &mut Vec<(Class, String)>| {
            out.extend(
                map.keys()
                    .filter(|text| outside(&make((*text).clone())))
                    .map(|text| (class, text.clone())),
            );
        };
        texts(&learned.usernames, Class::User, Ident::User, &mut out);
        texts(&learned.names, Class::Name, Ident::Name, &mut out);
        texts(&learned.emails, Class::Email, Ident::Email, &mut out);
        let ids = |map: &Map<u64, Pairing>,
                   class: Class,
                   make: fn(u64) -> Ident,
                   out: &mut Vec<(Class, String)>| {
            out.extend(
                map.keys()
                    .filter(|id| outside(&make(**id)))
                    .map(|id| (class, id.to_string())),
            );
        };
        ids(&learned.user_ids, Class::UserId, Ident::UserId, &mut out);
        ids(&learned.project_ids, Class::ProjectId, Ident::ProjectId, &mut out);
        ids(
            &learned.namespace_ids,
            Class::NamespaceId,
            Ident::NamespaceId,
            &mut out,
        );
        for (path, fact) in &learned.paths {
            if outside(&Ident::Path(path.clone())) {
                out.push((
                    if fact.project {
                        Class::Project
                    } else {
                        Class::Namespace
                    },
                    path.clone(),
                ));
            }
        }
        out.extend(
            learned
                .addresses
                .iter()
                .filter(|(_, fact)| fact.foreign)
                .map(|(ip, _)| (Class::Ip, ip.to_string())),
        );
        out.sort_unstable();
        out
    }

    /// Ids in scope by their pairings, ordered.
    pub fn linked_ids(&self) -> Vec<(Class, String)> {
        let mut out = BTreeMap::new();
        let learned = &self.learned;
        for (class, map, make) in [
            (
                Class::UserId,
                &learned.user_ids,
                Ident::UserId as fn(u64) -> Ident,
            ),
            (Class::ProjectId, &learned.project_ids, Ident::ProjectId),
            (Class::NamespaceId, &learned.namespace_ids, Ident::NamespaceId),
        ] {
            for id in map.keys().filter(|id| self.linked(&make(**id))) {
                out.insert((class, *id), id.to_string());
            }
        }
        out.into_iter().map(|((class, _), text)| (class, text)).collect()
    }
}

/// Whether a segment of a path is data rather than a name: it holds an address, or is a number like that of
/// a card or an account, or a key in capitals and digits.
fn looks_like_data(segment: &str) -> bool {
    let digits = segment.bytes().filter(u8::is_ascii_digit).count();
    let all = |of: fn(u8) -> bool| segment.bytes().all(of);
    let number = digits >= 13 && all(|byte| byte.is_ascii_digit() || byte == b'-');
    let key =
        segment.len() >= 15 && digits > 0 && all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit());
    let address = || {
        segment
            .split(|c: char| !c.is_ascii_digit() && c != '.')
            .any(|run| run.trim_matches('.').parse::<std::net::Ipv4Addr>().is_ok())
            || segment.parse::<IpAddr>().is_ok()
    };
    number || key || crate::encoded::hides_text(segment) || address()
}

#[cfg(test)]
mod data_tests {
    use super::looks_like_data;

    #[test]
    fn data_in_paths_is_told_from_names() {
        for data in [
            "192.168.65.1",
            "ip-10.0.0.9.",
            "4111111111111111",
            "5500-0000-0000-0004",
            "DE89370400440532013000",
            "A3T0ABCDEFGHIJKLMNOP",
            "2001:db8::1",
        ] {
            assert!(looks_like_data(data), "{data}");
        }
        for name in [
            "api",
            "release-1.2.3",
            "v1.2.3.4.5",
            "2026-11-08",
            "PAYMENTS",
            "team-20261108",
            "x.1.y",
        ] {
            assert!(!looks_like_data(name), "{name}");
        }
    }
}

#[cfg(test)]
mod tests {
    use decostop_profile::{Scope, UserScope};
    use proptest::prelude::*;

    use super::*;

    fn in_text(name: &str) -> Typed {
        Typed {
            class: Class::User,
            ident: Ident::User(name.to_owned()),
            tuple: None,
            role: None,
            place: Place::Text,
            field: 0,
        }
    }

    fn learned(typed: &[Typed], impersonation: Option<bool>) -> Facts {
        let scope = || ScopeIndex::new(&Scope::default()).expect("a sound scope");
        let mut learner = Learner::default();
        learner.observe(typed, &scope(), 10, impersonation);
        learner.freeze(scope(), &WordSet::default())
    }

    proptest! {
        /// A run of words is compared with names only if one begins with its first word.
        #[test]
        fn every_name_is_found_by_its_first_word(
            names in proptest::collection::vec("[aBé(),.' ]{1,8}", 1..5),
            own in "[aBé(),. ]{1,8}",
        ) {
            let user = UserScope { names: vec![own], ..UserScope::default() };
            let scope = ScopeIndex::new(&Scope { users: vec![user], ..Scope::default() }).expect("a sound scope");
            let mut learner = Learner::default();
            for name in &names {
                learner.add_account(Class::Name, name, &scope);
            }
            let facts = learner.freeze(scope, &WordSet::default());
            let own = facts.scope.display_names();
            for phrase in facts.foreign.phrases.iter().chain(own) {
                prop_assert!(facts.begins_name(phrase.split(' ').next().unwrap_or_default()));
            }
        }
    }

    #[test]
    fn a_message_teaches_no_names() {
        let typed = in_text("read-only");
        let field = Typed {
            place: Place::Field,
            ..typed.clone()
        };
        assert!(!learned(&[typed], None).is_foreign_token("read-only"));
        assert!(learned(&[field], None).is_foreign_token("read-only"));
    }

    #[test]
    fn a_message_tells_who_is_impersonated() {
        let alice = Ident::User("alice".to_owned());
        let typed = [in_text("staff"), in_text("alice")];
        let facts = learned(&typed, Some(true));
        assert!(!facts.is_impersonated(&alice, 9) && facts.is_impersonated(&alice, 11));
        let facts = learned(&typed, Some(false));
        assert!(facts.is_impersonated(&alice, 9) && !facts.is_impersonated(&alice, 11));
        assert!(!learned(&typed, None).is_impersonated(&alice, 11));
    }
}
