//! Selection against the naive oracle: random lines and requests, every spelling that the format
//! allows. What the oracle does not model is listed in `decostop_testkit::naive`.

mod common;

use common::{Path_, along, builder, profile, request, run, write_inputs};
use decostop::Limits;
use decostop::parse::{Buffers, Projection, Scratch, with_record};
use decostop::prefilter::Prefilter;
use decostop::query::QueryPlan;
use decostop_redact::ProfilePlan;
use decostop_testkit::naive::{Answer, Query, fields};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use proptest::strategy::ValueTree as _;
use std::fmt::Write as _;

const SCOPE: &str = r#"
version = 1
id = "ORACLE-1"
requested_at = 2026-11-08T09:00:00Z
[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"
[scope]
evidence = "a test"
namespaces = [{ path = "acme", id = 77 }]
projects = [{ path = "acme/payments/api", id = 51191 }, { path = "acme/web", id = 51192 }]
users = [
  { username = "alice", id = 1001, emails = ["alice@acme.example"], names = ["Alice Abbott"] },
  { username = "bea", id = 1002 },
]
[window]
from = 2026-11-01T00:00:00Z
to = 2026-11-02T00:00:00Z
"#;

const PLACES: &[&str] = &[
    "acme",
    "Acme",
    "acme/web",
    "ACME/payments/api",
    "acme/payments",
    "acme-labs",
    "acme-labs/web",
    "acmex",
    "acmex/web",
    "other/acme",
    "othercorp/web",
];
const NAMES: &[&str] = &[
    "alice", "ALICE", "bea", "beatrix", "alice7", "mallory", "alic", "@alice",
];
const IDS: &[&str] = &["1001", "1002", "11001", "10011", "9009", "51191", "77", "0", "-1"];
const TIMES: &[&str] = &[
    "2026-10-31T23:59:59.999999999Z",
    "2026-11-01T00:00:00Z",
    "2026-11-01T00:00:00.000000001Z",
    "2026-11-01T12:00:00.123Z",
    "2026-11-01T13:00:00.123+02:00",
    "2026-11-01T23:59:59.999999999Z",
    "2026-11-02T00:00:00.000000000Z",
    "2026-11-02T00:30:00+01:00",
];
const EVENTS: &[(&str, &str)] = &[
    ("Projects::BlobController", "show"),
    ("SessionsController", "create"),
    ("Groups::GroupMembersController", "update"),
    ("Projects::IssuesController", "index"),
];

/// Messages that the platform writes, and some that only look like them.
const MESSAGES: &[&str] = &[
    "Failed Login: username=USER ip=81.2.69.144",
    "Failed Login: username=USER@acme.example ip=81.2.69.144",
    "Failed Login: username=USER",
    "User USER has started impersonating bea",
    "Project \"PLACE\" was deleted",
    "USER: Project \"PLACE\" was deleted",
    "PLACE!12 - Git merge started on JID 779486dd8ab4b2eb1d5cbfa0",
    "PROJECT ACCESS TOKEN CREATION: created_by: USER, project_id: 51191, token_user: build bot, token_id: 99",
];

fn text(value: &str) -> String {
    serde_json::to_string(value).expect("JSON")
}

/// An id as a number, as a string, in a derived form.
fn id(forms: &'static [&'static str]) -> impl Strategy<Value = String> {
    (select(IDS), select(forms)).prop_map(|(id, form)| match form {
        "number" => id.to_owned(),
        prefix => text(&format!("{prefix}{id}")),
    })
}

fn text_of(pool: &'static [&'static str]) -> impl Strategy<Value = String> {
    select(pool).prop_map(text)
}

fn url() -> impl Strategy<Value = String> {
    prop_oneof![
        (
            select(PLACES),
            select(&["/-/issues/1", "", "/-/blob/main/x", ".git/info/refs"][..])
        )
            .prop_map(|(place, rest)| text(&format!("/{place}{rest}"))),
        select(IDS).prop_map(|id| text(&format!("/api/v4/projects/{id}/members"))),
        select(PLACES)
            .prop_map(|place| text(&format!("/api/v4/projects/{}/members", place.replace('/', "%2F")))),
        select(NAMES).prop_map(|name| text(&format!("/users/{}/projects", name.trim_start_matches('@')))),
        select(PLACES).prop_map(|place| text(&format!("/groups/{place}/-/group_members"))),
    ]
}

/// One field of a source that matters to selection: name and value.
fn field(source: &'static str) -> BoxedStrategy<(String, String)> {
    let named = |name: &'static str, value: BoxedStrategy<String>| {
        value.prop_map(move |value| (name.to_owned(), value)).boxed()
    };
    let user_ids = || id(&["number", ""]).boxed();
    let common = prop_oneof![
        named("meta.user", text_of(NAMES).boxed()),
        named("meta.user_id", user_ids()),
        named("meta.client_id", id(&["user/", "gid://gitlab/User/"]).boxed()),
        named("meta.project", text_of(PLACES).boxed()),
        named("meta.root_namespace", text_of(PLACES).boxed()),
        named("correlation_id", text_of(NAMES).boxed()),
        named("surplus", text_of(PLACES).boxed()),
    ];
    match source {
        "production_json" | "api_json" => prop_oneof![
            4 => common,
            1 => named("username", text_of(NAMES).boxed()),
            1 => named("user_id", user_ids()),
            1 => named("path", url().boxed()),
            1 => named("params", (select(NAMES), select(PLACES)).prop_map(|(user, place)| {
                format!(r#"[{{"key":"username","value":{}}},{{"key":"note","value":{}}},{{"value":{},"key":"project_path"}}]"#, text(user), text(place), text(place))
            }).boxed()),
            1 => named("message", text_of(PLACES).boxed()),
            1 => named("message", (select(MESSAGES), select(NAMES), select(PLACES)).prop_map(|(message, user, place)| {
                text(&message.replace("USER", user).replace("PLACE", place))
            }).boxed()),
            1 => named("username", Just("{\"a\":1}".to_owned()).boxed()),
            1 => named("remote_ip", text_of(&["81.2.69.144", "81.2.69.144:99", "81.2.69.14", "10.0.0.1, 81.2.69.144"]).boxed()),
        ]
        .boxed(),
        "audit_json" => prop_oneof![
            3 => common,
            1 => named("author_id", user_ids()),
            1 => named("author_name", text_of(&["Alice Abbott", "alice abbott", "Alice Abbottson", "Mallory Smith"]).boxed()),
            1 => named("author_email", text_of(&["alice@acme.example", "ALICE@acme.example", "alice@acme.example.org"]).boxed()),
            1 => named("entity_type", text_of(&["Project", "Group", "User", "Strange"]).boxed()),
            2 => named("entity_path", text_of(PLACES).boxed()),
            1 => named("entity_id", user_ids()),
            1 => named("target_type", text_of(&["Project", "User"]).boxed()),
            1 => named("target_details", text_of(&["Alice Abbott", "acme/web", "othercorp/web"]).boxed()),
            1 => named("target_id", user_ids()),
        ]
        .boxed(),
        "gitaly" => prop_oneof![
            named("grpc.request.glProjectPath", text_of(PLACES).boxed()),
            named("grpc.request.glRepository", id(&["project-", "wiki-"]).boxed()),
            named("username", text_of(NAMES).boxed()),
            named("user_id", id(&["user-"]).boxed()),
            named("meta.project", text_of(PLACES).boxed()),
        ]
        .boxed(),
        _ => prop_oneof![named("uri", url().boxed()), named("referrer", url().boxed()), named("msg", text_of(PLACES).boxed())].boxed(),
    }
}

const SOURCES: &[&str] = &[
    "production_json",
    "api_json",
    "audit_json",
    "gitaly",
    "workhorse",
    "nginx_access",
    "haproxy",
    "registry",
];

/// A line of any source.
fn line() -> impl Strategy<Value = (&'static str, String)> {
    prop_oneof![5 => json_line(), 3 => text_line()]
}

const ADDRESSES: &[&str] = &[
    "81.2.69.144",
    "81.2.69.14",
    "181.2.69.144",
    "10.0.0.1",
    "2001:db8::7",
    "::ffff:81.2.69.144",
    "::ffff:5145:4590",
    "-",
    "unix:",
];

/// What clients send as a name, and as the name of their program.
const CHOSEN: &[&str] = &[
    "-",
    "alice",
    "Alice",
    "mallory",
    "a b",
    "x [02/Nov/2026:00:00:00 +0000]",
    "x [01/Nov/2026:12:00:00 +0000] \"GET /acme/web HTTP/1.1\" 200 1 \"-\" \"-\" -",
    "\" 200 1 \"-\" \"-\" -",
    "\\",
    "\\\"",
    "",
    "acme/web",
    "\u{e9}t\u{e9}",
    "{{",
    "]",
];

/// URLs as they stand in access logs: also such as no client of good will sends.
fn odd_url() -> impl Strategy<Value = String> {
    let place = select(PLACES);
    let id = select(IDS);
    let name = select(NAMES);
    let plain = prop_oneof![
        3 => (place.clone(), select(&["", "/", "/-/issues/1", "/-/blob/main/a b.md", ".git/info/refs", ".git/git-upload-pack", ".wiki.git/info/refs", "/-/raw/main/acme/web", "/-", "/.", "//x"][..]))
            .prop_map(|(place, rest)| format!("/{place}{rest}")),
        1 => (select(&["projects", "groups", "users", "job"][..]), prop_oneof![id.clone().prop_map(str::to_owned), place.clone().prop_map(|place| place.replace('/', "%2F")), place.clone().prop_map(|place| place.replace('/', "%2f"))], select(&["", "/members", "/repository/files/acme%2Fweb/raw"][..]))
            .prop_map(|(kind, id, rest)| format!("/api/v4/{kind}/{id}{rest}")),
        1 => (name.clone(), select(&["/projects", "", "/acme/web"][..])).prop_map(|(name, rest)| format!("/users/{name}{rest}")),
        1 => (place.clone(), select(&["/-/group_members", "", "/-/acme"][..])).prop_map(|(place, rest)| format!("/groups/{place}{rest}")),
        1 => (place.clone(), select(&["manifests/latest", "blobs/sha256:00"][..])).prop_map(|(place, rest)| format!("/v2/{place}/{rest}")),
        1 => select(&["/", "*", "", "acme/web", "/../acme/web", "/./acme", "http://gitlab.example", "/assets/acme/web.css", "/search?scope=acme", "/%", "/%zz/acme", "/acme%00/web", "/%ff/acme"][..]).prop_map(str::to_owned),
    ];
    let query = prop_oneof![
        6 => Just(String::new()),
        1 => name.prop_map(|name| format!("?username={name}")),
        1 => id.prop_map(|id| format!("?x=1&user_id={id}")),
        1 => place.clone().prop_map(|place| format!("?project_path={}", place.replace('/', "%2F"))),
        1 => place.prop_map(|place| format!("?note=/{place}#/{place}")),
        1 => select(&["?", "?a=\"&username=alice", "?username=al+ice&username=ali%63e", "#username=alice", "?user%6eame=alice", "?username[]=alice"][..]).prop_map(str::to_owned),
    ];
    let origin = prop_oneof![
        8 => Just(""),
        1 => Just("https://gitlab.example"),
        1 => Just("http://acme.example"),
        1 => Just("ftp://acme"),
    ];
    let hidden = proptest::collection::vec((any::<Index>(), any::<bool>()), 0..3);
    (origin, plain, query, hidden).prop_map(|(origin, path, query, hidden)| {
        let mut path = path;
        for (index, upper) in hidden {
            let letters: Vec<usize> = path
                .char_indices()
                .filter(|(at, c)| c.is_ascii_alphabetic() && !path[at.saturating_sub(2)..*at].contains('%'))
                .map(|(at, _)| at)
                .collect();
            if letters.is_empty() {
                continue;
            }
            let at = letters[index.index(letters.len())];
            let byte = path.as_bytes()[at];
            path.replace_range(
                at..=at,
                &if upper {
                    format!("%{byte:02X}")
                } else {
                    format!("%{byte:02x}")
                },
            );
        }
        format!("{origin}{path}{query}")
    })
}

/// As the web server writes what clients choose.
fn hex_escaped(text: &str) -> String {
    let mut out = String::new();
    for &byte in text.as_bytes() {
        if (b' '..=b'~').contains(&byte) && !b"\"\\".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "\\x{byte:02X}");
        }
    }
    out
}

/// A line of an access log, or of a log of pairs.
fn text_line() -> impl Strategy<Value = (&'static str, String)> {
    let chosen = || {
        (select(CHOSEN), prop::bool::weighted(0.9)).prop_map(|(text, escaped)| {
            // Now and then as no writer writes it: the two have to agree all the same.
            if escaped {
                hex_escaped(text)
            } else {
                text.to_owned()
            }
        })
    };
    let times = select(
        &[
            "31/Oct/2026:23:59:59 +0000",
            "01/Nov/2026:00:00:00 +0000",
            "01/Nov/2026:12:00:00 +0000",
            "01/Nov/2026:13:00:00 +0200",
            "01/Nov/2026:23:59:59 +0000",
            "02/Nov/2026:00:00:00 +0000",
            "02/Nov/2026:00:30:00 +0100",
            "soon",
            "",
        ][..],
    );
    let method = || select(&["GET", "POST", "HEAD", "get", "\\x16\\x03"][..]);
    let nginx = (
        select(ADDRESSES),
        chosen(),
        times,
        method(),
        odd_url(),
        (odd_url(), chosen()),
        select(&["200", "404", "000", "0", "", "-"][..]),
        select(&["", " -", " 3.12", " - -", "  -"][..]),
    )
        .prop_map(
            |(address, user, time, method, url, (referrer, agent), status, end)| {
                let request = match method {
                    "get" => hex_escaped(&url),
                    method => format!("{method} {} HTTP/1.1", hex_escaped(&url)),
                };
                let line = format!(
                    "{address} - {user} [{time}] \"{request}\" {status} 12 \"{}\" \"{agent}\"{end}",
                    hex_escaped(&referrer)
                );
                ("nginx_access", line)
            },
        );
    let times = select(
        &[
            "31/Oct/2026:23:59:59.999",
            "01/Nov/2026:00:00:00.000",
            "01/Nov/2026:12:00:00.812",
            "01/Nov/2026:23:59:59.999",
            "02/Nov/2026:00:00:00.000",
            "02/Nov/2026",
        ][..],
    );
    let haproxy = (select(ADDRESSES), times, method(), odd_url(), select(&["200", "-1", "503"][..]), select(&["Nov  1 12:00:00", "Nov 11 12:00:00", "Nov 1", "2026-11-01T12:00:00Z"][..]), any::<bool>())
        .prop_map(|(address, time, method, url, status, stamp, quoted)| {
            let url = if quoted { url.replace('"', "%22") } else { url };
            let line = format!(
                "{stamp} lb-1 haproxy[87]: {address}:60630 [{time}] https~ web/a 19/0/2/2/23 {status} 2362 - - ---- 1/1/1/1/0 0/0 \"{method} {url} HTTP/1.1\""
            );
            ("haproxy", line)
        });
    let pair = prop_oneof![
        2 => select(NAMES).prop_map(|name| format!("auth.user.name={name}")),
        2 => select(PLACES).prop_map(|place| format!("vars.name=\"{place}\"")),
        1 => select(PLACES).prop_map(|place| format!("vars.name={place}")),
        2 => odd_url().prop_map(|url| format!("http.request.uri={}", text(&url))),
        1 => odd_url().prop_map(|url| format!("http.request.uri={url}")),
        1 => select(CHOSEN).prop_map(|chosen| format!("msg={}", text(chosen))),
        1 => select(&["flag", "level=info", "msg=\"open", "=x", "a=\"b\"c", "http.request.method=GET", "auth.user.name=", "auth.user.name=\"a\\\"b\"", "{", "vars.name=\"\\x61cme\""][..]).prop_map(str::to_owned),
    ];
    let registry = (
        proptest::option::weighted(0.9, select(TIMES)),
        proptest::collection::vec(pair, 1..6),
        any::<Index>(),
    )
        .prop_map(|(time, mut pairs, place)| {
            if let Some(time) = time {
                let at = place.index(pairs.len() + 1);
                pairs.insert(at, format!("time=\"{time}\""));
            }
            ("registry", pairs.join(" "))
        });
    // The registry's own access lines stand among its pairs.
    let nginx = (nginx, prop::bool::weighted(0.1))
        .prop_map(|((name, line), among)| (if among { "registry" } else { name }, line));
    prop_oneof![4 => nginx, 2 => haproxy, 2 => registry]
}

/// An object, spelt in one of the many ways.
fn json_line() -> impl Strategy<Value = (&'static str, String)> {
    select(&SOURCES[..5]).prop_flat_map(|source| {
        let fields = proptest::collection::vec(field(source), 1..7);
        let time = prop_oneof![
            12 => select(TIMES).prop_map(|time| Some(text(time))),
            1 => Just(None),
            1 => Just(Some("[]".to_owned())),
            1 => Just(Some("\"soon\"".to_owned())),
        ];
        let event = (any::<bool>(), select(EVENTS));
        let spelling = (
            any::<bool>(),
            any::<bool>(),
            any::<bool>(),
            proptest::collection::vec(any::<Index>(), 0..4),
        );
        (fields, time, any::<Index>(), event, spelling).prop_map(
            move |(mut fields, time, place, (has_event, event), spelling)| {
                if has_event {
                    match source {
                        "audit_json" => fields.push(("event_name".to_owned(), text("deploy_key_created"))),
                        "gitaly" => fields.push(("grpc.method".to_owned(), text("SSHUploadPack"))),
                        "production_json" => {
                            fields.push(("controller".to_owned(), text(event.0)));
                            fields.push(("action".to_owned(), text(event.1)));
                        }
                        _ => {}
                    }
                }
                if let Some(time) = time {
                    let at = place.index(fields.len() + 1);
                    fields.insert(at, ("time".to_owned(), time));
                }
                (source, spell(&fields, &spelling))
            },
        )
    })
}

fn spell(
    fields: &[(String, String)],
    (nest, spaced, slashes, escapes): &(bool, bool, bool, Vec<Index>),
) -> String {
    let (comma, colon) = if *spaced { (" , ", " : ") } else { (",", ":") };
    let mut members: Vec<String> = Vec::new();
    let mut nested: Vec<String> = Vec::new();
    for (name, value) in fields {
        match name.strip_prefix("meta.").filter(|_| *nest) {
            Some(short) => nested.push(format!("{}{colon}{value}", text(short))),
            None => members.push(format!("{}{colon}{value}", text(name))),
        }
    }
    if !nested.is_empty() {
        members.insert(0, format!("\"meta\"{colon}{{{}}}", nested.join(comma)));
    }
    let mut line = format!("{{{}}}", members.join(comma));
    if *slashes {
        line = line.replace('/', "\\/");
    }
    for index in escapes {
        let letters: Vec<usize> = line
            .char_indices()
            .filter(|(at, c)| c.is_ascii_lowercase() && !before_is_escape(&line, *at))
            .map(|(at, _)| at)
            .collect();
        // Letters inside strings only: `null` and the like do not occur.
        let Some(at) = (!letters.is_empty()).then(|| letters[index.index(letters.len())]) else {
            continue;
        };
        let code = format!("\\u{:04x}", line.as_bytes()[at]);
        line.replace_range(at..=at, &code);
    }
    line
}

/// Whether a letter belongs to an escape already.
fn before_is_escape(line: &str, at: usize) -> bool {
    line.get(at.saturating_sub(5)..at)
        .is_some_and(|before| before.contains('\\'))
}

fn selects() -> impl Strategy<Value = String> {
    let list = |pool: &'static [&'static str]| {
        proptest::collection::vec(select(pool), 1..3).prop_map(|mut items| {
            // The same thing twice in a list is an error of the request.
            items.sort_by_key(|item| item.to_lowercase());
            items.dedup_by_key(|item| item.to_lowercase());
            let items: Vec<String> = items
                .into_iter()
                .map(|item| {
                    item.parse::<u64>()
                        .map_or_else(|_| text(item), |id| id.to_string())
                })
                .collect();
            format!("[{}]", items.join(", "))
        })
    };
    let one = (
        proptest::option::of(list(&["acme", "acme/payments", "Acme", "acme/web"])),
        proptest::option::of(list(&["acme/web", "51191", "acme/payments/api", "51192"])),
        proptest::option::weighted(0.4, list(&["alice", "mallory", "1001", "bea", "9009"])),
        proptest::option::of(list(&[
            "raw:*",
            "repository.read",
            "session.*",
            "raw:Projects::*",
            "deploy_key.*",
        ])),
        proptest::option::weighted(0.2, list(&["production_json", "audit_json", "gitaly"])),
        proptest::option::weighted(0.2, list(&["81.2.69.144"])),
        proptest::option::weighted(0.3, list(&["alice", "9009"])),
    );
    let one = one.prop_map(|(namespaces, projects, users, events, sources, ips, exclude)| {
        let mut out = "[[select]]\n".to_owned();
        let keys = [
            ("namespaces", namespaces),
            ("projects", projects),
            ("users", users),
            ("events", events),
            ("sources", sources),
            ("ips", ips),
        ];
        for (key, value) in keys {
            if let Some(value) = value {
                let _ = writeln!(out, "{key} = {value}");
            }
        }
        if let Some(users) = exclude {
            let _ = writeln!(
                out,
                "exclude = {{ users = {users}, namespaces = [\"acme/web\"] }}"
            );
        }
        out
    });
    proptest::collection::vec(one, 1..3).prop_map(|selects| {
        let mut out = format!("{SCOPE}{}", selects.concat());
        out.push_str("[disclosure]\npersonal_data = true\n");
        for condition in ["events.few", "events.listed", "resources.listed", "scope.owned"] {
            let _ = write!(out, "[[exception]]\ncondition = \"{condition}\"\nreason = \"a test\"\napproved_by = \"the tests\"\n");
        }
        out
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Line by line: the typed match equals the oracle's, the prefilter lets every match through, and none is
    /// ruled out.
    #[test]
    fn each_line_is_judged_as_the_oracle_does(request in selects(), lines in proptest::collection::vec(line(), 1..12)) {
        let profile = profile();
        let query = Query::parse(&request).expect("the oracle reads the request");
        let request = common::request(&request);
        let plan = ProfilePlan::new(profile.clone()).expect("a sound profile");
        let engine = QueryPlan::new(&request, &plan);
        let prefilter = Prefilter::new(&engine.needles);
        let projection = Projection::new(&plan, &engine);
        let mut scratch = Scratch::default();
        for (name, line) in &lines {
            let index = profile.sources.iter().position(|source| source.name == *name).expect("a source");
            let answer = query.answer(&profile, &profile.sources[index], line.as_bytes());
            let got = with_record(&plan, line.as_bytes(), Some(index), &Limits::default(), &mut scratch, |record| {
                let mut typed = Vec::new();
                let sound = plan.typed(record, &mut typed).is_ok();
                let time = plan.time(record);
                if matches!(time, Ok(Some(at)) if !engine.in_window(at.ns)) {
                    return Answer::NoMatch;
                }
                match (engine.matches(&plan, record, &typed), sound, time) {
                    (true, true, Ok(Some(at))) => Answer::Match(i128::from(at.ns)),
                    (true, ..) => Answer::Withhold,
                    (false, false, _) => Answer::Either,
                    (false, true, _) => Answer::NoMatch,
                }
            });
            let is_record = fields(&profile.sources[index], line.as_bytes()).is_some();
            prop_assert_eq!(got.is_ok(), is_record, "{}: {}", name, line);
            let out = projection.rules_out(&plan, &engine, line.as_bytes(), Some(index), &Limits::default(), &mut Buffers::default());
            prop_assert!(!out || got == Ok(Answer::NoMatch), "ruled out {}: {}", name, line);
            if is_record {
                prop_assert_eq!(got, Ok(answer), "{}: {}", name, line);
            }
            let mut candidate = prefilter.is_none();
            if let Some(prefilter) = &prefilter {
                let around = format!("{{\"x\":1}}\n{line}\n{{\"y\":2}}");
                prefilter.candidates(around.as_bytes(), &mut |start, end| {
                    candidate |= around.get(start..end) == Some(line.as_str());
                    true
                });
            }
            prop_assert!(candidate || !matches!(answer, Answer::Match(_) | Answer::Withhold), "the prefilter loses {}: {}", name, line);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// A whole dive counts what the oracle counts.
    #[test]
    fn a_dive_counts_as_the_oracle_does(request in selects(), lines in proptest::collection::vec(line(), 1..30), threads in 1_usize..4, prefilter in any::<bool>()) {
        let profile = profile();
        let query = Query::parse(&request).expect("the oracle reads the request");
        let dir = tempfile::tempdir().expect("a temporary directory");
        let mut inputs: Vec<(String, Vec<u8>)> = SOURCES.iter().map(|name| ((*name).to_owned(), Vec::new())).collect();
        let (mut matches, mut withheld, mut either) = (0_u64, 0_u64, 0_u64);
        for (name, line) in &lines {
            let source = profile.source(name).expect("a source");
            match query.answer(&profile, source, line.as_bytes()) {
                Answer::Match(_) => matches += 1,
                Answer::Withhold => withheld += 1,
                Answer::Either => either += 1,
                Answer::NoMatch => {}
            }
            if let Some((_, bytes)) = inputs.iter_mut().find(|(source, _)| source == name) {
                bytes.extend_from_slice(line.as_bytes());
                bytes.push(b'\n');
            }
        }
        write_inputs(dir.path(), &inputs, common::Codec::Plain);
        let path = Path_ { threads, prefilter, ..Path_::default() };
        let done = run(along(builder(&request, dir.path().to_owned()), path, Limits::default()));
        let done = match done {
            Ok(done) => done,
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        };
        prop_assert_eq!(done.report.counts.matched, matches);
        prop_assert!((withheld..=withheld + either).contains(&done.report.counts.withheld), "{} withheld, {withheld} to {} expected", done.report.counts.withheld, withheld + either);
    }
}

#[test]
fn the_requests_are_sound() {
    assert_eq!(
        request(&format!("{SCOPE}[[select]]\nnamespaces = [\"acme\"]\n"))
            .selects
            .len(),
        1
    );
}

/// The comparison says something only if many lines are read and some match.
#[test]
fn text_lines_are_read_and_match() {
    let profile = profile();
    let text = format!(
        "{SCOPE}[[select]]\nnamespaces = [\"acme\"]\n[[select]]\nusers = [\"alice\"]\n[[select]]\nips = [\"81.2.69.144\"]\nevents = [\"raw:GET /:project/-/*\"]\n"
    );
    let query = Query::parse(&text).expect("the oracle reads the request");
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let strategy = text_line();
    let mut counts = std::collections::BTreeMap::<&str, [u32; 3]>::new();
    for _ in 0..4000 {
        let (name, line) = strategy.new_tree(&mut runner).expect("a line").current();
        let source = profile.source(name).expect("a source");
        let counts = counts.entry(name).or_default();
        counts[0] += 1;
        counts[1] += u32::from(fields(source, line.as_bytes()).is_some());
        counts[2] += u32::from(matches!(
            query.answer(&profile, source, line.as_bytes()),
            Answer::Match(_)
        ));
    }
    assert_eq!(counts.len(), 3);
    for (name, [lines, read, matched]) in counts {
        assert!(
            lines > 500 && read * 3 > lines && matched * 20 > lines,
            "{name}: {lines} lines, {read} read, {matched} match"
        );
    }
}
