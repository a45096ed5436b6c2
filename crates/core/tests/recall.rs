//! Recall of the prefilter: of a million matching records, each written at random in one of the ways that
//! writers have, every line is a candidate.
//!
//! A record is made to match, so that the generator knows that it must; for a sample the full parse and
//! the query say so too. A failing line is named by its seed. `DECOSTOP_RECALL=10000000` runs more.

#![expect(
    clippy::print_stderr,
    reason = "how many other lines pass is told, not judged"
)]

mod common;

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::{profile, request};
use decostop::Limits;
use decostop::parse::{Scratch, with_record};
use decostop::prefilter::Prefilter;
use decostop::query::QueryPlan;
use decostop_profile::{Class, ClassRule};
use decostop_redact::ProfilePlan;
use decostop_testkit::Random;

const CASES: u64 = 1_000_000;
/// Of so many segments one is parsed too.
const SAMPLE: u64 = 16;

const HEAD: &str = r#"
version = 1
id = "RECALL-1"
requested_at = 2026-11-08T09:00:00Z
[customer]
name = "Acme"
plan = "ultimate"
billing = "paid"
[scope]
evidence = "a test"
namespaces = [{ path = "acmecorp", id = 770077, formerly = ["acmelabs"] }]
projects = [{ path = "acmecorp/payments/api", id = 5119100 }]
users = [{ username = "alicequartz", id = 1001001, emails = ["alice.quartz@acmecorp.example"], names = ["Alice Quartzfield"] }]
[window]
from = 2026-11-01T00:00:00Z
to = 2026-11-08T00:00:00Z
[[select]]
"#;

/// Something that a record says.
#[derive(Clone, Debug)]
enum Fact {
    User(&'static str),
    UserId(u64),
    Email(&'static str),
    Name(&'static str),
    Path(&'static str),
    ProjectId(u64),
    NamespaceId(u64),
    Ip(&'static str),
    Key(Class, String),
}

/// A select, and the facts of which each makes a record match.
struct Wanted {
    select: String,
    facts: Vec<Fact>,
    /// Controller and action that the record must be of as well.
    event: Option<(&'static str, &'static str)>,
}

fn wanted() -> Vec<Wanted> {
    use Fact::{Email, Ip, Key, Name, NamespaceId, Path, ProjectId, User, UserId};
    let correlation = |text: &str| Key(Class::Correlation, text.to_owned());
    let places = || {
        vec![
            Path("acmecorp"),
            Path("acmecorp/payments/api"),
            Path("acmecorp/x"),
            Path("acmelabs/old-site.io"),
            NamespaceId(770_077),
            ProjectId(5_119_100),
        ]
    };
    let alice = || {
        vec![
            User("alicequartz"),
            UserId(1_001_001),
            Email("alice.quartz@acmecorp.example"),
            Name("Alice Quartzfield"),
        ]
    };
    let many: Vec<String> = (0..120u32)
        .map(|at| format!("01JQ{:08X}", at.wrapping_mul(0x9e37_79b9)))
        .collect();
    let listed = many
        .iter()
        .map(|id| format!("{id:?}"))
        .collect::<Vec<_>>()
        .join(", ");
    let rows: Vec<(&str, Vec<Fact>)> = vec![
        (r#"namespaces = ["acmecorp"]"#, places()),
        (
            r#"projects = ["acmecorp/payments/api"]"#,
            vec![Path("acmecorp/payments/api"), ProjectId(5_119_100)],
        ),
        ("projects = [9900001]", vec![ProjectId(9_900_001)]),
        (r#"users = ["alicequartz"]"#, alice()),
        ("users = [8800001]", vec![UserId(8_800_001)]),
        // Shorter than what is searched for otherwise.
        ("users = [77]", vec![UserId(77)]),
        (r#"users = ["bo"]"#, vec![User("bo")]),
        (
            r#"users = ["trudy_vexler.3", "mallorykvist"]"#,
            vec![User("trudy_vexler.3"), User("mallorykvist")],
        ),
        (r#"users = ["zoë-krümel"]"#, vec![User("zoë-krümel")]),
        (r#"ips = ["81.2.69.144"]"#, vec![Ip("81.2.69.144")]),
        (
            r#"correlation_ids = ["01JQZKVXW0RECALL1", "9f8e7d6c5b4a"]"#,
            vec![correlation("01JQZKVXW0RECALL1"), correlation("9f8e7d6c5b4a")],
        ),
        (
            r#"token_ids = ["4455667"]"#,
            vec![Key(Class::TokenId, "4455667".to_owned())],
        ),
        (
            "users = [\"alicequartz\"]\n[[select]]\nips = [\"81.2.69.144\"]",
            [alice(), vec![Ip("81.2.69.144")]].concat(),
        ),
    ];
    let mut all: Vec<Wanted> = rows
        .into_iter()
        .map(|(select, facts)| Wanted {
            select: select.to_owned(),
            facts,
            event: None,
        })
        .collect();
    all.push(Wanted {
        select: format!("correlation_ids = [{listed}]"),
        facts: many.iter().map(|id| correlation(id)).collect(),
        event: None,
    });
    all.push(Wanted {
        select: "namespaces = [\"acmecorp\"]\nevents = [\"raw:ProjectsController#create\"]".to_owned(),
        facts: places(),
        event: Some(("ProjectsController", "create")),
    });
    all
}

/// Letters in another case that folds to the same.
fn recase(random: &mut Random, text: &str) -> String {
    let style = random.below(4);
    text.chars()
        .map(|c| {
            let mut upper = c.to_uppercase();
            match (style, upper.next(), upper.next()) {
                (2, Some(one), None) => one,
                (3, Some(one), None) if random.one_in(2) => one,
                _ => c,
            }
        })
        .collect()
}

/// Bytes as `%XX`: what has to be, `always`, and now and then any other.
fn percent(random: &mut Random, text: &str, always: &str) -> String {
    let often = [1000, 12, 3, 1][random.below(4)];
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-._/".contains(&byte);
        if plain && !always.contains(char::from(byte)) && !random.one_in(often) {
            out.push(char::from(byte));
        } else {
            push_hex(random, &mut out, "%", u32::from(byte), 2);
        }
    }
    out
}

/// `%61` as `%2561`, or with any other of its characters hidden.
fn twice(random: &mut Random, text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if c == '%' || c.is_ascii_alphanumeric() && random.one_in(8) {
            push_hex(random, &mut out, "%", c as u32, 2);
        } else {
            out.push(c);
        }
    }
    out
}

/// Hexadecimal digits, each in either case.
fn push_hex(random: &mut Random, out: &mut String, mark: &str, code: u32, width: u32) {
    out.push_str(mark);
    for nth in (0..width).rev() {
        let digit = char::from_digit(code >> (4 * nth) & 15, 16).unwrap_or('0');
        out.push(if random.one_in(2) {
            digit.to_ascii_uppercase()
        } else {
            digit
        });
    }
}

/// A JSON string with any of its characters behind escapes.
fn quoted(random: &mut Random, text: &str) -> String {
    // Long ones are lines within lines: escaping all of them would only make them long.
    let often = if text.len() < 60 {
        [10_000, 10_000, 12, 3, 1]
    } else {
        [10_000, 10_000, 10_000, 40, 12]
    };
    let often = often[random.below(5)];
    let slashes = random.one_in(3);
    // What begins an escape of the next layer, hidden by itself.
    let marks = random.one_in(6);
    let mut out = String::with_capacity(text.len() + 8);
    out.push('"');
    for c in text.chars() {
        match c {
            _ if marks && matches!(c, '\\' | '%') || random.one_in(often) => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    push_hex(random, &mut out, "\\u", u32::from(*unit), 4);
                }
            }
            '/' if slashes => out.push_str("\\/"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\t' => out.push_str("\\t"),
            '\u{0}'..='\u{1f}' => push_hex(random, &mut out, "\\u", c as u32, 4),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A value of a field.
enum Value {
    Text(String),
    /// JSON as it is.
    Json(String),
}

/// The fields of a source by their class.
struct Fields {
    /// The source's place in the profile.
    at: usize,
    name: &'static str,
    classes: Vec<(Class, Vec<String>)>,
}

/// Where facts can stand.
struct Places {
    plan: Arc<ProfilePlan>,
    sources: Vec<Fields>,
}

const SOURCES: &[&str] = &[
    "production_json",
    "api_json",
    "application_json",
    "audit_json",
    "sidekiq",
    "gitaly",
    "workhorse",
    "gitlab_shell",
];

impl Places {
    fn new(plan: Arc<ProfilePlan>) -> Self {
        let sources = SOURCES.iter().map(|name| {
            let at = plan
                .profile
                .sources
                .iter()
                .position(|source| source.name == *name);
            let at = at.unwrap_or_else(|| panic!("no source {name}"));
            let wrappers = &plan.profile.wrappers;
            let mut classes: Vec<(Class, Vec<String>)> = Vec::new();
            for (field, spec) in &plan.profile.sources[at].fields {
                let ClassRule::Fixed(class) = spec.rule else {
                    continue;
                };
                if wrappers.strings.contains(field) {
                    continue;
                }
                match classes.iter_mut().find(|(known, _)| *known == class) {
                    Some((_, fields)) => fields.push(field.clone()),
                    None => classes.push((class, vec![field.clone()])),
                }
            }
            Fields { at, name, classes }
        });
        Self {
            sources: sources.collect(),
            plan,
        }
    }

    /// A field of one of these classes in any source, or none by chance.
    fn draw(
        &self,
        random: &mut Random,
        classes: &[Class],
        only: Option<&str>,
    ) -> Option<(usize, Class, &str)> {
        let source = &self.sources[random.below(self.sources.len())];
        let class = classes[random.below(classes.len())];
        let (_, fields) = source.classes.iter().find(|(known, _)| *known == class)?;
        (only.is_none_or(|only| only == source.name))
            .then(|| (source.at, class, fields[random.below(fields.len())].as_str()))
    }
}

impl Fact {
    fn classes(&self) -> Vec<Class> {
        use Class::{
            Correlation, Email, Ip, Name, Namespace, NamespaceId, Params, Project, ProjectId, Resource, User,
            UserId,
        };
        match self {
            Self::User(_) => vec![User, User, Resource, Params],
            Self::UserId(_) => vec![UserId, UserId, Resource, Params],
            Self::Email(_) => vec![Email, User, Params],
            Self::Name(_) => vec![Name, Params],
            Self::Path(path) if path.contains('/') => {
                vec![Project, Namespace, ProjectId, Resource, Resource, Params]
            }
            Self::Path(_) => vec![Project, Namespace, NamespaceId, Resource],
            Self::ProjectId(_) => vec![ProjectId, Resource, Params],
            Self::NamespaceId(_) => vec![NamespaceId],
            Self::Ip(_) => vec![Ip, UserId],
            Self::Key(Correlation, _) => vec![Correlation],
            Self::Key(class, _) => vec![*class],
        }
    }

    /// What a field of a class says, if it can say this.
    fn value(&self, random: &mut Random, class: Class) -> Option<Value> {
        match (class, self) {
            (Class::Resource, _) => Some(Value::Text(self.url(random)?)),
            (Class::Params, _) => self.params(random).map(Value::Json),
            (Class::User, Self::Email(_)) => None,
            (Class::Ip, Self::Ip(_)) if random.one_in(4) => {
                let address = self.text(random);
                let items = ["10.0.0.1".to_owned(), address].map(|text| quoted(random, &text));
                Some(Value::Json(format!("[{}]", items.join(","))))
            }
            (Class::UserId, Self::Ip(_)) => {
                let address = self.text(random);
                let one = !address.contains(',') && !address.contains("]:");
                one.then(|| Value::Text(format!("ip/{address}")))
            }
            (_, Self::UserId(id) | Self::ProjectId(id) | Self::NamespaceId(id)) if random.one_in(2) => {
                Some(Value::Json(id.to_string()))
            }
            (Class::TokenId, Self::Key(_, text)) if random.one_in(2) => Some(Value::Json(text.clone())),
            (_, Self::Key(..)) => Some(Value::Text(self.text(random))),
            _ => {
                // What is trimmed off before it is read.
                let blank = if random.one_in(8) {
                    random.of(&[" ", "\t", "\u{a0}", "\u{2003}"])
                } else {
                    ""
                };
                Some(Value::Text(format!("{blank}{}{blank}", self.text(random))))
            }
        }
    }

    /// The text of a field of its own class.
    fn text(&self, random: &mut Random) -> String {
        let prefixed =
            |random: &mut Random, id: u64, prefixes: &[&str]| format!("{}{id}", random.of(prefixes));
        match self {
            Self::User(name) => format!("{}{}", random.of(&["", "", "@"]), recase(random, name)),
            Self::Email(text) | Self::Name(text) => recase(random, text),
            Self::UserId(id) => prefixed(random, *id, &["", "user-", "user/", "gid://gitlab/User/"]),
            Self::ProjectId(id) => prefixed(
                random,
                *id,
                &[
                    "",
                    "project-",
                    "wiki-",
                    "design-",
                    "gid://gitlab/Project/",
                    "projects/",
                ],
            ),
            Self::NamespaceId(id) => prefixed(
                random,
                *id,
                &["", "gid://gitlab/Group/", "gid://gitlab/Namespace/", "groups/"],
            ),
            Self::Path(path) => {
                let ends = if path.contains('/') {
                    ["", ".git", ".wiki.git", "/"]
                } else {
                    ["", "", "", "/"]
                };
                let text = format!(
                    "{}{}{}",
                    random.of(&["", "", "/"]),
                    recase(random, path),
                    random.of(&ends)
                );
                let slashes = random.of(&["", "/"]);
                if random.one_in(2) && !text.ends_with('/') && !text.starts_with('/') {
                    percent(random, &text, slashes)
                } else {
                    text
                }
            }
            Self::Ip(address) => {
                let v4: std::net::Ipv4Addr = address.parse().expect("an address");
                let [a, b, c, d] = v4.octets();
                match random.below(7) {
                    0 => format!("::ffff:{v4}"),
                    1 => format!("::FFFF:{a:02x}{b:02x}:{c:02X}{d:02x}"),
                    2 => format!("0:0:0:0:0:ffff:{a:02x}{b:02x}:{c:02x}{d:02x}"),
                    3 => format!("{v4}:{}", 1 + random.below(65_535)),
                    4 => format!("[::ffff:{v4}]:443"),
                    5 => format!("10.1.2.3, {v4}"),
                    _ => v4.to_string(),
                }
            }
            Self::Key(_, text) => text.clone(),
        }
    }

    /// A URL or path that names it.
    fn url(&self, random: &mut Random) -> Option<String> {
        let mut text = match self {
            Self::Path(path) => {
                let path = recase(random, path);
                let mut whole = percent(random, &path, "");
                let mut coded = percent(random, &path, "/");
                // Twice is undone twice: by the route, and by what reads a path.
                if random.one_in(4) {
                    (whole, coded) = (twice(random, &whole), twice(random, &coded));
                }
                match random.below(8) {
                    0 => format!("/{whole}/-/blob/main/README.md"),
                    1 => format!("/groups/{whole}/-/group_members"),
                    2 if path.contains('/') => format!("/{whole}.git/info/refs"),
                    3 if path.contains('/') => format!("/api/v4/projects/{coded}/members"),
                    4 if path.contains('/') => {
                        format!("/explore?{}={coded}", percent(random, "project_path", ""))
                    }
                    5 => format!("//./{whole}"),
                    _ => format!("/{whole}"),
                }
            }
            Self::ProjectId(id) => format!(
                "/api/v4/projects/{}/members",
                percent(random, &id.to_string(), "")
            ),
            Self::User(name) => {
                let name = recase(random, name);
                let name = percent(random, &name, "");
                let key = random.of(&["username", "author_username", "user[username]"]);
                match random.below(3) {
                    0 if key != "user[username]" => {
                        format!("/explore?x=1&{}={name}", percent(random, key, ""))
                    }
                    1 => format!("/users/{name}?a=%"),
                    _ => format!("/users/{name}"),
                }
            }
            Self::UserId(id) => format!(
                "/explore?{}={}&x=1",
                percent(random, "user_id", ""),
                percent(random, &id.to_string(), "")
            ),
            _ => return None,
        };
        if random.one_in(3) {
            text.insert_str(0, "https://gitlab.example.com");
        }
        Some(text)
    }

    /// Parameters that name it, in one of the shapes that logs have.
    fn params(&self, random: &mut Random) -> Option<String> {
        let (key, value) = match self {
            Self::User(_) => (random.of(&["username", "author_username", "user.username"]), None),
            Self::UserId(id) => (
                random.of(&["user_id", "author_id"]),
                random.one_in(2).then(|| id.to_string()),
            ),
            Self::Email(_) => (random.of(&["user_email", "user.email"]), None),
            Self::Name(_) => ("user.name", None),
            Self::Path(_) => (random.of(&["project_path", "fullPath", "projectPath"]), None),
            Self::ProjectId(_) => ("gl_repository", None),
            _ => return None,
        };
        let value = value.unwrap_or_else(|| {
            let text = self.text(random);
            quoted(random, &text)
        });
        let note = random_note(random);
        let note = quoted(random, note);
        let pair = |random: &mut Random, key: &str, value: &str| {
            let key = quoted(random, key);
            format!("{{\"key\":{key},\"value\":{value}}}")
        };
        let (outer, inner) = key.split_once('.').unwrap_or(("", key));
        let object = |random: &mut Random, value: &str| {
            let key = quoted(random, inner);
            format!("{{{key}:{value}}}")
        };
        let mut text = match random.below(3) {
            0 if outer.is_empty() => {
                format!("[{},{}]", pair(random, "note", &note), pair(random, key, &value))
            }
            0 => {
                let value = object(random, &value);
                format!("[{}]", pair(random, outer, &value))
            }
            1 if outer.is_empty() => format!("[{}]", object(random, &value)),
            _ if outer.is_empty() => object(random, &value),
            _ => {
                let (key, value) = (quoted(random, outer), object(random, &value));
                format!("{{\"note\":{note},{key}:{value}}}")
            }
        };
        for _ in 0..random.below(3) {
            text = quoted(random, &text);
            if !random.one_in(4) {
                break;
            }
            text = format!("[{text}]");
        }
        Some(text)
    }
}

fn random_note(random: &mut Random) -> &'static str {
    random.of(&[
        "",
        "a \"b\" \\ c",
        "100%",
        "\\u00",
        "<p>caf\u{e9}</p>",
        "\u{1f512} x",
        "%zz\\x",
        "null",
    ])
}

/// A line that says a fact, and its source.
fn line(random: &mut Random, places: &Places, wanted: &Wanted, fact: &Fact) -> Option<(usize, String)> {
    if wanted.event.is_none() && random.one_in(6) {
        return text_line(random, places, fact);
    }
    let only = wanted.event.map(|_| "production_json");
    let (source, class, field) = places.draw(random, &fact.classes(), only)?;
    let value = fact.value(random, class)?;
    let mut fields: Vec<(String, Value)> = vec![(
        "time".to_owned(),
        Value::Text("2026-11-02T10:00:00.123Z".to_owned()),
    )];
    if let Some((controller, action)) = wanted.event {
        fields.push(("controller".to_owned(), Value::Text(controller.to_owned())));
        fields.push(("action".to_owned(), Value::Text(action.to_owned())));
    }
    if random.one_in(3) {
        fields.push(("status".to_owned(), Value::Json("200".to_owned())));
    }
    if random.one_in(3) {
        fields.push((
            format!("extra_{}", random.below(9)),
            Value::Text(random_note(random).to_owned()),
        ));
    }
    if random.one_in(8) {
        fields.push((field.to_owned(), Value::Text("none".to_owned())));
    }
    fields.push((field.to_owned(), value));
    if wanted.event.is_none() {
        random.shuffle(&mut fields);
    } else {
        // The raw event is made of the first of each; a second one would be another event.
        fields.rotate_left(usize::from(random.one_in(2)));
    }
    let record = object(random, places, source, fields);
    Some((source, wrapped(random, record)))
}

/// An object with these fields under one of their names.
fn object(random: &mut Random, places: &Places, source: usize, fields: Vec<(String, Value)>) -> String {
    let dotted = if random.one_in(12) {
        random.of(&["jsonPayload.", "json."])
    } else {
        ""
    };
    let blank = |random: &mut Random| {
        if random.one_in(8) {
            random.of(&[" ", "\t", "  ", "\r"])
        } else {
            ""
        }
    };
    let loose = random.one_in(4);
    let mut out = String::from("{");
    let count = fields.len();
    for (nth, (name, value)) in fields.into_iter().enumerate() {
        let value = match value {
            Value::Text(text) => quoted(random, &text),
            Value::Json(text) => text,
        };
        let flat = name.replace('.', "_");
        let mangled = places
            .plan
            .unmangled(source, &flat)
            .is_some_and(|known| known == name);
        let outer = name.split_once('.').filter(|_| random.one_in(2));
        let (key, value) = match outer {
            Some((outer, inner)) => {
                let inner = quoted(random, inner);
                (format!("{dotted}{outer}"), format!("{{{inner}:{value}}}"))
            }
            None if mangled && random.one_in(3) => (format!("{dotted}{flat}"), value),
            None => (format!("{dotted}{name}"), value),
        };
        let key = if random.one_in(4) {
            quoted(random, &key)
        } else {
            format!("\"{key}\"")
        };
        if loose {
            let blanks: [&str; 3] = std::array::from_fn(|_| blank(random));
            let _ = write!(out, "{}{key}{}:{}{value}", blanks[0], blanks[1], blanks[2]);
        } else {
            let _ = write!(out, "{key}:{value}");
        }
        if nth + 1 < count {
            out.push(',');
        }
    }
    out.push('}');
    out
}

/// A record as shippers wrap it.
fn wrapped(random: &mut Random, record: String) -> String {
    let prefix = |random: &mut Random| {
        random.of(&[
            "",
            "",
            "2026-11-02_10:00:00.12345 ",
            "2026-11-02T10:00:00.1Z stdout F ",
        ])
    };
    let string = |random: &mut Random, record: &str| {
        let key = random.of(&["message", "log", "textPayload"]);
        let time = random.of(&[
            "",
            "\"timestamp\":\"2026-11-02T10:00:00Z\",",
            "\"@timestamp\":\"2026-11-02T10:00:00Z\",",
        ]);
        format!("{{{time}\"{key}\":{}}}", quoted(random, record))
    };
    let record = match random.below(12) {
        0 => format!("{{\"timestamp\":\"2026-11-02T10:00:00Z\",\"jsonPayload\":{record}}}"),
        1 => format!("{{\"json\":{record},\"stream\":\"stdout\"}}"),
        2 => format!("{{\"jsonPayload\":{{\"json\":{record}}}}}"),
        3 => string(random, &record),
        4 => {
            let inner = format!("{}{record}", prefix(random));
            string(random, &inner)
        }
        5 => {
            let inner = string(random, &record);
            string(random, &inner)
        }
        _ => record,
    };
    format!("{}{record}", prefix(random))
}

/// A line of an access log, or of a log of pairs.
fn text_line(random: &mut Random, places: &Places, fact: &Fact) -> Option<(usize, String)> {
    let source = |name: &str| {
        places
            .plan
            .profile
            .sources
            .iter()
            .position(|source| source.name == name)
    };
    if random.one_in(3) {
        let (key, text) = match fact {
            Fact::Path(path) if path.contains('/') => ("grpc.request.glProjectPath", fact.text(random)),
            Fact::User(_) => ("username", fact.text(random)),
            Fact::UserId(_) => ("user_id", fact.text(random)),
            Fact::ProjectId(_) => ("grpc.request.glRepository", fact.text(random)),
            Fact::Key(Class::Correlation, text) => ("correlation_id", text.clone()),
            _ => return None,
        };
        let value = if random.one_in(2) && !text.contains([' ', '%']) {
            text
        } else {
            format!("\"{text}\"")
        };
        return Some((
            source("gitaly")?,
            format!("time=\"2026-11-02T10:00:00Z\" level=info {key}={value} msg=\"finished call\""),
        ));
    }
    let (mut address, mut user, mut uri, mut referrer) = (
        "10.1.2.3".to_owned(),
        "-".to_owned(),
        "/explore".to_owned(),
        "-".to_owned(),
    );
    match fact {
        Fact::Ip(text) => (*text).clone_into(&mut address),
        Fact::User(name) if name.is_ascii() && random.one_in(2) => user = fact.text(random).replace('@', ""),
        _ if random.one_in(4) => referrer = fact.url(random)?,
        _ => uri = fact.url(random)?,
    }
    let chosen = |text: &str| {
        let mut out = String::new();
        for &byte in text.as_bytes() {
            if (b' '..=b'~').contains(&byte) && !b"\"\\".contains(&byte) {
                out.push(char::from(byte));
            } else {
                let _ = write!(out, "\\x{byte:02X}");
            }
        }
        out
    };
    let line = format!(
        "{address} - {} [02/Nov/2026:10:00:00 +0000] \"GET {} HTTP/1.1\" 200 12 \"{}\" \"git/2.43.0\"{}",
        chosen(&user),
        chosen(&uri),
        chosen(&referrer),
        random.of(&["", " -"])
    );
    let line = match random.below(6) {
        0 => format!("{{\"log\":{},\"stream\":\"stdout\"}}", quoted(random, &line)),
        1 => format!("2026-11-02T10:00:00.1Z stdout F {line}"),
        2 => format!("2026-11-02_10:00:00.12345 {line}"),
        _ => line,
    };
    Some((source("nginx_access")?, line))
}

/// A line that does not match, or not for a reason that the generator knows.
fn other(random: &mut Random, places: &Places, wanted: &Wanted) -> String {
    const FACTS: &[Fact] = &[
        Fact::User("nobodyelse"),
        Fact::UserId(3_141_592),
        Fact::Path("othervik/secretforge"),
        Fact::ProjectId(2_718_281),
        Fact::Ip("67.43.156.72"),
        Fact::Name("Odd Quibbler"),
    ];
    let odd = [
        "",
        "\r",
        "%",
        "\\u00",
        "%6",
        "\\u006",
        "\\\\\\u0061%61",
        "{\"a\":\"\\u003cp\\u003e %20 \\u0026\"}",
        "not a record",
    ];
    if random.one_in(3) {
        return random.of(&odd).to_owned();
    }
    let fact = &FACTS[random.below(FACTS.len())];
    line(random, places, wanted, fact).map_or_else(String::new, |(_, line)| line)
}

/// Selects with all that is compiled for them.
struct Compiled {
    wanted: Wanted,
    query: QueryPlan,
    prefilter: Prefilter,
}

#[derive(Default)]
struct Tally {
    matching: AtomicU64,
    parsed: AtomicU64,
    others: AtomicU64,
    passed: AtomicU64,
}

/// One segment of lines under one select.
fn segment(seed: u64, all: &[Compiled], places: &Places, scratch: &mut Scratch, tally: &Tally) {
    let random = &mut Random::new(seed);
    let Compiled {
        wanted,
        query,
        prefilter,
    } = &all[random.below(all.len())];
    let mut segment = String::new();
    // Start, end and, of lines that match, the source.
    let mut lines: Vec<(usize, usize, Option<usize>)> = Vec::new();
    for _ in 0..=random.below(12) {
        let fact = &wanted.facts[random.below(wanted.facts.len())];
        let made = (!random.one_in(5))
            .then(|| line(random, places, wanted, fact))
            .flatten();
        let source = made.as_ref().map(|(source, _)| *source);
        let text = made.map_or_else(|| other(random, places, wanted), |(_, line)| line);
        let start = segment.len();
        segment.push_str(&text);
        if random.one_in(6) {
            segment.push('\r');
        }
        lines.push((start, segment.len(), source));
        segment.push('\n');
    }
    if random.one_in(3) {
        segment.pop();
    }
    let bytes = segment.as_bytes();
    let mut found: HashSet<(usize, usize)> = HashSet::new();
    let mut last = 0;
    prefilter.candidates(bytes, &mut |start, end| {
        assert!(
            start >= last && end >= start,
            "seed {seed}: candidates do not come in order"
        );
        last = end;
        found.insert((start, end))
    });
    let known = lines
        .iter()
        .filter(|(start, end, _)| found.contains(&(*start, *end)))
        .count();
    assert_eq!(known, found.len(), "seed {seed}: a candidate is no line");
    for (start, end, source) in lines {
        let line = &bytes[start..end];
        let candidate = found.contains(&(start, end));
        let Some(source) = source else {
            tally.others.fetch_add(1, Ordering::Relaxed);
            tally.passed.fetch_add(u64::from(candidate), Ordering::Relaxed);
            continue;
        };
        tally.matching.fetch_add(1, Ordering::Relaxed);
        let told = || {
            format!(
                "seed {seed}\n{}\n{}",
                wanted.select,
                String::from_utf8_lossy(line)
            )
        };
        if !candidate || seed.is_multiple_of(SAMPLE) {
            tally.parsed.fetch_add(1, Ordering::Relaxed);
            let plan = &places.plan;
            let matches = with_record(plan, line, Some(source), &Limits::default(), scratch, |record| {
                let mut typed = Vec::new();
                let _ = plan.typed(record, &mut typed);
                query.matches(plan, record, &typed)
            });
            assert!(
                matches == Ok(true),
                "the generator is wrong, {matches:?}: {}",
                told()
            );
            assert!(
                query.needles.mentioned_in(line) != Some(false),
                "it names no needle: {}",
                told()
            );
            assert!(prefilter.holds(line), "held back as a record: {}", told());
        }
        assert!(candidate, "held back: {}", told());
    }
}

#[test]
fn no_way_to_write_a_matching_record_hides_it() {
    let cases = std::env::var("DECOSTOP_RECALL")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(CASES);
    let plan = Arc::new(ProfilePlan::new(profile()).expect("a sound profile"));
    let places = Places::new(Arc::clone(&plan));
    let compile = |wanted: Wanted| {
        let query = QueryPlan::new(&request(&format!("{HEAD}{}\n", wanted.select)), &plan);
        let prefilter =
            Prefilter::new(&query.needles).unwrap_or_else(|| panic!("no prefilter for {}", wanted.select));
        Compiled {
            wanted,
            query,
            prefilter,
        }
    };
    let all: Vec<Compiled> = wanted().into_iter().map(compile).collect();
    let (tally, next) = (Tally::default(), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut scratch = Scratch::default();
                while tally.matching.load(Ordering::Relaxed) < cases {
                    segment(
                        next.fetch_add(1, Ordering::Relaxed),
                        &all,
                        &places,
                        &mut scratch,
                        &tally,
                    );
                }
            });
        }
    });
    let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
    eprintln!(
        "{} matching lines, all candidates, {} of them parsed; of {} others {} pass",
        of(&tally.matching),
        of(&tally.parsed),
        of(&tally.others),
        of(&tally.passed)
    );
}
