//! `decostop events`: the public vocabulary.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anyhow::Result;
use decostop::request::events::search;
use decostop_profile::Event;
use serde::Serialize;

use crate::args::Events;
use crate::exit::Exit;
use crate::settings;
use crate::terminal::{self, GOOD, HEAD, wrapped};

pub(crate) fn run(args: &Events) -> Result<Exit> {
    let profile = settings::profile(&args.profile)?;
    let pattern = args.pattern.as_deref().unwrap_or("*");
    let source = args.source.as_deref();
    let found: Vec<Told<'_>> = search(pattern, source, &profile)?
        .into_iter()
        .map(|event| Told::new(event, source))
        .collect();
    let mut to = terminal::data();
    if args.json {
        serde_json::to_writer_pretty(&mut to, &found).map_err(io::Error::from)?;
        writeln!(to)?;
    } else if let Some(width) = terminal::width() {
        page(&mut to, &found, args.raw, width)?;
    } else {
        rows(&mut to, &found, args.raw)?;
    }
    to.flush()?;
    if !args.json {
        let mut talk = terminal::talk();
        writeln!(talk, "{GOOD}in a request:{GOOD:#} {}", request(pattern, &found))?;
    }
    Ok(Exit::Done)
}

/// The line of a request that names what was found.
fn request(pattern: &str, found: &[Told<'_>]) -> String {
    let asked = pattern.trim();
    if asked != "*" && asked.contains(['.', '*']) && !asked.starts_with("raw:") {
        return line([asked]);
    }
    // One or two show how it is written; whoever wants all of them names a glob.
    line(found.iter().map(|event| event.name).take(2))
}

fn line<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let quoted: Vec<String> = names.into_iter().map(|name| format!("\"{name}\"")).collect();
    format!("events = [{}]", quoted.join(", "))
}

/// For a screen: names beside what they mean, and below where the event can be seen.
fn page(to: &mut impl Write, events: &[Told<'_>], raw: bool, width: usize) -> io::Result<()> {
    let names = events
        .iter()
        .map(|event| event.name.chars().count())
        .max()
        .unwrap_or(0);
    let sources = events
        .iter()
        .flat_map(|event| event.raw.keys())
        .map(|source| source.chars().count())
        .max()
        .unwrap_or(0);
    let room = width.saturating_sub(names + 2).max(24);
    for event in events {
        for (at, text) in wrapped(event.about, room).into_iter().enumerate() {
            let name = if at == 0 { event.name } else { "" };
            writeln!(to, "{HEAD}{name:names$}{HEAD:#}  {text}")?;
        }
        if raw {
            for (source, patterns) in &event.raw {
                for (at, pattern) in patterns.iter().enumerate() {
                    let source = if at == 0 { source } else { "" };
                    writeln!(to, "  {source:sources$}  {pattern}")?;
                }
            }
            continue;
        }
        let seen = format!("in {}", event.sources.join(", "));
        for text in wrapped(&seen, room) {
            writeln!(to, "{:names$}  {text}", "")?;
        }
    }
    Ok(())
}

/// For programs: one line an event, or with `raw` one a pattern, with tabs between the columns.
fn rows(to: &mut impl Write, events: &[Told<'_>], raw: bool) -> io::Result<()> {
    for event in events {
        if !raw {
            writeln!(to, "{}\t{}\t{}", event.name, event.about, event.sources.join(","))?;
            continue;
        }
        for (source, patterns) in &event.raw {
            for pattern in *patterns {
                writeln!(to, "{}\t{source}\t{pattern}", event.name)?;
            }
        }
    }
    Ok(())
}

/// An event as it is told.
#[derive(Serialize)]
struct Told<'a> {
    name: &'a str,
    about: &'a str,
    /// Every source that shows it.
    sources: Vec<&'a str>,
    /// What these log; of one source alone if one was asked for.
    raw: BTreeMap<&'a str, &'a [String]>,
    /// How a request names it.
    request: String,
}

impl<'a> Told<'a> {
    fn new(event: &'a Event, source: Option<&str>) -> Self {
        let seen = || event.raw.iter().filter(|(_, raw)| !raw.is_empty());
        Self {
            name: &event.name,
            about: &event.about,
            sources: seen().map(|(name, _)| name.as_str()).collect(),
            raw: seen()
                .filter(|(name, _)| source.is_none_or(|source| source == name.as_str()))
                .map(|(name, raw)| (name.as_str(), raw.as_slice()))
                .collect(),
            request: line([event.name.as_str()]),
        }
    }
}

#[cfg(test)]
mod tests {
    use decostop_profile::Profile;

    use super::*;

    fn told(profile: &Profile, pattern: &str, source: Option<&str>) -> (String, String) {
        let found = search(pattern, source, profile).expect("something fits");
        let found: Vec<Told<'_>> = found.into_iter().map(|event| Told::new(event, source)).collect();
        let (mut wide, mut plain) = (Vec::new(), Vec::new());
        page(&mut wide, &found, source.is_some(), 60).expect("a Vec takes everything");
        rows(&mut plain, &found, source.is_some()).expect("a Vec takes everything");
        let text = |bytes| String::from_utf8(bytes).expect("text");
        (text(wide), text(plain))
    }

    #[test]
    fn pages_fit_the_screen_and_rows_are_one_a_line() {
        let profile = Profile::gitlab();
        let (page, rows) = told(&profile, "membership.*", None);
        let bare = anstream::adapter::strip_str(&page).to_string();
        for line in bare.lines() {
            assert!(line.chars().count() <= 60, "{line}");
        }
        assert!(
            bare.lines()
                .any(|line| line.trim_start().starts_with("in api_json")),
            "{bare}"
        );
        assert_eq!(rows.lines().count(), 5, "{rows}");
        for row in rows.lines() {
            let columns: Vec<&str> = row.split('\t').collect();
            assert!(
                columns.len() == 3 && columns[0].starts_with("membership."),
                "{row}"
            );
            assert!(
                columns[2].split(',').any(|source| source == "production_json"),
                "{row}"
            );
        }
    }

    #[test]
    fn one_source_shows_only_what_it_logs() {
        let profile = Profile::gitlab();
        let (page, rows) = told(&profile, "token.created", Some("audit_json"));
        assert!(page.contains("personal_access_token_created"), "{page}");
        assert!(!page.contains("POST /api"), "{page}");
        assert!(
            rows.lines()
                .all(|row| row.starts_with("token.created\taudit_json\t"))
                && rows.lines().count() > 2,
            "{rows}"
        );
    }

    #[test]
    fn the_line_for_a_request_repeats_what_was_asked_if_it_can() {
        let profile = Profile::gitlab();
        let ask = |pattern: &str| {
            let found = search(pattern, None, &profile).expect("something fits");
            let found: Vec<Told<'_>> = found.into_iter().map(|event| Told::new(event, None)).collect();
            request(pattern, &found)
        };
        assert_eq!(ask("membership.*"), "events = [\"membership.*\"]");
        assert_eq!(ask("*"), ask(""));
        assert_eq!(ask("raw:member_created"), "events = [\"membership.added\"]");
        assert_eq!(ask("member_created"), "events = [\"membership.added\"]");
        assert_eq!(line(["a.b", "a.c"]), "events = [\"a.b\", \"a.c\"]");
    }
}
