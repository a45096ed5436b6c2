//! What a finding says: which rule, and where. Never the value.

use std::fmt;

use serde::Serialize;

/// Where a finding lies.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Place {
    /// The record as a whole, or a file as a whole.
    Whole,
    /// A field, by a name that the profile knows or that is made of its vocabulary.
    Field(String),
    /// A field whose name may not be told, by its position from 1.
    Position(usize),
    /// A key of the manifest or of an internal file, dotted.
    Key(String),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("as a whole"),
            Self::Field(name) => write!(f, "field {name}"),
            Self::Position(nth) => write!(f, "field no. {nth}"),
            Self::Key(key) => write!(f, "key {key}"),
        }
    }
}

/// One thing that may not be disclosed as it is: the rule it broke and its place.
///
/// The first component of a rule's id says which half of the verifier found it: `closure` (not
/// among what is allowed), `survival` (something foreign, secret or internal in some view) or
/// `artefact` (the files themselves).
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Leak {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<u64>,
    place: Place,
    rule: String,
}

impl Leak {
    pub(crate) fn new(rule: impl Into<String>, place: Place) -> Self {
        Self {
            file: None,
            record: None,
            place,
            rule: rule.into(),
        }
    }

    pub(crate) fn in_file(mut self, file: &str) -> Self {
        self.file = Some(file.to_owned());
        self
    }

    pub(crate) fn in_record(mut self, number: u64) -> Self {
        self.record = Some(number);
        self
    }

    /// The id of the rule, such as `closure.unknown_field`.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// The field or key.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The record's number from 1, when a whole artefact was read.
    pub fn record(&self) -> Option<u64> {
        self.record
    }

    /// The file's path inside the artefact, when a whole artefact was read.
    pub fn file(&self) -> Option<&str> {
        self.file.as_deref()
    }
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}: ")?;
        }
        if let Some(number) = self.record {
            write!(f, "record {number}: ")?;
        }
        write!(f, "{}: {}", self.place, self.rule)
    }
}
