//! `decostop completions` and `decostop man`: both follow from the definition of the flags.

use std::io::Write as _;

use anyhow::Result;
use clap::CommandFactory as _;
use decostop::{Error, ErrorKind};

use crate::args::{Cli, Completions, Man};
use crate::exit::Exit;
use crate::terminal;

pub(crate) fn completions(args: &Completions) -> Result<Exit> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "decostop", &mut text);
    let mut to = terminal::data();
    to.write_all(&text)?;
    to.flush()?;
    Ok(Exit::Done)
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
