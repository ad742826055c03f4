//! One lock for each path, so that a stream is made, loaded or deleted by one request at a time.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use stream_protocol::durable::StreamPath;
use tokio::sync::OwnedMutexGuard;

/// Locks that are held or wanted now.
#[derive(Debug, Default)]
pub(super) struct PathLocks(Mutex<HashMap<StreamPath, Arc<tokio::sync::Mutex<()>>>>);

impl PathLocks {
    /// Waits for the path's lock.
    pub(super) async fn lock(&self, path: &StreamPath) -> OwnedMutexGuard<()> {
        let lock = {
            let mut locks = self.0.lock();
            if locks.len() == locks.capacity() {
                // What only this table holds, nobody holds or waits for.
                locks.retain(|_, lock| Arc::strong_count(lock) > 1);
            }
            Arc::clone(locks.entry(path.clone()).or_default())
        };
        lock.lock_owned().await
    }
}
