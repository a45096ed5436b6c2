//! `rules list`, `rules check`, and rule files beside the built-in rules.

use std::fs;
use std::path::{Path, PathBuf};

use crate::run::{Corpus, arg, copy, dive, run, run_with_input};

const TICKETS: &str = r#"
version = 1

[[rule]]
id = "acme.ticket"
kind = "system"
about = "Tickets of the desk"
pattern = 'ACME-T[0-9]{6}'
keywords = ["acme-t"]
examples = ["see ACME-T123456"]
negative_examples = ["ACME-T12"]
"#;

fn write(dir: &Path, name: &str, text: &str) -> PathBuf {
    let path = dir.join(name);
    fs::write(&path, text).expect("a rule file");
    path
}

#[test]
fn rules_are_listed_one_a_line() {
    let all = run(&["rules", "list"]).exits(0);
    assert_eq!(all.err, "");
    let count = all.out.lines().count();
    assert!(count >= 200, "{count}");
    for row in all.out.lines() {
        assert_eq!(row.split('\t').count(), 4, "{row}");
    }
    let some = run(&["rules", "list", "secret.gitlab.*"]).exits(0).out;
    assert!(some.lines().count() >= 20 && some.lines().all(|row| row.starts_with("secret.gitlab.")));
    let words = run(&["rules", "list", "GLPAT personal access"]).exits(0).out;
    assert!(
        words.starts_with("secret.gitlab.access_token\tsecret\t"),
        "{words}"
    );
    run(&["rules", "list", "nothing-of-this-name"])
        .exits(1)
        .says("no rule fits");
}

#[test]
fn listed_rules_are_whole_in_json() {
    let json = run(&["rules", "list", "personal.iban", "--json"]).exits(0).out;
    let told: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    let rule = &told[0];
    assert_eq!(told.as_array().map(Vec::len), Some(1), "{json}");
    for key in [
        "id",
        "kind",
        "about",
        "pattern",
        "keywords",
        "validators",
        "examples",
    ] {
        assert!(rule.get(key).is_some(), "{key}");
    }
}

#[test]
fn rules_of_files_are_listed_behind_the_built_in_ones() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = write(dir.path(), "rules.toml", TICKETS);
    let listed = run(&["rules", "list", "--rules", arg(&file)]).exits(0).out;
    let last = listed.lines().last().expect("rules");
    assert_eq!(last, "acme.ticket\tsystem\tTickets of the desk\tacme-t");
}

#[test]
fn rule_files_are_checked() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let sound = write(dir.path(), "sound.toml", TICKETS);
    let told = run(&["rules", "check", arg(&sound)]).exits(0);
    assert!(
        told.out.contains("sound") && told.out.contains("1 rule, 2 examples"),
        "{}",
        told.out
    );

    let rule = TICKETS.split_once("[[rule]]").expect("a rule").1;
    let broken = format!(
        "{TICKETS}[[rule]]{}[[rule]]{}[[rule]]{}",
        rule.replace("acme.ticket", "acme.open").replace("{6}", "{6"),
        rule.replace("acme.ticket", "acme.blind").replace("T123456", "T1"),
        rule,
    );
    let broken = write(dir.path(), "broken.toml", &broken);
    let told = run(&["rules", "check", arg(&sound), arg(&broken)])
        .exits(1)
        .says("1 rule file refused");
    let fails: Vec<&str> = told
        .out
        .lines()
        .filter(|line| line.starts_with("fails"))
        .collect();
    for rule in ["acme.open: ", "acme.blind: ", "rule \"acme.ticket\".id: "] {
        assert_eq!(
            fails.iter().filter(|line| line.contains(rule)).count(),
            1,
            "{rule}: {fails:#?}"
        );
    }

    let slow = TICKETS.replace("keywords = [\"acme-t\"]", "");
    let slow = write(dir.path(), "slow.toml", &slow);
    let told = run(&["rules", "check", arg(&slow)]).exits(0).out;
    assert!(
        told.contains("slow") && told.contains("acme.ticket: has no keywords"),
        "{told}"
    );

    let other = write(dir.path(), "other.toml", "version = 1\nrules = []\n");
    let told = run(&["rules", "check", arg(&other)]).exits(1);
    assert!(told.out.contains("rules: rules"), "{}", told.out);
    run(&["rules", "check", arg(&dir.path().join("none.toml"))])
        .exits(1)
        .says("none.toml");
}

/// A file that disagrees with itself is refused before anything is read: the paths do not even exist.
#[test]
fn a_file_whose_examples_disagree_is_refused_everywhere() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let bad = write(dir.path(), "bad.toml", &TICKETS.replace("T123456", "T1"));
    let out = dir.path().join("out");
    for command in [
        &["scan", "--user", "x", "nowhere", "--out", arg(&out)][..],
        &["summary", "--user", "x", "nowhere"],
        &["redact", "--source", "sidekiq"],
        &["verify", arg(dive())],
    ] {
        run(&[command, &["--rules", arg(&bad)]].concat())
            .exits(1)
            .says("bad.toml: cannot be used: acme.ticket")
            .says("decostop rules check");
    }
    assert!(!out.exists());
    let sound = write(dir.path(), "sound.toml", TICKETS);
    run(&[
        "redact",
        "--source",
        "sidekiq",
        "--rules",
        arg(&sound),
        "--rules",
        arg(&sound),
    ])
    .exits(1)
    .says("rule \"acme.ticket\".id");
}

#[test]
fn the_rules_as_run_are_evidence_and_a_result_is_verified_with_them() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = write(dir.path(), "rules.toml", TICKETS);
    let (corpus, out) = (Corpus::sound(), dir.path().join("out"));
    let (request, logs) = (corpus.path("request.toml"), corpus.path("logs"));
    let flags = ["--quiet", "--rules", arg(&file)];
    let scan = ["scan", "--request", arg(&request), arg(&logs), "--out", arg(&out)];
    run(&[&scan[..], &flags].concat()).exits(0);
    let recorded = fs::read_to_string(out.join("internal/rules.json")).expect("the rules");
    assert!(recorded.contains("acme.ticket") && recorded.contains("secret.gitlab.access_token"));
    let stated: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(out.join("internal/run.json")).expect("the run"))
            .expect("JSON");
    let listed = run(&["rules", "list"]).exits(0).out.lines().count();
    assert_eq!(stated["rules"]["count"], listed + 1);
    assert_eq!(stated["rules"]["digest"].as_str().map(str::len), Some(64));

    run(&["verify", arg(&out)]).exits(0).says("no leak");
    // The same file once more says nothing new; another rule of its id does.
    run(&["verify", arg(&out), "--rules", arg(&file)]).exits(0);
    let other = write(dir.path(), "other.toml", &TICKETS.replace("{6}", "{4,6}"));
    run(&["verify", arg(&out), "--rules", arg(&other)])
        .exits(1)
        .says("acme.ticket");

    // A dive without the file has another policy.
    let policy = |dir: &Path| {
        let text = fs::read_to_string(dir.join("internal/run.json")).expect("the run");
        let run: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        run["policy_digest"].clone()
    };
    assert_ne!(policy(&out), policy(dive()));

    let edited = dir.path().join("edited");
    copy(&out, &edited);
    let path = edited.join("internal/rules.json");
    fs::write(&path, recorded.replace("ACME-T", "ACME-U")).expect("the rules");
    run(&["verify", arg(&edited)]).exits(1).says("rules.json");
    fs::remove_file(&path).expect("the rules");
    run(&["verify", arg(&edited)]).exits(1).says("rules.json");
}

#[test]
fn redact_takes_rule_files() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = write(dir.path(), "rules.toml", TICKETS);
    let line = Corpus::sound().lines("sidekiq");
    let line = line.lines().next().expect("a line");
    let plain = ["redact", "--source", "sidekiq", "--quiet"];
    let with = [&plain[..], &["--rules", arg(&file)]].concat();
    let out = run_with_input(&with, format!("{line}\n").as_bytes()).exits(0).out;
    assert_eq!(out.lines().count(), 1);
}
