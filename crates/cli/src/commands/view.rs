//! `decostop view`: an artefact's records as a table.

use std::fmt::Write as _;
use std::io::{self, Write};

use anyhow::Result;
use decostop::artefact::{self, Artefact, COLUMNS, Filter};

use crate::args::View;
use crate::exit::Exit;
use crate::settings;
use crate::terminal::{self, HEAD, cut, number};

/// Records shown unless the user says otherwise.
const LIMIT: u64 = 100;
/// Records that decide how wide the columns are.
const SAMPLE: usize = 500;
/// Between two columns.
const GAP: usize = 2;
/// No column is made narrower than this.
const NARROWEST: usize = 8;

type Row = [String; COLUMNS.len()];
type Widths = [usize; COLUMNS.len()];

pub(crate) fn run(args: &View) -> Result<Exit> {
    let artefact = artefact::open(&args.dir)?;
    let filter = filter(args)?;
    let mut to = terminal::data();
    if args.json {
        lines(&mut to, &artefact, &filter, args.limit.unwrap_or(0))?;
        to.flush()?;
        return Ok(Exit::Done);
    }
    let fitting = table(&mut to, &artefact, &filter, args.limit.unwrap_or(LIMIT))?;
    to.flush()?;
    let total = artefact.manifest().records.total;
    let mut talk = terminal::talk();
    if fitting.more {
        write!(
            talk,
            "the first {} of {} records",
            number(fitting.shown),
            number(total)
        )?;
        writeln!(
            talk,
            "; --limit 0 shows all, --source, --event, --actor, --since, --until fewer"
        )?;
    } else {
        writeln!(talk, "{} of {} records", number(fitting.shown), number(total))?;
    }
    Ok(Exit::Done)
}

fn filter(args: &View) -> Result<Filter> {
    let now = settings::now();
    let mut filter = Filter::default();
    for source in &args.sources {
        filter = filter.source(source);
    }
    for event in &args.events {
        filter = filter.event(event);
    }
    if let Some(actor) = &args.actor {
        filter = filter.actor(actor);
    }
    if let Some(from) = settings::time("--since", args.since.as_ref(), now)? {
        filter = filter.from_ns(from);
    }
    if let Some(to) = settings::time("--until", args.until.as_ref(), now)? {
        filter = filter.to_ns(to);
    }
    Ok(filter)
}

/// Whether there is room for one more; a limit of 0 is none.
fn room(shown: u64, limit: u64) -> bool {
    limit == 0 || shown < limit
}

fn lines(to: &mut impl Write, artefact: &Artefact, filter: &Filter, limit: u64) -> Result<()> {
    let mut shown = 0;
    for record in artefact.records()? {
        let record = record?;
        if !filter.matches(&record) {
            continue;
        }
        if !room(shown, limit) {
            break;
        }
        shown += 1;
        writeln!(to, "{}", record.line())?;
    }
    Ok(())
}

struct Fitting {
    shown: u64,
    more: bool,
}

fn table(to: &mut impl Write, artefact: &Artefact, filter: &Filter, limit: u64) -> Result<Fitting> {
    let screen = terminal::width();
    let mut sample: Vec<Row> = Vec::new();
    let mut columns = None;
    let mut fitting = Fitting {
        shown: 0,
        more: false,
    };
    for record in artefact.records()? {
        let record = record?;
        if !filter.matches(&record) {
            continue;
        }
        if !room(fitting.shown, limit) {
            fitting.more = true;
            break;
        }
        fitting.shown += 1;
        if let Some(widths) = columns {
            row(to, &record.cells(), widths, screen.is_some())?;
            continue;
        }
        sample.push(record.cells());
        if sample.len() == SAMPLE {
            columns = Some(head(to, &sample, screen)?);
            sample.clear();
        }
    }
    if columns.is_none() {
        head(to, &sample, screen)?;
    }
    Ok(fitting)
}

/// Writes the head and the rows so far, and says how wide the columns are.
fn head(to: &mut impl Write, rows: &[Row], screen: Option<usize>) -> io::Result<Widths> {
    let widths = fit(rows, screen);
    write!(to, "{HEAD}")?;
    row(to, &COLUMNS.map(ToOwned::to_owned), widths, screen.is_some())?;
    write!(to, "{HEAD:#}")?;
    for cells in rows {
        row(to, cells, widths, screen.is_some())?;
    }
    Ok(widths)
}

/// Widths that show everything, or as much of it as the screen has room for: the widest column
/// gives way first.
fn fit(rows: &[Row], screen: Option<usize>) -> Widths {
    let mut widths: Widths = COLUMNS.map(|name| name.chars().count());
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.chars().count().max(*width);
        }
    }
    let Some(screen) = screen else { return widths };
    let room = screen.saturating_sub(GAP * (COLUMNS.len() - 1));
    while widths.iter().sum::<usize>() > room {
        let Some(widest) = widths.iter_mut().max().filter(|width| **width > NARROWEST) else {
            break;
        };
        *widest -= 1;
    }
    widths
}

fn row(to: &mut impl Write, cells: &Row, widths: Widths, fitted: bool) -> io::Result<()> {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let cell = if fitted { cut(cell, width) } else { cell.clone() };
        let _ = write!(line, "{cell:width$}{:GAP$}", "");
    }
    writeln!(to, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(event: &str) -> Row {
        [
            "2026-11-01T00:00:00.123Z",
            "production_json",
            event,
            "user-mzxw6ytboi2tsnjrgqzda",
            "acme/api",
            "",
            "200",
        ]
        .map(ToOwned::to_owned)
    }

    fn text(rows: &[Row], screen: Option<usize>) -> String {
        let mut to = Vec::new();
        head(&mut to, rows, screen).expect("a Vec takes everything");
        anstream::adapter::strip_str(&String::from_utf8(to).expect("text")).to_string()
    }

    #[test]
    fn columns_are_fitted_to_the_screen() {
        let rows = [cells("membership.added"), cells(&"very.long.".repeat(20))];
        for screen in [80, 100, 120] {
            for line in text(&rows, Some(screen)).lines() {
                assert!(line.chars().count() <= screen, "{screen}: {line}");
            }
        }
        assert!(text(&rows, Some(100)).contains('…'));
    }

    #[test]
    fn nothing_is_cut_where_nobody_looks() {
        let long = "very.long.".repeat(20);
        let text = text(&[cells(&long)], None);
        assert!(text.contains(&long) && !text.contains('…'));
    }

    #[test]
    fn a_limit_of_zero_is_none() {
        assert!(room(5, 0) && room(4, 5) && !room(5, 5));
    }
}
