//! Structure inside strings: JSON, Ruby hashes, query strings, XML and YAML in parameters, messages and
//! exceptions, keys and numbers as text, mixed types, doubled keys. Nothing of a stranger and no secret may be
//! left in any of it; what the design shows of the customer's own must be there.
//!
//! `cargo test -p decostop --test structure -- --nocapture` prints which notations show the customer's own.

#![expect(clippy::print_stderr, reason = "a score is there to be read")]

mod common;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use common::{builder, run};
use decostop_testkit::Random;
use decostop_testkit::laws::survivors;
use decostop_testkit::secrets::{gitlab_tokens, word_password};
use serde_json::{Value, json};

/// Strangers, as a typed field shows them.
const STRANGERS: &[&str] = &[
    "mallory",
    "mallory.k@evil.example",
    "evil-corp/tool",
    "Mallory Kestrel",
    "203.0.113.9",
    "9000009",
];

fn request(personal_data: bool) -> String {
    let mut out = format!(
        "version = 1\nid = \"STRUCTURE-1\"\nrequested_at = 2026-11-08T09:00:00Z\n\
         [customer]\nname = \"Acme\"\nplan = \"ultimate\"\nbilling = \"paid\"\n\
         [scope]\nevidence = \"a test\"\nnamespaces = [\"acme\"]\nprojects = [{{ path = \"acme/web\", id = 51191 }}]\n\
         users = [{{ username = \"alice\", id = 1001, emails = [\"alice@acme.example\"] }}]\n\
         [window]\nfrom = 2026-11-01T00:00:00Z\nto = 2026-11-08T00:00:00Z\n\
         [[select]]\nnamespaces = [\"acme\"]\n[disclosure]\npersonal_data = {personal_data}\n"
    );
    for condition in ["events.few", "events.listed"] {
        let _ = write!(
            out,
            "[[exception]]\ncondition = \"{condition}\"\nreason = \"a test\"\napproved_by = \"the tests\"\n"
        );
    }
    out
}

/// Keys and values of a structure.
type Pairs<'p> = &'p [(&'p str, String)];

fn object(pairs: Pairs<'_>) -> Value {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), json!(value)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn each(pairs: Pairs<'_>, joint: &str, format: impl Fn(&str, &str) -> String) -> String {
    let all: Vec<String> = pairs.iter().map(|(key, value)| format(key, value)).collect();
    all.join(joint)
}

fn encode(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// Writes pairs in some way.
type Notation = fn(Pairs<'_>) -> Value;

/// The notations: a name, whether a `params` field in it shows listed keys, and how it is written.
fn notations() -> Vec<(&'static str, bool, Notation)> {
    vec![
        ("object", true, object),
        ("key and value", true, |pairs| {
            pairs
                .iter()
                .map(|(key, value)| json!({ "key": key, "value": value }))
                .collect()
        }),
        ("objects in a list", true, |pairs| {
            pairs.iter().map(|(key, value)| json!({ *key: value })).collect()
        }),
        ("lists of one", true, |pairs| {
            pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), json!([value])))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }),
        ("mixed list", false, |pairs| {
            let mut all: Vec<Value> = vec![json!(1), json!(null), json!(true), json!([[]])];
            all.extend(pairs.iter().map(|(key, value)| json!([key, value])));
            all.extend(
                pairs
                    .iter()
                    .map(|(key, value)| json!({ "key": [key], "value": { "value": value } })),
            );
            all.into()
        }),
        ("values as keys", false, |pairs| {
            pairs
                .iter()
                .map(|(key, value)| (value.clone(), json!(key)))
                .collect::<serde_json::Map<_, _>>()
                .into()
        }),
        ("JSON in a string", true, |pairs| json!(object(pairs).to_string())),
        ("JSON in a string, twice", false, |pairs| {
            json!(json!({ "body": object(pairs).to_string() }).to_string())
        }),
        ("JSON in a string, four times", false, |pairs| {
            (0..4).fold(object(pairs), |inner, _| {
                json!(json!({ "body": inner }).to_string())
            })
        }),
        ("JSON in a message", false, |pairs| {
            json!(format!("request failed: {} (retry)", object(pairs)))
        }),
        ("JSON, cut off", false, |pairs| {
            let mut text = object(pairs).to_string();
            text.truncate(text.len() - 2);
            json!(text)
        }),
        ("JSON, doubled keys", true, |pairs| {
            json!(format!(
                "{{{}}}",
                each(pairs, ",", |key, value| format!(
                    "\"{key}\":\"x\",\"{key}\":{}",
                    json!(value)
                ))
            ))
        }),
        ("JSON, escaped keys", true, |pairs| {
            let escaped = |text: &str| {
                text.bytes()
                    .fold(String::new(), |out, byte| out + &format!("\\u{byte:04x}"))
            };
            json!(format!(
                "{{{}}}",
                each(pairs, ",", |key, value| format!(
                    "\"{}\":\"{}\"",
                    escaped(key),
                    escaped(value)
                ))
            ))
        }),
        ("Ruby hash", false, |pairs| {
            json!(format!(
                "Parameters: {{{}}}",
                each(pairs, ", ", |key, value| format!("\"{key}\"=>\"{value}\""))
            ))
        }),
        ("Ruby hash, nested", false, |pairs| {
            json!(format!(
                "{{\"user\"=>{{{}}}}}",
                each(pairs, ", ", |key, value| format!(":{key}=>[\"{value}\", nil]"))
            ))
        }),
        ("Ruby symbols", false, |pairs| {
            json!(format!(
                "{{{}}}",
                each(pairs, ", ", |key, value| format!(":{key} => '{value}'"))
            ))
        }),
        ("Ruby keywords", false, |pairs| {
            json!(each(pairs, ", ", |key, value| format!("{key}: \"{value}\"")))
        }),
        ("Go", false, |pairs| {
            json!(format!(
                "map[{}]",
                each(pairs, " ", |key, value| format!("{key}:{value}"))
            ))
        }),
        ("Python", false, |pairs| {
            json!(format!(
                "{{{}}}",
                each(pairs, ", ", |key, value| format!("'{key}': u'{value}'"))
            ))
        }),
        ("query", false, |pairs| {
            json!(each(pairs, "&", |key, value| format!("{key}={}", encode(value))))
        }),
        ("query, brackets", false, |pairs| {
            json!(each(pairs, "&", |key, value| format!(
                "user[{key}]={}",
                encode(value)
            )))
        }),
        ("query, escaped twice", false, |pairs| {
            json!(each(pairs, "&", |key, value| format!(
                "{}={}",
                encode(key),
                encode(&encode(value))
            )))
        }),
        ("URL", false, |pairs| {
            json!(format!(
                "https://gitlab.example.com/acme/web?{}",
                each(pairs, "&", |key, value| format!("{key}={}", encode(value)))
            ))
        }),
        ("form data", false, |pairs| {
            json!(each(pairs, "\r\n", |key, value| format!(
                "--b\r\nContent-Disposition: form-data; name=\"{key}\"\r\n\r\n{value}"
            )))
        }),
        ("XML", false, |pairs| {
            json!(format!(
                "<r>{}</r>",
                each(pairs, "", |key, value| format!("<{key}>{value}</{key}>"))
            ))
        }),
        ("XML attributes", false, |pairs| {
            json!(format!(
                "<r {}/>",
                each(pairs, " ", |key, value| format!("{key}=\"{value}\""))
            ))
        }),
        ("XML, CDATA", false, |pairs| {
            json!(format!(
                "<r>{}</r>",
                each(pairs, "\n", |key, value| format!(
                    "<{key}><![CDATA[{value}]]></{key}>"
                ))
            ))
        }),
        ("YAML", false, |pairs| {
            json!(each(pairs, "\n", |key, value| format!("  {key}: {value}")))
        }),
        ("YAML, list", false, |pairs| {
            json!(each(pairs, "\n", |key, value| format!("- {key}:\n  - {value}")))
        }),
        ("logfmt", false, |pairs| {
            json!(each(pairs, " ", |key, value| format!("{key}=\"{value}\"")))
        }),
        ("headers", false, |pairs| {
            json!(each(pairs, "\r\n", |key, value| format!("X-{key}: {value}")))
        }),
        ("CSV", false, |pairs| {
            json!(format!(
                "{}\n{}",
                each(pairs, ",", |key, _| key.to_owned()),
                each(pairs, ",", |_, value| value.to_owned())
            ))
        }),
        ("table", false, |pairs| {
            json!(each(pairs, "\n", |key, value| format!("| {key} | {value} |")))
        }),
    ]
}

/// The fields in which a structure may stand, with their sources.
const PLACES: &[(&str, &str)] = &[
    ("production_json", "params"),
    ("production_json", "exception.message"),
    ("production_json", "message"),
    ("production_json", "ua"),
    ("production_json", "meta.caller_id"),
    ("production_json", "a_new_field"),
    ("application_json", "message"),
    ("application_json", "errors"),
    ("sidekiq", "args"),
    ("sidekiq", "error_message"),
    ("audit_json", "custom_message"),
    ("audit_json", "details.custom_message"),
    ("audit_json", "to"),
    ("graphql_json", "variables"),
];

fn record(source: &str, field: &str, value: Value) -> Value {
    let mut record = json!({
        "time": "2026-11-02T10:00:00.000Z", "meta.project": "acme/web", "meta.user": "alice", "meta.user_id": 1001,
        "correlation_id": "01KEXAMPLE0000000000000001",
    });
    let more = match source {
        "production_json" => json!({ "controller": "ProjectsController", "action": "update", "status": 200 }),
        "audit_json" => {
            json!({ "event_name": "member_created", "author_id": 1001, "entity_type": "Project", "entity_path": "acme/web" })
        }
        "sidekiq" => json!({ "class": "PostReceive", "job_status": "done" }),
        _ => json!({ "severity": "INFO" }),
    };
    if let (Value::Object(record), Value::Object(more)) = (&mut record, more) {
        record.extend(more);
        record.insert(field.to_owned(), value);
    }
    record
}

/// A record that shows the strangers in typed fields.
fn strangers() -> String {
    json!({
        "time": "2026-11-02T09:00:00.000Z", "event_name": "member_created", "author_id": 9_000_009, "author_name": "Mallory Kestrel",
        "author_email": "mallory.k@evil.example", "entity_type": "Project", "entity_path": "acme/web", "meta.user": "mallory",
        "ip_address": "203.0.113.9", "target_type": "Project", "target_details": "evil-corp/tool",
    })
    .to_string()
        + "\n"
}

#[test]
fn no_structure_hides_a_stranger_or_a_secret() {
    let mut random = Random::new(20_261_103);
    for personal_data in [true, false] {
        for known in [true, false] {
            let mut files: BTreeMap<&str, String> = BTreeMap::new();
            let (mut lines, mut secrets, mut planted) = (0, Vec::new(), BTreeMap::new());
            for (name, shows, write) in notations() {
                let tokens = gitlab_tokens(&mut random);
                let token = tokens[random.below(tokens.len())].1.clone();
                let password = word_password(&mut random, 3, "-");
                let pairs = [
                    ("username", "mallory".to_owned()),
                    ("user_id", "9000009".to_owned()),
                    ("email", "mallory.k@evil.example".to_owned()),
                    ("project_path", "evil-corp/tool".to_owned()),
                    ("name", "Mallory Kestrel".to_owned()),
                    ("ip", "203.0.113.9".to_owned()),
                    ("ref", token.clone()),
                    ("password", password.clone()),
                    ("author_username", "alice".to_owned()),
                    ("full_path", "acme/web".to_owned()),
                    ("user_email", "alice@acme.example".to_owned()),
                ];
                secrets.extend([token, password]);
                for (source, field) in PLACES {
                    let file = files.entry(source).or_default();
                    let _ = writeln!(file, "{}", record(source, field, write(&pairs)));
                    planted.insert(((*source).to_owned(), file.len()), (name, shows, *field));
                    lines += 1;
                }
            }
            if known {
                files.entry("audit_json").or_default().push_str(&strangers());
                lines += 1;
            }
            let dir = tempfile::tempdir().expect("a temporary directory");
            let inputs: Vec<(String, Vec<u8>)> = files
                .iter()
                .map(|(name, text)| ((*name).to_owned(), text.clone().into_bytes()))
                .collect();
            common::write_inputs(dir.path(), &inputs, common::Codec::Plain);
            let done = run(builder(&request(personal_data), dir.path().to_owned()))
                .unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(done.sink.records.len(), lines, "every record comes out");
            let needles: Vec<&str> = STRANGERS
                .iter()
                .copied()
                .chain(secrets.iter().map(String::as_str))
                .collect();
            let (mut left, mut own) = (Vec::new(), BTreeMap::<&str, [u32; 4]>::new());
            for (text, provenance) in done.sink.records.iter().zip(&done.sink.provenance) {
                left.extend(
                    survivors(text, needles.iter().copied())
                        .into_iter()
                        .map(|found| format!("{found:?} in {text}")),
                );
                let offset = provenance.origin.offset.unwrap_or_default() as usize;
                let mut at = planted.range((provenance.source.clone(), offset + 1)..);
                let Some(((source, _), (name, shows, field))) = at.next() else {
                    continue;
                };
                if *source != provenance.source {
                    continue;
                }
                let record: Value = serde_json::from_str(text).expect("JSON");
                let shown: String = record
                    .as_object()
                    .into_iter()
                    .flatten()
                    .filter(|(key, _)| key.starts_with(field))
                    .map(|(_, value)| value.to_string())
                    .collect();
                let counts = own.entry(name).or_default();
                let there = shown.contains("alice") || shown.contains("acme/web");
                let of = usize::from(!matches!(*field, "params" | "args")) * 2;
                counts[of] += 1;
                counts[of + 1] += u32::from(there);
                if *shows && *field == "params" && personal_data {
                    assert!(shown.contains("acme/web"), "{name}: {text}");
                    assert!(shown.contains("alice@acme.example"), "{name}: {text}");
                }
            }
            if personal_data && known {
                eprintln!("records that show the customer's own names, of all (parameters; texts)");
                for (name, [params, shown, texts, shown_texts]) in own {
                    eprintln!("{name:30} {shown:3} of {params:3}; {shown_texts:3} of {texts:3}");
                }
            }
            assert!(
                left.is_empty(),
                "{} left: {:#?}",
                left.len(),
                left.iter().take(20).collect::<Vec<_>>()
            );
        }
    }
}
