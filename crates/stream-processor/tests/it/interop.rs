//! Sinks of futures, layers of tower, schemas, log records and webhooks.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt, stream};
use serde_json::{Value, json};
use stream_core::{Stream, Subscribe};
use stream_model::{BoxError, Event, EventType};
use stream_processor::testkit::TestSink;
use stream_processor::{
    DeadLetter, IntoSink, LogRecords, NotificationSink, OnError, PipelineGone, Retry,
    StreamProcessor, StreamValidator, Webhook, log_events, sink_source,
};
use tracing_subscriber::layer::SubscriberExt;

fn n(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

fn events(numbers: std::ops::Range<u64>) -> impl futures_util::Stream<Item = Event> + Send {
    stream::iter(numbers.map(|number| Event::new(json!(number))))
}

#[tokio::test]
async fn a_sink_of_futures_gets_every_event() {
    let got = Arc::new(Mutex::new(Vec::new()));
    let into = Arc::clone(&got);
    let sink = futures_util::sink::unfold(into, |into, event: Event| async move {
        tokio::task::yield_now().await;
        into.lock().unwrap().push(event.parse::<u64>().unwrap());
        Ok::<_, BoxError>(into)
    });
    let sink = Arc::new(IntoSink::new(sink));
    let running = StreamProcessor::from_stream(events(0..5)).sink(sink.clone()).start().await;
    running.unwrap().join().await.unwrap();
    assert_eq!(*got.lock().unwrap(), [0, 1, 2, 3, 4]);
    assert!(sink.subscribe(Subscribe::all()).await.is_err());
}

#[tokio::test]
async fn a_pipeline_reads_what_is_sent_and_makes_the_sender_wait() {
    let (mut input, source) = sink_source(n(2));
    let mut output = StreamProcessor::from_source(source).open().await.unwrap();
    for number in 0..2 {
        input.feed(number).now_or_never().unwrap().unwrap();
    }
    assert!(input.feed(2).now_or_never().is_none(), "there is no room");
    assert_eq!(output.next().await.unwrap().unwrap(), 0);
    input.flush().await.unwrap();
    input.feed(3).await.unwrap();
    output.close();
    assert_eq!(output.by_ref().map(Result::unwrap).collect::<Vec<u32>>().await, [1, 3]);
    drop(output);
    assert_eq!(input.send(4).await, Err(PipelineGone));
    input.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_layer_of_tower_is_middleware() {
    let layer = tower::timeout::TimeoutLayer::new(Duration::from_secs(1));
    let call = |seconds: u64| async move {
        tokio::time::sleep(Duration::from_millis(seconds * 600)).await;
        Ok::<_, BoxError>(seconds * 10)
    };
    let processor = StreamProcessor::from_stream(stream::iter(0..4)).layered(n(4), layer, call);
    let mut output = processor.on_error(OnError::skip()).open().await.unwrap();
    assert_eq!(output.by_ref().map(Result::unwrap).collect::<Vec<_>>().await, [0, 10]);
    assert_eq!(output.counts().failed, 2);
}

#[test]
fn a_schema_is_a_rule_and_says_what_is_wrong() {
    let mut validator = StreamValidator::new();
    let schema = json!({"type": "object", "required": ["order"],
        "properties": {"order": {"type": "integer", "minimum": 1}}});
    validator.add_schema("order", &schema).unwrap();
    assert!(validator.validate("order", &json!({"order": 3})));
    for bad in [json!({"order": 0}), json!({}), json!([])] {
        assert!(!validator.validate("order", &bad), "{bad}");
    }
    assert!(validator.add_schema("broken", &json!({"type": 7})).is_err());
    assert!(!validator.knows("broken"));
}

/// The fields of the records that are written while `work` runs.
fn records(work: impl FnOnce()) -> (Vec<Value>, Vec<Event>) {
    let (layer, events) = log_events();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    let events: Vec<Event> = events.collect().now_or_never().unwrap();
    (events.iter().map(|event| event.data().to_value().unwrap()).collect(), events)
}

#[test]
fn log_records_are_events() {
    let (records, events) = records(|| {
        tracing::error!(user = "ann", tries = 3_u64, rate = 0.5, is_late = true, why = ?Some(1), "no");
        tracing::debug!(target: "stream_processor::driver", "our own");
        tracing::info!(delta = -1_i64);
    });
    assert_eq!(records.len(), 2);
    assert_eq!((&records[0]["level"], &records[0]["message"]), (&json!("ERROR"), &json!("no")));
    let fields = json!({"user": "ann", "tries": 3, "rate": 0.5, "is_late": true, "why": "Some(1)"});
    assert_eq!(records[0]["fields"], fields);
    assert_eq!(
        (&records[1]["message"], &records[1]["fields"]),
        (&json!(""), &json!({"delta": -1}))
    );
    assert_eq!(events[0].topic(), Some("log"));
}

#[test]
fn a_reader_of_log_records_that_is_too_slow_is_told() {
    let (_, events) = records(|| {
        for number in 0..stream_processor::limits::LOG_EVENTS_WAITING + 7 {
            tracing::info!(number, "many");
        }
    });
    assert_eq!(events.len(), stream_processor::limits::LOG_EVENTS_WAITING);
    assert_eq!(events[0].metadata().get("missed"), Some(&json!(7)));
    assert_eq!(events[1].metadata().get("missed"), None);
}

#[test]
fn events_are_log_records() {
    let sink = LogRecords::default();
    let (_, layer_saw_nothing) = records(|| {
        let event = Event::builder().data(json!({"n": 1})).event_type(EventType::Error);
        let published = sink.publish(event.meta("topic", "orders").build()).now_or_never();
        assert!(published.unwrap().is_ok());
    });
    // Its records are the crate's own, which become no events again.
    assert!(layer_saw_nothing.is_empty());
    let lines = Arc::new(Mutex::new(Vec::new()));
    let writer = Arc::clone(&lines);
    let subscriber = tracing_subscriber::fmt().with_ansi(false).without_time();
    let subscriber = subscriber.with_writer(move || Lines(Arc::clone(&writer))).finish();
    tracing::subscriber::with_default(subscriber, || {
        let event = Event::builder().data(json!({"n": 1})).meta("topic", "orders").build();
        assert!(sink.publish(event).now_or_never().unwrap().is_ok());
    });
    let line = String::from_utf8(lines.lock().unwrap().clone()).unwrap();
    assert!(line.contains("INFO"), "{line}");
    assert!(line.contains("topic=\"orders\" data={\"n\":1}"), "{line}");
}

struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A webhook that gives the answers of a script, and 200 after them.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<VecDeque<Option<u16>>>>,
    posted: Arc<Mutex<Vec<Value>>>,
}

#[async_trait]
impl Webhook for Script {
    async fn post(&self, body: Bytes) -> Result<u16, BoxError> {
        let event: Value = serde_json::from_slice(&body)?;
        let answer = self.answers.lock().unwrap().pop_front().unwrap_or(Some(200));
        self.posted.lock().unwrap().push(event["data"].clone());
        answer.ok_or_else(|| "connection refused".into())
    }
}

#[tokio::test(start_paused = true)]
async fn a_webhook_gets_each_event_again_until_it_takes_it_or_never_will() {
    let webhook = Script::default();
    *webhook.answers.lock().unwrap() = [
        Some(200), // 0
        Some(503), // 1, which is taken later
        None,
        Some(204),
        Some(404), // 2, which never is
        Some(500), // 3, which is given up
        Some(429),
        Some(500),
    ]
    .into();
    let letters = TestSink::new();
    let retry = Retry::default().attempts(3).first(Duration::from_secs(1)).jitter(0.0);
    let sink = NotificationSink::new(webhook.clone()).retry(retry).dead_letters(letters.clone());
    let begin = tokio::time::Instant::now();
    let running = StreamProcessor::from_stream(events(0..5)).sink(sink).start().await.unwrap();
    running.join().await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(1 + 2 + 1 + 2));
    assert_eq!(json!(*webhook.posted.lock().unwrap()), json!([0, 1, 1, 1, 2, 3, 3, 3, 4]));
    let letters = letters.events();
    let told: Vec<_> = letters.iter().map(|letter| DeadLetter::of(letter).unwrap()).collect();
    assert_eq!((told[0].error.as_str(), told[0].attempts), ("webhook answered 404", 1));
    assert_eq!((told[1].error.as_str(), told[1].attempts), ("webhook answered 500", 3));
    assert_eq!(DeadLetter::original(&letters[1]).parse::<u64>().unwrap(), 3);
}

#[tokio::test]
async fn without_a_place_for_dead_letters_publishing_fails() {
    let webhook = Script::default();
    webhook.answers.lock().unwrap().push_back(Some(410));
    let sink = NotificationSink::new(webhook);
    assert!(sink.publish(Event::text("x")).await.is_err());
}
