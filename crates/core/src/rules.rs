//! Rule files of a user: read, checked, and added to the built-in rules.
//!
//! The engines of the redactor and of the verifier run the same rules, each in its own way; what a rule
//! is, says [`decostop_profile::Rule`]. A file whose examples disagree is refused.
//!
//! Not for: finding anything.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use decostop_profile::{Profile, Rule, RuleSet};
use decostop_redact::{check_rules, glob_matches};
use regex_automata::util::syntax;

use crate::{Error, ErrorKind, Origin};

/// Largest rule file that is read, in bytes.
const MAX_BYTES: u64 = 64 << 20;

/// What a rule file holds and what is wrong with it.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct RuleReport {
    /// The rules that are sound by themselves, whether or not their examples agree.
    pub rules: RuleSet,
    /// Why the file is refused; it is not if there is none.
    pub faults: Vec<RuleFinding>,
    /// What makes rules slow. They are run nevertheless.
    pub warnings: Vec<RuleFinding>,
}

/// Something to say about a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RuleFinding {
    /// Its id, unless it is about the whole file, or the text names the place itself.
    pub rule: Option<String>,
    /// What it is.
    pub reason: String,
}

impl fmt::Display for RuleFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some(rule) => write!(f, "{rule}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// Checks the text of a rule file: its shape, its bounds, that patterns compile and every example agrees.
/// Hosts and addresses are internal by `profile`.
pub fn check(text: &str, profile: &Profile) -> RuleReport {
    let whole = |cause: decostop_profile::Error| RuleFinding {
        rule: None,
        reason: cause.to_string(),
    };
    let (rules, unsound) = match RuleSet::parse_all(text) {
        Ok(read) => read,
        Err(cause) => {
            return RuleReport {
                faults: vec![whole(cause)],
                ..RuleReport::default()
            };
        }
    };
    let mut faults: Vec<RuleFinding> = unsound.into_iter().map(whole).collect();
    faults.extend(check_rules(&rules, profile).into_iter().map(|fault| RuleFinding {
        rule: Some(fault.rule),
        reason: fault.reason,
    }));
    let builtin = RuleSet::builtin();
    for rule in &rules.rules {
        // The built-in rules themselves may be looked at, too.
        if builtin
            .rules
            .iter()
            .any(|known| known.id == rule.id && known != rule)
        {
            faults.push(RuleFinding {
                rule: Some(rule.id.clone()),
                reason: "a built-in rule has this id".to_owned(),
            });
        }
    }
    let warnings = rules.rules.iter().flat_map(slow).collect();
    RuleReport {
        rules,
        faults,
        warnings,
    }
}

/// What makes a rule slow.
fn slow(rule: &Rule) -> impl Iterator<Item = RuleFinding> {
    let no_keywords = rule
        .keywords
        .is_empty()
        .then_some("has no keywords, so that its pattern runs over every text");
    let config = syntax::Config::new().unicode(false).utf8(false);
    let may_be_empty = syntax::parse_with(&rule.pattern, &config)
        .is_ok_and(|pattern| pattern.properties().minimum_len() == Some(0));
    let empty = may_be_empty.then_some("has a pattern that fits the empty text, so that it fits everywhere");
    let id = rule.id.clone();
    [no_keywords, empty]
        .into_iter()
        .flatten()
        .map(move |reason| RuleFinding {
            rule: Some(id.clone()),
            reason: reason.to_owned(),
        })
}

/// Reads a rule file and checks it.
///
/// # Errors
/// [`ErrorKind::Config`] when it cannot be read, or is not UTF-8.
pub fn check_file(path: &Path, profile: &Profile) -> Result<RuleReport, Error> {
    let mut text = String::new();
    let mut read = || -> std::io::Result<()> {
        let mut file = File::open(path)?.take(MAX_BYTES + 1);
        file.read_to_string(&mut text)?;
        if file.limit() == 0 {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        Ok(())
    };
    read().map_err(|cause| Error::io(ErrorKind::Config, path, "read the rules", cause))?;
    Ok(check(&text, profile))
}

/// The built-in rules and those of files, each of which is checked.
///
/// # Errors
/// [`ErrorKind::Config`] when a file cannot be read or is refused, or when two of them have a rule of one id.
pub fn load(paths: &[PathBuf], profile: &Profile) -> Result<Arc<RuleSet>, Error> {
    if paths.is_empty() {
        return Ok(RuleSet::builtin());
    }
    let added = load_added(paths, profile)?;
    let all = RuleSet::clone(&RuleSet::builtin()).join(added);
    Ok(Arc::new(all.map_err(|cause| {
        Error::new(ErrorKind::Config, "the rules cannot be used together").because(cause)
    })?))
}

/// The rules of files alone, without the built-in ones.
///
/// # Errors
/// As [`load`].
pub fn load_added(paths: &[PathBuf], profile: &Profile) -> Result<RuleSet, Error> {
    let mut all = RuleSet::default();
    for path in paths {
        let origin = || Origin {
            path: path.clone(),
            offset: None,
        };
        let report = check_file(path, profile)?;
        if let Some(first) = report.faults.first() {
            let more = match report.faults.len() - 1 {
                0 => String::new(),
                1 => " (and one fault more)".to_owned(),
                more => format!(" (and {more} faults more)"),
            };
            return Err(
                Error::new(ErrorKind::Config, format!("cannot be used: {first}{more}"))
                    .at(origin())
                    .hint("`decostop rules check FILE` tells every fault"),
            );
        }
        all = all.join(report.rules).map_err(|cause| {
            Error::new(ErrorKind::Config, "cannot be used")
                .at(origin())
                .because(cause)
        })?;
    }
    Ok(all)
}

/// The rules that a pattern asks for: with a star, a glob over ids; else words, all of which stand in a rule's
/// id, kind, description or keywords, in any case.
pub fn search<'r>(pattern: &str, rules: &'r RuleSet) -> impl Iterator<Item = &'r Rule> {
    let pattern = pattern.trim().to_ascii_lowercase();
    let is_glob = pattern.contains('*');
    let words: Vec<String> = pattern.split_whitespace().map(str::to_owned).collect();
    rules.rules.iter().filter(move |rule| {
        if is_glob {
            return glob_matches(&pattern, &rule.id);
        }
        let told = [rule.id.as_str(), rule.kind.as_str(), rule.about.as_str()];
        let told = [&told.join(" "), &rule.keywords.join(" ")].map(|text| text.to_ascii_lowercase());
        words
            .iter()
            .all(|word| told.iter().any(|text| text.contains(word.as_str())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"
version = 1
[[rule]]
id = "acme.ticket"
kind = "system"
pattern = 'ACME-T[0-9]{6}'
keywords = ["acme-t"]
examples = ["see ACME-T123456"]
negative_examples = ["ACME-T12"]
"#;

    fn faults(text: &str) -> Vec<String> {
        let report = check(text, &Profile::gitlab());
        report.faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_sound_file_has_no_findings() {
        let report = check(SOUND, &Profile::gitlab());
        assert!(
            report.faults.is_empty() && report.warnings.is_empty(),
            "{report:?}"
        );
        assert_eq!(report.rules.rules.len(), 1);
    }

    #[test]
    fn every_fault_is_told_with_its_rule() {
        let second = SOUND.split_once("[[rule]]").expect("a rule").1;
        let broken = format!(
            "{SOUND}[[rule]]{}[[rule]]{}[[rule]]{}",
            second
                .replace("acme.ticket", "acme.open")
                .replace("[0-9]{6}", "([0-9]{6}"),
            second
                .replace("acme.ticket", "acme.blind")
                .replace("see ACME-T123456", "see ACME"),
            second
                .replace("acme.ticket", "acme.eager")
                .replace("\"ACME-T12\"", "\"ACME-T999999\""),
        );
        let told = faults(&broken);
        for rule in ["acme.open", "acme.blind", "acme.eager"] {
            assert_eq!(
                told.iter()
                    .filter(|fault| fault.starts_with(&format!("{rule}: ")))
                    .count(),
                1,
                "{told:?}"
            );
        }
        assert_eq!(told.len(), 3, "{told:?}");
    }

    #[test]
    fn files_of_another_shape_are_told_by_line() {
        let told = faults(&SOUND.replace("keywords", "keyword"));
        assert!(
            told.len() == 1 && told[0].starts_with("rules: rule[0]") && told[0].contains("keyword"),
            "{told:?}"
        );
        let told = faults("version = 2\nrule = []");
        assert!(
            told.len() == 1 && told[0].starts_with("rules: version"),
            "{told:?}"
        );
    }

    #[test]
    fn ids_of_built_in_rules_are_taken() {
        let id = &RuleSet::builtin().rules[0].id.clone();
        let told = faults(&SOUND.replace("acme.ticket", id));
        assert_eq!(told, [format!("{id}: a built-in rule has this id")]);
    }

    #[test]
    fn slow_rules_are_warned_of() {
        let text = SOUND
            .replace("keywords = [\"acme-t\"]", "")
            .replace("'ACME-T[0-9]{6}'", "'(?:ACME-T[0-9]{6})?'");
        let report = check(&text, &Profile::gitlab());
        let told: Vec<String> = report.warnings.iter().map(ToString::to_string).collect();
        assert!(
            told.len() == 2
                && told
                    .iter()
                    .all(|warning| warning.starts_with("acme.ticket: has ")),
            "{told:?}"
        );
    }

    #[test]
    fn rules_are_searched_by_glob_and_by_words() {
        let rules = RuleSet::parse(&SOUND.replace("kind =", "about = \"Tickets of Acme's desk\"\nkind ="));
        let rules = rules.expect("sound rules");
        for (pattern, found) in [
            ("*", true),
            ("acme.*", true),
            ("ticket*", false),
            ("DESK acme", true),
            ("system", true),
            ("acme-t", true),
            ("desk lamp", false),
        ] {
            assert_eq!(search(pattern, &rules).count() == 1, found, "{pattern}");
        }
    }

    #[test]
    fn files_add_to_the_built_in_rules() {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let path = dir.path().join("rules.toml");
        std::fs::write(&path, SOUND).expect("a file");
        let profile = Profile::gitlab();
        let builtin = RuleSet::builtin().rules.len();
        let all = load(std::slice::from_ref(&path), &profile).expect("sound rules");
        assert_eq!(all.rules.len(), builtin + 1);
        assert_eq!(load(&[], &profile).expect("built in").rules.len(), builtin);
        let twice = load(&[path.clone(), path.clone()], &profile).expect_err("one id twice");
        assert!(twice.to_string().contains("rule \"acme.ticket\".id"), "{twice}");
        std::fs::write(&path, SOUND.replace("see ACME-T123456", "nothing")).expect("a file");
        let refused = load(std::slice::from_ref(&path), &profile).expect_err("its example disagrees");
        assert_eq!(refused.kind(), ErrorKind::Config);
        assert!(
            refused.to_string().contains("acme.ticket") && refused.advice().is_some(),
            "{refused}"
        );
    }
}
