//! Records to a pipe.

use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex};

use super::*;
use crate::artefact::{Asker, StreamWriter, lookup};
use crate::sink::Flow;

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no other test holds it").write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Full;

impl Write for Full {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::Error::from(io::ErrorKind::StorageFull))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn stream(
    to: impl Write + Send + 'static,
    internal: Option<&Path>,
    options: Options,
) -> Result<StreamWriter, Error> {
    StreamWriter::create(Box::new(to), internal, options, NdjsonProvenance::create_in)
}

fn give(writer: &mut StreamWriter, records: u64) -> Result<Flow, Error> {
    for n in 0..records {
        if writer.write_record(line(n).as_bytes(), &provenance(n))? == Flow::Stop {
            return Ok(Flow::Stop);
        }
    }
    Ok(Flow::Continue)
}

#[test]
fn lines_go_out_and_evidence_stays() {
    let dir = scratch();
    let internal = dir.path().join("evidence");
    let to = Shared::default();
    let mut writer = stream(to.clone(), Some(&internal), Options::default()).expect("a stream");
    give(&mut writer, 3).expect("records");
    writer
        .withheld(&Withheld::new(Reason::Depth, Origin::default()))
        .expect("withheld");
    assert!(!internal.exists());
    writer.finish(&report(3), &evidence()).expect("finish");
    assert_eq!(writer.commit().expect("commit"), Some(internal.clone()));
    let lines = to.0.lock().expect("no other test holds it").clone();
    assert_eq!(
        String::from_utf8(lines).expect("UTF-8"),
        (0..3).map(|n| line(n) + "\n").collect::<String>()
    );
    assert_eq!(
        tree(dir.path()),
        [
            "evidence",
            "evidence/dictionary.csv",
            "evidence/key",
            "evidence/provenance.ndjson",
            "evidence/pseudonyms.csv",
            "evidence/request.toml",
            "evidence/residual.json",
            "evidence/run.json",
            "evidence/withheld.ndjson"
        ]
    );
    assert_eq!(
        kind(stream(io::sink(), Some(&internal), Options::default())),
        ErrorKind::Config
    );
    let asker = Asker {
        time: "2026-11-09T10:00:00Z",
        user: "diver",
    };
    assert_eq!(
        lookup(&internal, &format!("user-{}a", "b".repeat(20)), asker)
            .expect("an answer")
            .len(),
        1
    );
    let mut again = stream(io::sink(), Some(&internal), Options::default().force(true)).expect("forced");
    again.finish(&report(0), &evidence()).expect("finish");
    again.commit().expect("evidence is replaced");
    fs::write(internal.join("notes"), "").expect("a file");
    assert_eq!(
        kind(stream(
            io::sink(),
            Some(&internal),
            Options::default().force(true)
        )),
        ErrorKind::Config
    );
}

#[test]
fn evidence_is_only_kept_when_asked_for() {
    let mut writer = StreamWriter::create(Box::new(io::sink()), None, Options::default(), |_| {
        panic!("no evidence, no provenance")
    })
    .expect("a stream");
    give(&mut writer, 3).expect("records");
    writer.finish(&report(3), &evidence()).expect("finish");
    assert_eq!(writer.commit().expect("commit"), None);
}

#[test]
fn a_reader_that_leaves_ends_the_dive_without_an_error() {
    let dir = scratch();
    let internal = dir.path().join("evidence");
    let (mut reader, to) = io::pipe().expect("a pipe");
    let mut writer = stream(to, Some(&internal), Options::default()).expect("a stream");
    let reading = std::thread::spawn(move || reader.read_exact(&mut [0; 1000]));
    assert_eq!(give(&mut writer, 100_000).expect("no error"), Flow::Stop);
    reading.join().expect("no panic").expect("the first bytes came");
    assert!(writer.reader_left());
    assert_eq!(
        writer
            .withheld(&Withheld::new(Reason::Depth, Origin::default()))
            .expect("no error"),
        Flow::Stop
    );
    writer
        .finish(&report(7), &evidence())
        .expect("the evidence is kept");
    writer.commit().expect("commit");
    let run = fs::read_to_string(internal.join("run.json")).expect("a run");
    assert!(run.contains("\"reader_left\": true"));
}

#[test]
fn a_reader_that_leaves_before_the_last_flush_is_no_error_either() {
    let (reader, to) = io::pipe().expect("a pipe");
    let mut writer = stream(to, None, Options::default()).expect("a stream");
    give(&mut writer, 2).expect("they fit the buffer");
    drop(reader);
    writer.finish(&report(2), &evidence()).expect("no error");
    assert!(writer.reader_left());
    writer.commit().expect("commit");
}

#[test]
fn an_output_that_fails_leaves_no_evidence() {
    let dir = scratch();
    let internal = dir.path().join("evidence");
    let mut writer = stream(Full, Some(&internal), Options::default()).expect("a stream");
    let error = give(&mut writer, 100_000).expect_err("it is full");
    assert_eq!(error.kind(), ErrorKind::Sink);
    assert!(!error.is_broken_pipe());
    assert!(tree(dir.path()).is_empty());
    assert_eq!(
        kind(writer.finish(&report(0), &evidence())),
        ErrorKind::Internal,
        "it is poisoned"
    );
    assert_eq!(kind(writer.commit()), ErrorKind::Internal);
    assert!(tree(dir.path()).is_empty());
}

#[test]
fn a_broken_pipe_can_be_told() {
    let error =
        |kind: io::ErrorKind| Error::io(ErrorKind::Sink, Path::new("-"), "write", io::Error::from(kind));
    assert!(error(io::ErrorKind::BrokenPipe).is_broken_pipe());
    assert!(!error(io::ErrorKind::StorageFull).is_broken_pipe());
    assert!(!Error::new(ErrorKind::Sink, "x").is_broken_pipe());
}
