//! The documentation's examples work, and its lists are complete.

use decostop_profile::{Class, Profile};

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
