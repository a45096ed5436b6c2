//! Parts to an artefact.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::SystemTime;

use super::Secret;
use super::facts::{self, complete};
use super::part::{CarriedWithheld, Item, PartReader};
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
        let mut heads = Heads::default();
        for nth in 0..parts.len() {
            heads.advance(nth, &mut parts)?;
        }
        // Each input is in one part, and there in order.
        heads.early.sort_by_key(|item| item.input);
        for item in std::mem::take(&mut heads.early) {
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
            heads.advance(nth, &mut parts)?;
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
        inputs.sort_by_key(super::part::CarriedInput::place);
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
    /// The place of the last item of each part.
    last: Vec<Option<(i64, u32)>>,
    /// What the scans withheld: it comes before all records.
    early: Vec<CarriedWithheld>,
}

impl Heads {
    /// Takes up the next item of a part.
    fn advance(&mut self, nth: usize, parts: &mut [PartReader<'_>]) -> Result<(), Error> {
        self.items.resize_with(parts.len(), || None);
        self.last.resize(parts.len(), None);
        let part = parts.get_mut(nth).ok_or_else(bug)?;
        let (last, slot) = self
            .last
            .get_mut(nth)
            .zip(self.items.get_mut(nth))
            .ok_or_else(bug)?;
        while let Some(item) = part.next()? {
            let place = place(&item);
            if place < *last {
                return Err(part.damaged());
            }
            *last = place;
            match (place, item) {
                (None, Item::Withheld(item)) => self.early.push(item),
                (None, Item::Record(_)) => return Err(bug()),
                (Some((time, input)), item) => {
                    *slot = Some(item);
                    self.heap.push(Reverse((time, input, nth)));
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// Where an item stands among the records, or none if it comes before them.
fn place(item: &Item) -> Option<(i64, u32)> {
    match item {
        Item::Record(record) => Some((record.time_ns, record.input)),
        Item::Withheld(item) => Some((item.time_ns?, item.input?)),
    }
}

fn bug() -> Error {
    Error::new(ErrorKind::Internal, "a part does not hold together")
}

#[cfg(test)]
mod tests {
    use super::super::part::PartSink;
    use super::super::seal::Head;
    use super::*;
    use crate::Origin;
    use crate::sink::{Reason, Withheld};

    #[test]
    fn what_was_kept_back_among_records_stands_where_they_do() {
        let dir = tempfile::tempdir().expect("a directory");
        let seal = Seal::new(&[1; 32]);
        let withheld = |offset, time_ns| {
            let origin = Origin {
                path: "a log".into(),
                offset: Some(offset),
            };
            Withheld {
                time_ns,
                ..Withheld::new(Reason::Undecided, origin)
            }
        };
        // Of two parts, what their scans kept back and what was kept back later.
        let parts = [
            [(1, None), (2, Some(10)), (5, Some(30))],
            [(0, None), (3, Some(20)), (4, Some(20))],
        ];
        let paths: Vec<PathBuf> = (0..2).map(|nth| dir.path().join(format!("part-{nth}"))).collect();
        for (ordinal, (path, items)) in (0..).zip(paths.iter().zip(parts)) {
            let head = Head {
                plan: String::new(),
                ordinal: Some(ordinal),
                of: 2,
            };
            let mut sink = PartSink::create(path, &seal, &head, [0; 32], &[]).expect("a part");
            for (offset, time_ns) in items {
                sink.withheld(&withheld(offset, time_ns)).expect("room");
            }
            sink.close(&Report::default(), &decostop_redact::Ledger::default())
                .expect("room");
        }
        let open = |path: &PathBuf| PartReader::open(path, &seal).expect("a part");
        let mut parts: Vec<PartReader<'_>> = paths.iter().map(open).collect();
        let mut heads = Heads::default();
        for nth in 0..2 {
            heads.advance(nth, &mut parts).expect("in order");
        }
        let mut order = Vec::new();
        while let Some(Reverse((_, _, nth))) = heads.heap.pop() {
            let Some(Item::Withheld(item)) = heads.items[nth].take() else {
                unreachable!("no records");
            };
            order.push(item.item().expect("a reason").origin.offset);
            heads.advance(nth, &mut parts).expect("in order");
        }
        assert_eq!(order, [2, 3, 4, 5].map(Some));
        assert_eq!(heads.early.len(), 2);
    }
}
