//! What event patterns stand for.

use super::profile;
use crate::request::Select;
use crate::request::events::{Count, count, expand, raw_patterns, raw_patterns_of, search};

fn names(pattern: &str) -> Vec<String> {
    expand(pattern, &profile())
        .into_iter()
        .map(|event| event.name.clone())
        .collect()
}

#[test]
fn globs_expand_in_the_profiles_order() {
    assert_eq!(names("membership.*"), ["membership.added", "membership.removed"]);
    assert_eq!(names("*.read"), ["repository.read"]);
    assert_eq!(names("membership.added"), ["membership.added"]);
    assert_eq!(names("Membership.added"), [] as [&str; 0]);
    assert_eq!(names("raw:*"), [] as [&str; 0]);
}

#[test]
fn raw_patterns_by_source() {
    let profile = profile();
    let source = |name: &str| profile.source(name).expect("a source of the test profile");
    let select = |events: &[&str]| Select {
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        ..Select::default()
    };
    let mixed = select(&["membership.*", "raw:Foo#bar", "membership.added"]);
    assert_eq!(
        raw_patterns(&mixed, source("audit"), &profile),
        [
            "user_add_to_group",
            "member_created",
            "user_remove_from_group",
            "Foo#bar"
        ]
    );
    assert_eq!(
        raw_patterns(&mixed, source("web"), &profile),
        ["Groups::MembersController#create", "Foo#bar"]
    );
    assert_eq!(
        raw_patterns(&select(&["repository.read"]), source("audit"), &profile),
        [] as [&str; 0]
    );
    assert_eq!(raw_patterns(&select(&[]), source("audit"), &profile), ["*"]);
    assert_eq!(raw_patterns_of(&[], source("audit"), &profile), [] as [&str; 0]);
}

#[test]
fn counting() {
    let profile = profile();
    let named = |patterns: &[&str]| count(patterns.iter().copied(), &profile);
    for (patterns, want, everything) in [
        (&[] as &[&str], 0, false),
        (&["membership.*"], 2, false),
        (&["membership.*", "membership.added"], 2, false),
        (&["*"], 3, false),
        (&["raw:anything"], 1, false),
        (&["raw:nothing_like_it*"], 1, false),
        (&["raw:ProjectsController#*"], 2, false),
        (
            &["raw:ProjectsController#*", "raw:ProjectsController#show"],
            2,
            false,
        ),
        (&["raw:user_*"], 2, false),
    ] {
        assert_eq!(
            named(patterns),
            Count {
                named: want,
                everything
            },
            "{patterns:?}"
        );
    }
    assert!(named(&["raw:*"]).everything && named(&["raw:*"]).named > 5);
}

#[test]
fn events_are_searched_by_name_word_and_raw_event() {
    let profile = profile();
    let found = |pattern: &str, source: Option<&str>| {
        search(pattern, source, &profile).map_or_else(
            |error| vec![format!("{error} | {}", error.advice().unwrap_or_default())],
            |events| events.iter().map(|event| event.name.clone()).collect(),
        )
    };
    for (pattern, source, want) in [
        (
            "membership.*",
            None,
            &["membership.added", "membership.removed"] as &[&str],
        ),
        ("membership", None, &["membership.added", "membership.removed"]),
        ("MEMBER_CREATED", None, &["membership.added"]),
        ("remove", None, &["membership.removed"]),
        (
            "remove zebra",
            None,
            &[
                "events: no event holds \"remove zebra\" in its name, its description or what the sources log | \
             did you mean \"removed\"?",
            ],
        ),
        ("raw:Groups::*#create", None, &["membership.added"]),
        ("membership", Some("web"), &["membership.added"]),
        (
            "membership.removed",
            Some("web"),
            &["events: web shows no such event | look in audit"],
        ),
        ("user_add_to_group", Some("web"), &["membership.added"]),
        (
            "membrship",
            None,
            &[
                "events: no event holds \"membrship\" in its name, its description or what the sources log | \
             did you mean \"membership\"?",
            ],
        ),
        (
            "membrship.*",
            None,
            &["events: no event of the profile fits \"membrship.*\" | did you mean \"membership.*\"?"],
        ),
        (
            "raw:nothing",
            None,
            &[
                "events: no public event stands for it | a request may name it all the same: events = [\"raw:nothing\"]",
            ],
        ),
        (
            "membership",
            Some("wbe"),
            &["--source: the profile has no source \"wbe\" | did you mean \"web\"?"],
        ),
    ] {
        assert_eq!(found(pattern, source), want, "{pattern} {source:?}");
    }
    assert_eq!(
        search("", None, &profile).map_or(0, |all| all.len()),
        profile.events.len()
    );
}
