//! URLs, held against one route after the other.

use decostop_profile::Profile;

/// What a URL says by the first route that fits it.
pub(super) struct Found {
    /// The route as the profile writes it.
    pub(super) route: String,
    /// Names of slots and what is in them.
    pub(super) slots: Vec<(String, String)>,
    /// Keys and values behind the path.
    pub(super) query: Vec<(String, String)>,
}

pub(super) fn read(profile: &Profile, url: &str) -> Option<Found> {
    let mut path = url;
    if !path.starts_with('/') {
        let rest = url
            .strip_prefix("https://")
            .or_else(|| url.strip_prefix("http://"))?;
        path = rest.find('/').map_or("/", |at| &rest[at..]);
    }
    let path = path.split('#').next()?;
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    // Where the path leads, as a server would say.
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        let plain = decoded(segment);
        if plain.as_deref() == Some("..") {
            segments.pop();
        } else if plain.as_deref() != Some("") && plain.as_deref() != Some(".") {
            segments.push(segment);
        }
    }
    if segments.len() > 64 {
        return None;
    }
    let (route, slots) = profile.routes.iter().find_map(|route| {
        let pattern: Vec<&str> = route.split('/').filter(|part| !part.is_empty()).collect();
        Some((route.clone(), fits(&pattern, &segments)?))
    })?;
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    let query = pairs.filter_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let plain = |text: &str| decoded(&text.replace('+', " "));
        Some((plain(key)?, plain(value)?))
    });
    Some(Found {
        route,
        slots,
        query: query.collect(),
    })
}

fn fits(pattern: &[&str], path: &[&str]) -> Option<Vec<(String, String)>> {
    let Some((first, rest)) = pattern.split_first() else {
        return path.is_empty().then(Vec::new);
    };
    if *first == "**" {
        return Some(Vec::new());
    }
    let Some(slot) = first.strip_prefix(':') else {
        return (path.first() == Some(first))
            .then(|| fits(rest, &path[1..]))
            .flatten();
    };
    let most = if slot == "project" || slot == "namespace" {
        path.iter().position(|part| *part == "-").unwrap_or(path.len())
    } else {
        path.len().min(1)
    };
    (1..=most).rev().find_map(|count| {
        // A credential or a word is nobody's name: it need be no text.
        let text = match decoded(&path[..count].join("/")) {
            None if slot == "secret" || slot == "word" => String::new(),
            text => text?,
        };
        if slot == "number" && !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut slots = fits(rest, &path[count..])?;
        slots.insert(0, (slot.to_owned(), text));
        Some(slots)
    })
}

/// Without percent encoding; what is no escape stays.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut out = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, more @ ..] = rest {
        let hex = more
            .get(..2)
            .filter(|pair| *first == b'%' && pair.iter().all(u8::is_ascii_hexdigit))
            .and_then(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        out.push(hex.unwrap_or(*first));
        rest = if hex.is_some() { &more[2..] } else { more };
    }
    String::from_utf8(out).ok()
}
