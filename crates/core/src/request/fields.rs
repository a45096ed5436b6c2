//! Tables of the located tree: known keys only, each read with its place.

use std::collections::HashSet;
use std::hash::Hash;

use super::node::{Document, Entry, Node, Value};
use super::values::wrong;
use super::{Fault, near};
use crate::Error;

/// A table whose keys are all known.
pub(super) struct Fields<'n> {
    pub(super) doc: &'n Document<'n>,
    entries: &'n [Entry],
    at: usize,
    place: String,
}

impl<'n> Fields<'n> {
    /// A table under the dotted name `place`.
    pub(super) fn new(
        doc: &'n Document<'n>,
        node: &'n Node,
        place: &str,
        known: &[&str],
    ) -> Result<Self, Error> {
        let Value::Table(entries) = &node.value else {
            return Err(doc.error(
                node.at,
                place,
                &format!("expected a table, found {}", node.value.kind()),
            ));
        };
        let fields = Self {
            doc,
            entries,
            at: node.at,
            place: place.to_owned(),
        };
        match entries.iter().find(|entry| !known.contains(&entry.key.as_str())) {
            None => Ok(fields),
            Some(entry) => {
                let near = near::nearest(&entry.key, known.iter().copied());
                let hint = near::did_you_mean(&near)
                    .unwrap_or_else(|| known_list("the keys here are", known.iter().copied()));
                let name: String = entry.key.chars().take(64).collect();
                let key = fields.key(&name.escape_debug().to_string());
                Err(doc.error(entry.at, &key, "unknown key").hint(hint))
            }
        }
    }

    pub(super) fn key(&self, key: &str) -> String {
        if self.place.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.place)
        }
    }

    pub(super) fn entry(&self, key: &str) -> Option<&'n Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    pub(super) fn fault(&self, node: &Node, key: &str, fault: Fault) -> Error {
        self.error(node.at, key, fault)
    }

    pub(super) fn error(&self, at: usize, key: &str, fault: Fault) -> Error {
        let error = self.doc.error(at, &self.key(key), &fault.reason);
        match fault.hint {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }

    pub(super) fn wrong(&self, node: &Node, key: &str, want: &str) -> Error {
        self.fault(node, key, wrong(node, want))
    }

    pub(super) fn missing(&self, key: &str, reason: &str) -> Error {
        self.doc.error(self.at, &self.key(key), reason)
    }

    pub(super) fn need(&self, key: &str) -> Result<&'n Node, Error> {
        self.entry(key)
            .map(|entry| &entry.node)
            .ok_or_else(|| self.missing(key, "this key is missing"))
    }

    /// A value that must be there.
    pub(super) fn required<T>(
        &self,
        key: &str,
        read: impl Fn(&Node) -> Result<T, Fault>,
    ) -> Result<T, Error> {
        let node = self.need(key)?;
        read(node).map_err(|fault| self.fault(node, key, fault))
    }

    /// A value that may be absent.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        read: impl Fn(&Node) -> Result<T, Fault>,
    ) -> Result<Option<T>, Error> {
        let read = |entry: &Entry| read(&entry.node).map_err(|fault| self.fault(&entry.node, key, fault));
        self.entry(key).map(read).transpose()
    }

    /// The items of a list that may be absent but not empty, each with its node.
    pub(super) fn list(&self, key: &str) -> Result<&'n [Node], Error> {
        let Some(entry) = self.entry(key) else {
            return Ok(&[]);
        };
        match &entry.node.value {
            Value::List(items) if items.is_empty() => {
                let fault = Fault::new("an empty list").hint("leave the key out if nothing is meant");
                Err(self.fault(&entry.node, key, fault))
            }
            Value::List(items) => Ok(items),
            _ => Err(self.wrong(&entry.node, key, "a list")),
        }
    }

    /// A list of values that differ under `identity`.
    pub(super) fn distinct<T, K: Eq + Hash>(
        &self,
        key: &str,
        read: impl Fn(&Node) -> Result<T, Fault>,
        identity: impl Fn(&T) -> K,
    ) -> Result<Vec<T>, Error> {
        let items = self.list(key)?;
        let mut seen = HashSet::new();
        let mut values = Vec::with_capacity(items.len());
        for item in items {
            let value = read(item).map_err(|fault| self.fault(item, key, fault))?;
            if !seen.insert(identity(&value)) {
                return Err(self.fault(item, key, Fault::new("this entry is listed twice")));
            }
            values.push(value);
        }
        Ok(values)
    }

    /// A table that may be absent.
    pub(super) fn table<T>(
        &self,
        key: &str,
        known: &[&str],
        read: impl Fn(&Fields<'n>) -> Result<T, Error>,
    ) -> Result<Option<T>, Error> {
        let read = |entry: &'n Entry| read(&Fields::new(self.doc, &entry.node, &self.key(key), known)?);
        self.entry(key).map(read).transpose()
    }

    /// A list of tables that may be absent.
    pub(super) fn tables<T>(
        &self,
        key: &str,
        known: &[&str],
        read: impl Fn(&Fields<'n>) -> Result<T, Error>,
    ) -> Result<Vec<T>, Error> {
        let items = self.list(key)?;
        items
            .iter()
            .map(|item| read(&Fields::new(self.doc, item, &self.key(key), known)?))
            .collect()
    }
}

pub(super) fn known_list<'k>(lead: &str, known: impl Iterator<Item = &'k str>) -> String {
    format!("{lead} {}", known.collect::<Vec<_>>().join(", "))
}

/// The place of the first value that occurred before.
pub(super) fn duplicate<K: Eq + Hash>(mut values: impl Iterator<Item = K>) -> Option<usize> {
    let mut seen = HashSet::new();
    values.position(|value| !seen.insert(value))
}
