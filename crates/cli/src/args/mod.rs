//! The command line as typed: one definition for each flag, from which the parser, `--help`, the man
//! pages and the completions follow. No I/O.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

mod artefact;
mod cluster;
mod dive;
mod other;
mod trust;
mod values;

pub(crate) use artefact::{Lookup, Verify, View};
pub(crate) use cluster::{Gather, KEY_FILE, Learn, Merge, Working};
pub(crate) use dive::{Asked, Following, Format, Keys, Plan, ProgressMode, Reading, Redact, Scan, Summary};
pub(crate) use other::{
    Check, Codec, Completions, Demo, Events, Man, Profile, ProfileAction, Request, RequestAction, Rules,
    RulesAction, Schema, SchemaOf, Synth,
};
pub(crate) use trust::{Explain, SelfTest};

const ABOUT: &str = "Find the evidence in compressed logs, hand out only what may be handed out";

const LONG_ABOUT: &str = "\
decostop dives into compressed, multi-day application logs for the few lines that a customer may see.

A request says who asks, what they own and what to look for. Every record that comes out is built up \
from what is allowed, read again by a second, independent verifier, and written to a directory that \
appears only when it is complete. What cannot be decided is withheld and counted.

Examples:
  decostop demo                                   a small corpus, a dive, what to open
  decostop request new request.toml               an annotated request to fill in
  decostop check request.toml                     may this be looked into at all?
  decostop scan --request request.toml /var/log/gitlab --out SIRT-2041
  decostop verify SIRT-2041                       read the result again";

const EXIT_CODES: &str = "\
Exit codes (the first that applies of 130, 1, 3, 4, 2, 0):
    0  done and complete
    1  bad usage, request, profile or configuration; nothing was written
    2  incomplete: something was withheld or unreadable (the result of the rest is there and says so)
    3  the request was refused by a condition
    4  the verifier found a leak
  130  interrupted

Data goes to standard output only when asked for, talk to standard error. NO_COLOR is honoured.";

/// decostop's command line.
#[derive(Debug, Parser)]
#[command(name = "decostop", version, about = ABOUT, long_about = LONG_ABOUT, after_help = EXIT_CODES)]
#[command(
    max_term_width = 110,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands, as a user meets them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(Demo),
    Check(Check),
    Plan(Plan),
    Scan(Box<Scan>),
    Summary(Summary),
    Redact(Box<Redact>),
    Learn(Learn),
    Merge(Merge),
    Gather(Gather),
    Verify(Verify),
    View(View),
    Explain(Explain),
    Lookup(Lookup),
    Request(Request),
    Events(Events),
    Profile(Profile),
    Rules(Rules),
    #[command(name = "selftest")]
    SelfTest(SelfTest),
    Schema(Schema),
    Synth(Synth),
    Completions(Completions),
    Man(Man),
}

/// Which profile describes the logs.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ProfileFile {
    /// Profile that describes the logs: the name of a built-in one, or a file [default: gitlab]
    #[arg(long = "profile", value_name = "NAME|FILE", value_hint = clap::ValueHint::FilePath)]
    pub(crate) path: Option<PathBuf>,
}

/// Rules of detectors beside the built-in ones.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct RuleFiles {
    /// Rule file whose detectors are added to the built-in ones; repeatable [default: none]
    #[arg(long = "rules", value_name = "FILE", value_hint = clap::ValueHint::FilePath, help_heading = "Redaction")]
    pub(crate) rule_files: Vec<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_sound() {
        Cli::command().debug_assert();
    }

    fn walk(command: &clap::Command, look: &mut impl FnMut(&clap::Command)) {
        look(command);
        command.get_subcommands().for_each(|sub| walk(sub, look));
    }

    #[test]
    fn every_command_and_flag_has_help() {
        walk(&Cli::command(), &mut |command| {
            assert!(
                command.get_about().is_some(),
                "{} has no help",
                command.get_name()
            );
            for arg in command.get_arguments() {
                assert!(
                    arg.get_help().is_some(),
                    "{} {}",
                    command.get_name(),
                    arg.get_id()
                );
            }
        });
    }

    #[test]
    fn every_command_has_examples() {
        walk(&Cli::command(), &mut |command| {
            let long = command
                .get_long_about()
                .map(ToString::to_string)
                .unwrap_or_default();
            assert!(long.contains("Example"), "{} has no example", command.get_name());
        });
    }

    #[test]
    fn every_flag_tells_its_default() {
        walk(&Cli::command(), &mut |command| {
            for arg in command.get_arguments().filter(|arg| arg.get_long().is_some()) {
                let takes_one = arg.get_action().takes_values() && !arg.is_required_set();
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                let told = help.contains("[default:") || !arg.get_default_values().is_empty();
                assert!(
                    !takes_one || told,
                    "{} --{} has no default",
                    command.get_name(),
                    arg.get_id()
                );
            }
        });
    }
}
