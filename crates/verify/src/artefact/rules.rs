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
    // The built-in ones are compiled once for all.
    Ok(if recorded == *builtin {
        builtin
    } else {
        Arc::new(recorded)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artefact(run: &str, rules: Option<&str>) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let internal = dir.path().join("internal");
        fs::create_dir(&internal).expect("a directory");
        fs::write(internal.join("run.json"), run).expect("a file");
        if let Some(rules) = rules {
            fs::write(internal.join("rules.json"), rules).expect("a file");
        }
        dir
    }

    fn stating(rules: &str) -> String {
        let digest = blake3::hash(rules.as_bytes()).to_hex();
        format!(r#"{{"rules":{{"count":1,"digest":"{digest}"}}}}"#)
    }

    #[test]
    fn without_a_record_the_built_in_rules_are_taken() {
        let dir = artefact("{}", None);
        let rules = recorded_rules(dir.path()).expect("no rules are stated");
        assert!(rules == RuleSet::builtin());
    }

    #[test]
    fn a_record_is_used_and_nothing_built_in_is_missing_beside_it() {
        let mut own = RuleSet::default();
        let mut changed = RuleSet::builtin().rules.first().expect("a rule").clone();
        changed.pattern = "as it was then".to_owned();
        let mut added = changed.clone();
        added.id = "acme.ticket".to_owned();
        own.rules = vec![changed.clone(), added.clone()];
        let text = own.record();
        let dir = artefact(&stating(&text), Some(&text));
        let rules = recorded_rules(dir.path()).expect("a sound record");
        assert_eq!(rules.rules.len(), RuleSet::builtin().rules.len() + 1);
        assert!(rules.rules.contains(&changed) && rules.rules.contains(&added));
    }

    #[test]
    fn a_record_that_was_edited_or_is_gone_ends_the_verification() {
        let text = RuleSet::builtin().record();
        let edited = text.replacen("glpat", "glpet", 1);
        for rules in [None, Some(edited.as_str()), Some("")] {
            let dir = artefact(&stating(&text), rules);
            let told = recorded_rules(dir.path())
                .expect_err("not what was stated")
                .to_string();
            assert!(told.contains("rules.json"), "{told}");
        }
        let dir = artefact(&stating("{}"), Some("{}"));
        assert!(recorded_rules(dir.path()).is_err());
        let dir = artefact("no JSON", Some(&text));
        assert!(recorded_rules(dir.path()).is_err());
    }
}
