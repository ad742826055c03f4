//! What a stream of topics promises besides.

use std::sync::{Arc, Mutex};

use futures_util::FutureExt as _;
use stream_core::{
    InMemoryStream, Overflow, PublishError, Stream, StreamExt as _, Subscribe, SubscribeError,
    TopicOptions, TopicStream,
};
use stream_model::{Data, Event, Subscription, Topic, TopicFilter};

fn topic(name: &str) -> Topic {
    Topic::new(name).unwrap()
}

fn filter(text: &str) -> TopicFilter {
    TopicFilter::new(text).unwrap()
}

fn texts(subscription: &mut Subscription) -> Vec<String> {
    std::iter::from_fn(|| subscription.try_next())
        .map(|next| next.unwrap().data().as_str().unwrap().to_owned())
        .collect()
}

async fn publish(stream: &TopicStream, name: &str, text: &str) {
    stream.publish_in(&topic(name), Event::text(text)).await.unwrap();
}

#[tokio::test]
async fn the_caller_s_event_is_left_as_it_is() {
    let stream = TopicStream::new();
    let event = Event::builder().meta("topic", "other").data(Data::text("x")).build();
    stream.publish_in(&topic("a"), event.clone()).await.unwrap();
    stream.publish_in(&topic("b"), event.clone()).await.unwrap();
    assert_eq!(event.topic(), Some("other"));
    for name in ["a", "b"] {
        let [found] = &stream.recent(&topic(name), 10)[..] else { panic!("expected one event") };
        assert_eq!(found.topic(), Some(name));
        assert_eq!(found.id(), event.id());
    }
}

#[tokio::test]
async fn looking_makes_no_topic() {
    let stream = TopicStream::new();
    assert!(stream.recent(&topic("a"), 10).is_empty());
    assert!(!stream.remove(&topic("a")));
    let _all = stream.listen("*").await.unwrap();
    let _pattern = stream.listen(filter("a.>")).await.unwrap();
    stream.publish_data(Data::null()).await.unwrap();
    assert!(stream.topics().is_empty());
}

#[tokio::test]
async fn patterns_see_the_topics_that_come_later_and_in_one_order() {
    let stream = TopicStream::new();
    let mut orders = stream.listen(filter("orders.>")).await.unwrap();
    let mut paid = stream.listen(filter("*.*.paid")).await.unwrap();
    let mut all = stream.listen("*").await.unwrap();
    for (name, text) in
        [("orders.eu.paid", "1"), ("orders.us", "2"), ("bills.eu.paid", "3"), ("orders", "4")]
    {
        publish(&stream, name, text).await;
    }
    assert_eq!(texts(&mut orders), ["1", "2"]);
    assert_eq!(texts(&mut paid), ["1", "3"]);
    assert_eq!(texts(&mut all), ["1", "2", "3", "4"]);
    drop(orders);
    publish(&stream, "orders.eu.paid", "5").await;
    assert_eq!(texts(&mut paid), ["5"]);
}

#[tokio::test]
async fn many_publishers_leave_one_order_for_all() {
    const EACH: usize = 500;
    let stream = TopicStream::with_options(TopicOptions::default().remembered(10_000));
    let seen: Arc<Mutex<Vec<String>>> = Arc::default();
    let record = Arc::clone(&seen);
    let handler = move |event: &Event| {
        record.lock().unwrap().push(event.data().as_str().unwrap().to_owned());
    };
    let request = |to: TopicFilter| Subscribe::to(to).queue(10_000);
    let mut all = stream.subscribe(request(TopicFilter::all())).await.unwrap();
    let mut pattern = stream.subscribe(request(filter("a.*"))).await.unwrap();
    let _called = stream.on(filter("a.>"), handler).await.unwrap();
    std::thread::scope(|scope| {
        for publisher in 0..4 {
            let stream = stream.clone();
            scope.spawn(move || {
                for n in 0..EACH {
                    let event = Event::builder()
                        .data(Data::text(format!("{publisher}.{n}")))
                        .topic(&topic(["a.x", "a.y"][n % 2]));
                    stream.try_publish(event.build()).unwrap();
                }
            });
        }
    });
    let order = texts(&mut all);
    assert_eq!(order.len(), 4 * EACH);
    assert_eq!(texts(&mut pattern), order);
    assert_eq!(*seen.lock().unwrap(), order);
    for name in ["a.x", "a.y"] {
        let own: Vec<_> = stream.recent(&topic(name), usize::MAX);
        let own: Vec<_> = own.iter().map(|event| event.data().as_str().unwrap()).collect();
        let in_all: Vec<_> = order.iter().filter(|text| own.contains(&text.as_str())).collect();
        assert_eq!(in_all, own);
    }
}

#[tokio::test]
async fn a_publisher_waits_for_whoever_asked_for_it_be_it_by_a_pattern() {
    for to in ["a.b", "*", "a.>"] {
        let stream = TopicStream::new();
        let request = match to {
            "a.>" => Subscribe::to(filter(to)),
            text => Subscribe::to(text),
        };
        let request = request.queue(1).overflow(Overflow::Wait);
        let mut subscription = stream.subscribe(request).await.unwrap();
        let mut other = stream.listen("a.b").await.unwrap();
        publish(&stream, "a.b", "1").await;
        let event = Event::builder().topic(&topic("a.b")).data(Data::text("2")).build();
        assert!(matches!(stream.try_publish(event.clone()), Err(PublishError::Full)));
        let mut waiting = stream.publish(event);
        assert!((&mut waiting).now_or_never().is_none());
        assert_eq!(texts(&mut other), ["1"], "nobody has what somebody has no room for");
        assert_eq!(texts(&mut subscription), ["1"]);
        waiting.await.unwrap();
        assert_eq!(texts(&mut subscription), ["2"]);
    }
}

#[tokio::test]
async fn a_topic_that_is_removed_ends_those_who_subscribed_to_its_name() {
    let stream = TopicStream::new();
    let mut named = stream.listen("a").await.unwrap();
    let handled = stream.on("a", |_: &Event| ()).await.unwrap();
    let mut all = stream.listen("*").await.unwrap();
    let before = stream.publish_in(&topic("a"), Event::text("1")).await.unwrap();
    assert!(stream.remove(&topic("a")));
    assert!(stream.topics().is_empty());
    let after = stream.publish_in(&topic("a"), Event::text("2")).await.unwrap();
    assert_ne!(before.position.epoch, after.position.epoch);
    assert_eq!(texts(&mut named), ["1"]);
    assert!(named.next().await.is_none());
    assert!(!named.is_active());
    assert!(!handled.is_active());
    assert_eq!(texts(&mut all), ["1", "2"]);
    assert_eq!(stream.subscriptions(), 1);
}

#[tokio::test]
async fn topics_that_nobody_reads_can_be_reclaimed() {
    let stream = TopicStream::new();
    for name in ["a", "b", "c", "d"] {
        publish(&stream, name, "x").await;
    }
    let _queue = stream.listen("b").await.unwrap();
    let _handler = stream.on("d", |_: &Event| ()).await.unwrap();
    drop(stream.listen("c").await.unwrap());
    assert_eq!(stream.reclaim(), 2);
    assert_eq!(stream.topics(), [topic("b"), topic("d")]);
    publish(&stream, "a", "x").await;
    assert_eq!(stream.topics(), [topic("b"), topic("d"), topic("a")]);
}

#[tokio::test]
async fn the_number_of_topics_is_bounded() {
    let stream = TopicStream::with_options(TopicOptions::default().topics(2));
    publish(&stream, "a", "x").await;
    let _second = stream.listen("b").await.unwrap();
    let full = stream.publish_in(&topic("c"), Event::text("x")).await;
    assert!(matches!(full, Err(PublishError::TooManyTopics { limit: 2 })));
    let full = stream.listen("c").await;
    assert!(matches!(full, Err(SubscribeError::TooManyTopics { limit: 2 })));
    publish(&stream, "a", "y").await;
    assert_eq!(stream.reclaim(), 1);
    publish(&stream, "c", "x").await;
}

#[tokio::test]
async fn names_that_are_no_topics_are_refused() {
    let stream = TopicStream::new();
    let event = Event::builder().meta("topic", "a b").build();
    assert!(matches!(stream.publish(event).await, Err(PublishError::Topic(_))));
    for bad in ["a b", "a.*", ""] {
        assert!(matches!(stream.listen(bad).await, Err(SubscribeError::Topic(_))), "{bad:?}");
    }
}

#[tokio::test]
async fn only_a_name_can_be_replayed() {
    let stream = TopicStream::new();
    publish(&stream, "a", "1").await;
    let mut named = stream.subscribe(Subscribe::to("a").replay(5)).await.unwrap();
    assert_eq!(texts(&mut named), ["1"]);
    let refused = stream.subscribe(Subscribe::all().replay(5)).await;
    assert!(matches!(refused, Err(SubscribeError::NoReplay)));
    let refused = stream.subscribe(Subscribe::to(filter("a.*")).replay(5)).await;
    assert!(matches!(refused, Err(SubscribeError::NoReplay)));
}

#[tokio::test]
async fn a_closed_stream_takes_nothing_more() {
    let stream = TopicStream::new();
    let mut subscriptions = [
        stream.listen("a").await.unwrap(),
        stream.listen("*").await.unwrap(),
        stream.listen(filter("*.>")).await.unwrap(),
    ];
    publish(&stream, "a", "x").await;
    stream.close().await;
    let event = Event::builder().topic(&topic("a")).build();
    assert!(matches!(stream.publish(event).await, Err(PublishError::Closed)));
    assert!(matches!(stream.publish(Event::text("x")).await, Err(PublishError::Closed)));
    assert!(matches!(stream.listen("a").await, Err(SubscribeError::Closed)));
    for subscription in &mut subscriptions {
        texts(subscription);
        assert!(subscription.next().await.is_none());
    }
}

#[tokio::test]
async fn a_topic_is_a_stream_of_its_own() {
    let stream = TopicStream::new();
    let handle = stream.topic(&topic("a")).unwrap();
    let mut all = stream.listen("*").await.unwrap();
    let mut own = handle.listen("*").await.unwrap();
    handle.publish(Event::text("1")).await.unwrap();
    publish(&stream, "b", "2").await;
    assert_eq!(texts(&mut all), ["1", "2"]);
    assert_eq!(texts(&mut own), ["1"]);
    assert_eq!(handle.recent(10).len(), 1);
    assert_eq!(handle.name(), &topic("a"));
    assert!(handle.unsubscribe(own.id()).await);
}

#[tokio::test]
async fn one_topic_knows_nothing_of_another() {
    let stream = TopicStream::with_options(TopicOptions::default().remembered(2));
    for text in ["1", "2", "3"] {
        publish(&stream, "a", text).await;
    }
    publish(&stream, "b", "4").await;
    assert_eq!(stream.recent(&topic("a"), 10).len(), 2);
    assert_eq!(stream.recent(&topic("b"), 10).len(), 1);
    let other = InMemoryStream::new();
    assert!(other.recent(10).is_empty());
}
