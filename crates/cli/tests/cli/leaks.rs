//! No log byte in anything but the records: messages, run.json, withheld.ndjson.

use std::collections::BTreeSet;
use std::fs;

use crate::run::{Corpus, arg, run, run_with_input};

/// Values that were planted and may not be told: secrets, values of unknown fields, what is
/// confidential about the platform, other people.
fn planted(corpus: &Corpus) -> BTreeSet<String> {
    let mut words: BTreeSet<String> = ["truth/secrets.txt", "truth/unknown.txt", "truth/system.txt"]
        .into_iter()
        .flat_map(|name| corpus.text(name).lines().map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let foreign = corpus.text("truth/foreign.csv");
    words.extend(
        foreign
            .lines()
            .skip(1)
            .filter_map(|row| row.split(',').nth(1))
            .map(str::to_owned),
    );
    // Short values occur by chance, in counts and times.
    words.retain(|word| word.len() >= 7 && !word.bytes().all(|byte| byte.is_ascii_digit()));
    assert!(words.len() > 50, "the corpus plants something");
    words
}

#[track_caller]
fn holds_none(text: &str, words: &BTreeSet<String>, place: &str) {
    let told: Vec<usize> = words
        .iter()
        .filter(|word| text.contains(word.as_str()))
        .map(String::len)
        .collect();
    assert!(told.is_empty(), "{place} tells {} planted values", told.len());
}

#[test]
fn messages_and_evidence_hold_no_log_bytes() {
    for (corpus, code) in [(Corpus::sound(), 0), (Corpus::damaged(), 2)] {
        let words = planted(corpus);
        let dir = tempfile::tempdir().expect("a temporary directory");
        let (request, logs, out) = (
            corpus.path("request.toml"),
            corpus.path("logs"),
            dir.path().join("out"),
        );
        let ran = run(&[
            "scan",
            "--request",
            arg(&request),
            arg(&logs),
            "--out",
            arg(&out),
            "--progress",
            "json",
        ])
        .exits(code);
        holds_none(&ran.err, &words, "standard error");
        for name in ["run.json", "withheld.ndjson"] {
            let text = fs::read_to_string(out.join("internal").join(name)).expect("evidence");
            holds_none(&text, &words, name);
        }
        holds_none(&run(&["verify", arg(&out)]).exits(0).err, &words, "verify");
        let summary = run(&["summary", "--request", arg(&request), arg(&logs)]).exits(code);
        holds_none(&summary.err, &words, "the summary's messages");
        holds_none(&summary.out, &words, "the summary");
        let view = run(&["view", arg(&out), "--limit", "0"]).exits(0);
        holds_none(&view.out, &words, "the table");
    }
}

#[test]
fn redacting_a_stream_tells_nothing_of_it() {
    let corpus = Corpus::damaged();
    let words = planted(corpus);
    let request = corpus.path("request.toml");
    for source in ["production_json", "api_json", "audit_json", "graphql_json"] {
        let lines = corpus.lines(source);
        let ran = run_with_input(
            &["redact", "--source", source, "--request", arg(&request)],
            lines.as_bytes(),
        );
        assert!(matches!(ran.code, Some(0 | 2)), "{source}: {}", ran.err);
        holds_none(&ran.err, &words, source);
    }
}

#[test]
fn a_wrong_source_tells_nothing_of_the_lines() {
    let corpus = Corpus::sound();
    let words = planted(corpus);
    let lines = corpus.lines("production_json");
    let ran = run_with_input(&["redact", "--source", "gitaly"], lines.as_bytes());
    assert!(matches!(ran.code, Some(0 | 2)), "{}", ran.err);
    holds_none(&ran.err, &words, "standard error");
    holds_none(&ran.out, &words, "standard output");
}
