//! Arrow IPC files as decostop writes them.
//!
//! ```text
//! ARROW1, zeros | schema message | batch messages … | end mark | footer | length | ARROW1
//! ```
//!
//! Messages and footer are flatbuffers. Their tables are read field by field, only those that are
//! expected may be there, and every byte that no field covers must be zero.

use std::fs::File;
use std::io::{Seek, SeekFrom};

use super::{COLUMNS, ENCODING, Fault, Form, LAYOUT, METADATA, Take, WIDTH, frame, part, record, time_text};

const MAGIC: &[u8] = b"ARROW1";
/// The first message begins at a multiple of this, as every buffer of a body does.
const HEAD: u64 = 64;
const MARK: [u8; 4] = [0xff; 4];
/// `MetadataVersion::V5`.
const VERSION: u64 = 4;
const SCHEMA: u64 = 1;
const BATCH: u64 = 3;
/// `Type::Utf8` and `Type::Timestamp`.
const TYPES: (u64, u64) = (5, 10);

pub(super) fn read(file: &mut File, take: &mut Take<'_>) -> Result<(), Fault> {
    let length = file.seek(SeekFrom::End(0))?;
    let short = HEAD + 10;
    if length < short {
        return Err(LAYOUT);
    }
    let head = part(file, 0, HEAD)?;
    if head
        .strip_prefix(MAGIC)
        .is_none_or(|rest| rest.iter().any(|byte| *byte != 0))
    {
        return Err(LAYOUT);
    }
    let tail = part(file, length - 10, 10)?;
    let (size, magic) = tail.split_first_chunk::<4>().ok_or(LAYOUT)?;
    let size = u64::from(u32::from_le_bytes(*size));
    if magic != MAGIC || size > length - short {
        return Err(LAYOUT);
    }
    let end = length - 10 - size;
    let mut at = HEAD;
    let (schema, body) = message(file, &mut at, end, SCHEMA)?.ok_or(LAYOUT)?;
    if body != 0 {
        return Err(LAYOUT);
    }
    drop(schema);
    let mut blocks = Vec::new();
    loop {
        let start = at;
        let Some((batch, body)) = message(file, &mut at, end, BATCH)? else {
            break;
        };
        let metadata = at - start;
        let bytes = part(file, at, body)?;
        at += body;
        if at > end {
            return Err(LAYOUT);
        }
        rows(&batch.ok_or(METADATA)?, &bytes, take)?;
        blocks.push((start, metadata, body));
    }
    // Between the end mark and the footer there is nothing.
    if at != end {
        return Err(LAYOUT);
    }
    footer(&part(file, end, size)?, &blocks)
}

/// What a message says of a batch.
struct Batch {
    rows: u64,
    /// Nulls of each column.
    nulls: Vec<u64>,
    /// Offset and length of each buffer.
    buffers: Vec<(u64, u64)>,
}

/// The next message and the length of its body; nothing at the end mark.
type Message = (Option<Batch>, u64);

fn message(file: &mut File, at: &mut u64, end: u64, kind: u64) -> Result<Option<Message>, Fault> {
    if end - *at < 8 {
        return Err(LAYOUT);
    }
    let head = part(file, *at, 8)?;
    let (mark, size) = head.split_first_chunk::<4>().ok_or(LAYOUT)?;
    let size = size
        .first_chunk()
        .map_or(0, |size| u64::from(u32::from_le_bytes(*size)));
    *at += 8;
    if *mark != MARK || size > end - *at {
        return Err(LAYOUT);
    }
    if size == 0 {
        return Ok(None);
    }
    let bytes = part(file, *at, size)?;
    *at += size;
    let mut buffer = Flat::new(&bytes);
    let read = || -> Option<Message> {
        let root = buffer.root(&[0, 1, 2, 3])?;
        let is_kind = buffer.number(&root, 0, 2)? == VERSION && buffer.number(&root, 1, 1)? == kind;
        let header = buffer.follow(&root, 2)?;
        let body = buffer.number(&root, 3, 8)?;
        let batch = if kind == SCHEMA {
            buffer.schema(header)?;
            None
        } else {
            Some(buffer.batch(header)?)
        };
        (is_kind && buffer.is_covered()).then_some((batch, body))
    };
    let mut read = read;
    read().map(Some).ok_or(METADATA)
}

/// The footer says the schema once more and where the batches are.
fn footer(bytes: &[u8], blocks: &[(u64, u64, u64)]) -> Result<(), Fault> {
    let mut buffer = Flat::new(bytes);
    let mut read = || -> Option<bool> {
        let root = buffer.root(&[0, 1, 2, 3])?;
        let version = buffer.number(&root, 0, 2)?;
        let schema = buffer.follow(&root, 1)?;
        buffer.schema(schema)?;
        let dictionaries = buffer.vector(&root, 2, 24)?;
        let stated = buffer.vector(&root, 3, 24)?;
        let mut same = version == VERSION && dictionaries.1 == 0 && stated.1 == blocks.len();
        for (nth, (start, metadata, body)) in blocks.iter().enumerate() {
            let at = stated.0 + nth * 24;
            same &= buffer.at(at, 8)? == *start;
            // Four bytes of padding between them must be zero.
            same &= buffer.at(at + 8, 8)? == *metadata;
            same &= buffer.at(at + 16, 8)? == *body;
        }
        Some(same && buffer.is_covered())
    };
    if read() == Some(true) {
        Ok(())
    } else {
        Err(METADATA)
    }
}

/// Gives the rows of a batch.
fn rows(batch: &Batch, body: &[u8], take: &mut Take<'_>) -> Result<(), Fault> {
    let count = usize::try_from(batch.rows).map_err(|_| METADATA)?;
    // A time takes eight bytes, of which a batch holds no more than a part has.
    if batch.nulls.len() != WIDTH || count == 0 || count > 1 << 24 {
        return Err(METADATA);
    }
    let mut buffers = batch.buffers.iter();
    let mut used = 0;
    let mut next = |length: Option<u64>| -> Result<Vec<u8>, Fault> {
        let (offset, stored) = *buffers.next().ok_or(METADATA)?;
        let (offset, stored) = (
            usize::try_from(offset).map_err(|_| METADATA)?,
            usize::try_from(stored).map_err(|_| METADATA)?,
        );
        let gap = offset.checked_sub(used).ok_or(LAYOUT)?;
        let stop = offset.checked_add(stored).ok_or(LAYOUT)?;
        let bytes = body.get(offset..stop).ok_or(LAYOUT)?;
        if gap >= 64
            || body
                .get(used..offset)
                .is_none_or(|gap| gap.iter().any(|byte| *byte != 0))
        {
            return Err(LAYOUT);
        }
        used = stop;
        let decoded = buffer(bytes)?;
        match length {
            Some(length) if decoded.len() as u64 != length => Err(ENCODING),
            _ => Ok(decoded),
        }
    };
    let mut columns = Vec::with_capacity(WIDTH);
    let mut times = Vec::new();
    for (column, nulls) in batch.nulls.iter().enumerate() {
        let optional = (2..COLUMNS.len()).contains(&column);
        let bits = next(None)?;
        let valid = validity(&bits, count, *nulls)?;
        if !optional && *nulls != 0 {
            return Err(METADATA);
        }
        if column == 0 {
            times = next(Some(count as u64 * 8))?;
            continue;
        }
        let offsets = next(Some((count as u64 + 1) * 4))?;
        let texts = String::from_utf8(next(None)?).map_err(|_| ENCODING)?;
        columns.push((valid, offsets, texts));
    }
    let rest = body.get(used..).unwrap_or_default();
    if buffers.next().is_some() || rest.len() >= 64 || rest.iter().any(|byte| *byte != 0) {
        return Err(LAYOUT);
    }
    let offset = |offsets: &[u8], row: usize| -> Option<usize> {
        let bytes = offsets.get(row * 4..)?.first_chunk()?;
        usize::try_from(i32::from_le_bytes(*bytes)).ok()
    };
    for (valid, offsets, texts) in &columns {
        let nulls_hold_nothing = (0..count)
            .all(|row| valid.get(row) == Some(&true) || offset(offsets, row) == offset(offsets, row + 1));
        if !nulls_hold_nothing || offset(offsets, 0) != Some(0) || offset(offsets, count) != Some(texts.len())
        {
            return Err(ENCODING);
        }
    }
    let mut line = Vec::new();
    for row in 0..count {
        let micros = times.get(row * 8..).and_then(<[u8]>::first_chunk);
        let time = micros.and_then(|bytes| time_text(i64::from_le_bytes(*bytes)));
        let mut cells: Vec<Option<&str>> = vec![Some(time.as_deref().ok_or(ENCODING)?)];
        for (valid, offsets, texts) in &columns {
            let span = offset(offsets, row).zip(offset(offsets, row + 1));
            let text = span.and_then(|(from, to)| texts.get(from..to)).ok_or(ENCODING)?;
            cells.push((valid.get(row) == Some(&true)).then_some(text));
        }
        let fields = cells.pop().flatten().ok_or(ENCODING)?;
        match record(&cells, fields, Form::Typed, &mut line) {
            Ok(()) => take(Ok(&line)),
            Err(rule) => take(Err(rule)),
        }
    }
    Ok(())
}

/// Which rows have a value.
fn validity(bits: &[u8], count: usize, nulls: u64) -> Result<Vec<bool>, Fault> {
    if bits.is_empty() && nulls == 0 {
        return Ok(vec![true; count]);
    }
    if bits.len() != count.div_ceil(8) {
        return Err(ENCODING);
    }
    let all = bits
        .iter()
        .flat_map(|byte| (0..8).map(move |bit| byte >> bit & 1 == 1));
    let spare = all.clone().skip(count).any(|bit| bit);
    let valid: Vec<bool> = all.take(count).collect();
    let told = valid.iter().filter(|valid| !**valid).count() as u64;
    if spare || told != nulls {
        Err(ENCODING)
    } else {
        Ok(valid)
    }
}

/// A buffer: nothing, or its decoded length and a frame, or -1 and the bytes as they are.
fn buffer(bytes: &[u8]) -> Result<Vec<u8>, Fault> {
    let Some((length, stored)) = bytes.split_first_chunk::<8>() else {
        return if bytes.is_empty() {
            Ok(Vec::new())
        } else {
            Err(ENCODING)
        };
    };
    match i64::from_le_bytes(*length) {
        -1 => Ok(stored.to_vec()),
        length => frame(stored, u64::try_from(length).map_err(|_| ENCODING)?),
    }
}

/// A flatbuffer, and which of its bytes were read.
struct Flat<'a> {
    bytes: &'a [u8],
    covered: Vec<bool>,
}

/// A table: where it begins, and where each field lies in it (0: absent).
struct Table {
    at: usize,
    fields: Vec<usize>,
}

impl<'a> Flat<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            bytes,
            covered: vec![false; bytes.len()],
        }
    }

    fn cover(&mut self, from: usize, length: usize) -> Option<&'a [u8]> {
        let to = from.checked_add(length)?;
        self.covered.get_mut(from..to)?.fill(true);
        self.bytes.get(from..to)
    }

    /// A number of `length` bytes, as it would be without a sign.
    fn at(&mut self, at: usize, length: usize) -> Option<u64> {
        let bytes = self.cover(at, length)?;
        Some(bytes.iter().rev().fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }

    /// A table in which only the fields of `known` may be.
    fn table(&mut self, at: usize, known: &[usize]) -> Option<Table> {
        let back = (self.at(at, 4)? as u32).cast_signed();
        let vtable = usize::try_from(i64::try_from(at).ok()? - i64::from(back)).ok()?;
        let size = self.at(vtable, 2)? as usize;
        let inline = self.at(vtable + 2, 2)? as usize;
        if size < 4 || !size.is_multiple_of(2) {
            return None;
        }
        let mut fields = Vec::new();
        for nth in 0..(size - 4) / 2 {
            let field = self.at(vtable + 4 + nth * 2, 2)? as usize;
            if field != 0 && !known.contains(&nth) {
                return None;
            }
            fields.push(field);
        }
        // A table ends with its last field: at most eight bytes, and what aligns them.
        let last = fields.iter().copied().max().unwrap_or(4);
        let is_whole = (last..last + 16).contains(&inline) && fields.last() != Some(&0);
        is_whole.then_some(Table { at, fields })
    }

    fn root(&mut self, known: &[usize]) -> Option<Table> {
        let at = self.at(0, 4)? as usize;
        self.table(at, known)
    }

    fn place(table: &Table, field: usize) -> Option<usize> {
        let offset = table.fields.get(field).copied().filter(|offset| *offset != 0)?;
        table.at.checked_add(offset)
    }

    /// A number, zero if it is absent.
    fn number(&mut self, table: &Table, field: usize, length: usize) -> Option<u64> {
        Self::place(table, field).map_or(Some(0), |at| self.at(at, length))
    }

    /// Where a field points to.
    fn follow(&mut self, table: &Table, field: usize) -> Option<usize> {
        let at = Self::place(table, field)?;
        at.checked_add(self.at(at, 4)? as usize)
    }

    /// Where the elements of a vector begin, and how many there are; an absent one is empty.
    fn vector(&mut self, table: &Table, field: usize, element: usize) -> Option<(usize, usize)> {
        if Self::place(table, field).is_none() {
            return Some((0, 0));
        }
        let at = self.follow(table, field)?;
        let count = self.at(at, 4)? as usize;
        let fits = count.checked_mul(element)?.checked_add(at + 4)? <= self.bytes.len();
        fits.then_some((at + 4, count))
    }

    fn text(&mut self, table: &Table, field: usize) -> Option<&'a [u8]> {
        let (at, length) = self.vector(table, field, 1)?;
        self.cover(at, length)
    }

    fn is_covered(&self) -> bool {
        let mut both = self.bytes.iter().zip(&self.covered);
        both.all(|(byte, covered)| *covered || *byte == 0)
    }

    /// The schema and nothing else.
    fn schema(&mut self, at: usize) -> Option<()> {
        let table = self.table(at, &[0, 1, 2])?;
        // Little-endian, and no metadata.
        let plain = self.number(&table, 0, 2)? == 0 && self.vector(&table, 2, 4)?.1 == 0;
        let (fields, count) = self.vector(&table, 1, 4)?;
        if !plain || count != WIDTH {
            return None;
        }
        for nth in 0..count {
            let slot = fields + nth * 4;
            let at = slot.checked_add(self.at(slot, 4)? as usize)?;
            self.field(at, nth)?;
        }
        Some(())
    }

    fn field(&mut self, at: usize, nth: usize) -> Option<()> {
        let table = self.table(at, &[0, 1, 2, 3, 5, 6])?;
        let name = COLUMNS.get(nth).copied().unwrap_or("fields");
        let optional = u64::from((2..COLUMNS.len()).contains(&nth));
        let (utf8, timestamp) = TYPES;
        let kind = if nth == 0 { timestamp } else { utf8 };
        let is_right = self.text(&table, 0)? == name.as_bytes()
            && self.number(&table, 1, 1)? == optional
            && self.number(&table, 2, 1)? == kind
            && self.vector(&table, 5, 4)?.1 == 0
            && self.vector(&table, 6, 4)?.1 == 0;
        let at = self.follow(&table, 3)?;
        let is_of_type = if nth == 0 {
            let table = self.table(at, &[0, 1])?;
            // Microseconds.
            self.number(&table, 0, 2)? == 2 && self.text(&table, 1)? == b"UTC"
        } else {
            self.table(at, &[])?;
            true
        };
        (is_right && is_of_type).then_some(())
    }

    fn batch(&mut self, at: usize) -> Option<Batch> {
        let table = self.table(at, &[0, 1, 2, 3, 4])?;
        let rows = self.number(&table, 0, 8)?;
        let (nodes, count) = self.vector(&table, 1, 16)?;
        let mut nulls = Vec::with_capacity(count);
        for nth in 0..count {
            if self.at(nodes + nth * 16, 8)? != rows {
                return None;
            }
            nulls.push(self.at(nodes + nth * 16 + 8, 8)?);
        }
        let (places, count) = self.vector(&table, 2, 16)?;
        let mut buffers = Vec::with_capacity(count);
        for nth in 0..count {
            let at = places + nth * 16;
            buffers.push((self.at(at, 8)?, self.at(at + 8, 8)?));
        }
        let compression = self.follow(&table, 3)?;
        let compression = self.table(compression, &[0, 1])?;
        // zstd, buffer by buffer.
        let is_zstd = self.number(&compression, 0, 1)? == 1 && self.number(&compression, 1, 1)? == 0;
        let no_views = self.vector(&table, 4, 8)?.1 == 0;
        (is_zstd && no_views).then_some(Batch { rows, nulls, buffers })
    }
}
