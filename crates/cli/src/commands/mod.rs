//! One module for each command.

use anyhow::Result;

use crate::args::Command;
use crate::exit::Exit;

mod check;
mod cluster;
mod demo;
mod dive;
mod events;
mod explain;
mod generate;
mod lookup;
mod plan;
mod profile;
mod redact;
mod request;
mod rules;
mod scan;
mod schema;
mod selftest;
mod stats;
mod summary;
mod synth;
mod verify;
mod view;
mod watch;

/// Does what was typed.
pub(crate) fn run(command: Command) -> Result<Exit> {
    match command {
        Command::Demo(args) => demo::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Plan(args) => plan::run(&args),
        Command::Scan(args) => scan::run(&args),
        Command::Summary(args) => summary::run(&args),
        Command::Redact(args) => redact::run(&args),
        Command::Learn(args) => cluster::learn(&args),
        Command::Merge(args) => cluster::merge(&args),
        Command::Gather(args) => cluster::gather(&args),
        Command::Verify(args) => verify::run(&args),
        Command::View(args) => view::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Lookup(args) => lookup::run(&args),
        Command::Request(args) => request::run(&args),
        Command::Events(args) => events::run(&args),
        Command::Profile(args) => profile::run(&args),
        Command::Rules(args) => rules::run(&args),
        Command::SelfTest(args) => selftest::run(&args),
        Command::Schema(args) => schema::run(&args),
        Command::Synth(args) => synth::run(&args),
        Command::Completions(args) => generate::completions(&args),
        Command::Man(args) => generate::man(&args),
    }
}
