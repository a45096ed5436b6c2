//! Records as comma-separated values that are safe to open in a spreadsheet.

use std::borrow::Cow;
use std::io::{self, BufRead, Write};

use decostop::Error;
use decostop::sink::{Flow, Provenance, Sink, Verified};
use decostop::stats::{Evidence, Report};

use super::batch::{FIELDS, refused};
use super::row::{COLUMNS, Cells, join, split};

/// Stands in front of a cell that a spreadsheet could take for a formula. A cell that begins with it
/// gets one more, so that one is always to be taken off.
pub(crate) const GUARD: char = '\'';

/// Writes records as RFC 4180 has it: a header, commas, CRLF, quotes where needed, UTF-8.
///
/// A cell that would begin, behind blanks and invisible characters, with one of `= + - @` in any width,
/// or that begins with a blank, a control character or an apostrophe, has an apostrophe in front: no
/// spreadsheet takes it for a formula. In `fields`, which is JSON, a semicolon is written as
/// `\u003b`, since some spreadsheets split cells there, quotes or not.
///
/// # Memory usage
/// One record.
pub struct CsvSink<W: Write> {
    to: W,
    line: String,
}

/// Whether a spreadsheet may see a formula in a text, or not see how it begins.
pub(crate) fn is_risky(cell: &str) -> bool {
    let Some(first) = cell.chars().next() else {
        return false;
    };
    let unseen = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let begins = |c: char| {
        matches!(
            c,
            '=' | '+' | '-' | '@' | '＝' | '＋' | '－' | '＠' | '﹢' | '﹣' | '﹦' | '﹫' | '−'
        )
    };
    first == GUARD || unseen(first) || begins(first)
}

impl<W: Write> CsvSink<W> {
    /// Writes the header to `to`.
    ///
    /// # Errors
    /// As `to` refuses.
    pub fn new(mut to: W) -> io::Result<Self> {
        write!(to, "{}\r\n", header())?;
        Ok(Self {
            to,
            line: String::new(),
        })
    }

    /// Takes one record.
    ///
    /// # Errors
    /// As the output refuses.
    pub fn push(&mut self, record: Verified<'_>) -> io::Result<()> {
        self.push_text(record.as_bytes())
    }

    pub(crate) fn push_text(&mut self, record: &[u8]) -> io::Result<()> {
        let text =
            std::str::from_utf8(record).map_err(|cause| io::Error::new(io::ErrorKind::InvalidData, cause))?;
        let row = split(text, Cells::Text)?;
        self.line.clear();
        for cell in &row.cells {
            if let Some(cell) = cell {
                put(&mut self.line, cell);
            }
            self.line.push(',');
        }
        put(&mut self.line, &row.fields.replace(';', "\\u003b"));
        self.line.push_str("\r\n");
        self.to.write_all(self.line.as_bytes())
    }

    /// Completes the file and gives back what it was written to.
    ///
    /// # Errors
    /// As the output refuses.
    pub fn into_inner(mut self) -> io::Result<W> {
        self.to.flush()?;
        Ok(self.to)
    }
}

fn header() -> String {
    let mut header = COLUMNS.join(",");
    header.push(',');
    header.push_str(FIELDS);
    header
}

fn put(line: &mut String, cell: &str) {
    let guard = is_risky(cell);
    if !cell.contains([',', '"', '\r', '\n']) {
        line.extend(guard.then_some(GUARD));
        line.push_str(cell);
        return;
    }
    line.push('"');
    line.extend(guard.then_some(GUARD));
    for (nth, part) in cell.split('"').enumerate() {
        if nth > 0 {
            line.push_str("\"\"");
        }
        line.push_str(part);
    }
    line.push('"');
}

impl<W: Write> Sink for CsvSink<W> {
    fn record(&mut self, record: Verified<'_>, _provenance: &Provenance) -> Result<Flow, Error> {
        self.push(record).map(|()| Flow::Continue).map_err(refused)
    }

    fn finish(&mut self, _report: &Report, _evidence: &Evidence) -> Result<(), Error> {
        self.to.flush().map_err(refused)
    }
}

/// Reads the records of a CSV file, one at a time.
pub(crate) struct CsvLines<R> {
    rows: csv::StringRecordsIntoIter<R>,
}

impl<R: BufRead> CsvLines<R> {
    pub(crate) fn new(from: R) -> io::Result<Self> {
        let mut reader = csv::ReaderBuilder::new().from_reader(from);
        let wrong = || {
            io::Error::new(
                io::ErrorKind::InvalidData,
                "the header is not that of decostop's records",
            )
        };
        let named = reader.headers().map_err(|_| wrong())?;
        if named.iter().ne(COLUMNS.into_iter().chain([FIELDS])) {
            return Err(wrong());
        }
        Ok(Self {
            rows: reader.into_records(),
        })
    }
}

impl<R: BufRead> Iterator for CsvLines<R> {
    type Item = io::Result<String>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.rows.next()?;
        // The cause would quote the file.
        let Ok(row) = row else {
            let fault = io::Error::new(io::ErrorKind::InvalidData, "a row cannot be read");
            return Some(Err(fault));
        };
        let mut cells: [Option<Cow<'_, str>>; COLUMNS.len()] = Default::default();
        for (slot, cell) in cells.iter_mut().zip(&row) {
            let cell = cell.strip_prefix(GUARD).unwrap_or(cell);
            *slot = (!cell.is_empty()).then_some(Cow::Borrowed(cell));
        }
        let fields = row.get(COLUMNS.len()).unwrap_or_default().replace("\\u003b", ";");
        Some(join(&cells, &fields))
    }
}
