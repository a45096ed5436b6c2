//! `decostop redact`: lines of one source in, redacted lines out.

use std::io::{self, BufWriter, Write as _};
use std::path::Path;

use anyhow::Result;
use decostop::Limits;
use decostop::artefact::dictionary;
use decostop::pipeline::{ARTEFACT_SOURCE, LineRedactor, redact_stream};
use decostop::stats::Standing;
use decostop_redact::RequestKey;

use super::cluster;
use crate::args::{ProgressMode, Redact, Working};
use crate::exit::Exit;
use crate::settings::{self, Key};
use crate::terminal::{self, WARN, count};

pub(crate) fn run(args: &Redact) -> Result<Exit> {
    if let (Some(shard), Some(facts), Some(out)) = (&args.shard, &args.facts, &args.out) {
        let secret = settings::shared_key("--shard", args.keys.key_file.as_ref())?;
        let working = Working {
            threads: args.threads,
            no_mmap: args.no_mmap,
            allow_withheld: args.allow_withheld,
            progress: ProgressMode::default(),
            quiet: args.quiet,
        };
        return cluster::redact(shard, facts, secret, &working, out);
    }
    let source = args.source.as_deref().unwrap_or_default();
    let profile = settings::profile(&args.profile)?;
    let rules = settings::rules(&args.rules, &profile)?;
    let request = args
        .request
        .as_ref()
        .map(|path| settings::load(path, &profile))
        .transpose()?;
    let id = request.as_ref().map_or("", |request| request.id.as_str());
    let key = match settings::key(&args.keys)? {
        Key::Request(key) => key,
        Key::Material(material) => *RequestKey::derive(&material, id).as_bytes(),
        Key::Fresh => *RequestKey::derive(&settings::random()?, id).as_bytes(),
    };
    let mut known: Vec<_> = settings::accounts(args.keys.accounts.as_deref())?
        .iter()
        .map(|(class, value)| (class, value.to_owned(), Standing::Foreign))
        .collect();
    // Records of an artefact are judged by what their dive had learned; its key lies beside that.
    let internal = args.keys.key_file.as_deref().and_then(Path::parent);
    if let Some(internal) = internal.filter(|_| source == ARTEFACT_SOURCE) {
        known.extend(dictionary(internal)?);
    }
    let mut output = BufWriter::with_capacity(1 << 16, io::stdout().lock());
    let mut redactor = LineRedactor::with_rules(
        request.as_ref(),
        &profile,
        rules,
        source,
        key,
        &known,
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
