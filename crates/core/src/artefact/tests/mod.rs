//! Artefacts as they are built, fail and are read back.

use std::fs;
use std::path::{Path, PathBuf};

use decostop_profile::Class;

use super::{Committed, Finding, NdjsonProvenance, Options, Writer};
use crate::sink::{Provenance, Reason, Removal, Sink, Withheld};
use crate::stats::{Dictionary, Evidence, Report};
use crate::{Error, ErrorKind, Origin};

mod failures;
mod places;
mod reading;
mod streams;
mod written;

const DAY_NS: i64 = 86_400_000_000_000;
/// 2026-11-01T00:00:00Z.
const FIRST_NS: i64 = 1_793_491_200_000_000_000;

fn writer(out: &Path, options: Options) -> Result<Writer, Error> {
    Writer::create(out, options, NdjsonProvenance::create_in)
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it stands for a verification, which may fail"
)]
fn clean(_: &Path) -> Result<Vec<Finding>, Error> {
    Ok(Vec::new())
}

fn line(n: u64) -> String {
    let second = n % 60;
    format!(
        r#"{{"time":"2026-11-01T00:00:{second:02}Z","source":"production_json","event":"token.created","actor":"user-{}","status":{n}}}"#,
        "a".repeat(21)
    )
}

fn provenance(n: u64) -> Provenance {
    Provenance {
        origin: Origin {
            path: PathBuf::from("/var/log/secret-host/production_json.log"),
            offset: Some(n * 100),
        },
        line_digest: [u8::try_from(n % 256).expect("a remainder of 256 fits"); 32],
        removals: vec![Removal {
            field: "message".into(),
            class: "text",
            rule: "text.dropped",
            start: 0,
            length: 9,
            digest: [0xc4; 16],
        }],
        source: if n.is_multiple_of(2) {
            "production_json"
        } else {
            "gitaly"
        }
        .to_owned(),
        event: "token.created".to_owned(),
        time_ns: FIRST_NS + i64::try_from(n % 3).expect("small") * DAY_NS,
    }
}

fn report(records: u64) -> Report {
    let mut report = Report {
        threads: 2,
        ..Report::default()
    };
    report.counts.disclosed = records;
    report.counts.withheld_with_nexus = 1;
    report.by_namespace.insert("acme/payments".to_owned(), records);
    report.profile = ("gitlab".to_owned(), "blake3:00".to_owned());
    report
}

/// Values that a table or a spreadsheet could garble.
const AWKWARD: [&str; 7] = ["=1+1", "+x", "-y", "@z", "a,\"b\"\r\nc", " tab\t", "名前"];

fn evidence() -> Evidence {
    let pseudonym = |n: usize| {
        format!(
            "user-{}{}",
            "b".repeat(20),
            char::from(b'a' + u8::try_from(n).expect("small"))
        )
    };
    Evidence {
        request_toml: "version = 1\n".to_owned(),
        rules: String::new(),
        request_key: [0xab; 32],
        pseudonyms: AWKWARD
            .iter()
            .enumerate()
            .map(|(n, v)| (pseudonym(n), Class::User, (*v).to_owned()))
            .collect(),
        dictionary: Dictionary {
            foreign: AWKWARD.iter().map(|v| (Class::Name, v)).collect(),
            ..Dictionary::default()
        },
        asked: vec![serde_json::json!({"namespaces": ["acme/payments"]})],
        reference: "ticket 5512".to_owned(),
        window: (
            Some("2026-11-01T00:00:00Z".to_owned()),
            Some("2026-11-07T00:00:00Z".to_owned()),
        ),
        residual: crate::residual::Residual::default(),
    }
}

fn fill(writer: &mut Writer, records: u64) -> Result<(), Error> {
    for n in 0..records {
        writer.write_record(line(n).as_bytes(), &provenance(n))?;
    }
    let origin = Origin {
        path: PathBuf::from("in.log"),
        offset: Some(7),
    };
    writer.withheld(&Withheld {
        nexus: true,
        bytes: Some(3),
        ..Withheld::new(Reason::Unparsable, origin)
    })?;
    writer.finish(&report(records), &evidence())
}

fn dive(out: &Path, options: Options, records: u64) -> Result<Committed, Error> {
    let mut writer = writer(out, options)?;
    fill(&mut writer, records)?;
    writer.commit(clean)
}

/// Everything below `dir`, relative and sorted, hidden names included.
fn tree(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![dir.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs::read_dir(next).expect("a test's directory can be listed") {
            let path = entry.expect("a test's directory can be listed").path();
            found.push(
                path.strip_prefix(dir)
                    .expect("it lies below")
                    .to_string_lossy()
                    .into_owned(),
            );
            if path.is_dir() && !path.is_symlink() {
                open.push(path);
            }
        }
    }
    found.sort();
    found
}

fn kind<T>(done: Result<T, Error>) -> ErrorKind {
    match done {
        Ok(_) => panic!("it should have failed"),
        Err(error) => error.kind(),
    }
}

fn scratch() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary directory can be made")
}
