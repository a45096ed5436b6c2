//! Every way in which a line that looks as if it could be ruled out cannot, and those in which it can.

use std::path::Path;
use std::sync::OnceLock;

use decostop_profile::Profile;
use decostop_redact::ProfilePlan;

use super::index::{Index, Kind};
use super::{Buffers, Projection};
use crate::Limits;
use crate::parse::{Scratch, with_record};
use crate::query::QueryPlan;
use crate::request::Request;

fn plan() -> &'static ProfilePlan {
    static PLAN: OnceLock<ProfilePlan> = OnceLock::new();
    PLAN.get_or_init(|| ProfilePlan::new(Profile::gitlab()).expect("a sound profile"))
}

fn query(select: &str) -> QueryPlan {
    let text = format!(
        "version = 1\nid = \"P-1\"\nrequested_at = 2026-11-08T09:00:00Z\n\
         [customer]\nname = \"Acme\"\nplan = \"ultimate\"\nbilling = \"paid\"\n\
         [scope]\nevidence = \"a test\"\nnamespaces = [{{ path = \"acme\" }}]\nusers = [{{ username = \"alice\", id = 1001 }}]\n\
         [window]\nfrom = 2026-11-01T00:00:00Z\nto = 2026-11-02T00:00:00Z\n[[select]]\n{select}\n"
    );
    let request = Request::parse_with(&text, Path::new(""), &Profile::gitlab());
    QueryPlan::new(&request.unwrap_or_else(|error| panic!("{error}")), plan())
}

/// Whether a line is ruled out; it is compared with what the parser makes of it.
fn is_ruled_out(query: &QueryPlan, source: &str, line: &str) -> bool {
    let source = plan().profile.sources.iter().position(|spec| spec.name == source);
    let (limits, mut typed) = (Limits::default(), Vec::new());
    let projection = Projection::new(plan(), query);
    let out = projection.rules_out(
        plan(),
        query,
        line.as_bytes(),
        source,
        &limits,
        &mut Buffers::default(),
    );
    let judged = with_record(
        plan(),
        line.as_bytes(),
        source,
        &limits,
        &mut Scratch::default(),
        |record| {
            let sound = plan().typed(record, &mut typed).is_ok();
            let outside = matches!(plan().time(record), Ok(Some(at)) if !query.in_window(at.ns));
            outside || sound && !query.matches(plan(), record, &typed)
        },
    );
    assert!(!out || judged == Ok(true), "{judged:?}, but ruled out: {line}");
    out
}

const IN: &str = r#""time":"2026-11-01T10:00:00Z""#;
const OUT: &str = r#""time":"2026-10-01T10:00:00Z""#;

fn check(query: &QueryPlan, source: &str, lines: &[(&str, bool)]) {
    for (line, want) in lines {
        let line = line.replace("IN", IN).replace("OUT", OUT);
        assert_eq!(is_ruled_out(query, source, &line), *want, "{line}");
    }
}

#[test]
fn the_time_alone_rules_out() {
    check(
        &query("events = [\"raw:*\"]"),
        "production_json",
        &[
            (r#"{OUT,"controller":"A","action":"b"}"#, true),
            (r#"{IN,"controller":"A","action":"b"}"#, false),
            (r#"{OUT,"meta.user":7,"controller":"A","action":"b"}"#, true),
            // The first that says something counts.
            (r#"{OUT,IN,"controller":"A","action":"b"}"#, true),
            (r#"{IN,OUT,"controller":"A","action":"b"}"#, false),
            (r#"{"time":"",OUT}"#, true),
            (r#"{"time":null,OUT}"#, true),
            (r#"{"time":7,OUT,"controller":"A","action":"b"}"#, false),
            (r#"{"time":[],OUT,"controller":"A","action":"b"}"#, false),
            (
                r#"{"time":"2026-10-01T10:00:00\u005a","controller":"A","action":"b"}"#,
                true,
            ),
            (r#"{"t\u0069me":"2026-11-01T10:00:00Z",OUT}"#, false),
            (r#"{"a":{OUT},"controller":"A","action":"b"}"#, false),
            (r#"{"attributes":{OUT},"controller":"A","action":"b"}"#, true),
            (r#"{"attributes":[{OUT}],"controller":"A","action":"b"}"#, false),
            (
                r#"{"attributes.time":"2026-10-01T10:00:00Z","controller":"A","action":"b"}"#,
                false,
            ),
            // The envelope's time counts if the record has none.
            (
                r#"{"timestamp":"2026-10-01T10:00:00Z","jsonPayload":{"controller":"A","action":"b"}}"#,
                true,
            ),
            (
                r#"{"timestamp":"2026-10-01T10:00:00Z","jsonPayload":{IN,"controller":"A","action":"b"}}"#,
                false,
            ),
            (
                r#"{"timestamp":"2026-11-01T10:00:00Z","jsonPayload":{OUT,"controller":"A","action":"b"}}"#,
                true,
            ),
            (
                r#"{"json.time":"2026-10-01T10:00:00Z","json.controller":"A","json.action":"b"}"#,
                true,
            ),
            (r#"2026-10-01T10:00:00Z {"controller":"A","action":"b"}"#, true),
            (r#"2026-11-01T10:00:00Z {"controller":"A","action":"b"}"#, false),
        ],
    );
}

#[test]
fn whom_a_record_names_rules_out() {
    check(
        &query("users = [\"alice\"]"),
        "production_json",
        &[
            (r#"{IN,"meta.user":"mallory","note":"alice"}"#, true),
            (r#"{IN,"meta.user":"alice7","username":"x-alice"}"#, true),
            (r#"{IN,"meta.user":"mallory","meta.user":"alice"}"#, false),
            (r#"{IN,"meta":{"user":"alice"}}"#, false),
            (r#"{IN,"meta":{"user":"mallory"},"user":"alice"}"#, true),
            (r#"{IN,"meta":[{"user":"alice"}]}"#, false),
            (r#"{IN,"meta_user":"Alice"}"#, false),
            (r#"{IN,"attributes":{"meta":{"user":"alice"}}}"#, false),
            (r#"{IN,"meta.user":"al\u0069ce"}"#, false),
            (r#"{IN,"meta.\u0075ser":"alice"}"#, false),
            (r#"{IN,"meta.user":"b\u006fb"}"#, true),
            (r#"{IN,"user_id":1001}"#, false),
            (r#"{IN,"user_id":11001}"#, true),
            (r#"{IN,"path":"/users/%61lice/projects"}"#, false),
            (r#"{IN,"path":"/x/y?username=alice"}"#, false),
            (r#"{IN,"params":[{"key":"username","value":"alice"}]}"#, false),
            (
                r#"{IN,"params":[{"key":"username","value":"bob"},{"key":"note","value":"alice"}]}"#,
                true,
            ),
            (r#"{IN,"params":"{\"username\":\"alice\"}"}"#, false),
            (
                r#"{IN,"message":"Failed Login: username=alice ip=192.0.2.1"}"#,
                false,
            ),
            (r#"{IN,"message":"alice and bob"}"#, true),
            // A type that a class does not have keeps a line back if it names a needle.
            (r#"{IN,"meta.user":{},"note":"alice"}"#, false),
            (r#"{IN,"meta.user":5}"#, false),
            (r#"{IN,"remote_ip":["192.0.2.1"]}"#, true),
            (r#"{IN,"user_id":true}"#, false),
        ],
    );
}

#[test]
fn what_happened_and_where_rule_out() {
    let events = query("events = [\"raw:Projects::*\"]");
    check(
        &events,
        "production_json",
        &[
            (r#"{IN,"controller":"Projects::A","action":"b"}"#, false),
            (r#"{IN,"controller":"Groups::A","action":"b"}"#, true),
            (
                r#"{IN,"controller":"Groups::A","controller":"Projects::A","action":"b"}"#,
                true,
            ),
            (
                r#"{IN,"controller":null,"controller":"Projects::A","action":"b"}"#,
                false,
            ),
            (r#"{IN,"controller":"Pr\u006fjects::A","action":"b"}"#, false),
            (r#"{IN,"action":"b"}"#, true),
        ],
    );
    let sources = query("sources = [\"sidekiq\"]\nevents = [\"raw:*\"]");
    check(
        &sources,
        "production_json",
        &[
            (r#"{IN,"controller":"A","action":"b","class":"C"}"#, true),
            (r#"{IN,"subcomponent":"sidekiq","class":"C"}"#, false),
            (r#"{IN,"labels":{"tag":"sidekiq"},"class":"C"}"#, false),
            (r#"{IN,"subcomponent":"sidek\u0069q","class":"C"}"#, false),
            (r#"{IN,"controller":"A","meta.user":5}"#, false),
        ],
    );
    check(
        &sources,
        "none",
        &[(r#"{IN,"class":"C"}"#, false), (r"{OUT}", false)],
    );
    check(
        &query("correlation_ids = [\"01ABC\"]"),
        "production_json",
        &[
            (r#"{IN,"correlation_id":"01ABC"}"#, false),
            (r#"{IN,"correlation_id":"01ABD","note":"01ABC"}"#, true),
            (r#"{IN,"correlation_id":"01abc"}"#, true),
        ],
    );
}

#[test]
fn wrapped_and_malformed_lines_are_left_to_the_parser() {
    let query = query("users = [\"alice\"]");
    check(
        &query,
        "production_json",
        &[
            (r"{OUT}", true),
            (r#"  {OUT , "a" : [ 1 , {} , [ ] ] }  "#, true),
            (
                r#"{OUT,"message":"{\"time\":\"2026-11-01T10:00:00Z\",\"meta.user\":\"alice\"}"}"#,
                false,
            ),
            (r#"{OUT,"log":"{\"meta.user\":\"alice\"}\n"}"#, false),
            (r#"{OUT,"log":"{\"meta.user\":\"alice\"\u007d"}"#, false),
            (r#"{OUT,"message":"done {}."}"#, true),
            // A string that is the line is opened, once.
            (
                r#"{"log":"{\"time\":\"2026-11-01T10:00:00Z\",\"meta.user\":\"b\\u006fb\"}\n","stream":"alice"}"#,
                true,
            ),
            (
                r#"{"log":"{\"time\":\"2026-11-01T10:00:00Z\",\"meta.user\":\"al\\u0069ce\"}\n"}"#,
                false,
            ),
            (
                r#"{"log":"{\"meta.user\":\"alice\"}","timestamp":"2026-10-01T10:00:00Z"}"#,
                true,
            ),
            (
                r#"{"log":"2026-10-01T10:00:00Z {\"meta.user\":\"alice\"}","timestamp":"2026-11-01T10:00:00Z"}"#,
                false,
            ),
            (
                r#"{"log":"{\"log\":\"{\\\"time\\\":\\\"2026-10-01T10:00:00Z\\\"}\"}"}"#,
                false,
            ),
            (r#"{"log":"{\"meta.user\":\"bob\",}"}"#, false),
            (
                r#"{"message":"{\"meta.user\":\"alice\"}",OUT,"status":200,"method":"GET","controller":"A","action":"b"}"#,
                true,
            ),
            (r#"{"json":{"json":{"json":{"json":{OUT}}}}}"#, false),
            (r"{OUT", false),
            (r"{OUT,}", false),
            (r"{OUT}}", false),
            (r"{OUT} {OUT}", false),
            (r#"{OUT,"a":01}"#, false),
            (r#"{OUT,"a":1e999}"#, false),
            (r#"{OUT,"a":tru}"#, false),
            (r#"{OUT,"a":"\x"}"#, false),
            (r#"{OUT,"a":"\u12"}"#, false),
            (r#"{OUT,"a":"\ud800"}"#, false),
            (r#"{OUT,"a":[1 2]}"#, false),
            (r#"{OUT,"a":[1}}"#, false),
            (r#"{OUT,"a" "b"}"#, false),
            (r"{OUT,a:1}", false),
            ("{OUT,\"a\":\"\t\"}", false),
            (r"[{OUT}]", false),
            ("plain text of alice", false),
            ("", false),
        ],
    );
    let text = "{\"time\":\"2026-10-01T10:00:00Z\",\"a\":\"\u{e9}\"}";
    assert!(is_ruled_out(&query, "production_json", text));
    let mut broken = text.as_bytes().to_vec();
    broken.retain(|byte| *byte != 0xa9);
    let projection = Projection::new(plan(), &query);
    let out = |limits: &Limits, line: &[u8]| {
        projection.rules_out(plan(), &query, line, Some(0), limits, &mut Buffers::default())
    };
    assert!(!out(&Limits::default(), &broken), "no text");
    let few = Limits {
        max_nodes: 5,
        ..Limits::default()
    };
    assert!(!out(&few, text.as_bytes()), "as many nodes as may be");
    let flat = Limits {
        max_depth: 0,
        ..Limits::default()
    };
    assert!(!out(&flat, text.as_bytes()), "as deep as may be");
}

/// Marks, quotes and escapes at every place of a block, and over its end.
#[test]
fn blocks_do_not_matter() {
    for pad in 0..200 {
        let pad = "x".repeat(pad);
        for (tail, kind) in [
            (r#""a\"b","#, Kind::Escaped),
            (r#""\\","#, Kind::Escaped),
            (r#""\\\\\"\\","#, Kind::Escaped),
            (r#""a{[]}:,","#, Kind::Plain),
            ("-1.5e3,", Kind::Number),
            (r#"[1,"\\",{}],"#, Kind::List),
            (r#"[{"b":1},{}],"#, Kind::Objects),
            (r#"{"b":[{"c":"}"}]},"#, Kind::Object),
        ] {
            let line = format!(r#"{{"{pad}":{tail}"z":null}}"#);
            let mut index = Index::default();
            let read = index.read(line.as_bytes(), &Limits::default());
            assert!(read.is_some(), "{line}");
            let first = index.entries.first().expect("a member");
            assert_eq!(
                (first.key.of(line.as_bytes()), first.kind),
                (pad.as_bytes(), kind),
                "{line}"
            );
            let (value, _) = tail.rsplit_once(',').expect("a comma");
            assert_eq!(first.value.of(line.as_bytes()), value.as_bytes(), "{line}");
            let last = index.entries.last().expect("a member");
            assert_eq!(
                (last.key.of(line.as_bytes()), last.kind),
                (&b"z"[..], Kind::Null),
                "{line}"
            );
        }
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 3000, failure_persistence: None, ..Default::default() })]

    /// What the index takes, the parser takes.
    #[test]
    fn what_is_indexed_is_json(line in r#"\{("([ab]|\\[nu"\\/bx]|\\u[0d][08c][0-9]0|[\{\},:é])*"|[\{\}\[\],:]|-?[0-9]{1,20}|[0-9.eE+-]{1,6}|null|true|[ \t]){0,24}\}"#) {
        let read = Index::default().read(line.as_bytes(), &Limits::default()).is_some();
        let mut buffers = simd_json::Buffers::default();
        let parsed = crate::parse::tree::parse(&line, &mut Vec::new(), &mut buffers, &Limits::default()).is_ok();
        proptest::prop_assert!(parsed || !read, "{}", line);
    }

    #[test]
    fn sound_lines_are_indexed(line in r#"\{("[a-c]{0,3}":("([a-z ]|\\[n"\\]|\\u00[0-9]{2}|é){0,70}"|-?[1-9][0-9]{0,9}(\.[0-9]{1,9})?|null|\[(1(,"a")*)?\]|\{("x":\{\})?\}),){0,8}"z":true\}"#) {
        let mut index = Index::default();
        proptest::prop_assert!(index.read(line.as_bytes(), &Limits::default()).is_some(), "{}", line);
        let root: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        proptest::prop_assert!(root.is_object());
        let keys = |line: &str| line.matches("\":").count();
        proptest::prop_assert!(index.entries.len() <= keys(&line), "{}", line);
    }
}
