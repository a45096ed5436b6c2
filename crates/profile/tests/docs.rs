//! The documentation's examples work, and its lists are complete.

use decostop_profile::{Class, Profile, RuleSet};

const POLICY: &str = include_str!("../../../docs/POLICY.md");

#[test]
fn the_small_profile_of_the_documentation_checks_clean() {
    let text = POLICY
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("a first example");
    let profile = Profile::parse(text).unwrap_or_else(|error| panic!("{error}"));
    let findings: Vec<_> = profile.check().findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{findings:?}");
}

#[test]
fn every_class_and_key_is_documented() {
    for class in Class::ALL {
        assert!(
            POLICY.contains(&format!("`{}`", class.as_str())),
            "{}",
            class.as_str()
        );
    }
    let loader = include_str!("../src/load.rs");
    let keys = [
        "conditions",
        "wrappers",
        "internal",
        "paths",
        "params",
        "vocabulary",
        "fieldset",
        "source",
        "event",
    ];
    for key in keys.iter().chain(&[
        "template",
        "discriminators",
        "access_log",
        "uses",
        "columns",
        "unknown",
    ]) {
        assert!(loader.contains(key), "{key}");
        let written = if *key == "uses" { "use" } else { key };
        assert!(POLICY.contains(written), "{written}");
    }
}

const RULES: &str = include_str!("../../../docs/RULES.md");

#[test]
fn the_rule_file_of_the_documentation_is_sound() {
    let text = RULES
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .expect("an example");
    let set = RuleSet::parse(text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(set.rules.len(), 2);
    for rule in &set.rules {
        let regex = regex::bytes::RegexBuilder::new(&rule.pattern)
            .unicode(false)
            .build()
            .unwrap_or_else(|error| panic!("{error}"));
        for text in &rule.examples {
            assert!(regex.is_match(text.as_bytes()), "{}: {text}", rule.id);
        }
    }
}

#[test]
fn every_key_kind_and_validator_of_rules_is_documented() {
    let model = include_str!("../src/rules.rs");
    let entry = model
        .split("struct RuleEntry {")
        .nth(1)
        .and_then(|rest| rest.split('}').next())
        .expect("the shape of a rule");
    let keys = entry
        .lines()
        .filter_map(|line| line.trim().split_once(": ").map(|(key, _)| key));
    let mut seen = 0;
    for key in keys {
        seen += 1;
        assert!(RULES.contains(&format!("| `{key}` |")), "{key}");
    }
    assert_eq!(seen, 9);
    let validators = model
        .split("pub enum Validator {")
        .nth(1)
        .and_then(|rest| rest.split("\n}").next())
        .expect("the validators");
    for name in validators
        .lines()
        .filter_map(|line| line.trim().strip_suffix(','))
    {
        let mut snake = String::new();
        for letter in name.chars() {
            if letter.is_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.push(letter.to_ascii_lowercase());
        }
        assert!(RULES.contains(&format!("| `{snake}` |")), "{snake}");
    }
}
