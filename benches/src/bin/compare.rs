//! Decoding alone, whole dives and other tools over one corpus, in one sitting.
//!
//! `cargo run --release --package decostop-bench --bin compare -- --help`; `docs/BENCHMARKING.md` says
//! what each row means.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Instant;

use anyhow::{Context as _, Result, bail, ensure};
use clap::{Parser, ValueEnum};
use decostop::artefact;
use decostop::prefilter::Prefilter;
use decostop::query::QueryPlan;
use decostop_bench::{Corpus, Inputs, answer, dive};
use decostop_profile::Profile;
use decostop_redact::ProfilePlan;
use decostop_testkit::synth::{CodecMix, Options};

/// Decoding alone, a whole dive and other tools over one corpus, in one sitting.
#[derive(Parser)]
struct Args {
    /// Millions of decoded bytes.
    #[arg(long, default_value_t = 1000)]
    megabytes: u64,
    /// How the logs are compressed.
    #[arg(long, value_enum, default_value_t = Codec::Zstd)]
    codec: Codec,
    /// Share of requests about the customer.
    #[arg(long, default_value_t = 0.001)]
    share: f64,
    /// Seed of the corpus.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Rounds that count; one more goes before them.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Threads of each contestant [default: one a core].
    #[arg(long)]
    threads: Option<usize>,
    /// Where the corpus is kept and found again [default: a temporary directory].
    #[arg(long)]
    dir: Option<PathBuf>,
    /// The binary under test [default: the one beside this program].
    #[arg(long)]
    decostop: Option<PathBuf>,
    /// Leaves out the rows of other tools.
    #[arg(long)]
    no_peers: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Codec {
    Zstd,
    ZstdFrames,
    Gzip,
    Plain,
}

impl Codec {
    fn mix(self) -> CodecMix {
        match self {
            Self::Zstd => CodecMix::Zstd,
            Self::ZstdFrames => CodecMix::ZstdFrames,
            Self::Gzip => CodecMix::Gzip,
            Self::Plain => CodecMix::Plain,
        }
    }

    /// The program that writes a file's decoded bytes to standard output.
    fn cat(self) -> [&'static str; 2] {
        match self {
            Self::Zstd | Self::ZstdFrames => ["zstd", "-dcq"],
            Self::Gzip => ["gzip", "-dc"],
            Self::Plain => ["cat", "--"],
        }
    }
}

/// What decoding alone is called.
const FLOOR: &str = "decode only, in process";
/// Decoded bytes that a file for jq should have: it is slow.
const JQ_BYTES: u64 = 4_000_000;

/// One contestant.
struct Row<'a> {
    name: String,
    /// What its count is a count of.
    unit: &'static str,
    want: u64,
    /// Decoded bytes that it goes through.
    bytes: u64,
    run: Box<dyn Fn() -> Result<u64> + 'a>,
    times: Vec<Time>,
}

#[derive(Clone, Copy)]
struct Time {
    wall: f64,
    cpu: f64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let threads = args
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    // Wrapped lines would only keep jq from reading them.
    let options = Options::default()
        .seed(args.seed)
        .megabytes(args.megabytes)
        .days(7)
        .codec(args.codec.mix())
        .wrappers(false)
        .our_share(Some(args.share));
    say(&format!("making or finding {} MB of logs", args.megabytes))?;
    let corpus = match &args.dir {
        Some(dir) => Corpus::kept(dir, &options).with_context(|| dir.display().to_string())?,
        None => Corpus::temporary(&options),
    };
    let scratch = tempfile::tempdir()?;
    let contest = Contest::new(&args, &corpus, threads, scratch.path())?;
    let (mut rows, missing) = contest.rows()?;
    for round in 0..=args.rounds {
        say(&format!("round {round} of {}", args.rounds))?;
        for row in &mut rows {
            let time = row.once()?;
            if round > 0 {
                row.times.push(time);
            }
        }
    }
    tell(&args, &corpus, threads, &rows, &missing)
}

fn say(what: &str) -> io::Result<()> {
    writeln!(io::stderr(), "compare: {what}")
}

impl Row<'_> {
    fn once(&self) -> Result<Time> {
        let (began, cpu) = (Instant::now(), cpu_seconds());
        let count = (self.run)().with_context(|| self.name.clone())?;
        let time = Time {
            wall: began.elapsed().as_secs_f64(),
            cpu: cpu_seconds() - cpu,
        };
        ensure!(
            count == self.want,
            "{}: {count} {} instead of {}",
            self.name,
            self.unit,
            self.want
        );
        Ok(time)
    }
}

/// Processor time of this process and of the ones it waited for, in steps of 10 ms.
fn cpu_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields
        .skip(11)
        .take(4)
        .filter_map(|ticks| ticks.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}

/// What all contestants share.
struct Contest<'a> {
    args: &'a Args,
    corpus: &'a Corpus,
    threads: usize,
    inputs: Inputs,
    prefilter: Prefilter,
    decostop: PathBuf,
    scratch: &'a Path,
}

impl<'a> Contest<'a> {
    fn new(args: &'a Args, corpus: &'a Corpus, threads: usize, scratch: &'a Path) -> Result<Self> {
        let beside = || -> Result<PathBuf> { Ok(std::env::current_exe()?.with_file_name("decostop")) };
        let decostop = args.decostop.clone().map_or_else(beside, Ok)?;
        ensure!(
            decostop.is_file(),
            "there is no {}; build it with `cargo build --release --package decostop-cli`",
            decostop.display()
        );
        let plan = ProfilePlan::new(Profile::gitlab())?;
        let query = QueryPlan::new(&corpus.request(), &plan);
        Ok(Self {
            args,
            corpus,
            threads,
            inputs: Inputs::of(corpus),
            prefilter: Prefilter::new(&query.needles).context("the request has nothing to look for")?,
            decostop,
            scratch,
        })
    }

    /// All rows that can be run here, the floor first, and what is missing for the others.
    fn rows(&'a self) -> Result<(Vec<Row<'a>>, Vec<&'static str>)> {
        let truth = self.corpus.truth();
        say("finding out what each has to find")?;
        let candidates = self.candidates();
        ensure!(candidates >= truth.matching, "the prefilter loses matches");
        answer(self.corpus, &dive(self.corpus, self.threads, true));
        let mut rows = vec![
            self.row(FLOOR, "bytes", truth.decoded_bytes, || {
                Ok(self.inputs.decode(self.threads, &|_| 0).1)
            }),
            self.row("decode + literal search, in process", "lines", candidates, || {
                Ok(self.candidates())
            }),
            self.row("decostop scan", "records", truth.disclosable, || self.scan()),
        ];
        let mut missing = Vec::new();
        if self.args.no_peers {
            return Ok((rows, missing));
        }
        let literal = self.literal();
        let [cat, _] = self.args.codec.cat();
        if has("rg") {
            let name = if matches!(self.args.codec, Codec::Plain) {
                "rg"
            } else {
                "rg -z"
            };
            rows.push(self.row(name, "lines", literal, || self.ripgrep()));
        } else {
            missing.push("rg");
        }
        for grep in ["rg", "grep"] {
            if has(cat) && has(grep) {
                let [program, flags] = self.args.codec.cat();
                let name = format!("{program} {flags} | {grep}, {} at a time", self.threads);
                rows.push(self.row(&name, "lines", literal, move || self.piped(grep)));
            } else {
                missing.push(grep);
            }
        }
        if has(cat) && has("jq") {
            rows.extend(self.jq());
        } else {
            missing.push("jq");
        }
        missing.dedup();
        Ok((rows, missing))
    }

    fn row(&self, name: &str, unit: &'static str, want: u64, run: impl Fn() -> Result<u64> + 'a) -> Row<'a> {
        Row {
            name: name.to_owned(),
            unit,
            want,
            bytes: self.corpus.truth().decoded_bytes,
            run: Box::new(run),
            times: Vec::new(),
        }
    }

    fn candidates(&self) -> u64 {
        let count = |bytes: &[u8]| {
            let mut found = 0;
            self.prefilter.candidates(bytes, &mut |_, _| {
                found += 1;
                true
            });
            found
        };
        self.inputs
            .decode(self.threads, &|segment| count(segment.bytes))
            .0
    }

    /// Lines that hold the namespace as it is written in the request.
    fn literal(&self) -> u64 {
        let finder = memchr::memmem::Finder::new(&self.corpus.truth().namespace);
        let count = |bytes: &[u8]| {
            let lines = bytes.split(|byte| *byte == b'\n');
            lines.filter(|line| finder.find(line).is_some()).count() as u64
        };
        self.inputs
            .decode(self.threads, &|segment| count(segment.bytes))
            .0
    }

    /// The binary, from its start to the verified directory.
    fn scan(&self) -> Result<u64> {
        let out = self.scratch.join("out");
        let status = Command::new(&self.decostop)
            .args(["scan", "--quiet", "--force", "--threads"])
            .arg(self.threads.to_string())
            .arg("--request")
            .arg(self.corpus.request_path())
            .arg("--out")
            .arg(&out)
            .arg(self.corpus.logs())
            .status()?;
        ensure!(status.success(), "it ended with {status}");
        Ok(artefact::open(&out)?.manifest().records.total)
    }

    fn ripgrep(&self) -> Result<u64> {
        let mut command = Command::new("rg");
        command
            .args(["--no-config", "--search-zip", "--no-ignore", "--hidden", "--text"])
            .args(["--count", "--no-filename", "--fixed-strings", "--threads"])
            .arg(self.threads.to_string())
            .arg("--")
            .arg(&self.corpus.truth().namespace)
            .arg(self.corpus.logs());
        sum(&mut command)
    }

    /// One pipe a file, as many at a time as there are threads.
    fn piped(&self, grep: &str) -> Result<u64> {
        let [program, flags] = self.args.codec.cat();
        let count = match grep {
            "rg" => "rg --no-config --text --count --fixed-strings -- \"$2\"",
            _ => "LC_ALL=C grep --text --count --fixed-strings -- \"$2\"",
        };
        let script = format!("{program} {flags} \"$1\" | {count}");
        let files: Vec<PathBuf> = self.inputs.paths().map(|(path, _)| path).collect();
        let (next, total) = (AtomicUsize::new(0), AtomicU64::new(0));
        let work = || -> Result<()> {
            while let Some(file) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut command = Command::new("sh");
                command
                    .args(["-c", &script, "sh"])
                    .arg(file)
                    .arg(&self.corpus.truth().namespace);
                total.fetch_add(sum(&mut command)?, Ordering::Relaxed);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..self.threads).map(|_| scope.spawn(work)).collect();
            for worker in workers {
                worker
                    .join()
                    .map_err(|_| anyhow::anyhow!("a thread panicked"))??;
            }
            Ok(total.load(Ordering::Relaxed))
        })
    }

    /// A select by one field, on one small file.
    fn jq(&'a self) -> Option<Row<'a>> {
        const FIELD: &str = "meta.root_namespace";
        let mut files: BTreeMap<u64, PathBuf> = BTreeMap::new();
        for (path, _) in self.inputs.paths() {
            if path.to_string_lossy().contains("production_json") {
                files.insert(self.inputs.only(&path).decode(1, &|_| 0).1, path);
            }
        }
        let large = files.range(JQ_BYTES..).next();
        let (&bytes, path) = large.or_else(|| files.last_key_value())?;
        let namespace = self.corpus.truth().namespace.as_str();
        let selects = |line: &[u8]| {
            let record = serde_json::from_slice::<serde_json::Value>(line);
            record.is_ok_and(|record| record.get(FIELD).and_then(|value| value.as_str()) == Some(namespace))
        };
        let (want, _) = self.inputs.only(path).decode(1, &|segment| {
            let lines = segment.bytes.split(|byte| *byte == b'\n');
            lines.filter(|line| selects(line)).count() as u64
        });
        let [program, flags] = self.args.codec.cat();
        let filter = format!("select(.[\"{FIELD}\"] == $ns) | 1");
        let script = format!("{program} {flags} \"$1\" | jq --arg ns \"$2\" '{filter}' | wc -l");
        let path = path.clone();
        let run = move || {
            let mut command = Command::new("sh");
            command.args(["-c", &script, "sh"]).arg(&path).arg(namespace);
            sum(&mut command)
        };
        Some(Row {
            bytes,
            ..self.row(
                &format!("{program} {flags} | jq select(…), one file"),
                "lines",
                want,
                run,
            )
        })
    }
}

/// The sum of the numbers that a command prints.
fn sum(command: &mut Command) -> Result<u64> {
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

fn has(program: &str) -> bool {
    let found = Command::new(program)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    found.is_ok_and(|status| status.success())
}

fn tell(args: &Args, corpus: &Corpus, threads: usize, rows: &[Row<'_>], missing: &[&str]) -> Result<()> {
    let mut to = io::stdout().lock();
    let truth = corpus.truth();
    writeln!(
        to,
        "{:.0} MB decoded, {:.0} MB stored, {} files, {} lines; {} match, {} of them may be disclosed; seed {}",
        truth.decoded_bytes as f64 / 1e6,
        truth.encoded_bytes as f64 / 1e6,
        truth.files,
        truth.lines,
        truth.matching_in_window,
        truth.disclosable,
        args.seed,
    )?;
    writeln!(
        to,
        "{}; {threads} threads; load before the end {}; medians of {} rounds\n",
        processor(),
        load(),
        args.rounds
    )?;
    writeln!(
        to,
        "| what | wall s | cpu s | MB/s | time ÷ decode only | lowest–highest | cpu ÷ decode only | found |"
    )?;
    writeln!(to, "|---|---:|---:|---:|---:|---:|---:|---:|")?;
    let Some(floor) = rows.first() else {
        return Ok(());
    };
    for row in rows {
        let walls = || row.times.iter().map(|time| time.wall);
        // Of one round, and for equal bytes: what else the machine does changes from round to round.
        let share = floor.bytes as f64 / row.bytes as f64;
        let pairs = || row.times.iter().zip(&floor.times);
        let ratios: Vec<f64> = pairs()
            .map(|(time, floor)| time.wall / floor.wall * share)
            .collect();
        let cpu = median(pairs().map(|(time, floor)| time.cpu / floor.cpu.max(0.01) * share));
        let wall = median(walls());
        writeln!(
            to,
            "| {} | {wall:.2} | {:.2} | {:.0} | {:.2} | {:.2}–{:.2} | {cpu:.2} | {} {} |",
            row.name.replace('|', "\\|"),
            median(row.times.iter().map(|time| time.cpu)),
            row.bytes as f64 / 1e6 / wall,
            median(ratios.iter().copied()),
            ratios.iter().copied().fold(f64::INFINITY, f64::min),
            ratios.iter().copied().fold(0.0, f64::max),
            row.want,
            row.unit,
        )?;
    }
    writeln!(to)?;
    for program in ["rg", "grep", "jq", "zstd", "gzip"] {
        if has(program) {
            writeln!(to, "{}", version(program))?;
        }
    }
    if !missing.is_empty() {
        writeln!(to, "not installed, so not compared: {}", missing.join(", "))?;
    }
    Ok(())
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = |at: usize| values.get(at).copied().unwrap_or_default();
    let half = values.len() / 2;
    if values.len() % 2 == 1 {
        middle(half)
    } else {
        f64::midpoint(middle(half.saturating_sub(1)), middle(half))
    }
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    let model = model.map_or("unknown processor", |(_, model)| model.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    format!("{model}, {cores} cores")
}

fn load() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
}

fn version(program: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let line = text
        .unwrap_or_default()
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned();
    line.trim_matches(['*', ' ']).to_owned()
}
