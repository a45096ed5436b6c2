//! `request`, `check`, `events`, `profile`, `schema`, and what a refused request leaves behind.

use std::fs;

use serde::Deserialize;

use crate::run::{Corpus, arg, names, run};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Checked {
    request: String,
    accepted: bool,
    route: String,
    route_reasons: Vec<String>,
    conditions: Vec<Condition>,
    warnings: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Condition {
    id: String,
    holds: bool,
    detail: String,
    exception: Option<Exception>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exception {
    reason: String,
    approved_by: String,
}

#[test]
fn a_new_request_reads_and_is_told_what_is_missing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("request.toml");
    run(&["request", "new", arg(&file)])
        .exits(0)
        .says("decostop check");
    let text = fs::read_to_string(&file).expect("the request");
    assert!(text.contains("requested_at") && text.contains("decostop events"));
    let checked = run(&["check", arg(&file)]).exits(3);
    assert!(
        checked.out.contains("plan.eligible") && checked.out.contains("refused"),
        "{}",
        checked.out
    );
    run(&["request", "new", arg(&file)]).exits(1).says("hint:");
    assert_eq!(
        fs::read_to_string(&file).expect("the request"),
        text,
        "an existing request is left alone"
    );
    assert!(run(&["request", "new"]).exits(0).out.contains("[[select]]"));
}

#[test]
fn a_sound_request_is_accepted_with_its_route() {
    let corpus = Corpus::sound();
    let sirt = run(&["check", arg(&corpus.path("request.toml"))]).exits(0);
    for id in [
        "plan.eligible",
        "scope.evidenced",
        "scope.owned",
        "window.longest",
        "resources.listed",
        "resources.few",
        "events.listed",
        "events.few",
    ] {
        assert!(sirt.out.contains(id), "{id}");
    }
    assert!(
        sirt.out.contains("sirt") && sirt.out.contains("accepted") && sirt.out.contains("set aside"),
        "{}",
        sirt.out
    );
    let support = run(&["check", arg(&corpus.path("request-support.toml"))]).exits(0);
    assert!(support.out.contains("route    support"), "{}", support.out);
}

#[test]
fn the_assessment_is_json_for_programs() {
    let request = Corpus::sound().path("request.toml");
    let told: Checked =
        serde_json::from_str(&run(&["check", arg(&request), "--json"]).exits(0).out).expect("JSON");
    assert!(told.accepted && told.request.starts_with("SIRT") && told.route == "sirt");
    assert!(!told.route_reasons.is_empty() && told.warnings.iter().all(|warning| !warning.is_empty()));
    assert_eq!(told.conditions.len(), 8);
    assert!(
        told.conditions
            .iter()
            .all(|condition| !condition.detail.is_empty())
    );
    let aside = told
        .conditions
        .iter()
        .find(|condition| !condition.holds)
        .expect("one is set aside");
    let exception = aside.exception.as_ref().expect("an exception");
    assert!(aside.id == "events.few" && !exception.reason.is_empty() && !exception.approved_by.is_empty());
}

#[test]
fn errors_point_at_the_key() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let good = Corpus::sound().text("request-support.toml");
    let write = |text: String| {
        let file = dir.path().join("bad.toml");
        fs::write(&file, text).expect("a written request");
        file
    };
    let file = write(format!("{good}surprise = 1\n"));
    run(&["check", arg(&file)])
        .exits(1)
        .says("surprise")
        .says("bad.toml");
    let file = write(good.replace("plan =", "plam ="));
    run(&["check", arg(&file)]).exits(1).says("plam");
    let file = write("version = ".to_owned());
    run(&["check", arg(&file)]).exits(1).says("line 1");
    run(&["check", arg(&dir.path().join("none.toml"))])
        .exits(1)
        .says("none.toml");
}

#[test]
fn a_refused_request_is_not_run() {
    let corpus = Corpus::sound();
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("refused.toml");
    fs::write(
        &file,
        corpus
            .text("request-support.toml")
            .replace("\"paid\"", "\"trial\""),
    )
    .expect("a request");
    run(&["check", arg(&file)]).exits(3);
    let (logs, out) = (corpus.path("logs"), dir.path().join("out"));
    let refused = run(&["scan", "--request", arg(&file), arg(&logs), "--out", arg(&out)]).exits(3);
    assert!(
        refused.err.contains("plan.eligible") && refused.err.contains("hint:"),
        "{}",
        refused.err
    );
    assert_eq!(names(dir.path()), ["refused.toml"]);
    run(&["summary", "--request", arg(&file), arg(&logs)]).exits(3);
    run(&["plan", arg(&file), arg(&logs)]).exits(3);
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    name: String,
    about: String,
    sources: Vec<String>,
    raw: std::collections::BTreeMap<String, Vec<String>>,
    request: String,
}

fn events(args: &[&str]) -> Vec<Event> {
    let out = run(&[&["events"], args, &["--json"]].concat()).exits(0).out;
    serde_json::from_str(&out).expect("JSON")
}

#[test]
fn the_vocabulary_is_listed() {
    let all = run(&["events"]).exits(0);
    assert!(all.out.contains("membership.added") && all.out.contains("repository.read"));
    assert!(
        all.out.lines().all(|line| line.split('\t').count() == 3),
        "a pipe gets a line an event"
    );
    let some = events(&["membership.*"]);
    assert!(some.len() > 1 && some.iter().all(|event| event.name.starts_with("membership.")));
    for event in &some {
        assert!(!event.about.is_empty() && !event.raw.is_empty(), "{}", event.name);
        assert!(event.sources.iter().eq(event.raw.keys()), "{}", event.name);
        assert_eq!(event.request, format!("events = [\"{}\"]", event.name));
    }
    let raw = some
        .iter()
        .flat_map(|event| event.raw.values().flatten())
        .next()
        .expect("a raw pattern");
    let shown = run(&["events", "membership.*", "--raw"])
        .exits(0)
        .says("events = [\"membership.*\"]");
    assert!(shown.out.contains(raw.as_str()));
    assert!(
        run(&["events", &format!("raw:{raw}")])
            .exits(0)
            .out
            .contains("membership.")
    );
    run(&["events", "no.such.event"]).exits(1).says("hint:");
    run(&["events", "membrship.*"]).exits(1).says("membership.*");
}

#[test]
fn the_vocabulary_is_searched_by_words_and_sources() {
    let names = |args: &[&str]| -> Vec<String> { events(args).into_iter().map(|event| event.name).collect() };
    assert!(names(&["CLONE"]).contains(&"repository.cloned".to_owned()));
    assert!(
        names(&["git-upload-pack"]).contains(&"repository.cloned".to_owned()),
        "raw patterns are searched"
    );
    assert_eq!(names(&["added deploy key"]), ["deploy_key.added"]);
    let shown = events(&["token.*", "--source", "audit_json"]);
    assert!(shown.iter().all(|event| event.raw.keys().eq(["audit_json"])));
    assert!(shown.iter().any(|event| event.sources.len() > 1));
    assert!(
        shown.len() < events(&["token.*"]).len(),
        "token.read is in no audit trail"
    );
    run(&["events", "membrship"])
        .exits(1)
        .says("did you mean \"membership\"?");
    run(&["events", "--source", "audit"]).exits(1).says("audit_json");
    run(&["events", "token.read", "--source", "audit_json"])
        .exits(1)
        .says("look in");
}

#[test]
fn profiles_are_checked() {
    assert!(run(&["profile", "check"]).exits(0).out.contains("no findings"));
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("profile.toml");
    fs::write(&file, run(&["profile", "show"]).exits(0).out).expect("a profile");
    run(&["profile", "check", arg(&file)]).exits(0);
    fs::write(&file, "name = 1\n").expect("a profile");
    run(&["profile", "check", arg(&file)])
        .exits(1)
        .says("profile.toml");
    run(&["events", "--profile", arg(&dir.path().join("none"))])
        .exits(1)
        .says("none");
}

#[test]
fn schemas_are_json() {
    for of in ["request", "manifest"] {
        let schema: serde_json::Value =
            serde_json::from_str(&run(&["schema", of]).exits(0).out).expect("JSON");
        assert!(schema.get("properties").is_some(), "{of}");
    }
}

#[test]
fn a_profile_is_drafted_from_a_sample() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let sample = dir.path().join("shop-2026-11-03.log.zst");
    let line = r#"{"time":"2026-11-03T09:15:02Z","user":"mallory77","tenant":"evilcorp77","action":"login","colour":"zebra77"}"#;
    let packed =
        zstd::encode_all(format!("{line}\n{line}\n").as_bytes(), 1).expect("memory takes everything");
    fs::write(&sample, packed).expect("a sample");
    let drafted = run(&["profile", "new", arg(&sample)])
        .exits(0)
        .says("a JSON object a line")
        .says("2 records")
        .says("4 with a class, 1 left to you");
    for value in ["77", "login"] {
        assert!(
            !drafted.out.contains(value) && !drafted.err.contains(value),
            "{value}"
        );
    }
    let file = dir.path().join("mine.toml");
    fs::write(&file, &drafted.out).expect("a profile");
    let checked = run(&["profile", "check", arg(&file)]).exits(0);
    assert!(checked.out.contains("profile shop:"), "{}", checked.out);
    let named = run(&["profile", "new", arg(&sample), "--name", "Web Shop"]).exits(0);
    assert!(named.out.contains("name = \"web_shop\""));
    fs::write(&sample, "nothing that is known\nnor this\n").expect("a sample");
    run(&["profile", "new", arg(&sample)])
        .exits(1)
        .says("not recognised");
}

#[test]
fn every_built_in_profile_shows_and_checks() {
    for name in ["cloudtrail", "gitlab", "haproxy", "kubernetes-audit", "nginx"] {
        let shown = run(&["profile", "show", name]).exits(0).out;
        assert!(shown.contains(&format!("name = \"{name}\"")), "{name}");
        let checked = run(&["profile", "check", name]).exits(0).out;
        assert!(checked.contains("no findings"), "{checked}");
    }
}
