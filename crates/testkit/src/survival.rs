//! Does the secret survive? Texts that hold one, put into every place of a record where somebody may
//! have written it; and the measure of what is left of it.
//!
//! Decodes with [`laws::views`](crate::laws::views), which shares nothing with redactor and verifier.

use std::collections::{BTreeMap, HashMap};

use decostop_profile::Profile;
use serde_json::{Value, json};

use crate::laws::views;

/// Shortest part of a secret that counts, in bytes.
pub const MIN_PART: usize = 8;

/// What is left of a secret in the strings of a record.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Left {
    /// All of it stands there.
    pub whole: bool,
    /// At least [`MIN_PART`] bytes of it stand there, and they are more than ordinary words; or ordinary
    /// words make up half of it or more although it is more than ordinary words.
    pub part: bool,
    /// At least [`MIN_PART`] bytes of it stand there, whatever they are.
    pub any: bool,
}

impl Left {
    fn or(&mut self, other: Self) {
        self.whole |= other.whole;
        self.part |= other.part;
        self.any |= other.any;
    }
}

/// Looks for secrets in records as they are disclosed.
pub struct Judge<'p> {
    profile: &'p Profile,
    /// Views of strings that were looked at: most strings come again.
    views: HashMap<String, Vec<String>>,
}

/// With blanks as one.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The words of a name in camel case; an acronym is one.
fn camel(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    let mut words: Vec<String> = Vec::new();
    for (at, c) in chars.iter().enumerate() {
        let lower = |at: Option<usize>| {
            at.and_then(|at| chars.get(at))
                .is_some_and(char::is_ascii_lowercase)
        };
        if at == 0 || c.is_ascii_uppercase() && (lower(at.checked_sub(1)) || lower(Some(at + 1))) {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.push(*c);
        }
    }
    words
}

impl<'p> Judge<'p> {
    /// `profile` says which words are ordinary.
    pub fn new(profile: &'p Profile) -> Self {
        Self {
            profile,
            views: HashMap::new(),
        }
    }

    /// Whether a text is nothing but words of the vocabulary and numbers of at most four digits.
    pub fn is_ordinary(&self, text: &str) -> bool {
        text.split(|c: char| !c.is_alphanumeric() && c != '\'')
            .filter(|part| !part.is_empty())
            .all(|part| self.is_word(part))
    }

    fn is_word(&self, part: &str) -> bool {
        let words = &self.profile.vocabulary.words;
        let known = |word: &str| {
            words.contains(&word.to_lowercase()) || self.profile.vocabulary.agents.contains(word)
        };
        part.len() <= 4 && part.bytes().all(|byte| byte.is_ascii_digit())
            || known(part)
            || camel(part).iter().all(|word| known(word))
    }

    /// What is left of `secret` in one string.
    pub fn left(&mut self, string: &str, secret: &str) -> Left {
        let mut left = Left::default();
        let folded = plain(secret).to_ascii_lowercase();
        if folded.is_empty() || string.len() < 3 {
            return left;
        }
        let ordinary = self.is_ordinary(secret);
        let seen = self.views.remove(string).unwrap_or_else(|| {
            let mut all: Vec<String> = views(string).iter().map(|view| plain(view)).collect();
            all.sort();
            all.dedup();
            all
        });
        for view in &seen {
            left.or(self.in_view(view, &folded, ordinary));
        }
        if string.len() < 200 {
            self.views.insert(string.to_owned(), seen);
        }
        left
    }

    fn in_view(&self, written: &str, secret: &str, ordinary: bool) -> Left {
        // Folding ASCII moves no byte, so that places in one are places in the other.
        let view = written.to_ascii_lowercase();
        let view = view.as_str();
        let whole = view.match_indices(secret).any(|(at, _)| {
            let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            secret.len() >= MIN_PART
                || edge(view[..at].chars().next_back()) && edge(view[at + secret.len()..].chars().next())
        });
        let mut left = Left {
            whole,
            part: whole && !ordinary,
            any: whole,
        };
        let mut at = 0;
        while at + MIN_PART <= view.len() {
            let holds = |end: usize| view.get(at..end).is_some_and(|part| secret.contains(part));
            if !holds(at + MIN_PART) {
                at += 1;
                continue;
            }
            let mut end = at + MIN_PART;
            for next in (end + 1..=view.len()).filter(|next| view.is_char_boundary(*next)) {
                if !holds(next) {
                    break;
                }
                end = next;
            }
            left.any = true;
            // A part of a word is judged as the word.
            let wordy = |c: &char| c.is_alphanumeric();
            let before: usize = view[..at]
                .chars()
                .rev()
                .take_while(wordy)
                .map(char::len_utf8)
                .sum();
            let after: usize = view[end..].chars().take_while(wordy).map(char::len_utf8).sum();
            let from = at
                - if view[at..].chars().take(1).any(|c| wordy(&c)) {
                    before
                } else {
                    0
                };
            let to = end
                + if view[..end].chars().next_back().is_some_and(|c| wordy(&c)) {
                    after
                } else {
                    0
                };
            left.part |= !self.is_ordinary(&written[from..to]) || !ordinary && (end - at) * 2 >= secret.len();
            at = end;
        }
        left
    }
}

/// A record with a text in some of its fields.
#[derive(Clone, Debug)]
pub struct Planted {
    /// The source whose record it is.
    pub source: &'static str,
    /// The record.
    pub record: Value,
}

/// The text's bytes as percent escapes.
fn percent(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "%{byte:02X}");
        out
    })
}

fn with(base: &Value, fields: Vec<(&str, Value)>) -> Value {
    let mut record = base.as_object().cloned().unwrap_or_default();
    for (name, value) in fields {
        record.insert(name.to_owned(), value);
    }
    Value::Object(record)
}

/// Records of the customer `acme`, with `text` in every place where a value is free or chosen by
/// somebody: messages, parameters and their keys, exceptions, nested JSON, a URL's tail and query, agents,
/// branches, names of fields, unknown fields, events. An output field names the place.
pub fn plant(text: &str) -> Vec<Planted> {
    let rails = json!({
        "time": "2026-11-02T10:00:00.000Z", "controller": "Projects::BlobController", "action": "show", "status": 200,
        "meta.project": "acme/web", "username": "alice", "user_id": 1001,
    });
    let context = json!({
        "time": "2026-11-02T10:00:00.000Z", "severity": "INFO", "meta.project": "acme/web", "meta.user": "alice",
        "meta.user_id": 1001,
    });
    let encoded = percent(text);
    let compact: String = text.split_whitespace().collect::<Vec<_>>().join("+");
    let branch = text.split_whitespace().next().unwrap_or_default();
    let sentence = format!("Failed to update the branch {text} for the pipeline");
    let nested = json!({ "body": json!({ "note": text, "ref": text }).to_string(), "ref": text, text: text, "n": [text] });
    let planted = |source, record| Planted { source, record };
    vec![
        planted(
            "production_json",
            with(
                &rails,
                vec![
                    (
                        "params",
                        json!([{ "key": "ref", "value": text }, { "key": "note", "value": text }, { "key": text, "value": 1 }, { "key": "sort", "value": { "ref": text } }]),
                    ),
                    ("exception.message", json!(text)),
                    (
                        "path",
                        json!(format!(
                            "/acme/web/-/blob/main/{encoded}?private_token={encoded}&ref_type={encoded}&{encoded}=1"
                        )),
                    ),
                    (
                        "location",
                        json!(format!(
                            "https://gitlab.example.com/acme/web/-/tree/{compact}?ref={compact}&x={compact}"
                        )),
                    ),
                    ("ua", json!(format!("curl/8.9 {text}"))),
                    ("meta.caller_id", json!(text)),
                    ("graphql.operation_name", json!(text)),
                    ("a_new_field", json!(text)),
                    (text, json!("x")),
                ],
            ),
        ),
        planted(
            "production_json",
            with(
                &rails,
                vec![
                    ("params", json!(nested.to_string())),
                    ("message", json!(sentence)),
                    (
                        "exception.message",
                        json!(format!("{}: {text}", "undefined method")),
                    ),
                    ("path", json!(format!("/acme/web/-/tree/{branch}"))),
                    ("location", json!(format!("/acme/web/-/commits/{text}"))),
                    ("ua", json!(text)),
                    ("controller", json!(text)),
                    ("method", json!(text)),
                ],
            ),
        ),
        planted(
            "application_json",
            with(
                &context,
                vec![
                    ("message", json!(text)),
                    ("error_message", json!(nested.to_string())),
                    (
                        "reason",
                        json!(format!("{{:note=>\"{text}\", \"ref\"=>\"{text}\"}}")),
                    ),
                    (
                        "errors",
                        json!(format!("<error><message>{text}</message></error>")),
                    ),
                    ("class", json!(text)),
                    ("severity", json!(text)),
                ],
            ),
        ),
        planted(
            "audit_json",
            with(
                &context,
                vec![
                    ("event_name", json!("member_created")),
                    ("author_id", json!(1001)),
                    ("entity_path", json!("acme/web")),
                    ("entity_type", json!("Project")),
                    ("custom_message", json!(text)),
                    (
                        "details.custom_message",
                        json!({ "action": text, "protocol": text }),
                    ),
                    ("from", json!(text)),
                    ("to", json!(sentence)),
                    ("change", json!(text)),
                    ("as", json!(text)),
                    ("target_type", json!("Ci::GroupVariable")),
                    ("target_details", json!(text)),
                ],
            ),
        ),
        planted(
            "sidekiq",
            with(
                &context,
                vec![
                    ("class", json!("PostReceive")),
                    ("args", json!([text, { "ref": text }, nested.to_string()])),
                    ("error_message", json!(text)),
                    (
                        "message",
                        json!(format!(
                            "PostReceive JID-06aeaa3b0aadacf9981f368e: dropped: {text}"
                        )),
                    ),
                    ("job_status", json!(text)),
                    ("error_class", json!(text)),
                ],
            ),
        ),
        planted(
            "gitaly",
            json!({
                "time": "2026-11-02T10:00:00.000Z", "level": "info", "grpc.request.glProjectPath": "acme/web",
                "msg": format!("rpc error: code = NotFound desc = {text}"), "error": text, "grpc.method": text,
                "grpc.service": text, "username": "alice",
            }),
        ),
        planted(
            "workhorse",
            json!({
                "time": "2026-11-02T10:00:00.000Z", "level": "info", "method": "GET", "status": 200,
                "uri": format!("/acme/web/-/raw/main/{compact}?private_token={compact}&ref={compact}"),
                "referrer": format!("https://gitlab.example.com/acme/web/-/issues?search={encoded}#{compact}"),
                "error": text, "user_agent": text, "msg": sentence, "route": text, "remote_ip": "192.0.2.17",
            }),
        ),
        planted(
            "gitlab_shell",
            json!({
                "time": "2026-11-02T10:00:00.000Z", "level": "info", "gl_project_path": "acme/web", "username": "alice",
                "user_id": "user-1001", "command": text, "msg": sentence, "error": text,
            }),
        ),
    ]
}

/// Records of the customer with the text, as far as an account's name may be like it, as somebody's
/// name, path, address or id. Apart from [`plant`], since the redactor learns from them.
pub fn plant_names(text: &str) -> Vec<Planted> {
    let first: String = text.split_whitespace().next().unwrap_or_default().to_owned();
    let first = first.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    // A display name: at most four words, without marks at their ends.
    let words = text.split_whitespace().take(4);
    let bare = words.map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
    let text = bare.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let time = "2026-11-02T10:00:00.000Z";
    vec![
        Planted {
            source: "production_json",
            record: json!({
                "time": time, "controller": "Projects::BlobController", "action": "show", "status": 200, "meta.project": "acme/web",
                "username": text, "remote_ip": text, "correlation_id": text, "token_id": text,
                "path": format!("/{first}/web/-/issues"), "exception.message": text,
                "params": [{ "key": "username", "value": text }, { "key": "project_path", "value": first }, { "key": "user_id", "value": text }],
            }),
        },
        Planted {
            source: "audit_json",
            record: json!({
                "time": time, "severity": "INFO", "event_name": "member_created", "author_name": text, "entity_type": "Project",
                "entity_path": "acme/web", "target_type": "User", "target_details": text, "ip_address": text,
                "author_email": text, "meta.client_id": text, "custom_message": text,
            }),
        },
        Planted {
            source: "application_json",
            record: json!({
                "time": time, "severity": "INFO", "message": format!("User \"{text}\" (x@y.example) was removed"),
                "project_path": "acme/web", "namespace_path": first, "meta.user": first, "group_name": text,
            }),
        },
    ]
}

/// The strings of a record as it is disclosed: names of fields, and values with their names.
pub fn strings(record: &str) -> Vec<(String, String)> {
    let mut out = Vec::new();
    if let Ok(Value::Object(fields)) = serde_json::from_str(record) {
        for (name, value) in fields {
            out.push(("(name of a field)".to_owned(), name.clone()));
            match value {
                Value::String(text) => out.push((name, text)),
                other => out.push((name, other.to_string())),
            }
        }
    } else {
        out.push(("(no object)".to_owned(), record.to_owned()));
    }
    out
}

/// Counts of one row of the score.
#[derive(Clone, Copy, Debug, Default)]
pub struct Row {
    /// Texts or places that were looked at.
    pub looked: u64,
    /// Of these, with all of the secret left.
    pub whole: u64,
    /// With a part left that is more than ordinary words.
    pub part: u64,
    /// With any part left.
    pub any: u64,
    /// With all of it or more than ordinary words left: what the bars are about.
    pub left: u64,
}

impl Row {
    /// Counts one text or place.
    pub fn add(&mut self, left: Left) {
        self.looked += 1;
        self.whole += u64::from(left.whole);
        self.part += u64::from(left.part);
        self.any += u64::from(left.any);
        self.left += u64::from(left.whole || left.part);
    }
}

/// A table of rows by name.
#[derive(Clone, Debug, Default)]
pub struct Table(pub BTreeMap<String, Row>);

impl Table {
    /// Counts one text or place under a name.
    pub fn add(&mut self, name: &str, left: Left) {
        self.0.entry(name.to_owned()).or_default().add(left);
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(
            f,
            "{:44} {:>8} {:>7} {:>7} {:>7}",
            "", "looked", "whole", "part", "words"
        )?;
        for (name, row) in &self.0 {
            writeln!(
                f,
                "{name:44} {:>8} {:>7} {:>7} {:>7}",
                row.looked, row.whole, row.part, row.any
            )?;
        }
        Ok(())
    }
}

/// Joins what is left in several strings.
pub fn join(all: impl IntoIterator<Item = Left>) -> Left {
    all.into_iter().fold(Left::default(), |mut sum, left| {
        sum.or(left);
        sum
    })
}
