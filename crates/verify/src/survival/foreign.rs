//! The foreign set: a tokeniser and hash sets, not an automaton.
//!
//! A text is cut into *pieces*, runs of letters and digits. A foreign value is found when it runs
//! from the start of a piece to the end of a piece, so `acme-lab` is not found in `acme-labs`.
//! Only pieces that begin some foreign value cost more than one look-up, and a million values
//! cost no more than their memory: all texts stand in one string, each once ([`Held`]), and numbers
//! are held as numbers ([`Ids`]).

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::BuildHasher;
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
    texts: Held,
    begins: Begins,
    user_ids: Ids,
    project_ids: Ids,
    namespace_ids: Ids,
    addresses: HashSet<IpAddr, RandomState>,
    /// Starts of SHA-256 digests of project ids, which name their storage.
    digests: Ids,
    /// Another for each set.
    stamp: u64,
}

/// What a text is to the set.
#[derive(Clone, Copy, Default)]
struct Part {
    /// The class of the value that it is; none if it is told by a shape alone.
    value: Option<Class>,
    /// A user name, however short or ordinary, for `@name` and `username=name`.
    is_user: bool,
}

/// Texts and what they are, one text behind the other, found by an open table of their numbers.
#[derive(Default)]
struct Held {
    text: String,
    ends: Vec<u32>,
    parts: Vec<Part>,
    /// Numbers of texts, from 1; 0 is free. At least a fifth is free.
    table: Vec<u32>,
    /// Eight bits of the hash of each of these.
    bits: Vec<u8>,
    hasher: RandomState,
}

impl Held {
    fn text(&self, nth: usize) -> &str {
        let end = |nth: usize| self.ends.get(nth).map_or(0, |end| *end as usize);
        let start = nth.checked_sub(1).map_or(0, end);
        self.text.get(start..end(nth)).unwrap_or_default()
    }

    /// The number of a text.
    fn number(&self, hash: u64, text: &str) -> Option<usize> {
        let mask = self.table.len().wrapping_sub(1);
        let mut at = (hash >> 8) as usize & mask;
        loop {
            let nth = (*self.table.get(at)? as usize).checked_sub(1)?;
            if self.bits.get(at) == Some(&(hash as u8)) && self.text(nth) == text {
                return Some(nth);
            }
            at = (at + 1) & mask;
        }
    }

    fn get(&self, text: &str) -> Option<Part> {
        let nth = self.number(self.hasher.hash_one(text), text)?;
        self.parts.get(nth).copied()
    }

    /// What a text is, to be changed; it is added if it is not there.
    ///
    /// Nothing if there are four gigabytes of text already, far above what a dive may learn.
    fn entry(&mut self, text: &str) -> Option<&mut Part> {
        if self.table.len() * 4 < (self.ends.len() + 1) * 5 {
            let slots = (self.table.len() * 2).max(64);
            (self.table, self.bits) = (vec![0; slots], vec![0; slots]);
            (0..self.ends.len()).for_each(|nth| self.fill(nth));
        }
        let nth = if let Some(nth) = self.number(self.hasher.hash_one(text), text) {
            nth
        } else {
            let end = u32::try_from(self.text.len() + text.len()).ok()?;
            self.text.push_str(text);
            self.ends.push(end);
            self.parts.push(Part::default());
            self.fill(self.ends.len() - 1);
            self.ends.len() - 1
        };
        self.parts.get_mut(nth)
    }

    /// Writes the number of a text that is not in the table into it.
    fn fill(&mut self, nth: usize) {
        let hash = self.hasher.hash_one(self.text(nth));
        let mask = self.table.len().wrapping_sub(1);
        let mut at = (hash >> 8) as usize & mask;
        while self.table.get(at).is_some_and(|number| *number != 0) {
            at = (at + 1) & mask;
        }
        if let (Some(free), Some(bits)) = (self.table.get_mut(at), self.bits.get_mut(at)) {
            *free = nth as u32 + 1;
            *bits = hash as u8;
        }
    }

    fn shrink(&mut self) {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        self.parts.shrink_to_fit();
    }
}

/// The greatest number of pieces of a value that begins with a piece. Pieces are held by their hash alone:
/// two that share one only lead to further look-ups.
#[derive(Default)]
struct Begins {
    /// 56 bits of a hash and the number of pieces; 0 is free.
    table: Vec<u64>,
    len: usize,
    hasher: RandomState,
}

impl Begins {
    /// Where a piece is, or would be.
    fn place(&self, hash: u64) -> usize {
        let mask = self.table.len().wrapping_sub(1);
        let mut at = (hash >> 8) as usize & mask;
        while self
            .table
            .get(at)
            .is_some_and(|held| *held != 0 && held >> 8 != hash >> 8)
        {
            at = (at + 1) & mask;
        }
        at
    }

    fn pieces(&self, first: &str) -> u8 {
        let at = self.place(self.hasher.hash_one(first));
        self.table.get(at).map_or(0, |held| *held as u8)
    }

    fn add(&mut self, first: &str, pieces: u8) {
        if self.table.len() * 4 < (self.len + 1) * 5 {
            let slots = (self.table.len() * 2).max(64);
            for held in std::mem::replace(&mut self.table, vec![0; slots]) {
                let at = self.place(held);
                if let Some(free) = self.table.get_mut(at).filter(|_| held != 0) {
                    *free = held;
                }
            }
        }
        let hash = self.hasher.hash_one(first);
        let at = self.place(hash);
        if let Some(held) = self.table.get_mut(at) {
            self.len += usize::from(*held == 0);
            *held = hash >> 8 << 8 | u64::from(pieces.max(*held as u8));
        }
    }
}

/// A set of numbers, sorted: one costs eight bytes. Numbers are rare in what is looked through.
#[derive(Default)]
struct Ids(Vec<u64>);

impl Ids {
    fn push(&mut self, id: u64) {
        self.0.push(id);
    }

    /// Ends adding: only then are the numbers found.
    fn seal(&mut self) {
        self.0.sort_unstable();
        self.0.dedup();
        self.0.shrink_to_fit();
    }

    fn contains(&self, id: u64) -> bool {
        self.0.binary_search(&id).is_ok()
    }
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
    /// `derived`: from lines that the dive may never have matched, so that nothing says that ordinary words
    /// beside each other are one of their display names.
    pub(crate) fn new<'v>(
        values: impl IntoIterator<Item = (Class, &'v str)>,
        own_domains: &Named,
        words: &Words,
        derived: bool,
    ) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let mut foreign = Self {
            stamp: NEXT.fetch_add(1, Ordering::Relaxed),
            ..Self::default()
        };
        for (class, value) in values {
            let is_prose = |name: &str| name.split_whitespace().all(|word| words.has(word));
            if !(derived && class == Class::Name && is_prose(value)) {
                foreign.learn(class, value, words, own_domains);
            }
        }
        foreign.texts.shrink();
        for ids in [
            &mut foreign.user_ids,
            &mut foreign.project_ids,
            &mut foreign.namespace_ids,
            &mut foreign.digests,
        ] {
            ids.seal();
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
                if let Some(part) = self.texts.entry(text.trim_start_matches('@')) {
                    part.is_user = true;
                }
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
            Class::UserId => self.user_ids.push(id),
            Class::NamespaceId => self.namespace_ids.push(id),
            _ => {
                let digest = Sha256::digest(id.to_string().as_bytes());
                if let Some(start) = digest.first_chunk() {
                    self.digests.push(u64::from_be_bytes(*start));
                }
                self.project_ids.push(id);
            }
        }
    }

    /// A bare number of so many digits that it is no accident.
    fn number(&self, piece: &str) -> Option<Class> {
        let searched = piece.len() >= MIN_DIGITS && !piece.starts_with('0');
        let id = searched.then(|| crate::owned::number(piece))??;
        let sets = [
            (&self.user_ids, Class::UserId),
            (&self.project_ids, Class::ProjectId),
            (&self.namespace_ids, Class::NamespaceId),
        ];
        sets.into_iter()
            .find_map(|(ids, class)| ids.contains(id).then_some(class))
    }

    fn insert(&mut self, class: Class, text: &str, words: &Words) {
        let text = text.trim_matches(|c: char| !c.is_alphanumeric());
        let searched = if is_number(text) {
            text.len() >= MIN_DIGITS
        } else {
            text.chars().count() >= MIN_CHARS
        };
        if !searched || words.has(text) || self.texts.get(text).is_some_and(|part| part.value.is_some()) {
            return;
        }
        let pieces = pieces(text);
        let Some(first) = pieces.first().and_then(|&(start, end)| text.get(start..end)) else {
            return;
        };
        if pieces.len() > MAX_PIECES {
            return;
        }
        self.begins.add(first, pieces.len() as u8);
        if let Some(part) = self.texts.entry(text) {
            part.value = Some(class);
        }
    }

    /// What tells this set, and the verifier it was made for, from every other of this process.
    pub(crate) fn stamp(&self) -> u64 {
        self.stamp
    }

    /// A user name that is not in scope, in lower case.
    pub(crate) fn is_user_name(&self, folded: &str) -> bool {
        self.texts.get(folded).is_some_and(|part| part.is_user)
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
        let sound = |class: Class, end: usize| {
            let value = text.get(start..end)?;
            if probe.code && !stands_alone(text, start, end) || !probe.numbers && is_number(value) {
                return None;
            }
            let whole = start == 0 && end == text.len();
            (!probe.decoded || whole || value.chars().count() >= MIN_DECODED_CHARS).then_some(class)
        };
        let piece = text.get(start..end)?;
        if piece.as_bytes().first().is_some_and(u8::is_ascii_digit)
            && let Some(class) = self.number(piece).and_then(|class| sound(class, end))
        {
            return Some(class);
        }
        let most = usize::from(self.begins.pieces(piece));
        let mut ends = pieces.iter().take(most).map(|&(_, end)| end);
        ends.find_map(|end| {
            let part = self.texts.get(text.get(start..end)?)?;
            sound(part.value?, end)
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
        ids.contains(id).then_some(class)
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
        self.is_user_name(name).then_some(Class::User)
    }

    /// The SHA-256 digest of a foreign project's id.
    fn digest(&self, piece: &str) -> Option<Class> {
        if piece.len() != 64 {
            return None;
        }
        let start = u64::from_str_radix(piece.get(..16)?, 16).ok()?;
        self.digests.contains(start).then_some(Class::ProjectId)
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
    use crate::testing;

    const LOOK: Probe = Probe {
        numbers: true,
        code: false,
        decoded: false,
    };

    #[test]
    fn derived_names_of_ordinary_words_are_no_finding() {
        let verifier = testing::verifier(true);
        let names = [
            (Class::Name, "Open Branch"),
            (Class::Name, "Green Quillfeather"),
            (Class::User, "branch"),
        ];
        let derived = verifier.foreign_of(names);
        assert_eq!(derived.find("on an open branch of it", LOOK), None);
        assert_eq!(derived.find("by green quillfeather", LOOK), Some(Class::Name));
        assert_eq!(
            derived.find("by @branch", LOOK),
            Some(Class::User),
            "told by a shape"
        );
        // What the dive itself learned, the redactor removes as a phrase.
        let learned = Foreign::new(names, &Named::default(), &verifier.words, false);
        assert_eq!(learned.find("on an open branch of it", LOOK), Some(Class::Name));
    }

    #[test]
    fn numbers_are_found_as_they_are_written() {
        let verifier = testing::verifier(true);
        let foreign = verifier.foreign_of([(Class::UserId, "12345"), (Class::ProjectId, "421")]);
        assert_eq!(foreign.find("id 12345 is it", LOOK), Some(Class::UserId));
        for other in ["012345", "123456", "x12345", "421", "project-4212"] {
            assert_eq!(foreign.find(other, LOOK), None, "{other}");
        }
        assert_eq!(foreign.find("project-421", LOOK), Some(Class::ProjectId));
        let bare = Probe {
            numbers: false,
            ..LOOK
        };
        assert_eq!(foreign.find("12345", bare), None);
    }

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
        fn texts_are_held_as_in_a_standard_map(texts in proptest::collection::vec("[ab]{0,4}|é", 0..300)) {
            let (mut held, mut begins) = (Held::default(), Begins::default());
            let mut plain = std::collections::HashMap::<&str, (bool, u8)>::new();
            for (nth, text) in texts.iter().enumerate() {
                let (is_user, pieces) = (nth % 3 == 0, (nth % 32) as u8 + 1);
                held.entry(text).expect("room").is_user |= is_user;
                begins.add(text, pieces);
                let known = plain.entry(text).or_default();
                *known = (known.0 | is_user, known.1.max(pieces));
            }
            for (text, (is_user, pieces)) in &plain {
                prop_assert_eq!(held.get(text).map(|part| part.is_user), Some(*is_user));
                prop_assert_eq!(begins.pieces(text), *pieces);
            }
            prop_assert_eq!(held.ends.len(), plain.len());
            prop_assert!(held.get("abab.").is_none() && begins.pieces("abab.") == 0);
        }

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
