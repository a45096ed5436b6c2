//! Reading an artefact, asking it, and summing up.

use super::*;
use crate::artefact::{Asker, COLUMNS, Filter, Record, Summary, lookup, open};

const ASKER: Asker<'static> = Asker {
    time: "2026-11-09T10:00:00Z",
    user: "diver",
};

fn records(out: &Path) -> Vec<Record> {
    open(out)
        .expect("an artefact")
        .records()
        .expect("records")
        .map(|record| record.expect("a record"))
        .collect()
}

#[test]
fn records_come_back_as_they_were() {
    let dir = scratch();
    let out = dir.path().join("out");
    dive(&out, Options::default(), 500).expect("a dive");
    let records = records(&out);
    assert_eq!(records.len(), 500);
    assert_eq!(records[7].line(), line(7));
    assert_eq!(records[7].time_ns(), Some(FIRST_NS + 7_000_000_000));
    assert_eq!(
        records[7].cells()[..3],
        ["2026-11-01T00:00:07Z", "production_json", "token.created"]
    );
    assert_eq!(records[7].cells()[COLUMNS.len() - 1], "7");
    let disclosed = open(&out.join("disclosure")).expect("what the customer gets");
    assert!(disclosed.internal().is_none());
    assert_eq!(disclosed.records().expect("records").count(), 500);
}

fn one(line: &str) -> Record {
    let dir = scratch();
    let mut writer = writer(&dir.path().join("out"), Options::default()).expect("a writer");
    writer
        .write_record(line.as_bytes(), &provenance(0))
        .expect("a record");
    writer.finish(&report(1), &evidence()).expect("finish");
    writer.commit(clean).expect("commit");
    records(&dir.path().join("out")).remove(0)
}

#[test]
fn a_terminal_obeys_no_record() {
    let record = one(r#"{"time":"x","actor":"a\u001b[2Jb\u202ec","status":["\u0007"]}"#);
    assert_eq!(record.cells()[3], "a\\u{1b}[2Jb\\u{202e}c");
    assert!(
        record
            .cells()
            .iter()
            .all(|cell| !cell.chars().any(char::is_control))
    );
}

#[test]
fn filters_narrow() {
    let record = one(
        r#"{"time":"2026-11-01T00:00:00.5Z","source":"gitaly","event":"membership.added","actor":"Alice"}"#,
    );
    let shown = |filter: Filter| filter.matches(&record);
    let all = Filter::default;
    assert!(shown(all()));
    assert!(shown(all().source("gitaly").event("membership.*").actor("ALI")));
    assert!(shown(all().event("token.*").event("*.added")));
    assert!(
        !shown(all().event("membership")) && !shown(all().event("*.removed")) && !shown(all().source("git"))
    );
    assert!(!shown(all().actor("bob")));
    let instant = FIRST_NS + 500_000_000;
    assert!(shown(all().from_ns(instant).to_ns(instant + 1)));
    assert!(!shown(all().to_ns(instant)) && !shown(all().from_ns(instant + 1)));
    let timeless = one("{\"source\":\"gitaly\"}");
    assert!(
        all().matches(&timeless)
            && !all().from_ns(0).matches(&timeless)
            && !all().actor("").matches(&timeless)
    );
}

#[test]
fn filters_know_what_a_field_means() {
    let record = one(
        r#"{"time":"2026-11-01T00:00:00Z","actor":"alex9","namespace":"Example","project":"Example/Site","ip":"192.0.2.17","status":404,"path":"a\u002fb"}"#,
    );
    let fits = |filter: Filter| filter.matches(&record);
    let all = Filter::default;
    for (path, want) in [
        ("example", true),
        ("EXAMPLE/", true),
        ("example/site", true),
        ("exam", false),
        ("example/si", false),
        ("example/site/x", false),
    ] {
        assert_eq!(fits(all().namespace(path)), want, "{path}");
    }
    assert!(fits(all().project("example/site")) && !fits(all().project("example")));
    for (text, want) in [
        ("192.0.2.17", true),
        ("192.0.2.0/24", true),
        ("192.0.2.1", false),
        ("198.51.100.0/24", false),
        ("ip-nbswy3dpfqqho33snrscc", false),
    ] {
        assert_eq!(fits(all().ip(text).expect("an address")), want, "{text}");
    }
    let mapped = one(r#"{"ip":"::ffff:192.0.2.17"}"#);
    assert!(all().ip("192.0.2.0/24").expect("a range").matches(&mapped));
    assert_eq!(kind(all().ip("alex9")), ErrorKind::Config);
    for (pattern, want) in [
        ("404", true),
        ("4xx", true),
        ("40X", true),
        ("5xx", false),
        ("40", false),
        ("xxx", false),
    ] {
        assert_eq!(fits(all().status(pattern)), want, "{pattern}");
    }
    assert!(fits(all().holds("EXAMPLE/SITE")) && fits(all().holds("a/b")) && fits(all().holds(r"a\u002F")));
    assert!(!fits(all().holds("nowhere")) && fits(all().holds("nowhere").holds("alex")));
    assert!(
        !fits(all().holds("alex").actor("nobody")),
        "every filter must fit"
    );
}

#[test]
fn a_line_for_a_terminal_is_the_same_json() {
    let line = "{\"actor\":\"a\u{9b}b\u{202e}c\u{7f}ü\"}";
    let record = one(line);
    assert_eq!(record.line(), line);
    let shown = record.printable_line();
    assert_eq!(shown, r#"{"actor":"a\u009bb\u202ec\u007fü"}"#);
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("JSON");
    assert_eq!(json(&shown), json(line));
}

#[test]
fn wildcards_match_whole_texts() {
    let record = one(r#"{"event":"abcabc"}"#);
    for (pattern, fits) in [
        ("*", true),
        ("a*c", true),
        ("a*b*c", true),
        ("abcabc", true),
        ("a*cc", false),
        ("*bcabc*", true),
        ("abc", false),
    ] {
        assert_eq!(
            Filter::default().event(pattern).matches(&record),
            fits,
            "{pattern}"
        );
    }
    assert!(
        !Filter::default().event("aa*a").matches(&one(r#"{"event":"aa"}"#)),
        "parts do not overlap"
    );
}

#[test]
fn what_is_no_artefact_is_refused() {
    let dir = scratch();
    for path in [dir.path().join("missing"), dir.path().to_owned()] {
        assert_eq!(kind(open(&path)), ErrorKind::Config);
    }
    for manifest in ["", "{}", "{\"version\":1,\"secret\":\"s3cret\"}"] {
        fs::write(dir.path().join("manifest.json"), manifest).expect("a file");
        let error = open(dir.path()).expect_err("not a manifest");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!error.to_string().contains("s3cret"));
    }
}

#[test]
fn damaged_records_end_with_an_error() {
    let dir = scratch();
    let out = dir.path().join("out");
    dive(&out, Options::default(), 50).expect("a dive");
    let path = out.join("disclosure/records.ndjson.zst");
    let whole = fs::read(&path).expect("records");
    let packed = |bytes: &[u8]| zstd::encode_all(bytes, 3).expect("zstd");
    for bytes in [
        whole[..whole.len() / 2].to_vec(),
        packed(b"{\"a\":1}\n{\"a\":"),
        packed(b"\xff\n"),
        packed(b"{} s3cret\n"),
        b"not zstd".to_vec(),
    ] {
        fs::write(&path, bytes).expect("damage");
        let read: Vec<_> = open(&out)
            .expect("a manifest")
            .records()
            .expect("a file")
            .collect();
        let error = read
            .last()
            .expect("at least the error")
            .as_ref()
            .expect_err("damaged");
        assert!(read[..read.len() - 1].iter().all(Result::is_ok));
        assert!(error.kind() == ErrorKind::Source && !error.to_string().contains("s3cret"));
    }
}

#[test]
fn a_question_is_logged_and_answered() {
    use std::os::unix::fs::PermissionsExt;
    let dir = scratch();
    let out = dir.path().join("out");
    dive(&out, Options::default(), 1).expect("a dive");
    let asked = format!("user-{}e", "b".repeat(20));
    assert_eq!(
        lookup(&out, &asked, ASKER).expect("an answer"),
        [("user".to_owned(), AWKWARD[4].to_owned())]
    );
    let unknown = format!("user-{}z", "b".repeat(20));
    assert_eq!(kind(lookup(&out, &unknown, ASKER)), ErrorKind::Config);
    for no_pseudonym in ["alice", "user-1", "", "password=s3cret"] {
        let error = lookup(&out, no_pseudonym, ASKER).expect_err("no pseudonym");
        assert!(error.kind() == ErrorKind::Config && !error.to_string().contains("s3cret"));
    }
    let log = out.join("internal/lookups.ndjson");
    let entry = |pseudonym: &str, values| {
        format!(
            "{{\"time\":\"2026-11-09T10:00:00Z\",\"user\":\"diver\",\"pseudonym\":\"{pseudonym}\",\"values\":{values}}}\n"
        )
    };
    assert_eq!(
        fs::read_to_string(&log).expect("a log"),
        entry(&asked, 1) + &entry(&unknown, 0)
    );
    assert_eq!(
        fs::metadata(&log).expect("a log").permissions().mode() & 0o777,
        0o600
    );
    dive(&out, Options::default().force(true), 1).expect("a questioned artefact is still one");
}

#[test]
fn without_evidence_or_log_there_is_no_answer() {
    let dir = scratch();
    let out = dir.path().join("out");
    dive(&out, Options::default(), 1).expect("a dive");
    let asked = format!("user-{}a", "b".repeat(20));
    let log = out.join("internal/lookups.ndjson");
    fs::create_dir(&log).expect("the log cannot be written");
    assert_eq!(kind(lookup(&out, &asked, ASKER)), ErrorKind::Sink);
    fs::remove_dir(&log).expect("empty");
    fs::write(
        out.join("internal/pseudonyms.csv"),
        b"pseudonym,class,value\nuser-x\n",
    )
    .expect("damage");
    assert_eq!(kind(lookup(&out, &asked, ASKER)), ErrorKind::Config);
    fs::remove_dir_all(out.join("internal")).expect("removed");
    assert_eq!(kind(lookup(&out, &asked, ASKER)), ErrorKind::Config);
}

#[test]
fn a_summary_counts_and_names_nobody() {
    let mut report = report(3);
    report.actors = 2;
    report.by_namespace.insert(format!("user-{}", "c".repeat(21)), 1);
    report.by_namespace.insert("user-friendly".to_owned(), 1);
    report.counts.outside_scope = 99;
    let summary = Summary::new(&report);
    assert_eq!(summary.users, 2);
    assert_eq!(
        summary.by_namespace.keys().collect::<Vec<_>>(),
        ["acme/payments", "user-friendly"]
    );
    let json = summary.to_json();
    assert!(json.contains("\"records\": 3") && !json.contains("99") && !json.contains("ccc"));
}
