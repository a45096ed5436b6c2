//! What a dive learns before anything is redacted: foreign values, and which names and ids belong
//! together. The result does not depend on the order in which records were seen.

mod carried;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use decostop_profile::{Class, Kind, Role, Values, WordSet};
use foldhash::fast::RandomState;

use crate::detect::{is_sensitive, looks_random};
use crate::identity::{Ident, id, read_text};
use crate::plan::{Place, Typed};
use crate::scope::{EVER, Match, ScopeIndex, fold};
use crate::standing::{Standing, of_tuple, pairing};
use crate::texts::{TextMap, Texts, TokenSet};

pub use carried::Learned;

type Map<K, V> = HashMap<K, V, RandomState>;
type Set<K> = HashSet<K, RandomState>;

/// With what kinds of names an id was seen in one tuple.
#[derive(Clone, Copy, Debug, Default)]
struct Pairing {
    inside: bool,
    outside: bool,
}

/// The smallest ids that a path was seen with, or 0.
#[derive(Clone, Copy, Debug, Default)]
struct Paired {
    project: u64,
    namespace: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct AddressFact {
    own: bool,
    foreign: bool,
}

/// A growing set of facts; one for each worker, united at the end of phase 1.
#[derive(Default)]
pub struct Learner {
    /// Names, each with the smallest user id that it was seen with, or 0: no account has it.
    usernames: TextMap<u64>,
    names: TextMap<u64>,
    emails: TextMap<u64>,
    /// User names and display names of the scope that were seen with an id which says that they are
    /// somebody else's.
    contradicted: Set<Ident>,
    user_ids: Map<u64, Pairing>,
    paths: TextMap<Paired>,
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

/// The smaller one of two ids, of which 0 is none.
fn smaller(held: &mut u64, id: Option<u64>) {
    let id = id.unwrap_or_default();
    if id != 0 && (*held == 0 || id < *held) {
        *held = id;
    }
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

    /// Texts of each map.
    fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        let held = [
            (USERNAMES, self.usernames.len()),
            (NAMES, self.names.len()),
            (EMAILS, self.emails.len()),
            (PATHS, self.paths.len()),
        ];
        for (map, count) in held {
            if let Some(slot) = counts.get_mut(map) {
                *slot = count;
            }
        }
        counts
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
        // A key that is written twice pairs nobody.
        let is_paired = !members
            .iter()
            .any(|one| members.iter().any(|other| is_rival(one, other)));
        let paired = |id: Option<u64>| id.filter(|_| is_paired);
        let foreign_id = user.is_some_and(|id| !scope.user_id(id, ns).is_inside());
        let named_inside = members
            .iter()
            .any(|ident| matches!(ident, Ident::User(name) if scope.username(name, ns).is_inside()));
        for ident in members {
            let held = match ident {
                Ident::User(name) => {
                    let is_other = match scope.username(name, ns) {
                        Match::Entry { id: Some(id), .. } => user.is_some_and(|other| other != id),
                        _ => false,
                    };
                    if is_other {
                        self.contradicted.insert((*ident).clone());
                    }
                    self.usernames.entry(name).map(|id| smaller(id, paired(user)))
                }
                Ident::Email(email) => self.emails.entry(email).map(|id| smaller(id, paired(user))),
                Ident::Name(name) => {
                    if foreign_id && !named_inside && scope.name(name, EVER).is_inside() {
                        self.contradicted.insert((*ident).clone());
                    }
                    self.names.entry(name).map(|id| smaller(id, paired(user)))
                }
                Ident::Path(path) => self.paths.entry(path).map(|held| {
                    smaller(&mut held.project, paired(project));
                    smaller(&mut held.namespace, paired(namespace));
                }),
                Ident::UserId(id) => {
                    pair(&mut self.user_ids, *id, pairing(members, ident, scope, ns));
                    Some(())
                }
                Ident::ProjectId(id) => {
                    pair(&mut self.project_ids, *id, pairing(members, ident, scope, ns));
                    Some(())
                }
                Ident::NamespaceId(id) => {
                    pair(&mut self.namespace_ids, *id, pairing(members, ident, scope, ns));
                    Some(())
                }
                Ident::Ip(_) => Some(()),
            };
            // A text that no memory is left for.
            self.overflow |= held.is_none();
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
        let names = [
            (&mut self.usernames, &other.usernames),
            (&mut self.names, &other.names),
            (&mut self.emails, &other.emails),
        ];
        let mut is_full = false;
        for (held, more) in names {
            for (name, id) in more.iter() {
                let held = held.entry(name).map(|held| smaller(held, Some(*id)));
                is_full |= held.is_none();
            }
        }
        for (path, paired) in other.paths.iter() {
            let held = self.paths.entry(path).map(|held| {
                smaller(&mut held.project, Some(paired.project));
                smaller(&mut held.namespace, Some(paired.namespace));
            });
            is_full |= held.is_none();
        }
        self.contradicted.extend(other.contradicted);
        unite(&mut self.user_ids, other.user_ids, join_pairing);
        unite(&mut self.project_ids, other.project_ids, join_pairing);
        unite(&mut self.namespace_ids, other.namespace_ids, join_pairing);
        unite(&mut self.addresses, other.addresses, |held, more| {
            held.own |= more.own;
            held.foreign |= more.foreign;
        });
        for (ident, times) in other.impersonation {
            self.impersonation.entry(ident).or_default().extend(times);
        }
        self.overflow |= is_full || other.overflow || self.limit.is_some_and(|limit| self.len() > limit);
    }

    /// Ends learning.
    pub fn freeze(mut self, scope: ScopeIndex, words: &WordSet) -> Facts {
        for times in self.impersonation.values_mut() {
            times.sort_unstable();
            times.dedup();
        }
        for names in [&mut self.usernames, &mut self.names, &mut self.emails] {
            names.shrink();
        }
        self.paths.shrink();
        let mut facts = Facts {
            scope,
            learned: self,
            foreign: Tokens::default(),
            stamp: next_stamp(),
        };
        facts.build_tokens([0; 4], words);
        facts
    }
}

/// Whether two members of a tuple cannot be one account's: there is one of each of these.
fn is_rival(one: &Ident, other: &Ident) -> bool {
    let is_single = |ident: &Ident| !matches!(ident, Ident::Email(_) | Ident::Ip(_) | Ident::Name(_));
    one != other && is_single(one) && std::mem::discriminant(one) == std::mem::discriminant(other)
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

/// What foreign values are looked for by; ids and addresses are looked up as such.
#[derive(Default)]
struct Tokens {
    parts: TokenSet,
    /// Display names as the chunks of a text are compared with them, where that is not how they are written.
    respelled: TextMap<()>,
}

/// A foreign value or a part of one that may not stand in an event or a field name.
const TOKEN: u8 = 1;
/// A foreign display name of several words.
const PHRASE: u8 = 2;
/// The first word of one.
const HEAD: u8 = 4;

impl std::fmt::Debug for Facts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Facts(<{} values>)", self.learned.len())
    }
}

/// The maps in which parts of foreign values stand.
fn maps<'l>(learned: &'l Learner, respelled: &'l TextMap<()>) -> [&'l Texts; 5] {
    [
        learned.usernames.texts(),
        learned.names.texts(),
        learned.emails.texts(),
        learned.paths.texts(),
        respelled.texts(),
    ]
}

const USERNAMES: usize = 0;
const NAMES: usize = 1;
const EMAILS: usize = 2;
const PATHS: usize = 3;
const RESPELLED: usize = 4;

impl Tokens {
    /// Adds the `nth` text of a map, which is foreign, and its telling parts.
    fn add(&mut self, learned: &Learner, map: usize, nth: usize, words: &WordSet) {
        let Self { parts, respelled } = self;
        let texts = maps(learned, respelled);
        let Some(value) = texts.get(map).map(|texts| texts.at(nth)) else {
            return;
        };
        let separators: &[char] = match map {
            NAMES => &[' ', '\u{a0}'],
            EMAILS => &['@', '.'],
            PATHS => &['/', '-', '_', '.'],
            _ => &[],
        };
        // Text is also searched for what is left without the marks around it (`Deploy_Bot.`, `no_wait_`).
        let telling = value
            .split(separators)
            .chain([value])
            .flat_map(|part| [part, bare(part)])
            .filter(|part| part.len() >= MIN_PART && !words.contains(part));
        // A segment of a path is a name of its own, with whatever joins its words.
        let segments = value
            .split('/')
            .map(bare)
            .filter(|part| map == PATHS && part.len() >= MIN_PART && !words.contains(part));
        // The groups above it; the first part alone is a part.
        let above = value
            .match_indices('/')
            .skip(1)
            .filter(|_| map == PATHS)
            .filter_map(|(at, _)| value.get(..at));
        let tokens = telling
            .chain(segments)
            .chain(above)
            .chain([value])
            .map(|part| (part, TOKEN));
        parts.add_parts(map, nth, tokens, &texts);
        if map != NAMES || !value.contains(char::is_whitespace) {
            return;
        }
        let name = learned.names.texts().at(nth);
        // Symbols around a name (`Build Bot 🤖`) are left out where others write it.
        for spelled in [phrase(name), phrase(bare(name))] {
            if !spelled.contains(' ') {
                continue;
            }
            let (map, nth) = if spelled == name {
                (map, nth)
            } else {
                let known = respelled.len();
                // Without room for it the dictionary is incomplete, but then it was before.
                if respelled.entry(&spelled).is_none() || respelled.len() == known {
                    continue;
                }
                (RESPELLED, known)
            };
            let texts = maps(learned, respelled);
            let spelled = texts.get(map).map_or("", |texts| texts.at(nth));
            let head = spelled.split(' ').next().unwrap_or_default();
            parts.add_parts(map, nth, [(spelled, PHRASE), (head, HEAD)], &texts);
        }
    }

    fn marks(&self, folded: &str, learned: &Learner) -> u8 {
        self.parts.marks(folded, &maps(learned, &self.respelled))
    }
}

/// A name without what is neither letter nor digit around it.
fn bare(text: &str) -> &str {
    text.trim_matches(|c: char| !c.is_alphanumeric())
}

/// A display name as the chunks of a text are compared with it: without the punctuation around its words.
fn phrase(name: &str) -> String {
    let words = name
        .split_whitespace()
        .map(|word| word.trim_matches(crate::text::OUTER));
    words.collect::<Vec<_>>().join(" ")
}

/// Shortest part of a name or path that counts as a token of its own, in bytes.
const MIN_PART: usize = 4;

fn map_class(map: usize) -> Class {
    match map {
        USERNAMES => Class::User,
        NAMES => Class::Name,
        EMAILS => Class::Email,
        _ => Class::Namespace,
    }
}

impl Facts {
    /// Facts for lines that are redacted as they come: what was seen so far, and no links.
    pub fn streaming(mut learner: Learner, scope: ScopeIndex, words: &WordSet) -> Self {
        learner.streaming = true;
        learner.freeze(scope, words)
    }

    /// Learns from one more record; only for [`Facts::streaming`].
    pub fn learn(&mut self, typed: &[Typed], ns: i64, words: &WordSet) {
        let before = self.learned.counts();
        let known = self.learned.len();
        self.learned.observe(typed, &self.scope, ns, None);
        self.build_tokens(before, words);
        if self.learned.len() != known {
            self.stamp = next_stamp();
        }
    }

    /// Adds the foreign ones of the texts that were learned after there were so many in each map.
    fn build_tokens(&mut self, known: [usize; 4], words: &WordSet) {
        let counts = self.learned.counts();
        for (map, (from, to)) in known.into_iter().zip(counts).enumerate() {
            for nth in from..to {
                let texts = maps(&self.learned, &self.foreign.respelled);
                let text = texts.get(map).map_or("", |texts| texts.at(nth));
                if !self.scope.is_text_inside(map_class(map), text) {
                    self.foreign.add(&self.learned, map, nth, words);
                }
            }
        }
    }

    /// Whether records still add to them.
    pub(crate) fn is_streaming(&self) -> bool {
        self.learned.streaming
    }

    /// As long as it stays the same, so do the foreign tokens and the scope; and if nothing
    /// [streams](Facts::is_streaming), everything.
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
        self.scope.has_username(root) || self.learned.usernames.contains(root)
    }

    /// Whether an in-scope user name, e-mail or display name was seen for somebody else as well: then
    /// it is not kept in text.
    pub(crate) fn is_contradicted(&self, ident: &Ident) -> bool {
        self.learned.contradicted.contains(ident)
    }

    /// Whether a folded token is, or is part of, a foreign value.
    pub fn is_foreign_token(&self, folded: &str) -> bool {
        self.foreign.marks(folded, &self.learned) & TOKEN != 0
            || folded
                .as_bytes()
                .first()
                .is_some_and(|byte| byte.is_ascii_hexdigit() || *byte == b':')
                && (self.is_foreign_number(folded) || self.is_foreign_address(folded))
    }

    fn is_foreign_number(&self, text: &str) -> bool {
        let learned = &self.learned;
        id(text).is_some_and(|id| {
            learned.user_ids.contains_key(&id) && !self.is_inside(&Ident::UserId(id), EVER)
                || learned.project_ids.contains_key(&id) && !self.is_inside(&Ident::ProjectId(id), EVER)
                || learned.namespace_ids.contains_key(&id) && !self.is_inside(&Ident::NamespaceId(id), EVER)
        })
    }

    fn is_foreign_address(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let may_be =
            bytes.len() > 1 && (bytes.contains(&b':') || bytes.last().is_some_and(u8::is_ascii_digit));
        let fact = may_be
            .then(|| text.parse::<IpAddr>().ok())
            .flatten()
            .and_then(|address| self.learned.addresses.get(&address.to_canonical()));
        // Of a stream nobody knows yet whether an address is an own actor's alone.
        fact.is_some_and(|fact| fact.foreign || self.learned.streaming)
    }

    /// Whether a folded run of words is a foreign display name.
    pub(crate) fn is_foreign_phrase(&self, folded: &str) -> bool {
        self.foreign.marks(folded, &self.learned) & PHRASE != 0
    }

    /// Whether a display name of several words, foreign or of the scope, begins with this one (folded).
    pub(crate) fn begins_name(&self, folded: &str) -> bool {
        self.foreign.marks(folded, &self.learned) & HEAD != 0 || self.scope.begins_name(folded)
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

    /// The canonical text of `of`, a member of a tuple, at an instant: the smallest id that the tuple holds,
    /// that the request lists for one of its names, or that its names are known by; else its smallest name.
    /// And whether it is an account's rather than a lone display name's or address's.
    pub(crate) fn canonical(&self, kind: Kind, of: &Ident, members: &[&Ident], ns: i64) -> (String, bool) {
        // Of a key that is written twice each value stands for itself.
        let alone = [of];
        let members = if members.iter().any(|other| is_rival(of, other)) {
            &alone[..]
        } else {
            members
        };
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
                    (Kind::User, Ident::User(name)) => self.learned.usernames.get(name).copied(),
                    (Kind::User, Ident::Email(email)) => self.learned.emails.get(email).copied(),
                    (Kind::Project, Ident::Path(path)) => Some(self.learned.paths.get(path)?.project),
                    (Kind::Namespace, Ident::Path(path)) => Some(self.learned.paths.get(path)?.namespace),
                    _ => None,
                })
                .filter(|id| *id != 0)
        };
        let by_id = |id: u64| (format!("id:{id}"), true);
        if let Some(id) = ids.min() {
            return by_id(id);
        }
        // What the request says belongs together needs no record that says so.
        let entry = members
            .iter()
            .filter(|_| kind == Kind::User)
            .find_map(|ident| self.scope.account(ident, ns));
        if let Some((listed, name)) = entry {
            let linked = |id: &u64| self.linked(&Ident::UserId(*id));
            let learned = || self.learned.usernames.get(name).copied().filter(linked);
            if let Some(id) = listed.or_else(learned) {
                return by_id(id);
            }
            if !name.is_empty() {
                return (format!("name:{name}"), true);
            }
        }
        if let Some(id) = known().min() {
            return by_id(id);
        }
        let name = members.iter().filter_map(|ident| match ident {
            Ident::User(text) | Ident::Path(text) => Some(text),
            _ => None,
        });
        let other = members.iter().filter_map(|ident| match ident {
            Ident::Email(text) | Ident::Name(text) => Some(text),
            _ => None,
        });
        let (name, other) = (name.min(), other.min());
        let text = name.or(other);
        let text = text.map_or_else(|| "none:".to_owned(), |text| format!("name:{text}"));
        (text, name.is_some())
    }

    /// All foreign values learned, as class and folded value; grouped by class and not ordered otherwise.
    pub fn foreign(&self) -> Values {
        let learned = &self.learned;
        let mut out = Values::new();
        let names = [
            (Class::User, &learned.usernames),
            (Class::Name, &learned.names),
            (Class::Email, &learned.emails),
        ];
        for (class, names) in names {
            let foreign = names
                .iter()
                .filter(|(name, _)| !self.scope.is_text_inside(class, name));
            foreign.for_each(|(name, _)| out.push(class, name));
        }
        for (class, ids, make) in [
            (
                Class::UserId,
                &learned.user_ids,
                Ident::UserId as fn(u64) -> Ident,
            ),
            (Class::ProjectId, &learned.project_ids, Ident::ProjectId),
            (Class::NamespaceId, &learned.namespace_ids, Ident::NamespaceId),
        ] {
            let foreign = ids.keys().filter(|id| !self.is_inside(&make(**id), EVER));
            foreign.for_each(|id| out.push(class, &id.to_string()));
        }
        for (path, paired) in learned.paths.iter() {
            if !self.scope.path(path, EVER).is_inside() {
                let is_project = paired.project != 0;
                out.push(
                    if is_project {
                        Class::Project
                    } else {
                        Class::Namespace
                    },
                    path,
                );
            }
        }
        for (address, _) in learned.addresses.iter().filter(|(_, fact)| fact.foreign) {
            out.push(Class::Ip, &address.to_string());
        }
        out.shrink();
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
            let foreign = names.iter().map(|name| fold(name.trim()));
            let foreign = foreign.flat_map(|name| [phrase(&name), phrase(bare(&name))]);
            for phrase in foreign.filter(|phrase| phrase.contains(' ')) {
                let is_own = facts.scope.name(&phrase, EVER).is_inside();
                prop_assert!(is_own || facts.is_foreign_phrase(&phrase));
                prop_assert!(facts.begins_name(phrase.split(' ').next().unwrap_or_default()));
            }
            for phrase in facts.scope.display_names() {
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
