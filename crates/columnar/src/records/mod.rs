//! Disclosed records as rows: Parquet, Arrow IPC and CSV, out and in.

mod arrow;
mod batch;
mod csv;
mod format;
mod parquet;
mod read;
mod row;
#[cfg(test)]
mod tests;

pub use arrow::ArrowSink;
pub use batch::{BATCH_BYTES, BATCH_ROWS, BatchSink, RecordBatches, lines, schema};
pub use csv::CsvSink;
pub use format::{Arrow, Csv, Parquet, format_named};
pub use parquet::{GROUP_BYTES, GROUP_ROWS, ParquetSink};
pub use read::{Records, records};
