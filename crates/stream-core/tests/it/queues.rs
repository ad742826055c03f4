//! What happens to a subscriber whose queue is full, at the bound and one past it.

use futures_util::{FutureExt as _, StreamExt as _};
use stream_core::limits::QUEUE_EVENTS_MAX;
use stream_core::{InMemoryStream, Overflow, PublishError, Stream, Subscribe, SubscribeError};
use stream_model::{Event, Lagged, Subscription};

fn event(n: usize) -> Event {
    Event::new(serde_json::json!(n))
}

fn publish(stream: &InMemoryStream, numbers: impl IntoIterator<Item = usize>) {
    for n in numbers {
        stream.try_publish(event(n)).unwrap();
    }
}

async fn subscribe(stream: &InMemoryStream, queue: usize, overflow: Overflow) -> Subscription {
    stream.subscribe(Subscribe::all().queue(queue).overflow(overflow)).await.unwrap()
}

/// All that is there: the numbers of events, and the gaps.
fn drain(subscription: &mut Subscription) -> Vec<Result<usize, u64>> {
    std::iter::from_fn(|| subscription.try_next())
        .map(|next| match next {
            Ok(event) => Ok(event.parse().unwrap()),
            Err(Lagged { missed }) => Err(missed),
        })
        .collect()
}

/// Waits for the end and returns the numbers of all events before it.
async fn read_to_end(subscription: &mut Subscription) -> Vec<usize> {
    subscription.map(|next| next.unwrap().parse::<usize>().unwrap()).collect().await
}

#[tokio::test]
async fn the_oldest_are_dropped_and_the_reader_is_told() {
    for queue in [1, 2, 20, 300] {
        let stream = InMemoryStream::with_capacity(10);
        let mut subscription = subscribe(&stream, queue, Overflow::DropOldest).await;
        publish(&stream, 0..queue);
        assert!(drain(&mut subscription).into_iter().eq((0..queue).map(Ok)), "{queue} fit");
        publish(&stream, 0..=queue);
        let want = std::iter::once(Err(1)).chain((1..=queue).map(Ok));
        assert!(drain(&mut subscription).into_iter().eq(want), "one more does not");
        assert_eq!(subscription.counts().missed, 1);
    }
}

#[tokio::test]
async fn the_newest_are_dropped_and_the_reader_is_told_where() {
    for queue in [1, 2, 20, 300] {
        let stream = InMemoryStream::with_capacity(10);
        let mut subscription = subscribe(&stream, queue, Overflow::DropNewest).await;
        publish(&stream, 0..queue);
        assert!(drain(&mut subscription).into_iter().eq((0..queue).map(Ok)));
        publish(&stream, 0..queue + 2);
        assert_eq!(subscription.try_next().unwrap().unwrap().parse::<usize>().unwrap(), 0);
        publish(&stream, [1000]);
        let want = (1..queue).map(Ok).chain([Err(2), Ok(1000)]);
        assert!(drain(&mut subscription).into_iter().eq(want));
        assert_eq!(subscription.counts().missed, 2);
    }
}

#[tokio::test]
async fn the_publisher_waits_and_nothing_is_lost() {
    for queue in [1, 2, 20, 300] {
        let stream = InMemoryStream::with_capacity(10);
        let mut subscription = subscribe(&stream, queue, Overflow::Wait).await;
        publish(&stream, 0..queue);
        assert!(matches!(stream.try_publish(event(queue)), Err(PublishError::Full)));
        let mut waiting = stream.publish(event(queue));
        assert!((&mut waiting).now_or_never().is_none());
        assert!(subscription.next().await.unwrap().is_ok());
        waiting.await.unwrap();
        assert!(drain(&mut subscription).into_iter().eq((1..=queue).map(Ok)));
    }
}

#[tokio::test]
async fn the_slow_are_cut_off_and_told() {
    let stream = InMemoryStream::new();
    let mut subscription = subscribe(&stream, 2, Overflow::Disconnect).await;
    publish(&stream, 0..2);
    assert_eq!(drain(&mut subscription), [Ok(0), Ok(1)]);
    publish(&stream, 0..3);
    assert_eq!(drain(&mut subscription), [Err(3)]);
    assert!(!subscription.is_active());
    assert_eq!(stream.subscriptions(), 0);
}

#[tokio::test]
async fn a_queue_has_bounds() {
    let stream = InMemoryStream::new();
    for asked in [0, QUEUE_EVENTS_MAX + 1] {
        let refused = stream.subscribe(Subscribe::all().queue(asked)).await;
        assert!(
            matches!(refused, Err(SubscribeError::Queue { asked: found, .. }) if found == asked)
        );
    }
    for asked in [1, QUEUE_EVENTS_MAX] {
        assert!(stream.subscribe(Subscribe::all().queue(asked)).await.is_ok());
    }
    assert_eq!(stream.subscriptions(), 0);
}

#[tokio::test]
async fn what_was_published_before_the_end_is_read_to_the_end() {
    for overflow in [Overflow::DropOldest, Overflow::DropNewest, Overflow::Wait] {
        let stream = InMemoryStream::new();
        let mut unsubscribed = subscribe(&stream, 10, overflow).await;
        let mut cancelled = subscribe(&stream, 10, overflow).await;
        let mut closed = subscribe(&stream, 10, overflow).await;
        publish(&stream, 0..3);
        assert!(stream.unsubscribe(unsubscribed.id()).await);
        assert!(!stream.unsubscribe(unsubscribed.id()).await);
        cancelled.cancel();
        publish(&stream, 3..5);
        stream.close().await;
        assert!(matches!(stream.try_publish(event(5)), Err(PublishError::Closed)));
        assert_eq!(read_to_end(&mut unsubscribed).await, [0, 1, 2]);
        assert_eq!(read_to_end(&mut cancelled).await, [0, 1, 2]);
        assert_eq!(read_to_end(&mut closed).await, [0, 1, 2, 3, 4]);
        assert!(closed.next().await.is_none());
    }
}

#[tokio::test]
async fn a_reader_who_waits_is_woken_by_the_end() {
    for overflow in [Overflow::DropOldest, Overflow::DropNewest, Overflow::Wait] {
        for end in ["unsubscribe", "cancel", "close", "drop"] {
            let stream = InMemoryStream::new();
            let mut subscription = subscribe(&stream, 10, overflow).await;
            let handle = subscription.handle().clone();
            let reader = tokio::spawn(async move { subscription.next().await });
            tokio::task::yield_now().await;
            match end {
                "unsubscribe" => assert!(stream.unsubscribe(handle.id()).await),
                "cancel" => assert!(handle.cancel()),
                "close" => stream.close().await,
                _ => drop(stream),
            }
            assert_eq!(reader.await.unwrap(), None, "{end}, {overflow:?}");
        }
    }
}

#[tokio::test]
async fn a_reader_who_leaves_makes_room() {
    let stream = InMemoryStream::new();
    let dropped = subscribe(&stream, 1, Overflow::Wait).await;
    let cancelled = subscribe(&stream, 1, Overflow::Wait).await;
    publish(&stream, [0]);
    let mut waiting = stream.publish(event(1));
    assert!((&mut waiting).now_or_never().is_none());
    drop(dropped);
    assert!((&mut waiting).now_or_never().is_none());
    cancelled.cancel();
    waiting.await.unwrap();
}

#[tokio::test]
async fn two_readers_of_one_stream_do_not_take_each_other_s_events() {
    let stream = InMemoryStream::new();
    let mut first = subscribe(&stream, 10, Overflow::Wait).await;
    let mut second = subscribe(&stream, 10, Overflow::DropOldest).await;
    publish(&stream, 0..3);
    assert_eq!(drain(&mut first), [Ok(0), Ok(1), Ok(2)]);
    assert_eq!(drain(&mut second), [Ok(0), Ok(1), Ok(2)]);
}

#[tokio::test]
async fn a_late_subscriber_may_ask_for_what_is_remembered() {
    for overflow in [Overflow::DropOldest, Overflow::DropNewest, Overflow::Wait] {
        let stream = InMemoryStream::with_capacity(5);
        publish(&stream, 0..20);
        for (asked, first) in [(0, 20), (1, 19), (5, 15), (6, 15), (usize::MAX, 15)] {
            let request = Subscribe::all().replay(asked).queue(100).overflow(overflow);
            let mut subscription = stream.subscribe(request).await.unwrap();
            assert!(drain(&mut subscription).into_iter().eq((first..20).map(Ok)), "{asked}");
        }
    }
}
