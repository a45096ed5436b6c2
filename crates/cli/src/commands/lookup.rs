//! `decostop lookup`: from a pseudonym to the value, logged.

use std::io::{self, Write as _};

use anyhow::Result;
use decostop::artefact::{self, Asker};
use serde::Serialize;

use crate::args::Lookup;
use crate::exit::{Exit, usage};
use crate::{settings, terminal};

#[derive(Serialize)]
struct Told<'a> {
    class: &'a str,
    value: &'a str,
}

pub(crate) fn run(args: &Lookup) -> Result<Exit> {
    let user = match &args.who {
        Some(who) => who.clone(),
        None => whoami()?,
    };
    let time = settings::now().to_string();
    let values = artefact::lookup(
        &args.dir,
        &args.pseudonym,
        Asker {
            time: &time,
            user: &user,
        },
    )?;
    let mut to = terminal::data();
    if args.json {
        let told: Vec<Told<'_>> = values
            .iter()
            .map(|(class, value)| Told { class, value })
            .collect();
        serde_json::to_writer_pretty(&mut to, &told).map_err(io::Error::from)?;
        writeln!(to)?;
    } else {
        for (class, value) in &values {
            // The value is a log's: a terminal must not obey it.
            writeln!(to, "{class:<12}  {}", value.escape_debug())?;
        }
    }
    to.flush()?;
    writeln!(
        terminal::talk(),
        "logged for {user} in {}",
        terminal::shell(&args.dir.join("internal/lookups.ndjson"))
    )?;
    Ok(Exit::Done)
}

fn whoami() -> Result<String> {
    let named = ["USER", "LOGNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|who| !who.is_empty()));
    named.ok_or_else(|| {
        usage(
            "who asks is logged, and the environment does not say",
            "give --as NAME",
        )
    })
}
