//! Running the binary, and a corpus to run it on.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use serde::Deserialize;
use tempfile::TempDir;

/// What a command did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Ran {
    pub(crate) fn new(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).expect("standard output is UTF-8"),
            err: String::from_utf8(output.stderr).expect("standard error is UTF-8"),
        }
    }

    /// Asserts the exit code, and that a failure tells what it is about.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(
            self.code,
            Some(code),
            "stdout: {}\nstderr: {}",
            self.out,
            self.err
        );
        if code == 1 {
            assert!(self.err.contains("error:"), "{}", self.err);
        }
        assert!(
            !self.err.contains("panicked") && !self.err.contains("a bug in"),
            "{}",
            self.err
        );
        self
    }

    /// Asserts that standard error holds a text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.err.contains(text), "no `{text}` in: {}", self.err);
        self
    }
}

/// The binary, in an environment that does not depend on who runs the tests.
pub(crate) fn decostop() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_decostop"));
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS"] {
        command.env_remove(name);
    }
    command.env("USER", "tester").stdin(Stdio::null());
    command
}

/// Runs the binary to its end.
pub(crate) fn run(args: &[&str]) -> Ran {
    Ran::new(decostop().args(args).output().expect("the binary runs"))
}

/// Runs the binary with lines on standard input.
pub(crate) fn run_with_input(args: &[&str], input: &[u8]) -> Ran {
    let mut child = decostop()
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut to = child.stdin.take().expect("standard input is a pipe");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        // A command that refuses its input closes the pipe.
        let _ = to.write_all(&input);
    });
    let output = child.wait_with_output().expect("the binary ends");
    writer.join().expect("the writer does not panic");
    Ran::new(output)
}

/// A path as an argument.
pub(crate) fn arg(path: &Path) -> &str {
    path.to_str().expect("test paths are UTF-8")
}

/// A directory with logs, requests and ground truth, made once for all tests.
pub(crate) struct Corpus {
    dir: TempDir,
}

/// `truth/summary.json`, as far as the tests need it.
#[derive(Deserialize)]
pub(crate) struct Truth {
    pub(crate) disclosable: u64,
    pub(crate) namespace: String,
}

impl Corpus {
    fn make(extra: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("corpus");
        let args = [&["synth", arg(&path), "--megabytes", "2", "--quiet"], extra].concat();
        run(&args).exits(0);
        Self { dir }
    }

    /// Every source and codec; every line is a record.
    pub(crate) fn sound() -> &'static Self {
        static CORPUS: OnceLock<Corpus> = OnceLock::new();
        CORPUS.get_or_init(|| Self::make(&["--seed", "3"]))
    }

    /// The same with lines that are no records.
    pub(crate) fn damaged() -> &'static Self {
        static CORPUS: OnceLock<Corpus> = OnceLock::new();
        CORPUS.get_or_init(|| Self::make(&["--seed", "4", "--damage"]))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("corpus").join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).expect("a file of the corpus")
    }

    pub(crate) fn truth(&self) -> Truth {
        serde_json::from_str(&self.text("truth/summary.json")).expect("the summary is JSON")
    }

    /// Lines of one source, decoded, from all files in its name.
    pub(crate) fn lines(&self, source: &str) -> String {
        let name = format!("logs/{source}");
        let mut files: Vec<PathBuf> = fs::read_dir(self.path("logs"))
            .expect("the logs")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| arg(path).starts_with(arg(&self.path(&name))) && path.is_file())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{source} has files");
        let mut lines = String::new();
        for path in &files {
            let text = decoded(path);
            lines.push_str(text.trim_end_matches('\n'));
            lines.push('\n');
        }
        lines
    }
}

/// The decoded text of a file.
pub(crate) fn decoded(path: &Path) -> String {
    let bytes = fs::read(path).expect("a readable file");
    let out = decostop_testkit::synth::decoded(&bytes).expect("a sound file");
    String::from_utf8_lossy(&out).into_owned()
}

/// A dive over the sound corpus, made once: tests read it and copy it.
pub(crate) fn dive() -> &'static Path {
    static DIVE: OnceLock<(TempDir, PathBuf)> = OnceLock::new();
    let (_, path) = DIVE.get_or_init(|| {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let out = dir.path().join("dive");
        let corpus = Corpus::sound();
        let (request, logs) = (corpus.path("request.toml"), corpus.path("logs"));
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
        (dir, out)
    });
    path
}

/// The records of an artefact as lines.
pub(crate) fn records(out: &Path) -> String {
    decoded(&out.join("disclosure/records.ndjson.zst"))
}

/// Copies a directory.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a new directory");
    for entry in fs::read_dir(from).expect("a directory") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a copy");
        }
    }
}

/// Names in a directory, sorted.
pub(crate) fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .expect("a directory")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

/// Counts by name.
pub(crate) type Counts = BTreeMap<String, u64>;
