//! Parts to an artefact.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use super::Secret;
use super::facts::{self, complete};
use super::part::{CarriedRecord, CarriedWithheld, Item, PartReader};
use super::seal::{Seal, at};
use super::task::import;
use crate::artefact::{Options, ProvenanceWriter};
use crate::pipeline::{Assembly, Finished, Progress, into_directory};
use crate::sink::Sink;
use crate::stats::Report;
use crate::{Dive, Error, ErrorKind};

/// Places of one source that a ledger may tell of: more than any profile has.
const MAX_PLACES: usize = 1 << 16;

/// The parts of all shares of a dive, and what they become.
#[derive(Debug)]
pub struct Gather {
    parts: Vec<PathBuf>,
    facts: PathBuf,
    secret: Secret,
    now: SystemTime,
    progress: Arc<Progress>,
    cancel: Arc<AtomicBool>,
}

impl Gather {
    /// The parts of all shares, and the facts of all by which they were redacted.
    pub fn new(parts: Vec<PathBuf>, facts: &Path, secret: Secret) -> Self {
        Self {
            parts,
            facts: facts.to_owned(),
            secret,
            now: SystemTime::UNIX_EPOCH,
            progress: Arc::default(),
            cancel: Arc::default(),
        }
    }

    /// As [`DiveBuilder::now`](crate::DiveBuilder::now).
    #[must_use]
    pub fn now(mut self, now: SystemTime) -> Self {
        self.now = now;
        self
    }

    /// As [`DiveBuilder::progress`](crate::DiveBuilder::progress).
    #[must_use]
    pub fn progress(mut self, progress: Arc<Progress>) -> Self {
        self.progress = progress;
        self
    }

    /// As [`DiveBuilder::cancel`](crate::DiveBuilder::cancel).
    #[must_use]
    pub fn cancel(mut self, cancel: Arc<AtomicBool>) -> Self {
        self.cancel = cancel;
        self
    }

    /// Writes the artefact that one process would have written, verified as that is.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if a part is none, was sealed with another key, belongs to another plan or to
    /// other facts, or if a share is missing; [`ErrorKind::Leak`] if the verifier objects; else as
    /// [`dive_into`](crate::dive_into).
    pub fn into_directory(
        &self,
        out: &Path,
        options: Options,
        provenance: impl FnOnce(&Path) -> Result<Box<dyn ProvenanceWriter>, Error>,
    ) -> Result<Finished, Error> {
        let (dive, facts) = self.dive()?;
        into_directory(&dive, out, options, provenance, |sink| {
            self.run_with(&dive, facts, sink)
        })
    }

    /// Hands the records of all parts to `sink`, in order, each verified once more.
    ///
    /// # Errors
    /// As [`Gather::into_directory`], and what the sink said.
    pub fn run(&self, sink: &mut dyn Sink) -> Result<Report, Error> {
        let (dive, facts) = self.dive()?;
        self.run_with(&dive, facts, sink)
    }

    fn dive(&self) -> Result<(Dive, facts::Read), Error> {
        let facts = facts::read(&self.facts, &self.secret.seal())?;
        if facts.head.ordinal.is_some() {
            return Err(at(&self.facts, "holds the facts of one share")
                .hint("`decostop merge` puts those of all together"));
        }
        let builder = facts
            .facts
            .dive
            .builder()?
            .without_inputs()
            .now(self.now)
            .progress(Arc::clone(&self.progress))
            .cancel(Arc::clone(&self.cancel));
        Ok((self.secret.given_to(builder).build()?, facts))
    }

    fn run_with(&self, dive: &Dive, facts: facts::Read, sink: &mut dyn Sink) -> Result<Report, Error> {
        let seal = self.secret.seal();
        let mut parts = self.opened(&facts, &seal)?;
        let mut assembly = Assembly::new(dive, import(&facts.facts.dive, facts.facts.learned))?;
        let (mut heads, mut early) = (Heads::default(), Vec::new());
        for nth in 0..parts.len() {
            heads.advance(nth, &mut parts, Some(&mut early))?;
        }
        early.sort_by_key(|item| (item.input, item.offset));
        for item in early {
            assembly.withheld(&item.item().ok_or_else(bug)?, sink)?;
        }
        while let Some(Reverse((_, _, nth))) = heads.heap.pop() {
            let item = heads.items.get_mut(nth).and_then(Option::take).ok_or_else(bug)?;
            match item {
                Item::Record(record) => {
                    let (line, provenance) = record.provenance();
                    assembly.record(line, provenance, sink)?;
                }
                Item::Withheld(item) => assembly.withheld(&item.item().ok_or_else(bug)?, sink)?,
            }
            heads.advance(nth, &mut parts, None)?;
        }
        let mut inputs = Vec::new();
        for part in parts {
            let closing = part.closing.ok_or_else(bug)?;
            closing.add_to(&mut assembly.report.counts);
            if !assembly
                .ledger
                .import(closing.ledger, dive.profile().sources.len(), MAX_PLACES)
            {
                return Err(bug());
            }
            inputs.extend(closing.inputs);
        }
        inputs.sort_by_key(|input| input.index);
        assembly.report.inputs = inputs
            .into_iter()
            .map(super::part::CarriedInput::report)
            .collect();
        assembly.finish(sink)
    }

    /// The parts, one of each share.
    fn opened<'s>(&self, facts: &facts::Read, seal: &'s Seal) -> Result<Vec<PartReader<'s>>, Error> {
        let mut shares: Vec<Option<(PartReader<'s>, [u8; 32])>> = Vec::new();
        shares.resize_with(facts.head.of as usize, || None);
        for path in &self.parts {
            let part = PartReader::open(path, seal)?;
            let head = part.head();
            if head.plan != facts.head.plan || head.of != facts.head.of {
                return Err(at(path, "belongs to another plan"));
            }
            if part.opening.facts != facts.digest {
                return Err(at(path, "was redacted by other facts")
                    .hint("what is foreign must be the same for all parts: redact this share once more"));
            }
            let ordinal = head.ordinal.ok_or_else(|| part.damaged())?;
            let digest = digest_of(path)?;
            let slot = shares.get_mut(ordinal as usize).ok_or_else(|| part.damaged())?;
            match slot {
                Some((_, before)) if *before == digest => {}
                Some(_) => {
                    return Err(at(path, format!("differs from another part of share {ordinal}"))
                        .hint("its inputs changed between the two; plan once more"));
                }
                None => *slot = Some((part, digest)),
            }
        }
        complete("parts", shares.iter().map(Option::is_some))?;
        Ok(shares.into_iter().flatten().map(|(part, _)| part).collect())
    }
}

fn digest_of(path: &Path) -> Result<[u8; 32], Error> {
    let failed = |cause| Error::io(ErrorKind::Config, path, "read", cause);
    let mut hasher = blake3::Hasher::new();
    let mut file = std::fs::File::open(path).map_err(failed)?;
    hasher.update_reader(&mut file).map_err(failed)?;
    Ok(*hasher.finalize().as_bytes())
}

/// The first item of each part that was not taken.
#[derive(Default)]
struct Heads {
    /// Time, input, part.
    heap: BinaryHeap<Reverse<(i64, u32, usize)>>,
    items: Vec<Option<Item>>,
    /// The place of the last record of each part: what is withheld behind it goes there.
    last: Vec<(i64, u32)>,
}

impl Heads {
    /// Takes up the next item of a part. What the scan withheld stands before the records; it goes to
    /// `early`.
    fn advance(
        &mut self,
        nth: usize,
        parts: &mut [PartReader<'_>],
        mut early: Option<&mut Vec<CarriedWithheld>>,
    ) -> Result<(), Error> {
        self.items.resize_with(parts.len(), || None);
        self.last.resize(parts.len(), (i64::MIN, 0));
        let part = parts.get_mut(nth).ok_or_else(bug)?;
        let (last, slot) = self
            .last
            .get_mut(nth)
            .zip(self.items.get_mut(nth))
            .ok_or_else(bug)?;
        while let Some(item) = part.next()? {
            let (place, item) = match (item, early.as_deref_mut()) {
                (Item::Withheld(item), Some(early)) => {
                    early.push(item);
                    continue;
                }
                (Item::Withheld(item), None) => (*last, Item::Withheld(item)),
                (Item::Record(record), _) => (place(&record), Item::Record(record)),
            };
            if place < *last {
                return Err(part.damaged());
            }
            *last = place;
            *slot = Some(item);
            self.heap.push(Reverse((place.0, place.1, nth)));
            return Ok(());
        }
        Ok(())
    }
}

fn place(record: &CarriedRecord) -> (i64, u32) {
    (record.time_ns, record.input)
}

fn bug() -> Error {
    Error::new(ErrorKind::Internal, "a part does not hold together")
}
