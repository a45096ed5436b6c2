//! `scan`, `summary`, `plan`, `redact`, `demo`, `synth`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

use decostop::artefact::Manifest;
use serde::Deserialize;

use crate::run::{Corpus, Counts, Ran, arg, decoded, decostop, dive, names, records, run, run_with_input};

/// A scan of the sound corpus into a new directory.
fn scan(dir: &Path, extra: &[&str]) -> (Ran, std::path::PathBuf) {
    let corpus = Corpus::sound();
    let (request, logs, out) = (corpus.path("request.toml"), corpus.path("logs"), dir.join("out"));
    let args = ["scan", "--request", arg(&request), arg(&logs), "--out", arg(&out)];
    (run(&[&args, extra].concat()), out)
}

#[test]
fn a_dive_finds_what_was_planted_in_every_codec() {
    let out = dive();
    let truth = Corpus::sound().truth();
    assert_eq!(names(out), ["disclosure", "internal"]);
    assert_eq!(
        names(&out.join("disclosure")),
        ["manifest.json", "records.ndjson.zst"]
    );
    let internal = names(&out.join("internal"));
    for name in [
        "dictionary.csv",
        "key",
        "provenance.parquet",
        "pseudonyms.csv",
        "request.toml",
        "residual.json",
        "run.json",
        "withheld.ndjson",
    ] {
        assert!(internal.iter().any(|known| known == name), "{internal:?}");
    }
    assert_eq!(records(out).lines().count() as u64, truth.disclosable);
    let text = fs::read_to_string(out.join("disclosure/manifest.json")).expect("a manifest");
    let manifest: Manifest = serde_json::from_str(&text).expect("a manifest of the schema");
    assert_eq!(manifest.records.total, truth.disclosable);
    assert!(!manifest.ad_hoc);
}

#[cfg(unix)]
#[test]
fn the_evidence_is_private() {
    use std::os::unix::fs::PermissionsExt as _;

    let internal = dive().join("internal");
    let mode = |path: &Path| fs::metadata(path).expect("a file").permissions().mode() & 0o777;
    assert_eq!(mode(&internal), 0o700);
    for name in names(&internal) {
        assert_eq!(mode(&internal.join(&name)), 0o600, "{name}");
    }
}

#[test]
fn the_closing_table_tells_what_happened_and_what_to_do() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (ran, out) = scan(dir.path(), &[]);
    let ran = ran.exits(0);
    assert_eq!(ran.out, "", "data only when asked");
    for part in [
        "matched",
        "disclosed",
        "outside scope",
        "withheld",
        "by event",
        "by day",
        "█",
        "decostop view",
        "approved",
    ] {
        assert!(ran.err.contains(part), "no {part}: {}", ran.err);
    }
    assert!(ran.err.contains(arg(&out)));
    let quiet = tempfile::tempdir().expect("a temporary directory");
    let (ran, _) = scan(quiet.path(), &["--quiet"]);
    assert_eq!(ran.exits(0).err, "");
}

#[test]
fn an_existing_result_is_not_overwritten_without_force() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (_, out) = scan(dir.path(), &["--quiet"]);
    let before = fs::read(out.join("disclosure/manifest.json")).expect("a manifest");
    let (again, _) = scan(dir.path(), &[]);
    again.exits(1).says("out").says("--force");
    assert_eq!(
        fs::read(out.join("disclosure/manifest.json")).expect("a manifest"),
        before
    );
    let (forced, _) = scan(dir.path(), &["--force", "--quiet"]);
    forced.exits(0);
    assert_eq!(names(dir.path()), ["out"]);
    // What is no result is never replaced.
    let other = tempfile::tempdir().expect("a temporary directory");
    fs::create_dir(other.path().join("out")).expect("a directory");
    fs::write(other.path().join("out/thesis.txt"), "precious").expect("a file");
    let (refused, out) = scan(other.path(), &["--force"]);
    refused.exits(1);
    assert!(out.join("thesis.txt").exists());
}

#[test]
fn records_can_be_streamed() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let corpus = Corpus::sound();
    let (request, logs, internal) = (
        corpus.path("request.toml"),
        corpus.path("logs"),
        dir.path().join("evidence"),
    );
    let key = dive().join("internal/key");
    let args = [
        "scan",
        "--request",
        arg(&request),
        arg(&logs),
        "--out",
        "-",
        "--key-file",
        arg(&key),
    ];
    let plain = run(&args).exits(0);
    assert!(plain.out == records(dive()), "the same bytes as in a directory");
    assert!(names(dir.path()).is_empty());
    let with = run(&[&args[..], &["--internal", arg(&internal)]].concat()).exits(0);
    assert!(with.out == plain.out);
    assert!(names(&internal).iter().any(|name| name == "run.json"));
    run(&[&args[..], &["--internal", arg(&internal)]].concat())
        .exits(1)
        .says("evidence");
    let (mixed, out) = scan(dir.path(), &["--internal", arg(&internal)]);
    mixed.exits(1).says("--internal");
    assert!(!out.exists());
}

#[test]
fn the_bytes_do_not_depend_on_how_they_are_read() {
    let key = dive().join("internal/key");
    let want = records(dive());
    for extra in [
        &["--threads", "1"][..],
        &["--threads", "3", "--no-mmap"],
        &["--no-prefilter"],
    ] {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (ran, out) = scan(
            dir.path(),
            &[&["--key-file", arg(&key), "--quiet"], extra].concat(),
        );
        ran.exits(0);
        assert!(records(&out) == want, "{extra:?}");
    }
}

#[test]
fn where_the_time_went_is_told_when_asked() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (ran, out) = scan(dir.path(), &["--stats", "--quiet"]);
    let ran = ran.exits(0);
    for word in [
        "decode", "search", "project", "redact", "verify", "write", "wait", "skipped", "rate",
    ] {
        assert!(
            ran.err.lines().any(|line| line.trim_start().starts_with(word)),
            "{word}: {}",
            ran.err
        );
    }
    let run: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("internal/run.json")).expect("a file"))
            .expect("JSON");
    assert!(
        run["work"]["decode"]
            .as_f64()
            .is_some_and(|seconds| seconds > 0.0)
    );
    let (quiet, _) = scan(dir.path(), &["--quiet", "--force"]);
    assert!(quiet.exits(0).err.is_empty(), "without being asked");
}

#[test]
fn mapped_inputs_give_the_bytes_of_read_ones() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let key = dive().join("internal/key");
    for codec in ["plain", "zstd", "zstd-frames", "gzip"] {
        let path = dir.path().join(codec);
        let made = [
            "synth",
            arg(&path),
            "--megabytes",
            "12",
            "--quiet",
            "--codec",
            codec,
        ];
        run(&[&made[..], &["--sources", "production_json", "--days", "2"]].concat()).exits(0);
        // What was changed a moment ago is not mapped, nor what is small.
        let old = SystemTime::now() - Duration::from_secs(3600);
        let mut large = 0;
        for entry in fs::read_dir(path.join("logs")).expect("a directory") {
            let entry = entry.expect("a file");
            large += usize::from(entry.metadata().expect("a size").len() > 64 << 10);
            let file = fs::File::options().write(true).open(entry.path());
            file.expect("a file").set_modified(old).expect("times can be set");
        }
        assert!(large > 0, "{codec}: nothing to map");
        let request = path.join("request.toml");
        let outs = [&[][..], &["--no-mmap"], &["--threads", "1"]].map(|extra| {
            let out = path.join(format!("out{}", extra.len() + extra.concat().len()));
            let args = [
                "scan",
                "--request",
                arg(&request),
                arg(&path.join("logs")),
                "--out",
                arg(&out),
            ]
            .map(str::to_owned);
            let args: Vec<&str> = args
                .iter()
                .map(String::as_str)
                .chain(["--key-file", arg(&key), "--quiet"])
                .collect();
            run(&[&args[..], extra].concat()).exits(0);
            records(&out)
        });
        assert!(
            !outs[0].is_empty() && outs.iter().all(|out| *out == outs[0]),
            "{codec}"
        );
    }
}

#[test]
fn what_cannot_start_says_so_and_writes_nothing() {
    let corpus = Corpus::sound();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (request, logs, out) = (
        corpus.path("request.toml"),
        corpus.path("logs"),
        dir.path().join("out"),
    );
    let (request, logs, out) = (arg(&request), arg(&logs), arg(&out));
    let none = dir.path().join("nowhere");
    run(&["scan", "--request", request, arg(&none), "--out", out])
        .exits(1)
        .says("nowhere");
    run(&["scan", "--request", request, logs, arg(&none), "--out", out])
        .exits(1)
        .says("nowhere");
    run(&[
        "scan",
        "--request",
        request,
        logs,
        "--out",
        arg(&none.join("deep/out")),
    ])
    .exits(1);
    run(&["scan", logs, "--out", out])
        .exits(1)
        .says("what to look for")
        .says("--request");
    for format in ["parquet", "csv", "arrow"] {
        run(&[
            "scan",
            "--request",
            request,
            logs,
            "--out",
            "-",
            "--format",
            format,
        ])
        .exits(1)
        .says("needs a directory");
    }
    run(&[
        "scan",
        "--request",
        request,
        logs,
        "--out",
        out,
        "--source-of",
        "*=no_such",
    ])
    .exits(1)
    .says("no_such");
    run(&[
        "scan",
        "--request",
        request,
        logs,
        "--out",
        out,
        "--source",
        "gitaly",
    ])
    .exits(1)
    .says("--source-of");
    run(&["scan", "--source", "no_such", logs, "--out", out])
        .exits(1)
        .says("no_such");
    run(&["scan", "--user", "x", "--since", "soon", logs, "--out", out])
        .exits(1)
        .says("--since");
    assert!(names(dir.path()).is_empty());
}

#[test]
fn keys_must_be_keys() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let key = dir.path().join("key");
    for bad in [&b""[..], &[7; 31], &[7; 33], b"decostop-request-key-v1 00\n"] {
        fs::write(&key, bad).expect("a key");
        let (ran, out) = scan(dir.path(), &["--key-file", arg(&key)]);
        ran.exits(1).says("not a pseudonym key").says("hint:");
        assert!(!out.exists());
    }
    fs::write(&key, [7; 32]).expect("a key");
    let (ran, _) = scan(dir.path(), &["--key-file", arg(&key), "--quiet"]);
    ran.exits(0);
}

#[test]
fn withheld_lines_make_the_coverage_incomplete() {
    let corpus = Corpus::damaged();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (request, logs) = (corpus.path("request.toml"), corpus.path("logs"));
    let args = ["scan", "--request", arg(&request), arg(&logs), "--out"];
    let out = dir.path().join("incomplete");
    let ran = run(&[&args[..], &[arg(&out)]].concat())
        .exits(2)
        .says("incomplete")
        .says("withheld.ndjson");
    assert!(ran.err.contains("--allow-withheld"));
    let withheld = fs::read_to_string(out.join("internal/withheld.ndjson"))
        .expect("a file")
        .lines()
        .count();
    assert!(withheld > 0);
    let out = dir.path().join("tolerated");
    run(&[&args[..], &[arg(&out), "--allow-withheld", &withheld.to_string()]].concat()).exits(0);
    let out = dir.path().join("nearly");
    run(&[
        &args[..],
        &[
            arg(&out),
            "--quiet",
            "--allow-withheld",
            &(withheld - 1).to_string(),
        ],
    ]
    .concat())
    .exits(2);
    run(&["summary", "--request", arg(&request), arg(&logs)]).exits(2);
    run(&["scan", "--request", arg(&request), arg(&logs), "--summary-only"]).exits(2);
}

#[test]
fn an_unreadable_input_is_told_and_the_rest_is_there() {
    let corpus = Corpus::sound();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let broken = dir.path().join("production_json.log-20261104.zst");
    fs::write(&broken, [&[0x28, 0xb5, 0x2f, 0xfd][..], &[0xff; 100]].concat()).expect("a file");
    let (request, logs, out) = (
        corpus.path("request.toml"),
        corpus.path("logs"),
        dir.path().join("out"),
    );
    run(&[
        "scan",
        "--request",
        arg(&request),
        arg(&logs),
        arg(&broken),
        "--out",
        arg(&out),
    ])
    .exits(2)
    .says("production_json.log-20261104.zst");
    assert_eq!(records(&out).lines().count() as u64, corpus.truth().disclosable);
}

#[cfg(unix)]
#[test]
fn a_file_without_permission_is_incomplete_coverage() {
    use std::os::unix::fs::PermissionsExt as _;

    let corpus = Corpus::sound();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let locked = dir.path().join("production_json.log-20261104");
    fs::write(&locked, "{}\n").expect("a file");
    fs::set_permissions(&locked, fs::Permissions::from_mode(0o000)).expect("permissions");
    if fs::File::open(&locked).is_ok() {
        eprintln!("skipped: this user may read everything");
        return;
    }
    let (request, out) = (corpus.path("request.toml"), dir.path().join("out"));
    run(&[
        "scan",
        "--request",
        arg(&request),
        arg(&locked),
        "--out",
        arg(&out),
    ])
    .exits(2)
    .says("20261104");
}

#[cfg(unix)]
#[test]
fn a_fifo_is_an_input() {
    let corpus = Corpus::sound();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let fifo = dir.path().join("production_json.log");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .expect("mkfifo")
            .success()
    );
    let lines = corpus.lines("production_json");
    let (request, out) = (corpus.path("request.toml"), dir.path().join("out"));
    let child = decostop()
        .args(["scan", "--request", arg(&request), arg(&fifo), "--out", arg(&out)])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    fs::write(&fifo, &lines).expect("the reader takes all");
    Ran::new(child.wait_with_output().expect("the binary ends")).exits(0);
    assert!(records(&out).lines().count() > 0);
}

#[test]
fn standard_input_needs_a_source() {
    let corpus = Corpus::sound();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let lines = corpus.lines("production_json");
    let (request, out) = (corpus.path("request.toml"), dir.path().join("out"));
    let args = ["scan", "--request", arg(&request), "-", "--out", arg(&out)];
    run_with_input(&args, lines.as_bytes()).exits(1).says("--source");
    let args = [&args[..], &["--source", "production_json", "--quiet"]].concat();
    run_with_input(&args, lines.as_bytes()).exits(0);
    assert!(records(&out).lines().count() > 0);
}

#[test]
fn a_look_round_shows_pseudonyms_only() {
    let corpus = Corpus::sound();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (namespace, logs, out) = (
        corpus.truth().namespace,
        corpus.path("logs"),
        dir.path().join("out"),
    );
    run(&[
        "scan",
        "--namespace",
        &namespace,
        "--since",
        "2026-11-01",
        "--until",
        "2026-12-01",
        arg(&logs),
        "--out",
        arg(&out),
    ])
    .exits(0)
    .says("not for handing out");
    assert_eq!(names(&out), ["internal", "look"]);
    let text = decoded(&out.join("look/records.ndjson.zst"));
    assert!(text.lines().count() > 0, "it shows what was looked for");
    assert!(!text.contains(&namespace), "and nobody is in scope");
}

#[test]
fn progress_is_json_for_programs() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Line {
        phase: String,
        bytes: u64,
        total: u64,
        decoded: u64,
        matched: u64,
        records: u64,
        elapsed_s: f64,
    }

    let dir = tempfile::tempdir().expect("a temporary directory");
    let (ran, _) = scan(dir.path(), &["--progress", "json", "--quiet"]);
    let ran = ran.exits(0);
    let lines: Vec<Line> = ran
        .err
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"))
        .collect();
    let last = lines.last().expect("at least the last line");
    assert!(
        last.phase == "done" && last.bytes == last.total && last.elapsed_s > 0.0,
        "{}",
        ran.err
    );
    assert!(
        last.decoded > 0
            && last.matched >= last.records
            && last.records == Corpus::sound().truth().disclosable
    );
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (ran, _) = scan(dir.path(), &["--progress", "none", "--quiet"]);
    assert_eq!(ran.exits(0).err, "");
}

#[test]
fn summaries_hold_aggregates_only() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Summary {
        records: u64,
        by_source: Counts,
        by_event: Counts,
        by_day: Counts,
        by_namespace: Counts,
        users: u64,
        addresses: u64,
        first_time: Option<String>,
        last_time: Option<String>,
        withheld_with_nexus: u64,
    }

    let corpus = Corpus::sound();
    let (request, logs) = (corpus.path("request.toml"), corpus.path("logs"));
    let json = run(&["summary", "--request", arg(&request), arg(&logs), "--json"])
        .exits(0)
        .out;
    let summary: Summary = serde_json::from_str(&json).expect("JSON of the schema");
    assert_eq!(summary.records, corpus.truth().disclosable);
    for counts in [&summary.by_source, &summary.by_event, &summary.by_day] {
        assert_eq!(counts.values().sum::<u64>(), summary.records);
    }
    assert!(!summary.by_namespace.is_empty() && summary.users > 0 && summary.addresses > 0);
    assert!(summary.first_time < summary.last_time && summary.withheld_with_nexus == 0);
    let table = run(&["scan", "--request", arg(&request), arg(&logs), "--summary-only"])
        .exits(0)
        .out;
    assert!(table.contains("by day") && table.contains("users"), "{table}");
}

#[test]
fn a_plan_reads_nothing() {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "the names are the test")]
    struct Plan {
        request: String,
        route: String,
        window: Window,
        settings: Settings,
        inputs: Vec<Input>,
        skipped: Vec<serde_json::Value>,
        bytes: u64,
        search: Vec<String>,
        warnings: Vec<String>,
        estimated_s: f64,
        assumed_bytes_per_second_and_thread: u64,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "the names are the test")]
    struct Window {
        from: Option<String>,
        to: Option<String>,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "the names are the test")]
    struct Settings {
        profile: String,
        threads: usize,
        mapped: bool,
        max_line_bytes: u64,
        dedup: bool,
        learn_all: bool,
        key: String,
        rules: usize,
        accounts: usize,
        personal_data: bool,
    }
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Input {
        path: String,
        bytes: u64,
        source: Option<String>,
    }

    let corpus = Corpus::sound();
    let (request, logs) = (corpus.path("request.toml"), corpus.path("logs"));
    let json = run(&["plan", arg(&request), arg(&logs), "--json"]).exits(0).out;
    let plan: Plan = serde_json::from_str(&json).expect("JSON of the schema");
    assert_eq!(
        plan.inputs.iter().map(|input| input.bytes).sum::<u64>(),
        plan.bytes
    );
    assert!(
        plan.inputs
            .iter()
            .all(|input| input.source.is_some() && !input.path.is_empty())
    );
    assert!(plan.route == "sirt" && !plan.search.is_empty());
    let text = run(&["scan", "--request", arg(&request), arg(&logs), "--dry-run"])
        .exits(0)
        .out;
    assert!(
        text.contains("would read") && text.contains("production_json"),
        "{text}"
    );
}

#[test]
fn redact_is_a_filter() {
    let corpus = Corpus::sound();
    let request = corpus.path("request.toml");
    let lines = corpus.lines("production_json");
    let (namespace, count) = (corpus.truth().namespace, lines.lines().count());
    let args = ["redact", "--source", "production_json"];
    let nothing = run_with_input(&args, lines.as_bytes()).exits(0);
    assert_eq!(nothing.out.lines().count(), count);
    assert!(!nothing.out.contains(&namespace), "nothing is in scope");
    let args = [&args[..], &["--request", arg(&request), "--quiet"]].concat();
    let some = run_with_input(&args, lines.as_bytes()).exits(0);
    assert!(some.out.contains(&namespace) && some.err.is_empty());
    let broken = format!("{{\"half\":\n{lines}");
    let ran = run_with_input(&args, broken.as_bytes()).exits(2).says("1 line");
    assert_eq!(ran.out.lines().count(), count);
    run_with_input(&["redact", "--source", "no_such"], b"")
        .exits(1)
        .says("no_such");
}

#[test]
fn the_demo_makes_a_dive_and_says_what_to_open() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let demo = dir.path().join("demo");
    let args = ["demo", arg(&demo), "--megabytes", "1"];
    let ran = run(&args).exits(0);
    assert_eq!(ran.out, "");
    for part in ["decostop scan", "decostop view", "by event", "manifest.json"] {
        assert!(ran.err.contains(part), "no {part}: {}", ran.err);
    }
    run(&["verify", arg(&demo.join("dive"))]).exits(0);
    run(&args).exits(1).says("--force");
    run(&[&args[..], &["--force"]].concat()).exits(0);
    fs::write(demo.join("thesis.txt"), "precious").expect("a file");
    run(&[&args[..], &["--force"]].concat()).exits(1);
    assert!(demo.join("thesis.txt").exists());
}

#[test]
fn a_corpus_holds_the_sources_that_are_named() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let corpus = dir.path().join("corpus");
    let args = [
        "synth",
        arg(&corpus),
        "--megabytes",
        "1",
        "--days",
        "2",
        "--codec",
        "zstd",
    ];
    let named = |names| [&args[..], &["--sources", names]].concat();
    run(&named("nginx_access,nothing")).exits(1).says("haproxy");
    run(&named("haproxy,nginx_access")).exits(0);
    let logs = std::fs::read_dir(corpus.join("logs")).expect("the corpus has logs");
    let mut names: Vec<_> = logs
        .map(|log| log.expect("readable").file_name().into_string().expect("text"))
        .filter_map(|name| name.split_once(".log").map(|(source, _)| source.to_owned()))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["haproxy", "haproxy", "nginx_access", "nginx_access"]);
    let out = dir.path().join("out");
    let request = corpus.join("request.toml");
    run(&[
        "scan",
        "--request",
        arg(&request),
        arg(&corpus.join("logs")),
        "--out",
        arg(&out),
        "--quiet",
    ])
    .exits(0);
    let told = run(&[
        "verify",
        arg(&out),
        "--json",
        "--against",
        arg(&corpus.join("logs")),
    ])
    .exits(0)
    .out;
    let json: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(json["unread_lines"], 0);
    let truth: serde_json::Value =
        serde_json::from_slice(&std::fs::read(corpus.join("truth/summary.json")).expect("the truth"))
            .expect("JSON");
    assert!(truth["disclosable"].as_u64().is_some_and(|lines| lines > 20));
    assert_eq!(json["records"], truth["disclosable"]);
}

#[test]
fn a_corpus_is_not_written_over() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let corpus = dir.path().join("corpus");
    let args = [
        "synth",
        arg(&corpus),
        "--megabytes",
        "1",
        "--days",
        "2",
        "--codec",
        "zstd",
    ];
    run(&args).exits(0).says("decostop scan");
    run(&args).exits(1).says("corpus");
    run(&["synth", arg(&corpus), "--our-share", "2"])
        .exits(1)
        .says("--our-share");
}

#[test]
fn a_dive_with_another_profile_is_verified_with_it() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let log = dir.path().join("access.log");
    let line = r#"192.0.2.17 - alex9 [03/Nov/2026:09:15:02 +0000] "GET /example/site HTTP/1.1" 200 5 "-" "curl/8.9""#;
    std::fs::write(&log, format!("{line}\n")).expect("a log");
    let out = dir.path().join("out");
    let scanned = run(&[
        "scan",
        "--profile",
        "nginx",
        "--namespace",
        "example",
        "--since",
        "2026-11-01",
        arg(&log),
        "--out",
        arg(&out),
    ])
    .exits(0)
    .says("--profile nginx --against");
    assert_eq!(scanned.out, "");
    run(&["verify", arg(&out), "--profile", "nginx", "--against", arg(&log)])
        .exits(0)
        .says("held against 2 foreign values");
}
