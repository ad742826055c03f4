//! The test kit, and every backend by its suite.

use std::time::Duration;

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::json;
use stream_core::{InMemoryStream, Stream};
use stream_log::{AppendBatch, LogConfig, LogName, LogStore, LogStoreExt, MemoryStore, Namespace};
use stream_log_disk::{DiskOptions, DiskStore};
use stream_model::{Event, ProducerId, now::now};
use stream_processor::testkit::conformance::{Backend, Features, check};
use stream_processor::testkit::{RandomFail, TestSink, TestSource, VirtualRun};
use stream_processor::{
    Joined, Keyed, Lateness, LogSink, LogSource, LogTail, OnError, Pipeline, RunError, Side,
    StreamProcessor, Subscribed, SubscribedSource, Windowed,
};

const MS: Duration = Duration::from_millis(1);

/// Streams in memory, by name.
#[derive(Default)]
struct Streams(Mutex<std::collections::HashMap<String, InMemoryStream>>);

impl Streams {
    fn stream(&self, name: &str) -> InMemoryStream {
        self.0.lock().entry(name.to_owned()).or_default().clone()
    }
}

#[async_trait]
impl Backend for Streams {
    type Reads = SubscribedSource<InMemoryStream>;
    type Source = Subscribed<InMemoryStream>;

    async fn source(&self, name: &str) -> Self::Source {
        Subscribed::new(self.stream(name))
    }

    async fn write_to<In: Send, S: Send, C: Send>(
        &self,
        processor: StreamProcessor<In, S, C>,
        name: &str,
    ) -> StreamProcessor<In, S, C> {
        processor.sink(self.stream(name))
    }

    async fn publish(&self, name: &str, event: Event) {
        self.stream(name).publish(event).await.unwrap();
    }

    fn features(&self) -> Features {
        Features::default()
    }
}

/// The logs of a store, by name.
struct Logs<S>(S);

impl<S: LogStore> Logs<S> {
    async fn log(&self, name: &str) -> Arc<dyn stream_log::Log> {
        let name = LogName::new(Namespace::Topic, name).unwrap();
        self.0.get_or_create(&name, LogConfig::default()).await.unwrap()
    }
}

#[async_trait]
impl<S: LogStore> Backend for Logs<S> {
    type Reads = LogTail<Event>;
    type Source = LogSource<Event>;

    async fn source(&self, name: &str) -> Self::Source {
        LogSource::events(self.log(name).await)
    }

    async fn write_to<In: Send, T: Send, C: Send>(
        &self,
        processor: StreamProcessor<In, T, C>,
        name: &str,
    ) -> StreamProcessor<In, T, C> {
        let producer = ProducerId::new("conformance").unwrap();
        processor.log_sink(LogSink::new(self.log(name).await, producer))
    }

    async fn publish(&self, name: &str, event: Event) {
        let append = AppendBatch::new(now()).record(event.encode());
        assert!(!self.log(name).await.append(append).await.unwrap().duplicate);
    }

    fn features(&self) -> Features {
        Features { keeps_history: true }
    }
}

#[tokio::test]
async fn streams_in_memory_are_what_a_pipeline_expects() {
    check(&Streams::default()).await;
}

#[tokio::test]
async fn logs_in_memory_are_what_a_pipeline_expects() {
    check(&Logs(MemoryStore::default())).await;
}

#[tokio::test]
async fn logs_on_disk_are_what_a_pipeline_expects() {
    let folder = tempfile::tempdir().unwrap();
    let options = DiskOptions::default().segment_bytes(1 << 20);
    check(&Logs(DiskStore::open(folder.path(), options).unwrap())).await;
}

#[tokio::test]
async fn a_source_s_watermark_closes_windows_rings_timers_and_ends_waiting() {
    let (source, handle) = TestSource::new();
    let sink = TestSink::new();
    let windows = StreamProcessor::from_source(source)
        .tumbling_window(
            10 * MS,
            Lateness::up_to(Duration::from_hours(1)),
            |at| (*at, ()),
            0,
            |n, _| *n += 1,
        )
        .filter_map(Windowed::closed)
        .map(|((), count): ((), i32)| Event::new(json!(count)))
        .sink(sink.clone())
        .start()
        .await
        .unwrap();
    for at in [1, 2, 12] {
        handle.push(at);
    }
    handle.watermark(10);
    handle.miss(4);
    // The window of 12 stays open, so nobody waits for it.
    while sink.events().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(sink.events()[0].parse::<u32>().unwrap(), 2);
    assert_eq!((windows.counts().missed, handle.acknowledged()), (4, 2));
    handle.end();
    windows.join().await.unwrap();
    assert_eq!(sink.events().len(), 2);
    assert_eq!(handle.acknowledged(), 3);
}

#[test]
fn the_watermark_reaches_every_stage_that_goes_by_time() {
    let place = |at: &i64| (*at, ());
    let never = Lateness::up_to(Duration::from_hours(1));
    let mut sessions = VirtualRun::new(Pipeline::empty().session_window(
        5 * MS,
        never,
        place,
        0,
        (|n: &mut u32, _: &i64| *n += 1, |a, b| a + b),
    ));
    sessions.push(1).push(3).watermark(7);
    assert!(sessions.outputs().is_empty());
    sessions.watermark(8).push(2);
    let out: Vec<_> = sessions.outputs().iter().map(|(_, out)| out.clone()).collect();
    let closed = Windowed::Closed { key: (), start_ms: 1, end_ms: 8, value: 2 };
    assert_eq!(out, [closed, Windowed::Late { item: 2, missed: 1 }]);

    let mut timers = VirtualRun::new(Pipeline::empty().keyed(
        never,
        place,
        |at, key: &mut Keyed<'_, (), ()>| {
            key.set_timer(at + 5);
            None
        },
        |key| Some(key.at_ms),
    ));
    timers.push(1).push(2).watermark(6);
    assert_eq!(timers.outputs(), [(Duration::ZERO, 6)]);

    let place = |side: &Side<i64, i64>| match side {
        Side::Left(at) | Side::Right(at) => (*at, ()),
    };
    let mut join = VirtualRun::new(Pipeline::empty().interval_join((MS, MS), never, place));
    join.push(Side::Left(1)).watermark(3).push(Side::Right(2));
    assert_eq!(join.outputs(), [(Duration::ZERO, Joined::Late(Side::Right(2)))]);
}

#[tokio::test]
async fn chance_is_the_same_for_a_seed_and_every_item_is_somewhere() {
    let run = async |seed| {
        let (source, handle) = TestSource::new();
        let (sink, letters) = (TestSink::new(), TestSink::new());
        (0..200).for_each(|number| handle.push(Event::new(json!(number))));
        handle.end();
        StreamProcessor::from_source(source)
            .then(RandomFail::new(seed, 0.2))
            .try_map(RandomFail::new(seed + 1, 0.2).before(Event::clone))
            .on_error(OnError::dead_letter())
            .dead_letters(letters.clone())
            .sink(sink.clone())
            .start()
            .await
            .unwrap()
            .join()
            .await
            .unwrap();
        let numbers = |sink: &TestSink| -> Vec<u64> {
            sink.events().iter().map(|event| event.parse().unwrap()).collect()
        };
        (numbers(&sink), numbers(&letters))
    };
    let (delivered, aside) = run(1).await;
    assert!((30..120).contains(&aside.len()), "{}", aside.len());
    let mut all = [delivered.clone(), aside.clone()].concat();
    all.sort_unstable();
    assert_eq!(all, (0..200).collect::<Vec<_>>());
    assert_eq!(run(1).await, (delivered.clone(), aside));
    assert_ne!(run(2).await.0, delivered);
}

#[tokio::test]
async fn a_source_fails_when_it_is_told() {
    let (source, handle) = TestSource::<Event>::new();
    let running = StreamProcessor::from_source(source).start().await.unwrap();
    handle.fail("broken");
    assert!(matches!(running.join().await, Err(RunError::Source(_))));
    let (source, handle) = TestSource::<Event>::new();
    let running = StreamProcessor::from_source(source).start().await.unwrap();
    running.drain().await.unwrap();
    assert!(handle.is_closed());
}

#[tokio::test(start_paused = true)]
async fn each_metered_stage_tells_what_it_has_done() {
    let (source, handle) = TestSource::new();
    let running = StreamProcessor::from_source(source)
        .filter(|n: &u32| n.is_multiple_of(2))
        .metered()
        .try_map(|n: &u32| if *n == 4 { Err("four") } else { Ok(*n) })
        .named("not four")
        .metered()
        .through(
            Pipeline::empty()
                .flat_map(|n: u32| [n, n])
                .map_async(std::num::NonZeroUsize::new(8).unwrap(), async |n: u32| {
                    tokio::time::sleep(n * MS).await;
                    Event::new(json!(n))
                })
                .metered(),
        )
        .start()
        .await
        .unwrap();
    (1..=6).for_each(|n| handle.push(n));
    tokio::time::sleep(5 * MS).await;
    let seen = |running: &stream_processor::Running| -> Vec<(String, [u64; 4])> {
        let stages = running.stages().into_iter();
        stages.map(|s| (s.name, [s.taken, s.emitted, s.failed, s.waiting])).collect()
    };
    let stage = |name: &str, counts| (name.to_owned(), counts);
    let first = [stage("filter#0", [6, 3, 0, 0]), stage("not four", [3, 2, 1, 0])];
    assert_eq!(seen(&running)[..2], first);
    assert_eq!(seen(&running)[2], stage("map_async#3", [4, 2, 0, 2]));
    handle.end();
    tokio::time::sleep(5 * MS).await;
    assert_eq!(seen(&running)[2], stage("map_async#3", [4, 4, 0, 0]));
    assert!(running.stages()[0].latency_max >= running.stages()[0].latency_mean);
}

#[test]
fn a_plan_is_drawn_with_its_ways_and_sinks() {
    let pipeline = Pipeline::empty()
        .map(|n: u32| n)
        .named("a \"b\"")
        .split(|n| *n > 1, Pipeline::empty().skip(1).take(1), Pipeline::empty())
        .map(|n: u32| n)
        .sink(TestSink::new())
        .sink_as("odd", TestSink::new());
    let want = "digraph pipeline {\n    rankdir=LR;\n    node [shape=box];\n\
        \x20   n0 [label=\"source\"];\n    n1 [label=\"a \\\"b\\\" (map)\"];\n\
        \x20   n2 [label=\"split\"];\n    n3 [label=\"skip\"];\n    n4 [label=\"take\"];\n\
        \x20   n5 [label=\"map\"];\n    n6 [label=\"sink #0\"];\n    n7 [label=\"sink odd\"];\n\
        \x20   n0 -> n1;\n    n1 -> n2;\n    n2 -> n3;\n    n3 -> n4;\n    n4 -> n5;\n\
        \x20   n2 -> n5;\n    n5 -> n6;\n    n5 -> n7;\n}\n";
    assert_eq!(pipeline.plan().to_dot(), want);
    let mermaid = pipeline.plan().to_mermaid();
    assert!(
        mermaid
            .starts_with("flowchart LR\n    n0[\"source\"]\n    n1[\"a #quot;b#quot; (map)\"]\n")
    );
    assert!(mermaid.ends_with("    n5 --> n6\n    n5 --> n7\n"));
}
