//! One log of a store on disk.

use std::sync::Arc;

use async_trait::async_trait;
use stream_log::{
    AppendBatch, AppendError, AppendReceipt, Log, ReadBatch, ReadError, ReadFrom, ReadLimit, Tail,
    TrimError,
};
use stream_model::Offset;

use crate::engine::Cell;
use crate::store::Shared;

/// A handle of one log; the log outlives it.
#[derive(Debug)]
pub(crate) struct DiskLog {
    shared: Arc<Shared>,
    cell: Arc<Cell>,
}

impl DiskLog {
    pub(crate) fn new(shared: Arc<Shared>, cell: Arc<Cell>) -> Self {
        Self { shared, cell }
    }
}

#[async_trait]
impl Log for DiskLog {
    async fn append(&self, batch: AppendBatch) -> Result<AppendReceipt, AppendError> {
        self.shared.settle(|engine| engine.append(&self.cell, &batch)).await
    }

    async fn read(&self, from: ReadFrom, limit: ReadLimit) -> Result<ReadBatch, ReadError> {
        let plan = self.shared.engine.plan_read(&self.cell, from, limit)?;
        if !plan.is_cold() {
            return self.shared.engine.fetch(&plan);
        }
        let engine = Arc::clone(&self.shared.engine);
        let read = tokio::task::spawn_blocking(move || engine.fetch(&plan)).await;
        read.map_err(|error| ReadError::Backend(Box::new(error)))?
    }

    async fn tail(&self) -> Result<Tail, ReadError> {
        Ok(self.cell.state.lock().tail().tail())
    }

    async fn trim(&self, before: Offset) -> Result<(), TrimError> {
        self.shared.settle(|engine| engine.trim(&self.cell, before)).await
    }

    async fn close(&self) -> Result<Tail, AppendError> {
        self.shared.settle(|engine| engine.close(&self.cell)).await?;
        Ok(self.cell.state.lock().tail().tail())
    }
}
