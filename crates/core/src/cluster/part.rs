//! The records of one share: redacted, verified, in order, with the evidence of how they came to be.

use std::collections::{HashMap, VecDeque};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use decostop_redact::{CarriedLedger, Ledger, intern};
use serde::{Deserialize, Serialize};

use super::seal::{FRAME_BYTES, Head, Kind, Seal, SealedReader, SealedWriter};
use super::shard::ShardInput;
use crate::sink::{Flow, Provenance, Reason, Removal, Sink, Verified, Withheld};
use crate::stats::{Counts, InputReport, Report};
use crate::{Error, ErrorKind, Origin};

/// The first frame.
#[derive(Deserialize, Serialize)]
pub(super) struct Opening {
    /// Of the facts by which the records were redacted.
    pub(super) facts: [u8; 32],
}

/// What a share gives, in order.
#[derive(Deserialize, Serialize)]
pub(super) enum Item {
    Record(Box<CarriedRecord>),
    Withheld(CarriedWithheld),
}

#[derive(Deserialize, Serialize)]
pub(super) struct CarriedRecord {
    /// The input's place in the whole plan.
    pub(super) input: u32,
    pub(super) line: Vec<u8>,
    path: Vec<u8>,
    offset: Option<u64>,
    line_digest: [u8; 32],
    removals: Vec<CarriedRemoval>,
    source: String,
    event: String,
    pub(super) time_ns: i64,
}

/// Field, class, rule, start, length, digest.
type CarriedRemoval = (String, String, String, u32, u32, [u8; 16]);

#[derive(Deserialize, Serialize)]
pub(super) struct CarriedWithheld {
    /// None of a path that never became an input: those come first.
    pub(super) input: Option<u32>,
    /// Of what was kept back among the records; none of what the scan kept back, which comes before them.
    pub(super) time_ns: Option<i64>,
    reason: String,
    path: Vec<u8>,
    offset: Option<u64>,
    bytes: Option<u64>,
    source: Option<String>,
    nexus: bool,
}

/// The last frame.
#[derive(Deserialize, Serialize)]
pub(super) struct Closing {
    pub(super) candidates: u64,
    pub(super) matched: u64,
    pub(super) outside_scope: u64,
    pub(super) inputs: Vec<CarriedInput>,
    pub(super) ledger: CarriedLedger,
}

#[derive(Deserialize, Serialize)]
pub(super) struct CarriedInput {
    /// None of what was not read, which comes last.
    index: Option<u32>,
    path: Vec<u8>,
    codec: String,
    bytes: u64,
    decoded_bytes: u64,
    digest: Option<String>,
    duplicate_of: Option<Vec<u8>>,
    set_aside: Option<String>,
    complete: bool,
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

fn path(bytes: Vec<u8>) -> PathBuf {
    OsString::from_vec(bytes).into()
}

/// Which input of the plan a path belongs to: itself, or an archive that it lies in (`a.tar!b`).
struct Places(HashMap<Vec<u8>, u32>);

impl Places {
    fn of(&self, path: &Path) -> u32 {
        let path = path.as_os_str().as_bytes();
        let cuts = path
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'!')
            .map(|(at, _)| at);
        let known = |end: usize| path.get(..end).and_then(|head| self.0.get(head)).copied();
        let whole = known(path.len());
        whole
            .or_else(|| cuts.filter_map(known).next_back())
            .unwrap_or(u32::MAX)
    }
}

/// A [`Sink`] that writes a part.
pub(super) struct PartSink<'s> {
    writer: SealedWriter<'s>,
    places: Places,
    held: Vec<Item>,
    held_bytes: usize,
}

impl<'s> PartSink<'s> {
    pub(super) fn create(
        out: &Path,
        seal: &'s Seal,
        head: &Head,
        facts: [u8; 32],
        inputs: &[ShardInput],
    ) -> Result<Self, Error> {
        let mut writer = SealedWriter::create(out, seal, Kind::Part, head)?;
        writer.frame(&packed(&Opening { facts })?)?;
        let places = inputs.iter().map(|input| (bytes(&input.path), input.index));
        Ok(Self {
            writer,
            places: Places(places.collect()),
            held: Vec::new(),
            held_bytes: 0,
        })
    }

    fn hold(&mut self, item: Item, weight: usize) -> Result<Flow, Error> {
        self.held.push(item);
        self.held_bytes += weight;
        if self.held_bytes >= FRAME_BYTES {
            self.flush()?;
        }
        Ok(Flow::Continue)
    }

    fn flush(&mut self) -> Result<(), Error> {
        self.held_bytes = 0;
        let held = std::mem::take(&mut self.held);
        self.writer.frame(&packed(&held)?)
    }

    pub(super) fn close(mut self, report: &Report, ledger: &Ledger) -> Result<(), Error> {
        if !self.held.is_empty() {
            self.flush()?;
        }
        let inputs = report.inputs.iter().map(|input| CarriedInput {
            index: self.places.0.get(&bytes(&input.path)).copied(),
            path: bytes(&input.path),
            codec: input.codec.to_owned(),
            bytes: input.bytes,
            decoded_bytes: input.decoded_bytes,
            digest: input.digest.clone(),
            duplicate_of: input.duplicate_of.as_deref().map(bytes),
            set_aside: input.set_aside.clone(),
            complete: input.complete,
        });
        let closing = Closing {
            candidates: report.counts.candidates,
            matched: report.counts.matched,
            outside_scope: report.counts.outside_scope,
            inputs: inputs.collect(),
            ledger: ledger.export(),
        };
        self.writer.finish(&packed(&closing)?)
    }
}

impl Sink for PartSink<'_> {
    fn record(&mut self, record: Verified<'_>, provenance: &Provenance) -> Result<Flow, Error> {
        let removals = provenance.removals.iter().map(|removal| {
            (
                removal.field.to_string(),
                removal.class.to_owned(),
                removal.rule.to_owned(),
                removal.start,
                removal.length,
                removal.digest,
            )
        });
        let carried = CarriedRecord {
            input: self.places.of(&provenance.origin.path),
            line: record.as_bytes().to_vec(),
            path: bytes(&provenance.origin.path),
            offset: provenance.origin.offset,
            line_digest: provenance.line_digest,
            removals: removals.collect(),
            source: provenance.source.clone(),
            event: provenance.event.clone(),
            time_ns: provenance.time_ns,
        };
        let weight = carried.line.len() + 64 * carried.removals.len() + 256;
        self.hold(Item::Record(Box::new(carried)), weight)
    }

    fn withheld(&mut self, item: &Withheld) -> Result<Flow, Error> {
        let carried = CarriedWithheld {
            input: item.origin.offset.map(|_| self.places.of(&item.origin.path)),
            time_ns: item.time_ns,
            reason: item.reason.as_str().to_owned(),
            path: bytes(&item.origin.path),
            offset: item.origin.offset,
            bytes: item.bytes,
            source: item.source.clone(),
            nexus: item.nexus,
        };
        self.hold(Item::Withheld(carried), 256)
    }
}

fn packed<T: Serialize>(value: &T) -> Result<Vec<u8>, Error> {
    postcard::to_allocvec(value).map_err(|_| Error::new(ErrorKind::Internal, "a part cannot be written"))
}

impl CarriedRecord {
    /// How the record came to be.
    pub(super) fn provenance(self) -> (Vec<u8>, Provenance) {
        let removals = self
            .removals
            .into_iter()
            .map(|(field, class, rule, start, length, digest)| Removal {
                field: Arc::from(field),
                class: intern(&class),
                rule: intern(&rule),
                start,
                length,
                digest,
            });
        let provenance = Provenance {
            origin: Origin {
                path: path(self.path),
                offset: self.offset,
            },
            line_digest: self.line_digest,
            removals: removals.collect(),
            source: self.source,
            event: self.event,
            time_ns: self.time_ns,
        };
        (self.line, provenance)
    }
}

impl CarriedWithheld {
    pub(super) fn item(self) -> Option<Withheld> {
        let reason = Reason::named(&self.reason)?;
        let origin = Origin {
            path: path(self.path),
            offset: self.offset,
        };
        Some(Withheld {
            bytes: self.bytes,
            source: self.source,
            nexus: self.nexus,
            time_ns: self.time_ns,
            ..Withheld::new(reason, origin)
        })
    }
}

impl CarriedInput {
    /// Its place among all inputs.
    pub(super) fn place(&self) -> u32 {
        self.index.unwrap_or(u32::MAX)
    }

    pub(super) fn report(self) -> InputReport {
        InputReport {
            path: path(self.path),
            codec: intern(&self.codec),
            bytes: self.bytes,
            decoded_bytes: self.decoded_bytes,
            digest: self.digest,
            duplicate_of: self.duplicate_of.map(path),
            set_aside: self.set_aside,
            complete: self.complete,
        }
    }
}

impl Closing {
    /// Adds the counts of this share that are not counted again as its records come together.
    pub(super) fn add_to(&self, counts: &mut Counts) {
        counts.candidates += self.candidates;
        counts.matched += self.matched;
        counts.outside_scope += self.outside_scope;
    }
}

/// A part that is read item by item.
pub(super) struct PartReader<'s> {
    reader: SealedReader<'s>,
    pub(super) opening: Opening,
    items: VecDeque<Item>,
    pub(super) closing: Option<Closing>,
}

impl<'s> PartReader<'s> {
    pub(super) fn open(path: &Path, seal: &'s Seal) -> Result<Self, Error> {
        let mut reader = SealedReader::open(path, seal, Kind::Part)?;
        let opening = match reader.next()? {
            Some((frame, false)) => postcard::from_bytes(&frame).ok(),
            _ => None,
        };
        let opening = opening.ok_or_else(|| reader.damaged())?;
        Ok(Self {
            reader,
            opening,
            items: VecDeque::new(),
            closing: None,
        })
    }

    pub(super) fn head(&self) -> &Head {
        &self.reader.head
    }

    /// The next item; nothing at the end, when there is a closing.
    pub(super) fn next(&mut self) -> Result<Option<Item>, Error> {
        while self.items.is_empty() {
            match self.reader.next()? {
                None => return Ok(None),
                Some((frame, false)) => {
                    let items: Vec<Item> = postcard::from_bytes(&frame).map_err(|_| self.reader.damaged())?;
                    self.items = items.into();
                }
                Some((frame, true)) => {
                    let closing = postcard::from_bytes(&frame).map_err(|_| self.reader.damaged())?;
                    self.closing = Some(closing);
                }
            }
        }
        Ok(self.items.pop_front())
    }

    pub(super) fn damaged(&self) -> Error {
        self.reader.damaged()
    }
}
