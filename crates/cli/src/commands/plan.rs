//! `decostop plan` and `scan --dry-run`: what a dive would read, without reading it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use decostop::artefact::printable;
use decostop::pipeline;
use serde::Serialize;

use super::dive::{self, How, Ready, Settings};
use super::{check, cluster};
use crate::args::{Asked, Following, Keys, Plan};
use crate::exit::Exit;
use crate::settings;
use crate::terminal::{self, HEAD, bytes, columns, count, number, padded, seconds};

/// Bytes of compressed input that one thread gets through in a second, on a core of the last years.
/// An assumption, and told as one: what a dive really takes depends on the disk.
const RATE: u64 = 20_000_000;

/// Paths shown of those that have something in common.
const SHOWN: usize = 4;

pub(crate) fn run(args: &Plan) -> Result<Exit> {
    let asked = Asked {
        request: Some(args.request.clone()),
        ..Asked::default()
    };
    let ready = dive::prepare(
        &asked,
        &Settings {
            reading: &args.reading,
            following: Following::default(),
            keys: &Keys {
                key_file: None,
                accounts: args.accounts.clone(),
            },
            rules: &args.rules,
            learn_all: args.learn_all,
            digest: false,
            quiet: true,
        },
    )?;
    if let Some(wanted) = args.shards {
        let secret = match &args.accounts {
            None => None,
            Some(_) => Some(settings::shared_key("--accounts", args.key_file.as_ref())?),
        };
        return cluster::shards(&ready.dive, wanted.get(), secret.as_ref(), args.out.as_deref());
    }
    tell(&ready, args.json)
}

#[derive(Serialize)]
struct Told<'a> {
    request: &'a str,
    route: String,
    window: Window,
    settings: &'a How,
    inputs: Vec<Input<'a>>,
    skipped: Vec<Skipped<'a>>,
    bytes: u64,
    search: &'a [String],
    warnings: &'a [String],
    estimated_s: f64,
    assumed_bytes_per_second_and_thread: u64,
}

/// In UTC; an open end is null.
#[derive(Serialize)]
struct Window {
    from: Option<String>,
    to: Option<String>,
}

#[derive(Serialize)]
struct Input<'a> {
    path: String,
    bytes: u64,
    source: Option<&'a str>,
}

#[derive(Serialize)]
struct Skipped<'a> {
    path: String,
    reason: &'a str,
}

/// Tells the plan of a dive on standard output.
pub(super) fn tell(ready: &Ready, json: bool) -> Result<Exit> {
    let plan = ready.dive.plan();
    let threads = ready.how.threads;
    let estimate = plan.bytes as f64 / RATE as f64 / threads as f64;
    let mut to = terminal::data();
    if json {
        let told = Told {
            request: &ready.request.id,
            route: ready.assessment.route.to_string(),
            window: Window {
                from: ready.request.window.from.map(|at| at.to_string()),
                to: ready.request.window.to.map(|at| at.to_string()),
            },
            settings: &ready.how,
            inputs: plan
                .inputs
                .iter()
                .map(|(path, bytes, source)| Input {
                    path: path.display().to_string(),
                    bytes: *bytes,
                    source: source.as_deref(),
                })
                .collect(),
            skipped: plan
                .skipped
                .iter()
                .map(|(path, reason)| Skipped {
                    path: path.display().to_string(),
                    reason,
                })
                .collect(),
            bytes: plan.bytes,
            search: &plan.lines,
            warnings: &ready.assessment.warnings,
            estimated_s: (estimate * 10.0).round() / 10.0,
            assumed_bytes_per_second_and_thread: RATE,
        };
        serde_json::to_writer_pretty(&mut to, &told).map_err(io::Error::from)?;
        writeln!(to)?;
    } else {
        write(&mut to, ready, &plan, threads, estimate)?;
    }
    to.flush()?;
    Ok(Exit::Done)
}

fn write(
    to: &mut impl Write,
    ready: &Ready,
    plan: &pipeline::Plan,
    threads: usize,
    estimate: f64,
) -> io::Result<()> {
    if ready.request.ad_hoc {
        writeln!(
            to,
            "{HEAD}ad-hoc look{HEAD:#}  nothing in scope, every identity a pseudonym; not for handing out"
        )?;
    } else {
        writeln!(
            to,
            "{HEAD}{}{HEAD:#}  route {}",
            ready.request.id, ready.assessment.route
        )?;
    }
    writeln!(to, "{HEAD}window{HEAD:#}     {}", ready.window())?;
    writeln!(to, "{HEAD}settings{HEAD:#}   {}", settings(&ready.how))?;
    let mut sources: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (_, bytes, source) in &plan.inputs {
        let source = source.as_deref().unwrap_or("told by each record");
        let entry = sources.entry(source).or_default();
        entry.0 += 1;
        entry.1 += bytes;
    }
    writeln!(
        to,
        "\n{HEAD}would read{HEAD:#} {}, {}",
        count(plan.inputs.len() as u64, "input"),
        bytes(plan.bytes)
    )?;
    let width = sources.keys().map(|source| columns(source)).max().unwrap_or(0);
    for (source, (inputs, size)) in &sources {
        writeln!(
            to,
            "  {}  {:>12}  {:>8}",
            padded(source, width),
            count(*inputs, "input"),
            bytes(*size)
        )?;
    }
    let nameless = plan.inputs.iter().filter(|(_, _, source)| source.is_none());
    let nameless: Vec<&Path> = nameless.map(|(path, ..)| path.as_path()).collect();
    if !nameless.is_empty() {
        writeln!(to, "{HEAD}no file name tells the source{HEAD:#} of")?;
        paths(to, &nameless)?;
    }
    let mut reasons: BTreeMap<&str, Vec<&Path>> = BTreeMap::new();
    for (path, reason) in &plan.skipped {
        reasons.entry(reason).or_default().push(path);
    }
    for (reason, left_out) in &reasons {
        let why = match *reason {
            "duplicate" => "the same file under another name",
            "superseded" => "another file holds the same lines",
            other => other,
        };
        writeln!(
            to,
            "{HEAD}would not read{HEAD:#} {}: {why}",
            count(left_out.len() as u64, "input")
        )?;
        paths(to, left_out)?;
    }
    writeln!(to)?;
    for line in &plan.lines {
        writeln!(to, "{line}")?;
    }
    writeln!(
        to,
        "about {}, with {} at an assumed {} of stored bytes a second each",
        seconds(estimate),
        count(threads as u64, "thread"),
        bytes(RATE)
    )?;
    check::warnings(to, &ready.assessment)
}

/// A few paths of many.
fn paths(to: &mut impl Write, paths: &[&Path]) -> io::Result<()> {
    for path in paths.iter().take(SHOWN) {
        writeln!(to, "  {}", printable(&path.display().to_string()))?;
    }
    if paths.len() > SHOWN {
        let more = number((paths.len() - SHOWN) as u64);
        writeln!(to, "  and {more} more; --json names all")?;
    }
    Ok(())
}

/// A size as flags write it, if it is a round one.
fn binary(size: usize) -> String {
    [(30, "G"), (20, "M"), (10, "K")]
        .into_iter()
        .find(|(shift, _)| size.trailing_zeros() >= *shift && size > 0)
        .map_or_else(
            || bytes(size as u64),
            |(shift, unit)| format!("{}{unit}", size >> shift),
        )
}

fn settings(how: &How) -> String {
    let mut told = vec![
        format!("profile {}", how.profile),
        count(how.rules as u64, "rule"),
        count(how.threads as u64, "thread"),
        if how.mapped { "files mapped" } else { "files read" }.to_owned(),
        format!("lines up to {}", binary(how.max_line_bytes)),
        if how.key == "fresh" {
            "a fresh key"
        } else {
            "the key of a file"
        }
        .to_owned(),
    ];
    for (is, what) in [
        (how.personal_data, "personal data of the scope shown"),
        (how.dedup, "equal lines once"),
        (how.learn_all, "foreign names learned from every line"),
    ] {
        if is {
            told.push(what.to_owned());
        }
    }
    if how.accounts > 0 {
        told.push(count(how.accounts as u64, "foreign account"));
    }
    told.join(", ")
}
