//! `decostop plan` and `scan --dry-run`: what a dive would read, without reading it.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anyhow::Result;
use decostop::pipeline;
use serde::Serialize;

use super::check;
use super::dive::{self, Ready, Settings};
use crate::args::{Asked, Following, Keys, Plan};
use crate::exit::Exit;
use crate::terminal::{self, HEAD, bytes, count, seconds};

/// Bytes of compressed input that one thread gets through in a second, on a core of the last years.
/// An assumption, and told as one: what a dive really takes depends on the disk.
const RATE: u64 = 20_000_000;

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
            keys: &Keys::default(),
            learn_all: false,
            digest: false,
            quiet: true,
        },
    )?;
    tell(&ready, args.json)
}

#[derive(Serialize)]
struct Told<'a> {
    request: &'a str,
    route: String,
    inputs: Vec<Input<'a>>,
    skipped: Vec<Skipped<'a>>,
    bytes: u64,
    search: &'a [String],
    warnings: &'a [String],
    threads: usize,
    estimated_s: f64,
    assumed_bytes_per_second_and_thread: u64,
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
    let threads = ready.threads;
    let estimate = plan.bytes as f64 / RATE as f64 / threads as f64;
    let mut to = terminal::data();
    if json {
        let told = Told {
            request: &ready.request.id,
            route: ready.assessment.route.to_string(),
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
            threads,
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
    writeln!(
        to,
        "{HEAD}{}{HEAD:#}  route {}",
        ready.request.id, ready.assessment.route
    )?;
    let mut sources: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (_, bytes, source) in &plan.inputs {
        let source = source.as_deref().unwrap_or("told by each record");
        let entry = sources.entry(source).or_default();
        entry.0 += 1;
        entry.1 += bytes;
    }
    writeln!(
        to,
        "\nwould read {}, {}:",
        count(plan.inputs.len() as u64, "input"),
        bytes(plan.bytes)
    )?;
    for (source, (inputs, size)) in &sources {
        writeln!(
            to,
            "  {source:<20}  {:>12}  {:>8}",
            count(*inputs, "input"),
            bytes(*size)
        )?;
    }
    let mut reasons: BTreeMap<&str, u64> = BTreeMap::new();
    for (_, reason) in &plan.skipped {
        *reasons.entry(reason).or_default() += 1;
    }
    for (reason, inputs) in &reasons {
        writeln!(to, "would not read {}: {reason}", count(*inputs, "input"))?;
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
