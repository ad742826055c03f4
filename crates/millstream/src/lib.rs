//! Real-time event streams and LLM token streams that are never silently cut, reordered, leaked
//! or lost.
//!
//! This crate holds no logic: it is one name for the crates of the workspace, each of which can
//! be used alone.
//!
//! | module | feature | what |
//! |---|---|---|
//! | [`model`] | | events, topics, positions |
//! | [`core`] | | the fan-out, and streams in memory |
#![cfg_attr(
    feature = "sse",
    doc = "| [`sse`] | `sse` (default) | server-sent events, as codecs and as a stream |"
)]
#![cfg_attr(
    feature = "processor",
    doc = "| [`processor`] | `processor` (default) | pipelines of stages over events |"
)]
#![cfg_attr(feature = "llm", doc = "| [`llm`] | `llm` (default) | decoders of LLM streams |")]
#![cfg_attr(feature = "log", doc = "| [`log`] | `log` | logs and their readers |")]
#![cfg_attr(feature = "disk", doc = "| [`disk`] | `disk` | logs on a disk |")]
#![cfg_attr(feature = "nats", doc = "| [`nats`] | `nats` | logs on a cluster of NATS servers |")]
#![cfg_attr(feature = "relay", doc = "| [`relay`] | `relay` | resumable LLM streams |")]
#![cfg_attr(feature = "protocol", doc = "| [`protocol`] | `protocol` | the server's words |")]
#![cfg_attr(feature = "http", doc = "| [`http`] | `http` | the server's routes |")]
//!
//! # Examples
//!
//! ```
//! use millstream::prelude::*;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let stream = InMemoryStream::new();
//! let mut orders = stream.listen("orders").await?;
//! stream.publish_to("orders", Data::json(r#"{"order":7}"#)?).await?;
//! let event = orders.next().await.expect("the stream is open")?;
//! assert_eq!(event.data().as_str(), Some(r#"{"order":7}"#));
//! # Ok(())
//! # }
//! ```

pub mod prelude;

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
#[cfg(feature = "async")]
#[doc(inline)]
pub use stream_async as asynchronous;
#[cfg(feature = "http")]
#[doc(inline)]
pub use stream_http as http;
#[cfg(feature = "log")]
#[doc(inline)]
pub use stream_log as log;
#[cfg(feature = "disk")]
#[doc(inline)]
pub use stream_log_disk as disk;
#[cfg(feature = "nats")]
#[doc(inline)]
pub use stream_log_nats as nats;
#[cfg(feature = "processor")]
#[doc(inline)]
pub use stream_processor as processor;
#[cfg(feature = "protocol")]
#[doc(inline)]
pub use stream_protocol as protocol;
#[cfg(feature = "sse")]
#[doc(inline)]
pub use stream_sse as sse;

#[cfg(feature = "async")]
pub use stream_async::{AsyncStream, BatchingStream, WebSocketStream};
pub use stream_core::{
    Capacity, Cursor, Hub, InMemoryStream, Overflow, Stream, StreamExt, Subscribe, TopicStream,
    TryNext, broadcast,
};
pub use stream_model::{
    Data, Event, EventId, EventType, Handler, Lagged, Metadata, Offset, StreamPosition,
    Subscription, SubscriptionId, Topic, TopicFilter, create_event,
};
#[cfg(feature = "processor")]
pub use stream_processor::StreamProcessor;
#[cfg(feature = "sse")]
pub use stream_sse::SseStream;

#[cfg(all(doctest, feature = "http"))]
#[doc = include_str!("../../../README.md")]
mod readme {}
