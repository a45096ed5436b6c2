//! A line that is ruled out by a few of its fields is no match once it is parsed in full: over lines of
//! every kind, as they are and spoilt in every way.

mod common;

use std::sync::{Arc, OnceLock};

use common::{decode, request};
use decostop::Limits;
use decostop::parse::{Buffers, Projection, Scratch, with_record};
use decostop::query::QueryPlan;
use decostop_profile::Profile;
use decostop_redact::ProfilePlan;
use decostop_testkit::{golden, synth};
use proptest::prelude::*;
use proptest::sample::{Index, select};

const HEAD: &str = r#"
version = 1
id = "PROJECTION-1"
requested_at = 2026-11-08T09:00:00Z
[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"
[scope]
evidence = "a test"
namespaces = [{ path = "acme", id = 77 }]
projects = [{ path = "acme/payments/api", id = 51191 }, { path = "acme/web", id = 51192 }]
users = [{ username = "alice", id = 1001, emails = ["alice@acme.example"], names = ["Alice Abbott"] }]
"#;

const WINDOWS: &[&str] = &[
    "from = 2026-11-01T00:00:00Z\nto = 2026-11-08T00:00:00Z",
    "from = 2026-11-01T00:00:00Z\nto = 2026-11-01T12:00:00Z",
    "from = 2026-10-01T00:00:00Z\nto = 2026-10-02T00:00:00Z",
];

const SELECTS: &[&str] = &[
    "namespaces = [\"acme\"]",
    "projects = [\"acme/web\", 51191]",
    "users = [\"alice\"]",
    "users = [\"mallory\", 9009]\nexclude = { users = [\"alice\"] }",
    "ips = [\"81.2.69.144\"]",
    "ips = [\"81.2.0.0/16\", \"2001:db8::/32\"]",
    "correlation_ids = [\"01HXYZ\", \"c1\"]",
    "token_ids = [\"99\"]",
    "namespaces = [\"acme\"]\nevents = [\"repository.read\", \"raw:Projects::*\"]",
    "events = [\"raw:*\"]",
    "events = [\"raw:Projects::*\", \"raw:GET*\"]",
    "events = [\"session.*\"]\nexclude = { events = [\"raw:*#show\"] }",
    "sources = [\"production_json\"]\nusers = [\"alice\"]",
    "sources = [\"audit_json\", \"gitaly\"]\nevents = [\"raw:*\"]",
    "namespaces = [\"acme\"]\nexclude = { namespaces = [\"acme/web\"] }",
];

/// The source that the name of a file tells, and a line of it.
type Line = (Option<usize>, Vec<u8>);

/// A profile, compiled, with queries for it.
struct Platform {
    plan: Arc<ProfilePlan>,
    queries: Vec<(QueryPlan, Projection)>,
}

impl Platform {
    fn new(profile: Arc<Profile>, requests: impl Iterator<Item = decostop::request::Request>) -> Self {
        let plan = Arc::new(ProfilePlan::new(profile).expect("a sound profile"));
        let queries = requests.map(|request| {
            let query = QueryPlan::new(&request, &plan);
            let projection = Projection::new(&plan, &query);
            (query, projection)
        });
        Self {
            queries: queries.collect(),
            plan,
        }
    }

    fn source(&self, name: &str) -> Option<usize> {
        self.plan
            .profile
            .sources
            .iter()
            .position(|source| source.name == name)
    }
}

fn gitlab() -> &'static Platform {
    static GITLAB: OnceLock<Platform> = OnceLock::new();
    GITLAB.get_or_init(|| {
        let texts = WINDOWS.iter().flat_map(|window| {
            SELECTS.iter().map(move |select| {
                let exceptions = ["events.few", "events.listed", "resources.listed", "scope.owned"]
                    .map(|id| format!("[[exception]]\ncondition = \"{id}\"\nreason = \"a test\"\napproved_by = \"the tests\"\n"))
                    .concat();
                format!("{HEAD}[window]\n{window}\n[[select]]\n{select}\n[disclosure]\npersonal_data = true\n{exceptions}")
            })
        });
        Platform::new(Profile::gitlab(), texts.map(|text| request(&text)))
    })
}

/// Lines with the source that the name of their file tells.
fn lines() -> &'static [Line] {
    static LINES: OnceLock<Vec<Line>> = OnceLock::new();
    LINES.get_or_init(|| {
        let sources = &Profile::gitlab().sources;
        let cases = golden::load(&golden::directory()).expect("the golden cases can be read");
        let of_cases = cases.iter().flat_map(golden::Case::inputs);
        let corpora = (0..2).map(synth::tiny);
        let files = of_cases.chain(corpora.flat_map(|corpus| corpus.files));
        let lines = files.flat_map(|(name, bytes)| {
            let source = sources.iter().position(|source| {
                let name = name.trim_end_matches(".gz").trim_end_matches(".zst");
                source.fits_file(name) || name.trim_end_matches(".log") == source.name
            });
            let bytes = decode(&bytes);
            let lines: Vec<_> = bytes
                .split(|byte| *byte == b'\n')
                .map(|line| (source, line.to_vec()))
                .collect();
            lines
        });
        let examples = sources.iter().enumerate().flat_map(|(at, source)| {
            source
                .examples
                .iter()
                .map(move |example| (Some(at), example.line.clone().into_bytes()))
        });
        lines.chain(examples).collect()
    })
}

/// Whether a line parsed in full is no match, with nothing learned or withheld.
fn is_no_match(
    plan: &ProfilePlan,
    query: &QueryPlan,
    line: &[u8],
    source: Option<usize>,
    limits: &Limits,
) -> bool {
    let mut typed = Vec::new();
    let judged = with_record(plan, line, source, limits, &mut Scratch::default(), |record| {
        let sound = plan.typed(record, &mut typed).is_ok();
        let outside = matches!(plan.time(record), Ok(Some(at)) if !query.in_window(at.ns));
        outside || sound && !query.matches(plan, record, &typed)
    });
    judged == Ok(true)
}

/// Queries that rule a line out, and those that could have.
fn compare(
    platform: &Platform,
    line: &[u8],
    source: Option<usize>,
    limits: &Limits,
    buffers: &mut Buffers,
) -> (u32, u32) {
    let (mut ruled_out, mut could) = (0, 0);
    for (query, projection) in &platform.queries {
        let out = projection.rules_out(&platform.plan, query, line, source, limits, buffers);
        let no_match = is_no_match(&platform.plan, query, line, source, limits);
        assert!(
            no_match || !out,
            "ruled out, though it is no mismatch for {:?}: {}",
            query.selects(),
            String::from_utf8_lossy(line)
        );
        ruled_out += u32::from(out);
        could += u32::from(no_match);
    }
    (ruled_out, could)
}

#[test]
fn lines_of_other_platforms_agree() {
    let (mut ruled_out, mut could) = (0, 0);
    for (platform, lines) in others() {
        for (source, line) in lines {
            let (out, no_match) = compare(
                platform,
                line,
                *source,
                &Limits::default(),
                &mut Buffers::default(),
            );
            if line.starts_with(b"{") {
                ruled_out += out;
                could += no_match;
            }
        }
    }
    assert!(ruled_out * 10 > could * 9, "{ruled_out} of {could}");
}

/// Nearly every line of JSON, as services and pipelines write them, is told without the parser.
#[test]
fn lines_as_they_are_agree_and_most_are_ruled_out() {
    let mut buffers = Buffers::default();
    let (mut ruled_out, mut could, mut matches) = (0, 0, 0);
    let mut left = std::collections::BTreeMap::<String, (u32, u32)>::new();
    for (source, line) in lines() {
        let (out, no_match) = compare(gitlab(), line, *source, &Limits::default(), &mut buffers);
        matches += gitlab().queries.len() as u32 - no_match;
        let is_json = line.starts_with(b"{") && source.is_some();
        if is_json {
            let name = source.map(|at| gitlab().plan.profile.sources[at].name.clone());
            let of = left.entry(name.unwrap_or_default()).or_default();
            of.0 += no_match - out;
            of.1 += no_match;
            ruled_out += out;
            could += no_match;
        }
    }
    assert!(matches > 1000, "too few lines match to say anything");
    assert!(
        ruled_out * 100 > could * 99,
        "{ruled_out} of {could}, left by source: {left:?}"
    );
}

/// The other built-in profiles nest what they say.
fn others() -> &'static [(Platform, Vec<Line>)] {
    static OTHERS: OnceLock<Vec<(Platform, Vec<Line>)>> = OnceLock::new();
    OTHERS.get_or_init(|| {
        let of = |name: &&str| {
            let profile = Profile::builtin(name).expect("a built-in profile");
            let plan = profile.conditions.plans.first().map_or("ultimate", String::as_str);
            let head = HEAD.replace("\"ultimate\"", &format!("{plan:?}"));
            let selects = ["users = [\"alice\"]", "namespaces = [\"acme\"]", "ips = [\"81.2.69.144\"]", "ips = [\"192.0.2.0/24\"]", "events = [\"raw:*\"]", "events = [\"raw:Get*\", \"raw:*_pods*\"]"];
            let requests = selects.iter().map(|select| {
                let exceptions = ["events.few", "events.listed", "resources.listed", "scope.owned"]
                    .map(|id| format!("[[exception]]\ncondition = \"{id}\"\nreason = \"a test\"\napproved_by = \"the tests\"\n"))
                    .concat();
                let text = format!("{head}[window]\nfrom = 2000-01-01T00:00:00Z\nto = 2026-11-08T00:00:00Z\n[[select]]\n{select}\n[disclosure]\npersonal_data = true\n{exceptions}");
                decostop::request::Request::parse_with(&text, std::path::Path::new(""), &profile).unwrap_or_else(|error| panic!("{error}\n{text}"))
            });
            let requests: Vec<_> = requests.collect();
            let sources = profile.sources.iter().enumerate();
            let examples = sources.flat_map(|(at, source)| source.examples.iter().map(move |example| (Some(at), example.line.clone().into_bytes())));
            let examples = examples.collect();
            (Platform::new(profile.clone(), requests.into_iter()), examples)
        };
        ["cloudtrail", "kubernetes-audit", "nginx", "haproxy"].iter().map(of).collect()
    })
}

/// A line that is spoilt, or written otherwise.
fn spoil(line: &mut Vec<u8>, kind: u8, at: Index, other: Index) {
    let len = line.len().max(1);
    let place = at.index(len).min(line.len());
    let members = |line: &[u8]| {
        let text = String::from_utf8_lossy(line).into_owned();
        let members: Vec<(usize, usize)> = text
            .match_indices("\":")
            .filter_map(|(colon, _)| Some((text[..colon].rfind('"')?, colon)))
            .collect();
        (text, members)
    };
    let edit = |line: &mut Vec<u8>, change: &dyn Fn(&str, usize, usize) -> String| {
        let (text, members) = members(line);
        if !members.is_empty() {
            let (start, colon) = members[at.index(members.len())];
            *line = change(&text, start, colon).into_bytes();
        }
    };
    const VALUES: &[&str] = &[
        "null",
        "true",
        "[]",
        "{}",
        "\"\"",
        "0",
        "1e400",
        "18446744073709551616",
        "-0",
        "01",
        "1.",
        "\"\\ud800\"",
        "[\"81.2.69.144\"]",
        "[81]",
        "{\"a\":1}",
        "[{\"key\":\"username\",\"value\":\"alice\"}]",
        "[{\"user\":\"alice\"}]",
        "\"{\\\"username\\\":\\\"alice\\\"}\"",
        "\"{}\\n\"",
        "\"/acme/web?username=%61lice\"",
        "\"al\\u0069ce\"",
        "\"2026-11-01T13:00:00Z\"",
        "\"2020-01-01T00:00:00Z\"",
        "1793534400.5",
        "\"soon\"",
        "\"\u{e9}\"",
        "\"\t\"",
        "\"Failed Login: username=alice ip=81.2.69.144\"",
        "\"c1\"",
        "[[{\"user\":1}]]",
        "\"a\\\"",
        "tru",
        "\"acme-labs/web\"",
    ];
    const NAMES: &[&str] = &[
        "time",
        "timestamp",
        "meta.user",
        "meta_user",
        "meta",
        "username",
        "user_id",
        "json",
        "jsonPayload",
        "message",
        "log",
        "attributes",
        "attributes.time",
        "json.time",
        "subcomponent",
        "tag",
        "labels",
        "params",
        "path",
        "entity_type",
        "meta.project",
        "correlation_id",
        "",
        "a.b",
        "grpc.request.glProjectPath",
        "meta.remote_ip",
    ];
    match kind {
        0 if place < line.len() => line[place] = other.index(256) as u8,
        1 => line.truncate(place),
        2 => line.insert(place, b"\"\\{}[],: 0\xff\t"[other.index(12)]),
        3 if place < line.len() => drop(line.remove(place)),
        // Another value before the one there is, under the same key.
        4 => edit(line, &|text, start, colon| {
            let value = VALUES[other.index(VALUES.len())];
            format!(
                "{}{}:{value},{}",
                &text[..start],
                &text[start..=colon],
                &text[start..]
            )
        }),
        // Another key.
        5 => edit(line, &|text, start, colon| {
            format!(
                "{}\"{}{}",
                &text[..start],
                NAMES[other.index(NAMES.len())],
                &text[colon..]
            )
        }),
        // The same key, an escape in it.
        6 => edit(line, &|text, start, colon| {
            let key = &text[start + 1..colon];
            let hidden = key.chars().next().map_or(String::new(), |c| {
                format!("\\u{:04x}{}", u32::from(c), &key[c.len_utf8()..])
            });
            format!("{}\"{hidden}{}", &text[..start], &text[colon..])
        }),
        // A dotted key, nested or flat.
        7 => edit(line, &|text, start, colon| {
            let key = &text[start + 1..colon];
            let Some((outer, inner)) = key.split_once('.') else {
                return text.to_owned();
            };
            let end = text[colon..]
                .find(",\"")
                .map_or(text.len().saturating_sub(1), |at| colon + at);
            format!(
                "{}\"{outer}\":{{\"{inner}{}}}{}",
                &text[..start],
                &text[colon..end.max(colon)],
                &text[end.max(colon)..]
            )
        }),
        8 => edit(line, &|text, start, colon| {
            format!(
                "{}{}{}",
                &text[..start],
                text[start..colon].replace('.', "_"),
                &text[colon..]
            )
        }),
        // More members in front.
        9 => edit(line, &|text, _, _| {
            let (name, value) = (NAMES[at.index(NAMES.len())], VALUES[other.index(VALUES.len())]);
            text.replacen('{', &format!("{{\"{name}\":{value},"), 1)
        }),
        // Wrapped.
        10 => {
            let text = String::from_utf8_lossy(line).into_owned();
            let string = serde_json::to_string(&text).unwrap_or_default();
            *line = match other.index(6) {
                0 => format!("{{\"timestamp\":\"2026-11-01T01:00:00Z\",\"jsonPayload\":{text}}}"),
                1 => format!("{{\"message\":{string}}}"),
                2 => format!("{{\"attributes\":{text},\"time\":\"2026-11-01T01:00:00Z\"}}"),
                3 => format!("2026-11-01T01:00:00Z {text}"),
                4 => format!("{{\"a\":[{text}],\"meta\":[{text}]}}"),
                _ => format!(" {text}\t"),
            }
            .into_bytes();
        }
        11 => {
            *line = String::from_utf8_lossy(line)
                .replace("\":", "\" : ")
                .replace(",\"", " ,\t\"")
                .into_bytes();
        }
        _ => {}
    }
}

fn spoilt() -> impl Strategy<Value = Line> {
    let source = prop_oneof![6 => Just(None), 1 => select(SOURCES).prop_map(Some)];
    let spoils = proptest::collection::vec((0_u8..12, any::<Index>(), any::<Index>()), 0..5);
    (any::<Index>(), source, spoils).prop_map(|(at, other, spoils)| {
        let lines = lines();
        let (source, mut line) = lines[at.index(lines.len())].clone();
        for (kind, at, other) in spoils {
            spoil(&mut line, kind, at, other);
        }
        (other.map_or(source, |name| gitlab().source(name)), line)
    })
}

const SOURCES: &[&str] = &[
    "production_json",
    "audit_json",
    "gitaly",
    "api_json",
    "none",
    "nginx_access",
    "registry",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn spoilt_lines_agree((source, line) in spoilt(), depth in prop_oneof![9 => Just(128_usize), 1 => 0_usize..4], nodes in prop_oneof![9 => Just(1_000_000_usize), 1 => 0_usize..60]) {
        let mut limits = Limits::default();
        (limits.max_depth, limits.max_nodes) = (depth, nodes);
        compare(gitlab(), &line, source, &limits, &mut Buffers::default());
    }

    #[test]
    fn spoilt_lines_of_other_platforms_agree(platform in any::<Index>(), at in any::<Index>(), spoils in proptest::collection::vec((0_u8..12, any::<Index>(), any::<Index>()), 0..4)) {
        let others = others();
        let (platform, lines) = &others[platform.index(others.len())];
        let (source, mut line) = lines[at.index(lines.len())].clone();
        for (kind, at, other) in spoils {
            spoil(&mut line, kind, at, other);
        }
        compare(platform, &line, source, &Limits::default(), &mut Buffers::default());
    }
}
