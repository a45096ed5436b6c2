//! The scope, indexed: is this value the customer's, at this time?

use std::collections::{HashMap, HashSet};

use decostop_profile::Class;
use foldhash::fast::RandomState;

use crate::error::Error;
use crate::fold::fold;
use crate::ground::Ground;
use crate::instant::Instant;

type Index<K> = HashMap<K, Vec<Spell>, RandomState>;

/// The time for which a question is asked.
#[derive(Clone, Copy, Default)]
pub(crate) enum When {
    /// At this instant.
    At(Instant),
    /// At any time: what was ever the customer's.
    Ever,
    /// At a time that the record does not tell: only what always was the customer's.
    #[default]
    Unknown,
}

/// The time during which an entry belongs to the customer.
#[derive(Clone, Copy, Default)]
struct Spell {
    since: Option<Instant>,
    until: Option<Instant>,
}

impl Spell {
    fn new(since: Option<&str>, until: Option<&str>) -> Result<Self, Error> {
        let edge = |text: Option<&str>| {
            text.map(|text| {
                Instant::edge(text).ok_or_else(|| Error::config("scope", "since or until is no instant"))
            })
            .transpose()
        };
        Ok(Self {
            since: edge(since)?,
            until: edge(until)?,
        })
    }

    fn holds(self, when: When) -> bool {
        match when {
            When::Ever => true,
            When::At(time) => {
                self.since.is_none_or(|since| since <= time) && self.until.is_none_or(|until| time < until)
            }
            When::Unknown => self.since.is_none() && self.until.is_none(),
        }
    }
}

/// Everything that is the customer's.
#[derive(Default)]
pub(crate) struct Owned {
    namespaces: Index<Box<str>>,
    namespace_ids: Index<u64>,
    projects: Index<Box<str>>,
    project_ids: Index<u64>,
    users: Index<Box<str>>,
    user_ids: Index<u64>,
    emails: Index<Box<str>>,
    names: Index<Box<str>>,
    /// Words of display names, and the longest such name in words.
    name_words: Index<Box<str>>,
    longest_name: usize,
    /// First components of all texts above but words of names: what is not here is not the customer's.
    heads: HashSet<Box<str>, RandomState>,
    /// First bytes of the heads.
    initials: Initials,
    /// User names whose scope entry lists an id.
    identified: HashSet<Box<str>, RandomState>,
}

/// A set of bytes.
struct Initials([bool; 256]);

impl Default for Initials {
    fn default() -> Self {
        Self([false; 256])
    }
}

impl Initials {
    fn insert(&mut self, byte: u8) {
        if let Some(held) = self.0.get_mut(usize::from(byte)) {
            *held = true;
        }
    }

    /// Whether a text may begin with one of them in lower case. What is not ASCII is not decided here.
    fn may_begin(&self, text: &str) -> bool {
        let first = text.bytes().next();
        first.is_none_or(|byte| {
            let held = self.0.get(usize::from(byte.to_ascii_lowercase()));
            !byte.is_ascii() || held.copied().unwrap_or(true)
        })
    }
}

fn add<K: Eq + std::hash::Hash>(index: &mut Index<K>, key: K, spell: Spell) {
    index.entry(key).or_default().push(spell);
}

fn add_text(index: &mut Index<Box<str>>, text: &str, spell: Spell) {
    if !text.is_empty() {
        add(index, fold(text).into(), spell);
    }
}

/// An id that is always the customer's.
fn add_number(index: &mut Index<u64>, value: &str) {
    if let Some(id) = number(value) {
        add(index, id, Spell::default());
    }
}

fn holds<K: Eq + std::hash::Hash + std::borrow::Borrow<Q>, Q: Eq + std::hash::Hash + ?Sized>(
    index: &Index<K>,
    key: &Q,
    when: When,
) -> bool {
    index
        .get(key)
        .is_some_and(|spells| spells.iter().any(|spell| spell.holds(when)))
}

/// A plain decimal id.
pub(crate) fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.len() <= 19 && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

/// An id behind one of the given prefixes, or alone.
fn id_after(text: &str, prefixes: &[&str]) -> Option<u64> {
    if !text.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    number(text).or_else(|| {
        prefixes
            .iter()
            .find_map(|prefix| number(text.strip_prefix(prefix)?))
    })
}

impl Owned {
    pub(crate) fn new(ground: &Ground) -> Result<Self, Error> {
        let mut owned = Self::default();
        for entry in &ground.scope.namespaces {
            let spell = Spell::new(entry.since.as_deref(), entry.until.as_deref())?;
            for path in std::iter::once(&entry.path).chain(&entry.formerly) {
                add_text(&mut owned.namespaces, path.trim_matches('/'), spell);
            }
            if let Some(id) = entry.id {
                add(&mut owned.namespace_ids, id, spell);
            }
        }
        for entry in &ground.scope.projects {
            let spell = Spell::new(entry.since.as_deref(), entry.until.as_deref())?;
            for path in std::iter::once(&entry.path).chain(&entry.formerly) {
                add_text(&mut owned.projects, path.trim_matches('/'), spell);
            }
            if let Some(id) = entry.id {
                add(&mut owned.project_ids, id, spell);
            }
        }
        for entry in &ground.scope.users {
            let spell = Spell::new(entry.since.as_deref(), entry.until.as_deref())?;
            for name in std::iter::once(&entry.username).chain(&entry.formerly) {
                add_text(&mut owned.users, name, spell);
                if entry.id.is_some() && !name.is_empty() {
                    owned.identified.insert(fold(name).into());
                }
            }
            if let Some(id) = entry.id {
                add(&mut owned.user_ids, id, spell);
            }
            for email in &entry.emails {
                add_text(&mut owned.emails, email, spell);
            }
            for name in &entry.names {
                owned.add_display_name(name, spell);
            }
        }
        for (class, value) in &ground.linked {
            owned.add_linked(*class, value);
        }
        let texts = [
            &owned.namespaces,
            &owned.projects,
            &owned.users,
            &owned.emails,
            &owned.names,
        ];
        let heads = texts
            .into_iter()
            .flat_map(Index::keys)
            .filter_map(|text| head(text));
        owned.heads = heads.map(Box::from).collect();
        for first in owned.heads.iter().filter_map(|head| head.bytes().next()) {
            owned.initials.insert(first);
        }
        Ok(owned)
    }

    fn add_display_name(&mut self, name: &str, spell: Spell) {
        let words: Vec<&str> = name.split_whitespace().collect();
        self.longest_name = self.longest_name.max(words.len());
        for word in &words {
            add_text(&mut self.name_words, word, spell);
        }
        add_text(&mut self.names, name, spell);
        add_text(&mut self.names, &words.join(" "), spell);
    }

    fn add_linked(&mut self, class: Class, value: &str) {
        let always = Spell::default();
        match class {
            Class::Namespace => add_text(&mut self.namespaces, value, always),
            Class::NamespaceId => add_number(&mut self.namespace_ids, value),
            Class::Project => add_text(&mut self.projects, value, always),
            Class::ProjectId => add_number(&mut self.project_ids, value),
            Class::User => add_text(&mut self.users, value, always),
            Class::UserId => add_number(&mut self.user_ids, value),
            Class::Email => add_text(&mut self.emails, value, always),
            Class::Name => self.add_display_name(value, always),
            _ => {}
        }
    }

    /// Whether a text could be anything of the customer's: one look-up instead of many.
    pub(crate) fn may_hold(&self, text: &str) -> bool {
        text.bytes().any(|b| b.is_ascii_digit())
            || head(text.strip_prefix('@').unwrap_or(text))
                .is_some_and(|head| self.initials.may_begin(head) && self.heads.contains(fold(head).as_ref()))
    }

    /// A namespace path: an entry's, or below one.
    pub(crate) fn namespace(&self, path: &str, when: When) -> bool {
        let path = fold(path);
        let whole = std::iter::once(path.len());
        let cuts = path
            .bytes()
            .enumerate()
            .filter_map(|(at, b)| (b == b'/').then_some(at));
        plain_path(&path)
            && cuts.chain(whole).any(|end| {
                path.get(..end)
                    .is_some_and(|head| holds(&self.namespaces, head, when))
            })
    }

    /// A namespace id in any of its forms.
    pub(crate) fn namespace_id(&self, text: &str, when: When) -> bool {
        const FORMS: &[&str] = &[
            "group-",
            "group/",
            "groups/",
            "namespace-",
            "namespace/",
            "namespaces/",
            "gid://gitlab/Group/",
            "gid://gitlab/Namespace/",
            "gid://gitlab/Namespaces::UserNamespace/",
        ];
        id_after(text, FORMS).is_some_and(|id| holds(&self.namespace_ids, &id, when))
    }

    /// A project path: an entry's, or a namespace's or below one (a URL does not tell which of the two it
    /// names); with the suffixes of its repositories.
    pub(crate) fn project(&self, path: &str, when: When) -> bool {
        let decoded = unslash(path);
        let path: &str = decoded.as_deref().unwrap_or(path);
        let bare = [".git", ".wiki", ".design"]
            .iter()
            .fold(path, |path, suffix| path.strip_suffix(suffix).unwrap_or(path));
        plain_path(bare) && (holds(&self.projects, fold(bare).as_ref(), when) || self.namespace(bare, when))
    }

    /// A project id in any of its forms.
    pub(crate) fn project_id(&self, text: &str, when: When) -> bool {
        const FORMS: &[&str] = &[
            "project-",
            "project/",
            "projects/",
            "wiki-",
            "design-",
            "gid://gitlab/Project/",
        ];
        let text = text.strip_suffix(".git").unwrap_or(text);
        id_after(text, FORMS).is_some_and(|id| holds(&self.project_ids, &id, when))
    }

    /// A user name, with or without `@`.
    pub(crate) fn user(&self, text: &str, when: When) -> bool {
        holds(
            &self.users,
            fold(text.strip_prefix('@').unwrap_or(text)).as_ref(),
            when,
        )
    }

    /// A user id in any of its forms.
    pub(crate) fn user_id(&self, text: &str, when: When) -> bool {
        id_after(text, &["user-", "user/", "users/", "gid://gitlab/User/"])
            .is_some_and(|id| holds(&self.user_ids, &id, when))
    }

    /// An e-mail address.
    pub(crate) fn email(&self, text: &str, when: When) -> bool {
        holds(&self.emails, fold(text).as_ref(), when)
    }

    /// A whole display name.
    pub(crate) fn name(&self, text: &str, when: When) -> bool {
        holds(&self.names, fold(text).as_ref(), when)
    }

    /// One word of a display name.
    pub(crate) fn name_word(&self, text: &str, when: When) -> bool {
        holds(&self.name_words, fold(text).as_ref(), when)
    }

    /// The longest display name, in words.
    pub(crate) fn longest_name(&self) -> usize {
        self.longest_name
    }

    /// A user of the scope whatever the time: for personal namespaces.
    pub(crate) fn is_user_name(&self, folded: &str) -> bool {
        self.users.contains_key(folded)
    }

    /// Whether the scope lists the id that belongs to this user name.
    pub(crate) fn lists_id_of(&self, name: &str) -> bool {
        self.identified
            .contains(fold(name.strip_prefix('@').unwrap_or(name)).as_ref())
    }
}

/// What stands before the first slash, encoded or not.
fn head(text: &str) -> Option<&str> {
    let end = text.bytes().position(|byte| matches!(byte, b'/' | b'%'));
    text.get(..end.unwrap_or(text.len()))
}

/// A path as the platform writes them: no empty or dotted segments, no control characters.
fn plain_path(path: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'+');
    path.split('/').all(|part| {
        let sound = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+');
        !matches!(part, "" | "." | ".." | "-") && (part.bytes().all(is_plain) || part.chars().all(sound))
    })
}

/// A path whose slashes are percent-encoded, decoded.
fn unslash(path: &str) -> Option<String> {
    path.contains('%')
        .then(|| path.replace("%2F", "/").replace("%2f", "/"))
}

#[cfg(test)]
mod tests {
    use decostop_profile::{Scope, UserScope};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_first_byte_rules_out_no_more_than_the_head(
            name in "[aBéK@/%.]{1,3}",
            text in "@?[aAbBéK%/.]{0,4}",
        ) {
            let scope = Scope {
                users: vec![UserScope { username: name, ..UserScope::default() }],
                ..Scope::default()
            };
            let owned = Owned::new(&Ground { scope, ..Ground::default() })
                .unwrap_or_else(|error| panic!("{error}"));
            let bare = text.strip_prefix('@').unwrap_or(&text);
            let head = bare.split(['/', '%']).next().unwrap_or_default();
            prop_assert_eq!(owned.may_hold(&text), owned.heads.contains(fold(head).as_ref()));
        }
    }
}
