//! This crate's own rules: data in `data/rules.toml`, each with examples that it must and must not hit.

use std::net::IpAddr;
use std::sync::{LazyLock, OnceLock};

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;

use super::check::{iban, luhn};
use crate::internal::Internal;

static BUILT_IN: LazyLock<Own> = LazyLock::new(|| {
    Own::parse(include_str!("../../../data/rules.toml")).expect("the built-in rules are constant and tested")
});

/// Own rules, compiled.
pub(super) struct Own {
    any: RegexSet,
    rules: Vec<Rule>,
}

struct Rule {
    id: String,
    pattern: String,
    /// Compiled at the first match that has to be checked: the set finds most of what there is.
    compiled: OnceLock<Regex>,
    check: Option<Check>,
}

/// What a match must be beyond its pattern.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Check {
    HasDigit,
    Iban,
    InternalAddress,
    InternalHost,
    Luhn,
    SetSecret,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleFile {
    rule: Vec<RuleEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleEntry {
    id: String,
    pattern: String,
    check: Option<Check>,
    #[cfg_attr(not(test), expect(dead_code, reason = "examples run in the tests"))]
    examples: Vec<String>,
    #[cfg_attr(not(test), expect(dead_code, reason = "examples run in the tests"))]
    negative_examples: Vec<String>,
}

impl Own {
    /// The built-in rules, compiled once per process.
    pub(super) fn built_in() -> &'static Self {
        &BUILT_IN
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let file: RuleFile = toml::from_str(text)?;
        let any = RegexSetBuilder::new(file.rule.iter().map(|rule| &rule.pattern))
            .unicode(false)
            .build()?;
        let rules = file.rule.into_iter().map(Rule::from).collect();
        Ok(Self { any, rules })
    }

    /// The id of the first rule that a text breaks.
    pub(super) fn find(&self, text: &str, internal: &Internal) -> Option<&str> {
        if is_plain(text) {
            return None;
        }
        let hits = self.any.matches(text.as_bytes());
        let broken = |rule: &&Rule| {
            rule.check
                .is_none_or(|check| rule.confirmed(check, text, internal))
        };
        hits.into_iter()
            .filter_map(|n| self.rules.get(n))
            .find(broken)
            .map(|rule| rule.id.as_str())
    }
}

/// Short words with a little punctuation: nothing that any rule could match. The automaton costs
/// ten times as much as this look.
fn is_plain(text: &str) -> bool {
    let mut letters = 0;
    text.bytes().all(|b| {
        letters = if b.is_ascii_alphabetic() { letters + 1 } else { 0 };
        letters < LONGEST_PLAIN_WORD && (b.is_ascii_alphabetic() || b" ,;!?()[]'\x01".contains(&b))
    })
}

/// Longer runs of letters may be keys.
const LONGEST_PLAIN_WORD: u32 = 16;

impl From<RuleEntry> for Rule {
    fn from(entry: RuleEntry) -> Self {
        Self {
            id: entry.id,
            pattern: entry.pattern,
            compiled: OnceLock::new(),
            check: entry.check,
        }
    }
}

impl Rule {
    fn regex(&self) -> &Regex {
        // The set compiles the same patterns with the same settings.
        self.compiled.get_or_init(|| {
            let built = RegexBuilder::new(&self.pattern).unicode(false).build();
            built.expect("the built-in rules are constant and tested")
        })
    }

    fn confirmed(&self, check: Check, text: &str, internal: &Internal) -> bool {
        if check == Check::InternalHost {
            return internal.host(&crate::fold::fold(text));
        }
        // A match may swallow the start of the next one: go on one byte after each start.
        let bytes = text.as_bytes();
        let mut from = 0;
        while let Some(found) = bytes
            .get(from..)
            .and_then(|_| self.regex().captures_at(bytes, from))
        {
            let Some(part) = found.get(1).or_else(|| found.get(0)) else {
                return false;
            };
            if check.holds(part.as_bytes(), internal) {
                return true;
            }
            from = part.start().max(from) + 1;
        }
        false
    }
}

impl Check {
    fn holds(self, part: &[u8], internal: &Internal) -> bool {
        let text = std::str::from_utf8(part).unwrap_or_default();
        match self {
            Self::HasDigit => part.iter().any(u8::is_ascii_digit),
            Self::Iban => iban(text),
            Self::InternalAddress => {
                let text = text.trim_end_matches('.');
                text.parse::<IpAddr>()
                    .is_ok_and(|address| internal.address(address))
            }
            Self::InternalHost => internal.host(text),
            Self::Luhn => luhn(part),
            Self::SetSecret => is_set(text),
        }
    }
}

/// Stricter than the shared validator: only what the redactor writes and what logs say of absent values.
fn is_set(text: &str) -> bool {
    const HARMLESS: &[&str] = &[
        "[text]",
        "[secret]",
        "[key]",
        "[event]",
        "[filtered]",
        "true",
        "false",
        "null",
        "nil",
        "none",
        "yes",
        "no",
        "invalid",
        "missing",
        "expired",
        "filtered",
        "required",
    ];
    let value = crate::fold::fold(text);
    !HARMLESS.contains(&value.trim_end_matches(['.', '!', '?', ')', ']']))
        && !HARMLESS.contains(&value.as_ref())
}

#[cfg(test)]
impl Own {
    /// What each rule must find.
    pub(super) fn examples() -> Vec<(String, String)> {
        let file: RuleFile = toml::from_str(include_str!("../../../data/rules.toml")).expect("valid TOML");
        let each = |rule: RuleEntry| {
            let id = rule.id;
            rule.examples
                .into_iter()
                .map(move |example| (id.clone(), example))
        };
        file.rule.into_iter().flat_map(each).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_agree() {
        let file: RuleFile = toml::from_str(include_str!("../../../data/rules.toml")).expect("valid TOML");
        let internal = crate::testing::internal();
        let mut faults = Vec::new();
        for entry in file.rule {
            let (examples, negative_examples) = (entry.examples.clone(), entry.negative_examples.clone());
            let rule = Rule::from(entry);
            let fires = |text: &str| {
                !is_plain(text)
                    && rule.regex().is_match(text.as_bytes())
                    && rule
                        .check
                        .is_none_or(|check| rule.confirmed(check, text, &internal))
            };
            faults.extend(
                examples
                    .iter()
                    .filter(|text| !fires(text))
                    .map(|text| format!("{}: {text}", rule.id)),
            );
            faults.extend(
                negative_examples
                    .iter()
                    .filter(|text| fires(text))
                    .map(|text| format!("not {}: {text}", rule.id)),
            );
            assert!(
                !examples.is_empty() && !negative_examples.is_empty(),
                "{}",
                rule.id
            );
        }
        assert!(faults.is_empty(), "{faults:#?}");
    }
}
