//! `decostop summary`: only aggregates.

use std::io::{self, Write};

use anyhow::Result;
use decostop::artefact::Summary as Aggregates;
use decostop::sink::CountSink;
use decostop::stats::Report;

use super::dive::{self, Ready, Settings};
use super::scan::Telling;
use super::stats;
use super::watch::Watch;
use crate::args::Summary;
use crate::exit::Exit;
use crate::interrupt;
use crate::terminal::{self, HEAD, chart, largest_first, number};

pub(crate) fn run(args: &Summary) -> Result<Exit> {
    let ready = dive::prepare(
        &args.asked,
        &Settings {
            reading: &args.reading,
            following: args.following,
            keys: &args.keys,
            rules: &args.rules,
            learn_all: args.learn_all,
            digest: false,
            quiet: args.quiet,
        },
    )?;
    if !args.quiet {
        ready.tell_window()?;
    }
    let telling = Telling {
        progress: args.progress,
        quiet: args.quiet,
        allow_withheld: args.allow_withheld,
        stats: args.stats,
    };
    tell(&ready, &telling, args.json)
}

/// Runs a dive for its numbers and tells them on standard output.
pub(super) fn tell(ready: &Ready, telling: &Telling, json: bool) -> Result<Exit> {
    let watch = Watch::start(&ready.progress, telling.progress, telling.quiet);
    let heeded = interrupt::heed();
    let done = ready.dive.run(&mut CountSink::default());
    drop(heeded);
    watch.end(done.is_ok());
    let report = done?;
    let mut to = terminal::data();
    if json {
        writeln!(to, "{}", Aggregates::new(&report).to_json())?;
    } else {
        write(&mut to, ready, &report)?;
    }
    to.flush()?;
    if ready.how.dedup && !telling.quiet {
        let left_out = terminal::count(report.counts.duplicates, "equal line");
        writeln!(terminal::talk(), "{left_out} left out")?;
    }
    if telling.stats {
        stats::write(&mut terminal::talk(), &report)?;
    }
    let exit = dive::exit_of(&report, telling.allow_withheld);
    if exit == Exit::Incomplete {
        dive::tell_incomplete(&report, None)?;
    }
    Ok(exit)
}

fn write(to: &mut impl Write, ready: &Ready, report: &Report) -> io::Result<()> {
    let summary = Aggregates::new(report);
    let id = if report.ad_hoc {
        "ad-hoc look"
    } else {
        &ready.request.id
    };
    writeln!(to, "{HEAD}{id}{HEAD:#}  {}", ready.window())?;
    let mut rows = vec![
        ("records", number(summary.records)),
        ("users", number(summary.users)),
        ("addresses", number(summary.addresses)),
        ("withheld", number(summary.withheld_with_nexus)),
    ];
    let width = rows.iter().map(|(_, value)| value.len()).max().unwrap_or(0);
    for (_, value) in &mut rows {
        *value = format!("{value:>width$}");
    }
    for (name, time) in [("first", &summary.first_time), ("last", &summary.last_time)] {
        rows.extend(time.clone().map(|time| (name, time)));
    }
    for (name, value) in rows {
        writeln!(to, "  {name:<10}  {value}")?;
    }
    for (title, counts, rows) in [
        ("by source", largest_first(&summary.by_source), 20),
        ("by event", largest_first(&summary.by_event), 20),
        ("by namespace", largest_first(&summary.by_namespace), 20),
        ("by day", summary.by_day.iter().collect(), 31),
    ] {
        if !counts.is_empty() {
            writeln!(to)?;
            chart(to, title, counts, rows)?;
        }
    }
    Ok(())
}
