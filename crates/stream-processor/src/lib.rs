//! Pipelines of stages over events: fused when they are built, ordered, bounded, and without silent
//! losses.
//!
//! | type | what it is |
//! |---|---|
//! | [`StreamProcessor`] | a source, stages and sinks; [started](StreamProcessor::start) once, or [opened](StreamProcessor::open) to be read |
//! | [`Pipeline`] | stages without a source: a part of other pipelines, or run over a list |
//! | [`Stage`] | what a step is: a pure machine that is told the time |
//! | [`Running`], [`Counts`], [`StageCounts`] | a pipeline in its task: flushed, drained, stopped, counted |
//! | [`OnError`], [`Retry`], [`CircuitBreaker`], [`Fault`] | what happens to an item that cannot be treated, and what is told of it |
//! | [`DeadLetter`], [`replay`] | events that were set aside, and their way back |
//! | [`Side`], [`Joined`], [`Lookup`] | two kinds of items that are put together, and tables that lie elsewhere |
//! | [`Windowed`], [`Lateness`] | what comes out of windows over event time, and how long they wait |
//! | [`LogSource`], [`LogSink`], [`Checkpoints`], [`SaveState`] | logs at both ends, and going on exactly where a pipeline was |
//! | [`Group`], [`Member`], [`partition_of`] | several processes that share a source by key |
//! | [`Source`], [`Subscribed`], [`merge`], [`zip()`], [`combine_latest`] | where items come from |
//! | [`IntoSink`], [`sink_source`] | `futures_sink::Sink` at both ends; [`Output`] is a `futures_core::Stream` |
//! | [`LogRecords`], [`NotificationSink`] | events as log records, and as notifications of a webhook |
//! | [`NamedPipelines`] | pipelines by name, for one value at a time |
//! | [`StreamMonitor`], [`StreamValidator`] | statistics of metrics, and rules for data |
//!
//! # How stages become one
//!
//! A stage pushes what it makes into an [`Emit`], and a [`Chain`] is a stage whose first half
//! pushes into its second: after compilation the stages of a pipeline are one loop without calls.
//! [`boxed`](StreamProcessor::boxed) forgets the types, for pipelines that are put together at run
//! time.
//! Stages are pure: the driver tells them the time and wakes them at their deadlines, so windows
//! of time are tested without a clock, and [`over`](StreamProcessor::over) leaps from deadline to
//! deadline.
//!
//! # How items travel
//!
//! A pipeline is one task.
//! It takes up to [`BATCH_ITEMS`](limits::BATCH_ITEMS) items that are there, pushes each through
//! the chain, and hands on what came out, in order, before it takes more.
//! Only futures that are not ready at once have tasks of their own, so they make progress whatever
//! the pipeline waits for.
//!
//! Each item has a position in its source, which the [`Moment`] carries beside it.
//! A stage that keeps something back says from which position on ([`Stage::held`]), so what lies
//! before that and before the newest item taken is through.
//!
//! # Overload
//!
//! While sinks, futures or a throttle make the pipeline wait, it takes nothing from its source,
//! whose queue fills up; then the source's publishers wait, unless it was
//! [told otherwise](Subscribed::overflow), and what is missed is counted.
//!
//! # Failures
//!
//! A stage that fails or panics costs its own item and no other.
//! [`OnError`] says whether it is tried again, and then left out, set aside as a [`DeadLetter`] or
//! the end of the pipeline; in any case it is counted, logged and told to
//! [`on_fault`](StreamProcessor::on_fault).
//! So every item ends in exactly one of three places: what came of it was delivered, it was set
//! aside, or it was reported as left out.
//!
//! # Event time
//!
//! [`Windowed`] is what windows make of items by a time that the items bear; what comes too late
//! goes on as such.
//!
//! # At least once
//!
//! A source is told what need not come again ([`Source::acknowledge`]) only when everything that
//! came of it was delivered, set aside or left out.
//!
//! # Exactly once
//!
//! A pipeline between logs that is [resumed](StreamProcessor::resume) writes down, at one moment,
//! where it is, what its stages keep and what comes out, before that goes to the sinks.
//! So it goes on exactly where it was, whenever it is killed.
//!
//! # Several processes
//!
//! Processes that [join a group](StreamProcessor::join_group) share a log by key: each partition of
//! the keys is treated by one of them, and by another when that one goes, dies or falls silent.
//! What goes to a log goes there exactly once all the same; [`Group`] says why.
//!
//! # End
//!
//! When the source ends, or a stage wants no more, stages hand on what they kept, first to last.
//! A pipeline that is dropped is stopped: what is among its stages is not delivered.

pub mod limits;
pub mod stages;
#[cfg(feature = "testkit")]
pub mod testkit;

mod breaker;
mod checkpoint;
mod counts;
mod dead_letter;
mod delivery;
mod driver;
mod error;
mod fault;
mod futures_sink;
mod group;
mod items;
#[cfg(feature = "log-events")]
mod log_events;
mod log_records;
mod lookup;
mod meter;
#[cfg(feature = "tower")]
mod middleware;
mod moment;
mod monitor;
mod named;
mod notify;
mod operators;
mod output;
mod plan;
mod policy;
mod processor;
mod resume;
mod running;
mod sinks;
mod source;
mod stage;
mod state;
mod validator;

pub use breaker::{Breaker, Circuit, CircuitBreaker, CircuitChange};
pub use checkpoint::{CheckpointError, Checkpoints};
pub use counts::Counts;
pub use dead_letter::{DEAD_LETTER, DeadLetter, replay};
pub use delivery::CIRCUIT_TOPIC;
pub use error::{RunError, StartError};
pub use fault::{Cause, Fault, Origin, Roll, StageId};
pub use futures_sink::{IntoSink, PipelineGone, SinkInput, SinkSource, sink_source};
pub use group::{Group, GroupError, GroupStats, Member, PartitionError, partition_of};
pub use items::Items;
#[cfg(feature = "log-events")]
pub use log_events::{LOG_TOPIC, LogEvents, LogLayer, log_events};
pub use log_records::LogRecords;
pub use lookup::{LookedUp, Lookup};
pub use meter::{Metered, StageCounts};
pub use moment::Moment;
pub use monitor::{Metric, Statistics, StreamMonitor};
pub use named::{NamedPipelines, PipelineError, ProcessError};
pub use notify::{Notification, NotificationSink, Notified, NotifyError, Webhook};
pub use output::Output;
pub use plan::{Plan, StageNote};
pub use policy::{OnError, Retry};
pub use processor::{Pipeline, StreamProcessor};
pub use running::Running;
pub use sinks::{DeliveryError, LogSink};
pub use source::{
    Arrival, CombineLatest, Connect, FromStream, LogSource, LogTail, Merge, Pair, Source,
    SourceError, Sourced, Subscribed, SubscribedSource, Zip, combine_latest, merge, zip,
};
pub use stage::{Batches, Chain, Emit, Flow, Identity, Stage};
pub use stages::{Joined, Keyed, Lateness, Side, Windowed};
pub use state::{Loader, SaveState, Saver, StateError};
#[cfg(feature = "schema")]
pub use validator::SchemaError;
pub use validator::StreamValidator;
