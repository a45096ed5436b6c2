//! Records as Arrow batches.

use std::borrow::Cow;
use std::io;
use std::sync::{Arc, LazyLock};

use arrow_array::builder::{StringBuilder, TimestampMicrosecondBuilder};
use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use decostop::sink::{Flow, Provenance, Sink, Verified};
use decostop::stats::{Evidence, Report};
use decostop::{Error, ErrorKind};

use super::row::{COLUMNS, Cells, join, split, time_text};

/// Rows of a batch at most.
pub const BATCH_ROWS: usize = 8 << 10;
/// Bytes of records after which a batch is closed before it has [`BATCH_ROWS`].
pub const BATCH_BYTES: usize = 8 << 20;
/// The column behind the common ones.
pub(crate) const FIELDS: &str = "fields";

static SCHEMA: LazyLock<SchemaRef> = LazyLock::new(|| {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let mut fields = vec![
        Field::new("time", time, false),
        Field::new("source", DataType::Utf8, false),
    ];
    fields.extend(
        COLUMNS
            .iter()
            .skip(2)
            .map(|name| Field::new(*name, DataType::Utf8, true)),
    );
    fields.push(Field::new(FIELDS, DataType::Utf8, false));
    Arc::new(Schema::new(fields))
});

/// The schema of every batch, without metadata: `time` as `timestamp[us, UTC]`, the other common
/// columns and `fields`, the rest of a record as the text of a JSON object, as `utf8`. `time`,
/// `source` and `fields` are never null.
pub fn schema() -> SchemaRef {
    Arc::clone(&SCHEMA)
}

/// Collects verified records to batches of at most [`BATCH_ROWS`] rows.
///
/// # Memory usage
/// One batch: [`BATCH_BYTES`] and one record.
pub struct RecordBatches {
    time: TimestampMicrosecondBuilder,
    texts: [StringBuilder; COLUMNS.len()],
    rows: usize,
    bytes: usize,
}

impl Default for RecordBatches {
    fn default() -> Self {
        Self {
            time: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            texts: std::array::from_fn(|_| StringBuilder::new()),
            rows: 0,
            bytes: 0,
        }
    }
}

impl RecordBatches {
    /// Takes a record; gives a batch when one is full.
    ///
    /// # Errors
    /// If the record has no time or source, which no record of a dive lacks.
    pub fn push(&mut self, record: Verified<'_>) -> io::Result<Option<RecordBatch>> {
        self.push_text(record.as_bytes())
    }

    pub(crate) fn push_text(&mut self, record: &[u8]) -> io::Result<Option<RecordBatch>> {
        let text =
            std::str::from_utf8(record).map_err(|cause| io::Error::new(io::ErrorKind::InvalidData, cause))?;
        let row = split(text, Cells::Typed)?;
        self.time.append_value(row.time_us);
        let cells = row.cells.iter().skip(1).map(Option::as_deref);
        for (builder, cell) in self
            .texts
            .iter_mut()
            .zip(cells.chain([Some(row.fields.as_str())]))
        {
            builder.append_option(cell);
        }
        self.rows += 1;
        self.bytes += record.len();
        if self.rows >= BATCH_ROWS || self.bytes >= BATCH_BYTES {
            return self.finish();
        }
        Ok(None)
    }

    /// What was collected since the last batch, if anything; the builder can be used again.
    ///
    /// # Errors
    /// None that a caller can cause.
    pub fn finish(&mut self) -> io::Result<Option<RecordBatch>> {
        if std::mem::take(&mut self.rows) == 0 {
            return Ok(None);
        }
        self.bytes = 0;
        let mut columns: Vec<ArrayRef> = vec![Arc::new(self.time.finish())];
        columns.extend(
            self.texts
                .iter_mut()
                .map(|builder| Arc::new(builder.finish()) as ArrayRef),
        );
        RecordBatch::try_new(schema(), columns)
            .map(Some)
            .map_err(io::Error::other)
    }
}

/// A [`Sink`] that gives batches to a function as they are full: for streams to other languages.
pub struct BatchSink<F> {
    batches: RecordBatches,
    to: F,
}

impl<F: FnMut(RecordBatch) -> Result<Flow, Error>> BatchSink<F> {
    /// Gives batches to `to`, the last one when the dive is complete.
    pub fn new(to: F) -> Self {
        Self {
            batches: RecordBatches::default(),
            to,
        }
    }
}

impl<F: FnMut(RecordBatch) -> Result<Flow, Error>> Sink for BatchSink<F> {
    fn record(&mut self, record: Verified<'_>, _provenance: &Provenance) -> Result<Flow, Error> {
        match self.batches.push(record).map_err(refused)? {
            Some(batch) => (self.to)(batch),
            None => Ok(Flow::Continue),
        }
    }

    fn finish(&mut self, _report: &Report, _evidence: &Evidence) -> Result<(), Error> {
        if let Some(batch) = self.batches.finish().map_err(refused)? {
            (self.to)(batch)?;
        }
        Ok(())
    }
}

/// A sink's error.
pub(crate) fn refused(cause: io::Error) -> Error {
    Error::new(ErrorKind::Sink, "the records cannot be written").because(cause)
}

/// The records of a batch with the documented [`schema`], as the JSON lines that they came from.
///
/// # Errors
/// If the batch has another schema, or a row is none that this crate writes.
pub fn lines(batch: &RecordBatch) -> io::Result<Vec<String>> {
    let wrong = |what: &'static str| io::Error::new(io::ErrorKind::InvalidData, what);
    if batch.schema().fields() != SCHEMA.fields() {
        return Err(wrong("the columns are not those of decostop's records"));
    }
    let time = batch
        .column(0)
        .as_primitive_opt::<TimestampMicrosecondType>()
        .ok_or_else(|| wrong("time is no timestamp"))?;
    let texts: Vec<_> = batch
        .columns()
        .iter()
        .skip(1)
        .map(|column| {
            column
                .as_string_opt::<i32>()
                .ok_or_else(|| wrong("a column is no text"))
        })
        .collect::<io::Result<_>>()?;
    let Some((fields, cells)) = texts.split_last() else {
        return Err(wrong("there are no columns"));
    };
    (0..batch.num_rows())
        .map(|row| {
            let mut out: [Option<Cow<'_, str>>; COLUMNS.len()] = Default::default();
            let instant = time_text(time.value(row)).ok_or_else(|| wrong("a time that is none"))?;
            let values = cells
                .iter()
                .map(|column| column.is_valid(row).then(|| Cow::Borrowed(column.value(row))));
            for (slot, value) in out
                .iter_mut()
                .zip(std::iter::once(Some(Cow::Owned(instant))).chain(values))
            {
                *slot = value;
            }
            join(&out, fields.value(row))
        })
        .collect()
}
