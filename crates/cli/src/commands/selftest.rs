//! `decostop selftest`: canaries in a copy of the real logs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use anyhow::Result;
use decostop::selftest::{Outcome, SelfTest};

use crate::args;
use crate::exit::Exit;
use crate::terminal::{self, BAD, GOOD, HEAD, WARN, count, number, padded};
use crate::{interrupt, settings};

/// Survivors told on a terminal; --json has up to 1,000.
const SHOWN: usize = 30;

pub(crate) fn run(args: &args::SelfTest) -> Result<Exit> {
    let profile = settings::profile(&args.profile)?;
    let request = settings::load(&args.request, &profile)?;
    let now = settings::now();
    let mut test = SelfTest::new(request, profile)
        .inputs(args.paths.iter().cloned())
        .source_of(args.source_of.clone())
        .sample(args.sample as usize)
        .threads(args.threads.map_or(0, usize::from))
        .now(SystemTime::UNIX_EPOCH + Duration::from_nanos(now.0.unsigned_abs()))
        .cancel(interrupt::flag());
    if let Some(seed) = args.seed {
        test = test.seed(seed);
    }
    let heeded = interrupt::heed();
    let outcome = test.run();
    drop(heeded);
    let outcome = outcome?;
    let mut to = terminal::data();
    if args.json {
        serde_json::to_writer_pretty(&mut to, &outcome).map_err(io::Error::from)?;
        writeln!(to)?;
    } else {
        tell(&mut to, &outcome)?;
    }
    to.flush()?;
    Ok(exit_of(&outcome))
}

fn exit_of(outcome: &Outcome) -> Exit {
    if outcome.leaks() {
        Exit::Leak
    } else if outcome.is_incomplete() {
        Exit::Incomplete
    } else {
        Exit::Done
    }
}

fn tell(to: &mut impl Write, outcome: &Outcome) -> io::Result<()> {
    matrix(to, outcome)?;
    writeln!(to)?;
    let names = outcome.sources.iter().map(|source| source.source.len()).max();
    let width = names.unwrap_or(0).max(6);
    writeln!(
        to,
        "{HEAD}{}  sampled  planted  support  personal{HEAD:#}",
        padded("source", width)
    )?;
    for source in &outcome.sources {
        let found = |mode: &str| {
            let found = source.found.get(mode);
            found.map_or_else(|| "-".to_owned(), |found| number(*found))
        };
        write!(
            to,
            "{}  {:>7}  {:>7}  {:>7}  {:>8}",
            padded(&source.source, width),
            number(source.sampled),
            number(source.planted),
            found("support"),
            found("personal")
        )?;
        if source.planted == 0 {
            write!(to, "  {WARN}no line of it can concern this scope{WARN:#}")?;
        }
        writeln!(to)?;
    }
    for survivor in outcome.survivors.iter().take(SHOWN) {
        writeln!(
            to,
            "{BAD}survived{BAD:#}  {} as {} in {} of {} stands in {} ({})",
            survivor.kind,
            survivor.encoding,
            survivor.planted_in,
            survivor.source,
            survivor.found_in,
            survivor.mode
        )?;
    }
    for stopped in outcome.stopped.iter().take(SHOWN) {
        let finding = &stopped.finding;
        writeln!(
            to,
            "{BAD}stopped by the verifier{BAD:#}  {} at {} ({}): {}",
            finding.rule,
            finding.place,
            stopped.mode,
            stopped.canaries.join(", ")
        )?;
    }
    let planted: u64 = outcome.cells.iter().map(|cell| cell.planted).sum();
    let survived = outcome.survivors.len() as u64 + outcome.further_survivors;
    let style = if outcome.leaks() { BAD } else { GOOD };
    writeln!(
        to,
        "\n{style}{} planted, {} survived{style:#}{}",
        terminal::count(planted, "canary").replace("canarys", "canaries"),
        number(survived),
        if outcome.stopped.is_empty() {
            String::new()
        } else {
            format!(
                ", {} stopped by the verifier",
                count(outcome.stopped.len() as u64, "record")
            )
        }
    )?;
    let style = if outcome.is_incomplete() { WARN } else { GOOD };
    writeln!(
        to,
        "{style}{} expected, {} missed{style:#} ({} withheld)",
        count(outcome.expected, "record"),
        number(outcome.missed),
        number(outcome.withheld)
    )?;
    writeln!(to, "seed {}", outcome.seed)
}

/// Kinds by spellings: how many were planted, and how many survived where any did.
fn matrix(to: &mut impl Write, outcome: &Outcome) -> io::Result<()> {
    let mut cells: BTreeMap<&str, BTreeMap<&str, (u64, u64)>> = BTreeMap::new();
    let mut spellings = BTreeSet::new();
    for cell in &outcome.cells {
        let row = cells.entry(&cell.kind).or_default();
        let (planted, survived) = row.entry(cell.encoding).or_default();
        *planted += cell.planted;
        *survived += cell.survived;
        spellings.insert(cell.encoding);
    }
    let text = |&(planted, survived): &(u64, u64)| match survived {
        0 => number(planted),
        _ => format!("{}!{}", number(planted), number(survived)),
    };
    let first = cells.keys().map(|kind| kind.len()).max().unwrap_or(0);
    let width = |spelling: &str| {
        let cells = cells.values().filter_map(|row| row.get(spelling));
        let widest = cells.map(|cell| text(cell).len()).max().unwrap_or(0);
        widest.max(terminal::columns(spelling))
    };
    write!(to, "{HEAD}{}", padded("planted", first))?;
    for spelling in &spellings {
        write!(to, "  {:>1$}", spelling, width(spelling))?;
    }
    writeln!(to, "{HEAD:#}")?;
    for (kind, row) in &cells {
        write!(to, "{}", padded(kind, first))?;
        for spelling in &spellings {
            let cell = row.get(spelling);
            let style = if cell.is_some_and(|(_, survived)| *survived > 0) {
                BAD
            } else {
                anstyle::Style::new()
            };
            let shown = cell.map_or_else(|| "·".to_owned(), text);
            write!(to, "  {style}{:>1$}{style:#}", shown, width(spelling))?;
        }
        writeln!(to)?;
    }
    Ok(())
}
