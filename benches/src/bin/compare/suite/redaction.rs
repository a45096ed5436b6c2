//! What redaction and verification cost where much matches (P6), and whether many rules or many known
//! accounts make them slower (P7).

use std::fs::File;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use decostop::artefact::{self, NdjsonProvenance};
use decostop_bench::requests::{self, Asked};
use decostop_bench::{
    Codec, Corpus, Matched, Stages, ThreadClock, dive, dive_for, generated_rules, records_of,
};
use decostop_profile::RuleSet;
use serde::Deserialize;

use super::{Judge, Suite, answer_of};
use crate::contest::{Contest, skipped};
use crate::report::{Section, Verdict};
use crate::row::{Row, Run, Spread, spread};
use crate::say;
use crate::tools::{Skipped, lines_of};

impl Suite<'_> {
    /// The corpus of which 13 % match.
    pub(super) fn broad(&self) -> Result<(Corpus, Codec)> {
        let codec = Self::codec("zstd")?;
        let options = self.options(self.args.megabytes / 4, codec).our_share(Some(0.13));
        Ok((self.corpus("broad", &options)?, codec))
    }

    /// A dive that redacts much, and its two stages alone.
    pub(super) fn redaction(&mut self) -> Result<()> {
        let (corpus, codec) = self.broad()?;
        let contest = self.contest(&corpus, codec);
        let own = requests::own(&corpus);
        let matched = Matched::of(&corpus);
        let stages = matched.stages(&RuleSet::builtin());
        let mut redacted = matched.redacted(&stages);
        redacted.sort_unstable();
        ensure!(
            redacted == records_of(&dive(&corpus, self.threads, true)),
            "the stages redact otherwise than a dive"
        );
        let mut rows = vec![
            contest.floor("floor", self.threads),
            contest.dive("dive", "decostop scan, 13 % match", &own, self.threads)?,
            self.in_process(&contest, &own),
            redact_row("redact", "redaction alone", &matched, &stages),
            verify_row("verify", "verification alone", &redacted, &stages),
        ];
        let section = self.sit("broad", "zstd, 13 % match", &corpus, &mut rows)?;
        let judge = Judge(&rows);
        let mut verdicts = Vec::new();
        let what = "redaction, MB of matched lines a second and core";
        if let Some(rate) = judge.rate("redact") {
            verdicts.push(Verdict::at_least("P6", what, rate, 400.0, "MB/s"));
        }
        let threads = self.threads as f64;
        let parts = [
            ("13 % match: dive without verification ÷ decode only", 2.5, false),
            ("13 % match: verification ÷ decode only", 1.0, true),
        ];
        for (what, bound, verifying) in parts {
            let part = judge.rounds("parts", "floor", |parts, floor| {
                let verify = parts.verify / threads;
                let part = if verifying { verify } else { parts.wall - verify };
                part / floor.wall
            });
            verdicts.extend(part.map(|part| Verdict::at_most("P6", what, part, bound, "×")));
        }
        drop(rows);
        let (file, more, missing) = self.beside_redactors(&contest, &own)?;
        self.enter(section, verdicts);
        self.enter(file, more);
        self.report.skipped.extend(missing);
        Ok(())
    }

    /// A dive into a directory that says what its threads did.
    fn in_process<'c>(&self, contest: &'c Contest<'_>, asked: &Asked) -> Row<'c> {
        let corpus = contest.corpus();
        let dive = dive_for(corpus, &asked.request, self.threads, true);
        let out = self.scratch.join("parts");
        let disclosed = corpus.truth().disclosable;
        let run = move || {
            let options = artefact::Options::default().force(true);
            let finished = decostop::dive_into(&dive, &out, options, NdjsonProvenance::create_in)?;
            let work = &finished.report.work;
            Ok(Run {
                verify: work.verify.as_secs_f64(),
                ..finished.report.counts.disclosed.into()
            })
        };
        contest.row("parts", "the same in process", "records", disclosed, run)
    }

    /// One plain file, through one thread of each redactor.
    fn beside_redactors(
        &self,
        contest: &Contest<'_>,
        own: &Asked,
    ) -> Result<(Section, Vec<Verdict>, Option<Skipped>)> {
        let file = self.plain_file(contest)?;
        let corpus = contest.corpus();
        let (bytes, lines) = lines_of(&file)?;
        let answer = answer_of(&file, own)?;
        let paths = vec![file.clone()];
        let dive = contest.dive_into("dive", "decostop scan", &own.request, paths, 1, answer)?;
        let request = contest.request_file(&own.request)?;
        let out = self.scratch.join("redacted.ndjson");
        let (decostop, input) = (self.tools.decostop.clone(), file.clone());
        let redact = contest.row(
            "every",
            "decostop redact, every line",
            "lines",
            lines,
            move || {
                let status = Command::new(&decostop)
                    .args(["redact", "--quiet", "--source", "production_json", "--request"])
                    .arg(&request)
                    .stdin(File::open(&input)?)
                    .stdout(File::create(&out)?)
                    .status()?;
                ensure!(status.success(), "it ended with {status}");
                Ok(lines_of(&out)?.1.into())
            },
        );
        let mut rows = vec![dive, redact];
        let mut missing = None;
        if self.tools.peers {
            match self.scour(contest, &file, lines) {
                Ok(row) => rows.push(row),
                Err(skipped) => missing = Some(skipped),
            }
        }
        for row in &mut rows {
            row.bytes = bytes;
        }
        let title = "one plain file, 13 % match, one thread";
        let section = self.sit("redactors", title, corpus, &mut rows)?;
        let judge = Judge(&rows);
        let mut verdicts = Vec::new();
        for (what, beside) in [
            ("one file: scour-secrets ÷ dive", "dive"),
            ("one file: scour-secrets ÷ redact, every line of it", "every"),
        ] {
            verdicts.extend(judge.least("P6", what, "scour", beside, 50.0));
        }
        drop(rows);
        let section = Section {
            corpus: format!("{:.1} MB, {lines} lines of production_json", bytes as f64 / 1e6),
            ..section
        };
        Ok((section, verdicts, missing))
    }

    /// A file of the corpus, decoded, under its own name.
    fn plain_file(&self, contest: &Contest<'_>) -> Result<PathBuf> {
        let inputs = contest.inputs();
        let file = inputs
            .paths()
            .map(|(path, _)| path)
            .find(|path| path.to_string_lossy().contains("production_json"))
            .context("the corpus has no such file")?;
        let plain = Mutex::new(Vec::new());
        inputs.only(&file).decode(1, &|segment| {
            let mut plain = plain.lock().unwrap_or_else(PoisonError::into_inner);
            plain.extend_from_slice(segment.bytes);
            0
        });
        let path = self.scratch.join(file.file_stem().context("a file has a name")?);
        std::fs::write(&path, plain.into_inner().unwrap_or_else(PoisonError::into_inner))?;
        Ok(path)
    }

    /// The nearest other redactor, with what it knows of GitLab's logs.
    fn scour<'c>(&self, contest: &'c Contest<'_>, file: &Path, lines: u64) -> Result<Row<'c>, Skipped> {
        let install = "cargo install scour-secrets --locked --version 0.20.0";
        let scour = (self.tools.scour.clone()).ok_or_else(|| skipped("scour-secrets", install))?;
        let out = self.scratch.join("scoured.ndjson");
        let input = file.to_owned();
        let run = move || {
            let status = Command::new(&scour)
                .arg(&input)
                .args(["--app", "gitlab", "-o"])
                .arg(&out)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()?;
            ensure!(status.success(), "it ended with {status}");
            let found = lines_of(&out)?.1;
            std::fs::remove_file(&out)?;
            Ok(found.into())
        };
        Ok(contest.row("scour", "scour-secrets --app gitlab", "lines", lines, run))
    }

    /// The same records with few rules and with many.
    pub(super) fn rule_counts(&mut self) -> Result<()> {
        let (corpus, _) = self.broad()?;
        let matched = Matched::of(&corpus);
        say("rules: compiling them")?;
        let both = RuleSet::clone(&RuleSet::builtin()).join(RuleSet::clone(&generated_rules(1000)))?;
        let sets: [(_, _, Arc<RuleSet>); 5] = [
            ("redact-10", "verify-10", generated_rules(10)),
            ("redact-100", "verify-100", generated_rules(100)),
            ("redact-1000", "verify-1000", generated_rules(1000)),
            ("redact-built-in", "verify-built-in", RuleSet::builtin()),
            ("redact-both", "verify-both", Arc::new(both)),
        ];
        let sets = sets.map(|(redact, verify, rules)| {
            let stages = matched.stages(&rules);
            let redacted = matched.redacted(&stages);
            let name = match redact {
                "redact-built-in" => format!("the {} built in", rules.rules.len()),
                "redact-both" => "these and the 1000".to_owned(),
                _ => format!("{} rules", rules.rules.len()),
            };
            (redact, verify, name, stages, redacted)
        });
        // Nothing that the generated rules are for stands in the corpus.
        let [
            (.., ten),
            (.., hundred),
            (.., thousand),
            (.., built_in),
            (.., all),
        ] = &sets;
        ensure!(
            ten == hundred && ten == thousand && built_in == all,
            "rules for what does not occur change what comes out"
        );
        let mut rows = Vec::new();
        for (redact, _, name, stages, _) in &sets {
            rows.push(redact_row(
                redact,
                &format!("redaction, {name}"),
                &matched,
                stages,
            ));
        }
        for (_, verify, name, stages, redacted) in &sets {
            let name = format!("verification, {name}");
            rows.push(verify_row(verify, &name, redacted, stages));
        }
        let title = "redaction and verification by the number of rules, one thread";
        let mut section = self.sit("rules", title, &corpus, &mut rows)?;
        section.corpus = format!(
            "{} records, {:.0} MB of lines",
            matched.items.len(),
            matched.line_bytes as f64 / 1e6
        );
        let judge = Judge(&rows);
        let mut verdicts = Vec::new();
        for (what, many, few) in [
            ("redaction: 1,000 rules ÷ 10", "redact-1000", "redact-10"),
            ("verification: 1,000 rules ÷ 10", "verify-1000", "verify-10"),
            (
                "redaction: the built-in rules and 1,000 ÷ the built-in ones",
                "redact-both",
                "redact-built-in",
            ),
            (
                "verification: the built-in rules and 1,000 ÷ the built-in ones",
                "verify-both",
                "verify-built-in",
            ),
        ] {
            verdicts.extend(judge.most("P7", what, many, few, 1.5));
        }
        drop(rows);
        self.enter(section, verdicts);
        Ok(())
    }

    /// A dictionary of a million names, in a process of its own, so that its memory is its own.
    pub(super) fn dictionary(&mut self) -> Result<()> {
        #[derive(Deserialize)]
        struct Figures {
            build_seconds: f64,
            memory_mib: f64,
            redact_ratios: Vec<f64>,
            verify_ratios: Vec<f64>,
        }
        say("a dictionary of a million names")?;
        let program = std::env::current_exe()?.with_file_name("dictionary");
        let output = Command::new(&program)
            .args(["--json", "--values", "names", "--runs"])
            .arg(self.args.rounds.to_string())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| program.display().to_string())?;
        ensure!(
            output.status.success(),
            "dictionary: it ended with {}",
            output.status
        );
        let figures: Figures = serde_json::from_slice(&output.stdout)?;
        let one = |value| spread(std::iter::once(value));
        let all = |ratios: Vec<f64>| spread(ratios.into_iter());
        for (what, value, bound, unit) in [
            (
                "1 M names: built, for both engines",
                one(figures.build_seconds),
                5.0,
                "s",
            ),
            (
                "1 M names: memory while built",
                one(figures.memory_mib),
                200.0,
                "MiB",
            ),
            (
                "1 M names: redaction ÷ with none",
                all(figures.redact_ratios),
                1.3,
                "×",
            ),
            (
                "1 M names: verification ÷ with none",
                all(figures.verify_ratios),
                1.3,
                "×",
            ),
        ] {
            let verdict = Verdict::at_most("P7", what, value, bound, unit);
            self.report.verdicts.push(verdict);
        }
        Ok(())
    }
}

impl Judge<'_, '_> {
    /// Megabytes a second.
    fn rate(&self, of: &str) -> Option<Spread> {
        let row = self.row(of)?;
        let rates = row.times.iter().map(|time| row.bytes as f64 / 1e6 / time.wall);
        Some(spread(rates))
    }

    /// Something of two rows, round by round.
    fn rounds(
        &self,
        of: &str,
        beside: &str,
        each: impl Fn(&crate::row::Time, &crate::row::Time) -> f64,
    ) -> Option<Spread> {
        let (of, beside) = (self.row(of)?, self.row(beside)?);
        let pairs = of.times.iter().zip(&beside.times);
        Some(spread(pairs.map(|(of, beside)| each(of, beside))))
    }
}

/// Redaction of all records by one thread, on its own clock.
fn redact_row<'r>(key: &'static str, name: &str, matched: &'r Matched, stages: &'r Stages) -> Row<'r> {
    let run = move || {
        let clock = ThreadClock::start();
        let mut records = 0;
        matched.redact(stages, |record| {
            black_box(record);
            records += 1;
        });
        Ok(Run::timed(records, clock.elapsed().as_secs_f64()))
    };
    Row {
        key,
        name: name.to_owned(),
        unit: "records",
        want: matched.items.len() as u64,
        bytes: matched.line_bytes,
        run: Box::new(run),
        times: Vec::new(),
    }
}

/// Verification of all redacted records by one thread, on its own clock.
fn verify_row<'r>(key: &'static str, name: &str, redacted: &'r [Vec<u8>], stages: &'r Stages) -> Row<'r> {
    let run = move || {
        let clock = ThreadClock::start();
        let records = stages.verify(redacted);
        Ok(Run::timed(records, clock.elapsed().as_secs_f64()))
    };
    Row {
        key,
        name: name.to_owned(),
        unit: "records",
        want: redacted.len() as u64,
        bytes: redacted.iter().map(|record| record.len() as u64 + 1).sum(),
        run: Box::new(run),
        times: Vec::new(),
    }
}
