//! Project tasks, run as `cargo xtask TASK`. They do all the set-up themselves.

#![forbid(unsafe_code)]
#![expect(clippy::print_stderr, reason = "a task talks to whoever runs it")]

mod capi;
mod direction;
mod python;
mod steps;

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

const HELP: &str = "\
cargo xtask demo [ARGS]   build the release binary and run `decostop demo`
cargo xtask test          build everything and pass all tests, lints and smoke runs
cargo xtask capi PREFIX   build the C library and install it, its header and its pkg-config file below PREFIX
cargo xtask python        build the Python wheel (target/python/wheels) and test it in an environment of its own";

fn main() -> ExitCode {
    let mut args = std::env::args_os().skip(1);
    let task = args.next().unwrap_or_default();
    let rest: Vec<OsString> = args.collect();
    let done = match task.to_str() {
        Some("demo") => demo(&rest),
        Some("test") if rest.is_empty() => steps::all(),
        Some("python") if rest.is_empty() => python::test().map(drop),
        Some("capi") if rest.len() == 1 => rest
            .iter()
            .try_for_each(|prefix| capi::install(Path::new(prefix))),
        _ => {
            eprintln!("{HELP}");
            return ExitCode::from(u8::from(task != "help" && task != "--help"));
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("xtask: {failure:#}");
            ExitCode::FAILURE
        }
    }
}

fn demo(args: &[OsString]) -> Result<()> {
    compilers()?;
    let mut command = cargo();
    command
        .args([
            "run",
            "--release",
            "--package",
            "decostop-cli",
            "--bin",
            "decostop",
            "--",
            "demo",
        ])
        .args(args);
    // The directory is made where it was asked for, and a second demo replaces the first.
    command.current_dir(std::env::current_dir()?).arg("--force");
    run(&mut command)
}

/// The project's root.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).unwrap_or(here)
}

/// The cargo that runs this task.
fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {}", command.get_program().display()))?;
    if !status.success() {
        bail!("{} ended with {status}", command.get_program().display());
    }
    Ok(())
}

fn is_there(program: &str) -> bool {
    Command::new(program)
        .arg("--version")
        .output()
        .is_ok_and(|output| output.status.success())
}

/// zstd is C, libFuzzer is C++: sees to it that there are compilers. Without the second the fuzz targets
/// are skipped.
fn compilers() -> Result<()> {
    let named = std::env::var("CC").unwrap_or_else(|_| "cc".to_owned());
    if is_there(&named) && is_there("c++") {
        return Ok(());
    }
    if is_there("apt-get") {
        eprintln!("xtask: installing a C and a C++ compiler");
        // Fails without the rights to; the message below says what to do then.
        let _ = run(Command::new("apt-get").arg("update"));
        let packages = [
            "install",
            "--yes",
            "--no-install-recommends",
            "gcc",
            "g++",
            "libc6-dev",
        ];
        let _ = run(Command::new("apt-get").args(packages));
    }
    if is_there(&named) {
        return Ok(());
    }
    bail!("there is no C compiler ({named}); install one, such as `sudo apt-get install gcc libc6-dev`")
}
