//! Real data, where it lies beside the repository; skipped, and said so, where it does not.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use common::{Done, builder, profile, run};
use decostop_testkit::laws::survivors;
use decostop_testkit::naive::{Answer, Query};
use serde_json::{Value, json};

/// The shared data, if it is there.
fn shared(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data")
        .join(name);
    if !path.exists() {
        eprintln!("SKIP: no {name} beside the repository");
        return None;
    }
    Some(path)
}

fn request(scope: &str, select: &str) -> String {
    let mut out = format!(
        "version = 1\nid = \"SAMPLES-1\"\nrequested_at = 2026-11-08T09:00:00Z\n\
         [customer]\nname = \"Acme\"\nplan = \"ultimate\"\nbilling = \"paid\"\n\
         [scope]\nevidence = \"a test\"\n{scope}\n\
         [window]\nfrom = 2000-01-01T00:00:00Z\nto = 2026-11-08T00:00:00Z\n{select}\n[disclosure]\npersonal_data = true\n"
    );
    for condition in [
        "events.few",
        "events.listed",
        "resources.listed",
        "scope.owned",
        "window.longest",
    ] {
        let _ = write!(
            out,
            "[[exception]]\ncondition = \"{condition}\"\nreason = \"a test\"\napproved_by = \"the tests\"\n"
        );
    }
    out
}

fn dive(request: &str, inputs: &[(String, Vec<u8>)]) -> Done {
    let dir = tempfile::tempdir().expect("a temporary directory");
    common::write_inputs(dir.path(), inputs, common::Codec::Plain);
    run(builder(request, dir.path().to_owned())).unwrap_or_else(|error| panic!("{error}"))
}

/// Lines of the sources that the built-in profile knows.
fn sample_lines(folder: &Path) -> BTreeMap<&'static str, Vec<Vec<u8>>> {
    let files = [
        ("api_json", "api/test-gitlab-api.log"),
        ("api_json", "_sample_logs/api.log"),
        ("audit_json", "audit/test-audit.log"),
        ("audit_json", "_sample_logs/audit.log"),
        ("audit_json", "_sample_logs/test-gitlab-audit.log"),
        ("gitaly", "gitaly/test-gitaly.log"),
        ("graphql_json", "_sample_logs/graphql.log"),
        ("production_json", "production/test-gitlab-production.log"),
        ("production_json", "_sample_logs/production.log"),
        ("sidekiq", "sidekiq/test-gitlab-sidekiq.log"),
        ("sidekiq", "_sample_logs/test-gitlab-sidekiq.log"),
        ("workhorse", "workhorse/test-workhorse.log"),
        ("workhorse", "_sample_logs/workhorse.log"),
    ];
    let mut lines: BTreeMap<&str, Vec<Vec<u8>>> = BTreeMap::new();
    for (source, name) in files {
        let bytes = std::fs::read(folder.join(name)).expect("a sample");
        let own = bytes
            .split(|byte| *byte == b'\n')
            .filter(|line| !line.trim_ascii().is_empty());
        lines
            .entry(source)
            .or_default()
            .extend(own.map(|line| line.strip_suffix(b"\r").unwrap_or(line).to_vec()));
    }
    lines
}

#[test]
fn every_sample_line_is_accounted_for_and_counted_as_the_oracle_counts() {
    let Some(folder) = shared("gitlab-samples") else {
        return;
    };
    let lines = sample_lines(&folder);
    assert_eq!(lines.len(), 7, "all seven sources have samples");
    let inputs: Vec<(String, Vec<u8>)> = lines
        .iter()
        .map(|(source, lines)| {
            (
                (*source).to_owned(),
                [lines.join(&b'\n'), b"\n".to_vec()].concat(),
            )
        })
        .collect();
    let total: u64 = lines.values().map(|lines| lines.len() as u64).sum();
    let scope = "namespaces = [\"root\"]\nusers = [{ username = \"root\", id = 1 }]";
    let profile = profile();
    let mut matched_at_all = 0;
    for select in [
        "[[select]]\nevents = [\"raw:*\"]",
        "[[select]]\nusers = [\"root\"]",
        "[[select]]\nusers = [1]",
        "[[select]]\nnamespaces = [\"root\"]",
        "[[select]]\nnamespaces = [\"gitlab-org\"]",
        "[[select]]\nprojects = [\"root/test\"]",
        "[[select]]\nevents = [\"project.*\", \"session.*\", \"repository.*\"]",
        "[[select]]\nsources = [\"sidekiq\", \"gitaly\"]\nevents = [\"raw:*\"]",
        "[[select]]\nusers = [\"nobody-of-this-name\"]",
    ] {
        let request = request(scope, select);
        let query = Query::parse(&request).expect("the oracle reads the request");
        let (mut matches, mut withheld, mut either) = (0, 0, 0);
        for (name, lines) in &lines {
            let source = profile.source(name).expect("a source");
            for line in lines {
                match query.answer(&profile, source, line) {
                    Answer::Match(_) => matches += 1,
                    Answer::Withhold => withheld += 1,
                    Answer::Either => either += 1,
                    Answer::NoMatch => {}
                }
            }
        }
        let done = dive(&request, &inputs);
        let counts = &done.report.counts;
        assert_eq!(counts.matched, matches, "{select}");
        assert!(
            (withheld..=withheld + either).contains(&counts.withheld),
            "{select}: {} withheld, {withheld} to {} expected",
            counts.withheld,
            withheld + either
        );
        assert_eq!(counts.withheld, done.sink.withheld.len() as u64);
        assert_eq!(
            counts.matched,
            counts.disclosed + counts.outside_scope,
            "{select}"
        );
        if select.ends_with("[\"raw:*\"]") && !select.contains("sources") {
            assert_eq!(
                counts.matched + counts.withheld,
                total,
                "every line matches or is withheld when everything is asked for"
            );
        }
        matched_at_all += counts.matched;
    }
    assert!(matched_at_all > total, "the queries find something");
}

#[test]
fn no_conformance_file_ends_a_dive() {
    let Some(folder) = shared("real/json_conformance") else {
        return;
    };
    let mut inputs = Vec::new();
    let mut folders = vec![folder];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)
            .expect("a folder")
            .filter_map(Result::ok)
        {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                inputs.push((
                    format!("{:04}-production_json", inputs.len()),
                    std::fs::read(path).expect("a file"),
                ));
            }
        }
    }
    assert!(inputs.len() > 300);
    let all = dive(
        &request("namespaces = [\"acme\"]", "[[select]]\nevents = [\"raw:*\"]"),
        &inputs,
    );
    assert_eq!(all.report.counts.matched, 0, "none of them has a time");
    assert!(
        all.report.counts.withheld > 200 && all.report.counts.withheld_by_reason.contains_key("unparsable")
    );
    let some = dive(
        &request(
            "namespaces = [\"acme\"]",
            "[[select]]\nnamespaces = [\"zorbalith-quux\"]",
        ),
        &inputs,
    );
    assert_eq!(
        (some.report.counts.matched, some.report.counts.withheld),
        (0, 0),
        "none of them names the customer"
    );
}

/// Each place in a record where a text of somebody's choice may stand.
fn embeddings(text: &str, own: &Value, at: usize) -> Vec<Value> {
    let nested = json!({ "body": json!({ "note": text }).to_string() }).to_string();
    let encoded = text.bytes().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "%{byte:02X}");
        out
    });
    let first = text.split_whitespace().next().unwrap_or_default();
    let fields = [
        ("message", json!(text)),
        (
            "params",
            json!([{ "key": "note", "value": text }, { "key": "ref", "value": text }, { "key": text, "value": 1 }]),
        ),
        ("exception.message", json!(text)),
        ("params", json!(nested)),
        (
            "path",
            json!(format!(
                "/acme/web/-/blob/main/{encoded}?private_token={encoded}&ref_type={encoded}"
            )),
        ),
        ("path", json!(format!("/acme/web/-/tree/{first}"))),
        ("meta.caller_id", json!(text)),
        ("ua", json!(format!("curl/8.9 {text}"))),
    ];
    let with = |(name, value): (&str, Value)| {
        let mut record = own.as_object().cloned().unwrap_or_default();
        record.insert("correlation_id".to_owned(), json!(format!("c{at}")));
        record.insert(name.to_owned(), value);
        Value::Object(record)
    };
    fields.into_iter().map(with).collect()
}

#[test]
fn no_planted_credential_survives_in_any_place() {
    const EACH: usize = 100;
    let Some(folder) = shared("redaction-cases") else {
        return;
    };
    let own = json!({
        "time": "2026-11-02T10:00:00.000Z", "controller": "Projects::BlobController", "action": "show", "status": 200,
        "meta.project": "acme/web", "username": "alice", "user_id": 1001,
    });
    let (mut secrets, mut lines) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder)
        .expect("a folder")
        .filter_map(Result::ok)
    {
        let Ok(bytes) = std::fs::read(entry.path().join("cases.jsonl.zst")) else {
            continue;
        };
        let text = String::from_utf8(common::decode(&bytes)).expect("text");
        let cases: Vec<Value> = text
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok())
            .collect();
        let cases: Vec<(&str, &str)> = cases
            .iter()
            .filter(|case| case["expect"] != "no_match")
            .filter_map(|case| Some((case["text"].as_str()?, case["secret"].as_str()?)))
            // Short words and plain numbers are no credentials: the vocabulary has them.
            .filter(|(text, secret)| {
                secret.split_whitespace().any(|part| part.len() >= 8)
                    && secret.bytes().any(|byte| byte.is_ascii_digit())
                    && text.len() < 20_000
            })
            .collect();
        for (text, secret) in cases.iter().step_by((cases.len() / EACH).max(1)).take(EACH) {
            for record in embeddings(text, &own, secrets.len()) {
                lines.push(record.to_string());
            }
            secrets.push((*secret).to_owned());
        }
    }
    assert!(secrets.len() >= 150, "{} credentials", secrets.len());
    let scope = "namespaces = [\"acme\"]\nusers = [{ username = \"alice\", id = 1001 }]";
    let done = dive(
        &request(scope, "[[select]]\nnamespaces = [\"acme\"]"),
        &[(
            "production_json".to_owned(),
            (lines.join("\n") + "\n").into_bytes(),
        )],
    );
    assert_eq!(
        done.sink.records.len() + done.sink.withheld.len(),
        lines.len(),
        "every record is there"
    );
    assert!(
        done.sink.records.len() * 10 >= lines.len() * 9,
        "{} of {} come out",
        done.sink.records.len(),
        lines.len()
    );
    let mut left = Vec::new();
    for record in &done.sink.records {
        left.extend(
            survivors(record, secrets.iter().map(String::as_str))
                .into_iter()
                .map(|secret| (secret.to_owned(), record.clone())),
        );
    }
    let told: Vec<_> = left
        .iter()
        .map(|(secret, record)| (secret, record.rsplit(",\"").next()))
        .collect();
    assert!(left.is_empty(), "{} survive: {told:?}", left.len());
}
