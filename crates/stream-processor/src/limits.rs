//! The bounds of pipelines, and what happens when each is reached.

use std::num::NonZeroUsize;
use std::time::Duration;

/// Source items that a pipeline takes before it hands on what became of them.
pub const BATCH_ITEMS: usize = 256;

/// Items that a stage of unknown type takes, or emits, at once; it is called when they are there,
/// and when no more are.
pub const BOXED_ITEMS: usize = 128;

/// Events that wait at the source for a pipeline, unless it is told otherwise; then publishers
/// wait.
pub const QUEUE_EVENTS: usize = 1000;

/// Futures that one stage may have under way; a larger number is taken for this one.
pub const IN_FLIGHT_MAX: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

/// Buckets in which a [`Metric`](crate::Metric) counts values of either sign for percentiles; then
/// the least are put together.
pub const SKETCH_BUCKETS: usize = 2048;

/// Metrics of one [`StreamMonitor`](crate::StreamMonitor); more are refused.
pub const METRICS_MAX: usize = 4096;

/// Pipelines, and processors, of one [`NamedPipelines`](crate::NamedPipelines); more are refused.
pub const NAMES_MAX: usize = 4096;

/// Panics of a pipeline's stages in one turn; after more, the pipeline panics itself.
pub const PANICS_IN_A_ROW: usize = 1024;

/// Requests to a running pipeline that wait for it; whoever has another one waits, too.
pub const REQUESTS_WAITING: usize = 16;

/// Records of one append to a log; what a pipeline has beyond them goes into the next.
pub const APPEND_RECORDS: usize = 1000;

/// Bytes of one append to a log, but for a record that is longer alone.
pub const APPEND_BYTES: usize = 1 << 20;

/// Events of log records that wait for their reader; then the oldest are left out, and counted.
pub const LOG_EVENTS_WAITING: usize = 1000;

/// Of so many items that a metered stage treats, one is timed.
pub const METER_EVERY: u64 = 64;

/// Events that wait for the next checkpoint; with more, it is made at once.
pub const OUTBOX_EVENTS: usize = 10_000;

/// Bytes of a checkpoint; a pipeline that keeps more ends with an error.
pub const CHECKPOINT_BYTES: usize = 1 << 30;

/// Bytes of each record of which a checkpoint consists.
pub const CHECKPOINT_PART_BYTES: usize = 32 << 10;

/// Records of a checkpoint that are appended at once; where a log takes fewer, one at a time.
pub const CHECKPOINT_PARTS_AT_ONCE: usize = 128;

/// Partitions of a consumer group; a group of more is refused.
pub const PARTITIONS_MAX: u32 = 1024;

/// Members of a consumer group; one more waits until another has gone.
pub const MEMBERS_MAX: usize = 1024;

/// Bytes of the name of a consumer group, or of a member; a longer one is refused.
pub const GROUP_NAME_BYTES_MAX: usize = 128;

/// The shortest and the longest session of a member; others are taken for the nearer one.
pub const SESSION_MIN: Duration = Duration::from_millis(100);
/// See [`SESSION_MIN`].
pub const SESSION_MAX: Duration = Duration::from_mins(10);

/// Signs of life that a member gives in one session, so that some may be late.
pub const SIGNS_PER_SESSION: u32 = 4;

/// How long a partition that is to be handed over may take to come to rest; then it is stopped, and
/// its next owner does again what was not committed.
pub const DRAIN_WAIT: Duration = Duration::from_secs(30);

/// How long leaving a group may take beyond [`DRAIN_WAIT`]; then the others find out by themselves.
pub const LEAVE_WAIT: Duration = Duration::from_secs(15);

/// Records of a group's own log, after which they are written down as one and let go of.
pub const ROSTER_RECORDS: u64 = 1000;

/// The pause before the group's log, or the source, is asked again after a failure.
pub const GROUP_PAUSE: Duration = Duration::from_millis(200);

/// The pause before a partition that failed is started again: the first, which doubles with each
/// failure, and the longest.
pub const RESTART_PAUSE: Duration = Duration::from_millis(100);
/// See [`RESTART_PAUSE`].
pub const RESTART_PAUSE_MAX: Duration = Duration::from_secs(10);

/// Reads of the source whose items wait for one partition of a group; with more, the reader waits,
/// and so do the member's other partitions.
pub const FEED_PARCELS: usize = 4;

/// Records of the source without one for a partition, after which it is told how far the reader is.
pub const FEED_TOLD_RECORDS: u64 = 1000;

/// Records that a partition may have passed over before that alone is worth a checkpoint.
pub const PASSED_RECORDS: u64 = 10_000;
