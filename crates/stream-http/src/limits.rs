//! The bounds of the server, each with what happens there.

use std::time::Duration;

/// Bytes of frames made for one reader before they are written; what comes after waits in the log.
pub const CHUNK_BYTES: usize = 64 << 10;

/// Bytes of a body that are read and thrown away once it is known to be too large, so that its
/// sender hears why; after more than that the connection is cut.
pub const DISCARD_BYTES: usize = 32 << 20;

/// Records in the ring that live readers share, for each topic that is read; a reader that falls
/// further behind reads the log.
pub const RING_RECORDS: usize = 1024;

/// Bytes in that ring; older records leave it early.
pub const RING_BYTES: usize = 8 << 20;

/// New topics that readers of patterns may not have heard of yet; a reader that falls further
/// behind looks at all topics again.
pub const BIRTHS_REMEMBERED: usize = 1024;

/// Topics that one reader of many follows at once, and all subscriptions of one WebSocket
/// together; a pattern that takes more is refused, and
/// a reader whose patterns come to take more is ended with
/// [`CloseCode::TooManyTopics`](stream_protocol::CloseCode::TooManyTopics).
///
/// Its resume token has a bound of its own, which long names meet sooner.
pub const TOPICS_PER_READER: usize = 1000;

/// Bytes that a reader of many topics takes out of the log of each at once; with
/// [`TOPICS_PER_READER`] of them this bounds what waits in memory for it. One record is taken
/// however long it is.
pub const MANY_READ_BYTES: usize = 16 << 10;

/// Records that a topic keeps unless configured otherwise; older ones are trimmed.
pub const TOPIC_RECORDS: u64 = 100_000;

/// Bytes that a topic keeps unless configured otherwise; older records are trimmed.
pub const TOPIC_BYTES: u64 = 64 << 20;

/// Bytes of a command to call a provider; a larger one is refused.
pub const COMMAND_BYTES: usize = 4 << 20;

/// Bytes of a provider's refusal that are quoted; the rest is left out.
pub const REFUSAL_BYTES: usize = 4 << 10;

/// How long a connection to a provider may take; then the call has failed.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a provider may take to begin its answer; then the call has failed.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_mins(5);

/// How often a provider is asked again that did not answer.
pub const RETRIES: u32 = 2;

/// The wait before a provider is asked again for the first time; doubled each time.
pub const RETRY_DELAY: Duration = Duration::from_millis(500);

/// The longest wait before a provider is asked again; one that asks for more is not asked again.
pub const RETRY_DELAY_MAX: Duration = Duration::from_secs(30);

/// Bytes of a provider's answer that is no stream and must be filtered; a longer one is refused.
pub const FILTERED_ANSWER_BYTES: usize = 16 << 20;

/// How often expired and never used logs are let go of.
pub const HOUSEKEEPING_INTERVAL: Duration = Duration::from_mins(1);

/// How often topics that other servers made are looked for while somebody reads by pattern.
pub const OTHERS_LOOKED_AT: Duration = Duration::from_secs(2);

/// How often a server looks for subscriptions of durable streams that other servers made, and for
/// what they appended to the streams of those that it knows.
pub const SUBSCRIPTIONS_LOOKED_AT: Duration = Duration::from_secs(5);

/// How long open readers may take to end, unless configured otherwise; then they are cut.
pub const DRAIN: Duration = Duration::from_secs(10);

/// How long a long poll of a durable stream waits, unless configured otherwise; then it is answered
/// that nothing came.
pub const LONG_POLL: Duration = Duration::from_secs(30);

/// How long a live reader of a durable stream stays connected; then it is sent away to come back,
/// so that caches can join readers.
pub const SSE_LIFETIME: Duration = Duration::from_mins(1);

/// Subscriptions to durable streams; one more is refused.
pub const SUBSCRIPTIONS_MAX: usize = 1000;

/// How long a webhook may take to answer, or as long as its lease if that is shorter; then the wake
/// counts as not delivered.
pub const WEBHOOK_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of a webhook's answer that are read; in a longer one nothing is understood.
pub const WEBHOOK_ANSWER_BYTES: usize = 64 << 10;

/// How long the token of a wake is good, if the wake is not over before.
pub const TOKEN_LIFETIME: Duration = Duration::from_hours(24);

/// Publishes of one WebSocket connection that wait for their turn; while there are so many,
/// nothing more is read from it.
pub const PUBLISHES_WAITING: usize = 64;

/// Bytes that a command on a WebSocket may have beside the data that it publishes; the connection
/// is closed at a longer message.
pub const WS_COMMAND_BYTES: usize = 64 << 10;

/// How long a write to a WebSocket may take; then its peer counts as gone.
pub const WS_WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes of a token; a longer one is refused.
pub const TOKEN_BYTES_MAX: usize = 8 << 10;

/// Bytes of a secret that tokens are signed with (RFC 7518, 3.2); a shorter one is refused.
pub const TOKEN_SECRET_BYTES_MIN: usize = 32;

/// The time over which the rate of a topic is counted.
pub const RATE_WINDOW: Duration = Duration::from_secs(10);

/// Topics whose rates are counted at one moment; those of more are told as 0.
pub const RATES_COUNTED: usize = 100_000;

/// Models that metrics tell apart; all others are counted together.
pub const MODELS_COUNTED: usize = 100;

/// Bytes of a published set of keys; a longer one is not understood, and the keys known stay.
pub const KEY_SET_BYTES: usize = 256 << 10;

/// How long fetching a set of keys may take to begin, and then to end; the keys known stay then.
pub const KEY_SET_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a set of keys is fetched.
pub const KEY_SET_INTERVAL: Duration = Duration::from_mins(10);

/// How often at most it is fetched besides, when tokens name keys that are not known; those tokens
/// are refused then.
pub const KEY_SET_PAUSE: Duration = Duration::from_mins(1);

/// How far ahead of ours the clock of a token's issuer may be.
pub const CLOCK_SKEW: Duration = Duration::from_secs(30);

/// Bytes of a request's head in the express lane of appends; a longer one is left to the HTTP
/// library.
pub const EXPRESS_HEAD_BYTES: usize = 8 << 10;

/// Headers of such a request; one with more is left to the HTTP library.
pub const EXPRESS_HEADERS: usize = 32;

/// Bytes that a read in that lane makes room for.
pub const EXPRESS_READ_BYTES: usize = 4 << 10;

/// Connections that leave that lane at one moment; more wait for the HTTP library to take them.
pub const EXPRESS_HANDED_OVER: usize = 64;

/// Connections that wait for a thread of that lane to take them; more wait to be accepted.
pub const EXPRESS_ARRIVALS: usize = 64;

/// How often statistics are published while somebody reads them.
pub const STATS_INTERVAL: Duration = Duration::from_secs(1);

/// Requests and pieces of requests that a thread of that lane looks at before it lets the store
/// commit what they append, if it never comes to sleep.
pub const EXPRESS_STEPS: u32 = 256;

/// As many of them, since it last looked, make it look for more before it lets the store commit.
pub const EXPRESS_STEPS_MANY: u32 = 16;

/// Connections at one moment, unless configured otherwise; one more is answered 503 and closed.
pub const CONNECTIONS_MAX: usize = 50_000;

/// Connections that are told at one moment that there are too many; more are closed without a
/// word.
pub const REFUSALS_AT_ONCE: usize = 64;

/// How long such a connection may take to be told; then it is closed.
pub const REFUSAL_TIMEOUT: Duration = Duration::from_secs(1);

/// Bytes of a request's head over HTTP/1.1, and of its header fields over HTTP/2; a longer one is
/// answered 431.
pub const HEAD_BYTES_MAX: usize = 64 << 10;

/// Header fields of a request over HTTP/1.1; one with more is answered 431.
pub const HEADERS_MAX: usize = 100;

/// Requests at one moment on one HTTP/2 connection; more are refused by the protocol's own means
/// (RFC 9113, 5.1.2).
pub const HTTP2_STREAMS_MAX: u32 = 200;

/// How long a connection may take to send a request's head, unless configured otherwise; then it is
/// closed.
pub const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a live reader's socket may take nothing of what is due to it, unless configured
/// otherwise; then its peer counts as gone.
pub const LIVE_WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// Bytes that the system may keep for a live reader who does not read, as far as it heeds that (on
/// Linux, about twice as many); the rest waits here.
pub const LIVE_SOCKET_BYTES: usize = 128 << 10;

/// Bytes of frames that a shard takes from a log at once; what comes after waits for the next
/// round.
pub const LIVE_GATHER_BYTES: usize = 128 << 10;

/// How long a shard rests at most after a round of writes; it rests as long as the round took.
pub const LIVE_REST: Duration = Duration::from_millis(10);

/// Bytes of one `data` event that live readers of a durable stream share; the next append goes
/// into another one. A single append is never cut.
pub const LIVE_EVENT_BYTES: usize = 16 << 10;

/// Pieces that one write to a live reader carries; the rest is for the next write.
pub const LIVE_WRITE_PARTS: usize = 16;

/// Bytes of frames that a shard keeps for readers of one log who are behind by little; those who
/// are further behind read the log.
pub const LIVE_RING_BYTES: usize = 1 << 20;

/// Bytes of frames that a shard keeps for each such reader, up to [`LIVE_RING_BYTES`].
pub const LIVE_READER_BYTES: usize = 16 << 10;

/// Bytes of a page that is read for live readers who are behind; they ask for the next one when it
/// is written.
pub const LIVE_PAGE_BYTES: usize = 64 << 10;

/// Such pages that lie in memory at once; more readers wait for their turn.
pub const LIVE_PAGES: usize = 32;

/// Bytes of a frame's rest that a live reader keeps for itself; a longer rest is shared with
/// whoever else was cut in the same frames.
pub const LIVE_REST_BYTES: usize = 4 << 10;

/// Bytes that a live reader has sent and that are thrown away at the end of its connection, so
/// that the last event arrives; one that has sent more may lose it.
pub const DISCARD_AT_END_BYTES: usize = 64 << 10;

/// Records at the end of a durable stream that are looked at for the newest `Stream-Seq` when the
/// stream is loaded; one before them is not found, so this is more than are on their way from other
/// servers at a time.
pub const SEQ_LOOK_BACK: u64 = 256;
