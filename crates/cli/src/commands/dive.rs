//! What `scan`, `summary`, `plan` and `demo` have in common: a request that was checked, a dive that
//! is ready to run, and running it so that it can be watched and stopped.

use std::io::Write as _;
use std::num::NonZero;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::{Duration, SystemTime};

use anyhow::Result;
use decostop::pipeline::{Dive, DiveBuilder, Progress};
use decostop::request::Request;
use decostop::request::conditions::{self, Assessment};
use decostop::stats::Report;
use decostop::{Error, ErrorKind, Limits};
use decostop_profile::Profile;
use serde::Serialize;

use super::check;
use crate::args::{Asked, Following, Keys, Reading, RuleFiles};
use crate::exit::Exit;
use crate::settings::{self, Key};
use crate::terminal::{self, HEAD, WARN};
use crate::{interrupt, mapping};

/// A dive that may run.
pub(super) struct Ready {
    pub(super) dive: Dive,
    pub(super) assessment: Assessment,
    pub(super) progress: Arc<Progress>,
    pub(super) request: Request,
    /// How it is going to be done.
    pub(super) how: How,
}

/// Settings in effect, as `plan` tells them.
#[derive(Debug, Serialize)]
pub(super) struct How {
    pub(super) profile: String,
    /// Detector rules, the built-in ones included.
    pub(super) rules: usize,
    pub(super) threads: usize,
    /// Whether files are mapped rather than read.
    pub(super) mapped: bool,
    pub(super) max_line_bytes: usize,
    pub(super) dedup: bool,
    pub(super) learn_all: bool,
    /// `fresh`, or that it comes from a file.
    pub(super) key: &'static str,
    /// Accounts given as foreign.
    pub(super) accounts: usize,
    pub(super) personal_data: bool,
}

impl Ready {
    /// The window in words, in UTC.
    pub(super) fn window(&self) -> String {
        let decostop::request::Window { from, to } = self.request.window;
        match (from, to) {
            (None, None) => "all times".to_owned(),
            (Some(from), None) => format!("from {from} on (UTC)"),
            (None, Some(to)) => format!("before {to} (UTC)"),
            (Some(from), Some(to)) => {
                let seconds = (to.0 - from.0) as f64 / 1e9;
                format!(
                    "from {from} up to, not including, {to} (UTC, {})",
                    terminal::seconds(seconds)
                )
            }
        }
    }

    /// Tells on standard error which window was understood.
    pub(super) fn tell_window(&self) -> std::io::Result<()> {
        writeln!(terminal::talk(), "{HEAD}window{HEAD:#}     {}", self.window())
    }
}

/// What a dive is made of, beside the request.
pub(super) struct Settings<'a> {
    pub(super) reading: &'a Reading,
    pub(super) following: Following,
    pub(super) keys: &'a Keys,
    pub(super) rules: &'a RuleFiles,
    pub(super) learn_all: bool,
    pub(super) digest: bool,
    pub(super) quiet: bool,
}

/// Checks the request and prepares the dive.
///
/// # Errors
/// [`ErrorKind::Refused`] if a condition does not hold; which ones was told on standard error.
pub(super) fn prepare(asked: &Asked, settings: &Settings<'_>) -> Result<Ready> {
    let Settings {
        reading,
        following,
        keys,
        rules,
        learn_all,
        digest,
        quiet,
    } = *settings;
    let now = settings::now();
    let profile = settings::profile(&reading.profile)?;
    let rules = settings::rules(rules, &profile)?;
    let request = settings::request(asked, &profile, now)?;
    let assessment = accepted(&request, &profile, now, quiet)?;
    let mut limits = Limits::default();
    if let Some(max) = reading.max_line_bytes {
        limits.max_line_bytes = max;
    }
    let progress = Arc::new(Progress::default());
    let accounts = settings::accounts(keys.accounts.as_deref())?;
    let key = settings::key(keys)?;
    let threads = reading
        .threads
        .map_or_else(|| available_parallelism().map_or(1, NonZero::get), NonZero::get);
    let how = How {
        profile: profile.name.clone(),
        rules: rules.rules.len(),
        threads,
        mapped: mapping::maps(reading.no_mmap),
        max_line_bytes: limits.max_line_bytes,
        dedup: reading.dedup,
        learn_all,
        key: if matches!(key, Key::Fresh) {
            "fresh"
        } else {
            "of a file"
        },
        accounts: accounts.len(),
        personal_data: request.disclosure.personal_data,
    };
    let builder = Dive::builder(request.clone(), profile)
        .inputs(reading.paths.iter().cloned())
        .rules(rules)
        .limits(limits)
        .map_policy(mapping::policy(reading.no_mmap))
        .prefilter(!reading.no_prefilter)
        .accounts(accounts)
        .learn_all(learn_all)
        .follow_ids(following.follow_ids)
        .follow_correlation(following.follow_correlation)
        .source_of(reading.source_of.clone())
        .stdin_source(settings::stdin_source(asked, reading)?)
        .digest(digest)
        .dedup(reading.dedup)
        .now(SystemTime::UNIX_EPOCH + Duration::from_nanos(now.0.unsigned_abs()))
        .progress(Arc::clone(&progress))
        .cancel(interrupt::flag());
    let dive = with_key(builder.threads(threads), &key).build()?;
    if !quiet && dive.plan().inputs.is_empty() {
        writeln!(
            terminal::talk(),
            "{WARN}warning:{WARN:#} there is nothing to read: no file of a source that is looked into; `--dry-run` says what was left out, --source-of GLOB=SOURCE names the source of files"
        )?;
    }
    Ok(Ready {
        dive,
        assessment,
        progress,
        request,
        how,
    })
}

fn with_key(builder: DiveBuilder, key: &Key) -> DiveBuilder {
    match key {
        Key::Fresh => builder,
        Key::Material(material) => builder.key_material(*material),
        Key::Request(key) => builder.request_key(*key),
    }
}

/// Checks the conditions and tells those that fail, and warnings.
fn accepted(
    request: &Request,
    profile: &Profile,
    now: decostop::request::Instant,
    quiet: bool,
) -> Result<Assessment> {
    let assessment = conditions::check(request, profile, now);
    let mut to = terminal::talk();
    if assessment.accepted {
        if !quiet {
            check::warnings(&mut to, &assessment)?;
        }
        return Ok(assessment);
    }
    check::write_refusal(&mut to, &assessment)?;
    Err(Error::new(
        ErrorKind::Refused,
        format!("the request {} is refused", request.id),
    )
    .hint("`decostop check` tells every condition; narrow the request, or have an [[exception]] approved")
    .into())
}

/// How a dive that came to its end ends the process.
pub(super) fn exit_of(report: &Report, allow_withheld: u64) -> Exit {
    if report.missing() > allow_withheld {
        Exit::Incomplete
    } else {
        Exit::Done
    }
}

/// Inputs that were not read to their end.
pub(super) fn broken(report: &Report) -> Vec<&PathBuf> {
    report
        .inputs
        .iter()
        .filter(|input| !input.complete)
        .map(|input| &input.path)
        .collect()
}

/// Says on standard error why a dive ends with [`Exit::Incomplete`].
pub(super) fn tell_incomplete(report: &Report, evidence: Option<&std::path::Path>) -> Result<()> {
    const SHOWN: usize = 5;
    let mut to = terminal::talk();
    let broken = broken(report);
    for path in broken.iter().take(SHOWN) {
        writeln!(
            to,
            "{WARN}warning:{WARN:#} {} was not read to its end",
            path.display()
        )?;
    }
    if broken.len() > SHOWN {
        let more = terminal::count((broken.len() - SHOWN) as u64, "more input");
        writeln!(to, "{WARN}warning:{WARN:#} nor were {more}")?;
    }
    let withheld = report.missing();
    let reasons: Vec<String> = report
        .counts
        .withheld_by_reason
        .iter()
        .map(|(reason, count)| format!("{reason} {}", terminal::number(*count)))
        .collect();
    writeln!(
        to,
        "{WARN}incomplete:{WARN:#} {} withheld ({}), so the exit code is 2",
        terminal::count(withheld, "line or range").replace("line or ranges", "lines or ranges"),
        reasons.join(", ")
    )?;
    if let Some(evidence) = evidence {
        let place = terminal::shell(&evidence.join("withheld.ndjson"));
        writeln!(
            to,
            "  {place} says where; --allow-withheld {withheld} tolerates it"
        )?;
    }
    Ok(())
}

/// The provenance file of this binary.
pub(super) fn provenance(
    internal: &std::path::Path,
) -> std::result::Result<Box<dyn decostop::artefact::ProvenanceWriter>, Error> {
    decostop_columnar::ParquetProvenance::create_in(internal)
}
