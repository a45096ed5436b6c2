//! `decostop summary`: only aggregates.

use std::io::{self, Write};

use anyhow::Result;
use decostop::artefact::Summary as Aggregates;
use decostop::sink::CountSink;
use decostop::stats::Report;

use super::dive::{self, Ready, Settings};
use super::scan::Telling;
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
            learn_all: args.learn_all,
            digest: false,
            quiet: args.quiet,
        },
    )?;
    let telling = Telling {
        progress: args.progress,
        quiet: args.quiet,
        allow_withheld: args.allow_withheld,
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
    let exit = dive::exit_of(&report, telling.allow_withheld);
    if exit == Exit::Incomplete {
        dive::tell_incomplete(&report, None)?;
    }
    Ok(exit)
}

fn write(to: &mut impl Write, ready: &Ready, report: &Report) -> io::Result<()> {
    let summary = Aggregates::new(report);
    writeln!(to, "{HEAD}{}{HEAD:#}", ready.request.id)?;
    for (name, value) in [
        ("records", summary.records),
        ("users", summary.users),
        ("addresses", summary.addresses),
        ("withheld", summary.withheld_with_nexus),
    ] {
        writeln!(to, "  {name:<10}  {}", number(value))?;
    }
    if let (Some(first), Some(last)) = (&summary.first_time, &summary.last_time) {
        writeln!(to, "  {:<10}  {first}\n  {:<10}  {last}", "first", "last")?;
    }
    writeln!(to)?;
    chart(to, "by source", largest_first(&summary.by_source), 20)?;
    chart(to, "by event", largest_first(&summary.by_event), 20)?;
    chart(to, "by namespace", largest_first(&summary.by_namespace), 20)?;
    chart(to, "by day", &summary.by_day, 31)
}
