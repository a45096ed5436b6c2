//! A dive over many records of two tenants and strangers, with personal data, held against the ground truth
//! of its corpus: no foreign identity, credential or system value in any view of what comes out, and as
//! many records as the truth has.
//!
//! ```text
//! cargo run --release -p decostop-bench --bin tenants -- [--megabytes 64] [--share 0.5] [--seed 1]
//! ```
//!
//! `--megabytes 3500` gives about a million records, `--megabytes 35000` ten million. Strings that came out
//! before are not looked through again.

#![expect(clippy::print_stdout, reason = "figures are the result")]

use std::collections::HashSet;
use std::time::Instant as Clock;

use anyhow::{Context, Result, ensure};
use clap::Parser;
use decostop::sink::{Flow, Provenance, Sink, Verified};
use decostop_bench::{Corpus, dive};
use decostop_testkit::laws::survivors;
use decostop_testkit::synth::{CodecMix, Options};
use serde_json::Value;

#[derive(Debug, Parser)]
struct Flags {
    /// Decoded size of the corpus.
    #[arg(long, default_value_t = 64)]
    megabytes: u64,
    /// Share of the lines that are the customer's.
    #[arg(long, default_value_t = 0.5)]
    share: f64,
    /// Seed of the corpus.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

/// Bytes of new strings that are looked through at a time.
const BATCH: usize = 256 << 10;

/// Looks through what comes out.
struct Judge {
    needles: Vec<String>,
    seen: HashSet<u128>,
    batch: String,
    records: u64,
    strings: u64,
    /// Which of the needles survive.
    left: HashSet<String>,
}

impl Judge {
    fn text(&mut self, text: &str) {
        let digest = blake3::hash(text.as_bytes());
        let start = digest
            .as_bytes()
            .first_chunk()
            .map_or(0, |start| u128::from_be_bytes(*start));
        if self.seen.insert(start) {
            self.strings += 1;
            self.batch.push_str(text);
            self.batch.push('\n');
        }
        if self.batch.len() >= BATCH {
            self.flush();
        }
    }

    fn flush(&mut self) {
        let left = survivors(&self.batch, self.needles.iter().map(String::as_str));
        self.left.extend(left.into_iter().map(str::to_owned));
        self.batch.clear();
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (key, value) in members {
                    self.text(key);
                    self.value(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.value(item)),
            Value::String(text) => self.text(text),
            Value::Number(number) => self.text(&number.to_string()),
            Value::Bool(_) | Value::Null => {}
        }
    }
}

impl Sink for Judge {
    fn record(&mut self, record: Verified<'_>, _provenance: &Provenance) -> Result<Flow, decostop::Error> {
        self.records += 1;
        let record: Value = serde_json::from_slice(record.as_bytes()).expect("a record is a JSON object");
        self.value(&record);
        Ok(Flow::Continue)
    }
}

fn main() -> Result<()> {
    let flags = Flags::parse();
    let options = Options::default().seed(flags.seed).megabytes(flags.megabytes);
    let options = options
        .tenants(2)
        .hostile(true)
        .codec(CodecMix::Zstd)
        .our_share(Some(flags.share));
    let corpus = Corpus::temporary(&options);
    let truth = corpus.logs().with_file_name("truth");
    let read = |name: &str| std::fs::read_to_string(truth.join(name)).with_context(|| format!("read {name}"));
    let foreign = read("foreign.csv")?;
    let values = foreign.lines().skip(1).filter_map(|line| {
        let (value, _near) = line.split_once(',')?.1.rsplit_once(',')?;
        Some(value)
    });
    let (secrets, system) = (read("secrets.txt")?, read("system.txt")?);
    let needles: HashSet<&str> = values
        .chain(secrets.lines())
        .chain(system.lines())
        .filter(|needle| needle.len() >= 4)
        .collect();
    let mut judge = Judge {
        needles: needles.into_iter().map(str::to_owned).collect(),
        seen: HashSet::new(),
        batch: String::new(),
        records: 0,
        strings: 0,
        left: HashSet::new(),
    };
    let begun = Clock::now();
    dive(&corpus, 2, true).run(&mut judge)?;
    judge.flush();
    println!(
        "{} lines, {} records, {} different strings, {} needles, {} survive; {:.0?}",
        corpus.truth().lines,
        judge.records,
        judge.strings,
        judge.needles.len(),
        judge.left.len(),
        begun.elapsed(),
    );
    ensure!(
        judge.records == corpus.truth().disclosable,
        "the truth has {} records",
        corpus.truth().disclosable
    );
    ensure!(judge.left.is_empty(), "such as {:?}", judge.left.iter().next());
    Ok(())
}
