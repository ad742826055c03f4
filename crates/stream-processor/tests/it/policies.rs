//! What becomes of items that cannot be treated or delivered.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use proptest::prelude::*;
use serde_json::json;
use stream_core::{
    InMemoryStream, PublishError, Receipt, Stream, StreamExt, Subscribe, SubscribeError,
};
use stream_model::{Event, Subscription, SubscriptionId};
use stream_processor::{
    Arrival, CIRCUIT_TOPIC, CircuitBreaker, DeadLetter, Flow, Moment, OnError, Pipeline, Retry,
    Source, Sourced, Stage, StreamProcessor, replay,
};
use tokio::runtime::Builder;

const MS: Duration = Duration::from_millis(1);

/// A sink that fails as often in a row as it is told to for each event.
#[derive(Clone)]
struct Flaky {
    inner: InMemoryStream,
    failures: Arc<Mutex<BTreeMap<u64, u32>>>,
}

#[async_trait]
impl Stream for Flaky {
    async fn publish(&self, event: Event) -> Result<Receipt, PublishError> {
        let number = event.parse::<u64>().unwrap();
        let left = self.failures.lock().unwrap().get_mut(&number).map(|left| {
            *left = left.saturating_sub(1);
            *left + 1
        });
        if left.is_some_and(|left| left > 1) {
            return Err(PublishError::Full);
        }
        self.inner.publish(event).await
    }

    async fn subscribe(&self, request: Subscribe) -> Result<Subscription, SubscribeError> {
        self.inner.subscribe(request).await
    }

    async fn unsubscribe(&self, id: SubscriptionId) -> bool {
        self.inner.unsubscribe(id).await
    }
}

fn numbers(stream: &InMemoryStream) -> Vec<u64> {
    let mut numbers: Vec<u64> =
        stream.recent(10_000).iter().map(|event| event.parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// A function that fails as often in a row as it is told to for each number.
fn failing(failures: Vec<u32>) -> impl Fn(&Event) -> Result<Event, String> + Send + Sync + 'static {
    let left = Mutex::new(failures);
    move |event| {
        let number = event.parse::<usize>().map_err(|error| error.to_string())?;
        let mut left = left.lock().unwrap();
        match left.get_mut(number).filter(|left| **left > 0) {
            None => Ok(event.clone()),
            Some(left) => {
                *left -= 1;
                Err(format!("{number} fails"))
            }
        }
    }
}

proptest! {
    #[test]
    fn every_event_ends_in_exactly_one_place(
        called in prop::collection::vec(0..5u32, 1..60),
        awaited in prop::collection::vec(0..5u32, 60),
        delivered in prop::collection::vec(0..5u32, 60),
        called_is_skipped: bool,
        circuits in any::<[Option<bool>; 2]>(),
    ) {
        let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let count = called.len() as u64;
            let (input, output, letters) =
                (InMemoryStream::new(), InMemoryStream::new(), InMemoryStream::new());
            let failures = (0..).zip(delivered).collect();
            let sink = Flaky { inner: output.clone(), failures: Arc::new(Mutex::new(failures)) };
            let skipped = Arc::new(Mutex::new(Vec::new()));
            let told = Arc::clone(&skipped);
            let awaited = Arc::new(failing(awaited));
            let retry = Retry::default().attempts(3);
            let breaker = CircuitBreaker::default().failures(2).rest(Duration::from_secs(1));
            let of_called = if called_is_skipped { OnError::skip() } else { OnError::dead_letter() };
            let guarded = |policy: OnError, refuses: Option<bool>| match refuses {
                Some(true) => policy.circuit_breaker(breaker.refuse()),
                Some(false) => policy.circuit_breaker(breaker),
                None => policy,
            };
            let running = StreamProcessor::new(input.clone())
                .on_error(guarded(OnError::dead_letter().retry(retry), circuits[0]))
                .dead_letters(letters.clone())
                .try_map(failing(called))
                .named("called")
                .stage_on_error(guarded(of_called.retry(retry), circuits[1]))
                .try_map_async(NonZeroUsize::new(4).unwrap(), move |event: Event| {
                    let awaited = Arc::clone(&awaited);
                    async move {
                        tokio::task::yield_now().await;
                        awaited(&event)
                    }
                })
                .sink(sink)
                .on_fault(move |fault| {
                    if fault.stage.is_some_and(|stage| stage.0 == 0) {
                        told.lock().unwrap().push(fault.origin.position());
                    }
                })
                .start()
                .await
                .unwrap();
            for number in 0..count {
                input.publish_data(json!(number)).await.unwrap();
            }
            running.drain().await.unwrap();
            let mut all = numbers(&output);
            all.extend(numbers(&letters));
            if called_is_skipped {
                all.extend(skipped.lock().unwrap().iter());
            }
            all.sort_unstable();
            assert_eq!(all, (0..count).collect::<Vec<_>>());
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_dead_letter_is_the_event_as_it_came_and_says_what_went_wrong() {
    let (input, output, letters) =
        (InMemoryStream::new(), InMemoryStream::new(), InMemoryStream::new());
    let processor = StreamProcessor::new(input.clone())
        .on_error(OnError::dead_letter().retry(Retry::default().attempts(3).jitter(0.0)))
        .dead_letters(letters.clone())
        .map(|event: Event| event.to_builder().data(json!("changed")).build())
        .try_map(|_: &Event| Err::<Event, _>("broken"))
        .named("break")
        .sink(output.clone());
    let running = processor.start().await.unwrap();
    let event =
        Event::builder().data(stream_model::Data::binary(vec![0, 255])).meta("k", 1).build();
    input.publish(Event::text("before")).await.unwrap();
    input.publish(event.clone()).await.unwrap();
    running.drain().await.unwrap();
    let letter = &letters.recent(2)[1];
    let told = DeadLetter::of(letter).unwrap();
    assert_eq!((told.stage.as_str(), told.error.as_str()), ("break", "broken"));
    assert_eq!((told.attempts, told.position, told.is_sink), (3, Some(1), false));
    // After 100 ms and 200 ms more.
    assert_eq!(told.last_failed_at - told.first_failed_at, 300 * MS);
    assert_eq!(DeadLetter::original(letter), event);
    assert_eq!(DeadLetter::of(&event), None);

    // Replayed, they are the source's events again; what is no letter comes back.
    let target = InMemoryStream::new();
    let mut back = letters.recent(2);
    back.push(event.clone());
    let left = replay(back, |_| Some(&target as &dyn Stream)).await;
    assert_eq!(target.recent(2)[1], event);
    assert_eq!(left.into_iter().map(|(letter, _)| letter).collect::<Vec<_>>(), [event]);
}

#[tokio::test(start_paused = true)]
async fn what_several_events_went_into_is_not_set_aside_but_ends_the_pipeline() {
    let (input, letters) = (InMemoryStream::new(), InMemoryStream::new());
    let running = StreamProcessor::new(input.clone())
        .on_error(OnError::dead_letter())
        .dead_letters(letters.clone())
        .batch(stream_async::BatchOptions::default().events(2))
        .try_map(|_: &Vec<Event>| Err::<Event, _>("broken"))
        .start()
        .await
        .unwrap();
    for number in 0..2 {
        input.publish_data(json!(number)).await.unwrap();
    }
    assert!(running.join().await.is_err());
    assert!(letters.recent(1).is_empty());
}

#[test]
fn an_item_that_is_tried_again_holds_up_those_behind_it() {
    let mut failures = [0, 2, 0];
    let retry = Retry::default().first(10 * MS).factor(3.0).longest(25 * MS).jitter(0.0);
    let pipeline = Pipeline::empty().try_map(move |n: &usize| match failures[*n] {
        0 => Ok(*n),
        _ => {
            failures[*n] -= 1;
            Err("again")
        }
    });
    let mut stage = pipeline.stage_on_error(OnError::skip().retry(retry)).into_stage();
    let begin = Instant::now();
    let (mut moment, mut out) = (Moment::new(begin), Vec::new());
    for n in 0..3 {
        moment.set_position(n as u64);
        assert_eq!(stage.push(n, &mut moment, &mut out), Flow::Continue(()));
    }
    assert_eq!((&out[..], stage.is_ready(), stage.held()), (&[0][..], false, Some(1)));
    for (at, want) in [(10, &[0][..]), (35, &[0, 1, 2])] {
        assert_eq!(stage.deadline(), Some(begin + at * MS));
        moment.set_now(begin + at * MS);
        assert_eq!(stage.advance(&mut moment, &mut out), Flow::Continue(()));
        assert_eq!(out, want);
    }
    assert!(moment.take_faults().is_empty());
}

#[test]
fn delays_grow_up_to_the_longest_and_chance_takes_a_part() {
    let retry = Retry::default().attempts(4).first(10 * MS).factor(2.0).longest(30 * MS);
    let delays = |chance| (1..5).map(|n| retry.delay(n, chance)).collect::<Vec<_>>();
    assert_eq!(delays(0.0), [Some(10 * MS), Some(20 * MS), Some(30 * MS), None]);
    assert_eq!(delays(1.0), [Some(5 * MS), Some(10 * MS), Some(15 * MS), None]);
}

/// A source that writes down what it was told.
struct Counted {
    next: u64,
    end: u64,
    acknowledged: Arc<Mutex<Vec<u64>>>,
}

impl Source for Counted {
    type Item = Event;

    fn poll_next(&mut self, _cx: &mut Context<'_>) -> Poll<Option<Arrival<Event>>> {
        if self.next >= self.end {
            return Poll::Ready(None);
        }
        let position = self.next;
        self.next += 1;
        Poll::Ready(Some(Ok(Sourced { position, item: Event::new(json!(position)) })))
    }

    fn acknowledge(&mut self, before: u64) {
        self.acknowledged.lock().unwrap().push(before);
    }

    fn close(&mut self) {
        self.end = self.next;
    }
}

#[tokio::test(start_paused = true)]
async fn a_source_forgets_only_what_is_through() {
    let acknowledged = Arc::new(Mutex::new(Vec::new()));
    let output = InMemoryStream::new();
    let source = Counted { next: 0, end: 1000, acknowledged: Arc::clone(&acknowledged) };
    let (seen, told) = (output.clone(), Arc::clone(&acknowledged));
    let running = StreamProcessor::from_source(source)
        .map_async(NonZeroUsize::new(7).unwrap(), |event: Event| async move {
            let number = event.parse::<u32>().unwrap();
            tokio::time::sleep(number % 5 * MS).await;
            event
        })
        .batch(stream_async::BatchOptions::default().events(3))
        .flat_map(|batch| batch)
        .tap(move |_| {
            // What was acknowledged by now, was delivered by now.
            let before = told.lock().unwrap().last().copied().unwrap_or(0);
            assert!(seen.tail().offset.get() >= before);
        })
        .sink(output.clone())
        .start()
        .await
        .unwrap();
    running.join().await.unwrap();
    let acknowledged = acknowledged.lock().unwrap();
    assert!(acknowledged.is_sorted() && acknowledged.len() > 10);
    assert_eq!(acknowledged.last(), Some(&1000));
}

#[tokio::test(start_paused = true)]
async fn while_a_circuit_is_open_items_wait_and_its_changes_are_events() {
    let (input, output, told) =
        (InMemoryStream::new(), InMemoryStream::new(), InMemoryStream::new());
    let calls = Arc::new(Mutex::new(Vec::new()));
    let (seen, begin) = (Arc::clone(&calls), tokio::time::Instant::now());
    let breaker = CircuitBreaker::default().failures(2).rest(Duration::from_secs(10));
    let running = StreamProcessor::new(input.clone())
        .try_map(move |event: &Event| {
            let second = begin.elapsed().as_secs();
            seen.lock().unwrap().push((event.parse::<u64>().unwrap(), second));
            if second < 15 { Err("down") } else { Ok(event.clone()) }
        })
        .named("call")
        .on_error(OnError::skip().circuit_breaker(breaker))
        .circuit_events(told.clone())
        .sink(output.clone())
        .start()
        .await
        .unwrap();
    for number in 0..5 {
        input.publish_data(json!(number)).await.unwrap();
    }
    running.drain().await.unwrap();
    assert_eq!(*calls.lock().unwrap(), [(0, 0), (1, 0), (2, 10), (3, 20), (4, 20)]);
    assert_eq!(numbers(&output), [3, 4]);
    let changes: Vec<serde_json::Value> =
        told.recent(9).iter().map(|event| event.data().to_value().unwrap()).collect();
    let states: Vec<&str> =
        changes.iter().map(|change| change["circuit"].as_str().unwrap()).collect();
    assert_eq!(states, ["open", "half_open", "open", "half_open", "closed"]);
    assert_eq!(changes[0]["name"], "call");
    assert_eq!(told.recent(1)[0].metadata().get_str("topic"), Some(CIRCUIT_TOPIC));
}

#[tokio::test(start_paused = true)]
async fn a_sink_that_fails_again_and_again_is_left_alone_for_a_while() {
    let (input, output) = (InMemoryStream::new(), InMemoryStream::new());
    let failures = Arc::new(Mutex::new((0..3).map(|number| (number, 2)).collect()));
    let sink = Flaky { inner: output.clone(), failures };
    let changes = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&changes);
    let breaker = CircuitBreaker::default().failures(2).rest(Duration::from_secs(10)).refuse();
    let running = StreamProcessor::new(input.clone())
        .on_error(OnError::skip().circuit_breaker(breaker))
        .on_circuit(move |change| {
            told.lock().unwrap().push((
                change.name.clone(),
                change.is_sink,
                change.circuit.as_str(),
            ));
        })
        .sink(sink)
        .start()
        .await
        .unwrap();
    for number in 0..6 {
        input.publish_data(json!(number)).await.unwrap();
    }
    running.drain().await.unwrap();
    // Two fail, and the others are not tried, although the sink would take some of them.
    assert_eq!(numbers(&output), Vec::<u64>::new());
    assert_eq!(*changes.lock().unwrap(), [("#0".to_owned(), true, "open")]);
}
