//! `cargo xtask capi PREFIX`: the C library where compilers look for one.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context as _, Result};

use crate::{cargo, compilers, root, run};

/// What programs ask for; build.rs of the crate names it in the library.
const SONAME: &str = "libdecostop.so.1";

/// Builds the library and installs it with its header and its pkg-config file below `prefix`.
pub(crate) fn install(prefix: &Path) -> Result<()> {
    compilers()?;
    run(cargo().args(["build", "--release", "--locked", "--package", "decostop-capi"]))?;
    let prefix = std::path::absolute(prefix).context("the prefix")?;
    let (crate_dir, built) = (root().join("crates/capi"), root().join("target/release"));
    let (include, lib) = (prefix.join("include"), prefix.join("lib"));
    for dir in [&include, &lib.join("pkgconfig")] {
        fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    }
    copy(&crate_dir.join("include/decostop.h"), &include.join("decostop.h"))?;
    copy(&built.join("libdecostop_c.a"), &lib.join("libdecostop.a"))?;
    copy(&built.join("libdecostop_c.so"), &lib.join(SONAME))?;
    let link = lib.join("libdecostop.so");
    if link.symlink_metadata().is_ok() {
        fs::remove_file(&link).with_context(|| link.display().to_string())?;
    }
    symlink(SONAME, &link).with_context(|| link.display().to_string())?;
    let template = fs::read_to_string(crate_dir.join("decostop.pc.in")).context("decostop.pc.in")?;
    let made = template
        .replace("@prefix@", &prefix.display().to_string())
        .replace("@version@", env!("CARGO_PKG_VERSION"));
    let path = lib.join("pkgconfig/decostop.pc");
    fs::write(&path, made).with_context(|| path.display().to_string())?;
    eprintln!(
        "installed below {0}; tell compilers with\n  export PKG_CONFIG_PATH={0}/lib/pkgconfig LD_LIBRARY_PATH={0}/lib",
        prefix.display()
    );
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to)
        .map(drop)
        .with_context(|| format!("{} to {}", from.display(), to.display()))
}
