//! Formats of the records beside JSON lines. They live in other crates (`decostop-columnar`), since
//! their dependencies are heavy.

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, Write};

use super::records::Digesting;
use crate::sink::Verified;

/// A format of the records other than JSON lines; [`Options::format`](super::Options::format)
/// takes it.
pub trait RecordsFormat: fmt::Debug + Send + Sync {
    /// Its name in the manifest, and how the name of the file ends: `records.NAME`.
    fn name(&self) -> &'static str;

    /// Starts a file that is written to `to`.
    ///
    /// # Errors
    /// As the system refuses.
    fn create(&self, to: RecordsOut) -> io::Result<Box<dyn RecordsWriter>>;
}

/// Writes the records of one artefact, in order. The same records must give the same bytes.
pub trait RecordsWriter: Send {
    /// Takes one record.
    ///
    /// # Errors
    /// As the system refuses, or if the record does not fit the format. Ends the dive.
    fn record(&mut self, record: Verified<'_>) -> io::Result<()>;

    /// Completes the file and gives back what it was written to.
    ///
    /// # Errors
    /// As the system refuses.
    fn finish(self: Box<Self>) -> io::Result<RecordsOut>;
}

/// The records file of an artefact: buffered, and digested on its way.
pub struct RecordsOut(pub(super) Digesting<BufWriter<File>>);

impl Write for RecordsOut {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl fmt::Debug for RecordsOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordsOut").finish_non_exhaustive()
    }
}
