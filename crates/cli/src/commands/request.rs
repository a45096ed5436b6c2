//! `decostop request new`.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Result;
use decostop::{Error, ErrorKind};

use crate::args::{Request, RequestAction};
use crate::exit::Exit;
use crate::{settings, terminal};

pub(crate) fn run(args: &Request) -> Result<Exit> {
    let RequestAction::New { file } = &args.action;
    let text = decostop::request::template(settings::now());
    let Some(path) = file else {
        let mut to = terminal::data();
        to.write_all(text.as_bytes())?;
        to.flush()?;
        return Ok(Exit::Done);
    };
    create(path, &text).map_err(|cause| {
        let there = cause.kind() == io::ErrorKind::AlreadyExists;
        let error = Error::io(ErrorKind::Config, path, "make the request", cause);
        if there {
            error.hint("it was left as it is; choose another name")
        } else {
            error
        }
    })?;
    let shown = terminal::shell(path);
    writeln!(
        terminal::talk(),
        "{shown} is to be filled in; then `decostop check {shown}` says what is missing"
    )?;
    Ok(Exit::Done)
}

fn create(path: &Path, text: &str) -> io::Result<()> {
    File::create_new(path)?.write_all(text.as_bytes())
}
