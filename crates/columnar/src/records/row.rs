//! One record as one row, and back, to the byte.
//!
//! A record is a flat JSON object that begins with common columns. Each of them becomes a cell, the
//! rest is the JSON text of `fields`. A cell reads back as one JSON value: a status that is an integer
//! as a number, anything else as a string, a time with as few digits of 0, 3 or 6 as tell it. Where
//! the record says it in another way (finer than a microsecond, a number as a string, `null`), its own
//! words stand at the beginning of `fields`, under the column's name, and count.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// The common columns, in the order of records and rows.
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
/// Where `time` is among them.
const TIME: usize = 0;
/// Where `source` is.
const SOURCE: usize = 1;
/// Where `status` is.
const STATUS: usize = 7;

/// What the cells of a format can say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Cells {
    /// Times are instants, and an empty text is not an absent one.
    Typed,
    /// Everything is text, times as the record writes them, and an empty cell is an absent one.
    Text,
}

/// A row. The texts hold log bytes.
#[derive(Default)]
pub(crate) struct Row<'a> {
    /// Microseconds since 1970, rounded down.
    pub(crate) time_us: i64,
    /// A text for each of [`COLUMNS`].
    pub(crate) cells: [Option<Cow<'a, str>>; COLUMNS.len()],
    /// The rest, a JSON object.
    pub(crate) fields: String,
}

fn malformed() -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        "a record that is no flat JSON object with a time and a source",
    )
}

/// One member of an object: its key as it stands between the quotes, its value, and both with what is
/// between them.
struct Member<'a> {
    key: &'a str,
    value: &'a str,
    whole: &'a str,
}

/// Walks over the members of a flat object without spaces.
struct Members<'a> {
    rest: Option<&'a str>,
}

impl<'a> Members<'a> {
    fn new(object: &'a str) -> Option<Self> {
        let inner = object.strip_prefix('{')?.strip_suffix('}')?;
        Some(Self { rest: Some(inner) })
    }

    /// The text of what was not walked over, without a comma in front.
    fn rest(&self) -> &'a str {
        self.rest.unwrap_or_default()
    }

    /// The next one, an error if there is none that can be read; nothing at the end.
    fn next(&mut self) -> Option<io::Result<Member<'a>>> {
        let text = self.rest.filter(|rest| !rest.is_empty())?;
        let read = || {
            let key_end = string_end(text)?;
            let key = text.get(1..key_end - 1)?;
            let value_start = key_end + 1;
            let tail = text.get(key_end..)?.strip_prefix(':')?;
            let length = if tail.starts_with('"') {
                string_end(tail)?
            } else {
                tail.find(',').unwrap_or(tail.len())
            };
            let (value, after) = tail.split_at_checked(length)?;
            let whole = text.get(..value_start + length)?;
            let rest = if after.is_empty() {
                ""
            } else {
                after.strip_prefix(',').filter(|rest| !rest.is_empty())?
            };
            Some((Member { key, value, whole }, rest))
        };
        if let Some((member, rest)) = read() {
            self.rest = Some(rest);
            return Some(Ok(member));
        }
        self.rest = None;
        Some(Err(malformed()))
    }
}

/// The length of the JSON string that a text begins with, quotes included.
fn string_end(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    if bytes.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Whether a text is an integer as JSON writes it.
fn is_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0'))
}

/// The value that a cell reads back as.
fn as_json(column: usize, cell: &str) -> String {
    if column == STATUS && is_integer(cell) {
        return cell.to_owned();
    }
    serde_json::Value::from(cell).to_string()
}

/// The text of a value; nothing for `null` and truth values.
fn text_of(value: &str) -> io::Result<Option<Cow<'_, str>>> {
    match value.as_bytes().first() {
        Some(b'"') => {
            let inner = value.get(1..value.len() - 1).ok_or_else(malformed)?;
            if inner.contains('\\') {
                let text: String = serde_json::from_str(value).map_err(|_| malformed())?;
                return Ok(Some(Cow::Owned(text)));
            }
            Ok(Some(Cow::Borrowed(inner)))
        }
        Some(b'-' | b'0'..=b'9') => Ok(Some(Cow::Borrowed(value))),
        _ => Ok(None),
    }
}

/// Microseconds since 1970, rounded down. A leap second is the second after it.
fn micros(time: &str) -> Option<i64> {
    let leap = time.get(17..19) == Some("60");
    let plain = if leap {
        Cow::Owned(format!("{}59{}", time.get(..17)?, time.get(19..)?))
    } else {
        Cow::Borrowed(time)
    };
    let instant: Timestamp = plain.parse().ok()?;
    let micros = i64::try_from(instant.as_nanosecond().div_euclid(1000)).ok()?;
    Some(micros + i64::from(leap) * 1_000_000)
}

/// The text that an instant reads back as: 0, 3 or 6 digits of a second.
pub(crate) fn time_text(micros: i64) -> Option<String> {
    let instant = Timestamp::from_microsecond(micros).ok()?;
    let at = instant.to_zoned(TimeZone::UTC).datetime();
    let mut text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    );
    let fraction = micros.rem_euclid(1_000_000);
    let _ = match fraction {
        0 => Ok(()),
        _ if fraction % 1000 == 0 => write!(text, ".{:03}", fraction / 1000),
        _ => write!(text, ".{fraction:06}"),
    };
    text.push('Z');
    Some(text)
}

/// Takes a record apart.
pub(crate) fn split(record: &str, form: Cells) -> io::Result<Row<'_>> {
    let mut members = Members::new(record).ok_or_else(malformed)?;
    let mut row = Row::default();
    let mut own = String::new();
    let mut nth = 0;
    let mut rest = members.rest();
    while let Some(member) = members.next() {
        let member = member?;
        let mut left = COLUMNS.iter().enumerate().skip(nth);
        let Some((column, _)) = left.find(|(_, name)| **name == member.key) else {
            break;
        };
        nth = column + 1;
        rest = members.rest();
        let text = text_of(member.value)?;
        let told = match &text {
            None => false,
            Some(text) if column == TIME => {
                row.time_us = micros(text).ok_or_else(malformed)?;
                form == Cells::Text || time_text(row.time_us).as_deref() == Some(text)
            }
            Some(text) if text.is_empty() && form == Cells::Text => false,
            Some(text) => as_json(column, text) == member.value,
        };
        if !told {
            own.push(',');
            own.push_str(member.whole);
        }
        if let Some(cell) = row.cells.get_mut(column) {
            *cell = text;
        }
    }
    let [Some(_), Some(_), ..] = &row.cells else {
        return Err(malformed());
    };
    debug_assert_eq!(COLUMNS[SOURCE], "source", "the second column is never absent");
    let own = own.strip_prefix(',').unwrap_or_default();
    let comma = if own.is_empty() || rest.is_empty() {
        ""
    } else {
        ","
    };
    row.fields = format!("{{{own}{comma}{rest}}}");
    Ok(row)
}

/// Puts a record together again.
pub(crate) fn join(cells: &[Option<Cow<'_, str>>; COLUMNS.len()], fields: &str) -> io::Result<String> {
    let mut members = Members::new(fields).ok_or_else(malformed)?;
    let mut own: [Option<&str>; COLUMNS.len()] = [None; COLUMNS.len()];
    let mut nth = 0;
    let mut rest = members.rest();
    while let Some(member) = members.next() {
        let member = member?;
        let mut left = COLUMNS.iter().enumerate().skip(nth);
        let Some((column, _)) = left.find(|(_, name)| **name == member.key) else {
            break;
        };
        nth = column + 1;
        rest = members.rest();
        if let Some(slot) = own.get_mut(column) {
            *slot = Some(member.whole);
        }
    }
    let mut record = String::with_capacity(fields.len() + 256);
    for (column, name) in COLUMNS.iter().enumerate() {
        let cell = cells.get(column).and_then(Option::as_deref);
        let whole = match (own.get(column).copied().flatten(), cell) {
            (Some(own), _) => Cow::Borrowed(own),
            (None, Some(cell)) => Cow::Owned(format!("\"{name}\":{}", as_json(column, cell))),
            (None, None) => continue,
        };
        record.push(if record.is_empty() { '{' } else { ',' });
        record.push_str(&whole);
    }
    if !rest.is_empty() {
        record.push(if record.is_empty() { '{' } else { ',' });
        record.push_str(rest);
    }
    if record.is_empty() {
        record.push('{');
    }
    record.push('}');
    Ok(record)
}
