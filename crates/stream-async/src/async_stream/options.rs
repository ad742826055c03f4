//! How an asynchronous stream behaves.

use std::time::Duration;

use crate::limits::{
    BUFFER_EVENTS, BUFFER_EVENTS_MAX, HEARTBEAT_IDLE, PUBLISH_TIMEOUT, SUBSCRIBER_EVENTS,
};

/// How an [`AsyncStream`](crate::AsyncStream) behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct AsyncStreamOptions {
    pub(super) buffer: usize,
    pub(super) backpressure: bool,
    pub(super) subscriber_buffer: usize,
    pub(super) publish_timeout: Duration,
    pub(super) heartbeat: Duration,
}

/// The buffer is to hold nothing, or too much.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a buffer of 1 to {limit} events, found {asked}")]
pub struct BufferError {
    /// How many events it was to hold.
    pub asked: usize,
    /// How many it may hold.
    pub limit: usize,
}

impl Default for AsyncStreamOptions {
    fn default() -> Self {
        Self {
            buffer: BUFFER_EVENTS,
            backpressure: true,
            subscriber_buffer: SUBSCRIBER_EVENTS,
            publish_timeout: PUBLISH_TIMEOUT,
            heartbeat: HEARTBEAT_IDLE,
        }
    }
}

impl AsyncStreamOptions {
    /// Takes at most `events` ahead of the subscribers; [`BUFFER_EVENTS`] otherwise.
    #[doc(alias = "buffer_size")]
    pub fn buffer(mut self, events: usize) -> Self {
        self.buffer = events;
        self
    }

    /// Whether publishers wait for room, which they do otherwise, or never do.
    #[doc(alias = "enable_backpressure")]
    pub fn backpressure(mut self, backpressure: bool) -> Self {
        self.backpressure = backpressure;
        self
    }

    /// Lets at most `events` wait for a subscriber that does not say how many;
    /// [`SUBSCRIBER_EVENTS`] otherwise.
    pub fn subscriber_buffer(mut self, events: usize) -> Self {
        self.subscriber_buffer = events;
        self
    }

    /// Lets a publisher wait this long for room; [`PUBLISH_TIMEOUT`] otherwise.
    pub fn publish_timeout(mut self, timeout: Duration) -> Self {
        self.publish_timeout = timeout;
        self
    }

    /// Gives a consumer a heartbeat after this silence; [`HEARTBEAT_IDLE`] otherwise.
    pub fn heartbeat(mut self, idle: Duration) -> Self {
        self.heartbeat = idle;
        self
    }

    /// The options, if their bounds are.
    pub(super) fn checked(self) -> Result<Self, BufferError> {
        for asked in [self.buffer, self.subscriber_buffer] {
            if !(1..=BUFFER_EVENTS_MAX).contains(&asked) {
                return Err(BufferError { asked, limit: BUFFER_EVENTS_MAX });
            }
        }
        Ok(self)
    }
}
