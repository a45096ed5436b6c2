//! The rules of detectors that a dive was run with, from its own record.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use decostop_profile::RuleSet;
use serde::Deserialize;

use crate::error::Error;

/// `run.json`, as far as it speaks of rules.
#[derive(Deserialize)]
struct RunFile {
    rules: Option<Stated>,
}

#[derive(Deserialize)]
struct Stated {
    digest: String,
}

/// The rules that an artefact was made with, and every built-in rule of this build that is not among them.
/// A dive that recorded none was run with the built-in ones.
///
/// # Errors
/// When the record is missing, damaged, or not the one whose digest the dive stated.
pub fn recorded_rules(dir: &Path) -> Result<Arc<RuleSet>, Error> {
    let internal = dir.join("internal");
    let path = internal.join("run.json");
    let text = fs::read_to_string(&path).map_err(|cause| Error::io(&path, cause))?;
    let run: RunFile =
        serde_json::from_str(&text).map_err(|_| Error::file(&path, "is not a run's record"))?;
    let Some(stated) = run.rules else {
        return Ok(RuleSet::builtin());
    };
    let path = internal.join("rules.json");
    let text = fs::read_to_string(&path).map_err(|cause| Error::io(&path, cause))?;
    if !blake3::hash(text.as_bytes())
        .to_hex()
        .eq_ignore_ascii_case(&stated.digest)
    {
        return Err(Error::file(&path, "is not what the dive was run with"));
    }
    let mut recorded =
        RuleSet::recorded(&text).map_err(|_| Error::file(&path, "is not a record of rules"))?;
    // What a later build knows besides, it looks for as well.
    let known: std::collections::HashSet<String> =
        recorded.rules.iter().map(|rule| rule.id.clone()).collect();
    let builtin = RuleSet::builtin();
    let further = builtin.rules.iter().filter(|rule| !known.contains(&rule.id));
    recorded.rules.extend(further.cloned());
    Ok(Arc::new(recorded))
}
