//! Why a profile or a rule file was refused.

use std::fmt;

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The text is not TOML of the expected shape; the message names the key.
    Syntax,
    /// A part refers to something that does not exist, or two parts contradict each other.
    Inconsistent,
}

/// A profile, or a rule file, that cannot be used. `Display` says which of them and names the key or part
/// at fault.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    subject: &'static str,
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
            subject: "profile",
            place: place.into(),
            reason: reason.into(),
        }))
    }

    /// The same error of a rule file.
    pub(crate) fn of_rules(mut self) -> Self {
        self.0.subject = "rules";
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner {
            subject,
            place,
            reason,
            ..
        } = &*self.0;
        write!(f, "{subject}: {place}: {reason}")
    }
}

impl std::error::Error for Error {}
