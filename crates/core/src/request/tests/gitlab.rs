//! Requests against the built-in profile.

use std::path::Path;

use decostop_profile::Profile;

use super::at;
use crate::request::conditions::{self, Assessment, Route, check};
use crate::request::{Request, events};

/// The contract's example, without the files beside it.
const EXAMPLE: &str = r#"
version = 1
id = "SIRT-2041"
requested_at = 2026-11-08T09:00:00Z

[customer]
name = "Acme"
plan = "ultimate"                      # premium and ultimate are eligible
billing = "paid"                       # paid, trial, unpaid, deprecated
reference = "ticket 5512"              # optional: shown to the customer instead of the id

[scope]                                # what the customer owns; only this may be disclosed
namespaces = ["acme", { path = "acme-labs", id = 77, since = 2025-01-01, formerly = ["acmelabs"] }]
projects = [{ path = "acme/payments/api", id = 51191 }]
users = [{ username = "alice", id = 1001, emails = ["alice@acme.example"], names = ["Alice Abbott"] }]
evidence = "ownership export of 2026-11-08"

[window]                               # half-open [from, to)
from = 2026-11-01T00:00:00Z
to   = 2026-11-07T00:00:00Z

[[select]]
namespaces = ["acme/payments"]
users = ["mallory", 1001]              # names or ids
events = ["membership.*", "token.created", "raw:Projects::BlobController#show"]
sources = ["production_json", "audit_json"]
exclude = { users = ["bot"], ips = ["203.0.113.0/24"] }
[[select]]
users = ["alice"]
events = ["repository.read"]

[disclosure]
personal_data = false
"#;

fn assess(text: &str) -> Assessment {
    let profile = Profile::gitlab();
    let request = Request::parse_with(text, Path::new(""), &profile).expect("a sound request");
    check(&request, &profile, at("2026-11-08T10:00:00Z"))
}

#[test]
fn the_example_is_accepted() {
    let assessment = assess(EXAMPLE);
    assert!(assessment.accepted, "{:?}", assessment.results);
    assert_eq!(
        assessment.route,
        Route::Sirt,
        "the window begins 7 days and 9 hours before the request"
    );
    assert_eq!(assessment.route_reasons.len(), 1);
    assert_eq!(assessment.warnings, [] as [&str; 0]);
}

#[test]
fn broad_globs_are_too_many_events() {
    for pattern in ["*", "raw:*", "raw:*#*", "raw:*e*"] {
        let assessment = assess(&EXAMPLE.replace("repository.read", pattern));
        let refused: Vec<&str> = assessment
            .results
            .iter()
            .filter(|r| r.refuses())
            .map(|r| r.id)
            .collect();
        assert_eq!(refused, [conditions::EVENTS_FEW], "{pattern}");
    }
}

#[test]
fn every_public_event_is_logged_by_some_source() {
    let profile = Profile::gitlab();
    for event in &profile.events {
        assert_eq!(events::expand(&event.name, &profile).len(), 1, "{}", event.name);
        let alone = [event.name.clone()];
        let logged = |source| !events::raw_patterns_of(&alone, source, &profile).is_empty();
        assert!(profile.sources.iter().any(logged), "{}", event.name);
    }
}
