//! Whole dives in process: decoding, search, match, redaction and verification of each record, into a
//! sink that keeps nothing. The answers are checked against the corpus' truth before anything is
//! timed, and have to be the same bytes for every way to run a dive.
//!
//! ```text
//! dive/QUERY/CODEC   how much matches; one query over every codec
//! resources/…        how much is named
//! shape/…            how the bytes lie in files and lines
//! ```

use criterion::{BatchSize, BenchmarkId, Criterion, SamplingMode, Throughput};
use decostop::sink::CountSink;
use decostop_bench::requests::{self, Asked};
use decostop_bench::{Answer, CODECS, Codec, Corpus, Inputs, answer_every_way, dive_for, is_smoke};
use decostop_testkit::synth::{CodecMix, Options, Source};

/// Turns a corpus' own request into what is asked for.
type Ask = fn(&Corpus) -> Asked;

/// Name, share of requests about the customer, and what is asked for.
const QUERIES: [(&str, f64, Ask); 5] = [
    ("selective", 0.001, requests::own),
    ("needle", 0.00001, requests::own),
    ("none", 0.0, requests::own),
    ("broad", 0.13, requests::own),
    ("everything", 0.13, requests::everything),
];
/// The query that is measured over every codec; the others are over the first.
const EVERYWHERE: &str = "selective";

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    for (query, share, ask) in QUERIES {
        let options = options().our_share(Some(share));
        over_codecs(&mut criterion, query, &options, ask);
    }
    resources(&mut criterion);
    for (shape, options) in shapes() {
        let corpus = Corpus::temporary(&options);
        let name = format!("shape/{shape}");
        checked_and_measured(&mut criterion, &name, &corpus, &requests::own(&corpus));
    }
    criterion.final_summary();
}

fn megabytes() -> u64 {
    if is_smoke() { 2 } else { 40 }
}

fn options() -> Options {
    Options::default()
        .seed(4)
        .megabytes(megabytes())
        .codec(CodecMix::Zstd)
}

fn over_codecs(criterion: &mut Criterion, query: &str, options: &Options, ask: Ask) {
    let mut answers: Vec<(Codec, Answer)> = Vec::new();
    for &codec in CODECS {
        let corpus = Corpus::temporary(&options.clone().codec(codec.mix));
        let asked = ask(&corpus);
        let answer = answer_every_way(&corpus, &asked);
        if query == EVERYWHERE || answers.is_empty() {
            measure(
                criterion,
                &format!("dive/{query}/{}", codec.name),
                &corpus,
                &asked,
                &answer,
            );
        }
        answers.push((codec, answer));
    }
    for (codec, answer) in &answers {
        let first = answers.first().map(|(_, answer)| answer);
        assert_eq!(Some(answer), first, "{query}: the answer depends on {codec:?}");
    }
}

/// Many resources: namespaces that all occur, in a corpus whose customer has as many; the customer's one
/// and others that do not occur; users by name and id.
fn resources(criterion: &mut Criterion) {
    let options = options().our_share(Some(0.001));
    for count in [10, 50] {
        let corpus = Corpus::temporary(&options.clone().namespaces(count));
        let asked = requests::own(&corpus);
        let named = asked.request.selects.iter().map(|select| select.namespaces.len());
        assert_eq!(named.sum::<usize>(), count as usize, "namespaces in the request");
        let name = format!("resources/namespaces-{count}");
        checked_and_measured(criterion, &name, &corpus, &asked);
    }
    let corpus = Corpus::temporary(&options.wrappers(false));
    let alone = requests::own(&corpus);
    let answer = checked_and_measured(criterion, "resources/namespaces-1", &corpus, &alone);
    for count in [10, 50] {
        let asked = requests::with_absent_namespaces(&corpus, count);
        let name = format!("resources/namespaces-{count}-absent");
        let found = checked_and_measured(criterion, &name, &corpus, &asked);
        assert_eq!(found, answer, "what does not occur changes nothing");
    }
    let asked = requests::people(&corpus, 2, 10);
    checked_and_measured(criterion, "resources/users-10", &corpus, &asked);
}

/// Ways in which the bytes can lie.
fn shapes() -> Vec<(&'static str, Options)> {
    let usual = options().our_share(Some(0.001));
    let single = usual
        .clone()
        .days(1)
        .sources(vec![Source::Production])
        .file_megabytes(u64::from(u32::MAX));
    let hosts = if is_smoke() { 4 } else { 30 };
    vec![
        // Seven sources, five days: more than a thousand files.
        ("tiny-files", usual.clone().hosts(hosts)),
        ("one-file", single.clone()),
        ("one-file-frames", single.clone().codec(CodecMix::ZstdFrames)),
        // One file of 80 % of the bytes beside two hundred small ones.
        (
            "skewed",
            single.codec(CodecMix::ZstdFrames).hosts(201).skew(Some(0.8)),
        ),
        ("long-lines", usual.long_lines(Some((200, 256)))),
    ]
}

fn checked_and_measured(criterion: &mut Criterion, name: &str, corpus: &Corpus, asked: &Asked) -> Answer {
    let answer = answer_every_way(corpus, asked);
    measure(criterion, name, corpus, asked, &answer);
    answer
}

fn measure(criterion: &mut Criterion, name: &str, corpus: &Corpus, asked: &Asked, answer: &Answer) {
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
                || dive_for(corpus, &asked.request, threads, prefilter),
                |dive| {
                    let mut sink = CountSink::default();
                    let report = dive.run(&mut sink);
                    assert!(report.is_ok(), "the dive failed");
                    assert_eq!(sink.records, answer.records, "records");
                },
                BatchSize::PerIteration,
            );
        });
    }
    group.finish();
}
