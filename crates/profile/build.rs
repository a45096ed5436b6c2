//! Writes the built-in profiles and rules as `postcard` does: their TOML, which costs several times as much to read,
//! is read when this crate is built and not by every process that needs one.

#![allow(
    dead_code,
    unnameable_types,
    unfulfilled_lint_expectations,
    unreachable_pub,
    unused_imports,
    reason = "what is included serves the library first"
)]

#[path = "src/builtin.rs"]
mod builtin;
#[path = "src/consistency.rs"]
mod consistency;
#[path = "src/error.rs"]
mod error;
#[path = "src/line.rs"]
mod line;
#[path = "src/load.rs"]
mod load;
#[path = "src/model.rs"]
mod model;
#[path = "src/rules.rs"]
mod rules;
#[path = "src/syntax.rs"]
mod syntax;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use crate::error::Error;
use crate::model::Profile;
use crate::rules::RuleSet;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for watched in ["build.rs", "data", "src"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo says where to write")?);
    let mut table = String::from("&[\n");
    for name in builtin::profiles() {
        let text = builtin::profile(name).ok_or("every name has a text")?;
        let bytes = postcard::to_allocvec(&Profile::parse(text)?)?;
        fs::write(out.join(format!("{name}.postcard")), bytes)?;
        let file = format!("concat!(env!(\"OUT_DIR\"), \"/{name}.postcard\")");
        writeln!(table, "    ({name:?}, include_bytes!({file})),")?;
    }
    table.push(']');
    fs::write(out.join("profiles.rs"), table)?;
    let mut rules = RuleSet::default();
    for text in builtin::RULES {
        rules = rules.join(RuleSet::parse(text)?)?;
    }
    fs::write(out.join("rules.postcard"), postcard::to_allocvec(&rules)?)?;
    Ok(())
}
