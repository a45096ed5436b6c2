//! `decostop learn`, `merge`, `redact --shard`, `gather`, and the shares of `plan`: a dive over many workers.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use decostop::artefact::Options;
use decostop::cluster::{self, Secret, Shard, Task};
use decostop::pipeline::Progress;
use decostop::stats::Report;
use decostop::{Dive, Error};

use super::dive;
use super::watch::Watch;
use crate::args::{Gather, Learn, Merge, Working};
use crate::exit::Exit;
use crate::settings;
use crate::terminal::{self, HEAD, WARN, bytes, count, number, shell};
use crate::{interrupt, mapping};

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_nanos(settings::now().0.unsigned_abs())
}

/// Shares on standard output as a JSON list, or one file each below `out`.
pub(super) fn shards(
    dive: &Dive,
    wanted: usize,
    secret: Option<&Secret>,
    out: Option<&Path>,
) -> Result<Exit> {
    let shards = match secret {
        Some(secret) => dive.shards_with(wanted, secret)?,
        None => dive.shards(wanted)?,
    };
    for path in shards.iter().flat_map(Shard::unreadable) {
        writeln!(
            terminal::talk(),
            "{WARN}warning:{WARN:#} {} cannot be read, and will count as lost",
            path.display()
        )?;
    }
    let Some(out) = out else {
        let mut to = terminal::data();
        for (nth, shard) in shards.iter().enumerate() {
            write!(to, "{}{}", if nth == 0 { "[" } else { ",\n" }, shard.to_json()?)?;
        }
        writeln!(to, "]")?;
        to.flush()?;
        return Ok(Exit::Done);
    };
    cluster::write_shards(&shards, out)?;
    let largest = shards.iter().map(Shard::bytes).max().unwrap_or_default();
    let told = count(shards.len() as u64, "shard");
    writeln!(
        terminal::talk(),
        "{told} in {}, the largest of {}; they hold the request, and no key",
        shell(out),
        bytes(largest)
    )?;
    Ok(Exit::Done)
}

fn task(shard: &Path, secret: Secret, working: &Working, progress: &Arc<Progress>) -> Result<Task> {
    Ok(Task::new(Shard::load(shard)?, secret)
        .threads(working.threads.map_or(0, std::num::NonZero::get))
        .map_policy(mapping::policy(working.no_mmap))
        .now(now())
        .progress(Arc::clone(progress))
        .cancel(interrupt::flag()))
}

/// Does something that can be watched and stopped.
fn watched<T>(
    progress: &Arc<Progress>,
    how: (crate::args::ProgressMode, bool),
    work: impl FnOnce() -> Result<T, Error>,
) -> Result<T> {
    let watch = Watch::start(progress, how.0, how.1);
    let heeded = interrupt::heed();
    let done = work();
    drop(heeded);
    watch.end(done.is_ok());
    Ok(done?)
}

pub(crate) fn learn(args: &Learn) -> Result<Exit> {
    let progress = Arc::new(Progress::default());
    let secret = settings::secret(&args.key.key_file)?;
    let task = task(&args.shard, secret, &args.working, &progress)?;
    let how = (args.working.progress, args.working.quiet);
    let report = watched(&progress, how, || task.learn(&args.out))?;
    if !args.working.quiet {
        let matched = count(report.counts.matched, "matched line");
        writeln!(
            terminal::talk(),
            "{matched}; {} holds what they teach, sealed",
            shell(&args.out)
        )?;
    }
    ended(&report, &args.working)
}

/// How a step on a share ends: as a dive does. What was withheld is told where the shares come together.
fn ended(report: &Report, working: &Working) -> Result<Exit> {
    let exit = dive::exit_of(report, working.allow_withheld);
    if exit == Exit::Incomplete {
        dive::tell_incomplete(report, None)?;
        writeln!(
            terminal::talk(),
            "  the result of `decostop gather` says where; --allow-withheld {} tolerates it",
            report.missing()
        )?;
    }
    Ok(exit)
}

pub(crate) fn merge(args: &Merge) -> Result<Exit> {
    let secret = settings::secret(&args.key.key_file)?;
    let accounts = settings::accounts(args.accounts.as_deref())?;
    cluster::merge(&args.facts, &accounts, &secret, &args.out)?;
    Ok(Exit::Done)
}

pub(super) fn redact(
    shard: &Path,
    facts: &Path,
    secret: Secret,
    working: &Working,
    out: &Path,
) -> Result<Exit> {
    let progress = Arc::new(Progress::default());
    let task = task(shard, secret, working, &progress)?;
    let how = (working.progress, working.quiet);
    let report = watched(&progress, how, || task.redact(facts, out))?;
    if !working.quiet {
        let disclosed = count(report.counts.disclosed, "record");
        let withheld = number(report.counts.withheld);
        writeln!(
            terminal::talk(),
            "{disclosed}, {withheld} withheld; {} holds them, sealed",
            shell(out)
        )?;
    }
    ended(&report, working)
}

pub(crate) fn gather(args: &Gather) -> Result<Exit> {
    let progress = Arc::new(Progress::default());
    let gather = cluster::Gather::new(
        args.parts.clone(),
        &args.facts,
        settings::secret(&args.key.key_file)?,
    )
    .now(now())
    .progress(Arc::clone(&progress))
    .cancel(interrupt::flag());
    let options = Options::default()
        .force(args.force)
        .format(decostop_columnar::format_named(args.format.name()))
        .started(settings::now().to_string());
    let how = (args.progress, args.quiet);
    let finished = watched(&progress, how, || {
        gather.into_directory(&args.out, options, dive::provenance)
    })?;
    let report = &finished.report;
    if !args.quiet {
        let mut to = terminal::talk();
        writeln!(
            to,
            "{HEAD}{}{HEAD:#} of {}, {} withheld",
            count(report.counts.disclosed, "record"),
            count(args.parts.len() as u64, "part"),
            number(report.counts.withheld)
        )?;
        writeln!(
            to,
            "result     {}  verified; for handing out once approved",
            shell(&finished.path.join("disclosure"))
        )?;
        writeln!(
            to,
            "evidence   {}  never leaves the house",
            shell(&finished.path.join("internal"))
        )?;
    }
    let exit = dive::exit_of(report, args.allow_withheld);
    if exit == Exit::Incomplete {
        dive::tell_incomplete(report, Some(&finished.path.join("internal")))?;
    }
    Ok(exit)
}
