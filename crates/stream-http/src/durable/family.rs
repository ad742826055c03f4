//! The log of a stream's forks: made with the first fork, gone with the stream.

use std::sync::Arc;

use stream_log::{AppendBatch, Log, LogConfig, LogExt, LogName, LogStore, LogStoreExt, ReadFrom};
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
}

impl FamilyLog {
    /// Reads the family of the stream at `path`.
    pub(super) async fn load(store: &dyn LogStore, path: &StreamPath) -> Result<Self, Refusal> {
        let name = reserved_log("forks", path.as_str());
        let log = store.get(&name).await.map_err(|error| store_refused(&error))?;
        let family = match &log {
            None => Family::default(),
            Some(log) => {
                let all = log.read_all(ReadFrom::Earliest).await;
                let all = all.map_err(|error| read_refused(&error))?;
                Family::read(all.records.iter().map(|record| &record.payload))
            }
        };
        Ok(Self { name, log, family })
    }

    pub(super) fn family(&self) -> &Family {
        &self.family
    }

    /// Takes note of an event, for good.
    pub(super) async fn record(
        &mut self,
        store: &dyn LogStore,
        event: FamilyEvent,
    ) -> Result<(), Refusal> {
        let log = match &self.log {
            Some(log) => log,
            None => {
                let made = store.get_or_create(&self.name, LogConfig::default()).await;
                self.log.insert(made.map_err(|error| store_refused(&error))?)
            }
        };
        let appended = log.append(AppendBatch::new(now()).record(event.encode())).await;
        appended.map(|_| ()).map_err(|error| append_refused(&error))?;
        self.family.apply(event);
        Ok(())
    }

    /// Lets go of the log.
    pub(super) async fn delete(&mut self, store: &dyn LogStore) -> Result<(), Refusal> {
        if self.log.take().is_some() {
            store.delete(&self.name).await.map_err(|error| store_refused(&error))?;
        }
        Ok(())
    }
}
