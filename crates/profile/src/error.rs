//! Why a profile was refused.

use std::fmt;

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not TOML of the profile's shape; the message names the key.
    Syntax,
    /// A part refers to something that does not exist, or two parts contradict each other.
    Inconsistent,
}

/// A profile that cannot be used. `Display` names the key or part at fault.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    place: String,
    reason: String,
}

impl Error {
    pub(crate) fn syntax(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Syntax, place, reason)
    }

    pub(crate) fn inconsistent(place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::new(ErrorKind::Inconsistent, place, reason)
    }

    fn new(kind: ErrorKind, place: impl Into<String>, reason: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            place: place.into(),
            reason: reason.into(),
        }))
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "profile: {}: {}", self.0.place, self.0.reason)
    }
}

impl std::error::Error for Error {}
