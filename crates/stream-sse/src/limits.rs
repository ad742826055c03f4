//! The bounds of this crate and what happens at each of them.

use std::time::Duration;

/// Default of [`DecoderLimits::line_bytes`]: 16 MiB, room for a provider's base64 image on one line.
pub const LINE_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Default of [`DecoderLimits::event_bytes`]: 16 MiB of data in one event.
pub const EVENT_BYTES_MAX: usize = 16 * 1024 * 1024;

/// The bytes of an [`EventName`](crate::EventName) at most; a longer one is refused.
pub const EVENT_NAME_BYTES_MAX: usize = 1024;

/// The bytes of a [`LastEventId`](crate::LastEventId) at most; a longer one is refused.
///
/// Clients send it back in a header, and servers bound their headers at 8 KiB or so.
pub const LAST_EVENT_ID_BYTES_MAX: usize = 4096;

/// Default idle time after which a connection is owed a heartbeat.
pub const HEARTBEAT_IDLE: Duration = Duration::from_secs(30);

/// The shortest idle time of a [`Heartbeat`](crate::Heartbeat); a shorter one is taken as this.
pub const HEARTBEAT_IDLE_MIN: Duration = Duration::from_millis(1);

/// Default of [`ReconnectOptions::delay`](crate::client::ReconnectOptions::delay), that of most browsers.
pub const RECONNECT_DELAY: Duration = Duration::from_secs(3);

/// Default of [`ReconnectOptions::delay_max`](crate::client::ReconnectOptions::delay_max).
///
/// A server that asks for more is asked again after this.
pub const RECONNECT_DELAY_MAX: Duration = Duration::from_mins(5);

/// Default of [`ReconnectOptions::healthy_after`](crate::client::ReconnectOptions::healthy_after).
pub const HEALTHY_AFTER: Duration = Duration::from_secs(10);

/// What a [`Decoder`](crate::Decoder) holds at most for a stream that never ends its line or event.
///
/// # Behaviour at the limit
///
/// An input of exactly the limit passes.
/// One byte more drops the event it belongs to, up to and including its blank line;
/// one [`Damage`](crate::Damage) says so, and decoding goes on behind it.
/// The event id of a dropped event is not taken over.
///
/// The decoder never keeps more than `line_bytes + event_bytes` of a line and its event's data;
/// the event's type and id are each bounded by their line.
///
/// # Examples
///
/// ```
/// use stream_sse::{Decoder, DecoderLimits};
///
/// let limits = DecoderLimits::default().line_bytes(4096).event_bytes(64 * 1024);
/// let decoder = Decoder::with_limits(limits);
/// assert_eq!(decoder.limits(), limits);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecoderLimits {
    pub(crate) line_bytes: usize,
    pub(crate) event_bytes: usize,
}

impl DecoderLimits {
    /// Bounds one line, in bytes without its line end; default [`LINE_BYTES_MAX`].
    #[must_use]
    pub fn line_bytes(mut self, bytes: usize) -> Self {
        self.line_bytes = bytes;
        self
    }

    /// Bounds the data of one event, in bytes after its lines are joined; default [`EVENT_BYTES_MAX`].
    #[must_use]
    pub fn event_bytes(mut self, bytes: usize) -> Self {
        self.event_bytes = bytes;
        self
    }
}

impl Default for DecoderLimits {
    fn default() -> Self {
        Self { line_bytes: LINE_BYTES_MAX, event_bytes: EVENT_BYTES_MAX }
    }
}

/// Events that an SSE stream keeps for slow and returning subscribers; a subscriber that is
/// further behind is told what it missed.
pub const STREAM_CAPACITY: usize = 100;
