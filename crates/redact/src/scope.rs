//! The customer's accounts, compiled for look-ups.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use decostop_profile::{Class, Scope, UserScope};
use foldhash::fast::RandomState;

use crate::Error;
use crate::identity::Ident;
use crate::time::Instant;

/// Folds the case of an identity: names and paths compare case-insensitively. A character outside of
/// ASCII never becomes one inside it (the Kelvin sign is no `k`), so that a search for ASCII letters in
/// any case misses nothing.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let ascii = c.is_ascii();
        if ascii || c.to_lowercase().all(|lower| !lower.is_ascii()) {
            out.extend(c.to_lowercase());
        } else {
            out.push(c);
        }
    }
    out
}

/// The same; borrows what is folded already.
pub(crate) fn folded(text: &str) -> Cow<'_, str> {
    if text
        .bytes()
        .all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase())
    {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(fold(text))
    }
}

/// Whether a text, folded, is this one.
pub(crate) fn folds_to(text: &str, folded: &str) -> bool {
    if text.is_ascii() {
        text.len() == folded.len()
            && text
                .bytes()
                .zip(folded.bytes())
                .all(|(a, b)| a.to_ascii_lowercase() == b)
    } else {
        fold(text) == folded
    }
}

/// Instead of an instant: at any time.
pub const EVER: i64 = i64::MIN;

/// When a scope entry holds: `[since, until)` in nanoseconds.
#[derive(Clone, Copy, Debug)]
struct Held {
    since: i64,
    until: i64,
}

impl Held {
    fn new(since: Option<&str>, until: Option<&str>) -> Result<Self, Error> {
        let read = |text: Option<&str>, open: i64| match text {
            None => Ok(open),
            Some(text) => Instant::parse(text)
                .map(|at| at.ns)
                .ok_or_else(|| Error::scope_time(text)),
        };
        Ok(Self {
            since: read(since, i64::MIN)?,
            until: read(until, i64::MAX)?,
        })
    }

    fn at(self, ns: i64) -> bool {
        ns == EVER || self.since <= ns && ns < self.until
    }
}

/// One user, namespace or project of the request.
#[derive(Debug)]
struct Entry {
    id: Option<u64>,
    held: Held,
    /// Whether the request gives it a user name or a path.
    named: bool,
    /// The user name that the request gives it, folded.
    name: String,
}

/// What a value says about the scope.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Match {
    /// It names the scope entry with this index (and, if known, this id).
    Entry {
        /// Index of the entry in its list.
        index: usize,
        /// The id that the request gives for it.
        id: Option<u64>,
    },
    /// It names nothing in scope.
    Outside,
}

impl Match {
    /// Whether it names something in scope.
    pub fn is_inside(self) -> bool {
        matches!(self, Self::Entry { .. })
    }
}

type Index<K> = HashMap<K, Vec<usize>, RandomState>;

/// The first two bytes of some texts, each for itself: a text that begins otherwise is none of them.
#[derive(Debug, Default)]
struct Begins([Bytes; 2]);

/// A set of bytes.
#[derive(Debug, Default)]
struct Bytes([u128; 2]);

impl Bytes {
    fn insert(&mut self, byte: u8) {
        let [low, high] = &mut self.0;
        *(if byte < 128 { low } else { high }) |= 1 << (byte & 127);
    }

    fn contains(&self, byte: u8) -> bool {
        let [low, high] = self.0;
        (if byte < 128 { low } else { high }) >> (byte & 127) & 1 == 1
    }
}

impl Begins {
    fn insert(&mut self, folded: &str) {
        for (held, byte) in self.0.iter_mut().zip(folded.bytes()) {
            held.insert(byte);
        }
    }

    /// Whether one of the texts may begin as this one does, folded. A path may go on behind one of one
    /// byte, by a slash or a suffix such as `.git`.
    fn may_be(&self, text: &str) -> bool {
        let [first, second] = &self.0;
        let mut bytes = text.bytes().map(|byte| byte.to_ascii_lowercase());
        !text.is_ascii()
            || bytes.next().is_some_and(|byte| first.contains(byte))
                && bytes
                    .next()
                    .is_none_or(|byte| matches!(byte, b'/' | b'.') || second.contains(byte))
    }
}

/// Look-ups over a [`Scope`].
#[derive(Debug, Default)]
pub struct ScopeIndex {
    users: Vec<Entry>,
    usernames: Index<String>,
    user_ids: Index<u64>,
    emails: Index<String>,
    names: Index<String>,
    namespaces: Vec<Entry>,
    namespace_paths: Index<String>,
    namespace_ids: Index<u64>,
    projects: Vec<Entry>,
    project_paths: Index<String>,
    project_ids: Index<u64>,
    /// What its texts begin with.
    begins: Begins,
    /// First words of display names.
    name_heads: HashSet<String, RandomState>,
    /// When entries begin or cease to hold, ascending.
    turns: Vec<i64>,
}

impl ScopeIndex {
    /// Compiles a scope.
    ///
    /// # Errors
    /// A `since` or `until` is not an instant.
    pub fn new(scope: &Scope) -> Result<Self, Error> {
        let mut index = Self::default();
        for user in &scope.users {
            index.add_user(user)?;
        }
        for (at, entry) in scope.namespaces.iter().enumerate() {
            let held = Held::new(entry.since.as_deref(), entry.until.as_deref())?;
            index.namespaces.push(Entry {
                id: entry.id,
                held,
                named: true,
                name: String::new(),
            });
            for path in std::iter::once(&entry.path).chain(&entry.formerly) {
                index.namespace_paths.entry(fold(path)).or_default().push(at);
            }
            entry
                .id
                .into_iter()
                .for_each(|id| index.namespace_ids.entry(id).or_default().push(at));
        }
        for (at, entry) in scope.projects.iter().enumerate() {
            let held = Held::new(entry.since.as_deref(), entry.until.as_deref())?;
            index.projects.push(Entry {
                id: entry.id,
                held,
                named: !entry.path.is_empty(),
                name: String::new(),
            });
            for path in std::iter::once(&entry.path)
                .chain(&entry.formerly)
                .filter(|path| !path.is_empty())
            {
                index.project_paths.entry(fold(path)).or_default().push(at);
            }
            entry
                .id
                .into_iter()
                .for_each(|id| index.project_ids.entry(id).or_default().push(at));
        }
        let named = [
            &index.usernames,
            &index.emails,
            &index.names,
            &index.namespace_paths,
            &index.project_paths,
        ];
        for text in named.into_iter().flat_map(HashMap::keys) {
            index.begins.insert(text);
        }
        let entries = [&index.users, &index.namespaces, &index.projects];
        let held = entries.into_iter().flatten().map(|entry| entry.held);
        index.turns = held.flat_map(|held| [held.since, held.until]).collect();
        index.turns.sort_unstable();
        index.turns.dedup();
        let heads = index.names.keys().filter_map(|name| name.split(' ').next());
        index.name_heads = heads.map(str::to_owned).collect();
        Ok(index)
    }

    fn add_user(&mut self, user: &UserScope) -> Result<(), Error> {
        let at = self.users.len();
        let held = Held::new(user.since.as_deref(), user.until.as_deref())?;
        self.users.push(Entry {
            id: user.id,
            held,
            named: !user.username.is_empty(),
            name: fold(&user.username),
        });
        for name in std::iter::once(&user.username)
            .chain(&user.formerly)
            .filter(|name| !name.is_empty())
        {
            self.usernames.entry(fold(name)).or_default().push(at);
        }
        user.id
            .into_iter()
            .for_each(|id| self.user_ids.entry(id).or_default().push(at));
        user.emails
            .iter()
            .for_each(|email| self.emails.entry(fold(email)).or_default().push(at));
        user.names
            .iter()
            .for_each(|name| self.names.entry(fold(name)).or_default().push(at));
        Ok(())
    }

    /// A number that two instants share if the same entries hold at both; [`EVER`] has its own.
    pub(crate) fn era(&self, ns: i64) -> usize {
        if ns == EVER {
            usize::MAX
        } else {
            self.turns.partition_point(|turn| *turn <= ns)
        }
    }

    fn user(&self, entries: Option<&Vec<usize>>, ns: i64) -> Match {
        Self::place(&self.users, entries, ns)
    }

    fn place(places: &[Entry], entries: Option<&Vec<usize>>, ns: i64) -> Match {
        let found = entries.and_then(|entries| {
            entries.iter().copied().find_map(|at| {
                places
                    .get(at)
                    .filter(|place| place.held.at(ns))
                    .map(|place| (at, place.id))
            })
        });
        found.map_or(Match::Outside, |(index, id)| Match::Entry { index, id })
    }

    /// A user name (folded) at an instant.
    pub fn username(&self, folded: &str, ns: i64) -> Match {
        self.user(self.usernames.get(folded), ns)
    }

    /// A user id at an instant.
    pub fn user_id(&self, id: u64, ns: i64) -> Match {
        self.user(self.user_ids.get(&id), ns)
    }

    /// An e-mail address (folded) at an instant.
    pub fn email(&self, folded: &str, ns: i64) -> Match {
        self.user(self.emails.get(folded), ns)
    }

    /// A display name (folded) at an instant. It never establishes scope; it says whose it could be.
    pub fn name(&self, folded: &str, ns: i64) -> Match {
        self.user(self.names.get(folded), ns)
    }

    /// The id and the present user name that the request lists for a user whom this user name or address
    /// names; the name may be empty.
    pub(crate) fn account(&self, ident: &Ident, ns: i64) -> Option<(Option<u64>, &str)> {
        let found = match ident {
            Ident::User(name) => self.username(name, ns),
            Ident::Email(email) => self.email(email, ns),
            _ => return None,
        };
        let Match::Entry { index, id } = found else {
            return None;
        };
        Some((id, self.users.get(index)?.name.as_str()))
    }

    /// Whether the user at `index` has this display name.
    pub fn user_has_name(&self, index: usize, folded: &str) -> bool {
        self.names
            .get(folded)
            .is_some_and(|entries| entries.contains(&index))
    }

    /// A namespace or project path (folded): equal to or below a namespace of the scope, or a project.
    /// The id is given only where the path is exactly that entry's.
    pub fn path(&self, folded: &str, ns: i64) -> Match {
        let exact = Self::place(&self.projects, self.project_paths.get(folded), ns);
        if exact.is_inside() {
            return exact;
        }
        let mut end = folded.len();
        loop {
            let prefix = folded.get(..end).unwrap_or_default();
            if let Match::Entry { index, id } =
                Self::place(&self.namespaces, self.namespace_paths.get(prefix), ns)
            {
                return Match::Entry {
                    index,
                    id: id.filter(|_| end == folded.len()),
                };
            }
            match prefix.rfind('/') {
                Some(slash) => end = slash,
                None => return Match::Outside,
            }
        }
    }

    /// A project id.
    pub fn project_id(&self, id: u64, ns: i64) -> Match {
        Self::place(&self.projects, self.project_ids.get(&id), ns)
    }

    /// A namespace id.
    pub fn namespace_id(&self, id: u64, ns: i64) -> Match {
        Self::place(&self.namespaces, self.namespace_ids.get(&id), ns)
    }

    /// Whether the request lists the user `id` without any user name.
    pub fn is_nameless_user(&self, id: u64, ns: i64) -> bool {
        match self.user_id(id, ns) {
            Match::Entry { index, .. } => self.users.get(index).is_some_and(|user| !user.named),
            Match::Outside => false,
        }
    }

    /// Whether the request lists the project `id` without any path.
    pub fn is_pathless_project(&self, id: u64, ns: i64) -> bool {
        match self.project_id(id, ns) {
            Match::Entry { index, .. } => self.projects.get(index).is_some_and(|project| !project.named),
            Match::Outside => false,
        }
    }

    /// Whether the request itself lists a path (folded), rather than a namespace above it.
    pub fn lists_path(&self, folded: &str) -> bool {
        self.project_paths.contains_key(folded) || self.namespace_paths.contains_key(folded)
    }

    /// Whether a text may name something of the scope other than by an id; `false` is proven.
    pub(crate) fn may_name(&self, text: &str) -> bool {
        self.begins.may_be(text)
            || text
                .strip_prefix('@')
                .is_some_and(|text| self.begins.may_be(text))
    }

    /// Whether a display name of the scope begins with this word (folded).
    pub(crate) fn begins_name(&self, folded: &str) -> bool {
        self.name_heads.contains(folded)
    }

    #[cfg(test)]
    pub(crate) fn display_names(&self) -> impl Iterator<Item = &String> {
        self.names.keys()
    }

    /// Whether a folded text of a class whose values are texts was ever the customer's.
    pub(crate) fn is_text_inside(&self, class: Class, folded: &str) -> bool {
        match class {
            Class::User => self.usernames.contains_key(folded),
            Class::Name => self.names.contains_key(folded),
            Class::Email => self.emails.contains_key(folded),
            _ => self.path(folded, EVER).is_inside(),
        }
    }

    /// Whether a folded name is a user name of the scope at any time.
    pub fn has_username(&self, folded: &str) -> bool {
        self.usernames.contains_key(folded)
    }
}

#[cfg(test)]
mod tests {
    use decostop_profile::{NamespaceScope, ProjectScope};
    use proptest::prelude::*;

    use super::*;

    fn index() -> ScopeIndex {
        ScopeIndex::new(&Scope {
            namespaces: vec![NamespaceScope {
                path: "Acme".into(),
                id: Some(7),
                since: Some("2025-01-01T00:00:00Z".into()),
                formerly: vec!["old/acme".into()],
                ..NamespaceScope::default()
            }],
            projects: vec![ProjectScope {
                path: "other/app".into(),
                id: Some(9),
                ..ProjectScope::default()
            }],
            users: vec![UserScope {
                username: "alice".into(),
                id: Some(1),
                emails: vec!["A@x.example".into()],
                ..UserScope::default()
            }],
        })
        .expect("a sound scope")
    }

    proptest! {
        #[test]
        fn what_may_not_name_anything_names_nothing(
            name in "[aAbBéK@.-]{1,3}",
            text in "@?[aAbBéK@.-]{0,3}(/[ab]|\\.git)?",
        ) {
            let named = || vec![name.clone()];
            let index = ScopeIndex::new(&Scope {
                namespaces: vec![NamespaceScope { path: name.clone(), ..NamespaceScope::default() }],
                projects: vec![ProjectScope { path: name.clone(), ..ProjectScope::default() }],
                users: vec![UserScope {
                    username: name.clone(),
                    emails: named(),
                    names: named(),
                    ..UserScope::default()
                }],
            }).expect("a sound scope");
            let read = |class, text: &str| crate::identity::read_text(class, text);
            let is_inside = |ident: Option<Ident>| match ident {
                Some(Ident::User(name)) => index.username(&name, EVER).is_inside(),
                Some(Ident::Email(email)) => index.email(&email, EVER).is_inside(),
                Some(Ident::Name(name)) => index.name(&name, EVER).is_inside(),
                Some(Ident::Path(path)) => index.path(&path, EVER).is_inside(),
                _ => false,
            };
            // As for text: a path is looked up only if it is a plain one.
            let classes = [Class::User, Class::Email, Class::Name, Class::Namespace];
            let plain = crate::identity::is_plain_path(&text);
            let names = classes
                .into_iter()
                .filter(|class| *class != Class::Namespace || plain)
                .any(|class| is_inside(read(class, &text)));
            prop_assert!(index.may_name(&text) || !names);
            prop_assert_eq!(folded(&text), fold(&text));
            prop_assert_eq!(folds_to(&text, &fold(&name)), fold(&text) == fold(&name));
        }
    }

    #[test]
    fn instants_of_one_era_are_alike() {
        let index = ScopeIndex::new(&Scope {
            users: [("a", 10, 20), ("b", 20, 40)]
                .map(|(name, since, until)| UserScope {
                    username: name.into(),
                    since: Some(format!("1970-01-01T00:00:{since}Z")),
                    until: Some(format!("1970-01-01T00:00:{until}Z")),
                    ..UserScope::default()
                })
                .into(),
            ..Scope::default()
        })
        .expect("a sound scope");
        let at = |second: i64| second * 1_000_000_000;
        let held = |ns| ["a", "b"].map(|name| index.username(name, ns).is_inside());
        let instants = || {
            (0..50)
                .flat_map(|second| [at(second) - 1, at(second)])
                .chain([EVER])
        };
        for one in instants() {
            for other in instants() {
                if index.era(one) == index.era(other) {
                    assert_eq!(held(one), held(other), "{one} {other}");
                }
            }
        }
        let mut eras: Vec<usize> = instants().map(|ns| index.era(ns)).collect();
        eras.sort_unstable();
        eras.dedup();
        assert_eq!(eras.len(), 5);
    }

    const NOW: i64 = 1_790_000_000_000_000_000;

    #[test]
    fn paths_compare_at_slashes_and_without_case() {
        let index = index();
        for inside in ["acme", "acme/a/b", "old/acme/x", "other/app"] {
            assert!(index.path(inside, NOW).is_inside(), "{inside}");
        }
        for outside in [
            "acme-labs",
            "acmex/a",
            "other",
            "other/app2",
            "other/app/below",
            "old",
            "",
        ] {
            assert!(!index.path(outside, NOW).is_inside(), "{outside}");
        }
        assert!(!index.path("acme", 0).is_inside(), "not yet owned");
        assert!(!index.path("Acme", NOW).is_inside(), "callers fold");
    }

    #[test]
    fn an_id_belongs_to_the_exact_path_only() {
        let index = index();
        assert_eq!(
            index.path("acme", NOW),
            Match::Entry {
                index: 0,
                id: Some(7)
            }
        );
        assert_eq!(index.path("acme/a", NOW), Match::Entry { index: 0, id: None });
    }

    #[test]
    fn a_scope_time_must_be_an_instant() {
        let scope = Scope {
            users: vec![UserScope {
                since: Some("yesterday".into()),
                ..UserScope::default()
            }],
            ..Scope::default()
        };
        assert!(ScopeIndex::new(&scope).is_err());
    }
}
