//! `decostop view`: an artefact's records as a table.

use std::collections::VecDeque;
use std::io::{self, IsTerminal as _, Write};

use anstyle::{AnsiColor, Style};
use anyhow::Result;
use decostop::artefact::{self, Artefact, COLUMNS, Filter, Manifest, Record, printable};
use decostop::request::near;

use crate::args::View;
use crate::exit::{Exit, usage};
use crate::pager::Pager;
use crate::settings;
use crate::terminal::{self, HEAD, WARN, columns, count, cut, cut_front, number, padded};

/// Records shown unless the user says otherwise.
const LIMIT: u64 = 100;
/// Records that decide how wide the columns are.
const SAMPLE: usize = 500;
/// Between two columns.
const GAP: usize = 2;
/// No column is made narrower than this.
const NARROWEST: usize = 8;

pub(crate) fn run(args: &View) -> Result<Exit> {
    let artefact = artefact::open(&args.dir)?;
    let filter = filter(args)?;
    let names = names(args)?;
    let pager = Pager::start(!args.no_pager);
    let usual = if args.json || pager.runs() { 0 } else { LIMIT };
    let choice = Choice {
        filter: &filter,
        limit: args.tail.unwrap_or_else(|| args.limit.unwrap_or(usual)),
        last: args.tail.is_some(),
        reverse: args.reverse,
    };
    let screen = terminal::width();
    let seen = pager.show(|to| {
        if args.json {
            // A pipe gets the lines as they are.
            let escape = io::stdout().is_terminal();
            return choice.each(&artefact, |record| {
                let line = if escape {
                    record.printable_line()
                } else {
                    record.line().to_owned()
                };
                writeln!(to, "{line}")
            });
        }
        let mut table = Table::new(&names, screen);
        let mut seen = choice.each(&artefact, |record| table.take(to, record))?;
        table.close(to)?;
        seen.missing = table.missing();
        Ok(seen)
    })?;
    if let Some(seen) = seen {
        tell(args, &seen, artefact.manifest())?;
    }
    Ok(Exit::Done)
}

/// Says on standard error how much of how many was shown.
fn tell(args: &View, seen: &Seen, manifest: &Manifest) -> io::Result<()> {
    let (mut to, total) = (terminal::talk(), manifest.records.total);
    if seen.fitting == 0 && total > 0 {
        for (asked, what, there) in [
            (&args.sources, "source", &manifest.records.by_source),
            (&args.events, "event", &manifest.records.by_event),
        ] {
            let stranger = |name: &&String| !name.contains('*') && !there.contains_key(*name);
            for name in asked.iter().filter(stranger) {
                let known = near(name, there.keys().map(String::as_str));
                let hint = known.unwrap_or_else(|| format!("here are {}", some(there.keys())));
                let name = printable(name);
                writeln!(
                    to,
                    "{WARN}warning:{WARN:#} no record has the {what} {name}; {hint}"
                )?;
            }
        }
    }
    for name in &seen.missing {
        let name = printable(name);
        writeln!(
            to,
            "{WARN}warning:{WARN:#} no record shown has a field {name}; --json shows all fields"
        )?;
    }
    if args.json {
        return Ok(());
    }
    let fitting = if seen.fitting == total {
        count(total, "record")
    } else {
        format!("{} that fit, of {}", number(seen.fitting), count(total, "record"))
    };
    if seen.shown == seen.fitting {
        let fitting = if seen.fitting == total {
            fitting
        } else {
            fitting.replace(" that fit,", "")
        };
        return writeln!(to, "{fitting}");
    }
    let which = if args.tail.is_some() || args.reverse {
        "last"
    } else {
        "first"
    };
    writeln!(
        to,
        "the {which} {} of {fitting}; --limit 0 shows all, filters such as --event or --actor fewer",
        number(seen.shown)
    )
}

/// A few names of many.
fn some<'n>(names: impl ExactSizeIterator<Item = &'n String>) -> String {
    const SHOWN: usize = 8;
    let more = names.len().saturating_sub(SHOWN);
    let shown: Vec<String> = names.take(SHOWN).map(|name| printable(name)).collect();
    let rest = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    format!("{}{rest}", shown.join(", "))
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
    for actor in &args.actors {
        filter = filter.actor(actor);
    }
    for namespace in &args.namespaces {
        filter = filter.namespace(namespace);
    }
    for project in &args.projects {
        filter = filter.project(project);
    }
    for ip in &args.ips {
        filter = filter.ip(ip)?;
    }
    for status in &args.statuses {
        filter = filter.status(status);
    }
    for text in &args.texts {
        filter = filter.holds(text);
    }
    let zone = args.zone.clone().unwrap_or_default();
    let from = settings::time("--since", args.since.as_ref(), now, &zone)?;
    let to = settings::time("--until", args.until.as_ref(), now, &zone)?;
    settings::in_order(from, to)?;
    if let Some(from) = from {
        filter = filter.from_ns(from);
    }
    if let Some(to) = to {
        filter = filter.to_ns(to);
    }
    Ok(filter)
}

fn names(args: &View) -> Result<Vec<String>> {
    if args.columns.is_empty() {
        return Ok(COLUMNS.map(ToOwned::to_owned).to_vec());
    }
    let names: Vec<String> = args.columns.iter().map(|name| name.trim().to_owned()).collect();
    if names.iter().any(String::is_empty) {
        return Err(usage(
            "--columns names a field without a name",
            "write --columns time,event,actor",
        ));
    }
    Ok(names)
}

/// Which records are shown, and in which order.
struct Choice<'a> {
    filter: &'a Filter,
    /// 0 is no limit.
    limit: u64,
    /// The last ones rather than the first.
    last: bool,
    reverse: bool,
}

/// What was shown.
#[derive(Default)]
struct Seen {
    shown: u64,
    fitting: u64,
    /// Columns that no record had.
    missing: Vec<String>,
}

impl Choice<'_> {
    fn each(&self, artefact: &Artefact, mut show: impl FnMut(&Record) -> io::Result<()>) -> Result<Seen> {
        let mut seen = Seen::default();
        // From behind, what is shown first is known at the end only.
        let behind = self.last || self.reverse;
        let all = self.limit == 0 && !self.last;
        let mut kept = VecDeque::new();
        for record in decostop_columnar::records(artefact)? {
            let record = record?;
            if !self.filter.matches(&record) {
                continue;
            }
            seen.fitting += 1;
            if behind {
                kept.push_back(record);
                if !all && kept.len() as u64 > self.limit {
                    kept.pop_front();
                }
            } else if all || seen.shown < self.limit {
                seen.shown += 1;
                show(&record)?;
            }
        }
        seen.shown += kept.len() as u64;
        if self.reverse {
            kept.make_contiguous().reverse();
        }
        for record in &kept {
            show(record)?;
        }
        Ok(seen)
    }
}

/// A table whose columns become as wide as the first records need, and the screen allows.
struct Table<'a> {
    names: &'a [String],
    /// Whether a record had the column.
    had: Vec<bool>,
    screen: Option<usize>,
    sample: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
}

impl<'a> Table<'a> {
    fn new(names: &'a [String], screen: Option<usize>) -> Self {
        Self {
            names,
            had: vec![false; names.len()],
            screen,
            sample: Vec::new(),
            widths: None,
        }
    }

    fn missing(&self) -> Vec<String> {
        let with_records = self.widths.is_some() && self.had.iter().any(|had| *had);
        let missing = self
            .names
            .iter()
            .zip(&self.had)
            .filter(|(name, had)| with_records && !**had && !COLUMNS.contains(&name.as_str()));
        missing.map(|(name, _)| name.clone()).collect()
    }

    fn take(&mut self, to: &mut dyn Write, record: &Record) -> io::Result<()> {
        let cells: Vec<String> = self.names.iter().map(|name| self.cell(record, name)).collect();
        for (had, name) in self.had.iter_mut().zip(self.names) {
            *had |= record.fields().contains_key(name);
        }
        if let Some(widths) = &self.widths {
            return self.row(to, &cells, widths);
        }
        self.sample.push(cells);
        if self.sample.len() == SAMPLE {
            self.close(to)?;
        }
        Ok(())
    }

    fn cell(&self, record: &Record, name: &str) -> String {
        let text = record.cell(name);
        // Where room is scarce, to the second and without what is always the same.
        match (name, self.screen, text.get(..19)) {
            ("time", Some(_), Some(second)) if text.ends_with('Z') => second.replacen('T', " ", 1),
            _ => text,
        }
    }

    /// Writes the head and the rows so far, once it is known how wide the columns are.
    fn close(&mut self, to: &mut dyn Write) -> io::Result<()> {
        if self.widths.is_some() {
            return Ok(());
        }
        let widths = self.fit();
        let head: Vec<String> = self
            .names
            .iter()
            .zip(&widths)
            .map(|(name, width)| padded(&cut(&printable(name), *width), *width))
            .collect();
        let gap = " ".repeat(GAP);
        writeln!(to, "{HEAD}{}{HEAD:#}", head.join(&gap).trim_end())?;
        for cells in std::mem::take(&mut self.sample) {
            self.row(to, &cells, &widths)?;
        }
        self.widths = Some(widths);
        Ok(())
    }

    /// Widths that show everything, or as much of it as the screen has room for: the widest column
    /// gives way first, the time last.
    fn fit(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.names.iter().map(|name| columns(&printable(name))).collect();
        for row in &self.sample {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = columns(cell).max(*width);
            }
        }
        let Some(screen) = self.screen else { return widths };
        let room = screen.saturating_sub(GAP * self.names.len().saturating_sub(1));
        while widths.iter().sum::<usize>() > room {
            let give = |time: bool| {
                let of_time = self.names.iter().map(move |name| (name == "time") == time);
                let wide = widths.iter().zip(of_time).enumerate();
                wide.filter(|(_, (width, fits))| *fits && **width > NARROWEST)
                    .max_by_key(|(_, (width, _))| **width)
                    .map(|(at, _)| at)
            };
            let Some(width) = give(false)
                .or_else(|| give(true))
                .and_then(|at| widths.get_mut(at))
            else {
                break;
            };
            *width -= 1;
        }
        widths
    }

    fn cut(&self, name: &str, cell: &str, width: usize) -> String {
        match (self.screen, name) {
            (None, _) => cell.to_owned(),
            (_, "namespace" | "project" | "path" | "uri") => cut_front(cell, width),
            _ => cut(cell, width),
        }
    }

    fn row(&self, to: &mut dyn Write, cells: &[String], widths: &[usize]) -> io::Result<()> {
        let last = cells.iter().rposition(|cell| !cell.is_empty()).unwrap_or(0);
        let row = cells
            .iter()
            .zip(widths)
            .zip(self.names)
            .take(last + 1)
            .enumerate();
        for (at, ((cell, width), name)) in row {
            let (style, shown) = (style(name, cell), self.cut(name, cell, *width));
            let blank = if at == last {
                0
            } else {
                (width + GAP).saturating_sub(columns(&shown))
            };
            write!(to, "{style}{shown}{style:#}{:blank$}", "")?;
        }
        writeln!(to)
    }
}

fn style(name: &str, cell: &str) -> Style {
    let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    match (name, cell.bytes().next()) {
        (_, None) => Style::new(),
        ("time", _) => Style::new().dimmed(),
        ("source", _) => colour(AnsiColor::Cyan),
        ("event", _) => Style::new().bold(),
        ("actor", _) => colour(AnsiColor::Green),
        ("namespace" | "project", _) => colour(AnsiColor::Blue),
        ("ip", _) => colour(AnsiColor::Magenta),
        ("status", Some(b'4')) => colour(AnsiColor::Yellow),
        ("status", Some(b'5')) => colour(AnsiColor::Red),
        _ => Style::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(event: &str) -> Vec<String> {
        [
            "2026-11-01 00:00:00",
            "production_json",
            event,
            "user-mzxw6ytboi2tsnjrgqzda",
            "acme/api",
            "",
            "200",
        ]
        .map(ToOwned::to_owned)
        .to_vec()
    }

    fn text(rows: &[Vec<String>], screen: Option<usize>) -> String {
        let names = COLUMNS.map(ToOwned::to_owned);
        let mut table = Table::new(&names, screen);
        table.sample = rows.to_vec();
        let mut to = Vec::new();
        table.close(&mut to).expect("a Vec takes everything");
        anstream::adapter::strip_str(&String::from_utf8(to).expect("text")).to_string()
    }

    #[test]
    fn columns_are_fitted_to_the_screen() {
        let rows = [
            cells("membership.added"),
            cells(&"very.long.".repeat(20)),
            cells(&"日本語".repeat(20)),
        ];
        for screen in [80, 100, 120] {
            let text = text(&rows, Some(screen));
            for line in text.lines() {
                assert!(columns(line) <= screen, "{screen}: {line}");
            }
            assert!(
                text.contains('…') && text.contains("2026-11-01 00:00:00"),
                "the time is cut last"
            );
            let places: Vec<Option<usize>> = text
                .lines()
                .skip(1)
                .map(|line| line.find("acme/api").map(|at| columns(&line[..at])))
                .collect();
            assert!(
                places.iter().all(|place| place.is_some() && *place == places[0]),
                "{text}"
            );
        }
        assert!(text(&rows, Some(100)).contains('…'));
    }

    #[test]
    fn nothing_is_cut_where_nobody_looks() {
        let long = "very.long.".repeat(20);
        let text = text(&[cells(&long)], None);
        assert!(text.contains(&long) && !text.contains('…'));
    }
}
