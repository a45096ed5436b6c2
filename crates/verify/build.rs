//! Reads off the patterns of the built-in rules what a text must hold for them to match: reading some
//! hundred patterns takes longer than a small dive, so it is done when this crate is built.

#![allow(
    dead_code,
    unnameable_types,
    unreachable_pub,
    reason = "what is included serves the library first"
)]

#[path = "src/survival/rules/needs.rs"]
mod needs;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::{env, fs};

use decostop_profile::RuleSet;

use crate::needs::Needs;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    for watched in ["build.rs", "src/survival/rules/needs.rs"] {
        println!("cargo::rerun-if-changed={watched}");
    }
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo says where to write")?);
    let mut table = String::from("&[\n");
    for rule in &RuleSet::builtin().rules {
        let needs = Needs::of_pattern(&rule.pattern).ok_or("a built-in pattern that cannot be read")?;
        let literals: Vec<String> = needs
            .literals
            .iter()
            .map(|literal| format!("&{literal:?}"))
            .collect();
        let sets = needs.bytes.iter();
        let bytes: Vec<String> = sets.map(|set| format!("Bytes({:?})", set.0)).collect();
        writeln!(
            table,
            "    Known {{ pattern: {:?}, literals: &[{}], bytes: &[{}] }},",
            rule.pattern,
            literals.join(", "),
            bytes.join(", ")
        )?;
    }
    table.push(']');
    fs::write(out.join("needs.rs"), table)?;
    Ok(())
}
