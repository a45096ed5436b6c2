//! A parsed line, before redaction. Nothing here can be written anywhere: a sink takes only what the
//! verifier has passed.

use std::borrow::Cow;
use std::fmt;

/// A JSON value with its text as it stood in the line.
#[derive(Clone, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "JSON has these six")]
pub enum Json<'a> {
    /// `null`
    Null,
    /// `true` or `false`
    Bool(bool),
    /// A number, as written.
    Number(Cow<'a, str>),
    /// A string, unescaped.
    String(Cow<'a, str>),
    /// An array.
    Array(Vec<Json<'a>>),
    /// An object with its keys in order, duplicates included.
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

impl Json<'_> {
    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a string, or a number as written.
    pub fn as_scalar(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Number(text) => Some(text),
            _ => None,
        }
    }
}

/// One field under its dotted name. A nested object appears as several fields, unless the profile
/// gives the object itself a class.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "built by the parser and by tests")]
pub struct Field<'a> {
    /// Dotted name, unescaped.
    pub name: Cow<'a, str>,
    /// The value.
    pub value: Json<'a>,
    /// The value's JSON text: byte for byte as in the line, if that is JSON.
    pub raw: Cow<'a, str>,
}

/// A line's fields in their original order, duplicates included.
#[derive(Clone)]
#[expect(clippy::exhaustive_structs, reason = "built by the parser and by tests")]
pub struct Record<'a> {
    /// Index of the source in the profile.
    pub source: usize,
    /// The fields.
    pub fields: Vec<Field<'a>>,
    /// A time taken from the line's wrapper, for records that have none of their own.
    pub envelope_time: Option<Cow<'a, str>>,
}

impl<'a> Record<'a> {
    /// All values of a field.
    pub fn values<'r, 'n>(&'r self, name: &'n str) -> impl Iterator<Item = &'r Field<'a>> + use<'r, 'n, 'a> {
        self.fields.iter().filter(move |field| field.name == name)
    }

    /// The text of the first non-empty string or number of that name.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .filter(|field| field.name == name)
            .find_map(|field| field.value.as_scalar())
            .filter(|text| !text.is_empty())
    }
}

impl fmt::Debug for Json<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("null"),
            Self::Bool(_) => f.write_str("<bool>"),
            Self::Number(text) => write!(f, "<number of {} bytes>", text.len()),
            Self::String(text) => write!(f, "<string of {} bytes>", text.len()),
            Self::Array(items) => write!(f, "<{} items>", items.len()),
            Self::Object(entries) => write!(f, "<{} entries>", entries.len()),
        }
    }
}

impl fmt::Debug for Field<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Field(<{} bytes>: {:?})", self.name.len(), self.value)
    }
}

impl fmt::Debug for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Record(<{} fields>)", self.fields.len())
    }
}
