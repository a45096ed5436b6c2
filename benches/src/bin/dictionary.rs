//! What a dictionary of a million foreign accounts costs: time and memory to build, for the redactor and
//! for the verifier, and the time of a record beside an empty one. P7 of the targets.
//!
//! ```text
//! cargo run --release -p decostop-bench --bin dictionary -- [--accounts 1000000] [--values names|all] [--megabytes 24]
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
use decostop_bench::{Corpus, Inputs, keep};
use decostop_profile::Profile;
use decostop_redact::{
    Facts, Instant, Learner, Ledger, Policy, ProfilePlan, Record, Redactor, RequestKey, Typed,
};
use decostop_testkit::synth::{CodecMix, Options};
use decostop_verify::{Ground, Memory, Verifier};

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Values {
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
    values: Values,
    /// Decoded size of the corpus whose records are redacted.
    #[arg(long, default_value_t = 24)]
    megabytes: u64,
    /// Times that all records are redacted and verified with each dictionary, in turns.
    #[arg(long, default_value_t = 7)]
    runs: usize,
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
        Values::Names => writeln!(to, "username")?,
        Values::All => writeln!(to, "username,id,email,name,path")?,
    }
    for n in 0..flags.accounts {
        // The same multiplier for all, so that neighbours have little in common.
        let mixed = n.wrapping_mul(0x9e37_79b9) % (1 << 32);
        let (given, family) = (word(mixed % 4096 + 4096), word(mixed));
        match flags.values {
            Values::Names => writeln!(to, "{family}.{n}")?,
            Values::All => writeln!(
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

struct Made {
    facts: Facts,
    verifier: Verifier,
}

fn make(
    request: &Request,
    plan: &ProfilePlan,
    key: &RequestKey,
    learner: Learner,
    tell: bool,
) -> Result<Made> {
    let scope = scope_index(request)?;
    let begun = spent();
    let profile = &plan.profile;
    let facts = learner.freeze(scope, &profile.vocabulary.words);
    if tell {
        println!(
            "frozen      {:>8.2?}  {:?} MiB now, at most",
            spent().saturating_sub(begun),
            memory()
        );
    }
    let begun = spent();
    let ground = Ground {
        scope: request.scope.clone(),
        personal_data: true,
        foreign: facts.foreign(),
        linked: facts.linked_ids(),
        request_key: *key.as_bytes(),
        ..Ground::default()
    };
    let verifier = Verifier::new(Arc::clone(profile), ground)?;
    if tell {
        println!(
            "verifier    {:>8.2?}  {:?} MiB now, at most",
            spent().saturating_sub(begun),
            memory()
        );
    }
    Ok(Made { facts, verifier })
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
    let key = RequestKey::derive(&[7; 32], "BENCH-1");
    make(&bare, &plan, &key, Learner::new(usize::MAX), false)?;
    println!("before      {:>8}  {:?} MiB now, at most", "", memory());
    let begun = spent();
    let known = accounts::read(&path)?;
    println!(
        "accounts    {:>8.2?}  {:?} MiB now, at most",
        spent().saturating_sub(begun),
        memory()
    );
    let learner = |request: &Request| -> Result<Learner> {
        let scope = scope_index(request)?;
        let mut learner = Learner::new(Limits::default().max_dictionary);
        for (class, text) in known.iter() {
            learner.add_account(class, text, &scope);
        }
        Ok(learner)
    };
    let begun = spent();
    let learned = learner(&bare)?;
    println!(
        "learned     {:>8.2?}  {:?} MiB now, at most",
        spent().saturating_sub(begun),
        memory()
    );
    println!(
        "            {} values of {} accounts",
        learned.len(),
        flags.accounts
    );
    drop(make(&bare, &plan, &key, learned, true)?);

    let options = Options::default().seed(3).megabytes(flags.megabytes);
    let corpus = Corpus::temporary(&options.codec(CodecMix::Zstd).our_share(Some(0.13)));
    let request = corpus.request();
    let policy = Policy {
        personal_data: true,
        ..Policy::default()
    };
    let redactor = Redactor::new(Arc::clone(&plan), policy, &key)?;
    let full = make(&request, &plan, &key, learner(&request)?, false)?;
    let empty = make(&request, &plan, &key, Learner::new(usize::MAX), false)?;
    ensure!(
        full.facts.text_allowed(),
        "more values than a dictionary may hold"
    );
    let items = items(&corpus, &plan, &redactor, &empty.facts);
    println!("records     {}", items.len());

    let mut times: [[Duration; 2]; 2] = Default::default();
    let mut answers = Vec::new();
    for _ in 0..flags.runs {
        for (made, times) in [&empty, &full].into_iter().zip(&mut times) {
            let mut ledger = Ledger::default();
            let begun = spent();
            let redacted: Vec<Vec<u8>> = items
                .iter()
                .map(|item| {
                    redactor
                        .redact(&item.record, &item.typed, &made.facts, item.at, &mut ledger)
                        .into_bytes()
                })
                .collect();
            times[0] += spent().saturating_sub(begun);
            let mut hasher = blake3::Hasher::new();
            for record in &redacted {
                hasher.update(record).update(b"\n");
            }
            answers.push(hasher.finalize());
            let mut memory = Memory::default();
            let begun = spent();
            for record in redacted {
                made.verifier
                    .check_with_memory(record, &mut memory)
                    .map_err(|leak| anyhow::anyhow!("the verifier objects: {leak}"))?;
            }
            times[1] += spent().saturating_sub(begun);
        }
    }
    answers.dedup();
    ensure!(answers.len() == 1, "the dictionary changed what comes out");
    let each = |time: Duration| time.as_secs_f64() * 1e6 / (items.len() * flags.runs) as f64;
    for (stage, name) in ["redact", "verify"].into_iter().enumerate() {
        let (a, b) = (each(times[0][stage]), each(times[1][stage]));
        println!(
            "{name}      {a:.2} µs a record with an empty dictionary, {b:.2} µs: {:.2} x",
            b / a
        );
    }
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
