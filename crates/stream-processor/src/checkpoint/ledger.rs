//! The log of a pipeline's checkpoints.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use stream_log::{AppendBatch, AppendError, Log, LogExt as _, ReadFrom};
use stream_model::{Offset, now};
use tokio::time::Instant;
use tracing::warn;

use super::parts::{Assembler, Foreign, cut};
use super::{CheckpointError, Checkpoints};
use crate::limits::{CHECKPOINT_BYTES, CHECKPOINT_PARTS_AT_ONCE};

/// Writes checkpoints, each where the one before ends, and lets go of older ones.
#[derive(Debug)]
pub(crate) struct Ledger {
    log: Arc<dyn Log>,
    interval: Duration,
    /// The number of the next checkpoint.
    number: u64,
    /// Where it will be.
    tail: Offset,
    parts_at_once: usize,
    /// When the next one may be written.
    due: Instant,
}

impl Ledger {
    /// Reads the newest checkpoint, if there is one.
    pub(crate) async fn open(
        options: Checkpoints,
    ) -> Result<(Self, Option<Vec<u8>>), CheckpointError> {
        let Checkpoints { log, interval } = options;
        let all = log.read_all(ReadFrom::Earliest).await?;
        let mut assembler = Assembler::default();
        for record in &all.records {
            let offset = record.offset.get();
            let pushed = assembler.push(&record.payload);
            pushed.map_err(|Foreign| CheckpointError::Foreign { offset })?;
        }
        let (newest, bytes) = assembler.finish().unzip();
        let number = newest.map_or(0, |newest: u64| newest + 1);
        let (tail, due) = (all.next, Instant::now());
        let parts_at_once = CHECKPOINT_PARTS_AT_ONCE;
        Ok((Self { log, interval, number, tail, parts_at_once, due }, bytes))
    }

    /// When the next checkpoint is to be written, if there is something new.
    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Writes a checkpoint; once this has returned, it is the newest.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), CheckpointError> {
        let begin = Instant::now();
        if bytes.len() > CHECKPOINT_BYTES {
            let (bytes, limit) = (bytes.len(), CHECKPOINT_BYTES);
            return Err(CheckpointError::TooLarge { bytes, limit });
        }
        let (first, parts) = (self.tail, cut(self.number, bytes));
        let mut rest = &parts[..];
        while !rest.is_empty() {
            let (batch, more) = rest.split_at(self.parts_at_once.min(rest.len()));
            match self.append(batch).await {
                Err(AppendError::TooLarge { .. }) if batch.len() > 1 => self.parts_at_once = 1,
                Err(AppendError::TailMismatch { .. }) => return Err(CheckpointError::Superseded),
                Err(error) => return Err(CheckpointError::Append(error)),
                Ok(()) => rest = more,
            }
        }
        self.number += 1;
        if let Err(error) = self.log.trim(first).await {
            // It is tried again after the next one.
            warn!(%error, "cannot let go of old checkpoints");
        }
        self.due = Instant::now() + self.interval.max(9 * begin.elapsed());
        Ok(())
    }

    async fn append(&mut self, parts: &[Bytes]) -> Result<(), AppendError> {
        let batch = AppendBatch::new(now::now()).records(parts.iter().cloned());
        let receipt = self.log.append(batch.expected_tail(self.tail)).await?;
        self.tail = receipt.next;
        Ok(())
    }
}
