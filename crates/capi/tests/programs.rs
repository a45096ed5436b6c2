//! C programs against the library, under AddressSanitizer and UndefinedBehaviorSanitizer where the
//! compiler has them.

use std::path::{Path, PathBuf};
use std::process::Command;

use decostop_testkit::synth::{self, CodecMix, Options};

/// The library of this build, under the names that linkers and programs ask for.
fn library(into: &Path) -> PathBuf {
    let mut built = std::env::current_exe().expect("a test has a file");
    built.pop();
    let dir = into.join("lib");
    std::fs::create_dir_all(&dir).expect("a directory");
    for (from, name) in [
        ("libdecostop_c.so", "libdecostop.so"),
        ("libdecostop_c.so", "libdecostop.so.1"),
        ("libdecostop_c.a", "libdecostop.a"),
    ] {
        let link = dir.join(name);
        if !link.exists() {
            std::os::unix::fs::symlink(built.join(from), link).expect("a link");
        }
    }
    dir
}

/// Compiles a program of this crate; `extra` are further flags.
fn compile(source: &str, into: &Path, extra: &[&str]) -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = into.join(Path::new(source).file_stem().expect("a name"));
    let library = library(into);
    let output = Command::new("gcc")
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-g"])
        .arg(here.join(source))
        .arg("-I")
        .arg(here.join("include"))
        .arg("-L")
        .arg(&library)
        .arg(format!("-Wl,-rpath,{}", library.display()))
        .args(extra)
        .args(["-ldecostop", "-pthread", "-o"])
        .arg(&program)
        .output()
        .expect("gcc is there: decostop is built with it");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    program
}

/// A small corpus: its request and its logs.
fn corpus(dir: &Path) -> (PathBuf, PathBuf) {
    let options = Options::default().megabytes(2).codec(CodecMix::Zstd);
    synth::write(dir, &options, &mut |_| ()).expect("a corpus");
    (dir.join("request.toml"), dir.join("logs"))
}

#[test]
fn every_misuse_has_its_status() {
    let dir = tempfile::tempdir().expect("a directory");
    let (request, logs) = corpus(dir.path());
    let sanitizers = ["-fsanitize=address,undefined", "-fno-omit-frame-pointer"];
    let program = compile("tests/c/misuse.c", dir.path(), &sanitizers);
    let output = Command::new(program)
        .args([&request, &logs, &dir.path().join("out")])
        .env("ASAN_OPTIONS", "detect_leaks=1:abort_on_error=0")
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert_eq!(
        String::from_utf8_lossy(&output.stdout).trim(),
        "all as the header says"
    );
}

#[test]
fn sanitizers_are_on() {
    let dir = tempfile::tempdir().expect("a directory");
    let sanitizers = ["-fsanitize=address,undefined"];
    let program = compile("tests/c/unfreed.c", dir.path(), &sanitizers);
    let output = Command::new(program).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains("LeakSanitizer"),
        "{said}"
    );
}

#[test]
fn static_library_needs_what_pkg_config_says() {
    let dir = tempfile::tempdir().expect("a directory");
    let stated = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("decostop.pc.in"));
    let stated = stated.expect("the template can be read");
    let private = stated.lines().find_map(|line| line.strip_prefix("Libs.private:"));
    let mut flags = vec!["-Wl,-Bstatic", "-ldecostop", "-Wl,-Bdynamic"];
    flags.extend(private.expect("a line of libraries").split_whitespace());
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = dir.path().join("dive");
    let output = Command::new("gcc")
        .arg(here.join("examples/dive.c"))
        .arg("-I")
        .arg(here.join("include"))
        .arg("-L")
        .arg(library(dir.path()))
        .args(&flags)
        .arg("-o")
        .arg(&program)
        .output()
        .expect("gcc is there");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let output = Command::new(&program)
        .output()
        .expect("it runs without the shared library");
    assert!(String::from_utf8_lossy(&output.stderr).contains("usage: dive"));
}

#[test]
fn example_does_a_dive() {
    let dir = tempfile::tempdir().expect("a directory");
    let (request, logs) = corpus(dir.path());
    let out = dir.path().join("out");
    let program = compile("examples/dive.c", dir.path(), &[]);
    let output = Command::new(&program)
        .args([&request, &logs, &out])
        .output()
        .expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("records disclosed"));
    assert!(out.join("disclosure/manifest.json").is_file());
    let again = Command::new(&program)
        .args([&request, &logs, &out])
        .output()
        .expect("it runs");
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("error: "));
}
