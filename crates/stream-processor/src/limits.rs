//! The bounds of pipelines, and what happens when each is reached.

use std::num::NonZeroUsize;

/// Source items that a pipeline takes before it hands on what became of them.
pub const BATCH_ITEMS: usize = 256;

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

/// Events that wait for the next checkpoint; with more, it is made at once.
pub const OUTBOX_EVENTS: usize = 10_000;

/// Bytes of a checkpoint; a pipeline that keeps more ends with an error.
pub const CHECKPOINT_BYTES: usize = 1 << 30;

/// Bytes of each record of which a checkpoint consists.
pub const CHECKPOINT_PART_BYTES: usize = 32 << 10;

/// Records of a checkpoint that are appended at once; where a log takes fewer, one at a time.
pub const CHECKPOINT_PARTS_AT_ONCE: usize = 128;
