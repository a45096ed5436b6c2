//! Inputs whose lines are not records as they stand: parts of container runtimes, archives, lines that
//! svlogd cut, lines of other sources than the file's name tells.

mod common;

use std::io::Write as _;
use std::path::Path;

use common::{Codec, Done, builder, run};

const REQUEST: &str = r#"
version = 1
id = "LAYOUTS-1"
requested_at = 2026-11-08T09:00:00Z
[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"
[scope]
namespaces = ["acme"]
evidence = "a test"
[window]
from = 2026-11-01T00:00:00Z
to = 2026-11-08T00:00:00Z
[[select]]
namespaces = ["acme"]
events = ["raw:*"]
[disclosure]
personal_data = false
[[exception]]
condition = "events.few"
reason = "a test"
approved_by = "the tests"
"#;

/// A line of production_json; `fill` makes it longer.
fn line(minute: u32, project: &str, fill: usize) -> String {
    format!(
        r#"{{"method":"GET","controller":"ProjectsController","action":"show","status":200,"time":"2026-11-02T10:{minute:02}:00.000Z","meta.project":"{project}","params":[{{"key":"x","value":"{}"}}]}}"#,
        "y".repeat(fill)
    )
}

fn dive(dir: &Path) -> Done {
    run(builder(REQUEST, dir.to_owned())).unwrap_or_else(|error| panic!("{error}"))
}

/// The minutes of the records that came out.
fn minutes(done: &Done) -> Vec<u32> {
    done.sink
        .records
        .iter()
        .map(|record| {
            record
                .split_once("T10:")
                .and_then(|(_, rest)| rest.get(..2)?.parse().ok())
                .expect("a time")
        })
        .collect()
}

fn reasons(done: &Done) -> Vec<&'static str> {
    done.sink
        .withheld
        .iter()
        .map(|item| item.reason.as_str())
        .collect()
}

fn folder(files: &[(&str, Vec<u8>)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a temporary directory");
    for (name, bytes) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("below the directory")).expect("room");
        std::fs::write(path, bytes).expect("room");
    }
    dir
}

fn json_string(text: &str) -> String {
    serde_json::Value::String(text.to_owned()).to_string()
}

#[test]
fn parts_of_container_lines_make_one_record_in_every_codec_and_segment_size() {
    // The project's name is cut in two, so that neither part names it.
    let long = line(3, "acme/payments", 300);
    let cut = long.find("acme/pay").expect("it is there") + 2;
    let (first, second) = long.split_at(cut);
    let time = "2026-11-02T10:00:00.000000001Z";
    let cri = format!(
        "{time} stdout F {}\n{time} stdout P {first}\n{time} stderr F {}\n{time} stdout F {second}\n{time} stdout F {}\n",
        line(1, "acme/a", 0),
        line(2, "other/b", 0),
        line(4, "acme/c", 0),
    );
    // Docker cuts after 16 KiB.
    let filled = |bytes: usize| long.replacen('{', &format!("{{\"ua\":\"{}\",", "z".repeat(bytes)), 1);
    let cut = |text: &str| text.find("acme/pay").expect("it is there") + 2;
    let longer = filled((16 << 10) - cut(&filled(0)));
    let (first, second) = longer.split_at(cut(&longer));
    let docker = |text: &str, end: &str| {
        format!(
            "{{\"log\":{},\"stream\":\"stdout\",\"time\":\"{time}\"}}\n",
            json_string(&format!("{text}{end}"))
        )
    };
    let docker = [
        docker(&line(1, "acme/a", 0), "\n"),
        docker(first, ""),
        docker(second, "\n"),
        docker(&line(2, "other/b", 0), "\n"),
        docker(&line(4, "acme/c", 0), "\n"),
    ]
    .concat();
    for (kind, text) in [("cri", cri), ("docker", docker)] {
        for codec in Codec::ALL {
            for segment_bytes in [1, 64, 1 << 20] {
                let name = format!("production_json.log{}", codec.suffix());
                let dir = folder(&[(&name, codec.encode(text.as_bytes()))]);
                let limits = {
                    let mut limits = decostop::Limits::default();
                    limits.segment_bytes = segment_bytes;
                    limits
                };
                let done = run(builder(REQUEST, dir.path().to_owned()).limits(limits)).expect("a dive");
                assert_eq!(minutes(&done), [1, 3, 4], "{kind} {codec:?} {segment_bytes}");
                assert_eq!(reasons(&done), Vec::<&str>::new());
            }
        }
    }
}

#[test]
fn a_line_that_svlogd_cut_is_one_record() {
    let long = line(3, "acme/payments", 300);
    let (first, second) = long.split_at(long.find("acme/pay").expect("it is there") + 2);
    let newest = format!("{second}\n{}\n", line(4, "acme/c", 0));
    let dir = folder(&[
        (
            "production_json/@400000005f8eaf6f1a80ef5c.s",
            Codec::Gzip.encode(format!("{}\n{first}", line(1, "acme/a", 0)).as_bytes()),
        ),
        ("production_json/current", newest.into_bytes()),
    ]);
    let all = |builder: decostop::DiveBuilder| {
        run(builder.source_of(vec![("*".to_owned(), "production_json".to_owned())])).expect("a dive")
    };
    for prefilter in [true, false] {
        let done = all(builder(REQUEST, dir.path().to_owned()).prefilter(prefilter));
        assert_eq!(minutes(&done), [1, 3, 4]);
        assert_eq!(reasons(&done), Vec::<&str>::new());
    }
    // Where the halves do not belong together each counts by itself: the rest names what is selected.
    let dir = folder(&[
        (
            "x/@400000005f8eaf6f1a80ef5c.s",
            format!("{}\n{{\"half", line(1, "acme/a", 0)).into_bytes(),
        ),
        (
            "x/@400000005f8eaf6f1a80ef5d.s",
            format!("cut acme\n{}\n", line(2, "acme/b", 0)).into_bytes(),
        ),
        ("x/current", format!("{}\n", line(3, "acme/c", 0)).into_bytes()),
    ]);
    let done = all(builder(REQUEST, dir.path().to_owned()));
    assert_eq!(minutes(&done), [1, 2, 3]);
    assert_eq!(reasons(&done), ["unparsable"]);
}

/// A tar archive; members are `(path, bytes)`.
fn tar(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (path, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        archive
            .append_data(&mut header, path, bytes.as_slice())
            .expect("room");
    }
    archive.into_inner().expect("room")
}

#[test]
fn members_of_archives_are_read_each_as_its_source() {
    let rails = format!("{}\n{}", line(1, "acme/a", 0), line(2, "other/b", 0));
    let rotated = format!("{}\n", line(3, "acme/c", 0));
    let sidekiq = r#"{"severity":"INFO","time":"2026-11-02T10:04:00.000Z","class":"PostReceive","jid":"4e89fc5791b74e05ffb45854","job_status":"done","meta.project":"acme/d"}"#;
    let deep = format!(
        "gitlabsos.{}/var/log/gitlab/sidekiq/current",
        "long-host-name-".repeat(9)
    );
    let bundle = tar(&[
        (
            "sos/var/log/gitlab/gitlab-rails/production_json.log",
            rails.into_bytes(),
        ),
        (
            "sos/var/log/gitlab/gitlab-rails/production_json.log.1.gz",
            Codec::GzipMembers.encode(rotated.as_bytes()),
        ),
        (
            "sos/var/log/gitlab/gitlab-rails/production_json.log.2.zst",
            Codec::Zstd.encode(line(5, "acme/e", 0).as_bytes()),
        ),
        (&deep, sidekiq.as_bytes().to_vec()),
        ("sos/notes.txt", b"nothing in particular\n".to_vec()),
    ]);
    for (name, codec) in [
        ("bundle.tar", Codec::Plain),
        ("bundle.tar.gz", Codec::Gzip),
        ("bundle.tgz", Codec::GzipMembers),
        ("bundle.tar.zst", Codec::ZstdFrames),
        ("bundle.tar.bz2", Codec::Bzip2),
        ("bundle.tbz2", Codec::Bzip2Streams),
        ("bundle.tar.xz", Codec::Xz),
        ("bundle.txz", Codec::XzStreams),
        ("bundle.tar.lz4", Codec::Lz4Frames),
    ] {
        let dir = folder(&[(name, codec.encode(&bundle))]);
        let done = dive(dir.path());
        assert_eq!(minutes(&done), [1, 3, 4, 5], "{name}");
        assert_eq!(reasons(&done), Vec::<&str>::new(), "{name}");
        let places: Vec<String> = done
            .sink
            .provenance
            .iter()
            .map(|row| format!("{}@{}", row.origin.path.display(), row.origin.offset.unwrap_or(9)))
            .collect();
        assert!(
            places[0].ends_with(&format!(
                "{name}!sos/var/log/gitlab/gitlab-rails/production_json.log@0"
            )),
            "{places:?}"
        );
        assert!(places[1].ends_with("production_json.log.1.gz@0"), "{places:?}");
    }
}

#[test]
fn a_damaged_archive_gives_what_comes_before_the_damage() {
    let bundle = tar(&[
        (
            "a/production_json.log",
            format!("{}\n", line(1, "acme/a", 0)).into_bytes(),
        ),
        (
            "b/production_json.log",
            format!("{}\n", line(2, "acme/b", 2000)).into_bytes(),
        ),
    ]);
    let dir = folder(&[("bundle.tar", bundle[..bundle.len() - 3000].to_vec())]);
    let done = dive(dir.path());
    assert_eq!(minutes(&done), [1]);
    assert!(reasons(&done).contains(&"damaged"), "{:?}", reasons(&done));
    let broken = tar(&[
        ("a/production_json.log.gz", b"\x1f\x8b\x08junk".to_vec()),
        ("b/production_json.log.xz", b"\xfd7zXZ\0junk".to_vec()),
        ("b/production_json.log.1.bz2", b"BZh9junk".to_vec()),
        ("b/production_json.log.2.lz4", b"\x04\x22\x4d\x18junk".to_vec()),
        ("z/production_json.log", b"PK\x03\x04junk".to_vec()),
        (
            "c/production_json.log",
            format!("{}\n", line(3, "acme/c", 0)).into_bytes(),
        ),
    ]);
    let dir = folder(&[("bundle.tar", broken)]);
    let done = dive(dir.path());
    assert_eq!(
        (minutes(&done), reasons(&done).len()),
        (vec![3], 5),
        "the members behind are read"
    );
}

#[test]
fn what_a_record_says_of_its_source_beats_the_file_name() {
    let audit = r#"{"severity":"INFO","time":"2026-11-02T10:05:00.000Z","subcomponent":"audit_json","author_id":1,"entity_type":"Project","entity_path":"acme/a","event_name":"project_archived"}"#;
    let text = format!("{}\n{audit}\n", line(1, "acme/a", 0));
    let dir = folder(&[("production_json.log", text.into_bytes())]);
    let done = dive(dir.path());
    let sources: Vec<&str> = done
        .sink
        .provenance
        .iter()
        .map(|row| row.source.as_str())
        .collect();
    assert_eq!(sources, ["production_json", "audit_json"]);
}

#[test]
fn exports_without_dots_in_names_and_merged_objects_are_understood() {
    let flat = line(1, "acme/a", 0).replace("meta.project", "meta_project");
    let dir = folder(&[("production_json.log", format!("{flat}\n").into_bytes())]);
    let done = dive(dir.path());
    assert_eq!(minutes(&done), [1]);
    assert!(
        done.sink.records[0].contains("\"project\":\"acme/a\""),
        "{}",
        done.sink.records[0]
    );
}

#[test]
fn a_support_bundle_on_standard_input_is_no_different() {
    let bundle = tar(&[(
        "production_json.log",
        format!("{}\n", line(1, "acme/a", 0)).into_bytes(),
    )]);
    let dir = folder(&[]);
    let fifo = dir.path().join("pipe.tar");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.is_ok_and(|status| status.success()));
    let writer = std::thread::spawn({
        let fifo = fifo.clone();
        move || std::fs::File::create(fifo).and_then(|mut file| file.write_all(&bundle))
    });
    let done = dive(&fifo);
    writer.join().expect("no panic").expect("written");
    assert_eq!(minutes(&done), [1]);
}

const DOCUMENTS: &str = "version = 1\nname = 'documents'\n[[source]]\nname = 'items'\nabout = 'a list of items'\nfiles = ['*.json']\nrecords = ['items']\ntime = ['t']\nevent = ['{e}']\n[source.fields]\nt = 'time'\ne = 'event'\nns = 'namespace'\n";

#[test]
fn a_stream_of_documents_is_redacted_record_by_record() {
    let profile = std::sync::Arc::new(decostop_profile::Profile::parse(DOCUMENTS).expect("a sound profile"));
    let limits = {
        let mut limits = decostop::Limits::default();
        limits.max_line_bytes = 200;
        limits
    };
    let record = |second: u32| {
        format!("{{\"t\":\"2026-11-02T10:00:{second:02}Z\",\n \"e\":\"Made\",\"ns\":\"theirs\"}}")
    };
    let document = format!(
        "{{\"kind\":\"List\",\"items\":[{}, {},{{\"t\":\"{}\"}}]}}\n{}\n",
        record(1),
        record(2),
        "x".repeat(300),
        record(3),
    );
    for chunk in [1, 7, 4096] {
        let mut redactor =
            decostop::pipeline::LineRedactor::new(None, &profile, "items", common::KEY, &[], &limits)
                .expect("a redactor");
        let mut out = Vec::new();
        let mut input = std::io::BufReader::with_capacity(chunk, document.as_bytes());
        let stats = decostop::pipeline::redact_stream(&mut redactor, &mut input, &mut out).expect("no leak");
        assert_eq!(
            (stats.lines, stats.written, stats.withheld),
            (4, 3, 1),
            "chunks of {chunk}"
        );
        let text = String::from_utf8(out).expect("JSON is UTF-8");
        assert_eq!(
            text.lines()
                .filter(|line| line.contains("\"ns\":\"namespace-"))
                .count(),
            3,
            "{text}"
        );
    }
}

#[test]
fn parts_of_container_lines_are_joined_in_a_stream_too() {
    let profile = decostop_profile::Profile::gitlab();
    let whole = line(3, "theirs/a", 50);
    let (first, second) = whole.split_at(40);
    let time = "2026-11-02T10:00:00.1Z";
    let text = format!(
        "{time} stdout P {first}\n{time} stdout F {second}\n{time} stdout F {}\n",
        line(4, "theirs/b", 0)
    );
    let mut redactor = decostop::pipeline::LineRedactor::new(
        None,
        &profile,
        "production_json",
        common::KEY,
        &[],
        &decostop::Limits::default(),
    )
    .expect("a redactor");
    let mut out = Vec::new();
    let stats =
        decostop::pipeline::redact_stream(&mut redactor, &mut text.as_bytes(), &mut out).expect("no leak");
    assert_eq!((stats.lines, stats.written, stats.withheld), (2, 2, 0));
}

#[test]
fn envelopes_of_exports_come_off_and_unknown_ones_are_told() {
    let inner = |minute| line(minute, "acme/web", 3);
    let quoted = |minute| serde_json::to_string(&inner(minute)).expect("JSON");
    let known = [
        format!(r#"{{"_index":"logs-1","_id":"a","_source":{}}}"#, inner(0)),
        format!(r#"{{"_raw":{},"_time":"x"}}"#, quoted(1)),
        format!(r#"{{"ts":"2026-11-02T10:00:00Z","line":{}}}"#, quoted(2)),
        format!(r#"{{"original":{}}}"#, quoted(3)),
    ];
    let unknown = [
        format!(r#"{{"record":{}}}"#, inner(10)),
        format!(r#"{{"result":{{"x_raw":{}}}}}"#, quoted(11)),
        format!(r#"{{"hits":[{{"_source":{}}}]}}"#, inner(12)),
    ];
    let others = [
        // Of somebody else, and a record that does not match.
        format!(r#"{{"record":{}}}"#, line(20, "other/web", 3)),
        line(21, "other/web", 3),
        r#"{"method":"GET","note":"acme"}"#.to_owned(),
    ];
    let all: Vec<&str> = known
        .iter()
        .chain(&unknown)
        .chain(&others)
        .map(String::as_str)
        .collect();
    let text = all.join("\n") + "\n";
    let dir = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(dir.path().join("production_json.log"), &text).expect("writable");
    for prefilter in [true, false] {
        let done = run(builder(REQUEST, dir.path().to_owned()).prefilter(prefilter))
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(minutes(&done), [0, 1, 2, 3], "{prefilter}");
        let reasons: Vec<&str> = done
            .sink
            .withheld
            .iter()
            .map(|item| item.reason.as_str())
            .collect();
        assert_eq!(reasons, ["source"; 3], "{prefilter}");
    }
}

#[test]
fn marks_before_a_line_are_no_part_of_it() {
    let mut bytes = b"\xef\xbb\xbf".to_vec();
    bytes.extend_from_slice(line(0, "acme/web", 3).as_bytes());
    bytes.push(b'\n');
    bytes.extend_from_slice(&[0; 4096]);
    bytes.extend_from_slice(line(1, "acme/web", 3).as_bytes());
    bytes.push(b'\n');
    let dir = tempfile::tempdir().expect("a temporary directory");
    std::fs::write(dir.path().join("production_json.log"), &bytes).expect("writable");
    let done = dive(dir.path());
    assert_eq!(minutes(&done), [0, 1]);
    assert!(done.sink.withheld.is_empty());
}
