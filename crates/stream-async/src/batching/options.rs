//! How big a batch may be, and how long it may take.

use std::time::Duration;

use crate::limits::{BATCH_BYTES, BATCH_EVENTS, BATCH_INTERVAL};

/// How big a batch may be, and how long it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct BatchOptions {
    pub(super) events: usize,
    pub(super) bytes: usize,
    pub(super) interval: Duration,
    pub(super) timing: Timing,
}

/// What the time of a batch is counted from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Timing {
    /// Ticks at fixed times from the start on; an event waits up to an interval.
    #[default]
    FreeRunning,
    /// The first event of each batch; an event waits an interval, or until the batch is full.
    Linger,
}

impl Default for BatchOptions {
    fn default() -> Self {
        let timing = Timing::default();
        Self { events: BATCH_EVENTS, bytes: BATCH_BYTES, interval: BATCH_INTERVAL, timing }
    }
}

impl BatchOptions {
    /// Ends a batch of so many events (1 at the least); [`BATCH_EVENTS`] otherwise.
    #[doc(alias = "batch_size")]
    pub fn events(mut self, events: usize) -> Self {
        self.events = events.max(1);
        self
    }

    /// Ends a batch before its data has more bytes than this (1 at the least), unless a single
    /// event has; [`BATCH_BYTES`] otherwise.
    pub fn bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes.max(1);
        self
    }

    /// Ends a batch after this time (1 ms at the least); [`BATCH_INTERVAL`] otherwise.
    #[doc(alias = "flush_interval")]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval.max(Duration::from_millis(1));
        self
    }

    /// Says what that time is counted from; free-running ticks otherwise.
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }
}
