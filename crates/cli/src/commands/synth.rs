//! `decostop synth`: corpora with ground truth.

use std::io::Write as _;
use std::num::NonZero;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use decostop::{Error, ErrorKind};
use decostop_testkit::synth::{self, CodecMix, Options, Summary};
use indicatif::{ProgressBar, ProgressStyle};

use crate::args::{Codec, Synth};
use crate::exit::{Exit, usage};
use crate::terminal::{self, bytes, count, seconds, shell};

pub(crate) fn run(args: &Synth) -> Result<Exit> {
    if args.our_share.is_some_and(|share| !(0.0..=1.0).contains(&share)) {
        return Err(usage(
            "--our-share is a number from 0 to 1",
            "0.001 is one request in a thousand",
        ));
    }
    let codec = match args.codec {
        Codec::Mixed => CodecMix::Mixed,
        Codec::Plain => CodecMix::Plain,
        Codec::Gzip => CodecMix::Gzip,
        Codec::Zstd => CodecMix::Zstd,
        Codec::ZstdFrames => CodecMix::ZstdFrames,
        Codec::Bzip2 => CodecMix::Bzip2,
        Codec::Lz4 => CodecMix::Lz4,
        Codec::Xz => CodecMix::Xz,
    };
    let mut options = Options::default()
        .seed(args.seed)
        .megabytes(args.megabytes)
        .days(args.days)
        .tenants(args.tenants)
        .codec(codec)
        .damage(args.damage)
        .hosts(args.hosts)
        .skew(args.skew)
        .namespaces(args.namespaces)
        .our_share(args.our_share);
    if !args.sources.is_empty() {
        options = options.sources(args.sources.clone());
    }
    if let Some(threads) = args.threads.map(NonZero::get) {
        options = options.threads(threads);
    }
    let began = Instant::now();
    let summary = write(&args.dir, &options, args.quiet)?;
    if args.quiet {
        return Ok(Exit::Done);
    }
    let mut to = terminal::talk();
    writeln!(
        to,
        "{} of logs in {} ({} on disk), {}, in {}",
        bytes(summary.decoded_bytes),
        count(summary.files, "file"),
        bytes(summary.encoded_bytes),
        count(summary.lines, "line"),
        seconds(began.elapsed().as_secs_f64()),
    )?;
    let (logs, request) = (args.dir.join("logs"), args.dir.join("request.toml"));
    writeln!(
        to,
        "of these, {} in the window of {} and may be disclosed",
        count(summary.disclosable, "line"),
        shell(&request)
    )?;
    writeln!(
        to,
        "\nnext:\n  {} scan --request {} {} --out dive",
        terminal::me(),
        shell(&request),
        shell(&logs)
    )?;
    Ok(Exit::Done)
}

/// Makes a corpus, with a bar on a terminal.
pub(super) fn write(dir: &Path, options: &Options, quiet: bool) -> Result<Summary> {
    let bar = if quiet {
        ProgressBar::hidden()
    } else {
        ProgressBar::new(options.megabytes * 1_000_000)
    };
    let style =
        "{msg:9} {bar:32} {decimal_bytes:>9} of {decimal_total_bytes}  {decimal_bytes_per_sec}  {eta}";
    bar.set_style(ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message("writing");
    let summary = synth::write(dir, options, &mut |bytes| bar.inc(bytes));
    bar.finish_and_clear();
    let refused = |cause: std::io::Error| {
        let there = cause.kind() == std::io::ErrorKind::AlreadyExists;
        let error = Error::io(
            if there { ErrorKind::Config } else { ErrorKind::Sink },
            dir,
            "make the corpus",
            cause,
        );
        if there {
            error.hint("choose another directory, or remove this one")
        } else {
            error
        }
    };
    Ok(summary.map_err(refused)?)
}
