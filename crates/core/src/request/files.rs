//! Files that a request names, and the request itself: bounded reads, tables with line numbers.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::values::in_file;
use super::{Fault, near};
use crate::{Error, ErrorKind, Origin};

/// Reads a whole file of at most `max` bytes.
pub(super) fn read(path: &Path, max: u64) -> Result<Vec<u8>, Error> {
    let failed = |cause| Error::io(ErrorKind::Config, path, "read", cause);
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(failed)?
        .take(max + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() as u64 > max {
        return Err(at(path, format!("larger than {max} bytes")));
    }
    Ok(bytes)
}

/// The bytes as text.
pub(super) fn utf8<'b>(path: &Path, bytes: &'b [u8]) -> Result<&'b str, Error> {
    std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        let line = memchr::memchr_iter(b'\n', before).count() + 1;
        at(path, format!("line {line}: not UTF-8"))
    })
}

fn at(path: &Path, message: String) -> Error {
    Error::new(ErrorKind::Config, message).at(Origin {
        path: path.to_owned(),
        offset: None,
    })
}

/// One row of a table.
pub(super) struct Row<'t> {
    /// Line of the file on which it starts, from 1.
    pub(super) line: u64,
    columns: &'t [&'static str],
    cells: &'t csv::StringRecord,
}

impl Row<'_> {
    /// The text of a column, if it is not empty.
    pub(super) fn cell(&self, column: &str) -> Option<&str> {
        let at = self.columns.iter().position(|name| *name == column)?;
        self.cells.get(at).filter(|text| !text.is_empty())
    }
}

/// Reads a CSV file with a header, row by row. Every column must be `known`, and one of `needed` must be
/// there.
pub(super) fn table(
    path: &Path,
    max: u64,
    known: &[&'static str],
    needed: &[&'static str],
    each: &mut dyn FnMut(&Row<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let bytes = read(path, max)?;
    each_row(path, &bytes, known, needed, each)
}

/// The same for bytes that were read already.
pub(super) fn each_row(
    path: &Path,
    bytes: &[u8],
    known: &[&'static str],
    needed: &[&'static str],
    each: &mut dyn FnMut(&Row<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let text = utf8(path, bytes)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .trim(csv::Trim::All)
        .from_reader(text.as_bytes());
    let mut lines = Lines {
        text: text.as_bytes(),
        at: 0,
        line: 1,
    };
    let mut record = csv::StringRecord::new();
    let mut next = |record: &mut csv::StringRecord| -> Result<Option<u64>, Error> {
        match reader.read_record(record) {
            Ok(false) => Ok(None),
            Ok(true) => Ok(Some(
                lines.line_of(record.position().map_or(0, csv::Position::byte)),
            )),
            // The text is UTF-8 and rows may differ in length; nothing else can fail in memory.
            Err(_) => Err(at(path, "not a CSV file".to_owned())),
        }
    };

    let Some(line) = next(&mut record)? else {
        return Err(at(
            path,
            format!("empty; the first line names the columns ({})", known.join(",")),
        ));
    };
    let mut columns: Vec<&'static str> = Vec::new();
    for (place, name) in record.iter().enumerate() {
        let Some(&column) = known.iter().find(|column| column.eq_ignore_ascii_case(name)) else {
            // A file without a header must not have its first row told.
            let near = near::did_you_mean(&near::nearest(name, known.iter().copied()));
            let shown = if near.is_some() {
                name.escape_debug().to_string()
            } else {
                format!("column {}", place + 1)
            };
            let hint = near.unwrap_or_else(|| format!("the columns are {}", known.join(", ")));
            let fault = Fault::new("unknown column; the first line names the columns").hint(hint);
            return Err(in_file(path, line, &shown, fault));
        };
        if columns.contains(&column) {
            return Err(in_file(
                path,
                line,
                column,
                Fault::new("this column is there twice"),
            ));
        }
        columns.push(column);
    }
    if !needed.iter().any(|column| columns.contains(column)) {
        return Err(at(
            path,
            format!("line {line}: no column {}", needed.join(" or ")),
        ));
    }

    while let Some(line) = next(&mut record)? {
        if record.len() != columns.len() {
            let message = format!(
                "line {line}: {} columns, the header has {}",
                record.len(),
                columns.len()
            );
            return Err(at(path, message));
        }
        // A line of separators alone is what spreadsheets leave behind.
        if record.iter().any(|text| !text.is_empty()) {
            each(&Row {
                line,
                columns: &columns,
                cells: &record,
            })?;
        }
    }
    Ok(())
}

/// Line numbers for ascending offsets. The reader's own are off by one with CRLF and empty lines.
struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    fn line_of(&mut self, offset: u64) -> u64 {
        let blank = |at: usize| matches!(self.text.get(at), Some(b'\r' | b'\n'));
        let mut start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.text.len());
        while blank(start) {
            start += 1;
        }
        let passed = self.text.get(self.at..start).unwrap_or_default();
        self.line += memchr::memchr_iter(b'\n', passed).count() as u64;
        self.at = start.max(self.at);
        self.line
    }
}
