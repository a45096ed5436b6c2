//! One module for each command.

use anyhow::Result;

use crate::args::Command;
use crate::exit::Exit;

mod check;
mod events;
mod generate;
mod lookup;
mod profile;
mod request;
mod schema;
mod synth;
mod verify;
mod view;

/// Does what was typed.
pub(crate) fn run(command: Command) -> Result<Exit> {
    match command {
        Command::Check(args) => check::run(&args),
        Command::Events(args) => events::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Request(args) => request::run(&args),
        Command::Synth(args) => synth::run(&args),
        Command::Completions(args) => generate::completions(&args),
        Command::Man(args) => generate::man(&args),
        Command::Verify(args) => verify::run(&args),
        Command::View(args) => view::run(&args),
        Command::Lookup(args) => lookup::run(&args),
        _ => Err(crate::exit::usage(
            "this command is not available yet",
            "`decostop --help` lists the others",
        )),
    }
}
