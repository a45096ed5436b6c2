//! A request that is written reads as the same request.

use std::path::Path;

use decostop_profile::{NamespaceScope, ProjectScope, Scope, UserScope};
use ipnet::IpNet;
use proptest::collection::{btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;

use crate::request::{
    Customer, Disclosure, Exception, Exclude, Instant, ProjectRef, Request, Select, UserRef, VERSION, Window,
    conditions,
};

fn line() -> impl Strategy<Value = String> {
    // Lower case only, so that sets of values stay sets when compared case-insensitively.
    "[a-zé0-9\"'\\\\#=\\[{ßж._-]{1,3}( ?[a-z\"'\\\\]{1,4}){0,2}"
}

fn segment() -> impl Strategy<Value = String> {
    "[a-z0-9_][a-zé0-9_.\"'-]{0,5}"
}

fn path() -> impl Strategy<Value = String> {
    vec(segment(), 1..4).prop_map(|segments| segments.join("/"))
}

fn id() -> impl Strategy<Value = u64> {
    prop_oneof![1u64..50, 1..=i64::MAX.unsigned_abs()]
}

fn time() -> impl Strategy<Value = Instant> {
    prop_oneof![
        any::<i64>().prop_map(Instant),
        (0i64..2_000_000_000).prop_map(|s| Instant(s * 1_000_000_000))
    ]
}

fn many<T: std::fmt::Debug + Ord>(values: impl Strategy<Value = T>) -> impl Strategy<Value = Vec<T>> {
    btree_set(values, 0..4).prop_map(|set| set.into_iter().collect())
}

/// Entries that differ in name and id, in two lists of names: own and earlier.
fn period() -> impl Strategy<Value = (Option<String>, Option<String>)> {
    (of(time()), of(time())).prop_map(|(one, two)| match (one, two) {
        (Some(one), Some(two)) if one == two => (Some(one.to_string()), None),
        (Some(one), Some(two)) => (Some(one.min(two).to_string()), Some(one.max(two).to_string())),
        (one, two) => (one.map(|at| at.to_string()), two.map(|at| at.to_string())),
    })
}

prop_compose! {
    fn scope()(
        paths in btree_set(path(), 0..6),
        first in 1u64..1_000_000,
        earlier in many(path()),
        emails in many("[a-z.]{1,5}@[a-z]{1,5}\\.example"),
        names in many(line()),
        users in btree_set(segment(), 0..4),
        validity in vec(period(), 10),
        ids in vec(any::<bool>(), 10),
    ) -> Scope {
        let mut scope = Scope::default();
        for (place, path) in paths.into_iter().enumerate() {
            let id = ids.get(place).is_some_and(|yes| *yes).then_some(first + place as u64);
            let (since, until) = validity[place].clone();
            let formerly: Vec<String> = earlier.iter().filter(|old| **old != path).cloned().collect();
            if place % 2 == 0 {
                scope.namespaces.push(NamespaceScope { path, id, since, until, formerly });
            } else {
                let path = if id.is_some() && place == 3 { String::new() } else { path };
                scope.projects.push(ProjectScope { path, id, since, until, formerly });
            }
        }
        for (place, username) in users.into_iter().enumerate() {
            let id = ids.get(place + 5).is_some_and(|yes| *yes).then_some(first + place as u64);
            let (since, until) = validity[place].clone();
            let username = if id.is_some() && place == 2 { String::new() } else { username };
            let (emails, names) = if place == 0 { (emails.clone(), names.clone()) } else { Default::default() };
            scope.users.push(UserScope { username, id, emails, names, since, until, formerly: Vec::new() });
        }
        scope
    }
}

fn user() -> impl Strategy<Value = UserRef> {
    prop_oneof![id().prop_map(UserRef::Id), line().prop_map(UserRef::Name)]
}

fn project() -> impl Strategy<Value = ProjectRef> {
    prop_oneof![id().prop_map(ProjectRef::Id), path().prop_map(ProjectRef::Path)]
}

fn event() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,5}(\\.[a-z_*]{1,6}){0,2}",
        line().prop_map(|text| format!("raw:{text}"))
    ]
}

fn net() -> impl Strategy<Value = IpNet> {
    prop_oneof![
        (any::<[u8; 4]>(), 1u8..=32).prop_map(|(ip, prefix)| IpNet::new(ip.into(), prefix)),
        (any::<[u8; 16]>(), 1u8..=128).prop_map(|(ip, prefix)| IpNet::new(ip.into(), prefix)),
    ]
    .prop_map(|net| net.expect("the prefix fits").trunc())
}

prop_compose! {
    fn exclude()(
        namespaces in many(path()), projects in many(project()), users in many(user()),
        events in many(event()), ips in many(net()),
    ) -> Exclude {
        Exclude { namespaces, projects, users, events, ips }
    }
}

prop_compose! {
    fn select()(
        namespaces in many(path()), projects in many(project()), users in many(user()),
        events in many(event()), sources in many(line()), ips in many(net()),
        token_ids in many(line()), correlation_ids in many(line()),
        exclude in prop_oneof![Just(Exclude::default()), exclude()],
    ) -> Select {
        Select { namespaces, projects, users, events, sources, ips, token_ids, correlation_ids, exclude }
    }
}

prop_compose! {
    fn request()(
        id in line(), requested_at in time(), reference in of(line()), name in line(),
        scope in scope(), evidence in prop_oneof![Just(String::new()), line()],
        from in of(time()), to in of(time()),
        selects in vec(select(), 0..3),
        personal_data in any::<bool>(),
        excepted in many(0..conditions::IDS.len()), reason in line(),
        ad_hoc in any::<bool>(),
    ) -> Request {
        let request = Request {
            version: VERSION, id, requested_at,
            customer: Some(Customer { name: name.clone(), plan: name.clone(), billing: name, reference }),
            scope, evidence,
            window: Window { from, to },
            selects,
            disclosure: Disclosure { personal_data },
            exceptions: excepted.into_iter().map(|place| Exception {
                condition: conditions::IDS[place].to_owned(), reason: reason.clone(), approved_by: reason.clone(),
            }).collect(),
            ad_hoc: false,
        };
        if !ad_hoc {
            return request;
        }
        Request {
            customer: None, scope: Scope::default(), evidence: String::new(), exceptions: Vec::new(),
            disclosure: Disclosure::default(), ad_hoc, ..request
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn writing_and_reading_is_the_identity(request in request()) {
        let text = request.to_toml().expect("every valid request can be written");
        let again = Request::parse(&text, Path::new("/nowhere")).map_err(|error| error.to_string());
        prop_assert_eq!(again, Ok(request), "{}", text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(\\[\\[?select\\]?\\]|users|events|version|window|id| = |\\[|\\]|\\{|\\}|\"|,|\n|1|a|\\PC){0,40}") {
        let _ = Request::parse(&text, Path::new("/nowhere"));
        let _ = Request::parse(&format!("{{{text}"), Path::new("/nowhere"));
    }
}

/// The verifier reads these keys of `internal/request.toml`.
#[test]
fn the_verifiers_keys_are_there() {
    let request = super::good();
    let text = request.to_toml().expect("writable");
    let table: toml::Table = text.parse().expect("TOML");
    let mut scope = table["scope"].as_table().expect("a table").clone();
    scope.remove("evidence");
    let scope: Scope = scope.try_into().expect("the shape of the scope");
    assert_eq!(scope, request.scope);
    assert!(!table.contains_key("ad_hoc"));
    assert_eq!(table["disclosure"]["personal_data"].as_bool(), Some(false));
}
