//! STAND-IN, to be dropped for the engine: compiles rules and runs their examples on patterns alone.

use decostop_profile::{Profile, RuleSet};
use regex_automata::meta::Regex;

/// What is wrong with a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RuleFault {
    /// Its id.
    pub rule: String,
    /// What does not hold.
    pub reason: String,
}

/// Compiles each rule and runs its examples.
pub fn check_rules(rules: &RuleSet, _profile: &Profile) -> Vec<RuleFault> {
    let mut faults = Vec::new();
    for rule in &rules.rules {
        let mut fault = |reason: String| {
            faults.push(RuleFault {
                rule: rule.id.clone(),
                reason,
            });
        };
        let syntax = regex_automata::util::syntax::Config::new()
            .unicode(false)
            .utf8(false);
        let Ok(regex) = Regex::builder().syntax(syntax).build(&rule.pattern) else {
            fault("pattern does not compile".to_owned());
            continue;
        };
        for (at, text) in rule.examples.iter().enumerate() {
            if !regex.is_match(text) {
                fault(format!("examples[{at}] is not found"));
            }
        }
        for (at, text) in rule.negative_examples.iter().enumerate() {
            if rule.validators.is_empty() && regex.is_match(text) {
                fault(format!("negative_examples[{at}] is found"));
            }
        }
    }
    faults
}
