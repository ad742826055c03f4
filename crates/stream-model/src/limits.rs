//! The bounds of the model's values; a value beyond its bound cannot be made.

/// Bytes of a topic's name, and of a topic filter's text; longer ones are refused.
pub const TOPIC_BYTES_MAX: usize = 256;

/// Segments of a topic or a topic filter; more are refused.
pub const TOPIC_SEGMENTS_MAX: usize = 32;

/// Bytes of an event's id; longer ones are refused.
pub const EVENT_ID_BYTES_MAX: usize = 256;

/// Bytes of a producer's id; longer ones are refused.
pub const PRODUCER_ID_BYTES_MAX: usize = 256;

/// The largest epoch or sequence number of a producer: what a JSON number carries exactly
/// (Durable Streams Protocol, idempotent producers).
pub const PRODUCER_NUMBER_MAX: u64 = (1 << 53) - 1;
