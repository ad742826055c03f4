//! Many logs under names.

use std::sync::Arc;

use async_trait::async_trait;
use time::OffsetDateTime;

use crate::{Log, LogConfig, LogName, Namespace, StoreError};

/// Creates, finds, lists and deletes logs.
#[async_trait]
pub trait LogStore: Send + Sync + std::fmt::Debug {
    /// Makes a log.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if there is one of that name.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the creation.
    async fn create(&self, name: &LogName, config: LogConfig) -> Result<Arc<dyn Log>, StoreError>;

    /// Finds a log.
    ///
    /// # Errors
    /// [`StoreError::Backend`] if the storage engine failed.
    ///
    /// # Cancel safety
    /// Asking changes nothing.
    async fn get(&self, name: &LogName) -> Result<Option<Arc<dyn Log>>, StoreError>;

    /// Deletes a log and says whether there was one; its readers see that it is deleted.
    ///
    /// # Errors
    /// [`StoreError::Backend`] if the storage engine failed.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the deletion.
    async fn delete(&self, name: &LogName) -> Result<bool, StoreError>;

    /// Up to `limit` names of a space, sorted, that come after `after`.
    ///
    /// # Errors
    /// [`StoreError::Backend`] if the storage engine failed.
    ///
    /// # Cancel safety
    /// Asking changes nothing.
    async fn list(
        &self,
        namespace: Namespace,
        after: Option<&LogName>,
        limit: usize,
    ) -> Result<Vec<LogName>, StoreError>;

    /// Deletes the logs whose [`ttl`](LogConfig::ttl) has run out at `now`; says how many.
    ///
    /// # Errors
    /// [`StoreError::Backend`] if the storage engine failed.
    ///
    /// # Cancel safety
    /// Dropping the future does not undo what was deleted.
    async fn sweep(&self, now: OffsetDateTime) -> Result<usize, StoreError>;
}

/// What follows from the methods of a [`LogStore`].
#[async_trait]
pub trait LogStoreExt: LogStore {
    /// Finds a log, or makes it.
    ///
    /// # Errors
    /// [`StoreError`] but [`StoreError::Exists`].
    ///
    /// # Cancel safety
    /// Dropping the future does not undo the creation.
    async fn get_or_create(
        &self,
        name: &LogName,
        config: LogConfig,
    ) -> Result<Arc<dyn Log>, StoreError> {
        loop {
            if let Some(log) = self.get(name).await? {
                return Ok(log);
            }
            match self.create(name, config).await {
                Err(StoreError::Exists) => {}
                result => return result,
            }
        }
    }
}

impl<S: LogStore + ?Sized> LogStoreExt for S {}
