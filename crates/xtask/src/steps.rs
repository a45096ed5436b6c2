//! `cargo xtask test`: every check there is, one after the other, and what each came to.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::{cargo, compilers, is_there, python, root, run};

/// Megabytes of decoded logs that the speed smoke dives through.
const SMOKE_MEGABYTES: &str = "100";

/// What a step came to.
pub(crate) enum Came {
    Passed,
    Skipped(&'static str),
}

type Step = (&'static str, fn() -> Result<Came>);

const STEPS: [Step; 10] = [
    ("tools", tools),
    ("format", format),
    ("lints", lints),
    ("docs", docs),
    ("tests", tests),
    ("binary, optimised", binary),
    ("python", python::test),
    ("fuzz targets", fuzz),
    ("benchmarks", benchmarks),
    ("speed smoke", speed),
];

/// Runs all steps, also after one failed, and says what each came to.
pub(crate) fn all() -> Result<()> {
    let mut told = Vec::new();
    let (mut passed, mut failed, mut skipped) = (0, 0, 0);
    for (name, step) in STEPS {
        eprintln!("\n== {name}");
        let began = Instant::now();
        let came = step();
        let spent = began.elapsed().as_secs();
        let word = match came {
            Ok(Came::Passed) => {
                passed += 1;
                "passed".to_owned()
            }
            Ok(Came::Skipped(why)) => {
                skipped += 1;
                format!("skipped: {why}")
            }
            Err(failure) => {
                failed += 1;
                eprintln!("{name}: {failure:#}");
                "FAILED".to_owned()
            }
        };
        told.push(format!("{name:<18} {spent:>5} s  {word}"));
        if failed > 0 && name == "tools" {
            break;
        }
    }
    eprintln!("\n{}", told.join("\n"));
    eprintln!("\n{passed} steps passed, {failed} failed, {skipped} skipped");
    if failed > 0 {
        bail!("not everything passed");
    }
    Ok(())
}

fn passed(command: &mut Command) -> Result<Came> {
    run(command).map(|()| Came::Passed)
}

/// rust-toolchain.toml has rustup install the compiler; its components may still be missing.
fn tools() -> Result<Came> {
    compilers()?;
    for component in ["rustfmt", "clippy"] {
        let tool = if component == "clippy" { "clippy" } else { "fmt" };
        let there = || {
            cargo()
                .args([tool, "--version"])
                .output()
                .is_ok_and(|output| output.status.success())
        };
        if !there() {
            run(Command::new("rustup")
                .current_dir(root())
                .args(["component", "add", component]))
            .with_context(|| format!("{component} is missing and cannot be installed"))?;
        }
    }
    Ok(Came::Passed)
}

fn format() -> Result<Came> {
    passed(cargo().args(["fmt", "--all", "--check"]))
}

fn lints() -> Result<Came> {
    passed(cargo().args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "--deny",
        "warnings",
    ]))
}

fn docs() -> Result<Came> {
    passed(
        cargo()
            .args(["doc", "--workspace", "--no-deps", "--locked"])
            .env("RUSTDOCFLAGS", "--deny warnings"),
    )
}

fn tests() -> Result<Came> {
    passed(cargo().args(["test", "--workspace", "--locked"]))
}

/// What a user runs has no debug assertions and other timings.
fn binary() -> Result<Came> {
    passed(cargo().args(["test", "--release", "--package", "decostop-cli", "--locked"]))
}

/// The inputs that were kept, and each fuzz target for some seconds with a fixed seed.
fn fuzz() -> Result<Came> {
    let dir = root().join("fuzz");
    run(cargo()
        .args(["test", "--quiet", "--locked", "--manifest-path"])
        .arg(dir.join("Cargo.toml")))?;
    if !is_there("c++") {
        return Ok(Came::Skipped(
            "there is no C++ compiler, which libFuzzer is built with; the kept inputs were replayed",
        ));
    }
    passed(
        Command::new("bash")
            .current_dir(root())
            .args(["fuzz/run", "smoke"]),
    )
}

/// Each benchmark once, for its answer rather than its time.
fn benchmarks() -> Result<Came> {
    let manifest = root().join("benches/Cargo.toml");
    if !manifest.is_file() {
        return Ok(Came::Skipped("there are no benchmarks"));
    }
    passed(
        cargo()
            .args(["bench", "--manifest-path"])
            .arg(manifest)
            .args(["--", "--test"]),
    )
}

/// A dive through more logs than the tests have, with the time it takes.
fn speed() -> Result<Came> {
    let dir = std::env::temp_dir().join(format!("decostop-smoke-{}", std::process::id()));
    let done = dive(&dir);
    let removed = if dir.exists() {
        fs::remove_dir_all(&dir)
    } else {
        Ok(())
    };
    done?;
    removed.with_context(|| dir.display().to_string())?;
    Ok(Came::Passed)
}

fn dive(dir: &Path) -> Result<()> {
    let decostop = || {
        let mut command = cargo();
        let build = [
            "run",
            "--quiet",
            "--release",
            "--locked",
            "--package",
            "decostop-cli",
            "--bin",
            "decostop",
            "--",
        ];
        command.args(build);
        command
    };
    let (logs, request, out) = (dir.join("logs"), dir.join("request.toml"), dir.join("out"));
    run(decostop().arg("synth").arg(dir).args([
        "--megabytes",
        SMOKE_MEGABYTES,
        "--codec",
        "zstd",
        "--quiet",
    ]))?;
    let began = Instant::now();
    run(decostop()
        .arg("scan")
        .arg("--request")
        .arg(request)
        .arg(logs)
        .arg("--out")
        .arg(&out)
        .arg("--quiet"))?;
    let spent = began.elapsed().as_secs_f64();
    eprintln!(
        "{SMOKE_MEGABYTES} MB of decoded logs in {spent:.1} s, the verification of the result included"
    );
    run(decostop().arg("verify").arg(&out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_is_the_workspace() {
        assert!(root().join("Cargo.lock").is_file());
    }
}
