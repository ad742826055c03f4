//! The one fan-out of the workspace, and the streams in memory that are built on it.
//!
//! | type | what it is |
//! |---|---|
//! | [`Stream`] | what every stream of events can do: publish, subscribe, unsubscribe |
//! | [`StreamExt`] | shorter ways to say the common things |
//! | [`Subscribe`] | what a subscriber asks for: topic, filter, handler, queue, [`Overflow`] |
//! | [`InMemoryStream`] | a stream that remembers its newest events |
//! | [`TopicStream`] | a stream of streams, one for each topic, with patterns |
//! | [`broadcast()`] | one event to several streams, and how each took it |
//! | [`Hub`] | one item to many readers, none of them slowed by another |
//! | [`Matcher`] | which topic filters take a topic |
//! | [`Subscribers`], [`EventQueue`], [`Carrier`], [`Together`] | for those who build streams of their own on hubs |
//!
//! # Examples
//!
//! ```
//! use stream_core::{InMemoryStream, Stream, StreamExt, Subscribe};
//! use stream_model::{Event, TopicFilter};
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let stream = InMemoryStream::new();
//!
//! // A handler is called, or awaited in a task of its own ...
//! let paid: TopicFilter = "orders.*.paid".parse()?;
//! let _handler = stream.on_async(paid, async |event: Event| println!("{event:?}")).await?;
//! // ... and a subscription without one is read.
//! let mut all = stream.subscribe(Subscribe::all().queue(100)).await?;
//!
//! stream.publish_to("orders.eu.paid", serde_json::json!({"n": 7})).await?;
//! let event = all.next().await.expect("the stream is open")?;
//! assert_eq!(event.topic(), Some("orders.eu.paid"));
//! assert_eq!(stream.recent(10), [event]);
//! stream.close().await;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The hub alone, for items of any kind:
//!
//! ```
//! use stream_core::{Capacity, Hub, TryNext};
//!
//! let hub = Hub::new(Capacity::items(2));
//! let mut cursor = hub.cursor();
//! for n in 1..=3 {
//!     hub.publish(n, 1);
//! }
//! // The ring gives way in whole blocks, so a little more than two items may still be there.
//! let mut seen = Vec::new();
//! while let TryNext::Item(n) = cursor.try_next() {
//!     seen.push(*n);
//! }
//! assert_eq!(seen, [1, 2, 3]);
//! ```

pub mod limits;

mod broadcast;
mod carrier;
mod error;
mod ext;
mod hub;
mod matcher;
mod memory;
mod stream;
mod subscribe;
mod subscribers;
mod sync;
mod topics;

#[cfg(test)]
mod hub_tests;

pub use broadcast::{BroadcastReport, broadcast};
pub use carrier::Carrier;
pub use error::{PublishError, SubscribeError};
pub use ext::StreamExt;
pub use hub::{
    Attachment, Batch, Call, Callback, Capacity, Cursor, Failure, Hub, Readiness, Refused, Remote,
    SendError, Together, TryBatch, TryNext,
};
pub use matcher::Matcher;
pub use memory::InMemoryStream;
pub use stream::{Receipt, Stream};
pub use subscribe::{Overflow, Subscribe};
pub use subscribers::{EventQueue, Subscribers};
pub use topics::{TopicHandle, TopicOptions, TopicStream};
