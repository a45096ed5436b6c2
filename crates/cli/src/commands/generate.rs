//! `decostop completions` and `decostop man`: both follow from the definition of the flags.

use std::collections::BTreeSet;
use std::io::Write as _;

use anyhow::Result;
use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Arg, Command, CommandFactory as _};
use decostop::pipeline::ARTEFACT_SOURCE;
use decostop::{Error, ErrorKind};
use decostop_profile::Profile;

use crate::args::{Cli, Completions, Man};
use crate::exit::Exit;
use crate::terminal;

pub(crate) fn completions(args: &Completions) -> Result<Exit> {
    let mut text = Vec::new();
    let mut command = with_values(Cli::command(), &Profile::gitlab());
    clap_complete::generate(args.shell, &mut command, "decostop", &mut text);
    let mut to = terminal::data();
    to.write_all(&text)?;
    to.flush()?;
    Ok(Exit::Done)
}

/// The command with the names of sources and events as values, for completion alone: what is typed is
/// judged by the profile in use, which may be another one.
fn with_values(command: Command, profile: &Profile) -> Command {
    let sources = profile.sources.iter().map(|source| source.name.clone());
    let mut with_artefact: Vec<String> = sources.clone().collect();
    with_artefact.push(ARTEFACT_SOURCE.to_owned());
    let sources: Vec<String> = sources.collect();
    let families: BTreeSet<String> = profile
        .events
        .iter()
        .filter_map(|event| {
            event
                .name
                .split_once('.')
                .map(|(family, _)| format!("{family}.*"))
        })
        .collect();
    let events: Vec<PossibleValue> = profile
        .events
        .iter()
        .map(|event| PossibleValue::new(event.name.clone()).help(event.about.clone()))
        .chain(families.into_iter().map(PossibleValue::new))
        .collect();
    each(command, &|name, arg| match arg.get_id().as_str() {
        "source" if name == "redact" => arg.value_parser(PossibleValuesParser::new(with_artefact.clone())),
        "sources" => arg.value_parser(PossibleValuesParser::new(sources.clone())),
        "events" => arg.value_parser(PossibleValuesParser::new(events.clone())),
        "pattern" if name == "events" => arg.value_parser(PossibleValuesParser::new(events.clone())),
        "name" if name == "show" => arg.value_parser(PossibleValuesParser::new(
            Profile::builtin_names().collect::<Vec<_>>(),
        )),
        _ => arg,
    })
}

/// The command with each argument of it and of what is below it changed.
fn each(command: Command, change: &impl Fn(&str, Arg) -> Arg) -> Command {
    let name = command.get_name().to_owned();
    let below: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    let command = command.mut_args(|arg| change(&name, arg));
    below.into_iter().fold(command, |command, sub| {
        command.mut_subcommand(sub, |sub| each(sub, change))
    })
}

pub(crate) fn man(args: &Man) -> Result<Exit> {
    let command = Cli::command();
    if let Some(dir) = &args.dir {
        std::fs::create_dir_all(dir)
            .and_then(|()| clap_mangen::generate_to(command, dir))
            .map_err(|cause| Error::io(ErrorKind::Sink, dir, "write the man pages", cause))?;
        return Ok(Exit::Done);
    }
    let mut text = Vec::new();
    clap_mangen::Man::new(command).render(&mut text)?;
    let mut to = terminal::data();
    to.write_all(&text)?;
    to.flush()?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use clap_complete::Shell;

    use super::*;

    /// Flags that a user may meet, of a command and of all below it.
    fn flags(command: &Command) -> BTreeSet<String> {
        let own = command
            .get_arguments()
            .filter(|arg| !arg.is_hide_set())
            .filter_map(|arg| arg.get_long().map(str::to_owned));
        own.chain(command.get_subcommands().flat_map(flags)).collect()
    }

    #[test]
    fn completions_know_every_flag_source_and_event() {
        let profile = Profile::gitlab();
        for shell in [
            Shell::Bash,
            Shell::Zsh,
            Shell::Fish,
            Shell::Elvish,
            Shell::PowerShell,
        ] {
            let mut text = Vec::new();
            let mut command = with_values(Cli::command(), &profile);
            clap_complete::generate(shell, &mut command, "decostop", &mut text);
            let text = String::from_utf8(text).expect("text");
            for flag in flags(&Cli::command()) {
                assert!(text.contains(&flag), "{shell}: --{flag}");
            }
            // The other shells' scripts have no place for values.
            if matches!(shell, Shell::Bash | Shell::Zsh | Shell::Fish) {
                let sources = profile.sources.iter().map(|source| &source.name);
                for name in sources.chain(profile.events.iter().map(|event| &event.name)) {
                    assert!(text.contains(name.as_str()), "{shell}: {name}");
                }
            }
        }
    }

    #[test]
    fn man_pages_tell_every_flag_of_every_command() {
        fn check(command: &Command, page: &str, dir: &Path, pages: &mut usize) {
            let text = fs::read_to_string(dir.join(format!("{page}.1"))).expect(page);
            let text = text.replace("\\-", "-");
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                if let Some(long) = arg.get_long() {
                    assert!(text.contains(&format!("--{long}")), "{page}: --{long}");
                }
                let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
                let words = help.split_whitespace().next().unwrap_or_default();
                assert!(text.contains(words), "{page}: {help}");
            }
            assert!(text.contains("Example"), "{page}: no example");
            *pages += 1;
            for sub in command.get_subcommands() {
                check(sub, &format!("{page}-{}", sub.get_name()), dir, pages);
            }
        }
        let dir = tempfile::tempdir().expect("a temporary directory");
        let args = Man {
            dir: Some(dir.path().to_owned()),
        };
        man(&args).expect("pages");
        let mut pages = 0;
        check(&Cli::command(), "decostop", dir.path(), &mut pages);
        assert_eq!(
            fs::read_dir(dir.path()).expect("a directory").count(),
            pages,
            "a page a command"
        );
    }
}
