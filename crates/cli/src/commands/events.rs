//! `decostop events`: the public vocabulary.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anyhow::Result;
use decostop::request::events::{RAW, expand};
use decostop::request::glob;
use decostop_profile::{Event, Profile};
use serde::Serialize;

use crate::args::Events;
use crate::exit::{Exit, usage};
use crate::settings;
use crate::terminal::{self, HEAD};

pub(crate) fn run(args: &Events) -> Result<Exit> {
    let profile = settings::profile(&args.profile)?;
    let found = find(args.pattern.as_deref().unwrap_or("*"), &profile);
    if found.is_empty() {
        return Err(usage(
            "no event fits this pattern",
            "`decostop events` lists all; `*` stands for any run of characters",
        ));
    }
    let mut to = terminal::data();
    if args.json {
        let told: Vec<Told<'_>> = found.iter().copied().map(Told::new).collect();
        serde_json::to_writer_pretty(&mut to, &told).map_err(io::Error::from)?;
        writeln!(to)?;
    } else {
        write(&mut to, &found, args.raw)?;
    }
    to.flush()?;
    Ok(Exit::Done)
}

/// The events that a pattern names, or with `raw:` those that stand for a source's own.
fn find<'p>(pattern: &str, profile: &'p Profile) -> Vec<&'p Event> {
    let Some(raw) = pattern.strip_prefix(RAW) else {
        return expand(pattern, profile);
    };
    // Either side may hold a glob: what is typed, or what the profile says.
    let fits = |known: &String| glob::matches(raw, known) || glob::matches(known, raw);
    profile
        .events
        .iter()
        .filter(|event| event.raw.values().flatten().any(fits))
        .collect()
}

fn write(to: &mut impl Write, events: &[&Event], raw: bool) -> io::Result<()> {
    let width = events
        .iter()
        .map(|event| event.name.chars().count())
        .max()
        .unwrap_or(0);
    for event in events {
        writeln!(to, "{HEAD}{:width$}{HEAD:#}  {}", event.name, event.about)?;
        if !raw {
            let sources: Vec<&str> = event.raw.keys().map(String::as_str).collect();
            writeln!(to, "{:width$}  in {}", "", sources.join(", "))?;
            continue;
        }
        for (source, patterns) in &event.raw {
            for pattern in patterns {
                writeln!(to, "{:width$}  {source}: {pattern}", "")?;
            }
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct Told<'a> {
    name: &'a str,
    about: &'a str,
    raw: &'a BTreeMap<String, Vec<String>>,
}

impl<'a> Told<'a> {
    fn new(event: &'a Event) -> Self {
        Self {
            name: &event.name,
            about: &event.about,
            raw: &event.raw,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(pattern: &str) -> Vec<String> {
        find(pattern, &Profile::gitlab())
            .iter()
            .map(|event| event.name.clone())
            .collect()
    }

    #[test]
    fn events_are_found_by_name_and_by_what_is_logged() {
        assert_eq!(names("membership.added"), ["membership.added"]);
        assert!(names("membership.*").len() > 1);
        assert!(names("*").len() > names("membership.*").len());
        assert!(names("no.such").is_empty());
        let raw = Profile::gitlab()
            .event("membership.added")
            .and_then(|event| event.raw.values().flatten().next().cloned());
        let raw = raw.expect("the event is logged somewhere");
        assert!(names(&format!("raw:{raw}")).contains(&"membership.added".to_owned()));
    }
}
