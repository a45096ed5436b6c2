//! One error type for the whole library: what went wrong, where, and never the log's bytes.

use std::error::Error as StdError;
use std::fmt;
use std::path::{Path, PathBuf};

/// The kind of an [`Error`]: who must act, and which exit code the binary uses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request, profile or a setting is wrong; nothing was read.
    Config,
    /// A condition of the request does not hold.
    Refused,
    /// An input could not be opened or decoded.
    Source,
    /// An output could not be written.
    Sink,
    /// A limit was reached that ends the run.
    Limit,
    /// The verifier found something that must not leave.
    Leak,
    /// The caller asked to stop.
    Interrupted,
    /// A bug in decostop: a panic in a worker, a broken invariant.
    Internal,
}

/// A place in an input.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Origin {
    /// The input, as the caller named it.
    pub path: PathBuf,
    /// Offset of the line's first byte in the decoded stream.
    pub offset: Option<u64>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        self.offset
            .map_or(Ok(()), |offset| write!(f, " at decoded byte {offset}"))
    }
}

/// Something ended a dive, or kept it from starting. The text never holds log bytes.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    origin: Option<Origin>,
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    /// An error of `kind`; `message` must not hold log bytes.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            origin: None,
            cause: None,
        }))
    }

    /// An operating system's refusal at `path`.
    pub fn io(kind: ErrorKind, path: &Path, doing: &str, cause: std::io::Error) -> Self {
        Self::new(kind, format!("cannot {doing}"))
            .at(Origin {
                path: path.to_owned(),
                offset: None,
            })
            .because(cause)
    }

    /// Adds the place, unless one is known already.
    #[must_use]
    pub fn at(mut self, origin: Origin) -> Self {
        self.0.origin.get_or_insert(origin);
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn because(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Adds what the user can do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// The kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the reader of an output went away: the clean end of a filter rather than a failure.
    pub fn is_broken_pipe(&self) -> bool {
        let cause = self
            .0
            .cause
            .as_ref()
            .and_then(|cause| cause.downcast_ref::<std::io::Error>());
        cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
    }

    /// What the user can do, if anything is known.
    pub fn advice(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Where it happened, if known.
    pub fn origin(&self) -> Option<&Origin> {
        self.0.origin.as_ref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.0.origin {
            write!(f, "{origin}: ")?;
        }
        f.write_str(&self.0.message)?;
        self.0
            .cause
            .as_ref()
            .map_or(Ok(()), |cause| write!(f, ": {cause}"))
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.0.kind)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0
            .cause
            .as_ref()
            .map(|cause| cause.as_ref() as &(dyn StdError + 'static))
    }
}
