//! What a log pipeline puts around a line: a time before it, an envelope, a string.

use decostop_redact::ProfilePlan;

use super::tree::{Node, Value};

/// The fields of the record inside its wrapper.
pub(super) struct Unwrapped<'a> {
    pub(super) entries: Vec<(&'a str, Node<'a>)>,
    /// The source that a discriminator names.
    pub(super) source: Option<usize>,
    /// The wrapper's time.
    pub(super) time: Option<&'a str>,
    /// The text of a string that holds the line.
    pub(super) string: Option<&'a str>,
}

/// Longest prefix that may stand before a record: `2024-05-16_14:53:09.98174 `, a CRI prefix, or what
/// svlogd adds to shipped lines.
const MAX_PREFIX: usize = 256;

/// A line without blanks and without a prefix that begins with a time, and that time.
pub(super) fn strip_prefix(line: &[u8]) -> (&[u8], Option<&str>) {
    let line = line.trim_ascii();
    if line.first() == Some(&b'{') {
        return (line, None);
    }
    let head = line.get(..line.len().min(MAX_PREFIX)).unwrap_or_default();
    let begin = memchr::memchr(b'{', head).and_then(|brace| Some((line.get(..brace)?, line.get(brace..)?)));
    let Some((prefix, body)) = begin else {
        return (line, None);
    };
    let Some(time) = std::str::from_utf8(prefix)
        .ok()
        .and_then(|prefix| prefix.split_ascii_whitespace().next())
    else {
        return (line, None);
    };
    if prefix.ends_with(b" ") && decostop_redact::Instant::parse(time).is_some() {
        (body, Some(time))
    } else {
        (line, None)
    }
}

/// As [`strip_prefix`] for a line that is no JSON: svlogd's time, or what a container runtime writes
/// (`2026-11-01T00:00:00.1Z stdout F `).
pub(super) fn strip_text_prefix(line: &str) -> (&str, Option<&str>) {
    let is_time = |text: &&str| decostop_redact::Instant::parse(text).is_some();
    let Some((time, rest)) = line.split_once(' ').filter(|(time, _)| is_time(time)) else {
        return (line, None);
    };
    if time.as_bytes().get(10) == Some(&b'_') {
        return (rest, Some(time));
    }
    let mut words = rest.splitn(3, ' ');
    match (words.next(), words.next(), words.next()) {
        (Some("stdout" | "stderr"), Some("F" | "P"), Some(body)) => (body, Some(time)),
        _ => (line, None),
    }
}

/// Finds the record in one level of wrapping, and what the level says about it.
pub(super) fn unwrap<'a>(plan: &ProfilePlan, root: Node<'a>, hint: Option<usize>) -> Unwrapped<'a> {
    let Value::Object(mut entries) = root.value else {
        return Unwrapped {
            entries: Vec::new(),
            source: None,
            time: None,
            string: None,
        };
    };
    let mut source = discriminated(plan, &entries);
    let wrappers = &plan.profile.wrappers;
    let mut time = None;
    // An envelope within an envelope is as deep as exports go.
    for _ in 0..3 {
        let Some(at) = entries.iter().position(|(key, node)| {
            matches!(node.value, Value::Object(_)) && wrappers.objects.iter().any(|name| name == key)
        }) else {
            break;
        };
        time = wrapper_time(plan, &entries).or(time);
        let (_, node) = entries.swap_remove(at);
        let Value::Object(inner) = node.value else { break };
        entries = inner;
        source = discriminated(plan, &entries).or(source);
    }
    for prefix in &wrappers.objects {
        let strip = |key: &'a str| {
            // Few keys have a dot there, which is seen at once.
            (key.as_bytes().get(prefix.len()) == Some(&b'.') && key.starts_with(prefix.as_str()))
                .then(|| key.get(prefix.len() + 1..))
                .flatten()
        };
        if entries.iter().any(|(key, _)| strip(key).is_some()) {
            time = wrapper_time(plan, &entries).or(time);
            entries = entries
                .into_iter()
                .filter_map(|(key, node)| Some((strip(key)?, node)))
                .collect();
            source = discriminated(plan, &entries).or(source);
        }
    }
    let string = wrapped_string(plan, &entries, source.or(hint));
    if string.is_some() {
        time = wrapper_time(plan, &entries).or(time);
    }
    Unwrapped {
        entries,
        source,
        time,
        string,
    }
}

fn text_of<'a>(entries: &[(&'a str, Node<'a>)], dotted: &str) -> Option<&'a str> {
    let direct = entries.iter().find(|(key, _)| *key == dotted);
    if let Some((
        _,
        Node {
            value: Value::String(text),
            ..
        },
    )) = direct
    {
        return Some(text);
    }
    let (outer, rest) = dotted.split_once('.')?;
    let (_, node) = entries.iter().find(|(key, _)| *key == outer)?;
    match &node.value {
        Value::Object(inner) => text_of(inner, rest),
        _ => None,
    }
}

fn wrapper_time<'a>(plan: &ProfilePlan, entries: &[(&'a str, Node<'a>)]) -> Option<&'a str> {
    plan.profile
        .wrappers
        .time
        .iter()
        .find_map(|name| text_of(entries, name))
}

fn discriminated(plan: &ProfilePlan, entries: &[(&str, Node<'_>)]) -> Option<usize> {
    plan.discriminate(|field| text_of(entries, field))
}

/// Fields of its source by which an object with a line in it is a record of its own.
pub(super) const OWN_FIELDS: usize = 4;

/// What the logging pipeline adds to every line is no sign of a record.
pub(super) fn is_of_pipeline(field: &decostop_profile::FieldSpec) -> bool {
    field
        .classes()
        .all(|class| class == decostop_profile::Class::System)
}

/// The string that holds the line, unless the object around it is a record of its own: one that has a
/// time and an event field of its source.
fn wrapped_string<'a>(
    plan: &ProfilePlan,
    entries: &[(&'a str, Node<'a>)],
    source: Option<usize>,
) -> Option<&'a str> {
    let (_, node) = entries.iter().find(|(key, node)| {
        matches!(node.value, Value::String(_)) && plan.profile.wrappers.strings.iter().any(|name| name == key)
    })?;
    let Value::String(text) = node.value else {
        return None;
    };
    let (body, _) = strip_prefix(text.as_bytes());
    let is_text = source
        .and_then(|source| plan.spec(source))
        .is_some_and(|spec| spec.format != decostop_profile::Format::Json);
    let is_json = body.first() == Some(&b'{') && body.last() == Some(&b'}');
    if !is_json && !is_text {
        return None;
    }
    let own = |spec: &decostop_profile::Source| {
        let known = entries
            .iter()
            .filter(|(key, _)| spec.fields.get(*key).is_some_and(|field| !is_of_pipeline(field)))
            .count();
        known >= OWN_FIELDS
    };
    let is_record = match source {
        Some(source) => plan.spec(source).is_some_and(own),
        None => plan.profile.sources.iter().any(own),
    };
    (!is_record).then_some(text)
}
