//! `decostop check`: the conditions, one by one, and the route that follows.

use std::io::{self, Write};

use anyhow::Result;
use decostop::request::Request;
use decostop::request::conditions::{self, Assessment};

use crate::args::Check;
use crate::exit::Exit;
use crate::settings;
use crate::terminal::{self, BAD, GOOD, HEAD, WARN};

pub(crate) fn run(args: &Check) -> Result<Exit> {
    let profile = settings::profile(&args.profile)?;
    let request = settings::load(&args.request, &profile)?;
    let assessment = conditions::check(&request, &profile, settings::now());
    let mut to = terminal::data();
    if args.json {
        writeln!(to, "{}", assessment.to_json(&request))?;
    } else {
        write(&mut to, &request, &assessment)?;
    }
    to.flush()?;
    Ok(if assessment.accepted {
        Exit::Done
    } else {
        Exit::Refused
    })
}

/// The whole assessment, for people.
pub(crate) fn write(to: &mut impl Write, request: &Request, assessment: &Assessment) -> io::Result<()> {
    let end = |instant: Option<_>| {
        instant.map_or_else(
            || "open".to_owned(),
            |at: decostop::request::Instant| at.to_string(),
        )
    };
    writeln!(to, "{HEAD}request{HEAD:#}  {}", request.id)?;
    writeln!(
        to,
        "{HEAD}window{HEAD:#}   from {} to {}",
        end(request.window.from),
        end(request.window.to)
    )?;
    writeln!(to)?;
    for result in &assessment.results {
        let (style, word) = match (&result.excepted, result.holds) {
            (_, true) => (GOOD, "holds"),
            (Some(_), false) => (WARN, "set aside"),
            (None, false) => (BAD, "fails"),
        };
        writeln!(
            to,
            "  {style}{word:<9}{style:#}  {:<16}  {}",
            result.id, result.detail
        )?;
        if let Some(excepted) = result.excepted.as_ref().filter(|_| !result.holds) {
            writeln!(
                to,
                "  {:<9}  {:<16}  exception: {} (approved by {})",
                "", "", excepted.reason, excepted.by
            )?;
        }
    }
    writeln!(to)?;
    write!(to, "{HEAD}route{HEAD:#}    {}", assessment.route)?;
    if !assessment.route_reasons.is_empty() {
        write!(to, ", because {}", assessment.route_reasons.join("; "))?;
    }
    writeln!(to)?;
    warnings(to, assessment)?;
    let failed = assessment
        .results
        .iter()
        .filter(|result| result.refuses())
        .count() as u64;
    if assessment.accepted {
        writeln!(to, "{GOOD}accepted{GOOD:#}")
    } else {
        writeln!(
            to,
            "{BAD}refused{BAD:#}: {} to be met, or set aside by an approved [[exception]]",
            terminal::count(failed, "condition")
        )
    }
}

/// The conditions that refuse a request, and what would make them hold.
pub(crate) fn write_refusal(to: &mut impl Write, assessment: &Assessment) -> io::Result<()> {
    for result in assessment.results.iter().filter(|result| result.refuses()) {
        writeln!(to, "  {BAD}fails{BAD:#}  {:<16}  {}", result.id, result.detail)?;
    }
    Ok(())
}

/// What may go wrong although nothing forbids it.
pub(crate) fn warnings(to: &mut impl Write, assessment: &Assessment) -> io::Result<()> {
    for warning in &assessment.warnings {
        writeln!(to, "{WARN}warning:{WARN:#} {warning}")?;
    }
    Ok(())
}
