//! When something happens, by both clocks.

use std::time::Instant;

use stream_model::now::now;
use time::OffsetDateTime;

/// When something happens: what the calendar says, which may jump, and a clock that only goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// For people, and the timestamps of events.
    pub time: OffsetDateTime,
    /// For durations.
    pub instant: Instant,
}

impl Moment {
    /// The present.
    pub fn now() -> Self {
        Self { time: now(), instant: tokio::time::Instant::now().into_std() }
    }
}
