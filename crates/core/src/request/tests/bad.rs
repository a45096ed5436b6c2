//! What a wrong request is told.

use std::path::Path;

use super::{GOOD, profile, read};
use crate::ErrorKind;
use crate::request::{AdHoc, Instant, Request};

/// Replaces the one occurrence of `old`.
fn with(old: &str, new: &str) -> String {
    assert_eq!(GOOD.matches(old).count(), 1, "{old}");
    GOOD.replacen(old, new, 1)
}

/// What is changed, what becomes of it, the error, the hint.
const CASES: &[(&str, &str, &str, &str)] = &[
    // Unknown keys.
    (
        "[customer]",
        "surprise = 1\n[customer]",
        "line 5, column 1: surprise: unknown key",
        "the keys here are version, id, requested_at, ad_hoc, customer, scope, window, select, disclosure, exception",
    ),
    (
        "[customer]",
        "selects = 1\n[customer]",
        "line 5, column 1: selects: unknown key",
        "did you mean \"select\"?",
    ),
    (
        "plan = ",
        "plane = ",
        "line 7, column 1: customer.plane: unknown key",
        "did you mean \"plan\"?",
    ),
    (
        "id = 77",
        "ids = 77",
        "line 11, column 45: scope.namespaces.ids: unknown key",
        "did you mean \"id\"?",
    ),
    (
        "emails = [",
        "email = [",
        "line 13, column 43: scope.users.email: unknown key",
        "did you mean \"emails\"?",
    ),
    (
        "from = ",
        "From = ",
        "line 17, column 1: window.From: unknown key",
        "did you mean \"from\"?",
    ),
    (
        "events = ",
        "event = ",
        "line 23, column 1: select.event: unknown key",
        "did you mean \"events\"?",
    ),
    (
        "sources = ",
        "exclude = { tokens = [1] }\nsources = ",
        "line 24, column 13: select.exclude.tokens: unknown key",
        "the keys here are namespaces, projects, users, events, ips",
    ),
    (
        "[window]",
        "[disclosure]\npersonal = true\n[window]",
        "line 17, column 1: disclosure.personal: unknown key",
        "did you mean \"personal_data\"?",
    ),
    (
        "[window]",
        "[[exception]]\nwhy = \"x\"\n[window]",
        "line 17, column 1: exception.why: unknown key",
        "the keys here are condition, reason, approved_by",
    ),
    (
        "id = \"SIRT",
        "\"a\\nb\" = 1\nid = \"SIRT",
        "line 2, column 1: a\\nb: unknown key",
        "the keys here are version, id, requested_at, ad_hoc, customer, scope, window, select, disclosure, exception",
    ),
    // Missing keys.
    (
        "version = 1\n",
        "",
        "line 1, column 1: version: this key is missing",
        "",
    ),
    (
        "id = \"SIRT-2041\"\n",
        "",
        "line 1, column 1: id: this key is missing",
        "",
    ),
    (
        "requested_at = 2026-11-08T09:00:00Z\n",
        "",
        "line 1, column 1: requested_at: this key is missing",
        "",
    ),
    (
        "billing = \"paid\"\n",
        "",
        "line 5, column 1: customer.billing: this key is missing",
        "",
    ),
    (
        "{ path = \"acme-labs\", id = 77, ",
        "{ id = 77, ",
        "line 11, column 23: scope.namespaces.path: this key is missing",
        "",
    ),
    (
        "[window]",
        "[[exception]]\ncondition = \"window.longest\"\nreason = \"x\"\n[window]",
        "line 16, column 1: exception.approved_by: this key is missing",
        "",
    ),
    // Wrong types.
    (
        "version = 1",
        "version = \"1\"",
        "line 1, column 11: version: expected the integer 1, found a string",
        "",
    ),
    (
        "version = 1",
        "version = 2",
        "line 1, column 11: version: only version 1 of the format is known",
        "",
    ),
    (
        "id = \"SIRT-2041\"",
        "id = 2041",
        "line 2, column 6: id: expected a string, found an integer",
        "",
    ),
    (
        "name = \"Acme\"",
        "name = [\"Acme\"]",
        "line 6, column 8: customer.name: expected a string, found a list",
        "",
    ),
    (
        "id = 51191",
        "id = \"51191\"",
        "line 12, column 48: scope.projects.id: expected an integer, found a string",
        "",
    ),
    (
        "id = 51191",
        "id = 51191.5",
        "line 12, column 48: scope.projects.id: expected an integer, found a number with a fraction",
        "",
    ),
    (
        "namespaces = [\"acme/payments\"]",
        "namespaces = \"acme/payments\"",
        "line 21, column 14: select.namespaces: expected a list, found a string",
        "",
    ),
    (
        "users = [\"mallory\", 1001]",
        "users = [\"mallory\", true]",
        "line 22, column 21: select.users: expected a user name or an id, found a boolean",
        "",
    ),
    (
        "[window]\nfrom = 2026-11-02T00:00:00Z\nto = 2026-11-07T00:00:00Z",
        "[[window]]",
        "line 16, column 1: window: expected a table, found a list",
        "",
    ),
    (
        "[[select]]",
        "[select]",
        "line 20, column 1: select: expected a list, found a table",
        "",
    ),
    (
        "[window]",
        "[disclosure]\npersonal_data = \"yes\"\n[window]",
        "line 17, column 17: disclosure.personal_data: expected true or false, found a string",
        "",
    ),
    (
        "2026-11-02T00:00:00Z",
        "20261102",
        "line 17, column 8: window.from: expected a date and time, found an integer",
        "",
    ),
    // Empty.
    (
        "id = \"SIRT-2041\"",
        "id = \"\"",
        "line 2, column 6: id: an empty string",
        "",
    ),
    (
        "plan = \"ultimate\"",
        "plan = \" \"",
        "line 7, column 8: customer.plan: an empty string",
        "",
    ),
    (
        "events = [\"membership.*\"]",
        "events = []",
        "line 23, column 10: select.events: an empty list",
        "leave the key out if nothing is meant",
    ),
    (
        "formerly = [\"acmelabs\"]",
        "formerly = []",
        "line 11, column 85: scope.namespaces.formerly: an empty list",
        "leave the key out if nothing is meant",
    ),
    (
        "users = [\"mallory\", 1001]",
        "users = [\"\"]",
        "line 22, column 10: select.users: an empty string",
        "",
    ),
    // Bad values.
    (
        "id = \"SIRT-2041\"",
        "id = \"SIRT\\n2041\"",
        "line 2, column 6: id: holds a control character",
        "",
    ),
    (
        "id = \"SIRT-2041\"",
        "id = \" SIRT\"",
        "line 2, column 6: id: begins or ends with a space",
        "",
    ),
    (
        "[\"acme/payments\"]",
        "[\"/acme/payments\"]",
        "line 21, column 15: select.namespaces: a path neither begins nor ends with `/`",
        "",
    ),
    (
        "[\"acme/payments\"]",
        "[\"acme/payments/\"]",
        "line 21, column 15: select.namespaces: a path neither begins nor ends with `/`",
        "",
    ),
    (
        "[\"acme/payments\"]",
        "[\"acme//payments\"]",
        "line 21, column 15: select.namespaces: a path has no empty segments",
        "",
    ),
    (
        "[\"acme/payments\"]",
        "[\"acme/\\u0001\"]",
        "line 21, column 15: select.namespaces: holds a control character",
        "",
    ),
    (
        "[\"acme/payments\"]",
        "[\"acme/*\"]",
        "line 21, column 15: select.namespaces: a path is no glob",
        "a namespace stands for everything below it",
    ),
    (
        "[\"acme/payments\"]",
        "[\"acme/../other\"]",
        "line 21, column 15: select.namespaces: `..` is no segment of a namespace or project path",
        "",
    ),
    (
        "[\"acme/payments\"]",
        "[\"acme/api/-/tree\"]",
        "line 21, column 15: select.namespaces: `-` is no segment of a namespace or project path",
        "",
    ),
    (
        "[\"acme/payments\"]",
        "[\"acme pay\"]",
        "line 21, column 15: select.namespaces: a path holds no space, `?`, `#`, `%` or `\\`",
        "",
    ),
    (
        "[\"acme/payments\"]",
        "[\"https://gitlab.example/acme\"]",
        "line 21, column 15: select.namespaces: a URL; a path is what follows the host, such as acme/payments",
        "",
    ),
    (
        "path = \"acme/payments/api\"",
        "path = \"acme/\"",
        "line 12, column 22: scope.projects.path: a path neither begins nor ends with `/`",
        "",
    ),
    (
        "id = 77",
        "id = 0",
        "line 11, column 50: scope.namespaces.id: an id is a positive integer",
        "",
    ),
    (
        "users = [\"mallory\", 1001]",
        "users = [-1]",
        "line 22, column 10: select.users: an id is a positive integer",
        "",
    ),
    (
        "id = 51191",
        "id = 9223372036854775808",
        "line 12, column 48: scope.projects.id: an id of more than 63 bits",
        "",
    ),
    (
        "alice@acme.example",
        "alice",
        "line 13, column 53: scope.users.emails: not an e-mail address",
        "",
    ),
    (
        "sources = [",
        "ips = [\"203.0.113.300\"]\nsources = [",
        "line 24, column 8: select.ips: not an IP address or a range such as 203.0.113.0/24",
        "",
    ),
    (
        "sources = [",
        "ips = [\"203.0.113.7/24\"]\nsources = [",
        "line 24, column 8: select.ips: this range has bits set behind its prefix",
        "write its first address, or one address without `/`",
    ),
    (
        "sources = [",
        "ips = [\"::/0\"]\nsources = [",
        "line 24, column 8: select.ips: this range holds every address",
        "",
    ),
    (
        "sources = [",
        "token_ids = [0]\nsources = [",
        "line 24, column 14: select.token_ids: an id is a positive integer",
        "",
    ),
    (
        "evidence = \"ownership export\"",
        "evidence = \"a\\u001b[2J\"",
        "line 14, column 12: scope.evidence: holds a control character",
        "",
    ),
    // Times.
    (
        "requested_at = 2026-11-08T09:00:00Z",
        "requested_at = 2026-11-08T09:00:00",
        "line 3, column 16: requested_at: the time has no offset: add Z for UTC or the offset, as in 2026-11-01T00:00:00+01:00",
        "",
    ),
    (
        "from = 2026-11-02T00:00:00Z",
        "from = \"2026-11-02T00:00:00\"",
        "line 17, column 8: window.from: the time has no offset: add Z for UTC or the offset, as in 2026-11-01T00:00:00+01:00",
        "",
    ),
    (
        "from = 2026-11-02T00:00:00Z",
        "from = 2026-11-02",
        "line 17, column 8: window.from: a date alone is no instant: add the time and its offset, as in 2026-11-01T00:00:00Z",
        "",
    ),
    (
        "from = 2026-11-02T00:00:00Z",
        "from = \"last week\"",
        "line 17, column 8: window.from: not a date and time as RFC 3339 writes them, such as 2026-11-01T00:00:00Z",
        "",
    ),
    (
        "since = 2025-01-01,",
        "since = 2025-01-01, until = 2025-01-01T00:00:00Z,",
        "line 11, column 82: scope.namespaces.until: must lie after `since`",
        "",
    ),
    // Duplicates.
    (
        "[\"acme/payments\"]",
        "[\"acme/payments\", \"ACME/Payments\"]",
        "line 21, column 32: select.namespaces: this entry is listed twice",
        "",
    ),
    (
        "users = [\"mallory\", 1001]",
        "users = [\"mallory\", \"@Mallory\"]",
        "line 22, column 21: select.users: this entry is listed twice",
        "",
    ),
    (
        "namespaces = [\"acme\", ",
        "namespaces = [\"acme\", \"Acme\", ",
        "line 11, column 23: scope.namespaces: this entry is listed twice",
        "",
    ),
    (
        "[{ path = \"acme/payments/api\", id = 51191 }]",
        "[{ path = \"acme/a\", id = 7 }, { path = \"acme/b\", id = 7 }]",
        "line 12, column 42: scope.projects: this id is listed twice; earlier names of one account belong under `formerly`",
        "",
    ),
    (
        "formerly = [\"acmelabs\"]",
        "formerly = [\"ACME-labs\"]",
        "line 11, column 85: scope.namespaces.formerly: the entry itself is among its earlier names",
        "",
    ),
    (
        "id = \"SIRT-2041\"",
        "id = \"a\"\nid = \"b\"",
        "line 3, column 1: duplicate key",
        "",
    ),
    // Exceptions.
    (
        "[window]",
        "[[exception]]\ncondition = \"window.long\"\nreason = \"x\"\napproved_by = \"y\"\n[window]",
        "line 17, column 13: exception.condition: unknown condition \"window.long\"",
        "did you mean \"window.longest\"?",
    ),
    (
        "[window]",
        "[[exception]]\ncondition = \"*\"\nreason = \"x\"\napproved_by = \"y\"\n[window]",
        "line 17, column 13: exception.condition: unknown condition \"*\"",
        "the conditions are plan.eligible, scope.evidenced, scope.owned, window.longest, resources.listed, resources.few, events.listed, events.few, scope.nexus",
    ),
    (
        "[window]",
        "[[exception]]\ncondition = \"events.few\"\nreason = \"x\"\napproved_by = \"\"\n[window]",
        "line 19, column 15: exception.approved_by: an empty string",
        "",
    ),
    // The profile's names.
    (
        "\"membership.*\"",
        "\"membrship.*\"",
        "line 23, column 11: select.events: no event of the profile fits \"membrship.*\"",
        "did you mean \"membership.*\"?",
    ),
    (
        "\"membership.*\"",
        "\"membership.add\"",
        "line 23, column 11: select.events: no event of the profile fits \"membership.add\"",
        "did you mean \"membership.added\" or \"membership.*\"?",
    ),
    (
        "\"membership.*\"",
        "\"user_add_to_group\"",
        "line 23, column 11: select.events: no event of the profile fits \"user_add_to_group\"",
        "a source's own event is written \"raw:user_add_to_group\"",
    ),
    (
        "\"membership.*\"",
        "\"zebra\"",
        "line 23, column 11: select.events: no event of the profile fits \"zebra\"",
        "`decostop events` lists them; raw: names a source's own event",
    ),
    (
        "\"membership.*\"",
        "\"Projects::BlobController#show\"",
        "line 23, column 11: select.events: \"Projects::BlobController#show\" is no public event: those are lower-case words joined by dots",
        "a source's own event is written \"raw:Projects::BlobController#show\"",
    ),
    (
        "\"membership.*\"",
        "\"raw: \"",
        "line 23, column 11: select.events: begins or ends with a space",
        "",
    ),
    (
        "\"membership.*\"",
        "\"raw:\"",
        "line 23, column 11: select.events: `raw:` without an event",
        "raw:* is every event",
    ),
    (
        "sources = [\"web\", \"audit\"]",
        "sources = [\"audti\"]",
        "line 24, column 12: select.sources: the profile has no source \"audti\"",
        "did you mean \"audit\"?",
    ),
    // Not the format at all.
    (
        "[window]",
        "[window",
        "line 16, column 8: unclosed table, expected `]`",
        "",
    ),
];

#[test]
fn every_mistake_is_told_with_its_place() {
    let mut wrong = Vec::new();
    for &(old, new, error, hint) in CASES {
        match read(&with(old, new)) {
            Ok(_) => wrong.push(format!("{new}\n   was accepted")),
            Err(got) => {
                assert_eq!(got.kind(), ErrorKind::Config, "{new}");
                let told = (got.to_string(), got.advice().unwrap_or_default().to_owned());
                if told != (error.to_owned(), hint.to_owned()) {
                    wrong.push(format!("{new}\n   told {told:?}\n   want {:?}", (error, hint)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn two_exceptions_to_one_condition() {
    let one = "[[exception]]\ncondition = \"events.few\"\nreason = \"x\"\napproved_by = \"y\"\n";
    let error = read(&format!("{GOOD}{one}{one}")).expect_err("listed twice");
    assert_eq!(
        error.to_string(),
        "line 29, column 1: exception: this condition is set aside twice"
    );
}

#[test]
fn a_request_without_a_customer() {
    let text = with(
        "[customer]\nname = \"Acme\"\nplan = \"ultimate\"\nbilling = \"paid\"\n",
        "",
    );
    let error = read(&text).expect_err("no customer");
    assert_eq!(
        error.to_string(),
        "line 1, column 1: customer: the table [customer] is missing"
    );
}

#[test]
fn ad_hoc_is_no_way_round_the_conditions() {
    let error = read(&with("[customer]", "ad_hoc = true\n[customer]")).expect_err("a customer");
    assert!(
        error
            .to_string()
            .ends_with("an ad-hoc request has nothing in scope and discloses nothing"),
        "{error}"
    );
    let head = "version = 1\nid = \"x\"\nrequested_at = 2026-11-08T09:00:00Z\nad_hoc = true\n";
    for more in [
        "[scope]\nnamespaces = [\"acme\"]\n",
        "[scope]\nevidence = \"x\"\n",
        "[disclosure]\npersonal_data = true\n",
        "[[exception]]\ncondition = \"scope.nexus\"\nreason = \"x\"\napproved_by = \"y\"\n",
    ] {
        let error = read(&format!("{head}{more}")).expect_err(more);
        assert!(error.to_string().starts_with("line 5, column "), "{error}");
    }
    assert!(read(head).is_ok());
}

#[test]
fn json_tells_the_same() {
    for (text, error) in [
        (
            "{\"version\": 1,\n \"surprise\": 2}",
            "line 2, column 2: surprise: unknown key",
        ),
        (
            "{\"version\": 1.0}",
            "line 1, column 13: version: expected the integer 1, found a number with a fraction",
        ),
        (
            "{\"version\": null}",
            "line 1, column 13: version: expected the integer 1, found null",
        ),
        (
            "{\"version\": 1, \"id\": \"é\", \"requested_at\": \"2026-11-08T09:00:00\"}",
            "line 1, column 43: requested_at: the time has no offset: add Z for UTC or the offset, as in 2026-11-01T00:00:00+01:00",
        ),
        (
            "{\"version\": 1, \"version\": 1}",
            "line 1, column 16: duplicate key",
        ),
        (
            "\u{feff}{\"version\" 1}",
            "line 1, column 12: expected `:` after the key",
        ),
        ("{\"version\": 1", "line 1, column 14: expected `,` or `}`"),
    ] {
        assert_eq!(read(text).expect_err(text).to_string(), error);
    }
}

#[test]
fn personal_values_stay_out_of_errors() {
    for (old, new) in [
        ("alice@acme.example", "alice.acme.example"),
        ("[\"mallory\", 1001]", "[\"mallory\", \"MALLORY\"]"),
        ("\"mallory\"", "\"@@mallory\""),
        (
            "namespaces = [\"acme/payments\"]",
            "namespaces = [\"mallory\\u0000\"]",
        ),
        ("sources = [", "ips = [\"198.51.100.7/1\"]\nsources = ["),
    ] {
        let error = read(&with(old, new)).expect_err(new);
        let told = format!("{error} {error:?} {:?}", error.advice());
        for secret in ["alice", "mallory", "MALLORY", "198.51"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
    // The TOML parser's own errors quote the line; ours must not.
    let error = read(&with("\"mallory\", 1001", "\"mallory, 1001")).expect_err("an open string");
    assert!(!error.to_string().contains("mallory"), "{error}");
}

#[test]
fn flags_of_a_look_are_checked_too() {
    let flags = |change: fn(&mut AdHoc)| {
        let mut flags = AdHoc::default();
        change(&mut flags);
        Request::ad_hoc(&flags, &profile(), Instant(1_800_000_000_000_000_000))
            .map(|_| ())
            .map_err(|e| e.to_string())
    };
    for (got, want) in [
        (
            flags(|f| f.namespaces.push("/a".into())),
            "--namespace: a path neither begins nor ends with `/`",
        ),
        (
            flags(|f| f.projects.push("0/".into())),
            "--project: a path neither begins nor ends with `/`",
        ),
        (flags(|f| f.users.push(" ".into())), "--user: an empty string"),
        (
            flags(|f| f.events.push("zebra".into())),
            "--event: no event of the profile fits \"zebra\"",
        ),
        (
            flags(|f| f.sources.push("wep".into())),
            "--source: the profile has no source \"wep\"",
        ),
        (
            flags(|f| f.since = Some("soon".into())),
            "--since: \"soon\" is no time",
        ),
        (
            flags(|f| f.since = Some("tomorrow".into())),
            "--since: 2027-01-16T00:00:00Z is in the future: nothing is logged yet",
        ),
        (
            flags(|f| {
                f.since = Some("1h".into());
                f.until = Some("2h".into());
            }),
            "--until: must lie after --since: 2027-01-15T06:00:00Z is not after 2027-01-15T07:00:00Z",
        ),
    ] {
        assert_eq!(got, Err(want.to_owned()));
    }
}

#[test]
fn a_missing_or_strange_file_is_named() {
    let error = Request::load(Path::new("/nowhere/request.toml"), &profile()).expect_err("no file");
    assert!(
        error
            .to_string()
            .starts_with("/nowhere/request.toml: cannot read: "),
        "{error}"
    );
    let dir = tempfile::tempdir().expect("a temporary directory");
    let path = dir.path().join("request.toml");
    std::fs::write(&path, b"version = 1\nid = \"\xff\"\n").expect("a writable directory");
    let error = Request::load(&path, &profile()).expect_err("not UTF-8");
    assert_eq!(
        error.to_string(),
        format!("{}: line 2: not UTF-8", path.display())
    );
    std::fs::write(&path, "version = 3\n").expect("a writable directory");
    let error = Request::load(&path, &profile()).expect_err("version 3");
    assert!(
        error
            .to_string()
            .starts_with(&format!("{}: line 1, column 11: version: ", path.display())),
        "{error}"
    );
}
