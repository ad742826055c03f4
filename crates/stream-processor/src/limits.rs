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
