//! `--since`, `--until`, `--tz`, and where the window that was understood is told; equal lines.

use std::fs;

use crate::run::{Corpus, Ran, arg, decoded, run};

fn look(extra: &[&str]) -> Ran {
    let logs = Corpus::sound().path("logs");
    let args = ["scan", "--user", "alex9", arg(&logs), "--dry-run"];
    run(&[&args, extra].concat())
}

#[test]
fn the_window_is_told_in_utc() {
    let plan = look(&[
        "--since",
        "2026-11-01 09:00",
        "--until",
        "2026-11-03 09:00 UTC",
        "--tz",
        "Europe/Berlin",
    ])
    .exits(0);
    assert!(
        plan.out.contains(
            "from 2026-11-01T08:00:00Z up to, not including, 2026-11-03T09:00:00Z (UTC, 2 days 1 h)"
        ),
        "{}",
        plan.out
    );
    let json = look(&["--since", "@1793523600", "--json"]).exits(0).out;
    let plan: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(plan["window"]["from"], "2026-11-01T09:00:00Z");
    assert!(plan["window"]["to"].is_null());
    assert!(look(&[]).exits(0).out.contains("all times"));
    let (logs, dir) = (
        Corpus::sound().path("logs"),
        tempfile::tempdir().expect("a temporary directory"),
    );
    let out = dir.path().join("out");
    let args = [
        "scan",
        "--user",
        "alex9",
        "--since",
        "2026-11-02",
        arg(&logs),
        "--out",
        arg(&out),
    ];
    run(&args).exits(0).says("from 2026-11-02T00:00:00Z on (UTC)");
    let request = Corpus::sound().path("request.toml");
    let plan = run(&["plan", arg(&request), arg(&logs)]).exits(0).out;
    assert!(
        plan.contains("window     from 2026-") && plan.contains("profile gitlab"),
        "{plan}"
    );
}

#[test]
fn what_people_type_is_understood() {
    for text in [
        "7d",
        "36h",
        "90m",
        "2w",
        "1mo",
        "yesterday",
        "today",
        "now",
        "last monday",
        "2 hours ago",
        "3 days",
        "2026-11-01",
        "2026-11-01 09:00",
        "2026-11-01T09:00:00+01:00",
        "2026-11-01 09:00 Europe/Berlin",
        "yesterday 18:00 -03:00",
    ] {
        look(&["--since", text]).exits(0);
    }
}

#[test]
fn a_wrong_time_is_told_with_what_to_write() {
    for (flags, reason, hint) in [
        (&["--since", "soon"][..], "is no time", "yesterday 18:00"),
        (&["--since", "last week"], "more than one", "7d"),
        (&["--since", "-7d"], "no sign", "write 7d"),
        (&["--since", "01/11/2026"], "may be a day of", "2026-11-01"),
        (&["--since", "tomorrow"], "in the future", "--tz"),
        (
            &["--since", "1h", "--until", "2h"],
            "must lie after --since",
            "not including",
        ),
        (&["--until", "09:00 CET"], "abbreviation", "Europe/Berlin"),
        (
            &["--since", "2026-10-25 02:30", "--tz", "Europe/Berlin"],
            "comes twice",
            "2026-10-25T02:30:00+02:00",
        ),
        (
            &["--since", "2026-03-29 02:30", "--tz", "Europe/Berlin"],
            "does not exist",
            "+01:00",
        ),
        (
            &["--since", "7d", "--tz", "Berlin"],
            "no time zone",
            "Europe/Berlin",
        ),
    ] {
        look(flags).exits(1).says(reason).says(hint);
    }
}

#[test]
fn usual_mistakes_are_told_with_a_hint() {
    look(&["--source", "production"])
        .exits(1)
        .says("did you mean \"production_json\"?");
    look(&["--event", "member.added"])
        .exits(1)
        .says("membership.added");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (empty, logs) = (dir.path().join("empty"), Corpus::sound().path("logs"));
    fs::create_dir(&empty).expect("a directory");
    run(&["scan", "--user", "alex9", arg(&empty), "--dry-run"])
        .exits(0)
        .says("nothing to read");
    run(&["redact", "--source", "gital"]).exits(1).says("gitaly");
    run(&["check", arg(&empty.join("request.toml"))])
        .exits(1)
        .says("request new");
    run(&["scan", "--user", "alex9", arg(&logs), "--out", "x", "--json"])
        .exits(1)
        .says("--json");
}

#[test]
fn an_archive_that_overlaps_changes_nothing_with_dedup() {
    let corpus = Corpus::sound();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (request, logs, copy) = (
        corpus.path("request.toml"),
        corpus.path("logs"),
        dir.path().join("copy"),
    );
    fs::create_dir(&copy).expect("a directory");
    fs::write(copy.join("production_json.log"), corpus.lines("production_json")).expect("a copy");
    let key = dir.path().join("key");
    fs::write(&key, [7; 32]).expect("a key");
    let scan = |name: &str, extra: &[&str]| {
        let out = dir.path().join(name);
        let args = [
            "scan",
            "--request",
            arg(&request),
            "--key-file",
            arg(&key),
            "--out",
            arg(&out),
            arg(&logs),
        ];
        let ran = run(&[&args, extra].concat()).exits(0);
        let run: serde_json::Value =
            serde_json::from_str(&fs::read_to_string(out.join("internal/run.json")).expect("the run"))
                .expect("JSON");
        (
            decoded(&out.join("disclosure/records.ndjson.zst")),
            run["counts"].clone(),
            ran,
        )
    };
    let (single, counts, _) = scan("single", &[]);
    assert_eq!(counts["duplicates"], 0);
    let (twice, _, _) = scan("twice", &[arg(&copy)]);
    assert!(twice.lines().count() > single.lines().count(), "the copy is read");
    let (once, counts, ran) = scan("once", &[arg(&copy), "--dedup", "--threads", "3"]);
    assert!(once == single, "the same records");
    let copied = single.matches("\"source\":\"production_json\"").count() as u64;
    assert!(counts["duplicates"].as_u64() >= Some(copied), "{counts}");
    assert_eq!(
        counts["matched"].as_u64(),
        ["disclosed", "outside_scope", "duplicates"]
            .iter()
            .map(|name| counts[name].as_u64())
            .sum(),
        "{counts}"
    );
    let _ = ran.says("duplicates");
    run(&[
        "summary",
        "--request",
        arg(&request),
        arg(&logs),
        arg(&copy),
        "--dedup",
    ])
    .exits(0)
    .says("equal lines left out");
}

#[test]
fn a_plan_says_what_is_left_out_and_why() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let logs = dir.path().join("logs");
    fs::create_dir(&logs).expect("a directory");
    let lines = Corpus::sound().lines("gitaly");
    fs::write(logs.join("gitaly.log"), &lines).expect("a log");
    fs::hard_link(logs.join("gitaly.log"), logs.join("gitaly.log.1")).expect("a second name");
    fs::write(logs.join("sidekiq.log"), "{}\n").expect("a log");
    fs::write(logs.join("notes.txt"), "hello\n").expect("a file");
    let plan = run(&[
        "scan",
        "--source",
        "gitaly",
        arg(&logs),
        "--dry-run",
        "--dedup",
        "--no-mmap",
    ])
    .exits(0)
    .out;
    for text in [
        "the same file under another name\n",
        "no select names its source\n",
        "no file name tells the source of\n",
        "files read",
        "equal lines once",
        "lines up to 16M",
        "a fresh key",
    ] {
        assert!(plan.contains(text), "no `{text}` in {plan}");
    }
    for name in ["gitaly.log", "sidekiq.log", "notes.txt"] {
        assert!(plan.contains(name), "no {name} in {plan}");
    }
}

#[test]
fn aggregates_have_a_closed_shape() {
    let (request, logs) = (Corpus::sound().path("request.toml"), Corpus::sound().path("logs"));
    let summary = run(&["summary", "--request", arg(&request), arg(&logs), "--json"])
        .exits(0)
        .out;
    let scan = run(&[
        "scan",
        "--summary-only",
        "--request",
        arg(&request),
        arg(&logs),
        "--json",
    ])
    .exits(0)
    .out;
    assert_eq!(summary, scan);
    let schema: serde_json::Value =
        serde_json::from_str(&run(&["schema", "summary"]).exits(0).out).expect("JSON");
    let told: serde_json::Value = serde_json::from_str(&summary).expect("JSON");
    let keys = |value: &serde_json::Value| -> Vec<String> {
        let mut keys: Vec<String> = value.as_object().expect("an object").keys().cloned().collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&schema["properties"]), keys(&told));
    assert_eq!(schema["additionalProperties"], false);
    let text = run(&["summary", "--request", arg(&request), arg(&logs)])
        .exits(0)
        .out;
    let by_scan = run(&["scan", "--summary-only", "--request", arg(&request), arg(&logs)])
        .exits(0)
        .out;
    assert_eq!(text, by_scan);
    assert!(text.contains("by day") && text.contains('█'), "{text}");
}
