//! `decostop scan`: the main job.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Result;
use decostop::artefact::{Options, StreamWriter};
use decostop::pipeline::dive_into;
use decostop::stats::Report;
use decostop::{Error, ErrorKind};

use super::dive::{self, Ready, Settings};
use super::watch::Watch;
use super::{plan, stats, summary};
use crate::args::{Format, ProgressMode, Scan};
use crate::exit::{Exit, usage};
use crate::terminal::{self, HEAD, WARN, bytes, chart, largest_first, number, seconds, shell};
use crate::{interrupt, settings};

pub(crate) fn run(args: &Scan) -> Result<Exit> {
    let to_stdout = args.out.as_deref().is_some_and(|out| out.as_os_str() == "-");
    if to_stdout && args.format != Format::Ndjson {
        return Err(usage(
            format!("--format {} needs a directory", args.format.name()),
            "name one with --out OUT; a pipe gets JSON lines, which are whole wherever they are cut",
        ));
    }
    if args.internal.is_some() && !to_stdout {
        return Err(usage(
            "--internal goes with --out -",
            "a directory holds its evidence already, in OUT/internal",
        ));
    }
    if args.json && !args.dry_run && !args.summary_only {
        return Err(usage(
            "--json goes with --dry-run or --summary-only",
            "--out - writes the records as JSON lines to standard output",
        ));
    }
    let ready = dive::prepare(
        &args.asked,
        &Settings {
            reading: &args.reading,
            following: args.following,
            keys: &args.keys,
            rules: &args.rules,
            learn_all: args.learn_all,
            digest: args.digest,
            quiet: args.quiet,
        },
    )?;
    if args.dry_run {
        return plan::tell(&ready, args.json);
    }
    if !args.quiet {
        ready.tell_window()?;
    }
    let telling = Telling {
        progress: args.progress,
        quiet: args.quiet,
        allow_withheld: args.allow_withheld,
        stats: args.stats,
    };
    let Some(out) = &args.out else {
        return summary::tell(&ready, &telling, args.json);
    };
    if to_stdout {
        return stream(&ready, args.internal.as_deref(), args.force, &telling);
    }
    let profile = args.reading.profile.path.as_deref();
    let options = Options::default()
        .force(args.force)
        .format(decostop_columnar::format_named(args.format.name()));
    directory(&ready, out, &args.reading.paths, profile, options, &telling)
}

/// How a dive is told about.
pub(super) struct Telling {
    pub(super) progress: ProgressMode,
    pub(super) quiet: bool,
    pub(super) allow_withheld: u64,
    /// Whether to say where the time went.
    pub(super) stats: bool,
}

/// Runs a dive into a directory and says what came of it.
pub(super) fn directory(
    ready: &Ready,
    out: &Path,
    paths: &[PathBuf],
    profile: Option<&Path>,
    options: Options,
    telling: &Telling,
) -> Result<Exit> {
    let options = options.started(settings::now().to_string());
    let watch = Watch::start(&ready.progress, telling.progress, telling.quiet);
    let heeded = interrupt::heed();
    let finished = dive_into(&ready.dive, out, options, dive::provenance);
    drop(heeded);
    watch.end(finished.is_ok());
    let finished = finished.map_err(|error| rejected(error, out))?;
    let exit = dive::exit_of(&finished.report, telling.allow_withheld);
    let report = &finished.report;
    if !telling.quiet {
        let mut to = terminal::talk();
        table(&mut to, ready, report)?;
        places(&mut to, ready, &finished.path, paths, profile)?;
    }
    if telling.stats {
        stats::write(&mut terminal::talk(), report)?;
    }
    if let Some(leftover) = &finished.leftover {
        let place = leftover.display();
        writeln!(
            terminal::talk(),
            "{WARN}warning:{WARN:#} the earlier result could not be removed and lies in {place}"
        )?;
    }
    if exit == Exit::Incomplete {
        dive::tell_incomplete(report, Some(&finished.path.join("internal")))?;
    }
    Ok(exit)
}

/// Says where a result that leaks was left.
fn rejected(error: Error, out: &Path) -> Error {
    if error.kind() != ErrorKind::Leak {
        return error;
    }
    let mut name = out.file_name().unwrap_or_default().to_owned();
    name.push(".rejected");
    let place = shell(&out.with_file_name(name).join("internal/verify.ndjson"));
    error.hint(format!(
        "{place} says which rule and where; please report it, it is a fault of decostop"
    ))
}

fn stream(ready: &Ready, internal: Option<&Path>, force: bool, telling: &Telling) -> Result<Exit> {
    let options = Options::default()
        .force(force)
        .ad_hoc(ready.request.ad_hoc)
        .started(settings::now().to_string());
    let mut writer = StreamWriter::create(Box::new(io::stdout()), internal, options, dive::provenance)?;
    let watch = Watch::start(&ready.progress, telling.progress, telling.quiet);
    let heeded = interrupt::heed();
    let done = ready.dive.run(&mut writer);
    drop(heeded);
    watch.end(done.is_ok());
    let report = done?;
    let reader_left = writer.reader_left();
    let evidence = writer.commit()?;
    if reader_left {
        return Ok(Exit::Done);
    }
    let exit = dive::exit_of(&report, telling.allow_withheld);
    if !telling.quiet {
        let mut to = terminal::talk();
        table(&mut to, ready, &report)?;
        match &evidence {
            Some(path) => writeln!(to, "evidence   {}  never leaves the house", shell(path))?,
            None => writeln!(to, "evidence   none was kept; --internal DIR keeps it")?,
        }
    }
    if telling.stats {
        stats::write(&mut terminal::talk(), &report)?;
    }
    if exit == Exit::Incomplete {
        dive::tell_incomplete(&report, evidence.as_deref())?;
    }
    Ok(exit)
}

/// The closing table: what became of the lines.
pub(super) fn table(to: &mut impl Write, ready: &Ready, report: &Report) -> io::Result<()> {
    let counts = &report.counts;
    let (id, route) = (&ready.request.id, ready.assessment.route);
    if report.ad_hoc {
        writeln!(to, "\n{HEAD}ad-hoc look{HEAD:#}")?;
    } else {
        writeln!(to, "\n{HEAD}{id}{HEAD:#}  route {route}")?;
    }
    let mut rows = vec![
        ("matched", counts.matched, ""),
        ("disclosed", counts.disclosed, ""),
        (
            "outside scope",
            counts.outside_scope,
            "matched, but concern nothing that the customer owns",
        ),
        ("withheld", counts.withheld, "could not be decided; never emitted"),
    ];
    if ready.how.dedup {
        rows.insert(
            2,
            (
                "duplicates",
                counts.duplicates,
                "equal to a line before; not disclosed again",
            ),
        );
    }
    let width = number(rows.iter().map(|row| row.1).max().unwrap_or(0)).len();
    for (name, value, note) in rows {
        let line = format!("  {name:<13}  {:>width$}  {note}", number(value));
        writeln!(to, "{}", line.trim_end())?;
    }
    for (reason, value) in &counts.withheld_by_reason {
        writeln!(to, "    {reason:<11}  {:>width$}", number(*value))?;
    }
    if !counts.unknown_fields.is_empty() {
        let fields = terminal::count(counts.unknown_fields.len() as u64, "field");
        writeln!(
            to,
            "  {fields} that the profile does not know were dropped; run.json counts them"
        )?;
    }
    if counts.disclosed > 0 {
        writeln!(to)?;
        chart(to, "by event", largest_first(&report.by_event), 12)?;
        writeln!(to)?;
        chart(to, "by day", &report.by_day, 31)?;
    }
    if report.alone > 0 && !report.ad_hoc {
        let (alone, verb) = if report.alone == 1 {
            ("1 record is".to_owned(), "its")
        } else {
            (format!("{} records are", number(report.alone)), "their")
        };
        writeln!(to, "\n{alone} alone in {verb} class: see internal/residual.json")?;
    }
    let read: u64 = report.inputs.iter().map(|input| input.bytes).sum();
    let decoded: u64 = report.inputs.iter().map(|input| input.decoded_bytes).sum();
    let spent: f64 = report
        .timings
        .values()
        .map(std::time::Duration::as_secs_f64)
        .sum();
    let inputs = report
        .inputs
        .iter()
        .filter(|input| input.duplicate_of.is_none() && input.set_aside.is_none())
        .count();
    let inputs = terminal::count(inputs as u64, "input");
    writeln!(
        to,
        "\nread       {inputs}, {} ({} decoded), in {}",
        bytes(read),
        bytes(decoded),
        seconds(spent)
    )
}

/// Where the result is and what to do with it.
fn places(
    to: &mut impl Write,
    ready: &Ready,
    out: &Path,
    paths: &[PathBuf],
    profile: Option<&Path>,
) -> io::Result<()> {
    let ad_hoc = ready.request.ad_hoc;
    let shown = out.join(if ad_hoc { "look" } else { "disclosure" });
    let note = if ad_hoc {
        "a look round, not for handing out"
    } else {
        "verified; for handing out once approved"
    };
    writeln!(to, "result     {}  {note}", shell(&shown))?;
    writeln!(
        to,
        "evidence   {}  never leaves the house",
        shell(&out.join("internal"))
    )?;
    let (me, out) = (terminal::me(), shell(out));
    let paths: Vec<String> = paths
        .iter()
        .filter(|path| path.as_os_str() != "-")
        .map(|path| shell(path))
        .collect();
    writeln!(to, "\n{HEAD}next{HEAD:#}\n  {me} view {out}")?;
    if !paths.is_empty() {
        let with = profile.map_or(String::new(), |profile| format!(" --profile {}", shell(profile)));
        writeln!(to, "  {me} verify {out}{with} --against {}", paths.join(" "))?;
    }
    if !ad_hoc {
        writeln!(
            to,
            "  have {} reviewed and approved, then hand over that directory alone",
            shell(&shown)
        )?;
    }
    Ok(())
}
