//! The bounds of logs over NATS, each with what happens there.

use std::time::Duration;

/// JetStream streams that logs are spread over unless configured otherwise; fixed once they exist.
pub const SHARDS: u16 = 4;

/// The most streams that can be configured; more are taken as this many.
pub const SHARDS_MAX: u16 = 256;

/// How long an operation may take in all; then it fails with
/// [`NatsError::Timeout`](crate::NatsError::Timeout).
pub const OPERATION_WAIT: Duration = Duration::from_secs(10);

/// How long one request to the cluster may take before it is sent again.
pub const ATTEMPT_WAIT: Duration = Duration::from_secs(2);

/// The pause before a request that nobody answered is sent again.
pub const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// Requests to the cluster at once; one more waits for one of them.
pub const REQUESTS_MAX: usize = 512;

/// Appends that wait for one log; one more waits outside.
pub const WAITING_PER_LOG: usize = 4096;

/// Bytes of a message beside its records' own: the head of the log, and the headers of the request.
pub const HEAD_BYTES_MAX: usize = 1024;

/// Bytes that a record takes beside its payload, at most, with all that belongs to its append.
pub const RECORD_BYTES_EXTRA: usize = 10;

/// Bytes that an append takes beside its records and its producer's id, at most.
pub const APPEND_BYTES_EXTRA: usize = 64;

/// Bytes of the newest records of one followed log that are kept in memory; older ones are read
/// from the cluster.
pub const RECENT_BYTES_PER_LOG: usize = 1 << 20;

/// Bytes of the newest records of all followed logs together; beyond them a log keeps none but its
/// very newest.
pub const RECENT_BYTES: usize = 256 << 20;

/// Logs whose state is kept in memory; with one more, those that nobody holds are let go of.
pub const CELLS_MAX: usize = 100_000;

/// How long a log that was heard of is taken to be there still, before the cluster is asked again.
pub const FRESH_FOR: Duration = Duration::from_secs(1);

/// Names of logs that are remembered for lists, in all; beyond them each page of a list asks the
/// cluster for all names of a stream.
pub const CATALOG_NAMES_MAX: usize = 1_000_000;

/// Names of a stream that are few enough to be looked at for each page of a list.
pub const CATALOG_SMALL: usize = 10_000;

/// How long the names of a stream that has as many subjects as before count as the same.
pub const CATALOG_FRESH_FOR: Duration = Duration::from_secs(1);

/// How long more names than [`CATALOG_SMALL`] are told as they were.
pub const CATALOG_OLD_FOR: Duration = Duration::from_secs(5);

/// How often logs that nobody watches any more are looked for, and watched ones that were silent
/// are compared with the cluster.
pub const AUDIT_EVERY: Duration = Duration::from_secs(5);

/// Logs that one audit compares at once; the rest come after them.
pub const AUDITS_AT_ONCE: usize = 64;

/// Messages of one page that is read from the cluster.
pub const PAGE_MESSAGES: u32 = 256;

/// Bytes of one such page, but for its first message.
pub const PAGE_BYTES: u32 = 1 << 20;

/// Records whose places are kept in memory for retention; the next are read when they are needed.
pub const STUBS_MAX: usize = 4096;

/// Messages that a log is caught up with one by one; one that is further behind starts from the
/// newest.
pub const CATCH_UP_MESSAGES: u32 = 64;

/// Messages with producers that are read again when a log is opened, at least, before what is
/// remembered of all producers is written down; twice the number of producers come on top.
pub const CHECKPOINT_AFTER: u32 = 256;

/// Bytes of what is remembered of all producers; beyond them, those that appended longest ago are
/// forgotten.
pub const CHECKPOINT_BYTES: usize = 512 << 10;

/// Reads that wandered through a log and know where they were; one more forgets another.
pub const BOOKMARKS_MAX: usize = 64;

/// How long a mark of a log's time to live may stand without the log before it is taken away.
pub const MARK_GRACE: Duration = Duration::from_mins(1);

/// How long messages that a log let go of stay in the cluster at least: longer than anybody waits
/// to learn whether a message was stored.
pub const PURGE_LAG: Duration = Duration::from_secs(15);

/// How often the server that we are connected to is asked whether it is there; one that does not
/// answer twice counts as lost, and another is connected to.
pub const PING_EVERY: Duration = Duration::from_secs(2);

/// How long a connection may take to be made before the next server is tried.
pub const CONNECT_WAIT: Duration = Duration::from_secs(2);

/// How often it is looked for what a refused message was refused for, and how long between two
/// looks; if nothing is there by then, the message is made anew.
pub const WINNER_LOOKS: u32 = 40;
/// See [`WINNER_LOOKS`].
pub const WINNER_PAUSE: Duration = Duration::from_millis(25);
