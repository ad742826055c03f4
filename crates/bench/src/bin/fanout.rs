//! One publisher, many readers: handlers, and queues beside five crates.
//!
//! Every delivery is counted, and so is every item that a reader missed; the latency is that of
//! one item at a time, from the call that publishes it to each reader.
#![expect(
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a benchmark prints, in round numbers"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;
use bench::fanout::channels::{AsyncBroadcast, Crossfire, Flume, Kanal, TokioBroadcast};
use bench::fanout::hub::Cursors;
use bench::fanout::run::{latencies, throughput};
use bench::fanout::{CAPACITY, Fanout};
use millstream::core::{Callback, Capacity, Hub};
use millstream::{Event, InMemoryStream, Stream, Subscribe};
use tokio::runtime::Runtime;

const READERS: [usize; 4] = [1, 10, 100, 1000];
const ROUNDS: usize = 5;
/// Odd, so that one of them is the median: how a run of two tasks goes depends on where the runtime
/// puts them, and the best of some would be the luckiest.
const QUEUE_ROUNDS: usize = 9;

fn main() -> anyhow::Result<()> {
    let event = Event::text("an event as small as they often are");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    for readers in READERS {
        handlers(&runtime, readers, &event)?;
    }
    for readers in READERS {
        queues(&runtime, readers, &event)?;
    }
    Ok(())
}

/// Handlers that are called by whoever publishes.
fn handlers(runtime: &Runtime, readers: usize, event: &Event) -> anyhow::Result<()> {
    let items = (200_000_000 / readers as u64).min(2_000_000);
    let calls = Arc::new(AtomicU64::new(0));
    let count = || {
        // The first handler counts for all: a shared counter in each would be what is measured.
        let calls = Arc::clone(&calls);
        move |number: usize, event: &Event| {
            black_box(event);
            if number == 0 {
                calls.fetch_add(1, Ordering::Relaxed);
            }
        }
    };

    let hub = Hub::new(Capacity::items(CAPACITY));
    let attached: Vec<_> = (0..readers)
        .map(|number| {
            let count = count();
            hub.attach(Callback::new(move |event| count(number, event)))
        })
        .collect();
    let on_hub = best(ROUNDS, || {
        for _ in 0..items {
            hub.publish(event.clone(), 1);
        }
    });
    drop(attached);

    let stream = InMemoryStream::with_capacity(CAPACITY);
    let mut subscriptions = Vec::new();
    for number in 0..readers {
        let count = count();
        let request = Subscribe::all().handler(move |event: &Event| count(number, event));
        subscriptions.push(runtime.block_on(stream.subscribe(request))?);
    }
    let mut refused = 0;
    let on_stream = best(ROUNDS, || {
        for _ in 0..items {
            refused += u64::from(stream.try_publish(event.clone()).is_err());
        }
    });
    ensure!(refused == 0, "the stream refused {refused} events");
    let want = 2 * items * ROUNDS as u64;
    let got = calls.load(Ordering::Relaxed);
    ensure!(got == want, "the handler was called {got} times, not {want}");

    println!("\n{readers} handlers, best of {ROUNDS}: M deliveries/s");
    for (name, time) in [("millstream, hub", on_hub), ("millstream, InMemoryStream", on_stream)] {
        println!("{:>10.1}  {name}", millions(items * readers as u64, time));
    }
    Ok(())
}

/// The shortest of some runs: what disturbs them only makes them longer.
fn best(rounds: usize, mut run: impl FnMut()) -> Duration {
    let time = |()| {
        let start = Instant::now();
        run();
        start.elapsed()
    };
    std::iter::repeat_n((), rounds).map(time).min().unwrap_or_default()
}

/// Readers that are tasks of their own.
fn queues(runtime: &Runtime, readers: usize, event: &Event) -> anyhow::Result<()> {
    let mut lines = [
        Line::of::<Cursors>(),
        Line::of::<TokioBroadcast>(),
        Line::of::<AsyncBroadcast>(),
        Line::of::<Flume>(),
        Line::of::<Kanal>(),
        Line::of::<Crossfire>(),
    ];
    // In turns, so that a machine whose speed drifts slows all of them alike.
    for _ in 0..QUEUE_ROUNDS {
        for line in &mut lines {
            (line.run)(line, runtime, readers, event);
        }
    }
    let [ours, peers @ ..] = &lines;
    let best_peer = peers.iter().map(Line::median).fold(0.0, f64::max);
    println!("\n{readers} readers, median of {QUEUE_ROUNDS}");
    println!(
        "{:>14} {:>16} {:>9} {:>9} {:>6}",
        "M deliveries/s", "times best peer", "p50 us", "p99 us", "lost"
    );
    for line in &lines {
        println!(
            "{:>14.1} {:>16.2} {:>9.1} {:>9.1} {:>6}  {}",
            line.median(),
            line.median() / best_peer,
            micros(percentile(&line.took, 50)),
            micros(percentile(&line.took, 99)),
            line.lost,
            line.name
        );
    }
    ensure!(ours.lost == 0, "a paced reader missed {} events", ours.lost);
    Ok(())
}

/// A contestant, and how it has done so far.
struct Line {
    name: &'static str,
    run: fn(&mut Line, &Runtime, usize, &Event),
    /// M deliveries/s of each round.
    rounds: Vec<f64>,
    lost: u64,
    took: Vec<Duration>,
}

impl Line {
    fn of<F: Fanout>() -> Self {
        Self { name: F::NAME, run: Self::round::<F>, rounds: Vec::new(), lost: 0, took: Vec::new() }
    }

    fn median(&self) -> f64 {
        let mut sorted = self.rounds.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or_default()
    }

    fn round<F: Fanout>(&mut self, runtime: &Runtime, readers: usize, event: &Event) {
        let items = (2_000_000 / readers as u64).clamp(4_000, 400_000);
        let result = runtime.block_on(throughput::<F>(readers, items, event));
        self.rounds.push(millions(items * readers as u64, result.time));
        self.lost += result.lost;
        let samples = (20_000 / readers).clamp(20, 2_000);
        self.took.extend(runtime.block_on(latencies::<F>(readers, samples, event)));
        self.took.sort_unstable();
    }
}

/// Deliveries a second, in millions.
fn millions(deliveries: u64, time: Duration) -> f64 {
    deliveries as f64 / time.as_secs_f64() / 1e6
}

/// Of what is sorted, the value that `percent` per cent do not exceed.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    sorted.get(sorted.len() * percent / 100).copied().unwrap_or_default()
}

fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}
