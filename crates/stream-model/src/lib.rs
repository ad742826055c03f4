//! The values that streams carry: events, topics, positions, producers and their limits.
//!
//! Everything here is a plain value.
//! Nothing knows a runtime, a socket or a file, and one module alone, [`now`], reads the clock.
//!
//! | value | what it is |
//! |---|---|
//! | [`Event`] | one published thing: id, type, data, metadata, timestamp; immutable and cheap to share |
//! | [`Data`] | an event's payload, kept as the bytes that came and parsed only on demand |
//! | [`Topic`], [`TopicFilter`] | a name for a stream of events, and a pattern over such names |
//! | [`Subscription`] | a live interest in a stream's events: topic, filter, handler |
//! | [`StreamPosition`] | where a reader stands: [`Epoch`] and [`Offset`] |
//! | [`Producer`] | who appends, and which append it is: what makes a retry harmless |
//! | [`ErrorClass`] | what kind of failure an error is, whatever its type |
//!
//! # Examples
//!
//! ```
//! use stream_model::{Event, EventType, Topic, TopicFilter};
//!
//! let event = Event::json(r#"{"order":7}"#)?;
//! assert_eq!(event.event_type(), EventType::Message);
//! assert_eq!(event.data().to_value()?["order"], 7);
//!
//! let filter: TopicFilter = "orders.>".parse()?;
//! assert!(filter.matches(&Topic::new("orders.eu.paid")?));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![warn(clippy::indexing_slicing, clippy::as_conversions, clippy::string_slice)]

pub mod cloud_event;
pub mod limits;
pub mod now;

mod data;
mod dict;
mod envelope;
mod error;
mod event;
mod event_id;
mod event_type;
mod finite;
mod handler;
mod metadata;
mod position;
mod producer;
mod selector;
mod subscription;
mod topic;
mod topic_filter;

pub use data::{Data, DataError, DataKind};
pub use dict::DictError;
pub use envelope::EnvelopeError;
pub use error::{BoxError, ErrorClass};
pub use event::{Event, EventBuilder, create_event};
pub use event_id::{EventId, EventIdError};
pub use event_type::{EventType, UnknownEventType};
pub use handler::{FilterOutput, Handler, HandlerFuture, HandlerOutput};
pub use metadata::Metadata;
pub use position::{Epoch, Offset, ParsePositionError, StreamPosition};
pub use producer::{Producer, ProducerError, ProducerId, ProducerIdError, ProducerState, Verdict};
pub use selector::Selector;
pub use subscription::{
    EventSource, Lagged, ParseSubscriptionIdError, Subscription, SubscriptionBuilder,
    SubscriptionCounts, SubscriptionHandle, SubscriptionId,
};
pub use topic::{Topic, TopicError};
pub use topic_filter::{TopicFilter, TopicFilterError};
