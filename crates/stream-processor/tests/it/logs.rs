//! Logs as sources and sinks.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use stream_log::{
    Log, LogConfig, LogExt, LogName, LogStore, MemoryLog, MemoryStore, Namespace, ReadFrom,
    ReadLimit, Retention,
};
use stream_model::{Event, Offset, ProducerId, now::now};
use stream_processor::{LogSink, LogSource, RunError, SourceError, StreamProcessor};

pub(crate) fn log() -> Arc<MemoryLog> {
    Arc::new(MemoryLog::new(LogConfig::default()))
}

pub(crate) async fn append(log: &dyn Log, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        let record = Event::new(json!(number)).encode();
        assert!(!log.append_one(now(), record).await.unwrap().duplicate);
    }
}

pub(crate) async fn numbers(log: &dyn Log) -> Vec<u64> {
    let all = log.read_all(ReadFrom::Earliest).await.unwrap();
    all.records.iter().map(|r| Event::decode(&r.payload).unwrap().parse().unwrap()).collect()
}

fn producer(name: &str) -> ProducerId {
    ProducerId::new(name).unwrap()
}

#[tokio::test]
async fn a_pipeline_between_logs_hears_of_what_is_appended_and_ends_with_its_source() {
    let (input, output) = (log(), log());
    append(&*input, 0..3).await;
    let running = StreamProcessor::from_source(LogSource::events(input.clone()))
        .log_sink(LogSink::new(output.clone(), producer("copy")))
        .start()
        .await
        .unwrap();
    running.flush().await.unwrap();
    assert_eq!(numbers(&*output).await, [0, 1, 2]);
    append(&*input, 3..5).await;
    input.close().await.unwrap();
    running.join().await.unwrap();
    assert_eq!(numbers(&*output).await, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn a_source_begins_where_it_is_told_and_positions_are_offsets() {
    let input = log();
    append(&*input, 0..5).await;
    let begin = ReadFrom::Offset(Offset::new(3));
    let source = LogSource::records(input.clone()).from(begin).limit(ReadLimit::records(1));
    let mut output = StreamProcessor::from_source(source).open().await.unwrap();
    let first = output.next().await.unwrap().unwrap();
    assert_eq!(first.offset, Offset::new(3));
    assert_eq!(output.next().await.unwrap().unwrap().offset, Offset::new(4));
    assert!(output.next().now_or_never().is_none());
    append(&*input, 5..7).await;
    // What is there by now still comes.
    output.close();
    assert_eq!(output.map(|record| record.unwrap().offset.get()).collect::<Vec<_>>().await, [5, 6]);
    let beyond = LogSource::records(input).from(ReadFrom::Offset(Offset::new(8)));
    assert!(StreamProcessor::from_source(beyond).open().await.is_err());
}

#[tokio::test]
async fn what_cannot_be_read_is_counted_and_passed_over() {
    let retention = Retention { records_max: 4, ..Retention::default() };
    let input = Arc::new(MemoryLog::new(LogConfig { retention, ..LogConfig::default() }));
    append(&*input, 0..2).await;
    let source = LogSource::events(input.clone()).limit(ReadLimit::records(1));
    let mut output = StreamProcessor::from_source(source).open().await.unwrap();
    assert_eq!(output.next().await.unwrap().unwrap().parse::<u64>().unwrap(), 0);
    append(&*input, 2..5).await;
    let foreign = Bytes::from_static(b"no event");
    assert_eq!(input.append_one(now(), foreign).await.unwrap().first.get(), 5);
    append(&*input, 6..7).await;
    output.close();
    let rest: Vec<u64> =
        output.by_ref().map(|event| event.unwrap().parse::<u64>().unwrap()).collect().await;
    // The first batch held 0 and 1; of the others the last four were left, and one is no event.
    assert_eq!(rest, [1, 3, 4, 6]);
    assert_eq!(output.counts().missed, 2);
}

#[tokio::test]
async fn a_log_that_is_deleted_ends_the_pipeline_with_an_error() {
    let (store, name) = (MemoryStore::default(), LogName::new(Namespace::Topic, "t").unwrap());
    let input = store.create(&name, LogConfig::default()).await.unwrap();
    let mut output = StreamProcessor::from_source(LogSource::records(input)).open().await.unwrap();
    assert!(output.next().now_or_never().is_none());
    assert!(store.delete(&name).await.unwrap());
    let failed = output.next().await.unwrap();
    assert!(matches!(failed, Err(RunError::Source(SourceError::Failed(_)))), "{failed:?}");
    assert!(output.next().await.is_none());
}

#[tokio::test]
async fn each_start_is_a_new_life_of_the_producer_that_shuts_earlier_ones_out() {
    let (input, output) = (log(), log());
    let copy = |epoch| {
        StreamProcessor::from_source(LogSource::events(input.clone()))
            .log_sink(LogSink::new(output.clone(), producer("copy")).epoch(epoch))
    };
    let first = copy(1).start().await.unwrap();
    append(&*input, 0..1).await;
    first.flush().await.unwrap();
    let second = copy(2).start().await.unwrap();
    second.flush().await.unwrap();
    append(&*input, 1..2).await;
    assert!(matches!(first.join().await, Err(RunError::Delivery(_))));
    second.flush().await.unwrap();
    assert_eq!(numbers(&*output).await, [0, 0, 1]);
}

#[tokio::test]
async fn routes_lead_to_logs_too() {
    let (input, even, odd, all) = (log(), log(), log(), log());
    append(&*input, 0..6).await;
    let running = StreamProcessor::from_source(LogSource::events(input.clone()))
        .log_sink_as("even", LogSink::new(even.clone(), producer("p")))
        .log_sink_as("odd", LogSink::new(odd.clone(), producer("q")))
        .log_sink(LogSink::new(all.clone(), producer("r")))
        .route(|event| {
            let is_even = event.parse::<u64>().is_ok_and(|n| n.is_multiple_of(2));
            if is_even { "even" } else { "odd" }.to_owned()
        })
        .start()
        .await
        .unwrap();
    running.drain().await.unwrap();
    assert_eq!(numbers(&*even).await, [0, 2, 4]);
    assert_eq!(numbers(&*odd).await, [1, 3, 5]);
    assert_eq!(numbers(&*all).await, [0, 1, 2, 3, 4, 5]);
}
