//! Provenance rows out of Parquet, for `verify --against`.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::vec;

use decostop::{Error, ErrorKind, Origin};
use parquet::errors::ParquetError;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::RowAccessor;

/// One row of `provenance.parquet`.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Row {
    /// 0-based number of the output record.
    pub ordinal: u64,
    /// The input, as [`path_text`](decostop::artefact::path_text) writes it.
    pub input: String,
    /// Decoded offset of the raw line, if known.
    pub offset: Option<u64>,
    /// BLAKE3 digest of the raw line.
    pub line_digest: [u8; 32],
    /// Source name.
    pub source: String,
    /// Event as disclosed.
    pub event: String,
    /// Instant, microseconds since 1970 in UTC.
    pub time_us: i64,
    /// What was removed, as JSON text.
    pub removals: String,
}

/// The rows of a provenance file in order. After an error there are no more.
pub struct Rows {
    path: PathBuf,
    file: SerializedFileReader<File>,
    next_group: usize,
    rows: vec::IntoIter<Row>,
}

/// Opens a provenance file.
///
/// # Errors
/// [`ErrorKind::Source`] if it cannot be opened or is not Parquet.
pub fn read_provenance(path: &Path) -> Result<Rows, Error> {
    let file = File::open(path).map_err(|cause| Error::io(ErrorKind::Source, path, "open it", cause))?;
    let file = SerializedFileReader::new(file).map_err(|cause| damaged(path, cause))?;
    Ok(Rows {
        path: path.to_owned(),
        file,
        next_group: 0,
        rows: Vec::new().into_iter(),
    })
}

impl Rows {
    /// Leaves out the row groups in front of the one that holds this 0-based record, without reading them.
    ///
    /// # Errors
    /// [`ErrorKind::Source`] if the file says of a group that it has a negative number of rows.
    pub fn skip_groups_before(&mut self, ordinal: u64) -> Result<(), Error> {
        let mut begin = 0;
        for (at, group) in self.file.metadata().row_groups().iter().enumerate() {
            let rows = u64::try_from(group.num_rows())
                .map_err(|_| damaged(&self.path, wrong("a negative number")))?;
            begin += rows;
            if begin > ordinal {
                self.next_group = self.next_group.max(at);
                return Ok(());
            }
        }
        self.next_group = self.file.num_row_groups();
        Ok(())
    }

    fn read_group(&mut self) -> Result<Vec<Row>, ParquetError> {
        let group = self.file.get_row_group(self.next_group)?;
        self.next_group += 1;
        group
            .get_row_iter(None)?
            .map(|row| row.and_then(|row| Row::new(&row)))
            .collect()
    }
}

impl Iterator for Rows {
    type Item = Result<Row, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.rows.next() {
                return Some(Ok(row));
            }
            if self.next_group >= self.file.num_row_groups() {
                return None;
            }
            match self.read_group() {
                Ok(rows) => self.rows = rows.into_iter(),
                Err(cause) => {
                    self.next_group = usize::MAX;
                    return Some(Err(damaged(&self.path, cause)));
                }
            }
        }
    }
}

impl Row {
    fn new(row: &parquet::record::Row) -> Result<Self, ParquetError> {
        let digest = row.get_bytes(3)?.data().try_into();
        let unsigned = |value: i64| u64::try_from(value).map_err(|_| wrong("a negative number"));
        Ok(Self {
            ordinal: unsigned(row.get_long(0)?)?,
            input: row.get_string(1)?.clone(),
            offset: row.get_long(2).ok().map(unsigned).transpose()?,
            line_digest: digest.map_err(|_| wrong("a digest of another length"))?,
            source: row.get_string(4)?.clone(),
            event: row.get_string(5)?.clone(),
            time_us: row.get_timestamp_micros(6)?,
            removals: row.get_string(7)?.clone(),
        })
    }
}

fn wrong(what: &str) -> ParquetError {
    ParquetError::General(format!("{what} where provenance has none"))
}

fn damaged(path: &Path, cause: ParquetError) -> Error {
    Error::new(ErrorKind::Source, "is not a provenance file that can be read")
        .at(Origin {
            path: path.to_owned(),
            offset: None,
        })
        .because(cause)
}
