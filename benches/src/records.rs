//! Records that are looked at again and again.

use std::borrow::Cow;

use decostop_redact::{Field, Json, Record};

/// A record that outlives its line. Its text is never freed; a benchmark ends soon.
pub fn keep(record: &Record<'_>) -> Record<'static> {
    let field = |field: &Field<'_>| Field {
        name: own(&field.name),
        value: json(&field.value),
        raw: field.raw.to_string().into(),
    };
    Record {
        source: record.source,
        fields: record.fields.iter().map(field).collect(),
        envelope_time: record.envelope_time.as_deref().map(own),
    }
}

fn own(text: &str) -> Cow<'static, str> {
    Cow::Owned(text.to_owned())
}

fn json(value: &Json<'_>) -> Json<'static> {
    match value {
        Json::Null => Json::Null,
        Json::Bool(yes) => Json::Bool(*yes),
        Json::Number(text) => Json::Number(own(text)),
        Json::String(text) => Json::String(own(text)),
        Json::Array(items) => Json::Array(items.iter().map(json).collect()),
        Json::Object(entries) => Json::Object(
            entries
                .iter()
                .map(|(key, value)| (own(key), json(value)))
                .collect(),
        ),
    }
}
