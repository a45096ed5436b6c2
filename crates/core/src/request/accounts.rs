//! `--accounts FILE`: identities known to be foreign, beside those that a dive learns.
//!
//! Two shapes of CSV with a header: `class,value`, or an export with any of the columns `username`,
//! `id`, `email`/`emails`, `name`/`names` and `path`. Several values in one cell are separated by
//! `;`. An `id` beside a path and no user is that of a namespace or project; both are taken.

use std::path::Path;

use decostop_profile::{Class, Values};

use super::files::{self, Row};
use super::scope::row_id;
use super::values::{check_line, check_path, check_user, in_file};
use super::{Fault, near};
use crate::Error;

/// Largest file, in bytes.
const MAX_BYTES: u64 = 1 << 30;

const COLUMNS: &[&str] = &[
    "class", "value", "username", "id", "email", "emails", "name", "names", "path",
];

const CLASSES: &[Class] = &[
    Class::User,
    Class::UserId,
    Class::Name,
    Class::Email,
    Class::Namespace,
    Class::NamespaceId,
    Class::Project,
    Class::ProjectId,
    Class::Ip,
];

/// Reads the file.
///
/// # Errors
///
/// [`crate::ErrorKind::Config`] with file, line and column; never the value.
pub fn read(path: &Path) -> Result<Values, Error> {
    parse(path, &files::read(path, MAX_BYTES)?)
}

/// Reads the file's bytes; `path` is for errors only.
///
/// # Errors
///
/// As [`read`].
pub fn parse(path: &Path, bytes: &[u8]) -> Result<Values, Error> {
    let mut found = Values::new();
    files::each_row(
        path,
        bytes,
        COLUMNS,
        &[
            "value", "username", "id", "email", "emails", "name", "names", "path",
        ],
        &mut |row| account(row, &mut found).map_err(|(column, fault)| in_file(path, row.line, column, fault)),
    )?;
    found.shrink();
    Ok(found)
}

type Faulty = (&'static str, Fault);

fn account(row: &Row<'_>, found: &mut Values) -> Result<(), Faulty> {
    if row.cell("class").is_none() && row.cell("value").is_none() {
        return export(row, found);
    }
    let class = row
        .cell("class")
        .ok_or_else(|| Fault::new("a value without a class"));
    let class = class.and_then(class_of).map_err(|fault| ("class", fault))?;
    let value = row
        .cell("value")
        .ok_or_else(|| Fault::new("a class without a value"));
    let value = value
        .and_then(|value| typed(class, value))
        .map_err(|fault| ("value", fault))?;
    found.push(class, &value);
    Ok(())
}

fn export(row: &Row<'_>, found: &mut Values) -> Result<(), Faulty> {
    let columns = [
        ("username", Class::User),
        ("email", Class::Email),
        ("emails", Class::Email),
        ("name", Class::Name),
        ("names", Class::Name),
        ("path", Class::Namespace),
    ];
    let (mut has_path, mut has_user) = (false, false);
    for (column, class) in columns {
        let Some(cell) = row.cell(column) else { continue };
        for part in cell.split(';').map(str::trim).filter(|part| !part.is_empty()) {
            found.push(class, &typed(class, part).map_err(|fault| (column, fault))?);
            has_path |= class == Class::Namespace;
            has_user |= class != Class::Namespace;
        }
    }
    if let Some(id) = row.cell("id") {
        let id = row_id(id).map_err(|fault| ("id", fault))?.to_string();
        if has_path && !has_user {
            found.push(Class::NamespaceId, &id);
            found.push(Class::ProjectId, &id);
        } else {
            found.push(Class::UserId, &id);
        }
    }
    Ok(())
}

fn class_of(name: &str) -> Result<Class, Fault> {
    let names = || CLASSES.iter().map(|class| class.as_str());
    CLASSES
        .iter()
        .copied()
        .find(|class| class.as_str() == name)
        .ok_or_else(|| {
            let near = near::nearest(name, names());
            let all = || format!("the classes are {}", names().collect::<Vec<_>>().join(", "));
            Fault::new("not a class of identities").hint(near::did_you_mean(&near).unwrap_or_else(all))
        })
}

fn typed(class: Class, value: &str) -> Result<String, Fault> {
    match class {
        Class::Namespace | Class::Project => check_path(value),
        Class::User => check_user(value),
        Class::NamespaceId | Class::ProjectId | Class::UserId => row_id(value).map(|id| id.to_string()),
        Class::Ip => match value.parse::<std::net::IpAddr>() {
            Ok(ip) => Ok(ip.to_canonical().to_string()),
            Err(_) => Err(Fault::new("not an IP address")),
        },
        _ => check_line(value),
    }
}
