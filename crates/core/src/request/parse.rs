//! From the located tree to a [`Request`].

use std::collections::HashSet;
use std::hash::Hash;
use std::path::Path;

use decostop_profile::{Profile, Scope};

use super::fields::{Fields, duplicate, known_list};
use super::node::{Document, Entry, Node, Value};
use super::values::{
    address, boolean, check_line, check_path, check_user, folded, instant, line, path, project_key,
    project_ref, text, text_or_id, user_key, user_ref,
};
use super::{
    AdHoc, Customer, Disclosure, Exception, Exclude, Fault, Instant, ProjectRef, Request, Select, UserRef,
    VERSION, Window, conditions, events, near, scope,
};
use crate::Error;

/// Keys of each table, in the order in which they are explained.
pub(super) const REQUEST_KEYS: &[&str] = &[
    "version",
    "id",
    "requested_at",
    "ad_hoc",
    "customer",
    "scope",
    "window",
    "select",
    "disclosure",
    "exception",
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

/// Reads a whole request.
pub(super) fn request(doc: &Document<'_>, base: &Path, profile: Option<&Profile>) -> Result<Request, Error> {
    let root = doc.read()?;
    let top = Fields::new(doc, &root, "", REQUEST_KEYS)?;

    let version = top.need("version")?;
    match version.value {
        Value::Integer(Some(number)) if number == i64::from(VERSION) => {}
        Value::Integer(_) => {
            return Err(top.fault(
                version,
                "version",
                Fault::new("only version 1 of the format is known"),
            ));
        }
        _ => return Err(top.wrong(version, "version", "the integer 1")),
    }
    let ad_hoc = top.optional("ad_hoc", boolean)?.unwrap_or(false);
    let request = Request {
        version: VERSION,
        id: top.required("id", line)?,
        requested_at: top.required("requested_at", instant)?,
        customer: top.table("customer", CUSTOMER_KEYS, customer)?,
        scope: top
            .table("scope", scope::SCOPE_KEYS, |table| scope::scope(table, base))?
            .unwrap_or_default(),
        evidence: top
            .table("scope", scope::SCOPE_KEYS, evidence)?
            .unwrap_or_default(),
        window: top.table("window", WINDOW_KEYS, window)?.unwrap_or_default(),
        selects: top.tables("select", SELECT_KEYS, |table| select(table, profile))?,
        disclosure: top
            .table("disclosure", DISCLOSURE_KEYS, disclosure)?
            .unwrap_or_default(),
        exceptions: top.tables("exception", EXCEPTION_KEYS, exception)?,
        ad_hoc,
    };
    finish(&top, request)
}

/// What depends on several keys at once.
fn finish(top: &Fields<'_>, request: Request) -> Result<Request, Error> {
    if let Some(second) = duplicate(request.exceptions.iter().map(|exception| &exception.condition))
        && let Some(Entry {
            node: Node {
                value: Value::List(items),
                ..
            },
            ..
        }) = top.entry("exception")
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
        (
            "scope",
            request.scope != Scope::default() || !request.evidence.is_empty(),
        ),
        ("disclosure", request.disclosure.personal_data),
        ("exception", !request.exceptions.is_empty()),
    ] {
        if given && let Some(entry) = top.entry(key) {
            return Err(top.doc.error(
                entry.at,
                key,
                "an ad-hoc request has nothing in scope and discloses nothing",
            ));
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
    let read = |node: &Node| match text(node)?.trim() {
        "" => Ok(String::new()),
        evidence => check_line(evidence),
    };
    Ok(table.optional("evidence", read)?.unwrap_or_default())
}

fn window(table: &Fields<'_>) -> Result<Window, Error> {
    Ok(Window {
        from: table.optional("from", instant)?,
        to: table.optional("to", instant)?,
    })
}

fn disclosure(table: &Fields<'_>) -> Result<Disclosure, Error> {
    Ok(Disclosure {
        personal_data: table.optional("personal_data", boolean)?.unwrap_or(false),
    })
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
        namespaces: table.distinct("namespaces", path, |path| folded(path))?,
        projects: table.distinct("projects", project_ref, project_key)?,
        users: table.distinct("users", user_ref, user_key)?,
        events: table.distinct("events", event, Clone::clone)?,
        sources: table.distinct("sources", source, Clone::clone)?,
        ips: table.distinct("ips", address, |net| *net)?,
        token_ids: table.distinct("token_ids", text_or_id, Clone::clone)?,
        correlation_ids: table.distinct("correlation_ids", line, Clone::clone)?,
        exclude: table
            .table("exclude", EXCLUDE_KEYS, |table| exclude(table, profile))?
            .unwrap_or_default(),
    })
}

fn exclude(table: &Fields<'_>, profile: Option<&Profile>) -> Result<Exclude, Error> {
    Ok(Exclude {
        namespaces: table.distinct("namespaces", path, |path| folded(path))?,
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
        values
            .iter()
            .map(|value| check_line(value).map_err(|fault| fault.into_error(flag)))
            .collect()
    };
    let paths = |flag: &'static str, values: &[String]| -> Result<Vec<String>, Error> {
        values
            .iter()
            .map(|value| check_path(value).map_err(|fault| fault.into_error(flag)))
            .collect()
    };
    let time = |flag: &'static str, value: &Option<String>| -> Result<Option<Instant>, Error> {
        let read = |text: &String| {
            Instant::parse_when(text, now, &flags.zone)
                .map_err(|error| Fault::new(error.to_string()).hint(error.hint()).into_error(flag))
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
        select
            .projects
            .push(project.map_err(|fault| fault.into_error("--project"))?);
    }
    for value in &flags.users {
        let number = value.bytes().all(|byte| byte.is_ascii_digit());
        let user = match value.parse() {
            Ok(id) if number && id > 0 => Ok(UserRef::Id(id)),
            _ => check_user(value).map(UserRef::Name),
        };
        select
            .users
            .push(user.map_err(|fault| fault.into_error("--user"))?);
    }
    for pattern in &select.events {
        events::well_formed(pattern)
            .and_then(|()| events::known(pattern, profile))
            .map_err(|fault| fault.into_error("--event"))?;
    }
    for name in &select.sources {
        events::known_source(name, profile).map_err(|fault| fault.into_error("--source"))?;
    }
    once(&mut select.namespaces, |path| folded(path));
    once(&mut select.projects, project_key);
    once(&mut select.users, user_key);
    once(&mut select.events, Clone::clone);
    once(&mut select.sources, Clone::clone);
    let window = Window {
        from: time("--since", &flags.since)?,
        to: time("--until", &flags.until)?,
    };
    if let Some(from) = window.from.filter(|from| *from > now) {
        return Err(
            Fault::new(format!("{from} is in the future: nothing is logged yet"))
                .hint(format!(
                    "it is {now} now, in UTC; --tz says in which zone a time is"
                ))
                .into_error("--since"),
        );
    }
    if let (Some(from), Some(to)) = (window.from, window.to)
        && from >= to
    {
        return Err(
            Fault::new(format!("must lie after --since: {to} is not after {from}"))
                .hint("the window goes from --since up to, but not including, --until")
                .into_error("--until"),
        );
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
