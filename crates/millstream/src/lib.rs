//! Real-time event streams and LLM token streams that are never silently cut, reordered, leaked
//! or lost.
//!
//! This crate holds no logic: it is one name for the crates of the workspace, each of which can
//! be used alone.
//!
//! | module | feature | what |
//! |---|---|---|
//! | [`model`] | | events, topics, positions |
//! | [`core`] | | the fan-out: one item to many readers |
#![cfg_attr(feature = "sse", doc = "| [`sse`] | `sse` (default) | server-sent events, as codecs |")]
#![cfg_attr(feature = "llm", doc = "| [`llm`] | `llm` (default) | decoders of LLM streams |")]
#![cfg_attr(feature = "log", doc = "| [`log`] | `log` | logs and their readers |")]
#![cfg_attr(feature = "relay", doc = "| [`relay`] | `relay` | resumable LLM streams |")]
#![cfg_attr(feature = "protocol", doc = "| [`protocol`] | `protocol` | the server's words |")]
#![cfg_attr(feature = "http", doc = "| [`http`] | `http` | the server's routes |")]
//!
//! # Examples
//!
//! ```
//! use millstream::{Capacity, Event, Hub, TryNext};
//!
//! let hub = Hub::new(Capacity::items(1000));
//! let mut reader = hub.cursor();
//! hub.publish(Event::json(r#"{"order":7}"#)?, 1);
//! if let TryNext::Item(event) = reader.try_next() {
//!     assert_eq!(event.data().as_str(), Some(r#"{"order":7}"#));
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[doc(inline)]
pub use stream_core as core;
#[doc(inline)]
pub use stream_model as model;

#[cfg(feature = "relay")]
#[doc(inline)]
pub use llm_relay as relay;
#[cfg(feature = "llm")]
#[doc(inline)]
pub use llm_stream as llm;
#[cfg(feature = "http")]
#[doc(inline)]
pub use stream_http as http;
#[cfg(feature = "log")]
#[doc(inline)]
pub use stream_log as log;
#[cfg(feature = "protocol")]
#[doc(inline)]
pub use stream_protocol as protocol;
#[cfg(feature = "sse")]
#[doc(inline)]
pub use stream_sse as sse;

pub use stream_core::{Capacity, Cursor, Hub, TryNext};
pub use stream_model::{
    Data, Event, EventId, EventType, Metadata, Offset, StreamPosition, Topic, TopicFilter,
    create_event,
};

#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../../../README.md")]
mod readme {}
