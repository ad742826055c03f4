//! The bounds of these streams, and what happens when each is reached.

use std::time::Duration;

/// Events that an [`AsyncStream`](crate::AsyncStream) takes ahead of its subscribers, unless it is
/// told otherwise; then publishers wait.
pub const BUFFER_EVENTS: usize = 1000;

/// The most events that an [`AsyncStream`](crate::AsyncStream) may take ahead; more are refused
/// when it is made.
pub const BUFFER_EVENTS_MAX: usize = 32_768;

/// Events that wait for a subscriber of an [`AsyncStream`](crate::AsyncStream), unless it asks for
/// another bound; then its [`Overflow`](stream_core::Overflow) says what happens.
pub const SUBSCRIBER_EVENTS: usize = 100;

/// How long a publisher waits for room; then it is told that the event was not published.
pub const PUBLISH_TIMEOUT: Duration = Duration::from_secs(5);

/// Events that a stream without backpressure holds before it is started; more are refused.
pub const HELD_EVENTS_MAX: usize = 1 << 20;

/// The silence after which a consumer gets a heartbeat.
pub const HEARTBEAT_IDLE: Duration = Duration::from_secs(30);

/// Events of a batch, unless it is told otherwise; then it is flushed.
pub const BATCH_EVENTS: usize = 100;

/// Bytes of the data of a batch, unless it is told otherwise; an event that would lead beyond
/// begins the next batch.
pub const BATCH_BYTES: usize = 1 << 20;

/// Time between two ticks of a batching stream, or how long an event lingers, unless it is told
/// otherwise; then the batch is flushed.
pub const BATCH_INTERVAL: Duration = Duration::from_secs(1);

/// Batches that may be on their way to the subscribers; then whoever adds waits.
pub const BATCHES_WAITING: usize = 8;

/// Items that wait for an asynchronous handler of a batch or of a guide's stream; then whoever
/// publishes waits.
pub const HANDLER_ITEMS: usize = 1000;

/// Items that a guide's stream keeps for its reader, unless it is told otherwise; then whoever
/// publishes waits, or the oldest goes if subscribers have had it and nobody reads.
pub const GUIDE_ITEMS: usize = 1000;

/// Clients of a [`WebSocketStream`](crate::WebSocketStream); more are refused.
pub const CLIENTS_MAX: usize = 65_536;

/// Events that wait for a client, unless it is told otherwise; one that has more to wait is
/// disconnected.
pub const CLIENT_EVENTS: usize = 100;

/// Messages to one client alone that wait for it; further ones are refused.
pub const DIRECT_MESSAGES: usize = 16;

/// Time between two pings to a client.
pub const PING_INTERVAL: Duration = Duration::from_secs(30);

/// How long a client may take to answer a ping, or to take what is written; then it is dead.
pub const PEER_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of a client's id; longer ones are refused.
pub const CLIENT_ID_BYTES_MAX: usize = 256;
