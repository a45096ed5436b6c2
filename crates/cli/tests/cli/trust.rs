//! `explain`, `selftest`, and the account of what is left.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;

use crate::run::{Corpus, arg, copy, dive, records, run};

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&run(args).exits(0).out).expect("JSON")
}

#[test]
fn a_record_is_explained_by_number_line_and_time_alike() {
    let lines = records(dive());
    let line: Value = serde_json::from_str(lines.lines().nth(4).expect("five records")).expect("JSON");
    let told = json(&["explain", arg(dive()), "5", "--json"]);
    assert_eq!(told["record"], 5);
    let fields = told["fields"].as_array().expect("fields");
    let values: Vec<(&str, &Value)> = fields
        .iter()
        .map(|field| (field["name"].as_str().expect("a name"), &field["value"]))
        .collect();
    let want: Vec<(&str, &Value)> = line
        .as_object()
        .expect("an object")
        .iter()
        .map(|(name, value)| (name.as_str(), value))
        .collect();
    assert_eq!(values, want, "every field of the record, in its order");
    assert!(
        fields
            .iter()
            .all(|field| !field["why"].as_str().expect("a reason").is_empty())
    );
    let removed = told["removed"].as_array().expect("removals");
    assert!(!removed.is_empty());
    for span in removed {
        let digest = span["digest"].as_str().expect("a digest");
        assert!(digest.len() == 32 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert!(span["why"].as_str().is_some_and(|why| !why.is_empty()));
    }
    let at = format!("{}:{}", told["input"].as_str().expect("an input"), told["offset"]);
    assert_eq!(json(&["explain", arg(dive()), "--at", &at, "--json"]), told);
    let first: Value = serde_json::from_str(lines.lines().next().expect("a record")).expect("JSON");
    let time = first["time"].as_str().expect("a time");
    assert_eq!(
        json(&["explain", arg(dive()), "--time", time, "--json"])["record"],
        1
    );
}

#[test]
fn an_explanation_holds_no_value_of_the_line_that_the_record_has_not() {
    let mut seen = 0;
    for number in ["1", "7", "30"] {
        let told = json(&["explain", arg(dive()), number, "--json"]);
        let text = told.to_string();
        let input = fs::read(told["input"].as_str().expect("an input")).expect("an input");
        let decoded = decostop_testkit::synth::decoded(&input).expect("a sound file");
        let begin = usize::try_from(told["offset"].as_u64().expect("an offset")).expect("small");
        let line = decoded[begin..]
            .split(|byte| *byte == b'\n')
            .next()
            .expect("a line");
        let Ok(Value::Object(line)) = serde_json::from_slice::<Value>(line) else {
            continue;
        };
        let record = told["fields"].to_string();
        for value in line
            .values()
            .filter_map(Value::as_str)
            .filter(|value| value.len() >= 8)
        {
            assert!(
                record.contains(value) || !text.contains(value),
                "a value of {} bytes",
                value.len()
            );
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}

#[test]
fn equal_values_have_equal_digests_and_another_key_gives_others() {
    let digests = |dir: &std::path::Path| -> Vec<(String, String)> {
        (1..=20)
            .flat_map(|number: u32| {
                let told = json(&["explain", arg(dir), &number.to_string(), "--json"]);
                told["removed"].as_array().expect("removals").clone()
            })
            .filter(|span| span["rule"] == "identity.pseudonym")
            .map(|span| (span["field"].to_string(), span["digest"].to_string()))
            .collect()
    };
    let here = digests(dive());
    let distinct: std::collections::BTreeSet<_> = here.iter().map(|(_, digest)| digest).collect();
    assert!(
        !here.is_empty() && distinct.len() < here.len(),
        "the same value occurs twice"
    );
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (corpus, out) = (Corpus::sound(), dir.path().join("again"));
    let (request, logs) = (corpus.path("request.toml"), corpus.path("logs"));
    run(&[
        "scan",
        "--request",
        arg(&request),
        arg(&logs),
        "--out",
        arg(&out),
        "--quiet",
    ])
    .exits(0);
    assert!(digests(&out).iter().all(|(_, digest)| !distinct.contains(digest)));
}

#[test]
fn what_cannot_be_explained_is_told() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mine = dir.path().join("mine");
    copy(dive(), &mine);
    run(&["explain", arg(&mine), "1000000"])
        .exits(1)
        .says("there is no record");
    run(&["explain", arg(&mine), "0"]).exits(1);
    run(&["explain", arg(&mine)]).exits(1);
    run(&["explain", arg(&mine), "--at", "nonsense"])
        .exits(1)
        .says("INPUT:OFFSET");
    run(&["explain", arg(&mine), "1", "--profile", "nginx"])
        .exits(1)
        .says("another profile");
    run(&["explain", arg(&mine.join("disclosure")), "1"])
        .exits(1)
        .says("internal");
    fs::remove_file(mine.join("internal/key")).expect("a key");
    run(&["explain", arg(&mine), "1"]).exits(1);
}

#[test]
fn what_is_left_is_told_after_a_scan_and_on_request() {
    let residual = json(&["explain", arg(dive()), "--residual", "--json"]);
    let lines = records(dive());
    assert_eq!(residual["records"], lines.lines().count());
    let alone = residual["by_day"]["alone"].as_u64().expect("a count");
    assert!(alone > 0);
    let table = run(&["explain", arg(dive()), "--residual"]).exits(0);
    for part in ["by day", "by hour", "rarest", "like names", "why"] {
        assert!(table.out.contains(part), "no {part}: {}", table.out);
    }
    let dir = tempfile::tempdir().expect("a temporary directory");
    let (corpus, out) = (Corpus::sound(), dir.path().join("out"));
    let (request, logs) = (corpus.path("request.toml"), corpus.path("logs"));
    run(&["scan", "--request", arg(&request), arg(&logs), "--out", arg(&out)])
        .exits(0)
        .says("alone in their class: see internal/residual.json");
}

#[test]
fn a_self_test_of_the_built_in_profile_is_clean_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let corpus = Corpus::sound();
    let (request, logs) = (corpus.path("request.toml"), corpus.path("logs"));
    let args = [
        "selftest",
        arg(&logs),
        "--request",
        arg(&request),
        "--sample",
        "6",
        "--seed",
        "5",
    ];
    let out = crate::run::decostop()
        .args(args)
        .env("TMPDIR", dir.path())
        .output()
        .expect("the binary runs");
    let ran = crate::run::Ran::new(out).exits(0);
    for part in [
        "planted",
        "base64",
        "gzip",
        "credential.jwt",
        "survived",
        "0 missed",
        "seed 5",
    ] {
        assert!(ran.out.contains(part), "no {part}: {}", ran.out);
    }
    let left: Vec<PathBuf> = fs::read_dir(dir.path())
        .expect("a directory")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    assert!(left.is_empty(), "{left:?}");
    run(&["selftest", arg(&logs)]).exits(1).says("--request");
}
