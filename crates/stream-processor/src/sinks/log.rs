//! A log as a sink.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stream_log::{AppendBatch, AppendError, Log};
use stream_model::{Event, Producer, ProducerId, ProducerIdError, now};
use tokio::time::{Instant, sleep};

use crate::Retry;
use crate::limits::{APPEND_BYTES, APPEND_RECORDS};

/// A log that a pipeline appends its events to, as an idempotent producer.
///
/// An append whose answer was lost is sent again under the same number, and happens once.
/// In a pipeline that is [resumed](crate::StreamProcessor::resume) the numbers go on where they
/// were, so that each event is appended exactly once, whenever the process is killed.
/// Otherwise every start is a new life of the producer, which shuts earlier ones out.
///
/// No two pipelines that run at the same time may have producers of one name in one log.
#[derive(Debug, Clone)]
pub struct LogSink {
    log: Arc<dyn Log>,
    id: ProducerId,
    epoch: Option<u64>,
}

impl LogSink {
    /// Appends to `log` under the name `id`.
    pub fn new(log: Arc<dyn Log>, id: ProducerId) -> Self {
        Self { log, id, epoch: None }
    }

    /// Says which life of the producer begins with a pipeline that goes on from no checkpoint;
    /// otherwise it is the present in milliseconds since 1970.
    #[must_use]
    pub fn epoch(mut self, epoch: u64) -> Self {
        self.epoch = Some(epoch);
        self
    }

    /// As the owner of a partition appends to it: a producer for each, with a life for each owner.
    pub(crate) fn of_partition(&self, at: (u32, u64)) -> Result<Self, ProducerIdError> {
        let (partition, generation) = at;
        let id = ProducerId::new(&format!("{}/{partition}", self.id.as_str()))?;
        Ok(Self { log: Arc::clone(&self.log), id, epoch: Some(generation) })
    }

    /// The first append of the life that begins now.
    pub(crate) fn begin(&self) -> Sequence {
        let now_ms = || u64::try_from(now::now().unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        Sequence { epoch: self.epoch.unwrap_or_else(now_ms), seq: 0 }
    }

    pub(crate) fn id(&self) -> &ProducerId {
        &self.id
    }

    /// Appends `events` in order, under the numbers that `sequence` gives, and again if that may
    /// help.
    ///
    /// How they are cut into batches depends on the events alone, so that the same events have the
    /// same numbers when they are sent again.
    pub(crate) async fn append(
        &self,
        events: &[&Event],
        sequence: &mut Sequence,
        retry: Option<&Retry>,
    ) -> Result<(), LogSinkError> {
        let records: Vec<Bytes> = events.iter().map(|event| event.encode()).collect();
        for batch in batches(&records) {
            let Sequence { epoch, seq } = *sequence;
            let producer = Producer { id: self.id.clone(), epoch, seq };
            let append = AppendBatch::new(now::now()).records(batch.iter().cloned());
            self.append_once(append.producer(producer), retry).await?;
            sequence.seq += 1;
        }
        Ok(())
    }

    async fn append_once(
        &self,
        append: AppendBatch,
        retry: Option<&Retry>,
    ) -> Result<(), LogSinkError> {
        let (begin, mut attempts) = (Instant::now(), 0);
        loop {
            let Err(error) = self.log.append(append.clone()).await else { return Ok(()) };
            attempts += 1;
            let retry = retry.filter(|_| error.is_retryable());
            match retry.and_then(|retry| retry.delay(attempts, fastrand::f64())) {
                Some(delay) => sleep(delay).await,
                None => return Err(LogSinkError { error, attempts, spent: begin.elapsed() }),
            }
        }
    }
}

/// Why a log did not take events, and how hard that was tried.
#[derive(Debug)]
pub(crate) struct LogSinkError {
    pub(crate) error: AppendError,
    pub(crate) attempts: u32,
    pub(crate) spent: Duration,
}

/// The life of a producer, and the number of its next append.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Sequence {
    epoch: u64,
    seq: u64,
}

impl Sequence {
    /// Begins the life `epoch`, if that is a later one.
    pub(crate) fn begin_life(&mut self, epoch: u64) {
        if epoch > self.epoch {
            *self = Self { epoch, seq: 0 };
        }
    }
}

/// The numbers of each producer's next append, by its name.
pub(crate) type Sequences = HashMap<String, Sequence>;

/// Cuts `records` into appends of [`APPEND_RECORDS`] and [`APPEND_BYTES`] at most.
fn batches(records: &[Bytes]) -> impl Iterator<Item = &[Bytes]> {
    let mut rest = records;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = |record: &&Bytes| {
            bytes += record.len();
            bytes <= APPEND_BYTES
        };
        let count = rest.iter().take(APPEND_RECORDS).take_while(fits).count();
        let (batch, more) = rest.split_at_checked(count.max(1))?;
        rest = more;
        Some(batch)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(lengths: &[usize], want: &[usize]) {
        let records: Vec<Bytes> = lengths.iter().map(|length| vec![0; *length].into()).collect();
        assert_eq!(batches(&records).map(<[Bytes]>::len).collect::<Vec<_>>(), want);
    }

    #[test]
    fn records_are_cut_by_number_and_length() {
        check(&[], &[]);
        check(&[1; APPEND_RECORDS], &[APPEND_RECORDS]);
        check(&[1; APPEND_RECORDS + 1], &[APPEND_RECORDS, 1]);
        check(&[APPEND_BYTES], &[1]);
        check(&[APPEND_BYTES, 1], &[1, 1]);
        check(&[APPEND_BYTES + 1, 1, APPEND_BYTES - 1, 1], &[1, 2, 1]);
    }
}
