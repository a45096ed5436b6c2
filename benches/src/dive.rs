//! Whole dives, in process.

use std::time::{Duration, SystemTime};

use decostop::sink::{Flow, Provenance, Sink, Verified};
use decostop::{Dive, Error};
use decostop_profile::Profile;

use crate::Corpus;

/// The present, for benchmarks: after every corpus was written, within the month that requests may
/// reach back.
pub fn now() -> SystemTime {
    // 2026-11-23T00:00:00Z
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_392_000)
}

/// A dive for the corpus' request. The key is fixed, so that equal answers are equal bytes.
pub fn dive(corpus: &Corpus, threads: usize, prefilter: bool) -> Dive {
    Dive::builder(corpus.request(), Profile::gitlab())
        .inputs([corpus.logs()])
        .now(now())
        .threads(threads)
        .prefilter(prefilter)
        .key_material([7; 32])
        .build()
        .unwrap_or_else(|error| panic!("the corpus' own request: {error}"))
}

/// What a dive gave.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Answer {
    /// Records disclosed.
    pub records: u64,
    /// BLAKE3 digest of the records as JSON lines.
    pub digest: String,
}

/// A sink that keeps a digest of the records.
#[derive(Clone, Debug, Default)]
pub struct Fingerprint {
    records: u64,
    hasher: blake3::Hasher,
}

impl Sink for Fingerprint {
    fn record(&mut self, record: Verified<'_>, _provenance: &Provenance) -> Result<Flow, Error> {
        self.records += 1;
        self.hasher.update(record.as_bytes()).update(b"\n");
        Ok(Flow::Continue)
    }
}

/// Runs a dive and compares its counts with the corpus' truth.
pub fn answer(corpus: &Corpus, dive: &Dive) -> Answer {
    let mut sink = Fingerprint::default();
    let report = dive
        .run(&mut sink)
        .unwrap_or_else(|error| panic!("the dive failed: {error}"));
    let truth = corpus.truth();
    let decoded: u64 = report.inputs.iter().map(|input| input.decoded_bytes).sum();
    assert_eq!(decoded, truth.decoded_bytes, "bytes decoded");
    assert_eq!(report.counts.withheld, 0, "withheld");
    assert_eq!(
        (report.counts.matched, report.counts.disclosed, sink.records),
        (truth.matching_in_window, truth.disclosable, truth.disclosable),
        "matched, disclosed, records in the sink"
    );
    Answer {
        records: sink.records,
        digest: sink.hasher.finalize().to_hex().to_string(),
    }
}
