//! A request's text as a tree in which every key and value knows where it stands.
//!
//! TOML and JSON become the same tree, so both give the same errors.

use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

use super::json;
use crate::{Error, ErrorKind, Origin};

/// A value and the byte offset at which it starts.
pub(super) struct Node {
    pub(super) at: usize,
    pub(super) value: Value,
}

pub(super) enum Value {
    Bool(bool),
    Float,
    Integer(Option<i64>),
    List(Vec<Node>),
    Null,
    Table(Vec<Entry>),
    Text(String),
    Time(Datetime),
}

/// A key of a table with its value.
pub(super) struct Entry {
    pub(super) at: usize,
    pub(super) key: String,
    pub(super) node: Node,
}

impl Value {
    /// What it is, as an error says it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "a boolean",
            Self::Float => "a number with a fraction",
            Self::Integer(_) => "an integer",
            Self::List(_) => "a list",
            Self::Null => "null",
            Self::Table(_) => "a table",
            Self::Text(_) => "a string",
            Self::Time(_) => "a date or time",
        }
    }
}

/// The text of a request and where it came from: what an error needs to name a place.
pub(super) struct Document<'t> {
    pub(super) text: &'t str,
    pub(super) path: Option<PathBuf>,
}

impl<'t> Document<'t> {
    pub(super) fn new(text: &'t str, path: Option<&Path>) -> Self {
        Self {
            text: text.strip_prefix('\u{feff}').unwrap_or(text),
            path: path.map(Path::to_owned),
        }
    }

    /// Reads the text as JSON if it looks like it, else as TOML.
    pub(super) fn read(&self) -> Result<Node, Error> {
        let named_json = self
            .path
            .as_deref()
            .and_then(Path::extension)
            .is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
        if named_json || self.text.trim_start().starts_with('{') {
            return json::parse(self.text).map_err(|fault| self.error(fault.at, "", fault.reason));
        }
        match DeTable::parse(self.text) {
            Ok(table) => Ok(Node {
                at: 0,
                value: Value::Table(entries(table.into_inner())),
            }),
            // Only the parser's description: its `Display` quotes the line.
            Err(fault) => {
                let at = fault.span().map_or(self.text.len(), |span| span.start);
                Err(self.error(at, "", fault.message()))
            }
        }
    }

    /// An error at a byte offset. `key` is the dotted key at fault, empty if there is none.
    pub(super) fn error(&self, at: usize, key: &str, reason: &str) -> Error {
        let (line, column) = self.position(at);
        let key = if key.is_empty() {
            String::new()
        } else {
            format!("{key}: ")
        };
        let error = Error::new(
            ErrorKind::Config,
            format!("line {line}, column {column}: {key}{reason}"),
        );
        match &self.path {
            Some(path) => error.at(Origin {
                path: path.clone(),
                offset: None,
            }),
            None => error,
        }
    }

    /// Line and column, from 1, in characters.
    fn position(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = memchr::memchr_iter(b'\n', before.as_bytes()).count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |tail| tail.chars().count()) + 1;
        (line, column)
    }
}

fn entries(table: DeTable<'_>) -> Vec<Entry> {
    let entry = |(key, value): (Spanned<_>, _)| {
        let at = key.span().start;
        Entry {
            at,
            key: std::borrow::Cow::into_owned(key.into_inner()),
            node: node(value),
        }
    };
    table.into_iter().map(entry).collect()
}

fn node(value: Spanned<DeValue<'_>>) -> Node {
    let at = value.span().start;
    let value = match value.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(number) => Value::Integer(i64::from_str_radix(number.as_str(), number.radix()).ok()),
        DeValue::Float(_) => Value::Float,
        DeValue::Boolean(yes) => Value::Bool(yes),
        DeValue::Datetime(time) => Value::Time(time),
        DeValue::Array(items) => Value::List(items.into_iter().map(node).collect()),
        DeValue::Table(table) => Value::Table(entries(table)),
    };
    Node { at, value }
}
