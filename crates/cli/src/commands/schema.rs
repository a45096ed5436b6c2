//! `decostop schema`.

use std::io::{self, Write as _};

use anyhow::Result;

use crate::args::{Schema, SchemaOf};
use crate::exit::Exit;
use crate::terminal;

pub(crate) fn run(args: &Schema) -> Result<Exit> {
    let schema = match args.of {
        SchemaOf::Request => decostop::request::schema::request(),
        SchemaOf::Manifest => decostop::request::schema::manifest(),
        SchemaOf::Summary => decostop::request::schema::summary(),
    };
    let mut to = terminal::data();
    serde_json::to_writer_pretty(&mut to, &schema).map_err(io::Error::from)?;
    writeln!(to)?;
    to.flush()?;
    Ok(Exit::Done)
}
