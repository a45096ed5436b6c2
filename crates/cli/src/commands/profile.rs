//! `decostop profile check`, `decostop profile new` and `decostop profile show`.

use std::io::Write as _;
use std::path::Path;

use anyhow::Result;
use decostop_profile::Profile;

use crate::args::{self, ProfileAction};
use crate::exit::{Exit, usage};
use crate::settings;
use crate::terminal::{self, BAD, GOOD, WARN, count, number};

pub(crate) fn run(args: &args::Profile) -> Result<Exit> {
    match &args.action {
        ProfileAction::Check { file: None } => check(&Profile::gitlab()),
        ProfileAction::Check { file: Some(file) } => check(settings::profile_named(file)?.as_ref()),
        ProfileAction::New { file, name } => new(file, name.as_deref()),
        ProfileAction::Show { name } => {
            let known = || Profile::builtin_names().collect::<Vec<_>>().join(", ");
            let text = Profile::builtin_text(name).ok_or_else(|| {
                usage(
                    format!("no built-in profile is called {name}"),
                    format!("there are: {}", known()),
                )
            })?;
            let mut to = terminal::data();
            to.write_all(text.as_bytes())?;
            to.flush()?;
            Ok(Exit::Done)
        }
    }
}

fn new(file: &Path, name: Option<&str>) -> Result<Exit> {
    let stem = file.file_name().unwrap_or_default().to_string_lossy();
    // A date, a number or what comes after them is of one file only.
    let stem = stem
        .split(|c: char| !(c.is_ascii_alphabetic() || c == '_' || c == '-'))
        .next()
        .unwrap_or_default();
    let draft = decostop::draft::draft(file, name.unwrap_or(stem))?;
    let mut to = terminal::data();
    to.write_all(draft.profile.as_bytes())?;
    to.flush()?;
    let mut talk = terminal::talk();
    let part = if draft.cut { " (the first 8 MiB)" } else { "" };
    writeln!(talk, "format     {}", draft.format)?;
    writeln!(
        talk,
        "looked at  {}{part}, {} of another form",
        count(draft.records, "record"),
        count(draft.unread, "line")
    )?;
    writeln!(
        talk,
        "fields     {} with a class, {} left to you",
        number(draft.classed as u64),
        number(draft.undecided as u64)
    )?;
    for advice in &draft.advice {
        writeln!(talk, "{WARN}decide{WARN:#}     {advice}")?;
    }
    writeln!(
        talk,
        "next       read it, then `decostop profile check FILE`; docs/PROFILES.md is the guide"
    )?;
    Ok(Exit::Done)
}

fn check(profile: &Profile) -> Result<Exit> {
    let report = profile.check();
    let mut to = terminal::data();
    for finding in &report.findings {
        writeln!(to, "{BAD}fails{BAD:#}  {finding}")?;
    }
    let looked_at = [
        (report.sources, "sources"),
        (report.fields, "fields"),
        (report.examples, "sample lines"),
        (report.events, "events"),
        (report.raw_patterns, "raw patterns"),
        (report.routes, "routes"),
        (report.templates, "templates"),
        (report.words, "words"),
        (report.known_events, "known raw events"),
    ];
    let looked_at = looked_at.map(|(value, noun)| format!("{} {noun}", number(value as u64)));
    writeln!(to, "profile {}: {}", profile.name, looked_at.join(", "))?;
    let exit = if report.is_clean() {
        writeln!(to, "{GOOD}no findings{GOOD:#}")?;
        Exit::Done
    } else {
        writeln!(
            to,
            "{BAD}{}{BAD:#}",
            count(report.findings.len() as u64, "finding")
        )?;
        Exit::Usage
    };
    to.flush()?;
    Ok(exit)
}
