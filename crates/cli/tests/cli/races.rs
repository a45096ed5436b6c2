//! Files that are cut, added to, replaced or deleted while the binary maps and reads them: it never
//! crashes, and every record is there or the loss of its file is told.
//!
//! Which files are open at the moment `/proc` tells. `DECOSTOP_RACES=5000` harms that many.
#![cfg(target_os = "linux")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, SystemTime};

use decostop_testkit::Random;
use serde_json::Value;

use crate::run::{Ran, arg, decostop, records, run};

const CASES: usize = 240;
/// Files of one dive.
const FILES: usize = 80;
/// Records of one file.
const RECORDS: usize = 24;

const REQUEST: &str = r#"
version = 1
id = "RACES-1"
requested_at = 2026-11-08T09:00:00Z
[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"
[scope]
evidence = "a test"
namespaces = [{ path = "acmecorp", id = 770077007 }]
[window]
from = 2026-11-01T00:00:00Z
to = 2026-11-08T00:00:00Z
[[select]]
namespaces = ["acmecorp"]
events = ["raw:ProjectsController#show"]
"#;

/// The time of a record names its file and its place there.
fn time(file: usize, nth: usize) -> String {
    format!("2026-11-02T10:{:02}:{:02}.{nth:03}Z", file / 60, file % 60)
}

fn record(file: usize, nth: usize) -> String {
    format!(
        "{{\"time\":\"{}\",\"meta.project\":\"acmecorp/web\",\"controller\":\"ProjectsController\",\"action\":\"show\"}}\n",
        time(file, nth)
    )
}

/// Records among lines that take time: their escapes have to be undone before they are known to match nothing.
fn content(file: usize, random: &mut Random) -> Vec<u8> {
    let mut out = Vec::new();
    for nth in 0..RECORDS {
        for _ in 0..20 + random.below(20) {
            let line = format!(
                "{{\"note\":\"\\u0061%61 {:x} {:x}\"}}\n",
                random.next(),
                random.next()
            );
            out.extend(line.as_bytes());
        }
        out.extend(record(file, nth).as_bytes());
    }
    out
}

/// How a file is stored.
fn stored(file: usize, content: &[u8]) -> (String, Vec<u8>) {
    let frames = || content.chunks(content.len() / 3 + 1);
    let gzip = |part: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
        encoder.write_all(part).expect("a Vec takes everything");
        encoder.finish().expect("a Vec takes everything")
    };
    let (end, bytes) = match file % 4 {
        0 | 1 => ("", content.to_vec()),
        2 => (
            ".zst",
            frames()
                .flat_map(|part| zstd::encode_all(part, 1).expect("a Vec takes everything"))
                .collect(),
        ),
        _ => (".gz", frames().flat_map(gzip).collect()),
    };
    (format!("production_json-{file:04}.log{end}"), bytes)
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Harm {
    Append,
    /// Cut to nothing and written anew, as `copytruncate` does; to less than it was, since nobody can tell
    /// more of it from an addition if that happens before it is opened.
    Copytruncate,
    Cut,
    Delete,
    /// Another file of the same name.
    Replace,
}

fn harm(path: &Path, random: &mut Random) -> Harm {
    let harm = [
        Harm::Cut,
        Harm::Cut,
        Harm::Cut,
        Harm::Cut,
        Harm::Append,
        Harm::Copytruncate,
        Harm::Delete,
        Harm::Replace,
    ][random.below(8)];
    let open = || {
        File::options()
            .append(true)
            .open(path)
            .expect("the file is there")
    };
    let other = b"{\"time\":\"2026-11-02T10:59:59.999Z\",\"note\":\"another\"}\n"
        .repeat(1 + random.below(if harm == Harm::Copytruncate { 40 } else { 4000 }));
    match harm {
        Harm::Append => open().write_all(&other).expect("it can be written"),
        Harm::Copytruncate => {
            let mut file = open();
            file.set_len(0).expect("it can be cut");
            file.write_all(&other).expect("it can be written");
        }
        Harm::Cut => {
            let file = open();
            let size = file.metadata().expect("it has a size").len() as usize;
            let left = match random.below(4) {
                0 => 0,
                1 => random.below(size / 4096 + 1) * 4096,
                _ => random.below(size),
            };
            file.set_len(left.min(size) as u64).expect("it can be cut");
        }
        Harm::Delete => fs::remove_file(path).expect("it can be deleted"),
        Harm::Replace => {
            let beside = path.with_extension("new");
            fs::write(&beside, &other).expect("a file");
            fs::rename(&beside, path).expect("it can be replaced");
        }
    }
    harm
}

/// The files of a directory that a process has mapped or open now.
fn in_use(child: &Child, dir: &Path) -> Vec<PathBuf> {
    let process = PathBuf::from(format!("/proc/{}", child.id()));
    let maps = fs::read_to_string(process.join("maps")).unwrap_or_default();
    let mapped = maps
        .lines()
        .filter_map(|line| line.find('/').and_then(|at| line.get(at..)).map(PathBuf::from));
    let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    let open = open.filter_map(|entry| fs::read_link(entry.path()).ok());
    mapped.chain(open).filter(|path| path.starts_with(dir)).collect()
}

/// What was done to the files of one dive, and when.
#[derive(Default)]
struct Done {
    /// By file: what, and whether it was in use.
    harmed: BTreeMap<PathBuf, (Harm, bool)>,
    told: usize,
}

fn race(seed: u64, mapped: bool) -> Done {
    let random = &mut Random::new(seed);
    let dir = tempfile::tempdir().expect("a temporary directory");
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).expect("a directory");
    let old = SystemTime::now() - Duration::from_secs(3600);
    let mut paths = Vec::new();
    for file in 0..FILES {
        let (name, bytes) = stored(file, &content(file, random));
        let path = logs.join(name);
        fs::write(&path, bytes).expect("a file");
        // What was changed a moment ago is not mapped.
        let stamp = File::options()
            .write(true)
            .open(&path)
            .expect("the file is there");
        stamp.set_modified(old).expect("times can be set");
        paths.push(path);
    }
    let request = dir.path().join("request.toml");
    fs::write(&request, REQUEST).expect("a file");
    let out = dir.path().join("out");
    let mut command = decostop();
    command.args([
        "scan",
        "--request",
        arg(&request),
        arg(&logs),
        "--out",
        arg(&out),
        "--quiet",
    ]);
    if !mapped {
        command.arg("--no-mmap");
    }
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut done = Done::default();
    while child.try_wait().expect("a child").is_none() {
        let now = in_use(&child, &logs);
        // The directory itself is open while files are still being found.
        let begun = now.iter().any(|path| paths.contains(path));
        for path in now {
            if random.below(4) > 0 && paths.contains(&path) && !done.harmed.contains_key(&path) {
                done.harmed.insert(path.clone(), (harm(&path, random), true));
            }
        }
        // Now and then one that was found, and is not open yet or not any more.
        let path = &paths[random.below(paths.len())];
        if begun && random.below(8) == 0 && !done.harmed.contains_key(path) {
            done.harmed.insert(path.clone(), (harm(path, random), false));
        }
    }
    let ran = Ran::new(child.wait_with_output().expect("the binary ends"));
    let what = format!("seed {seed}, mapped {mapped}: {:?}; {}", ran.code, ran.err);
    assert!(matches!(ran.code, Some(0 | 2)), "{what}");
    let lines = |text: String| {
        text.lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect::<Vec<Value>>()
    };
    let found: BTreeSet<String> = lines(records(&out))
        .iter()
        .map(|record| record["time"].as_str().expect("a time").to_owned())
        .collect();
    let withheld = lines(fs::read_to_string(out.join("internal/withheld.ndjson")).expect("a file"));
    assert_eq!(ran.code == Some(2), !withheld.is_empty(), "{what}");
    let told: BTreeSet<&str> = withheld
        .iter()
        .map(|item| item["input"].as_str().expect("an input"))
        .collect();
    let mut known = BTreeSet::new();
    for (file, path) in paths.iter().enumerate() {
        let harmed = done.harmed.get(path);
        let missing = (0..RECORDS)
            .filter(|nth| !found.contains(&time(file, *nth)))
            .count();
        assert!(
            missing == 0 || told.contains(arg(path)),
            "{missing} records of {} are missing and nobody is told, {harmed:?}: {what}",
            path.display()
        );
        assert!(
            harmed.is_some() || !told.contains(arg(path)),
            "{} is whole: {what}",
            path.display()
        );
        known.extend((0..RECORDS).map(|nth| time(file, nth)));
    }
    assert!(found.is_subset(&known), "a record was never written: {what}");
    done.told = told.len();
    done
}

#[test]
fn no_file_that_changes_while_it_is_read_crashes_the_dive_or_loses_a_record_untold() {
    let cases = std::env::var("DECOSTOP_RACES")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(CASES);
    let (mut harmed, mut open, mut told, mut dives) = (BTreeMap::<Harm, usize>::new(), 0, 0, 0);
    while harmed.values().sum::<usize>() < cases {
        let done = race(dives + 1, dives % 3 < 2);
        dives += 1;
        told += done.told;
        for (harm, in_use) in done.harmed.values() {
            *harmed.entry(*harm).or_default() += 1;
            open += usize::from(*in_use);
        }
        assert!(
            dives < 40 + cases as u64,
            "too few files are met while they are open"
        );
    }
    eprintln!("{dives} dives, harmed {harmed:?}, {open} of them while open; {told} told");
}

#[test]
fn what_is_lost_is_told_with_its_place_and_makes_the_exit_code_2() {
    let lines: Vec<u8> = (0..RECORDS).flat_map(|nth| record(0, nth).into_bytes()).collect();
    let half = lines.len() / 2 / record(0, 0).len() * record(0, 0).len();
    let zstd = |part: &[u8]| zstd::encode_all(part, 1).expect("a Vec takes everything");
    let (first, second) = (zstd(&lines[..half]), zstd(&lines[half..]));
    let mut broken = first.clone();
    broken[8] ^= 0xff;
    let cases: [(&str, Vec<u8>, u64, &str); 5] = [
        (
            "production_json-1.log.zst",
            [&first[..], &second[..second.len() - 9]].concat(),
            half as u64,
            "damaged",
        ),
        (
            "production_json-2.log.zst",
            [&first[..], b"junk"].concat(),
            half as u64,
            "damaged",
        ),
        (
            "production_json-3.log.zst",
            [&broken[..], &second].concat(),
            0,
            "damaged",
        ),
        ("production_json-4.log.xz", b"\xfd7zXZ\0".to_vec(), 0, "damaged"),
        (
            "production_json-5.log.7z",
            b"7z\xbc\xaf\x27\x1c\0".to_vec(),
            0,
            "unreadable",
        ),
    ];
    for (name, bytes, offset, reason) in cases {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (log, request, out) = (
            dir.path().join(name),
            dir.path().join("request.toml"),
            dir.path().join("out"),
        );
        fs::write(&log, bytes).expect("a file");
        fs::write(&request, REQUEST).expect("a file");
        run(&[
            "scan",
            "--request",
            arg(&request),
            arg(&log),
            "--out",
            arg(&out),
            "--quiet",
        ])
        .exits(2);
        let told = fs::read_to_string(out.join("internal/withheld.ndjson")).expect("a file");
        let told: Value =
            serde_json::from_str(told.trim_end()).unwrap_or_else(|cause| panic!("{cause}: {told}"));
        assert_eq!(told["input"], arg(&log), "{name}");
        assert_eq!(told["offset"], offset, "{name}");
        assert_eq!(told["reason"], reason, "{name}");
    }
}
