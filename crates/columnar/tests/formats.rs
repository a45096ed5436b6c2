//! Dives into every format: the same records, the same bytes for any number of threads, and a verifier
//! that no byte of a file gets past.

#![expect(
    clippy::redundant_closure_for_method_calls,
    reason = "two builders have a `build`"
)]

use std::fmt::Write as _;
use std::fs;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use arrow_array::RecordBatch;
use decostop::artefact::{NdjsonProvenance, Options, open};
use decostop::request::Request;
use decostop::{Dive, dive_into};
use decostop_columnar::{format_named, records};
use decostop_profile::Profile;
use decostop_verify::{CompiledProfile, Report, verify_dir_with};
use parquet::arrow::arrow_writer::{ArrowWriter, ArrowWriterOptions};
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};
use tempfile::TempDir;

const REQUEST: &str = r#"
version = 1
id = "FORMATS-1"
requested_at = 2026-11-08T09:00:00Z
[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"
[scope]
evidence = "a test"
namespaces = [{ path = "acmecorp", id = 770077007 }]
users = [{ username = "alice", id = 1001 }]
[window]
from = 2026-11-01T00:00:00Z
to = 2026-11-08T00:00:00Z
[[select]]
namespaces = ["acmecorp"]
events = ["raw:ProjectsController#show"]
[disclosure]
personal_data = true
"#;
const FORMATS: [&str; 4] = ["ndjson", "parquet", "arrow", "csv"];

fn logs(lines: usize) -> String {
    (0..lines).fold(String::new(), |mut text, nth| {
        let fraction = [".120", ".12", "", ".123456789", ".000"][nth % 5];
        let user = [("alice", 1001), ("mallory", 6660), ("trent", 777_000)][nth % 3];
        let status = ["200", "\"404\"", "302"][nth % 3];
        let _ = writeln!(
            text,
            "{{\"time\":\"2026-11-02T{:02}:{:02}:{:02}{fraction}Z\",\"meta.project\":\"acmecorp/web-{}\",\"meta.user\":\"{}\",\"meta.user_id\":{},\"controller\":\"ProjectsController\",\"action\":\"show\",\"method\":\"GET\",\"status\":{status},\"correlation_id\":\"01H{nth:08}\",\"path\":\"/acmecorp/web-{}\"}}",
            nth / 3600, nth / 60 % 60, nth % 60, nth % 7, user.0, user.1, nth % 7
        );
        text
    })
}

fn profile() -> Arc<Profile> {
    static PROFILE: OnceLock<Arc<Profile>> = OnceLock::new();
    Arc::clone(PROFILE.get_or_init(Profile::gitlab))
}

/// Runs a dive over `lines` lines into `dir/out`.
fn dive(dir: &Path, lines: usize, format: &str, threads: usize) -> PathBuf {
    let input = dir.join("production_json.log");
    fs::write(&input, logs(lines)).expect("a file");
    let request = Request::parse(REQUEST, Path::new("")).expect("a request");
    let dive = Dive::builder(request, profile())
        .inputs([input])
        .threads(threads)
        .key_material([7; 32])
        .now(SystemTime::UNIX_EPOCH + Duration::from_secs(1_794_128_400))
        .build()
        .expect("a dive");
    let out = dir.join("out");
    let options = Options::default().format(format_named(format));
    dive_into(&dive, &out, options, NdjsonProvenance::create_in).expect("an artefact");
    out
}

fn lines_of(out: &Path) -> Vec<String> {
    let artefact = open(out).expect("an artefact");
    records(&artefact)
        .expect("records")
        .map(|record| record.expect("a record").line().to_owned())
        .collect()
}

fn records_file(out: &Path) -> PathBuf {
    open(out).expect("an artefact").records_path()
}

#[test]
fn every_format_has_the_same_records_and_bytes_for_any_threads() {
    let mut all: Option<Vec<String>> = None;
    for format in FORMATS {
        let mut bytes: Option<Vec<u8>> = None;
        for threads in [1, 2, 7] {
            let dir = TempDir::new().expect("a directory");
            let out = dive(dir.path(), 1200, format, threads);
            assert_eq!(open(&out).expect("an artefact").manifest().format, format);
            let lines = lines_of(&out);
            assert_eq!(lines.len(), 1200);
            assert_eq!(
                all.get_or_insert_with(|| lines.clone()),
                &lines,
                "{format}, {threads} threads"
            );
            let file = fs::read(records_file(&out)).expect("a file");
            assert_eq!(
                *bytes.get_or_insert_with(|| file.clone()),
                file,
                "{format}, {threads} threads"
            );
        }
    }
}

/// An artefact whose records can be replaced, with a manifest that states their digest.
struct Tampered {
    _dir: TempDir,
    out: PathBuf,
    compiled: CompiledProfile,
}

impl Tampered {
    fn new(format: &str, lines: usize) -> Self {
        let dir = TempDir::new().expect("a directory");
        let out = dive(dir.path(), lines, format, 1);
        Self {
            out,
            compiled: CompiledProfile::new(profile()).expect("a profile"),
            _dir: dir,
        }
    }

    fn file(&self) -> Vec<u8> {
        fs::read(records_file(&self.out)).expect("a file")
    }

    /// What the verifier says of other bytes, digest and size aside; nothing if it cannot read them.
    fn with(&self, bytes: &[u8]) -> Option<Report> {
        fs::write(records_file(&self.out), bytes).expect("a file");
        let path = self.out.join("disclosure/manifest.json");
        let mut manifest: serde_json::Value =
            serde_json::from_slice(&fs::read(&path).expect("a manifest")).expect("JSON");
        let digest = Sha256::digest(bytes)
            .iter()
            .fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
        manifest["files"][0]["sha256"] = digest.into();
        manifest["files"][0]["bytes"] = bytes.len().into();
        fs::write(&path, manifest.to_string()).expect("a manifest");
        verify_dir_with(&self.out, &self.compiled, &[], NonZeroUsize::MIN).ok()
    }

    fn is_caught(&self, bytes: &[u8]) -> bool {
        self.with(bytes).is_none_or(|report| !report.is_clean())
    }
}

#[test]
fn hardly_a_byte_changes_unnoticed() {
    for format in ["parquet", "arrow", "csv"] {
        let tampered = Tampered::new(format, 9);
        let (file, lines) = (tampered.file(), lines_of(&tampered.out));
        assert!(!tampered.is_caught(&file), "{format}");
        let mut otherwise = 0;
        for at in 0..file.len() {
            let mut other = file.clone();
            other[at] ^= 1 << (at % 8);
            if tampered.is_caught(&other) {
                continue;
            }
            // Not caught is only what is another record that may be disclosed.
            let artefact = open(&tampered.out).expect("an artefact");
            let read: Option<Vec<String>> = records(&artefact).ok().and_then(|records| {
                records
                    .map(|record| record.ok().map(|record| record.line().to_owned()))
                    .collect()
            });
            // A few bits say nothing: zstd can pack the same values otherwise, a flatbuffer need not tell
            // the size of a table, the version of the maker is any.
            if read.is_none_or(|read| read == lines) {
                otherwise += 1;
            }
        }
        assert!(otherwise <= file.len() / 50, "{format}: {otherwise}");
        for spare in [&b"x"[..], b"\0", b"\n"] {
            assert!(tampered.is_caught(&[&file, spare].concat()), "{format}");
        }
        assert!(tampered.is_caught(&file[..file.len() - 1]), "{format}");
    }
}

/// The rows of a Parquet file.
fn batch_of(path: &Path) -> RecordBatch {
    let file = fs::File::open(path).expect("a file");
    let mut reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.build())
        .expect("Parquet");
    reader.next().expect("a batch").expect("rows")
}

fn parquet_of(batches: &[RecordBatch], properties: WriterProperties, arrow_metadata: bool) -> Vec<u8> {
    let options = ArrowWriterOptions::new()
        .with_properties(properties)
        .with_skip_arrow_metadata(!arrow_metadata)
        .with_schema_root("records".to_owned());
    let schema = batches[0].schema();
    let mut writer = ArrowWriter::try_new_with_options(Vec::new(), schema, options).expect("memory");
    for batch in batches {
        writer.write(batch).expect("rows");
        writer.flush().expect("rows");
    }
    writer.into_inner().expect("a file")
}

#[test]
fn parquet_with_more_than_its_rows_is_caught() {
    let tampered = Tampered::new("parquet", 40);
    let file = tampered.file();
    let batch = batch_of(&records_file(&tampered.out));
    let like = || {
        WriterProperties::builder()
            .set_created_by(concat!("decostop ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(Compression::ZSTD(parquet::basic::ZstdLevel::default()))
    };
    let note = KeyValue::new("note".to_owned(), "mallory".to_owned());
    let one = std::slice::from_ref(&batch);
    let cases = [
        (
            "metadata",
            parquet_of(
                one,
                like().set_key_value_metadata(Some(vec![note])).build(),
                false,
            ),
        ),
        ("a schema of its own", parquet_of(one, like().build(), true)),
        ("no filters, no order", parquet_of(one, like().build(), false)),
        (
            "another maker",
            parquet_of(one, like().set_created_by("mallory".to_owned()).build(), false),
        ),
        (
            "a second group",
            parquet_of(&[batch.clone(), batch.slice(39, 1)], like().build(), false),
        ),
        ("fewer columns", {
            let fewer = batch.project(&[0, 1, 2, 3, 4, 5, 6, 7, 9]).expect("columns");
            parquet_of(&[fewer], like().build(), false)
        }),
        ("a gap", [&file[..4], b"mallory".as_slice(), &file[4..]].concat()),
    ];
    for (what, bytes) in cases {
        assert!(tampered.is_caught(&bytes), "{what}");
    }
    assert!(!tampered.is_caught(&file));
}

#[test]
fn rows_out_of_order_or_in_other_numbers_are_caught() {
    let tampered = Tampered::new("csv", 40);
    let file = String::from_utf8(tampered.file()).expect("text");
    let rows: Vec<&str> = file.split_inclusive("\r\n").collect();
    let mut swapped = rows.clone();
    swapped.swap(1, 20);
    for (what, rule, text) in [
        ("order", "artefact.order", swapped.concat()),
        ("a row less", "artefact.counts", rows[..40].concat()),
        (
            "a guard less",
            "artefact.formula",
            file.replacen(",200,", ",-200,", 1),
        ),
        (
            "a guard too many",
            "artefact.formula",
            file.replacen(",200,", ",'200,", 1),
        ),
        (
            "quotes without need",
            "artefact.csv",
            file.replacen(",200,", ",\"200\",", 1),
        ),
        (
            "a second line end",
            "artefact.csv",
            file.replacen("\r\n20", "\r\n\r\n20", 1),
        ),
        ("bare line ends", "artefact.layout", file.replace("\r\n", "\n")),
        (
            "another header",
            "artefact.layout",
            file.replacen("time,", "when,", 1),
        ),
        (
            "a column twice",
            "artefact.cell",
            file.replacen(",\"{", ",\"{\"\"source\"\":\"\"production_json\"\",", 1),
        ),
    ] {
        let report = tampered.with(text.as_bytes()).expect("it can be verified");
        let found: Vec<&str> = report.leaks.iter().map(decostop_verify::Leak::rule).collect();
        assert!(found.contains(&rule), "{what}: {found:?}");
    }
}
