//! The detectors: data in `data/rules.toml`, each rule with examples that it must and must not hit.

use std::net::IpAddr;
use std::sync::{LazyLock, OnceLock};

use regex::bytes::{Regex, RegexBuilder, RegexSet, RegexSetBuilder};
use serde::Deserialize;

use crate::internal::Internal;

static BUILT_IN: LazyLock<Rules> = LazyLock::new(|| {
    Rules::parse(include_str!("../../data/rules.toml")).expect("the built-in rules are constant and tested")
});

/// Compiled rules.
pub(crate) struct Rules {
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

impl Rules {
    /// The built-in rules, compiled once per process.
    pub(crate) fn built_in() -> &'static Self {
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
    pub(crate) fn find(&self, text: &str, internal: &Internal) -> Option<&str> {
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
            Self::SetSecret => {
                const HARMLESS: &[&str] = &[
                    "[text]",
                    "[secret]",
                    "[key]",
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
        }
    }
}

fn luhn(part: &[u8]) -> bool {
    let digits: Vec<u32> = part
        .iter()
        .filter(|b| b.is_ascii_digit())
        .map(|b| u32::from(b - b'0'))
        .collect();
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(nth, &digit)| match (nth % 2, digit * 2) {
            (0, _) => digit,
            (_, double) if double > 9 => double - 9,
            (_, double) => double,
        })
        .sum();
    digits.iter().any(|&digit| digit != 0) && sum.is_multiple_of(10)
}

fn iban(text: &str) -> bool {
    let compact: String = text.chars().filter(|c| *c != ' ').collect();
    let Some((head, body)) = compact.split_at_checked(4) else {
        return false;
    };
    (15..=34).contains(&compact.len())
        && body.chars().chain(head.chars()).try_fold(0u32, |rest, c| {
            let value = c.to_digit(36)?;
            Some(if value < 10 {
                (rest * 10 + value) % 97
            } else {
                (rest * 100 + value) % 97
            })
        }) == Some(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_agree() {
        let file: RuleFile = toml::from_str(include_str!("../../data/rules.toml")).expect("valid TOML");
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
