//! `decostop redact`: lines of one source in, redacted lines out.

use std::io::{self, BufWriter, Write as _};

use anyhow::Result;
use decostop::Limits;
use decostop::pipeline::{LineRedactor, redact_stream};
use decostop::request::Request;
use decostop_redact::RequestKey;

use crate::args::Redact;
use crate::exit::Exit;
use crate::settings::{self, Key};
use crate::terminal::{self, WARN, count};

pub(crate) fn run(args: &Redact) -> Result<Exit> {
    let profile = settings::profile(&args.profile)?;
    let request = args
        .request
        .as_ref()
        .map(|path| Request::load(path, &profile))
        .transpose()?;
    let id = request.as_ref().map_or("", |request| request.id.as_str());
    let key = match settings::key(&args.keys)? {
        Key::Request(key) => key,
        Key::Material(material) => *RequestKey::derive(&material, id).as_bytes(),
        Key::Fresh => *RequestKey::derive(&settings::random()?, id).as_bytes(),
    };
    let accounts = settings::accounts(&args.keys)?;
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut redactor = LineRedactor::new(
        request.as_ref(),
        &profile,
        &args.source,
        key,
        &accounts,
        &Limits::default(),
    )?;
    let stats = redact_stream(&mut redactor, &mut io::stdin().lock(), &mut output)?;
    output.flush()?;
    if stats.withheld > 0 {
        let (withheld, lines) = (count(stats.withheld, "line"), count(stats.lines, "line"));
        writeln!(
            terminal::talk(),
            "{WARN}incomplete:{WARN:#} {withheld} of {lines} withheld, so the exit code is 2"
        )?;
        return Ok(Exit::Incomplete);
    }
    if !args.quiet {
        writeln!(terminal::talk(), "{} redacted", count(stats.written, "line"))?;
    }
    Ok(Exit::Done)
}
