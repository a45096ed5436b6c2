//! A dive over workers: `plan --shards`, `learn`, `merge`, `redact --shard`, `gather`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;

use crate::run::{Corpus, Ran, arg, decostop, names, run};

/// Shares of a corpus, and a key.
struct Work {
    dir: TempDir,
    shards: Vec<PathBuf>,
}

impl Work {
    fn new(count: &str) -> Self {
        Self::over(Corpus::sound(), count)
    }

    fn over(corpus: &Corpus, count: &str) -> Self {
        let dir = TempDir::new().expect("a directory");
        fs::write(dir.path().join("key"), [9; 32]).expect("a file");
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(dir.path().join("key"), mode).expect("a file");
        let (request, logs) = (corpus.path("request.toml"), corpus.path("logs"));
        let out = dir.path().join("shards");
        run(&[
            "plan",
            arg(&request),
            arg(&logs),
            "--shards",
            count,
            "--out",
            arg(&out),
        ])
        .exits(0)
        .says("no key");
        let shards = names(&out).iter().map(|name| out.join(name)).collect();
        Self { dir, shards }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn key(&self) -> PathBuf {
        self.path("key")
    }

    fn facts(&self) -> PathBuf {
        let all = self.path("facts");
        let mut args = vec!["merge".to_owned()];
        for (nth, shard) in self.shards.iter().enumerate() {
            let out = self.path(&format!("facts-{nth}"));
            run(&[
                "learn",
                arg(shard),
                "--key-file",
                arg(&self.key()),
                "--out",
                arg(&out),
                "-q",
            ])
            .exits(0);
            args.push(arg(&out).to_owned());
        }
        args.extend(["--key-file", arg(&self.key()), "--out", arg(&all)].map(str::to_owned));
        run(&args.iter().map(String::as_str).collect::<Vec<_>>()).exits(0);
        all
    }

    fn part(&self, nth: usize) -> PathBuf {
        self.path(&format!("part-{nth}"))
    }

    fn gather(&self, facts: &Path) -> PathBuf {
        let (out, key) = (self.path("out"), self.key());
        let mut args = vec!["gather".to_owned()];
        args.extend((0..self.shards.len()).map(|nth| arg(&self.part(nth)).to_owned()));
        let more = ["--facts", arg(facts), "--key-file", arg(&key), "--out", arg(&out)];
        args.extend(more.map(str::to_owned));
        run(&args.iter().map(String::as_str).collect::<Vec<_>>())
            .exits(0)
            .says("verified");
        out
    }
}

fn disclosure(out: &Path) -> Vec<(String, Vec<u8>)> {
    let dir = out.join("disclosure");
    let read = |name: String| {
        let bytes = fs::read(dir.join(&name)).expect("a file");
        (name, bytes)
    };
    names(&dir).into_iter().map(read).collect()
}

/// What one process makes of it.
fn whole(work: &Work) -> PathBuf {
    let (request, logs) = (Corpus::sound().path("request.toml"), Corpus::sound().path("logs"));
    let out = work.path("whole");
    run(&[
        "scan",
        "--request",
        arg(&request),
        arg(&logs),
        "--key-file",
        arg(&work.key()),
        "--out",
        arg(&out),
        "-q",
    ])
    .exits(0);
    out
}

#[test]
fn workers_give_what_one_process_gives_even_if_one_is_killed() {
    let work = Work::new("3");
    assert_eq!(work.shards.len(), 3);
    let facts = work.facts();
    for (nth, shard) in work.shards.iter().enumerate() {
        let redact = || {
            let mut command = decostop();
            command
                .args([
                    "redact",
                    "--shard",
                    arg(shard),
                    "--facts",
                    arg(&facts),
                    "--out",
                    arg(&work.part(nth)),
                    "-q",
                ])
                // As schedulers hand it over.
                .env("DECOSTOP_KEY_FILE", work.key())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            command
        };
        if nth == 1 {
            let mut killed = redact().spawn().expect("it runs");
            sleep(Duration::from_millis(30));
            killed.kill().expect("it is killed");
            killed.wait().expect("it ends");
        }
        assert!(redact().status().expect("it runs").success());
    }
    let out = work.gather(&facts);
    assert_eq!(disclosure(&out), disclosure(&whole(&work)));
    run(&[
        "verify",
        arg(&out),
        "--against",
        arg(&Corpus::sound().path("logs")),
    ])
    .exits(0);
}

#[test]
fn what_a_killed_step_left_is_gone_when_it_ran_again() {
    let work = Work::new("1");
    let (facts, parts) = (work.facts(), work.path("parts"));
    fs::create_dir(&parts).expect("a directory");
    let mut redact = decostop();
    redact
        .args(["redact", "--shard", arg(&work.shards[0]), "--facts", arg(&facts)])
        .args(["--out", arg(&parts.join("part-0")), "-q"])
        .env("DECOSTOP_KEY_FILE", work.key())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    // As often as it takes: it may come to its end before it is killed.
    let left = loop {
        let mut killed = redact.spawn().expect("it runs");
        while names(&parts).is_empty() {
            sleep(Duration::from_millis(1));
        }
        killed.kill().expect("it is killed");
        killed.wait().expect("it ends");
        let left = names(&parts);
        if left != ["part-0"] {
            break left;
        }
        fs::remove_file(parts.join("part-0")).expect("a part");
    };
    assert!(
        left.len() == 1 && left[0].starts_with(".part-0.partial-"),
        "{left:?}"
    );
    assert!(redact.status().expect("it runs").success());
    assert_eq!(names(&parts), ["part-0"]);
}

#[test]
fn shares_go_to_standard_output_as_json() {
    let (request, logs) = (Corpus::sound().path("request.toml"), Corpus::sound().path("logs"));
    let ran = run(&["plan", arg(&request), arg(&logs), "--shards", "2"]).exits(0);
    let shards: Vec<serde_json::Value> = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(shards.len(), 2);
    for (nth, shard) in shards.iter().enumerate() {
        assert_eq!(
            (shard["ordinal"].as_u64(), shard["of"].as_u64()),
            (Some(nth as u64), Some(2))
        );
        assert!(shard["bytes"].as_u64() > Some(0) && !shard["inputs"].as_array().expect("inputs").is_empty());
    }
    run(&["plan", arg(&request), arg(&logs), "--shards", "0"]).exits(1);
    // What cannot be read stands in the way of nothing else.
    let dir = TempDir::new().expect("a directory");
    std::os::unix::fs::symlink("nowhere", dir.path().join("x.log")).expect("a link");
    let ran = run(&[
        "plan",
        arg(&request),
        arg(&logs),
        arg(dir.path()),
        "--shards",
        "2",
    ]);
    let ran = ran.exits(0).says("x.log cannot be read");
    let shards: Vec<serde_json::Value> = serde_json::from_str(&ran.out).expect("JSON");
    assert_eq!(shards.len(), 2);
    // A directory is there when it is complete, and never replaced.
    let work = Work::new("2");
    let out = work.path("shards");
    let args = [
        "plan",
        arg(&request),
        arg(&logs),
        "--shards",
        "2",
        "--out",
        arg(&out),
    ];
    run(&args).exits(1).says("shards");
    assert_eq!(names(work.dir.path()), ["key", "shards"]);
    assert_eq!(names(&out), ["shard-0000.json", "shard-0001.json"]);
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&out).expect("a directory"));
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_step_says_what_is_missing() {
    let work = Work::new("2");
    let (shard, out) = (work.shards[0].clone(), work.path("x"));
    run(&["learn", arg(&shard), "--out", arg(&out)])
        .exits(1)
        .says("--key-file");
    run(&[
        "redact",
        "--shard",
        arg(&shard),
        "--facts",
        arg(&out),
        "--out",
        arg(&out),
    ])
    .exits(1)
    .says("DECOSTOP_KEY_FILE");
    let key = work.key();
    run(&["learn", arg(&out), "--key-file", arg(&key), "--out", arg(&out)])
        .exits(1)
        .says("read the shard");
    run(&["learn", arg(&key), "--key-file", arg(&key), "--out", arg(&out)]).exits(1);
    run(&[
        "learn",
        arg(&shard),
        "--key-file",
        arg(&key),
        "--out",
        arg(&out),
        "-q",
    ])
    .exits(0);
    run(&[
        "merge",
        arg(&out),
        "--key-file",
        arg(&key),
        "--out",
        arg(&work.path("y")),
    ])
    .exits(1)
    .says("missing: 1");
    run(&[
        "gather",
        arg(&out),
        "--facts",
        arg(&out),
        "--key-file",
        arg(&key),
        "--out",
        arg(&work.path("y")),
    ])
    .exits(1)
    .says("merge");
    assert!(!work.path("y").exists());
}

/// More parts than one process may have files open.
#[test]
fn parts_are_not_held_open() {
    let work = Work::new("14");
    assert!(work.shards.len() > 12);
    let (facts, key, out) = (work.facts(), work.key(), work.path("out"));
    for (nth, shard) in work.shards.iter().enumerate() {
        let part = work.part(nth);
        run(&[
            "redact",
            "--shard",
            arg(shard),
            "--facts",
            arg(&facts),
            "--key-file",
            arg(&key),
            "--out",
            arg(&part),
            "-q",
        ])
        .exits(0);
    }
    let parts: Vec<PathBuf> = (0..work.shards.len()).map(|nth| work.part(nth)).collect();
    let mut limited = std::process::Command::new("sh");
    limited
        .args(["-c", "ulimit -n 13 && exec \"$@\"", "sh"])
        .arg(decostop().get_program())
        .arg("gather")
        .args(parts)
        .args([
            "--facts",
            arg(&facts),
            "--key-file",
            arg(&key),
            "--out",
            arg(&out),
            "-q",
        ])
        .stdin(Stdio::null());
    let ran = limited.output().expect("it runs");
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
}

/// What a step says to have withheld.
fn withheld(ran: &Ran) -> u64 {
    let told = ran.err.lines().find_map(|line| line.strip_prefix("incomplete: "));
    let count = told.and_then(|told| told.split(' ').next());
    count.map_or(0, |count| count.replace(',', "").parse().expect("a count"))
}

#[test]
fn a_step_that_withheld_ends_as_a_dive_does() {
    let work = Work::over(Corpus::damaged(), "3");
    let (all, out, key) = (work.path("facts"), work.path("out"), work.key());
    let mut merge = vec!["merge".to_owned()];
    for (nth, shard) in work.shards.iter().enumerate() {
        let facts = work.path(&format!("facts-{nth}"));
        let learn = [
            "learn",
            arg(shard),
            "--key-file",
            arg(&key),
            "--out",
            arg(&facts),
            "-q",
        ];
        let ran = run(&learn);
        assert!(
            ran.code == Some(if withheld(&ran) > 0 { 2 } else { 0 }),
            "{}",
            ran.err
        );
        // It says how much is to be tolerated.
        let tolerated = withheld(&ran).to_string();
        run(&[&learn[..], &["--allow-withheld", &tolerated]].concat()).exits(0);
        merge.push(arg(&facts).to_owned());
    }
    merge.extend(["--key-file", arg(&key), "--out", arg(&all)].map(str::to_owned));
    run(&merge.iter().map(String::as_str).collect::<Vec<_>>()).exits(0);
    let (mut sum, mut gather) = (0, vec!["gather".to_owned()]);
    for (nth, shard) in work.shards.iter().enumerate() {
        let part = work.part(nth);
        let redact = [
            &["redact", "--shard", arg(shard), "--facts", arg(&all)][..],
            &["--key-file", arg(&key), "--out", arg(&part), "-q"],
        ]
        .concat();
        let ran = run(&redact);
        let tolerated = withheld(&ran);
        assert!(ran.code == Some(if tolerated > 0 { 2 } else { 0 }), "{}", ran.err);
        assert!(part.exists(), "what could be redacted is there");
        sum += tolerated;
        let tolerated = tolerated.to_string();
        run(&[&redact[..], &["--allow-withheld", &tolerated]].concat()).exits(0);
        gather.push(arg(&part).to_owned());
    }
    let more = [
        "--facts",
        arg(&all),
        "--key-file",
        arg(&key),
        "--out",
        arg(&out),
        "-q",
    ];
    gather.extend(more.map(str::to_owned));
    let ran = run(&gather.iter().map(String::as_str).collect::<Vec<_>>()).exits(2);
    assert!(sum > 0 && withheld(&ran) == sum, "{sum}: {}", ran.err);
}

#[test]
fn accounts_are_bound_to_the_plan_and_go_on_in_the_facts() {
    let dir = TempDir::new().expect("a directory");
    let path = |name: &str| dir.path().join(name);
    let (request, logs) = (Corpus::sound().path("request.toml"), Corpus::sound().path("logs"));
    let (key, accounts, shards) = (path("key"), path("accounts.csv"), path("shards"));
    fs::write(&key, [9; 32]).expect("a file");
    // Words that the corpus writes: as names of others they leave its texts.
    fs::write(&accounts, "username\nmallory77\nuser\nproject\n").expect("a file");
    let key = ["--key-file", arg(&key)];
    let known = ["--accounts", arg(&accounts)];
    let plan = [
        "plan",
        arg(&request),
        arg(&logs),
        "--shards",
        "2",
        "--out",
        arg(&shards),
    ];
    run(&[&plan[..], &known].concat())
        .exits(1)
        .says("--accounts needs the key");
    run(&[&plan[..], &known, &key].concat()).exits(0);
    let shards = names(&shards).into_iter().map(|name| shards.join(name));
    let shards: Vec<PathBuf> = shards.collect();
    let facts: Vec<PathBuf> = (0..2).map(|nth| path(&format!("facts-{nth}"))).collect();
    for (shard, facts) in shards.iter().zip(&facts) {
        assert!(!fs::read_to_string(shard).expect("JSON").contains("mallory77"));
        run(&[&["learn", arg(shard), "--out", arg(facts), "-q"], &key[..]].concat()).exits(0);
    }
    let all = path("facts");
    let merge = ["merge", arg(&facts[0]), arg(&facts[1]), "--out", arg(&all)];
    run(&[&merge[..], &key].concat())
        .exits(1)
        .says("planned with accounts")
        .says("--accounts");
    run(&[&merge[..], &known, &key].concat()).exits(0);
    let parts: Vec<PathBuf> = (0..2).map(|nth| path(&format!("part-{nth}"))).collect();
    for (shard, part) in shards.iter().zip(&parts) {
        let redact = [
            "redact",
            "--shard",
            arg(shard),
            "--facts",
            arg(&all),
            "--out",
            arg(part),
            "-q",
        ];
        run(&[&redact[..], &key].concat()).exits(0);
    }
    let (out, whole) = (path("out"), path("whole"));
    let gather = [
        "gather",
        arg(&parts[0]),
        arg(&parts[1]),
        "--facts",
        arg(&all),
        "--out",
        arg(&out),
    ];
    run(&[&gather[..], &key].concat()).exits(0);
    let scan = [
        "scan",
        "--request",
        arg(&request),
        arg(&logs),
        "--out",
        arg(&whole),
        "-q",
    ];
    run(&[&scan[..], &known, &key].concat()).exits(0);
    assert_eq!(disclosure(&out), disclosure(&whole));
    let dictionary = |out: &Path| fs::read_to_string(out.join("internal/dictionary.csv")).expect("a file");
    assert!(dictionary(&out) == dictionary(&whole) && dictionary(&out).contains("mallory77"));
}
