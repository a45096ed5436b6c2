//! Records from lines in every dress.

use decostop_profile::Profile;
use decostop_redact::{Json, ProfilePlan, Record};
use proptest::prelude::*;

use super::{Scratch, with_record};
use crate::Limits;
use crate::sink::Reason;

fn plan() -> ProfilePlan {
    ProfilePlan::new(Profile::gitlab()).expect("a sound profile")
}

fn source(plan: &ProfilePlan, name: &str) -> Option<usize> {
    plan.profile.sources.iter().position(|source| source.name == name)
}

/// `name=raw` of each field.
fn fields(line: &str, source_name: &str) -> Result<Vec<String>, Reason> {
    let plan = plan();
    let hint = source(&plan, source_name);
    with_record(
        &plan,
        line.as_bytes(),
        hint,
        &Limits::default(),
        &mut Scratch::default(),
        |record| {
            record
                .fields
                .iter()
                .map(|field| format!("{}={}", field.name, field.raw))
                .collect()
        },
    )
}

fn time(line: &str, source_name: &str) -> Option<String> {
    let plan = plan();
    let hint = source(&plan, source_name);
    let read = |record: &Record<'_>| {
        plan.time(record)
            .ok()
            .flatten()
            .map(decostop_redact::Instant::to_rfc3339)
    };
    with_record(
        &plan,
        line.as_bytes(),
        hint,
        &Limits::default(),
        &mut Scratch::default(),
        read,
    )
    .ok()
    .flatten()
}

#[test]
fn values_keep_their_text_and_duplicates_stay() {
    let line = r#" {"username":"\u0061lice", "status" : 2.00e2,"a\u002eb":[1, {"c":"}"}],"username":"b\"ob","n":-0.0}"#;
    let got = fields(line, "production_json").expect("a record");
    assert_eq!(
        got,
        [
            r#"username="\u0061lice""#,
            "status=2.00e2",
            r#"a.b=[1, {"c":"}"}]"#,
            r#"username="b\"ob""#,
            "n=-0.0"
        ]
    );
}

#[test]
fn dotted_and_nested_names_are_the_same() {
    let got = fields(
        r#"{"meta":{"user":"a","x":{"y":1}},"graphql":[{"operation_name":"q"},{"operation_name":"r"}]}"#,
        "production_json",
    );
    assert_eq!(
        got.expect("a record"),
        [
            r#"meta.user="a""#,
            "meta.x.y=1",
            r#"graphql.operation_name="q""#,
            r#"graphql.operation_name="r""#
        ]
    );
    let wrong = fields(r#"{"meta.project":{"a":"b"}}"#, "production_json");
    assert_eq!(
        wrong.expect("a record"),
        [r#"meta.project={"a":"b"}"#],
        "a catalogued name keeps its whole value"
    );
}

#[test]
fn wrappers_come_off() {
    let inner = r#"{"time":"2026-11-01T00:00:00Z","username":"a"}"#;
    let quoted = serde_json::to_string(inner).expect("a string");
    for line in [
        inner.to_owned(),
        format!("2026-11-01_00:00:00.12345 {inner}"),
        format!("2026-11-01T00:00:00.123456789Z stdout F {inner}"),
        format!(r#"{{"insertId":"x","jsonPayload":{inner},"timestamp":"2026-11-02T00:00:00Z"}}"#),
        r#"{"@timestamp":"2026-11-02T00:00:00Z","json.time":"2026-11-01T00:00:00Z","json.username":"a","host.name":"h"}"#.to_owned(),
        format!(r#"{{"log":{quoted},"stream":"stdout"}}"#),
        format!(r#"{{"log":{}}}"#, serde_json::to_string(&format!("{inner}\n")).expect("a string")),
    ] {
        let got = fields(&line, "production_json").expect("a record");
        assert!(got.contains(&r#"username="a""#.to_owned()), "{line}: {got:?}");
        assert_eq!(time(&line, "production_json").as_deref(), Some("2026-11-01T00:00:00Z"), "{line}");
    }
}

#[test]
fn a_wrapper_lends_its_time_to_a_record_without_one() {
    let line = r#"{"timestamp":"2026-11-02T00:00:00Z","jsonPayload":{"username":"a"}}"#;
    assert_eq!(
        time(line, "production_json").as_deref(),
        Some("2026-11-02T00:00:00Z")
    );
    assert_eq!(
        time(r#"2026-11-03_00:00:00.5 {"username":"a"}"#, "production_json").as_deref(),
        Some("2026-11-03T00:00:00.5Z")
    );
    assert_eq!(time(r#"{"username":"a"}"#, "production_json"), None);
}

#[test]
fn a_message_that_looks_like_a_line_stays_a_message() {
    let line = r#"{"severity":"INFO","time":"2026-11-01T00:00:00Z","class":"PostReceive","jid":"x","message":"{\"username\":\"eve\"}"}"#;
    let got = fields(line, "sidekiq").expect("a record");
    assert!(got.iter().any(|field| field.starts_with("message=")), "{got:?}");
}

#[test]
fn what_is_no_record_says_why() {
    for (line, want) in [
        (r#"{"a":1"#, Reason::Unparsable),
        ("plain text", Reason::Unparsable),
        ("[1]", Reason::Unparsable),
        (r#"{"a":1} {"b":2}"#, Reason::Unparsable),
        (r#"{"a":"\ud800"}"#, Reason::Unparsable),
        ("{\u{feff}}", Reason::Unparsable),
    ] {
        assert_eq!(fields(line, "production_json"), Err(want), "{line}");
    }
    assert_eq!(fields("\u{feff}{}", "production_json"), Ok(Vec::new()));
    let deep = format!(r#"{{"a":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
    assert_eq!(fields(&deep, "production_json"), Err(Reason::Depth));
    let plan = plan();
    let mut scratch = Scratch::default();
    let invalid = with_record(
        &plan,
        b"{\"a\":\"\xff\"}",
        Some(0),
        &Limits::default(),
        &mut scratch,
        |_| (),
    );
    assert_eq!(invalid, Err(Reason::Unparsable));
    let unknown = with_record(
        &plan,
        b"{\"a\":1}",
        None,
        &Limits::default(),
        &mut scratch,
        |_| (),
    );
    assert_eq!(unknown, Err(Reason::Source));
    let limits = Limits {
        max_nodes: 3,
        ..Limits::default()
    };
    assert_eq!(
        with_record(
            &plan,
            b"{\"a\":1,\"b\":2}",
            Some(0),
            &limits,
            &mut scratch,
            |_| ()
        ),
        Err(Reason::Nodes)
    );
}

#[test]
fn parameters_in_strings_are_opened() {
    let plan = plan();
    let hint = source(&plan, "production_json");
    let line = r#"{"params":[{"key":"a","value":"{\"b\":\"[1,{\\\"c\\\":2}]\"}"}]}"#;
    let value = with_record(
        &plan,
        line.as_bytes(),
        hint,
        &Limits::default(),
        &mut Scratch::default(),
        |record| {
            let Some(Json::Array(items)) = record.fields.first().map(|field| &field.value) else {
                return String::new();
            };
            let mut seen = String::new();
            fn walk(value: &Json<'_>, seen: &mut String) {
                match value {
                    Json::Object(entries) => {
                        for (key, value) in entries {
                            seen.push_str(key);
                            seen.push('>');
                            walk(value, seen);
                        }
                    }
                    Json::Array(items) => items.iter().for_each(|item| walk(item, seen)),
                    other => seen.push_str(other.as_scalar().unwrap_or("?")),
                }
            }
            for item in items {
                walk(item, &mut seen);
            }
            seen
        },
    );
    assert_eq!(value.expect("a record"), "key>avalue>b>1c>2");
}

fn json_value() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "[ -~é\u{1F600}\u{0}-\u{1f}]{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::btree_map("[a-z\"\\\\.]{0,6}", inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn raw_text_of_every_field_is_its_value(value in json_value(), pretty in any::<bool>()) {
        let line = serde_json::json!({ "outer": value.clone(), "zz": 1 });
        let text = if pretty { serde_json::to_string_pretty(&line).expect("text").replace('\n', " ") } else { line.to_string() };
        let plan = plan();
        let got = with_record(&plan, text.as_bytes(), Some(0), &Limits::default(), &mut Scratch::default(), |record| {
            record.fields.iter().map(|field| (field.name.to_string(), field.raw.to_string())).collect::<Vec<_>>()
        }).expect("a record");
        prop_assert_eq!(got.last().map(|(name, raw)| (name.as_str(), raw.as_str())), Some(("zz", "1")));
        for (_, raw) in &got {
            prop_assert!(serde_json::from_str::<serde_json::Value>(raw).is_ok(), "not a value of its own");
        }
        if let [(name, raw), _] = got.as_slice() && name == "outer" {
            prop_assert_eq!(&serde_json::from_str::<serde_json::Value>(raw).expect("a value"), &value);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let plan = plan();
        let _ = with_record(&plan, &bytes, Some(0), &Limits::default(), &mut Scratch::default(), |_| ());
    }
}
