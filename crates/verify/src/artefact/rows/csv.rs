//! CSV as decostop writes it: any other bytes for the same cells are a finding.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};

use super::{COLUMNS, Fault, Form, LAYOUT, SIZE, Take, WIDTH, record};

const MAX_ROW: u64 = 64 << 20;

pub(super) fn read(file: &mut File, take: &mut Take<'_>) -> Result<(), Fault> {
    let mut input = BufReader::with_capacity(1 << 17, file);
    let mut row = Vec::new();
    let header = format!("{},fields\r\n", COLUMNS.join(","));
    next(&mut input, &mut row)?;
    if row != header.as_bytes() {
        return Err(LAYOUT);
    }
    let mut line = Vec::new();
    while next(&mut input, &mut row)? {
        match cells(&row).and_then(|cells| one(&cells, &row, &mut line)) {
            Ok(()) => take(Ok(&line)),
            Err(rule) => take(Err(rule)),
        }
    }
    Ok(())
}

/// One row with its CRLF; `false` at the end. Records hold no line end, so a row is a line.
fn next(input: &mut impl BufRead, row: &mut Vec<u8>) -> Result<bool, Fault> {
    row.clear();
    input.take(MAX_ROW + 1).read_until(b'\n', row)?;
    if row.len() as u64 > MAX_ROW {
        return Err(SIZE);
    }
    Ok(!row.is_empty())
}

/// The cells as they are quoted.
fn cells(row: &[u8]) -> Result<Vec<String>, &'static str> {
    const FORM: &str = "artefact.csv";
    let row = std::str::from_utf8(row).map_err(|_| "closure.utf8")?;
    let mut rest = row.strip_suffix("\r\n").ok_or("artefact.unfinished_line")?;
    let mut cells = Vec::with_capacity(WIDTH);
    loop {
        let mut cell = String::new();
        if let Some(mut quoted) = rest.strip_prefix('"') {
            loop {
                let (text, after) = quoted.split_once('"').ok_or(FORM)?;
                cell.push_str(text);
                let Some(more) = after.strip_prefix('"') else {
                    rest = after;
                    break;
                };
                cell.push('"');
                quoted = more;
            }
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            let (text, after) = rest.split_at_checked(end).ok_or(FORM)?;
            cell.push_str(text);
            rest = after;
        }
        cells.push(cell);
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None if rest.is_empty() => break,
            None => return Err(FORM),
        }
    }
    if cells.len() == WIDTH {
        Ok(cells)
    } else {
        Err(FORM)
    }
}

/// The record of a row, if the row is written as it has to be.
fn one(cells: &[String], row: &[u8], line: &mut Vec<u8>) -> Result<(), &'static str> {
    let mut again = String::with_capacity(row.len());
    for (nth, cell) in cells.iter().enumerate() {
        if nth > 0 {
            again.push(',');
        }
        if cell.contains(['"', ',', '\r', '\n']) {
            again.push('"');
            again.push_str(&cell.replace('"', "\"\""));
            again.push('"');
        } else {
            again.push_str(cell);
        }
        let bare = cell.strip_prefix('\'');
        if is_formula(bare.unwrap_or(cell)) != bare.is_some() {
            return Err("artefact.formula");
        }
    }
    again.push_str("\r\n");
    if again.as_bytes() != row {
        return Err("artefact.csv");
    }
    let bare = |cell: &'_ str| -> String { cell.strip_prefix('\'').unwrap_or(cell).to_owned() };
    let texts: Vec<String> = cells.iter().map(|cell| bare(cell)).collect();
    let (fields, columns) = texts.split_last().ok_or("artefact.csv")?;
    if fields.contains(';') {
        return Err("artefact.formula");
    }
    let columns: Vec<Option<&str>> = columns
        .iter()
        .map(|cell| (!cell.is_empty()).then_some(cell.as_str()))
        .collect();
    record(&columns, &fields.replace("\\u003b", ";"), Form::Text, line)
}

/// Whether a spreadsheet could compute a cell rather than show it: it begins with a sign of a formula
/// in any width, behind whatever cannot be seen, or with what hides its beginning.
fn is_formula(cell: &str) -> bool {
    const SIGNS: &str = "=+-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}\u{fe62}\u{fe63}\u{fe66}\u{fe6b}\u{2212}";
    let invisible = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || c == '\u{ad}'
            || c == '\u{feff}'
            || ('\u{200b}'..='\u{200f}').contains(&c)
            || ('\u{202a}'..='\u{202e}').contains(&c)
            || ('\u{2060}'..='\u{206f}').contains(&c)
    };
    cell.chars()
        .next()
        .is_some_and(|first| first == '\'' || SIGNS.contains(first) || invisible(first))
}
