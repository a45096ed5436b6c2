//! Records as rows: readers of Parquet, Arrow IPC and CSV files that know the one layout that decostop
//! writes, and nothing else.
//!
//! They share nothing with the libraries that write these files. Each accounts for every byte: what it
//! has not read as a value of a row, or computed from those, is a finding. So metadata, statistics,
//! filters, indexes, dictionaries and gaps can hold nothing that is not in the rows.

mod arrow;
mod csv;
mod parquet;
mod thrift;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use crate::instant::Instant;
use crate::reader;

/// The common columns, in order.
pub(crate) const COLUMNS: [&str; 9] = [
    "time",
    "source",
    "event",
    "actor",
    "namespace",
    "project",
    "ip",
    "status",
    "correlation_id",
];
const STATUS: usize = 7;
/// Common columns and `fields`.
const WIDTH: usize = COLUMNS.len() + 1;
/// Longer than any part of a file that is held in memory as a whole.
const MAX_PART: u64 = 128 << 20;

/// How a file is not what it should be.
pub(crate) enum Fault {
    /// A rule is broken.
    Rule(&'static str),
    /// The system refuses.
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause)
    }
}

/// Something that is not where it must be, or more than what must be.
const LAYOUT: Fault = Fault::Rule("artefact.layout");
/// Metadata that says something else than the rows.
const METADATA: Fault = Fault::Rule("artefact.metadata");
/// A value that cannot be decoded.
const ENCODING: Fault = Fault::Rule("artefact.encoding");
/// A part that is larger than any that is written.
const SIZE: Fault = Fault::Rule("artefact.record_size");

/// Takes the records of a file, each without a line end.
pub(crate) type Take<'t> = dyn FnMut(Result<&[u8], &'static str>) + 't;

/// Reads a file of one of the formats.
pub(crate) fn read(format: &str, file: &mut File, take: &mut Take<'_>) -> Result<(), Fault> {
    match format {
        "parquet" => parquet::read(file, take),
        "arrow" => arrow::read(file, take),
        _ => csv::read(file, take),
    }
}

/// A part of a file.
fn part(file: &mut File, offset: u64, length: u64) -> Result<Vec<u8>, Fault> {
    if length > MAX_PART {
        return Err(SIZE);
    }
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(LAYOUT);
    }
    Ok(bytes)
}

/// One whole zstd frame of a known decoded length, and nothing beside it.
fn frame(bytes: &[u8], length: u64) -> Result<Vec<u8>, Fault> {
    if length > MAX_PART {
        return Err(SIZE);
    }
    if bytes.first_chunk() != Some(&0xfd2f_b528_u32.to_le_bytes()) {
        return Err(ENCODING);
    }
    if !is_plain_header(bytes.get(4..).unwrap_or_default(), length) {
        return Err(ENCODING);
    }
    let mut rest = bytes;
    let mut decoded = Vec::new();
    let decoder = zstd::stream::read::Decoder::with_buffer(&mut rest).map_err(|_| ENCODING)?;
    let read = decoder.single_frame().take(length + 1).read_to_end(&mut decoded);
    if read.is_err() || decoded.len() as u64 != length || !rest.is_empty() {
        return Err(ENCODING);
    }
    Ok(decoded)
}

/// Whether a frame's header says its length and nothing else (RFC 8878, 3.1.1.1): no dictionary, no bits
/// that decoders overlook, and a window of its own only where the length is too long for one.
fn is_plain_header(head: &[u8], length: u64) -> bool {
    const SPARE: u8 = 0b1_1011;
    const SINGLE_SEGMENT: u8 = 0b10_0000;
    const MANTISSA: u8 = 0b111;
    let Some((descriptor, rest)) = head.split_first() else {
        return false;
    };
    let is_single = descriptor & SINGLE_SEGMENT != 0;
    let rest = match rest.split_first() {
        Some((window, rest)) if !is_single => {
            if window & MANTISSA != 0 || 1u64 << (10 + (window >> 3)) >= length {
                return false;
            }
            rest
        }
        _ => rest,
    };
    let size = match descriptor >> 6 {
        0 if is_single => 1,
        1 => 2,
        2 => 4,
        3 => 8,
        _ => return false,
    };
    let stated = rest.get(..size).unwrap_or_default();
    let stated = stated.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte));
    let stated = if size == 2 { stated + 256 } else { stated };
    descriptor & SPARE == 0 && stated == length
}

/// How the cells of a format say a time and an absent value.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Form {
    Typed,
    Text,
}

/// Puts a row together to the record that it stands for. `cells` are the common columns, the time as
/// [`time_text`] has it in a typed form.
///
/// A common column in `fields` counts instead of its cell, but must say what the cell cannot.
fn record(cells: &[Option<&str>], fields: &str, form: Form, out: &mut Vec<u8>) -> Result<(), &'static str> {
    const ROW: &str = "artefact.row";
    const CELL: &str = "artefact.cell";
    out.clear();
    // Whether this is a flat object without a byte to spare; its own rules are named then.
    let members = reader::members(fields).map_err(|malformed| malformed.rule)?;
    let mut own = members
        .iter()
        .map_while(|member| {
            let column = COLUMNS.iter().position(|name| *name == member.key)?;
            Some((column, *member))
        })
        .peekable();
    let mut used = 0;
    for (column, name) in COLUMNS.iter().enumerate() {
        let cell = cells.get(column).copied().flatten();
        let begin = |out: &mut Vec<u8>| {
            out.push(if out.is_empty() { b'{' } else { b',' });
            out.extend_from_slice(format!("\"{name}\":").as_bytes());
        };
        let said = cell.map(|cell| said(column, cell));
        let Some((_, member)) = own.next_if(|(at, _)| *at == column) else {
            if let Some(said) = said {
                begin(out);
                out.extend_from_slice(said.as_bytes());
            }
            continue;
        };
        used += 1;
        let text = reader::scalar_text(member.value);
        let fits = if column == 0 && form == Form::Typed {
            let instant = text.as_deref().and_then(Instant::column);
            cell.is_some() && instant.and_then(Instant::micros).and_then(time_text).as_deref() == cell
        } else if form == Form::Text {
            text.as_deref().unwrap_or_default() == cell.unwrap_or_default()
        } else {
            text.as_deref() == cell
        };
        let spare = said.as_deref() == Some(member.value) || (column == 0 && form == Form::Text);
        if !fits || spare {
            return Err(CELL);
        }
        begin(out);
        out.extend_from_slice(member.value.as_bytes());
    }
    for member in members.get(used..).unwrap_or_default() {
        if COLUMNS.contains(&member.key) {
            return Err(ROW);
        }
        out.push(if out.is_empty() { b'{' } else { b',' });
        out.extend_from_slice(format!("\"{}\":{}", member.key, member.value).as_bytes());
    }
    if out.is_empty() {
        return Err(ROW);
    }
    out.push(b'}');
    Ok(())
}

/// What a cell says when `fields` says nothing of its column: an integer in `status`, else a string.
fn said(column: usize, cell: &str) -> String {
    let digits = cell.strip_prefix('-').unwrap_or(cell);
    let integer = !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits == "0" || !digits.starts_with('0'));
    if column == STATUS && integer {
        return cell.to_owned();
    }
    serde_json::to_string(cell).unwrap_or_default()
}

/// The text that a typed time stands for when `fields` has none: 0, 3 or 6 digits of a second.
fn time_text(micros: i64) -> Option<String> {
    let (seconds, fraction) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let (year, month, day) = Instant::date_of(seconds.div_euclid(86_400))?;
    let clock = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (clock / 3600, clock / 60 % 60, clock % 60);
    let fraction = match fraction {
        0 => String::new(),
        _ if fraction % 1000 == 0 => format!(".{:03}", fraction / 1000),
        _ => format!(".{fraction:06}"),
    };
    Some(format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}Z"
    ))
}
