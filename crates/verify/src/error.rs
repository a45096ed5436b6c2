//! Why a verification could not be done at all. A leak is not an error, see [`crate::Leak`].

use std::fmt;
use std::path::{Path, PathBuf};

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The profile, the scope or an internal file does not have the expected form.
    Config,
    /// A file could not be read.
    Io,
    /// A limit was reached before an answer was found.
    Limit,
}

/// A verification that could not be done. `Display` names the file or part, never its content.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Error(#[source] Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    place: Place,
    reason: &'static str,
    cause: Option<std::io::Error>,
}

#[derive(Debug)]
enum Place {
    Path(PathBuf),
    Part(&'static str),
    Rule(Box<str>),
}

impl std::error::Error for Inner {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| cause as _)
    }
}

impl fmt::Display for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Path(path) => write!(f, "{}: {}", path.display(), self.reason)?,
            Place::Part(part) => write!(f, "{part}: {}", self.reason)?,
            Place::Rule(id) => write!(f, "rule {id:?}: {}", self.reason)?,
        }
        match &self.cause {
            Some(cause) => write!(f, ": {}", cause.kind()),
            None => Ok(()),
        }
    }
}

impl Error {
    /// A rule by its id.
    pub(crate) fn rule(id: &str) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::Config,
            place: Place::Rule(id.into()),
            reason: "its pattern is no regular expression over bytes",
            cause: None,
        }))
    }

    pub(crate) fn config(part: &'static str, reason: &'static str) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::Config,
            place: Place::Part(part),
            reason,
            cause: None,
        }))
    }

    pub(crate) fn file(path: &Path, reason: &'static str) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::Config,
            place: Place::Path(path.to_owned()),
            reason,
            cause: None,
        }))
    }

    pub(crate) fn io(path: &Path, cause: std::io::Error) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::Io,
            place: Place::Path(path.to_owned()),
            reason: "cannot be read",
            cause: Some(cause),
        }))
    }

    pub(crate) fn limit(path: &Path, reason: &'static str) -> Self {
        Self(Box::new(Inner {
            kind: ErrorKind::Limit,
            place: Place::Path(path.to_owned()),
            reason,
            cause: None,
        }))
    }

    /// What kind of failure it was.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The file or directory, if it is one.
    pub fn path(&self) -> Option<&Path> {
        match &self.0.place {
            Place::Path(path) => Some(path),
            _ => None,
        }
    }

    /// Whether a file could not be read.
    pub fn is_io(&self) -> bool {
        self.kind() == ErrorKind::Io
    }
}
