//! Dives in shares of which a part went wrong, or that were set otherwise than by default: what one process
//! gives, or a refusal.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use decostop::artefact::{NdjsonProvenance, Options};
use decostop::cluster::{self, Gather, Secret, Shard, Task};
use decostop::request::Request;
use decostop::sink::CountSink;
use decostop::{Dive, DiveBuilder, Error, ErrorKind, Limits, dive_into};
use decostop_profile::{Class, Profile, Values};

const KEY: [u8; 32] = [7; 32];
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
namespaces = [{ path = "acme", id = 77 }]
[window]
from = 2026-11-01T00:00:00Z
to = 2026-11-08T00:00:00Z
[[select]]
namespaces = ["acme"]
events = ["raw:*"]
[disclosure]
personal_data = true
[[exception]]
condition = "events.few"
reason = "a test"
approved_by = "nobody"
"#;
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_000_000)
}
fn line(second: usize, more: &str) -> String {
    format!(
        "{{\"time\":\"2026-11-02T10:00:{second:02}.000Z\",\"meta.project\":\"acme/payments/api\"{more}}}\n"
    )
}
fn builder(profile: &Arc<Profile>, logs: &Path) -> DiveBuilder {
    let request = Request::parse_with(REQUEST, Path::new(""), profile).expect("a request");
    Dive::builder(request, Arc::clone(profile))
        .inputs([logs.to_owned()])
        .key_material(KEY)
        .threads(1)
        .now(now())
}
fn task(shard: &Shard) -> Task {
    Task::new(shard.clone(), Secret::Material(KEY))
        .threads(1)
        .now(now())
}
fn all(dir: &Path, shards: &[Shard]) -> Result<(PathBuf, Vec<PathBuf>), Error> {
    all_with(dir, shards, &Values::new())
}
fn all_with(dir: &Path, shards: &[Shard], accounts: &Values) -> Result<(PathBuf, Vec<PathBuf>), Error> {
    let mut facts = Vec::new();
    for shard in shards {
        let path = dir.join(format!("facts-{}", shard.ordinal()));
        task(shard).learn(&path)?;
        facts.push(path);
    }
    let merged = dir.join("merged");
    cluster::merge(&facts, accounts, &Secret::Material(KEY), &merged)?;
    let mut parts = Vec::new();
    for shard in shards {
        let path = dir.join(format!("part-{}", shard.ordinal()));
        task(shard).redact(&merged, &path)?;
        parts.push(path);
    }
    Ok((merged, parts))
}
fn gather(dir: &Path, facts: &Path, parts: Vec<PathBuf>) -> Result<PathBuf, Error> {
    Gather::new(parts, facts, Secret::Material(KEY))
        .now(now())
        .into_directory(&dir.join("out"), Options::default(), NdjsonProvenance::create_in)
        .map(|done| done.path)
}
fn alone(dir: &Path, dive: &Dive) -> PathBuf {
    dive_into(
        dive,
        &dir.join("alone"),
        Options::default(),
        NdjsonProvenance::create_in,
    )
    .expect("an artefact")
    .path
}
fn records(out: &Path) -> String {
    let bytes = fs::read(out.join("disclosure/records.ndjson.zst")).expect("records");
    String::from_utf8(zstd::decode_all(&bytes[..]).expect("zstd")).expect("text")
}
fn names_elsewhere(dir: &Path) -> PathBuf {
    let logs = dir.join("logs");
    fs::create_dir(&logs).expect("a directory");
    fs::write(
        logs.join("production_json.log.1"),
        line(1, ",\"message\":\"the DefaultAccount was seen\""),
    )
    .expect("a file");
    fs::write(
        logs.join("production_json.log.2"),
        line(2, ",\"username\":\"DefaultAccount\",\"user_id\":9009"),
    )
    .expect("a file");
    logs
}
fn set_mtime(path: &Path, mtime: SystemTime) {
    fs::File::options()
        .write(true)
        .open(path)
        .expect("a file")
        .set_modified(mtime)
        .expect("a time");
}

#[test]
fn a_profile_of_ones_own_travels() {
    let dir = tempfile::tempdir().expect("a directory");
    let logs = names_elsewhere(dir.path());
    let text = Profile::builtin_text("gitlab").expect("built in").replacen(
        "name = \"gitlab\"",
        "name = \"ours\"",
        1,
    );
    let profile = Arc::new(Profile::parse(&text).expect("a profile"));
    let dive = builder(&profile, &logs).build().expect("a dive");
    all(dir.path(), &dive.shards(2).expect("shards")).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn limits_travel() {
    let dir = tempfile::tempdir().expect("a directory");
    let logs = names_elsewhere(dir.path());
    let mut limits = Limits::default();
    limits.max_line_bytes = 110;
    let dive = builder(&Profile::gitlab(), &logs)
        .limits(limits)
        .build()
        .expect("a dive");
    let (facts, parts) = all(dir.path(), &dive.shards(2).expect("shards")).expect("parts");
    let out = gather(dir.path(), &facts, parts).expect("gathered");
    assert_eq!(records(&out), records(&alone(dir.path(), &dive)));
}

#[test]
fn what_is_not_read_is_told() {
    let dir = tempfile::tempdir().expect("a directory");
    let logs = names_elsewhere(dir.path());
    fs::hard_link(logs.join("production_json.log.1"), logs.join("zz.log")).expect("a link");
    let dive = builder(&Profile::gitlab(), &logs).build().expect("a dive");
    let (facts, parts) = all(dir.path(), &dive.shards(2).expect("shards")).expect("parts");
    let inputs = |out: &Path| {
        let text = fs::read_to_string(out.join("internal/run.json")).expect("a file");
        let run: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        run["inputs"].clone()
    };
    let out = gather(dir.path(), &facts, parts).expect("gathered");
    assert_eq!(inputs(&out), inputs(&alone(dir.path(), &dive)));
}

#[test]
fn a_worker_that_saw_less_lets_no_name_through() {
    let dir = tempfile::tempdir().expect("a directory");
    let logs = names_elsewhere(dir.path());
    let dive = builder(&Profile::gitlab(), &logs).build().expect("a dive");
    let shards = dive.shards(2).expect("shards");
    // What a stale mount shows: the same size and time, other bytes.
    let path = logs.join("production_json.log.2");
    let (bytes, mtime) = (
        fs::read(&path).expect("a file"),
        fs::metadata(&path).and_then(|m| m.modified()).expect("a time"),
    );
    fs::write(&path, vec![b' '; bytes.len()]).expect("a file");
    set_mtime(&path, mtime);
    let mut facts = Vec::new();
    for shard in &shards {
        let path = dir.path().join(format!("facts-{}", shard.ordinal()));
        task(shard).learn(&path).expect("learned");
        facts.push(path);
    }
    let merged = dir.path().join("merged");
    cluster::merge(&facts, &Values::new(), &Secret::Material(KEY), &merged).expect("merged");
    fs::write(&path, bytes).expect("a file");
    set_mtime(&path, mtime);
    let at = |shard: &&Shard| shard.paths().any(|other| other == path);
    let (seen, unseen) = (shards.iter().find(|shard| !at(shard)), shards.iter().find(at));
    let (seen, unseen) = (seen.expect("a share"), unseen.expect("a share"));
    let out = dir.path().join("part");
    task(seen)
        .redact(&merged, &out)
        .expect("nothing is wrong with this one");
    fs::remove_file(&out).expect("a part");
    let refused = [
        task(unseen).redact(&merged, &out).err(),
        task(unseen).redact_into(&merged, &mut CountSink::default()).err(),
    ];
    for error in refused {
        let error = error.expect("refused");
        assert_eq!(error.kind(), ErrorKind::Source);
        assert!(error.to_string().contains("do not teach"), "{error}");
    }
    assert!(!out.exists());
}

#[test]
fn frames_of_two_runs_do_not_fit_together() {
    // Records enough for several frames, and two runs of one shard by different facts.
    let dir = tempfile::tempdir().expect("a directory");
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).expect("a directory");
    let many: String = (0..20_000)
        .map(|nth| line(nth % 60, &format!(",\"status\":200,\"duration_s\":{nth}")))
        .collect();
    fs::write(logs.join("production_json.log.1"), &many).expect("a file");
    let dive = builder(&Profile::gitlab(), &logs).build().expect("a dive");
    let shards = dive.shards(1).expect("shards");
    let (facts, parts) = all(dir.path(), &shards).expect("parts");
    let one = fs::read(&parts[0]).expect("a part");
    // The same size and time, other statuses.
    let path = logs.join("production_json.log.1");
    let mtime = fs::metadata(&path).and_then(|m| m.modified()).expect("a time");
    fs::write(&path, many.replace("\"status\":200", "\"status\":404")).expect("a file");
    set_mtime(&path, mtime);
    task(&shards[0]).redact(&facts, &parts[0]).expect("a part");
    let two = fs::read(&parts[0]).expect("a part");
    let borders = |bytes: &[u8]| {
        let head = u32::from_le_bytes(bytes[18..22].try_into().expect("four")) as usize;
        let mut at = 22 + head;
        let mut all = vec![at];
        while at < bytes.len() {
            at += 5 + 24 + u32::from_le_bytes(bytes[at + 1..at + 5].try_into().expect("four")) as usize;
            all.push(at);
        }
        all
    };
    let (a, b) = (borders(&one), borders(&two));
    assert!(a == b && a.len() > 4, "{a:?}");
    let mixed = [&one[..a[2]], &two[a[2]..]].concat();
    fs::write(&parts[0], mixed).expect("a part");
    let out = gather(dir.path(), &facts, parts);
    assert!(
        out.expect_err("two runs")
            .to_string()
            .contains("cannot be opened")
    );
    // Each of the two by itself is one.
    for whole in [one, two] {
        let part = dir.path().join("part-0");
        fs::write(&part, whole).expect("a part");
        let out = gather(dir.path(), &facts, vec![part]).expect("gathered");
        fs::remove_dir_all(out).expect("removed");
    }
}

#[test]
fn a_share_that_was_made_to_fit_itself_does_not_fit_the_plan() {
    let dir = tempfile::tempdir().expect("a directory");
    let logs = names_elsewhere(dir.path());
    fs::write(logs.join("production_json.log.3"), line(3, "")).expect("a file");
    let dive = builder(&Profile::gitlab(), &logs).build().expect("a dive");
    let shards = dive.shards(2).expect("shards");
    let nth = shards
        .iter()
        .position(|shard| shard.paths().count() == 2)
        .expect("two files in one");
    let mut json: serde_json::Value =
        serde_json::from_str(&shards[nth].to_json().expect("JSON")).expect("JSON");
    let gone = json["inputs"]
        .as_array_mut()
        .expect("inputs")
        .pop()
        .expect("an input");
    json["bytes"] = (json["bytes"].as_u64().expect("bytes") - gone["bytes"].as_u64().expect("bytes")).into();
    // As a share makes its digest.
    let (plan, way) = (json["plan"].clone(), json["way"].clone());
    for (key, empty) in [
        ("digest", "".into()),
        ("plan", "".into()),
        ("way", serde_json::json!([])),
    ] {
        json[key] = empty;
    }
    json["digest"] = blake3::hash(json.to_string().as_bytes())
        .to_hex()
        .to_string()
        .into();
    (json["plan"], json["way"]) = (plan, way);
    let refused = Shard::from_json(&json.to_string()).expect_err("it is not of the plan");
    assert!(refused.to_string().contains("changed after"), "{refused}");
    // The same of what is whole is a share: the digest is made as above.
    let whole = shards[nth].to_json().expect("JSON");
    let mut json: serde_json::Value = serde_json::from_str(&whole).expect("JSON");
    let digest = json["digest"].clone();
    for (key, empty) in [
        ("digest", "".into()),
        ("plan", "".into()),
        ("way", serde_json::json!([])),
    ] {
        json[key] = empty;
    }
    assert_eq!(
        digest,
        blake3::hash(json.to_string().as_bytes()).to_hex().as_str()
    );
}

#[test]
fn a_log_taken_for_a_shard_is_not_quoted() {
    for text in [
        line(1, ",\"mallory\":\"glpat-xyz\""),
        "\"mallory glpat-xyz\"".to_owned(),
        "{\"format\":{\"mallory\":1}}".to_owned(),
        "mallory glpat-xyz".to_owned(),
    ] {
        let error = Shard::from_json(&text).expect_err("no shard").to_string();
        assert!(error.contains("no shard") && error.contains("line 1"), "{error}");
        for part in ["mallory", "glpat", "acme", "meta"] {
            assert!(!error.contains(part), "{error}");
        }
    }
}

#[test]
fn a_step_replaces_nothing_but_a_file_of_its_kind() {
    let dir = tempfile::tempdir().expect("a directory");
    let logs = names_elsewhere(dir.path());
    let dive = builder(&Profile::gitlab(), &logs).build().expect("a dive");
    let shards = dive.shards(1).expect("shards");
    let (facts, parts) = all(dir.path(), &shards).expect("parts");
    let key = dir.path().join("key");
    fs::write(&key, KEY).expect("a file");
    let secret = Secret::Material(KEY);
    let sealed = fs::read(&parts[0]).expect("a part");
    let refused = [
        task(&shards[0]).learn(&key).err(),
        task(&shards[0]).learn(&parts[0]).err(),
        cluster::merge(&[dir.path().join("facts-0")], &Values::new(), &secret, &key).err(),
        task(&shards[0]).redact(&facts, &key).err(),
        task(&shards[0]).redact(&facts, &facts).err(),
    ];
    for error in refused {
        let error = error.expect("refused");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("exists already"), "{error}");
    }
    assert_eq!(fs::read(&key).expect("the key"), KEY);
    assert_eq!(fs::read(&parts[0]).expect("a part"), sealed);
    // A step that runs again replaces what it made.
    task(&shards[0]).redact(&facts, &parts[0]).expect("a part");
    assert_eq!(fs::read(&parts[0]).expect("a part"), sealed);
}

/// Names in a directory, hidden ones too.
fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).expect("a directory");
    let mut names: Vec<String> = entries
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_step_that_fails_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let logs = names_elsewhere(dir.path());
    let dive = builder(&Profile::gitlab(), &logs).build().expect("a dive");
    let shards = dive.shards(1).expect("shards");
    let (facts, _) = all(dir.path(), &shards).expect("parts");
    fs::write(logs.join("production_json.log.1"), "changed").expect("a file");
    let work = dir.path().join("work");
    fs::create_dir(&work).expect("a directory");
    let (out, cancelled) = (work.join("x"), Arc::new(true.into()));
    let stopped = || task(&shards[0]).cancel(Arc::clone(&cancelled));
    assert!(task(&shards[0]).redact(&facts, &out).is_err() && task(&shards[0]).learn(&out).is_err());
    assert!(stopped().redact(&facts, &out).is_err() && stopped().learn(&out).is_err());
    assert!(cluster::merge(&[facts], &Values::new(), &Secret::Material(KEY), &out).is_err());
    assert_eq!(names(&work), [""; 0]);
}

/// Of two results, in shares and alone: the same disclosure, the same lines withheld in the same order.
fn the_same(dir: &Path, dive: &Dive, count: usize) -> String {
    let shards = dive.shards(count).expect("shards");
    let (facts, parts) = all(dir, &shards).expect("parts");
    let (out, alone) = (gather(dir, &facts, parts).expect("gathered"), alone(dir, dive));
    let withheld = |out: &Path| fs::read_to_string(out.join("internal/withheld.ndjson")).expect("a file");
    assert_eq!(withheld(&out), withheld(&alone), "{count} shares");
    let disclosed = |out: &Path| {
        let dir = out.join("disclosure");
        let read = |name: String| (fs::read(dir.join(&name)).expect("a file"), name);
        names(&dir).into_iter().map(read).collect::<Vec<_>>()
    };
    assert!(disclosed(&out) == disclosed(&alone), "{count} shares");
    let told = withheld(&out);
    fs::remove_dir_all(out).expect("removed");
    fs::remove_dir_all(alone).expect("removed");
    told
}

#[test]
fn a_path_that_cannot_be_read_is_told_as_by_one_process() {
    let dir = tempfile::tempdir().expect("a directory");
    let logs = names_elsewhere(dir.path());
    for name in ["aaa.log", "production_json.log.1!x", "zzz.log"] {
        std::os::unix::fs::symlink("nowhere", logs.join(name)).expect("a link");
    }
    let dive = builder(&Profile::gitlab(), &logs).build().expect("a dive");
    for count in [1, 2, 9] {
        let told = the_same(dir.path(), &dive, count);
        assert_eq!(told.matches("unreadable").count(), 3, "{told}");
    }
    // The first share tells, from its first step on.
    let shards = dive.shards(2).expect("shards");
    for shard in &shards {
        let learned = task(shard).learn(&dir.path().join("x")).expect("facts");
        let lost = if shard.ordinal() == 0 { 3 } else { 0 };
        assert_eq!(learned.missing(), lost);
    }
    // What cannot be read is all there is.
    for name in ["production_json.log.1", "production_json.log.2"] {
        fs::remove_file(logs.join(name)).expect("a file");
    }
    let dive = builder(&Profile::gitlab(), &logs).build().expect("a dive");
    let told = the_same(dir.path(), &dive, 2);
    assert_eq!(told.matches("unreadable").count(), 3, "{told}");
    // Nothing at all is no dive.
    fs::remove_dir_all(&logs).expect("removed");
    fs::create_dir(&logs).expect("a directory");
    let dive = builder(&Profile::gitlab(), &logs).build().expect("a dive");
    let refused = dive.shards(2).expect_err("nothing to read");
    assert!(refused.to_string().contains("nothing to read"), "{refused}");
}

#[test]
fn what_is_withheld_is_told_in_the_order_of_one_process() {
    let dir = tempfile::tempdir().expect("a directory");
    let logs = names_elsewhere(dir.path());
    let cut = |second| line(second, "").replace('}', "");
    let mut archive = tar::Builder::new(Vec::new());
    // The second file of the archive has its damage nearer to its begin than the first.
    for (name, text) in [
        (
            "a/production_json.log",
            [line(3, ""), line(4, ""), cut(5), cut(6)].concat(),
        ),
        ("b/production_json.log", [cut(7), line(8, ""), cut(9)].concat()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        header.set_mode(0o644);
        archive
            .append_data(&mut header, name, text.as_bytes())
            .expect("memory");
    }
    fs::write(logs.join("bundle.tar"), archive.into_inner().expect("memory")).expect("a file");
    for (name, text) in [("aa", [cut(10), line(11, "")]), ("zz", [line(12, ""), cut(13)])] {
        fs::create_dir(logs.join(name)).expect("a directory");
        fs::write(logs.join(name).join("production_json.log"), text.concat()).expect("a file");
    }
    let dive = builder(&Profile::gitlab(), &logs).build().expect("a dive");
    for count in [1, 2, 3, 9] {
        let told = the_same(dir.path(), &dive, count);
        assert_eq!(told.lines().count(), 6, "{told}");
    }
}

#[test]
fn accounts_do_in_shares_what_they_do_in_one_process() {
    let dir = tempfile::tempdir().expect("a directory");
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).expect("a directory");
    for nth in 1..4 {
        // Whom no line names as an account.
        let text = line(nth, ",\"message\":\"the DefaultAccount was seen\"");
        fs::write(logs.join(format!("production_json.log.{nth}")), text).expect("a file");
    }
    let accounts = |names: &[&str]| {
        let mut accounts = Values::new();
        for name in names {
            accounts.push(Class::User, name);
        }
        accounts
    };
    let (none, ours) = (Values::new(), accounts(&["DefaultAccount", "mallory77"]));
    let plain = builder(&Profile::gitlab(), &logs).build().expect("a dive");
    let with = || builder(&Profile::gitlab(), &logs).accounts(ours.clone());
    let dive = with().build().expect("a dive");
    let secret = Secret::Material(KEY);
    let one = alone(dir.path(), &dive);
    let disclosed = records(&one);
    assert!(!disclosed.contains("DefaultAccount"));
    let shards = dive.shards_with(2, &secret).expect("shards");
    for shard in &shards {
        let json = shard.to_json().expect("JSON");
        assert!(!json.contains("DefaultAccount") && !json.contains("mallory77"));
    }
    let (facts, parts) = all_with(dir.path(), &shards, &ours).expect("parts");
    let out = gather(dir.path(), &facts, parts).expect("gathered");
    assert_eq!(records(&out), disclosed);
    let dictionary = |out: &Path| fs::read(out.join("internal/dictionary.csv")).expect("a file");
    assert_eq!(dictionary(&out), dictionary(&one));
    // The order of the list is nothing of it; everything else is.
    let each: Vec<PathBuf> = (0..2)
        .map(|nth| dir.path().join(format!("facts-{nth}")))
        .collect();
    let merge = |accounts: &Values| cluster::merge(&each, accounts, &secret, &dir.path().join("again"));
    merge(&accounts(&["mallory77", "DefaultAccount"])).expect("the same");
    assert_eq!(
        fs::read(dir.path().join("again")).expect("facts"),
        fs::read(&facts).expect("facts")
    );
    for (accounts, says) in [
        (&none, "was planned with accounts"),
        (&accounts(&["DefaultAccount"]), "other accounts"),
    ] {
        let refused = merge(accounts).expect_err("not what was planned");
        assert_eq!(refused.kind(), ErrorKind::Config);
        assert!(refused.to_string().contains(says), "{refused}");
    }
    let shards = plain.shards(2).expect("shards");
    let refused = all_with(dir.path(), &shards, &ours).expect_err("not what was planned");
    assert!(
        refused.to_string().contains("planned without accounts"),
        "{refused}"
    );
    // Who has the shares and no key could else try names until one fits.
    let other = |key| {
        with()
            .build()
            .expect("a dive")
            .shards_with(2, &Secret::Material(key))
    };
    let plan = |key| other(key).expect("shards")[0].plan().to_owned();
    assert!(plan(KEY) == plan(KEY) && plan(KEY) != plan([8; 32]));
    let refused = dive.shards(2).expect_err("no key");
    assert!(refused.to_string().contains("key"), "{refused}");
}
