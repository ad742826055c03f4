//! The log of a stream's forks: made with the first fork, gone with the stream.
//!
//! Other servers may write it, too, so nothing is recorded before everything there is known.

use std::sync::Arc;

use stream_log::{
    AppendBatch, AppendError, Log, LogConfig, LogExt, LogName, LogStore, LogStoreExt, ReadFrom,
};
use stream_model::Offset;
use stream_model::now::now;
use stream_protocol::durable::{Family, FamilyEvent, Refusal, StreamPath};

use super::respond::{append_refused, read_refused, store_refused};
use super::streams::reserved_log;

/// A stream's family, as its log tells it.
#[derive(Debug)]
pub(super) struct FamilyLog {
    name: LogName,
    log: Option<Arc<dyn Log>>,
    family: Family,
    /// The first record that is not known.
    next: Offset,
}

impl FamilyLog {
    /// Reads the family of the stream at `path`.
    pub(super) async fn load(store: &dyn LogStore, path: &StreamPath) -> Result<Self, Refusal> {
        let name = reserved_log("forks", path.as_str());
        let mut own = Self { name, log: None, family: Family::default(), next: Offset::ZERO };
        own.refresh(store).await?;
        Ok(own)
    }

    /// Reads what was recorded since.
    pub(super) async fn refresh(&mut self, store: &dyn LogStore) -> Result<(), Refusal> {
        if self.log.is_none() {
            self.log = store.get(&self.name).await.map_err(|error| store_refused(&error))?;
        }
        let Some(log) = &self.log else { return Ok(()) };
        let new = log.read_all(ReadFrom::Offset(self.next)).await;
        let new = new.map_err(|error| read_refused(&error))?;
        for record in &new.records {
            self.family.take(&record.payload);
        }
        self.next = new.next;
        Ok(())
    }

    pub(super) fn family(&self) -> &Family {
        &self.family
    }

    /// Takes note of an event, for good, if the family then allows it; `allows` may be asked again
    /// when another server was faster.
    pub(super) async fn record(
        &mut self,
        store: &dyn LogStore,
        event: FamilyEvent,
        allows: impl Fn(&Family) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        loop {
            self.refresh(store).await?;
            allows(&self.family)?;
            let log = match &self.log {
                Some(log) => log,
                None => {
                    let made = store.get_or_create(&self.name, LogConfig::default()).await;
                    self.log.insert(made.map_err(|error| store_refused(&error))?)
                }
            };
            let batch = AppendBatch::new(now()).record(event.encode()).expected_tail(self.next);
            match log.append(batch).await {
                Ok(receipt) => {
                    self.next = receipt.next;
                    self.family.apply(event);
                    return Ok(());
                }
                Err(AppendError::TailMismatch { .. }) => {}
                Err(error) => return Err(append_refused(&error)),
            }
        }
    }

    /// Lets go of the log.
    pub(super) async fn delete(&mut self, store: &dyn LogStore) -> Result<(), Refusal> {
        if self.log.take().is_some() {
            store.delete(&self.name).await.map_err(|error| store_refused(&error))?;
        }
        Ok(())
    }
}
