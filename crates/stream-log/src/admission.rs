//! Whether a batch may be appended: the rules that every backend keeps, in one place.

use stream_model::{ProducerError, Verdict};

use crate::{AppendBatch, AppendError, AppendReceipt, Durability, LogConfig, Producers, TailState};

/// How a log stands when a batch comes, with everything counted that came before.
#[derive(Debug, Clone, Copy)]
pub struct Admission<'a> {
    /// Where it ends.
    pub state: TailState,
    /// Bytes of payload that it holds.
    pub bytes: u64,
    /// What it was created with.
    pub config: &'a LogConfig,
    /// The producers that it remembers, if any.
    pub producers: Option<&'a Producers>,
    /// The strongest class that the backend has, and the one it gives unless asked otherwise.
    pub durability: Durability,
}

impl Admission<'_> {
    /// Whether the batch is to be appended; the receipt of then if it was before.
    ///
    /// # Errors
    /// [`AppendError`] if it is neither; nothing of it may be written.
    pub fn judge(&self, batch: &AppendBatch) -> Result<Option<AppendReceipt>, AppendError> {
        let TailState { next, closed, deleted, .. } = self.state;
        if deleted {
            return Err(AppendError::Deleted);
        }
        match self.judge_producer(batch) {
            Ok(Some(receipt)) => return Ok(Some(receipt)),
            // A fenced producer hears of it even from a closed log; others hear of the closing.
            Err(error) if !closed || matches!(error, ProducerError::Fenced { .. }) => {
                return Err(error.into());
            }
            Ok(None) | Err(_) => {}
        }
        if closed {
            return Err(AppendError::Closed { tail: next });
        }
        if batch.records.is_empty() && !batch.close {
            return Err(AppendError::Empty);
        }
        if let Some(asked) = batch.durability
            && asked > self.durability
        {
            return Err(AppendError::Durability { asked, available: self.durability });
        }
        if let Some(expected) = batch.expected_tail
            && expected != next
        {
            return Err(AppendError::TailMismatch { expected, actual: next });
        }
        match self.config.bytes_max {
            Some(limit) if self.bytes.saturating_add(batch.payload_bytes() as u64) > limit => {
                Err(AppendError::Full { limit })
            }
            _ => Ok(None),
        }
    }

    fn judge_producer(&self, batch: &AppendBatch) -> Result<Option<AppendReceipt>, ProducerError> {
        let Some(producer) = &batch.producer else { return Ok(None) };
        let state = self.producers.and_then(|producers| producers.get(&producer.id));
        Ok(match (producer.judge(state)?, state) {
            (Verdict::Duplicate, Some(state)) => Some(AppendReceipt {
                epoch: self.state.epoch,
                first: state.first,
                next: state.next,
                durability: self.durability,
                duplicate: true,
            }),
            _ => None,
        })
    }
}
