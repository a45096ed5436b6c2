//! A sink that keeps nothing: for plans, dry runs and benchmarks.

use super::{Flow, Provenance, Sink, Verified};
use crate::Error;

/// Counts records and bytes.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct CountSink {
    /// Records taken.
    pub records: u64,
    /// Their bytes, without line ends.
    pub bytes: u64,
}

impl Sink for CountSink {
    fn record(&mut self, record: Verified<'_>, _provenance: &Provenance) -> Result<Flow, Error> {
        self.records += 1;
        self.bytes += record.as_bytes().len() as u64;
        Ok(Flow::Continue)
    }
}
