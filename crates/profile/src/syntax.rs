//! The small languages inside a profile: event expressions, routes, templates, event names.

use crate::model::Class;

/// Words a `:slot` of a route may be, with a class or a shape each.
pub(crate) const ROUTE_SLOTS: &[&str] = &[
    "namespace",
    "namespace_id",
    "number",
    "project",
    "project_id",
    "secret",
    "user",
    "user_id",
    "word",
];

/// A piece of a template or of an event expression.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Piece<'a> {
    /// Text that stands for itself.
    Literal(&'a str),
    /// What stands between braces.
    Slot(&'a str),
}

/// Splits `text {slot} text`. Braces cannot be escaped: no platform's message needs it so far.
pub(crate) fn pieces(text: &str) -> Result<Vec<Piece<'_>>, &'static str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((literal, after)) = rest.split_once('{') {
        if literal.contains('}') {
            return Err("a `}` without its `{`");
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        let (slot, after) = after.split_once('}').ok_or("a `{` without its `}`")?;
        if slot.is_empty() || slot.contains('{') {
            return Err("empty or nested braces");
        }
        pieces.push(Piece::Slot(slot));
        rest = after;
    }
    if rest.contains('}') {
        return Err("a `}` without its `{`");
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    Ok(pieces)
}

/// The end of a placeholder that stands for the route of its field's path.
pub(crate) const ROUTE_OF: &str = "|route";

/// The end of a placeholder that stands for the event of the template that its field's text fits.
pub(crate) const TEMPLATE_OF: &str = "|template";

/// What a placeholder of an event expression stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Asked {
    /// The field's text.
    Text,
    /// The route of its path.
    Route,
    /// The event of its template.
    Template,
}

/// Splits a placeholder into its field and what it asks of it.
pub(crate) fn placeholder(slot: &str) -> (&str, Asked) {
    match (slot.strip_suffix(ROUTE_OF), slot.strip_suffix(TEMPLATE_OF)) {
        (Some(field), _) => (field, Asked::Route),
        (None, Some(field)) => (field, Asked::Template),
        (None, None) => (slot, Asked::Text),
    }
}

/// The fields that an event expression names, and what it asks of each.
pub(crate) fn placeholders(expression: &str) -> Result<Vec<(&str, Asked)>, &'static str> {
    let fields: Vec<_> = pieces(expression)?
        .into_iter()
        .filter_map(|piece| match piece {
            Piece::Slot(slot) => Some(placeholder(slot)),
            Piece::Literal(_) => None,
        })
        .collect();
    if fields.is_empty() {
        Err("names no field")
    } else {
        Ok(fields)
    }
}

/// The kind of a template slot: its name without the number that tells two of a kind apart.
pub(crate) fn slot_kind(slot: &str) -> &str {
    match slot.rsplit_once('.') {
        Some((kind, number)) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => kind,
        _ => slot,
    }
}

/// Whether a template is well-formed: its slots are known, told apart, and never touch each other.
pub(crate) fn template(text: &str) -> Result<(), String> {
    let pieces = pieces(text)?;
    if !pieces
        .iter()
        .any(|piece| matches!(piece, Piece::Literal(text) if text.bytes().any(|b| b.is_ascii_alphabetic())))
    {
        return Err("without a word of its own a template fits anything".to_owned());
    }
    let mut seen = Vec::new();
    let mut after_slot = false;
    for piece in pieces {
        let Piece::Slot(slot) = piece else {
            after_slot = false;
            continue;
        };
        if after_slot {
            return Err("two slots without text between them".to_owned());
        }
        after_slot = true;
        let kind = slot_kind(slot);
        let shape = matches!(kind, "number" | "text" | "word");
        let class =
            Class::from_name(kind).filter(|class| !class.is_always_dropped() && *class != Class::Params);
        if !shape && class.is_none() {
            return Err(format!("unknown slot `{slot}`"));
        }
        if seen.contains(&slot) {
            return Err(format!("`{slot}` twice; number them, as in `{kind}.2`"));
        }
        seen.push(slot);
    }
    Ok(())
}

/// Whether a route is well-formed.
pub(crate) fn route(pattern: &str) -> Result<(), String> {
    let Some(path) = pattern.strip_prefix('/') else {
        return Err("a route starts with `/`".to_owned());
    };
    let segments: Vec<&str> = if path.is_empty() {
        Vec::new()
    } else {
        path.split('/').collect()
    };
    let mut after_long = false;
    for (i, segment) in segments.iter().enumerate() {
        let last = i + 1 == segments.len();
        let mut long = false;
        if segment.is_empty() && !last {
            return Err("an empty segment".to_owned());
        } else if *segment == "**" {
            if !last {
                return Err("`**` may only be last".to_owned());
            }
        } else if let Some(slot) = segment.strip_prefix(':') {
            if !ROUTE_SLOTS.contains(&slot) {
                return Err(format!(
                    "unknown slot `:{slot}`; there are {}",
                    ROUTE_SLOTS.join(", ")
                ));
            }
            long = matches!(slot, "namespace" | "project");
            if long && after_long {
                return Err("two slots of many segments without text between them".to_owned());
            }
        } else if segment
            .bytes()
            .any(|b| b == b'*' || b == b'?' || b == b'#' || b.is_ascii_whitespace())
        {
            return Err(format!(
                "`{segment}` is neither a literal, a `:slot` nor a last `**`"
            ));
        }
        after_long = long;
    }
    Ok(())
}

/// Whether a name can be a public event: `membership.added`, `project.visibility_changed`.
pub(crate) fn is_public_event(name: &str) -> bool {
    name.contains('.') && name.split('.').all(is_snake)
}

fn is_snake(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.split('_').all(|part| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

/// Whether `pattern`, in which `*` stands for any run of characters, fits the whole of `text`.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    // Most patterns fall at their first or last byte.
    let unlike = |a: Option<&u8>, b: Option<&u8>| a.is_some_and(|a| *a != b'*' && Some(a) != b);
    let (bytes, of) = (pattern.as_bytes(), text.as_bytes());
    if unlike(bytes.first(), of.first()) || unlike(bytes.last(), of.last()) {
        return false;
    }
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        if let Some(middle) = last.replace(part) {
            match rest.find(middle) {
                Some(at) => rest = rest.get(at + middle.len()..).unwrap_or_default(),
                None => return false,
            }
        }
    }
    match last {
        None => rest.is_empty(),
        Some(end) => rest.ends_with(end),
    }
}

/// Whether a name can be the event of a template: lower-case words joined by underscores.
pub(crate) fn is_coined(name: &str) -> bool {
    name.len() <= 128 && is_snake(name)
}

/// Whether a raw event fits the grammar of what a platform itself names its entry points.
pub(crate) fn is_caller(text: &str) -> bool {
    text.len() <= 128
        && (is_controller(text)
            || is_api_route(text)
            || is_snake(text)
            || is_grpc(text)
            || is_git_command(text))
}

/// `Projects::BlobController#show`, `PostReceive`.
fn is_controller(text: &str) -> bool {
    let (path, action) = text
        .split_once('#')
        .map_or((text, None), |(path, action)| (path, Some(action)));
    let constant = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_uppercase()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let method = |action: &str| {
        let bare = action.strip_suffix(['?', '!']).unwrap_or(action);
        bare.starts_with(|c: char| c.is_ascii_lowercase() || c == '_')
            && bare
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    path.split("::").all(constant) && action.is_none_or(method)
}

/// `GET /api/:version/projects/:id`, with or without the method.
fn is_api_route(text: &str) -> bool {
    const METHODS: [&str; 7] = ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"];
    let path = match text.split_once(' ') {
        Some((method, path)) if METHODS.contains(&method) => path,
        Some(_) => return false,
        None => text,
    };
    let path = path.strip_prefix("/api").unwrap_or(path);
    let Some(rest) = path.strip_prefix("/:version") else {
        return false;
    };
    let rest = without_format(rest);
    if rest.is_empty() {
        return true;
    }
    let Some(rest) = rest.strip_prefix('/') else {
        return false;
    };
    let named = |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    rest.replace("(-/)", "-").split('/').all(|segment| {
        segment == "-"
            || segment.strip_prefix([':', '*']).is_some_and(named)
            || segment.starts_with(|c: char| c.is_ascii_lowercase())
                && segment
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_' || b == b'-')
    })
}

/// Cuts a trailing `(.json)` or `(.:format)`.
fn without_format(path: &str) -> &str {
    let cut = path.strip_suffix(')').and_then(|path| path.rsplit_once("(."));
    match cut {
        Some((path, format))
            if !format.trim_start_matches(':').is_empty()
                && format
                    .trim_start_matches(':')
                    .bytes()
                    .all(|b| b.is_ascii_lowercase()) =>
        {
            path
        }
        _ => path,
    }
}

/// `gitaly.SSHService`, `/gitaly.SSHService/SSHUploadPack`.
fn is_grpc(text: &str) -> bool {
    let text = text.strip_prefix('/').unwrap_or(text);
    let (service, method) = text
        .split_once('/')
        .map_or((text, None), |(service, method)| (service, Some(method)));
    let mut parts = service.split('.');
    let package = parts.next().unwrap_or_default();
    !package.is_empty()
        && package.bytes().all(|b| b.is_ascii_lowercase())
        && parts.all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphabetic()))
        && method.is_none_or(|name| {
            name.starts_with(|c: char| c.is_ascii_uppercase())
                && name.bytes().all(|b| b.is_ascii_alphanumeric())
        })
}

fn is_git_command(text: &str) -> bool {
    text.strip_prefix("git-")
        .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        Asked, Piece, glob, is_caller, is_public_event, pieces, placeholders, route, slot_kind, template,
    };

    #[test]
    fn caller_grammar() {
        for good in [
            "PostReceive",
            "Projects::BlobController#show",
            "Ci::PipelineWorker",
            "GET /api/:version/projects/:id/members/:user_id",
            "/api/:version/geo/proxy",
            "/:version/projects/:id",
            "GET /api/:version/projects/:id/(-/)",
            "GET /api/:version/projects/:id/repository/archive(.:format)",
            "user_add_to_group",
            "SSHUploadPack",
            "gitaly.SSHService",
            "/gitaly.SSHService/SSHUploadPack",
            "git-upload-pack",
            "GET",
        ] {
            assert!(is_caller(good), "{good}");
        }
        for bad in [
            "",
            "GET /api/:version/groups/:id/(-/)epics",
            "get things",
            "Projects::#show",
            "a__b",
            "GET /etc/passwd",
            "/api/v4/projects",
            "git-",
            "A".repeat(129).as_str(),
        ] {
            assert!(!is_caller(bad), "{bad}");
        }
    }

    #[test]
    fn globs_fit_whole_texts() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("db_*", "db_count", true),
            ("db_*", "adb_count", false),
            ("*_token", "job_token", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("ab", "abc", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} on {text}");
        }
    }

    /// The obvious way: `*` takes every length in turn.
    fn naive_glob(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => {
                (0..=text.len()).any(|at| naive_glob(rest, text.get(at..).unwrap_or_default()))
            }
            Some((c, rest)) => text
                .split_first()
                .is_some_and(|(first, text)| first == c && naive_glob(rest, text)),
        }
    }

    proptest! {
        #[test]
        fn globs_agree_with_the_obvious_way(pattern in "[ab*]{0,8}", text in "[ab]{0,12}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(glob(&pattern, &text), naive_glob(&chars(&pattern), &chars(&text)));
        }

        #[test]
        fn no_text_makes_the_small_languages_panic(text in "\\PC{0,40}|[/:*{}a-z.#()_-]{0,40}") {
            let _ = (pieces(&text), placeholders(&text), template(&text), route(&text));
            let _ = (is_caller(&text), is_public_event(&text), slot_kind(&text));
        }

        #[test]
        fn pieces_put_together_give_the_text(text in "[a-z ]{0,5}(\\{[a-z]{1,4}\\}[a-z ]{0,5}){0,4}") {
            let joined: String = pieces(&text).unwrap_or_default().into_iter().map(|piece| match piece {
                Piece::Literal(literal) => literal.to_owned(),
                Piece::Slot(slot) => format!("{{{slot}}}"),
            }).collect();
            prop_assert_eq!(joined, text);
        }
    }

    #[test]
    fn braces_are_balanced() {
        assert_eq!(pieces("a {b} c").map(|p| p.len()), Ok(3));
        assert_eq!(
            placeholders("{controller}#{action}"),
            Ok(vec![("controller", Asked::Text), ("action", Asked::Text)])
        );
        assert_eq!(
            placeholders("{method} {uri|route}"),
            Ok(vec![("method", Asked::Text), ("uri", Asked::Route)])
        );
        assert_eq!(
            placeholders("{message|template}"),
            Ok(vec![("message", Asked::Template)])
        );
        for bad in ["{", "}", "{a", "a}", "{}", "{a{b}}"] {
            assert!(pieces(bad).is_err(), "{bad}");
        }
        assert!(placeholders("text").is_err());
    }

    #[test]
    fn templates_need_words_and_known_slots() {
        assert_eq!(slot_kind("user.2"), "user");
        assert_eq!(slot_kind("user"), "user");
        assert!(template("Failed Login: username={user} ip={ip}").is_ok());
        assert!(template("{user} added {user.2}").is_ok());
        for bad in [
            "{user} {user.2}",
            "{user} added {user}",
            "at {host}",
            "pid {system}",
            "a {user}{ip}",
        ] {
            assert!(template(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn routes_are_well_formed() {
        for good in [
            "/",
            "/:project/-/blob/**",
            "/users/:user",
            "/api/v4/projects/:project_id/**",
            "/:project",
        ] {
            assert_eq!(route(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "a",
            "/**/a",
            "/:thing",
            "/a//b",
            "/a*b",
            "/:project/:namespace",
            "/a?b",
        ] {
            assert!(route(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn public_names() {
        assert!(is_public_event("project.visibility_changed"));
        for bad in ["project", "Project.read", "project.", ".read", "a b.c"] {
            assert!(!is_public_event(bad), "{bad}");
        }
    }
}
