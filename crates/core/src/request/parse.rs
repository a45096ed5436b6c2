//! From the located tree to a [`Request`].

use std::collections::HashSet;
use std::hash::Hash;
use std::path::Path;

use decostop_profile::{Profile, Scope};
use ipnet::IpNet;

use super::node::{Document, Entry, Node, Value};
use super::{
    AdHoc, Customer, Disclosure, Exception, Exclude, Fault, Instant, ProjectRef, Request, Select, UserRef,
    VERSION, Window, conditions, events, near, scope,
};
use crate::{Error, ErrorKind};

/// Keys of each table, in the order in which they are explained.
pub(super) const REQUEST_KEYS: &[&str] = &[
    "version", "id", "requested_at", "ad_hoc", "customer", "scope", "window", "select", "disclosure", "exception",
];
pub(super) const CUSTOMER_KEYS: &[&str] = &["name", "plan", "billing", "reference"];
pub(super) const WINDOW_KEYS: &[&str] = &["from", "to"];
pub(super) const SELECT_KEYS: &[&str] = &[
    "namespaces",
    "projects",
    "users",
    "events",
    "sources",
    "ips",
    "token_ids",
    "correlation_ids",
    "exclude",
];
pub(super) const EXCLUDE_KEYS: &[&str] = &["namespaces", "projects", "users", "events", "ips"];
pub(super) const DISCLOSURE_KEYS: &[&str] = &["personal_data"];
pub(super) const EXCEPTION_KEYS: &[&str] = &["condition", "reason", "approved_by"];

/// Longest name, path or other single value, in bytes.
const MAX_VALUE_BYTES: usize = 1024;

/// Reads a whole request.
pub(super) fn request(doc: &Document<'_>, base: &Path, profile: Option<&Profile>) -> Result<Request, Error> {
    let root = doc.read()?;
    let top = Fields::new(doc, &root, "", REQUEST_KEYS)?;

    let version = top.need("version")?;
    match version.value {
        Value::Integer(Some(number)) if number == i64::from(VERSION) => {}
        Value::Integer(_) => {
            return Err(top.fault(version, "version", Fault::new("only version 1 of the format is known")));
        }
        _ => return Err(top.wrong(version, "version", "the integer 1")),
    }
    let ad_hoc = top.optional("ad_hoc", boolean)?.unwrap_or(false);
    let request = Request {
        version: VERSION,
        id: top.required("id", line)?,
        requested_at: top.required("requested_at", instant)?,
        customer: top.table("customer", CUSTOMER_KEYS, customer)?,
        scope: top.table("scope", scope::SCOPE_KEYS, |table| scope::scope(table, base))?.unwrap_or_default(),
        evidence: top.table("scope", scope::SCOPE_KEYS, evidence)?.unwrap_or_default(),
        window: top.table("window", WINDOW_KEYS, window)?.unwrap_or_default(),
        selects: top.tables("select", SELECT_KEYS, |table| select(table, profile))?,
        disclosure: top.table("disclosure", DISCLOSURE_KEYS, disclosure)?.unwrap_or_default(),
        exceptions: top.tables("exception", EXCEPTION_KEYS, exception)?,
        ad_hoc,
    };
    finish(&top, request)
}

/// What depends on several keys at once.
fn finish(top: &Fields<'_>, request: Request) -> Result<Request, Error> {
    if let Some(second) = duplicate(request.exceptions.iter().map(|exception| &exception.condition))
        && let Some(Entry { node: Node { value: Value::List(items), .. }, .. }) = top.entry("exception")
        && let Some(item) = items.get(second)
    {
        return Err(top.fault(item, "exception", Fault::new("this condition is set aside twice")));
    }
    if !request.ad_hoc {
        return match request.customer {
            Some(_) => Ok(request),
            None => Err(top.missing("customer", "the table [customer] is missing")),
        };
    }
    // What an ad-hoc look leaves behind must read back, but must never be a way round the conditions.
    for (key, given) in [
        ("customer", request.customer.is_some()),
        ("scope", request.scope != Scope::default() || !request.evidence.is_empty()),
        ("disclosure", request.disclosure.personal_data),
        ("exception", !request.exceptions.is_empty()),
    ] {
        if given && let Some(entry) = top.entry(key) {
            return Err(top.doc.error(entry.at, key, "an ad-hoc request has nothing in scope and discloses nothing"));
        }
    }
    Ok(request)
}

fn customer(table: &Fields<'_>) -> Result<Customer, Error> {
    Ok(Customer {
        name: table.required("name", line)?,
        plan: table.required("plan", line)?,
        billing: table.required("billing", line)?,
        reference: table.optional("reference", line)?,
    })
}

fn evidence(table: &Fields<'_>) -> Result<String, Error> {
    // Empty evidence is a matter of the conditions, which say what is missing.
    Ok(table.optional("evidence", |node| Ok(text(node)?.trim().to_owned()))?.unwrap_or_default())
}

fn window(table: &Fields<'_>) -> Result<Window, Error> {
    Ok(Window { from: table.optional("from", instant)?, to: table.optional("to", instant)? })
}

fn disclosure(table: &Fields<'_>) -> Result<Disclosure, Error> {
    Ok(Disclosure { personal_data: table.optional("personal_data", boolean)?.unwrap_or(false) })
}

fn exception(table: &Fields<'_>) -> Result<Exception, Error> {
    Ok(Exception {
        condition: table.required("condition", condition)?,
        reason: table.required("reason", line)?,
        approved_by: table.required("approved_by", line)?,
    })
}

fn condition(node: &Node) -> Result<String, Fault> {
    let name = line(node)?;
    let known = || conditions::IDS.iter().copied().chain([conditions::NEXUS]);
    if known().any(|id| id == name) {
        return Ok(name);
    }
    let fault = Fault::new(format!("unknown condition \"{}\"", name.escape_debug()));
    let near = near::nearest(&name, known());
    Err(fault.hint(near::did_you_mean(&near).unwrap_or_else(|| known_list("the conditions are", known()))))
}

fn select(table: &Fields<'_>, profile: Option<&Profile>) -> Result<Select, Error> {
    let event = |node: &Node| event(node, profile);
    let source = |node: &Node| source(node, profile);
    Ok(Select {
        namespaces: table.distinct("namespaces", path, folded)?,
        projects: table.distinct("projects", project_ref, project_key)?,
        users: table.distinct("users", user_ref, user_key)?,
        events: table.distinct("events", event, Clone::clone)?,
        sources: table.distinct("sources", source, Clone::clone)?,
        ips: table.distinct("ips", address, |net| *net)?,
        token_ids: table.distinct("token_ids", text_or_id, Clone::clone)?,
        correlation_ids: table.distinct("correlation_ids", line, Clone::clone)?,
        exclude: table.table("exclude", EXCLUDE_KEYS, |table| exclude(table, profile))?.unwrap_or_default(),
    })
}

fn exclude(table: &Fields<'_>, profile: Option<&Profile>) -> Result<Exclude, Error> {
    Ok(Exclude {
        namespaces: table.distinct("namespaces", path, folded)?,
        projects: table.distinct("projects", project_ref, project_key)?,
        users: table.distinct("users", user_ref, user_key)?,
        events: table.distinct("events", |node| event(node, profile), Clone::clone)?,
        ips: table.distinct("ips", address, |net| *net)?,
    })
}

fn event(node: &Node, profile: Option<&Profile>) -> Result<String, Fault> {
    let pattern = line(node)?;
    events::well_formed(&pattern)?;
    profile.map_or(Ok(()), |profile| events::known(&pattern, profile))?;
    Ok(pattern)
}

fn source(node: &Node, profile: Option<&Profile>) -> Result<String, Fault> {
    let name = line(node)?;
    profile.map_or(Ok(()), |profile| events::known_source(&name, profile))?;
    Ok(name)
}

/// An ad-hoc look's request.
pub(super) fn ad_hoc(flags: &AdHoc, profile: &Profile, now: Instant) -> Result<Request, Error> {
    let each = |flag: &'static str, values: &[String]| -> Result<Vec<String>, Error> {
        values.iter().map(|value| check_line(value).map_err(|fault| fault.into_error(flag))).collect()
    };
    let paths = |flag: &'static str, values: &[String]| -> Result<Vec<String>, Error> {
        values.iter().map(|value| check_path(value).map_err(|fault| fault.into_error(flag))).collect()
    };
    let time = |flag: &'static str, value: &Option<String>| -> Result<Option<Instant>, Error> {
        let read = |text: &String| {
            Instant::parse_relative(text, now).map_err(|error| {
                Fault::new(error.to_string()).hint("or a span back from now, such as 24h or 7d").into_error(flag)
            })
        };
        value.as_ref().map(read).transpose()
    };
    let mut select = Select {
        namespaces: paths("--namespace", &flags.namespaces)?,
        events: each("--event", &flags.events)?,
        sources: each("--source", &flags.sources)?,
        ..Select::default()
    };
    for value in &flags.projects {
        let number = value.bytes().all(|byte| byte.is_ascii_digit());
        let project = match value.parse() {
            Ok(id) if number && id > 0 => Ok(ProjectRef::Id(id)),
            _ => check_path(value).map(ProjectRef::Path),
        };
        select.projects.push(project.map_err(|fault| fault.into_error("--project"))?);
    }
    for value in &flags.users {
        let number = value.bytes().all(|byte| byte.is_ascii_digit());
        let user = match value.parse() {
            Ok(id) if number && id > 0 => Ok(UserRef::Id(id)),
            _ => check_user(value).map(UserRef::Name),
        };
        select.users.push(user.map_err(|fault| fault.into_error("--user"))?);
    }
    for pattern in &select.events {
        events::well_formed(pattern)
            .and_then(|()| events::known(pattern, profile))
            .map_err(|fault| fault.into_error("--event"))?;
    }
    for name in &select.sources {
        events::known_source(name, profile).map_err(|fault| fault.into_error("--source"))?;
    }
    once(&mut select.namespaces, folded);
    once(&mut select.projects, project_key);
    once(&mut select.users, user_key);
    once(&mut select.events, Clone::clone);
    once(&mut select.sources, Clone::clone);
    let window = Window { from: time("--since", &flags.since)?, to: time("--until", &flags.until)? };
    if let (Some(from), Some(to)) = (window.from, window.to)
        && from >= to
    {
        return Err(Fault::new("must lie after --since").into_error("--until"));
    }
    Ok(Request {
        version: VERSION,
        id: "ad-hoc".to_owned(),
        requested_at: now,
        customer: None,
        scope: Scope::default(),
        evidence: String::new(),
        window,
        selects: vec![select],
        disclosure: Disclosure::default(),
        exceptions: Vec::new(),
        ad_hoc: true,
    })
}

/// Keeps the first of equal values: a flag given twice is no mistake.
fn once<T, K: Eq + Hash>(values: &mut Vec<T>, key: impl Fn(&T) -> K) {
    let mut seen = HashSet::new();
    values.retain(|value| seen.insert(key(value)));
}

// --- tables ---------------------------------------------------------------------------------

/// A table whose keys are all known.
pub(super) struct Fields<'n> {
    pub(super) doc: &'n Document<'n>,
    entries: &'n [Entry],
    at: usize,
    place: String,
}

impl<'n> Fields<'n> {
    /// A table under the dotted name `place`.
    pub(super) fn new(doc: &'n Document<'n>, node: &'n Node, place: &str, known: &[&str]) -> Result<Self, Error> {
        let Value::Table(entries) = &node.value else {
            return Err(doc.error(node.at, place, &format!("expected a table, found {}", node.value.kind())));
        };
        let fields = Self { doc, entries, at: node.at, place: place.to_owned() };
        match entries.iter().find(|entry| !known.contains(&entry.key.as_str())) {
            None => Ok(fields),
            Some(entry) => {
                let near = near::nearest(&entry.key, known.iter().copied());
                let hint = near::did_you_mean(&near)
                    .unwrap_or_else(|| known_list("the keys here are", known.iter().copied()));
                let name: String = entry.key.chars().take(64).collect();
                let key = fields.key(&name.escape_debug().to_string());
                Err(doc.error(entry.at, &key, "unknown key").hint(hint))
            }
        }
    }

    fn key(&self, key: &str) -> String {
        if self.place.is_empty() { key.to_owned() } else { format!("{}.{key}", self.place) }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    fn fault(&self, node: &Node, key: &str, fault: Fault) -> Error {
        self.error(node.at, key, fault)
    }

    pub(super) fn error(&self, at: usize, key: &str, fault: Fault) -> Error {
        let error = self.doc.error(at, &self.key(key), &fault.reason);
        match fault.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    fn wrong(&self, node: &Node, key: &str, want: &str) -> Error {
        self.fault(node, key, wrong(node, want))
    }

    pub(super) fn missing(&self, key: &str, reason: &str) -> Error {
        self.doc.error(self.at, &self.key(key), reason)
    }

    fn need(&self, key: &str) -> Result<&'n Node, Error> {
        self.entry(key).map(|entry| &entry.node).ok_or_else(|| self.missing(key, "this key is missing"))
    }

    /// A value that must be there.
    pub(super) fn required<T>(&self, key: &str, read: impl Fn(&Node) -> Result<T, Fault>) -> Result<T, Error> {
        let node = self.need(key)?;
        read(node).map_err(|fault| self.fault(node, key, fault))
    }

    /// A value that may be absent.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        read: impl Fn(&Node) -> Result<T, Fault>,
    ) -> Result<Option<T>, Error> {
        let read = |entry: &Entry| read(&entry.node).map_err(|fault| self.fault(&entry.node, key, fault));
        self.entry(key).map(read).transpose()
    }

    /// The items of a list that may be absent but not empty, each with its node.
    pub(super) fn list(&self, key: &str) -> Result<&'n [Node], Error> {
        let Some(entry) = self.entry(key) else { return Ok(&[]) };
        match &entry.node.value {
            Value::List(items) if items.is_empty() => {
                let fault = Fault::new("an empty list").hint("leave the key out if nothing is meant");
                Err(self.fault(&entry.node, key, fault))
            }
            Value::List(items) => Ok(items),
            _ => Err(self.wrong(&entry.node, key, "a list")),
        }
    }

    /// A list of values that differ under `identity`.
    pub(super) fn distinct<T, K: Eq + Hash>(
        &self,
        key: &str,
        read: impl Fn(&Node) -> Result<T, Fault>,
        identity: impl Fn(&T) -> K,
    ) -> Result<Vec<T>, Error> {
        let items = self.list(key)?;
        let mut seen = HashSet::new();
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let value = read(item).map_err(|fault| self.fault(item, key, fault))?;
            if !seen.insert(identity(&value)) {
                return Err(self.fault(item, key, Fault::new("this entry is listed twice")));
            }
            values.push(value);
        }
        Ok(values)
    }

    /// A table that may be absent.
    pub(super) fn table<T>(
        &self,
        key: &str,
        known: &[&str],
        read: impl Fn(&Fields<'n>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let read = |entry: &'n Entry| read(&Fields::new(self.doc, &entry.node, &self.key(key), known)?);
        self.entry(key).map(read).transpose()
    }

    /// A list of tables that may be absent.
    fn tables<T>(
        &self,
        key: &str,
        known: &[&str],
        read: impl Fn(&Fields<'n>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let items = self.list(key)?;
        items.iter().map(|item| read(&Fields::new(self.doc, item, &self.key(key), known)?)).collect()
    }
}

fn known_list<'k>(lead: &str, known: impl Iterator<Item = &'k str>) -> String {
    format!("{lead} {}", known.collect::<Vec<_>>().join(", "))
}

/// The place of the first value that occurred before.
fn duplicate<K: Eq + Hash>(mut values: impl Iterator<Item = K>) -> Option<usize> {
    let mut seen = HashSet::new();
    values.position(|value| !seen.insert(value))
}

// --- values ---------------------------------------------------------------------------------

fn wrong(node: &Node, want: &str) -> Fault {
    Fault::new(format!("expected {want}, found {}", node.value.kind()))
}

pub(super) fn boolean(node: &Node) -> Result<bool, Fault> {
    match node.value {
        Value::Bool(yes) => Ok(yes),
        _ => Err(wrong(node, "true or false")),
    }
}

fn text(node: &Node) -> Result<&str, Fault> {
    match &node.value {
        Value::Text(text) => Ok(text),
        _ => Err(wrong(node, "a string")),
    }
}

/// A non-empty text of one line.
pub(super) fn line(node: &Node) -> Result<String, Fault> {
    check_line(text(node)?)
}

pub(super) fn check_line(text: &str) -> Result<String, Fault> {
    if text.trim().is_empty() {
        return Err(Fault::new("an empty string"));
    }
    if text.len() > MAX_VALUE_BYTES {
        return Err(Fault::new(format!("longer than {MAX_VALUE_BYTES} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::new("holds a control character"));
    }
    if text.trim() != text {
        return Err(Fault::new("begins or ends with a space"));
    }
    Ok(text.to_owned())
}

pub(super) fn instant(node: &Node) -> Result<Instant, Fault> {
    match &node.value {
        Value::Time(time) => Instant::from_datetime(time),
        Value::Text(text) => Instant::parse(text),
        _ => return Err(wrong(node, "a date and time")),
    }
    .map_err(|error| Fault::new(error.to_string()))
}

/// As [`instant`], and a date means its first instant in UTC.
pub(super) fn instant_or_date(node: &Node) -> Result<Instant, Fault> {
    match &node.value {
        Value::Time(time) => Instant::from_datetime_or_date(time),
        Value::Text(text) => Instant::parse_or_date(text),
        _ => return Err(wrong(node, "a date or time")),
    }
    .map_err(|error| Fault::new(error.to_string()))
}

/// An id: a positive integer.
pub(super) fn id(node: &Node) -> Result<u64, Fault> {
    match node.value {
        Value::Integer(Some(number)) => u64::try_from(number).ok().filter(|&id| id > 0).ok_or_else(|| {
            Fault::new("an id is a positive integer")
        }),
        Value::Integer(None) => Err(Fault::new("an id of more than 63 bits")),
        _ => Err(wrong(node, "an integer")),
    }
}

fn text_or_id(node: &Node) -> Result<String, Fault> {
    match node.value {
        Value::Integer(_) => id(node).map(|id| id.to_string()),
        Value::Text(_) => line(node),
        _ => Err(wrong(node, "a string or an integer")),
    }
}

/// A path of a namespace or project.
pub(super) fn path(node: &Node) -> Result<String, Fault> {
    check_path(text(node)?)
}

pub(super) fn check_path(text: &str) -> Result<String, Fault> {
    let path = check_line(text)?;
    if path.contains("://") {
        return Err(Fault::new("a URL; a path is what follows the host, such as acme/payments"));
    }
    if path.starts_with('/') || path.ends_with('/') {
        return Err(Fault::new("a path neither begins nor ends with `/`"));
    }
    if path.contains('*') {
        return Err(Fault::new("a path is no glob").hint("a namespace stands for everything below it"));
    }
    if path.contains(|letter: char| letter.is_whitespace() || "?#%\\".contains(letter)) {
        return Err(Fault::new("a path holds no space, `?`, `#`, `%` or `\\`"));
    }
    for segment in path.split('/') {
        match segment {
            "" => return Err(Fault::new("a path has no empty segments")),
            "." | ".." | "-" => {
                return Err(Fault::new(format!("`{segment}` is no segment of a namespace or project path")));
            }
            _ => {}
        }
    }
    Ok(path)
}

/// A user name; a leading `@` is dropped.
pub(super) fn check_user(text: &str) -> Result<String, Fault> {
    let name = check_line(text)?;
    match name.strip_prefix('@') {
        Some(name) if name.starts_with('@') => Err(Fault::new("not a user name")),
        Some(name) => check_line(name),
        None => Ok(name),
    }
}

fn user_ref(node: &Node) -> Result<UserRef, Fault> {
    match &node.value {
        Value::Integer(_) => id(node).map(UserRef::Id),
        Value::Text(name) => check_user(name).map(UserRef::Name),
        _ => Err(wrong(node, "a user name or an id")),
    }
}

fn project_ref(node: &Node) -> Result<ProjectRef, Fault> {
    match &node.value {
        Value::Integer(_) => id(node).map(ProjectRef::Id),
        Value::Text(path) => check_path(path).map(ProjectRef::Path),
        _ => Err(wrong(node, "a project path or an id")),
    }
}

/// An address or a range. Addresses of IPv4 in IPv6 are taken as IPv4.
fn address(node: &Node) -> Result<IpNet, Fault> {
    let text = line(node)?;
    let not = || Fault::new("not an IP address or a range such as 203.0.113.0/24");
    if !text.contains('/') {
        return text.parse::<std::net::IpAddr>().map(|ip| IpNet::from(ip.to_canonical())).map_err(|_| not());
    }
    let net: IpNet = text.parse().map_err(|_| not())?;
    if net.prefix_len() == 0 {
        return Err(Fault::new("this range holds every address"));
    }
    if net.trunc() != net {
        return Err(Fault::new("this range has bits set behind its prefix")
            .hint("write its first address, or one address without `/`"));
    }
    // `::ffff:203.0.113.0/120` is what IPv4 looks like to a dual-stack listener.
    let mapped = match net {
        IpNet::V6(v6) => v6.addr().to_ipv4_mapped().zip(v6.prefix_len().checked_sub(96)),
        IpNet::V4(_) => None,
    };
    Ok(mapped.and_then(|(ip, prefix)| IpNet::new(ip.into(), prefix).ok()).unwrap_or(net))
}

pub(super) fn folded(text: &String) -> String {
    text.to_lowercase()
}

fn user_key(user: &UserRef) -> UserRef {
    match user {
        UserRef::Name(name) => UserRef::Name(name.to_lowercase()),
        UserRef::Id(id) => UserRef::Id(*id),
    }
}

fn project_key(project: &ProjectRef) -> ProjectRef {
    match project {
        ProjectRef::Path(path) => ProjectRef::Path(path.to_lowercase()),
        ProjectRef::Id(id) => ProjectRef::Id(*id),
    }
}

/// A fault as the error of a file that a request names.
pub(super) fn in_file(path: &Path, line: u64, column: &str, fault: Fault) -> Error {
    let at = crate::Origin { path: path.to_owned(), offset: None };
    let error = Error::new(ErrorKind::Config, format!("line {line}: {column}: {}", fault.reason)).at(at);
    match fault.hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
