//! Single values: what a name, a path, an id or a time may be.

use std::path::Path;

use ipnet::IpNet;

use super::node::{Node, Value};
use super::{Fault, Instant, ProjectRef, UserRef};
use crate::{Error, ErrorKind};

/// Longest name, path or other single value, in bytes.
const MAX_VALUE_BYTES: usize = 1024;

pub(super) fn wrong(node: &Node, want: &str) -> Fault {
    Fault::new(format!("expected {want}, found {}", node.value.kind()))
}

pub(super) fn boolean(node: &Node) -> Result<bool, Fault> {
    match node.value {
        Value::Bool(yes) => Ok(yes),
        _ => Err(wrong(node, "true or false")),
    }
}

pub(super) fn text(node: &Node) -> Result<&str, Fault> {
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
        Value::Integer(Some(number)) => u64::try_from(number)
            .ok()
            .filter(|&id| id > 0)
            .ok_or_else(|| Fault::new("an id is a positive integer")),
        Value::Integer(None) => Err(Fault::new("an id of more than 63 bits")),
        _ => Err(wrong(node, "an integer")),
    }
}

pub(super) fn text_or_id(node: &Node) -> Result<String, Fault> {
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
        return Err(Fault::new(
            "a URL; a path is what follows the host, such as acme/payments",
        ));
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
                return Err(Fault::new(format!(
                    "`{segment}` is no segment of a namespace or project path"
                )));
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

pub(super) fn user_ref(node: &Node) -> Result<UserRef, Fault> {
    match &node.value {
        Value::Integer(_) => id(node).map(UserRef::Id),
        Value::Text(name) => check_user(name).map(UserRef::Name),
        _ => Err(wrong(node, "a user name or an id")),
    }
}

pub(super) fn project_ref(node: &Node) -> Result<ProjectRef, Fault> {
    match &node.value {
        Value::Integer(_) => id(node).map(ProjectRef::Id),
        Value::Text(path) => check_path(path).map(ProjectRef::Path),
        _ => Err(wrong(node, "a project path or an id")),
    }
}

/// An address or a range. Addresses of IPv4 in IPv6 are taken as IPv4.
pub(super) fn address(node: &Node) -> Result<IpNet, Fault> {
    let text = line(node)?;
    let not = || Fault::new("not an IP address or a range such as 203.0.113.0/24");
    if !text.contains('/') {
        return text
            .parse::<std::net::IpAddr>()
            .map(|ip| IpNet::from(ip.to_canonical()))
            .map_err(|_| not());
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
    Ok(mapped
        .and_then(|(ip, prefix)| IpNet::new(ip.into(), prefix).ok())
        .unwrap_or(net))
}

pub(super) fn folded(text: &str) -> String {
    text.to_lowercase()
}

pub(super) fn user_key(user: &UserRef) -> UserRef {
    match user {
        UserRef::Name(name) => UserRef::Name(name.to_lowercase()),
        UserRef::Id(id) => UserRef::Id(*id),
    }
}

pub(super) fn project_key(project: &ProjectRef) -> ProjectRef {
    match project {
        ProjectRef::Path(path) => ProjectRef::Path(path.to_lowercase()),
        ProjectRef::Id(id) => ProjectRef::Id(*id),
    }
}

/// A fault as the error of a file that a request names.
pub(super) fn in_file(path: &Path, line: u64, column: &str, fault: Fault) -> Error {
    let at = crate::Origin {
        path: path.to_owned(),
        offset: None,
    };
    let error = Error::new(
        ErrorKind::Config,
        format!("line {line}: {column}: {}", fault.reason),
    )
    .at(at);
    match fault.hint {
        Some(hint) => error.hint(hint),
        None => error,
    }
}
