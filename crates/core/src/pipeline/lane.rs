//! Where findings go: to the dive, or first to a place of their own until it is known that they count.

use std::sync::{Arc, Mutex};

use super::collect::Collector;
use super::scan::bug;
use super::worker::Worker;
use crate::Error;
use crate::limits::MemoryBudget;

/// Workers that are not at work, and what takes their matches.
pub(super) struct Lane<'l> {
    collector: &'l Collector,
    idle: Mutex<Vec<Worker>>,
    max_dictionary: usize,
}

impl<'l> Lane<'l> {
    pub(super) fn new(collector: &'l Collector, max_dictionary: usize) -> Self {
        Self {
            collector,
            idle: Mutex::default(),
            max_dictionary,
        }
    }

    pub(super) fn worker(&self) -> Worker {
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.pop());
        idle.unwrap_or_else(|| Worker::new(self.max_dictionary))
    }

    /// Takes a worker back, and its matches from it.
    pub(super) fn give_back(&self, mut worker: Worker) -> Result<(), Error> {
        let done = worker.hand_over(self.collector);
        if let Ok(mut idle) = self.idle.lock() {
            idle.push(worker);
        }
        done
    }

    /// Takes a worker's matches once they are many.
    pub(super) fn relieve(&self, worker: &mut Worker) -> Result<(), Error> {
        worker.relieve(self.collector)
    }

    /// All workers, with what they found.
    pub(super) fn into_workers(self) -> Result<Vec<Worker>, Error> {
        self.idle.into_inner().map_err(|_| bug())
    }

    /// A collector for findings that may turn out not to count.
    pub(super) fn another_collector(&self, budget: &Arc<MemoryBudget>) -> Collector {
        self.collector.another(budget)
    }

    /// Spills the matches that are in memory.
    pub(super) fn make_room(&self) -> Result<(), Error> {
        self.collector.make_room()
    }

    /// Takes over what such a collector holds.
    pub(super) fn absorb(&self, collector: Collector) -> Result<(), Error> {
        self.collector.absorb(collector)
    }

    /// Takes over the workers of another lane: what they found counts.
    pub(super) fn adopt(&self, workers: Vec<Worker>) {
        if let Ok(mut idle) = self.idle.lock() {
            idle.extend(workers);
        }
    }
}
