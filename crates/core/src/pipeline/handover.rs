//! Decoded segments on their way to another thread: a frame that cannot be split is decoded by one, and
//! looked at by all.
//!
//! Nobody waits. While other threads have units of their own, or enough segments lie about, the decoding
//! thread looks at its segment itself.

use std::cell::Cell;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use super::Progress;
use super::lane::Lane;
use super::scan::Shared;
use super::worker::Reading;
use crate::Limits;
use crate::frame::{EXCHANGED_SEGMENTS, Exchange};
use crate::limits::{MemoryBudget, Reservation};

/// Segment buffers, used again and again; never more than there is memory for.
pub(super) struct Buffers {
    state: Mutex<State>,
    bytes: usize,
}

struct State {
    spare: Vec<Vec<u8>>,
    /// For all that were made.
    memory: Reservation,
}

impl Buffers {
    pub(super) fn new(limits: &Limits, budget: &Arc<MemoryBudget>) -> Self {
        Self {
            state: Mutex::new(State {
                spare: Vec::new(),
                memory: Reservation::none(budget),
            }),
            bytes: limits.segment_bytes.max(1) * EXCHANGED_SEGMENTS,
        }
    }

    fn get(&self) -> Option<Vec<u8>> {
        let mut state = self.state.lock().ok()?;
        if let Some(buffer) = state.spare.pop() {
            return Some(buffer);
        }
        let room = state.memory.grow(self.bytes);
        room.then(|| vec![0; self.bytes])
    }

    /// Takes a buffer back. One that a long line made grow is let go, and a new one may be made.
    fn put(&self, buffer: Vec<u8>) {
        let Ok(mut state) = self.state.lock() else { return };
        if buffer.capacity() > 2 * self.bytes {
            let rest = state.memory.bytes().saturating_sub(self.bytes);
            state.memory.shrink_to(rest);
        } else {
            state.spare.push(buffer);
        }
    }

    /// Lets all go that nobody uses.
    pub(super) fn make_room(&self) {
        let Ok(mut state) = self.state.lock() else { return };
        let unused = std::mem::take(&mut state.spare).len() * self.bytes;
        let rest = state.memory.bytes().saturating_sub(unused);
        state.memory.shrink_to(rest);
    }
}

/// Gives the segments of one unit to whoever is idle.
pub(super) struct Handover<'h, 'scope, 'd> {
    pub(super) scope: &'h rayon::Scope<'scope>,
    pub(super) shared: &'scope Shared<'d>,
    pub(super) lane: &'scope Lane<'scope>,
    pub(super) reading: Reading,
    /// Whether segments hold records a line: not before the first one was seen.
    pub(super) open: Cell<bool>,
}

impl Exchange for Handover<'_, '_, '_> {
    fn is_open(&self) -> bool {
        // A dive that was stopped is told so when a segment is looked at where it is decoded.
        let idle = self.shared.active.load(Ordering::Relaxed) < rayon::current_num_threads();
        self.open.get() && idle && !self.shared.is_stopped()
    }

    fn spare(&self) -> Option<Vec<u8>> {
        self.is_open().then(|| self.shared.buffers.get())?
    }

    fn take(&self, offset: u64, buffer: Vec<u8>, count: usize) {
        let (shared, lane, reading) = (self.shared, self.lane, self.reading);
        Progress::add(&shared.dive.progress.decoded_bytes, count as u64);
        self.scope.spawn(move |_| {
            if !shared.is_stopped() {
                let mut worker = lane.worker();
                let lines = buffer.get(..count).unwrap_or_default();
                let done = shared.segment(lane, &mut worker, reading, offset, lines);
                if let Err(error) = done.and_then(|()| lane.give_back(worker)) {
                    shared.fail(error);
                }
            }
            shared.buffers.put(buffer);
        });
    }
}
