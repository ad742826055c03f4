//! A pipeline between streams, from its start to its end.

use std::num::NonZeroUsize;
use std::time::Duration;

use serde_json::json;
use stream_core::{InMemoryStream, StreamExt};
use stream_model::{DataError, Event};
use stream_processor::{OnError, RunError, StreamProcessor};
use tokio::time::sleep;

fn number(event: &Event) -> Result<u64, DataError> {
    event.parse()
}

fn changed(event: &Event, n: u64) -> Event {
    event.to_builder().data(json!(n)).build()
}

fn numbers(stream: &InMemoryStream) -> Vec<u64> {
    stream.recent(10_000).iter().map(|event| event.parse().unwrap()).collect()
}

async fn publish(stream: &InMemoryStream, numbers: impl IntoIterator<Item = u64>) {
    for n in numbers {
        stream.publish_data(json!(n)).await.unwrap();
    }
}

#[tokio::test]
async fn a_pipeline_delivers_in_order_to_every_sink_what_the_last_stage_emits() {
    let (input, first, second) =
        (InMemoryStream::new(), InMemoryStream::new(), InMemoryStream::new());
    let running = StreamProcessor::new(input.clone())
        .sink(first.clone())
        .filter(|event: &Event| number(event).map(|n| n > 1))
        .try_map(|event: &Event| number(event).map(|n| changed(event, n * 10)))
        .sink(second.clone())
        .start()
        .await
        .unwrap();
    publish(&input, 0..5).await;
    running.flush().await.unwrap();
    assert_eq!(numbers(&first), [20, 30, 40]);
    assert_eq!(numbers(&first), numbers(&second));
    let counts = running.counts();
    assert_eq!((counts.taken, counts.emitted, counts.delivered), (5, 3, 3));
    running.drain().await.unwrap();
}

#[tokio::test]
async fn branches_of_one_builder_share_nothing() {
    let (input, evens, odds) =
        (InMemoryStream::new(), InMemoryStream::new(), InMemoryStream::new());
    let base =
        StreamProcessor::new(input.clone()).filter(|event: &Event| number(event).map(|n| n < 6));
    let even = base.clone().filter(|event: &Event| number(event).map(|n| n % 2 == 0));
    let odd = base.filter(|event: &Event| number(event).map(|n| n % 2 == 1));
    let even = even.sink(evens.clone()).start().await.unwrap();
    let odd = odd.sink(odds.clone()).start().await.unwrap();
    publish(&input, 0..9).await;
    even.drain().await.unwrap();
    odd.drain().await.unwrap();
    assert_eq!((numbers(&evens), numbers(&odds)), (vec![0, 2, 4], vec![1, 3, 5]));
}

#[tokio::test]
async fn an_event_that_fails_or_panics_is_left_out_and_counted() {
    let (input, output) = (InMemoryStream::new(), InMemoryStream::new());
    let running = StreamProcessor::new(input.clone())
        .filter(|event: &Event| match number(event) {
            Ok(3) => std::panic::resume_unwind(Box::new("three")),
            other => other.map(|_| true),
        })
        .sink(output.clone())
        .start()
        .await
        .unwrap();
    publish(&input, 1..3).await;
    input.publish_data(json!("no number")).await.unwrap();
    publish(&input, 3..5).await;
    running.flush().await.unwrap();
    assert_eq!(numbers(&output), [1, 2, 4]);
    assert_eq!(running.counts().failed, 2);
    assert!(running.is_running());
}

#[tokio::test]
async fn a_pipeline_ends_with_the_first_error_if_it_is_told_to() {
    let (input, output) = (InMemoryStream::new(), InMemoryStream::new());
    let running = StreamProcessor::new(input.clone())
        .try_map(|event: &Event| number(event).map(|_| event.clone()))
        .stage_on_error(OnError::fail())
        .sink(output.clone())
        .start()
        .await
        .unwrap();
    publish(&input, 0..2).await;
    input.publish_data(json!("no number")).await.unwrap();
    publish(&input, 2..4).await;
    let error = running.join().await.unwrap_err();
    assert!(matches!(error, RunError::Stage(fault) if fault.origin.position() == 2));
    assert_eq!(numbers(&output), [0, 1]);
}

#[tokio::test]
async fn a_sink_that_takes_nothing_is_told_of_and_the_others_go_on() {
    let (input, closed, open) =
        (InMemoryStream::new(), InMemoryStream::new(), InMemoryStream::new());
    closed.close().await;
    let processor = StreamProcessor::new(input.clone()).sink(closed).sink(open.clone());
    let strict = processor.clone().on_error(OnError::fail()).start().await.unwrap();
    let lenient = processor.start().await.unwrap();
    publish(&input, 0..2).await;
    lenient.flush().await.unwrap();
    let counts = lenient.counts();
    assert_eq!((counts.delivered, counts.undelivered), (0, 2));
    assert!(matches!(strict.join().await, Err(RunError::Delivery(_))));
    lenient.drain().await.unwrap();
}

#[tokio::test]
async fn a_route_leads_each_event_to_its_sink() {
    let (input, small, large, all) = (
        InMemoryStream::new(),
        InMemoryStream::new(),
        InMemoryStream::new(),
        InMemoryStream::new(),
    );
    let running = StreamProcessor::new(input.clone())
        .route(|event| match number(event) {
            Ok(0..3) => "small".to_owned(),
            Ok(3..6) => "large".to_owned(),
            _ => "nowhere".to_owned(),
        })
        .sink_as("small", small.clone())
        .sink_as("large", large.clone())
        .sink(all.clone())
        .start()
        .await
        .unwrap();
    publish(&input, 0..7).await;
    running.flush().await.unwrap();
    assert_eq!((numbers(&small), numbers(&large)), (vec![0, 1, 2], vec![3, 4, 5]));
    assert_eq!((numbers(&all).len(), running.counts().undelivered), (7, 1));
}

#[tokio::test(start_paused = true)]
async fn draining_delivers_what_is_under_way_and_takes_nothing_new() {
    let (input, output) = (InMemoryStream::new(), InMemoryStream::new());
    let slow = async |event: Event| {
        sleep(Duration::from_secs(1)).await;
        event
    };
    let running = StreamProcessor::new(input.clone())
        .map_async(NonZeroUsize::new(2).unwrap(), slow)
        .sink(output.clone())
        .start()
        .await
        .unwrap();
    publish(&input, 0..5).await;
    running.drain().await.unwrap();
    publish(&input, 5..7).await;
    assert_eq!(numbers(&output), [0, 1, 2, 3, 4]);
    assert_eq!(input.subscriptions(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_slow_pipeline_makes_publishers_wait_and_loses_nothing() {
    let (input, output) = (InMemoryStream::with_capacity(16), InMemoryStream::with_capacity(9999));
    let slow = async |event: Event| {
        sleep(Duration::from_millis(1)).await;
        event
    };
    let running = StreamProcessor::new(input.clone())
        .map_async(NonZeroUsize::MIN, slow)
        .sink(output.clone())
        .start()
        .await
        .unwrap();
    publish(&input, 0..3000).await;
    assert!(running.counts().taken >= 1500, "publishing was held back");
    running.drain().await.unwrap();
    assert_eq!(numbers(&output), (0..3000).collect::<Vec<_>>());
}

#[tokio::test]
async fn stopping_ends_the_subscription() {
    let input = InMemoryStream::new();
    let running = StreamProcessor::new(input.clone()).start().await.unwrap();
    assert_eq!(input.subscriptions(), 1);
    running.stop();
    tokio::task::yield_now().await;
    assert_eq!(input.subscriptions(), 0);
}

#[tokio::test]
async fn a_pipeline_ends_when_a_stage_wants_no_more() {
    let (input, output) = (InMemoryStream::new(), InMemoryStream::new());
    let processor = StreamProcessor::new(input.clone()).take(2).sink(output.clone());
    let running = processor.start().await.unwrap();
    publish(&input, 0..5).await;
    running.join().await.unwrap();
    assert_eq!(numbers(&output), [0, 1]);
}

#[test]
fn without_a_runtime_nothing_starts() {
    let processor = StreamProcessor::new(InMemoryStream::new());
    let started = futures_util::FutureExt::now_or_never(processor.start());
    assert!(matches!(started, Some(Err(stream_processor::StartError::NoRuntime))));
}
