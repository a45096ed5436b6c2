//! Interrupts, crashes, full disks, readers that leave.
#![cfg(unix)]

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::run::{Corpus, arg, decostop, dive, names, run};

/// A dive that waits for more of its input, and the writing end of that.
struct Waiting {
    dir: tempfile::TempDir,
    child: Child,
    _input: File,
}

impl Waiting {
    fn start() -> Self {
        let corpus = Corpus::sound();
        let dir = tempfile::tempdir().expect("a temporary directory");
        let work = dir.path().join("work");
        fs::create_dir(&work).expect("a directory");
        let fifo = dir.path().join("production_json.log");
        assert!(
            Command::new("mkfifo")
                .arg(&fifo)
                .status()
                .expect("mkfifo")
                .success()
        );
        let child = decostop()
            .args([
                "scan",
                "--request",
                arg(&corpus.path("request.toml")),
                arg(&fifo),
                "--out",
                arg(&work.join("out")),
            ])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let mut input = File::options()
            .write(true)
            .open(&fifo)
            .expect("the dive opens its input");
        input
            .write_all(corpus.lines("production_json").as_bytes())
            .expect("the dive reads");
        Self {
            dir,
            child,
            _input: input,
        }
    }

    fn work(&self) -> PathBuf {
        self.dir.path().join("work")
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([name, &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill").success());
    }

    fn ends(&mut self, within: Duration) -> Option<std::process::ExitStatus> {
        let until = Instant::now() + within;
        while Instant::now() < until {
            if let Some(status) = self.child.try_wait().expect("a child") {
                return Some(status);
            }
            sleep(Duration::from_millis(20));
        }
        None
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn ctrl_c_stops_a_dive_and_leaves_nothing() {
    let mut waiting = Waiting::start();
    sleep(Duration::from_millis(300));
    waiting.signal("-INT");
    // The contract says a second; a busy machine gets more.
    let status = waiting
        .ends(Duration::from_secs(5))
        .expect("it stops although its input does not end");
    assert_eq!(status.code(), Some(130));
    assert!(names(&waiting.work()).is_empty(), "{:?}", names(&waiting.work()));
}

#[test]
fn a_killed_dive_leaves_no_result() {
    let mut waiting = Waiting::start();
    sleep(Duration::from_millis(300));
    waiting.signal("-KILL");
    assert!(waiting.ends(Duration::from_secs(5)).is_some());
    assert!(!waiting.work().join("out").exists());
    // The next dive of that name clears away what the killed one left.
    let corpus = Corpus::sound();
    let (request, logs, out) = (
        corpus.path("request.toml"),
        corpus.path("logs"),
        waiting.work().join("out"),
    );
    run(&[
        "scan",
        "--request",
        arg(&request),
        arg(&logs),
        "--out",
        arg(&out),
        "--quiet",
    ])
    .exits(0);
    assert_eq!(names(&waiting.work()), ["out"]);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let corpus = Corpus::sound();
    let (request, logs) = (corpus.path("request.toml"), corpus.path("logs"));
    let cases: [&[&str]; 3] = [
        &[
            "scan",
            "--request",
            arg(&request),
            arg(&logs),
            "--out",
            "-",
            "--quiet",
        ],
        &["view", arg(dive()), "--json"],
        &["profile", "show"],
    ];
    for args in cases {
        let mut child = decostop()
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut reader = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        reader.read_line(&mut line).expect("a line");
        assert!(!line.is_empty(), "{args:?}");
        drop(reader);
        let output = child.wait_with_output().expect("the binary ends");
        assert_eq!(
            output.status.code(),
            Some(0),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(
            !String::from_utf8_lossy(&output.stderr).contains("error"),
            "{args:?}"
        );
    }
}

/// A small file system of its own, if this user may mount one.
struct Small(PathBuf);

impl Small {
    fn mount(dir: &Path, size: &str) -> Option<Self> {
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"])
            .arg(dir)
            .stderr(Stdio::null())
            .status();
        mounted
            .is_ok_and(|status| status.success())
            .then(|| Self(dir.to_owned()))
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_is_told_and_leaves_nothing() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let Some(small) = Small::mount(dir.path(), "32k") else {
        eprintln!("skipped: this user may not mount a file system");
        return;
    };
    let corpus = Corpus::sound();
    let (request, logs, out) = (
        corpus.path("request.toml"),
        corpus.path("logs"),
        small.0.join("out"),
    );
    run(&["scan", "--request", arg(&request), arg(&logs), "--out", arg(&out)])
        .exits(1)
        .says("hint:");
    assert!(names(&small.0).is_empty(), "{:?}", names(&small.0));
}
