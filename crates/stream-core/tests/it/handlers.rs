//! What a stream promises to handlers, called and awaited.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use futures_util::FutureExt as _;
use stream_core::{
    InMemoryStream, Overflow, PublishError, Stream, StreamExt as _, Subscribe, SubscribeError,
};
use stream_model::{Event, Subscription, SubscriptionId};
use tokio::sync::{Notify, Semaphore};

type Seen = Arc<Mutex<Vec<usize>>>;

fn event(n: usize) -> Event {
    Event::new(serde_json::json!(n))
}

fn number(event: &Event) -> usize {
    event.parse().unwrap()
}

fn seen() -> (Seen, impl Fn(&Event) + Clone + Send + Sync) {
    let seen = Seen::default();
    let record = Arc::clone(&seen);
    (seen, move |event: &Event| record.lock().unwrap().push(number(event)))
}

#[tokio::test]
async fn an_asynchronous_handler_gets_events_one_at_a_time_and_in_order() {
    let stream = InMemoryStream::new();
    let (seen, record) = seen();
    let running = Arc::new(AtomicUsize::new(0));
    let handler = move |event: Event| {
        let (record, running) = (record.clone(), Arc::clone(&running));
        async move {
            assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
            tokio::task::yield_now().await;
            running.fetch_sub(1, Ordering::SeqCst);
            record(&event);
        }
    };
    let _subscription = stream.on_async("*", handler).await.unwrap();
    for n in 0..100 {
        stream.publish(event(n)).await.unwrap();
    }
    stream.close().await;
    assert!(seen.lock().unwrap().iter().copied().eq(0..100));
}

#[tokio::test]
async fn a_slow_asynchronous_handler_holds_up_nobody() {
    let stream = InMemoryStream::new();
    let _stuck = stream.on_async("*", |_| std::future::pending::<()>()).await.unwrap();
    let (seen, record) = seen();
    let _quick = stream.on("*", record).await.unwrap();
    for n in 0..5000 {
        assert!(stream.publish(event(n)).now_or_never().unwrap().is_ok());
    }
    assert_eq!(seen.lock().unwrap().len(), 5000);
}

#[tokio::test]
async fn an_asynchronous_handler_that_fails_or_panics_is_counted_and_goes_on() {
    let stream = InMemoryStream::new();
    let failing = async |_: Event| Err::<(), _>(io::Error::other("no"));
    let panicking = async |event: Event| assert!(number(&event) > 1, "not {event:?}");
    let early = |event: Event| {
        assert!(number(&event) > 1, "before there is a future");
        async {}
    };
    let subscriptions = [
        stream.on_async("*", failing).await.unwrap(),
        stream.on_async("*", panicking).await.unwrap(),
        stream.on_async("*", early).await.unwrap(),
    ];
    for n in 0..3 {
        stream.publish(event(n)).await.unwrap();
    }
    stream.close().await;
    let failures = subscriptions.each_ref().map(|sub| sub.counts().handler_failures);
    assert_eq!(failures, [3, 2, 2]);
}

#[tokio::test]
async fn an_asynchronous_handler_that_is_too_slow_misses_events_and_they_are_counted() {
    let stream = InMemoryStream::with_capacity(10);
    let (seen, record) = seen();
    let gate = Arc::new(Semaphore::new(0));
    let permits = Arc::clone(&gate);
    let handler = move |event: Event| {
        let (record, permits) = (record.clone(), Arc::clone(&permits));
        async move {
            record(&event);
            permits.acquire().await.unwrap().forget();
        }
    };
    let request = Subscribe::all().async_handler(handler).queue(2);
    let subscription = stream.subscribe(request).await.unwrap();
    stream.publish(event(0)).await.unwrap();
    while seen.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    for n in 1..=4 {
        stream.publish(event(n)).await.unwrap();
    }
    gate.add_permits(10);
    stream.close().await;
    assert_eq!(*seen.lock().unwrap(), [0, 3, 4]);
    assert_eq!(subscription.counts().missed, 2);
}

#[tokio::test]
async fn a_publisher_may_wait_for_an_asynchronous_handler() {
    let stream = InMemoryStream::new();
    let (seen, record) = seen();
    let handler = move |event: Event| {
        let record = record.clone();
        async move { record(&event) }
    };
    let request = Subscribe::all().async_handler(handler).queue(1).overflow(Overflow::Wait);
    let subscription = stream.subscribe(request).await.unwrap();
    for n in 0..100 {
        stream.publish(event(n)).await.unwrap();
    }
    stream.close().await;
    assert!(seen.lock().unwrap().iter().copied().eq(0..100));
    assert_eq!(subscription.counts().missed, 0);
}

#[tokio::test]
async fn what_was_published_before_the_end_is_still_handled() {
    let stream = InMemoryStream::new();
    let (seen, record) = seen();
    let done = Arc::new(Notify::new());
    let notify = Arc::clone(&done);
    let handler = move |event: Event| {
        let (record, notify) = (record.clone(), Arc::clone(&notify));
        async move {
            tokio::task::yield_now().await;
            record(&event);
            if number(&event) == 2 {
                notify.notify_one();
            }
        }
    };
    let subscription = stream.on_async("*", handler).await.unwrap();
    for n in 0..3 {
        stream.publish(event(n)).await.unwrap();
    }
    assert!(stream.unsubscribe(subscription.id()).await);
    stream.publish(event(3)).await.unwrap();
    done.notified().await;
    stream.close().await;
    assert_eq!(*seen.lock().unwrap(), [0, 1, 2]);
}

#[test]
fn an_asynchronous_handler_needs_a_runtime() {
    let stream = InMemoryStream::new();
    let refused = stream.on_async("*", async |_| ()).now_or_never().unwrap();
    assert!(matches!(refused, Err(SubscribeError::NoRuntime)));
    assert_eq!(stream.subscriptions(), 0);
}

#[test]
fn a_handler_needs_none() {
    let stream = InMemoryStream::new();
    let (seen, record) = seen();
    let _subscription = stream.on("*", record).now_or_never().unwrap().unwrap();
    stream.publish(event(1)).now_or_never().unwrap().unwrap();
    assert_eq!(*seen.lock().unwrap(), [1]);
}

#[tokio::test]
async fn a_handler_may_publish_subscribe_and_unsubscribe() {
    let stream = InMemoryStream::new();
    let (seen, record) = seen();
    let added: Arc<Mutex<Vec<Subscription>>> = Arc::default();
    let own: Arc<Mutex<Option<SubscriptionId>>> = Arc::default();
    let (inner, list, id) = (stream.clone(), Arc::clone(&added), Arc::clone(&own));
    let busy = move |event: &Event| {
        inner.try_publish(event.to_builder().data(serde_json::json!(10)).build()).map(drop)?;
        let late = inner.on("*", record.clone()).now_or_never().expect("nothing to wait for");
        list.lock().unwrap().push(late.expect("the stream is open"));
        let id = id.lock().unwrap().take().expect("called once");
        assert!(inner.unsubscribe(id).now_or_never().expect("nothing to wait for"));
        Ok::<(), PublishError>(())
    };
    let subscription = stream.on("*", busy).await.unwrap();
    *own.lock().unwrap() = Some(subscription.id());
    stream.publish(event(1)).await.unwrap();
    stream.publish(event(2)).await.unwrap();
    assert_eq!(subscription.counts().handler_failures, 0);
    assert_eq!(*seen.lock().unwrap(), [2]);
    assert!(stream.recent(10).iter().map(number).eq([1, 10, 2]));
}

#[tokio::test]
async fn a_handler_is_dropped_with_its_subscription() {
    let stream = InMemoryStream::new();
    let owned = Arc::new(());
    let weak: Weak<()> = Arc::downgrade(&owned);
    let (inner, held) = (stream.clone(), Arc::clone(&owned));
    let called = stream.on("*", move |_: &Event| drop((inner.clone(), Arc::clone(&held)))).await;
    let (inner, held) = (stream.clone(), owned);
    let awaited = stream.on_async("*", move |_| {
        drop((inner.clone(), Arc::clone(&held)));
        async {}
    });
    let awaited = awaited.await.unwrap();
    stream.publish(event(1)).await.unwrap();
    drop((called, awaited));
    stream.close().await;
    assert_eq!(weak.strong_count(), 0);
}

#[tokio::test]
async fn a_detached_handler_goes_on_until_it_is_unsubscribed() {
    let stream = InMemoryStream::new();
    let (seen, record) = seen();
    let id = stream.on("*", record).await.unwrap().detach();
    stream.publish(event(1)).await.unwrap();
    assert!(stream.unsubscribe(id).await);
    stream.publish(event(2)).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [1]);
}

#[tokio::test]
async fn a_handler_may_ask_for_what_is_remembered() {
    let stream = InMemoryStream::with_capacity(3);
    for n in 0..10 {
        stream.publish(event(n)).await.unwrap();
    }
    let (seen, record) = seen();
    let _subscription = stream.subscribe(Subscribe::all().handler(record).replay(5)).await.unwrap();
    stream.publish(event(10)).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), [7, 8, 9, 10]);
}

#[tokio::test]
async fn asynchronous_handlers_end_with_their_stream() {
    let stream = InMemoryStream::new();
    let held = Arc::new(());
    let owned = Arc::clone(&held);
    let subscription = stream
        .on_async("*", move |_| {
            let owned = Arc::clone(&owned);
            async move {
                std::future::pending::<()>().await;
                drop(owned);
            }
        })
        .await
        .unwrap();
    stream.publish(event(1)).await.unwrap();
    while Arc::strong_count(&held) < 3 {
        tokio::task::yield_now().await;
    }
    drop(stream);
    assert!(!subscription.is_active());
    drop(subscription);
    while Arc::strong_count(&held) > 1 {
        tokio::task::yield_now().await;
    }
}
