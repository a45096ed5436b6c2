//! A dive in shares gives what one process gives, and what does not belong together is refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use decostop::artefact::{NdjsonProvenance, Options};
use decostop::cluster::{self, Gather, Secret, Shard, Task};
use decostop::request::Request;
use decostop::sink::CountSink;
use decostop::{Dive, Error, ErrorKind, dive_into};
use decostop_profile::{Profile, Values};
use decostop_testkit::synth::{self, CodecMix, Options as Corpus};
use tempfile::TempDir;

const KEY: [u8; 32] = [7; 32];

fn now() -> SystemTime {
    // Behind what the corpora's requests say.
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_000_000)
}

fn secret() -> Secret {
    Secret::Material(KEY)
}

fn dive(request: &Path, logs: &Path) -> Dive {
    let profile = Profile::gitlab();
    let request = Request::load(request, &profile).expect("a request");
    Dive::builder(request, profile)
        .inputs([logs.to_owned()])
        .key_material(KEY)
        .threads(2)
        .now(now())
        .build()
        .expect("a dive")
}

/// All files below a directory.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read(path).expect("a file"))
        })
        .collect()
}

struct Work {
    dir: TempDir,
    shards: Vec<Shard>,
}

impl Work {
    fn new(dive: &Dive, count: usize) -> Self {
        let shards = dive.shards(count).expect("shares");
        // As they travel.
        let shards = shards
            .iter()
            .map(|shard| Shard::from_json(&shard.to_json().expect("JSON")).expect("a share"))
            .collect();
        Self {
            dir: TempDir::new().expect("a directory"),
            shards,
        }
    }

    fn path(&self, name: &str, ordinal: u32) -> PathBuf {
        self.dir.path().join(format!("{name}-{ordinal}"))
    }

    fn task(&self, ordinal: usize) -> Task {
        Task::new(self.shards[ordinal].clone(), secret())
            .threads(2)
            .now(now())
    }

    fn learn(&self) -> Vec<PathBuf> {
        (0..self.shards.len())
            .map(|nth| {
                let path = self.path("facts", nth as u32);
                self.task(nth).learn(&path).expect("facts");
                path
            })
            .collect()
    }

    fn merged(&self) -> PathBuf {
        let all = self.dir.path().join("facts");
        // In any order.
        let facts: Vec<PathBuf> = self.learn().into_iter().rev().collect();
        cluster::merge(&facts, &Values::new(), &secret(), &all).expect("facts of all");
        all
    }

    fn redact(&self, facts: &Path) -> Vec<PathBuf> {
        (0..self.shards.len())
            .map(|nth| {
                let path = self.path("part", nth as u32);
                self.task(nth).redact(facts, &path).expect("a part");
                path
            })
            .collect()
    }

    fn gather(&self, parts: Vec<PathBuf>, facts: &Path, name: &str) -> Result<PathBuf, Error> {
        let out = self.dir.path().join(name);
        Gather::new(parts, facts, secret())
            .now(now())
            .into_directory(&out, Options::default(), NdjsonProvenance::create_in)
            .map(|done| done.path)
    }
}

fn corpus(dir: &Path) -> (PathBuf, PathBuf) {
    let options = Corpus::default()
        .megabytes(6)
        .seed(5)
        .codec(CodecMix::Mixed)
        .damage(true);
    synth::write(dir, &options, &mut |_| ()).expect("a corpus");
    (dir.join("request.toml"), dir.join("logs"))
}

#[test]
fn shares_give_what_one_process_gives() {
    let dir = TempDir::new().expect("a directory");
    let (request, logs) = corpus(dir.path());
    let dive = dive(&request, &logs);
    let whole = dir.path().join("whole");
    let one = dive_into(&dive, &whole, Options::default(), NdjsonProvenance::create_in).expect("an artefact");
    assert!(one.report.counts.disclosed > 20 && one.report.counts.withheld > 2);
    for count in [1, 2, 7, 1000] {
        let work = Work::new(&dive, count);
        assert!(work.shards.len() <= count && !work.shards.is_empty());
        let facts = work.merged();
        let mut parts = work.redact(&facts);
        // A share that ran twice is the same once more.
        let again = work.path("again", 0);
        work.task(0).redact(&facts, &again).expect("a part");
        assert_eq!(
            fs::read(&again).expect("a file"),
            fs::read(&parts[0]).expect("a file")
        );
        parts.push(again);
        parts.reverse();
        let out = work.gather(parts, &facts, "out").expect("an artefact");
        assert_eq!(
            files(&out.join("disclosure")),
            files(&whole.join("disclosure")),
            "{count} shares"
        );
        let internal = |place: &Path| {
            let mut files = files(&place.join("internal"));
            let run = files.remove("run.json").expect("what was run");
            (files, run)
        };
        let ((ours, our_run), (theirs, their_run)) = (internal(&out), internal(&whole));
        assert!(ours.keys().eq(theirs.keys()) && ours.contains_key("withheld.ndjson"));
        for (name, bytes) in &ours {
            assert!(*bytes == theirs[name], "{count} shares: {name}");
        }
        let told = |run: &[u8]| {
            let mut run: serde_json::Value = serde_json::from_slice(run).expect("JSON");
            // How it was done, not what came of it.
            for key in ["threads", "timings", "peak_memory_bytes", "work"] {
                run.as_object_mut().expect("an object").remove(key);
            }
            run
        };
        assert_eq!(told(&our_run), told(&their_run), "{count} shares");
    }
}

#[test]
fn shares_are_balanced_whole_and_the_same_each_time() {
    let dir = TempDir::new().expect("a directory");
    let (request, logs) = corpus(dir.path());
    let dive = dive(&request, &logs);
    let shards = dive.shards(4).expect("shares");
    let mut paths: Vec<PathBuf> = shards
        .iter()
        .flat_map(|shard| shard.paths().map(Path::to_path_buf))
        .collect();
    paths.sort();
    let count = paths.len();
    paths.dedup();
    assert_eq!((paths.len(), dive.plan().inputs.len()), (count, count));
    let loads: Vec<u64> = shards.iter().map(Shard::bytes).collect();
    assert_eq!(loads.iter().sum::<u64>(), dive.plan().bytes);
    let largest = dive
        .plan()
        .inputs
        .iter()
        .map(|input| input.1)
        .max()
        .expect("inputs");
    let (least, most) = (
        loads.iter().min().expect("loads"),
        loads.iter().max().expect("loads"),
    );
    assert!(most - least <= largest, "{loads:?}");
    for (one, other) in shards.iter().zip(dive.shards(4).expect("shares")) {
        assert_eq!(one.to_json().expect("JSON"), other.to_json().expect("JSON"));
        assert_eq!((one.of(), one.plan()), (4, other.plan()));
    }
}

const REQUEST: &str = r#"
version = 1
id = "SIRT-1"
requested_at = 2026-11-08T09:00:00Z
[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"
[scope]
evidence = "an export"
namespaces = [{ path = "acmecorp", id = 77 }]
[window]
from = 2026-11-01T00:00:00Z
to = 2026-11-08T00:00:00Z
[[select]]
namespaces = ["acmecorp"]
events = ["raw:ProjectsController#show"]
[disclosure]
personal_data = true
"#;

/// Two files; a stranger is named as such in the second one alone, and speaks of himself in the first.
fn strangers(dir: &Path) -> (PathBuf, PathBuf) {
    let line = |time: &str, user: &str, message: &str| {
        format!(
            "{{\"time\":\"2026-11-02T{time}Z\",\"meta.project\":\"acmecorp/web\",\"meta.user\":\"{user}\",\"controller\":\"ProjectsController\",\"action\":\"show\",\"method\":\"GET\",\"status\":200,\"exception.message\":\"{message}\"}}\n"
        )
    };
    let logs = dir.join("logs");
    fs::create_dir_all(logs.join("a")).expect("a directory");
    fs::create_dir_all(logs.join("b")).expect("a directory");
    let first = line(
        "10:00:00.000",
        "nobody1",
        "request failed for project update user table",
    );
    fs::write(logs.join("a/production_json.log"), first).expect("a file");
    let second = line("11:00:00.000", "table", "request failed");
    fs::write(logs.join("b/production_json.log"), second).expect("a file");
    let request = dir.join("request.toml");
    fs::write(&request, REQUEST).expect("a file");
    (request, logs)
}

#[test]
fn a_name_of_another_share_is_gone_from_this_one() {
    let dir = TempDir::new().expect("a directory");
    let (request, logs) = strangers(dir.path());
    let dive = dive(&request, &logs);
    let work = Work::new(&dive, 2);
    assert_eq!(work.shards.len(), 2);
    let facts = work.merged();
    let parts = work.redact(&facts);
    let out = work.gather(parts, &facts, "out").expect("an artefact");
    let whole = dir.path().join("whole");
    dive_into(&dive, &whole, Options::default(), NdjsonProvenance::create_in).expect("an artefact");
    assert_eq!(files(&out.join("disclosure")), files(&whole.join("disclosure")));
    // What one share alone would have made of it says more: the facts matter.
    let alone = Work {
        dir: TempDir::new().expect("a directory"),
        shards: self::dive(&request, &logs.join("a")).shards(1).expect("shares"),
    };
    let facts = alone.merged();
    let parts = alone.redact(&facts);
    let out = alone.gather(parts, &facts, "out").expect("an artefact");
    assert_ne!(
        files(&out.join("disclosure"))["records.ndjson.zst"],
        files(&whole.join("disclosure"))["records.ndjson.zst"]
    );
}

#[test]
fn nothing_is_readable_in_what_travels() {
    let dir = TempDir::new().expect("a directory");
    let (request, logs) = strangers(dir.path());
    let work = Work::new(&dive(&request, &logs), 2);
    let facts = work.merged();
    let parts = work.redact(&facts);
    let holds = |bytes: &[u8], text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    for path in parts.iter().chain([&facts, &work.path("facts", 0)]) {
        let bytes = fs::read(path).expect("a file");
        for secret in [&b"nobody1"[..], b"acmecorp", b"production_json", &KEY] {
            assert!(!holds(&bytes, secret), "{}", path.display());
        }
        let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(path).expect("metadata"));
        assert_eq!(mode & 0o777, 0o600);
    }
    for shard in &work.shards {
        let json = shard.to_json().expect("JSON");
        assert!(!json.contains("nobody1") && !json.contains("070707"));
    }
}

fn refused(done: Result<impl Sized, Error>, kind: ErrorKind, says: &str) {
    let error = done.err().expect("it is refused");
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(says), "{error}");
}

#[test]
fn what_does_not_belong_together_is_refused() {
    let dir = TempDir::new().expect("a directory");
    let (request, logs) = strangers(dir.path());
    let work = Work::new(&dive(&request, &logs), 2);
    let each = work.learn();
    let all = work.merged();
    let parts = work.redact(&all);
    let config = ErrorKind::Config;
    let out = work.dir.path().join("x");
    refused(
        cluster::merge(&each[..1], &Values::new(), &secret(), &out),
        config,
        "missing: 1",
    );
    refused(
        cluster::merge(std::slice::from_ref(&all), &Values::new(), &secret(), &out),
        config,
        "all shares already",
    );
    refused(
        cluster::merge(&[], &Values::new(), &secret(), &out),
        config,
        "no facts",
    );
    refused(
        cluster::merge(&each, &Values::new(), &Secret::Material([8; 32]), &out),
        config,
        "cannot be opened",
    );
    refused(work.task(0).redact(&each[0], &out), config, "facts of one share");
    refused(work.task(0).redact(&parts[0], &out), config, "no file of facts");
    refused(work.gather(parts[..1].to_vec(), &all, "y"), config, "missing: 1");
    refused(
        work.gather(parts.clone(), &each[0], "y"),
        config,
        "facts of one share",
    );
    refused(work.gather(vec![all.clone()], &all, "y"), config, "no part");
    // Another plan.
    let other = Work::new(&self::dive(&request, &logs.join("a")), 1);
    let theirs = other.merged();
    refused(work.task(0).redact(&theirs, &out), config, "another plan");
    let mut mixed = parts.clone();
    mixed.extend(other.redact(&theirs));
    refused(work.gather(mixed, &all, "y"), config, "another plan");
    assert!(!out.exists() && !work.dir.path().join("y").exists());
    // Damage anywhere.
    for path in [&all, &parts[0]] {
        let bytes = fs::read(path).expect("a file");
        for at in (0..bytes.len()).step_by(bytes.len() / 97 + 1) {
            let mut other = bytes.clone();
            other[at] ^= 1 << (at % 8);
            fs::write(path, &other).expect("a file");
            assert!(
                work.gather(parts.clone(), &all, "y").is_err(),
                "{}: byte {at}",
                path.display()
            );
            fs::write(path, &bytes[..at]).expect("a file");
            assert!(
                work.gather(parts.clone(), &all, "y").is_err(),
                "{}: cut at {at}",
                path.display()
            );
        }
        fs::write(path, [&bytes[..], b"x"].concat()).expect("a file");
        assert!(
            work.gather(parts.clone(), &all, "y").is_err(),
            "{}: more",
            path.display()
        );
        fs::write(path, &bytes).expect("a file");
    }
    work.gather(parts, &all, "y").expect("an artefact");
}

#[test]
fn changed_shares_and_inputs_are_refused() {
    let dir = TempDir::new().expect("a directory");
    let (request, logs) = strangers(dir.path());
    let work = Work::new(&dive(&request, &logs), 2);
    let json = work.shards[0].to_json().expect("JSON");
    for (from, to) in [
        ("\"ordinal\":0", "\"ordinal\":1"),
        ("acmecorp", "otherco1"),
        ("/a/", "/b/"),
        ("\"learn_all\":false", "\"learn_all\":true"),
    ] {
        assert!(json.contains(from), "{from}");
        refused(
            Shard::from_json(&json.replacen(from, to, 1)),
            ErrorKind::Config,
            "changed",
        );
    }
    refused(Shard::from_json("{}"), ErrorKind::Config, "no shard");
    fs::write(logs.join("a/production_json.log"), "{}\n").expect("a file");
    refused(
        work.task(0).learn(&work.path("facts", 0)),
        ErrorKind::Source,
        "changed after",
    );
    assert!(!work.path("facts", 0).exists());
}

#[test]
fn what_needs_all_inputs_is_not_shared_out() {
    let dir = TempDir::new().expect("a directory");
    let (request, logs) = strangers(dir.path());
    let profile = Profile::gitlab();
    let request = Request::load(&request, &profile).expect("a request");
    let builder = || {
        Dive::builder(request.clone(), Arc::clone(&profile))
            .inputs([logs.clone()])
            .now(now())
    };
    for builder in [
        builder().follow_ids(true),
        builder().follow_correlation(true),
        builder().dedup(true),
    ] {
        let dive = builder.build().expect("a dive");
        refused(dive.shards(2), ErrorKind::Config, "all inputs at once");
    }
}

#[test]
fn records_of_a_share_go_to_any_sink() {
    let dir = TempDir::new().expect("a directory");
    let (request, logs) = strangers(dir.path());
    let work = Work::new(&dive(&request, &logs), 2);
    let facts = work.merged();
    let disclosed: u64 = (0..2)
        .map(|nth| {
            let mut sink = CountSink::default();
            work.task(nth)
                .redact_into(&facts, &mut sink)
                .expect("records")
                .counts
                .disclosed
        })
        .sum();
    assert_eq!(disclosed, 2);
}
