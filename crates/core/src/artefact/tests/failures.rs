//! Whatever goes wrong, nothing that looks like a result is left.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use super::*;
use crate::artefact::ProvenanceWriter;

fn empty(dir: &Path) -> bool {
    tree(dir).is_empty()
}

#[test]
fn a_dropped_writer_leaves_nothing() {
    let dir = scratch();
    let out = dir.path().join("out");
    drop(writer(&out, Options::default()).expect("a writer"));
    assert!(empty(dir.path()));
    let mut writer = writer(&out, Options::default()).expect("a writer");
    fill(&mut writer, 3).expect("records");
    assert!(!out.exists());
    drop(writer);
    assert!(empty(dir.path()), "finished is not committed");
}

#[test]
fn nothing_is_committed_before_it_is_finished_and_verified() {
    let dir = scratch();
    let out = dir.path().join("out");
    let writer = writer(&out, Options::default()).expect("a writer");
    assert_eq!(kind(writer.commit(clean)), ErrorKind::Internal);
    let mut writer = super::writer(&out, Options::default()).expect("a writer");
    fill(&mut writer, 1).expect("records");
    let path = writer.path().to_owned();
    let failed = writer.commit(|dir| {
        assert_eq!(dir, path);
        assert!(dir.join("disclosure/manifest.json").is_file() && !out.exists());
        Err(Error::new(ErrorKind::Source, "the verifier could not read it"))
    });
    assert_eq!(kind(failed), ErrorKind::Source);
    assert!(empty(dir.path()));
}

#[test]
fn findings_leave_the_findings_alone() {
    let dir = scratch();
    let out = dir.path().join("out");
    for rule in ["closure.unknown_field", "survival.secret"] {
        let mut writer = writer(&out, Options::default()).expect("a writer");
        fill(&mut writer, 3).expect("records");
        let leak = writer.commit(|_| Ok(vec![Finding::new(rule, "record 2, field message")]));
        assert_eq!(kind(leak), ErrorKind::Leak);
        assert_eq!(
            tree(dir.path()),
            [
                "out.rejected",
                "out.rejected/internal",
                "out.rejected/internal/verify.ndjson"
            ]
        );
        let found =
            fs::read_to_string(dir.path().join("out.rejected/internal/verify.ndjson")).expect("findings");
        assert_eq!(
            found,
            format!("{{\"rule\":\"{rule}\",\"place\":\"record 2, field message\"}}\n")
        );
    }
}

#[test]
fn a_leak_found_on_the_way_is_rejected_before_the_end() {
    use std::os::unix::fs::PermissionsExt;
    let dir = scratch();
    let out = dir.path().join("out");
    let mut writer = writer(&out, Options::default().ad_hoc(true)).expect("a writer");
    writer
        .write_record(line(0).as_bytes(), &provenance(0))
        .expect("a record");
    let rejected = writer
        .reject(&[Finding::new("survival.foreign", "record 1")])
        .expect("rejected");
    assert_eq!(rejected, dir.path().join("out.rejected"));
    assert_eq!(tree(&rejected), ["internal", "internal/verify.ndjson"]);
    for (name, mode) in [
        ("", 0o700),
        ("internal", 0o700),
        ("internal/verify.ndjson", 0o600),
    ] {
        let meta = fs::metadata(rejected.join(name)).expect("it is there");
        assert_eq!(meta.permissions().mode() & 0o777, mode, "{name}");
    }
}

#[test]
fn a_rejection_replaces_no_other_directory_but_the_records_go() {
    let dir = scratch();
    fs::create_dir(dir.path().join("out.rejected")).expect("a directory");
    fs::write(dir.path().join("out.rejected/notes"), "mine").expect("a file");
    let mut writer = writer(&dir.path().join("out"), Options::default()).expect("a writer");
    fill(&mut writer, 3).expect("records");
    assert_eq!(
        kind(writer.reject(&[Finding::new("rule", "place")])),
        ErrorKind::Sink
    );
    assert_eq!(tree(dir.path()), ["out.rejected", "out.rejected/notes"]);
}

#[test]
fn a_report_that_counts_otherwise_is_no_result() {
    let dir = scratch();
    let mut writer = writer(&dir.path().join("out"), Options::default()).expect("a writer");
    writer
        .write_record(line(0).as_bytes(), &provenance(0))
        .expect("a record");
    assert_eq!(kind(writer.finish(&report(2), &evidence())), ErrorKind::Internal);
    assert!(empty(dir.path()));
    assert_eq!(
        kind(writer.write_record(b"{}", &provenance(1))),
        ErrorKind::Internal,
        "it is poisoned"
    );
    assert_eq!(kind(writer.finish(&report(1), &evidence())), ErrorKind::Internal);
    assert_eq!(kind(writer.commit(clean)), ErrorKind::Internal);
}

#[test]
fn a_record_with_a_line_end_is_refused() {
    let dir = scratch();
    let mut writer = writer(&dir.path().join("out"), Options::default()).expect("a writer");
    let error = writer
        .write_record(b"{}\n{\"secret\":1}", &provenance(0))
        .expect_err("two lines");
    assert!(!error.to_string().contains("secret"));
    assert!(empty(dir.path()));
}

struct FailsAt(u64);

impl ProvenanceWriter for FailsAt {
    fn row(&mut self, ordinal: u64, _: &Provenance) -> Result<(), Error> {
        if ordinal < self.0 {
            Ok(())
        } else {
            Err(Error::new(ErrorKind::Sink, "no more rows"))
        }
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        Err(Error::new(ErrorKind::Sink, "no end"))
    }
}

#[test]
fn provenance_that_fails_ends_the_dive() {
    let dir = scratch();
    let out = dir.path().join("out");
    for last in [0, 2, 9] {
        let mut writer =
            Writer::create(&out, Options::default(), |_| Ok(Box::new(FailsAt(last)))).expect("a writer");
        assert_eq!(kind(fill(&mut writer, 3)), ErrorKind::Sink);
        assert!(empty(dir.path()));
    }
    let refused = Writer::create(&out, Options::default(), |_| {
        Err(Error::new(ErrorKind::Sink, "none"))
    });
    assert_eq!(kind(refused), ErrorKind::Sink);
    assert!(empty(dir.path()));
}

/// A file system of its own, if the test runs as root.
struct Mount(tempfile::TempDir);

impl Mount {
    fn new(options: &str) -> Option<Self> {
        let dir = scratch();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", options, "tmpfs"])
            .arg(dir.path())
            .stderr(Stdio::null());
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(Self(dir));
        }
        let _ = writeln!(
            std::io::stderr(),
            "skipped: only root can mount a file system for this test"
        );
        None
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_ends_the_dive_and_is_freed() {
    let mut met = [false; 2];
    for kib in (16..=256).step_by(8) {
        let Some(disk) = Mount::new(&format!("size={kib}k")) else {
            return;
        };
        let Ok(mut writer) = writer(&disk.0.path().join("out"), Options::default()) else {
            continue;
        };
        let noise = |n: u64| blake3::hash(&n.to_le_bytes()).to_hex();
        let mut records = 0;
        let written = (0..600).try_for_each(|n| {
            records += 1;
            writer.write_record(format!("{{\"x\":\"{}\"}}", noise(n)).as_bytes(), &provenance(n))
        });
        let early = written.is_err();
        let Err(error) = written.and_then(|()| writer.finish(&report(records), &evidence())) else {
            continue;
        };
        assert_eq!(error.kind(), ErrorKind::Sink, "{error}");
        assert!(
            error.origin().is_some() && error.advice().is_some_and(|hint| hint.contains("room")),
            "{error}"
        );
        met[usize::from(!early)] = true;
        assert!(
            empty(disk.0.path()),
            "freed at once, though the writer still lives"
        );
    }
    assert_eq!(
        met,
        [true, true],
        "the disk filled up while writing and while finishing"
    );
}

#[test]
fn a_read_only_place_is_refused() {
    let Some(disk) = Mount::new("size=64k,ro") else {
        return;
    };
    let error = writer(&disk.0.path().join("out"), Options::default())
        .err()
        .expect("it is read-only");
    assert_eq!(error.kind(), ErrorKind::Sink);
    assert!(error.advice().is_some());
}

const CHILD: &str = "DECOSTOP_TEST_KILLED_WRITER";

#[test]
fn a_killed_process_leaves_nothing_that_looks_complete_and_the_next_cleans_up() {
    if let Some(out) = std::env::var_os(CHILD) {
        let mut writer = writer(Path::new(&out), Options::default()).expect("a writer");
        writer
            .write_record(line(0).as_bytes(), &provenance(0))
            .expect("a record");
        let _ = std::io::stderr().write_all(b"\nready\n");
        loop {
            std::thread::park();
        }
    }
    let dir = scratch();
    let out = dir.path().join("out");
    let name = "artefact::tests::failures::a_killed_process_leaves_nothing_that_looks_complete_and_the_next_cleans_up";
    let mut child = Command::new(std::env::current_exe().expect("a test binary"))
        .args([name, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, &out)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the test binary runs");
    let talk = BufReader::new(child.stderr.take().expect("piped"));
    assert!(talk.lines().map_while(Result::ok).any(|line| line == "ready"));

    let living = fs::read_dir(dir.path()).expect("a directory").count();
    drop(writer(&out, Options::default()).expect("another dive for the same result"));
    assert_eq!(
        fs::read_dir(dir.path()).expect("a directory").count(),
        living,
        "a living one is left alone"
    );

    child.kill().expect("it lives");
    child.wait().expect("it is dead");
    assert!(!out.exists());
    assert_eq!(
        fs::read_dir(dir.path()).expect("a directory").count(),
        1,
        "killed, it could not clean up"
    );
    dive(&out, Options::default(), 1).expect("a dive");
    assert_eq!(
        fs::read_dir(dir.path()).expect("a directory").count(),
        1,
        "only the result is left"
    );
}
