//! The Python package: its wheel is built, installed into an environment of its own below `target`, and
//! tested there.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::steps::Came;
use crate::{is_there, root, run};

/// As the wheel says.
const OLDEST: (u32, u32) = (3, 11);

pub(crate) fn test() -> Result<Came> {
    let Some(python) = interpreter() else {
        return Ok(Came::Skipped(
            "there is no Python 3.11 or later, and none can be installed",
        ));
    };
    let package = root().join("crates/python");
    let place = root().join("target/python");
    let environment = environment(&python, &place)?;
    let tool = |name: &str| {
        let mut command = Command::new(environment.join("bin").join(name));
        command.current_dir(&package).env("VIRTUAL_ENV", &environment);
        command
    };
    run(tool("python")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ])
        .arg(package.join("requirements-test.txt")))?;
    let wheels = place.join("wheels");
    if wheels.exists() {
        fs::remove_dir_all(&wheels).with_context(|| wheels.display().to_string())?;
    }
    run(tool("maturin")
        .args(["build", "--release", "--locked", "--out"])
        .arg(&wheels))?;
    let wheel = fs::read_dir(&wheels)
        .with_context(|| wheels.display().to_string())?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .context("maturin left no wheel")?;
    run(tool("python")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--force-reinstall",
            "--no-deps",
        ])
        .arg(&wheel))?;
    // Elsewhere than beside the sources, so that what was installed is what is imported.
    run(tool("python")
        .current_dir(&place)
        .args(["-m", "pytest", "--rootdir"])
        .arg(&package)
        .arg("--config-file")
        .arg(package.join("pyproject.toml"))
        .arg(package.join("tests")))?;
    Ok(Came::Passed)
}

/// A Python that is new enough and can make environments.
fn interpreter() -> Option<PathBuf> {
    let found = || {
        ["python3", "python3.14", "python3.13", "python3.12", "python3.11"]
            .into_iter()
            .map(PathBuf::from)
            .find(|python| is_new_enough(python) && makes_environments(python))
    };
    if let Some(python) = found() {
        return Some(python);
    }
    if is_there("apt-get") {
        eprintln!("xtask: installing Python");
        // Fails without the rights to; the step is skipped then, and says so.
        let _ = run(Command::new("apt-get").arg("update"));
        let packages = [
            "install",
            "--yes",
            "--no-install-recommends",
            "python3",
            "python3-venv",
        ];
        let _ = run(Command::new("apt-get").args(packages));
    }
    found()
}

fn is_new_enough(python: &Path) -> bool {
    let (major, minor) = OLDEST;
    let asked = format!("import sys; sys.exit(sys.version_info < ({major}, {minor}))");
    Command::new(python)
        .args(["-c", &asked])
        .output()
        .is_ok_and(|output| output.status.success())
}

fn makes_environments(python: &Path) -> bool {
    Command::new(python)
        .args(["-c", "import venv, ensurepip"])
        .output()
        .is_ok_and(|output| output.status.success())
}

/// An environment at `place/env`, made when there is none that works.
fn environment(python: &Path, place: &Path) -> Result<PathBuf> {
    let environment = place.join("env");
    if is_there(&environment.join("bin/python").display().to_string()) {
        return Ok(environment);
    }
    fs::create_dir_all(place).with_context(|| place.display().to_string())?;
    run(Command::new(python)
        .args(["-m", "venv", "--clear"])
        .arg(&environment))?;
    if !environment.join("bin/pip").exists() {
        bail!("{}: the environment has no pip", environment.display());
    }
    Ok(environment)
}
