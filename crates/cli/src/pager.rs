//! The user's pager, for output that somebody reads on a terminal.

use std::env;
use std::io::{self, IsTerminal as _, Write};
use std::process::{Child, Command, Stdio};

use anstream::{AutoStream, ColorChoice};

use crate::interrupt::{self, LeftToPager};
use crate::terminal;

/// Ends at once if all fits on the screen, shows colours, and leaves the text on the screen.
const LESS: &str = "FRX";

/// Standard output, or a pager before it.
pub(crate) enum Pager {
    /// Nobody pages.
    None,
    /// A pager that takes the output.
    Running(Child, LeftToPager),
}

impl Pager {
    /// Starts `$PAGER`, or `less`, if standard output is a terminal and the user wants it.
    pub(crate) fn start(wanted: bool) -> Self {
        if !wanted || !io::stdout().is_terminal() {
            return Self::None;
        }
        let Some(command) = command(env::var("PAGER").ok()) else {
            return Self::None;
        };
        let mut shell = Command::new("sh");
        shell.arg("-c").arg(&command).stdin(Stdio::piped());
        if env::var_os("LESS").is_none() {
            shell.env("LESS", LESS);
        }
        let left = interrupt::leave_to_pager();
        // Without a pager the output is still there to be read.
        shell
            .spawn()
            .map_or(Self::None, |child| Self::Running(child, left))
    }

    /// Whether a pager runs.
    pub(crate) fn runs(&self) -> bool {
        matches!(self, Self::Running(..))
    }

    /// Lets `write` write, and waits until the pager is left. A reader who leaves early is no failure.
    pub(crate) fn show<T>(
        self,
        write: impl FnOnce(&mut dyn Write) -> anyhow::Result<T>,
    ) -> anyhow::Result<Option<T>> {
        let Self::Running(mut child, left) = self else {
            let mut to = terminal::data();
            let done = write(&mut to)?;
            to.flush()?;
            return Ok(Some(done));
        };
        let done = child.stdin.take().map(|to| {
            let choice = match AutoStream::choice(&io::stdout()) {
                ColorChoice::Never => ColorChoice::Never,
                _ => ColorChoice::AlwaysAnsi,
            };
            let to: Box<dyn Write> = Box::new(io::BufWriter::new(to));
            let mut to = AutoStream::new(to, choice);
            let done = write(&mut to)?;
            to.flush()?;
            anyhow::Ok(done)
        });
        child.wait()?;
        drop(left);
        match done.transpose() {
            Err(error) if is_left(&error) => Ok(None),
            done => done,
        }
    }
}

fn is_left(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// What is run, given the environment's choice; nothing if that is no pager.
fn command(chosen: Option<String>) -> Option<String> {
    match chosen {
        None => Some(format!("less -{LESS}")),
        Some(chosen) if matches!(chosen.trim(), "" | "cat") => None,
        Some(chosen) => Some(chosen),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_chooses() {
        assert_eq!(command(None).as_deref(), Some("less -FRX"));
        assert_eq!(command(Some("most -s".into())).as_deref(), Some("most -s"));
        for none in ["", " ", "cat"] {
            assert_eq!(command(Some(none.into())), None);
        }
    }
}
