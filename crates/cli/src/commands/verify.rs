//! `decostop verify`: another pair of eyes on a finished artefact.

use std::io::Write as _;
use std::num::NonZeroUsize;
use std::sync::Arc;

use anyhow::Result;
use decostop::{Error, ErrorKind};
use decostop_profile::RuleSet;
use decostop_verify::{CompiledProfile, recorded_rules, verify_dir_with};

use crate::args::Verify;
use crate::exit::Exit;
use crate::settings;
use crate::terminal::{self, BAD, GOOD, WARN, count};

/// Findings told in full on a terminal; --json has all that are kept.
const SHOWN: usize = 50;

pub(crate) fn run(args: &Verify) -> Result<Exit> {
    let profile = settings::profile(&args.profile)?;
    let unverified = |cause: decostop_verify::Error| {
        // Of a raw input the other argument says nothing.
        let is_of_dir = cause.path().is_none_or(|path| path.starts_with(&args.dir));
        let error = Error::new(ErrorKind::Config, "cannot be verified")
            .at(decostop::Origin {
                path: args.dir.clone(),
                offset: None,
            })
            .because(cause);
        if is_of_dir {
            error.hint("name the directory that a dive wrote with --out, with its internal/ part")
        } else {
            error
        }
    };
    let added = decostop::rules::load_added(&args.rules.rule_files, &profile)?;
    let mut rules = recorded_rules(&args.dir).map_err(unverified)?;
    if !added.rules.is_empty() {
        let all = RuleSet::clone(&rules).union(added).map_err(|cause| {
            Error::new(
                ErrorKind::Config,
                "--rules does not go with the rules of the dive",
            )
            .because(cause)
        })?;
        rules = Arc::new(all);
    }
    let compiled = CompiledProfile::with_rules(profile, rules).map_err(unverified)?;
    let threads = std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let report = verify_dir_with(&args.dir, &compiled, &args.against, threads).map_err(unverified)?;
    let exit = if report.is_clean() { Exit::Done } else { Exit::Leak };
    if args.json {
        let mut to = terminal::data();
        writeln!(to, "{}", report.to_json())?;
        to.flush()?;
        return Ok(exit);
    }
    let mut to = terminal::talk();
    for leak in report.leaks.iter().take(SHOWN) {
        writeln!(to, "{BAD}leak{BAD:#}  {leak}")?;
    }
    let all = report.leaks.len() as u64 + report.further_leaks;
    if all > SHOWN as u64 {
        writeln!(
            to,
            "      and {} more; --json tells up to 1,000",
            count(all - SHOWN as u64, "finding")
        )?;
    }
    if report.unread_lines > 0 {
        let lines = count(report.unread_lines, "raw line");
        writeln!(
            to,
            "{WARN}warning:{WARN:#} {lines} could not be read: nothing was learned from them"
        )?;
    }
    if exit == Exit::Leak {
        writeln!(
            to,
            "{BAD}{} in {}{BAD:#}: not for handing out",
            count(all, "leak"),
            args.dir.display()
        )?;
    } else if !args.quiet {
        write!(
            to,
            "{GOOD}no leak{GOOD:#} in {}: {} read again",
            args.dir.display(),
            count(report.records, "record")
        )?;
        if !args.against.is_empty() {
            write!(
                to,
                ", held against {} from the raw lines",
                count(report.derived_values, "foreign value")
            )?;
        }
        writeln!(to)?;
    }
    Ok(exit)
}
