//! Whole artefacts: a sound one, and each way in which one can be wrong.

use std::fs;
use std::io::Write;
use std::num::NonZeroUsize;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use decostop_profile::Profile;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Report, verify_dir, verify_dir_with};
use crate::testing::{KEY, filled, hex};
use crate::{CompiledProfile, Leak};

const RECORDS: &[&str] = &[
    r#"{"time":"2026-11-01T00:00:00Z","source":"production_json","event":"SessionsController#create","actor":"<user:m>"}"#,
    r#"{"time":"2026-11-01T00:00:00.5Z","source":"api_json","event":"repository.read","actor":"alice","ip":"203.0.113.9"}"#,
    r#"{"time":"2026-11-02T10:00:00Z","source":"api_json","event":"repository.read","message":"user added"}"#,
];

const REQUEST: &str = r#"
version = 1
id = "SIRT-2041"
requested_at = 2026-11-08T09:00:00Z
[customer]
name = "Acme"
[scope]
evidence = "export"
namespaces = ["acme", { path = "acme-labs", id = 77, since = 2025-01-01, formerly = ["acmelabs"] }]
projects = [{ path = "partner/shared", id = 51191 }]
users = [{ username = "alice", id = 1001001, emails = ["alice@acme.example"], names = ["Alice Abbott"] }]
[window]
from = 2026-11-01T00:00:00Z
[[select]]
namespaces = ["acme"]
correlation_ids = ["01KNAMED"]
token_ids = [4455]
[disclosure]
personal_data = true
"#;

const DICTIONARY: &str = "class,value,standing\nuser,mallory.smith42,foreign\nuser_id,7654321,foreign\n\
    email,mallory@othercorp.example,foreign\nproject_id,61616,linked\n";

pub(super) struct Artefact {
    root: tempfile::TempDir,
}

fn pack(lines: &[String]) -> Vec<u8> {
    zstd::encode_all(
        lines
            .iter()
            .flat_map(|line| [line.as_str(), "\n"])
            .collect::<String>()
            .as_bytes(),
        3,
    )
    .expect("memory")
}

fn private(path: &Path, text: &[u8]) {
    fs::write(path, text).expect("writable");
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).expect("ours");
}

impl Artefact {
    pub(super) fn new() -> Self {
        let root = tempfile::tempdir().expect("a directory");
        let (disclosure, internal) = (root.path().join("disclosure"), root.path().join("internal"));
        fs::create_dir(&disclosure).expect("new");
        fs::create_dir(&internal).expect("new");
        fs::set_permissions(&internal, fs::Permissions::from_mode(0o700)).expect("ours");
        private(
            &internal.join("key"),
            format!("decostop-request-key-v1 {}\n", hex(&KEY)).as_bytes(),
        );
        private(&internal.join("request.toml"), REQUEST.as_bytes());
        private(&internal.join("dictionary.csv"), DICTIONARY.as_bytes());
        let profile = Profile::gitlab();
        let digest = blake3::hash(profile.text.as_bytes()).to_hex();
        let run = json!({ "profile": { "name": profile.name, "digest": digest.as_str() }, "more": [1] });
        private(&internal.join("run.json"), run.to_string().as_bytes());
        let artefact = Self { root };
        fs::write(
            artefact.disclosure("manifest.json"),
            Self::first_manifest().to_string(),
        )
        .expect("writable");
        artefact.set_records(&pack(
            &RECORDS.iter().map(|record| filled(record)).collect::<Vec<_>>(),
        ));
        artefact
    }

    fn disclosure(&self, file: &str) -> PathBuf {
        self.root.path().join("disclosure").join(file)
    }

    fn internal(&self, file: &str) -> PathBuf {
        self.root.path().join("internal").join(file)
    }

    fn first_manifest() -> Value {
        json!({
            "version": 1,
            "tool": { "name": "decostop", "version": "0.1.0" },
            "reference": "ticket 7654321",
            "ad_hoc": false,
            "window": { "from": "2026-11-01T00:00:00Z", "to": null },
            "asked": [{
                "namespaces": ["acme/payments"],
                "users": ["alice", filled("<user:m>")],
                "events": ["membership.*", "raw:Projects::BlobController#show", "raw:*"],
                "sources": ["api_json"],
                "correlation_ids": ["01KNAMED"],
                "token_ids": ["4455"],
                "exclude": { "ips": [filled("<ip:x>")] }
            }],
            "records": {
                "total": 3,
                "by_source": { "production_json": 1, "api_json": 2 },
                "by_event": { "SessionsController#create": 1, "repository.read": 2 },
                "by_day": { "2026-11-01": 2, "2026-11-02": 1 }
            },
            "withheld_with_nexus": 0,
            "format": "ndjson",
            "files": [{ "name": "records.ndjson.zst", "bytes": 0, "sha256": "" }]
        })
    }

    fn manifest(&self, edit: impl FnOnce(&mut Value)) {
        let path = self.disclosure("manifest.json");
        let mut manifest = serde_json::from_slice(&fs::read(&path).expect("there")).expect("JSON");
        edit(&mut manifest);
        fs::write(path, manifest.to_string()).expect("writable");
    }

    /// Writes the records; size and digest follow, so that only the content can give it away.
    fn set_records(&self, packed: &[u8]) {
        fs::write(self.disclosure("records.ndjson.zst"), packed).expect("writable");
        self.manifest(|manifest| {
            manifest["files"][0]["bytes"] = packed.len().into();
            manifest["files"][0]["sha256"] = hex(&Sha256::digest(packed)).into();
        });
    }

    fn set_lines(&self, lines: &[&str]) {
        self.set_records(&pack(&lines.iter().map(|line| filled(line)).collect::<Vec<_>>()));
    }

    fn verify(&self) -> Report {
        self.verify_against(Profile::gitlab(), &[])
    }

    pub(super) fn verify_against(&self, profile: Arc<Profile>, against: &[PathBuf]) -> Report {
        verify_dir(self.root.path(), profile, against).expect("it can be verified")
    }

    /// An artefact with one record whose event looks like a name of code.
    pub(super) fn with_event(event: &str) -> Self {
        let artefact = Self::new();
        artefact.set_lines(&[&format!(
            r#"{{"time":"2026-11-01T00:00:00Z","source":"production_json","event":"{event}"}}"#
        )]);
        artefact.manifest(|manifest| {
            manifest["records"] = json!({ "total": 1, "by_source": { "production_json": 1 },
                "by_event": { event: 1 }, "by_day": { "2026-11-01": 1 } });
        });
        artefact
    }

    fn rules(&self) -> Vec<String> {
        self.verify()
            .leaks
            .iter()
            .map(|leak| leak.rule().to_owned())
            .collect()
    }
}

#[test]
fn a_sound_artefact_is_clean() {
    let artefact = Artefact::new();
    let report = artefact.verify();
    assert!(report.is_clean(), "{:?}", report.leaks);
    assert_eq!(report.records, 3);
}

#[test]
fn packing_anew_changes_nothing() {
    let artefact = Artefact::new();
    let lines: Vec<String> = RECORDS
        .iter()
        .map(|record| format!("{}\n", filled(record)))
        .collect();
    let level = |text: &str, level| zstd::encode_all(text.as_bytes(), level).expect("memory");
    artefact.set_records(&level(&lines.concat(), 19));
    assert!(artefact.verify().is_clean());
    // Frames may be cut anywhere.
    let whole = lines.concat();
    let frames: Vec<u8> = whole
        .as_bytes()
        .chunks(7)
        .flat_map(|part| zstd::encode_all(part, 1).expect("memory"))
        .collect();
    artefact.set_records(&frames);
    assert!(artefact.verify().is_clean());
}

#[test]
fn no_records_are_an_answer_too() {
    let artefact = Artefact::new();
    artefact.set_records(&zstd::encode_all(&b""[..], 3).expect("memory"));
    artefact.manifest(|manifest| {
        manifest["records"] = json!({ "total": 0, "by_source": {}, "by_event": {}, "by_day": {} });
    });
    assert!(artefact.verify().is_clean());
}

#[test]
fn what_lies_in_the_folders_is_known() {
    type Edit = fn(&Artefact);
    let faults: [(&str, Edit); 11] = [
        ("artefact.stray_file", |a| {
            fs::write(a.disclosure("notes.txt"), "hello").expect("writable");
        }),
        ("artefact.stray_file", |a| {
            fs::write(a.disclosure(".hidden"), "").expect("writable");
        }),
        ("artefact.stray_file", |a| {
            fs::write(a.root.path().join("notes.txt"), "").expect("writable");
        }),
        ("artefact.format", |a| {
            fs::write(a.disclosure("records.csv"), "").expect("writable");
        }),
        ("artefact.not_a_file", |a| {
            fs::create_dir(a.disclosure("more")).expect("new");
        }),
        ("artefact.not_a_file", |a| {
            symlink("manifest.json", a.disclosure("link")).expect("new");
        }),
        ("artefact.not_a_file", |a| {
            fs::create_dir(a.internal("more")).expect("new");
        }),
        ("artefact.two_disclosures", |a| {
            fs::create_dir(a.root.path().join("look")).expect("new");
        }),
        ("artefact.internal_open", |a| {
            fs::set_permissions(a.internal("key"), fs::Permissions::from_mode(0o644)).expect("ours");
        }),
        ("artefact.internal_open", |a| {
            fs::set_permissions(a.internal(""), fs::Permissions::from_mode(0o755)).expect("ours");
        }),
        ("artefact.manifest.ad_hoc", |a| {
            fs::rename(a.disclosure(""), a.root.path().join("look")).expect("ours");
        }),
    ];
    for (rule, edit) in faults {
        let artefact = Artefact::new();
        edit(&artefact);
        let rules = artefact.rules();
        assert!(rules.iter().any(|found| found == rule), "{rule}: {rules:?}");
    }
}

#[test]
fn an_ad_hoc_dive_has_its_own_folder() {
    let artefact = Artefact::new();
    let request = format!(
        "ad_hoc = true\n{}",
        REQUEST.replace("personal_data = true", "personal_data = false")
    );
    private(&artefact.internal("request.toml"), request.as_bytes());
    artefact.set_lines(&[RECORDS[0]]);
    artefact.manifest(|manifest| {
        manifest["ad_hoc"] = true.into();
        manifest["asked"] = json!([]);
        manifest["records"] = json!({ "total": 1, "by_source": { "production_json": 1 },
            "by_event": { "SessionsController#create": 1 }, "by_day": { "2026-11-01": 1 } });
    });
    assert_eq!(artefact.rules(), ["artefact.manifest.ad_hoc"]);
    fs::rename(artefact.disclosure(""), artefact.root.path().join("look")).expect("ours");
    assert_eq!(artefact.rules(), Vec::<String>::new());
}

#[test]
fn records_are_held_against_everything() {
    const TIME: &str = r#""time":"2026-11-01T00:00:00Z""#;
    let faults: [(&str, Vec<String>); 7] = [
        (
            "closure.unknown_field",
            vec![format!(r#"{{{TIME},"source":"api_json","surplus":"hello"}}"#)],
        ),
        ("closure.syntax", vec![String::new()]),
        (
            "closure.foreign_user",
            vec![format!(
                r#"{{{TIME},"source":"api_json","actor":"mallory.smith42"}}"#
            )],
        ),
        ("artefact.no_time", vec![r#"{"source":"api_json"}"#.to_owned()]),
        ("artefact.order", vec![filled(RECORDS[2]), filled(RECORDS[0])]),
        ("artefact.counts", vec![filled(RECORDS[0])]),
        (
            "closure.trailing_bytes",
            vec![format!(r#"{{{TIME},"source":"api_json"}}{}"#, "\r")],
        ),
    ];
    for (rule, lines) in faults {
        let artefact = Artefact::new();
        artefact.set_records(&pack(&lines));
        let report = artefact.verify();
        let leak = report.leaks.iter().find(|leak| leak.rule() == rule);
        assert!(leak.is_some(), "{rule}: {:?}", report.leaks);
        if !rule.starts_with("artefact.counts") {
            assert!(leak.is_some_and(|leak| leak.record().is_some() && leak.file().is_some()));
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing_of_the_report() {
    let line = |nth: usize| {
        let time = format!(
            "2026-11-01T{:02}:{:02}:{:02}Z",
            nth / 3600,
            nth / 60 % 60,
            nth % 60
        );
        let more = match nth {
            // At both ends, and where portions meet.
            0 | 1_777 | 4_444 | 19_999 => r#","actor":"mallory.smith42""#,
            2_500 => r#","surplus":"hello""#,
            _ => "",
        };
        match nth {
            7_000 => String::new(),
            9_000 => r#"{"source":"api_json"}"#.to_owned(),
            11_000 => r#"{"time":"2026-11-01T00:00:00Z","source":"api_json"}"#.to_owned(),
            _ => {
                format!(r#"{{"time":"{time}","source":"api_json"{more},"status":200}}"#)
            }
        }
    };
    let lines: Vec<String> = (0..20_000).map(line).collect();
    let artefact = Artefact::new();
    artefact.set_records(&pack(&lines));
    let compiled = CompiledProfile::new(Profile::gitlab()).expect("the built-in profile compiles");
    let report = |threads: usize| {
        let threads = NonZeroUsize::new(threads).expect("some");
        verify_dir_with(artefact.root.path(), &compiled, &[], threads).expect("it can be verified")
    };
    let alone = report(1);
    assert_eq!(alone.records, 20_000);
    let of_records = alone.leaks.iter().filter_map(Leak::record);
    let told: Vec<u64> = of_records.collect();
    assert_eq!(told, [1, 1_778, 2_501, 4_445, 7_001, 9_001, 11_001, 20_000]);
    for threads in [2, 3, 7, 64] {
        assert_eq!(report(threads).to_json(), alone.to_json(), "{threads} threads");
    }
}

#[test]
fn nothing_hides_between_frames() {
    let lines: Vec<String> = RECORDS.iter().map(|record| filled(record)).collect();
    let skippable = |text: &[u8]| {
        let mut frame = vec![0x53, 0x2a, 0x4d, 0x18];
        frame.extend_from_slice(&u32::try_from(text.len()).unwrap_or_default().to_le_bytes());
        frame.extend_from_slice(text);
        frame
    };
    let good = pack(&lines);
    let cut = good.get(..good.len() - 5).unwrap_or_default().to_vec();
    let unfinished = zstd::encode_all(lines.join("\n").as_bytes(), 3).expect("memory");
    for (rule, packed) in [
        (
            "artefact.foreign_bytes",
            [good.clone(), skippable(b"mallory")].concat(),
        ),
        ("artefact.foreign_bytes", [skippable(b""), good.clone()].concat()),
        (
            "artefact.foreign_bytes",
            [good.clone(), b"mallory".to_vec()].concat(),
        ),
        ("artefact.foreign_bytes", [good.clone(), vec![0]].concat()),
        ("artefact.foreign_bytes", lines.join("\n").into_bytes()),
        ("artefact.encoding", cut),
        ("artefact.unfinished_line", unfinished),
    ] {
        let artefact = Artefact::new();
        artefact.set_records(&packed);
        let rules = artefact.rules();
        assert!(rules.iter().any(|found| found == rule), "{rule}: {rules:?}");
    }
}

#[test]
fn size_and_digest_hold() {
    let artefact = Artefact::new();
    let packed = fs::read(artefact.disclosure("records.ndjson.zst")).expect("there");
    artefact.manifest(|manifest| manifest["files"][0]["bytes"] = (packed.len() + 1).into());
    assert_eq!(artefact.rules(), ["artefact.size"]);
    artefact.set_records(&packed);
    artefact.manifest(|manifest| manifest["files"][0]["sha256"] = "0".repeat(64).into());
    assert_eq!(artefact.rules(), ["artefact.digest"]);
}

#[test]
fn the_manifest_says_nothing_else() {
    type Edit = fn(&mut Value);
    let faults: &[(&str, Edit)] = &[
        ("artefact.manifest.schema", |m| m["inputs"] = json!(["a.log"])),
        ("artefact.manifest.schema", |m| {
            m["tool"]["host"] = "web-01".into();
        }),
        ("artefact.manifest.schema", |m| m["asked"][0]["hosts"] = json!([])),
        ("artefact.manifest.schema", |m| {
            m["files"][0]["path"] = "/x".into();
        }),
        ("artefact.manifest.schema", |m| m["records"]["total"] = "3".into()),
        ("artefact.manifest.schema", |m| m["window"] = Value::Null),
        ("artefact.manifest.schema", |m| {
            drop(m.as_object_mut().and_then(|m| m.remove("format")));
        }),
        ("artefact.manifest.version", |m| m["version"] = 2.into()),
        ("artefact.manifest.tool", |m| m["tool"]["name"] = "other".into()),
        ("artefact.manifest.tool", |m| {
            m["tool"]["version"] = "0.1 built by mallory".into();
        }),
        ("artefact.manifest.format", |m| m["format"] = "csv".into()),
        ("artefact.manifest.files", |m| m["files"] = json!([])),
        ("artefact.manifest.files", |m| {
            m["files"][0]["name"] = "mallory.smith42".into();
        }),
        ("artefact.manifest.window", |m| {
            m["window"]["to"] = "mallory".into();
        }),
        ("artefact.manifest.asked", |m| {
            m["asked"][0]["users"] = json!(["mallory.smith42"]);
        }),
        ("artefact.manifest.asked", |m| {
            m["asked"][0]["users"] = json!(["eve"]);
        }),
        ("artefact.manifest.asked", |m| {
            m["asked"][0]["namespaces"] = json!(["othercorp"]);
        }),
        ("artefact.manifest.asked", |m| {
            m["asked"][0]["projects"] = json!(["othercorp/x"]);
        }),
        ("artefact.manifest.asked", |m| {
            m["asked"][0]["ips"] = json!(["203.0.113.9"]);
        }),
        ("artefact.manifest.asked", |m| {
            m["asked"][0]["correlation_ids"] = json!(["01KOTHER"]);
        }),
        ("artefact.manifest.asked", |m| {
            m["asked"][0]["token_ids"] = json!(["1"]);
        }),
        ("artefact.manifest.asked", |m| {
            m["asked"][0]["sources"] = json!(["web-01"]);
        }),
        ("artefact.manifest.asked", |m| {
            m["asked"][0]["exclude"]["users"] = json!(["mallory.smith42"]);
        }),
        ("artefact.manifest.asked", |m| {
            m["asked"][0]["exclude"]["exclude"] = json!({});
        }),
        ("survival.foreign.user", |m| {
            m["asked"][0]["events"] = json!(["raw:mallory.smith42"]);
        }),
        ("survival.foreign.user", |m| {
            m["reference"] = "about mallory.smith42".into();
        }),
        ("survival.foreign.email", |m| {
            m["reference"] = "bWFsbG9yeUBvdGhlcmNvcnAuZXhhbXBsZQ==".into();
        }),
        ("survival.secret.gitlab", |m| {
            m["reference"] = "glpat-AbCdEfGhIjKlMnOpQrSt".into();
        }),
        ("artefact.counts", |m| m["records"]["total"] = 4.into()),
        ("artefact.counts", |m| {
            m["records"]["by_day"]["2026-11-01"] = 1.into();
        }),
        ("artefact.counts", |m| {
            m["records"]["by_source"]["mallory"] = 0.into();
        }),
        ("artefact.counts", |m| m["records"]["by_event"] = json!({})),
    ];
    for (nth, (rule, edit)) in faults.iter().enumerate() {
        let artefact = Artefact::new();
        artefact.manifest(edit);
        let rules = artefact.rules();
        assert!(rules.iter().any(|found| found == rule), "{nth} {rule}: {rules:?}");
        assert!(
            !format!("{:?}", artefact.verify()).contains("mallory"),
            "{nth} is told"
        );
    }
    let artefact = Artefact::new();
    let text = fs::read_to_string(artefact.disclosure("manifest.json")).expect("there");
    let twice = text.replace(
        r#""repository.read":2"#,
        r#""repository.read":2,"repository.read":2"#,
    );
    fs::write(artefact.disclosure("manifest.json"), twice).expect("writable");
    assert_eq!(artefact.rules(), ["artefact.manifest.schema"]);
}

#[test]
fn what_cannot_be_verified_is_an_error_that_names_the_file() {
    type Edit = fn(&Artefact);
    let faults: [(&str, Edit); 10] = [
        ("key", |a| fs::remove_file(a.internal("key")).expect("there")),
        ("key", |a| {
            private(&a.internal("key"), b"decostop-request-key-v1 abc\n");
        }),
        ("dictionary.csv", |a| {
            fs::remove_file(a.internal("dictionary.csv")).expect("there");
        }),
        ("dictionary.csv", |a| {
            private(&a.internal("dictionary.csv"), b"class,value\n");
        }),
        ("dictionary.csv", |a| {
            private(
                &a.internal("dictionary.csv"),
                b"class,value,standing\nuser,x,own\n",
            );
        }),
        ("request.toml", |a| {
            private(&a.internal("request.toml"), b"scope = 1");
        }),
        ("run.json", |a| {
            private(
                &a.internal("run.json"),
                br#"{"profile":{"name":"gitlab","digest":"00"}}"#,
            );
        }),
        ("run.json", |a| {
            fs::remove_file(a.internal("run.json")).expect("there");
        }),
        ("manifest.json", |a| {
            fs::remove_file(a.disclosure("manifest.json")).expect("there");
        }),
        ("disclosure: holds no records", |a| {
            fs::remove_file(a.disclosure("records.ndjson.zst")).expect("there");
        }),
    ];
    for (file, edit) in faults {
        let artefact = Artefact::new();
        edit(&artefact);
        let error = verify_dir(artefact.root.path(), Profile::gitlab(), &[])
            .err()
            .map(|error| error.to_string());
        assert!(
            error.as_deref().is_some_and(|error| error.contains(file)),
            "{file}: {error:?}"
        );
    }
    assert!(
        verify_dir(Path::new("/nowhere/at/all"), Profile::gitlab(), &[]).is_err_and(|error| error.is_io())
    );
}

#[test]
fn raw_inputs_are_a_second_witness() {
    let artefact = Artefact::with_event("quillfeather");
    assert!(artefact.verify().is_clean(), "nobody knows the name");
    let logs = tempfile::tempdir().expect("a directory");
    let against = |path: &Path| {
        verify_dir(artefact.root.path(), Profile::gitlab(), &[path.to_owned()]).expect("it can be verified")
    };
    let lines = [
        r#"{"username":"quillfeather","meta.user":"alice","meta.project":"acme/x"}"#,
        r#"{"jsonPayload":{"username":"quillfeather"}}"#,
        r#"{"json.username":"quillfeather"}"#,
        r#"{"meta":{"user":"quillfeather"}}"#,
        r#"{"username":"alice","username":"quillfeather"}"#,
        r#"{"params":[{"key":"username","value":"quillfeather"}]}"#,
        r#"{"message":"{\"username\":\"quillfeather\"}"}"#,
        r#"{"meta.project":"quillfeather/app"}"#,
        r#"2026-11-01_00:00:00.12345 {"username":"quillfeather"}"#,
    ];
    let gzip = |text: &str| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(text.as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    };
    for (nth, line) in lines.iter().enumerate() {
        for (form, name) in [
            "production_json.log",
            "production_json.log.gz",
            "production_json.zst",
            "stdout",
        ]
        .iter()
        .enumerate()
        {
            let text = format!("not JSON\n{line}\n");
            let bytes = match form {
                1 => [gzip("not JSON\n"), gzip(&format!("{line}\n"))].concat(),
                2 => zstd::encode_all(text.as_bytes(), 3).expect("memory"),
                _ => text.into_bytes(),
            };
            let path = logs.path().join(format!("{nth}-{name}"));
            fs::write(&path, bytes).expect("writable");
            let report = against(&path);
            let rules: Vec<_> = report.leaks.iter().map(crate::Leak::rule).collect();
            assert!(
                rules.iter().any(|rule| rule.starts_with("survival.derived.")),
                "{name} {line}: {rules:?}"
            );
            assert_eq!(report.unread_lines, 1);
            fs::remove_file(&path).expect("there");
        }
    }
    fs::write(
        logs.path().join("production_json.log"),
        r#"{"username":"alice","meta.project":"acme/quillfeather"}"#,
    )
    .expect("writable");
    assert!(against(logs.path()).is_clean(), "what is in scope is not foreign");
    assert!(
        verify_dir(
            artefact.root.path(),
            Profile::gitlab(),
            &[logs.path().join("none")]
        )
        .is_err()
    );
}
