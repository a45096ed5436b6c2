//! `decostop demo`: a small corpus, a dive, what to open.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use decostop::{Error, ErrorKind, Origin, artefact};
use decostop_testkit::synth::Options;

use super::scan::Telling;
use super::{dive, scan, synth};
use crate::args::{Asked, Demo, Following, Keys, ProfileFile, ProgressMode, Reading, RuleFiles};
use crate::exit::Exit;
use crate::terminal::{self, HEAD, bytes, count, seconds, shell};

pub(crate) fn run(args: &Demo) -> Result<Exit> {
    let dir = &args.dir;
    make_room(dir, args.force)?;
    let began = Instant::now();
    writeln!(
        terminal::talk(),
        "making logs of several customers in {}",
        shell(dir)
    )?;
    let made = synth::write(
        dir,
        &Options::default().megabytes(args.megabytes).seed(args.seed),
        false,
    )?;
    writeln!(
        terminal::talk(),
        "{} in {}, {} ({} compressed); {} are about {} and may be disclosed",
        count(made.lines, "line"),
        count(made.files, "file"),
        bytes(made.decoded_bytes),
        bytes(made.encoded_bytes),
        count(made.disclosable, "line"),
        made.namespace,
    )?;
    let (request, logs, out) = (dir.join("request.toml"), dir.join("logs"), dir.join("dive"));
    writeln!(
        terminal::talk(),
        "\nrunning  {} scan --request {} {} --out {}",
        terminal::me(),
        shell(&request),
        shell(&logs),
        shell(&out)
    )?;
    let asked = Asked {
        request: Some(request),
        ..Asked::default()
    };
    let reading = Reading {
        paths: vec![logs.clone()],
        profile: ProfileFile::default(),
        source_of: Vec::new(),
        threads: None,
        no_mmap: false,
        no_prefilter: false,
        dedup: false,
        max_line_bytes: None,
    };
    let keys = Keys::default();
    let settings = dive::Settings {
        reading: &reading,
        following: Following::default(),
        keys: &keys,
        rules: &RuleFiles::default(),
        learn_all: false,
        digest: false,
        quiet: true,
    };
    let ready = dive::prepare(&asked, &settings)?;
    let telling = Telling {
        progress: ProgressMode::Auto,
        quiet: false,
        allow_withheld: 0,
        stats: false,
    };
    let exit = scan::directory(
        &ready,
        &out,
        &[logs],
        None,
        artefact::Options::default(),
        &telling,
    )?;
    if exit != Exit::Done {
        return Ok(exit);
    }
    tell(dir, &out, began)?;
    Ok(Exit::Done)
}

fn tell(dir: &Path, out: &Path, began: Instant) -> Result<()> {
    let mut to = terminal::talk();
    let (truth, support) = (dir.join("truth"), dir.join("request-support.toml"));
    writeln!(
        to,
        "\n{HEAD}also worth a look{HEAD:#}, after {}",
        seconds(began.elapsed().as_secs_f64())
    )?;
    for (command, about) in [
        (
            format!("cat {}", shell(&out.join("disclosure/manifest.json"))),
            "what the customer reads first",
        ),
        (
            format!(
                "zstd -dc {} | head -3",
                shell(&out.join("disclosure/records.ndjson.zst"))
            ),
            "the records",
        ),
        (
            format!("cat {}", shell(&out.join("internal/run.json"))),
            "the evidence",
        ),
        (
            format!("cat {}", shell(&truth.join("summary.json"))),
            "what a dive had to find",
        ),
        (
            format!("{} check {}", terminal::me(), shell(&support)),
            "a smaller request, for support",
        ),
    ] {
        writeln!(to, "  {command}\n      {about}")?;
    }
    Ok(())
}

/// Sees to it that the directory is empty. Only what a demo made is removed.
fn make_room(dir: &Path, force: bool) -> Result<()> {
    let failed = |cause| Error::io(ErrorKind::Config, dir, "make the demo", cause);
    fs::create_dir_all(dir).map_err(failed)?;
    let names: Vec<PathBuf> = fs::read_dir(dir)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .map_err(failed)?;
    if names.is_empty() {
        return Ok(());
    }
    let refuse = |reason: &str, hint: &str| {
        Error::new(ErrorKind::Config, reason)
            .at(Origin {
                path: dir.to_owned(),
                offset: None,
            })
            .hint(hint)
    };
    if !force {
        return Err(refuse(
            "is not empty",
            "choose another directory, or replace an earlier demo with --force",
        )
        .into());
    }
    const MADE: [&str; 5] = ["dive", "logs", "request.toml", "request-support.toml", "truth"];
    let foreign = |path: &&PathBuf| {
        !path
            .file_name()
            .is_some_and(|name| MADE.iter().any(|made| name == *made))
    };
    if names.iter().any(|path| foreign(&path)) {
        return Err(refuse("holds more than an earlier demo", "choose another directory").into());
    }
    for path in names {
        let removed = if path.is_dir() {
            fs::remove_dir_all(&path)
        } else {
            fs::remove_file(&path)
        };
        removed.map_err(failed)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_earlier_demo_is_replaced() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let demo = dir.path().join("a/b");
        assert!(make_room(&demo, false).is_ok(), "a new directory");
        fs::create_dir(demo.join("logs"))?;
        assert!(make_room(&demo, false).is_err());
        assert!(make_room(&demo, true).is_ok());
        assert!(!demo.join("logs").exists());
        fs::write(demo.join("thesis.txt"), "precious")?;
        assert!(make_room(&demo, true).is_err());
        assert!(demo.join("thesis.txt").exists());
        Ok(())
    }
}
