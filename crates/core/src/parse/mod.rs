//! From a line's bytes to a [`Record`].
//!
//! ```text
//! line -> wrapper (prefix, envelope, string) -> tree -> source -> flat fields under dotted names
//! ```
//!
//! simd-json validates the line and unescapes its strings on a copy; the tree keeps, for every value,
//! its text as it stands in the line, so that untouched values can be handed out byte for byte.
//! Duplicate keys are kept: every occurrence counts.

mod tree;
mod wrapper;

use std::borrow::Cow;

use decostop_redact::{Field, Json, ProfilePlan, Record};

use crate::Limits;
use crate::sink::Reason;
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
/// `source` is what the input's name says; without it the record's discriminators must tell. A line
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
    let (body, prefix_time) = wrapper::strip_prefix(line);
    let text = std::str::from_utf8(body).map_err(|_| Reason::Unparsable)?;
    let root = tree::parse(text, outer, buffers, limits)?;
    let mut found = wrapper::unwrap(plan, root, source);
    let mut buffer = [inner, innermost].into_iter();
    while let (Some(text), Some(buffer)) = (found.string, buffer.next()) {
        let (body, _) = wrapper::strip_prefix(text.as_bytes());
        let body = std::str::from_utf8(body).unwrap_or_default();
        // A string that only looks like a wrapped line is an ordinary value.
        let Ok(root) = tree::parse(body, buffer, buffers, limits) else {
            break;
        };
        let next = wrapper::unwrap(plan, root, found.source.or(source));
        found = wrapper::Unwrapped {
            source: next.source.or(found.source),
            time: next.time.or(found.time),
            ..next
        };
    }
    let source = source.or(found.source).ok_or(Reason::Source)?;
    let mut fields = Vec::with_capacity(found.entries.len() + 8);
    for (name, node) in found.entries {
        flatten(plan, source, Cow::Borrowed(name), node, &mut fields);
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
        let open = plan.is_params(source, &name);
        let value = json(node.value, open, 0);
        fields.push(Field {
            name,
            value,
            raw: node.raw,
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
