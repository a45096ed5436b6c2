//! Whole dives in process: decoding, search, match, redaction and verification of each record, into a
//! sink that keeps nothing. The answers are checked against the corpus' truth before anything is
//! timed, and have to be the same bytes for every way to run a dive.

use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput};
use decostop::sink::CountSink;
use decostop_bench::{Corpus, Inputs, answer, dive, is_smoke};
use decostop_testkit::synth::{CodecMix, Options};

/// Name and share of requests about the customer.
const QUERIES: [(&str, f64); 3] = [("selective", 0.001), ("none", 0.0), ("broad", 0.13)];
const CODECS: [(&str, CodecMix); 4] = [
    ("zstd", CodecMix::Zstd),
    ("zstd-frames", CodecMix::ZstdFrames),
    ("gzip", CodecMix::Gzip),
    ("plain", CodecMix::Plain),
];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let megabytes = if is_smoke() { 2 } else { 40 };
    for (query, share) in QUERIES {
        let mut answers = Vec::new();
        for (codec, mix) in CODECS {
            let options = Options::default()
                .seed(4)
                .megabytes(megabytes)
                .codec(mix)
                .our_share(Some(share));
            let corpus = Corpus::temporary(&options);
            answers.extend(checked(&corpus));
            measure(&mut criterion, &format!("dive/{query}/{codec}"), &corpus);
        }
        answers.dedup();
        assert_eq!(
            answers.len(),
            1,
            "{query}: the answer depends on how it was found"
        );
    }
    criterion.final_summary();
}

/// The answers of every way to run a dive.
fn checked(corpus: &Corpus) -> Vec<decostop_bench::Answer> {
    [(1, true), (2, true), (2, false)]
        .map(|(threads, prefilter)| answer(corpus, &dive(corpus, threads, prefilter)))
        .into()
}

fn measure(criterion: &mut Criterion, name: &str, corpus: &Corpus) {
    let truth = corpus.truth();
    let mut group = criterion.benchmark_group(name);
    group
        .throughput(Throughput::Bytes(truth.decoded_bytes))
        .sampling_mode(SamplingMode::Flat)
        .sample_size(10);
    let inputs = Inputs::of(corpus);
    for threads in [1, 2] {
        group.bench_function(BenchmarkId::new("decode-only", threads), |bencher| {
            bencher.iter(|| {
                let (_, decoded) = inputs.decode(threads, &|_| 0);
                assert_eq!(decoded, truth.decoded_bytes, "bytes decoded");
            });
        });
    }
    for (way, threads, prefilter) in [
        ("prefilter", 1, true),
        ("prefilter", 2, true),
        ("every line", 2, false),
    ] {
        group.bench_function(BenchmarkId::new(way, threads), |bencher| {
            bencher.iter_batched(
                || dive(corpus, threads, prefilter),
                |dive| {
                    let mut sink = CountSink::default();
                    let report = dive.run(&mut sink);
                    assert!(report.is_ok(), "the dive failed");
                    assert_eq!(sink.records, truth.disclosable, "records");
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}
