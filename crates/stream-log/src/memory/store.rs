//! Many logs in memory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::RwLock;
use time::OffsetDateTime;

use super::MemoryLog;
use crate::{Log, LogConfig, LogName, LogStore, Namespace, StoreError};

/// Logs that a store holds unless it is told otherwise; one more is refused.
const LOGS_MAX: usize = 1_000_000;

/// Logs whose records live in this process and end with it.
#[derive(Debug)]
pub struct MemoryStore {
    logs: RwLock<BTreeMap<LogName, Arc<MemoryLog>>>,
    logs_max: usize,
}

impl MemoryStore {
    /// An empty store for up to a million logs.
    pub fn new() -> Self {
        Self::with_limit(LOGS_MAX)
    }

    /// An empty store for up to `logs_max` logs.
    pub fn with_limit(logs_max: usize) -> Self {
        Self { logs: RwLock::default(), logs_max }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl LogStore for MemoryStore {
    async fn create(&self, name: &LogName, config: LogConfig) -> Result<Arc<dyn Log>, StoreError> {
        let mut logs = self.logs.write();
        if logs.contains_key(name) {
            return Err(StoreError::Exists);
        }
        if logs.len() >= self.logs_max {
            return Err(StoreError::Full { limit: self.logs_max });
        }
        let log = Arc::new(MemoryLog::new(config));
        logs.insert(name.clone(), Arc::clone(&log));
        Ok(log)
    }

    async fn get(&self, name: &LogName) -> Result<Option<Arc<dyn Log>>, StoreError> {
        Ok(self.logs.read().get(name).map(|log| Arc::clone(log) as Arc<dyn Log>))
    }

    async fn delete(&self, name: &LogName) -> Result<bool, StoreError> {
        let removed = self.logs.write().remove(name);
        if let Some(log) = &removed {
            log.mark_deleted();
        }
        Ok(removed.is_some())
    }

    async fn list(
        &self,
        namespace: Namespace,
        after: Option<&LogName>,
        limit: usize,
    ) -> Result<Vec<LogName>, StoreError> {
        let logs = self.logs.read();
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let names = logs.range((start, Bound::Unbounded)).map(|(name, _)| name);
        Ok(names.filter(|name| name.namespace() == namespace).take(limit).cloned().collect())
    }

    async fn sweep(&self, now: OffsetDateTime) -> Result<usize, StoreError> {
        let mut expired = Vec::new();
        self.logs.write().retain(|_, log| {
            let keep = !log.is_expired(now);
            if !keep {
                expired.push(Arc::clone(log));
            }
            keep
        });
        for log in &expired {
            log.mark_deleted();
        }
        Ok(expired.len())
    }
}
