//! Batches: what ends them, who gets them, and what happens when somebody is slow or fails.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use stream_async::limits::BATCHES_WAITING;
use stream_async::{Batch, BatchOptions, BatchingStream, ItemHandler, Timing};
use stream_core::{Overflow, PublishError, Stream as _, Subscribe, SubscribeError};
use stream_model::{Event, Subscription};
use tokio::time::Instant;

type Seen = Arc<Mutex<Vec<Vec<u64>>>>;

fn event(n: u64) -> Event {
    Event::new(serde_json::json!(n))
}

/// A handler that notes the numbers of each batch.
fn collect(seen: &Seen) -> ItemHandler<Batch> {
    let seen = Arc::clone(seen);
    ItemHandler::new(move |batch: &Batch| {
        let numbers = batch.iter().map(|event| event.parse().unwrap()).collect();
        seen.lock().unwrap().push(numbers);
    })
}

fn stream(options: BatchOptions) -> (BatchingStream, Seen) {
    let (stream, seen) = (BatchingStream::with_options(options), Seen::default());
    stream.on_batch(collect(&seen)).unwrap();
    (stream, seen)
}

/// The numbers that a subscriber has by now.
fn ready(subscription: &mut Subscription) -> Vec<u64> {
    std::iter::from_fn(|| subscription.try_next())
        .map(|next| next.unwrap().parse().unwrap())
        .collect()
}

#[tokio::test]
async fn a_batch_ends_by_count_and_by_bytes() {
    let (stream, seen) = stream(BatchOptions::default().events(3).bytes(4));
    for n in [1, 2, 3, 100, 200, 30_000, 4] {
        stream.add(event(n)).await.unwrap();
    }
    let want: [&[u64]; 4] = [&[1, 2, 3], &[100], &[200], &[30_000]];
    assert_eq!(*seen.lock().unwrap(), want);
    assert_eq!(stream.pending().len(), 1);
}

#[tokio::test]
async fn subscribers_get_the_events_when_the_batch_goes_out() {
    let (stream, _) = stream(BatchOptions::default().events(2));
    let mut subscription = stream.subscribe(Subscribe::all()).await.unwrap();
    stream.publish(event(1)).await.unwrap();
    assert!(ready(&mut subscription).is_empty());
    let receipt = stream.publish(event(2)).await.unwrap();
    assert_eq!(receipt.position.offset.get(), 1);
    assert_eq!(ready(&mut subscription), [1, 2]);
    stream.add(event(3)).await.unwrap();
    stream.flush().await;
    assert_eq!(ready(&mut subscription), [3]);
    let replay = stream.subscribe(Subscribe::all().replay(1)).await;
    assert!(matches!(replay, Err(SubscribeError::NoReplay)));
    assert!(stream.unsubscribe(subscription.id()).await);
    assert_eq!(stream.subscriptions(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_event_lingers_from_its_own_time_on() {
    let (stream, seen) = stream(BatchOptions::default().timing(Timing::Linger));
    assert!(stream.start().unwrap());
    assert!(!stream.start().unwrap());
    let begin = Instant::now();
    let mut times = Vec::new();
    for (at_ms, n) in [(700, 1), (900, 2), (2500, 3)] {
        tokio::time::sleep_until(begin + Duration::from_millis(at_ms)).await;
        stream.add(event(n)).await.unwrap();
        times.push(seen.lock().unwrap().len());
    }
    tokio::time::sleep(Duration::from_millis(999)).await;
    assert_eq!(seen.lock().unwrap().len(), 1);
    tokio::time::sleep(Duration::from_millis(2)).await;
    let want: [&[u64]; 2] = [&[1, 2], &[3]];
    assert_eq!(*seen.lock().unwrap(), want);
    assert_eq!(times, [0, 0, 1]);
}

#[tokio::test(start_paused = true)]
async fn ticks_end_with_the_stream() {
    let (stream, seen) = stream(BatchOptions::default());
    stream.start().unwrap();
    stream.add(event(1)).await.unwrap();
    drop(stream);
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(seen.lock().unwrap().is_empty());
    assert_eq!(Arc::strong_count(&seen), 1, "nothing keeps the stream alive");
}

#[tokio::test]
async fn nothing_is_taken_after_the_stop() {
    let (stream, seen) = stream(BatchOptions::default());
    let mut subscription = stream.subscribe(Subscribe::all()).await.unwrap();
    stream.add(event(1)).await.unwrap();
    stream.stop().await;
    assert_eq!(*seen.lock().unwrap(), [[1]]);
    assert_eq!(ready(&mut subscription), [1]);
    assert_eq!(subscription.next().await, None);
    assert!(matches!(stream.add(event(2)).await, Err(PublishError::Closed)));
    assert!(!stream.start().unwrap());
    assert!(stream.subscribe(Subscribe::all()).await.is_err());
    stream.stop().await;
}

#[tokio::test]
async fn a_handler_that_fails_is_counted_and_harms_nobody() {
    let stream = BatchingStream::with_options(BatchOptions::default().events(1));
    let seen = Seen::default();
    let fails = |_: &Batch| Err::<(), _>("a handler fails");
    stream.on_batch(ItemHandler::new(fails)).unwrap();
    stream.on_batch(ItemHandler::asynchronous(async |_| Err::<(), _>("it fails"))).unwrap();
    stream.on_batch(collect(&seen)).unwrap();
    for n in 1..=2 {
        stream.add(event(n)).await.unwrap();
    }
    stream.stop().await;
    assert_eq!(*seen.lock().unwrap(), [[1], [2]]);
    assert_eq!(stream.handler_failures(), 4);
}

#[tokio::test]
async fn a_handler_may_add() {
    let stream = BatchingStream::with_options(BatchOptions::default().events(2));
    let (seen, inner) = (Seen::default(), stream.clone());
    stream.on_batch(collect(&seen)).unwrap();
    let handler = move |batch: &Batch| {
        let n: u64 = batch[0].parse().unwrap();
        if n < 30 {
            let added = inner.add(event(n + 10)).now_or_never();
            added.expect("somebody delivers, so this does not wait").unwrap();
        }
    };
    stream.on_batch(ItemHandler::new(handler)).unwrap();
    for n in 1..=3 {
        stream.add(event(n)).await.unwrap();
    }
    assert_eq!(*seen.lock().unwrap(), [[1, 2], [11, 3]]);
    assert_eq!(stream.pending().len(), 1, "what the second batch made");
}

#[tokio::test]
async fn whoever_gives_up_leaves_the_rest_to_the_next() {
    let (stream, seen) = stream(BatchOptions::default().events(3));
    let request = Subscribe::all().queue(1).overflow(Overflow::Wait);
    let mut slow = stream.subscribe(request).await.unwrap();
    for n in 1..=2 {
        stream.add(event(n)).await.unwrap();
    }
    assert!(stream.add(event(3)).now_or_never().is_none(), "the subscriber has no room");
    assert_eq!(ready(&mut slow), [1]);
    assert!(stream.flush().now_or_never().is_none());
    assert_eq!(ready(&mut slow), [2]);
    stream.flush().await;
    assert_eq!(ready(&mut slow), [3]);
    assert_eq!(*seen.lock().unwrap(), [[1, 2, 3]], "and no batch comes twice");
}

#[tokio::test]
async fn so_many_batches_may_be_on_their_way_and_no_more() {
    let (stream, _) = stream(BatchOptions::default().events(1));
    let request = Subscribe::all().queue(1).overflow(Overflow::Wait);
    let mut slow = stream.subscribe(request).await.unwrap();
    stream.add(event(0)).await.unwrap();
    let stuck = tokio::spawn({
        let stream = stream.clone();
        async move { stream.add(event(1)).await }
    });
    tokio::task::yield_now().await;
    let mut numbers = 2..;
    for n in numbers.by_ref().take(BATCHES_WAITING - 1) {
        stream.add(event(n)).now_or_never().expect("there is room").unwrap();
    }
    let one_past = numbers.next().unwrap();
    assert!(stream.add(event(one_past)).now_or_never().is_none(), "it waits");
    let mut got = Vec::new();
    while got.len() <= usize::try_from(one_past).unwrap() {
        got.push(slow.next().await.unwrap().unwrap().parse::<u64>().unwrap());
    }
    stuck.await.unwrap().unwrap();
    assert_eq!(got, (0..=one_past).collect::<Vec<_>>(), "and nothing is lost");
}
