//! What a dive is doing, for whoever watches.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// The stage a dive is in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Phase {
    /// Reading inputs.
    Scanning,
    /// Redacting and verifying matched lines.
    Redacting,
    /// Verifying the finished directory.
    Verifying,
}

/// Counters that a dive moves on; read them from any thread.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes of all inputs as stored, as far as known.
    pub bytes_total: AtomicU64,
    /// Bytes of inputs that are done.
    pub bytes_done: AtomicU64,
    /// Bytes decoded.
    pub decoded_bytes: AtomicU64,
    /// Lines matched.
    pub matched: AtomicU64,
    /// Records disclosed, in phase two.
    pub records: AtomicU64,
    phase: AtomicU8,
}

impl Progress {
    /// The present stage.
    pub fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Relaxed) {
            0 => Phase::Scanning,
            1 => Phase::Redacting,
            _ => Phase::Verifying,
        }
    }

    pub(super) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(super) fn add(counter: &AtomicU64, by: u64) {
        counter.fetch_add(by, Ordering::Relaxed);
    }
}
