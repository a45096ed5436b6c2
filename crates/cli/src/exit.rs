//! Exit codes, and how failures are told.

use std::error::Error as StdError;
use std::io::{self, Write as _};
use std::process::ExitCode;

use anyhow::Error;
use decostop::ErrorKind;

use crate::terminal;

/// How the process ends.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// 0: done and complete.
    Done,
    /// 1: bad usage, request, profile or configuration, or the system refused.
    Usage,
    /// 2: something was withheld or unreadable.
    Incomplete,
    /// 3: a condition refused the request.
    Refused,
    /// 4: the verifier found a leak.
    Leak,
    /// 130: interrupted.
    Interrupted,
}

impl Exit {
    /// The number.
    pub(crate) fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Usage => 1,
            Self::Incomplete => 2,
            Self::Refused => 3,
            Self::Leak => 4,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// A failure that the binary itself found: a message and what to do about it.
pub(crate) fn usage(message: impl Into<String>, hint: impl Into<String>) -> Error {
    decostop::Error::new(ErrorKind::Config, message).hint(hint).into()
}

/// Tells a failure on standard error, with a hint if there is one, and says how to end.
pub(crate) fn report(failure: &Error) -> Exit {
    let exit = exit_of(failure);
    if exit == Exit::Done {
        return exit;
    }
    let mut to = terminal::talk();
    let hint = failure
        .downcast_ref::<decostop::Error>()
        .and_then(decostop::Error::advice)
        .or_else(|| is_full(failure).then_some(FULL));
    let (bad, good) = (terminal::BAD, terminal::GOOD);
    // Standard error may be gone; there is nowhere else to say so.
    let _ = writeln!(to, "{bad}error:{bad:#} {failure}");
    if let Some(hint) = hint {
        let _ = writeln!(to, "{good}hint:{good:#} {hint}");
    }
    exit
}

const FULL: &str = "make room there or choose another place; nothing of this run was kept";

/// Whether a disk was full, whichever part of the library met it.
fn is_full(failure: &Error) -> bool {
    fn full(error: &(dyn StdError + 'static)) -> bool {
        let io = error.downcast_ref::<io::Error>();
        let told = io.is_some_and(|io| {
            matches!(
                io.kind(),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded
            )
        });
        // An I/O error that wraps another one leaves it out of its `source`.
        let inner = io.and_then(io::Error::get_ref).is_some_and(|inner| full(inner));
        told || inner || error.source().is_some_and(full)
    }
    full(failure.as_ref())
}

fn exit_of(failure: &Error) -> Exit {
    if let Some(error) = failure.downcast_ref::<decostop::Error>() {
        return match error.kind() {
            _ if error.is_broken_pipe() => Exit::Done,
            ErrorKind::Interrupted => Exit::Interrupted,
            ErrorKind::Leak => Exit::Leak,
            ErrorKind::Refused => Exit::Refused,
            _ => Exit::Usage,
        };
    }
    let io = failure.downcast_ref::<io::Error>();
    if io.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe) {
        return Exit::Done;
    }
    Exit::Usage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_have_the_codes_of_the_contract() {
        let code = |kind| exit_of(&decostop::Error::new(kind, "x").into()).code();
        assert_eq!(code(ErrorKind::Interrupted), 130);
        assert_eq!(code(ErrorKind::Refused), 3);
        assert_eq!(code(ErrorKind::Leak), 4);
        for kind in [
            ErrorKind::Config,
            ErrorKind::Sink,
            ErrorKind::Source,
            ErrorKind::Limit,
            ErrorKind::Internal,
        ] {
            assert_eq!(code(kind), 1, "{kind:?}");
        }
    }

    #[test]
    fn a_full_disk_is_seen_through_the_layers() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let wrapped = decostop::Error::io(ErrorKind::Sink, std::path::Path::new("out"), "write it", full);
        assert!(is_full(&wrapped.into()));
        let twice = io::Error::other(io::Error::from(io::ErrorKind::StorageFull));
        assert!(is_full(&twice.into()));
        assert!(!is_full(&decostop::Error::new(ErrorKind::Sink, "x").into()));
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        let gone = || io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(exit_of(&gone().into()), Exit::Done);
        let wrapped = decostop::Error::new(ErrorKind::Sink, "x").because(gone());
        assert_eq!(exit_of(&wrapped.into()), Exit::Done);
        assert_eq!(exit_of(&io::Error::other("x").into()), Exit::Usage);
    }
}
