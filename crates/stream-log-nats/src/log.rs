//! One log of a store on a cluster.

use std::sync::Arc;

use async_trait::async_trait;
use stream_log::{
    AppendBatch, AppendError, AppendReceipt, Log, ReadBatch, ReadError, ReadFrom, ReadLimit, Tail,
    TrimError,
};
use stream_model::Offset;

use crate::cell::Cell;
use crate::engine::Engine;
use crate::error::NatsError;
use crate::group::{Answer, Ask};

/// A handle of one life of a log; the log outlives it.
#[derive(Debug)]
pub(crate) struct NatsLog {
    engine: Arc<Engine>,
    cell: Arc<Cell>,
}

impl NatsLog {
    pub(crate) fn new(engine: Arc<Engine>, cell: Arc<Cell>) -> Self {
        Self { engine, cell }
    }
}

/// An answer that does not belong to what was asked.
fn mixed_up() -> NatsError {
    NatsError::Malformed { at: 0 }
}

#[async_trait]
impl Log for NatsLog {
    async fn append(&self, batch: AppendBatch) -> Result<AppendReceipt, AppendError> {
        match self.engine.submit(&self.cell, Ask::Append(batch)).await {
            Answer::Appended(receipt) => Ok(receipt),
            Answer::Refused(error) => Err(error),
            Answer::Failed(error) => Err(error.into()),
            _ => Err(mixed_up().into()),
        }
    }

    async fn read(&self, from: ReadFrom, limit: ReadLimit) -> Result<ReadBatch, ReadError> {
        self.engine.read(&self.cell, from, limit).await
    }

    async fn tail(&self) -> Result<Tail, ReadError> {
        Ok(self.engine.watch(&self.cell).await?)
    }

    async fn trim(&self, before: Offset) -> Result<(), TrimError> {
        match self.engine.submit(&self.cell, Ask::Trim(before)).await {
            Answer::Done | Answer::Nothing => Ok(()),
            Answer::TrimRefused(error) => Err(error),
            Answer::Failed(error) => Err(error.into()),
            _ => Err(mixed_up().into()),
        }
    }

    async fn close(&self) -> Result<Tail, AppendError> {
        match self.engine.submit(&self.cell, Ask::Close).await {
            Answer::Done | Answer::Nothing => Ok(self.cell.tail()),
            Answer::Refused(error) => Err(error),
            Answer::Failed(error) => Err(error.into()),
            _ => Err(mixed_up().into()),
        }
    }
}
