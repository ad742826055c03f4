//! What a stage costs: chains of ours, fused, dynamic and asynchronous, beside a plain iterator,
//! futures' `StreamExt` and rxrust; what a keyed window costs, beside one written by hand; and
//! queries of Nexmark, beside the same by hand.
//!
//! The chain is map, filter, map, sum; the window counts the events of 1024 keys in tumbling
//! windows of 100,000 events.
//! What comes out is compared with the first line's before anything is timed.
//! Ours are whole pipelines with their driver, fed from a stream, unless they say otherwise.
#![expect(clippy::expect_used, reason = "a benchmark stops at what it did not expect")]
#![expect(clippy::trivially_copy_pass_by_ref, reason = "predicates are lent their items")]

mod auctions;

use std::cell::Cell;
use std::collections::HashMap;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::time::Duration;

use anyhow::ensure;
use bench::table::{Line, Unit, measure, print};
use futures_util::{FutureExt as _, StreamExt as _, future, stream};
use millstream::processor::{Connect, Lateness, Pipeline, Stage, StreamProcessor, Windowed};
use rxrust::prelude::{Local, Observable as _, ObservableFactory as _};
use tokio::runtime::Runtime;

const ROUNDS: usize = 9;
const EVENTS: u64 = 1_000_000;
const WINDOW: i64 = 100_000;
const IN_FLIGHT: NonZeroUsize = NonZeroUsize::new(8).expect("8 is not 0");

fn first(n: u64) -> u64 {
    n.wrapping_mul(3).wrapping_add(1)
}

fn keep(n: &u64) -> bool {
    !n.is_multiple_of(4)
}

fn second(n: u64) -> u64 {
    n ^ (n >> 3)
}

fn add(sum: &mut u64, n: u64) {
    *sum = sum.wrapping_add(n);
}

fn main() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let chains: Vec<Way<'_>> = vec![
        ("plain iterator", "", Box::new(iterator)),
        ("ours, fused", "2", Box::new(|| fused(&runtime))),
        ("ours, fused, over a list", "2", Box::new(over)),
        ("ours, every stage boxed", "6", Box::new(|| dynamic(&runtime))),
        ("ours, one stage of futures that are ready", "15", Box::new(|| ready(&runtime))),
        ("futures, ready() closures", "", Box::new(|| runtime.block_on(futures_ready()))),
        ("futures, boxed after every stage", "", Box::new(|| runtime.block_on(futures_boxed()))),
        ("futures, one buffered(8)", "", Box::new(|| runtime.block_on(futures_buffered()))),
        ("rxrust, local", "", Box::new(rxrust_local)),
    ];
    compare("map, filter, map, sum", &chains)?;
    let windows: Vec<Way<'_>> = vec![
        ("by hand, with a hash map", "", Box::new(window_by_hand)),
        ("ours, tumbling window", "20", Box::new(|| window(&runtime))),
        ("ours, tumbling window, over a list", "20", Box::new(window_over)),
    ];
    compare("count by key in tumbling windows", &windows)?;
    auctions::compare_queries(&runtime)
}

/// What a contestant is called, what it is meant to reach, and what it does.
type Way<'a> = (&'static str, &'static str, Box<dyn Fn() -> u64 + 'a>);

/// Checks that all come to the same result, and prints how long each took for an event.
fn compare(title: &str, ways: &[Way<'_>]) -> anyhow::Result<()> {
    compare_over(usize::try_from(EVENTS)?, title, ways)
}

/// As [`compare`], over so many events.
fn compare_over(events: usize, title: &str, ways: &[Way<'_>]) -> anyhow::Result<()> {
    let mut want = None;
    for (name, _, way) in ways {
        let got = way();
        let want = *want.get_or_insert(got);
        ensure!(got == want, "{name}: the result is {got}, and should be {want}");
    }
    let lines = ways.iter().map(|(name, target, way)| {
        let run = || {
            black_box(way());
        };
        Line::new(name, events, run).target(target)
    });
    print(title, Unit::NANOSECONDS, &measure(ROUNDS, lines.collect()));
    Ok(())
}

/// The events, which no compiler foresees.
fn events() -> impl Iterator<Item = u64> {
    (0..black_box(EVENTS)).map(black_box)
}

fn iterator() -> u64 {
    events().map(first).filter(keep).map(second).fold(0, u64::wrapping_add)
}

fn fused(runtime: &Runtime) -> u64 {
    let processor = StreamProcessor::from_stream(stream::iter(events()));
    sum(runtime, processor.map(first).filter(keep).map(second).fold(0, add))
}

fn over() -> u64 {
    let pipeline = Pipeline::empty().map(first).filter(keep).map(second).fold(0, add);
    pipeline.over(events()).into_iter().sum()
}

fn dynamic(runtime: &Runtime) -> u64 {
    let step = Pipeline::empty;
    let processor = StreamProcessor::from_stream(stream::iter(events()))
        .through(step().map(first).boxed())
        .through(step().filter(keep).boxed())
        .through(step().map(second).boxed());
    sum(runtime, processor.fold(0, add))
}

fn ready(runtime: &Runtime) -> u64 {
    let processor = StreamProcessor::from_stream(stream::iter(events()));
    let processor = processor.map(first).filter(keep);
    sum(runtime, processor.map_async(IN_FLIGHT, async |n| second(n)).fold(0, add))
}

/// The one item that comes out.
fn sum<T, S, C>(runtime: &Runtime, processor: StreamProcessor<T, S, C>) -> u64
where
    S: Connect<Item = T, Source: Unpin>,
    C: Stage<T, Out = u64> + Unpin,
{
    runtime.block_on(async {
        let mut output = processor.open().await.expect("it starts");
        output.next().await.expect("there is a sum").expect("nothing fails")
    })
}

async fn futures_ready() -> u64 {
    let kept = stream::iter(events()).map(first).filter(|n| future::ready(keep(n)));
    kept.map(second).fold(0, |sum, n| future::ready(u64::wrapping_add(sum, n))).await
}

async fn futures_boxed() -> u64 {
    let kept = stream::iter(events()).map(first).boxed().filter(|n| future::ready(keep(n))).boxed();
    kept.map(second).boxed().fold(0, |sum, n| future::ready(u64::wrapping_add(sum, n))).await
}

async fn futures_buffered() -> u64 {
    let kept = stream::iter(events()).map(first).filter(|n| future::ready(keep(n)));
    let done = kept.map(|n| future::ready(n).map(second)).buffered(IN_FLIGHT.get());
    done.fold(0, |sum, n| future::ready(u64::wrapping_add(sum, n))).await
}

fn rxrust_local() -> u64 {
    let sum = Rc::new(Cell::new(0_u64));
    let total = Rc::clone(&sum);
    let kept = Local::from_iter(events()).map(first).filter(keep).map(second);
    kept.subscribe(move |n| total.set(total.get().wrapping_add(n)));
    sum.get()
}

/// The time of an event in milliseconds, and its key.
fn place(n: &u64) -> (i64, u64) {
    (n.cast_signed(), n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & 1023)
}

/// What counts of keys and windows amount to, whatever their order.
fn fingerprint(start_ms: i64, key: u64, count: u64) -> u64 {
    (start_ms.cast_unsigned() + 31 * key).wrapping_mul(count)
}

fn window_by_hand() -> u64 {
    let (mut start, mut counts, mut sum) = (0, HashMap::new(), 0_u64);
    let mut flush = |start, counts: &mut HashMap<u64, u64>| {
        for (key, count) in counts.drain() {
            sum = sum.wrapping_add(fingerprint(start, key, count));
        }
    };
    for n in events() {
        let (at, key) = place(&n);
        if at >= start + WINDOW {
            flush(start, &mut counts);
            start = at - at % WINDOW;
        }
        *counts.entry(key).or_default() += 1;
    }
    flush(start, &mut counts);
    sum
}

fn counted(sum: &mut u64, windowed: Windowed<u64, u64, u64>) {
    if let Windowed::Closed { key, start_ms, value, .. } = windowed {
        *sum = sum.wrapping_add(fingerprint(start_ms, key, value));
    }
}

fn window(runtime: &Runtime) -> u64 {
    let processor = StreamProcessor::from_stream(stream::iter(events()));
    let length = Duration::from_millis(WINDOW.unsigned_abs());
    let windows =
        processor.tumbling_window(length, Lateness::default(), place, 0, |count, _| *count += 1);
    sum(runtime, windows.fold(0, counted))
}

fn window_over() -> u64 {
    let length = Duration::from_millis(WINDOW.unsigned_abs());
    let windows =
        Pipeline::empty()
            .tumbling_window(length, Lateness::default(), place, 0, |count, _| *count += 1);
    windows.fold(0, counted).over(events()).into_iter().sum()
}
