//! What a dictionary of a million foreign accounts costs: time and memory to build, for the redactor and
//! for the verifier, and the time of a record beside an empty one. P7 of the targets.
//!
//! ```text
//! cargo run --release -p decostop-bench --bin dictionary -- [--accounts 1000000] [--values names|all] [--megabytes 24] [--json]
//! ```
//!
//! Time is that of the processor, memory the process' resident set and its peak, as Linux tells them; so the dictionary is built before anything
//! else. Records are those of a generated corpus, redacted with `personal_data`; the answer of both
//! dictionaries is compared, since none of these accounts is named in the corpus.

#![expect(clippy::print_stdout, reason = "figures are the result")]

use std::io::{BufWriter, Write};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Parser, ValueEnum};
use decostop::Limits;
use decostop::frame::Lines;
use decostop::parse::{self, with_record};
use decostop::query::scope_index;
use decostop::request::{Request, accounts};
use decostop_bench::{Corpus, Inputs, KEY, ThreadClock, keep};
use decostop_profile::{Profile, Values};
use decostop_redact::{
    Facts, Instant, Learner, Ledger, Policy, ProfilePlan, Record, Redactor, RequestKey, Typed,
};
use decostop_testkit::synth::{CodecMix, Options};
use decostop_verify::{Ground, Memory, Verifier};
use serde::Serialize;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Known {
    /// User names alone.
    Names,
    /// User name, id, e-mail, display name and a project's path of each account.
    All,
}

#[derive(Debug, Parser)]
struct Flags {
    /// Foreign accounts.
    #[arg(long, default_value_t = 1_000_000)]
    accounts: u64,
    /// What is known of each of them.
    #[arg(long, value_enum, default_value = "all")]
    values: Known,
    /// Decoded size of the corpus whose records are redacted.
    #[arg(long, default_value_t = 24)]
    megabytes: u64,
    /// Times that all records are redacted and verified with each dictionary, in turns.
    #[arg(long, default_value_t = 7)]
    runs: usize,
    /// Tells the figures as JSON.
    #[arg(long)]
    json: bool,
}

/// What came out.
#[derive(Debug, Default, Serialize)]
struct Figures {
    accounts: u64,
    values: usize,
    /// Of building, in order.
    steps: Vec<Step>,
    /// All steps together.
    build_seconds: f64,
    /// The most above what there was before the first step.
    memory_mib: u64,
    records: usize,
    /// A record with an empty dictionary and with this one, in microseconds.
    redact_micros: [f64; 2],
    verify_micros: [f64; 2],
    /// Time with this one by that with an empty one, run by run.
    redact_ratios: Vec<f64>,
    verify_ratios: Vec<f64>,
}

#[derive(Debug, Serialize)]
struct Step {
    name: &'static str,
    seconds: f64,
    /// Resident memory behind it, and the most so far.
    mib: (u64, u64),
}

impl Figures {
    /// Runs a step of building.
    fn step<T>(&mut self, name: &'static str, run: impl FnOnce() -> Result<T>) -> Result<T> {
        let begun = spent();
        let made = run()?;
        let seconds = spent().saturating_sub(begun).as_secs_f64();
        let mib = memory();
        self.build_seconds += seconds;
        self.steps.push(Step { name, seconds, mib });
        Ok(made)
    }

    fn tell(&self) {
        println!("{} values of {} accounts", self.values, self.accounts);
        for Step { name, seconds, mib } in &self.steps {
            println!("{name:<10} {seconds:>6.2} s  {} MiB, at most {}", mib.0, mib.1);
        }
        println!(
            "built in   {:>6.2} s  {} MiB at most above what there was before",
            self.build_seconds, self.memory_mib
        );
        println!("{} records", self.records);
        for (name, [a, b]) in [("redact", self.redact_micros), ("verify", self.verify_micros)] {
            println!(
                "{name:<10} {a:.2} µs a record with an empty dictionary, {b:.2} µs: {:.2} x",
                b / a
            );
        }
    }
}

/// A request that owns nothing, for what is built before the corpus is there.
const REQUEST: &str = r#"
version = 1
id = "BENCH-1"
requested_at = 2026-11-20T00:00:00Z
[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"
[scope]
namespaces = ["acme"]
evidence = "a benchmark"
[window]
from = 2026-11-01T00:00:00Z
to = 2026-11-20T00:00:00Z
[[select]]
namespaces = ["acme"]
events = ["raw:*"]
"#;

/// Resident memory in MiB: now, and at most so far.
fn memory() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let of = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|line| line.split_ascii_whitespace().next()?.parse::<u64>().ok());
        number.unwrap_or_default() / 1024
    };
    (of("VmRSS:"), of("VmHWM:"))
}

/// Processor time of this process so far: other work on the machine does not count. Linux counts it in
/// hundredths of a second.
fn spent() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_ascii_whitespace();
    let ticks = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(ticks.sum::<u64>() * 10)
}

/// A word that no corpus holds and that differs from number to number.
fn word(mut number: u64) -> String {
    const SYLLABLES: [&str; 16] = [
        "zab", "qev", "wox", "jul", "kyr", "pim", "vud", "xan", "fey", "gho", "hix", "yol", "tuz", "riq",
        "nyv", "dwe",
    ];
    let mut out = String::new();
    loop {
        out.push_str(SYLLABLES[(number % 16) as usize]);
        number /= 16;
        if number == 0 {
            return out;
        }
    }
}

fn write_accounts(flags: &Flags, to: &mut dyn Write) -> std::io::Result<()> {
    match flags.values {
        Known::Names => writeln!(to, "username")?,
        Known::All => writeln!(to, "username,id,email,name,path")?,
    }
    for n in 0..flags.accounts {
        // The same multiplier for all, so that neighbours have little in common.
        let mixed = n.wrapping_mul(0x9e37_79b9) % (1 << 32);
        let (given, family) = (word(mixed % 4096 + 4096), word(mixed));
        match flags.values {
            Known::Names => writeln!(to, "{family}.{n}")?,
            Known::All => writeln!(
                to,
                "{family}.{n},{},{family}{n}@{}.example,{given} {family},{}-{}/{family}",
                20_000_000 + n,
                word(mixed % 65_536 + 65_536),
                word(mixed % 65_536 + 65_536),
                mixed % 9,
            )?,
        }
    }
    to.flush()
}

fn learn(known: &Values, request: &Request) -> Result<Learner> {
    let scope = scope_index(request)?;
    let mut learner = Learner::new(Limits::default().max_dictionary);
    for (class, text) in known.iter() {
        learner.add_account(class, text, &scope);
    }
    Ok(learner)
}

fn freeze(request: &Request, plan: &ProfilePlan, learner: Learner) -> Result<Facts> {
    Ok(learner.freeze(scope_index(request)?, &plan.profile.vocabulary.words))
}

fn verifier(request: &Request, plan: &ProfilePlan, key: &RequestKey, facts: &Facts) -> Result<Verifier> {
    let ground = Ground {
        scope: request.scope.clone(),
        personal_data: true,
        foreign: facts.foreign(),
        linked: facts.linked_ids(),
        request_key: *key.as_bytes(),
        ..Ground::default()
    };
    Ok(Verifier::new(Arc::clone(&plan.profile), ground)?)
}

struct Item {
    record: Record<'static>,
    typed: Vec<Typed>,
    at: Instant,
}

fn main() -> Result<()> {
    let flags = Flags::parse();
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("accounts.csv");
    let mut file = BufWriter::new(std::fs::File::create(&path)?);
    write_accounts(&flags, &mut file).context("write the accounts")?;

    let profile = Profile::gitlab();
    let plan = Arc::new(ProfilePlan::new(Arc::clone(&profile))?);
    let bare = Request::parse(REQUEST, std::path::Path::new("."))?;
    let key = RequestKey::derive(&KEY, "BENCH-1");
    // What any dive needs is there before the dictionary.
    let nothing = freeze(&bare, &plan, Learner::new(usize::MAX))?;
    drop(verifier(&bare, &plan, &key, &nothing)?);
    let (before, _) = memory();
    let mut figures = Figures {
        accounts: flags.accounts,
        ..Figures::default()
    };
    let known = figures.step("accounts", || Ok(accounts::read(&path)?))?;
    let learned = figures.step("learned", || learn(&known, &bare))?;
    figures.values = learned.len();
    let facts = figures.step("frozen", || freeze(&bare, &plan, learned))?;
    drop(figures.step("verifier", || verifier(&bare, &plan, &key, &facts))?);
    drop(facts);
    figures.memory_mib = memory().1.saturating_sub(before);
    compare(&flags, &plan, &key, &known, &mut figures)?;
    if flags.json {
        println!("{}", serde_json::to_string(&figures)?);
    } else {
        figures.tell();
    }
    Ok(())
}

/// Redacts and verifies the same records with this dictionary and with an empty one.
fn compare(
    flags: &Flags,
    plan: &Arc<ProfilePlan>,
    key: &RequestKey,
    known: &Values,
    figures: &mut Figures,
) -> Result<()> {
    let options = Options::default().seed(3).megabytes(flags.megabytes);
    let corpus = Corpus::temporary(&options.codec(CodecMix::Zstd).our_share(Some(0.13)));
    let request = corpus.request();
    let policy = Policy {
        personal_data: true,
        ..Policy::default()
    };
    let redactor = Redactor::new(Arc::clone(plan), policy, key)?;
    let made = |learner| -> Result<(Facts, Verifier)> {
        let facts = freeze(&request, plan, learner)?;
        let verifier = verifier(&request, plan, key, &facts)?;
        Ok((facts, verifier))
    };
    let (empty, full) = (made(Learner::new(usize::MAX))?, made(learn(known, &request)?)?);
    ensure!(full.0.text_allowed(), "more values than a dictionary may hold");
    let items = items(&corpus, plan, &redactor, &empty.0);
    figures.records = items.len();

    let mut times: [[Vec<f64>; 2]; 2] = Default::default();
    let mut answers = Vec::new();
    // One run more, which does not count.
    for run in 0..=flags.runs {
        for ((facts, verifier), times) in [&empty, &full].into_iter().zip(&mut times) {
            let mut ledger = Ledger::default();
            let clock = ThreadClock::start();
            let redacted: Vec<Vec<u8>> = items
                .iter()
                .map(|item| {
                    redactor
                        .redact(&item.record, &item.typed, facts, item.at, &mut ledger)
                        .into_bytes()
                })
                .collect();
            let redact = clock.elapsed();
            let mut hasher = blake3::Hasher::new();
            for record in &redacted {
                hasher.update(record).update(b"\n");
            }
            answers.push(hasher.finalize());
            let mut memory = Memory::default();
            let clock = ThreadClock::start();
            for record in redacted {
                verifier
                    .check_with_memory(record, &mut memory)
                    .map_err(|leak| anyhow::anyhow!("the verifier objects: {leak}"))?;
            }
            let verify = clock.elapsed();
            if run > 0 {
                for (times, spent) in times.iter_mut().zip([redact, verify]) {
                    times.push(spent.as_secs_f64());
                }
            }
        }
    }
    answers.dedup();
    ensure!(answers.len() == 1, "the dictionary changed what comes out");
    let [[empty_redact, empty_verify], [redact, verify]] = times;
    let each = |times: &[f64]| times.iter().sum::<f64>() * 1e6 / (items.len() * flags.runs) as f64;
    let ratios = |full: &[f64], empty: &[f64]| full.iter().zip(empty).map(|(a, b)| a / b).collect();
    figures.redact_micros = [each(&empty_redact), each(&redact)];
    figures.verify_micros = [each(&empty_verify), each(&verify)];
    figures.redact_ratios = ratios(&redact, &empty_redact);
    figures.verify_ratios = ratios(&verify, &empty_verify);
    Ok(())
}

/// The records of the corpus that are the customer's.
fn items(corpus: &Corpus, plan: &ProfilePlan, redactor: &Redactor, facts: &Facts) -> Vec<Item> {
    let found = std::sync::Mutex::new(Vec::new());
    Inputs::of(corpus).decode(1, &|segment| {
        let mut scratch = parse::Scratch::default();
        for line in Lines::new(0, segment.bytes) {
            let item = with_record(
                plan,
                line.bytes,
                segment.source,
                &Limits::default(),
                &mut scratch,
                |record| {
                    let mut typed = Vec::new();
                    plan.typed(record, &mut typed).ok()?;
                    let at = plan.time(record).ok().flatten()?;
                    redactor.has_nexus(&typed, facts, at.ns).then(|| Item {
                        record: keep(record),
                        typed,
                        at,
                    })
                },
            );
            if let (Ok(Some(item)), Ok(mut found)) = (item, found.lock()) {
                found.push(item);
            }
        }
        0
    });
    found.into_inner().unwrap_or_default()
}
