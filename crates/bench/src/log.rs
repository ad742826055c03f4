//! Durable logs side by side: what each contestant does, and what it leaves on the disk.

mod fjall;
mod ours;
mod raw;
mod redb;
mod sqlite;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::thread;

pub use fjall::Fjall;
pub use ours::{Ours, idle_topics};
pub use raw::Raw;
pub use redb::Redb;
pub use sqlite::Sqlite;

/// Bytes of each record.
pub const RECORD_BYTES: usize = 200;

/// A record that is like no other, so that nothing is won by compressing it.
pub fn record(chance: &mut fastrand::Rng) -> Vec<u8> {
    let mut record = vec![0; RECORD_BYTES];
    chance.fill(&mut record);
    record
}

/// So many records.
pub fn records(count: usize) -> Vec<Vec<u8>> {
    let mut chance = fastrand::Rng::with_seed(7);
    (0..count).map(|_| record(&mut chance)).collect()
}

/// A durable log.
pub trait Contestant: Send + Sync + 'static {
    /// Opens the folder, or makes it.
    ///
    /// # Errors
    /// What the engine says.
    fn open(path: &Path) -> anyhow::Result<Self>
    where
        Self: Sized;

    /// What it is called in the table.
    fn name(&self) -> &'static str;

    /// Appends the records as one batch and comes back when they are on the disk.
    ///
    /// # Errors
    /// What the engine says.
    fn append(&self, records: &[Vec<u8>]) -> anyhow::Result<()>;

    /// Reads everything back, in order; says how many records there are.
    ///
    /// # Errors
    /// What the engine says, or that a record is not as it was.
    fn read(&self) -> anyhow::Result<usize>;
}

/// Has each of so many writers append `each` records, one by one, waiting for every one.
///
/// # Errors
/// What the engine says.
pub fn write_at_once<C: Contestant>(
    contestant: &Arc<C>,
    writers: usize,
    each: usize,
) -> anyhow::Result<()> {
    let threads: Vec<_> = (0..writers)
        .map(|_| {
            let contestant = Arc::clone(contestant);
            thread::spawn(move || -> anyhow::Result<()> {
                let record = records(1);
                (0..each).try_for_each(|_| contestant.append(&record))
            })
        })
        .collect();
    for thread in threads {
        thread.join().map_err(|_| anyhow::anyhow!("a writer panicked"))??;
    }
    Ok(())
}

/// Bytes of all files in a folder, and in the folders in it.
///
/// # Errors
/// What the system says.
pub fn folder_bytes(path: &Path) -> anyhow::Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let kind = entry.metadata()?;
        bytes += if kind.is_dir() { folder_bytes(&entry.path())? } else { kind.len() };
    }
    Ok(bytes)
}

/// Copies a folder as a killed process would leave it.
///
/// # Errors
/// What the system says.
pub fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.metadata()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)?;
            // What was acknowledged was synced when the process was killed.
            fs::File::open(target)?.sync_all()?;
        }
    }
    Ok(())
}
