//! The rows over one corpus.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use decostop::artefact;
use decostop::prefilter::Prefilter;
use decostop::query::QueryPlan;
use decostop::request::Request;
use decostop_bench::requests::Asked;
use decostop_bench::{Answer, Codec, Corpus, Fingerprint, Inputs, KEY, answer_to, dive_for};
use decostop_profile::Profile;
use decostop_redact::ProfilePlan;
use serde::Deserialize;

use crate::row::{Row, Run};
use crate::tools::{CHDB, DUCKDB, Skipped, Tools, has, sum};

/// Decoded bytes that a file for jq should have: it is slow.
const JQ_BYTES: u64 = 4_000_000;

/// What all rows over one corpus share.
pub(crate) struct Contest<'a> {
    tools: &'a Tools,
    corpus: &'a Corpus,
    codec: Codec,
    threads: usize,
    inputs: Inputs,
    scratch: &'a Path,
    requests: AtomicU32,
}

impl<'a> Contest<'a> {
    pub(crate) fn new(
        tools: &'a Tools,
        corpus: &'a Corpus,
        codec: Codec,
        threads: usize,
        scratch: &'a Path,
    ) -> Self {
        Self {
            tools,
            corpus,
            codec,
            threads,
            inputs: Inputs::of(corpus),
            scratch,
            requests: AtomicU32::new(0),
        }
    }

    pub(crate) fn corpus(&self) -> &'a Corpus {
        self.corpus
    }

    pub(crate) fn inputs(&self) -> &Inputs {
        &self.inputs
    }

    pub(crate) fn row<'r>(
        &self,
        key: &'static str,
        name: impl Into<String>,
        unit: &'static str,
        want: u64,
        run: impl Fn() -> Result<Run> + 'r,
    ) -> Row<'r> {
        Row {
            key,
            name: name.into(),
            unit,
            want,
            bytes: self.corpus.truth().decoded_bytes,
            run: Box::new(run),
            times: Vec::new(),
        }
    }

    /// Our decoders and framer, one file a thread, and nothing else.
    pub(crate) fn floor(&self, key: &'static str, threads: usize) -> Row<'_> {
        let name = match threads {
            1 => "decode only, one thread".to_owned(),
            _ => "decode only, in process".to_owned(),
        };
        let bytes = self.corpus.truth().decoded_bytes;
        self.row(key, name, "bytes", bytes, move || {
            Ok(self.inputs.decode(threads, &|_| 0).1.into())
        })
    }

    /// Floors that owe nothing to our reader: the codec's library, and its program.
    pub(crate) fn other_floors(&self) -> Vec<Row<'_>> {
        let (codec, truth) = (self.codec, self.corpus.truth());
        let name = "decode only, the codec's library";
        let library = self.row("floor-library", name, "bytes", truth.decoded_bytes, move || {
            self.each_file(&|path| Ok(codec.decode_with_library(path)?))
        });
        let [program, flags] = codec.cat;
        let name = format!("{program} {flags} > /dev/null, {} at a time", self.threads);
        let mut rows = vec![library];
        if has(program) {
            // What it writes goes nowhere; that each file decodes is what is counted.
            rows.push(self.row("floor-program", name, "files", truth.files, move || {
                self.each_file(&|path| {
                    let status = Command::new(program)
                        .arg(flags)
                        .arg(path)
                        .stdin(Stdio::null())
                        .stdout(Stdio::null())
                        .status()?;
                    Ok(u64::from(status.success()))
                })
            }));
        }
        rows
    }

    /// Decoding and the prefilter of a request.
    pub(crate) fn search(&self, request: &Request) -> Result<Row<'_>> {
        let plan = ProfilePlan::new(Profile::gitlab())?;
        let query = QueryPlan::new(request, &plan);
        let prefilter = Prefilter::new(&query.needles).context("the request has nothing to look for")?;
        let count = move || {
            let in_segment = |bytes: &[u8]| {
                let mut found = 0;
                prefilter.candidates(bytes, &mut |_, _| {
                    found += 1;
                    true
                });
                found
            };
            let found = self
                .inputs
                .decode(self.threads, &|segment| in_segment(segment.bytes));
            found.0
        };
        let candidates = count();
        ensure!(
            candidates >= self.corpus.truth().matching,
            "the prefilter loses matches"
        );
        let name = "decode + literal search, in process";
        Ok(self.row("search", name, "lines", candidates, move || Ok(count().into())))
    }

    /// The binary, from its start to the verified directory, for one request. Its records are compared
    /// byte by byte with those of a dive in process before anything is measured.
    pub(crate) fn dive(
        &self,
        key: &'static str,
        name: &str,
        asked: &Asked,
        threads: usize,
    ) -> Result<Row<'_>> {
        // Where the number of records is not known beforehand, the prefilter is not believed either.
        let prefilter = asked.expected.disclosed.is_some();
        let dive = dive_for(self.corpus, &asked.request, self.threads, prefilter);
        let answer = answer_to(self.corpus, &dive, asked.expected);
        let paths = vec![self.corpus.logs()];
        self.dive_into(key, name, &asked.request, paths, threads, answer)
    }

    /// As [`Contest::dive`], into some of the files, with the answer given.
    pub(crate) fn dive_into(
        &self,
        key: &'static str,
        name: &str,
        request: &Request,
        paths: Vec<PathBuf>,
        threads: usize,
        answer: Answer,
    ) -> Result<Row<'_>> {
        let request = self.request_file(request)?;
        let out = self.scratch.join("out");
        let want = answer.records;
        let checked = std::cell::Cell::new(false);
        let run = move || {
            let mut command = self.scan(&request, &out, threads)?;
            let status = command.args(&paths).status()?;
            ensure!(status.success(), "it ended with {status}");
            let artefact = artefact::open(&out)?;
            if !checked.replace(true) {
                let mut fingerprint = Fingerprint::default();
                for record in artefact.records()? {
                    fingerprint.add(record?.line().as_bytes());
                }
                ensure!(
                    fingerprint.answer() == answer,
                    "its records are not those of a dive in process"
                );
            }
            Ok(artefact.manifest().records.total.into())
        };
        Ok(self.row(key, name, "records", want, run))
    }

    /// A request as a file that lives as long as the sitting.
    pub(crate) fn request_file(&self, request: &Request) -> Result<PathBuf> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let path = self.scratch.join(format!("request-{number}.toml"));
        fs::write(&path, request.to_toml()?)?;
        Ok(path)
    }

    /// `decostop scan` without the paths to read. The key is that of dives in process.
    pub(crate) fn scan(&self, request: &Path, out: &Path, threads: usize) -> Result<Command> {
        let key = self.scratch.join("key");
        if !key.exists() {
            fs::write(&key, KEY)?;
            restrict(&key)?;
        }
        let mut command = Command::new(&self.tools.decostop);
        command
            .args(["scan", "--quiet", "--force", "--threads"])
            .arg(threads.to_string())
            .arg("--key-file")
            .arg(key)
            .arg("--request")
            .arg(request)
            .arg("--out")
            .arg(out);
        Ok(command)
    }

    /// Lines that hold the namespace as it is written in the request.
    fn literal(&self) -> u64 {
        let finder = memchr::memmem::Finder::new(&self.corpus.truth().namespace);
        let count = |bytes: &[u8]| {
            let lines = bytes.split(|byte| *byte == b'\n');
            lines.filter(|line| finder.find(line).is_some()).count() as u64
        };
        self.corpus.remembered("literal", || {
            self.inputs
                .decode(self.threads, &|segment| count(segment.bytes))
                .0
        })
    }

    /// Lines of some inputs with the namespace in one field, whatever else they say.
    fn typed(&self, inputs: &Inputs) -> u64 {
        #[derive(Deserialize)]
        struct Line<'l> {
            #[serde(rename = "meta.root_namespace", borrow, default)]
            root: Option<Cow<'l, str>>,
        }
        let namespace = self.corpus.truth().namespace.as_str();
        let odd = AtomicU32::new(0);
        let (count, _) = inputs.decode(self.threads, &|segment| {
            let lines = segment.bytes.split(|byte| *byte == b'\n');
            let lines = lines.filter(|line| !line.is_empty());
            let is_it = |line: &&[u8]| {
                let Ok(line) = serde_json::from_slice::<Line<'_>>(line) else {
                    odd.fetch_add(1, Ordering::Relaxed);
                    return false;
                };
                line.root.as_deref() == Some(namespace)
            };
            lines.filter(is_it).count() as u64
        });
        assert_eq!(
            odd.into_inner(),
            0,
            "lines that are no object, or have the field twice"
        );
        count
    }

    /// ripgrep, by itself.
    fn ripgrep(&self) -> Result<Row<'_>, Skipped> {
        let rg = self.rg()?;
        let name = if self.codec.name == "plain" { "rg" } else { "rg -z" };
        let run = move || {
            let mut command = Command::new(rg);
            command
                .args(["--no-config", "--search-zip", "--no-ignore", "--hidden", "--text"])
                .args(["--count", "--no-filename", "--fixed-strings", "--threads"])
                .arg(self.threads.to_string())
                .arg("--")
                .arg(&self.corpus.truth().namespace)
                .arg(self.corpus.logs());
            Ok(sum(&mut command)?.into())
        };
        Ok(self.row("rg", name, "lines", self.literal(), run))
    }

    fn rg(&self) -> Result<&Path, Skipped> {
        self.tools
            .rg
            .as_deref()
            .ok_or_else(|| skipped("rg", "cargo install ripgrep --locked --version 15.2.0"))
    }

    /// Other tools that are here, and those that are not.
    /// Which: `rg`, `pipes`, `jq`, `python`.
    pub(crate) fn peers(&self, which: &[&str]) -> (Vec<Row<'_>>, Vec<Skipped>) {
        if !self.tools.peers {
            return (Vec::new(), Vec::new());
        }
        let mut all = Vec::new();
        if which.contains(&"rg") {
            all.push(self.ripgrep());
        }
        if which.contains(&"pipes") {
            all.push(self.rg().and_then(|rg| self.piped("pipe-rg", rg, "rg")));
            all.push(self.piped("pipe-grep", Path::new("grep"), "grep"));
        }
        if which.contains(&"jq") {
            all.push(self.jq());
        }
        if which.contains(&"python") {
            all.extend(self.python());
        }
        let (mut rows, mut missing) = (Vec::new(), Vec::new());
        for row in all {
            match row {
                Ok(row) => rows.push(row),
                Err(skipped) => missing.push(skipped),
            }
        }
        (rows, missing)
    }

    /// Runs something for each file, as many at a time as there are threads, and adds up.
    fn each_file(&self, each: &(dyn Fn(&Path) -> Result<u64> + Sync)) -> Result<Run> {
        let failed = Mutex::new(None);
        let total = self.inputs.each(self.threads, &|path| {
            each(path).unwrap_or_else(|error| {
                *failed.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                0
            })
        });
        let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        failed.map_or(Ok(total.into()), Err)
    }

    fn cat(&self) -> Result<[&'static str; 2], Skipped> {
        let [program, flags] = self.codec.cat;
        if has(program) {
            Ok([program, flags])
        } else {
            Err(skipped(program, &format!("apt-get install {program}")))
        }
    }

    /// One pipe a file, as many at a time as there are threads.
    fn piped(&self, key: &'static str, grep: &Path, shown_as: &str) -> Result<Row<'_>, Skipped> {
        let [program, flags] = self.cat()?;
        let options = if shown_as == "rg" {
            "--no-config --text --count --fixed-strings"
        } else {
            "--text --count --fixed-strings"
        };
        let script =
            format!("LC_ALL=C; export LC_ALL; {program} {flags} \"$1\" | \"$3\" {options} -- \"$2\"");
        let grep = grep.to_owned();
        let name = format!("{program} {flags} | {shown_as}, {} at a time", self.threads);
        let run = move || {
            self.each_file(&|path| {
                let mut command = Command::new("sh");
                command
                    .args(["-c", &script, "sh"])
                    .arg(path)
                    .arg(&self.corpus.truth().namespace)
                    .arg(&grep);
                sum(&mut command)
            })
        };
        Ok(self.row(key, name, "lines", self.literal(), run))
    }

    /// A select by one field, on one small file.
    fn jq(&self) -> Result<Row<'_>, Skipped> {
        let [program, flags] = self.cat()?;
        let absent = || skipped("jq", "apt-get install jq");
        if !self.tools.jq {
            return Err(absent());
        }
        let mut files: BTreeMap<u64, PathBuf> = BTreeMap::new();
        for (path, _) in self.inputs.paths() {
            if path.to_string_lossy().contains("production_json") {
                files.insert(self.inputs.only(&path).decode(1, &|_| 0).1, path);
            }
        }
        let large = files.range(JQ_BYTES..).next();
        let Some((&bytes, path)) = large.or_else(|| files.last_key_value()) else {
            return Err(absent());
        };
        let want = self.typed(&self.inputs.only(path));
        let script = format!(
            "{program} {flags} \"$1\" | jq --arg ns \"$2\" 'select(.[\"{ROOT}\"] == $ns) | 1' | wc -l"
        );
        let path = path.clone();
        let run = move || {
            let mut command = Command::new("sh");
            command
                .args(["-c", &script, "sh"])
                .arg(&path)
                .arg(&self.corpus.truth().namespace);
            Ok(sum(&mut command)?.into())
        };
        let name = format!("{program} {flags} | jq select(…), one file");
        Ok(Row {
            bytes,
            ..self.row("jq", name, "lines", want, run)
        })
    }

    /// Engines that are libraries of Python.
    fn python(&self) -> Vec<Result<Row<'_>, Skipped>> {
        let pip = |package: &str| {
            format!("python3 -m venv V && V/bin/pip install {package}, then --python V/bin/python")
        };
        let files: Vec<PathBuf> = self.inputs.paths().map(|(path, _)| path).collect();
        let row = |key, name, unit, want, source, how: &[&str]| {
            let mut args: Vec<String> = how.iter().map(|&arg| arg.to_owned()).collect();
            args.extend([self.threads.to_string(), self.corpus.truth().namespace.clone()]);
            let files = files.clone();
            self.row(key, name, unit, want, move || {
                self.tools.python(source, &args, &files)
            })
        };
        let (duckdb, chdb) = (self.tools.duckdb, self.tools.chdb);
        let typed = if duckdb || chdb {
            self.corpus.remembered("typed", || self.typed(&self.inputs))
        } else {
            0
        };
        let mut rows = Vec::new();
        if duckdb {
            let name = "DuckDB read_json, two columns";
            rows.push(Ok(row("duckdb", name, "records", typed, DUCKDB, &[])));
        } else {
            rows.push(Err(skipped("DuckDB", &pip("duckdb==2.0.0"))));
        }
        if chdb {
            let name = "chDB JSONEachRow, two columns";
            rows.push(Ok(row("chdb", name, "records", typed, CHDB, &["json"])));
            let name = "chDB raw LIKE";
            let literal = self.literal();
            rows.push(Ok(row("chdb-raw", name, "lines", literal, CHDB, &["raw"])));
        } else {
            rows.push(Err(skipped("chDB", &pip("chdb==4.4.0"))));
        }
        rows
    }
}

/// The field by which peers select.
const ROOT: &str = "meta.root_namespace";

/// A key that others can read brings a warning.
fn restrict(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o600))?)
}

pub(crate) fn skipped(what: &str, install: &str) -> Skipped {
    Skipped {
        what: what.to_owned(),
        install: install.to_owned(),
    }
}
