//! The parser against serde_json.

use std::fmt;

use decostop::Limits;
use decostop::parse::{Scratch, with_record};
use decostop::sink::Reason;
use decostop_profile::Format;
use decostop_redact::{Instant, Json};
use serde_json::value::RawValue;

use crate::common::plan;

/// An object with its keys in order, duplicates included, and each value as written.
struct Entries<'a>(Vec<(String, &'a RawValue)>);

impl<'de> serde::Deserialize<'de> for Entries<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl<'de> serde::de::Visitor<'de> for Visitor {
            type Value = Entries<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        from.deserialize_map(Visitor)
    }
}

/// serde_json reads what it is given to check only when asked for a value, so raw text is not enough.
fn valid(text: &str) -> Result<serde_json::Value, serde_json::Error> {
    serde_json::from_str(text)
}

/// Agrees with serde_json on what is a line of JSON, and every field's text and value are what
/// serde_json makes of them.
pub fn parse_vs_serde_json(data: &[u8]) {
    let Some((&choice, line)) = data.split_first() else { return };
    let source = usize::from(choice) % plan().profile.sources.len();
    let limits = Limits::default();
    let ours = with_record(plan(), line, Some(source), &limits, &mut Scratch::default(), |record| {
        let told = record.source == source || !plan().profile.sources[record.source].discriminators.is_empty();
        assert!(told, "the name of the input decides, unless the record names its source");
        for field in &record.fields {
            let theirs = valid(&field.raw).unwrap_or_else(|error| panic!("the text of a field is no JSON: {error}"));
            same(&field.value, &theirs, plan().holds_params(source, &field.name).unwrap_or(false));
        }
        record.fields.iter().map(|field| (field.name.to_string(), field.raw.to_string())).collect::<Vec<_>>()
    });
    let Some(body) = body(line) else {
        assert!(ours.is_err(), "a line that is no UTF-8 is a record");
        return;
    };
    match (valid(body), &ours) {
        (Ok(value), Ok(fields)) => {
            assert!(value.is_object());
            every_scalar_is_there(body, fields);
        }
        (Ok(value), Err(reason)) => assert!(
            !value.is_object() || tolerated_refusal(body, *reason),
            "serde_json takes a line that the parser refuses: {}",
            reason.as_str()
        ),
        // What the line readers make of lines that are no JSON is for the target `line`.
        (Err(_), Ok(_)) if plan().profile.sources[source].format != Format::Json => {}
        (Err(error), Ok(_)) => assert!(tolerated_leniency(body, &error), "the parser takes a line that serde_json refuses: {error}"),
        (Err(_), Err(_)) => {}
    }
}

/// The line without blanks and without the time that some shippers put before it, nor the zeros of a
/// truncated file or a byte order mark.
fn body(line: &[u8]) -> Option<&str> {
    let first = line.iter().position(|byte| *byte != 0).unwrap_or(line.len());
    let line = &line[first..];
    let line = line.strip_prefix("\u{feff}".as_bytes()).unwrap_or(line);
    let text = std::str::from_utf8(line.trim_ascii());
    let cut = || {
        let line = line.trim_ascii();
        let brace = line.iter().take(256).position(|byte| *byte == b'{').filter(|at| *at > 0)?;
        let (prefix, body) = line.split_at(brace);
        let prefix = std::str::from_utf8(prefix).ok()?;
        let time = prefix.split_ascii_whitespace().next()?;
        (prefix.ends_with(' ') && Instant::parse(time).is_some()).then(|| std::str::from_utf8(body).ok())
    };
    cut().unwrap_or(text.ok())
}

fn tolerated_refusal(body: &str, reason: Reason) -> bool {
    match reason {
        // serde_json stops at its own depth, one that counts differently near the edge.
        Reason::Depth => depth(body) >= 100,
        // Around a line of a source whose lines are text, or may be, stands a string that is none.
        Reason::Unparsable => plan().profile.wrappers.strings.iter().any(|name| body.contains(&format!("\"{name}\""))),
        _ => false,
    }
}

fn tolerated_leniency(body: &str, error: &serde_json::Error) -> bool {
    let error = error.to_string();
    // serde_json's depth limit is 128 counted from one.
    error.starts_with("recursion limit") && depth(body) >= 127
        // A number beyond what a double holds: only its text is used here.
        || error.starts_with("number out of range")
}

fn depth(body: &str) -> usize {
    body.bytes().filter(|byte| matches!(byte, b'{' | b'[')).count()
}

fn same(ours: &Json<'_>, theirs: &serde_json::Value, opened: bool) {
    use serde_json::Value;
    match (ours, theirs) {
        (Json::Null, Value::Null) => {}
        (Json::Bool(a), Value::Bool(b)) if a == b => {}
        (Json::Number(a), Value::Number(b)) => {
            assert!(serde_json::from_str::<serde_json::Number>(a).is_ok_and(|a| a == *b), "a number's text is another number");
        }
        (Json::String(a), Value::String(b)) => assert!(a == b, "a string is unescaped otherwise"),
        (Json::Array(a), Value::Array(b)) => {
            assert_eq!(a.len(), b.len());
            a.iter().zip(b).for_each(|(a, b)| same(a, b, opened));
        }
        (Json::Object(a), Value::Object(b)) => {
            for (key, value) in a {
                // Of duplicates serde_json keeps the last.
                let last = a.iter().rfind(|(other, _)| other == key).is_some_and(|(_, last)| std::ptr::eq(last, value));
                let theirs = b.get(key.as_ref()).expect("the same keys");
                if last {
                    same(value, theirs, opened);
                }
            }
            assert!(b.keys().all(|key| a.iter().any(|(ours, _)| ours == key)));
        }
        // JSON inside a string of parameters is opened.
        (Json::Array(_) | Json::Object(_), Value::String(text)) if opened => match valid(text) {
            Ok(inner) => same(ours, &inner, opened),
            Err(error) => assert!(tolerated_leniency(text, &error), "a string that is no JSON was opened: {error}"),
        },
        _ => panic!("another type"),
    }
}

/// No value gets lost: as many scalars in the fields as in the line, unless it is wrapped.
fn every_scalar_is_there(body: &str, fields: &[(String, String)]) {
    let Ok(Entries(entries)) = serde_json::from_str::<Entries<'_>>(body) else { return };
    let wrappers = &plan().profile.wrappers;
    let is_wrapper = |key: &str| {
        wrappers.strings.iter().any(|name| name == key)
            || wrappers.objects.iter().any(|name| key.strip_prefix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.')))
    };
    if entries.iter().any(|(key, _)| is_wrapper(key)) {
        return;
    }
    let there: usize = entries.iter().map(|(_, raw)| scalars(raw.get())).sum();
    let kept: usize = fields.iter().map(|(_, raw)| scalars(raw)).sum();
    assert_eq!(there, kept, "values got lost between the line and the record");
    for (name, _) in fields {
        // Exports write underscores for dots, and members of some objects are members of the record.
        let plain = |text: &str| text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect::<String>();
        let known = |key: &str| {
            let (name, key) = (plain(name), plain(key));
            name.strip_prefix(&key).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
        };
        assert!(entries.iter().any(|(key, _)| known(key) || wrappers.merged.contains(key)));
    }
}

/// Scalars in a JSON text. Empty arrays and objects count for nothing: `[{}]` falls into no field.
fn scalars(raw: &str) -> usize {
    if let Ok(Entries(entries)) = serde_json::from_str::<Entries<'_>>(raw) {
        return entries.iter().map(|(_, raw)| scalars(raw.get())).sum();
    }
    match serde_json::from_str::<Vec<&RawValue>>(raw) {
        Ok(items) => items.iter().map(|raw| scalars(raw.get())).sum(),
        Err(_) => 1,
    }
}
