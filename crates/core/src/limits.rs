//! Every buffer has a limit; every limit is here.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bounds of a dive. Each has a safe default; tests set them to one byte.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Longest line that is parsed, in bytes. A longer one is withheld when it names a needle. By
    /// default, 16 MiB.
    pub max_line_bytes: usize,
    /// Decoded bytes taken from one input. By default, 64 TiB.
    pub max_decoded_bytes: u64,
    /// Decoded bytes for each compressed byte of one input, once 64 MiB were decoded; above it the
    /// input counts as a bomb. By default, 10,000.
    pub max_ratio: u64,
    /// Largest window of zstd and xz that is accepted, as a power of two. By default, 27 (128 MiB).
    pub max_zstd_window_log: u32,
    /// Deepest JSON nesting. By default, 128.
    pub max_depth: usize,
    /// JSON nodes of one record. By default, 1,000,000.
    pub max_nodes: usize,
    /// Bytes of one decoded segment of whole lines. By default, 256 KiB: it stays in the cache of the core
    /// that decoded it.
    pub segment_bytes: usize,
    /// Bytes as stored of whole frames or members that make one unit of work. By default, 2 MiB.
    pub part_bytes: u64,
    /// Bytes that all buffers of a dive share which are not a thread's own: matched lines until they go to
    /// a temporary file (half of it is kept for them), decoded segments that wait for another thread than
    /// the one that decoded them, and zstd windows above 8 MiB. One such window is held in any case. By
    /// default, 192 MiB.
    pub memory_bytes: usize,
    /// Foreign values the dictionary holds; above it all text of the dive is dropped. By default,
    /// 8,000,000: a million accounts with all that is known of them. A value costs about a hundred bytes,
    /// in the redactor and the verifier together.
    pub max_dictionary: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_line_bytes: 16 << 20,
            max_decoded_bytes: 64 << 40,
            max_ratio: 10_000,
            max_zstd_window_log: 27,
            max_depth: 128,
            max_nodes: 1_000_000,
            segment_bytes: 256 << 10,
            part_bytes: 2 << 20,
            memory_bytes: 192 << 20,
            max_dictionary: 8_000_000,
        }
    }
}

/// What the buffers that threads share may take together.
#[derive(Debug)]
pub(crate) struct MemoryBudget {
    left: AtomicUsize,
}

impl MemoryBudget {
    pub(crate) fn new(bytes: usize) -> Arc<Self> {
        Arc::new(Self {
            left: AtomicUsize::new(bytes),
        })
    }

    /// Takes bytes until the reservation is dropped; none if so many are not left.
    pub(crate) fn reserve(self: &Arc<Self>, bytes: usize) -> Option<Reservation> {
        let mut reservation = Reservation::none(self);
        reservation.grow(bytes).then_some(reservation)
    }
}

/// A part of a budget, which goes back to it.
#[derive(Debug)]
pub(crate) struct Reservation {
    budget: Arc<MemoryBudget>,
    bytes: usize,
}

impl Reservation {
    /// One of no bytes.
    pub(crate) fn none(budget: &Arc<MemoryBudget>) -> Self {
        Self {
            budget: Arc::clone(budget),
            bytes: 0,
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes more bytes; changes nothing if so many are not left.
    pub(crate) fn grow(&mut self, bytes: usize) -> bool {
        let fewer = |left: usize| left.checked_sub(bytes);
        let taken = self
            .budget
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fewer);
        self.bytes += if taken.is_ok() { bytes } else { 0 };
        taken.is_ok()
    }

    /// Gives back all but so many bytes.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let more = self.bytes.saturating_sub(bytes);
        self.bytes -= more;
        self.budget.left.fetch_add(more, Ordering::Relaxed);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.shrink_to(0);
    }
}

#[cfg(test)]
mod tests {
    use super::{MemoryBudget, Reservation};

    #[test]
    fn what_is_reserved_goes_back() {
        let budget = MemoryBudget::new(100);
        let mut first = budget.reserve(60).expect("there are 100");
        assert!(budget.reserve(41).is_none());
        let second = budget.reserve(40).expect("there are 40");
        assert!(!first.grow(1) && first.bytes() == 60);
        first.shrink_to(10);
        assert!(Reservation::none(&budget).grow(50));
        drop(second);
        assert!(first.grow(90) && budget.reserve(1).is_none());
        drop(first);
        assert!(budget.reserve(100).is_some());
    }
}
