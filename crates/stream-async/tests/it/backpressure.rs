//! Publishers that wait, those that do not, and the start and end of a stream.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use stream_async::limits::{BUFFER_EVENTS_MAX, HELD_EVENTS_MAX, PUBLISH_TIMEOUT};
use stream_async::{AsyncStream, AsyncStreamOptions, Consumer};
use stream_core::limits::QUEUE_EVENTS_MAX;
use stream_core::{Overflow, PublishError, Stream as _, Subscribe, SubscribeError};
use stream_model::{Event, EventType};
use tokio::time::Instant;

fn stream(buffer: usize, subscriber_buffer: usize) -> AsyncStream {
    let options = AsyncStreamOptions::default();
    let options = options.buffer(buffer).subscriber_buffer(subscriber_buffer);
    AsyncStream::with_options(options).unwrap()
}

fn event(n: u64) -> Event {
    Event::new(serde_json::json!(n))
}

async fn consumer(stream: &AsyncStream, request: Subscribe) -> Consumer {
    stream.consume(stream.subscribe(request).await.unwrap())
}

/// What is there by now: numbers, and gaps as negative numbers.
fn ready(consumer: &mut Consumer) -> Vec<i64> {
    let mut found = Vec::new();
    while let Some(Some(next)) = consumer.next().now_or_never() {
        found.push(match next {
            Ok(event) => event.parse().unwrap(),
            Err(lagged) => -i64::try_from(lagged.missed).unwrap(),
        });
    }
    found
}

fn ended(consumer: &mut Consumer) -> bool {
    matches!(consumer.next().now_or_never(), Some(None))
}

#[tokio::test(start_paused = true)]
async fn a_subscriber_that_does_not_read_holds_up_publishers_and_no_reader() {
    let stream = stream(2, 3);
    let mut slow = consumer(&stream, Subscribe::all()).await;
    let mut quick = consumer(&stream, Subscribe::all()).await;
    stream.start();
    for n in 1..=5 {
        stream.publish(event(n)).await.unwrap();
    }
    assert_eq!(ready(&mut quick), [1, 2, 3, 4, 5], "the others have it at once");
    let begin = Instant::now();
    let late = stream.publish(event(6)).await;
    assert!(matches!(late, Err(PublishError::TimedOut { after }) if after == PUBLISH_TIMEOUT));
    assert_eq!(begin.elapsed(), PUBLISH_TIMEOUT);
    assert!(matches!(stream.try_publish(event(6)), Err(PublishError::Full)));
    let counts = stream.counts();
    assert_eq!((counts.published, counts.timed_out), (5, 1));
    assert_eq!(ready(&mut slow), [1, 2, 3, 4, 5], "nothing is lost");
    stream.publish(event(7)).await.unwrap();
    assert_eq!((ready(&mut slow), ready(&mut quick)), (vec![7], vec![7]));
}

#[tokio::test(start_paused = true)]
async fn room_lets_a_publisher_go_on() {
    let stream = stream(1, 1);
    let mut reader = consumer(&stream, Subscribe::all()).await;
    stream.start();
    let publisher = tokio::spawn({
        let stream = stream.clone();
        async move {
            for n in 1..=100 {
                stream.publish(event(n)).await.unwrap();
            }
        }
    });
    for n in 1..=100 {
        assert_eq!(reader.next().await.unwrap().unwrap().parse::<i64>().unwrap(), n);
    }
    publisher.await.unwrap();
    assert_eq!(stream.counts().timed_out, 0);
}

#[tokio::test]
async fn each_way_to_overflow_does_what_it_says() {
    let stream = stream(1, 2);
    let request = |overflow| Subscribe::all().overflow(overflow);
    let mut oldest = consumer(&stream, request(Overflow::DropOldest)).await;
    let mut newest = consumer(&stream, request(Overflow::DropNewest)).await;
    let mut gone = consumer(&stream, request(Overflow::Disconnect)).await;
    stream.start();
    for n in 1..=2 {
        stream.try_publish(event(n)).unwrap();
    }
    // At the bound everybody has everything; one past it somebody misses something.
    for n in 3..=5 {
        stream.try_publish(event(n)).unwrap();
    }
    assert_eq!(ready(&mut oldest), [-3, 4, 5]);
    assert_eq!(ready(&mut newest), [1, 2, -3]);
    assert_eq!(ready(&mut gone), [-5]);
    assert!(ended(&mut gone));
    assert_eq!(oldest.subscription().counts().missed, 3);
    assert_eq!(newest.subscription().counts().missed, 3);
    assert_eq!(stream.subscriptions(), 2);
}

#[tokio::test]
async fn at_the_bound_nobody_misses_anything() {
    for overflow in [Overflow::DropOldest, Overflow::DropNewest, Overflow::Disconnect] {
        let stream = stream(1, 2);
        let mut reader = consumer(&stream, Subscribe::all().overflow(overflow)).await;
        stream.start();
        for n in 1..=2 {
            stream.try_publish(event(n)).unwrap();
        }
        assert_eq!(ready(&mut reader), [1, 2], "{overflow:?}");
    }
}

#[tokio::test]
async fn without_backpressure_nobody_waits_and_nothing_is_lost_in_silence() {
    let options = AsyncStreamOptions::default().backpressure(false).buffer(1).subscriber_buffer(10);
    let stream = AsyncStream::with_options(options).unwrap();
    let mut reader = consumer(&stream, Subscribe::all()).await;
    for n in 0..20 {
        stream.publish(event(n)).now_or_never().unwrap().unwrap();
    }
    stream.start();
    for n in 20..100 {
        stream.publish(event(n)).now_or_never().unwrap().unwrap();
    }
    let found = ready(&mut reader);
    let (missed, events): (Vec<i64>, Vec<i64>) = found.iter().partition(|n| **n < 0);
    assert_eq!(events, (90..100).collect::<Vec<_>>());
    assert_eq!(missed.iter().sum::<i64>(), -90);
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_not_started_holds_as_much_as_it_may() {
    let stream = stream(2, 2);
    let mut reader = consumer(&stream, Subscribe::all()).await;
    stream.publish(event(1)).await.unwrap();
    stream.publish(event(2)).await.unwrap();
    assert!(ready(&mut reader).is_empty());
    assert_eq!(stream.counts().held, 2);
    let waiting = tokio::spawn({
        let stream = stream.clone();
        async move { stream.publish(event(3)).await.map(|receipt| receipt.position.offset) }
    });
    tokio::task::yield_now().await;
    assert!(stream.start());
    assert!(!stream.start(), "it starts once");
    assert!(stream.is_started());
    assert_eq!(waiting.await.unwrap().unwrap().get(), 2);
    assert_eq!(ready(&mut reader), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn stopping_gives_out_what_was_taken_and_is_final() {
    for start in [true, false] {
        let stream = stream(10, 10);
        let handled = Arc::new(Mutex::new(Vec::new()));
        let collect = Arc::clone(&handled);
        let request = Subscribe::all().async_handler(move |event: Event| {
            let collect = Arc::clone(&collect);
            async move {
                tokio::time::sleep(Duration::from_secs(1)).await;
                collect.lock().unwrap().push(event.parse::<u64>().unwrap());
            }
        });
        let _handler = stream.subscribe(request).await.unwrap();
        let mut reader = consumer(&stream, Subscribe::all()).await;
        if start {
            stream.start();
        }
        for n in 1..=3 {
            stream.publish(event(n)).await.unwrap();
        }
        stream.stop().await;
        assert_eq!(*handled.lock().unwrap(), [1, 2, 3], "handlers are done");
        assert_eq!(ready(&mut reader), [1, 2, 3]);
        assert!(ended(&mut reader));
        assert!(!stream.start());
        assert!(matches!(stream.publish(event(4)).await, Err(PublishError::Closed)));
        let refused = stream.subscribe(Subscribe::all()).await;
        assert!(matches!(refused, Err(SubscribeError::Closed)));
        stream.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn stopping_frees_a_publisher_who_waits() {
    for start in [true, false] {
        let stream = stream(1, 1);
        let _reader = consumer(&stream, Subscribe::all()).await;
        if start {
            stream.start();
        }
        while stream.try_publish(event(1)).is_ok() {}
        let waiting = tokio::spawn({
            let stream = stream.clone();
            async move { stream.publish(event(2)).await }
        });
        tokio::task::yield_now().await;
        stream.stop().await;
        assert!(matches!(waiting.await.unwrap(), Err(PublishError::Closed)), "started: {start}");
    }
}

#[tokio::test]
async fn a_publisher_who_gives_up_published_nothing() {
    let stream = stream(1, 1);
    let mut reader = consumer(&stream, Subscribe::all()).await;
    stream.start();
    for n in 1..=2 {
        stream.try_publish(event(n)).unwrap();
    }
    assert!(stream.publish(event(3)).now_or_never().is_none());
    assert_eq!(ready(&mut reader), [1, 2]);
    assert_eq!(stream.counts().published, 2);
}

#[tokio::test]
async fn buffers_have_bounds() {
    let buffer = |events| AsyncStreamOptions::default().buffer(events);
    let subscriber = |events| AsyncStreamOptions::default().subscriber_buffer(events);
    for options in [buffer, subscriber] {
        for (events, fits) in
            [(0, false), (1, true), (BUFFER_EVENTS_MAX, true), (BUFFER_EVENTS_MAX + 1, false)]
        {
            let made = AsyncStream::with_options(options(events));
            assert_eq!(made.is_ok(), fits, "{events}");
            if let Ok(stream) = made {
                assert!(stream.subscribe(Subscribe::all()).await.is_ok(), "{events}");
            }
        }
    }
}

#[tokio::test]
async fn a_subscriber_s_own_queue_has_bounds() {
    let stream = stream(10, 10);
    for (events, fits) in
        [(0, false), (1, true), (QUEUE_EVENTS_MAX, true), (QUEUE_EVENTS_MAX + 1, false)]
    {
        for overflow in [Overflow::Wait, Overflow::DropNewest] {
            let request = Subscribe::all().queue(events).overflow(overflow);
            match stream.subscribe(request).await {
                Ok(_) => assert!(fits, "{events}"),
                Err(SubscribeError::Queue { asked, .. }) => {
                    assert_eq!((asked, fits), (events, false));
                }
                Err(other) => panic!("{other}"),
            }
        }
    }
}

#[tokio::test]
async fn a_handler_may_publish_and_start() {
    let stream = AsyncStream::new();
    let inner = stream.clone();
    let handler = Subscribe::all().handler(move |event: &Event| {
        inner.start();
        let n: u64 = event.parse().unwrap();
        if n < 3 {
            inner.try_publish(self::event(n + 1)).unwrap();
        }
    });
    let _handler = stream.subscribe(handler).await.unwrap();
    let mut reader = consumer(&stream, Subscribe::all()).await;
    stream.publish(event(1)).await.unwrap();
    stream.start();
    assert_eq!(ready(&mut reader), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn an_event_interrupts_the_silence() {
    let stream = AsyncStream::new();
    let mut reader = consumer(&stream, Subscribe::all()).await;
    stream.start();
    let begin = Instant::now();
    tokio::time::advance(Duration::from_secs(29)).await;
    stream.publish(event(1)).await.unwrap();
    let mut seen = Vec::new();
    for _ in 0..3 {
        let event = reader.next().await.unwrap().unwrap();
        seen.push((event.event_type(), begin.elapsed().as_secs()));
    }
    let (message, beat) = (EventType::Message, EventType::Heartbeat);
    assert_eq!(seen, [(message, 29), (beat, 59), (beat, 89)]);
}

#[tokio::test]
async fn receipts_number_the_events_in_their_order_while_the_stream_starts() {
    let stream = stream(1000, 1000);
    let mut reader = stream.subscribe(Subscribe::all()).await.unwrap();
    let receipts = Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let (stream, receipts) = (&stream, &receipts);
            scope.spawn(move || {
                for n in 0..100 {
                    let receipt = stream.try_publish(event(thread * 1000 + n)).unwrap();
                    let other = receipts
                        .lock()
                        .unwrap()
                        .insert(receipt.position.offset.get(), thread * 1000 + n);
                    assert_eq!(other, None);
                    if n == 50 {
                        stream.start();
                    }
                }
            });
        }
    });
    let mut read = Vec::new();
    while let Some(next) = reader.try_next() {
        read.push(next.unwrap().parse::<u64>().unwrap());
    }
    assert_eq!(read, receipts.into_inner().unwrap().into_values().collect::<Vec<_>>());
    assert_eq!(read.len(), 400);
}

#[tokio::test]
async fn without_backpressure_the_start_is_waited_for_up_to_a_bound() {
    let stream = AsyncStream::with_options(AsyncStreamOptions::default().backpressure(false));
    let stream = stream.unwrap();
    let held = event(0);
    for _ in 0..HELD_EVENTS_MAX {
        stream.try_publish(held.clone()).unwrap();
    }
    assert!(matches!(stream.try_publish(held), Err(PublishError::Full)));
    assert_eq!(stream.counts().held, HELD_EVENTS_MAX);
    assert!(stream.start());
    assert_eq!(stream.counts().held, 0);
}
