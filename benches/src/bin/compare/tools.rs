//! The programs that take part, as far as they are installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde::Serialize;

use crate::Args;
use crate::row::Run;

/// Counts records with DuckDB.
pub(crate) const DUCKDB: &str = include_str!("../../../peers/duckdb_count.py");
/// Counts records, or lines, with chDB.
pub(crate) const CHDB: &str = include_str!("../../../peers/chdb_count.py");

/// A contestant that is not here, and what brings it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Skipped {
    pub(crate) what: String,
    pub(crate) install: String,
}

/// Where the programs are.
#[derive(Debug)]
pub(crate) struct Tools {
    pub(crate) decostop: PathBuf,
    pub(crate) rg: Option<PathBuf>,
    pub(crate) python: PathBuf,
    pub(crate) duckdb: bool,
    pub(crate) chdb: bool,
    pub(crate) jq: bool,
    pub(crate) scour: Option<PathBuf>,
    pub(crate) peers: bool,
    /// What each says of its version.
    pub(crate) versions: Vec<String>,
}

impl Tools {
    pub(crate) fn new(args: &Args) -> Result<Self> {
        let beside = || -> Result<PathBuf> { Ok(std::env::current_exe()?.with_file_name("decostop")) };
        let decostop = args.decostop.clone().map_or_else(beside, Ok)?;
        ensure!(
            decostop.is_file(),
            "there is no {}; build it with `cargo build --release --package decostop-cli`",
            decostop.display()
        );
        let peers = !args.no_peers;
        let mut versions = Vec::new();
        versions.extend(version(Command::new(&decostop).arg("--version")));
        let mut take_part = |command: &mut Command| {
            let version = peers.then(|| version(command)).flatten();
            let is_here = version.is_some();
            versions.extend(version);
            is_here
        };
        let rg = take_part(Command::new(&args.rg).arg("--version")).then(|| args.rg.clone());
        let script = |source| {
            let mut command = Command::new(&args.python);
            command.args(["-c", source, "--version"]);
            command
        };
        let tools = Self {
            decostop,
            rg,
            python: args.python.clone(),
            duckdb: take_part(&mut script(DUCKDB)),
            chdb: take_part(&mut script(CHDB)),
            jq: take_part(Command::new("jq").arg("--version")),
            scour: take_part(Command::new(&args.scour).arg("--version")).then(|| args.scour.clone()),
            peers,
            versions: Vec::new(),
        };
        for program in ["grep", "zstd", "gzip"] {
            take_part(Command::new(program).arg("--version"));
        }
        Ok(Self { versions, ..tools })
    }

    /// A script's count and the seconds by its own clock.
    pub(crate) fn python(&self, source: &str, args: &[String], files: &[PathBuf]) -> Result<Run> {
        let output = Command::new(&self.python)
            .args(["-c", source])
            .args(args)
            .args(files)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()?;
        ensure!(output.status.success(), "it ended with {}", output.status);
        let text = String::from_utf8(output.stdout)?;
        let (count, seconds) = text
            .trim()
            .split_once(' ')
            .context("it printed something else than a count and seconds")?;
        Ok(Run::timed(count.parse()?, seconds.parse()?))
    }
}

/// Whether a program can be run at all.
pub(crate) fn has(program: &str) -> bool {
    version(Command::new(program).arg("--version")).is_some()
}

fn version(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = text.lines().next().unwrap_or_default();
    output
        .status
        .success()
        .then(|| line.trim_matches(['*', ' ']).to_owned())
}

/// The sum of the numbers that a command prints.
pub(crate) fn sum(command: &mut Command) -> Result<u64> {
    // That nothing was found is a number as well, though grep ends with 1 then.
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let mut total = 0;
    for line in text.lines() {
        let Ok(number) = line.trim().parse::<u64>() else {
            bail!("it printed something that is no number");
        };
        total += number;
    }
    Ok(total)
}

/// Bytes and lines of a file. The last line may lack its end.
pub(crate) fn lines_of(path: &Path) -> Result<(u64, u64)> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    let ends = memchr::memchr_iter(b'\n', &bytes).count() as u64;
    let cut = u64::from(bytes.last().is_some_and(|last| *last != b'\n'));
    Ok((bytes.len() as u64, ends + cut))
}
