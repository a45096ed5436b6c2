//! Each stage of a dive alone, on one thread, over generated logs that are in memory already (but for
//! decoding, which reads files, and writing). Every stage gives a count that is compared with the
//! corpus' truth, each time it is measured.
//!
//! Rates are bytes of the stage's own input a second: stored lines for parsing, their parsed bytes for
//! matching and redaction, redacted records for verification and writing.

use std::hint::black_box;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput};
use decostop::Limits;
use decostop::artefact::{self, NdjsonProvenance, Writer};
use decostop::frame::Lines;
use decostop::parse::{self, Projection, with_record};
use decostop::prefilter::Prefilter;
use decostop::query::QueryPlan;
use decostop::sink::{Flow, Provenance, Sink, Verified};
use decostop::stats::{Evidence, Report};
use decostop_bench::{CODECS, Corpus, Inputs, Matched, dive, is_match, is_smoke, keep};
use decostop_profile::{Profile, RuleSet};
use decostop_redact::{ProfilePlan, Record, Typed};
use decostop_testkit::synth::{CodecMix, Options};
use decostop_verify::VerifiedBuf;

fn main() {
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(4))
        .configure_from_args();
    let megabytes = if is_smoke() { 1 } else { 16 };
    let options = Options::default().seed(3).megabytes(megabytes);
    for codec in CODECS {
        let corpus = Corpus::temporary(&options.clone().codec(codec.mix));
        decode(&mut criterion, codec.name, &corpus);
    }
    for (name, share) in [("selective", 0.001), ("broad", 0.13)] {
        let corpus = Corpus::temporary(&options.clone().codec(CodecMix::Zstd).our_share(Some(share)));
        let loaded = Loaded::new(corpus);
        loaded.search(&mut criterion, name);
        if name == "broad" {
            loaded.lines(&mut criterion);
            loaded.records(&mut criterion);
        }
    }
    criterion.final_summary();
}

fn measure(criterion: &mut Criterion, name: &str, bytes: u64, want: u64, mut run: impl FnMut() -> u64) {
    assert_eq!(run(), want, "{name}: its count, before it is measured");
    let mut group = criterion.benchmark_group("stage");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function(name, |bencher| {
        bencher.iter(|| assert_eq!(run(), want, "{name}: its count"));
    });
    group.finish();
}

fn decode(criterion: &mut Criterion, codec: &str, corpus: &Corpus) {
    let inputs = Inputs::of(corpus);
    let bytes = corpus.truth().decoded_bytes;
    measure(criterion, &format!("decode {codec}"), bytes, bytes, || {
        inputs
            .decode(1, &|segment| black_box(segment.bytes.len()) as u64)
            .0
    });
}

/// A decoded corpus and its compiled request.
struct Loaded {
    corpus: Corpus,
    /// Whole lines with the source of their input.
    segments: Vec<(Option<usize>, Vec<u8>)>,
    plan: Arc<ProfilePlan>,
    query: QueryPlan,
    prefilter: Prefilter,
    limits: Limits,
}

impl Loaded {
    fn new(corpus: Corpus) -> Self {
        let segments = Mutex::new(Vec::new());
        Inputs::of(&corpus).decode(1, &|segment| {
            let mut segments = segments.lock().expect("one thread alone does not poison a lock");
            segments.push((segment.source, segment.bytes.to_vec()));
            0
        });
        let plan = Arc::new(ProfilePlan::new(Profile::gitlab()).expect("the built-in profile compiles"));
        let query = QueryPlan::new(&corpus.request(), &plan);
        let prefilter = Prefilter::new(&query.needles).expect("a namespace is something to look for");
        Self {
            corpus,
            segments: segments
                .into_inner()
                .expect("one thread alone does not poison a lock"),
            plan,
            query,
            prefilter,
            limits: Limits::default(),
        }
    }

    fn bytes(&self) -> u64 {
        self.corpus.truth().decoded_bytes
    }

    fn each_line(&self, mut each: impl FnMut(Option<usize>, &[u8])) {
        for (source, bytes) in &self.segments {
            Lines::new(0, bytes).for_each(|line| each(*source, line.bytes));
        }
    }

    /// How many of the lines that the prefilter lets through match: all that match at all.
    fn search(&self, criterion: &mut Criterion, name: &str) {
        let mut scratch = parse::Scratch::default();
        let (mut candidates, mut matching, mut typed) = (0, 0, Vec::new());
        for (source, bytes) in &self.segments {
            self.prefilter.candidates(bytes, &mut |start, end| {
                candidates += 1;
                let line = bytes.get(start..end).unwrap_or_default();
                let judged = with_record(&self.plan, line, *source, &self.limits, &mut scratch, |record| {
                    self.matches(record, &mut typed)
                });
                matching += u64::from(judged == Ok(true));
                true
            });
        }
        assert_eq!(
            matching,
            self.corpus.truth().matching_in_window,
            "matches among {candidates} candidates"
        );
        let name = format!("search {name}");
        measure(criterion, &name, self.bytes(), candidates, || {
            let mut found = 0;
            for (_, bytes) in &self.segments {
                self.prefilter.candidates(bytes, &mut |start, end| {
                    black_box((start, end));
                    found += 1;
                    true
                });
            }
            found
        });
    }

    fn matches(&self, record: &Record<'_>, typed: &mut Vec<Typed>) -> bool {
        is_match(&self.plan, &self.query, record, typed)
    }

    /// Splitting and parsing of every line.
    fn lines(&self, criterion: &mut Criterion) {
        let lines = self.corpus.truth().lines;
        measure(criterion, "split", self.bytes(), lines, || {
            let mut found = 0;
            self.each_line(|_, line| {
                black_box(line);
                found += 1;
            });
            found
        });
        let mut scratch = parse::Scratch::default();
        measure(criterion, "parse", self.bytes(), lines, || {
            let mut parsed = 0;
            self.each_line(|source, line| {
                let fields = with_record(&self.plan, line, source, &self.limits, &mut scratch, |record| {
                    black_box(record).fields.len()
                });
                parsed += u64::from(fields.is_ok_and(|fields| fields > 0));
            });
            parsed
        });
        self.project(criterion, "project", &self.query);
        let mut request = self.corpus.request();
        request.window.to = request.window.from;
        let never = QueryPlan::new(&request, &self.plan);
        self.project(criterion, "project by time", &never);
        let mut request = self.corpus.request();
        for select in &mut request.selects {
            select.namespaces.clear();
            select.events = vec!["raw:Projects::*".to_owned()];
        }
        let events = QueryPlan::new(&request, &self.plan);
        self.project(criterion, "project by event", &events);
    }

    /// Ruling lines out by the fields that decide, as those are that the prefilter does not hold back.
    fn project(&self, criterion: &mut Criterion, name: &str, query: &QueryPlan) {
        let projection = Projection::new(&self.plan, query);
        let (mut scratch, mut buffers) = (parse::Scratch::default(), parse::Buffers::default());
        let (mut ruled_out, mut no_match, mut typed) = (0, 0, Vec::new());
        self.each_line(|source, line| {
            let judged = with_record(&self.plan, line, source, &self.limits, &mut scratch, |record| {
                self.plan.typed(record, &mut typed).is_ok()
                    && (!matches!(self.plan.time(record), Ok(Some(at)) if query.in_window(at.ns))
                        || !query.matches(&self.plan, record, &typed))
            });
            let out = projection.rules_out(&self.plan, query, line, source, &self.limits, &mut buffers);
            assert!(!out || judged == Ok(true), "{name}: a match is ruled out");
            no_match += u64::from(judged == Ok(true));
            ruled_out += u64::from(out);
        });
        assert!(
            ruled_out * 100 > no_match * 99,
            "{name}: {ruled_out} of {no_match}"
        );
        measure(criterion, name, self.bytes(), ruled_out, || {
            let mut found = 0;
            self.each_line(|source, line| {
                let out = projection.rules_out(&self.plan, query, line, source, &self.limits, &mut buffers);
                found += u64::from(out);
            });
            found
        });
    }

    /// What happens to records: matching of all, then redaction, verification and writing of those
    /// that match.
    fn records(&self, criterion: &mut Criterion) {
        let truth = self.corpus.truth();
        let mut records = Vec::new();
        let mut scratch = parse::Scratch::default();
        self.each_line(|source, line| {
            let kept = with_record(&self.plan, line, source, &self.limits, &mut scratch, keep);
            records.push((
                kept.expect("every line of the corpus is a record"),
                line.len() as u64,
            ));
        });
        let mut typed = Vec::new();
        measure(criterion, "match", self.bytes(), truth.matching_in_window, || {
            let matching = records
                .iter()
                .filter(|(record, _)| self.matches(record, &mut typed));
            matching.count() as u64
        });

        records.retain(|(record, _)| self.matches(record, &mut typed));
        let matched = Matched::new(self.corpus.request(), &self.plan, records);
        let stages = matched.stages(&RuleSet::builtin());
        measure(criterion, "redact", matched.line_bytes, truth.disclosable, || {
            let mut records = 0;
            matched.redact(&stages, |record| {
                black_box(record);
                records += 1;
            });
            records
        });
        let redacted = matched.redacted(&stages);
        let dived = Dived::of(&self.corpus);
        let (ours, theirs) = (sorted(&redacted), sorted(&dived.records));
        let others = ours.iter().zip(&theirs).filter(|(a, b)| a != b).count();
        assert_eq!(ours.len(), theirs.len(), "records of the stage and of a dive");
        assert_eq!(others, 0, "records that a dive redacts otherwise");

        let bytes = dived.records.iter().map(|record| record.len() as u64 + 1).sum();
        measure(criterion, "verify", bytes, truth.disclosable, || {
            let passes = dived
                .records
                .iter()
                .filter(|record| stages.verifier.check(record).is_ok());
            passes.count() as u64
        });
        let verified: Vec<VerifiedBuf> = dived
            .records
            .iter()
            .map(|record| stages.verifier.check_owned(record.clone()))
            .collect::<Result<_, _>>()
            .unwrap_or_else(|leak| panic!("{leak}"));
        write(criterion, bytes, &verified, &dived);
    }
}

fn sorted(records: &[Vec<u8>]) -> Vec<&[u8]> {
    let mut records: Vec<&[u8]> = records.iter().map(Vec::as_slice).collect();
    records.sort_unstable();
    records
}

/// What a whole dive over the corpus gives.
#[derive(Default)]
struct Dived {
    records: Vec<Vec<u8>>,
    provenance: Vec<Provenance>,
    report: Report,
    evidence: Evidence,
}

impl Dived {
    fn of(corpus: &Corpus) -> Self {
        let mut dived = Self::default();
        let done = dive(corpus, 1, true).run(&mut dived);
        assert!(done.is_ok(), "the dive failed");
        dived
    }
}

impl Sink for Dived {
    fn record(&mut self, record: Verified<'_>, provenance: &Provenance) -> Result<Flow, decostop::Error> {
        self.records.push(record.as_bytes().to_vec());
        self.provenance.push(provenance.clone());
        Ok(Flow::Continue)
    }

    fn finish(&mut self, report: &Report, evidence: &Evidence) -> Result<(), decostop::Error> {
        (self.report, self.evidence) = (report.clone(), evidence.clone());
        Ok(())
    }
}

/// An artefact from its first record to its manifest, all on disk, but for giving it its name.
fn write(criterion: &mut Criterion, bytes: u64, records: &[VerifiedBuf], dived: &Dived) {
    let dir = tempfile::tempdir().expect("the system has room for temporary files");
    let out = dir.path().join("out");
    let fill = || -> Result<Writer, decostop::Error> {
        let mut writer = Writer::create(&out, artefact::Options::default(), NdjsonProvenance::create_in)?;
        for (record, provenance) in records.iter().zip(&dived.provenance) {
            writer.record(record.as_verified(), provenance)?;
        }
        writer.finish(&dived.report, &dived.evidence)?;
        Ok(writer)
    };
    let total = fill()
        .and_then(|writer| writer.commit(|_| Ok(Vec::new())))
        .and_then(|_| artefact::open(&out))
        .map(|artefact| artefact.manifest().records.total);
    let total = total.unwrap_or_else(|error| panic!("write: {error}"));
    assert_eq!(total, records.len() as u64, "write: records in the manifest");
    std::fs::remove_dir_all(&out).expect("what was written can be removed");
    let mut group = criterion.benchmark_group("stage");
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function("write", |bencher| {
        // What was written is removed when the writer is dropped, outside of the time.
        bencher.iter_batched(
            || (),
            |()| fill().unwrap_or_else(|error| panic!("write: {error}")),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}
