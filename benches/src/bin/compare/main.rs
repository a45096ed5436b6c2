//! Decoding alone, whole dives and other tools over one corpus, or over all that the targets name, in
//! one sitting.
//!
//! `cargo run --release --package decostop-bench --bin compare -- --help`; `docs/BENCHMARKING.md` says
//! what each row means.
//!
//! ```text
//! tools    the programs that take part        contest  the rows over one corpus
//! row      running in turn, ratios by round   memory   a child's memory while it runs
//! suite    the corpora and the targets        report   tables and JSON; chart: the picture
//!          suite/redaction: P6 and P7
//! ```

#![forbid(unsafe_code)]

mod chart;
mod contest;
mod memory;
mod report;
mod row;
mod suite;
mod tools;

use std::fs;
use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Parser;
use decostop_bench::Codec;
use tools::Tools;

/// Decoding alone, whole dives and other tools, in one sitting.
#[derive(Parser)]
struct Args {
    /// Runs the table of targets over the corpora that they name, instead of one corpus.
    #[arg(long, conflicts_with_all = ["codec", "share"])]
    suite: bool,
    /// Only these targets of the suite, such as `P1,P4`.
    #[arg(long, value_delimiter = ',', requires = "suite")]
    only: Vec<String>,
    /// Millions of decoded bytes; the suite's smaller corpora are fractions of it.
    #[arg(long, default_value_t = 1000)]
    megabytes: u64,
    /// How the logs are compressed.
    #[arg(long, value_parser = Codec::by_name, default_value = "zstd")]
    codec: Codec,
    /// Share of requests about the customer.
    #[arg(long, default_value_t = 0.001)]
    share: f64,
    /// Seed of the corpora.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Rounds that count; one more goes before them.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Threads of each contestant [default: one a core].
    #[arg(long)]
    threads: Option<usize>,
    /// Where corpora are kept and found again [default: a temporary directory].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// The binary under test [default: the one beside this program].
    #[arg(long)]
    decostop: Option<PathBuf>,
    /// Leaves out the rows of other tools.
    #[arg(long)]
    no_peers: bool,
    /// ripgrep.
    #[arg(long, default_value = "rg")]
    rg: PathBuf,
    /// scour-secrets.
    #[arg(long, default_value = "scour-secrets")]
    scour: PathBuf,
    /// The Python that has DuckDB and chDB.
    #[arg(long, default_value = "python3")]
    python: PathBuf,
    /// Also writes everything as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Also writes the tables as Markdown.
    #[arg(long)]
    markdown: Option<PathBuf>,
    /// Also draws the times beside decoding alone.
    #[arg(long)]
    svg: Option<PathBuf>,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let tools = Tools::new(&args)?;
    let report = suite::run(&args, &tools)?;
    write!(io::stdout(), "{}", report.text())?;
    let files = [
        (&args.json, serde_json::to_string_pretty(&report)? + "\n"),
        (&args.markdown, report.markdown()),
        (&args.svg, chart::svg(&report)),
    ];
    for (path, text) in files {
        if let Some(path) = path {
            fs::write(path, text).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

fn say(what: &str) -> io::Result<()> {
    writeln!(io::stderr(), "compare: {what}")
}
