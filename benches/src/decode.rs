//! Reading and decoding alone: the floor under every dive.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use decostop::Limits;
use decostop::frame::{self, Piece, Scratch};
use decostop::source::{Discover, Input, MapPolicy, OpenOptions, open};
use decostop_profile::Profile;

use crate::{Corpus, now};

/// The inputs of a corpus, the largest first.
#[derive(Debug)]
pub struct Inputs(Vec<Input>);

/// Whole lines as they come out of the framer.
#[derive(Clone, Copy)]
pub struct Segment<'a> {
    /// The input's source, if its name tells.
    pub source: Option<usize>,
    /// The lines with their line feeds.
    pub bytes: &'a [u8],
}

impl std::fmt::Debug for Segment<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Segment(<{} bytes>)", self.bytes.len())
    }
}

impl Inputs {
    /// All inputs of a corpus.
    pub fn of(corpus: &Corpus) -> Self {
        let found = Discover::new(&Profile::gitlab())
            .run(&[corpus.logs()])
            .unwrap_or_else(|error| panic!("the corpus' own files: {error}"));
        let mut inputs = found.inputs;
        assert_eq!(inputs.len() as u64, corpus.truth().files, "inputs found");
        inputs.sort_by_key(|input| (std::cmp::Reverse(input.bytes), input.id));
        Self(inputs)
    }

    /// The path and stored size of each.
    pub fn paths(&self) -> impl Iterator<Item = (PathBuf, u64)> {
        self.0.iter().map(|input| (input.path.clone(), input.bytes))
    }

    /// The same, of one input.
    #[must_use]
    pub fn only(&self, path: &Path) -> Self {
        Self(
            self.0
                .iter()
                .filter(|input| input.path == path)
                .cloned()
                .collect(),
        )
    }

    /// Does something with every input on `threads` threads, one input at a time each, the largest first.
    /// Adds up what `each` says.
    pub fn each(&self, threads: usize, each: &(dyn Fn(&Path) -> u64 + Sync)) -> u64 {
        self.share(threads, &|input, (): &mut ()| each(&input.path))
    }

    /// Decodes and frames every input on `threads` threads, one input at a time each, without digests.
    /// Adds up what `each` says of its segments; returns that, and the bytes that were decoded.
    pub fn decode(&self, threads: usize, each: &(dyn Fn(Segment<'_>) -> u64 + Sync)) -> (u64, u64) {
        let decoded = AtomicU64::new(0);
        let sum = self.share(threads, &|input, scratch: &mut Scratch| {
            let (bytes, found) = one(input, scratch, each);
            decoded.fetch_add(bytes, Ordering::Relaxed);
            found
        });
        (sum, decoded.into_inner())
    }

    fn share<S: Default>(&self, threads: usize, each: &(dyn Fn(&Input, &mut S) -> u64 + Sync)) -> u64 {
        let (next, sum) = (AtomicUsize::new(0), AtomicU64::new(0));
        let work = || {
            let mut scratch = S::default();
            while let Some(input) = self.0.get(next.fetch_add(1, Ordering::Relaxed)) {
                sum.fetch_add(each(input, &mut scratch), Ordering::Relaxed);
            }
        };
        if threads == 1 {
            work();
        } else {
            std::thread::scope(|scope| {
                for _ in 0..threads {
                    scope.spawn(work);
                }
            });
        }
        sum.into_inner()
    }
}

fn one(input: &Input, scratch: &mut Scratch, each: &(dyn Fn(Segment<'_>) -> u64 + Sync)) -> (u64, u64) {
    let options = OpenOptions::new(MapPolicy::read(), now()).digest(false);
    let opened = open(input, &options).unwrap_or_else(|problem| panic!("{problem}"));
    let (mut decoded, mut found) = (0, 0);
    for unit in opened.units() {
        let summary = frame::for_each_segment(&opened, &unit, &Limits::default(), scratch, &mut |piece| {
            match piece {
                Piece::Lines { bytes, .. } => {
                    found += each(Segment {
                        source: input.source,
                        bytes,
                    });
                }
                other => panic!("a generated corpus has lines only, not {other:?}"),
            }
            ControlFlow::Continue(())
        });
        decoded += summary.decoded_bytes;
    }
    (decoded, found)
}
