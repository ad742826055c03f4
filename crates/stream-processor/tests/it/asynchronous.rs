//! Futures in stages: order, bounds, time, and what fails.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use stream_processor::{Cause, Connect, Stage, StreamProcessor};
use tokio::time::{Instant, sleep};

const MS: Duration = Duration::from_millis(1);

fn n(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

async fn all<In, S, C>(processor: StreamProcessor<In, S, C>) -> Vec<C::Out>
where
    S: Connect<Item = In, Source: Unpin>,
    C: Stage<In, Out: Unpin> + Unpin,
{
    processor.open().await.unwrap().map(Result::unwrap).collect().await
}

#[tokio::test(start_paused = true)]
async fn results_keep_the_order_of_the_items_or_come_as_they_are_ready() {
    let delays = [30, 10, 20, 0];
    let source = || StreamProcessor::from_stream(stream::iter(delays));
    let wait = async |ms: u32| {
        sleep(ms * MS).await;
        ms
    };
    assert_eq!(all(source().map_async(n(4), wait)).await, [30, 10, 20, 0]);
    assert_eq!(all(source().map_async_unordered(n(4), wait)).await, [0, 10, 20, 30]);
}

#[tokio::test(start_paused = true)]
async fn no_more_are_under_way_than_may_be() {
    let (present, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (Arc::clone(&present), Arc::clone(&most));
    let work = move |_| {
        let (now, peak) = (Arc::clone(&now), Arc::clone(&peak));
        async move {
            peak.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            sleep(MS).await;
            now.fetch_sub(1, Ordering::SeqCst);
        }
    };
    let begin = Instant::now();
    let source = StreamProcessor::from_stream(stream::iter(0..100)).flat_map(|n| [n, n]);
    assert_eq!(all(source.map_async(n(8), work)).await.len(), 200);
    assert_eq!(most.load(Ordering::SeqCst), 8);
    assert_eq!(begin.elapsed(), 25 * MS, "200 items, 8 at a time");
}

#[tokio::test(start_paused = true)]
async fn the_items_of_a_key_are_treated_in_order_and_others_pass_them() {
    let items = [('a', 20), ('a', 1), ('b', 5), ('a', 1), ('b', 1)];
    let source = StreamProcessor::from_stream(stream::iter(items.into_iter().enumerate()));
    let work = async |(at, (key, ms)): (usize, (char, u32))| {
        sleep(ms * MS).await;
        format!("{key}{at}")
    };
    let got = all(source.map_async_by_key(n(4), |(_, (key, _))| *key, work)).await;
    assert_eq!(got, ["b2", "b4", "a0", "a1", "a3"]);
}

#[tokio::test(start_paused = true)]
async fn futures_make_progress_while_nobody_reads() {
    let done = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&done);
    let work = move |_| {
        let count = Arc::clone(&count);
        async move {
            sleep(MS).await;
            count.fetch_add(1, Ordering::SeqCst);
        }
    };
    // The source stays open, so reading would wait for ever.
    let items = stream::iter(0..4).chain(stream::pending());
    let mut output =
        StreamProcessor::from_stream(items).map_async(n(4), work).open().await.unwrap();
    output.next().await.unwrap().unwrap();
    sleep(10 * MS).await;
    assert_eq!(done.load(Ordering::SeqCst), 4);
}

#[tokio::test(start_paused = true)]
async fn an_error_a_panic_and_a_delay_cost_their_own_item_only() {
    let faults = Arc::new(std::sync::Mutex::new(Vec::new()));
    let told = Arc::clone(&faults);
    let work = async |item: u32| {
        match item {
            1 => return Err("an error"),
            2 => std::panic::resume_unwind(Box::new("at once")),
            3 => sleep(Duration::from_mins(1)).await,
            4 => {
                sleep(MS).await;
                std::panic::resume_unwind(Box::new("later"));
            }
            _ => {}
        }
        Ok(item)
    };
    let processor = StreamProcessor::from_stream(stream::iter(0..6))
        .try_map_async(n(2), work)
        .timeout(Duration::from_secs(1))
        .named("work")
        .on_fault(move |fault| {
            let cause = match &fault.cause {
                Cause::Error(error) => error.to_string(),
                Cause::Panic { message } => message.clone(),
                Cause::TimedOut { after } => format!("{after:?}"),
                other => other.to_string(),
            };
            told.lock().unwrap().push((fault.origin.position(), cause));
        });
    assert_eq!(all(processor).await, [0, 5]);
    let mut faults = faults.lock().unwrap().clone();
    faults.sort();
    let faults: Vec<(u64, &str)> = faults.iter().map(|(at, cause)| (*at, cause.as_str())).collect();
    assert_eq!(faults, [(1, "an error"), (2, "at once"), (3, "1s"), (4, "later")]);
}
