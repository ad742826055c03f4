//! What a decoder hands out: events, comments and reports of damage, all borrowed.

use std::borrow::Cow;
use std::str::Utf8Error;
use std::time::Duration;

/// One thing found in the stream; it borrows from the pushed chunk or from the decoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decoded<'a> {
    /// A complete event.
    Event(EventRef<'a>),
    /// A comment line without its colon and one leading space.
    ///
    /// Only reported after [`Decoder::report_comments`](crate::Decoder::report_comments).
    Comment(&'a [u8]),
    /// An event was dropped because it passed a limit.
    Damage(Damage),
}

impl<'a> Decoded<'a> {
    /// The event, if this is one.
    pub fn event(self) -> Option<EventRef<'a>> {
        match self {
            Self::Event(event) => Some(event),
            Self::Comment(_) | Self::Damage(_) => None,
        }
    }
}

/// Why an event was dropped; the decoder has gone on with the next one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// A line has more bytes than [`DecoderLimits::line_bytes`](crate::DecoderLimits::line_bytes).
    #[error("event dropped, a line is over {limit} bytes")]
    LineTooLong {
        /// The limit that was passed, in bytes.
        limit: usize,
    },
    /// The joined data has more bytes than [`DecoderLimits::event_bytes`](crate::DecoderLimits::event_bytes).
    #[error("event dropped, its data has {size} bytes so far and the limit is {limit}")]
    EventTooLong {
        /// The limit that was passed, in bytes.
        limit: usize,
        /// The size of the data with the line that passed the limit, in bytes.
        size: usize,
    },
}

/// One event, borrowed: its bytes lie in the pushed chunk or in the decoder's buffer.
///
/// Nothing is validated until it is asked for.
/// The bytes are those of the wire; the standard reads them as UTF-8 and puts U+FFFD for what is
/// not, which is what the `…_str` methods do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventRef<'a> {
    pub(crate) event_type: &'a [u8],
    pub(crate) data: &'a [u8],
    pub(crate) last_event_id: &'a str,
    pub(crate) sets_id: bool,
    pub(crate) retry: Option<Duration>,
}

impl<'a> EventRef<'a> {
    /// The event's type as it came; `message` where the server named none.
    pub fn event_type(&self) -> &'a [u8] {
        if self.event_type.is_empty() { b"message" } else { self.event_type }
    }

    /// The event's type as text, with U+FFFD for invalid UTF-8.
    pub fn event_type_str(&self) -> Cow<'a, str> {
        decode(self.event_type())
    }

    /// Whether the server named the type: `event: message` is named, a missing or empty one is not.
    pub fn is_named(&self) -> bool {
        !self.event_type.is_empty()
    }

    /// The data as it came, its lines joined by a line feed.
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    /// The data as text, with U+FFFD for invalid UTF-8; borrowed unless there is some.
    pub fn data_str(&self) -> Cow<'a, str> {
        decode(self.data)
    }

    /// The data as text, if it is valid UTF-8; never copies.
    ///
    /// # Errors
    ///
    /// Says where the first invalid byte sequence lies.
    pub fn data_utf8(&self) -> Result<&'a str, Utf8Error> {
        simdutf8::basic::from_utf8(self.data).or_else(|_| std::str::from_utf8(self.data))
    }

    /// The id a client has to send to resume behind this event; empty if there is none.
    pub fn last_event_id(&self) -> &'a str {
        self.last_event_id
    }

    /// The id this very event brought; `None` where an earlier event's id stays in force.
    pub fn id(&self) -> Option<&'a str> {
        self.sets_id.then_some(self.last_event_id)
    }

    /// The reconnection time this very event brought.
    ///
    /// A block without data may bring one too: [`Decoder::retry`](crate::Decoder::retry) knows the
    /// one in force.
    pub fn retry(&self) -> Option<Duration> {
        self.retry
    }
}

/// Decodes UTF-8 as the standard does, at no cost for valid text.
pub(super) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    match simdutf8::basic::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}
