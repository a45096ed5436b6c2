//! The foreign set: a tokeniser and hash sets, not an automaton.
//!
//! A text is cut into *pieces*, runs of letters and digits. A foreign value is found when it runs
//! from the start of a piece to the end of a piece, so `acme-lab` is not found in `acme-labs`.
//! Only pieces that begin some foreign value cost more than one look-up, and a million values
//! cost no more than their memory.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use decostop_profile::Class;
use foldhash::fast::RandomState;
use sha2::{Digest, Sha256};

use crate::closure::Words;
use crate::fold::fold;
use crate::verifier::Named;

/// Shorter values are searched only where their type is known.
const MIN_CHARS: usize = 4;
/// Shorter numbers likewise.
const MIN_DIGITS: usize = 5;
/// In the output of a binary decoder short values turn up by chance.
const MIN_DECODED_CHARS: usize = 6;
/// Longest value in pieces; the rest of a longer one is not looked at.
const MAX_PIECES: usize = 32;

/// How to look.
#[derive(Clone, Copy)]
pub(crate) struct Probe {
    /// Plain numbers count.
    pub(crate) numbers: bool,
    /// `_` and `-` are part of a word.
    pub(crate) code: bool,
    /// The text came out of a binary decoder.
    pub(crate) decoded: bool,
}

/// Identities that are not the customer's.
#[derive(Default)]
pub(crate) struct Foreign {
    values: HashMap<Box<str>, Class, RandomState>,
    /// First piece of a value to the greatest number of pieces of such a value.
    first: HashMap<Box<str>, u8, RandomState>,
    /// User names however short or ordinary, for `@name` and `username=name`.
    users: HashSet<Box<str>, RandomState>,
    user_ids: HashSet<u64, RandomState>,
    project_ids: HashSet<u64, RandomState>,
    namespace_ids: HashSet<u64, RandomState>,
    addresses: HashSet<IpAddr, RandomState>,
    /// Starts of SHA-256 digests of project ids, which name their storage.
    digests: HashSet<u64, RandomState>,
    /// Another for each set.
    stamp: u64,
}

/// Lower case with single spaces.
fn normal(text: &str) -> Cow<'_, str> {
    let folded = fold(text);
    let mut after_space = false;
    let is_normal = folded.bytes().all(|byte| {
        let is_space = byte.is_ascii_whitespace();
        let sound = byte.is_ascii() && !(is_space && (after_space || byte != b' '));
        after_space = is_space;
        sound
    });
    // To `char` a vertical tab is white space as well.
    if is_normal && !(folded.contains('\u{b}') && folded.contains(' ')) {
        return folded;
    }
    let mut out = String::with_capacity(folded.len());
    for c in folded.chars() {
        if !c.is_whitespace() {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    Cow::Owned(out)
}

/// Runs of letters and digits.
fn pieces(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::with_capacity(16);
    let mut start = None;
    let mut see = |at: usize, is_inside: bool| match (is_inside, start) {
        (true, None) => start = Some(at),
        (false, Some(from)) => {
            found.push((from, at));
            start = None;
        }
        _ => {}
    };
    if text.is_ascii() {
        let bytes = text.bytes().enumerate();
        bytes.for_each(|(at, byte)| see(at, byte.is_ascii_alphanumeric()));
    } else {
        text.char_indices()
            .for_each(|(at, c)| see(at, c.is_alphanumeric()));
    }
    found.extend(start.map(|from| (from, text.len())));
    found
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

impl Foreign {
    pub(crate) fn new<'v>(
        values: impl IntoIterator<Item = &'v (Class, String)>,
        own_domains: &Named,
        words: &Words,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut foreign = Self {
            stamp: NEXT.fetch_add(1, Ordering::Relaxed),
            ..Self::default()
        };
        for (class, value) in values {
            foreign.learn(*class, value, words, own_domains);
        }
        foreign
    }

    fn learn(&mut self, class: Class, value: &str, words: &Words, own_domains: &Named) {
        let text = normal(value.trim());
        let text = text.as_ref();
        // No account is called so: it is prose where a name was expected.
        if matches!(
            class,
            Class::User | Class::Email | Class::Namespace | Class::Project
        ) && text.contains(' ')
        {
            return;
        }
        match class {
            Class::Ip => self.learn_address(text, words),
            Class::UserId | Class::ProjectId | Class::NamespaceId => self.learn_id(class, text, words),
            Class::User => {
                self.users.insert(text.trim_start_matches('@').into());
                self.insert(class, text, words);
            }
            Class::Name => {
                self.insert(class, text, words);
                text.split(' ').for_each(|part| self.insert(class, part, words));
            }
            Class::Email => {
                self.insert(class, text, words);
                if let Some((_, domain)) = text.split_once('@')
                    && !own_domains.contains(domain)
                {
                    self.insert(class, domain, words);
                }
            }
            Class::Namespace | Class::Project => {
                for (slash, _) in text.match_indices('/') {
                    if let Some(prefix) = text.get(..slash).filter(|prefix| prefix.contains('/')) {
                        self.insert(class, prefix, words);
                    }
                }
                self.insert(class, text, words);
                text.split('/').for_each(|part| self.insert(class, part, words));
            }
            _ => self.insert(class, text, words),
        }
    }

    fn learn_address(&mut self, text: &str, words: &Words) {
        for element in text.split(',').map(str::trim) {
            let bare = element.strip_prefix("ip/").unwrap_or(element);
            let address = bare
                .parse::<IpAddr>()
                .ok()
                .or_else(|| Some(bare.parse::<std::net::SocketAddr>().ok()?.ip()));
            if let Some(address) = address {
                let address = address.to_canonical();
                self.addresses.insert(address);
                self.insert(Class::Ip, &address.to_string(), words);
            }
        }
    }

    fn learn_id(&mut self, class: Class, text: &str, words: &Words) {
        let digits = text.rsplit(['-', '/', '_']).next().unwrap_or(text);
        if text.starts_with("ip/") {
            return self.learn_address(text, words);
        }
        let Some(id) = crate::owned::number(digits) else {
            return self.insert(class, text, words);
        };
        match class {
            Class::UserId => self.user_ids.insert(id),
            Class::NamespaceId => self.namespace_ids.insert(id),
            _ => {
                let digest = Sha256::digest(id.to_string().as_bytes());
                self.digests
                    .extend(digest.first_chunk().map(|start| u64::from_be_bytes(*start)));
                self.project_ids.insert(id)
            }
        };
        self.insert(class, digits, words);
    }

    fn insert(&mut self, class: Class, text: &str, words: &Words) {
        let text = text.trim_matches(|c: char| !c.is_alphanumeric());
        let searched = if is_number(text) {
            text.len() >= MIN_DIGITS
        } else {
            text.chars().count() >= MIN_CHARS
        };
        if !searched || self.values.contains_key(text) || words.has(text) {
            return;
        }
        let pieces = pieces(text);
        let Some(first) = pieces.first().and_then(|&(start, end)| text.get(start..end)) else {
            return;
        };
        if pieces.len() > MAX_PIECES {
            return;
        }
        let count = pieces.len() as u8;
        if let Some(most) = self.first.get_mut(first) {
            *most = count.max(*most);
        } else {
            self.first.insert(first.into(), count);
        }
        self.values.insert(text.into(), class);
    }

    /// What tells this set, and the verifier it was made for, from every other of this process.
    pub(crate) fn stamp(&self) -> u64 {
        self.stamp
    }

    /// A user name that is not in scope, in lower case.
    pub(crate) fn is_user_name(&self, folded: &str) -> bool {
        self.users.contains(folded)
    }

    /// The class of the first foreign value in a text.
    pub(crate) fn find(&self, text: &str, probe: Probe) -> Option<Class> {
        let text = normal(text);
        let pieces = pieces(&text);
        let mut before: Option<&str> = None;
        for (nth, &(start, end)) in pieces.iter().enumerate() {
            let piece = text.get(start..end)?;
            let found = self
                .value_from(&text, pieces.get(nth..).unwrap_or_default(), probe)
                .or_else(|| self.shaped_id(before, piece, text.get(..start)?))
                .or_else(|| self.shaped_name(before, text.get(..start)?, text.get(start..)?))
                .or_else(|| self.digest(piece));
            if found.is_some() {
                return found;
            }
            before = Some(piece);
        }
        self.address(&text)
    }

    fn value_from(&self, text: &str, pieces: &[(usize, usize)], probe: Probe) -> Option<Class> {
        let &(start, end) = pieces.first()?;
        let most = *self.first.get(text.get(start..end)?)?;
        pieces.iter().take(usize::from(most)).find_map(|&(_, end)| {
            let value = text.get(start..end)?;
            let class = *self.values.get(value)?;
            if probe.code && !stands_alone(text, start, end) {
                return None;
            }
            if !probe.numbers && is_number(value) {
                return None;
            }
            let whole = start == 0 && end == text.len();
            (!probe.decoded || whole || value.chars().count() >= MIN_DECODED_CHARS).then_some(class)
        })
    }

    /// `user-12`, `project_12_bot`, `gid://gitlab/Group/12`: an id whose type is told.
    fn shaped_id(&self, before: Option<&str>, piece: &str, head: &str) -> Option<Class> {
        let word = before?;
        let id = crate::owned::number(piece)?;
        let joined = head.strip_suffix(['-', '/', '_', ':', '=', '#'])?;
        if !joined.ends_with(word) {
            return None;
        }
        let (ids, class) = match word {
            "user" | "users" => (&self.user_ids, Class::UserId),
            "project" | "projects" | "wiki" | "design" => (&self.project_ids, Class::ProjectId),
            "group" | "groups" | "namespace" | "namespaces" | "usernamespace" => {
                (&self.namespace_ids, Class::NamespaceId)
            }
            _ => return None,
        };
        ids.contains(&id).then_some(class)
    }

    /// `@name`, `username=name`: a name whose type is told, however ordinary it is.
    fn shaped_name(&self, before: Option<&str>, head: &str, from: &str) -> Option<Class> {
        const LABELS: &[&str] = &["username", "user", "author", "owner", "login", "actor"];
        let marked = match head.strip_suffix('@') {
            Some(left) => !left.ends_with(char::is_alphanumeric),
            None => head.strip_suffix(['=', ':']).is_some_and(|left| {
                before.is_some_and(|word| left.ends_with(word) && LABELS.contains(&word))
            }),
        };
        if !marked {
            return None;
        }
        let end = from
            .find(|c: char| !c.is_alphanumeric() && !"_-.".contains(c))
            .unwrap_or(from.len());
        let name = from.get(..end)?.trim_end_matches(['.', '-', '_']);
        self.users.contains(name).then_some(Class::User)
    }

    /// The SHA-256 digest of a foreign project's id.
    fn digest(&self, piece: &str) -> Option<Class> {
        if piece.len() != 64 {
            return None;
        }
        let start = u64::from_str_radix(piece.get(..16)?, 16).ok()?;
        self.digests.contains(&start).then_some(Class::ProjectId)
    }

    /// IPv6 in any of its spellings; IPv4 is found by its pieces.
    fn address(&self, text: &str) -> Option<Class> {
        if self.addresses.is_empty() || !text.contains(':') {
            return None;
        }
        text.split(|c: char| !(c.is_ascii_hexdigit() || c == ':' || c == '.'))
            .filter(|run| run.matches(':').count() >= 2)
            .flat_map(|run| [run, run.strip_prefix(':').unwrap_or(run)])
            .filter_map(|run| run.trim_matches('.').parse::<IpAddr>().ok())
            .any(|address| self.addresses.contains(&address.to_canonical()))
            .then_some(Class::Ip)
    }
}

/// Not part of a longer name of code.
fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let inner = |b: Option<&u8>| matches!(b, Some(b'_' | b'-'));
    let bytes = text.as_bytes();
    !inner(start.checked_sub(1).and_then(|at| bytes.get(at))) && !inner(bytes.get(end))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The obvious way: white space is only looked for where there is some, or what is not ASCII.
    fn rewritten(text: &str) -> String {
        let folded = fold(text);
        if !folded.bytes().any(|b| b.is_ascii_whitespace() || !b.is_ascii()) {
            return folded.into_owned();
        }
        let mut out = String::new();
        for c in folded.chars() {
            if !c.is_whitespace() {
                out.push(c);
            } else if !out.ends_with(' ') {
                out.push(' ');
            }
        }
        out
    }

    proptest! {
        #[test]
        fn what_is_normal_is_left_alone(text in "[aBé \t\n\u{b}\u{a0}1-]{0,10}") {
            prop_assert_eq!(normal(&text), rewritten(&text));
        }

        #[test]
        fn pieces_are_runs_of_letters_and_digits(text in "[aB1_ .é\u{301}日]{0,12}") {
            let mut expected = Vec::new();
            let mut start = None;
            for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
                if c.is_alphanumeric() {
                    start = start.or(Some(at));
                } else if let Some(from) = start.take() {
                    expected.push((from, at));
                }
            }
            prop_assert_eq!(pieces(&text), expected);
        }
    }
}
