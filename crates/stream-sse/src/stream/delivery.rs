//! What a subscriber gets, and the frame that it is on the wire.

use std::borrow::Borrow;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use stream_core::Carrier;
use stream_model::{DataKind, Event};

use crate::{Encoder, EventName, FrameRef, LastEventId};

/// What a subscriber gets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SseDelivery {
    /// An event that was published.
    Event(Event),
    /// Nothing was published for a while, and the stream is alive.
    Heartbeat,
    /// Events are gone that the subscriber has not seen.
    Lagged {
        /// How many; `None` if the ring does not know the subscriber's last id any more.
        missed: Option<u64>,
    },
}

/// A published event, with its frame once somebody needed it.
#[derive(Debug, Clone)]
pub(super) struct Published(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    event: Event,
    id: String,
    frame: OnceLock<Bytes>,
}

impl Published {
    pub(super) fn new(event: Event) -> Self {
        let id = event.id().to_string();
        Self(Arc::new(Inner { event, id, frame: OnceLock::new() }))
    }

    pub(super) fn id(&self) -> &str {
        &self.0.id
    }

    /// The frame, made by whoever needs it first.
    pub(super) fn frame(&self) -> Bytes {
        self.0.frame.get_or_init(|| event_frame(&self.0.event, &self.0.id)).clone()
    }
}

impl Borrow<Event> for Published {
    fn borrow(&self) -> &Event {
        &self.0.event
    }
}

impl From<Published> for Event {
    fn from(published: Published) -> Self {
        published.0.event.clone()
    }
}

impl Carrier for Published {}

/// The frame of an event: `id`, `event`, and the data as it came; bytes become base64.
fn event_frame(event: &Event, id: &str) -> Bytes {
    let data = event.data();
    let encoded;
    let text = match data.kind() {
        DataKind::Json | DataKind::Text => data.as_bytes(),
        DataKind::Binary => {
            encoded = BASE64.encode(data.as_bytes());
            encoded.as_bytes()
        }
    };
    // An event's id holds no line break and is short, so it is always an id of ours too.
    let id = LastEventId::parse(id).ok();
    frame(id.as_ref(), event.event_type().as_str(), text)
}

/// The frame of a heartbeat: without an id.
pub(super) fn heartbeat_frame() -> Bytes {
    frame(None, "heartbeat", b"{}")
}

/// The frame that tells of a gap: without an id.
pub(super) fn lagged_frame(missed: Option<u64>) -> Bytes {
    let missed = missed.map_or_else(|| "null".to_owned(), |missed| missed.to_string());
    frame(None, "lagged", format!("{{\"missed\":{missed}}}").as_bytes())
}

fn frame(id: Option<&LastEventId<'_>>, name: &str, data: &[u8]) -> Bytes {
    let name = EventName::parse(name).ok();
    let mut encoder = Encoder::new();
    encoder.push(FrameRef { id, event: name.as_ref(), data: Some(data), ..FrameRef::default() });
    encoder.take().into()
}
