//! Event patterns: what they stand for in a profile.
//!
//! A pattern is a public name (`membership.added`), a glob over public names (`membership.*`), or
//! `raw:` with a source's own event string, globs allowed.

use std::collections::{BTreeSet, HashSet};

use decostop_profile::{Event, Profile, Source};

use super::glob::{self, Glob};
use super::{Fault, Select, near};
use crate::Error;

/// What introduces a source's own event string.
pub const RAW: &str = "raw:";

/// The public events that a pattern stands for, in the profile's order; none for `raw:`.
pub fn expand<'p>(pattern: &str, profile: &'p Profile) -> Vec<&'p Event> {
    if pattern.starts_with(RAW) {
        return Vec::new();
    }
    let glob = Glob::new(pattern);
    profile
        .events
        .iter()
        .filter(|event| glob.matches(&event.name))
        .collect()
}

/// The public events that somebody may mean, best first and otherwise in the profile's order, with
/// `source` only those that it can show.
///
/// A public name or a glob over names means itself; `raw:` asks which events stand for a source's own;
/// anything else is words, each of which an event must hold in its name, its description or its raw
/// patterns, whatever the case.
///
/// # Errors
/// When there is no such source, or no event fits, with the nearest names.
pub fn search<'p>(
    pattern: &str,
    source: Option<&str>,
    profile: &'p Profile,
) -> Result<Vec<&'p Event>, Error> {
    if let Some(source) = source {
        known_source(source, profile).map_err(|fault| fault.into_error("--source"))?;
    }
    let pattern = pattern.trim();
    let is_name = pattern.contains(['.', '*']);
    let fitting = if let Some(raw) = pattern.strip_prefix(RAW) {
        standing_for(raw, profile)
    } else if is_name {
        expand(pattern, profile)
    } else {
        holding(pattern, profile)
    };
    let fault = match source {
        _ if fitting.is_empty() && pattern.starts_with(RAW) => {
            let hint = format!("a request may name it all the same: events = [{pattern:?}]");
            Fault::new("no public event stands for it").hint(hint)
        }
        _ if fitting.is_empty() => match known(pattern, profile) {
            Err(fault) if is_name => fault,
            _ => no_words(pattern, profile),
        },
        None => return Ok(fitting),
        Some(source) => {
            let shows = |event: &Event| event.raw.get(source).is_some_and(|raw| !raw.is_empty());
            let shown: Vec<_> = fitting.iter().copied().filter(|event| shows(event)).collect();
            if !shown.is_empty() {
                return Ok(shown);
            }
            elsewhere(source, &fitting)
        }
    };
    Err(fault.into_error("events"))
}

/// The events with a raw pattern that fits `raw`; either side may hold a glob. That all of a source's
/// lines are one event says nothing of `raw`, which need not be that source's.
fn standing_for<'p>(raw: &str, profile: &'p Profile) -> Vec<&'p Event> {
    let glob = Glob::new(raw);
    let fits =
        |known: &String| glob.matches(known) || !glob::is_everything(known) && glob::matches(known, raw);
    let events = profile.events.iter();
    events
        .filter(|event| event.raw.values().flatten().any(fits))
        .collect()
}

/// The events that hold every word, those first that do so in their name, then by their description.
fn holding<'p>(text: &str, profile: &'p Profile) -> Vec<&'p Event> {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let all_in = |text: &str| words.iter().all(|word| text.contains(word.as_str()));
    let mut found: Vec<(u8, &Event)> = Vec::new();
    for event in &profile.events {
        let mut told = format!("{} {}", event.name, event.about.to_lowercase());
        let rank = if all_in(&event.name) {
            0
        } else if all_in(&told) {
            1
        } else {
            for raw in event.raw.values().flatten() {
                told.push(' ');
                told.push_str(&raw.to_lowercase());
            }
            2
        };
        if rank < 2 || all_in(&told) {
            found.push((rank, event));
        }
    }
    found.sort_by_key(|&(rank, _)| rank);
    found.into_iter().map(|(_, event)| event).collect()
}

/// What is said when events fit that a source does not show.
fn elsewhere(source: &str, events: &[&Event]) -> Fault {
    let seen: BTreeSet<&str> = events
        .iter()
        .flat_map(|event| event.raw.keys().map(String::as_str))
        .collect();
    let seen: Vec<&str> = seen.into_iter().collect();
    Fault::new(format!("{source} shows no such event")).hint(format!("look in {}", seen.join(", ")))
}

/// What is said when no event holds the words.
fn no_words(text: &str, profile: &Profile) -> Fault {
    let parts: BTreeSet<&str> = profile
        .events
        .iter()
        .flat_map(|event| event.name.split(['.', '_']).chain([event.name.as_str()]))
        .collect();
    let mut near: Vec<&str> = text
        .split_whitespace()
        .flat_map(|word| near::nearest(word, parts.iter().copied()))
        .collect();
    near.truncate(3);
    let hint = near::did_you_mean(&near);
    Fault::new(format!(
        "no event holds \"{}\" in its name, its description or what the sources log",
        text.escape_debug()
    ))
    .hint(
        hint.unwrap_or_else(|| {
            "`decostop events` lists all; `*` stands for any run of characters".to_owned()
        }),
    )
}

/// The raw event patterns of `source` that the select's events stand for, without repetition. A
/// select that names no event stands for `*`; an empty answer means that no record of the source
/// can match.
pub fn raw_patterns(select: &Select, source: &Source, profile: &Profile) -> Vec<String> {
    if select.events.is_empty() {
        return vec!["*".to_owned()];
    }
    raw_patterns_of(&select.events, source, profile)
}

/// As [`raw_patterns`] for any list of patterns, such as a select's excluded events; an empty list
/// gives an empty answer.
pub fn raw_patterns_of(patterns: &[String], source: &Source, profile: &Profile) -> Vec<String> {
    let mut found = Vec::new();
    for pattern in patterns {
        if let Some(raw) = pattern.strip_prefix(RAW) {
            found.push(raw.to_owned());
            continue;
        }
        let raw = expand(pattern, profile)
            .into_iter()
            .filter_map(|event| event.raw.get(&source.name));
        found.extend(raw.flatten().cloned());
    }
    let mut seen = HashSet::new();
    found.retain(|pattern| seen.insert(pattern.clone()));
    found
}

/// How many events patterns name, as the condition `events.few` counts them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Count {
    /// Vocabulary entries named, each once.
    pub named: usize,
    /// Whether one of the patterns is `raw:*`, which is every event there is.
    pub everything: bool,
}

/// Counts what patterns name: a glob as the vocabulary entries that it matches; a raw glob as the
/// raw patterns and known raw events that it matches, at least one; `raw:*` as all.
pub fn count<'a>(patterns: impl IntoIterator<Item = &'a str>, profile: &'a Profile) -> Count {
    let (mut public, mut own): (HashSet<&str>, HashSet<&str>) = Default::default();
    let mut everything = false;
    for pattern in patterns {
        let Some(raw) = pattern.strip_prefix(RAW) else {
            public.extend(
                expand(pattern, profile)
                    .into_iter()
                    .map(|event| event.name.as_str()),
            );
            continue;
        };
        everything |= glob::is_everything(raw);
        let glob = Glob::new(raw);
        let before = own.len();
        if glob.literal().is_none() {
            own.extend(known_raw(profile).filter(|event| glob.matches(event)));
        }
        if own.len() == before {
            own.insert(raw);
        }
    }
    Count {
        named: public.len() + own.len(),
        everything,
    }
}

/// Whether one of the patterns is `raw:*`, which is every event there is.
pub(super) fn names_everything<'a>(patterns: impl IntoIterator<Item = &'a str>) -> bool {
    let mut raw = patterns
        .into_iter()
        .filter_map(|pattern| pattern.strip_prefix(RAW));
    raw.any(glob::is_everything)
}

fn known_raw(profile: &Profile) -> impl Iterator<Item = &str> {
    let mapped = profile
        .events
        .iter()
        .flat_map(|event| event.raw.values().flatten().map(String::as_str));
    let coined = profile
        .templates
        .iter()
        .filter_map(|template| template.event.as_deref());
    mapped
        .chain(coined)
        .chain(profile.vocabulary.events.iter().map(AsRef::as_ref))
}

/// Whether a pattern can be one at all.
pub(super) fn well_formed(pattern: &str) -> Result<(), Fault> {
    if let Some(raw) = pattern.strip_prefix(RAW) {
        return if raw.trim().is_empty() {
            Err(Fault::new("`raw:` without an event").hint("raw:* is every event"))
        } else {
            Ok(())
        };
    }
    let plain =
        |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "_.*-".contains(letter);
    if pattern.chars().all(plain) {
        return Ok(());
    }
    let shown = pattern.escape_debug();
    Err(Fault::new(format!(
        "\"{shown}\" is no public event: those are lower-case words joined by dots"
    ))
    .hint(format!("a source's own event is written \"{RAW}{shown}\"")))
}

/// Whether a pattern names something that the profile knows.
pub(super) fn known(pattern: &str, profile: &Profile) -> Result<(), Fault> {
    if pattern.starts_with(RAW) || !expand(pattern, profile).is_empty() {
        return Ok(());
    }
    let fault = Fault::new(format!(
        "no event of the profile fits \"{}\"",
        pattern.escape_debug()
    ));
    if profile.vocabulary.events.contains(pattern) {
        return Err(fault.hint(format!("a source's own event is written \"{RAW}{pattern}\"")));
    }
    let names = profile.events.iter().map(|event| event.name.as_str());
    let families: BTreeSet<&str> = names
        .clone()
        .filter_map(|name| name.rsplit_once('.').map(|(family, _)| family))
        .collect();
    let family = pattern.split_once('.').map_or(pattern, |(family, _)| family);
    let globs: Vec<String> = near::nearest(family, families)
        .into_iter()
        .map(|family| format!("{family}.*"))
        .collect();
    let mut near = near::nearest(pattern, names.chain(globs.iter().map(String::as_str)));
    if near.is_empty() {
        near = globs.iter().map(String::as_str).collect();
    }
    let hint = near::did_you_mean(&near);
    Err(fault
        .hint(hint.unwrap_or_else(|| "`decostop events` lists them; raw: names a source's own event".into())))
}

/// Whether a source exists.
pub(super) fn known_source(name: &str, profile: &Profile) -> Result<(), Fault> {
    if profile.source(name).is_some() {
        return Ok(());
    }
    let names = || profile.sources.iter().map(|source| source.name.as_str());
    let hint = near::did_you_mean(&near::nearest(name, names()))
        .unwrap_or_else(|| format!("the sources are {}", names().collect::<Vec<_>>().join(", ")));
    Err(Fault::new(format!("the profile has no source \"{}\"", name.escape_debug())).hint(hint))
}
