//! The shipped words name nobody, and hold what the platform's own names are made of.

use std::collections::BTreeSet;

use decostop_profile::Profile;

const NAMES: &str = include_str!("names.txt");

/// Names that are function words or terms without which no technical text can be kept. A foreign
/// account of such a name is still removed in typed fields and where a shape says that it is a name.
const TOLERATED: &[&str] = &[
    "branch", "bridge", "cherry", "close", "day", "dev", "field", "fields", "grant", "head", "key", "keys",
    "long", "mac", "major", "maven", "max", "may", "min", "page", "pat", "ram", "read", "root", "ruby",
    "rust", "short", "skip", "small", "star", "strong", "trace", "weeks", "will",
];

fn names() -> impl Iterator<Item = &'static str> {
    NAMES
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(str::split_ascii_whitespace)
}

#[test]
fn no_names_of_people() {
    assert!(names().count() >= 400);
    let profile = Profile::gitlab();
    let words = &profile.vocabulary.words;
    let found: Vec<_> = names()
        .filter(|name| words.contains(name) && !TOLERATED.contains(name))
        .collect();
    assert!(found.is_empty(), "names in the vocabulary: {found:?}");
    let idle: Vec<_> = TOLERATED.iter().filter(|word| !words.contains(word)).collect();
    assert!(idle.is_empty(), "tolerated for nothing: {idle:?}");
}

#[test]
fn lists_are_ordered_and_large_enough() {
    let profile = Profile::gitlab();
    let words = &profile.vocabulary.words;
    assert!((3_000..9_000).contains(&words.len()), "{} words", words.len());
    assert!(
        profile.vocabulary.events.len() >= 1_000,
        "{} raw events",
        profile.vocabulary.events.len()
    );
    assert!(
        (60..160).contains(&profile.events.len()),
        "{} public events",
        profile.events.len()
    );
    let mut seen = BTreeSet::new();
    for text in [
        include_str!("../data/english.txt"),
        include_str!("../data/technical.txt"),
        include_str!("../data/gitlab_words.txt"),
    ] {
        assert!(text.starts_with('#'), "a list says where it comes from");
        let mut last = String::new();
        for line in text.lines() {
            if line.starts_with('#') {
                last.clear();
                continue;
            }
            for word in line.split_ascii_whitespace() {
                assert!(
                    last.as_str() < word,
                    "`{word}` after `{last}`: each block is sorted"
                );
                word.clone_into(&mut last);
                assert!(seen.insert(word), "`{word}` stands twice");
            }
        }
    }
}

/// Parts of the platform's own names that are, or could be, names of people all the same: those events
/// are known as a whole, and the word alone is not.
const PEOPLE: &[&str] = &["conan", "fa", "grace"];

/// Lower-case words of a name in snake case, camel case or both.
fn parts(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut parts = vec![String::new()];
    for (i, c) in chars.iter().enumerate() {
        let starts = c.is_ascii_uppercase()
            && i > 0
            && (chars.get(i - 1).is_some_and(char::is_ascii_lowercase)
                || chars.get(i + 1).is_some_and(char::is_ascii_lowercase));
        if starts || !c.is_ascii_alphabetic() {
            parts.push(String::new());
        }
        if c.is_ascii_alphabetic() {
            parts
                .last_mut()
                .expect("never empty")
                .push(c.to_ascii_lowercase());
        }
    }
    parts.retain(|part| part.len() > 1 && !PEOPLE.contains(&part.as_str()));
    parts
}

#[test]
fn the_platforms_own_names_are_made_of_words() {
    let profile = Profile::gitlab();
    let words = &profile.vocabulary.words;
    let exact = profile
        .events
        .iter()
        .flat_map(|event| event.raw.values().flatten());
    let names = exact
        .chain(profile.events.iter().map(|event| &event.name))
        .filter(|name| !name.contains(['*', '^', '/', '(']) && name.chars().any(|c| c.is_ascii_lowercase()));
    let missing: BTreeSet<_> = names
        .flat_map(|name| parts(name))
        .filter(|w| !words.contains(w.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");

    let audit = include_str!("../data/gitlab_audit_events.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    let missing: BTreeSet<_> = audit
        .flat_map(parts)
        .filter(|w| !words.contains(w.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");

    let templates = profile.templates.iter().map(|template| {
        template
            .text
            .split('{')
            .map(|part| part.split_once('}').map_or(part, |(_, text)| text))
            .collect::<String>()
    });
    let missing: BTreeSet<_> = templates
        .flat_map(|text| parts(&text))
        .filter(|w| !words.contains(w.as_str()))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn audit_names_keep_upstreams_spelling() {
    let profile = Profile::gitlab();
    for name in [
        "q_onbarding_updated",
        "user_profile_visiblity_updated",
        "user_profile_visibility_updated",
    ] {
        assert!(profile.vocabulary.events.contains(name), "{name}");
    }
    let audit = include_str!("../data/gitlab_audit_events.txt")
        .lines()
        .filter(|line| !line.starts_with('#'));
    let mapped = audit
        .filter(|name| {
            profile.events.iter().any(|event| {
                event
                    .raw
                    .get("audit_json")
                    .is_some_and(|raw| raw.iter().any(|r| r == name))
            })
        })
        .count();
    assert!(
        mapped >= 300,
        "only {mapped} audit events are named exactly by a public event"
    );
}
