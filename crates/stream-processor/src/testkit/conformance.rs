//! What a pipeline expects of everything that it reads or writes.
//!
//! A backend says how it is opened, and [`check`] holds it to the rest.
//! Any assertion that does not hold panics and says which.

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use stream_model::Event;
use tokio::time::timeout;

use super::TestSink;
use crate::{Connect, OnError, Retry, Running, Source, StartError, StreamProcessor};

/// How long anything may take that must happen.
const PATIENCE: Duration = Duration::from_secs(30);

/// Events of a check.
const EVENTS: u64 = 300;

/// Something that a pipeline reads from and writes to.
#[async_trait]
pub trait Backend: Send + Sync {
    /// What a pipeline reads.
    type Reads: Source<Item = Event> + 'static;

    /// Where it reads that.
    type Source: Connect<Item = Event, Source = Self::Reads> + Send;

    /// A source of a place that has this name, and nothing in it at first.
    async fn source(&self, name: &str) -> Self::Source;

    /// Has `processor` write to the place of this name.
    async fn write_to<In, S, C>(
        &self,
        processor: StreamProcessor<In, S, C>,
        name: &str,
    ) -> StreamProcessor<In, S, C>
    where
        In: Send,
        S: Send,
        C: Send;

    /// Puts an event into the place of this name, as others do.
    async fn publish(&self, name: &str, event: Event);

    /// What it can do.
    fn features(&self) -> Features;
}

/// What not every backend can do.
#[derive(Debug, Clone, Copy, Default)]
pub struct Features {
    /// A pipeline gets what was published before it was started.
    pub keeps_history: bool,
}

/// Holds `backend` to everything that a pipeline expects.
///
/// # Cancel safety
/// Dropping the future leaves places behind that were used.
pub async fn check<B: Backend>(backend: &B) {
    everything_comes_in_order(backend).await;
    what_is_published_together_comes_once(backend).await;
    every_pipeline_gets_everything(backend).await;
    draining_takes_what_is_there(backend).await;
    a_sink_that_refuses_loses_nothing(backend).await;
    what_is_written_can_be_read(backend).await;
    history_is_kept_or_not(backend).await;
}

fn number(event: &Event) -> Option<u64> {
    event.parse().ok()
}

async fn put(backend: &impl Backend, name: &str, numbers: std::ops::Range<u64>) {
    for number in numbers {
        backend.publish(name, Event::new(json!(number))).await;
    }
}

#[expect(clippy::expect_used, reason = "a test that cannot start a pipeline has failed")]
fn started(running: Result<Running, StartError>) -> Running {
    running.expect("a pipeline starts")
}

/// A pipeline from the place `name` into `sink`.
async fn read(backend: &impl Backend, name: &str, sink: &TestSink) -> Running {
    let processor = StreamProcessor::from_source(backend.source(name).await);
    started(processor.sink(sink.clone()).start().await)
}

/// What `sink` has after `running` has been drained.
async fn drained(running: Running, sink: &TestSink) -> Vec<u64> {
    let ended = timeout(PATIENCE, running.drain()).await;
    assert!(matches!(ended, Ok(Ok(()))), "the pipeline is drained: {ended:?}");
    sink.events().iter().filter_map(number).collect()
}

/// Events come in the order in which they were published, each once.
async fn everything_comes_in_order(backend: &impl Backend) {
    let sink = TestSink::new();
    let running = read(backend, "order", &sink).await;
    put(backend, "order", 0..EVENTS).await;
    let got = drained(running, &sink).await;
    assert_eq!(got, (0..EVENTS).collect::<Vec<_>>(), "events come once and in order");
}

/// Several publishers at a time: each one's events come in its order, and each once.
async fn what_is_published_together_comes_once<B: Backend>(backend: &B) {
    let sink = TestSink::new();
    let running = read(backend, "together", &sink).await;
    let publisher = async |first: u64| put(backend, "together", first..first + EVENTS).await;
    tokio::join!(publisher(0), publisher(1000), publisher(2000));
    let got = drained(running, &sink).await;
    for first in [0, 1000, 2000] {
        let own = got.iter().copied().filter(|number| (first..first + EVENTS).contains(number));
        let want: Vec<u64> = (first..first + EVENTS).collect();
        assert_eq!(own.collect::<Vec<_>>(), want, "one publisher's events come in its order");
    }
    assert_eq!(got.len() as u64, 3 * EVENTS, "nothing else comes");
}

/// Two pipelines that read one place take nothing from each other.
async fn every_pipeline_gets_everything(backend: &impl Backend) {
    let (first, second) = (TestSink::new(), TestSink::new());
    let running = (read(backend, "both", &first).await, read(backend, "both", &second).await);
    put(backend, "both", 0..EVENTS).await;
    let want: Vec<u64> = (0..EVENTS).collect();
    assert_eq!(drained(running.0, &first).await, want, "the first gets everything");
    assert_eq!(drained(running.1, &second).await, want, "the second gets everything");
}

/// Draining waits for a slow sink, and takes nothing that is published afterwards.
async fn draining_takes_what_is_there(backend: &impl Backend) {
    let sink = TestSink::new();
    let running = read(backend, "drain", &sink).await;
    sink.hold();
    put(backend, "drain", 0..10).await;
    let (got, ()) = tokio::join!(drained(running, &sink), async {
        tokio::task::yield_now().await;
        sink.release();
    });
    assert_eq!(got, (0..10).collect::<Vec<_>>(), "what was there is delivered");
    put(backend, "drain", 10..20).await;
    assert_eq!(sink.events().len(), 10, "nothing comes after the end");
}

/// A sink that refuses for a while gets everything by retries, in order.
async fn a_sink_that_refuses_loses_nothing(backend: &impl Backend) {
    let sink = TestSink::new();
    sink.refuse(5);
    let retry = Retry::default().attempts(10).first(Duration::from_millis(1));
    let processor = StreamProcessor::from_source(backend.source("refuse").await);
    let processor = processor.sink(sink.clone()).on_error(OnError::fail().retry(retry));
    let running = started(processor.start().await);
    put(backend, "refuse", 0..20).await;
    let got = drained(running, &sink).await;
    assert_eq!(got, (0..20).collect::<Vec<_>>(), "nothing is lost");
    assert_eq!(sink.refused(), 5, "it was tried again");
}

/// What a pipeline writes, another one reads.
async fn what_is_written_can_be_read(backend: &impl Backend) {
    let sink = TestSink::new();
    let reader = read(backend, "written", &sink).await;
    let doubled = StreamProcessor::from_source(backend.source("read").await)
        .filter_map(|event: Event| Some(Event::new(json!(number(&event)? * 2))));
    let writer = started(backend.write_to(doubled, "written").await.start().await);
    put(backend, "read", 0..EVENTS).await;
    let ended = timeout(PATIENCE, writer.drain()).await;
    assert!(matches!(ended, Ok(Ok(()))), "the writer is drained: {ended:?}");
    let want: Vec<u64> = (0..EVENTS).map(|number| number * 2).collect();
    assert_eq!(drained(reader, &sink).await, want, "what was written is read");
}

/// A pipeline that starts late gets what was published before, or nothing of it.
async fn history_is_kept_or_not(backend: &impl Backend) {
    put(backend, "history", 0..5).await;
    let sink = TestSink::new();
    let running = read(backend, "history", &sink).await;
    put(backend, "history", 5..10).await;
    let first = if backend.features().keeps_history { 0 } else { 5 };
    let got = drained(running, &sink).await;
    assert_eq!(got, (first..10).collect::<Vec<_>>(), "history comes as the features say");
}
