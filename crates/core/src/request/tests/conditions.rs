//! Each condition, alone and at its edge.

use super::{at, good, profile};
use crate::ErrorKind;
use crate::request::conditions::{self, Assessment, Route, check};
use crate::request::{Exception, Instant, ProjectRef, Request, Select, UserRef};
use decostop_profile::{NamespaceScope, ProjectScope};

const NOW: &str = "2026-11-08T10:00:00Z";

fn assess(change: impl FnOnce(&mut Request)) -> Assessment {
    let mut request = good();
    change(&mut request);
    check(&request, &profile(), at(NOW))
}

/// Ids that refuse.
fn refused(change: impl FnOnce(&mut Request)) -> Vec<&'static str> {
    assess(change)
        .results
        .iter()
        .filter(|result| result.refuses())
        .map(|result| result.id)
        .collect()
}

fn detail(id: &str, change: impl FnOnce(&mut Request)) -> String {
    let results = assess(change).results;
    results
        .into_iter()
        .find(|result| result.id == id)
        .map(|result| result.detail)
        .unwrap_or_default()
}

#[test]
fn a_sound_request_passes() {
    let assessment = assess(|_| ());
    assert!(assessment.accepted, "{:?}", assessment.results);
    assert_eq!(
        assessment.results.iter().map(|r| r.id).collect::<Vec<_>>(),
        conditions::IDS
    );
    assert_eq!(
        (assessment.route, assessment.route_reasons.len()),
        (Route::Support, 0)
    );
    assert_eq!(assessment.warnings, [] as [&str; 0]);
    assert!(assessment.refusal().is_none());
}

#[test]
fn plans_and_billing() {
    for (plan, billing, ok) in [
        ("premium", "paid", true),
        ("Ultimate", "Paid", true),
        ("free", "paid", false),
        ("ultimate", "trial", false),
        ("ultimate", "unpaid", false),
        ("ultimate", "deprecated", false),
        ("bronze", "unpaid", false),
        ("ultimate ", "paid", false),
    ] {
        let set = |request: &mut Request| {
            if let Some(customer) = &mut request.customer {
                (customer.plan, customer.billing) = (plan.into(), billing.into());
            }
        };
        let want: &[&str] = if ok { &[] } else { &["plan.eligible"] };
        assert_eq!(refused(set), want, "{plan} {billing}");
    }
    assert_eq!(refused(|request| request.customer = None), ["plan.eligible"]);
}

#[test]
fn evidence() {
    assert_eq!(refused(|request| request.evidence.clear()), ["scope.evidenced"]);
    assert_eq!(
        refused(|request| request.evidence = "  ".into()),
        ["scope.evidenced"]
    );
}

#[test]
fn ownership_of_namespaces() {
    for (path, ok) in [
        ("acme", true),
        ("ACME/Payments/Deep", true),
        ("acmex", false),
        ("acm", false),
        ("other", false),
        ("other/acme", false),
        ("acme-labs/x", true),
        ("AcmeLabs/x", true),
        ("acmelabsx", false),
        // A project is no namespace, but lies below one here.
        ("acme/payments/api", true),
    ] {
        let want: &[&str] = if ok { &[] } else { &["scope.owned"] };
        assert_eq!(
            refused(|request| request.selects[0].namespaces = vec![path.into()]),
            want,
            "{path}"
        );
    }
    let only_project = |request: &mut Request| {
        request.scope.namespaces.clear();
        request.selects[0].namespaces = vec!["acme/payments/api".into()];
    };
    assert_eq!(refused(only_project), ["scope.owned"]);
    assert!(detail("scope.owned", only_project).contains("name it under projects"));
}

#[test]
fn ownership_of_projects() {
    let single = ProjectScope {
        path: "Other/lib".into(),
        id: Some(9),
        formerly: vec!["old/lib".into()],
        ..ProjectScope::default()
    };
    for (project, ok) in [
        (ProjectRef::Path("acme/payments/api".into()), true),
        (ProjectRef::Path("acme/anything".into()), true),
        (ProjectRef::Path("acme".into()), false),
        (ProjectRef::Path("acmex/api".into()), false),
        (ProjectRef::Path("OTHER/LIB".into()), true),
        (ProjectRef::Path("old/lib".into()), true),
        (ProjectRef::Path("other/lib/x".into()), false),
        (ProjectRef::Path("other".into()), false),
        (ProjectRef::Id(51191), true),
        (ProjectRef::Id(9), true),
        (ProjectRef::Id(77), false),
        (ProjectRef::Id(1), false),
    ] {
        let want: &[&str] = if ok { &[] } else { &["scope.owned"] };
        let got = refused(|request| {
            request.scope.projects.push(single.clone());
            request.selects[0].projects = vec![project.clone()];
        });
        assert_eq!(got, want, "{project:?}");
    }
}

#[test]
fn foreign_users_addresses_and_tokens_may_be_selected() {
    let select = |request: &mut Request| {
        let select = &mut request.selects[0];
        select.users = vec![UserRef::Id(99), UserRef::Name("stranger".into())];
        select.ips = vec!["203.0.113.7/32".parse().expect("an address")];
        select.token_ids = vec!["5".into()];
    };
    assert_eq!(refused(select), [] as [&str; 0]);
    let exclude = |request: &mut Request| request.selects[0].exclude.namespaces = vec!["other".into()];
    assert_eq!(refused(exclude), [] as [&str; 0]);
}

#[test]
fn ownership_in_time() {
    for (since, until, ok) in [
        (None, Some("2026-11-02T00:00:00Z"), false),
        (None, Some("2026-11-02T00:00:00.000000001Z"), true),
        (Some("2026-11-07T00:00:00Z"), None, false),
        (Some("2026-11-06T23:59:59.999999999Z"), None, true),
    ] {
        let set = |request: &mut Request| {
            request.scope.namespaces = vec![NamespaceScope {
                path: "acme".into(),
                since: since.map(str::to_owned),
                until: until.map(str::to_owned),
                ..NamespaceScope::default()
            }];
        };
        let want: &[&str] = if ok { &[] } else { &["scope.owned"] };
        assert_eq!(refused(set), want, "{since:?} {until:?}");
        let told = assess(set)
            .warnings
            .iter()
            .any(|warning| warning.contains("a part of the window"));
        assert!(told);
    }
}

#[test]
fn windows() {
    // requested_at, from, to, now, whether it holds
    for (asked, from, to, now, ok) in [
        (
            "2026-11-08T09:00:00Z",
            "2026-10-08T09:00:00Z",
            "2026-11-08T09:00:00Z",
            NOW,
            true,
        ),
        (
            "2026-11-08T09:00:00Z",
            "2026-10-08T08:59:59.999999999Z",
            "2026-11-07T00:00:00Z",
            NOW,
            false,
        ),
        (
            "2026-11-08T09:00:00Z",
            "2026-11-01T00:00:00Z",
            "2026-11-08T09:00:00.000000001Z",
            NOW,
            false,
        ),
        (
            "2026-11-08T09:00:00Z",
            "2026-11-01T00:00:00Z",
            "2026-11-01T00:00:00Z",
            NOW,
            false,
        ),
        (
            "2026-11-08T09:00:00Z",
            "2026-11-01T00:00:00Z",
            "2026-11-01T00:00:00.000000001Z",
            NOW,
            true,
        ),
        (
            "2026-11-08T09:00:00Z",
            "2026-11-05T00:00:00Z",
            "2026-11-04T00:00:00Z",
            NOW,
            false,
        ),
        (NOW, "2026-11-01T00:00:00Z", "2026-11-05T00:00:00Z", NOW, true),
        (
            "2026-11-08T10:00:00.000000001Z",
            "2026-11-01T00:00:00Z",
            "2026-11-05T00:00:00Z",
            NOW,
            false,
        ),
        (
            "2999-01-01T00:00:00Z",
            "2998-12-20T00:00:00Z",
            "2998-12-24T00:00:00Z",
            NOW,
            false,
        ),
        // The month's length, in UTC.
        (
            "2027-03-31T12:00:00Z",
            "2027-02-28T12:00:00Z",
            "2027-03-01T00:00:00Z",
            "2027-04-01T00:00:00Z",
            true,
        ),
        (
            "2027-03-31T12:00:00Z",
            "2027-02-28T11:59:59Z",
            "2027-03-01T00:00:00Z",
            "2027-04-01T00:00:00Z",
            false,
        ),
        (
            "2028-03-31T12:00:00Z",
            "2028-02-29T12:00:00Z",
            "2028-03-01T00:00:00Z",
            "2028-04-01T00:00:00Z",
            true,
        ),
        (
            "2028-03-31T12:00:00Z",
            "2028-02-28T12:00:00Z",
            "2028-03-01T00:00:00Z",
            "2028-04-01T00:00:00Z",
            false,
        ),
        (
            "2027-05-31T00:00:00Z",
            "2027-04-30T00:00:00Z",
            "2027-05-01T00:00:00Z",
            "2027-06-01T00:00:00Z",
            true,
        ),
        (
            "2027-01-31T00:00:00Z",
            "2026-12-31T00:00:00Z",
            "2027-01-01T00:00:00Z",
            "2027-06-01T00:00:00Z",
            true,
        ),
        (
            "2027-01-31T00:00:00Z",
            "2026-12-30T23:59:59Z",
            "2027-01-01T00:00:00Z",
            "2027-06-01T00:00:00Z",
            false,
        ),
        (
            "2027-03-01T00:30:00+01:00",
            "2027-01-28T23:30:00Z",
            "2027-02-01T00:00:00Z",
            "2027-06-01T00:00:00Z",
            true,
        ),
        (
            "2027-03-01T00:30:00+01:00",
            "2027-01-28T23:29:59Z",
            "2027-02-01T00:00:00Z",
            "2027-06-01T00:00:00Z",
            false,
        ),
    ] {
        let mut request = good();
        request.requested_at = at(asked);
        request.window.from = Some(at(from));
        request.window.to = Some(at(to));
        let assessment = check(&request, &profile(), at(now));
        let window = assessment
            .results
            .iter()
            .find(|r| r.id == conditions::WINDOW_LONGEST)
            .expect("told");
        assert_eq!(window.holds, ok, "{asked} {from} {to}: {}", window.detail);
        assert_eq!(assessment.accepted, ok, "{asked} {from} {to}");
    }
    let open = |request: &mut Request| request.window.from = None;
    assert_eq!(refused(open), ["window.longest"]);
    assert_eq!(refused(|request| request.window.to = None), ["window.longest"]);
    assert!(detail("window.longest", open).contains("no earlier than 2026-10-08T09:00:00Z"));
}

#[test]
fn resources() {
    let bare = |change: fn(&mut Select)| {
        let mut select = Select {
            events: vec!["membership.added".into()],
            ..Select::default()
        };
        change(&mut select);
        select
    };
    let ip = |select: &mut Select| select.ips = vec!["203.0.113.7/32".parse().expect("an address")];
    assert_eq!(
        refused(|request| request.selects = vec![bare(|_| ())]),
        ["resources.listed"]
    );
    assert_eq!(
        refused(|request| request.selects = vec![bare(ip)]),
        ["resources.listed"]
    );
    assert_eq!(refused(|request| request.selects.push(bare(ip))), [] as [&str; 0]);
    assert_eq!(
        refused(|request| request.selects.push(bare(|_| ()))),
        ["resources.listed"]
    );
    assert_eq!(
        refused(|request| request.selects.push(bare(|s| s.token_ids = vec!["1".into()]))),
        [] as [&str; 0]
    );
    assert_eq!(
        refused(|request| request.selects[0].namespaces.clear()),
        [] as [&str; 0]
    );
    assert_eq!(
        refused(|request| request.selects.clear()),
        ["resources.listed", "events.listed"]
    );
    // The limit of the test profile is four; the same resource counts once.
    assert_eq!(
        refused(|request| request.selects[0].users.push(UserRef::Id(3))),
        [] as [&str; 0]
    );
    assert_eq!(
        refused(|request| request.selects[0].users.extend([UserRef::Id(3), UserRef::Id(4)])),
        ["resources.few"]
    );
    let again = |request: &mut Request| {
        let mut more = request.selects[0].clone();
        more.namespaces = vec!["ACME/Payments".into()];
        more.users = vec![UserRef::Name("Mallory".into()), UserRef::Id(3)];
        request.selects.push(more);
    };
    assert_eq!(refused(again), [] as [&str; 0]);
    assert!(detail("resources.few", again).starts_with("4 of at most 4"));
}

#[test]
fn events() {
    let set = |events: &'static [&str]| {
        move |request: &mut Request| {
            request.selects[0].events = events.iter().map(|event| (*event).to_owned()).collect();
        }
    };
    for (events, want) in [
        (&["membership.*"] as &[&str], &[] as &[&str]),
        (&["*"], &[]),
        (&[], &["events.listed"]),
        (&["raw:*"], &["events.few"]),
        (&["raw:**"], &["events.few"]),
        (&["raw:unheard_of"], &[]),
        (&["raw:unheard*"], &[]),
        // Six raw events hold an `r`; six are above the limit of five.
        (&["raw:*r*"], &["events.few"]),
        (&["membership.*", "membership.added", "repository.read"], &[]),
        (&["*", "raw:a", "raw:b"], &[]),
        (&["*", "raw:a", "raw:b", "raw:c"], &["events.few"]),
    ] {
        assert_eq!(refused(set(events)), want, "{events:?}");
    }
    let second = |request: &mut Request| {
        request.selects.push(Select {
            users: vec![UserRef::Id(7)],
            ..Select::default()
        });
    };
    assert_eq!(refused(second), ["events.listed"]);
}

#[test]
fn an_exception_lifts_its_own_condition_only() {
    let exception = |condition: &str| Exception {
        condition: condition.into(),
        reason: "order".into(),
        approved_by: "legal: 7".into(),
    };
    let late = |request: &mut Request| request.window.from = Some(at("2026-09-20T00:00:00Z"));
    assert_eq!(refused(late), ["window.longest"]);
    let lifted = assess(|request| {
        late(request);
        request.exceptions.push(exception("window.longest"));
    });
    assert!(lifted.accepted);
    let result = &lifted.results[3];
    assert!(
        !result.holds
            && result
                .excepted
                .as_ref()
                .is_some_and(|e| e.by == "legal: 7" && e.reason == "order")
    );
    let other = |request: &mut Request| {
        late(request);
        request.exceptions.push(exception("plan.eligible"));
    };
    assert_eq!(refused(other), ["window.longest"]);
    let error = assess(other).refusal().expect("refused");
    assert_eq!(error.kind(), ErrorKind::Refused);
    assert!(error.to_string().contains("window.longest: "), "{error}");
    assert!(
        assess(other)
            .warnings
            .contains(&"the exception to plan.eligible is not needed".to_owned())
    );
    // `scope.nexus` is an exception without a condition.
    let nexus = assess(|request| request.exceptions.push(exception("scope.nexus")));
    assert_eq!(nexus, assess(|_| ()));
}

#[test]
fn each_condition_fails_alone_and_can_be_excepted() {
    type Change = fn(&mut Request);
    let breaks: [(&str, Change); 8] = [
        ("plan.eligible", |r| r.customer = None),
        ("scope.evidenced", |r| r.evidence.clear()),
        ("scope.owned", |r| r.selects[0].namespaces = vec!["other".into()]),
        ("window.longest", |r| r.window.from = Some(Instant(0))),
        ("resources.listed", |r| {
            r.selects[0].namespaces.clear();
            r.selects[0].users.clear();
        }),
        ("resources.few", |r| {
            r.selects[0].users.extend((2..9).map(UserRef::Id));
        }),
        ("events.listed", |r| r.selects[0].events.clear()),
        ("events.few", |r| r.selects[0].events = vec!["raw:*".into()]),
    ];
    for (id, change) in breaks {
        assert_eq!(refused(change), [id]);
        assert!(!detail(id, change).is_empty());
        for other in conditions::IDS {
            let accepted = assess(|request| {
                change(request);
                request.exceptions = vec![Exception {
                    condition: other.into(),
                    reason: "r".into(),
                    approved_by: "a".into(),
                }];
            })
            .accepted;
            assert_eq!(accepted, other == id, "{id} with an exception to {other}");
        }
    }
}

#[test]
fn routes() {
    let route = |change: fn(&mut Request)| assess(change).route;
    assert_eq!(
        route(|r| r.window.from = Some(at("2026-11-01T09:00:00Z"))),
        Route::Support
    );
    assert_eq!(
        route(|r| r.window.from = Some(at("2026-11-01T08:59:59.999999999Z"))),
        Route::Sirt
    );
    assert_eq!(route(|r| r.disclosure.personal_data = true), Route::Sirt);
    assert_eq!(route(|r| r.selects[0].sources.push("proxy".into())), Route::Sirt);
    assert_eq!(route(|r| r.selects[0].sources.clear()), Route::Support);
    assert_eq!(Route::Sirt.to_string(), "sirt");
    let all = assess(|r| {
        r.window.from = None;
        r.disclosure.personal_data = true;
        r.selects[0].sources = vec!["proxy".into()];
    });
    assert_eq!(all.route_reasons.len(), 3);
}

#[test]
fn warnings() {
    let warned = |word: &str, change: fn(&mut Request)| {
        let warnings = assess(change).warnings;
        assert!(
            warnings.iter().any(|warning| warning.contains(word)),
            "{word}: {warnings:?}"
        );
    };
    warned("lists no project id in acme/other", |r| {
        r.selects[0].namespaces = vec!["acme/other".into()];
    });
    warned("lists no id of acme/x", |r| {
        r.selects[0].projects = vec![ProjectRef::Path("acme/x".into())];
    });
    warned("digits only", |r| {
        r.selects[0].users = vec![UserRef::Name("1001".into())];
    });
    for name in [
        "alice@acme.example",
        "Alice Abbott",
        "gid://gitlab/User/1001",
        "user-1001",
    ] {
        let warnings = assess(|r| r.selects[0].users = vec![UserRef::Name(name.into())]).warnings;
        let told = format!("{name} is read as a user name");
        assert!(
            warnings.iter().any(|warning| warning.contains(&told)),
            "{warnings:?}"
        );
    }
    for name in ["alice", "@alice", "bob.jones-x_1", "user-x"] {
        let warnings = assess(|r| r.selects[0].users = vec![UserRef::Name(name.into())]).warnings;
        assert!(
            !warnings.iter().any(|warning| warning.contains("is read as")),
            "{warnings:?}"
        );
    }
    warned("personal namespace", |r| {
        r.scope.namespaces.push(NamespaceScope {
            path: "alice".into(),
            ..NamespaceScope::default()
        });
        r.selects[0].namespaces = vec!["alice".into()];
    });
    warned("it can match nothing", |r| {
        r.selects[0].sources = vec!["audit".into()];
        r.selects[0].events = vec!["repository.read".into()];
    });
    warned("web logs none of its events", |r| {
        r.selects[0].events = vec!["membership.removed".into()];
    });
    warned("none of its sources logs repository.read", |r| {
        r.selects[0].sources = vec!["audit".into()];
        r.selects[0].events.push("repository.read".into());
    });
    warned("less than an hour ago", |r| {
        r.requested_at = at(NOW);
        r.window.to = Some(at("2026-11-08T09:00:00.000000001Z"));
    });
    warned("nothing is in scope", |r| {
        r.scope = decostop_profile::Scope::default();
    });
    warned("1 users are in scope for a part", |r| {
        r.scope.users[0].since = Some("2026-11-03T00:00:00Z".into());
    });
    let calm = assess(|r| {
        r.requested_at = at(NOW);
        r.window.to = Some(at("2026-11-08T09:00:00Z"));
    });
    assert_eq!(calm.warnings, [] as [&str; 0]);
}
