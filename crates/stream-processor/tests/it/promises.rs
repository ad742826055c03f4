//! What the types promise to the compiler.

use stream_core::InMemoryStream;
use stream_model::Event;
use stream_processor::stages::BoxStage;
use stream_processor::{
    Checkpoints, Fault, Identity, LogSink, LogSource, LogTail, Metric, NamedPipelines, Output,
    Pipeline, Plan, Running, StreamMonitor, StreamProcessor, StreamValidator, Subscribed,
    SubscribedSource,
};

fn is_sent<T: Send + std::fmt::Debug>() {}
fn crosses_threads<T: Send + Sync + std::fmt::Debug>() {}

#[test]
fn pipelines_cross_threads() {
    crosses_threads::<StreamProcessor<Event, Subscribed<InMemoryStream>>>();
    crosses_threads::<Running>();
    crosses_threads::<Checkpoints>();
    crosses_threads::<LogSink>();
    crosses_threads::<LogSource<Event>>();
    crosses_threads::<Plan>();
    crosses_threads::<Fault>();
    crosses_threads::<Metric>();
    crosses_threads::<StreamMonitor>();
    crosses_threads::<NamedPipelines<String>>();
    crosses_threads::<StreamValidator<String>>();
    // These are driven by one task at a time.
    is_sent::<LogTail<Event>>();
    is_sent::<Pipeline<u8, BoxStage<u8, u8>>>();
    is_sent::<Output<SubscribedSource<InMemoryStream>, Identity>>();
}
