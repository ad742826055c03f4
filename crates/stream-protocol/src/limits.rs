//! The bounds of a request.

/// Bytes of a published body unless configured otherwise; a larger one is refused as too large.
pub const BODY_BYTES_MAX: usize = 1 << 20;

/// Events in one published body; more are refused as too large.
pub const EVENTS_PER_REQUEST_MAX: usize = 10_000;

/// Records on a page of history that names no limit.
pub const PAGE_RECORDS: usize = 100;

/// Records on a page of history; a larger limit is taken as this one.
pub const PAGE_RECORDS_MAX: usize = 1000;

/// Topics and patterns that one subscription may name; more are refused as too large.
pub const SELECTORS_MAX: usize = 100;

/// Conditions of one filter; more are refused.
pub const CONDITIONS_MAX: usize = 16;

/// Bytes of one condition; a longer one is refused.
pub const CONDITION_BYTES_MAX: usize = 256;

/// Bytes of a resume token for many topics.
///
/// A browser sends it back in a header, and proxies commonly take lines of 8 KiB; a reader whose
/// token would grow beyond this is refused, or ended with
/// [`CloseCode::TooManyTopics`](crate::CloseCode::TooManyTopics).
pub const POSITIONS_BYTES_MAX: usize = 7 << 10;

/// Subscriptions on one WebSocket connection; one more is refused.
pub const SUBSCRIPTIONS_MAX: usize = 64;

/// Bytes of the name that a client gives to a subscription or a publish; a longer one is refused.
pub const COMMAND_ID_BYTES_MAX: usize = 128;
