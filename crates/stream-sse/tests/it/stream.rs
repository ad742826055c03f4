//! A stream and its subscribers: order, filters, resume, lag, heartbeats and the end.

use std::time::Duration;

use futures_util::{FutureExt, StreamExt};
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
    let mut all = stream.subscribe(TopicFilter::all(), None).events();
    let mut orders = stream.subscribe("orders.*".parse().unwrap(), None).events();
    for (id, name) in [("1", "orders.a"), ("2", "other"), ("3", "orders.b")] {
        stream.publish(topic(id, name));
    }
    stream.publish(event("4"));
    assert_eq!(ready(&mut all), ["1", "2", "3", "4"]);
    assert_eq!(ready(&mut orders), ["1", "3"], "an event without a topic is for `*` alone");
}

#[tokio::test]
async fn frames_are_the_events_on_the_wire() {
    let stream = SseStream::default();
    let mut frames = stream.subscribe(TopicFilter::all(), None).frames();
    stream.publish(event("1").to_builder().data(Data::text("a\nb")).build());
    stream.publish(event("2").to_builder().data(Data::binary(&b"\xff"[..])).build());
    assert_eq!(frames.next().await.unwrap(), "id: 1\nevent: message\ndata: a\ndata: b\n\n");
    assert_eq!(frames.next().await.unwrap(), "id: 2\nevent: message\ndata: /w==\n\n");
}

#[tokio::test]
async fn a_subscriber_resumes_behind_its_last_id() {
    let stream = SseStream::default();
    for id in ["1", "2", "3"] {
        stream.publish(event(id));
    }
    for (last, want) in [("1", vec!["2", "3"]), ("3", vec![])] {
        let mut events = stream.subscribe(TopicFilter::all(), Some(last)).events();
        assert_eq!(ready(&mut events), want);
    }
    let mut unknown = stream.subscribe(TopicFilter::all(), Some("0")).events();
    assert_eq!(ready(&mut unknown), ["Lagged { missed: None }", "1", "2", "3"]);
}

#[tokio::test]
async fn a_slow_subscriber_is_told_what_it_missed() {
    let stream = SseStream::new(SseStreamOptions::default().capacity(1));
    let mut slow = stream.subscribe(TopicFilter::all(), None).events();
    for id in 0..1000 {
        stream.publish(event(&id.to_string()));
    }
    let got = ready(&mut slow);
    let missed = slow.subscription().missed();
    assert_eq!(got[0], format!("Lagged {{ missed: Some({missed}) }}"));
    assert_eq!(got[1], missed.to_string());
    assert_eq!(got.len() as u64 - 1 + missed, 1000, "nothing is lost in silence");
}

#[tokio::test(start_paused = true)]
async fn heartbeats_come_after_silence_and_have_no_id() {
    let stream = SseStream::default();
    let start = tokio::time::Instant::now();
    let mut frames = stream.subscribe(TopicFilter::all(), None).frames();
    assert_eq!(frames.next().await.unwrap(), "event: heartbeat\ndata: {}\n\n");
    assert_eq!(start.elapsed(), Duration::from_secs(30));
    tokio::time::advance(Duration::from_secs(20)).await;
    stream.publish(event("1"));
    assert!(frames.next().await.unwrap().starts_with(b"id: 1\n"));
    assert!(frames.next().await.unwrap().starts_with(b"event: heartbeat"));
    assert_eq!(start.elapsed(), Duration::from_secs(80), "an event starts the silence anew");
}

#[tokio::test]
async fn an_end_comes_behind_what_was_published() {
    let stream = SseStream::default();
    let subscription = stream.subscribe(TopicFilter::all(), None);
    let (id, canceller) = (subscription.id(), subscription.canceller());
    let mut unsubscribed = subscription.events();
    let mut closed = stream.subscribe(TopicFilter::all(), None).events();
    stream.publish(event("1"));
    assert!(stream.unsubscribe(id));
    assert!(!stream.unsubscribe(id));
    assert!(canceller.is_cancelled());
    stream.publish(event("2"));
    assert_eq!(ready(&mut unsubscribed), ["1"]);
    assert!(ended(&mut unsubscribed));
    stream.close();
    assert_eq!(ready(&mut closed), ["1", "2"]);
    assert!(ended(&mut closed));
}

#[tokio::test]
async fn dropping_the_last_handle_ends_its_subscribers() {
    let stream = SseStream::default();
    let mut events = stream.subscribe(TopicFilter::all(), None).events();
    let other = stream.clone();
    stream.publish(event("1"));
    drop(stream);
    other.publish(event("2"));
    assert_eq!(ready(&mut events), ["1", "2"]);
    assert!(!ended(&mut events));
    drop(other);
    assert!(ended(&mut events));
}

#[tokio::test]
async fn a_waiting_consumer_is_woken_by_its_end() {
    for close in [false, true] {
        let stream = SseStream::default();
        let subscription = stream.subscribe(TopicFilter::all(), None);
        let canceller = subscription.canceller();
        let mut events = subscription.events();
        let waiting = tokio::spawn(async move { events.next().await });
        tokio::task::yield_now().await;
        if close {
            stream.close();
        } else {
            canceller.cancel();
        }
        assert_eq!(waiting.await.unwrap(), None);
        assert_eq!(stream.subscribers(), 0);
    }
}
