//! An event on its way to many sockets: its message is made once.

use std::borrow::Borrow;
use std::sync::{Arc, OnceLock};

use stream_core::Carrier;
use stream_model::Event;
use tracing::warn;

/// A published event, with its message once somebody needed it.
#[derive(Debug, Clone)]
pub(super) struct Published(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    event: Event,
    text: OnceLock<Option<Arc<str>>>,
}

impl Published {
    pub(super) fn new(event: Event) -> Self {
        Self(Arc::new(Inner { event, text: OnceLock::new() }))
    }

    /// The message, made by whoever needs it first; `None` if the event has no form in JSON.
    pub(super) fn text(&self) -> Option<Arc<str>> {
        self.0.text.get_or_init(|| text_of(&self.0.event)).clone()
    }
}

/// The event as a dictionary in JSON.
pub(super) fn text_of(event: &Event) -> Option<Arc<str>> {
    match serde_json::to_string(event) {
        Ok(text) => Some(text.into()),
        Err(error) => {
            warn!(%error, id = %event.id(), "event has no JSON form");
            None
        }
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
