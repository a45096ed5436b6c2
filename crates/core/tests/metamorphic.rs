//! What may be changed about an input without changing the answer: where it is cut, the order of a record's
//! fields, the threads, and what stands elsewhere.

mod common;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Write as _;

use common::{Done, builder, run};
use decostop::Limits;
use decostop_testkit::Random;
use decostop_testkit::survival::{plant, plant_names};
use serde_json::{Value, json};

/// Texts of every kind: ordinary, with names, with secrets, with structure.
const TEXTS: &[&str] = &[
    "could not open the file, 404 (not found)",
    "user mallory opened evil-corp/tool for alice in acme/web",
    "password: correct window",
    "glpat-AbCdEfGhIjKlMnOpQrSt",
    r#"{"username":"mallory","ref":"main","note":["acme/web",1001]}"#,
    "Failed Login: username=mallory ip=203.0.113.9",
    "caf\u{e9} \u{4f60}\u{597d} \"quoted\" \\ back\tslash",
];

fn request() -> String {
    let mut out = String::from(
        "version = 1\nid = \"METAMORPHIC-1\"\nrequested_at = 2026-11-08T09:00:00Z\n\
         [customer]\nname = \"Acme\"\nplan = \"ultimate\"\nbilling = \"paid\"\n\
         [scope]\nevidence = \"a test\"\nnamespaces = [\"acme\"]\nprojects = [{ path = \"acme/web\", id = 51191 }]\n\
         users = [{ username = \"alice\", id = 1001 }]\n\
         [window]\nfrom = 2026-11-01T00:00:00Z\nto = 2026-11-08T00:00:00Z\n\
         [[select]]\nnamespaces = [\"acme\"]\n[[select]]\nusers = [\"mallory\"]\n[disclosure]\npersonal_data = true\n",
    );
    for condition in ["events.few", "events.listed"] {
        let _ = write!(
            out,
            "[[exception]]\ncondition = \"{condition}\"\nreason = \"a test\"\napproved_by = \"the tests\"\n"
        );
    }
    out
}

/// Files by name, as stored.
type Files = Vec<(String, Vec<u8>)>;

fn dive_with(files: &Files, threads: usize, limits: Limits) -> Done {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).expect("a file");
    }
    let dive = builder(&request(), dir.path().to_owned())
        .threads(threads)
        .limits(limits);
    run(dive).unwrap_or_else(|error| panic!("{error}"))
}

fn dive(files: &Files) -> Vec<String> {
    dive_with(files, 1, Limits::default()).sink.records
}

/// Records of all kinds with the source of each.
fn records() -> Vec<(&'static str, Value)> {
    let names = ["mallory", "Mallory Kestrel", "9009", "mallory.k@evil.example"];
    let planted = TEXTS.iter().flat_map(|text| plant(text));
    let planted = planted.chain(names.iter().flat_map(|name| plant_names(name)));
    planted.map(|item| (item.source, item.record)).collect()
}

/// A record with its fields in the order that `order` gives.
fn line(record: &Value, order: impl FnOnce(&mut Vec<(&String, &Value)>)) -> String {
    let mut fields: Vec<(&String, &Value)> = record.as_object().into_iter().flatten().collect();
    order(&mut fields);
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{}:{value}", json!(name)))
        .collect();
    format!("{{{}}}\n", fields.join(","))
}

/// A file for each source, the fields of each record ordered by `order`.
fn files(records: &[(&'static str, Value)], mut order: impl FnMut(&mut Vec<(&String, &Value)>)) -> Files {
    let mut files = std::collections::BTreeMap::<String, Vec<u8>>::new();
    for (source, record) in records {
        let file = files.entry(format!("{source}.log")).or_default();
        file.extend(line(record, &mut order).bytes());
    }
    files.into_iter().collect()
}

#[test]
fn it_does_not_matter_where_an_input_is_cut() {
    let records = [
        json!({ "time": "2026-11-02T10:00:00.000Z", "meta.project": "acme/web", "username": "alice", "message": "could not open caf\u{e9}" }),
        json!({ "time": "2026-11-02T10:00:01.000Z", "meta.project": "evil-corp/tool", "username": "mallory" }),
        json!({ "time": "2026-11-02T10:00:02.000Z", "meta.project": "acme/web", "username": "mallory", "ua": "curl/8.9 alice" }),
    ];
    let text: String = records.iter().map(|record| line(record, |_| {})).collect();
    let bytes = text.as_bytes();
    let plain = dive(&vec![("production_json.log".to_owned(), bytes.to_vec())]);
    assert_eq!(plain.len(), 2);
    let gzip = |part: &[u8]| {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        writer
            .write_all(part)
            .and_then(|()| writer.finish())
            .expect("a Vec takes everything")
    };
    let zstd = |part: &[u8]| zstd::encode_all(part, 1).expect("a Vec takes everything");
    for at in 0..=bytes.len() {
        let (before, after) = bytes.split_at(at);
        let cut = [
            ("production_json.log.gz", [gzip(before), gzip(after)].concat()),
            ("production_json.log.zst", [zstd(before), zstd(after)].concat()),
        ];
        for (name, stored) in cut {
            assert_eq!(
                dive(&vec![(name.to_owned(), stored)]),
                plain,
                "{name} cut at {at}"
            );
        }
        if at > 80 {
            continue;
        }
        let mut limits = Limits::default();
        limits.segment_bytes = at.max(1);
        limits.part_bytes = at.max(1) as u64;
        let done = dive_with(
            &vec![("production_json.log".to_owned(), bytes.to_vec())],
            2,
            limits,
        );
        assert_eq!(done.sink.records, plain, "segments of {at} bytes");
    }
    // Between lines, a file may be two.
    for (at, _) in text.match_indices('\n') {
        let (before, after) = bytes.split_at(at + 1);
        let two = vec![
            ("production_json.log.2".to_owned(), before.to_vec()),
            ("production_json.log.1".to_owned(), after.to_vec()),
        ];
        assert_eq!(dive(&two), plain, "two files, cut at {at}");
    }
}

#[test]
fn the_order_of_fields_orders_the_output_and_no_more() {
    let records = records();
    let fields = |line: &String| -> BTreeSet<(String, String)> {
        let record: Value = serde_json::from_str(line).expect("JSON");
        let fields = record.as_object().cloned().unwrap_or_default();
        fields
            .into_iter()
            .map(|(name, value)| (name, value.to_string()))
            .collect()
    };
    let plain: Vec<_> = dive(&files(&records, |_| {})).iter().map(fields).collect();
    assert!(
        plain.len() >= records.len() * 9 / 10,
        "{} of {}",
        plain.len(),
        records.len()
    );
    let mut random = Random::new(20_261_104);
    for _ in 0..10 {
        let shuffled = dive(&files(&records, |fields| random.shuffle(fields)));
        for (one, other) in plain.iter().zip(shuffled.iter().map(fields)) {
            assert_eq!(*one, other);
        }
        assert_eq!(plain.len(), shuffled.len());
    }
}

#[test]
fn threads_and_files_change_no_byte() {
    let files = files(&records(), |_| {});
    let plain = dive(&files);
    for threads in [1, 2, 7] {
        for bytes in [1, 64, 4096, 1 << 20] {
            let mut limits = Limits::default();
            limits.segment_bytes = bytes;
            limits.part_bytes = bytes as u64;
            let done = dive_with(&files, threads, limits);
            assert_eq!(
                done.sink.records, plain,
                "{threads} threads, segments of {bytes} bytes"
            );
        }
    }
}

/// Whether a text is another with more of it taken away.
fn is_cut_from(less: &str, more: &str) -> bool {
    let parts = |text| str::split(text, [' ', '/', '?']);
    let mut words = parts(more);
    parts(less)
        .filter(|word| *word != "[text]")
        .all(|word| words.any(|other| other == word))
}

#[test]
fn what_stands_elsewhere_changes_nothing_but_what_the_dictionary_takes() {
    let records = records();
    let own = files(&records, |_| {});
    let plain = dive(&own);
    let with = |extra: Value| {
        let mut all = own.clone();
        all.push((
            "audit_json-more.log".to_owned(),
            line(&extra, |_| {}).into_bytes(),
        ));
        dive(&all)
    };
    let unmatched = json!({
        "time": "2026-11-02T09:00:00.000Z", "event_name": "member_created", "author_id": 9009, "author_name": "Main Branch",
        "entity_type": "Project", "entity_path": "other-corp/branch", "meta.user": "branch",
    });
    assert_eq!(with(unmatched.clone()), plain, "a record that nothing selects");
    let mut early = unmatched;
    early["time"] = json!("2025-11-02T09:00:00.000Z");
    early["entity_path"] = json!("acme/web");
    assert_eq!(with(early), plain, "a record before the window");
    // This one is selected and stays outside; its names are learned.
    let matched = json!({
        "time": "2026-11-02T09:00:00.000Z", "event_name": "member_created", "author_id": 9009, "author_name": "Could Not Open",
        "entity_type": "Project", "entity_path": "evil-corp/tool", "meta.user": "mallory",
    });
    let learned = with(matched);
    assert_eq!(learned.len(), plain.len());
    let mut changed = 0;
    for (before, after) in plain.iter().zip(&learned) {
        if before == after {
            continue;
        }
        changed += 1;
        let [before, after]: [Value; 2] =
            [before, after].map(|line| serde_json::from_str(line).expect("JSON"));
        let (Some(before), Some(after)) = (before.as_object(), after.as_object()) else {
            panic!("records are objects");
        };
        for (name, value) in after {
            let old = before.get(name).unwrap_or_else(|| panic!("`{name}` is new"));
            let pseudonym = |value: &Value| value.as_str().is_some_and(|text| text.contains("user-"));
            let is_less = match (value.as_str(), old.as_str()) {
                (Some(value), Some(old)) => is_cut_from(value, old),
                _ => false,
            };
            assert!(
                value == old || is_less || pseudonym(value) && pseudonym(old),
                "{name}: {old} became {value}"
            );
        }
    }
    assert!(changed > 0, "the display name is made of words of a text");
}
