//! How an SSE stream behaves.

use std::time::Duration;

use crate::limits::{HEARTBEAT_IDLE, STREAM_CAPACITY};

/// How an [`SseStream`](super::SseStream) behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SseStreamOptions {
    pub(super) capacity: usize,
    pub(super) heartbeat: Duration,
}

impl Default for SseStreamOptions {
    fn default() -> Self {
        Self { capacity: STREAM_CAPACITY, heartbeat: HEARTBEAT_IDLE }
    }
}

impl SseStreamOptions {
    /// Events that are kept for slow and returning subscribers, 100 otherwise; 1 at the least.
    ///
    /// The ring lets go of old events in blocks, so it may hold a few more.
    #[must_use]
    pub fn capacity(mut self, events: usize) -> Self {
        self.capacity = events.max(1);
        self
    }

    /// The silence after which a subscriber gets a heartbeat, 30 s otherwise.
    #[must_use]
    pub fn heartbeat(mut self, idle: Duration) -> Self {
        self.heartbeat = idle;
        self
    }
}
