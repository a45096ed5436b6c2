//! Parquet as decostop writes it.
//!
//! ```text
//! PAR1 | row group: column chunks, filters | … | column indexes | offset indexes | footer | length | PAR1
//!          chunk: dictionary?, data pages
//! ```
//!
//! The footer says where chunks begin. Everything else that it, the indexes and the filters say is
//! computed from the rows, encoded, and compared byte by byte.

#![expect(
    clippy::cast_possible_wrap,
    reason = "numbers of a file are compared as its encoding has them"
)]

use std::cmp::Ordering;
use std::collections::VecDeque;
use std::fs::File;
use std::io::{Seek, SeekFrom};

use super::thrift::{BINARY, BOOL, I32, I64, STRUCT, Value, text};
use super::{
    COLUMNS, ENCODING, Fault, Form, LAYOUT, METADATA, SIZE, Take, WIDTH, frame, part, record, time_text,
};

const MAGIC: &[u8] = b"PAR1";
/// Where `fields` stands.
const FIELDS: usize = COLUMNS.len();
/// Columns with a filter: `event`, `actor`, `namespace`.
const FILTERED: [usize; 3] = [2, 3, 4];
const PLAIN: i64 = 0;
const LEVELS: i64 = 3;
const DICTIONARY: i64 = 8;
const ZSTD: i64 = 6;
/// Longer than a page header without statistics can be.
const MAX_HEADER: u64 = 128;
/// Larger than any filter: what 131,072 distinct values take, twice over.
const MAX_FILTER: u64 = 1 << 20;
/// A file with more row groups than that is not of this program.
const MAX_GROUPS: usize = 1 << 16;

fn is_optional(column: usize) -> bool {
    (2..FIELDS).contains(&column)
}

/// What a page says of its values.
struct Told {
    offset: u64,
    /// With its header.
    stored: u64,
    first_row: u64,
    rows: u64,
    nulls: u64,
    bytes: u64,
    least: Option<Vec<u8>>,
    most: Option<Vec<u8>>,
}

/// One column of one row group, read page by page.
struct Chunk {
    column: usize,
    rows: u64,
    start: u64,
    at: u64,
    /// Decoded sizes with headers.
    uncompressed: u64,
    dictionary: Option<Dictionary>,
    pages: Vec<Told>,
    encodings: Vec<(i64, i64)>,
    values: VecDeque<Option<Vec<u8>>>,
    seen: u64,
    hashes: Vec<u64>,
}

/// Its values stand in the order in which the rows first have them.
struct Dictionary {
    values: Vec<Vec<u8>>,
    /// How many of them a row had so far.
    used: usize,
}

impl Dictionary {
    fn take(&mut self, index: usize) -> Option<Vec<u8>> {
        if index > self.used {
            return None;
        }
        self.used = self.used.max(index + 1);
        self.values.get(index).cloned()
    }

    /// Bits of an index into what was used so far.
    fn width(&self) -> u8 {
        let highest = self.used.saturating_sub(1);
        u8::try_from(usize::BITS - highest.leading_zeros()).unwrap_or(u8::MAX)
    }
}

/// A row group as the rows make it.
struct Group {
    rows: u64,
    chunks: Vec<Chunk>,
    filters: Vec<Option<(u64, u64)>>,
}

pub(super) fn read(file: &mut File, take: &mut Take<'_>) -> Result<(), Fault> {
    let length = file.seek(SeekFrom::End(0))?;
    if length < 12 || part(file, 0, 4)? != MAGIC {
        return Err(LAYOUT);
    }
    let tail = part(file, length - 8, 8)?;
    let (size, magic) = tail.split_first_chunk::<4>().ok_or(LAYOUT)?;
    let size = u64::from(u32::from_le_bytes(*size));
    if magic != MAGIC || size > length - 12 {
        return Err(LAYOUT);
    }
    let footer_start = length - 8 - size;
    let bytes = part(file, footer_start, size)?;
    let (footer, used) = Value::read_struct(&bytes).ok_or(METADATA)?;
    if used != bytes.len() {
        return Err(METADATA);
    }
    let stated = footer.field(4).and_then(Value::list).ok_or(METADATA)?;
    if stated.len() > MAX_GROUPS {
        return Err(SIZE);
    }
    let mut at = MAGIC.len() as u64;
    let mut groups = Vec::new();
    for stated in stated {
        let group = group(file, stated, at, footer_start, take)?;
        at = group.end();
        groups.push(group);
    }
    let mut indexes = Vec::new();
    for optional in [true, false] {
        for (nth, group) in groups.iter().enumerate() {
            for chunk in &group.chunks {
                let expected = if optional {
                    chunk.column_index()
                } else {
                    Some(chunk.offset_index())
                };
                let Some(expected) = expected.map(|index| index.bytes()) else {
                    continue;
                };
                if part(file, at, expected.len() as u64)? != expected {
                    return Err(METADATA);
                }
                indexes.push((nth, chunk.column, optional, at, expected.len() as u64));
                at += expected.len() as u64;
            }
        }
    }
    if at != footer_start {
        return Err(LAYOUT);
    }
    let maker = footer.field(6).and_then(Value::binary).ok_or(METADATA)?;
    if !is_maker(maker) {
        return Err(METADATA);
    }
    if expected_footer(&groups, &indexes, maker).bytes() != bytes {
        return Err(METADATA);
    }
    Ok(())
}

/// `decostop` and a version.
fn is_maker(maker: &[u8]) -> bool {
    let version = maker.strip_prefix(b"decostop ").unwrap_or_default();
    let plain = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
    (1..=16).contains(&version.len()) && version.iter().all(plain)
}

/// Reads the rows of a group, all columns side by side.
fn group(file: &mut File, stated: &Value, start: u64, end: u64, take: &mut Take<'_>) -> Result<Group, Fault> {
    let rows = stated.field(3).and_then(Value::unsigned).ok_or(METADATA)?;
    let columns = stated.field(1).and_then(Value::list).ok_or(METADATA)?;
    if columns.len() != WIDTH || rows == 0 {
        return Err(METADATA);
    }
    let mut chunks = Vec::with_capacity(WIDTH);
    for (column, stated) in columns.iter().enumerate() {
        let meta = stated.field(3).ok_or(METADATA)?;
        let place = meta.field(11).or_else(|| meta.field(9));
        let at = place.and_then(Value::unsigned).ok_or(METADATA)?;
        chunks.push(Chunk {
            column,
            rows,
            start: at,
            at,
            uncompressed: 0,
            dictionary: None,
            pages: Vec::new(),
            encodings: Vec::new(),
            values: VecDeque::new(),
            seen: 0,
            hashes: Vec::new(),
        });
    }
    let mut line = Vec::new();
    for _ in 0..rows {
        let mut cells: Vec<Option<String>> = Vec::with_capacity(WIDTH);
        for chunk in &mut chunks {
            let value = chunk.next(file, end)?;
            cells.push(match value {
                Some(bytes) if chunk.column == 0 => {
                    let micros = bytes.first_chunk().map(|bytes| i64::from_le_bytes(*bytes));
                    Some(micros.and_then(time_text).ok_or(ENCODING)?)
                }
                Some(bytes) => Some(String::from_utf8(bytes).map_err(|_| ENCODING)?),
                None => None,
            });
        }
        let (fields, columns) = cells.split_last().ok_or(METADATA)?;
        let columns: Vec<Option<&str>> = columns.iter().map(Option::as_deref).collect();
        let fields = fields.as_deref().ok_or(METADATA)?;
        match record(&columns, fields, Form::Typed, &mut line) {
            Ok(()) => take(Ok(&line)),
            Err(rule) => take(Err(rule)),
        }
    }
    let mut at = start;
    for chunk in &mut chunks {
        if chunk.start != at {
            return Err(LAYOUT);
        }
        chunk.close()?;
        at = chunk.at;
    }
    let mut filters = vec![None; WIDTH];
    for column in FILTERED {
        let chunk = chunks.get_mut(column).ok_or(METADATA)?;
        let length = filter(file, at, end, &mut chunk.hashes)?;
        if let Some(slot) = filters.get_mut(column) {
            *slot = Some((at, length));
        }
        at += length;
    }
    Ok(Group {
        rows,
        chunks,
        filters,
    })
}

/// Builds the filter of the values again. Answers how long it is.
fn filter(file: &mut File, at: u64, end: u64, hashes: &mut Vec<u64>) -> Result<u64, Fault> {
    const SALT: [u32; 8] = [
        0x47b6_137b,
        0x4497_4d91,
        0x8824_ad5b,
        0xa2b7_289d,
        0x7054_95c7,
        0x2df1_424b,
        0x9efc_4947,
        0x5c6b_fb31,
    ];
    let head = part(file, at, MAX_HEADER.min(end.saturating_sub(at)))?;
    let (header, length) = Value::read_struct(&head).ok_or(METADATA)?;
    let size = header.field(1).and_then(Value::unsigned).ok_or(METADATA)?;
    if size > MAX_FILTER || size % 32 != 0 || !(size / 32).is_power_of_two() {
        return Err(METADATA);
    }
    let only = |id: i16| Value::Struct(vec![(id, Value::Struct(Vec::new()))]);
    let expected = Value::Struct(vec![
        (1, Value::I32(size as i64)),
        (2, only(1)),
        (3, only(1)),
        (4, only(1)),
    ]);
    if head.get(..length) != Some(expected.bytes().as_slice()) {
        return Err(METADATA);
    }
    let blocks = size / 32;
    let mut words = vec![0u32; usize::try_from(size / 4).map_err(|_| SIZE)?];
    for hash in hashes.drain(..) {
        let block = ((hash >> 32) * blocks) >> 32;
        for (word, salt) in words.iter_mut().skip(block as usize * 8).zip(SALT) {
            *word |= 1 << ((hash as u32).wrapping_mul(salt) >> 27);
        }
    }
    let expected: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    if part(file, at + length as u64, size)? != expected {
        return Err(METADATA);
    }
    Ok(length as u64 + size)
}

impl Chunk {
    /// The next value: its plain bytes, nothing for a null.
    fn next(&mut self, file: &mut File, end: u64) -> Result<Option<Vec<u8>>, Fault> {
        while self.values.is_empty() {
            self.page(file, end)?;
        }
        self.values.pop_front().ok_or(ENCODING)
    }

    /// Reads one page.
    fn page(&mut self, file: &mut File, end: u64) -> Result<(), Fault> {
        if self.at >= end || self.seen >= self.rows {
            return Err(LAYOUT);
        }
        let head = part(file, self.at, MAX_HEADER.min(end - self.at))?;
        let (header, length) = Value::read_struct(&head).ok_or(METADATA)?;
        let number = |value: Option<&Value>| value.and_then(Value::unsigned).ok_or(METADATA);
        let decoded = number(header.field(2))?;
        let stored = number(header.field(3))?;
        if stored > end - self.at {
            return Err(LAYOUT);
        }
        let is_dictionary = header.field(7).is_some();
        let detail = header.field(if is_dictionary { 7 } else { 5 }).ok_or(METADATA)?;
        let count = number(detail.field(1))?;
        let encoding = number(detail.field(2))? as i64;
        let int = |n: u64| Value::I32(n as i64);
        let sizes = [(2, int(decoded)), (3, int(stored))];
        let expected = if is_dictionary {
            let detail = Value::Struct(vec![
                (1, int(count)),
                (2, Value::I32(PLAIN)),
                (3, Value::Bool(false)),
            ]);
            [(1, Value::I32(2))]
                .into_iter()
                .chain(sizes)
                .chain([(7, detail)])
                .collect()
        } else {
            let detail = Value::Struct(vec![
                (1, int(count)),
                (2, Value::I32(encoding)),
                (3, Value::I32(LEVELS)),
                (4, Value::I32(LEVELS)),
            ]);
            [(1, Value::I32(0))]
                .into_iter()
                .chain(sizes)
                .chain([(5, detail)])
                .collect()
        };
        if head.get(..length) != Some(Value::Struct(expected).bytes().as_slice()) {
            return Err(METADATA);
        }
        let body = frame(&part(file, self.at + length as u64, stored)?, decoded)?;
        let offset = self.at;
        self.at += length as u64 + stored;
        self.uncompressed += length as u64 + decoded;
        if is_dictionary {
            if self.dictionary.is_some() || !self.pages.is_empty() {
                return Err(LAYOUT);
            }
            let mut rest = body.as_slice();
            let values = plain(&mut rest, count, self.column)?;
            let mut sorted: Vec<&Vec<u8>> = values.iter().collect();
            sorted.sort_unstable();
            if !rest.is_empty() || sorted.windows(2).any(|pair| pair.first() == pair.last()) {
                return Err(ENCODING);
            }
            self.dictionary = Some(Dictionary { values, used: 0 });
            return Ok(());
        }
        if count == 0 || count > self.rows - self.seen {
            return Err(LAYOUT);
        }
        self.data(&body, count, encoding)?;
        let rows = self.values.iter();
        let present = || rows.clone().flatten();
        let cmp = |a: &&Vec<u8>, b: &&Vec<u8>| compare(self.column, a, b);
        let told = Told {
            offset,
            stored: self.at - offset,
            first_row: self.seen,
            rows: count,
            nulls: rows.clone().filter(|value| value.is_none()).count() as u64,
            bytes: present().map(|value| value.len() as u64).sum(),
            least: present().min_by(cmp).cloned(),
            most: present().max_by(cmp).cloned(),
        };
        self.seen += count;
        match self.encodings.last_mut() {
            Some((last, pages)) if *last == encoding => *pages += 1,
            _ => self.encodings.push((encoding, 1)),
        }
        self.pages.push(told);
        if FILTERED.contains(&self.column) {
            let hashes = self.values.iter().flatten().map(|value| xxh64(value));
            self.hashes.extend(hashes);
            self.hashes.sort_unstable();
            self.hashes.dedup();
        }
        Ok(())
    }

    /// The values of a data page.
    fn data(&mut self, body: &[u8], count: u64, encoding: i64) -> Result<(), Fault> {
        let mut rest = body;
        let levels = if is_optional(self.column) {
            let (length, after) = rest.split_first_chunk::<4>().ok_or(ENCODING)?;
            let (levels, after) = after
                .split_at_checked(u32::from_le_bytes(*length) as usize)
                .ok_or(ENCODING)?;
            rest = after;
            hybrid(levels, 1, count)?
        } else {
            vec![1; usize::try_from(count).map_err(|_| SIZE)?]
        };
        let present = levels.iter().filter(|level| **level == 1).count() as u64;
        let values = match encoding {
            PLAIN => plain(&mut rest, present, self.column)?,
            DICTIONARY => {
                let dictionary = self.dictionary.as_mut().ok_or(ENCODING)?;
                let (width, indexes) = rest.split_first().ok_or(ENCODING)?;
                rest = &[];
                let values = hybrid(indexes, *width, present)?
                    .into_iter()
                    .map(|index| dictionary.take(index as usize))
                    .collect::<Option<Vec<_>>>()
                    .ok_or(ENCODING)?;
                if *width != dictionary.width() {
                    return Err(ENCODING);
                }
                values
            }
            _ => return Err(ENCODING),
        };
        if !rest.is_empty() {
            return Err(ENCODING);
        }
        let mut values = values.into_iter();
        self.values = levels
            .into_iter()
            .map(|level| if level == 1 { values.next() } else { None })
            .collect();
        Ok(())
    }

    /// The chunk is read: its pages have all rows, and its dictionary nothing else.
    fn close(&mut self) -> Result<(), Fault> {
        let spare = self
            .dictionary
            .take()
            .is_some_and(|dictionary| dictionary.used != dictionary.values.len());
        if self.seen != self.rows || !self.values.is_empty() || spare {
            return Err(LAYOUT);
        }
        Ok(())
    }

    fn has_statistics(&self) -> bool {
        self.column != FIELDS
    }

    fn nulls(&self) -> u64 {
        self.pages.iter().map(|page| page.nulls).sum()
    }

    fn bytes(&self) -> u64 {
        self.pages.iter().map(|page| page.bytes).sum()
    }

    fn extremes(&self) -> Option<(&Vec<u8>, &Vec<u8>)> {
        let cmp = |a: &&Vec<u8>, b: &&Vec<u8>| compare(self.column, a, b);
        let least = self
            .pages
            .iter()
            .filter_map(|page| page.least.as_ref())
            .min_by(cmp)?;
        let most = self
            .pages
            .iter()
            .filter_map(|page| page.most.as_ref())
            .max_by(cmp)?;
        Some((least, most))
    }

    fn column_index(&self) -> Option<Value> {
        if !self.has_statistics() {
            return None;
        }
        let none = |page: &Told| page.least.is_none();
        let bytes = |value: &Option<Vec<u8>>| Value::Binary(value.clone().unwrap_or_default());
        let pages = || self.pages.iter();
        let whole: Vec<&Told> = pages().filter(|page| !none(page)).collect();
        let ordered = |wrong: Ordering| {
            whole.windows(2).all(|pair| {
                let [one, other] = pair else { return true };
                let in_order = |a: &Option<Vec<u8>>, b: &Option<Vec<u8>>| match (a, b) {
                    (Some(a), Some(b)) => compare(self.column, a, b) != wrong,
                    _ => true,
                };
                in_order(&one.least, &other.least) && in_order(&one.most, &other.most)
            })
        };
        let order = if ordered(Ordering::Greater) {
            1
        } else if ordered(Ordering::Less) {
            2
        } else {
            0
        };
        let mut index = vec![
            (
                1,
                Value::List(BOOL + 1, pages().map(|page| Value::Bool(none(page))).collect()),
            ),
            (
                2,
                Value::List(BINARY, pages().map(|page| bytes(&page.least)).collect()),
            ),
            (
                3,
                Value::List(BINARY, pages().map(|page| bytes(&page.most)).collect()),
            ),
            (4, Value::I32(order)),
            (
                5,
                Value::List(I64, pages().map(|page| long(page.nulls)).collect()),
            ),
        ];
        if is_optional(self.column) {
            let levels = pages().flat_map(|page| [long(page.nulls), long(page.rows - page.nulls)]);
            index.push((7, Value::List(I64, levels.collect())));
        }
        Some(Value::Struct(index))
    }

    fn offset_index(&self) -> Value {
        let place = |page: &Told| {
            Value::Struct(vec![
                (1, long(page.offset)),
                (2, Value::I32(page.stored as i64)),
                (3, long(page.first_row)),
            ])
        };
        let mut index = vec![(1, Value::List(STRUCT, self.pages.iter().map(place).collect()))];
        if self.column != 0 {
            let bytes = self.pages.iter().map(|page| long(page.bytes));
            index.push((2, Value::List(I64, bytes.collect())));
        }
        Value::Struct(index)
    }

    /// `ColumnMetaData`.
    fn meta(&self, filter: Option<(u64, u64)>) -> Value {
        let first_page = self.pages.first().map_or(self.start, |page| page.offset);
        let has_dictionary = first_page != self.start;
        let mut encodings = vec![PLAIN, LEVELS];
        let with_dictionary = self.encodings.iter().any(|(encoding, _)| *encoding == DICTIONARY);
        if with_dictionary {
            encodings.push(DICTIONARY);
        }
        let mut meta = vec![
            (1, Value::I32(if self.column == 0 { 2 } else { 6 })),
            (
                2,
                Value::List(I32, encodings.into_iter().map(Value::I32).collect()),
            ),
            (3, Value::List(BINARY, vec![text(name(self.column))])),
            (4, Value::I32(ZSTD)),
            (5, long(self.rows)),
            (6, long(self.uncompressed)),
            (7, long(self.at - self.start)),
            (9, long(first_page)),
        ];
        if has_dictionary {
            meta.push((11, long(self.start)));
        }
        if self.has_statistics() {
            meta.push((12, self.statistics()));
        }
        let mut pages = Vec::new();
        let told = |kind: i64, encoding: i64, count: i64| {
            Value::Struct(vec![
                (1, Value::I32(kind)),
                (2, Value::I32(encoding)),
                (3, Value::I32(count)),
            ])
        };
        if has_dictionary {
            pages.push(told(2, PLAIN, 1));
        }
        pages.extend(
            self.encodings
                .iter()
                .map(|(encoding, count)| told(0, *encoding, *count)),
        );
        meta.push((13, Value::List(STRUCT, pages)));
        if let Some((at, length)) = filter {
            meta.push((14, long(at)));
            meta.push((15, Value::I32(length as i64)));
        }
        if self.has_statistics() && self.column != 0 {
            let mut sizes = vec![(1, long(self.bytes()))];
            if is_optional(self.column) {
                let nulls = self.nulls();
                sizes.push((3, Value::List(I64, vec![long(nulls), long(self.rows - nulls)])));
            }
            meta.push((16, Value::Struct(sizes)));
        }
        Value::Struct(meta)
    }

    fn statistics(&self) -> Value {
        let mut statistics = vec![(3, long(self.nulls()))];
        if let Some((least, most)) = self.extremes() {
            let (least, most) = (Value::Binary(least.clone()), Value::Binary(most.clone()));
            if self.column == 0 {
                statistics.insert(0, (1, most.clone()));
                statistics.insert(1, (2, least.clone()));
            }
            statistics.extend([
                (5, most),
                (6, least),
                (7, Value::Bool(true)),
                (8, Value::Bool(true)),
            ]);
        } else {
            // A column without a value has no extremes, and says that what it lacks is not exact.
            statistics.extend([(7, Value::Bool(false)), (8, Value::Bool(false))]);
        }
        Value::Struct(statistics)
    }
}

impl Group {
    fn end(&self) -> u64 {
        let chunks = self.chunks.last().map_or(0, |chunk| chunk.at);
        let filters = self
            .filters
            .iter()
            .flatten()
            .map(|(at, length)| at + length)
            .max();
        filters.unwrap_or(0).max(chunks)
    }
}

fn name(column: usize) -> &'static str {
    COLUMNS.get(column).copied().unwrap_or("fields")
}

fn long(n: u64) -> Value {
    Value::I64(n as i64)
}

/// Which value is the lesser: instants as numbers, texts by their bytes.
fn compare(column: usize, a: &[u8], b: &[u8]) -> Ordering {
    let number = |bytes: &[u8]| bytes.first_chunk().map(|bytes| i64::from_le_bytes(*bytes));
    if column == 0 {
        number(a).cmp(&number(b))
    } else {
        a.cmp(b)
    }
}

type Indexes = [(usize, usize, bool, u64, u64)];

/// `FileMetaData`, as it follows from the rows.
fn expected_footer(groups: &[Group], indexes: &Indexes, maker: &[u8]) -> Value {
    let empty = || Value::Struct(Vec::new());
    let mut schema = vec![Value::Struct(vec![
        (4, text("records")),
        (5, Value::I32(WIDTH as i64)),
    ])];
    for column in 0..WIDTH {
        let is_time = column == 0;
        let logical = if is_time {
            let unit = Value::Struct(vec![(2, empty())]);
            (8, Value::Struct(vec![(1, Value::Bool(true)), (2, unit)]))
        } else {
            (1, empty())
        };
        schema.push(Value::Struct(vec![
            (1, Value::I32(if is_time { 2 } else { 6 })),
            (3, Value::I32(i64::from(is_optional(column)))),
            (4, text(name(column))),
            (6, Value::I32(if is_time { 10 } else { 0 })),
            (10, Value::Struct(vec![logical])),
        ]));
    }
    let group = |(nth, group): (usize, &Group)| {
        let column = |chunk: &Chunk| {
            let filter = group.filters.get(chunk.column).copied().flatten();
            let mut column = vec![(2, Value::I64(0)), (3, chunk.meta(filter))];
            for (id, of_column) in [(4, false), (6, true)] {
                let found = indexes.iter().find(|(at, column, kind, _, _)| {
                    *at == nth && *column == chunk.column && *kind == of_column
                });
                if let Some((_, _, _, at, length)) = found {
                    column.push((id, long(*at)));
                    column.push((id + 1, Value::I32(*length as i64)));
                }
            }
            Value::Struct(column)
        };
        let start = group.chunks.first().map_or(0, |chunk| chunk.start);
        let end = group.chunks.last().map_or(0, |chunk| chunk.at);
        let sorting = Value::Struct(vec![
            (1, Value::I32(0)),
            (2, Value::Bool(false)),
            (3, Value::Bool(false)),
        ]);
        Value::Struct(vec![
            (1, Value::List(STRUCT, group.chunks.iter().map(column).collect())),
            (2, long(group.chunks.iter().map(|chunk| chunk.uncompressed).sum())),
            (3, long(group.rows)),
            (4, Value::List(STRUCT, vec![sorting])),
            (5, long(start)),
            (6, long(end - start)),
            (7, Value::I16(nth as i64)),
        ])
    };
    let rows = groups.iter().map(|group| group.rows).sum();
    let order = || Value::Struct(vec![(1, empty())]);
    Value::Struct(vec![
        (1, Value::I32(1)),
        (2, Value::List(STRUCT, schema)),
        (3, long(rows)),
        (
            4,
            Value::List(STRUCT, groups.iter().enumerate().map(group).collect()),
        ),
        (6, Value::Binary(maker.to_vec())),
        (7, Value::List(STRUCT, (0..WIDTH).map(|_| order()).collect())),
    ])
}

/// Values in the plain encoding.
fn plain(rest: &mut &[u8], count: u64, column: usize) -> Result<Vec<Vec<u8>>, Fault> {
    (0..count)
        .map(|_| {
            let length = if column == 0 {
                8
            } else {
                let (length, after) = rest.split_first_chunk::<4>()?;
                *rest = after;
                u32::from_le_bytes(*length) as usize
            };
            let (value, after) = rest.split_at_checked(length)?;
            *rest = after;
            Some(value.to_vec())
        })
        .collect::<Option<_>>()
        .ok_or(ENCODING)
}

/// Numbers of `width` bits as runs and packed groups. What fills up the last group must be zero.
fn hybrid(mut bytes: &[u8], width: u8, count: u64) -> Result<Vec<u32>, Fault> {
    let count = usize::try_from(count).map_err(|_| SIZE)?;
    if width > 32 {
        return Err(ENCODING);
    }
    let mut out = Vec::new();
    let mut next = |length: usize| -> Option<&[u8]> {
        let (head, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        Some(head)
    };
    while out.len() < count {
        let mut header = 0u64;
        for shift in (0..=28).step_by(7) {
            let byte = *next(1).and_then(<[u8]>::first).ok_or(ENCODING)?;
            header |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        let length = usize::try_from(header >> 1).map_err(|_| SIZE)?;
        if length == 0 {
            return Err(ENCODING);
        }
        if header & 1 == 0 {
            let value = next(usize::from(width).div_ceil(8)).ok_or(ENCODING)?;
            let value = value.iter().rev().fold(0u32, |n, byte| n << 8 | u32::from(*byte));
            if length > count - out.len() || u64::from(value) >> width != 0 {
                return Err(ENCODING);
            }
            out.resize(out.len() + length, value);
            continue;
        }
        let packed = next(length.checked_mul(usize::from(width)).ok_or(SIZE)?).ok_or(ENCODING)?;
        let (mut held, mut bits) = (0u64, 0u32);
        let mut packed = packed.iter();
        for _ in 0..length * 8 {
            while bits < u32::from(width) {
                held |= u64::from(*packed.next().ok_or(ENCODING)?) << bits;
                bits += 8;
            }
            let value = (held & ((1u64 << width) - 1)) as u32;
            held >>= width;
            bits -= u32::from(width);
            if out.len() < count {
                out.push(value);
            } else if value != 0 {
                return Err(ENCODING);
            }
        }
    }
    if bytes.is_empty() { Ok(out) } else { Err(ENCODING) }
}

/// The hash of Parquet's filters: XXH64 with seed 0.
fn xxh64(bytes: &[u8]) -> u64 {
    const P: [u64; 5] = [
        0x9e37_79b1_85eb_ca87,
        0xc2b2_ae3d_27d4_eb4f,
        0x1656_67b1_9e37_79f9,
        0x85eb_ca77_c2b2_ae63,
        0x27d4_eb2f_1656_67c5,
    ];
    let [p1, p2, p3, p4, p5] = P;
    let round = |acc: u64, word: u64| {
        acc.wrapping_add(word.wrapping_mul(p2))
            .rotate_left(31)
            .wrapping_mul(p1)
    };
    let word = |chunk: &[u8]| chunk.first_chunk().map_or(0, |word| u64::from_le_bytes(*word));
    let stripes = bytes.chunks_exact(32);
    let mut rest = stripes.remainder();
    let mut hash = p5;
    if bytes.len() >= 32 {
        let mut acc = [p1.wrapping_add(p2), p2, 0, 0u64.wrapping_sub(p1)];
        for stripe in stripes {
            for (acc, chunk) in acc.iter_mut().zip(stripe.chunks_exact(8)) {
                *acc = round(*acc, word(chunk));
            }
        }
        hash = acc
            .iter()
            .zip([1, 7, 12, 18])
            .fold(0u64, |sum, (acc, by)| sum.wrapping_add(acc.rotate_left(by)));
        for acc in acc {
            hash = (hash ^ round(0, acc)).wrapping_mul(p1).wrapping_add(p4);
        }
    }
    hash = hash.wrapping_add(bytes.len() as u64);
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        hash = (hash ^ round(0, u64::from_le_bytes(*chunk)))
            .rotate_left(27)
            .wrapping_mul(p1)
            .wrapping_add(p4);
        rest = after;
    }
    if let Some((chunk, after)) = rest.split_first_chunk::<4>() {
        hash = (hash ^ u64::from(u32::from_le_bytes(*chunk)).wrapping_mul(p1))
            .rotate_left(23)
            .wrapping_mul(p2)
            .wrapping_add(p3);
        rest = after;
    }
    for byte in rest {
        hash = (hash ^ u64::from(*byte).wrapping_mul(p5))
            .rotate_left(11)
            .wrapping_mul(p1);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(p2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(p3);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_those_of_the_published_algorithm() {
        // Values of the reference implementation, seed 0.
        for (text, want) in [
            ("", 0xef46_db37_51d8_e999),
            ("a", 0xd24e_c4f1_a98c_6e5b),
            ("abc", 0x44bc_2cf5_ad77_0999),
            ("Nobody inspects the spammish repetition", 0xfbce_a83c_8a37_8bf1),
        ] {
            assert_eq!(xxh64(text.as_bytes()), want, "{text}");
        }
    }
}
