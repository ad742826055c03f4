//! Pipelines that go on where they were, whenever they ended.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use stream_log::{
    AppendBatch, AppendError, AppendReceipt, Log, LogExt, MemoryLog, ReadBatch, ReadError,
    ReadFrom, ReadLimit, Tail, TrimError,
};
use stream_model::{Event, Offset, ProducerId};
use stream_processor::{
    CheckpointError, Checkpoints, Lateness, LogSink, LogSource, OnError, RunError, Running,
    StartError, StreamProcessor, Windowed, merge,
};

use crate::logs::{append, log, numbers};

const MS: Duration = Duration::from_millis(1);

/// How many appends the world will see before it ends; in the last one, whether it happened is
/// anybody's guess.
#[derive(Debug, Clone)]
struct World(Arc<AtomicUsize>);

/// A log of a world that ends.
#[derive(Debug)]
struct Mortal {
    log: Arc<MemoryLog>,
    world: World,
}

impl World {
    fn ending_after(appends: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(appends)))
    }

    fn of(&self, log: &Arc<MemoryLog>) -> Arc<dyn Log> {
        Arc::new(Mortal { log: Arc::clone(log), world: self.clone() })
    }

    fn gone() -> AppendError {
        AppendError::Backend("the world has ended".into())
    }
}

#[async_trait]
impl Log for Mortal {
    async fn append(&self, batch: AppendBatch) -> Result<AppendReceipt, AppendError> {
        let before = self
            .world
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        match before {
            Err(_) => Err(World::gone()),
            // It happened, and nobody heard of it; or it did not.
            Ok(1) if batch.records.len().is_multiple_of(2) => Err(World::gone()),
            Ok(1) => self.log.append(batch).await.and(Err(World::gone())),
            Ok(_) => self.log.append(batch).await,
        }
    }

    async fn read(&self, from: ReadFrom, limit: ReadLimit) -> Result<ReadBatch, ReadError> {
        self.log.read(from, limit).await
    }

    async fn tail(&self) -> Result<Tail, ReadError> {
        self.log.tail().await
    }

    async fn trim(&self, before: Offset) -> Result<(), TrimError> {
        self.log.trim(before).await
    }

    async fn close(&self) -> Result<Tail, AppendError> {
        self.log.close().await
    }
}

/// The logs of a pipeline.
#[derive(Debug, Clone)]
struct Logs {
    input: Arc<MemoryLog>,
    other: Arc<MemoryLog>,
    output: Arc<MemoryLog>,
    checkpoints: Arc<MemoryLog>,
}

impl Logs {
    fn new() -> Self {
        Self { input: log(), other: log(), output: log(), checkpoints: log() }
    }

    fn sink(&self, world: &World) -> LogSink {
        LogSink::new(world.of(&self.output), ProducerId::new("p").unwrap())
    }

    fn checkpoints(&self, world: &World) -> Checkpoints {
        Checkpoints::new(world.of(&self.checkpoints)).interval(Duration::ZERO)
    }

    /// Few records at once, so that there are many checkpoints.
    fn source(&self) -> LogSource<Event> {
        LogSource::events(self.input.clone()).limit(ReadLimit::records(5))
    }
}

fn number(event: &Event) -> u64 {
    event.parse().unwrap()
}

/// Counts by key in windows, over items some of which come twice.
async fn windows(logs: &Logs, world: &World) -> Result<Running, StartError> {
    let place = |event: &Event| (number(event).cast_signed() * 10, number(event) % 3);
    StreamProcessor::from_source(logs.source())
        .distinct_by(NonZeroUsize::new(10).unwrap(), number)
        .tumbling_window(100 * MS, Lateness::up_to(30 * MS), place, 0, |sum, event| {
            *sum += number(event);
        })
        .filter_map(Windowed::closed)
        .map(|(key, sum): (u64, u64)| Event::new(json!(sum * 10 + key)))
        .log_sink(logs.sink(world))
        .resume(logs.checkpoints(world))
        .await
}

/// Two sources, whose order is chance, and futures that end in any order.
async fn chance(logs: &Logs, world: &World) -> Result<Running, StartError> {
    let other = LogSource::events(logs.other.clone());
    StreamProcessor::from_source(merge(logs.source(), other))
        .map_async_unordered(NonZeroUsize::new(4).unwrap(), |event: Event| async move {
            tokio::time::sleep(Duration::from_micros(fastrand::u64(..500))).await;
            event
        })
        .scan((), |(), event| event)
        .log_sink(logs.sink(world))
        .resume(logs.checkpoints(world))
        .await
}

/// Runs a pipeline to its end, again and again in worlds that end after `lives` appends each.
async fn run_to_the_end<R>(start: impl Fn(World) -> R, mut life: impl FnMut() -> usize) -> usize
where
    R: Future<Output = Result<Running, StartError>>,
{
    for deaths in 0.. {
        let Ok(running) = start(World::ending_after(life())).await else { continue };
        if running.join().await.is_ok() {
            return deaths;
        }
    }
    0
}

#[tokio::test(start_paused = true)]
async fn a_keyed_window_is_as_if_nothing_had_happened_wherever_the_world_ends() {
    let logs = Logs::new();
    append(&*logs.input, (0..3000_u64).flat_map(|n| [n, n.saturating_sub(7)])).await;
    logs.input.close().await.unwrap();
    let undisturbed = logs.clone();
    let running = windows(&undisturbed, &World::ending_after(usize::MAX)).await.unwrap();
    running.join().await.unwrap();
    let want = numbers(&*logs.output).await;
    assert_eq!(want.len(), 900);
    let mut most = 0;
    for life in 3..40 {
        let logs = Logs { input: logs.input.clone(), ..Logs::new() };
        let deaths = run_to_the_end(async |world| windows(&logs, &world).await, || life).await;
        assert_eq!(numbers(&*logs.output).await, want, "dying after {life} appends");
        most = most.max(deaths);
    }
    assert!(most > 10, "it died {most} times at most");
}

#[tokio::test]
async fn nothing_is_missing_and_nothing_twice_where_chance_decides() {
    for seed in 0..20 {
        let mut random = fastrand::Rng::with_seed(seed);
        let logs = Logs::new();
        append(&*logs.input, 0..100).await;
        append(&*logs.other, 100..200).await;
        logs.input.close().await.unwrap();
        logs.other.close().await.unwrap();
        run_to_the_end(async |world| chance(&logs, &world).await, || random.usize(2..12)).await;
        let mut got = numbers(&*logs.output).await;
        got.sort_unstable();
        assert_eq!(got, (0..200).collect::<Vec<_>>(), "seed {seed}");
    }
}

#[tokio::test]
async fn draining_leaves_windows_open_and_the_end_of_the_source_closes_them() {
    let logs = Logs::new();
    let world = World::ending_after(usize::MAX);
    append(&*logs.input, 0..15).await;
    windows(&logs, &world).await.unwrap().drain().await.unwrap();
    assert_eq!(numbers(&*logs.output).await, [180, 121, 152]);
    append(&*logs.input, 15..16).await;
    windows(&logs, &world).await.unwrap().drain().await.unwrap();
    assert_eq!(numbers(&*logs.output).await.len(), 3);
    logs.input.close().await.unwrap();
    windows(&logs, &world).await.unwrap().join().await.unwrap();
    assert_eq!(numbers(&*logs.output).await, [180, 121, 152, 231, 252, 270]);
    // It is over, whenever it is asked.
    windows(&logs, &world).await.unwrap().join().await.unwrap();
    assert_eq!(numbers(&*logs.output).await.len(), 6);
}

#[tokio::test]
async fn flushing_waits_until_what_is_there_is_in_the_output() {
    let logs = Logs::new();
    let running = StreamProcessor::from_source(logs.source())
        .log_sink(logs.sink(&World::ending_after(usize::MAX)))
        .resume(Checkpoints::new(logs.checkpoints.clone()).interval(Duration::from_hours(1)))
        .await
        .unwrap();
    append(&*logs.input, 0..50).await;
    running.flush().await.unwrap();
    assert_eq!(numbers(&*logs.output).await.len(), 50);
    running.stop();
}

#[tokio::test]
async fn of_two_with_the_same_checkpoints_the_later_one_goes_on() {
    let logs = Logs::new();
    let world = World::ending_after(usize::MAX);
    append(&*logs.input, 0..30).await;
    let first = windows(&logs, &world).await.unwrap();
    first.flush().await.unwrap();
    let second = windows(&logs, &world).await.unwrap();
    append(&*logs.input, 30..60).await;
    let end = first.join().await;
    assert!(matches!(end, Err(RunError::Checkpoint(CheckpointError::Superseded))), "{end:?}");
    logs.input.close().await.unwrap();
    second.join().await.unwrap();
    assert_eq!(numbers(&*logs.output).await.len(), 18);
}

#[tokio::test]
async fn the_log_of_checkpoints_stays_small_and_is_of_one_pipeline() {
    let logs = Logs::new();
    let world = World::ending_after(usize::MAX);
    // How many checkpoints one run makes is a matter of time; that each makes one is not.
    for run in 0..10 {
        append(&*logs.input, run * 300..(run + 1) * 300).await;
        windows(&logs, &world).await.unwrap().drain().await.unwrap();
    }
    let state = logs.checkpoints.tail().await.unwrap().state;
    assert!(state.next.get() > 10, "{state:?}");
    assert_eq!(state.next.since(state.earliest), 1);
    let other = StreamProcessor::from_source(logs.source())
        .map(|event: Event| event)
        .resume(logs.checkpoints(&world))
        .await;
    let is_told = |error: &CheckpointError| matches!(error, CheckpointError::OtherStages { .. });
    assert!(matches!(&other, Err(StartError::Checkpoint(error)) if is_told(error)), "{other:?}");
    append(&*logs.checkpoints, 0..1).await;
    let foreign = windows(&logs, &world).await;
    let is_told = |error: &CheckpointError| matches!(error, CheckpointError::Foreign { .. });
    assert!(
        matches!(&foreign, Err(StartError::Checkpoint(error)) if is_told(error)),
        "{foreign:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_no_checkpoint_so_its_item_comes_again() {
    let logs = Logs::new();
    let world = World::ending_after(usize::MAX);
    append(&*logs.input, 0..20).await;
    let start = async |broken: bool| {
        StreamProcessor::from_source(logs.source())
            .distinct_by(NonZeroUsize::new(100).unwrap(), number)
            .try_map(move |event: &Event| match number(event) {
                13 if broken => Err("broken"),
                _ => Ok(event.clone()),
            })
            .on_error(OnError::fail())
            .log_sink(logs.sink(&world))
            .resume(logs.checkpoints(&world))
            .await
            .unwrap()
    };
    assert!(matches!(start(true).await.join().await, Err(RunError::Stage(_))));
    assert!(matches!(start(true).await.join().await, Err(RunError::Stage(_))));
    start(false).await.drain().await.unwrap();
    // Its key was not taken for one that was seen.
    assert_eq!(numbers(&*logs.output).await, (0..20).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_checkpoint_of_many_records_is_read_again() {
    let logs = Logs::new();
    let world = World::ending_after(usize::MAX);
    append(&*logs.input, 0..2).await;
    let sizes = async || {
        StreamProcessor::from_source(logs.source())
            .scan(Vec::new(), |all: &mut Vec<u64>, event: Event| {
                all.extend((0..200_000).map(|n| n + number(&event)));
                Event::new(json!(all.len()))
            })
            .log_sink(logs.sink(&world))
            .resume(logs.checkpoints(&world))
            .await
            .unwrap()
    };
    sizes().await.drain().await.unwrap();
    append(&*logs.input, 2..3).await;
    sizes().await.drain().await.unwrap();
    assert_eq!(numbers(&*logs.output).await, [200_000, 400_000, 600_000]);
    let all = logs.checkpoints.read_all(ReadFrom::Earliest).await.unwrap();
    assert!(all.records.len() > 10);
}
