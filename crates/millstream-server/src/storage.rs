//! The store that a server keeps everything in.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;
use millstream::disk::{DiskOptions, DiskStore, Usage};
use millstream::http::AppOptions;
use millstream::log::{LogStore, MemoryStore};
use tracing::warn;

use crate::config::Storage;

/// An open store.
#[derive(Debug)]
pub(crate) enum Store {
    Disk(DiskStore),
    Memory(Arc<MemoryStore>),
}

impl Store {
    /// Opens what the settings name; what is found damaged is logged.
    pub(crate) async fn open(storage: Storage) -> anyhow::Result<Self> {
        match storage {
            Storage::Memory => Ok(Self::Memory(Arc::new(MemoryStore::new()))),
            Storage::Disk(path) => {
                // Recovery reads and syncs.
                Ok(Self::Disk(tokio::task::spawn_blocking(move || open_disk(path)).await??))
            }
        }
    }

    /// The logs.
    pub(crate) fn logs(&self) -> Arc<dyn LogStore> {
        match self {
            Self::Disk(store) => Arc::new(store.clone()),
            Self::Memory(store) => Arc::clone(store) as _,
        }
    }

    /// Has threads that do nothing but append commit what they append, and `GET /metrics` tell how
    /// much room the log takes.
    pub(crate) fn equip(&self, options: AppOptions) -> AppOptions {
        let Self::Disk(store) = self else { return options };
        let gauge = |read: fn(Usage) -> u64| {
            let store = store.clone();
            move || read(store.usage())
        };
        let committer = store.clone();
        options
            .before_sleep(move || committer.commit_before_sleep())
            .gauge(
                "log_segment_bytes",
                "Bytes of the log's segments",
                gauge(|usage| usage.segment_bytes),
            )
            .gauge(
                "log_garbage_bytes",
                "Bytes let go of since compaction last looked",
                gauge(|usage| usage.garbage_bytes),
            )
            .gauge(
                "log_freed_bytes",
                "Bytes that compaction gave back since the start",
                gauge(|usage| usage.freed_bytes),
            )
    }

    /// Ends in order.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        if let Self::Disk(store) = self {
            tokio::task::spawn_blocking(move || store.close()).await?;
        }
        Ok(())
    }
}

fn open_disk(path: PathBuf) -> anyhow::Result<DiskStore> {
    let opened = DiskStore::open(&path, DiskOptions::default());
    let store = opened.with_context(|| format!("cannot open data folder {}", path.display()))?;
    for damage in store.damage() {
        warn!(%damage, "data folder damaged; the rest is served");
    }
    Ok(store)
}
