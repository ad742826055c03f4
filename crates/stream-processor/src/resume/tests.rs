//! Owners of one partition, one after the other.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stream_log::{AppendBatch, AppendError, Log, LogConfig, LogExt, MemoryLog, ReadFrom};
use stream_model::{Event, Producer, ProducerError, ProducerId, now::now};

use super::Tenure;
use crate::{
    CheckpointError, Checkpoints, LogSink, LogSource, RunError, Running, StartError,
    StreamProcessor,
};

/// The logs of a partition.
struct Partition {
    input: Arc<MemoryLog>,
    output: Arc<MemoryLog>,
    checkpoints: Arc<MemoryLog>,
}

impl Partition {
    fn new() -> Self {
        let log = || Arc::new(MemoryLog::new(LogConfig::default()));
        Self { input: log(), output: log(), checkpoints: log() }
    }

    /// Copies the input by a claim with this generation.
    async fn own(&self, generation: u64) -> Result<Running, StartError> {
        let sink = LogSink::new(self.output.clone(), ProducerId::new("p").unwrap());
        let sink = sink.of_partition((3, generation)).unwrap();
        StreamProcessor::from_source(LogSource::events(self.input.clone()))
            .log_sink(sink)
            .resume_as(
                Checkpoints::new(self.checkpoints.clone()).interval(Duration::ZERO),
                Some(Tenure { generation, counters: Arc::default() }),
            )
            .await
    }

    async fn append(&self, number: u64) {
        let record = Event::new(json!(number)).encode();
        assert!(!self.input.append_one(now(), record).await.unwrap().duplicate);
    }

    async fn copied(&self) -> Vec<u64> {
        let all = self.output.read_all(ReadFrom::Earliest).await.unwrap().records;
        all.iter().map(|r| Event::decode(&r.payload).unwrap().parse().unwrap()).collect()
    }
}

#[tokio::test]
async fn a_later_owner_shuts_an_earlier_one_out_and_not_the_other_way_round() {
    let partition = Partition::new();
    let first = partition.own(7).await.unwrap();
    partition.append(1).await;
    first.flush().await.unwrap();
    let second = partition.own(9).await.unwrap();
    // One that was claimed in between and comes late does not even begin.
    let late = partition.own(8).await;
    assert!(matches!(late, Err(StartError::Checkpoint(CheckpointError::Superseded))), "{late:?}");
    partition.append(2).await;
    let end = first.join().await;
    assert!(matches!(end, Err(RunError::Checkpoint(CheckpointError::Superseded))), "{end:?}");
    second.flush().await.unwrap();
    // The same owner may begin again.
    drop(second);
    partition.own(9).await.unwrap().drain().await.unwrap();
    assert_eq!(partition.copied().await, [1, 2]);
}

#[tokio::test]
async fn the_log_itself_refuses_what_an_earlier_owner_appends() {
    let partition = Partition::new();
    for (generation, number) in [(7, 1), (9, 2)] {
        let owner = partition.own(generation).await.unwrap();
        partition.append(number).await;
        owner.drain().await.unwrap();
    }
    let append = |epoch| {
        let producer = Producer { id: ProducerId::new("p/3").unwrap(), epoch, seq: 1 };
        partition.output.append(AppendBatch::new(now()).record("late").producer(producer))
    };
    for earlier in [0, 7, 8] {
        let refused = append(earlier).await;
        assert!(
            matches!(refused, Err(AppendError::Producer(ProducerError::Fenced { current: 9 }))),
            "{refused:?}"
        );
    }
    assert_eq!(partition.copied().await, [1, 2]);
}
