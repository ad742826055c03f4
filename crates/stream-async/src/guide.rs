//! The guide's streams: of data, of events by type, and of messages by receiver.
//!
//! All three are one exchange with a hub for each route; they differ in how an item finds its
//! route.
//!
//! # Handling once
//!
//! What is put, emitted or sent goes to handlers at once, unless somebody runs `process`; then it
//! waits for that one.
//! So each item is handled once.
//!
//! # Limits
//!
//! At most [`GUIDE_ITEMS`](crate::limits::GUIDE_ITEMS), or as many as the stream is told, wait for
//! `process` or for a reader; then publishers wait.
//! The one exception is a [`DataStream`] that nobody has ever read and that has subscribers: they
//! have had the chunk, so the oldest goes, and is counted.
//! An asynchronous handler has a queue of [`HANDLER_ITEMS`](crate::limits::HANDLER_ITEMS); then
//! publishers wait for it.
//!
//! # Failures
//!
//! A handler that fails or panics harms nobody else.
//! The error handler of its type or receiver is told, the last one that was set; without one the
//! failure is logged and counted.
//!
//! # Closing
//!
//! `close` refuses further items, ends `process` and readers when they have had what was there,
//! and waits for asynchronous handlers.
//!
//! # Drop
//!
//! When the last handle is gone, asynchronous handlers are aborted.

mod data_stream;
mod event_stream;
mod exchange;
mod factory;
mod items;
mod message_stream;
mod middleware;
mod work_queue;

pub use self::data_stream::DataStream;
pub use self::event_stream::EventStream;
pub use self::exchange::{Counts, Delivery, HandlerId, SendError};
pub use self::factory::{GuideStream, StreamFactory, UnknownStreamType};
pub use self::items::{DataChunk, GenericEvent, Message};
pub use self::message_stream::MessageStream;
pub use self::middleware::MiddlewareOutput;
