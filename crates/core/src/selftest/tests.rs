//! What is planted is seen, what is planted does not survive, and a profile that is wrong is caught.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use decostop_profile::{Profile, RuleSet};

use super::canary::{Encoding, Mint};
use super::random::Random;
use super::*;

const REQUEST: &str = r#"
version = 1
id = "R-1"
requested_at = 2026-11-08T09:00:00Z
[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"
[scope]
namespaces = [{ path = "acme", id = 77 }]
projects = [{ path = "acme/payments/api", id = 51191 }]
users = [{ username = "alice.abbott", id = 1001, emails = ["alice@acme.example"], names = ["Alice Abbott"] }]
evidence = "export"
[window]
from = 2026-11-01T00:00:00Z
to = 2026-11-07T00:00:00Z
[[select]]
namespaces = ["acme"]
events = ["token.created"]
"#;

const LINES: [&str; 3] = [
    r#"{"time":"2026-10-03T09:15:02.113Z","severity":"INFO","meta.user":"bob","meta.user_id":7,"meta.project":"other/web","method":"GET","path":"/other/web/-/blob/main/x.rb","controller":"Projects::BlobController","action":"show","status":200,"remote_ip":"192.0.2.9","ua":"git/2.40","correlation_id":"01HXABCDEF","params":[{"key":"note","value":"x"}],"exception.message":"could not open the file of that user","db_duration_s":0.1,"hostname":"web-01"}"#,
    r#"{"time":"2026-10-03T09:15:03.113Z","severity":"INFO","username":"bob","user_id":7,"method":"POST","path":"/other/web/-/issues","controller":"Projects::IssuesController","action":"create","status":302,"remote_ip":"192.0.2.9","correlation_id":"01HXABCDEG","exception.message":"another failure of the same kind"}"#,
    r#"{"time":"2026-10-03T09:15:04.113Z","message":"text of a record that has nothing else to tell","status":200}"#,
];

fn logs(dir: &Path) -> PathBuf {
    let logs = dir.join("logs");
    fs::create_dir(&logs).expect("a directory");
    fs::write(logs.join("production_json.log"), LINES.join("\n") + "\n").expect("a file");
    logs
}

fn selftest(profile: Arc<Profile>, dir: &Path) -> SelfTest {
    let request = Request::parse_with(REQUEST, Path::new(""), &profile).expect("a request");
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_794_132_000);
    let temp = dir.join("temp");
    fs::create_dir(&temp).expect("a directory");
    SelfTest::new(request, profile)
        .inputs([logs(dir)])
        .sample(40)
        .seed(7)
        .threads(2)
        .temp_dir(temp)
        .now(now)
}

fn is_empty(dir: &Path) -> bool {
    fs::read_dir(dir.join("temp"))
        .expect("a directory")
        .next()
        .is_none()
}

#[test]
fn every_canary_is_seen_in_every_spelling() {
    let profile = Profile::gitlab();
    let mint = Mint::new(&profile, &RuleSet::builtin(), &[], &[]).expect("a mint");
    let mut random = Random::new(1);
    let person = mint.person(&mut random);
    let canaries = mint.canaries(&mut random, &person, true);
    assert!(canaries.len() > 35, "{}", canaries.len());
    for canary in &canaries {
        for encoding in Encoding::ALL {
            let line = format!("{{\"x\":\"see {}, please\"}}", encoding.body(&canary.text));
            assert!(
                serde_json::from_str::<serde_json::Value>(&line).is_ok(),
                "{encoding:?}"
            );
            let needles: Vec<&str> = canary.needles.iter().map(String::as_str).collect();
            assert_eq!(
                views::found(&line, needles.iter().copied()).len(),
                needles.len(),
                "{} as {encoding:?}: {line}",
                canary.kind
            );
            let other = line
                .replace("\"x\"", "\"y\"")
                .replace(&encoding.body(&canary.text), "[text]");
            assert!(views::found(&other, needles).is_empty(), "{}", canary.kind);
        }
    }
}

#[test]
fn nothing_survives_and_nothing_is_missed() {
    let dir = tempfile::tempdir().expect("a directory");
    let rules = "version = 1\n[[rule]]\nid = \"x\"\nkind = \"secret\"\npattern = 'zq_([a-z0-9]{12})'\n\
                 examples = [\"zq_a1b2c3d4e5f6\"]\nnegative_examples = [\"zq\"]\n";
    let outcome = selftest(Profile::gitlab(), dir.path())
        .rules(
            RuleSet::builtin()
                .as_ref()
                .clone()
                .join(RuleSet::parse(rules).expect("rules"))
                .expect("no id twice"),
        )
        .run()
        .expect("an outcome");
    assert!(
        !outcome.leaks(),
        "{:#?} {:#?}",
        outcome.survivors,
        outcome.stopped
    );
    assert_eq!(
        (outcome.expected, outcome.missed, outcome.withheld),
        (80, 0, 0),
        "{:?}",
        outcome.sources
    );
    assert!(!outcome.is_incomplete());
    let planted = |kind: &str| -> u64 {
        let cells = outcome.cells.iter().filter(|cell| cell.kind.starts_with(kind));
        cells.map(|cell| cell.planted).sum()
    };
    for kind in [
        "credential.",
        "foreign.",
        "personal.",
        "system.",
        "scope.user",
        "rule.secret",
        "rule.personal",
        "rule.system",
        "correlation",
    ] {
        assert!(planted(kind) > 0, "{kind}");
    }
    assert!(is_empty(dir.path()), "nothing is left");
}

/// The built-in profile, in which a field is of the class that another one has.
fn with_field_like(field: &str, other: &str) -> Arc<Profile> {
    let mut profile = Profile::clone(&Profile::gitlab());
    let source = profile
        .sources
        .iter_mut()
        .find(|source| source.name == "production_json");
    let fields = &mut source.expect("the source").fields;
    let spec = fields.get(other).expect("the other field").clone();
    fields.insert(field.to_owned(), spec);
    Arc::new(profile)
}

#[test]
fn a_profile_that_calls_text_harmless_is_caught() {
    for like in ["controller", "status"] {
        let dir = tempfile::tempdir().expect("a directory");
        let profile = with_field_like("exception.message", like);
        let outcome = selftest(profile, dir.path())
            .sample(120)
            .run()
            .expect("an outcome");
        assert!(outcome.leaks(), "{like}");
        // An id that another field names is known to the verifier, who stops the record.
        let survived = |survivor: &Survivor| survivor.planted_in == "exception.message";
        let stopped = |stopped: &Stopped| {
            stopped.finding.place.starts_with("field exception.message") && !stopped.canaries.is_empty()
        };
        assert!(
            outcome.survivors.iter().any(survived) || outcome.stopped.iter().any(stopped),
            "{like}: {:?} {:?}",
            outcome.survivors,
            outcome.stopped
        );
        let told = serde_json::to_string(&outcome).expect("JSON");
        assert!(!told.contains("could not open the file") && !told.contains("BlobController"));
        assert!(is_empty(dir.path()));
    }
}

#[test]
fn a_stopped_self_test_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a directory");
    let stop = Arc::new(AtomicBool::new(true));
    let error = selftest(Profile::gitlab(), dir.path())
        .cancel(stop)
        .run()
        .expect_err("stopped");
    assert_eq!(error.kind(), ErrorKind::Interrupted);
    assert!(is_empty(dir.path()));
}

#[test]
fn a_request_that_owns_nothing_is_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut test = selftest(Profile::gitlab(), dir.path());
    test.request.scope = Scope::default();
    assert_eq!(test.run().expect_err("nothing to find").kind(), ErrorKind::Config);
}
