//! What every stream has in common.

use futures_util::StreamExt as _;
use stream_core::{InMemoryStream, Receipt, Stream, StreamExt as _, Subscribe, TopicStream};
use stream_model::{Data, Event, Lagged, Offset, Topic, TopicFilter};

fn streams() -> [Box<dyn Stream>; 3] {
    let topic = TopicStream::new().topic(&Topic::new("a.b").unwrap()).unwrap();
    [Box::new(InMemoryStream::new()), Box::new(TopicStream::new()), Box::new(topic)]
}

#[tokio::test]
async fn a_name_a_pattern_and_a_star_select_what_they_say() {
    for stream in streams() {
        let mut subscriptions = [
            stream.listen("a.b").await.unwrap(),
            stream.listen("*").await.unwrap(),
            stream.listen("a.*".parse::<TopicFilter>().unwrap()).await.unwrap(),
        ];
        stream.publish_to("a.b", Data::text("x")).await.unwrap();
        for subscription in &mut subscriptions {
            let event = subscription.next().await.unwrap().unwrap();
            assert_eq!((event.topic(), event.data().as_str()), (Some("a.b"), Some("x")));
        }
        for subscription in &subscriptions {
            assert!(stream.unsubscribe(subscription.id()).await);
            assert!(!stream.unsubscribe(subscription.id()).await);
        }
    }
}

#[tokio::test]
async fn an_event_without_a_topic_reaches_only_those_who_take_all() {
    for stream in &streams()[..2] {
        let mut named = stream.listen("a").await.unwrap();
        let mut pattern = stream.listen("a.*".parse::<TopicFilter>().unwrap()).await.unwrap();
        let mut all = stream.listen("*").await.unwrap();
        stream.publish_data(Data::text("x")).await.unwrap();
        assert!(all.next().await.is_some());
        assert!(named.try_next().is_none());
        assert!(pattern.try_next().is_none());
    }
}

#[tokio::test]
async fn a_subscription_is_a_stream_of_events_and_gaps() {
    let stream = InMemoryStream::new();
    let subscription = stream.subscribe(Subscribe::all().queue(2)).await.unwrap();
    for n in 0..4 {
        stream.publish(Event::new(serde_json::json!(n))).await.unwrap();
    }
    drop(stream);
    let found: Vec<Result<u8, Lagged>> =
        subscription.map(|next| next.map(|event| event.parse().unwrap())).collect().await;
    assert_eq!(found, [Err(Lagged { missed: 2 }), Ok(2), Ok(3)]);
}

#[tokio::test]
async fn receipts_count_the_events_of_one_life_of_a_stream() {
    for stream in streams() {
        let publish = || stream.publish_to("a.b", Data::null());
        let (first, second): (Receipt, Receipt) =
            (publish().await.unwrap(), publish().await.unwrap());
        assert_eq!(first.position.offset, Offset::ZERO);
        assert_eq!(second.position.offset, Offset::new(1));
        assert_eq!(first.position.epoch, second.position.epoch);
    }
    let [first, second] =
        [InMemoryStream::new(), InMemoryStream::new()].map(|stream| stream.tail());
    assert_ne!(first.epoch, second.epoch);
}

#[tokio::test]
async fn recent_events_are_a_snapshot_of_the_newest() {
    let stream = InMemoryStream::with_capacity(3);
    for n in 0..5 {
        stream.publish(Event::new(serde_json::json!(n))).await.unwrap();
    }
    for (count, want) in [(0, &[][..]), (1, &[4]), (3, &[2, 3, 4]), (4, &[2, 3, 4])] {
        let recent = stream.recent(count);
        assert!(recent.iter().map(|event| event.parse::<i32>().unwrap()).eq(want.iter().copied()));
    }
    assert_eq!(stream.capacity(), 3);
    let nothing = InMemoryStream::with_capacity(0);
    nothing.publish(Event::text("x")).await.unwrap();
    assert!(nothing.recent(10).is_empty());
}
