//! The slow and obvious answer to "does this line match?", as an oracle for selection.
//!
//! Every line is parsed whole with `serde_json` (every occurrence of a key is kept), or by the patterns of
//! its source or as logfmt, character by character; every field is looked up in the profile's data, every
//! URL held against one route after the other, every value compared with every select. No prefilter, no
//! compiled plan, no code of the engine.
//!
//! Not modelled, so not to be put into lines that are compared: wrappers and prefixes; JSON inside
//! strings; paths that are percent-encoded twice; `formerly`; the id-path links of the scope for namespaces
//! that are selected below their root.

pub mod line;
mod url;

use std::fmt;
use std::net::IpAddr;

use decostop_profile::{Class, Format, Profile, Source};
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

/// A JSON value; objects keep every occurrence of a key.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number, as `serde_json` reads it.
    Number(serde_json::Number),
    /// A string.
    String(String),
    /// A list.
    Array(Vec<Json>),
    /// Members in order.
    Object(Vec<(String, Json)>),
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Json;

            fn expecting(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
                to.write_str("JSON")
            }
            fn visit_unit<E>(self) -> Result<Json, E> {
                Ok(Json::Null)
            }
            fn visit_bool<E>(self, yes: bool) -> Result<Json, E> {
                Ok(Json::Bool(yes))
            }
            fn visit_u64<E>(self, number: u64) -> Result<Json, E> {
                Ok(Json::Number(number.into()))
            }
            fn visit_i64<E>(self, number: i64) -> Result<Json, E> {
                Ok(Json::Number(number.into()))
            }
            fn visit_f64<E>(self, number: f64) -> Result<Json, E> {
                Ok(serde_json::Number::from_f64(number).map_or(Json::Null, Json::Number))
            }
            fn visit_str<E>(self, text: &str) -> Result<Json, E> {
                Ok(Json::String(text.to_owned()))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Json, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(Json::Array(items))
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Json, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Json::Object(members))
            }
        }
        from.deserialize_any(Any)
    }
}

/// A user of a request's scope.
#[derive(Clone, Debug, Default, Deserialize)]
struct User {
    #[serde(default)]
    username: String,
    id: Option<u64>,
    #[serde(default)]
    emails: Vec<String>,
    #[serde(default)]
    names: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Namespace {
    Entry {
        path: String,
        id: Option<u64>,
    },
    /// A bare path: without an id it adds nothing to what a select says itself.
    Path(serde::de::IgnoredAny),
}

#[derive(Clone, Debug, Deserialize)]
struct Project {
    #[serde(default)]
    path: String,
    id: Option<u64>,
}

#[derive(Clone, Debug, Default, Deserialize)]
struct Scope {
    #[serde(default)]
    namespaces: Vec<Namespace>,
    #[serde(default)]
    projects: Vec<Project>,
    #[serde(default)]
    users: Vec<User>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum NameOrId {
    Id(u64),
    Name(String),
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Exclude {
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default)]
    users: Vec<NameOrId>,
    #[serde(default)]
    events: Vec<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Select {
    #[serde(default)]
    namespaces: Vec<String>,
    #[serde(default)]
    projects: Vec<NameOrId>,
    #[serde(default)]
    users: Vec<NameOrId>,
    #[serde(default)]
    events: Vec<String>,
    #[serde(default)]
    sources: Vec<String>,
    #[serde(default)]
    ips: Vec<String>,
    #[serde(default)]
    exclude: Exclude,
}

#[derive(Clone, Debug, Deserialize)]
struct Window {
    from: toml::value::Datetime,
    to: toml::value::Datetime,
}

/// A request as the oracle reads it: a part of the format, with a reader of its own.
#[derive(Clone, Debug, Deserialize)]
pub struct Query {
    scope: Scope,
    window: Window,
    #[serde(default)]
    select: Vec<Select>,
}

/// What must become of a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Answer {
    /// It matches; its instant in nanoseconds since 1970.
    Match(i128),
    /// It does not.
    NoMatch,
    /// It must be kept back.
    Withhold,
    /// It may be kept back or not match: whether its text names a select is not modelled.
    Either,
}

fn fold(text: &str) -> String {
    text.to_lowercase()
}

fn below(path: &str, namespace: &str) -> bool {
    let (path, namespace) = (fold(path), fold(namespace));
    path == namespace || path.starts_with(&format!("{namespace}/"))
}

/// What a typed value says.
#[derive(Clone, Debug, PartialEq)]
enum Said {
    Path(String),
    Project(u64),
    Namespace(u64),
    User(String),
    UserId(u64),
    Email(String),
    Name(String),
    Ip(IpAddr),
}

impl Query {
    /// Reads a request.
    ///
    /// # Errors
    /// It is not TOML, or uses what the oracle does not know.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// What must become of one line of a source.
    pub fn answer(&self, profile: &Profile, source: &Source, line: &[u8]) -> Answer {
        let Some(fields) = fields(source, line) else {
            return Answer::Either;
        };
        let mut sound = true;
        let mut said = Vec::new();
        for (name, value) in &fields {
            sound &= read_field(profile, source, &fields, name, value, &mut said);
        }
        let time = time_of(source, &fields);
        if let Ok(Some(at)) = time
            && !(instant(&self.window.from.to_string()) <= Some(at)
                && Some(at) < instant(&self.window.to.to_string()))
        {
            return Answer::NoMatch;
        }
        let event = event_of(profile, source, &fields);
        let matches = self
            .select
            .iter()
            .any(|select| self.takes(profile, source, select, &said, event.as_deref()));
        match (matches, sound, time) {
            (true, true, Ok(Some(at))) => Answer::Match(at),
            (true, _, _) => Answer::Withhold,
            (false, false, _) => Answer::Either,
            (false, true, _) => Answer::NoMatch,
        }
    }

    fn takes(
        &self,
        profile: &Profile,
        source: &Source,
        select: &Select,
        said: &[Said],
        event: Option<&str>,
    ) -> bool {
        (select.sources.is_empty() || select.sources.contains(&source.name))
            && (select.events.is_empty() || takes_event(profile, source, &select.events, event))
            && (select.namespaces.is_empty()
                || said
                    .iter()
                    .any(|said| select.namespaces.iter().any(|path| self.in_namespace(path, said))))
            && (select.projects.is_empty()
                || said.iter().any(|said| {
                    select
                        .projects
                        .iter()
                        .any(|project| self.is_project(project, said))
                }))
            && (select.users.is_empty()
                || said
                    .iter()
                    .any(|said| select.users.iter().any(|user| self.is_user(user, said))))
            && (select.ips.is_empty()
                || said.iter().any(|said| {
                    select
                        .ips
                        .iter()
                        .any(|ip| matches!(said, Said::Ip(other) if ip.parse() == Ok(*other)))
                }))
            && !(said.iter().any(|said| {
                select
                    .exclude
                    .namespaces
                    .iter()
                    .any(|path| self.in_namespace(path, said))
                    || select.exclude.users.iter().any(|user| self.is_user(user, said))
            }) || !select.exclude.events.is_empty()
                && takes_event(profile, source, &select.exclude.events, event))
    }

    /// Whether a value names something in a namespace: by its path, or by an id that the scope lists.
    fn in_namespace(&self, namespace: &str, said: &Said) -> bool {
        match said {
            Said::Path(path) => below(path, namespace),
            Said::Project(id) => self.scope.projects.iter().any(|entry| entry.id == Some(*id) && below(&entry.path, namespace)),
            Said::Namespace(id) => self.scope.namespaces.iter().any(|entry| {
                matches!(entry, Namespace::Entry { path, id: Some(other) } if other == id && below(path, namespace))
            }),
            _ => false,
        }
    }

    fn is_project(&self, project: &NameOrId, said: &Said) -> bool {
        let known = |path: &str, id: u64| {
            self.scope
                .projects
                .iter()
                .any(|entry| entry.id == Some(id) && fold(&entry.path) == fold(path))
        };
        match (project, said) {
            (NameOrId::Id(id), Said::Project(other)) => id == other,
            (NameOrId::Id(id), Said::Path(path)) | (NameOrId::Name(path), Said::Project(id)) => {
                known(path, *id)
            }
            (NameOrId::Name(path), Said::Path(other)) => fold(path) == fold(other),
            _ => false,
        }
    }

    fn is_user(&self, user: &NameOrId, said: &Said) -> bool {
        let direct = match (user, said) {
            (NameOrId::Id(id), Said::UserId(other)) => id == other,
            (NameOrId::Name(name), Said::User(other)) => fold(name) == fold(other),
            _ => false,
        };
        direct
            || self.scope.users.iter().any(|entry| {
                let is_entry = match user {
                    NameOrId::Id(id) => entry.id == Some(*id),
                    NameOrId::Name(name) => fold(&entry.username) == fold(name),
                };
                let same = |list: &[String], text: &str| list.iter().any(|other| fold(other) == fold(text));
                is_entry
                    && match said {
                        Said::User(name) => fold(&entry.username) == fold(name),
                        Said::UserId(id) => entry.id == Some(*id),
                        Said::Email(email) => same(&entry.emails, email),
                        Said::Name(name) => same(&entry.names, name),
                        _ => false,
                    }
            })
    }
}

/// The fields of a line of a source: of an object, whatever the source, or of what else the source's
/// lines are. `None` if it is no record.
pub fn fields(source: &Source, line: &[u8]) -> Option<Vec<(String, Json)>> {
    let mut fields = Vec::new();
    if let Ok(Json::Object(members)) = serde_json::from_slice(line) {
        for (name, value) in members {
            flatten(source, name, value, &mut fields);
        }
        return Some(fields);
    }
    let text = std::str::from_utf8(line).ok()?.trim_ascii();
    let by_pattern = || {
        let mut patterns = source.lines.iter();
        let mut pairs = patterns.find_map(|pattern| line::pattern(pattern, text))?;
        // Access logs write a dash for nothing.
        pairs.retain(|(_, value)| value != "-");
        Some(pairs)
    };
    let pairs = match source.format {
        Format::Text => by_pattern()?,
        Format::Logfmt => line::logfmt(text).or_else(by_pattern)?,
        _ => return None,
    };
    Some(
        pairs
            .into_iter()
            .map(|(name, value)| (name, Json::String(value)))
            .collect(),
    )
}

/// Nested objects fall into dotted fields, unless the profile knows the name itself.
fn flatten(source: &Source, name: String, value: Json, fields: &mut Vec<(String, Json)>) {
    match value {
        Json::Object(members) if !members.is_empty() && source.spec(&name).is_none() => {
            for (key, value) in members {
                flatten(source, format!("{name}.{key}"), value, fields);
            }
        }
        value => fields.push((name, value)),
    }
}

/// Reads one field; false if it has a JSON type that an identity does not have.
fn read_field(
    profile: &Profile,
    source: &Source,
    fields: &[(String, Json)],
    name: &str,
    value: &Json,
    said: &mut Vec<Said>,
) -> bool {
    let sibling = |of: &str| match fields.iter().find(|(other, _)| other == of) {
        Some((_, Json::String(text))) => Some(text.as_str()),
        _ => None,
    };
    let Some(class) = source.class_in(name, sibling) else {
        return true;
    };
    match class {
        Class::Resource => {
            if let Json::String(url) = value {
                in_url(profile, url, said);
            }
            true
        }
        Class::Params => {
            for (key, value) in params("", value) {
                if let Some(class) = profile
                    .params
                    .get(&key)
                    .copied()
                    .filter(|class| class.is_identity())
                {
                    read(class, &value, said);
                }
            }
            true
        }
        Class::Text => {
            if let Json::String(message) = value {
                in_message(profile, message, said);
            }
            true
        }
        class if class.is_identity() => read(class, value, said),
        _ => true,
    }
}

/// The identities in the slots of the first template that a message fits, of those that have slots for any.
fn in_message(profile: &Profile, message: &str, said: &mut Vec<Said>) {
    const NAMING: &[&str] = &["{user", "{name", "{email", "{project", "{ip"];
    let names = |text: &str| NAMING.iter().any(|slot| text.contains(slot));
    for template in profile.templates.iter().filter(|template| names(&template.text)) {
        let mut slots = Vec::new();
        if fits_template(&template.text, message, &mut slots) {
            for (kind, text) in slots {
                let class = Class::from_name(kind).filter(|class| class.is_identity());
                if let Some(class) = class {
                    read(class, &Json::String(text.to_owned()), said);
                }
            }
            return;
        }
    }
}

/// Whether a message fits the rest of a template, each slot as short as it can be.
fn fits_template<'t>(template: &'t str, message: &'t str, slots: &mut Vec<(&'t str, &'t str)>) -> bool {
    let Some((before, after)) = template.split_once('{') else {
        return template == message;
    };
    let (Some(message), Some((slot, after))) = (message.strip_prefix(before), after.split_once('}')) else {
        return false;
    };
    let kind = slot.split('.').next().unwrap_or(slot);
    let takes = |text: &str| match kind {
        "text" => true,
        "number" => !text.is_empty() && text.parse::<f64>().is_ok(),
        "word" => !text.is_empty() && text.chars().all(|c| c.is_ascii_alphabetic() || c == '_'),
        "name" => !text.is_empty() && !text.contains(['\n', '\r']),
        "email" => {
            text.find('@').is_some_and(|at| at > 0 && at + 1 < text.len())
                && !text.contains(char::is_whitespace)
        }
        _ => !text.is_empty() && !text.contains(char::is_whitespace),
    };
    (0..=message.len())
        .filter(|end| message.is_char_boundary(*end))
        .any(|end| {
            let (text, rest) = message.split_at(end);
            slots.push((kind, text));
            if takes(text) && fits_template(after, rest, slots) {
                return true;
            }
            slots.pop();
            false
        })
}

/// Parameters as dotted keys.
fn params(key: &str, value: &Json) -> Vec<(String, Json)> {
    let join = |name: &str| {
        if key.is_empty() {
            name.to_owned()
        } else {
            format!("{key}.{name}")
        }
    };
    match value {
        Json::Object(members) => members
            .iter()
            .flat_map(|(name, value)| params(&join(name), value))
            .collect(),
        Json::Array(items) => items
            .iter()
            .flat_map(|item| match item {
                Json::Object(pair) => match pair.as_slice() {
                    [(k, Json::String(name)), (v, value)] | [(v, value), (k, Json::String(name))]
                        if k == "key" && v == "value" =>
                    {
                        params(&join(name), value)
                    }
                    _ => params(key, item),
                },
                _ => params(key, item),
            })
            .collect(),
        scalar => vec![(key.to_owned(), scalar.clone())],
    }
}

/// Reads a value of an identity class; false if its JSON type is wrong.
fn read(class: Class, value: &Json, said: &mut Vec<Said>) -> bool {
    let id_class = matches!(class, Class::UserId | Class::ProjectId | Class::NamespaceId);
    let text = match value {
        Json::Null => return true,
        Json::String(text) => text.trim().to_owned(),
        Json::Number(number) if id_class => number.to_string(),
        // The addresses of a list, one by one.
        Json::Array(items) if class == Class::Ip => {
            return items.iter().all(|item| matches!(item, Json::String(_)))
                && items.iter().all(|item| read(class, item, said));
        }
        _ => return false,
    };
    if text.is_empty() {
        return true;
    }
    let id = |prefixes: &[&str]| -> Option<u64> {
        let digits = prefixes
            .iter()
            .find_map(|prefix| text.strip_prefix(prefix))
            .unwrap_or(&text);
        let sound = !digits.is_empty()
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        sound.then(|| digits.parse().ok()).flatten()
    };
    let path = |of: &str| {
        let text = url::decoded(of)?;
        let text = text.trim().trim_matches('/');
        let text = text.strip_suffix(".git").unwrap_or(text);
        let text = text.strip_suffix(".wiki").unwrap_or(text);
        let text = text.strip_suffix(".design").unwrap_or(text);
        text.split('/')
            .all(|part| !["", ".", ".."].contains(&part))
            .then(|| Said::Path(text.to_owned()))
    };
    let named = |c: char| c.is_ascii_alphanumeric() || "-_./%".contains(c);
    let path_like = || text.contains('/') || text.contains("%2F") || text.contains("%2f");
    match class {
        Class::User => said.push(Said::User(text.strip_prefix('@').unwrap_or(&text).to_owned())),
        Class::Email => said.push(Said::Email(text)),
        Class::Name => said.push(Said::Name(text)),
        Class::UserId => said.extend(id(&["user-", "user/", "gid://gitlab/User/"]).map(Said::UserId)),
        Class::Project | Class::Namespace => said.extend(path(&text)),
        Class::ProjectId => {
            let found = id(&[
                "project-",
                "wiki-",
                "design-",
                "gid://gitlab/Project/",
                "projects/",
            ])
            .map(Said::Project);
            said.extend(found.or_else(|| path_like().then(|| path(&text)).flatten()));
        }
        Class::NamespaceId => {
            let found =
                id(&["gid://gitlab/Group/", "gid://gitlab/Namespace/", "groups/"]).map(Said::Namespace);
            // A group may stand for its id by its name.
            let is_name = text.chars().all(named) && text.contains(|c: char| c.is_ascii_alphabetic());
            said.extend(found.or_else(|| is_name.then(|| path(&text)).flatten()));
        }
        Class::Ip => said.extend(text.split(',').filter_map(|part| {
            let part = part.trim();
            let bare: IpAddr = part
                .parse()
                .ok()
                .or_else(|| Some(part.parse::<std::net::SocketAddr>().ok()?.ip()))?;
            Some(Said::Ip(bare.to_canonical()))
        })),
        _ => {}
    }
    true
}

/// What the slots of a URL's route name, and the listed parameters behind it.
fn in_url(profile: &Profile, text: &str, said: &mut Vec<Said>) {
    let Some(found) = url::read(profile, text) else {
        return;
    };
    for (slot, text) in found.slots {
        if let Some(class) = Class::from_name(&slot).filter(|class| class.is_identity()) {
            read(class, &Json::String(text), said);
        }
    }
    for (key, value) in found.query {
        if let Some(class) = profile.params.get(&key).filter(|class| class.is_identity()) {
            read(*class, &Json::String(value), said);
        }
    }
}

fn takes_event(profile: &Profile, source: &Source, patterns: &[String], raw: Option<&str>) -> bool {
    patterns.iter().any(|pattern| match pattern.strip_prefix("raw:") {
        Some(glob) => glob == "*" || raw.is_some_and(|raw| fits(glob, raw)),
        None => profile
            .events
            .iter()
            .filter(|event| fits(pattern, &event.name))
            .any(|event| {
                event
                    .raw
                    .get(&source.name)
                    .is_some_and(|globs| raw.is_some_and(|raw| globs.iter().any(|glob| fits(glob, raw))))
            }),
    })
}

/// Whether a glob fits a whole text, the slow way.
fn fits(glob: &str, text: &str) -> bool {
    match glob.split_at_checked(1) {
        None => text.is_empty(),
        Some(("*", rest)) => (0..=text.len()).any(|at| text.get(at..).is_some_and(|text| fits(rest, text))),
        Some((first, rest)) => text.strip_prefix(first).is_some_and(|text| fits(rest, text)),
    }
}

fn event_of(profile: &Profile, source: &Source, fields: &[(String, Json)]) -> Option<String> {
    source.event.iter().find_map(|expression| {
        let mut out = expression.clone();
        while let Some(start) = out.find('{') {
            let end = start + out.get(start..)?.find('}')?;
            let name = out.get(start + 1..end)?.to_owned();
            let (name, is_route) = match name.strip_suffix("|route") {
                Some(name) => (name.to_owned(), true),
                None => (name, false),
            };
            let value = fields.iter().find_map(|(other, value)| match value {
                Json::String(text) if *other == name => Some(text.clone()),
                Json::Number(number) if *other == name => Some(number.to_string()),
                _ => None,
            });
            let mut value = value.filter(|text| !text.is_empty())?;
            if is_route {
                value = url::read(profile, &value)?.route;
            }
            let value = value.replace('{', "\u{1}");
            out.replace_range(start..=end, &value);
        }
        Some(out.replace('\u{1}', "{"))
    })
}

/// The record's instant; an error for a time that is neither text nor number.
fn time_of(source: &Source, fields: &[(String, Json)]) -> Result<Option<i128>, ()> {
    for name in &source.time {
        for (_, value) in fields.iter().filter(|(other, _)| other == name) {
            match value {
                Json::Null => {}
                Json::String(text) if text.is_empty() => {}
                Json::String(text) => return Ok(instant(text)),
                _ => return Err(()),
            }
        }
    }
    Ok(None)
}

fn instant(text: &str) -> Option<i128> {
    let utc = || {
        jiff::civil::DateTime::strptime("%d/%b/%Y:%H:%M:%S%.f", text)
            .ok()?
            .to_zoned(jiff::tz::TimeZone::UTC)
            .ok()
    };
    let access = || {
        let zoned = jiff::Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", text).ok();
        zoned.or_else(|| utc().map(|at| at.timestamp()))
    };
    text.parse::<jiff::Timestamp>()
        .ok()
        .or_else(access)
        .map(jiff::Timestamp::as_nanosecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(line: &str) -> Answer {
        let query = Query::parse(
            "[scope]\nprojects = [{ path = \"acme/app\", id = 51 }]\nusers = [{ username = \"alice\", id = 1001 }]\n\
             [window]\nfrom = 2026-11-01T00:00:00Z\nto = 2026-11-02T00:00:00Z\n\
             [[select]]\nnamespaces = [\"acme\"]\n[[select]]\nusers = [\"alice\"]\nevents = [\"raw:*\"]\nexclude = { namespaces = [\"evil\"] }",
        )
        .expect("a sound request");
        let profile = Profile::gitlab();
        query.answer(
            &profile,
            profile.source("production_json").expect("a source"),
            line.as_bytes(),
        )
    }

    #[test]
    fn lines_are_judged() {
        let time = r#""time":"2026-11-01T10:00:00Z""#;
        let matches = |rest: &str| matches!(answer(&format!("{{{time},{rest}}}")), Answer::Match(_));
        assert!(matches(r#""meta.project":"Acme/x""#));
        assert!(matches(r#""meta":{"project":"acme"}"#));
        assert!(matches(r#""path":"/acme/app/-/issues/1""#));
        assert!(matches(r#""path":"/api/v4/projects/51/issues""#));
        assert!(matches(r#""meta.client_id":"user/1001""#));
        assert!(matches(r#""meta.project":"other","meta.project":"acme""#));
        assert!(!matches(r#""meta.project":"acme-labs/x""#));
        assert!(!matches(r#""username":"alice","meta.project":"evil/x""#));
        assert!(!matches(r#""user_id":11001"#));
        assert_eq!(answer(r#"{"meta.project":"acme"}"#), Answer::Withhold);
        assert_eq!(
            answer(&format!(r#"{{{time},"meta.project":"acme","username":["x"]}}"#)),
            Answer::Withhold
        );
        assert_eq!(
            answer(&format!(r#"{{{time},"meta.project":["acme"]}}"#)),
            Answer::Either
        );
        assert_eq!(answer("nonsense"), Answer::Either);
        assert_eq!(
            answer(r#"{"time":"2026-11-02T00:00:00Z","meta.project":"acme"}"#),
            Answer::NoMatch
        );
    }

    #[test]
    fn globs_fit_whole_texts() {
        assert!(fits("a*c", "abbc") && fits("*", "") && fits("*#show", "A#show"));
        assert!(!fits("a*c", "abbcd") && !fits("", "a"));
    }
}
