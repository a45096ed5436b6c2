//! How each output record came to be, one row a record.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::private::private_file;
use super::{failed, hex};
use crate::sink::{Provenance, Removal};
use crate::{Error, ErrorKind, Origin};

/// Takes the provenance of the output records, in their order.
pub trait ProvenanceWriter: Send {
    /// Takes the row of the record with this 0-based `ordinal`.
    ///
    /// # Errors
    /// Ends the dive.
    fn row(&mut self, ordinal: u64, provenance: &Provenance) -> Result<(), Error>;

    /// Completes the file and makes it durable.
    ///
    /// # Errors
    /// Ends the dive.
    fn finish(self: Box<Self>) -> Result<(), Error>;
}

/// Provenance as JSON lines, `provenance.ndjson`: for library users who want no Parquet. Its fields
/// are the columns of the Parquet file.
pub struct NdjsonProvenance {
    path: PathBuf,
    file: BufWriter<File>,
}

#[derive(Serialize)]
struct Row<'a> {
    ordinal: u64,
    input: &'a str,
    offset: Option<u64>,
    line_digest: &'a str,
    source: &'a str,
    event: &'a str,
    time_ns: i64,
    removals: Vec<RemovalRow<'a>>,
}

#[derive(Serialize)]
struct RemovalRow<'a> {
    field: &'a str,
    class: &'a str,
    rule: &'a str,
    start: u32,
    length: u32,
    digest: String,
}

impl<'a> RemovalRow<'a> {
    fn new(removal: &'a Removal) -> Self {
        Self {
            field: &removal.field,
            class: removal.class,
            rule: removal.rule,
            start: removal.start,
            length: removal.length,
            digest: hex(&removal.digest),
        }
    }
}

impl NdjsonProvenance {
    /// Makes `provenance.ndjson` in `internal`. Fits the last parameter of
    /// [`Writer::create`](super::Writer::create).
    ///
    /// # Errors
    /// If the file cannot be made.
    pub fn create_in(internal: &Path) -> Result<Box<dyn ProvenanceWriter>, Error> {
        let path = internal.join("provenance.ndjson");
        let file = private_file(&path).map_err(|cause| failed(&path, "create it", cause))?;
        Ok(Box::new(Self {
            path,
            file: BufWriter::new(file),
        }))
    }
}

impl ProvenanceWriter for NdjsonProvenance {
    fn row(&mut self, ordinal: u64, provenance: &Provenance) -> Result<(), Error> {
        let row = Row {
            ordinal,
            input: &path_text(&provenance.origin.path),
            offset: provenance.origin.offset,
            line_digest: &hex(&provenance.line_digest),
            source: &provenance.source,
            event: &provenance.event,
            time_ns: provenance.time_ns,
            removals: provenance.removals.iter().map(RemovalRow::new).collect(),
        };
        write_json_line(&mut self.file, &row).map_err(|cause| failed(&self.path, "write it", cause))
    }

    fn finish(self: Box<Self>) -> Result<(), Error> {
        let Self { path, file } = *self;
        super::close(file).map_err(|cause| failed(&path, "write it", cause))
    }
}

/// One row of `provenance.ndjson`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[non_exhaustive]
pub struct NdjsonRow {
    /// 0-based number of the output record.
    pub ordinal: u64,
    /// The input, as [`path_text`] writes it.
    pub input: String,
    /// Decoded offset of the raw line, if known.
    pub offset: Option<u64>,
    /// What was removed.
    pub removals: Vec<serde_json::Value>,
}

/// The rows of a `provenance.ndjson`, in order.
///
/// # Errors
/// [`ErrorKind::Source`] if it cannot be opened; so does each row that cannot be read.
pub fn read_ndjson(path: &Path) -> Result<impl Iterator<Item = Result<NdjsonRow, Error>> + use<>, Error> {
    let file = File::open(path).map_err(|cause| Error::io(ErrorKind::Source, path, "open it", cause))?;
    let path = path.to_owned();
    Ok(BufReader::new(file).lines().map(move |line| {
        let line = line.map_err(|cause| Error::io(ErrorKind::Source, &path, "read it", cause))?;
        serde_json::from_str(&line).map_err(|_| {
            Error::new(ErrorKind::Source, "is not provenance that can be read").at(Origin {
                path: path.clone(),
                offset: None,
            })
        })
    }))
}

/// The JSON text of removals: `[{"field","class","rule","start","length","digest"}]`.
///
/// Written by hand: there are dozens for each record, and one thread writes them all.
pub fn removals_json(removals: &[Removal]) -> String {
    let mut out = String::with_capacity(2 + 144 * removals.len());
    out.push('[');
    for removal in removals {
        out.push_str(if out.len() == 1 {
            "{\"field\":"
        } else {
            ",{\"field\":"
        });
        push_quoted(&mut out, &removal.field);
        out.push_str(",\"class\":");
        push_quoted(&mut out, removal.class);
        out.push_str(",\"rule\":");
        push_quoted(&mut out, removal.rule);
        out.push_str(",\"start\":");
        push_number(&mut out, removal.start);
        out.push_str(",\"length\":");
        push_number(&mut out, removal.length);
        out.push_str(",\"digest\":\"");
        push_hex(&mut out, &removal.digest);
        out.push_str("\"}");
    }
    out.push(']');
    out
}

fn push_quoted(out: &mut String, text: &str) {
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    // All of them are looked at, which goes many at a time.
    if text.bytes().fold(false, |any, byte| any | special(byte)) {
        let quoted = serde_json::to_string(text);
        out.push_str(&quoted.expect("a string always has a JSON form"));
    } else {
        out.push('"');
        out.push_str(text);
        out.push('"');
    }
}

fn push_hex(out: &mut String, bytes: &[u8; 16]) {
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        let digit = |value: u8| {
            if value < 10 {
                b'0' + value
            } else {
                b'a' - 10 + value
            }
        };
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    out.push_str(std::str::from_utf8(&digits).unwrap_or_default());
}

fn push_number(out: &mut String, number: u32) {
    if number >= 10 {
        push_number(out, number / 10);
    }
    out.push(char::from(b'0' + (number % 10) as u8));
}

/// The text of an input's path in evidence. Bytes that are not UTF-8 are written `\xNN`, so that two
/// files never share a name.
pub fn path_text(path: &Path) -> String {
    let mut text = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str("\\x");
            text.push_str(&hex(&[*byte]));
        }
    }
    text
}

/// One JSON value and a line end.
pub(super) fn write_json_line(to: &mut impl Write, value: &impl Serialize) -> std::io::Result<()> {
    serde_json::to_writer(&mut *to, value)?;
    to.write_all(b"\n")
}
