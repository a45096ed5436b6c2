//! A foreign name in an artefact, found by nothing but raw inputs in each way that these are written.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use decostop_profile::{Class, Profile};

use super::{Learned, learn};
use crate::artefact::tests::Artefact;
use crate::artefact::{Report, verify_dir};
use crate::survival::Probe;
use crate::testing;
use crate::verifier::Verifier;

/// Sources of every format, before those of the built-in profile.
const SOURCES: &str = r#"
version = 1
name = "more"
[wrappers]
objects = ["jsonPayload"]
strings = ["log", "message"]
merged = ["attributes"]
[[set_aside]]
files = ["config", "notes/*.txt"]
reason = "no log"
[[source]]
name = "access"
about = "Requests"
format = "text"
files = ["access.log*", "access/current", "access/@*"]
lines = ['{addr+}:{port} {{{seen}}} - {user} [{at}] "{method} {uri*} {proto}" {status} "{referrer}"', '{addr} - {user} [{at}] "{method} {uri*} {proto}" {status} "{referrer}"']
time = ["at"]
[source.fields]
addr = "ip"
port = "system"
seen = "system"
user = "user"
at = "time"
method = "method"
uri = "resource"
proto = "system"
status = "status"
referrer = "resource"
[[source]]
name = "pairs"
about = "Pairs"
format = "logfmt"
files = ["pairs.log*"]
lines = ['[{ts}] {meta.user} did {note*}']
time = ["ts"]
[source.fields]
ts = "time"
"meta.user" = "user"
note = "text"
[[source]]
name = "trail"
about = "Documents"
files = ["trail*.json*"]
records = ["Records"]
time = ["eventTime"]
[source.fields]
eventTime = "time"
"who.name" = "user"
[[source]]
name = "named"
about = "Told by its lines"
files = ["named.log*"]
discriminators = [{ field = "tag", values = ["named.*"] }]
time = ["time"]
[source.fields]
time = "time"
tag = "system"
who = "user"
[[source]]
name = "other"
about = "Told by its name"
files = ["other.log*"]
time = ["time"]
[source.fields]
time = "time"
"meta.user" = "user"
"#;

fn profile() -> Arc<Profile> {
    let more = Profile::parse(SOURCES).expect("a sound profile");
    let mut all = Profile::clone(&Profile::gitlab());
    all.sources.splice(0..0, more.sources);
    all.set_aside = more.set_aside;
    all.wrappers = more.wrappers;
    Arc::new(all)
}

const NAME: &str = "quillfeather";

/// What a verification finds with these files as raw inputs.
fn with(event: &str, files: &[(&str, Vec<u8>)]) -> Report {
    let artefact = Artefact::with_event(event);
    assert!(
        artefact.verify_against(profile(), &[]).is_clean(),
        "nobody knows the name"
    );
    let logs = tempfile::tempdir().expect("a directory");
    for (name, bytes) in files {
        let path = logs.path().join(name);
        fs::create_dir_all(path.parent().expect("below")).expect("writable");
        fs::write(path, bytes).expect("writable");
    }
    artefact.verify_against(profile(), &[logs.path().to_owned()])
}

/// The name is found, and as many lines as given are not read.
#[track_caller]
fn found(files: &[(&str, Vec<u8>)], unread: u64) {
    let report = with(NAME, files);
    let rules: Vec<_> = report.leaks.iter().map(crate::Leak::rule).collect();
    assert!(
        rules.iter().any(|rule| rule.starts_with("survival.derived.")),
        "{rules:?}, {} values, {} lines unread",
        report.derived_values,
        report.unread_lines
    );
    assert_eq!(report.unread_lines, unread, "lines unread");
}

#[track_caller]
fn not_found(files: &[(&str, Vec<u8>)], unread: u64) {
    let report = with(NAME, files);
    assert!(report.is_clean(), "{:?}", report.leaks);
    assert_eq!(report.unread_lines, unread, "lines unread");
}

fn text(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// An access line with this user and URL.
fn access(user: &str, uri: &str) -> String {
    format!(r#"192.0.2.7 - {user} [01/Nov/2026:00:00:00 +0000] "GET {uri} HTTP/1.1" 200 "-""#)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

fn tar(members: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in members {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        builder
            .append_data(&mut header, name, bytes.as_slice())
            .expect("memory");
    }
    builder.into_inner().expect("memory")
}

#[test]
fn lines_by_pattern() {
    found(&[("access.log", text(&access(NAME, "/")))], 0);
    let odd = format!(r#"2001:db8::7:443   {{a|b}} - {NAME} [x y] "GET /a b HTTP/1.1" 200 "-""#);
    found(&[("access.log", text(&odd))], 0);
    found(
        &[("access.log", text(&format!("no line\n{}\n\n", access(NAME, "/"))))],
        1,
    );
    not_found(&[("access.log", text(&format!("{} more", access(NAME, "/"))))], 1);
    // Nothing tells the source: any that fits.
    found(&[("stdout", text(&access(NAME, "/")))], 0);
}

/// An audit event with these fields of its target.
fn audit(target: &str) -> String {
    format!(r#"{{"severity":"INFO","time":"2026-11-01T00:00:00Z","event_name":"x",{target}}}"#)
}

/// The values that a file of these lines teaches, whatever the verifier of the tests knows.
fn taught(name: &str, lines: &[String], verifier: &Verifier) -> Learned {
    let logs = tempfile::tempdir().expect("a directory");
    fs::write(logs.path().join(name), lines.join("\n")).expect("writable");
    learn(&[logs.path().to_owned()], &profile(), verifier).expect("readable")
}

#[test]
fn a_class_is_what_the_sibling_says() {
    let verifier = testing::verifier(true);
    let names_it = |lines: &[String], class: Option<Class>| {
        for name in ["audit_json.log", "stdout"] {
            let learned = taught(name, lines, &verifier);
            assert_eq!(learned.unread_lines, 0, "{lines:?}");
            let of = learned.values.iter().filter(|(_, text)| text == NAME);
            let of: Vec<Class> = of.map(|(class, _)| *class).collect();
            assert_eq!(of, Vec::from_iter(class), "{lines:?}");
        }
    };
    for target in [
        r#""target_type":"Ci::Variable","target_details":"quillfeather""#,
        r#""target_details":"quillfeather","target_type":"Ci::Variable""#,
        r#""details":{"target_type":"Ci::Variable","target_details":"quillfeather"}"#,
        r#""details":{"target_type":"Ci::Variable","target_details":"quillfeather"},"target_type":"User""#,
        r#""target_type":"Unheard::Of","target_details":"quillfeather""#,
        r#""target_type":7,"target_details":"quillfeather""#,
        r#""target_details":"quillfeather""#,
    ] {
        names_it(&[audit(target)], None);
    }
    for (target, class) in [
        (
            r#""target_type":"User","target_details":"quillfeather""#,
            Class::Name,
        ),
        (
            r#""target_details":"quillfeather","target_type":"Project""#,
            Class::Project,
        ),
        (
            r#""details":{"target_details":"quillfeather","target_type":"Group"},"target_type":"Ci::Variable""#,
            Class::Namespace,
        ),
        (
            r#""details.target_details":"quillfeather","details":{"target_type":"Group"}"#,
            Class::Namespace,
        ),
        (
            r#""details_target_details":"quillfeather","details_target_type":"Group""#,
            Class::Namespace,
        ),
        (
            r#""details":"{\"target_details\":\"quillfeather\",\"target_type\":\"User\"}""#,
            Class::Name,
        ),
        (
            r#""attributes":{"target_details":"quillfeather"},"target_type":"User""#,
            Class::Name,
        ),
        // Of two, either may be what was read.
        (
            r#""target_type":"Ci::Variable","target_type":"User","target_details":"quillfeather""#,
            Class::Name,
        ),
    ] {
        names_it(&[audit(target)], Some(class));
    }
    let inner = audit(r#""target_type":"User","target_details":"quillfeather""#);
    let wrapped = format!(r#"{{"target_type":"Ci::Variable","jsonPayload":{inner}}}"#);
    names_it(&[wrapped], Some(Class::Name));
    // Each line is read by itself.
    let lines = [
        audit(r#""target_type":"User","target_details":"alice""#),
        audit(r#""target_type":"Ci::Variable","target_details":"quillfeather""#),
    ];
    names_it(&lines, None);
}

#[test]
fn a_variable_is_nobody() {
    let line = audit(r#""target_type":"Ci::Variable","target_details":"quillfeather""#);
    not_found(&[("audit_json.log", text(&line))], 0);
}

#[test]
fn a_finding_is_told_alike_every_time() {
    let verifier = testing::verifier(true);
    let lines = ["User", "Project", "Group"].map(|kind| {
        audit(&format!(
            r#""target_type":"{kind}","target_details":"quillfeather""#
        ))
    });
    let told = || {
        let learned = taught("audit_json.log", &lines, &verifier);
        let values = learned.values.iter();
        let foreign = verifier.foreign_of(values.map(|(class, text)| (*class, text.as_str())));
        let look = Probe {
            numbers: true,
            code: false,
            decoded: false,
        };
        foreign.find(NAME, look)
    };
    let first = told();
    assert!(first.is_some() && (0..20).all(|_| told() == first));
}

#[test]
fn urls_name_projects() {
    for uri in [
        "/quillfeather/inner",
        "/inner/quillfeather.git/info/refs?service=git-upload-pack",
        "/inner/quillfeather/-/blob/main/README.md",
        "//inner//quillfeather/-/issues",
        "/groups/quillfeather/-/group_members",
        "/users/quillfeather/projects",
        "/api/v4/projects/inner%2Fquillfeather/members",
        "/api/v4/projects/inner%2fquill%66eather/members",
        "/search?username=quillfeather&x",
        "/-/search?project_path=inner%2Fquillfeather",
    ] {
        found(&[("access.log", text(&access("-", uri)))], 0);
    }
    let referrer = access("-", "/").replace(
        "\"-\"",
        "\"https://gitlab.example/inner/quillfeather/-/issues#n\"",
    );
    found(&[("access.log", text(&referrer))], 0);
    for uri in [
        "/acme/quillfeather",
        "/alice/quillfeather",
        "/other/-/blob/main/quillfeather",
        "/-/invites/quillfeather",
        "/assets/quillfeather.css",
        "relative/quillfeather",
    ] {
        not_found(&[("access.log", text(&access("-", uri)))], 0);
    }
    // A word or a client is no name because somebody asked for it.
    let report = with("Mozilla", &[("access.log", text(&access("-", "/Mozilla")))]);
    assert!(report.is_clean(), "{:?}", report.leaks);
    found(
        &[(
            "production_json.log",
            text(r#"{"path":"/inner/quillfeather/-/issues"}"#),
        )],
        0,
    );
}

#[test]
fn logfmt() {
    let line = r#"ts=2026-11-01T00:00:00Z note="a \"b\"" meta.user=quillfeather"#;
    found(&[("pairs.log", text(line))], 0);
    found(
        &[(
            "pairs.log",
            text(&line.replace("quillfeather", r#""quillfeather""#)),
        )],
        0,
    );
    not_found(&[("pairs.log", text(&line.replace("meta.user", "other")))], 0);
    let among = "[2026-11-01T00:00:00Z] quillfeather did a thing";
    found(&[("pairs.log", text(among))], 0);
    not_found(&[("pairs.log", text(&among.replace("did", "saw")))], 1);
    not_found(&[("pairs.log", text(&format!("text before {line}")))], 1);
}

#[test]
fn documents_of_records() {
    let record = r#"{"eventTime":"2026-11-01T00:00:00Z","who":{"name":"NAME"}}"#;
    let own = record.replace("NAME", "alice");
    let foreign = record.replace("NAME", NAME);
    let pretty = format!("{{\n  \"x\": [1, 2],\n  \"Records\": [\n{own},\n\n{foreign}\n  ]\n}}\n");
    for (name, document) in [
        ("trail.json", pretty.clone()),
        ("trail.json", pretty.replace('\n', "")),
        (
            "trail.json",
            format!("{{\"Records\":[{own}]}}{{\"Records\":[{foreign}]}}"),
        ),
        ("trail.json", format!("[{own},\n{foreign}]")),
        ("trail.json", format!("{own}\n{foreign}\n")),
        (
            "trail.json",
            format!("{{\"Records\":null}}\n{{\"Records\":{foreign}}}"),
        ),
        // No name tells the source.
        ("download", pretty.clone()),
        ("download", format!("\n{{\"Records\":[{own}, {foreign}]}}")),
        ("trail-1.json.gz", pretty.clone()),
    ] {
        let bytes = if name.ends_with("gz") {
            gzip(document.as_bytes())
        } else {
            text(&document)
        };
        found(&[(name, bytes)], 0);
    }
    let cut = pretty.get(..pretty.len() - 6).unwrap_or_default();
    found(&[("trail.json", text(cut))], 1);
    let damaged = format!("{{\"Records\":[{own},\n oops\n {{\"Records\":[{foreign}]}}\n");
    found(&[("trail.json", text(&damaged))], 1);
    not_found(&[("trail.json", text(&pretty.replace(NAME, "alice")))], 0);
}

#[test]
fn a_document_needs_little_memory_for_many_records() {
    let record = r#"{"eventTime":"2026-11-01T00:00:00Z","who":{"name":"alice"}},"#;
    let mut document = String::from("{\"Records\":[");
    for nth in 0..40_000 {
        let _ = write!(document, "{record}{{\"n\":{nth}}},");
    }
    let _ = write!(
        document,
        "{}]}}",
        record.replace("alice", NAME).trim_end_matches(',')
    );
    found(&[("trail.json", text(&document))], 0);
}

#[test]
fn merged_objects_and_names_without_dots() {
    for line in [
        r#"{"attributes":{"meta.user":"quillfeather"}}"#,
        r#"{"attributes.meta.user":"quillfeather"}"#,
        r#"{"attributes":{"meta":{"user":"quillfeather"}}}"#,
        r#"{"meta_user":"quillfeather"}"#,
        r#"{"jsonPayload":{"meta_user":"quillfeather"}}"#,
        r#"{"jsonPayload":{"attributes":{"meta_user":"quillfeather"}}}"#,
    ] {
        found(&[("other.log", text(line))], 0);
    }
    for line in [
        r#"{"attribute":{"meta.user":"quillfeather"}}"#,
        r#"{"metauser":"quillfeather"}"#,
        r#"{"x":{"attributes":{"meta.user":"quillfeather"}}}"#,
    ] {
        not_found(&[("other.log", text(line))], 0);
    }
}

#[test]
fn what_a_record_says_beats_the_name() {
    for line in [
        r#"{"tag":"named.x","who":"quillfeather"}"#,
        r#"{"tag":"named.x","jsonPayload":{"who":"quillfeather"}}"#,
        r#"{"jsonPayload":{"tag":"named.x","who":"quillfeather"}}"#,
        r#"{"tag":"named.x","message":"{\"who\":\"quillfeather\"}"}"#,
    ] {
        found(&[("other.log", text(line))], 0);
    }
    for line in [
        r#"{"tag":"other","who":"quillfeather"}"#,
        r#"{"tag":"named.x","meta.user":"quillfeather"}"#,
    ] {
        not_found(&[("other.log", text(line))], 0);
    }
}

#[test]
fn what_pipelines_put_around_lines() {
    let access = access(NAME, "/");
    let json = r#"{"meta.user":"quillfeather"}"#;
    let quoted = |line: &str| serde_json::to_string(&format!("{line}\n")).expect("text");
    for (name, line) in [
        ("access.log", format!("2026-11-01_00:00:00.12345 {access}")),
        ("access.log", format!("2026-11-01T00:00:00.1Z stdout F {access}")),
        (
            "access.log",
            format!("<134>Nov  1 00:00:00 lb-1 proxy[7]: {access}"),
        ),
        (
            "access.log",
            format!("2026-11-01T00:00:00+00:00 lb-1 proxy: {access}"),
        ),
        (
            "access.log",
            format!("{{\"log\":{},\"stream\":\"stdout\"}}", quoted(&access)),
        ),
        ("access.log", format!("{{\"message\":{}}}", quoted(&access))),
        (
            "access.log",
            format!(
                "{{\"log\":{}}}",
                quoted(&format!("2026-11-01_00:00:00.1 {access}"))
            ),
        ),
        (
            "access.log",
            format!("{{\"jsonPayload\":{{\"message\":{}}}}}", quoted(&access)),
        ),
        ("other.log", format!("2026-11-01_00:00:00.12345 {json}")),
        ("other.log", format!("2026-11-01T00:00:00.1Z stdout F {json}")),
        (
            "other.log",
            format!("<134>1 2026-11-01T00:00:00Z web-1 app 7 - - {json}"),
        ),
        (
            "other.log",
            format!("{{\"log\":{},\"stream\":\"stdout\"}}", quoted(json)),
        ),
        (
            "other.log",
            format!(
                "{{\"log\":{}}}",
                quoted(&format!("2026-11-01T00:00:00Z stdout F {json}"))
            ),
        ),
    ] {
        found(&[(name, text(&line))], 0);
    }
    let garbage = format!("{{\"log\":{},\"stream\":\"stdout\"}}", quoted("no line at all"));
    not_found(&[("access.log", text(&garbage))], 1);
}

#[test]
fn lines_in_parts_are_joined() {
    let access = access(NAME, "/some/path");
    let json = r#"{"note":"x","meta.user":"quillfeather","more":{"n":1}}"#;
    for (name, whole) in [("access.log", access.as_str()), ("other.log", json)] {
        for cut in [1, whole.find("feather").expect("there"), whole.len() - 1] {
            let (head, tail) = whole.split_at(cut);
            let other = "2026-11-01T00:00:00.1Z stderr F {\"x\":1}\n";
            let cri = format!(
                "2026-11-01T00:00:00.1Z stdout P {head}\n{other}2026-11-01T00:00:00.1Z stdout F {tail}\n"
            );
            found(&[(name, text(&cri))], 0);
            let docker = |text: &str, stream| {
                let text = serde_json::to_string(text).expect("text");
                format!("{{\"log\":{text},\"stream\":\"{stream}\",\"time\":\"2026-11-01T00:00:00Z\"}}\n")
            };
            let lines = [
                docker(head, "stdout"),
                docker("{\"x\":1}\n", "stderr"),
                docker(&format!("{tail}\n"), "stdout"),
            ];
            found(&[(name, text(&lines.concat()))], 0);
            // The rest never comes.
            let lost = lines.first().expect("one");
            not_found(&[(name, text(lost))], 1);
            let (middle, end) = tail.split_at(tail.len() / 2);
            let lines = [
                docker(head, "stdout"),
                docker(middle, "stdout"),
                docker(&format!("{end}\n"), "stdout"),
            ];
            found(&[(name, text(&lines.concat()))], 0);
        }
    }
    let unfinished = "2026-11-01T00:00:00.1Z stdout P {\"meta.user\":\"quill\n";
    not_found(&[("other.log", text(unfinished))], 1);
}

#[test]
fn lines_that_rotation_cut_are_joined() {
    let line = access(NAME, "/some/path");
    let (head, tail) = line.split_at(line.find("feather").expect("there"));
    let before = format!("{}\n{head}", access("-", "/"));
    let after = format!("{tail}\n{}\n", access("-", "/"));
    found(
        &[
            ("access/@4000000000000001.s", gzip(before.as_bytes())),
            ("access/@4000000000000002.u", text(&after)),
        ],
        0,
    );
    found(
        &[
            ("access/@4000000000000001.s", text(&before)),
            ("access/current", text(&after)),
        ],
        0,
    );
    not_found(&[("access/@4000000000000001.s", text(&before))], 1);
    not_found(
        &[
            ("access/@4000000000000001.s", text(&before)),
            ("access/current", text(&access("-", "/"))),
        ],
        1,
    );
    not_found(
        &[
            ("access/@4000000000000001.s", text(&before)),
            ("other/access.log", text(&after)),
        ],
        2,
    );
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    writer.write_all(bytes).expect("memory");
    writer.finish().expect("memory")
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut writer = liblzma::write::XzEncoder::new(Vec::new(), 0);
    writer.write_all(bytes).expect("memory");
    writer.finish().expect("memory")
}

fn lz4(bytes: &[u8]) -> Vec<u8> {
    let mut writer = lz4_flex::frame::FrameEncoder::new(Vec::new());
    writer.write_all(bytes).expect("memory");
    writer.finish().expect("memory")
}

#[test]
fn every_codec_in_one_part_and_in_several() {
    let line = format!("{}\n", access(NAME, "/"));
    let (first, rest) = line.split_at(line.len() / 2);
    let notes = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    for pack in [bzip2, xz, lz4, gzip] {
        let one = pack(line.as_bytes());
        let two = [pack(first.as_bytes()), pack(b""), pack(rest.as_bytes())].concat();
        found(&[("access.log", one.clone())], 0);
        found(&[("access.log", two.clone())], 0);
        let cut = two.get(..two.len() - 10).unwrap_or_default();
        found(&[("access.log", [&one, cut].concat())], 1);
        let archive = tar(&[("access.log.1", two)]);
        found(&[("sos", pack(&archive))], 0);
    }
    let (one, two) = (lz4(first.as_bytes()), lz4(rest.as_bytes()));
    found(
        &[("access.log", [&notes[..], &one, &notes, &two, &notes].concat())],
        0,
    );
    let cut = one.get(..one.len() - 4).unwrap_or_default();
    found(&[("access.log", [&lz4(line.as_bytes()), cut].concat())], 1);
    let block = lz4_flex::block::compress(line.as_bytes());
    let size = (block.len() as u32).to_le_bytes();
    let first_version = [&[0x02, 0x21, 0x4c, 0x18][..], &size, &block].concat();
    found(&[("access.log", first_version)], 0);
}

#[test]
fn archives_with_packed_members() {
    let line = format!("{}\n", access(NAME, "/"));
    let long = format!("{}/access.log", ["directory-with-a-long-name"; 6].join("/"));
    for members in [
        vec![("var/log/access.log", text(&line))],
        vec![
            ("readme", text("words\n")),
            ("var/log/access.log.1.gz", gzip(line.as_bytes())),
        ],
        vec![(
            "a/access/@4000000000000001.s",
            zstd::encode_all(line.as_bytes(), 1).expect("memory"),
        )],
        vec![(long.as_str(), text(&line))],
        vec![("inner.tar.gz", gzip(&tar(&[("access.log", text(&line))])))],
    ] {
        let unread = u64::from(members.len() > 1);
        let archive = tar(&members);
        found(&[("sos.tar", archive.clone())], unread);
        found(&[("sos.tar.gz", gzip(&archive))], unread);
        found(
            &[("bundle", zstd::encode_all(archive.as_slice(), 1).expect("memory"))],
            unread,
        );
    }
    not_found(&[("sos.tar", tar(&[("etc/config", text(&line))]))], 0);
    found(&[("sos.tar", tar(&[("log/.hidden", text(&line))]))], 0);
    let two = [tar(&[("a", text(""))]), tar(&[("access.log", text(&line))])].concat();
    found(&[("two.tar", two)], 0);
    let archive = tar(&[
        ("access.log", text(&line)),
        ("other.log", text(&"{}\n".repeat(4000))),
    ]);
    found(
        &[("cut.tar", archive.get(..3000).unwrap_or_default().to_vec())],
        1,
    );
}

#[test]
fn what_a_dive_leaves_out_is_left_out() {
    let line = access(NAME, "/");
    not_found(
        &[
            ("svc/config", text(&line)),
            ("notes/a.txt", text(&line)),
            (".access.log", text(&line)),
        ],
        0,
    );
    let logs = tempfile::tempdir().expect("a directory");
    let path = logs.path().join("config");
    fs::write(&path, &line).expect("writable");
    let report = Artefact::with_event(NAME).verify_against(profile(), &[path]);
    assert!(!report.is_clean(), "what is named is read");
}

#[test]
fn links_are_followed_once() {
    let logs = tempfile::tempdir().expect("a directory");
    let elsewhere = tempfile::tempdir().expect("a directory");
    let target = elsewhere.path().join("data");
    fs::write(&target, format!("{}\n", access(NAME, "/"))).expect("writable");
    std::os::unix::fs::symlink(&target, logs.path().join("access.log")).expect("new");
    std::os::unix::fs::symlink(logs.path(), logs.path().join("loop")).expect("new");
    std::os::unix::fs::symlink("nowhere", logs.path().join("dangling")).expect("new");
    let artefact = Artefact::with_event(NAME);
    assert!(
        !artefact
            .verify_against(profile(), &[logs.path().to_owned()])
            .is_clean()
    );
}

#[test]
fn damage_that_leaves_no_byte_is_unread() {
    let line = format!("{}\n", access(NAME, "/"));
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(line.repeat(50).as_bytes()).expect("memory");
    let bzip2 = bzip2.finish().expect("memory");
    let zstd = zstd::encode_all(&*tar(&[("access.log", text(&line))]), 1).expect("memory");
    let cut = |bytes: &[u8], by: usize| bytes.get(..bytes.len() - by).expect("longer").to_vec();
    for (name, damaged) in [("a.log.gz", cut(&bzip2, 30)), ("a.tar.zst", cut(&zstd, 5))] {
        found(&[(name, damaged), ("b/access.log", text(&line))], 1);
    }
}

#[test]
fn an_input_that_cannot_be_read_is_an_error() {
    let missing = Path::new("/nowhere/at/all");
    let error = learn(&[missing.to_owned()], &profile(), &testing::verifier(true));
    let error = error.err().expect("nothing is there");
    assert!(error.is_io() && error.path() == Some(missing), "{error}");
}

#[test]
fn a_damaged_member_costs_only_itself() {
    let line = format!("{}\n", access(NAME, "/"));
    let mut broken = gzip(line.repeat(50).as_bytes());
    broken.truncate(broken.len() / 2);
    found(
        &[("x.tar", tar(&[("a.log.gz", broken), ("access.log", text(&line))]))],
        1,
    );
    let dir = Path::new("/nowhere/at/all");
    assert!(verify_dir(dir, profile(), &[]).is_err());
}
