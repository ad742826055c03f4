//! One log in memory.

use std::collections::VecDeque;

use async_trait::async_trait;
use parking_lot::Mutex;
use stream_model::now::new_epoch;
use stream_model::{Epoch, Offset, ProducerState};
use time::OffsetDateTime;

use crate::{
    Admission, AppendBatch, AppendError, AppendReceipt, Durability, Log, LogConfig, Producers,
    ReadBatch, ReadError, ReadFrom, ReadLimit, Record, Tail, TailSender, TailState, TrimError,
    tail_channel,
};

/// A log whose records live in this process and end with it.
#[derive(Debug)]
pub struct MemoryLog {
    config: LogConfig,
    contents: Mutex<Contents>,
    tail: TailSender,
}

/// What changes, under one lock; the lock is never held for longer than one batch takes.
#[derive(Debug)]
struct Contents {
    records: VecDeque<Record>,
    state: TailState,
    bytes: u64,
    producers: Producers,
    /// When the last batch came; decides expiry.
    touched: Option<OffsetDateTime>,
}

impl MemoryLog {
    /// An empty log in a fresh epoch.
    pub fn new(config: LogConfig) -> Self {
        Self::with_epoch(config, new_epoch())
    }

    /// An empty log in this epoch.
    pub fn with_epoch(config: LogConfig, epoch: Epoch) -> Self {
        let state = TailState::new(epoch);
        let contents = Contents {
            records: VecDeque::new(),
            state,
            bytes: 0,
            producers: Producers::default(),
            touched: None,
        };
        Self { config, contents: Mutex::new(contents), tail: tail_channel(state).0 }
    }

    /// Tells readers that the log is gone; every later operation says so.
    pub(super) fn mark_deleted(&self) {
        let mut contents = self.contents.lock();
        contents.records.clear();
        contents.state.deleted = true;
        self.tail.send(contents.state);
    }

    /// Whether the log's time has run out at `now`; one that never got a batch starts its time now.
    pub(super) fn is_expired(&self, now: OffsetDateTime) -> bool {
        let Some(ttl) = self.config.ttl else { return false };
        let touched = *self.contents.lock().touched.get_or_insert(now);
        now - touched >= ttl
    }

    fn append_now(&self, batch: AppendBatch) -> Result<AppendReceipt, AppendError> {
        let mut contents = self.contents.lock();
        if let Some(duplicate) = contents.check(&batch, &self.config)? {
            return Ok(duplicate);
        }
        let receipt = contents.commit(batch);
        // Ages are counted from the newest record: a batch without any changes nothing.
        if receipt.next > receipt.first {
            contents.retain(&self.config);
        }
        self.tail.send(contents.state);
        Ok(receipt)
    }
}

impl Contents {
    /// Whether the batch may be appended; the old receipt if it was before.
    fn check(
        &self,
        batch: &AppendBatch,
        config: &LogConfig,
    ) -> Result<Option<AppendReceipt>, AppendError> {
        let Self { state, bytes, producers, .. } = self;
        let producers = Some(producers);
        let durability = Durability::Memory;
        Admission { state: *state, bytes: *bytes, config, producers, durability }.judge(batch)
    }

    /// Appends a batch that was checked.
    fn commit(&mut self, batch: AppendBatch) -> AppendReceipt {
        let first = self.state.next;
        let timestamp = batch.timestamp;
        self.bytes = self.bytes.saturating_add(batch.payload_bytes() as u64);
        for payload in batch.records {
            let offset = self.state.next;
            self.records.push_back(Record { offset, timestamp, payload });
            self.state.next = offset.next();
        }
        self.state.closed |= batch.close;
        self.touched = Some(timestamp);
        let next = self.state.next;
        if let Some(producer) = batch.producer {
            let state = ProducerState { epoch: producer.epoch, seq: producer.seq, first, next };
            self.producers.put(producer.id, state);
        }
        let (epoch, durability) = (self.state.epoch, Durability::Memory);
        AppendReceipt { epoch, first, next, durability, duplicate: false }
    }

    /// Lets go of what retention does not keep; the newest record stays.
    fn retain(&mut self, config: &LogConfig) {
        let keep = config.retention;
        let Some(newest) = self.records.back().map(|record| record.timestamp) else { return };
        while self.records.len() > 1 {
            let aged = keep.age_max.is_some_and(|age| {
                self.records.front().is_some_and(|record| newest - record.timestamp > age)
            });
            let over = self.records.len() as u64 > keep.records_max || self.bytes > keep.bytes_max;
            if !aged && !over {
                return;
            }
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some(record) = self.records.pop_front() {
            self.bytes = self.bytes.saturating_sub(record.payload.len() as u64);
            self.state.earliest = record.offset.next();
        }
    }

    fn read(&self, from: ReadFrom, limit: ReadLimit) -> Result<ReadBatch, ReadError> {
        let start = self.state.resolve(from)?;
        let skip = usize::try_from(start.since(self.state.earliest)).unwrap_or(usize::MAX);
        let mut records = Vec::new();
        let mut bytes = 0_usize;
        for record in self.records.range(skip.min(self.records.len())..) {
            bytes = bytes.saturating_add(record.payload.len());
            let over = records.len() >= limit.records_max || bytes > limit.bytes_max;
            if over && !records.is_empty() {
                break;
            }
            records.push(record.clone());
        }
        Ok(ReadBatch {
            epoch: self.state.epoch,
            next: start.plus(records.len() as u64),
            tail: self.state.next,
            closed: self.state.closed,
            records,
        })
    }
}

#[async_trait]
impl Log for MemoryLog {
    async fn append(&self, batch: AppendBatch) -> Result<AppendReceipt, AppendError> {
        self.append_now(batch)
    }

    async fn read(&self, from: ReadFrom, limit: ReadLimit) -> Result<ReadBatch, ReadError> {
        self.contents.lock().read(from, limit)
    }

    async fn tail(&self) -> Result<Tail, ReadError> {
        Ok(self.tail.tail())
    }

    async fn trim(&self, before: Offset) -> Result<(), TrimError> {
        let mut contents = self.contents.lock();
        let TailState { next, deleted, .. } = contents.state;
        if deleted {
            return Err(TrimError::Deleted);
        }
        if before > next {
            return Err(TrimError::BeyondTail { asked: before, tail: next });
        }
        while contents.records.front().is_some_and(|record| record.offset < before) {
            contents.drop_first();
        }
        self.tail.send(contents.state);
        Ok(())
    }

    async fn close(&self) -> Result<Tail, AppendError> {
        let mut contents = self.contents.lock();
        if contents.state.deleted {
            return Err(AppendError::Deleted);
        }
        contents.state.closed = true;
        self.tail.send(contents.state);
        Ok(self.tail.tail())
    }
}
