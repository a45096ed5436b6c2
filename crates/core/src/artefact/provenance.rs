//! How each output record came to be, one row a record.

use std::fs::File;
use std::hash::BuildHasher as _;
use std::io::{BufRead as _, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use foldhash::fast::FixedState;
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

/// Writes removals as JSON: `[{"field","class","rule","start","length","digest"}]`.
///
/// By hand, and with a memory for what is the same in many of them: there are dozens for each record, and
/// one thread writes them all.
#[derive(Default)]
pub struct RemovalsJson {
    heads: Vec<Option<Head>>,
}

/// How a removal begins, whose field, class and rule are these.
struct Head {
    field: Arc<str>,
    class: &'static str,
    rule: &'static str,
    text: Box<str>,
}

/// Beginnings that are remembered at once.
const HEADS: usize = 1024;

impl RemovalsJson {
    /// The JSON text of the removals of one record.
    pub fn of(&mut self, removals: &[Removal]) -> Vec<u8> {
        let mut out = Vec::with_capacity(2 + 144 * removals.len());
        out.push(b'[');
        for removal in removals {
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(self.head(removal).as_bytes());
            push_number(&mut out, removal.start);
            out.extend_from_slice(b",\"length\":");
            push_number(&mut out, removal.length);
            out.extend_from_slice(b",\"digest\":\"");
            push_hex(&mut out, &removal.digest);
            out.extend_from_slice(b"\"}");
        }
        out.push(b']');
        out
    }

    fn head(&mut self, removal: &Removal) -> &str {
        if self.heads.is_empty() {
            self.heads.resize_with(HEADS, || None);
        }
        // Fields are each thread's own copies; of the other two there are few.
        let places = [removal.class.as_ptr().addr(), removal.rule.as_ptr().addr()];
        let mixed = FixedState::default().hash_one((&removal.field, places));
        let at = mixed as usize % HEADS;
        let is_of = |head: &Head| {
            head.field == removal.field
                && std::ptr::eq(head.class, removal.class)
                && std::ptr::eq(head.rule, removal.rule)
        };
        match self.heads.get_mut(at) {
            Some(slot) if !slot.as_ref().is_some_and(is_of) => {
                *slot = Some(Head::new(removal));
            }
            _ => {}
        }
        let head = self.heads.get(at).and_then(Option::as_ref);
        head.map_or("", |head| &head.text)
    }
}

impl std::fmt::Debug for RemovalsJson {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RemovalsJson")
    }
}

impl Head {
    fn new(removal: &Removal) -> Self {
        let quoted = |text: &str| serde_json::to_string(text).expect("a string always has a JSON form");
        let text = format!(
            "{{\"field\":{},\"class\":{},\"rule\":{},\"start\":",
            quoted(&removal.field),
            quoted(removal.class),
            quoted(removal.rule),
        );
        Self {
            field: Arc::clone(&removal.field),
            class: removal.class,
            rule: removal.rule,
            text: text.into(),
        }
    }
}

fn push_hex(out: &mut Vec<u8>, bytes: &[u8; 16]) {
    let digit = |value: u8| {
        if value < 10 {
            b'0' + value
        } else {
            b'a' - 10 + value
        }
    };
    let mut digits = [0; 32];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
    out.extend_from_slice(&digits);
}

fn push_number(out: &mut Vec<u8>, number: u32) {
    if number >= 10 {
        push_number(out, number / 10);
    }
    out.push(b'0' + (number % 10) as u8);
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
