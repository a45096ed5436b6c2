//! Other platforms: a profile is all that a dive needs. Lines of our own making for what a profile
//! promises, and real sets where they lie beside the repository: what a dive finds is what an independent
//! count finds, and nothing of anybody else survives.
//!
//! `DECOSTOP_WINDOWS=all` takes every day of the Windows events (1 GB) instead of the two smallest.

#![expect(clippy::print_stderr, reason = "a skipped test says so")]

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use common::{Collect, Done};
use decostop::Dive;
use decostop::artefact::{Options, ProvenanceWriter};
use decostop::pipeline::dive_into;
use decostop::request::Request;
use decostop::sink::Provenance;
use decostop_profile::Profile;
use decostop_testkit::laws::survivors;
use serde_json::Value;

fn builtin(name: &str) -> Arc<Profile> {
    Profile::builtin(name).expect("a built-in profile")
}

fn windows() -> Arc<Profile> {
    let text = include_str!("../../../testdata/profiles/windows.toml");
    Arc::new(Profile::parse(text).unwrap_or_else(|error| panic!("{error}")))
}

/// The shared data, if it is there.
fn real(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/real")
        .join(name);
    if !path.exists() {
        eprintln!("SKIP: no {name} beside the repository");
        return None;
    }
    Some(path)
}

fn request(profile: &Profile, scope: &str, select: &str, personal: bool) -> Request {
    let mut text = format!(
        "version = 1\nid = \"PLATFORM-1\"\nrequested_at = 2026-11-08T09:00:00Z\n\
         [customer]\nname = \"Acme\"\nplan = \"{}\"\nbilling = \"paid\"\n\
         [scope]\nevidence = \"a test\"\n{scope}\n\
         [window]\nfrom = 2000-01-01T00:00:00Z\nto = 2026-11-08T00:00:00Z\n[[select]]\n{select}\n\
         [disclosure]\npersonal_data = {personal}\n",
        profile.conditions.plans.first().expect("a plan"),
    );
    for condition in [
        "events.few",
        "events.listed",
        "resources.listed",
        "scope.owned",
        "window.longest",
    ] {
        let _ = write!(
            text,
            "[[exception]]\ncondition = \"{condition}\"\nreason = \"a test\"\napproved_by = \"the tests\"\n"
        );
    }
    Request::parse_with(&text, Path::new(""), profile).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

fn dive(profile: &Arc<Profile>, scope: &str, select: &str, personal: bool, inputs: &[PathBuf]) -> Done {
    let builder = Dive::builder(request(profile, scope, select, personal), Arc::clone(profile))
        .inputs(inputs.to_vec())
        .now(common::now())
        .key_material(common::KEY);
    common::run(builder).unwrap_or_else(|error| panic!("{select}: {error}"))
}

/// A dive over lines of our own; what comes out, without pseudonyms.
fn lines(
    profile: &Arc<Profile>,
    file: &str,
    content: &str,
    scope: &str,
    select: &str,
    personal: bool,
) -> Done {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(file);
    std::fs::write(&path, content).expect("writable");
    dive(profile, scope, select, personal, &[path])
}

fn records(sink: &Collect) -> Vec<Value> {
    let parsed = sink.records.iter().map(|record| serde_json::from_str(record));
    parsed.collect::<Result<_, _>>().expect("records are JSON")
}

/// Values of somebody else, as the raw lines have them.
#[derive(Default)]
struct Others(BTreeSet<String>);

impl Others {
    /// Short values and plain numbers are found in anything; words of the vocabulary may come out whoever
    /// wrote them.
    fn add(&mut self, profile: &Profile, value: &str, own: &[&str]) {
        let is_own = own.iter().any(|own| own.eq_ignore_ascii_case(value));
        let mut parts = value
            .split(|c: char| !c.is_ascii_alphanumeric())
            .filter(|part| !part.is_empty())
            .peekable();
        let is_word = parts.peek().is_some()
            && parts.all(|part| {
                part.len() < 3
                    || profile
                        .vocabulary
                        .words
                        .contains(part.to_ascii_lowercase().as_str())
            });
        if value.len() >= 5 && !is_own && !is_word {
            self.0.insert(value.to_owned());
        }
    }

    /// Asserts that none of them survives in any view of any value of the records.
    fn are_gone(&self, what: &str, done: &Done, own: &[&str]) {
        assert!(!self.0.is_empty(), "{what}: there are others");
        let mut values = BTreeSet::new();
        for record in records(&done.sink) {
            for (name, value) in record.as_object().expect("an object") {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                if name == "time" || is_pseudonym(&text) {
                    continue;
                }
                let folded = text.to_ascii_lowercase();
                let without = own
                    .iter()
                    .fold(folded, |text, own| text.replace(&own.to_ascii_lowercase(), " "));
                values.insert(without);
            }
        }
        let needles: Vec<String> = self.0.iter().map(|value| value.to_ascii_lowercase()).collect();
        for value in &values {
            let left = survivors(value, needles.iter().map(String::as_str));
            assert!(left.is_empty(), "{what}: {left:?} in {value}");
        }
    }
}

fn is_pseudonym(text: &str) -> bool {
    text.split_once('-').is_some_and(|(kind, body)| {
        kind.bytes().all(|b| b.is_ascii_lowercase())
            && body.len() == 21
            && body.bytes().all(|b| matches!(b, b'a'..=b'z' | b'2'..=b'7'))
    })
}

/// Every string in a value.
fn strings<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.values().for_each(|value| strings(value, found)),
        _ => {}
    }
}

fn at<'v>(value: &'v Value, dotted: &str) -> Option<&'v str> {
    value.pointer(&format!("/{}", dotted.replace('.', "/")))?.as_str()
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder)
        .expect("a folder")
        .filter_map(Result::ok);
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.to_string_lossy().ends_with(ending));
    paths.sort();
    paths
}

struct NoProvenance;

impl ProvenanceWriter for NoProvenance {
    fn row(&mut self, _: u64, _: &Provenance) -> Result<(), decostop::Error> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), decostop::Error> {
        Ok(())
    }
}

const TRAIL: &str = r#"{"Records":[
{"eventTime":"2026-11-02T10:00:00Z","eventName":"CreateUser","eventSource":"iam.amazonaws.com","sourceIPAddress":"192.0.2.17","userIdentity":{"type":"IAMUser","userName":"alex9","accountId":"111122223333","accessKeyId":"AKIAEXAMPLEALEX9","arn":"arn:aws:iam::111122223333:user/alex9"},"requestParameters":{"userName":"kit7","tags":[{"key":"k","value":"zebra77"}]},"responseElements":null,"recipientAccountId":"111122223333"},
{"eventTime":"2026-11-02T10:00:01Z","eventName":"PutBucketPolicy","userIdentity":{"type":"IAMUser","userName":"alex9","accountId":"111122223333"},"requestParameters":{"bucketName":"theirs77","bucketPolicy":"{\"Principal\":\"arn:aws:iam::999988887777:root\"}"},"recipientAccountId":"999988887777"},
{"eventTime":"2026-11-02T10:00:02Z","eventName":"GetObject","userIdentity":{"type":"AWSAccount","accountId":"999988887777","principalId":"AIDAEXAMPLE"},"requestParameters":{"bucketName":"ours","key":"a/b"},"recipientAccountId":"111122223333"}
]}"#;

#[test]
fn the_account_of_a_caller_makes_no_record_the_customers() {
    let profile = builtin("cloudtrail");
    let scope = "namespaces = [\"111122223333\"]\nprojects = [{ path = \"ours\" }]\nusers = [\"alex9\"]";
    let everything = "events = [\"raw:*\"]";
    for personal in [false, true] {
        let done = lines(
            &profile,
            "x_CloudTrail_y.json",
            TRAIL,
            scope,
            everything,
            personal,
        );
        let counts = &done.report.counts;
        assert_eq!(
            (counts.matched, counts.disclosed, counts.outside_scope),
            (3, 2, 1)
        );
        let [created, read] = &records(&done.sink)[..] else {
            panic!("{:?}", done.sink.records);
        };
        assert_eq!(created["event"], "user.created");
        assert_eq!(created["namespace"], "111122223333");
        assert_eq!(created["actor"] == "alex9", personal);
        assert_eq!(created["ip"] == "192.0.2.17", personal);
        assert!(
            created["requestParameters.userName"]
                .as_str()
                .is_some_and(is_pseudonym)
        );
        assert!(
            created["userIdentity.accessKeyId"]
                .as_str()
                .is_some_and(is_pseudonym)
        );
        assert_eq!(
            (&read["event"], &read["project"]),
            (&"object.read".into(), &"ours".into())
        );
        assert!(read["userIdentity.accountId"].as_str().is_some_and(is_pseudonym));
        let mut others = Others::default();
        for value in ["999988887777", "theirs77", "zebra77", "AKIAEXAMPLEALEX9"] {
            others.add(&profile, value, &[]);
        }
        others.are_gone("cloudtrail", &done, &[]);
    }
    // What a leaked key did, found by the id of the key.
    let select = "token_ids = [\"AKIAEXAMPLEALEX9\"]";
    let done = lines(&profile, "x_CloudTrail_y.json", TRAIL, scope, select, false);
    assert_eq!(done.report.counts.matched, 1);
}

#[test]
#[should_panic(expected = "111122223333")]
fn what_is_there_is_found() {
    let profile = builtin("cloudtrail");
    let scope = "namespaces = [\"111122223333\"]";
    let done = lines(
        &profile,
        "x_CloudTrail_y.json",
        TRAIL,
        scope,
        "events = [\"raw:*\"]",
        true,
    );
    let mut others = Others::default();
    others.add(&profile, "111122223333", &[]);
    others.are_gone("cloudtrail", &done, &[]);
}

#[test]
fn events_of_a_cluster_come_as_lines_and_as_a_list() {
    let profile = builtin("kubernetes-audit");
    let event = |namespace: &str, resource: &str, name: &str| {
        format!(
            r#"{{"kind":"Event","auditID":"{name}-0001","verb":"create","requestURI":"/api/v1/namespaces/{namespace}/{resource}","user":{{"username":"alex9"}},"sourceIPs":["192.0.2.17","10.0.0.7"],"objectRef":{{"resource":"{resource}","namespace":"{namespace}","name":"{name}"}},"responseStatus":{{"code":201}},"requestObject":{{"data":{{"password":"emVicmE3Nw=="}}}},"requestReceivedTimestamp":"2026-11-02T10:00:00.000000Z"}}"#
        )
    };
    let all = [
        event("acme", "secrets", "zebra77"),
        event("evilcorp77", "pods", "site"),
        event("acme", "orderbooks", "site"),
    ];
    let scope = "namespaces = [\"acme\"]\nusers = [\"alex9\"]";
    for content in [
        all.join("\n"),
        format!("{{\"kind\":\"EventList\",\"items\":[{}]}}", all.join(",\n")),
    ] {
        for personal in [false, true] {
            let done = lines(
                &profile,
                "audit.log",
                &content,
                scope,
                "namespaces = [\"acme\"]",
                personal,
            );
            assert_eq!((done.report.counts.matched, done.report.counts.disclosed), (2, 2));
            let [secret, widget] = &records(&done.sink)[..] else {
                panic!("{:?}", done.sink.records);
            };
            assert_eq!(secret["event"], "secret.changed");
            assert_eq!(secret["ip"] == "192.0.2.17", personal, "{secret}");
            assert_eq!(
                widget["event"], "[event]",
                "who defines a resource chooses its name"
            );
            let text = done.sink.records.join("\n");
            for gone in ["zebra77", "emVicmE3Nw", "orderbooks", "10.0.0.7", "evilcorp77"] {
                assert!(!text.contains(gone), "{gone}: {text}");
            }
        }
    }
}

#[test]
fn lines_of_web_servers_and_proxies_are_read() {
    let access = r#"192.0.2.17 - alex9 [02/Nov/2026:10:00:00 +0000] "GET /acme/a/zebra77?token=zebra77 HTTP/1.1" 200 5 "http://www.example/evilcorp77/" "curl/8.9"
www.acme.example 192.0.2.18 - - [02/Nov/2026:10:00:01 +0000] "POST / HTTP/2.0" 302 0 "-" "zebra77/1"
192.0.2.19 - alex9 [02/Nov/2026:10:00:02 +0000] "GET /evilcorp77/plan HTTP/1.1" 200 5 "-" "-"
192.0.2.20 - - [02/Nov/2026:10:00:03 +0000] "\x16\x03zebra77" 400 0 "-" "-"
{"time_iso8601":"2026-11-02T10:00:04+00:00","remote_addr":"192.0.2.17","remote_user":"alex9","host":"www.acme.example","request_method":"GET","request_uri":"/acme/b","status":404}
"#;
    let proxy = r#"192.0.2.17:3317 [02/Nov/2026:10:00:00.655] web~ static/srv-zebra77 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {www.zebra77.example} {} "GET /acme/index.html HTTP/1.1"
Nov  2 10:00:01 lb-zebra77 haproxy[47]: 192.0.2.18:3317 [02/Nov/2026:10:00:01.655] web static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "POST /acme/x HTTP/1.1"
192.0.2.19:3320 [02/Nov/2026:10:00:02.655] web web/<NOSRV> -1/-1/-1/-1/8 400 187 - - PR-- 1/1/0/0/0 0/0 "<BADREQ>"
192.0.2.19:3321 [02/Nov/2026:10:00:03.655] web static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 "GET /evilcorp77/x HTTP/1.1"
"#;
    let scope = "namespaces = [\"acme\", \"www.acme.example\"]\nusers = [\"alex9\"]";
    for (name, file, content, matched, disclosed) in [
        ("nginx", "access.log", access, 4, 3),
        ("haproxy", "haproxy.log", proxy, 3, 2),
    ] {
        let profile = builtin(name);
        for personal in [false, true] {
            let select = "namespaces = [\"acme\", \"www.acme.example\"]\n[[select]]\nusers = [\"alex9\"]\n[[select]]\nevents = [\"page.*\"]";
            let done = lines(&profile, file, content, scope, select, personal);
            let counts = &done.report.counts;
            assert_eq!(
                (counts.matched, counts.disclosed, counts.withheld),
                (matched, disclosed, 0),
                "{name}"
            );
            let text = done.sink.records.join("\n");
            for gone in ["zebra77", "evilcorp77", "192.0.2.18"] {
                assert!(!text.contains(gone), "{name} {gone}: {text}");
            }
            let first = &records(&done.sink)[0];
            assert_eq!(first["event"], "page.read");
            if name == "nginx" {
                assert_eq!(first["ip"] == "192.0.2.17", personal, "{first}");
                assert_eq!(first["request_uri"] == "/acme/*", !personal, "{first}");
            }
        }
    }
}

#[test]
fn a_draft_dives_as_it_is() {
    let record = |user: &str, tenant: &str| {
        format!(
            r#"{{"time":"2026-11-02T10:00:00Z","user":{{"name":"{user}","id":4711}},"tenant":"{tenant}","action":"order_update","path":"/{tenant}/zebra77","client_ip":"192.0.2.17","note":"zebra77 by {user}","api_key":"zebra77"}}"#
        )
    };
    let all = [
        record("alex9", "acme"),
        record("mallory77", "evilcorp77"),
        record("mallory77", "acme"),
    ];
    let logfmt = |user: &str, tenant: &str| {
        format!("time=2026-11-02T10:00:00Z user={user} tenant={tenant} action=order_update password=zebra77")
    };
    let text = [
        logfmt("alex9", "acme"),
        logfmt("mallory77", "evilcorp77"),
        logfmt("mallory77", "acme"),
    ];
    for content in [
        all.join("\n"),
        format!("{{\"rows\":[{}]}}", all.join(",\n")),
        text.join("\n"),
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("shop.log");
        std::fs::write(&path, content).expect("writable");
        let draft = decostop::draft::draft(&path, "shop").unwrap_or_else(|error| panic!("{error}"));
        let profile = Arc::new(Profile::parse(&draft.profile).expect("a draft loads"));
        for personal in [false, true] {
            let scope = "namespaces = [\"acme\"]\nusers = [\"alex9\"]";
            let done = dive(
                &profile,
                scope,
                "namespaces = [\"acme\"]",
                personal,
                std::slice::from_ref(&path),
            );
            assert_eq!((done.report.counts.matched, done.report.counts.disclosed), (2, 2));
            let text = done.sink.records.join("\n");
            assert!(
                text.contains("\"namespace\":\"acme\"") && text.contains("alex9") == personal,
                "{text}"
            );
            for gone in ["zebra77", "mallory77", "evilcorp77", "order_update"] {
                assert!(!text.contains(gone), "{gone}: {text}");
            }
        }
    }
}

#[test]
fn cloudtrail_of_an_attack() {
    let Some(folder) = real("cloudtrail_invictus") else {
        return;
    };
    const ACCOUNT: &str = "123837392027";
    let profile = builtin("cloudtrail");
    let inputs = files(&folder, ".json");
    let mut all = Vec::new();
    for path in &inputs {
        let document: Value = serde_json::from_slice(&std::fs::read(path).expect("a file")).expect("JSON");
        all.extend(document["Records"].as_array().expect("records").clone());
    }
    let names = |record: &Value| -> Vec<String> {
        [
            "userIdentity.userName",
            "userIdentity.sessionContext.sessionIssuer.userName",
            "requestParameters.userName",
            "requestParameters.newUserName",
            "requestParameters.roleName",
            "responseElements.accessKey.userName",
            "responseElements.user.userName",
        ]
        .iter()
        .filter_map(|field| at(record, field).map(str::to_owned))
        .collect()
    };
    let mut others = Others::default();
    let own = [ACCOUNT, "benjamin"];
    for record in &all {
        for name in names(record) {
            others.add(&profile, &name, &own);
        }
        for field in [
            "userIdentity.arn",
            "userIdentity.accessKeyId",
            "userIdentity.principalId",
            "sourceIPAddress",
        ] {
            // Services are named by their hosts.
            if let Some(value) = at(record, field).filter(|value| !value.ends_with(".amazonaws.com")) {
                others.add(&profile, value, &own);
            }
        }
        if let Some(bucket) = at(record, "requestParameters.bucketName") {
            others.add(&profile, bucket, &own);
        }
        let mut found = Vec::new();
        strings(record, &mut found);
        for text in found {
            for part in text
                .split(|c: char| !c.is_ascii_digit())
                .filter(|part| part.len() == 12)
            {
                others.add(&profile, part, &own);
            }
        }
    }
    let scope = format!("namespaces = [\"{ACCOUNT}\"]\nusers = [\"benjamin\"]");
    let count = |test: &dyn Fn(&Value) -> bool| all.iter().filter(|record| test(record)).count() as u64;
    let named =
        |record: &Value, wanted: &[&str]| at(record, "eventName").is_some_and(|name| wanted.contains(&name));
    let bucket = all
        .iter()
        .find_map(|record| at(record, "requestParameters.bucketName"))
        .expect("a bucket");
    let whole = count(&|record| at(record, "recipientAccountId") == Some(ACCOUNT));
    let by_user = count(&|record| names(record).iter().any(|name| name == "benjamin"));
    let by_event = count(&|record| {
        named(
            record,
            &[
                "GetSecretValue",
                "BatchGetSecretValue",
                "GetParameter",
                "GetParameters",
                "GetParametersByPath",
                "GetPasswordData",
            ],
        )
    });
    let by_bucket = count(&|record| at(record, "requestParameters.bucketName") == Some(bucket));
    assert!(whole == 2900 && by_user > 50 && by_event > 50 && by_bucket > 3);
    for (select, wanted) in [
        (format!("namespaces = [\"{ACCOUNT}\"]"), whole),
        ("users = [\"benjamin\"]".to_owned(), by_user),
        ("events = [\"secret.read\"]".to_owned(), by_event),
        (format!("projects = [\"{bucket}\"]"), by_bucket),
    ] {
        for personal in [false, true] {
            let done = dive(&profile, &scope, &select, personal, &inputs);
            let counts = &done.report.counts;
            assert_eq!((counts.matched, counts.withheld), (wanted, 0), "{select}");
            assert_eq!(counts.disclosed, wanted, "{select}");
            others.are_gone(&select, &done, &[ACCOUNT]);
        }
    }
}

#[test]
fn cloudtrail_is_held_against_its_documents() {
    let Some(folder) = real("cloudtrail_invictus") else {
        return;
    };
    let profile = builtin("cloudtrail");
    let inputs: Vec<PathBuf> = files(&folder, ".json").into_iter().take(3).collect();
    let request = request(
        &profile,
        "namespaces = [\"123837392027\"]",
        "namespaces = [\"123837392027\"]",
        true,
    );
    let built = Dive::builder(request, Arc::clone(&profile))
        .inputs(inputs.clone())
        .now(common::now())
        .key_material(common::KEY)
        .build()
        .expect("a dive");
    let dir = tempfile::tempdir().expect("a directory");
    let out = dir.path().join("out");
    dive_into(&built, &out, Options::default(), |_| Ok(Box::new(NoProvenance))).expect("an artefact");
    let report = decostop_verify::verify_dir(&out, profile, &inputs).expect("an artefact");
    assert!(report.is_clean(), "{:?}", report.leaks);
    assert!(report.derived_values > 5, "{} derived", report.derived_values);
}

#[test]
fn audit_of_a_cluster() {
    let Some(folder) = real("k8s_audit_falco") else {
        return;
    };
    let profile = builtin("kubernetes-audit");
    let mut all: Vec<Value> = Vec::new();
    let mut content = String::new();
    for path in files(&folder, ".json") {
        for line in std::fs::read_to_string(path).expect("a file").lines() {
            // One file is no audit log.
            if let Some(event) = serde_json::from_str::<Value>(line)
                .ok()
                .filter(|event| event["verb"].is_string())
            {
                all.push(event);
                content.push_str(line);
                content.push('\n');
            }
        }
    }
    assert!(all.len() > 45);
    let own = ["default", "minikube-user"];
    let mut others = Others::default();
    for event in &all {
        for field in [
            "user.username",
            "objectRef.namespace",
            "objectRef.name",
            "user.uid",
        ] {
            if let Some(value) = at(event, field) {
                others.add(&profile, value, &own);
            }
        }
        let mut found = Vec::new();
        strings(&event["sourceIPs"], &mut found);
        for object in ["requestObject", "responseObject"] {
            strings(&event[object]["data"], &mut found);
            strings(&event[object]["stringData"], &mut found);
        }
        for value in found.into_iter().flat_map(str::split_whitespace) {
            others.add(&profile, value, &own);
        }
    }
    let in_default = |event: &&Value| {
        at(event, "objectRef.namespace") == Some("default")
            || at(event, "objectRef.resource") == Some("namespaces")
                && at(event, "objectRef.name") == Some("default")
    };
    let wanted = all.iter().filter(in_default).count() as u64;
    let by_user = all
        .iter()
        .filter(|event| at(event, "user.username") == Some("minikube-user"))
        .count() as u64;
    let scope = "namespaces = [\"default\"]\nusers = [\"minikube-user\"]";
    for personal in [false, true] {
        let done = lines(
            &profile,
            "audit.log",
            &content,
            scope,
            "namespaces = [\"default\"]",
            personal,
        );
        let counts = &done.report.counts;
        assert_eq!(
            (counts.matched, counts.disclosed, counts.withheld),
            (wanted, wanted, 0)
        );
        others.are_gone("namespace", &done, &own);
        let done = lines(
            &profile,
            "audit.log",
            &content,
            scope,
            "users = [\"minikube-user\"]",
            personal,
        );
        let counts = &done.report.counts;
        assert_eq!((counts.matched, counts.withheld), (by_user, 0));
        assert!(counts.outside_scope > 0, "the user also worked elsewhere");
        others.are_gone("user", &done, &own);
    }
}

/// Address, method, path and referrer of a combined line, the slow way.
fn combined(line: &str) -> Option<(&str, &str, &str)> {
    let (address, rest) = line.split_once(' ')?;
    let mut quoted = rest.split('"');
    let (_, request, _, referrer) = (quoted.next()?, quoted.next()?, quoted.next()?, quoted.next()?);
    Some((address, request.split(' ').nth(1)?, referrer))
}

fn first_segment(url: &str) -> Option<&str> {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..))?,
        None => url,
    };
    path.strip_prefix('/')?
        .split(['/', '?', '#'])
        .next()
        .filter(|segment| !segment.is_empty())
}

#[test]
fn access_log_of_a_web_site() {
    let Some(folder) = real("elastic_examples") else {
        return;
    };
    let profile = builtin("nginx");
    let path = folder.join("apache_logs");
    let text = std::fs::read_to_string(&path).expect("text");
    let parsed: Vec<_> = text.lines().filter_map(combined).collect();
    assert!(parsed.len() > 9_990);
    let own = ["presentations"];
    let mut others = Others::default();
    for (address, uri, referrer) in &parsed {
        others.add(&profile, address, &own);
        for url in [uri, referrer] {
            others.add(&profile, first_segment(url).unwrap_or_default(), &own);
        }
    }
    let ours =
        |url: &str| first_segment(url).is_some_and(|first| first.eq_ignore_ascii_case("presentations"));
    let disclosed = parsed.iter().filter(|(_, uri, _)| ours(uri)).count() as u64;
    let matched = parsed
        .iter()
        .filter(|(_, uri, referrer)| ours(uri) || ours(referrer))
        .count() as u64;
    assert!(disclosed > 1_000 && matched > disclosed);
    for personal in [false, true] {
        let done = dive(
            &profile,
            "namespaces = [\"presentations\"]",
            "namespaces = [\"presentations\"]",
            personal,
            std::slice::from_ref(&path),
        );
        let counts = &done.report.counts;
        assert_eq!(
            (counts.matched, counts.disclosed, counts.withheld),
            (matched, disclosed, 0)
        );
        others.are_gone("apache", &done, &own);
    }
}

#[test]
fn measurements_of_a_web_server_are_no_access_log() {
    let Some(folder) = real("elastic_examples") else {
        return;
    };
    let profile = builtin("nginx");
    let path = folder.join("nginxplus_json_logs");
    let text = std::fs::read_to_string(&path).expect("text");
    let all: Vec<Value> = text
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let wanted = all.iter().filter(|record| record["timestamp"].is_u64()).count() as u64;
    assert_eq!(wanted, 500);
    let scope = "namespaces = [\"trac.nginx.org\"]";
    let done = dive(
        &profile,
        scope,
        "sources = [\"access\"]",
        true,
        std::slice::from_ref(&path),
    );
    let counts = &done.report.counts;
    assert_eq!(
        (counts.matched, counts.disclosed, counts.outside_scope),
        (wanted, 0, wanted)
    );
    let select = "ips = [\"206.251.255.64\"]";
    let done = dive(&profile, scope, select, true, std::slice::from_ref(&path));
    assert_eq!(
        (done.report.counts.matched, done.report.counts.withheld),
        (0, 0),
        "the server's own address"
    );
}

#[test]
fn events_of_windows_machines() {
    const OURS: &str = "WORKSTATION5.theshire.local";
    let Some(folder) = real("otrf_windows_2020") else {
        return;
    };
    let profile = windows();
    let mut inputs = files(&folder, ".json.zst");
    if std::env::var("DECOSTOP_WINDOWS").as_deref() != Ok("all") {
        inputs.retain(|path| {
            let name = path.to_string_lossy();
            name.contains("2020-08-05") || name.contains("2020-09-02")
        });
    }
    let user_fields = [
        "SubjectUserName",
        "TargetUserName",
        "AccountName",
        "User",
        "SubjectUserSid",
        "TargetUserSid",
        "UserID",
        "MemberSid",
        "SamAccountName",
        "ServiceName",
    ];
    let place_fields = [
        "Hostname",
        "SubjectDomainName",
        "TargetDomainName",
        "Domain",
        "WorkstationName",
        "Workstation",
    ];
    let address_fields = [
        "IpAddress",
        "SourceIp",
        "SourceAddress",
        "DestinationIp",
        "DestAddress",
    ];
    let own = [OURS, "WORKSTATION5", "pgustavo"];
    let is =
        |value: Option<&str>, wanted: &str| value.is_some_and(|value| value.eq_ignore_ascii_case(wanted));
    let mut others = Others::default();
    let (mut by_host, mut by_user, mut by_event, mut disclosed_user) = (0, 0, 0, 0);
    for path in &inputs {
        let text = common::decode(&std::fs::read(path).expect("a file"));
        for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let event: Value = serde_json::from_slice(line).expect("JSON");
            let field = |name: &str| event[name].as_str();
            for name in user_fields.iter().chain(&place_fields).chain(&address_fields) {
                others.add(&profile, field(name).unwrap_or_default(), &own);
            }
            let of_host = place_fields.iter().any(|name| is(field(name), OURS));
            let of_user = user_fields.iter().any(|name| is(field(name), "pgustavo"));
            by_host += u64::from(of_host);
            by_user += u64::from(of_user);
            disclosed_user += u64::from(of_user && is(field("Hostname"), OURS));
            by_event += u64::from(
                is(field("SourceName"), "Microsoft-Windows-Security-Auditing")
                    && matches!(event["EventID"].as_u64(), Some(4624 | 4648)),
            );
        }
    }
    assert!(
        by_host > 300 && by_user > 20 && by_event > 20,
        "{by_host} {by_user} {by_event}"
    );
    let scope = format!("namespaces = [\"{OURS}\"]\nusers = [\"pgustavo\"]");
    for (select, matched, disclosed) in [
        (format!("namespaces = [\"{OURS}\"]"), by_host, Some(by_host)),
        ("users = [\"pgustavo\"]".to_owned(), by_user, Some(disclosed_user)),
        ("events = [\"session.created\"]".to_owned(), by_event, None),
    ] {
        for personal in [false, true] {
            let done = dive(&profile, &scope, &select, personal, &inputs);
            let counts = &done.report.counts;
            assert_eq!((counts.matched, counts.withheld), (matched, 0), "{select}");
            assert_eq!(counts.matched, counts.disclosed + counts.outside_scope);
            if let Some(disclosed) = disclosed {
                assert_eq!(counts.disclosed, disclosed, "{select}");
            }
            if counts.disclosed > 0 {
                others.are_gone(&select, &done, &own);
            }
        }
    }
}
