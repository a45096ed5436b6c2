//! Why a policy could not be compiled.

use std::fmt;

/// A policy that cannot be used. Never holds log bytes; it may name a part of the profile or of the
/// request.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
enum Inner {
    ScopeTime(String),
    Template(String),
    Route(String),
    Range(String),
    Rule(String),
}

impl Error {
    pub(crate) fn scope_time(text: &str) -> Self {
        Self(Box::new(Inner::ScopeTime(text.to_owned())))
    }

    pub(crate) fn template(text: &str) -> Self {
        Self(Box::new(Inner::Template(text.to_owned())))
    }

    pub(crate) fn route(text: &str) -> Self {
        Self(Box::new(Inner::Route(text.to_owned())))
    }

    pub(crate) fn range(text: &str) -> Self {
        Self(Box::new(Inner::Range(text.to_owned())))
    }

    pub(crate) fn rule(id: &str) -> Self {
        Self(Box::new(Inner::Rule(id.to_owned())))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Inner::ScopeTime(text) => write!(f, "scope: `{text}` is not an instant (RFC 3339)"),
            Inner::Template(text) => write!(f, "profile: message template `{text}` cannot be compiled"),
            Inner::Route(text) => write!(f, "profile: route `{text}` cannot be compiled"),
            Inner::Range(text) => write!(f, "profile: internal range `{text}` is not CIDR"),
            Inner::Rule(id) => write!(
                f,
                "rules: the pattern of `{id}` is no regular expression over bytes"
            ),
        }
    }
}

impl std::error::Error for Error {}
