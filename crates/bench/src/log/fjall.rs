//! fjall: a key-value store of log-structured trees, its journal synced with each batch.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::ensure;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use super::{Contestant, RECORD_BYTES};

/// A keyspace whose keys are offsets.
pub struct Fjall {
    database: Database,
    records: Keyspace,
    next: AtomicU64,
}

impl std::fmt::Debug for Fjall {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fjall").finish_non_exhaustive()
    }
}

impl Contestant for Fjall {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let database = Database::builder(path).open()?;
        let records = database.keyspace("records", KeyspaceCreateOptions::default)?;
        Ok(Self { database, records, next: AtomicU64::new(0) })
    }

    fn name(&self) -> &'static str {
        "fjall"
    }

    fn append(&self, records: &[Vec<u8>]) -> anyhow::Result<()> {
        let first = self.next.fetch_add(records.len() as u64, Ordering::Relaxed);
        let mut batch = self.database.batch().durability(Some(PersistMode::SyncData));
        for (offset, record) in (first..).zip(records) {
            batch.insert(&self.records, offset.to_be_bytes(), record.as_slice());
        }
        batch.commit()?;
        Ok(())
    }

    fn read(&self) -> anyhow::Result<usize> {
        let mut count = 0;
        for found in self.records.iter() {
            ensure!(found.value()?.len() == RECORD_BYTES, "a record has another length");
            count += 1;
        }
        Ok(count)
    }
}
