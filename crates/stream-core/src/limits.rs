//! The bounds of the fan-out and of the streams on it, and what happens when each is reached.

/// Items in the first blocks of a hub's ring, and in every block of a small one: the unit in which
/// old items leave it.
pub const BLOCK_ITEMS_MIN: usize = 16;

/// Items in a block of a large ring.
pub const BLOCK_ITEMS_MAX: usize = 256;

/// Items that wait for a hub's handlers.
///
/// Beyond it [`Hub::try_publish`](crate::Hub::try_publish) refuses and
/// [`Hub::send`](crate::Hub::send) waits; [`Hub::publish`](crate::Hub::publish) goes on, and the
/// handlers miss the oldest items, which is reported and counted.
pub const HANDLER_BACKLOG_MAX: u64 = 65_536;

/// Events that a stream in memory remembers, unless it is told otherwise; the oldest are forgotten.
pub const RECENT_EVENTS: usize = 1000;

/// Events that wait for a subscriber, unless it asks for another bound; then
/// [`Overflow`](crate::Overflow) says what happens.
pub const QUEUE_EVENTS: usize = 1000;

/// The most events that a subscriber may let wait; more are refused.
pub const QUEUE_EVENTS_MAX: usize = 65_536;

/// Subscriptions of one stream; more are refused.
pub const SUBSCRIPTIONS_MAX: usize = 1 << 20;

/// Topics of one [`TopicStream`](crate::TopicStream), unless it is told otherwise; more are
/// refused.
pub const TOPICS_MAX: usize = 65_536;

/// Topics whose matches a [`Matcher`](crate::Matcher) remembers; then it forgets all and starts
/// anew.
pub const MATCHED_TOPICS: usize = 65_536;

/// Matches that a [`Matcher`](crate::Matcher) remembers over all topics; then it forgets all and
/// starts anew.
pub const MATCHES_REMEMBERED: usize = 1 << 20;
