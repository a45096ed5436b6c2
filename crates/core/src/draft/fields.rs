//! The fields of a sample: how often they occur, of which types, and of which shape all their values are.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, SocketAddr};

use decostop_redact::Instant;
use serde_json::Value;

use super::sample::Record;

/// Fields that are looked at.
const MAX_FIELDS: usize = 2_000;
/// Values of a field that are told apart.
const MAX_DISTINCT: usize = 1_000;
/// More keys than this in one object are no names of fields.
const MAX_KEYS: usize = 60;
/// Nested objects are opened this deep.
const MAX_DEPTH: usize = 8;

/// Words of severities and results that are nobody's.
pub(super) const STATUS_WORDS: [&str; 44] = [
    "accepted",
    "allow",
    "allowed",
    "blocked",
    "canceled",
    "cancelled",
    "completed",
    "created",
    "critical",
    "debug",
    "denied",
    "deny",
    "done",
    "emerg",
    "err",
    "error",
    "fail",
    "failed",
    "failure",
    "false",
    "fatal",
    "finished",
    "info",
    "information",
    "invalid",
    "no",
    "none",
    "notice",
    "ok",
    "pending",
    "queued",
    "rejected",
    "retry",
    "running",
    "skipped",
    "started",
    "success",
    "succeeded",
    "timeout",
    "trace",
    "true",
    "unknown",
    "warn",
    "warning",
];

const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

/// What strings (and numbers) of a field look like; each is said of all of them.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(super) enum Look {
    Address,
    Agent,
    /// Letters, digits and what joins them, without blanks.
    Compact,
    DiskPath,
    Email,
    /// A point in time, as a string or as a number.
    Instant,
    /// A positive whole number.
    Integer,
    Json,
    /// Long and mixed, as keys of requests are.
    Key,
    Method,
    /// At most six digits.
    Small,
    StatusWord,
    Url,
    /// A name of an entry point: letters with `.`, `_`, `:`, `#`, `/` or `-` between them.
    Word,
}

const LOOKS: [Look; 14] = [
    Look::Address,
    Look::Agent,
    Look::Compact,
    Look::DiskPath,
    Look::Email,
    Look::Instant,
    Look::Integer,
    Look::Json,
    Look::Key,
    Look::Method,
    Look::Small,
    Look::StatusWord,
    Look::Url,
    Look::Word,
];

/// One field.
#[derive(Debug, Default)]
pub(super) struct Field {
    pub(super) name: String,
    /// Records in which it occurs.
    pub(super) records: u64,
    pub(super) types: BTreeSet<&'static str>,
    /// Values that are neither null nor empty.
    pub(super) values: u64,
    looks: BTreeMap<Look, u64>,
    /// Values that look like a credential.
    pub(super) credentials: u64,
    /// Values with two blanks and more.
    pub(super) sentences: u64,
    distinct: HashSet<u64>,
    /// Words of [`STATUS_WORDS`] that occur, as written.
    pub(super) words: BTreeSet<String>,
}

impl Field {
    /// Whether all its values look like this.
    pub(super) fn is(&self, look: Look) -> bool {
        self.values > 0 && self.looks.get(&look) == Some(&self.values)
    }

    /// How many values there are; `None` for more than are told apart.
    pub(super) fn distinct(&self) -> Option<usize> {
        (self.distinct.len() < MAX_DISTINCT).then_some(self.distinct.len())
    }

    /// Whether its values are scalars of this type only.
    pub(super) fn only(&self, kind: &str) -> bool {
        self.types.iter().all(|found| *found == kind || *found == "null") && self.types.contains(kind)
    }

    fn take(&mut self, value: &Value) {
        let text = match value {
            Value::Null => {
                self.types.insert("null");
                return;
            }
            Value::Bool(_) => {
                self.types.insert("boolean");
                self.values += 1;
                return;
            }
            Value::Number(number) => {
                self.types.insert("number");
                number.to_string()
            }
            Value::String(text) => {
                self.types.insert("string");
                text.clone()
            }
            Value::Array(items) => {
                self.types.insert("list");
                // Lists of addresses are read one by one; any other list has no class that keeps it.
                for item in items {
                    if let Value::String(text) = item {
                        self.look_at(text, false);
                    } else {
                        self.values += 1;
                    }
                }
                return;
            }
            Value::Object(_) => {
                self.types.insert("object");
                self.values += 1;
                return;
            }
        };
        self.look_at(&text, value.is_number());
    }

    fn look_at(&mut self, text: &str, is_number: bool) {
        if text.is_empty() || text == "-" {
            return;
        }
        self.values += 1;
        if self.distinct.len() < MAX_DISTINCT {
            let mut hasher = DefaultHasher::new();
            text.hash(&mut hasher);
            self.distinct.insert(hasher.finish());
        }
        for look in LOOKS {
            if looks(look, text, is_number) {
                *self.looks.entry(look).or_default() += 1;
            }
        }
        if STATUS_WORDS.contains(&text.to_ascii_lowercase().as_str()) {
            self.words.insert(text.to_owned());
        }
        self.credentials += u64::from(is_credential(text));
        self.sentences += u64::from(text.split_ascii_whitespace().count() > 2);
    }
}

fn looks(look: Look, text: &str, is_number: bool) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match look {
        Look::Address => text.split(',').all(|part| is_address(part.trim())),
        Look::Agent => {
            let name = text.split_once('/').filter(|(_, version)| {
                version.starts_with(|c: char| c.is_ascii_alphanumeric())
                    && text.bytes().any(|b| b.is_ascii_digit())
            });
            name.is_some_and(|(name, _)| {
                name.starts_with(|c: char| c.is_ascii_alphabetic()) && !name.contains(['/', ':', '='])
            })
        }
        Look::Compact => {
            text.len() <= 256
                && !text
                    .bytes()
                    .any(|b| b.is_ascii_whitespace() || b"{}[]\"<>".contains(&b))
        }
        Look::DiskPath => {
            const ROOTS: [&str; 11] = [
                "/var/", "/usr/", "/opt/", "/etc/", "/home/", "/srv/", "/tmp/", "/proc/", "/dev/", "/mnt/",
                "/root/",
            ];
            ROOTS.iter().any(|root| text.starts_with(root)) || text.get(1..3) == Some(":\\")
        }
        Look::Email => text.split_once('@').is_some_and(|(local, domain)| {
            !local.is_empty() && domain.contains('.') && !text.contains(char::is_whitespace)
        }),
        Look::Instant if is_number => Instant::parse_epoch(text).is_some(),
        Look::Instant => Instant::parse(text).is_some(),
        Look::Integer => digits(text),
        Look::Json => text.starts_with(['{', '[']),
        Look::Key => {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
            (8..=128).contains(&text.len())
                && text.bytes().all(plain)
                && text.bytes().any(|b| b.is_ascii_digit())
        }
        Look::Method => METHODS.contains(&text),
        Look::Small => text.len() <= 6 && digits(text),
        Look::StatusWord => STATUS_WORDS.contains(&text.to_ascii_lowercase().as_str()),
        Look::Url => text.starts_with('/') || text.starts_with("http://") || text.starts_with("https://"),
        Look::Word => {
            text.len() <= 128
                && text.starts_with(|c: char| c.is_ascii_alphabetic())
                && text
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b"._:#/-".contains(&b))
        }
    }
}

fn is_address(text: &str) -> bool {
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().is_ok() || text.parse::<SocketAddr>().is_ok()
}

/// Openings of the commonest credentials; where one is seen, a field is a secret whatever its name.
fn is_credential(text: &str) -> bool {
    const OPENINGS: [&str; 14] = [
        "AKIA",
        "ASIA",
        "Basic ",
        "Bearer ",
        "bearer ",
        "eyJ",
        "ghp_",
        "github_pat_",
        "glpat-",
        "gldt-",
        "sk-",
        "sk_live_",
        "xoxb-",
        "-----BEGIN",
    ];
    text.len() >= 16 && OPENINGS.iter().any(|opening| text.starts_with(opening))
}

/// All fields of a sample.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// In the order in which they were met.
    pub(super) list: Vec<Field>,
    /// Objects whose keys are values rather than names.
    pub(super) maps: BTreeSet<String>,
    /// Names that are not listed: seen once, or shaped like values.
    pub(super) unlisted: u64,
    /// Records in the sample.
    pub(super) records: u64,
}

impl Fields {
    pub(super) fn of(records: &[Record]) -> Self {
        let mut keys: HashMap<String, HashSet<&str>> = HashMap::new();
        for record in records {
            for (key, value) in record {
                collect(key, value, &mut keys, 0);
            }
        }
        let maps: BTreeSet<String> = keys
            .iter()
            .filter(|(_, keys)| keys.len() > MAX_KEYS || keys.iter().any(|key| !is_name(key)))
            .map(|(name, _)| name.clone())
            .collect();
        let mut known: HashMap<String, usize> = HashMap::new();
        let mut list: Vec<Field> = Vec::new();
        let mut unlisted = HashSet::new();
        for record in records {
            let mut seen = HashSet::new();
            let mut put = |name: &str, value: &Value| {
                let at = match known.get(name) {
                    Some(at) => *at,
                    None if list.len() < MAX_FIELDS => {
                        known.insert(name.to_owned(), list.len());
                        list.push(Field {
                            name: name.to_owned(),
                            ..Field::default()
                        });
                        list.len() - 1
                    }
                    None => return,
                };
                if let Some(field) = list.get_mut(at) {
                    field.records += u64::from(seen.insert(at));
                    field.take(value);
                }
            };
            for (key, value) in record {
                if is_name(key) {
                    flatten(key, value, &maps, &mut put, 0);
                } else {
                    unlisted.insert(key.as_str());
                }
            }
        }
        let total = records.len() as u64;
        let before = list.len();
        list.retain(|field| field.records > 1 || total < 20);
        Self {
            unlisted: (unlisted.len() + before - list.len()) as u64,
            list,
            maps,
            records: total,
        }
    }
}

impl Fields {
    /// Adds a field that the sample could have held and did not.
    pub(super) fn expect(&mut self, name: &str) {
        if self.list.iter().all(|field| field.name != name) {
            self.list.push(Field {
                name: name.to_owned(),
                ..Field::default()
            });
        }
    }
}

fn collect<'v>(name: &str, value: &'v Value, keys: &mut HashMap<String, HashSet<&'v str>>, depth: usize) {
    if depth >= MAX_DEPTH || keys.len() >= MAX_FIELDS {
        return;
    }
    match value {
        Value::Object(members) => {
            let held = keys.entry(name.to_owned()).or_default();
            if held.len() <= MAX_KEYS {
                held.extend(members.keys().map(String::as_str));
            }
            for (key, value) in members.iter().take(MAX_KEYS) {
                collect(&format!("{name}.{key}"), value, keys, depth + 1);
            }
        }
        Value::Array(items) => {
            for item in items.iter().filter(|item| item.is_object()).take(MAX_KEYS) {
                collect(name, item, keys, depth + 1);
            }
        }
        _ => {}
    }
}

/// Nested objects, and lists of objects, under dotted names.
fn flatten(
    name: &str,
    value: &Value,
    maps: &BTreeSet<String>,
    put: &mut dyn FnMut(&str, &Value),
    depth: usize,
) {
    match value {
        _ if maps.contains(name) || depth >= MAX_DEPTH => {}
        Value::Object(members) if !members.is_empty() => {
            for (key, value) in members {
                flatten(&format!("{name}.{key}"), value, maps, put, depth + 1);
            }
        }
        Value::Array(items) if !items.is_empty() && items.iter().all(Value::is_object) => {
            for item in items {
                flatten(name, item, maps, put, depth + 1);
            }
        }
        value => put(name, value),
    }
}

/// Whether a key looks like the name of a field rather than like somebody's name, number or address.
fn is_name(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-.@/".contains(c);
    key.len() <= 64
        && key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '@')
        && key.chars().all(plain)
        && !key.get(1..).unwrap_or_default().contains('@')
        && key.bytes().filter(u8::is_ascii_digit).count() <= 4
        && key.parse::<IpAddr>().is_err()
}
