//! Ordinary lines after which the verifier must find nothing: what it would call a leak, the redactor removes
//! or nobody wrote. The artefact is also held against its raw inputs.

mod common;

use common::builder;
use decostop::artefact::{Options, ProvenanceWriter};
use decostop::pipeline::dive_into;
use decostop::sink::Provenance;
use decostop_profile::Profile;

const HEAD: &str = r#"
version = 1
id = "ALARMS-1"
requested_at = 2026-11-08T09:00:00Z
[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"
[scope]
namespaces = [{ path = "acme", id = 77 }]
users = [{ username = "alice", id = 1001 }]
evidence = "a test"
[window]
from = 2026-11-01T00:00:00Z
to = 2026-11-07T00:00:00Z
[[select]]
namespaces = ["acme"]
events = ["*", "raw:*"]
[[exception]]
condition = "events.few"
reason = "a test"
approved_by = "the tests"
"#;

struct NoProvenance;

impl ProvenanceWriter for NoProvenance {
    fn row(&mut self, _: u64, _: &Provenance) -> Result<(), decostop::Error> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), decostop::Error> {
        Ok(())
    }
}

/// The records of a dive over a file, which no verification objects to; with and without what is personal.
fn quiet(name: &str, lines: &[String]) -> [String; 2] {
    [true, false].map(|personal| {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let logs = dir.path().join("logs").join(name);
        std::fs::create_dir_all(logs.parent().expect("below the directory")).expect("room");
        std::fs::write(&logs, lines.join("\n") + "\n").expect("room");
        let request = format!("{HEAD}[disclosure]\npersonal_data = {personal}\n");
        let dive = builder(&request, dir.path().join("logs"))
            .build()
            .expect("a dive");
        let out = dir.path().join("out");
        dive_into(&dive, &out, Options::default(), |_| Ok(Box::new(NoProvenance)))
            .unwrap_or_else(|error| panic!("{error} {:?}\n{lines:?}", dive.leaks()));
        let inputs = [dir.path().join("logs")];
        let report = decostop_verify::verify_dir(&out, Profile::gitlab(), &inputs).expect("an artefact");
        assert!(report.is_clean(), "{:?}\n{lines:?}", report.leaks);
        assert_eq!(report.unread_lines, 0, "{lines:?}");
        let records = std::fs::read(out.join("disclosure/records.ndjson.zst")).expect("records");
        String::from_utf8(common::decode(&records)).expect("text")
    })
}

/// An audit event of the group.
fn audit(rest: &str) -> String {
    format!(
        r#"{{"severity":"INFO","time":"2026-11-03T14:00:01.000Z","event_name":"ci_variable_created","author_id":1001,"entity_id":77,"entity_type":"Group","entity_path":"acme",{rest}}}"#
    )
}

#[test]
fn a_variable_is_nobody() {
    for rest in [
        r#""target_type":"Ci::Variable","target_details":"DATABASE_URL""#,
        r#""details":{"target_type":"Ci::Variable","target_details":"DATABASE_URL"}"#,
    ] {
        quiet("audit_json.log", &[audit(rest)]);
    }
}

#[test]
fn an_event_with_a_backslash_is_counted() {
    let line = r#"{"content_type":"text/html","correlation_id":"01KEXAMPLE0000000000000013","duration_ms":31,"host":"gitlab.com","level":"info","method":"GET","msg":"access","proto":"HTTP/1.1","referrer":"","remote_addr":"198.51.100.7:0","remote_ip":"198.51.100.7","route":"^/-/cable\\z","status":200,"system":"http","time":"2026-11-03T15:00:00Z","ttfb_ms":30,"user_agent":"git/2.47.1","written_bytes":14163,"meta.gl_project_path":"acme/payments/api"}"#;
    let [records, _] = quiet("gitlab-workhorse/current", &[line.to_owned()]);
    assert!(records.contains(r#""event":"^/-/cable\\z""#), "{records}");
}

#[test]
fn names_that_symbols_surround() {
    let names = [
        ("Build Bot 🤖", "Build Bot"),
        ("🚀 Release Manager", "Release Manager"),
        ("Cloud Team ®", "Cloud Team"),
        ("Build Bot™", "Build Bot"),
        ("#Cloud Team", "Cloud Team"),
        ("\u{200b}Cloud Team", "Cloud Team"),
        ("🤖 (Build) [Bot] 🤖", "(Build) [Bot]"),
        ("Deploy_Bot.", "Deploy_Bot"),
        ("Merge-Bot:", "Merge-Bot"),
        ("DeployBot 🤖", "DeployBot"),
        ("Build #Quill_Feather", "quill_feather"),
    ];
    for (name, words) in names {
        let rest = format!(
            r#""target_type":"User","target_id":6660001,"target_details":"{name}","custom_message":"Added {words} as Developer""#
        );
        let [records, _] = quiet("audit_json.log", &[audit(&rest)]);
        let whole = format!("Added {words}");
        assert!(
            !records.contains(&whole) && records.contains("as Developer"),
            "{name} {records}"
        );
    }
}

#[test]
fn words_alone_stay_beside_names_of_words() {
    for name in ["Build 🤖", "#Cloud", "Team: 🚀"] {
        let rest = format!(
            r#""target_type":"User","target_id":6660001,"target_details":"{name}","custom_message":"The build of the team failed""#
        );
        let [records, _] = quiet("audit_json.log", &[audit(&rest)]);
        assert!(
            records.contains("The build of the team failed"),
            "{name} {records}"
        );
    }
}

/// A line of somebody else's in a project of the customer's.
fn rails(user: &str, rest: &str) -> String {
    format!(
        r#"{{"time":"2026-11-02T10:00:00.000Z","severity":"INFO","meta.project":"acme/a","meta.user":"{user}",{rest}}}"#
    )
}

#[test]
fn user_names_that_marks_surround() {
    for (user, message) in [
        ("no_wait_", "the no_wait_return flag"),
        ("main_", "checkout main_branch"),
        ("_build-ci.", "my build-ci failed"),
        ("dry_run", "dry_run=1 is set"),
    ] {
        quiet(
            "application_json.log",
            &[rails(user, &format!(r#""message":"{message}""#))],
        );
    }
    let line = r#"{"method":"GET","path":"/acme/a/-/jobs","format":"html","controller":"Projects::JobsController","action":"index","status":200,"time":"2026-11-02T10:00:00.000Z","params":[{"key":"scope","value":"dry_run"},{"key":"author_username","value":"dry_run="}],"meta.project":"acme/a","uri":"/acme/a/-/jobs?scope=dry_run&author_username=dry_run%3D"}"#;
    quiet("production_json.log", &[line.to_owned()]);
}

#[test]
fn projects_called_like_words() {
    for path in ["othercorp/test-app", "othercorp/read_only/build"] {
        let name = path.split('/').nth(1).unwrap_or_default();
        let lines = [
            rails("bob7", &format!(r#""message":"the {name} flag""#)),
            rails(
                "bob7",
                &format!(r#""project_path":"{path}","message":"the build of it""#),
            ),
        ];
        let [records, _] = quiet("application_json.log", &lines);
        assert!(records.contains("the build of it"), "{records}");
    }
}
