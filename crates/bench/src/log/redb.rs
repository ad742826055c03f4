//! redb: a copy-on-write tree, each transaction made safe as it is committed.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::ensure;
use redb::{Database, Durability, ReadableDatabase as _, ReadableTable as _, TableDefinition};

use super::{Contestant, RECORD_BYTES};

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");

/// A table whose keys are offsets.
#[derive(Debug)]
pub struct Redb {
    database: Database,
    next: AtomicU64,
}

impl Contestant for Redb {
    fn open(path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path)?;
        let database = Database::create(path.join("redb"))?;
        Ok(Self { database, next: AtomicU64::new(0) })
    }

    fn name(&self) -> &'static str {
        "redb"
    }

    fn append(&self, records: &[Vec<u8>]) -> anyhow::Result<()> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut table = transaction.open_table(RECORDS)?;
            let first = self.next.fetch_add(records.len() as u64, Ordering::Relaxed);
            for (offset, record) in (first..).zip(records) {
                table.insert(offset, record.as_slice())?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn read(&self) -> anyhow::Result<usize> {
        let table = self.database.begin_read()?.open_table(RECORDS)?;
        let mut count = 0;
        for found in table.iter()? {
            ensure!(found?.1.value().len() == RECORD_BYTES, "a record has another length");
            count += 1;
        }
        Ok(count)
    }
}
