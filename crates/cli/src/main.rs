//! The `decostop` binary: flags, terminal, exit codes. The library does the work.

#![deny(unsafe_code)]

mod args;
mod commands;
mod exit;
mod interrupt;
mod mapping;
mod pager;
mod settings;
mod terminal;

use std::io::Write as _;
use std::panic;
use std::process::ExitCode;

use clap::Parser as _;

use crate::exit::Exit;

fn main() -> ExitCode {
    panic::set_hook(Box::new(|info| {
        // The payload may quote a log; the place cannot.
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let mut to = terminal::talk();
        let _ = writeln!(
            to,
            "error: a bug in decostop, at {place}; nothing of this run is to be used"
        );
    }));
    let cli = match args::Cli::try_parse() {
        Ok(cli) => cli,
        Err(told) => {
            let asked_for = !told.use_stderr();
            let printed = told.print();
            return if asked_for && printed.is_ok() {
                Exit::Done.into()
            } else {
                Exit::Usage.into()
            };
        }
    };
    if let Err(cause) = interrupt::install() {
        let _ = writeln!(
            terminal::talk(),
            "warning: Ctrl-C cannot be handled ({cause}); it ends the run at once"
        );
    }
    mapping::install_guard();
    let done = panic::catch_unwind(|| commands::run(cli.command));
    let exit = match done {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => exit::report(&failure),
        // The hook has told.
        Err(_) => Exit::Usage,
    };
    exit.into()
}
