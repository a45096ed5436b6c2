//! `decostop explain`: why a record looks as it does, and what is left in all of them.

use std::io::{self, Write};
use std::path::Path;

use anyhow::Result;
use decostop::artefact::{self, Artefact, Explainer, Explanation, Record, printable};
use decostop::request::Instant;
use decostop::residual::{Classes, Residual};
use decostop::{Error, ErrorKind};

use crate::args::Explain;
use crate::exit::{Exit, usage};
use crate::settings;
use crate::terminal::{self, GOOD, HEAD, WARN, columns, count, cut, number, padded};

/// No cell of a table is wider than this where somebody looks.
const WIDEST: usize = 48;
/// Rare records and words that are told; --json has all.
const SHOWN: usize = 12;

pub(crate) fn run(args: &Explain) -> Result<Exit> {
    let artefact = artefact::open(&args.dir)?;
    if args.residual {
        let internal = artefact.internal().ok_or_else(no_evidence)?;
        let residual = artefact::residual(internal)?;
        let mut to = terminal::data();
        if args.json {
            json(&mut to, &residual)?;
        } else {
            tell_residual(&mut to, &residual)?;
        }
        to.flush()?;
        return Ok(Exit::Done);
    }
    let explainer = Explainer::new(&artefact, settings::profile(&args.profile)?)?;
    let internal = artefact.internal().ok_or_else(no_evidence)?;
    let row = match (args.record, &args.time, &args.at) {
        (Some(number), _, _) => by_number(internal, number, artefact.manifest().records.total)?,
        (None, Some(time), _) => {
            let number = at_time(&artefact, time, args)?;
            by_number(internal, number, artefact.manifest().records.total)?
        }
        (None, None, Some(at)) => by_line(internal, at)?,
        (None, None, None) => return Err(usage("no record is named", "give its number, --time or --at")),
    };
    let number = row.ordinal + 1;
    let record = record(&artefact, number)?;
    let told = explainer.explain(number, &record, &row.input, row.offset, &row.removals)?;
    let mut to = terminal::data();
    if args.json {
        json(&mut to, &told)?;
    } else {
        tell(&mut to, &told)?;
    }
    to.flush()?;
    Ok(Exit::Done)
}

fn json(to: &mut impl Write, told: &impl serde::Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *to, told)?;
    writeln!(to)
}

fn no_evidence() -> anyhow::Error {
    usage(
        "there is no internal/ part to explain it by",
        "name the directory that a dive wrote with --out",
    )
}

/// What is needed of a row of provenance.
struct Row {
    ordinal: u64,
    input: String,
    offset: Option<u64>,
    removals: String,
}

impl From<decostop_columnar::Row> for Row {
    fn from(row: decostop_columnar::Row) -> Self {
        Self {
            ordinal: row.ordinal,
            input: row.input,
            offset: row.offset,
            removals: row.removals,
        }
    }
}

/// The rows from this one on, whichever format they are in.
fn rows(internal: &Path, from: u64) -> Result<Box<dyn Iterator<Item = Result<Row>>>> {
    let parquet = internal.join("provenance.parquet");
    if parquet.is_file() {
        let mut rows = decostop_columnar::read_provenance(&parquet)?;
        rows.skip_groups_before(from)?;
        return Ok(Box::new(rows.map(|row| Ok(row?.into()))));
    }
    let rows = artefact::read_ndjson(&internal.join("provenance.ndjson"))?;
    Ok(Box::new(rows.map(|row| {
        let row = row?;
        Ok(Row {
            ordinal: row.ordinal,
            input: row.input,
            offset: row.offset,
            removals: serde_json::Value::Array(row.removals).to_string(),
        })
    })))
}

fn by_number(internal: &Path, number: u64, total: u64) -> Result<Row> {
    let ordinal = number - 1;
    for row in rows(internal, ordinal)? {
        let row = row?;
        if row.ordinal == ordinal {
            return Ok(row);
        }
    }
    Err(usage(
        format!(
            "there is no record {number}: the result has {}",
            terminal::count(total, "record")
        ),
        "records are numbered from 1, in the order of `decostop view --limit 0`",
    ))
}

fn by_line(internal: &Path, at: &str) -> Result<Row> {
    let named = at
        .rsplit_once(':')
        .and_then(|(input, offset)| Some((input, offset.parse::<u64>().ok()?)));
    let Some((input, offset)) = named else {
        return Err(usage(
            format!("--at {} is no INPUT:OFFSET", at.escape_debug()),
            "write the input as the dive was given it, a colon, and the decoded offset of the line",
        ));
    };
    for row in rows(internal, 0)? {
        let row = row?;
        if row.offset == Some(offset) && row.input == input {
            return Ok(row);
        }
    }
    Err(usage(
        "no record of the result comes from that line",
        "run.json lists the inputs as the dive was given them; lines that are not disclosed have no record",
    ))
}

fn at_time(artefact: &Artefact, time: &str, args: &Explain) -> Result<u64> {
    let zone = args.zone.clone().unwrap_or_default();
    let at = Instant::parse_when(time, settings::now(), &zone)
        .map_err(|cause| usage(format!("--time: {cause}"), "write it as in `decostop view`"))?;
    for (number, record) in (1..).zip(artefact.records()?) {
        if record?.time_ns().is_some_and(|time| time >= at.0) {
            return Ok(number);
        }
    }
    Err(usage(
        format!("there is no record at or after {at}"),
        "`decostop view --tail 1` shows the last",
    ))
}

fn record(artefact: &Artefact, number: u64) -> Result<Record> {
    let at = usize::try_from(number - 1).unwrap_or(usize::MAX);
    artefact.records()?.nth(at).transpose()?.ok_or_else(|| {
        Error::new(
            ErrorKind::Config,
            format!("has provenance of record {number}, but no such record"),
        )
        .into()
    })
}

/// Both tables of a record.
fn tell(to: &mut impl Write, told: &Explanation) -> io::Result<()> {
    let offset = told.offset.map(|offset| format!(", decoded byte {offset}"));
    writeln!(
        to,
        "{HEAD}record {}{HEAD:#}  from {}{}",
        number(told.record),
        printable(&told.input),
        offset.unwrap_or_default()
    )?;
    writeln!(to)?;
    let rows: Vec<[String; 5]> = told
        .fields
        .iter()
        .map(|field| {
            let value = field
                .value
                .as_str()
                .map_or_else(|| field.value.to_string(), str::to_owned);
            let from = if field.from == [field.name.as_str()] {
                String::new()
            } else {
                field.from.join(", ")
            };
            [&field.name, &value, &from, &field.class, &field.why].map(|cell| printable(cell))
        })
        .collect();
    table(to, ["field", "value", "from", "class", "why it is there"], &rows)?;
    writeln!(to)?;
    if told.removed.is_empty() {
        return writeln!(to, "{GOOD}nothing was removed{GOOD:#}");
    }
    let rows: Vec<[String; 6]> = told
        .removed
        .iter()
        .map(|span| {
            let place = format!("{}+{}", span.start, span.length);
            let digest = span.digest.clone().unwrap_or_default();
            [&span.field, &span.class, &span.rule, &place, &digest, &span.why].map(|cell| printable(cell))
        })
        .collect();
    table(to, ["removed", "class", "rule", "span", "digest", "why"], &rows)
}

/// A plain table; where somebody looks, cells but the last are cut.
fn table<const N: usize>(to: &mut impl Write, names: [&str; N], rows: &[[String; N]]) -> io::Result<()> {
    let screen = terminal::width();
    let shown = |cell: &str, last: bool| match screen {
        Some(_) if !last => cut(cell, WIDEST),
        _ => cell.to_owned(),
    };
    let width = |at: usize| {
        let cells = rows.iter().filter_map(|row| row.get(at));
        let widest = cells.map(|cell| columns(&shown(cell, at + 1 == N))).max();
        widest
            .unwrap_or(0)
            .max(names.get(at).map_or(0, |name| columns(name)))
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |cells: &mut dyn Iterator<Item = &str>| {
        let padded: Vec<String> = cells
            .zip(&widths)
            .enumerate()
            .map(|(at, (cell, width))| padded(&shown(cell, at + 1 == N), *width))
            .collect();
        padded.join("  ").trim_end().to_owned()
    };
    writeln!(to, "{HEAD}{}{HEAD:#}", line(&mut names.into_iter()))?;
    for row in rows {
        writeln!(to, "{}", line(&mut row.iter().map(String::as_str)))?;
    }
    Ok(())
}

fn tell_residual(to: &mut impl Write, residual: &Residual) -> io::Result<()> {
    let k = residual.k;
    writeln!(
        to,
        "{HEAD}{}{HEAD:#}, compared by {}",
        count(residual.records, "record"),
        residual.quasi_identifiers.join(", ")
    )?;
    let mut classes = |name: &str, classes: &Classes| {
        writeln!(
            to,
            "  by {name:<4}  {}, {} alone, {} in classes of fewer than {k}",
            count(classes.classes, "class").replace("classs", "classes"),
            number(classes.alone),
            number(classes.records_below_k),
        )?;
        if classes.capped {
            writeln!(
                to,
                "           {WARN}more classes than can be held{WARN:#}: {} not counted",
                count(classes.uncounted_records, "record")
            )?;
        }
        Ok::<(), io::Error>(())
    };
    classes("day", &residual.by_day)?;
    classes("hour", &residual.by_hour)?;
    if !residual.rarest.is_empty() {
        writeln!(to, "\n{HEAD}rarest by day{HEAD:#}")?;
        for rare in residual.rarest.iter().take(SHOWN) {
            let by = if rare.rare_values.is_empty() {
                "the combination of its values".to_owned()
            } else {
                rare.rare_values.join(", ")
            };
            writeln!(
                to,
                "  record {:<8}  {} alike  rare by {by}",
                rare.record, rare.class_size
            )?;
        }
    }
    let text = &residual.text;
    writeln!(
        to,
        "\n{HEAD}text{HEAD:#}  {} left in {}, {} for what is gone, {} like names",
        count(text.kept_words, "word"),
        count(text.texts, "text"),
        count(text.marks, "mark"),
        count(text.name_like, "word"),
    )?;
    for token in text.tokens.iter().take(SHOWN) {
        writeln!(
            to,
            "  {}  {} times, first in record {}, {}",
            padded(&cut(&printable(&token.token), 24), 24),
            number(token.count),
            token.record,
            printable(&token.field)
        )?;
    }
    writeln!(to)?;
    let rows: Vec<[String; 6]> = residual
        .left
        .iter()
        .map(|left| {
            let (kept, replaced) = (number(left.kept), number(left.replaced));
            [
                &left.source,
                &left.field,
                &left.class,
                &kept,
                &replaced,
                &left.why,
            ]
            .map(|cell| printable(cell))
        })
        .collect();
    table(to, ["source", "field", "class", "kept", "replaced", "why"], &rows)
}
