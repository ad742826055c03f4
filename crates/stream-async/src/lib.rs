//! Streams for programs that wait: backpressure, batches, WebSocket clients, and the streams of
//! data, events and messages that the guide describes.
//!
//! | type | what it is |
//! |---|---|
//! | [`AsyncStream`] | a stream whose publishers wait for its subscribers; started and stopped |
//! | [`Consumer`] | a subscription that is read, with heartbeats |
//! | [`BatchingStream`] | a stream whose events go out in batches, by count, bytes and time |
//! | [`WebSocketStream`] | a stream to WebSocket clients, over any [`Transport`] |
//! | [`DataStream`] | data that subscribers see and readers take |
//! | [`EventStream`] | events whose handlers are chosen by type |
//! | [`MessageStream`] | messages whose handlers are chosen by receiver |
//! | [`StreamFactory`] | the last three by name |
//!
//! All of them deliver by [`stream_core::Hub`]; the first three are [`stream_core::Stream`]s.
//! What decides is pure and can be used alone, with a time that is given: [`Batcher`] and
//! [`Peer`].
//!
//! # Examples
//!
//! ```
//! use futures_util::StreamExt as _;
//! use stream_async::{AsyncStream, AsyncStreamOptions};
//! use stream_core::{PublishError, Stream, Subscribe};
//! use stream_model::Event;
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let options = AsyncStreamOptions::default().buffer(1).subscriber_buffer(1);
//! let stream = AsyncStream::with_options(options)?;
//! let mut events = stream.consume(stream.subscribe(Subscribe::all()).await?);
//! stream.start();
//! stream.publish(Event::text("for the subscriber's queue")).await?;
//! stream.publish(Event::text("for the stream's buffer")).await?;
//! // Nobody reads, so this one waits for five seconds, and is not published.
//! let late = stream.publish(Event::text("too much")).await;
//! assert!(matches!(late, Err(PublishError::TimedOut { .. })));
//! let event = events.next().await.expect("the stream is open")?;
//! assert_eq!(event.data().as_str(), Some("for the subscriber's queue"));
//! # Ok(())
//! # }
//! ```

pub mod limits;

mod async_stream;
mod batching;
mod guide;
mod handlers;
mod idle;
mod websocket;

pub use async_stream::{AsyncStream, AsyncStreamCounts, AsyncStreamOptions, BufferError, Consumer};
pub use batching::{Batch, BatchOptions, Batcher, BatchingStream, Timing};
pub use guide::{
    Counts, DataChunk, DataStream, Delivery, EventStream, GenericEvent, GuideStream, HandlerId,
    Message, MessageStream, MiddlewareOutput, SendError, StreamFactory, UnknownStreamType,
};
pub use handlers::{ItemHandler, NoRuntime};
#[cfg(feature = "tungstenite")]
pub use websocket::Tungstenite;
pub use websocket::{
    ClientMessage, ConnectError, Frame, Peer, PeerOutput, Transport, WebSocketOptions,
    WebSocketStream,
};
