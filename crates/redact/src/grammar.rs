//! The closed grammars of kept classes.

use std::sync::LazyLock;

use decostop_profile::{FieldSpec, Vocabulary};
use regex_automata::meta::Regex;

use crate::facts::Facts;
use crate::plan::ProfilePlan;
use crate::record::Json;
use crate::scope::folded;

/// Longest event that is kept, in bytes.
const MAX_EVENT: usize = 128;
/// Shortest and longest word of an event that no vocabulary has, and the longest in capitals.
const MIN_UNKNOWN_WORD: usize = 3;
const MAX_UNKNOWN_WORD: usize = 20;
const MAX_CAPITALS: usize = 6;
/// Digits that an event no vocabulary has may hold.
const MAX_EVENT_DIGITS: usize = 3;

static CALLER: LazyLock<Regex> = LazyLock::new(|| {
    let route =
        r"(?:/api)?/:version(?:/(?:[a-z][a-z0-9_-]*|:[a-z_]+|\*[a-z_]+|\(-/\)|-))*(?:\(\.:?[a-z]+\))?";
    let pattern = [
        r"[A-Z][A-Za-z0-9]*(?:::[A-Z][A-Za-z0-9]*)*(?:#[a-z_][a-z0-9_]*[?!]?)?",
        &format!("(?:(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS) )?{route}"),
        r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*",
        // A service of a package; without the capital it would be a host's name.
        r"/?[a-z]+(?:\.[a-z]+)*\.[A-Z][A-Za-z]*(?:/[A-Z][A-Za-z0-9]*)?",
        r"git-[a-z-]+",
    ];
    Regex::new(&format!(r"\A(?:{})\z", pattern.join("|"))).expect("a constant pattern")
});

/// Whether a status is an integer of at most six digits or a listed word.
pub(crate) fn is_status(value: &Json<'_>, spec: &FieldSpec, vocabulary: &Vocabulary) -> bool {
    match value {
        Json::Number(text) => is_small_integer(text),
        Json::String(text) => is_small_integer(text) || is_listed(text, spec, &vocabulary.statuses),
        _ => false,
    }
}

/// Whether a method is a listed word.
pub(crate) fn is_method(text: &str, spec: &FieldSpec, vocabulary: &Vocabulary) -> bool {
    is_listed(text, spec, &vocabulary.methods)
}

fn is_listed(text: &str, spec: &FieldSpec, default: &std::collections::BTreeSet<Box<str>>) -> bool {
    if spec.values.is_empty() {
        default.contains(text)
    } else {
        spec.values.iter().any(|value| value == text)
    }
}

pub(crate) fn is_small_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    (1..=6).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether an instant is written in one of the notations that are kept as they stand.
pub(crate) fn is_plain_time(text: &str) -> bool {
    let bytes = text.as_bytes();
    let rest = text.get(19..).unwrap_or_default();
    let digits = match rest.strip_prefix(['.', ',']) {
        Some(fraction) => fraction.bytes().take_while(u8::is_ascii_digit).count(),
        None => 0,
    };
    let zone = rest
        .get(digits + usize::from(rest.starts_with(['.', ',']))..)
        .unwrap_or_default();
    let offset = || {
        let hours = zone.strip_prefix(' ').unwrap_or(zone).strip_prefix(['+', '-'])?;
        Some(hours.len() >= 4)
    };
    matches!((bytes.get(4), bytes.get(10)), (Some(b'-'), Some(b'T' | b' ')))
        && digits <= 9
        && (matches!(zone, "" | "Z" | "UTC" | " Z" | " UTC") || offset() == Some(true))
}

/// Whether an event may be kept: an entry of the vocabulary, or (unless clients choose the value) a
/// caller id whose words are no foreign identity and look like words.
pub(crate) fn is_event(text: &str, closed: bool, plan: &ProfilePlan, facts: &Facts) -> bool {
    if plan.is_listed_event(text) {
        return true;
    }
    if closed || text.len() > MAX_EVENT || !CALLER.is_match(text) {
        return false;
    }
    let words = &plan.profile.vocabulary.words;
    // An encoded value has the form of a constant, but is not made of words.
    let encoded = |word: &str| {
        (crate::detect::looks_random(word) || crate::encoded::hides_text(word))
            && !crate::text::camel_words(word, &folded(word)).all(|(_, word)| words.contains(word))
    };
    if text.split(|c: char| !c.is_ascii_alphanumeric()).any(encoded)
        || text.bytes().filter(u8::is_ascii_digit).count() > MAX_EVENT_DIGITS
        || crate::detect::is_sensitive(text, &plan.profile.internal_domains)
    {
        return false;
    }
    // Names of the scope are personal data.
    let names = |folded: &str| facts.is_foreign_token(folded) || facts.scope().has_username(folded);
    // A caller id is ASCII, so that what is folded has the places of what is not.
    let folded = folded(text);
    if names(&folded) && !words.contains(&folded) {
        return false;
    }
    let parts = |text| str::split(text, |c: char| !c.is_ascii_alphanumeric());
    let (mut known, mut unknown) = (0, 0);
    let sound = parts(text).zip(parts(&folded)).all(|(part, folded)| {
        if words.contains(folded) {
            known += 1;
            return true;
        }
        part.is_empty()
            || !names(folded)
                && crate::text::camel_words(part, folded).all(|(word, folded)| {
                    let is_known = words.contains(folded);
                    *(if is_known { &mut known } else { &mut unknown }) += 1;
                    is_known || looks_like_a_word(word) && !names(folded)
                })
    });
    // What a new release calls a thing is made of known words for the most part.
    sound && unknown <= known + 1
}

/// Whether an unknown word could be a programmer's: neither short nor too long, no key in capitals and
/// digits.
fn looks_like_a_word(word: &str) -> bool {
    let longest = if word.bytes().any(|byte| byte.is_ascii_lowercase()) {
        MAX_UNKNOWN_WORD
    } else {
        MAX_CAPITALS
    };
    (MIN_UNKNOWN_WORD..=longest).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_caller_id_looks_like() {
        for text in [
            "SessionsController#create",
            "Groups::GroupMembersController#update",
            "PostReceive",
            "SSHUploadPack",
            "POST /api/:version/projects/:id/members",
            "/api/:version/geo/proxy",
            "user_add_to_group",
            "gitaly.SSHService",
            "/gitaly.SSHService/SSHUploadPack",
            "git-upload-pack",
        ] {
            assert!(CALLER.is_match(text), "{text}");
        }
        for text in [
            "x glpat y",
            "glpat-abc",
            "a b",
            "web-01.internal",
            "10.0.0.1",
            "Foo#bar baz",
            "",
            "microsoft.com",
            "example.shop.io",
            "alice@x.example",
            "/etc/passwd",
        ] {
            assert!(!CALLER.is_match(text), "{text}");
        }
    }

    #[test]
    fn small_integers() {
        assert!(is_small_integer("200") && is_small_integer("-1"));
        assert!(!is_small_integer("4111111111111111") && !is_small_integer("1.5") && !is_small_integer(""));
    }
}
