//! Up to which time everything is there.

use std::time::{Duration, Instant};

use super::to_ms;
use crate::{Loader, SaveState, Saver, StateError};

/// How late an item may be, and how long silence may last.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[must_use]
pub struct Lateness {
    allowed: Duration,
    idle_after: Option<Duration>,
}

impl Lateness {
    /// Items may be older than the newest by `allowed`.
    pub const fn up_to(allowed: Duration) -> Self {
        Self { allowed, idle_after: None }
    }

    /// Closes every window when no item has come for `silence`; otherwise they wait for an item.
    pub const fn idle_after(mut self, silence: Duration) -> Self {
        self.idle_after = Some(silence);
        self
    }
}

/// The time up to which nothing is expected any more.
#[derive(Debug, Clone)]
pub(in crate::stages) struct Watermark {
    allowed_ms: i64,
    idle_after: Option<Duration>,
    /// Everything before is there.
    pub(in crate::stages) before_ms: i64,
    idle_at: Option<Instant>,
}

impl Watermark {
    pub(in crate::stages) fn new(lateness: Lateness) -> Self {
        let Lateness { allowed, idle_after } = lateness;
        let allowed_ms = if allowed.is_zero() { 0 } else { to_ms(allowed) };
        Self { allowed_ms, idle_after, before_ms: i64::MIN, idle_at: None }
    }

    /// Notes an item of the time `at_ms` that came at `now`; returns whether the watermark moved.
    #[inline]
    pub(in crate::stages) fn see(&mut self, at_ms: i64, now: Instant) -> bool {
        if let Some(idle_after) = self.idle_after {
            self.idle_at = now.checked_add(idle_after);
        }
        let before_ms = at_ms.saturating_sub(self.allowed_ms);
        if before_ms <= self.before_ms {
            return false;
        }
        self.before_ms = before_ms;
        true
    }

    /// Goes on to `end_ms`, the end of what was closed.
    pub(in crate::stages) fn close(&mut self, end_ms: i64) {
        self.before_ms = self.before_ms.max(end_ms);
    }

    /// Whether the silence has lasted too long by `now`; it is told once.
    pub(in crate::stages) fn take_idle(&mut self, now: Instant) -> bool {
        self.idle_at.take_if(|at| *at <= now).is_some()
    }

    /// When the silence will have lasted too long.
    pub(in crate::stages) fn idle_at(&self) -> Option<Instant> {
        self.idle_at
    }
}

impl SaveState for Watermark {
    fn save(&self, to: &mut Saver) -> Result<(), StateError> {
        to.put(&self.before_ms)
    }

    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
        self.before_ms = from.take()?;
        // Nobody knows how long the silence was, so it begins now.
        self.idle_at = self.idle_after.and_then(|silence| from.now().checked_add(silence));
        Ok(())
    }
}
