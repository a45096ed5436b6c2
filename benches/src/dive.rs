//! Whole dives, in process.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use decostop::request::Request;
use decostop::sink::{Flow, Provenance, Sink, Verified};
use decostop::{Dive, Error};
use decostop_profile::Profile;

use crate::Corpus;
use crate::requests::{self, Asked, Expected};

/// The present, for benchmarks: after every corpus was written, within the month that requests may
/// reach back.
pub fn now() -> SystemTime {
    // 2026-11-23T00:00:00Z
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_392_000)
}

/// What pseudonyms are derived from: fixed, so that equal answers are equal bytes.
pub const KEY: [u8; 32] = [7; 32];

/// A dive for the corpus' own request.
pub fn dive(corpus: &Corpus, threads: usize, prefilter: bool) -> Dive {
    dive_for(corpus, &corpus.request(), threads, prefilter)
}

/// A dive for another request.
pub fn dive_for(corpus: &Corpus, request: &Request, threads: usize, prefilter: bool) -> Dive {
    dive_into_paths([corpus.logs()], request, threads, prefilter)
}

/// A dive into some of a corpus' files.
pub fn dive_into_paths(
    paths: impl IntoIterator<Item = PathBuf>,
    request: &Request,
    threads: usize,
    prefilter: bool,
) -> Dive {
    Dive::builder(request.clone(), Profile::gitlab())
        .inputs(paths)
        .now(now())
        .threads(threads)
        .prefilter(prefilter)
        .key_material(KEY)
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

impl Fingerprint {
    /// Takes in one more record.
    pub fn add(&mut self, record: &[u8]) {
        self.records += 1;
        self.hasher.update(record).update(b"\n");
    }

    /// What came in.
    pub fn answer(&self) -> Answer {
        Answer {
            records: self.records,
            digest: self.hasher.finalize().to_hex().to_string(),
        }
    }
}

impl Sink for Fingerprint {
    fn record(&mut self, record: Verified<'_>, _provenance: &Provenance) -> Result<Flow, Error> {
        self.add(record.as_bytes());
        Ok(Flow::Continue)
    }
}

/// The records of a dive, in order of their bytes.
pub fn records_of(dive: &Dive) -> Vec<Vec<u8>> {
    #[derive(Default)]
    struct Kept(Vec<Vec<u8>>);
    impl Sink for Kept {
        fn record(&mut self, record: Verified<'_>, _provenance: &Provenance) -> Result<Flow, Error> {
            self.0.push(record.as_bytes().to_vec());
            Ok(Flow::Continue)
        }
    }
    let mut kept = Kept::default();
    dive.run(&mut kept)
        .unwrap_or_else(|error| panic!("the dive failed: {error}"));
    kept.0.sort_unstable();
    kept.0
}

/// Runs a dive and compares its counts with the corpus' truth for its own request.
pub fn answer(corpus: &Corpus, dive: &Dive) -> Answer {
    answer_to(corpus, dive, requests::own(corpus).expected)
}

/// Runs a dive over a whole corpus and compares its counts with what it must come to.
pub fn answer_to(corpus: &Corpus, dive: &Dive, expected: Expected) -> Answer {
    let mut sink = Fingerprint::default();
    let report = dive
        .run(&mut sink)
        .unwrap_or_else(|error| panic!("the dive failed: {error}"));
    let decoded: u64 = report.inputs.iter().map(|input| input.decoded_bytes).sum();
    assert_eq!(decoded, corpus.truth().decoded_bytes, "bytes decoded");
    assert_eq!(report.counts.withheld, 0, "withheld");
    let disclosed = expected.disclosed.unwrap_or(sink.records);
    assert_eq!(
        (report.counts.matched, report.counts.disclosed, sink.records),
        (expected.matched, disclosed, disclosed),
        "matched, disclosed, records in the sink"
    );
    sink.answer()
}

/// The one answer of every way to run a dive: one thread and two, with the prefilter and without.
pub fn answer_every_way(corpus: &Corpus, asked: &Asked) -> Answer {
    let ways = [(1, true), (2, true), (2, false)];
    let [first, others @ ..] = ways.map(|(threads, prefilter)| {
        let dive = dive_for(corpus, &asked.request, threads, prefilter);
        answer_to(corpus, &dive, asked.expected)
    });
    for other in others {
        assert_eq!(other, first, "the answer depends on how it was found");
    }
    first
}
