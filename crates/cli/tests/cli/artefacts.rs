//! `verify`, `view`, `lookup`.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use crate::run::{Corpus, arg, copy, decostop, dive, records, run, run_with_input};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Verified {
    clean: bool,
    records: u64,
    leaks: Vec<serde_json::Value>,
    further_leaks: u64,
    derived_values: u64,
    unread_lines: u64,
}

fn verified(dir: &Path, code: i32) -> Verified {
    serde_json::from_str(&run(&["verify", arg(dir), "--json"]).exits(code).out).expect("JSON of the schema")
}

/// Replaces the records of an artefact.
fn rewrite(dir: &Path, lines: &str) {
    let packed = zstd::encode_all(lines.as_bytes(), 1).expect("memory takes everything");
    fs::write(dir.join("disclosure/records.ndjson.zst"), packed).expect("the records");
}

#[test]
fn a_sound_result_verifies() {
    let ran = run(&["verify", arg(dive())]).exits(0).says("no leak");
    assert_eq!(ran.out, "");
    assert_eq!(run(&["verify", arg(dive()), "--quiet"]).exits(0).err, "");
    let told = verified(dive(), 0);
    assert!(told.clean && told.leaks.is_empty() && told.further_leaks == 0 && told.derived_values == 0);
    assert_eq!(told.records, Corpus::sound().truth().disclosable);
}

#[test]
fn a_result_verifies_against_the_raw_lines() {
    let logs = Corpus::sound().path("logs");
    let json = run(&["verify", arg(dive()), "--json", "--against", arg(&logs)])
        .exits(0)
        .out;
    let told: Verified = serde_json::from_str(&json).expect("JSON of the schema");
    assert!(told.clean && told.derived_values > 0, "{json}");
    assert!(told.unread_lines < 10, "{json}");
}

#[test]
fn a_raw_input_that_is_not_there_is_no_fault_of_the_result() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let missing = dir.path().join("missing");
    let ran = run(&["verify", arg(dive()), "--against", arg(&missing)]).exits(1);
    assert!(
        ran.err.contains("missing") && !ran.err.contains("hint:"),
        "{}",
        ran.err
    );
}

#[test]
fn an_edited_result_leaks_and_the_value_is_not_told() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let bad = dir.path().join("bad");
    copy(dive(), &bad);
    let plant = "glpat-Zq3vXk8sPm2tRw6yBn4c";
    rewrite(
        &bad,
        &records(dive()).replacen("{\"time\"", &format!("{{\"msg\":\"{plant}\",\"time\""), 1),
    );
    let ran = run(&["verify", arg(&bad)]).exits(4).says("leak");
    assert!(!ran.err.contains(plant) && !ran.out.contains(plant));
    let told = verified(&bad, 4);
    assert!(!told.clean && !told.leaks.is_empty());
    let stray = dir.path().join("stray");
    copy(dive(), &stray);
    fs::write(stray.join("disclosure/notes.txt"), "hello").expect("a file");
    run(&["verify", arg(&stray)]).exits(4);
}

#[test]
fn what_is_no_result_is_an_error() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    run(&["verify", arg(dir.path())]).exits(1).says("hint:");
    run(&["verify", arg(&dir.path().join("none"))])
        .exits(1)
        .says("none");
    run(&["view", arg(dir.path())]).exits(1).says("hint:");
    run(&["lookup", arg(dir.path()), "user-mzxw6ytboi2tsnjrgqzda"])
        .exits(1)
        .says("hint:");
}

#[test]
fn records_are_shown_as_a_table() {
    let all = records(dive()).lines().count();
    let table = run(&["view", arg(dive()), "--limit", "0"]).exits(0);
    assert_eq!(table.out.lines().count(), all + 1, "a head and every record");
    assert!(table.out.starts_with("time"));
    let some = run(&["view", arg(dive()), "--limit", "5"])
        .exits(0)
        .says("the first 5 of");
    assert_eq!(some.out.lines().count(), 6);
    let json = run(&["view", arg(dive()), "--json"]).exits(0);
    assert!(json.out == records(dive()), "the lines as they are");
    let json = run(&["view", arg(dive()), "--json", "--limit", "2"]).exits(0);
    assert_eq!(json.out.lines().count(), 2);
}

#[test]
fn views_are_filtered() {
    let lines = |extra: &[&str]| -> Vec<serde_json::Value> {
        let text = run(&[&["view", arg(dive()), "--json"], extra].concat())
            .exits(0)
            .out;
        text.lines()
            .map(|line| serde_json::from_str(line).expect("a record"))
            .collect()
    };
    let all = lines(&[]);
    let some = lines(&["--source", "gitaly"]);
    assert!(!some.is_empty() && some.len() < all.len());
    assert!(some.iter().all(|record| record["source"] == "gitaly"));
    let early = lines(&["--until", "2026-11-03"]);
    let late = lines(&["--since", "2026-11-03"]);
    assert_eq!(early.len() + late.len(), all.len());
    let actor = all
        .iter()
        .find_map(|record| record["actor"].as_str())
        .expect("an actor");
    let mine = lines(&["--actor", &actor.to_uppercase()]);
    assert!(
        mine.iter()
            .all(|record| record["actor"].as_str().is_some_and(|name| name.contains(actor)))
    );
    assert!(!mine.is_empty());
    assert!(lines(&["--event", "no.such"]).is_empty());
    run(&["view", arg(dive()), "--since", "soon"])
        .exits(1)
        .says("--since");
}

#[test]
fn a_pseudonym_is_looked_up_and_the_question_logged() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let mine = dir.path().join("dive");
    copy(dive(), &mine);
    let table = fs::read_to_string(mine.join("internal/pseudonyms.csv")).expect("the pseudonyms");
    let row = table.lines().nth(1).expect("a pseudonym");
    let pseudonym = row.split(',').next().expect("the first column").trim_matches('"');
    let answer = run(&["lookup", arg(&mine), pseudonym]).exits(0).says("tester");
    assert_eq!(answer.out.lines().count(), 1, "{}", answer.out);
    let log = fs::read_to_string(mine.join("internal/lookups.ndjson")).expect("the log");
    assert!(log.contains(pseudonym) && log.contains("tester"));
    run(&["lookup", arg(&mine), pseudonym, "--as", "J. Doe", "--json"])
        .exits(0)
        .says("J. Doe");
    run(&["lookup", arg(&mine), "user-aaaaaaaaaaaaaaaaaaaaa"])
        .exits(1)
        .says("hint:");
    run(&["lookup", arg(&mine), "alice"])
        .exits(1)
        .says("not a pseudonym");
    let nobody = decostop()
        .args(["lookup", arg(&mine), pseudonym])
        .env_remove("USER")
        .env_remove("LOGNAME")
        .output();
    assert_eq!(
        nobody.expect("the binary runs").status.code(),
        Some(1),
        "somebody must be named"
    );
}

#[test]
fn redacting_a_result_again_changes_nothing() {
    let (request, key) = (Corpus::sound().path("request.toml"), dive().join("internal/key"));
    let again = [
        "redact",
        "--source",
        "decostop",
        "--request",
        arg(&request),
        "--key-file",
        arg(&key),
    ];
    let lines = records(dive());
    assert_eq!(run_with_input(&again, lines.as_bytes()).exits(0).out, lines);
    let edited = lines.replacen("\"actor\":\"", "\"actor\":\"somebody.else\",\"username\":\"", 1);
    let ran = run_with_input(&again, edited.as_bytes()).exits(2);
    assert_eq!(
        ran.out.lines().count() + 1,
        lines.lines().count(),
        "the edited record is withheld"
    );
    assert!(!ran.out.contains("somebody.else") && !ran.err.contains("somebody.else"));
}
