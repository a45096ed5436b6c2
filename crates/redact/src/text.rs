//! Free text, built up from what is known to be harmless.
//!
//! A message that fits a template of the profile is re-written with its slots treated by class. Any
//! other text is examined first: what the rules and the dictionary find in it and in its views are
//! spans that must go. Then it is taken chunk by chunk (a chunk is what stands between spaces): words
//! of the vocabulary, in-scope identities, single short numbers and punctuation are kept unless a span
//! overlaps them, everything else becomes `[text]`. An encoded secret, a foreign name or an address is
//! none of the first and needs no detector to go; a password made of ordinary words does.

use std::borrow::Cow;

use decostop_profile::{Class, RuleKind};

use crate::credential::Follower;
use crate::examine::Spans;
use crate::facts::Facts;
use crate::identity::{Ident, is_plain_path, read_text};
use crate::key::Pseudonyms;
use crate::plan::ProfilePlan;
use crate::scope::{fold, folded};

/// Stands for text that was not kept.
pub(crate) const MARK: &str = "[text]";

/// Stands for what is proven where the rest of a text is examined.
pub(crate) const BLANK: char = '\u{1}';

/// The rule by which a text is dropped of which nobody can say what it holds.
pub(crate) const UNDECIDABLE: &str = "text.undecidable";

/// Longest text that is looked at; a longer one is dropped whole.
const MAX_TEXT: usize = 64 << 10;
/// Words in the longest display name that is recognised. The platform takes 255 characters.
const MAX_NAME_WORDS: usize = 40;
/// Digits of the longest plain number that is kept.
const MAX_DIGITS: usize = 4;

pub(crate) const OUTER: &[char] = &['(', ')', '"', '\'', ',', '.', ':', ';', '!', '?'];

/// What joins the parts of a chunk.
fn inner(c: char) -> bool {
    matches!(c, '_' | '-' | '/' | '.' | ':' | '=' | '#')
}

fn outer(c: char) -> bool {
    OUTER.contains(&c)
}

/// Marks in the longest compound that is kept.
const MAX_MARKS: usize = 32;
/// Words after which a word is taken for a name.
const NAMING: &[&str] = &[
    "user",
    "username",
    "login",
    "author",
    "account",
    "member",
    "owner",
    "actor",
    "assignee",
    "reviewer",
    "namespace",
    "project",
    "group",
];
/// A removed part of a text: first byte, length, rule.
pub(crate) type Removed = (usize, usize, &'static str);

/// Text as it may be disclosed, and what was removed.
#[derive(Debug, Default)]
pub(crate) struct Built {
    pub(crate) text: String,
    pub(crate) removed: Vec<Removed>,
}

/// What the builder may look at.
#[derive(Clone, Copy)]
pub(crate) struct TextContext<'c> {
    pub(crate) plan: &'c ProfilePlan,
    pub(crate) facts: &'c Facts,
    pub(crate) pseudonyms: &'c Pseudonyms,
    /// The record's instant.
    pub(crate) ns: i64,
    /// Whether identities of the scope may stand in text.
    pub(crate) personal_data: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Verdict {
    Keep { number: bool },
    Punctuation,
    Drop(&'static str),
}

struct Chunk<'t> {
    start: usize,
    text: &'t str,
    core: &'t str,
    verdict: Verdict,
}

/// Whether a chunk is an IPv6 address with zeros left out (`::1`, `dead::`): without its colons a short
/// number or a word.
fn is_compressed_address(chunk: &str) -> bool {
    if !chunk.as_bytes().contains(&b':') {
        return false;
    }
    let bare = chunk.trim_matches(|c: char| !c.is_ascii_hexdigit() && c != ':');
    bare.len() > 2
        && bare.contains("::")
        && bare
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
}

impl TextContext<'_> {
    /// Builds up a text chunk by chunk.
    pub(crate) fn build(&self, text: &str) -> Built {
        if text.len() > MAX_TEXT {
            return Built {
                text: MARK.to_owned(),
                removed: vec![(0, text.len(), "text.length")],
            };
        }
        let Ok(spans) = self.examine(text) else {
            return Built {
                text: MARK.to_owned(),
                removed: vec![(0, text.len(), UNDECIDABLE)],
            };
        };
        let mut chunks: Vec<Chunk<'_>> = chunks(text)
            .map(|(start, text)| {
                let core = text.trim_matches(outer);
                Chunk {
                    start,
                    text,
                    core,
                    verdict: Verdict::Drop("text.word"),
                }
            })
            .collect();
        for chunk in &mut chunks {
            chunk.verdict = self.judge(chunk.core, chunk.text);
        }
        self.judge_names(&mut chunks);
        drop_credentials(&mut chunks);
        drop_number_runs(&mut chunks);
        if !spans.is_empty() {
            for chunk in &mut chunks {
                let end = chunk.start + chunk.text.len();
                if let Some(rule) = self.found_in(chunk.text, chunk.start, end, &spans) {
                    chunk.verdict = Verdict::Drop(rule);
                }
            }
        }
        let built = render(&chunks);
        // What is left stands beside other neighbours than before.
        if self.is_sensitive(&built.text) || built.text != text && self.holds_finding(&built.text) {
            return Built {
                text: MARK.to_owned(),
                removed: vec![(0, text.len(), "text.detector")],
            };
        }
        built
    }

    fn is_sensitive(&self, text: &str) -> bool {
        crate::detect::is_sensitive(text, &self.plan.profile.internal_domains)
    }

    /// The rule of the strongest span over a chunk, which goes then. Personal data of the scope and
    /// pseudonyms stay, if there is nothing else in the span.
    pub(crate) fn found_in(
        &self,
        chunk: &str,
        start: usize,
        end: usize,
        spans: &Spans,
    ) -> Option<&'static str> {
        let within = |first: usize, last: usize| start <= first && last <= end;
        let mut over = spans
            .over(start, end)
            .filter(|span| {
                let personal = span.kind == RuleKind::Personal && span.plain && within(span.start, span.end);
                chunk != MARK && !(personal && self.is_exempt(chunk))
            })
            .collect::<Vec<_>>();
        over.sort_by_key(|span| span.kind);
        over.first().map(|span| span.rule)
    }

    /// Whether a chunk is an identity of the scope that may be shown, or a pseudonym.
    pub(crate) fn is_exempt(&self, chunk: &str) -> bool {
        let core = chunk.trim_matches(outer);
        !core.is_empty()
            && (self.personal_data && self.is_own_identity(core) || self.pseudonyms.recognise(core).is_some())
    }

    /// Builds up one segment of a path, or one value of a query: a single chunk.
    pub(crate) fn build_word(&self, word: &str) -> String {
        let built = self.build_examined_word(word);
        if built == MARK {
            return built;
        }
        match self.examine(word) {
            Ok(spans) if self.found_in(word, 0, word.len(), &spans).is_none() => built,
            _ => MARK.to_owned(),
        }
    }

    /// The same for a word of a text that was examined.
    pub(crate) fn build_examined_word(&self, word: &str) -> String {
        let sound = !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "&?#".contains(c));
        match self.judge(word, word) {
            Verdict::Keep { .. } if sound && !self.is_sensitive(word) => word.to_owned(),
            _ => MARK.to_owned(),
        }
    }

    /// The same where no identity may stand.
    pub(crate) fn build_plain_word(&self, word: &str) -> String {
        TextContext {
            personal_data: false,
            ..*self
        }
        .build_word(word)
    }

    fn judge(&self, core: &str, whole: &str) -> Verdict {
        if whole == MARK {
            return Verdict::Keep { number: false };
        }
        if is_compressed_address(whole) {
            return Verdict::Drop("identity.address");
        }
        if core.is_empty() {
            return if whole.len() == 1 {
                Verdict::Punctuation
            } else {
                Verdict::Drop("text.punctuation")
            };
        }
        if self.personal_data && self.is_own_identity(core) || self.pseudonyms.recognise(core).is_some() {
            return Verdict::Keep { number: false };
        }
        if core.as_bytes().contains(&b'@') {
            return Verdict::Drop("identity.mention");
        }
        let folded = folded(core);
        let single = !core.contains(inner);
        if !single && self.names_somebody(&folded) {
            return Verdict::Drop("identity.foreign");
        }
        if names_database_object(&folded) {
            return Verdict::Drop("system.database");
        }
        let mut numbers = 0;
        for part in core.split(inner) {
            if !part.is_empty() && part.len() <= MAX_DIGITS && part.bytes().all(|byte| byte.is_ascii_digit())
            {
                numbers += 1;
                // `user-9009`, `gid://gitlab/User/9009`: joined to a word, a number may be an id.
                if !single && self.facts.is_foreign_token(part) {
                    return Verdict::Drop("identity.foreign");
                }
            } else if !self.is_harmless_word(part) {
                return Verdict::Drop("text.word");
            }
        }
        if numbers > 1 {
            return Verdict::Drop("text.number");
        }
        if numbers == 1 && self.facts.is_foreign_token(&folded) {
            return Verdict::Drop("identity.foreign");
        }
        Verdict::Keep { number: numbers == 1 }
    }

    /// A user name, `@name`, e-mail, path or display name of the scope that nobody else shares.
    fn is_own_identity(&self, core: &str) -> bool {
        let own = |ident: &Ident| self.facts.is_inside(ident, self.ns) && !self.facts.is_contradicted(ident);
        let read = |class, text| read_text(class, text).is_some_and(|ident| own(&ident));
        // An id ends with a digit; anything else is written as the scope has it.
        let may_be = self.facts.scope().may_name(core.trim()) || core.ends_with(|c: char| c.is_ascii_digit());
        if !may_be || core.contains('%') {
            return false;
        }
        read(Class::User, core)
            || core.contains('@') && read(Class::Email, core)
            || read(Class::Name, core)
            || is_plain_path(core)
                && read(Class::Namespace, core)
                && !self.facts.is_personal(&fold(core))
                && self
                    .facts
                    .is_plausible_path(core, &self.plan.profile.internal_domains)
            || core.starts_with(|c: char| c.is_ascii_alphabetic()) && core.contains(['-', '/']) && {
                read(Class::UserId, core)
                    || matches!(read_text(Class::ProjectId, core), Some(id @ Ident::ProjectId(_)) if own(&id))
            }
    }

    /// Whether a compound chunk, one of its path prefixes, or the word behind a naming key is foreign.
    pub(crate) fn names_somebody(&self, folded: &str) -> bool {
        if self.facts.is_foreign_token(folded) {
            return true;
        }
        // Any run of parts, since a name may itself be made of words (`user=deploy-bot`).
        let marks: Vec<(usize, &str)> = folded.match_indices(inner).collect();
        if marks.len() > MAX_MARKS {
            return true;
        }
        let starts = std::iter::once(0).chain(marks.iter().map(|(at, mark)| at + mark.len()));
        let ends = || {
            marks
                .iter()
                .map(|(at, _)| *at)
                .chain(std::iter::once(folded.len()))
        };
        for start in starts {
            let first_part = ends().find(|end| *end >= start);
            if folded
                .get(start..)
                .is_some_and(|rest| self.begins_with_name(rest))
            {
                return true;
            }
            for end in ends().filter(|end| *end > start) {
                // A single word only at the head of a path: elsewhere it may be just a word.
                let alone =
                    Some(end) == first_part && !(start == 0 && folded.as_bytes().get(end) == Some(&b'/'));
                if !alone
                    && folded
                        .get(start..end)
                        .is_some_and(|run| self.facts.is_foreign_token(run))
                {
                    return true;
                }
            }
        }
        folded.split_once(['=', ':']).is_some_and(|(key, value)| {
            NAMING.iter().any(|word| key.ends_with(word))
                && value.split(inner).any(|part| self.facts.is_foreign_token(part))
        })
    }

    /// Whether words that marks join begin with a foreign display name (`may_hill`).
    fn begins_with_name(&self, folded: &str) -> bool {
        let mut name = String::new();
        for word in folded.split(|c| inner(c) || c == '+').take(MAX_NAME_WORDS) {
            if name.is_empty() && !self.facts.begins_name(word) {
                return false;
            }
            if !name.is_empty() {
                name.push(' ');
            }
            name.push_str(word);
            if self.facts.is_foreign_phrase(&name) {
                return true;
            }
        }
        false
    }

    fn is_harmless_word(&self, part: &str) -> bool {
        let words = &self.plan.profile.vocabulary.words;
        if part.is_empty() || !part.is_ascii() {
            return false;
        }
        let folded = folded(part);
        words.contains(&folded)
            || part.len() <= 64
                && part.bytes().all(|byte| byte.is_ascii_alphabetic())
                && camel_words(part, &folded).all(|(_, word)| words.contains(word))
                // Words written together may be somebody's name, unlike one of them.
                && !self.facts.is_foreign_token(&folded)
    }

    /// Display names of several words: foreign ones go, in-scope ones stay; a word behind `user` is a
    /// name.
    fn judge_names(&self, chunks: &mut [Chunk<'_>]) {
        let folded: Vec<Cow<'_, str>> = chunks.iter().map(|chunk| folded(chunk.core)).collect();
        for at in 0..chunks.len() {
            if let Some((len, verdict)) = self.name_at(&folded, at) {
                chunks
                    .iter_mut()
                    .skip(at)
                    .take(len)
                    .for_each(|chunk| chunk.verdict = verdict);
            }
            let Some(before) = at.checked_sub(1).and_then(|before| folded.get(before)) else {
                continue;
            };
            if NAMING.contains(&&**before)
                && folded
                    .get(at)
                    .is_some_and(|word| self.facts.is_foreign_token(word))
                && let Some(chunk) = chunks.get_mut(at)
            {
                chunk.verdict = Verdict::Drop("identity.foreign");
            }
        }
    }
}

impl TextContext<'_> {
    /// Which of some chunks beside each other are words of a foreign display name.
    pub(crate) fn foreign_names(&self, chunks: &[&str]) -> Vec<bool> {
        let folded: Vec<Cow<'_, str>> = chunks
            .iter()
            .map(|chunk| folded(chunk.trim_matches(outer)))
            .collect();
        let mut named = vec![false; chunks.len()];
        for at in 0..chunks.len() {
            if let Some((len, Verdict::Drop(_))) = self.name_at(&folded, at) {
                named
                    .iter_mut()
                    .skip(at)
                    .take(len)
                    .for_each(|named| *named = true);
            }
        }
        named
    }

    /// The longest display name of several words that begins at a word: how many they are, and what is
    /// to become of them.
    fn name_at<T: AsRef<str>>(&self, folded: &[T], at: usize) -> Option<(usize, Verdict)> {
        let first = folded.get(at)?.as_ref();
        if !self.facts.begins_name(first) {
            return None;
        }
        let (mut phrase, mut found) = (first.to_owned(), None);
        for (more, word) in folded.iter().skip(at + 1).take(MAX_NAME_WORDS - 1).enumerate() {
            phrase.push(' ');
            phrase.push_str(word.as_ref());
            if self.facts.is_foreign_phrase(&phrase) {
                found = Some((more + 2, Verdict::Drop("identity.foreign")));
                continue;
            }
            let name = Ident::Name(phrase);
            if self.facts.is_inside(&name, self.ns) && !self.facts.is_contradicted(&name) {
                found = Some((more + 2, Verdict::Keep { number: false }));
            }
            let Ident::Name(back) = name else { break };
            phrase = back;
        }
        found
    }
}

/// Whether a chunk is what an index or a constraint of a database is called: words, all of them harmless.
fn names_database_object(folded: &str) -> bool {
    let begins = [
        "index_",
        "idx_",
        "fk_",
        "pk_",
        "uniq_",
        "unique_",
        "check_",
        "pg_toast_",
    ];
    folded.contains('_') && begins.iter().any(|begin| folded.starts_with(begin)) || folded.ends_with("_pkey")
}

fn chunks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let blank = |c: char| c.is_whitespace() || c.is_control();
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = text.get(at..)?;
        let start = at + rest.find(|c| !blank(c))?;
        let rest = text.get(start..)?;
        let len = rest.find(blank).unwrap_or(rest.len());
        at = start + len;
        Some((start, rest.get(..len)?))
    })
}

/// The words of a text in camel case, each with what it is folded; both are ASCII.
pub(crate) fn camel_words<'t>(text: &'t str, folded: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
    let (mut rest, mut folded) = (text, folded);
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let bytes = rest.as_bytes();
        let mut end = 1;
        while let Some(byte) = bytes.get(end) {
            let starts_word = byte.is_ascii_uppercase()
                && (bytes.get(end - 1).is_some_and(u8::is_ascii_lowercase)
                    || bytes.get(end + 1).is_some_and(u8::is_ascii_lowercase));
            if starts_word {
                break;
            }
            end += 1;
        }
        let (word, after) = rest.split_at_checked(end)?;
        let (lower, after_lower) = folded.split_at_checked(end)?;
        (rest, folded) = (after, after_lower);
        Some((word, lower))
    })
}

/// What a key, a flag or a sentence before it says to be a credential goes.
fn drop_credentials(chunks: &mut [Chunk<'_>]) {
    let mut follower = Follower::default();
    for chunk in chunks {
        if follower.takes(chunk.text) {
            chunk.verdict = Verdict::Drop("secret.key_value");
        }
    }
}

/// Bytes that long numbers are written with.
fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || b"+-/.()".contains(&byte)
}

/// Two numbers beside each other may be parts of one long number: the whole run goes.
fn drop_number_runs(chunks: &mut [Chunk<'_>]) {
    let mut run: Vec<usize> = Vec::new();
    let mut runs: Vec<Vec<usize>> = Vec::new();
    for (at, chunk) in chunks.iter().enumerate() {
        match chunk.verdict {
            Verdict::Keep { number: true } => run.push(at),
            Verdict::Punctuation => {}
            // A longer number that goes takes the short ones beside it along.
            Verdict::Drop(_)
                if chunk.core.bytes().any(|byte| byte.is_ascii_digit())
                    && chunk.core.bytes().all(is_of_number) =>
            {
                run.push(at);
            }
            _ => runs.push(std::mem::take(&mut run)),
        }
    }
    runs.push(run);
    for at in runs.into_iter().filter(|run| run.len() > 1).flatten() {
        if let Some(chunk) = chunks.get_mut(at) {
            chunk.verdict = Verdict::Drop("text.number");
        }
    }
}

fn render(chunks: &[Chunk<'_>]) -> Built {
    let mut built = Built::default();
    let mut marked = false;
    for chunk in chunks {
        let shown = match chunk.verdict {
            Verdict::Keep { .. } | Verdict::Punctuation => chunk.text,
            Verdict::Drop(rule) => {
                match built.removed.last_mut() {
                    Some((start, len, last)) if marked && *last == rule => {
                        *len = chunk.start + chunk.text.len() - *start;
                    }
                    _ => built.removed.push((chunk.start, chunk.text.len(), rule)),
                }
                MARK
            }
        };
        let mark = shown == MARK;
        if mark && marked {
            continue;
        }
        marked = mark;
        if !built.text.is_empty() {
            built.text.push(' ');
        }
        built.text.push_str(shown);
    }
    built
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn camel_case_falls_into_words() {
        let words = |text: &str| {
            let folded = fold(text);
            let words = camel_words(text, &folded);
            words
                .map(|(word, lower)| {
                    assert_eq!(fold(word), lower);
                    word.to_owned()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(words("PostReceive"), ["Post", "Receive"]);
        assert_eq!(words("SSHUploadPack"), ["SSH", "Upload", "Pack"]);
        assert_eq!(words("a"), ["a"]);
        assert_eq!(words("ABC"), ["ABC"]);
    }

    #[test]
    fn chunks_are_what_stands_between_blanks() {
        assert_eq!(
            chunks(" a\tb\n\u{0}c ").collect::<Vec<_>>(),
            [(1, "a"), (3, "b"), (6, "c")]
        );
        assert_eq!(chunks("").count(), 0);
    }
}
