//! Notices when a stream says nothing for too long.

use std::time::{Duration, Instant};

/// Decides when a stream has stalled.
///
/// A pure machine: tell it when something arrived, and call it at its deadline.
///
/// # Examples
/// ```
/// use std::time::{Duration, Instant};
///
/// use llm_stream::StallDetector;
///
/// let start = Instant::now();
/// let mut detector = StallDetector::new(Duration::from_secs(5), start);
/// assert_eq!(detector.poll_timeout(), Some(start + Duration::from_secs(5)));
/// assert!(detector.handle_timeout(start + Duration::from_secs(5)), "it begins to stall");
///
/// let silence = detector.handle_progress(start + Duration::from_secs(7));
/// assert_eq!(silence, Some(Duration::from_secs(7)));
/// ```
#[derive(Debug, Clone)]
pub struct StallDetector {
    after: Duration,
    last: Instant,
    stalled: bool,
}

impl StallDetector {
    /// Begins to listen at `now`; a silence of `after` is a stall.
    pub fn new(after: Duration, now: Instant) -> Self {
        Self { after, last: now, stalled: false }
    }

    /// Notes that something arrived; returns the silence before it, if that was a stall.
    pub fn handle_progress(&mut self, now: Instant) -> Option<Duration> {
        let silence = now.saturating_duration_since(self.last);
        self.last = self.last.max(now);
        self.stalled = false;
        (silence >= self.after).then_some(silence)
    }

    /// Returns whether a stall has begun since the last call; early calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) -> bool {
        let begins = !self.stalled && now.saturating_duration_since(self.last) >= self.after;
        self.stalled |= begins;
        begins
    }

    /// When [`handle_timeout`](Self::handle_timeout) must be called; `None` while stalled.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.stalled { None } else { self.last.checked_add(self.after) }
    }
}
