//! A stream and its subscribers: order, filters, resume, lag, heartbeats and the end.

use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _};
use stream_core::{Overflow, PublishError, Stream as _, Subscribe, SubscribeError};
use stream_model::{Data, Event, EventId, TopicFilter};
use stream_sse::{SseDelivery, SseEvents, SseStream, SseStreamOptions};

fn event(id: &str) -> Event {
    Event::builder().id(EventId::new(id).unwrap()).data(Data::text(id)).build()
}

fn topic(id: &str, topic: &str) -> Event {
    event(id).to_builder().meta("topic", topic).build()
}

/// The ids of what is there already.
fn ready(events: &mut SseEvents) -> Vec<String> {
    let mut ids = Vec::new();
    while let Some(Some(delivery)) = events.next().now_or_never() {
        ids.push(match delivery {
            SseDelivery::Event(event) => event.id().to_string(),
            other => format!("{other:?}"),
        });
    }
    ids
}

fn ended(events: &mut SseEvents) -> bool {
    events.next().now_or_never() == Some(None)
}

#[tokio::test]
async fn everybody_gets_what_their_filter_takes_in_order() {
    let stream = SseStream::default();
    let mut all = stream.open(Subscribe::all()).unwrap().events();
    let mut orders =
        stream.open(Subscribe::to("orders.*".parse::<TopicFilter>().unwrap())).unwrap().events();
    for (id, name) in [("1", "orders.a"), ("2", "other"), ("3", "orders.b")] {
        stream.try_publish(topic(id, name)).unwrap();
    }
    stream.try_publish(event("4")).unwrap();
    assert_eq!(ready(&mut all), ["1", "2", "3", "4"]);
    assert_eq!(ready(&mut orders), ["1", "3"], "an event without a topic is for `*` alone");
}

#[tokio::test]
async fn frames_are_the_events_on_the_wire() {
    let stream = SseStream::default();
    let mut frames = stream.open(Subscribe::all()).unwrap().frames();
    stream.try_publish(event("1").to_builder().data(Data::text("a\nb")).build()).unwrap();
    stream.try_publish(event("2").to_builder().data(Data::binary(&b"\xff"[..])).build()).unwrap();
    assert_eq!(frames.next().await.unwrap(), "id: 1\nevent: message\ndata: a\ndata: b\n\n");
    assert_eq!(frames.next().await.unwrap(), "id: 2\nevent: message\ndata: /w==\n\n");
}

#[tokio::test]
async fn a_subscriber_resumes_behind_its_last_id() {
    let stream = SseStream::default();
    for id in ["1", "2", "3"] {
        stream.try_publish(event(id)).unwrap();
    }
    for (last, want) in [("1", vec!["2", "3"]), ("3", vec![])] {
        let mut events = stream.resume(Subscribe::all(), last).unwrap().events();
        assert_eq!(ready(&mut events), want);
    }
    let mut unknown = stream.resume(Subscribe::all(), "0").unwrap().events();
    assert_eq!(ready(&mut unknown), ["Lagged { missed: None }", "1", "2", "3"]);
}

#[tokio::test]
async fn a_slow_subscriber_is_told_what_it_missed() {
    let stream = SseStream::new(SseStreamOptions::default().capacity(1));
    let mut slow = stream.open(Subscribe::all()).unwrap().events();
    for id in 0..1000 {
        stream.try_publish(event(&id.to_string())).unwrap();
    }
    let got = ready(&mut slow);
    let missed = slow.subscription().handle().counts().missed;
    assert_eq!(got[0], format!("Lagged {{ missed: Some({missed}) }}"));
    assert_eq!(got[1], missed.to_string());
    assert_eq!(got.len() as u64 - 1 + missed, 1000, "nothing is lost in silence");
}

#[tokio::test(start_paused = true)]
async fn heartbeats_come_after_silence_and_have_no_id() {
    let stream = SseStream::default();
    let start = tokio::time::Instant::now();
    let mut frames = stream.open(Subscribe::all()).unwrap().frames();
    assert_eq!(frames.next().await.unwrap(), "event: heartbeat\ndata: {}\n\n");
    assert_eq!(start.elapsed(), Duration::from_secs(30));
    tokio::time::advance(Duration::from_secs(20)).await;
    stream.try_publish(event("1")).unwrap();
    assert!(frames.next().await.unwrap().starts_with(b"id: 1\n"));
    assert!(frames.next().await.unwrap().starts_with(b"event: heartbeat"));
    assert_eq!(start.elapsed(), Duration::from_secs(80), "an event starts the silence anew");
}

#[tokio::test]
async fn an_end_comes_behind_what_was_published() {
    let stream = SseStream::default();
    let subscription = stream.open(Subscribe::all()).unwrap();
    let (id, canceller) = (subscription.id(), subscription.handle().clone());
    let mut unsubscribed = subscription.events();
    let mut closed = stream.open(Subscribe::all()).unwrap().events();
    stream.try_publish(event("1")).unwrap();
    assert!(stream.unsubscribe(id).await);
    assert!(!stream.unsubscribe(id).await);
    assert!(!canceller.is_active());
    stream.try_publish(event("2")).unwrap();
    assert_eq!(ready(&mut unsubscribed), ["1"]);
    assert!(ended(&mut unsubscribed));
    stream.close().await;
    assert_eq!(ready(&mut closed), ["1", "2"]);
    assert!(ended(&mut closed));
}

#[tokio::test]
async fn dropping_the_last_handle_ends_its_subscribers() {
    let stream = SseStream::default();
    let mut events = stream.open(Subscribe::all()).unwrap().events();
    let other = stream.clone();
    stream.try_publish(event("1")).unwrap();
    drop(stream);
    other.try_publish(event("2")).unwrap();
    assert_eq!(ready(&mut events), ["1", "2"]);
    assert!(!ended(&mut events));
    drop(other);
    assert!(ended(&mut events));
}

#[tokio::test]
async fn a_waiting_consumer_is_woken_by_its_end() {
    for close in [false, true] {
        let stream = SseStream::default();
        let subscription = stream.open(Subscribe::all()).unwrap();
        let canceller = subscription.handle().clone();
        let mut events = subscription.events();
        let waiting = tokio::spawn(async move { events.next().await });
        tokio::task::yield_now().await;
        if close {
            stream.close().await;
        } else {
            canceller.cancel();
        }
        assert_eq!(waiting.await.unwrap(), None);
        assert_eq!(stream.subscriptions(), 0);
    }
}

#[tokio::test]
async fn a_handler_is_called_beside_the_reader() {
    let stream = SseStream::default();
    let (sender, mut handled) = tokio::sync::mpsc::unbounded_channel();
    let request =
        Subscribe::all().handler(move |event: &Event| sender.send(event.id().to_string()));
    let mut events = stream.open(request).unwrap().events();
    stream.try_publish(event("1")).unwrap();
    assert_eq!(handled.try_recv().unwrap(), "1");
    assert_eq!(ready(&mut events), ["1"]);
    drop(events);
    stream.try_publish(event("2")).unwrap();
    assert!(handled.try_recv().is_err(), "the handler went with its subscription");
}

#[tokio::test]
async fn any_subscriber_of_a_stream_gets_the_events_alone() {
    let stream = SseStream::default();
    stream.publish(event("1")).await.unwrap();
    let mut plain = stream.subscribe(Subscribe::all().replay(9)).await.unwrap();
    stream.publish(event("2")).await.unwrap();
    for id in ["1", "2"] {
        assert_eq!(plain.try_next().unwrap().unwrap().id().to_string(), id);
    }
    assert!(stream.unsubscribe(plain.id()).await);
    assert!(plain.try_next().is_none());
}

#[tokio::test]
async fn a_publisher_waits_for_the_subscriber_that_asked_for_it() {
    let stream = SseStream::default();
    let request = Subscribe::all().queue(1).overflow(Overflow::Wait);
    let mut events = stream.open(request).unwrap().events();
    stream.try_publish(event("1")).unwrap();
    assert!(matches!(stream.try_publish(event("2")), Err(PublishError::Full)));
    assert_eq!(ready(&mut events), ["1"]);
    stream.try_publish(event("3")).unwrap();
    assert_eq!(ready(&mut events), ["3"]);
}

#[tokio::test]
async fn a_closed_stream_takes_nobody() {
    let stream = SseStream::default();
    stream.close().await;
    assert!(matches!(stream.open(Subscribe::all()), Err(SubscribeError::Closed)));
    assert!(matches!(stream.publish(event("1")).await, Err(PublishError::Closed)));
}
