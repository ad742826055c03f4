//! `SQLite` by rusqlite: a write-ahead log, synced with each transaction (`synchronous=FULL`).

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use anyhow::ensure;
use rusqlite::Connection;

use super::{Contestant, RECORD_BYTES};

/// A table whose keys are offsets; one connection, as it takes one writer at a time.
#[derive(Debug)]
pub struct Sqlite(Mutex<Connection>);

impl Contestant for Sqlite {
    fn open(path: &Path) -> anyhow::Result<Self> {
        std::fs::create_dir_all(path)?;
        let connection = Connection::open(path.join("sqlite"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let table = "CREATE TABLE IF NOT EXISTS records (offset INTEGER PRIMARY KEY, payload BLOB)";
        connection.execute(table, [])?;
        Ok(Self(Mutex::new(connection)))
    }

    fn name(&self) -> &'static str {
        "rusqlite"
    }

    fn append(&self, records: &[Vec<u8>]) -> anyhow::Result<()> {
        let mut connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = connection.transaction()?;
        {
            let insert = "INSERT INTO records (payload) VALUES (?1)";
            let mut insert = transaction.prepare_cached(insert)?;
            for record in records {
                insert.execute([record])?;
            }
        }
        transaction.commit()?;
        Ok(())
    }

    fn read(&self) -> anyhow::Result<usize> {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut select = connection.prepare("SELECT payload FROM records ORDER BY offset")?;
        let mut rows = select.query([])?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let payload = row.get_ref(0)?.as_blob()?;
            ensure!(payload.len() == RECORD_BYTES, "a record has another length");
            count += 1;
        }
        Ok(count)
    }
}
