//! What a sound request means.

use std::path::Path;

use super::{GOOD, at, good, profile, read};
use crate::request::{AdHoc, Instant, ProjectRef, Request, UserRef, conditions, template};

#[test]
fn every_key_is_read() {
    let text = format!(
        "{GOOD}projects = [\"acme/payments/api\", 51191]\nips = [\"203.0.113.7\", \"198.51.100.0/24\", \"::ffff:192.0.2.1\", \"::ffff:192.0.2.0/120\", \"2001:db8::/32\"]\n\
         token_ids = [12, \"pat-7\"]\ncorrelation_ids = [\"01HX\"]\n\
         exclude = {{ users = [\"bot\", 5], ips = [\"10.0.0.1\"], namespaces = [\"acme/x\"], projects = [9], events = [\"raw:Foo*\"] }}\n\
         [disclosure]\npersonal_data = true\n\
         [[exception]]\ncondition = \"scope.nexus\"\nreason = \"court order\"\napproved_by = \"legal: 1\"\n"
    );
    let request = read(&text).expect("a sound request");
    assert_eq!(request.id, "SIRT-2041");
    assert_eq!(request.reference(), "SIRT-2041");
    assert_eq!(request.window.from, Some(at("2026-11-02T00:00:00Z")));
    assert!(request.window.contains(at("2026-11-02T00:00:00Z")));
    assert!(!request.window.contains(at("2026-11-07T00:00:00Z")));
    let labs = &request.scope.namespaces[1];
    assert_eq!(
        (labs.id, labs.since.as_deref()),
        (Some(77), Some("2025-01-01T00:00:00Z"))
    );
    assert_eq!(labs.formerly, ["acmelabs"]);
    let select = &request.selects[0];
    assert_eq!(select.users, [UserRef::Name("mallory".into()), UserRef::Id(1001)]);
    assert_eq!(
        select.projects,
        [
            ProjectRef::Path("acme/payments/api".into()),
            ProjectRef::Id(51191)
        ]
    );
    let ips: Vec<String> = select.ips.iter().map(ToString::to_string).collect();
    assert_eq!(
        ips,
        [
            "203.0.113.7/32",
            "198.51.100.0/24",
            "192.0.2.1/32",
            "192.0.2.0/24",
            "2001:db8::/32"
        ]
    );
    assert_eq!(select.token_ids, ["12", "pat-7"]);
    assert_eq!(
        select.exclude.users,
        [UserRef::Name("bot".into()), UserRef::Id(5)]
    );
    assert!(request.disclosure.personal_data);
    assert_eq!(
        request
            .exception(conditions::NEXUS)
            .map(|e| e.approved_by.as_str()),
        Some("legal: 1")
    );
    assert_eq!(request.exception(conditions::EVENTS_FEW), None);
}

#[test]
fn json_of_the_same_shape_is_equal() {
    let json = r#"{"version":1,"id":"SIRT-2041","requested_at":"2026-11-08T10:00:00+01:00",
        "customer":{"name":"Acme","plan":"ultimate","billing":"paid"},
        "scope":{"namespaces":["acme",{"path":"acme-labs","id":77,"since":"2025-01-01","formerly":["acmelabs"]}],
                 "projects":[{"path":"acme\/payments\/api","id":51191}],
                 "users":[{"username":"alice","id":1001,"emails":["alice@acme.example"],"names":["Alice Abbott"]}],
                 "evidence":"ownership export"},
        "window":{"from":"2026-11-02T00:00:00Z","to":"2026-11-07T00:00:00Z"},
        "select":[{"namespaces":["acme/payments"],"users":["mallory",1001],"events":["membership.*"],"sources":["web","audit"]}]}"#;
    assert_eq!(read(json).expect("valid"), good());
    assert_eq!(read(&format!("\u{feff}\n {json}")).expect("valid"), good());
}

#[test]
fn line_ends_and_byte_order_marks_do_not_matter() {
    assert_eq!(read(&GOOD.replace('\n', "\r\n")).expect("valid"), good());
    assert_eq!(read(&format!("\u{feff}{GOOD}")).expect("valid"), good());
}

#[test]
fn accounts_may_change_hands() {
    let text = GOOD.replace(
        "projects = [{ path = \"acme/payments/api\", id = 51191 }]",
        "projects = [{ path = \"acme/a\", id = 7, until = 2026-11-03 }, { path = \"acme/a\", id = 8, since = 2026-11-03 }, { id = 9 }]",
    );
    let request = read(&text).expect("the periods do not overlap");
    assert_eq!(request.scope.projects.len(), 3);
    assert_eq!(
        request.scope.projects[0].until.as_deref(),
        Some("2026-11-03T00:00:00Z")
    );
}

#[test]
fn without_a_profile_names_are_left_for_later() {
    let text = GOOD
        .replace("membership.*", "zebra.*")
        .replace("\"web\"", "\"wep\"");
    let request = Request::parse(&text, Path::new("")).expect("well-formed");
    let error = request.validate(&profile()).expect_err("unknown names");
    assert_eq!(
        error.to_string(),
        "event: no event of the profile fits \"zebra.*\""
    );
    assert!(good().validate(&profile()).is_ok());
}

#[test]
fn a_look_has_nobody_in_scope() {
    let now = at("2026-11-08T09:00:00Z");
    let flags = AdHoc {
        namespaces: vec!["Acme".into(), "acme".into()],
        projects: vec!["acme/api".into(), "51191".into()],
        users: vec!["@mallory".into(), "1001".into(), "1001".into()],
        events: vec!["membership.*".into(), "raw:Foo#bar".into()],
        sources: vec!["web".into()],
        since: Some("7d".into()),
        until: Some("2026-11-08".into()),
        ..AdHoc::default()
    };
    let request = Request::ad_hoc(&flags, &profile(), now).expect("valid flags");
    assert!(request.ad_hoc && request.customer.is_none() && !request.disclosure.personal_data);
    assert_eq!(request.scope, decostop_profile::Scope::default());
    assert_eq!(request.window.from, Some(at("2026-11-01T09:00:00Z")));
    assert_eq!(request.window.to, Some(at("2026-11-08T00:00:00Z")));
    assert_eq!(request.selects[0].namespaces, ["Acme"]);
    assert_eq!(
        request.selects[0].users,
        [UserRef::Name("mallory".into()), UserRef::Id(1001)]
    );
    assert_eq!(
        request.selects[0].projects,
        [ProjectRef::Path("acme/api".into()), ProjectRef::Id(51191)]
    );
    let assessment = conditions::check(&request, &profile(), now);
    assert!(assessment.accepted && assessment.results.is_empty() && assessment.refusal().is_none());
    assert_eq!(assessment.route, conditions::Route::Support);
    let again = read(&request.to_toml().expect("writable")).expect("readable");
    assert_eq!(again, request);
}

#[test]
fn the_template_reads_and_says_what_is_missing() {
    let now = at("2026-11-08T09:00:00.123456789Z");
    let text = template(now);
    let request = read(&text).expect("the template is a request");
    assert_eq!(request.requested_at, at("2026-11-08T09:00:00Z"));
    let assessment = conditions::check(&request, &profile(), now);
    let refused: Vec<&str> = assessment
        .results
        .iter()
        .filter(|r| r.refuses())
        .map(|r| r.id)
        .collect();
    assert_eq!(
        refused,
        [
            "plan.eligible",
            "scope.evidenced",
            "resources.listed",
            "events.listed"
        ]
    );
    // Filled in as its comments say, it is accepted.
    let filled: String = text
        .replace("plan = \"fill in\"", "plan = \"premium\"")
        .replace("billing = \"fill in\"", "billing = \"paid\"")
        .replace("evidence = \"\"", "evidence = \"export\"")
        .replace("# namespaces = [\"acme\",", "namespaces = [\"acme\",")
        .replace(
            "# namespaces = [\"acme/payments\"]",
            "namespaces = [\"acme/payments\"]",
        )
        .replace(
            "# events = [\"membership.*\", \"token.created\",",
            "events = [\"membership.*\",",
        );
    let request = read(&filled).expect("a filled template");
    let assessment = conditions::check(&request, &profile(), now);
    assert!(assessment.accepted, "{:?}", assessment.results);
}

#[test]
fn every_example_of_the_template_reads() {
    let text = template(Instant(1_790_000_000_000_000_000));
    let mut out = String::new();
    for line in text.lines() {
        // Examples are comments that look like `# key = …` or `# [[table]]`.
        let example = line.strip_prefix("# ").filter(|rest| {
            rest.starts_with("[[")
                || rest
                    .split_once(" = ")
                    .is_some_and(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        });
        let files = line.contains("_file");
        out.push_str(if files { "" } else { example.unwrap_or(line) });
        out.push('\n');
    }
    let request = Request::parse(&out, Path::new("")).expect("every example is valid");
    assert_eq!(request.selects[0].token_ids, ["4711"]);
    assert_eq!(request.exceptions.len(), 1);
    assert_eq!(request.scope.users.len(), 1);
    assert_eq!(request.reference(), "ticket 1");
}
