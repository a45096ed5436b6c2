//! Reading identities out of typed values: every spelling of one account leads to one [`Ident`].

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use decostop_profile::Class;
use serde::{Deserialize, Serialize};

use crate::plan::WrongType;
use crate::record::Json;
use crate::scope::fold;

/// An identity as a typed value names it, in canonical form: folded names, decoded paths, bare ids.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[non_exhaustive]
pub enum Ident {
    /// An e-mail address.
    Email(String),
    /// A network address.
    Ip(IpAddr),
    /// A display name.
    Name(String),
    /// The id of a namespace.
    NamespaceId(u64),
    /// A full namespace or project path.
    Path(String),
    /// The id of a project.
    ProjectId(u64),
    /// A user name.
    User(String),
    /// The id of a user.
    UserId(u64),
}

/// What a typed value turned out to be.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Reading {
    /// Identities; several only for lists of addresses.
    Idents(Vec<Ident>),
    /// No identity: null, empty, an id that is nobody's, an unknown form.
    Nothing,
    /// A JSON type that the class does not have.
    WrongType,
}

/// Reads a value of an identity class. Other classes give [`Reading::Nothing`].
pub fn read(class: Class, value: &Json<'_>) -> Reading {
    let mut found = Vec::new();
    match each_ident(class, value, |ident| found.push(ident)) {
        Err(WrongType) => Reading::WrongType,
        Ok(()) if found.is_empty() => Reading::Nothing,
        Ok(()) => Reading::Idents(found),
    }
}

/// The same, one identity at a time.
pub(crate) fn each_ident(
    class: Class,
    value: &Json<'_>,
    mut each: impl FnMut(Ident),
) -> Result<(), WrongType> {
    match (class, value) {
        (_, Json::Null) => {}
        (Class::Ip, _) => {
            let list = address_list(value).ok_or(WrongType)?;
            addresses(&list).flatten().map(Ident::Ip).for_each(each);
        }
        (_, Json::String(text))
        | (Class::UserId | Class::ProjectId | Class::NamespaceId, Json::Number(text)) => {
            if let Some(ident) = read_text(class, text) {
                each(ident);
            }
        }
        _ if class.is_identity() => return Err(WrongType),
        _ => {}
    }
    Ok(())
}

/// Reads the text of one identity of a class other than [`Class::Ip`].
pub fn read_text(class: Class, text: &str) -> Option<Ident> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    match class {
        Class::User => Some(Ident::User(fold(text.strip_prefix('@').unwrap_or(text)))),
        Class::Email => Some(Ident::Email(fold(text))),
        Class::Name => Some(Ident::Name(fold(text))),
        Class::UserId => user_id(text),
        Class::Project | Class::Namespace => path(text).map(Ident::Path),
        Class::ProjectId => after(
            text,
            &[
                "project-",
                "project/",
                "projects/",
                "wiki-",
                "design-",
                "gid://gitlab/Project/",
            ],
        )
        .map(Ident::ProjectId)
        .or_else(|| path_like(text)),
        Class::NamespaceId => after(
            text,
            &[
                "group-",
                "group/",
                "groups/",
                "namespace-",
                "namespace/",
                "namespaces/",
                "gid://gitlab/Group/",
                "gid://gitlab/Namespace/",
                "gid://gitlab/Namespaces::UserNamespace/",
            ],
        )
        .map(Ident::NamespaceId)
        .or_else(|| is_path_text(text).then(|| path(text).map(Ident::Path)).flatten()),
        _ => None,
    }
}

fn user_id(text: &str) -> Option<Ident> {
    if let Some(address) = text.strip_prefix("ip/") {
        return address_of(address).map(Ident::Ip);
    }
    after(text, &["user-", "user/", "users/", "gid://gitlab/User/"]).map(Ident::UserId)
}

/// A positive decimal id, bare or behind one of the prefixes.
fn after(text: &str, prefixes: &[&str]) -> Option<u64> {
    if !text.ends_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let digits = prefixes
        .iter()
        .find_map(|prefix| text.strip_prefix(prefix))
        .unwrap_or(text);
    id(digits)
}

/// A positive decimal id without leading zeros or sign.
pub(crate) fn id(digits: &str) -> Option<u64> {
    let sound = !digits.is_empty()
        && digits.len() <= 19
        && !digits.starts_with('0')
        && digits.bytes().all(|b| b.is_ascii_digit());
    sound.then(|| digits.parse().ok()).flatten()
}

/// Whether a text is made of what paths are made of, and is no number.
fn is_path_text(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'/' | b'%');
    text.bytes().all(plain) && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}

fn path_like(text: &str) -> Option<Ident> {
    let looks = text.contains('/') || text.contains("%2F") || text.contains("%2f");
    looks.then(|| path(text).map(Ident::Path)).flatten()
}

/// A full path in canonical form: decoded, folded, without outer slashes and repository suffixes.
pub(crate) fn path(text: &str) -> Option<String> {
    let decoded = if text.contains('%') {
        percent_decode(text)?
    } else {
        Cow::Borrowed(text)
    };
    let trimmed = decoded.trim().trim_matches('/');
    let bare = [".git", ".wiki", ".design"]
        .iter()
        .fold(trimmed, |rest, suffix| rest.strip_suffix(suffix).unwrap_or(rest));
    if bare.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return None;
    }
    Some(fold(bare))
}

/// Whether a canonical path is written as the platform writes them, so that nothing but the names of
/// namespaces and projects can stand in it.
pub(crate) fn is_plain_path(path: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+');
    // One or two words, as nearly all are: a slash between them and no part that is a dot or a dash.
    let mut before = b'/';
    let is_simple = path.bytes().all(|byte| {
        let sound = match byte {
            b'/' | b'-' | b'.' => plain(before),
            _ => plain(byte),
        };
        before = byte;
        sound
    });
    if is_simple && plain(before) {
        return true;
    }
    is_written_plainly(path)
}

fn is_written_plainly(path: &str) -> bool {
    path.split('/').all(|part| {
        !matches!(part, "" | "." | ".." | "-")
            && part
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '+'))
    })
}

/// Percent-decoding; `None` if the result is not UTF-8. Malformed escapes stay as they are.
pub(crate) fn percent_decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains('%') {
        return Some(Cow::Borrowed(text));
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let pair = bytes
            .get(at + 1)
            .copied()
            .and_then(hex)
            .zip(bytes.get(at + 2).copied().and_then(hex));
        match pair {
            Some((high, low)) if byte == b'%' => {
                out.push(high << 4 | low);
                at += 3;
            }
            _ => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8(out).ok().map(Cow::Owned)
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// The elements of an address field: `a, b`, `addr:port`, `[v6]:port`. An element that is no address
/// is `None`.
pub(crate) fn addresses(text: &str) -> impl Iterator<Item = Option<IpAddr>> {
    text.split(',').map(|element| address_of(element.trim()))
}

/// The text of an address field: a string, or a list of strings as if it were written `a, b`.
pub(crate) fn address_list<'v>(value: &'v Json<'_>) -> Option<Cow<'v, str>> {
    match value {
        Json::String(text) => Some(Cow::Borrowed(text)),
        Json::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
            texts.map(|texts| Cow::Owned(texts.join(", ")))
        }
        _ => None,
    }
}

fn address_of(text: &str) -> Option<IpAddr> {
    let address = text
        .parse::<IpAddr>()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(|| {
            text.strip_prefix('[')?
                .strip_suffix(']')?
                .parse::<Ipv6Addr>()
                .ok()
                .map(IpAddr::V6)
        })?;
    Some(address.to_canonical())
}

/// An address as it is written in general; without the machinery of formatting, which costs more than all else
/// that becomes of one.
pub(crate) fn address_text(address: IpAddr) -> String {
    let IpAddr::V4(v4) = address else {
        return address.to_string();
    };
    let mut out = String::with_capacity(15);
    for octet in v4.octets() {
        if !out.is_empty() {
            out.push('.');
        }
        for unit in [100, 10, 1] {
            if octet >= unit || unit == 1 {
                out.push(char::from(b'0' + octet / unit % 10));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn plain_paths_are_told_by_a_glance(path in "[aé1/._+@-]{0,8}") {
            prop_assert_eq!(is_plain_path(&path), is_written_plainly(&path));
        }
    }

    fn one(class: Class, text: &str) -> Option<Ident> {
        match read(class, &Json::String(text.into())) {
            Reading::Idents(mut found) => found.pop(),
            _ => None,
        }
    }

    #[test]
    fn forms_of_one_user() {
        for text in [
            "1001",
            "user-1001",
            "user/1001",
            "users/1001",
            "gid://gitlab/User/1001",
        ] {
            assert_eq!(one(Class::UserId, text), Some(Ident::UserId(1001)), "{text}");
        }
        assert_eq!(
            read(Class::UserId, &Json::Number("1001".into())),
            Reading::Idents(vec![Ident::UserId(1001)])
        );
        for nobody in [
            "-1",
            "0",
            "1001.0",
            "1.001e3",
            "user-",
            "user-7k3f",
            "runner/5",
            "key-9",
            "ip/",
            "01",
        ] {
            assert_eq!(one(Class::UserId, nobody), None, "{nobody}");
        }
        assert_eq!(one(Class::User, "@Alice"), Some(Ident::User("alice".into())));
    }

    #[test]
    fn forms_of_one_project() {
        for text in [
            "Acme/App",
            "acme/app.git",
            "/acme/app/",
            "acme%2Fapp",
            "acme%2fapp.wiki.git",
        ] {
            assert_eq!(
                one(Class::Project, text),
                Some(Ident::Path("acme/app".into())),
                "{text}"
            );
        }
        for text in ["7", "group-7", "groups/7", "namespace/7", "gid://gitlab/Group/7"] {
            assert_eq!(
                one(Class::NamespaceId, text),
                Some(Ident::NamespaceId(7)),
                "{text}"
            );
        }
        for text in [
            "51",
            "project-51",
            "projects/51",
            "wiki-51",
            "gid://gitlab/Project/51",
        ] {
            assert_eq!(one(Class::ProjectId, text), Some(Ident::ProjectId(51)), "{text}");
        }
        assert_eq!(
            one(Class::ProjectId, "acme%2Fapp"),
            Some(Ident::Path("acme/app".into()))
        );
        assert_eq!(one(Class::Project, "a//b"), None);
        assert_eq!(one(Class::NamespaceId, "acme"), Some(Ident::Path("acme".into())));
        assert_eq!(one(Class::NamespaceId, "-7"), None);
    }

    #[test]
    fn addresses_are_written_as_usual() {
        for octet in 0..=255 {
            let address = IpAddr::from([octet, 255 - octet, 10, octet]);
            assert_eq!(address_text(address), address.to_string());
        }
    }

    #[test]
    fn addresses_in_every_dress() {
        let list = |text: &str| {
            addresses(text)
                .map(|ip| ip.map(|ip| ip.to_string()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            list("81.2.69.144, 127.0.0.1"),
            [Some("81.2.69.144".into()), Some("127.0.0.1".into())]
        );
        assert_eq!(list("67.43.156.72:0"), [Some("67.43.156.72".into())]);
        assert_eq!(list("[2001:db8::1]:443"), [Some("2001:db8::1".into())]);
        assert_eq!(list("::ffff:10.1.2.3"), [Some("10.1.2.3".into())]);
        assert_eq!(list("@, -:22222"), [None, None]);
    }

    #[test]
    fn a_list_of_addresses_is_read_whole() {
        let list = |items: &[&'static str]| {
            let items = items.iter().map(|item| Json::String((*item).into()));
            read(Class::Ip, &Json::Array(items.collect()))
        };
        let address = |text: &str| Ident::Ip(text.parse().expect("an address"));
        assert_eq!(
            list(&["192.0.2.17", "192.0.2.18, 2001:db8::1"]),
            Reading::Idents(vec![
                address("192.0.2.17"),
                address("192.0.2.18"),
                address("2001:db8::1")
            ])
        );
        assert_eq!(list(&[]), Reading::Nothing);
        assert_eq!(list(&["unknown"]), Reading::Nothing);
    }

    #[test]
    fn a_wrong_type_is_told_apart_from_nothing() {
        assert_eq!(read(Class::User, &Json::Number("5".into())), Reading::WrongType);
        assert_eq!(read(Class::Project, &Json::Object(vec![])), Reading::WrongType);
        assert_eq!(
            read(Class::Ip, &Json::Array(vec![Json::Number("5".into())])),
            Reading::WrongType
        );
        assert_eq!(read(Class::User, &Json::Array(vec![])), Reading::WrongType);
        assert_eq!(read(Class::UserId, &Json::Bool(true)), Reading::WrongType);
        assert_eq!(read(Class::User, &Json::Null), Reading::Nothing);
    }
}
