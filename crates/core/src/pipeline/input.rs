//! One input at a time: its units or parts, their pieces, their lines.
//!
//! ```text
//! input ─ units ─────────── the dive's lane      plain ranges, whole inputs
//!       └ parts ─ a lane of their own ─ adopted  runs of frames or members; forgotten if one is broken
//! unit ─ segments ─ looked at here, or handed over to an idle thread
//! ```

use std::cell::Cell;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant as Clock};

use rayon::prelude::*;

use super::Progress;
use super::handover::Handover;
use super::lane::Lane;
use super::scan::{Kept, Pass, Shared, reason_of};
use super::worker::{Reading, Worker};
use crate::Error;
use crate::frame::{self, Assembler, Layout, Lines, Piece};
use crate::limits::Reservation;
use crate::sink::Reason;
use crate::source::{Codec, Input, InputKind, LossReason, OpenOptions, Opened, Problem, Unit, open};
use crate::stats::InputReport;

/// Units for each thread below which inputs are not split: the last one to end then matters little.
const PARTS_A_THREAD: u64 = 8;

/// Inputs of these sizes are digested beside being decoded, by another thread if one is idle. Larger ones
/// may not fit into the system's cache, and would be fetched twice.
const DIGESTED_ASIDE: std::ops::Range<u64> = 16 << 20..4 << 30;

/// What reading a unit came to.
struct Read {
    summary: frame::Summary,
    /// Whether anything of it was lost.
    lost: bool,
}

impl Shared<'_> {
    /// Reads one input to its end; none if it takes more memory than may be taken unless it is read `alone`.
    pub(super) fn input(&self, input: &Input, alone: bool) -> Option<InputReport> {
        let mut report = InputReport {
            path: input.path.clone(),
            bytes: input.bytes,
            ..InputReport::default()
        };
        if self.is_stopped() {
            return Some(report);
        }
        let aside = DIGESTED_ASIDE.contains(&input.bytes) && input.kind == InputKind::File;
        let options = OpenOptions::new(self.dive.map_policy, self.dive.now)
            .digest(!aside)
            .cancel(std::sync::Arc::clone(&self.dive.cancel));
        let opened = match open(input, &options) {
            Ok(opened) => opened,
            Err(problem) => {
                self.lose(input, &problem);
                Progress::add(&self.dive.progress.bytes_done, input.bytes);
                return Some(report);
            }
        };
        let _window = match opened.wide_window() {
            Some(bytes) if !alone && input.kind == InputKind::File => Some(self.memory.reserve(bytes)?),
            Some(bytes) => self.room_for(bytes),
            None => None,
        };
        report.codec = opened.codec().as_str();
        let (parts, digest) = if aside && (opened.codec() != Codec::Plain || self.dive.digest) {
            let digest = || opened.digest().ok().flatten();
            rayon::join(|| self.read(input, &opened).0, digest)
        } else {
            self.read(input, &opened)
        };
        report.decoded_bytes = parts.iter().map(|part| part.summary.decoded_bytes).sum();
        report.complete = parts.iter().all(|part| !part.lost && !part.summary.stopped);
        report.digest = digest.map(|digest| format!("blake3:{}", blake3::Hash::from_bytes(digest).to_hex()));
        if let Some(problem) = opened.close() {
            report.complete = false;
            self.lose(input, &problem);
        }
        Some(report)
    }

    /// Makes room for a window, if that is enough.
    fn room_for(&self, bytes: usize) -> Option<Reservation> {
        self.memory.reserve(bytes).or_else(|| {
            self.buffers.make_room();
            if let Err(error) = self.lane.make_room() {
                self.fail(error);
            }
            self.memory.reserve(bytes)
        })
    }

    fn lose(&self, input: &Input, problem: &Problem) {
        let mut worker = self.lane.worker();
        worker.kept.push(Kept {
            input: input.id.0,
            part: 0,
            offset: 0,
            bytes: 0,
            reason: reason_of(problem.kind),
            source: input.source.map(|source| source as u32),
            nexus: false,
        });
        if let Err(error) = self.lane.give_back(worker) {
            self.fail(error);
        }
    }

    /// Reads all units of an input, and takes its digest if it has one.
    fn read(&self, input: &Input, opened: &Opened) -> (Vec<Read>, Option<[u8; 32]>) {
        if let Some(read) = self.in_parts(input, opened) {
            return read;
        }
        let units = if self.record_keys(input.source).is_empty() {
            opened.units()
        } else {
            vec![opened.whole()]
        };
        let read: Vec<Read> = units
            .par_iter()
            .with_max_len(1)
            .map(|unit| self.unit(&self.lane, input, opened, unit, 0))
            .collect();
        let digest = match read.as_slice() {
            [only] if only.summary.digest.is_some() => only.summary.digest,
            _ if self.dive.digest && !DIGESTED_ASIDE.contains(&input.bytes) => opened.digest().ok().flatten(),
            _ => None,
        };
        (read, digest)
    }

    /// Reads a compressed input that is a good part of all there is in parts, if it has any. None if it
    /// has to be read as a whole: what was found so far is forgotten then.
    fn in_parts(&self, input: &Input, opened: &Opened) -> Option<(Vec<Read>, Option<[u8; 32]>)> {
        let share = self.stored / (PARTS_A_THREAD * rayon::current_num_threads() as u64);
        let alone = self.seams.joins(input.id.0) || !self.record_keys(input.source).is_empty();
        if opened.codec() == Codec::Plain || alone || opened.is_archive() || input.bytes < share {
            return None;
        }
        let mut worker = self.lane.worker();
        let units = opened.parts(worker.frame.coders(), self.dive.limits.part_bytes);
        if let Err(error) = self.lane.give_back(worker) {
            self.fail(error);
        }
        if units.len() < 2 || !self.has_lines(opened) {
            return None;
        }
        let collector = self.lane.another_collector(&self.memory);
        let lane = Lane::new(&collector, self.dive.limits.max_dictionary);
        let read_all = || -> Vec<Read> {
            let numbered = units.par_iter().enumerate().with_max_len(1);
            numbered
                .map(|(part, unit)| self.unit(&lane, input, opened, unit, part as u32))
                .collect()
        };
        let digest = || (!DIGESTED_ASIDE.contains(&input.bytes)).then(|| opened.digest().ok().flatten());
        let (read, digest) = rayon::join(read_all, || digest().flatten());
        if !self.is_stopped() && !self.counts(&units, &read) {
            return None;
        }
        let mut begin = 0;
        let begins = read.iter().map(|part| {
            let here = begin;
            begin += part.summary.decoded_bytes;
            here
        });
        if let Ok(mut parts) = self.parts.lock() {
            parts.insert(input.id.0, begins.collect());
        }
        let adopted = lane.into_workers().map(|workers| self.lane.adopt(workers));
        if let Err(error) = adopted.and_then(|()| self.lane.absorb(collector)) {
            self.fail(error);
        }
        for unit in &units {
            Progress::add(&self.dive.progress.bytes_done, unit.bytes());
        }
        Some((read, digest))
    }

    /// Whether what the parts of an input gave is what the whole would have given.
    fn counts(&self, units: &[Unit], read: &[Read]) -> bool {
        let limits = &self.dive.limits;
        let mut decoded: u64 = 0;
        units.iter().zip(read).all(|(unit, part)| {
            decoded = decoded.saturating_add(part.summary.decoded_bytes);
            let bomb = decoded >= frame::RATIO_FLOOR && decoded / unit.range.start.max(1) > limits.max_ratio;
            let first = unit.range.start == 0;
            !part.summary.broken && !part.lost && decoded <= limits.max_decoded_bytes && (first || !bomb)
        })
    }

    /// Whether the beginning of an input says that its records are lines.
    fn has_lines(&self, opened: &Opened) -> bool {
        let mut worker = self.lane.worker();
        let mut lines = true;
        let limits = &self.dive.limits;
        frame::for_each_segment(opened, &opened.whole(), limits, &mut worker.frame, &mut |piece| {
            if let Piece::Lines { bytes, .. } | Piece::Overlong { bytes, .. } = piece {
                lines = Layout::detect(bytes) == Layout::Lines;
            }
            ControlFlow::Break(())
        });
        if let Err(error) = self.lane.give_back(worker) {
            self.fail(error);
        }
        lines
    }

    /// Reads one unit of an input.
    fn unit(&self, lane: &Lane<'_>, input: &Input, opened: &Opened, unit: &Unit, part: u32) -> Read {
        let mut worker = lane.worker();
        let mut frame = std::mem::take(&mut worker.frame);
        let mut state = UnitState {
            reading: Reading {
                input: input.id.0,
                part,
                source: input.source,
            },
            set_aside: false,
            overlong: Overlong::default(),
            lost: false,
        };
        let limits = &self.dive.limits;
        let keys = self.record_keys(input.source);
        let mut assembler = Assembler::new(keys, unit.range.start == 0, limits);
        self.active.fetch_add(1, Ordering::Relaxed);
        let begun = Clock::now();
        let mut within = Duration::ZERO;
        let (summary, spent) = rayon::in_place_scope(|scope| {
            let handover = Handover {
                scope,
                shared: self,
                lane,
                reading: state.reading,
                open: Cell::new(false),
            };
            // Units of less than a segment as stored are over before anybody could help.
            let large = unit.bytes() >= limits.segment_bytes as u64 || input.kind == InputKind::Stream;
            let exchange = large.then_some(&handover as &dyn frame::Exchange);
            let mut each = |piece: Piece<'_>| {
                if self.is_stopped() {
                    return ControlFlow::Break(());
                }
                let given = Clock::now();
                if let Piece::Lines { bytes, .. } | Piece::Overlong { bytes, .. } = &piece {
                    Progress::add(&self.dive.progress.decoded_bytes, bytes.len() as u64);
                }
                if let Piece::Member { path, offset } = piece {
                    assembler.finish(&mut |piece| self.piece(lane, &mut worker, &mut state, &piece))?;
                    self.member(&mut state, path, offset);
                    assembler = Assembler::new(self.record_keys(state.reading.source), true, limits);
                    return ControlFlow::Continue(());
                }
                let flow = assembler.take(piece, &mut |piece| {
                    self.piece(lane, &mut worker, &mut state, &piece)
                });
                handover.open.set(assembler.has_lines() && !opened.is_archive());
                within += given.elapsed();
                flow
            };
            let summary = frame::read(opened, unit, limits, &mut frame, &mut each, exchange);
            // Segments that are left are looked at by whoever is idle from here on, this thread included.
            self.active.fetch_sub(1, Ordering::Relaxed);
            (summary, begun.elapsed())
        });
        worker.work.decode += spent.saturating_sub(within);
        if !summary.stopped {
            // Whether it breaks makes no difference any more.
            let _ = assembler.finish(&mut |piece| self.piece(lane, &mut worker, &mut state, &piece));
        }
        worker.frame = frame;
        if let Err(error) = lane.give_back(worker) {
            self.fail(error);
        }
        if std::ptr::eq(lane, &raw const self.lane) {
            Progress::add(&self.dive.progress.bytes_done, unit.bytes());
        }
        Read {
            summary,
            lost: state.lost,
        }
    }

    /// A file inside the input begins.
    fn member(&self, state: &mut UnitState, path: &Path, offset: u64) {
        state.reading.source = self.names.source_by_name(path);
        let unwanted = state
            .reading
            .source
            .is_some_and(|source| matches!(self.pass, Pass::Match) && !self.dive.wants_source(source));
        state.set_aside = unwanted || self.names.set_aside(path).is_some();
        if let Ok(mut members) = self.members.lock() {
            let found = members.entry(state.reading.input).or_default();
            found.push((offset, path.to_owned()));
        }
    }

    fn piece(
        &self,
        lane: &Lane<'_>,
        worker: &mut Worker,
        state: &mut UnitState,
        piece: &Piece<'_>,
    ) -> ControlFlow<()> {
        let reading = state.reading;
        let done = match *piece {
            Piece::Lost(range) => {
                state.lost = true;
                let reason = match range.reason {
                    LossReason::DecodedLimit | LossReason::Ratio | LossReason::Window => Reason::Limit,
                    LossReason::Io(_) => Reason::Unreadable,
                    _ => Reason::Damaged,
                };
                worker.keep(reading, range.decoded_offset, 0, reason, reading.source, false);
                Ok(())
            }
            _ if state.set_aside => Ok(()),
            Piece::Lines { offset, bytes } => self.segment(lane, worker, reading, offset, bytes),
            Piece::Record { offset, bytes } => {
                let begun = Clock::now();
                let wanted = self
                    .prefilter
                    .as_ref()
                    .is_none_or(|prefilter| prefilter.holds(bytes));
                worker.work.search += begun.elapsed();
                if wanted {
                    worker.timed_line(self, reading, offset, bytes);
                }
                lane.relieve(worker)
            }
            Piece::Overlong {
                offset,
                bytes,
                first,
                last,
            } => {
                self.overlong(worker, reading, &mut state.overlong, offset, bytes, first, last);
                Ok(())
            }
            Piece::Member { .. } => Ok(()),
        };
        match done {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.fail(error);
                ControlFlow::Break(())
            }
        }
    }

    /// Looks at whole lines.
    pub(super) fn segment(
        &self,
        lane: &Lane<'_>,
        worker: &mut Worker,
        reading: Reading,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), Error> {
        let (offset, bytes) = self.seams.take(reading.input, offset, bytes);
        let (begun, before) = (Clock::now(), worker.work.project);
        if let Some(prefilter) = &self.prefilter {
            prefilter.candidates(bytes, &mut |start, end| {
                let line = bytes.get(start..end).unwrap_or_default();
                worker.timed_line(self, reading, offset + start as u64, line);
                true
            });
            let lines = worker.work.project.saturating_sub(before);
            worker.work.search += begun.elapsed().saturating_sub(lines);
        } else {
            for line in Lines::new(offset, bytes) {
                worker.line(self, reading, line.offset, line.bytes);
            }
            worker.work.project += begun.elapsed();
        }
        lane.relieve(worker)
    }

    /// A line above the limit is never held: only whether it names a needle is found out, piece by
    /// piece, with an overlap in which a needle at a seam is whole.
    #[expect(clippy::too_many_arguments, reason = "the parts of one piece")]
    fn overlong(
        &self,
        worker: &mut Worker,
        reading: Reading,
        seen: &mut Overlong,
        offset: u64,
        bytes: &[u8],
        first: bool,
        last: bool,
    ) {
        if first {
            *seen = Overlong {
                offset,
                ..Overlong::default()
            };
        }
        seen.bytes += bytes.len() as u64;
        for chunk in bytes.chunks(1 << 20) {
            seen.tail.extend_from_slice(chunk);
            // Without a needle to look for, its time would decide, and that is unknown.
            seen.mentioned |= self.needles().mentioned_in(&seen.tail).unwrap_or(true);
            seen.nexus |= self.scope_needles.mentioned_in(&seen.tail).unwrap_or(false);
            let keep = seen.tail.len().saturating_sub(OVERLAP);
            seen.tail.drain(..keep);
        }
        if last && seen.mentioned {
            worker.keep(
                reading,
                seen.offset,
                seen.bytes,
                Reason::Length,
                reading.source,
                seen.nexus,
            );
        }
    }
}

/// Longer than any escaped needle.
const OVERLAP: usize = 16 << 10;

/// What reading one unit has come to.
struct UnitState {
    reading: Reading,
    /// Whether nothing of the present member is wanted.
    set_aside: bool,
    overlong: Overlong,
    lost: bool,
}

#[derive(Default)]
struct Overlong {
    offset: u64,
    bytes: u64,
    mentioned: bool,
    nexus: bool,
    tail: Vec<u8>,
}
