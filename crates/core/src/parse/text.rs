//! Lines that are no JSON, by the patterns of their source or as logfmt.

use std::borrow::Cow;

use decostop_profile::{Class, Format, Source, read_logfmt};
use decostop_redact::{Field, Json, quoted};

/// What stands for "nothing" in access logs.
const ABSENT: &str = "-";

/// The fields of a text line of a source; `None` if it fits nothing.
pub(super) fn fields<'a>(source: &'a Source, text: &'a str) -> Option<Vec<Field<'a>>> {
    let by_pattern = || {
        let mut pairs = source.lines.iter().find_map(|pattern| pattern.read(text))?;
        pairs.retain(|(_, value)| value != ABSENT);
        Some(pairs)
    };
    let pairs = match source.format {
        Format::Text => by_pattern()?,
        Format::Logfmt => read_logfmt(text).or_else(by_pattern)?,
        _ => return None,
    };
    Some(
        pairs
            .into_iter()
            .map(|(name, value)| field(source, name, value))
            .collect(),
    )
}

fn field<'a>(source: &Source, name: &'a str, value: Cow<'a, str>) -> Field<'a> {
    // A status is a number in JSON, and so it is here; ids are read from text as well as from numbers.
    let is_number = source.class_of(name) == Some(Class::Status)
        && value.len() <= 6
        && !(value.len() > 1 && value.starts_with('0'))
        && value.bytes().all(|byte| byte.is_ascii_digit())
        && !value.is_empty();
    let (raw, value) = if is_number {
        (value.clone(), Json::Number(value))
    } else {
        (Cow::Owned(quoted(&value)), Json::String(value))
    };
    Field {
        name: Cow::Borrowed(name),
        value,
        raw,
    }
}
