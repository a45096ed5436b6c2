//! The `[scope]` table and the files that it names.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use decostop_profile::{NamespaceScope, ProjectScope, Scope, UserScope};

use super::fields::Fields;
use super::files::{self, Row};
use super::node::{Node, Value};
use super::values;
use super::{Fault, Instant};
use crate::Error;

pub(super) const SCOPE_KEYS: &[&str] = &[
    "namespaces",
    "projects",
    "projects_file",
    "users",
    "users_file",
    "evidence",
];
pub(super) const PATH_KEYS: &[&str] = &["path", "id", "since", "until", "formerly"];
pub(super) const USER_KEYS: &[&str] = &["username", "id", "emails", "names", "since", "until", "formerly"];

/// Largest file of projects or users, in bytes: some millions of rows.
const MAX_FILE_BYTES: u64 = 256 << 20;

/// Reads the whole table.
pub(super) fn scope(table: &Fields<'_>, base: &Path) -> Result<Scope, Error> {
    let mut scope = Scope::default();
    let mut seen = Seen::default();
    for node in table.list("namespaces")? {
        let entry = path_entry(table, node, "namespaces")?;
        if entry.path.is_empty() {
            return Err(table
                .doc
                .error(node.at, "scope.namespaces.path", "this key is missing"));
        }
        seen.add(
            &entry.path,
            entry.id,
            entry.since.as_deref(),
            entry.until.as_deref(),
        )
        .map_err(|reason| table.doc.error(node.at, "scope.namespaces", reason))?;
        scope.namespaces.push(NamespaceScope {
            path: entry.path,
            id: entry.id,
            since: entry.since,
            until: entry.until,
            formerly: entry.formerly,
        });
    }

    let mut seen = Seen::default();
    for node in table.list("projects")? {
        let entry = path_entry(table, node, "projects")?;
        seen.add(
            &entry.path,
            entry.id,
            entry.since.as_deref(),
            entry.until.as_deref(),
        )
        .map_err(|reason| table.doc.error(node.at, "scope.projects", reason))?;
        scope.projects.push(entry);
    }
    if let Some(name) = table.optional("projects_file", values::line)? {
        let path = base.join(name);
        files::table(&path, MAX_FILE_BYTES, PATH_KEYS, &["path", "id"], &mut |row| {
            let entry = project_row(&path, row)?;
            seen.add(
                &entry.path,
                entry.id,
                entry.since.as_deref(),
                entry.until.as_deref(),
            )
            .map_err(|reason| values::in_file(&path, row.line, "path", Fault::new(reason)))?;
            scope.projects.push(entry);
            Ok(())
        })?;
    }

    let mut seen = Seen::default();
    for node in table.list("users")? {
        let entry = user_entry(table, node)?;
        seen.add(
            &entry.username,
            entry.id,
            entry.since.as_deref(),
            entry.until.as_deref(),
        )
        .map_err(|reason| table.doc.error(node.at, "scope.users", reason))?;
        scope.users.push(entry);
    }
    if let Some(name) = table.optional("users_file", values::line)? {
        let path = base.join(name);
        files::table(
            &path,
            MAX_FILE_BYTES,
            USER_KEYS,
            &["username", "id"],
            &mut |row| {
                let entry = user_row(&path, row)?;
                seen.add(
                    &entry.username,
                    entry.id,
                    entry.since.as_deref(),
                    entry.until.as_deref(),
                )
                .map_err(|reason| values::in_file(&path, row.line, "username", Fault::new(reason)))?;
                scope.users.push(entry);
                Ok(())
            },
        )?;
    }
    Ok(scope)
}

fn path_entry(table: &Fields<'_>, node: &Node, key: &str) -> Result<ProjectScope, Error> {
    if let Value::Text(text) = &node.value {
        let path = values::check_path(text).map_err(|fault| table.error(node.at, key, fault))?;
        return Ok(ProjectScope {
            path,
            ..ProjectScope::default()
        });
    }
    let entry = Fields::new(table.doc, node, &format!("scope.{key}"), PATH_KEYS)?;
    let path = entry.optional("path", values::path)?;
    let id = entry.optional("id", values::id)?;
    if path.is_none() && id.is_none() {
        return Err(entry.missing("path", "this key is missing"));
    }
    let (since, until) = validity(&entry)?;
    let formerly = entry.distinct("formerly", values::path, |text| values::folded(text))?;
    let path = path.unwrap_or_default();
    not_itself(&entry, &formerly, &path)?;
    Ok(ProjectScope {
        path,
        id,
        since,
        until,
        formerly,
    })
}

fn user_entry(table: &Fields<'_>, node: &Node) -> Result<UserScope, Error> {
    if let Value::Text(text) = &node.value {
        let username = values::check_user(text).map_err(|fault| table.error(node.at, "users", fault))?;
        return Ok(UserScope {
            username,
            ..UserScope::default()
        });
    }
    let entry = Fields::new(table.doc, node, "scope.users", USER_KEYS)?;
    let username = entry.optional("username", |node| values::check_user(&values::line(node)?))?;
    let id = entry.optional("id", values::id)?;
    if username.is_none() && id.is_none() {
        return Err(entry.missing("username", "this key is missing"));
    }
    let (since, until) = validity(&entry)?;
    let username = username.unwrap_or_default();
    let formerly = entry.distinct(
        "formerly",
        |node| values::check_user(&values::line(node)?),
        |text| values::folded(text),
    )?;
    not_itself(&entry, &formerly, &username)?;
    Ok(UserScope {
        username,
        id,
        emails: entry.distinct(
            "emails",
            |node| check_email(&values::line(node)?),
            |text| values::folded(text),
        )?,
        names: entry.distinct("names", values::line, Clone::clone)?,
        since,
        until,
        formerly,
    })
}

fn not_itself(entry: &Fields<'_>, formerly: &[String], name: &str) -> Result<(), Error> {
    match entry.entry("formerly") {
        Some(key)
            if formerly
                .iter()
                .any(|old| old.to_lowercase() == name.to_lowercase()) =>
        {
            Err(entry.error(
                key.node.at,
                "formerly",
                Fault::new("the entry itself is among its earlier names"),
            ))
        }
        _ => Ok(()),
    }
}

/// `since` and `until`, written in one way.
fn validity(entry: &Fields<'_>) -> Result<(Option<String>, Option<String>), Error> {
    let since = entry.optional("since", values::instant_or_date)?;
    let until = entry.optional("until", values::instant_or_date)?;
    if let (Some(since), Some(until), Some(key)) = (since, until, entry.entry("until"))
        && since >= until
    {
        return Err(entry.error(key.node.at, "until", Fault::new("must lie after `since`")));
    }
    Ok((since.map(|at| at.to_string()), until.map(|at| at.to_string())))
}

fn check_email(text: &str) -> Result<String, Fault> {
    match text.split_once('@') {
        Some((local, domain))
            if !local.is_empty()
                && !domain.is_empty()
                && !text.contains(|c: char| c.is_whitespace() || c == ',') =>
        {
            Ok(text.to_owned())
        }
        _ => Err(Fault::new("not an e-mail address")),
    }
}

// --- rows of files --------------------------------------------------------------------------

fn project_row(path: &Path, row: &Row<'_>) -> Result<ProjectScope, Error> {
    let entry = ProjectScope {
        path: cell(path, row, "path", values::check_path)?.unwrap_or_default(),
        id: cell(path, row, "id", row_id)?,
        since: cell(path, row, "since", row_time)?,
        until: cell(path, row, "until", row_time)?,
        formerly: cells(path, row, "formerly", values::check_path)?,
    };
    row_validity(path, row, entry.since.as_deref(), entry.until.as_deref())?;
    if entry.path.is_empty() && entry.id.is_none() {
        return Err(values::in_file(
            path,
            row.line,
            "path",
            Fault::new("neither a path nor an id"),
        ));
    }
    Ok(entry)
}

fn user_row(path: &Path, row: &Row<'_>) -> Result<UserScope, Error> {
    let entry = UserScope {
        username: cell(path, row, "username", values::check_user)?.unwrap_or_default(),
        id: cell(path, row, "id", row_id)?,
        emails: cells(path, row, "emails", check_email)?,
        names: cells(path, row, "names", values::check_line)?,
        since: cell(path, row, "since", row_time)?,
        until: cell(path, row, "until", row_time)?,
        formerly: cells(path, row, "formerly", values::check_user)?,
    };
    row_validity(path, row, entry.since.as_deref(), entry.until.as_deref())?;
    if entry.username.is_empty() && entry.id.is_none() {
        return Err(values::in_file(
            path,
            row.line,
            "username",
            Fault::new("neither a user name nor an id"),
        ));
    }
    Ok(entry)
}

fn cell<T>(
    path: &Path,
    row: &Row<'_>,
    column: &str,
    read: impl Fn(&str) -> Result<T, Fault>,
) -> Result<Option<T>, Error> {
    let Some(text) = row.cell(column) else {
        return Ok(None);
    };
    read(text)
        .map(Some)
        .map_err(|fault| values::in_file(path, row.line, column, fault))
}

/// Several values in one cell, separated by `;`. Repeated ones count once.
fn cells(
    path: &Path,
    row: &Row<'_>,
    column: &str,
    read: impl Fn(&str) -> Result<String, Fault>,
) -> Result<Vec<String>, Error> {
    let mut seen = HashSet::new();
    let mut values = Vec::new();
    for part in row
        .cell(column)
        .unwrap_or_default()
        .split(';')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let value = read(part).map_err(|fault| values::in_file(path, row.line, column, fault))?;
        if seen.insert(value.to_lowercase()) {
            values.push(value);
        }
    }
    Ok(values)
}

pub(super) fn row_id(text: &str) -> Result<u64, Fault> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse::<i64>() {
        Ok(id) if digits && id > 0 => Ok(id.unsigned_abs()),
        _ => Err(Fault::new("an id is a positive integer")),
    }
}

fn row_time(text: &str) -> Result<String, Fault> {
    Instant::parse_or_date(text)
        .map(|at| at.to_string())
        .map_err(|error| Fault::new(error.to_string()))
}

fn row_validity(path: &Path, row: &Row<'_>, since: Option<&str>, until: Option<&str>) -> Result<(), Error> {
    match period(since, until) {
        (Some(since), Some(until)) if since >= until => Err(values::in_file(
            path,
            row.line,
            "until",
            Fault::new("must lie after `since`"),
        )),
        _ => Ok(()),
    }
}

/// Both ends as instants.
pub(super) fn period(since: Option<&str>, until: Option<&str>) -> (Option<Instant>, Option<Instant>) {
    let read = |text: &str| Instant::parse_or_date(text).ok();
    (since.and_then(read), until.and_then(read))
}

/// Names and ids taken so far. The same name or id may stand twice only for periods that do not
/// overlap, as when a path was given up and taken again.
#[derive(Default)]
struct Seen {
    names: HashMap<String, Vec<(Instant, Instant)>>,
    ids: HashMap<u64, Vec<(Instant, Instant)>>,
}

impl Seen {
    fn add(
        &mut self,
        name: &str,
        id: Option<u64>,
        since: Option<&str>,
        until: Option<&str>,
    ) -> Result<(), &'static str> {
        let (since, until) = period(since, until);
        let period = (
            since.unwrap_or(Instant(i64::MIN)),
            until.unwrap_or(Instant(i64::MAX)),
        );
        if !name.is_empty() && overlaps(self.names.entry(name.to_lowercase()).or_default(), period) {
            return Err("this entry is listed twice");
        }
        if let Some(id) = id
            && overlaps(self.ids.entry(id).or_default(), period)
        {
            return Err("this id is listed twice; earlier names of one account belong under `formerly`");
        }
        Ok(())
    }
}

fn overlaps(taken: &mut Vec<(Instant, Instant)>, period: (Instant, Instant)) -> bool {
    let found = taken
        .iter()
        .any(|&(since, until)| since < period.1 && period.0 < until);
    taken.push(period);
    found
}
