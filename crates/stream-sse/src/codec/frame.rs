//! Frames as values: what one event looks like before it is written or after it was read.

use std::time::Duration;

use super::event::EventRef;
use super::field::{EventName, FieldError, LastEventId};

/// A frame to be written, borrowed from wherever its parts lie.
///
/// Every part may be missing: a frame may be an id alone, a `retry` alone or a comment alone.
/// Only a frame with data is an event to a client.
///
/// # Examples
///
/// ```
/// use stream_sse::{Encoder, EventName, FrameRef};
///
/// let name = EventName::parse("tick")?;
/// let mut encoder = Encoder::new();
/// encoder.push(FrameRef { event: Some(&name), data: Some(b"1\n2"), ..FrameRef::default() });
/// assert_eq!(encoder.as_bytes(), b"event: tick\ndata: 1\ndata: 2\n\n");
/// # Ok::<(), stream_sse::FieldError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FrameRef<'a> {
    /// Text that clients skip; any line breaks in it begin further comment lines.
    pub comment: Option<&'a str>,
    /// The id to resume behind this frame; empty makes the client forget its id.
    pub id: Option<&'a LastEventId<'a>>,
    /// The event's type; clients take `message` if it is missing.
    pub event: Option<&'a EventName<'a>>,
    /// How long clients shall wait before they reconnect; written in whole milliseconds.
    pub retry: Option<Duration>,
    /// The payload; CR, LF and CRLF in it become line feeds at the client.
    ///
    /// It should be UTF-8, because clients replace what is not.
    pub data: Option<&'a [u8]>,
}

impl FrameRef<'_> {
    /// Whether nothing at all would be written.
    pub fn is_empty(&self) -> bool {
        self.comment.is_none()
            && self.id.is_none()
            && self.event.is_none()
            && self.retry.is_none()
            && self.data.is_none()
    }
}

/// A frame that owns its parts.
///
/// # Examples
///
/// ```
/// use stream_sse::{Decoded, Decoder, Encoder, SseFrame};
///
/// let frame = SseFrame { data: Some("hello".to_owned()), ..SseFrame::default() };
/// let mut encoder = Encoder::new();
/// encoder.push(frame.view());
///
/// let mut decoder = Decoder::new();
/// let mut events = decoder.push(encoder.as_bytes());
/// let event = events.next().and_then(Decoded::event);
/// assert_eq!(event.map(SseFrame::try_from), Some(Ok(frame)));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SseFrame {
    /// See [`FrameRef::comment`].
    pub comment: Option<String>,
    /// See [`FrameRef::id`].
    pub id: Option<LastEventId<'static>>,
    /// See [`FrameRef::event`].
    pub event: Option<EventName<'static>>,
    /// See [`FrameRef::retry`].
    pub retry: Option<Duration>,
    /// See [`FrameRef::data`].
    pub data: Option<String>,
}

impl SseFrame {
    /// The same frame, borrowed, as the [`Encoder`](crate::Encoder) takes it.
    pub fn view(&self) -> FrameRef<'_> {
        FrameRef {
            comment: self.comment.as_deref(),
            id: self.id.as_ref(),
            event: self.event.as_ref(),
            retry: self.retry,
            data: self.data.as_deref().map(str::as_bytes),
        }
    }
}

impl From<FrameRef<'_>> for SseFrame {
    /// Copies a frame; data that is not UTF-8 gets U+FFFD, as it would at a client.
    fn from(frame: FrameRef<'_>) -> Self {
        Self {
            comment: frame.comment.map(str::to_owned),
            id: frame.id.cloned().map(LastEventId::into_owned),
            event: frame.event.cloned().map(EventName::into_owned),
            retry: frame.retry,
            data: frame.data.map(|data| String::from_utf8_lossy(data).into_owned()),
        }
    }
}

impl TryFrom<EventRef<'_>> for SseFrame {
    type Error = FieldError;

    /// Copies a decoded event, to be kept or sent on.
    ///
    /// # Errors
    ///
    /// A foreign server may have sent a name with a NUL, or a name or id that is over the limit.
    fn try_from(event: EventRef<'_>) -> Result<Self, FieldError> {
        let name = event.is_named().then(|| EventName::parse(event.event_type_str()));
        let id = event.id().map(LastEventId::parse);
        Ok(Self {
            comment: None,
            id: id.transpose()?.map(LastEventId::into_owned),
            event: name.transpose()?.map(EventName::into_owned),
            retry: event.retry(),
            data: Some(event.data_str().into_owned()),
        })
    }
}
