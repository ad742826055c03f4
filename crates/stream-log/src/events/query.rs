//! Which events are asked for.

use std::ops::{Bound, RangeBounds};

use stream_model::{Offset, Selector};
use time::OffsetDateTime;

use super::LoggedEvent;

/// Which events are asked for: all of them, unless something narrows it down.
///
/// # Examples
///
/// ```
/// use stream_log::events::EventQuery;
/// use stream_model::{Offset, TopicFilter};
/// use time::macros::datetime;
///
/// let query = EventQuery::all()
///     .topic("orders.>".parse::<TopicFilter>()?)
///     .offsets(Offset::new(10)..=Offset::new(20))
///     .times(datetime!(2026-01-01 00:00 UTC)..);
/// # Ok::<(), stream_model::TopicFilterError>(())
/// ```
#[derive(Debug, Clone)]
pub struct EventQuery {
    pub(super) selector: Selector,
    /// The first offset, if it was named.
    pub(super) start: Option<Offset>,
    /// The offset after the last one; the tail if there is none.
    pub(super) end: Option<Offset>,
    times: (Bound<OffsetDateTime>, Bound<OffsetDateTime>),
}

impl EventQuery {
    /// Every event that is left.
    pub fn all() -> Self {
        let times = (Bound::Unbounded, Bound::Unbounded);
        Self { selector: Selector::All, start: None, end: None, times }
    }

    /// Only events whose topic this selects.
    #[must_use]
    pub fn topic(mut self, selector: impl Into<Selector>) -> Self {
        self.selector = selector.into();
        self
    }

    /// Only events within these offsets; what lies beyond the tail is not there yet.
    #[must_use]
    pub fn offsets(mut self, offsets: impl RangeBounds<Offset>) -> Self {
        self.start = match offsets.start_bound() {
            Bound::Included(first) => Some(*first),
            Bound::Excluded(before) => Some(before.next()),
            Bound::Unbounded => None,
        };
        self.end = match offsets.end_bound() {
            Bound::Included(last) => Some(last.next()),
            Bound::Excluded(end) => Some(*end),
            Bound::Unbounded => None,
        };
        self
    }

    /// Only events whose own timestamp lies within these times.
    ///
    /// Events lie in the order of their appends, which need not be that of their timestamps.
    #[must_use]
    pub fn times(mut self, times: impl RangeBounds<OffsetDateTime>) -> Self {
        self.times = (times.start_bound().cloned(), times.end_bound().cloned());
        self
    }

    /// Whether the event is asked for, but for its offset.
    pub(super) fn takes(&self, logged: &LoggedEvent) -> bool {
        self.times.contains(&logged.event.timestamp()) && self.selector.takes(&logged.event)
    }

    /// Whether any time between `oldest` and `newest` is asked for.
    pub(super) fn meets(&self, oldest: OffsetDateTime, newest: OffsetDateTime) -> bool {
        let is_before_all = match self.times.0 {
            Bound::Included(start) => newest < start,
            Bound::Excluded(start) => newest <= start,
            Bound::Unbounded => false,
        };
        let is_after_all = match self.times.1 {
            Bound::Included(end) => oldest > end,
            Bound::Excluded(end) => oldest >= end,
            Bound::Unbounded => false,
        };
        !is_before_all && !is_after_all
    }
}

impl Default for EventQuery {
    fn default() -> Self {
        Self::all()
    }
}
