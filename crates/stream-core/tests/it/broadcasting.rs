//! One event to several streams.

use futures_util::FutureExt as _;
use stream_core::{
    InMemoryStream, Overflow, PublishError, Stream, Subscribe, TopicStream, broadcast,
};
use stream_model::Event;

#[tokio::test]
async fn every_stream_is_tried_and_answers_for_itself() {
    let (first, closed, topics) =
        (InMemoryStream::new(), InMemoryStream::new(), TopicStream::new());
    closed.close().await;
    let streams: [&dyn Stream; 4] = [&first, &closed, &topics, &topics];
    let event = Event::builder().meta("topic", "a b").build();
    let report = broadcast(&streams, event).await;
    let failures: Vec<_> = report.failures().collect();
    assert!(matches!(
        failures[..],
        [(1, PublishError::Closed), (2, PublishError::Topic(_)), (3, PublishError::Topic(_))]
    ));
    assert_eq!(report.results().len(), 4);
    assert_eq!(first.recent(10).len(), 1);
}

#[tokio::test]
async fn nothing_fails_where_there_is_no_stream() {
    assert!(broadcast(&[], Event::text("x")).await.is_ok());
}

#[tokio::test]
async fn a_stream_that_makes_its_publisher_wait_hinders_no_other() {
    let (slow, quick) = (InMemoryStream::new(), InMemoryStream::new());
    let waited = Subscribe::all().queue(1).overflow(Overflow::Wait);
    let mut reader = slow.subscribe(waited).await.unwrap();
    let streams: [&dyn Stream; 2] = [&slow, &quick];
    assert!(broadcast(&streams, Event::text("1")).await.is_ok());
    let mut second = Box::pin(broadcast(&streams, Event::text("2")));
    assert!((&mut second).now_or_never().is_none());
    assert_eq!(quick.recent(10).len(), 2);
    assert!(reader.next().await.unwrap().is_ok());
    assert!(second.await.is_ok());
}
