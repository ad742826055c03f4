//! What a pipeline has done so far.

use std::sync::atomic::{AtomicU64, Ordering};

/// What a pipeline has done, since it was started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Items that came from the source.
    pub taken: u64,
    /// Items that came out of the last stage.
    pub emitted: u64,
    /// Items that a stage could not treat.
    pub failed: u64,
    /// Events that went to the dead letters.
    pub set_aside: u64,
    /// Items that the source had, and that the pipeline was too slow for or could not read.
    pub missed: u64,
    /// Events that every sink took that they were for.
    pub delivered: u64,
    /// Events that some sink did not take.
    pub undelivered: u64,
}

/// The same, while it goes on.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    taken: AtomicU64,
    emitted: AtomicU64,
    failed: AtomicU64,
    set_aside: AtomicU64,
    missed: AtomicU64,
    delivered: AtomicU64,
    undelivered: AtomicU64,
}

impl Counters {
    pub(crate) fn taken(&self, items: usize) {
        self.taken.fetch_add(items as u64, Ordering::Relaxed);
    }

    pub(crate) fn emitted(&self, items: usize) {
        self.emitted.fetch_add(items as u64, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn set_aside(&self) {
        self.set_aside.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn missed(&self, items: u64) {
        self.missed.fetch_add(items, Ordering::Relaxed);
    }

    pub(crate) fn delivered(&self, is_complete: bool) {
        let counter = if is_complete { &self.delivered } else { &self.undelivered };
        counter.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Counts {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            taken: read(&self.taken),
            emitted: read(&self.emitted),
            failed: read(&self.failed),
            set_aside: read(&self.set_aside),
            missed: read(&self.missed),
            delivered: read(&self.delivered),
            undelivered: read(&self.undelivered),
        }
    }
}
