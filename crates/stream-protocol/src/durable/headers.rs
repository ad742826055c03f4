//! The names of the protocol's headers (Durable Streams Protocol, 13.2).

use http::{HeaderMap, HeaderName};

/// Seconds of idleness after which a stream expires.
pub const STREAM_TTL: HeaderName = HeaderName::from_static("stream-ttl");
/// When a stream expires, by RFC 3339.
pub const STREAM_EXPIRES_AT: HeaderName = HeaderName::from_static("stream-expires-at");
/// The writer's own sequence, compared byte by byte.
pub const STREAM_SEQ: HeaderName = HeaderName::from_static("stream-seq");
/// What a live reader sends back, so that caches do not answer it with the same again.
pub const STREAM_CURSOR: HeaderName = HeaderName::from_static("stream-cursor");
/// Where the next read starts.
pub const STREAM_NEXT_OFFSET: HeaderName = HeaderName::from_static("stream-next-offset");
/// `true` if there is nothing after the answer yet.
pub const STREAM_UP_TO_DATE: HeaderName = HeaderName::from_static("stream-up-to-date");
/// `true` if there will never be anything after the answer; in a request, closes the stream.
pub const STREAM_CLOSED: HeaderName = HeaderName::from_static("stream-closed");
/// The path of the stream that a fork is made from.
pub const STREAM_FORKED_FROM: HeaderName = HeaderName::from_static("stream-forked-from");
/// Where a fork leaves its source.
pub const STREAM_FORK_OFFSET: HeaderName = HeaderName::from_static("stream-fork-offset");
/// Bytes or messages after that offset which the fork still takes.
pub const STREAM_FORK_SUB_OFFSET: HeaderName = HeaderName::from_static("stream-fork-sub-offset");
/// How binary data stands in server-sent events.
pub const STREAM_SSE_DATA_ENCODING: HeaderName =
    HeaderName::from_static("stream-sse-data-encoding");
/// The sequence that a producer has to send next.
pub const PRODUCER_EXPECTED_SEQ: HeaderName = HeaderName::from_static("producer-expected-seq");
/// The sequence that a producer sent instead.
pub const PRODUCER_RECEIVED_SEQ: HeaderName = HeaderName::from_static("producer-received-seq");

/// Whether a request closes its stream: the header says `true`, in any case; any other value is
/// as good as none (4.1).
pub(super) fn closes(headers: &HeaderMap) -> bool {
    headers.get(STREAM_CLOSED).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"))
}
