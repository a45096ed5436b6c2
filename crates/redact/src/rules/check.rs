//! Whether rules do what their examples say.

use std::sync::Arc;

use decostop_profile::{Profile, Rule, RuleSet, Validator};
use regex_automata::util::syntax;

use super::{Detectors, Work, compile, syntax_config};
use crate::plan::ProfilePlan;

/// What is wrong with a rule. Holds parts of the rule, never log bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RuleFault {
    /// The rule's id.
    pub rule: String,
    /// What is wrong, for people.
    pub reason: String,
}

/// Compiles each rule and runs its examples: everything that is wrong, in the order of the rules.
///
/// A profile that names no internal domains does not judge examples of rules about internal hosts.
/// Takes about half a millisecond a rule.
pub fn check_rules(rules: &RuleSet, profile: &Profile) -> Vec<RuleFault> {
    // Only what is internal is asked of the plan.
    let ground = ProfilePlan::new(Arc::new(profile.clone()));
    let mut faults = Vec::new();
    for rule in &rules.rules {
        let reasons = match &ground {
            Ok(ground) => check(rule, ground, profile),
            Err(error) => vec![error.to_string()],
        };
        let id = &rule.id;
        faults.extend(reasons.into_iter().map(|reason| RuleFault {
            rule: id.clone(),
            reason,
        }));
    }
    faults
}

fn check(rule: &Rule, ground: &ProfilePlan, profile: &Profile) -> Vec<String> {
    if let Err(error) = syntax::parse_with(&rule.pattern, &syntax_config()) {
        let first = error.to_string();
        // The last line of the message says what is wrong; the others draw where.
        let what = first.lines().last().unwrap_or_default().trim();
        return vec![format!("its pattern is no regular expression over bytes: {what}")];
    }
    let Some(regex) = compile(&rule.pattern) else {
        return vec!["its pattern is too large when compiled".to_owned()];
    };
    let mut reasons = Vec::new();
    if regex.is_match("") {
        reasons.push("its pattern matches the empty text".to_owned());
    }
    if rule.validators.contains(&Validator::InternalHost) && profile.internal_domains.is_empty() {
        return reasons;
    }
    let mut alone = RuleSet::default();
    alone.rules.push(rule.clone());
    let Ok(detectors) = Detectors::new(Arc::new(alone)) else {
        return reasons;
    };
    let finds = |text: &str| {
        let mut found = Vec::new();
        detectors
            .find(text.as_bytes(), ground, &mut Work::of(text.len()), &mut found)
            .map(|()| !found.is_empty())
    };
    for (nth, text) in (1..).zip(&rule.examples) {
        match finds(text) {
            Some(true) => {}
            Some(false) if regex.is_match(text) && !has_keyword(rule, text) => {
                reasons.push(format!("its example {nth} holds none of its keywords"));
            }
            Some(false) if regex.is_match(text) => {
                reasons.push(format!(
                    "its example {nth} fits the pattern, but a validator refuses it or no keyword is near"
                ));
            }
            Some(false) => reasons.push(format!("it does not find its example {nth}")),
            None => reasons.push(format!("it takes too long on its example {nth}")),
        }
    }
    for (nth, text) in (1..).zip(&rule.negative_examples) {
        if finds(text) != Some(false) {
            reasons.push(format!("it finds something in its negative example {nth}"));
        }
    }
    reasons
}

fn has_keyword(rule: &Rule, text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    rule.keywords.is_empty()
        || rule
            .keywords
            .iter()
            .any(|keyword| text.contains(&keyword.to_ascii_lowercase()))
}
