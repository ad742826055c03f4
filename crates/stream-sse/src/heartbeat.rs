//! Decides when an idle connection owes its client a sign of life.

use std::time::{Duration, Instant};

use crate::limits::{HEARTBEAT_IDLE, HEARTBEAT_IDLE_MIN};

/// Decides when an idle connection owes its client a heartbeat.
///
/// A pure machine: it owns no clock and sets no timer.
/// Tell it the time, then ask for its next deadline.
/// Only what reaches the client counts as activity, so a stream whose events are all filtered out
/// still gets its heartbeats.
///
/// A heartbeat must carry no id: it would overwrite the one the client resumes with.
///
/// # Limits
///
/// An idle time under [`HEARTBEAT_IDLE_MIN`] is taken as that.
/// One so long that the clock cannot hold its end means never.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, Instant};
/// use stream_sse::Heartbeat;
///
/// let start = Instant::now();
/// let mut heartbeat = Heartbeat::new(Duration::from_secs(30), start);
/// heartbeat.handle_delivered(start + Duration::from_secs(10));
/// assert!(!heartbeat.handle_timeout(start + Duration::from_secs(30)));
/// assert!(heartbeat.handle_timeout(start + Duration::from_secs(40)));
/// assert_eq!(heartbeat.poll_timeout(), Some(start + Duration::from_secs(70)));
/// ```
#[derive(Debug, Clone)]
pub struct Heartbeat {
    idle_after: Duration,
    /// `None` where the clock cannot hold the deadline.
    deadline: Option<Instant>,
}

impl Heartbeat {
    /// Starts an idle period of `idle_after` at `now`.
    pub fn new(idle_after: Duration, now: Instant) -> Self {
        let idle_after = idle_after.max(HEARTBEAT_IDLE_MIN);
        Self { idle_after, deadline: now.checked_add(idle_after) }
    }

    /// Starts an idle period of [`HEARTBEAT_IDLE`] at `now`.
    pub fn with_default_idle(now: Instant) -> Self {
        Self::new(HEARTBEAT_IDLE, now)
    }

    /// Starts the idle period again, because something was delivered at `now`.
    pub fn handle_delivered(&mut self, now: Instant) {
        self.deadline = now.checked_add(self.idle_after);
    }

    /// Returns whether a heartbeat is due at `now`; early calls do nothing.
    ///
    /// A due heartbeat starts the idle period again, so a late call makes up for nothing.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        if self.deadline.is_none_or(|deadline| now < deadline) {
            return false;
        }
        self.handle_delivered(now);
        true
    }

    /// The next instant at which [`handle_timeout`](Self::handle_timeout) must be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.deadline
    }
}
