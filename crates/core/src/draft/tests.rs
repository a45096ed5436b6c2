//! Drafts of samples of every format: they load, pass a check, and hold no value of the sample.

use std::fmt::Write as _;
use std::io::Write as _;

use decostop_profile::{Class, Profile};

use super::{Draft, draft, of_first};
use crate::Error;

fn try_drafted(file: &str, content: &[u8]) -> Result<Draft, Error> {
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join(file);
    std::fs::write(&path, content).expect("writable");
    draft(&path, "shop")
}

/// The draft of a sample, and the profile that it is. `findings` are those that a check is to make.
fn drafted(file: &str, content: &[u8], findings: &[&str]) -> (Draft, Profile) {
    let draft = try_drafted(file, content).unwrap_or_else(|error| panic!("{error}"));
    let profile = Profile::parse(&draft.profile).unwrap_or_else(|error| panic!("{error}\n{}", draft.profile));
    let found: Vec<String> = profile
        .check()
        .findings
        .iter()
        .map(|f| f.reason.clone())
        .collect();
    assert_eq!(found.len(), findings.len(), "{found:?}\n{}", draft.profile);
    for (found, wanted) in found.iter().zip(findings) {
        assert!(found.contains(wanted), "{found}");
    }
    (draft, profile)
}

fn class(profile: &Profile, field: &str) -> Option<Class> {
    profile.sources.first()?.class_of(field)
}

const RECORD: &str = r#"{"time":"2026-11-02T10:00:00Z","level":"info","status":204,"method":"PATCH","path":"/acme7/orders/zq81","client_ip":"198.51.100.77","user":{"name":"mallory77","id":8812345,"email":"mallory77@evilcorp.test"},"tenant":"evilcorp77","request_id":"0f3c9b2277aa","action":"order.update","session_id":"sess-77aabbcc","api_key":"k77","host":"web-77","duration_ms":12,"message":"the order was changed by mallory77","note77":"zebra","paid":true,"tags":["vip77"],"user_agent":"shopapp/7.1 (x)"}"#;

/// Values of [`RECORD`] that may be in no draft.
const VALUES: [&str; 16] = [
    "2026-11-02",
    "acme7",
    "zq81",
    "198.51.100.77",
    "mallory77",
    "8812345",
    "evilcorp77",
    "0f3c9b2277aa",
    "order.update",
    "sess-77",
    "k77",
    "web-77",
    "the order was",
    "zebra",
    "vip77",
    "shopapp",
];

fn lines(of: &str, count: usize) -> Vec<u8> {
    let mut text = String::new();
    for _ in 0..count {
        let _ = writeln!(text, "{of}");
    }
    text.into_bytes()
}

#[test]
fn json_lines_are_classed_by_name_and_value() {
    let (draft, profile) = drafted("shop.log", &lines(RECORD, 30), &[]);
    assert_eq!((draft.records, draft.unread, draft.cut), (30, 0, false));
    for (field, wanted) in [
        ("time", Some(Class::Time)),
        ("level", Some(Class::Status)),
        ("status", Some(Class::Status)),
        ("method", Some(Class::Method)),
        ("path", Some(Class::Resource)),
        ("client_ip", Some(Class::Ip)),
        ("user.name", Some(Class::User)),
        ("user.id", Some(Class::UserId)),
        ("user.email", Some(Class::Email)),
        ("tenant", Some(Class::Namespace)),
        ("request_id", Some(Class::Correlation)),
        ("action", Some(Class::Event)),
        ("session_id", Some(Class::Secret)),
        ("api_key", Some(Class::Secret)),
        ("host", Some(Class::System)),
        ("duration_ms", Some(Class::Metric)),
        ("message", Some(Class::Text)),
        ("user_agent", Some(Class::Agent)),
        ("note77", None),
        ("paid", None),
        ("tags", None),
    ] {
        assert_eq!(class(&profile, field), wanted, "{field}\n{}", draft.profile);
    }
    let source = profile.sources.first().expect("a source");
    assert!(source.fields.get("action").is_some_and(|spec| spec.closed));
    assert_eq!(source.time, ["time"]);
    assert_eq!(source.examples.len(), 2);
    let tuple = source
        .tuples
        .iter()
        .find(|tuple| tuple.fields.len() == 3)
        .expect("a user");
    assert_eq!(tuple.fields, ["user.name", "user.id", "user.email"]);
    assert_eq!((draft.classed, draft.undecided), (18, 3));
}

#[test]
fn no_value_of_the_sample_is_in_the_draft() {
    let document = format!("{{\"records\":[{RECORD},\n{RECORD}]}}");
    let logfmt =
        "time=2026-11-02T10:00:00Z level=info user=mallory77 tenant=evilcorp77 msg=\"zebra crossing here\"";
    let access = r#"198.51.100.77 - mallory77 [02/Nov/2026:10:00:00 +0000] "GET /acme7/zq81 HTTP/1.1" 204 7 "-" "shopapp/7.1""#;
    let wrapped = serde_json::json!({ "log": RECORD, "stream": "stdout" }).to_string();
    let keyed = r#"{"time":"2026-11-02T10:00:00Z","by_user":{"mallory77@x.test":1,"198.51.100.77":2},"evilcorp77 zebra":1}"#;
    for sample in [
        lines(RECORD, 5),
        document.into_bytes(),
        lines(logfmt, 5),
        lines(access, 5),
        lines(&wrapped, 5),
        lines(keyed, 5),
    ] {
        let draft = try_drafted("a.log", &sample).unwrap_or_else(|error| panic!("{error}"));
        let told = format!("{} {} {:?}", draft.profile, draft.format, draft.advice);
        // Names of fields are in it.
        let told = told.replace("note77", "");
        for value in VALUES {
            assert!(!told.contains(value), "{value}:\n{told}");
        }
    }
}

#[test]
fn every_format_is_told() {
    let spread = RECORD.replace(',', ",\n");
    for (sample, format, records) in [
        (lines(RECORD, 3), "a JSON object a line", 3),
        (
            format!("{{\"v\":1,\"Entries\":[{RECORD},{RECORD}]}}").into_bytes(),
            "list `Entries`",
            2,
        ),
        (
            format!("{{\"Entries\":[\n{spread},\n{spread}\n],\"next\":null}}").into_bytes(),
            "list `Entries`",
            2,
        ),
        (
            format!("[{spread},\n{spread}]").into_bytes(),
            "spread over lines",
            2,
        ),
        (
            format!("{spread}\n{spread}\n").into_bytes(),
            "spread over lines",
            2,
        ),
        (
            lines("time=2026-11-02T10:00:00Z level=info user=alex9", 3),
            "logfmt",
            3,
        ),
        (
            lines(
                r#"192.0.2.17 - - [02/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 7"#,
                3,
            ),
            "profile nginx",
            3,
        ),
        (
            lines(
                "192.0.2.17:1 [02/Nov/2026:10:00:00.1] fe be/s 0/0/5 212 -- 0/0/0/0/3 0/0",
                3,
            ),
            "profile haproxy",
            3,
        ),
        (
            lines(
                &serde_json::json!({ "log": RECORD, "stream": "stdout" }).to_string(),
                3,
            ),
            "the string `log`",
            3,
        ),
        (
            lines(&format!("{{\"jsonPayload\":{RECORD},\"insertId\":\"x\"}}"), 3),
            "the object `jsonPayload`",
            3,
        ),
    ] {
        let draft = try_drafted("a.log", &sample).unwrap_or_else(|error| panic!("{format}: {error}"));
        assert!(draft.format.contains(format), "{}: {format}", draft.format);
        assert_eq!(draft.records, records, "{format}");
        let profile =
            Profile::parse(&draft.profile).unwrap_or_else(|error| panic!("{error}\n{}", draft.profile));
        let findings = profile.check().findings;
        // Connections without HTTP have no event, and the draft asks for one.
        assert!(
            findings.iter().all(|finding| finding.reason.contains("no event")),
            "{findings:?}\n{}",
            draft.profile
        );
    }
    let error = try_drafted("a.log", &lines("neither this nor that", 5)).map(|_| ());
    let told = error.map_err(|error| error.to_string()).expect_err("no format");
    assert!(
        told.contains("not recognised") && !told.contains("neither this"),
        "{told}"
    );
    assert!(try_drafted("a.log", b" \n").is_err());
}

#[test]
fn compressed_and_long_samples_are_read_in_part() {
    const LIMIT: usize = 40_000;
    let plain = lines(RECORD, 2 * LIMIT / RECORD.len());
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&plain).expect("memory");
    for packed in [
        zstd::encode_all(plain.as_slice(), 1).expect("memory"),
        gzip.finish().expect("memory"),
        plain,
    ] {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a.log");
        std::fs::write(&path, packed).expect("writable");
        let draft = of_first(&path, "shop", LIMIT).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            draft.cut && (40..90).contains(&draft.records) && draft.unread == 0,
            "{draft:?}"
        );
    }
}

#[test]
fn what_a_sample_lacks_is_asked_for() {
    let sample = lines(r#"{"colour":"red","weight":12}"#, 5);
    let (draft, profile) = drafted("a.log", &sample, &["no event"]);
    assert_eq!(draft.classed, 0);
    assert_eq!(
        profile.sources.first().map(|source| source.time.clone()),
        Some(vec!["time".to_owned()])
    );
    for about in ["own time", "what happened", "names a user"] {
        assert!(
            draft.advice.iter().any(|advice| advice.contains(about)),
            "{about}: {:?}",
            draft.advice
        );
    }
}

#[test]
fn a_field_is_only_classed_when_all_its_values_agree() {
    let mut sample = lines(RECORD, 30);
    let odd = RECORD
        .replace("\"198.51.100.77\"", "\"somewhere\"")
        .replace("\"PATCH\"", "\"FROB\"")
        .replace("\"info\"", "\"mallory77\"");
    sample.extend(lines(&odd, 1));
    let (_, profile) = drafted("a.log", &sample, &[]);
    for field in ["client_ip", "method", "level"] {
        assert_eq!(class(&profile, field), None, "{field}");
    }
}

#[test]
fn a_credential_makes_a_secret_of_any_field() {
    let record = RECORD.replace("\"zebra\"", "\"eyJhbGciOiJIUzI1NiJ9.e30.x\"");
    let (_, profile) = drafted("a.log", &lines(&record, 3), &[]);
    assert_eq!(class(&profile, "note77"), Some(Class::Secret));
}
