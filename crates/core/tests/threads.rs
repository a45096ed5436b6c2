//! How a scan is spread over threads: whoever reads what and when, the result is the same, and a dive that
//! is cancelled stops.

mod common;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use common::{builder, run};
use decostop::pipeline::Progress;
use decostop::{ErrorKind, Limits};

const REQUEST: &str = r#"
version = 1
id = "THREADS-1"
requested_at = 2026-11-08T09:00:00Z
[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"
[scope]
evidence = "a test"
namespaces = [{ path = "acmecorp", id = 770077007 }]
[window]
from = 2026-11-01T00:00:00Z
to = 2026-11-08T00:00:00Z
[[select]]
namespaces = ["acmecorp"]
events = ["raw:ProjectsController#show"]
"#;

/// Lines of which every seventh matches; lengths differ, so that no border is like another.
fn content(lines: usize) -> Vec<u8> {
    let line = |nth: usize| {
        let project = if nth.is_multiple_of(7) {
            "acmecorp/web"
        } else {
            "elsewhere/x"
        };
        let filler = "x".repeat(nth * 31 % 257);
        let (minute, second) = (nth / 60 % 60, nth % 60);
        format!(
            "{{\"time\":\"2026-11-02T10:{minute:02}:{second:02}Z\",\"meta.project\":\"{project}\",\"controller\":\"ProjectsController\",\"action\":\"show\",\"note\":\"{filler}\"}}\n"
        )
    };
    (0..lines).flat_map(|nth| line(nth).into_bytes()).collect()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory is enough");
    encoder.finish().expect("memory is enough")
}

fn write(dir: &Path, name: &str, bytes: &[u8]) {
    fs::write(dir.join(name), bytes).expect("a file");
}

#[test]
fn every_line_comes_once_however_threads_come_and_go() {
    let content = content(6000);
    let dir = tempfile::tempdir().expect("a directory");
    let frames: Vec<u8> = content
        .chunks(7001)
        .flat_map(|part| zstd::bulk::compress(part, 1).expect("memory is enough"))
        .collect();
    write(dir.path(), "production_json.log.1.zst", &frames);
    write(
        dir.path(),
        "production_json.log.2.gz",
        &content.chunks(6007).flat_map(gzip).collect::<Vec<_>>(),
    );
    write(
        dir.path(),
        "production_json.log.3.zst",
        &zstd::bulk::compress(&content, 1).expect("memory is enough"),
    );
    let expected = 3 * 6000_u64.div_ceil(7);
    let mut first: Option<Vec<String>> = None;
    for round in 0..24 {
        let mut limits = Limits::default();
        limits.segment_bytes = [512, 4096, 64 << 10][round % 3];
        limits.part_bytes = [1, 4000][round % 2];
        limits.memory_bytes = [0, 32 << 10, 64 << 20][round / 3 % 3];
        let dive = builder(REQUEST, dir.path().to_owned())
            .threads([1, 2, 7][round / 2 % 3])
            .limits(limits);
        let done = run(dive).expect("a dive");
        assert_eq!(done.report.counts.matched, expected, "round {round}");
        assert!(
            done.report
                .inputs
                .iter()
                .all(|input| input.complete && input.decoded_bytes == content.len() as u64)
        );
        let records = first.get_or_insert_with(|| done.sink.records.clone());
        assert!(*records == done.sink.records, "round {round}");
    }
}

/// A window that takes much memory: it is read alone, and read all the same.
#[test]
fn wide_windows_are_read_behind_the_rest() {
    let content = content(3000);
    let dir = tempfile::tempdir().expect("a directory");
    for nth in 0..3 {
        let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("level 1 exists");
        encoder
            .window_log(if nth == 1 { 20 } else { 26 })
            .expect("such windows exist");
        encoder.write_all(&content).expect("memory is enough");
        let name = format!("production_json.log.{nth}.zst");
        write(dir.path(), &name, &encoder.finish().expect("memory is enough"));
    }
    for (threads, memory) in [(1, 0), (2, 64 << 20), (2, 130 << 20), (7, 200 << 20)] {
        let mut limits = Limits::default();
        limits.memory_bytes = memory;
        let dive = builder(REQUEST, dir.path().to_owned())
            .threads(threads)
            .limits(limits);
        let done = run(dive).expect("a dive");
        assert_eq!(done.report.counts.matched, 3 * 3000_u64.div_ceil(7));
        assert_eq!(done.report.inputs.len(), 3);
        assert!(
            done.report
                .inputs
                .iter()
                .all(|input| input.complete && input.codec == "zstd")
        );
    }
}

/// One large frame whose segments others look at: the thread that decodes it has to hear of it too.
#[test]
fn a_cancelled_dive_stops_within_a_frame() {
    const TIMES: usize = 400;
    let content = content(20_000);
    let dir = tempfile::tempdir().expect("a directory");
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).expect("level 1 exists");
    for _ in 0..TIMES {
        encoder.write_all(&content).expect("memory is enough");
    }
    write(
        dir.path(),
        "production_json.log.1.zst",
        &encoder.finish().expect("memory is enough"),
    );
    let all = (content.len() * TIMES) as u64;
    // Nothing of this is found, so that decoding is what takes the time.
    let request = REQUEST.replace("acmecorp", "nowhere-else");
    for threads in [1, 2, 4] {
        let (cancel, progress) = (Arc::new(AtomicBool::new(false)), Arc::new(Progress::default()));
        let mut limits = Limits::default();
        limits.segment_bytes = 4096;
        let dive = builder(&request, dir.path().to_owned())
            .threads(threads)
            .limits(limits)
            .progress(Arc::clone(&progress))
            .cancel(Arc::clone(&cancel));
        let result = thread::scope(|scope| {
            let dive = scope.spawn(|| run(dive));
            while progress.decoded_bytes.load(Ordering::Relaxed) < 1 << 20 && !dive.is_finished() {
                thread::yield_now();
            }
            cancel.store(true, Ordering::Relaxed);
            dive.join().expect("a dive does not panic")
        });
        let error = result.err().expect("it was cancelled");
        assert_eq!(error.kind(), ErrorKind::Interrupted, "{error}");
        let decoded = progress.decoded_bytes.load(Ordering::Relaxed);
        assert!(
            decoded < all / 2,
            "{threads} threads went on to {decoded} of {all}"
        );
    }
}
