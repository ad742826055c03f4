//! One published thing.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;

use crate::{Data, DataError, EventId, EventType, Metadata, Topic, now};

/// An event: immutable once made, and cheap to share, since a clone copies one pointer.
///
/// Whoever wants a changed one makes a new one from it with [`to_builder`](Self::to_builder).
#[derive(Clone, PartialEq, Eq)]
pub struct Event(Arc<Parts>);

#[derive(Clone, PartialEq, Eq)]
struct Parts {
    id: EventId,
    event_type: EventType,
    data: Data,
    metadata: Metadata,
    timestamp: OffsetDateTime,
}

impl Event {
    /// A message with this data, a fresh id and the present time.
    pub fn new(data: impl Into<Data>) -> Self {
        let (id, timestamp) = now::stamp();
        Self(Arc::new(Parts {
            id,
            event_type: EventType::Message,
            data: data.into(),
            metadata: Metadata::new(),
            timestamp,
        }))
    }

    /// A message from JSON text, which is kept as it is.
    ///
    /// # Errors
    /// [`DataError`] if `json` is not exactly one JSON value.
    pub fn json(json: impl Into<Bytes>) -> Result<Self, DataError> {
        Data::json(json).map(Self::new)
    }

    /// A message of `value` as JSON.
    ///
    /// # Errors
    /// [`DataError`] if `value` cannot be written as JSON; see [`Data::serialize`].
    ///
    /// ```
    /// use stream_model::Event;
    ///
    /// let event = Event::serialize(&("alice", 7))?;
    /// assert_eq!(event.parse::<(String, u8)>()?, ("alice".to_owned(), 7));
    /// assert!(Event::serialize(&f64::NAN).is_err());
    /// # Ok::<(), stream_model::DataError>(())
    /// ```
    pub fn serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, DataError> {
        Data::serialize(value).map(Self::new)
    }

    /// A message of plain text.
    pub fn text(text: impl Into<String>) -> Self {
        Self::new(Data::text(text))
    }

    /// Starts an event; what is not set gets the documents' defaults.
    pub fn builder() -> EventBuilder {
        EventBuilder::default()
    }

    /// Starts an event that is like this one.
    pub fn to_builder(&self) -> EventBuilder {
        let parts = &*self.0;
        EventBuilder {
            id: Some(parts.id.clone()),
            event_type: parts.event_type,
            data: parts.data.clone(),
            metadata: parts.metadata.clone(),
            timestamp: Some(parts.timestamp),
        }
    }

    /// What it is called.
    pub fn id(&self) -> &EventId {
        &self.0.id
    }

    /// What it is about.
    pub fn event_type(&self) -> EventType {
        self.0.event_type
    }

    /// What it says.
    pub fn data(&self) -> &Data {
        &self.0.data
    }

    /// Parses the data into a `T`; see [`Data::parse`].
    ///
    /// # Errors
    /// [`DataError::Json`] if the data has another shape than `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, DataError> {
        self.data().parse()
    }

    /// What travels beside the data.
    pub fn metadata(&self) -> &Metadata {
        &self.0.metadata
    }

    /// The topic in the metadata, if there is one; it is not validated.
    pub fn topic(&self) -> Option<&str> {
        self.0.metadata.topic()
    }

    /// When it was made, with its offset from UTC.
    pub fn timestamp(&self) -> OffsetDateTime {
        self.0.timestamp
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { id, event_type, data, metadata, timestamp } = &*self.0;
        f.debug_struct("Event")
            .field("id", id)
            .field("type", event_type)
            .field("data", data)
            .field("metadata", metadata)
            .field("timestamp", timestamp)
            .finish()
    }
}

/// Makes an [`Event`]; a machine without a clock sets id and timestamp itself.
#[derive(Debug, Clone, Default)]
pub struct EventBuilder {
    id: Option<EventId>,
    event_type: EventType,
    data: Data,
    metadata: Metadata,
    timestamp: Option<OffsetDateTime>,
}

impl EventBuilder {
    /// Sets the id; a fresh UUID otherwise.
    #[must_use]
    pub fn id(mut self, id: EventId) -> Self {
        self.id = Some(id);
        self
    }

    /// Sets the type; [`EventType::Message`] otherwise.
    #[must_use]
    pub fn event_type(mut self, event_type: EventType) -> Self {
        self.event_type = event_type;
        self
    }

    /// Sets the data; `null` otherwise.
    #[must_use]
    pub fn data(mut self, data: impl Into<Data>) -> Self {
        self.data = data.into();
        self
    }

    /// Replaces all metadata; none otherwise.
    #[must_use]
    pub fn metadata(mut self, metadata: Metadata) -> Self {
        self.metadata = metadata;
        self
    }

    /// Sets one name of the metadata.
    #[must_use]
    pub fn meta(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.metadata.insert(name, value);
        self
    }

    /// Sets the metadata's `topic`.
    #[must_use]
    pub fn topic(self, topic: &Topic) -> Self {
        self.meta("topic", topic.as_str())
    }

    /// Sets the time; the present otherwise.
    #[must_use]
    pub fn timestamp(mut self, timestamp: OffsetDateTime) -> Self {
        self.timestamp = Some(timestamp);
        self
    }

    /// The event.
    ///
    /// Reads the clock, once, only if the id or the timestamp was not set.
    pub fn build(self) -> Event {
        let Self { id, event_type, data, metadata, timestamp } = self;
        let (id, timestamp) = match (id, timestamp) {
            (Some(id), Some(timestamp)) => (id, timestamp),
            (id, timestamp) => {
                let (fresh, present) = now::stamp();
                (id.unwrap_or(fresh), timestamp.unwrap_or(present))
            }
        };
        Event(Arc::new(Parts { id, event_type, data, metadata, timestamp }))
    }
}

/// An event of `event_type` with this data and metadata, a fresh id and the present time.
///
/// ```
/// use stream_model::{EventType, Metadata, create_event};
///
/// let metadata: Metadata = [("data", "a name like any other")].into_iter().collect();
/// let event = create_event(serde_json::json!({"n": 1}), EventType::Message, metadata);
/// assert_eq!(event.metadata().len(), 1);
/// ```
pub fn create_event(data: impl Into<Data>, event_type: EventType, metadata: Metadata) -> Event {
    Event::builder().data(data).event_type(event_type).metadata(metadata).build()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_documents() {
        let event = Event::builder().build();
        assert_eq!(event.event_type(), EventType::Message);
        assert_eq!(event.data(), &Data::null());
        assert!(event.metadata().is_empty());
        assert!(event.id().as_uuid().is_some());
    }

    #[test]
    fn a_changed_event_leaves_the_first_as_it_was() {
        let first = Event::text("a");
        let second = first.to_builder().meta("topic", "t").build();
        assert_eq!(first.topic(), None);
        assert_eq!(second.topic(), Some("t"));
        assert_eq!(first.id(), second.id());
    }
}
