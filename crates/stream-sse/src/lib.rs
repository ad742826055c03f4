//! Server-sent events by WHATWG HTML 9.2: machines without a clock, a socket or a runtime, and a
//! stream with subscribers on top of them.
//!
//! - [`Decoder`] turns chunks of bytes into events, and [`Encoder`] turns frames into bytes.
//! - [`client::Reconnect`] says when a client connects again, with which id, and when it stops.
//! - [`Heartbeat`] says when an idle connection owes its client a sign of life.
//! - [`SseStream`] publishes events to many connections (feature `stream`, on by default; nothing
//!   else needs a runtime).
//!
//! # Limits
//!
//! Every bound is a constant or an option with a name; [`DecoderLimits`] says what happens to an
//! event that is too big, and [`FieldError`] what is refused as a name or id.
//!
//! # Injection
//!
//! Text that comes from users cannot forge a field or an event: [`EventName`] and [`LastEventId`]
//! hold no line break, and data and comments are split at every one.

#![warn(clippy::indexing_slicing, clippy::as_conversions, clippy::string_slice)]

pub mod client;
mod codec;
mod heartbeat;
mod limits;
#[cfg(feature = "stream")]
mod stream;

pub use codec::decoder::{Decoder, Events};
pub use codec::encoder::Encoder;
pub use codec::event::{Damage, Decoded, EventRef};
pub use codec::field::{EventName, FieldError, LastEventId};
pub use codec::frame::{FrameRef, SseFrame};
pub use heartbeat::Heartbeat;
pub use limits::{
    DecoderLimits, EVENT_BYTES_MAX, EVENT_NAME_BYTES_MAX, HEALTHY_AFTER, HEARTBEAT_IDLE,
    HEARTBEAT_IDLE_MIN, LAST_EVENT_ID_BYTES_MAX, LINE_BYTES_MAX, RECONNECT_DELAY,
    RECONNECT_DELAY_MAX, STREAM_CAPACITY,
};
#[cfg(feature = "stream")]
pub use stream::{SseDelivery, SseEvents, SseFrames, SseStream, SseStreamOptions, SseSubscription};
