//! The bounds of the Durable Streams protocol, each with what happens there.

/// Bytes of a stream's path, decoded; a longer one is no stream.
///
/// Some room is left below the length of a log's name, for the logs that belong to a stream.
pub const PATH_BYTES_MAX: usize = 960;

/// Bytes of a stream's content type; a longer one is refused.
pub const CONTENT_TYPE_BYTES_MAX: usize = 256;

/// Bytes of a `Stream-Seq`; a longer one is refused.
pub const SEQ_BYTES_MAX: usize = 1024;

/// Bytes of stored appends in one answer; the rest is for the next request.
///
/// An append is never cut, so one larger than this is answered alone.
pub const PAGE_BYTES: usize = 1 << 20;

/// Appends in one answer; the rest is for the next request.
pub const PAGE_APPENDS: usize = 10_000;

/// Forks of forks; one that would stand deeper is refused.
pub const FORK_DEPTH_MAX: u32 = 64;

/// Bytes of a subscription's id; a longer one is refused.
pub const SUBSCRIPTION_ID_BYTES_MAX: usize = 256;

/// Streams that a subscription names, and streams that it follows; more are refused, or not
/// followed.
pub const SUBSCRIPTION_STREAMS_MAX: usize = 10_000;

/// Bytes of a subscription's description, pattern and webhook URL, each; a longer one is refused.
pub const SUBSCRIPTION_TEXT_BYTES_MAX: usize = 2048;
