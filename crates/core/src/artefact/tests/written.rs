//! What a finished artefact holds.

use std::os::unix::fs::PermissionsExt;

use decostop_profile::Profile;
use decostop_verify::{Ground, Verifier, verify_dir};
use sha2::{Digest, Sha256};

use super::*;
use crate::artefact::{RemovalsJson, hex, open};
use crate::stats::InputReport;

const WHOLE: [&str; 12] = [
    "disclosure",
    "disclosure/manifest.json",
    "disclosure/records.ndjson.zst",
    "internal",
    "internal/dictionary.csv",
    "internal/key",
    "internal/provenance.ndjson",
    "internal/pseudonyms.csv",
    "internal/request.toml",
    "internal/residual.json",
    "internal/run.json",
    "internal/withheld.ndjson",
];

fn text(path: PathBuf) -> String {
    fs::read_to_string(path).expect("a finished artefact can be read")
}

#[test]
fn an_artefact_holds_its_files_and_nothing_else_and_all_are_private() {
    let dir = scratch();
    let out = dir.path().join("out");
    let committed = dive(&out, Options::default(), 5).expect("a dive");
    assert_eq!(committed.path, out);
    assert_eq!(committed.leftover, None);
    assert_eq!(tree(&out), WHOLE);
    assert_eq!(
        tree(dir.path())
            .iter()
            .filter(|name| !name.starts_with("out"))
            .count(),
        0
    );
    for name in [""].iter().chain(&WHOLE) {
        let meta = fs::metadata(out.join(name)).expect("it is there");
        let mode = if meta.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(meta.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn an_ad_hoc_dive_writes_look() {
    let dir = scratch();
    let out = dir.path().join("out");
    dive(&out, Options::default().ad_hoc(true), 1).expect("a dive");
    assert!(out.join("look/records.ndjson.zst").is_file() && !out.join("disclosure").exists());
    assert!(open(&out).expect("an artefact").manifest().ad_hoc);
}

#[test]
fn the_manifest_says_what_the_file_holds_and_nothing_of_the_house() {
    let dir = scratch();
    let out = dir.path().join("out");
    dive(&out, Options::default().started("2026-11-08T09:00:00Z"), 7).expect("a dive");
    let artefact = open(&out).expect("an artefact");
    let manifest = artefact.manifest();
    assert_eq!(manifest.reference, "ticket 5512");
    assert_eq!(manifest.window.to.as_deref(), Some("2026-11-07T00:00:00Z"));
    assert_eq!(manifest.records.total, 7);
    assert_eq!(manifest.records.by_source["gitaly"], 3);
    assert_eq!(manifest.records.by_event["token.created"], 7);
    assert_eq!(manifest.records.by_day["2026-11-01"], 3);
    assert_eq!(manifest.records.by_day["2026-11-03"], 2);
    assert_eq!(manifest.withheld_with_nexus, 1);
    let records = fs::read(out.join("disclosure/records.ndjson.zst")).expect("records");
    assert_eq!(manifest.files.len(), 1);
    assert_eq!(manifest.files[0].bytes, records.len() as u64);
    assert_eq!(manifest.files[0].sha256, hex(&Sha256::digest(&records)));
    let plain = text(out.join("disclosure/manifest.json"));
    for word in ["secret-host", "in.log", "threads", "2026-11-08", "blake3", "abab"] {
        assert!(!plain.contains(word), "{word}");
    }
}

#[test]
fn records_are_one_line_each_in_one_frame_with_a_checksum() {
    let dir = scratch();
    let out = dir.path().join("out");
    dive(&out, Options::default(), 3).expect("a dive");
    let bytes = fs::read(out.join("disclosure/records.ndjson.zst")).expect("records");
    assert_eq!(bytes[..4], [0x28, 0xb5, 0x2f, 0xfd]);
    assert_eq!(bytes[4] & 0b100, 0b100, "the frame has a checksum");
    let lines = zstd::decode_all(&bytes[..]).expect("zstd");
    assert_eq!(
        String::from_utf8(lines).expect("UTF-8"),
        (0..3).map(|n| line(n) + "\n").collect::<String>()
    );
}

#[test]
fn no_records_make_an_artefact_as_well() {
    let dir = scratch();
    let out = dir.path().join("out");
    dive(&out, Options::default(), 0).expect("a dive");
    assert_eq!(
        open(&out)
            .expect("an artefact")
            .records()
            .expect("records")
            .count(),
        0
    );
}

#[test]
fn the_same_records_give_the_same_bytes() {
    let dir = scratch();
    let (one, two) = (dir.path().join("one"), dir.path().join("two"));
    dive(&one, Options::default(), 3_000).expect("a dive");
    dive(&two, Options::default(), 3_000).expect("a dive");
    for name in WHOLE.iter().filter(|name| one.join(name).is_file()) {
        assert_eq!(
            fs::read(one.join(name)).ok(),
            fs::read(two.join(name)).ok(),
            "{name}"
        );
    }
}

#[test]
fn evidence_is_complete_and_tables_come_back_unaltered() {
    let dir = scratch();
    let out = dir.path().join("out");
    dive(&out, Options::default().started("2026-11-08T09:00:00Z"), 4).expect("a dive");
    let internal = out.join("internal");
    assert_eq!(
        text(internal.join("key")),
        format!("decostop-request-key-v1 {}\n", "ab".repeat(32))
    );
    assert_eq!(text(internal.join("request.toml")), "version = 1\n");
    assert_eq!(
        text(internal.join("withheld.ndjson")),
        "{\"reason\":\"unparsable\",\"input\":\"in.log\",\"offset\":7,\"bytes\":3,\"source\":null,\"nexus\":true}\n"
    );
    let rows = text(internal.join("provenance.ndjson"));
    assert_eq!(rows.lines().count(), 4);
    assert!(
        rows.starts_with(
            "{\"ordinal\":0,\"input\":\"/var/log/secret-host/production_json.log\",\"offset\":0,"
        )
    );
    let run: serde_json::Value = serde_json::from_str(&text(internal.join("run.json"))).expect("JSON");
    assert_eq!(run["started"], "2026-11-08T09:00:00Z");
    assert_eq!(run["output"]["records"], 4);
    assert_eq!(run["profile"]["name"], "gitlab");
    assert_eq!(run["counts"]["disclosed"], 4);

    let column = |name: &str, column: usize| -> Vec<String> {
        let mut table = csv::Reader::from_path(internal.join(name)).expect("a table");
        table
            .records()
            .map(|row| row.expect("a row")[column].to_owned())
            .collect()
    };
    assert_eq!(column("pseudonyms.csv", 2), AWKWARD);
    assert_eq!(column("dictionary.csv", 1), AWKWARD);
    assert!(
        text(internal.join("dictionary.csv"))
            .starts_with("\"class\",\"value\",\"standing\"\n\"name\",\"=1+1\",\"foreign\"\n")
    );
    assert!(text(internal.join("pseudonyms.csv")).starts_with("\"pseudonym\",\"class\",\"value\"\n\"user-"));
}

#[test]
fn inputs_whose_names_are_not_text_are_told_apart() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let dir = scratch();
    let out = dir.path().join("out");
    let mut writer = writer(&out, Options::default()).expect("a writer");
    let mut report = report(0);
    for name in [&b"log\xff"[..], &b"log\xfe"[..]] {
        let path = PathBuf::from(OsStr::from_bytes(name));
        report.inputs.push(InputReport {
            path,
            complete: true,
            ..InputReport::default()
        });
    }
    writer.finish(&report, &evidence()).expect("finish");
    writer.commit(clean).expect("commit");
    let run = text(out.join("internal/run.json"));
    assert!(run.contains(r"log\\xff") && run.contains(r"log\\xfe"));
}

#[test]
fn a_file_that_was_set_aside_is_told_with_its_reason() {
    let dir = scratch();
    let out = dir.path().join("out");
    let mut writer = writer(&out, Options::default()).expect("a writer");
    let mut report = report(0);
    report.inputs.push(InputReport {
        path: PathBuf::from("postgresql/current"),
        set_aside: Some("the database's own log".to_owned()),
        complete: true,
        ..InputReport::default()
    });
    writer.finish(&report, &evidence()).expect("finish");
    writer.commit(clean).expect("commit");
    let run: serde_json::Value = serde_json::from_str(&text(out.join("internal/run.json"))).expect("JSON");
    let told = run["inputs"]
        .as_array()
        .and_then(|inputs| inputs.last())
        .expect("an input");
    assert_eq!(told["set_aside"], "the database's own log");
}

#[test]
fn removals_are_json_text() {
    let mut json = RemovalsJson::default();
    assert_eq!(json.of(&[]), b"[]");
    let mut removals = provenance(0).removals;
    removals.extend(provenance(0).removals);
    removals[0].field = "params.\"x\"\u{8}\u{1f}é".into();
    removals[1].length = u32::MAX;
    removals[1].start = 10;
    let written = r#"[{"field":"params.\"x\"\b\u001fé","class":"text","rule":"text.dropped","start":0,"length":9,"digest":"c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4"},"#
        .to_owned()
        + r#"{"field":"message","class":"text","rule":"text.dropped","start":10,"length":4294967295,"digest":"c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4c4"}]"#;
    assert_eq!(json.of(&removals), written.as_bytes());
    assert_eq!(json.of(&removals), written.as_bytes(), "as remembered");
    // More than are remembered at once.
    let many = (0..5000).map(|nth| Removal {
        field: format!("params.{nth}").into(),
        ..removals[0].clone()
    });
    let many: Vec<Removal> = many.collect();
    let all: Vec<serde_json::Value> = serde_json::from_slice(&json.of(&many)).expect("JSON");
    for (nth, told) in all.iter().enumerate() {
        assert_eq!(told["field"], format!("params.{nth}"));
    }
    assert_eq!(all.len(), many.len());
}

#[test]
fn a_sink_takes_what_the_verifier_passed() {
    let dir = scratch();
    let out = dir.path().join("out");
    let verifier =
        Verifier::new(Profile::gitlab(), Ground::default()).expect("the built-in profile compiles");
    let record = br#"{"time":"2026-11-01T00:00:00.5Z","source":"production_json","event":"[event]"}"#;
    let verified = verifier.check(record).expect("nothing is wrong with it");
    let mut writer = writer(&out, Options::default()).expect("a writer");
    assert_eq!(
        kind(writer.record(verified, &provenance(0))),
        ErrorKind::Internal,
        "another event"
    );
    let mut writer = super::writer(&out, Options::default()).expect("a writer");
    let same = Provenance {
        event: "[event]".to_owned(),
        ..provenance(0)
    };
    writer.record(verified, &same).expect("a record");
    writer.finish(&report(1), &evidence()).expect("finish");
    writer.commit(clean).expect("commit");
    let read = open(&out)
        .expect("an artefact")
        .records()
        .expect("records")
        .next()
        .expect("one")
        .expect("a record");
    assert_eq!(read.line().as_bytes(), record);
}

#[test]
fn the_verifier_of_directories_reads_what_was_written() {
    let dir = scratch();
    let out = dir.path().join("out");
    let profile = Profile::gitlab();
    let verifier = Verifier::new(profile.clone(), Ground::default()).expect("the built-in profile compiles");
    let mut evidence = evidence();
    evidence.asked = vec![serde_json::json!({"events": ["token.created"]})];
    evidence.dictionary = Dictionary::default();
    for seconds in [&[1, 2, 3][..], &[2, 1]] {
        let mut writer = writer(&out, Options::default()).expect("a writer");
        for second in seconds {
            let record = format!(
                r#"{{"time":"2026-11-01T00:00:0{second}Z","source":"production_json","event":"token.created"}}"#
            );
            let verified = verifier
                .check(record.as_bytes())
                .expect("nothing is wrong with it");
            let time_ns = FIRST_NS + second * 1_000_000_000;
            writer
                .record(
                    verified,
                    &Provenance {
                        time_ns,
                        ..provenance(0)
                    },
                )
                .expect("a record");
        }
        let mut report = report(seconds.len() as u64);
        report.profile = (
            profile.name.clone(),
            blake3::hash(profile.text.as_bytes()).to_hex().to_string(),
        );
        writer.finish(&report, &evidence).expect("finish");
        let verify = |dir: &Path| {
            let found = verify_dir(dir, profile.clone(), &[]).expect("it can be verified");
            Ok(found.leaks.iter().map(Finding::from).collect())
        };
        match writer.commit(verify) {
            Ok(_) => fs::remove_dir_all(&out).expect("it was there"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::Leak, "{error}"),
        }
    }
    let findings = text(dir.path().join("out.rejected/internal/verify.ndjson"));
    assert_eq!(
        findings,
        "{\"rule\":\"artefact.order\",\"place\":\"disclosure/records.ndjson.zst: record 2: as a whole\"}\n"
    );
}

#[test]
fn a_finding_names_its_place_and_never_the_value() {
    let verifier =
        Verifier::new(Profile::gitlab(), Ground::default()).expect("the built-in profile compiles");
    let leak = verifier
        .check(br#"{"fqdn":"web-01"}"#)
        .expect_err("a field that is always dropped");
    let origin = Origin {
        path: PathBuf::from("in.log"),
        offset: Some(7),
    };
    let finding = Finding::from(&leak).from_line(&origin);
    assert!(!finding.rule.is_empty() && !finding.place.contains("web-01"));
    assert!(finding.place.ends_with(": in.log at decoded byte 7"));
}
