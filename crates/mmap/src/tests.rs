use std::fs::{self, OpenOptions};
use std::path::PathBuf;
use std::sync::Once;

use super::*;

struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str, content: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("decostop-mmap-{}-{name}", std::process::id()));
        fs::write(&path, content).expect("the temporary directory is writable");
        Self(path)
    }

    fn open(&self) -> File {
        File::open(&self.0).expect("the file was just written")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn guarded() -> MapPolicy {
    static GUARD: Once = Once::new();
    GUARD.call_once(|| {
        // SAFETY: this test binary has no other SIGBUS handler.
        unsafe { install_truncation_guard() }.expect("a handler can be installed");
    });
    // SAFETY: the tests compare bytes only when nobody writes.
    unsafe { MapPolicy::mapped_if_guarded() }
}

fn map(file: &File) -> Bytes {
    guarded()
        .map(file)
        .expect("metadata is readable")
        .expect("a regular file can be mapped")
}

fn count(bytes: &[u8], wanted: u8) -> usize {
    bytes.iter().map(|&byte| usize::from(byte == wanted)).sum()
}

#[test]
fn mapped_and_read_bytes_are_the_same() {
    let scratch = Scratch::new("same", b"one\ntwo\n");
    let mapped = map(&scratch.open());
    let read = Bytes::read(&scratch.open()).expect("readable");
    assert!(mapped.is_mapped() && !read.is_mapped());
    assert_eq!(&*mapped, &*read);
    assert!(!mapped.was_truncated() && !read.was_truncated());
}

#[test]
fn an_empty_file_is_not_mapped() {
    let scratch = Scratch::new("empty", b"");
    assert!(guarded().map(&scratch.open()).expect("readable").is_none());
    // SAFETY: nobody touches the file.
    let bytes = unsafe { Bytes::mapped(&scratch.open()) }.expect("readable");
    assert!(bytes.is_empty() && !bytes.is_mapped());
}

#[test]
fn reading_is_the_default() {
    let scratch = Scratch::new("default", b"x");
    assert!(!MapPolicy::default().may_map());
    assert!(
        MapPolicy::read()
            .map(&scratch.open())
            .expect("readable")
            .is_none()
    );
}

#[test]
fn debug_shows_no_content() {
    let text = format!("{:?}", Bytes::from(b"secret".to_vec()));
    assert_eq!(text, "Bytes(<6 bytes> read)");
}

#[test]
fn a_truncated_mapping_reads_as_zeros_and_says_so() {
    let page = 4096;
    let scratch = Scratch::new("truncated", &vec![b'x'; 64 * page]);
    let bytes = map(&scratch.open());
    assert!(bytes.is_guarded());
    let writer = OpenOptions::new().write(true).open(&scratch.0).expect("writable");
    writer.set_len(10).expect("truncatable");
    assert_eq!(count(&bytes, b'x'), 10);
    assert!(bytes.was_truncated());
    drop(bytes);
    let fresh = Scratch::new("fresh", b"intact");
    assert!(!map(&fresh.open()).was_truncated(), "a slot starts afresh");
}

#[test]
fn many_threads_survive_many_truncations() {
    let pages = 16;
    std::thread::scope(|scope| {
        for worker in 0..4 {
            scope.spawn(move || {
                for round in 0..200 {
                    let scratch = Scratch::new(&format!("race-{worker}"), &vec![b'y'; pages * 4096]);
                    let bytes = map(&scratch.open());
                    let path = scratch.0.clone();
                    let cut = std::thread::spawn(move || {
                        let writer = OpenOptions::new().write(true).open(path).expect("writable");
                        writer
                            .set_len((round % pages * 4096) as u64)
                            .expect("truncatable");
                    });
                    let seen = count(&bytes, b'y');
                    cut.join().expect("the cutter does not fail");
                    assert!(seen == pages * 4096 || bytes.was_truncated());
                }
            });
        }
    });
}

/// Runs in a child process, which the parent test starts: a fault outside any mapping is fatal.
#[test]
fn a_fault_elsewhere_still_ends_the_process() {
    const CHILD: &str = "DECOSTOP_MMAP_FAULT";
    if std::env::var_os(CHILD).is_some() {
        let _ = guarded();
        // SAFETY: raising a signal is always defined; this one is meant to end the child.
        unsafe { libc::raise(libc::SIGBUS) };
        // SAFETY: as above; the first fault only restored the default action.
        unsafe { libc::raise(libc::SIGBUS) };
        return;
    }
    let status = std::process::Command::new(std::env::current_exe().expect("a test has a path"))
        .args([
            "--exact",
            "tests::a_fault_elsewhere_still_ends_the_process",
            "--nocapture",
        ])
        .env(CHILD, "1")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .expect("a test can start itself");
    assert_eq!(
        std::os::unix::process::ExitStatusExt::signal(&status),
        Some(libc::SIGBUS)
    );
}
