//! From a line's bytes to a [`Record`].
//!
//! ```text
//! line -> wrapper (prefix, envelope, string) -> tree -> source -> flat fields under dotted names
//!                                            └-> text: patterns of the source, logfmt
//! ```
//!
//! simd-json validates the line and unescapes its strings on a copy; the tree keeps, for every value,
//! its text as it stands in the line, so that untouched values can be handed out byte for byte.
//! Duplicate keys are kept: every occurrence counts.
//!
//! `project` tells of most lines that do not match that they do not, without any of this.

mod project;
mod text;
mod tree;
mod wrapper;

use std::borrow::Cow;

use decostop_profile::Format;
use decostop_redact::{Field, Json, ProfilePlan, Record};

use crate::Limits;
use crate::sink::Reason;
pub use project::{Buffers, Projection};
use tree::{Node, Value};

/// Buffers of one worker. Grows to the longest line that was parsed.
#[derive(Default)]
pub struct Scratch {
    outer: Vec<u8>,
    inner: Vec<u8>,
    innermost: Vec<u8>,
    buffers: simd_json::Buffers,
}

impl std::fmt::Debug for Scratch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Scratch(<{} bytes>)",
            self.outer.capacity() + self.inner.capacity() + self.innermost.capacity()
        )
    }
}

/// Parses one line and hands the record to `then`.
///
/// What a record says of its own source comes first; `source` is what the input's name says. A line
/// end is not part of the line.
///
/// # Errors
/// Why the line is no record: [`Reason::Unparsable`], [`Reason::Depth`], [`Reason::Nodes`], or
/// [`Reason::Source`] if nothing tells its source.
pub fn with_record<T>(
    plan: &ProfilePlan,
    line: &[u8],
    source: Option<usize>,
    limits: &Limits,
    scratch: &mut Scratch,
    then: impl FnOnce(&Record<'_>) -> T,
) -> Result<T, Reason> {
    let Scratch {
        outer,
        inner,
        innermost,
        buffers,
    } = scratch;
    let line = without_marks(line);
    let (body, prefix_time) = wrapper::strip_prefix(line);
    let text = std::str::from_utf8(body).map_err(|_| Reason::Unparsable)?;
    let mut found = match tree::parse(text, outer, buffers, limits) {
        Ok(root) => wrapper::unwrap(plan, root, source),
        Err(reason) => {
            let line = std::str::from_utf8(line).map_err(|_| Reason::Unparsable)?;
            return of_text(plan, line, source, None)
                .map(|record| then(&record))
                .ok_or(reason);
        }
    };
    let mut buffer = [inner, innermost].into_iter();
    while let (Some(text), Some(buffer)) = (found.string, buffer.next()) {
        let known = found.source.or(source);
        let (body, _) = wrapper::strip_prefix(text.as_bytes());
        let body = std::str::from_utf8(body).unwrap_or_default();
        let Ok(root) = tree::parse(body, buffer, buffers, limits) else {
            if let Some(record) = of_text(plan, text, known, found.time) {
                return Ok(then(&record));
            }
            // The line itself, but none that its source has: it may be anybody's.
            let is_text = known
                .and_then(|source| plan.spec(source))
                .is_some_and(|spec| spec.format != Format::Json);
            if is_text {
                return Err(Reason::Unparsable);
            }
            // A string that only looks like a wrapped line is an ordinary value.
            break;
        };
        let next = wrapper::unwrap(plan, root, known);
        found = wrapper::Unwrapped {
            source: next.source.or(found.source),
            time: next.time.or(found.time),
            ..next
        };
    }
    let source = found.source.or(source).ok_or(Reason::Source)?;
    let mut fields = Vec::with_capacity(found.entries.len() + 8);
    for (name, node) in found.entries {
        match node.value {
            Value::Object(entries) if is_merged(plan, source, name) => {
                for (name, node) in entries {
                    flatten(plan, source, Cow::Borrowed(name), node, &mut fields);
                }
            }
            value => {
                let node = Node { raw: node.raw, value };
                flatten(plan, source, Cow::Borrowed(name), node, &mut fields);
            }
        }
    }
    let envelope_time = found
        .time
        .map(Cow::Borrowed)
        .or_else(|| prefix_time.map(Cow::Borrowed));
    Ok(then(&Record {
        source,
        fields,
        envelope_time,
    }))
}

/// A line without what is no part of it: the byte order mark that an editor or an export puts before a file,
/// the zeros that are left where a file was truncated while its writer went on.
fn without_marks(line: &[u8]) -> &[u8] {
    let zeros = line.iter().take_while(|byte| **byte == 0).count();
    let line = line.get(zeros..).unwrap_or_default();
    line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)
}

/// A line of a source whose lines are text. `time` is that of the wrapper around it.
fn of_text<'a>(
    plan: &'a ProfilePlan,
    line: &'a str,
    source: Option<usize>,
    time: Option<&'a str>,
) -> Option<Record<'a>> {
    let source = source?;
    let spec = plan.spec(source)?;
    let line = line.trim_ascii();
    let (body, prefix_time) = wrapper::strip_text_prefix(line);
    let fields = text::fields(spec, body).or_else(|| text::fields(spec, line))?;
    Some(Record {
        source,
        fields,
        envelope_time: prefix_time.or(time).map(Cow::Borrowed),
    })
}

/// Whether the object of this name is part of the record around it.
fn is_merged(plan: &ProfilePlan, source: usize, name: &str) -> bool {
    let merged = &plan.profile.wrappers.merged;
    merged.iter().any(|key| key == name)
        && !plan.is_leaf(source, name)
        && !plan.has_fields_below(source, name)
}

/// Adds a value under its name; nested objects, and lists of objects, fall into their fields unless
/// the profile gives the name itself a class.
fn flatten<'a>(
    plan: &ProfilePlan,
    source: usize,
    name: Cow<'a, str>,
    node: Node<'a>,
    fields: &mut Vec<Field<'a>>,
) {
    let nested = match &node.value {
        Value::Object(entries) => {
            !entries.is_empty() && (!plan.is_leaf(source, &name) || plan.has_fields_below(source, &name))
        }
        Value::Array(items) => {
            !items.is_empty()
                && items.iter().all(|item| matches!(item.value, Value::Object(_)))
                && !plan.is_leaf(source, &name)
        }
        _ => false,
    };
    if !nested {
        let (name, open) = if let Some(open) = plan.holds_params(source, &name) {
            (name, open)
        } else {
            let name = known_name(plan, source, name);
            let open = plan.holds_params(source, &name).unwrap_or(false);
            (name, open)
        };
        let value = json(node.value, open, 0);
        fields.push(Field {
            name,
            value,
            raw: Cow::Borrowed(node.raw),
        });
        return;
    }
    let objects = match node.value {
        Value::Object(entries) => vec![entries],
        Value::Array(items) => items
            .into_iter()
            .filter_map(|item| {
                if let Value::Object(entries) = item.value {
                    Some(entries)
                } else {
                    None
                }
            })
            .collect(),
        _ => Vec::new(),
    };
    for (key, node) in objects.into_iter().flatten() {
        flatten(plan, source, Cow::Owned(format!("{name}.{key}")), node, fields);
    }
}

/// The name under which the profile knows a field: exports write `meta_user` for `meta.user`, and a
/// dotted key of an object that is part of the record carries the object's name.
fn known_name<'a>(plan: &ProfilePlan, source: usize, name: Cow<'a, str>) -> Cow<'a, str> {
    let merged = plan.profile.wrappers.merged.iter();
    let inner = merged
        .filter_map(|key| name.strip_prefix(key.as_str())?.strip_prefix('.'))
        .find(|inner| plan.is_leaf(source, inner));
    // Nearly every name has neither form, so whether it is known as it stands is asked last.
    match inner.or_else(|| plan.unmangled(source, &name)) {
        Some(known) if !plan.is_leaf(source, &name) => Cow::Owned(known.to_owned()),
        _ => name,
    }
}

/// Depth to which JSON inside strings of parameters is opened.
const MAX_NESTED_STRINGS: usize = 4;

/// A tree as the redactor's value. With `open`, strings that hold a JSON object or array become it.
fn json(value: Value<'_>, open: bool, depth: usize) -> Json<'_> {
    match value {
        Value::Null => Json::Null,
        Value::Bool(yes) => Json::Bool(yes),
        Value::Number(text) => Json::Number(Cow::Borrowed(text)),
        Value::String(text) => {
            let looks = open && depth < MAX_NESTED_STRINGS && text.trim_start().starts_with(['{', '[']);
            looks
                .then(|| open_string(text, depth + 1))
                .flatten()
                .unwrap_or(Json::String(Cow::Borrowed(text)))
        }
        Value::Array(items) => Json::Array(
            items
                .into_iter()
                .map(|item| json(item.value, open, depth))
                .collect(),
        ),
        Value::Object(entries) => Json::Object(
            entries
                .into_iter()
                .map(|(key, node)| (Cow::Borrowed(key), json(node.value, open, depth)))
                .collect(),
        ),
    }
}

/// The JSON inside a string, as a value of its own.
fn open_string(text: &str, depth: usize) -> Option<Json<'static>> {
    let (mut copy, mut buffers) = (Vec::new(), simd_json::Buffers::default());
    let root = tree::parse_any(text, &mut copy, &mut buffers, &Limits::default()).ok()?;
    Some(own(json(root.value, true, depth)))
}

fn own(value: Json<'_>) -> Json<'static> {
    match value {
        Json::Null => Json::Null,
        Json::Bool(yes) => Json::Bool(yes),
        Json::Number(text) => Json::Number(Cow::Owned(text.into_owned())),
        Json::String(text) => Json::String(Cow::Owned(text.into_owned())),
        Json::Array(items) => Json::Array(items.into_iter().map(own).collect()),
        Json::Object(entries) => Json::Object(
            entries
                .into_iter()
                .map(|(key, value)| (Cow::Owned(key.into_owned()), own(value)))
                .collect(),
        ),
    }
}

#[cfg(test)]
mod tests;
