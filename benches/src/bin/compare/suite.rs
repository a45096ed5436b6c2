//! The corpora of a sitting, and what is measured over each of them.

mod redaction;

use std::io::{BufRead as _, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use decostop_bench::requests::{self, Asked};
use decostop_bench::{Answer, Codec, Corpus, Fingerprint, dive_into_paths};
use decostop_testkit::synth::{Options, Source};

use crate::contest::Contest;
use crate::memory::{Peak, watched};
use crate::report::{self, Report, Section, Verdict};
use crate::row::{Row, Spread, sit, spread};
use crate::tools::{Skipped, Tools};
use crate::{Args, say};

/// Bytes a second that the slow consumer takes.
const SLOW: u64 = 20_000_000;
const MIB: f64 = 1_048_576.0;

/// Runs what was asked for.
pub(crate) fn run(args: &Args, tools: &Tools) -> Result<Report> {
    let threads = args
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let scratch = tempfile::tempdir()?;
    let mut suite = Suite {
        args,
        tools,
        threads,
        scratch: scratch.path(),
        report: Report {
            machine: report::machine(),
            date: report::today(),
            load: String::new(),
            threads,
            rounds: args.rounds,
            versions: tools.versions.clone(),
            sections: Vec::new(),
            verdicts: Vec::new(),
            skipped: Vec::new(),
        },
    };
    if args.suite {
        suite.all()?;
    } else {
        suite.one()?;
    }
    let mut report = suite.report;
    report.load = report::load();
    report.skipped.dedup_by(|a, b| a.what == b.what);
    Ok(report)
}

struct Suite<'a> {
    args: &'a Args,
    tools: &'a Tools,
    threads: usize,
    scratch: &'a Path,
    report: Report,
}

impl Suite<'_> {
    fn all(&mut self) -> Result<()> {
        if self.wants(&["P1", "P1b", "P5", "P10"]) {
            self.zstd()?;
        }
        if self.wants(&["P1"]) {
            self.ordinary()?;
        }
        if self.wants(&["P1b"]) {
            self.namespaces()?;
        }
        if self.wants(&["P2"]) {
            self.gzip()?;
        }
        if self.wants(&["P3"]) {
            self.plain()?;
        }
        if self.wants(&["P4", "P10"]) {
            self.single_frame()?;
        }
        if self.wants(&["P5"]) {
            self.skewed()?;
        }
        if self.wants(&["P6"]) {
            self.redaction()?;
        }
        if self.wants(&["P7"]) {
            self.rule_counts()?;
            self.dictionary()?;
        }
        if self.wants(&["P10"]) {
            self.slow_consumer()?;
        }
        if self.wants(&["P11"]) {
            self.start_up()?;
        }
        self.report.verdicts.sort_by_key(|verdict| {
            let digits = verdict.target.trim_matches(|c: char| !c.is_ascii_digit());
            (digits.parse::<u32>().unwrap_or(0), verdict.target)
        });
        Ok(())
    }

    fn wants(&self, targets: &[&str]) -> bool {
        let only = &self.args.only;
        only.is_empty() || only.iter().any(|wanted| targets.contains(&wanted.as_str()))
    }

    fn options(&self, megabytes: u64, codec: Codec) -> Options {
        // Wrapped lines would only keep other tools from reading them.
        Options::default()
            .seed(self.args.seed)
            .megabytes(megabytes.max(1))
            .days(7)
            .codec(codec.mix)
            .wrappers(false)
            .our_share(Some(self.args.share))
    }

    fn codec(name: &str) -> Result<Codec> {
        Codec::by_name(name).map_err(anyhow::Error::msg)
    }

    fn corpus(&self, name: &str, options: &Options) -> Result<Corpus> {
        say(&format!(
            "{name}: making or finding {} MB of logs",
            options.megabytes
        ))?;
        let Some(dir) = &self.args.dir else {
            return Ok(Corpus::temporary(options));
        };
        let dir = if self.args.suite {
            dir.join(name)
        } else {
            dir.clone()
        };
        Corpus::kept(&dir, options).with_context(|| dir.display().to_string())
    }

    fn contest<'c>(&'c self, corpus: &'c Corpus, codec: Codec) -> Contest<'c> {
        Contest::new(self.tools, corpus, codec, self.threads, self.scratch)
    }

    /// Runs the rows and enters them; gives them back for the verdicts.
    fn sit(&self, id: &'static str, title: &str, corpus: &Corpus, rows: &mut [Row<'_>]) -> Result<Section> {
        let rounds = self.args.rounds;
        let mut failed = Ok(());
        sit(rows, rounds, &mut |round| {
            failed = say(&format!("{id}: round {round} of {rounds}"));
        })?;
        failed?;
        Ok(Section::new(id, title, corpus, rows))
    }

    /// One corpus, all that can be run over it.
    fn one(&mut self) -> Result<()> {
        let codec = self.args.codec;
        let corpus = self.corpus(codec.name, &self.options(self.args.megabytes, codec))?;
        let contest = self.contest(&corpus, codec);
        let own = requests::own(&corpus);
        let mut rows = vec![contest.floor("floor", self.threads)];
        rows.extend(contest.other_floors());
        rows.push(contest.search(&own.request)?);
        rows.push(contest.dive("dive", "decostop scan", &own, self.threads)?);
        let (peers, skipped) = contest.peers(&["rg", "pipes", "jq", "python"]);
        rows.extend(peers);
        let title = format!("{}, one namespace", codec.name);
        let section = self.sit("one", &title, &corpus, &mut rows)?;
        drop(rows);
        self.report.sections.push(section);
        self.report.skipped.extend(skipped);
        Ok(())
    }

    fn zstd(&mut self) -> Result<()> {
        let codec = Self::codec("zstd")?;
        let corpus = self.corpus("zstd", &self.options(self.args.megabytes, codec))?;
        let contest = self.contest(&corpus, codec);
        let (own, threads) = (requests::own(&corpus), self.threads);
        let mut verdicts = Vec::new();
        if self.wants(&["P10"]) {
            verdicts.push(self.memory_of("the corpus as zstd", &contest, &own)?);
        }
        if !self.wants(&["P1", "P1b", "P5"]) {
            self.report.verdicts.append(&mut verdicts);
            return Ok(());
        }
        let mut rows = vec![contest.floor("floor", threads)];
        rows.extend(contest.other_floors());
        rows.push(contest.search(&own.request)?);
        rows.push(contest.dive("dive", "decostop scan", &own, threads)?);
        if self.wants(&["P5"]) && threads > 1 {
            rows.push(contest.dive("dive-1", "decostop scan, one thread", &own, 1)?);
        }
        if self.wants(&["P1b"]) {
            for (key, name, count) in [
                ("names-10", "decostop scan, 10 namespaces", 10),
                ("names-50", "decostop scan, 50 namespaces", 50),
            ] {
                let asked = requests::with_absent_namespaces(&corpus, count);
                rows.push(contest.dive(key, name, &asked, threads)?);
            }
            let people = requests::people(&corpus, threads, 10);
            let name = "decostop scan, 10 users by name and id";
            rows.push(contest.dive("users-10", name, &people, threads)?);
        }
        let mut skipped = Vec::new();
        if self.wants(&["P1"]) {
            let (peers, missing) = contest.peers(&["rg", "pipes", "jq", "python"]);
            rows.extend(peers);
            skipped = missing;
        }
        let section = self.sit("zstd", "zstd, one namespace", &corpus, &mut rows)?;
        let judge = Judge(&rows);
        let mut most = |target, what: &str, a, b, bound| {
            verdicts.extend(judge.most(target, what, a, b, bound));
        };
        most("P1", "zstd: dive ÷ decode only", "dive", "floor", 1.15);
        most("P1b", "10 namespaces ÷ decode only", "names-10", "floor", 1.25);
        most("P1b", "50 namespaces ÷ decode only", "names-50", "floor", 1.5);
        most(
            "P1b",
            "10 users by name and id ÷ decode only",
            "users-10",
            "floor",
            1.25,
        );
        let mut least = |target, what: &str, a, b, bound| {
            verdicts.extend(judge.least(target, what, a, b, bound));
        };
        least("P1", "zstd: rg -z ÷ dive", "rg", "dive", 1.6);
        least("P1", "zstd: DuckDB ÷ dive", "duckdb", "dive", 3.0);
        least("P1", "zstd: chDB JSON ÷ dive", "chdb", "dive", 6.0);
        if threads == 2 {
            least("P5", "one thread ÷ two", "dive-1", "dive", 1.85);
        }
        drop(rows);
        self.enter(section, verdicts);
        self.report.skipped.extend(skipped);
        Ok(())
    }

    fn enter(&mut self, section: Section, verdicts: Vec<Verdict>) {
        self.report.sections.push(section);
        self.report.verdicts.extend(verdicts);
    }

    /// Decoding alone, with the search, and a whole dive, beside the tools that count.
    fn beside_peers<'c>(
        &self,
        contest: &'c Contest<'_>,
        own: &Asked,
    ) -> Result<(Vec<Row<'c>>, Vec<Skipped>)> {
        let mut rows = vec![
            contest.floor("floor", self.threads),
            contest.search(&own.request)?,
            contest.dive("dive", "decostop scan", own, self.threads)?,
        ];
        let (peers, skipped) = contest.peers(&["rg", "python"]);
        rows.extend(peers);
        Ok((rows, skipped))
    }

    /// Lines without what makes a corpus hard: forged names, escapes of letters, look-alikes.
    fn ordinary(&mut self) -> Result<()> {
        let codec = Self::codec("zstd")?;
        let options = self.options(self.args.megabytes, codec).hostile(false);
        let corpus = self.corpus("ordinary", &options)?;
        let contest = self.contest(&corpus, codec);
        let (mut rows, skipped) = self.beside_peers(&contest, &requests::own(&corpus))?;
        let section = self.sit(
            "ordinary",
            "zstd, ordinary lines, one namespace",
            &corpus,
            &mut rows,
        )?;
        let judge = Judge(&rows);
        let dive = judge.most("P1", "ordinary lines: dive ÷ decode only", "dive", "floor", 1.15);
        let peers = [
            ("ordinary lines: rg -z ÷ dive", "rg", 1.6),
            ("ordinary lines: DuckDB ÷ dive", "duckdb", 3.0),
            ("ordinary lines: chDB JSON ÷ dive", "chdb", 6.0),
        ];
        let peers = peers.map(|(what, key, bound)| judge.least("P1", what, key, "dive", bound));
        let verdicts = dive.into_iter().chain(peers.into_iter().flatten()).collect();
        drop(rows);
        self.enter(section, verdicts);
        self.report.skipped.extend(skipped);
        Ok(())
    }

    /// A customer with as many root namespaces as the request names, all of which occur.
    fn namespaces(&mut self) -> Result<()> {
        let codec = Self::codec("zstd")?;
        for (id, count, bound) in [("namespaces-10", 10, 1.25), ("namespaces-50", 50, 1.5)] {
            let options = self.options(self.args.megabytes / 4, codec).namespaces(count);
            let corpus = self.corpus(id, &options)?;
            let contest = self.contest(&corpus, codec);
            let own = requests::own(&corpus);
            let name = format!("decostop scan, {count} namespaces");
            let mut rows = vec![
                contest.floor("floor", self.threads),
                contest.dive("dive", &name, &own, self.threads)?,
            ];
            let title = format!("zstd, {count} namespaces that all occur");
            let section = self.sit(id, &title, &corpus, &mut rows)?;
            let what = format!("{count} namespaces that all occur ÷ decode only");
            let verdicts = Judge(&rows).most("P1b", &what, "dive", "floor", bound);
            drop(rows);
            self.enter(section, verdicts.into_iter().collect());
        }
        Ok(())
    }

    fn gzip(&mut self) -> Result<()> {
        let codec = Self::codec("gzip")?;
        let corpus = self.corpus("gzip", &self.options(self.args.megabytes, codec))?;
        let contest = self.contest(&corpus, codec);
        let own = requests::own(&corpus);
        let mut rows = vec![contest.floor("floor", self.threads)];
        rows.extend(contest.other_floors());
        rows.push(contest.search(&own.request)?);
        rows.push(contest.dive("dive", "decostop scan", &own, self.threads)?);
        let (peers, skipped) = contest.peers(&["rg", "pipes"]);
        rows.extend(peers);
        let section = self.sit("gzip", "gzip, one namespace", &corpus, &mut rows)?;
        let judge = Judge(&rows);
        let verdicts = judge
            .most("P2", "gzip: dive ÷ decode only", "dive", "floor", 1.1)
            .into_iter()
            .chain(judge.least("P2", "gzip: rg -z ÷ dive", "rg", "dive", 3.0))
            .collect();
        drop(rows);
        self.enter(section, verdicts);
        self.report.skipped.extend(skipped);
        Ok(())
    }

    fn plain(&mut self) -> Result<()> {
        let codec = Self::codec("plain")?;
        let corpus = self.corpus("plain", &self.options(self.args.megabytes, codec))?;
        let contest = self.contest(&corpus, codec);
        let (mut rows, skipped) = self.beside_peers(&contest, &requests::own(&corpus))?;
        let section = self.sit("plain", "plain files, one namespace", &corpus, &mut rows)?;
        let verdict = Judge(&rows).most("P3", "plain: dive ÷ rg", "dive", "rg", 1.0);
        drop(rows);
        self.enter(section, verdict.into_iter().collect());
        self.report.skipped.extend(skipped);
        Ok(())
    }

    /// One source of one day in one file.
    fn single(&self, megabytes: u64, codec: Codec) -> Options {
        self.options(megabytes, codec)
            .days(1)
            .sources(vec![Source::Production])
            .file_megabytes(u64::from(u32::MAX))
    }

    fn single_frame(&mut self) -> Result<()> {
        let codec = Self::codec("zstd")?;
        let corpus = self.corpus("single-frame", &self.single(self.args.megabytes, codec))?;
        let contest = self.contest(&corpus, codec);
        let own = requests::own(&corpus);
        let mut verdicts = Vec::new();
        if self.wants(&["P10"]) {
            verdicts.push(self.memory_of("one file of one frame", &contest, &own)?);
        }
        if !self.wants(&["P4"]) {
            self.report.verdicts.append(&mut verdicts);
            return Ok(());
        }
        let mut rows = vec![
            contest.floor("floor", 1),
            contest.dive("dive", "decostop scan, two threads", &own, 2)?,
        ];
        let title = "zstd, one file of one frame";
        let section = self.sit("single-frame", title, &corpus, &mut rows)?;
        let what = "one frame: dive on two threads ÷ decode on one";
        verdicts.extend(Judge(&rows).most("P4", what, "dive", "floor", 1.05));
        drop(rows);
        self.enter(section, verdicts);
        Ok(())
    }

    /// One file of 80 % of the bytes in many frames beside 200 small ones.
    fn skewed(&mut self) -> Result<()> {
        let codec = Self::codec("zstd-frames")?;
        let options = self.single(self.args.megabytes / 2, codec);
        let corpus = self.corpus("skewed", &options.hosts(201).skew(Some(0.8)))?;
        let contest = self.contest(&corpus, codec);
        let own = requests::own(&corpus);
        let mut rows = vec![
            contest.dive("dive-1", "decostop scan, one thread", &own, 1)?,
            contest.dive("dive", "decostop scan, two threads", &own, 2)?,
            contest.floor("floor", 2),
        ];
        let title = "zstd in many frames, one file of 80 % beside 200 small ones";
        let section = self.sit("skewed", title, &corpus, &mut rows)?;
        let what = "skewed sizes: two threads ÷ half of one thread's time";
        let verdict = Judge(&rows)
            .spread("dive", "dive-1")
            .map(|spread| Verdict::at_most("P5", what, spread.times(2.0), 1.15, "×"));
        drop(rows);
        self.enter(section, verdict.into_iter().collect());
        Ok(())
    }

    /// The most memory of a dive into a directory.
    fn memory_of(&self, what: &str, contest: &Contest<'_>, asked: &Asked) -> Result<Verdict> {
        say(&format!("memory: {what}"))?;
        let request = contest.request_file(&asked.request)?;
        let out = self.scratch.join("out");
        let mut command = contest.scan(&request, &out, self.threads)?;
        command.arg(contest.corpus().logs());
        let (peak, _, status) = watched(&mut command, |_| Ok(0))?;
        ensure!(status.success(), "{what}: it ended with {status}");
        let records = decostop::artefact::open(&out)?.manifest().records.total;
        ensure!(
            Some(records) == asked.expected.disclosed,
            "{what}: {records} records"
        );
        Ok(self.memory(what, peak))
    }

    fn memory(&self, what: &str, peak: Peak) -> Verdict {
        let resident = peak.resident as f64 / MIB;
        let what = format!("private memory, {what} (resident with mapped files {resident:.0} MiB)");
        let bound = 256.0 + 64.0 * self.threads as f64;
        let value = spread(std::iter::once(peak.private as f64 / MIB));
        Verdict::at_most("P10", what, value, bound, "MiB")
    }

    /// Records that stream into a reader who takes his time.
    fn slow_consumer(&mut self) -> Result<()> {
        let (corpus, codec) = self.broad()?;
        let contest = self.contest(&corpus, codec);
        let own = requests::own(&corpus);
        let request = contest.request_file(&own.request)?;
        say("memory: a slow consumer")?;
        let mut command = contest.scan(&request, Path::new("-"), self.threads)?;
        command.arg(corpus.logs()).stdout(Stdio::piped());
        let (peak, lines, status) = watched(&mut command, slowly)?;
        ensure!(status.success(), "a slow consumer: it ended with {status}");
        ensure!(
            Some(lines) == own.expected.disclosed,
            "a slow consumer: {lines} records"
        );
        let dive = self.memory("scan --out - into a reader of 20 MB/s, 13 % match", peak);

        let file = contest
            .inputs()
            .paths()
            .map(|(path, _)| path)
            .find(|path| path.to_string_lossy().contains("production_json"))
            .context("the corpus has no such file")?;
        let (want, _) = contest.inputs().only(&file).decode(1, &|segment| {
            memchr::memchr_iter(b'\n', segment.bytes).count() as u64
        });
        let [program, flags] = codec.cat;
        let mut cat = Command::new(program)
            .arg(flags)
            .arg(&file)
            .stdout(Stdio::piped())
            .spawn()?;
        let mut command = Command::new(&self.tools.decostop);
        command
            .args(["redact", "--quiet", "--source", "production_json", "--request"])
            .arg(&request)
            .stdin(cat.stdout.take().map_or_else(Stdio::null, Stdio::from))
            .stdout(Stdio::piped());
        let (peak, lines, status) = watched(&mut command, slowly)?;
        ensure!(cat.wait()?.success(), "{program} failed");
        ensure!(status.success(), "redact: it ended with {status}");
        // The last line of a file may lack its end.
        ensure!(lines.abs_diff(want) <= 1, "redact: {lines} of {want} lines");
        let redact = self.memory("redact into a reader of 20 MB/s", peak);
        self.report.verdicts.extend([dive, redact]);
        Ok(())
    }

    /// What a start and a file cost.
    fn start_up(&mut self) -> Result<()> {
        say("start-up")?;
        let starts = (0..21).map(|_| {
            let began = Instant::now();
            let output = Command::new(&self.tools.decostop)
                .arg("--version")
                .stdin(Stdio::null())
                .output()?;
            ensure!(output.status.success(), "--version ended with {}", output.status);
            Ok(began.elapsed().as_secs_f64() * 1e3)
        });
        let starts = starts.collect::<Result<Vec<f64>>>()?;
        let version = Verdict::at_most("P11", "--version", spread(starts.into_iter()), 10.0, "ms");

        let codec = Self::codec("zstd")?;
        // Seven sources, seven days, twenty-one hosts: 1,029 files of some 4 KB.
        let corpus = self.corpus("tiny-files", &self.options(4, codec).hosts(21))?;
        let contest = self.contest(&corpus, codec);
        let own = requests::own(&corpus);
        let last = contest.inputs().paths().last().context("there are files")?.0;
        let alone = answer_of(&last, &own)?;
        let mut rows = vec![
            contest.floor("floor", self.threads),
            contest.dive("dive", "decostop scan", &own, self.threads)?,
            contest.dive_into(
                "dive-one",
                "decostop scan, the smallest file alone",
                &own.request,
                vec![last],
                self.threads,
                alone,
            )?,
        ];
        let section = self.sit("tiny-files", "zstd, a thousand tiny files", &corpus, &mut rows)?;
        let judge = Judge(&rows);
        let files = corpus.truth().files as f64;
        let per_file = |less: &[&str]| {
            judge
                .difference("dive", less)
                .map(|spread| spread.times(1e6 / files))
        };
        let mut verdicts = vec![version];
        for (what, less) in [
            (
                "µs a file above reading them, start and end of the dive included",
                &["floor"][..],
            ),
            (
                "µs a file above reading them and above a dive into one file",
                &["floor", "dive-one"],
            ),
        ] {
            let verdict = per_file(less).map(|spread| Verdict::at_most("P11", what, spread, 50.0, "µs"));
            verdicts.extend(verdict);
        }
        drop(rows);
        self.enter(section, verdicts);
        Ok(())
    }
}

/// What a dive into one file gives, in process.
fn answer_of(path: &Path, asked: &Asked) -> Result<Answer> {
    let mut sink = Fingerprint::default();
    dive_into_paths([PathBuf::from(path)], &asked.request, 1, false).run(&mut sink)?;
    Ok(sink.answer())
}

/// Counts lines, at no more than [`SLOW`] bytes a second.
fn slowly(stdout: Option<ChildStdout>) -> Result<u64> {
    let stdout = stdout.context("there is nothing to read")?;
    let mut reader = BufReader::with_capacity(
        1 << 16,
        Throttled {
            inner: stdout,
            began: Instant::now(),
            taken: 0,
        },
    );
    let (mut lines, mut line) = (0, Vec::new());
    while reader.read_until(b'\n', &mut line)? > 0 {
        lines += 1;
        line.clear();
    }
    Ok(lines)
}

struct Throttled<R> {
    inner: R,
    began: Instant,
    taken: u64,
}

impl<R: Read> Read for Throttled<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.taken == 0 {
            // What the dive did before its first record is not the reader's time.
            let read = self.inner.read(buffer)?;
            self.began = Instant::now();
            self.taken = read as u64;
            return Ok(read);
        }
        let due = Duration::from_secs_f64(self.taken as f64 / SLOW as f64);
        std::thread::sleep(due.saturating_sub(self.began.elapsed()));
        let read = self.inner.read(buffer)?;
        self.taken += read as u64;
        Ok(read)
    }
}

/// Finds rows by their keys; a row that is not there gives no verdict.
struct Judge<'r, 'a>(&'r [Row<'a>]);

impl Judge<'_, '_> {
    fn row(&self, key: &str) -> Option<&Row<'_>> {
        self.0.iter().find(|row| row.key == key)
    }

    fn spread(&self, of: &str, beside: &str) -> Option<Spread> {
        Some(self.row(of)?.beside(self.row(beside)?))
    }

    /// Seconds of a row less those of others, round by round.
    fn difference(&self, of: &str, less: &[&str]) -> Option<Spread> {
        let of = self.row(of)?;
        let less = less.iter().map(|key| self.row(key)).collect::<Option<Vec<_>>>()?;
        let rounds = of.times.iter().enumerate().map(|(round, time)| {
            let others = less.iter().filter_map(|row| row.times.get(round));
            time.wall - others.map(|time| time.wall).sum::<f64>()
        });
        Some(spread(rounds))
    }

    fn most(&self, target: &'static str, what: &str, of: &str, beside: &str, bound: f64) -> Option<Verdict> {
        let spread = self.spread(of, beside)?;
        Some(Verdict::at_most(target, what, spread, bound, "×"))
    }

    fn least(&self, target: &'static str, what: &str, of: &str, beside: &str, bound: f64) -> Option<Verdict> {
        let spread = self.spread(of, beside)?;
        Some(Verdict::at_least(target, what, spread, bound, "×"))
    }
}
