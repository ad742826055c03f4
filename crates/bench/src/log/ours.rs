//! The log on disk of this workspace.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use millstream::disk::{DiskOptions, DiskStore};
use millstream::log::{
    AppendBatch, Durability, Log, LogConfig, LogName, LogStore, LogStoreExt, Namespace, ReadFrom,
    ReadLimit,
};
use millstream::model::now::now;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use super::{Contestant, RECORD_BYTES, records};

/// A store with one log that everybody writes to, or with several that take turns.
///
/// The threads that append commit before they sleep, as the event loops of the server do.
pub struct Ours {
    runtime: Runtime,
    logs: Vec<Arc<dyn Log>>,
}

impl std::fmt::Debug for Ours {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ours").field("logs", &self.logs).finish_non_exhaustive()
    }
}

fn name(text: &str) -> anyhow::Result<LogName> {
    Ok(LogName::new(Namespace::Topic, text)?)
}

impl Contestant for Ours {
    fn open(path: &Path) -> anyhow::Result<Self> {
        Self::with_logs(path, 1)
    }

    fn name(&self) -> &'static str {
        "millstream"
    }

    fn append(&self, records: &[Vec<u8>]) -> anyhow::Result<()> {
        let payloads = records.iter().map(|record| Bytes::copy_from_slice(record));
        let batch = AppendBatch::new(now()).records(payloads);
        let log = self.logs.first().context("no log")?;
        let receipt = self.runtime.block_on(log.append(batch))?;
        ensure!(receipt.durability == Durability::Disk, "not on the disk");
        Ok(())
    }

    fn read(&self) -> anyhow::Result<usize> {
        self.runtime.block_on(async {
            let mut count = 0;
            for log in &self.logs {
                count += read_whole(&**log).await?;
            }
            Ok(count)
        })
    }
}

/// Reads a log from its first record to its last; says how many there are.
async fn read_whole(log: &dyn Log) -> anyhow::Result<usize> {
    let limit = ReadLimit { records_max: 8192, bytes_max: 4 << 20 };
    let (mut from, mut count) = (ReadFrom::Earliest, 0);
    loop {
        let batch = log.read(from, limit).await?;
        let whole = batch.records.iter().all(|one| one.payload.len() == RECORD_BYTES);
        ensure!(whole, "a record has another length");
        count += batch.records.len();
        if batch.next == batch.tail {
            return Ok(count);
        }
        from = ReadFrom::Offset(batch.next);
    }
}

impl Ours {
    /// A store with so many logs.
    ///
    /// # Errors
    /// What the engine says.
    pub fn with_logs(path: &Path, logs: usize) -> anyhow::Result<Self> {
        let store = DiskStore::open(path, DiskOptions::default())?;
        let committed = store.clone();
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .on_thread_park(move || committed.commit_before_sleep())
            .build()?;
        let made = (0..logs).map(|number| {
            let name = name(&format!("bench-{number}"))?;
            Ok(runtime.block_on(store.get_or_create(&name, LogConfig::default()))?)
        });
        let logs = made.collect::<anyhow::Result<_>>()?;
        Ok(Self { runtime, logs })
    }

    /// As [`write_at_once`](super::write_at_once), with tasks in the place of threads, and
    /// each of them on a log of its own if there are so many.
    ///
    /// # Errors
    /// What the engine says.
    pub fn write_at_once(&self, writers: usize, each: usize) -> anyhow::Result<()> {
        let record = Bytes::from(records(1).pop().context("one record")?);
        self.runtime.block_on(async {
            let mut tasks = JoinSet::new();
            for log in self.logs.iter().cycle().take(writers) {
                let (log, record) = (Arc::clone(log), record.clone());
                tasks.spawn(async move {
                    for _ in 0..each {
                        let batch = AppendBatch::new(now()).record(record.clone());
                        let receipt = log.append(batch).await?;
                        ensure!(receipt.durability == Durability::Disk, "not on the disk");
                    }
                    Ok(())
                });
            }
            while let Some(done) = tasks.join_next().await {
                done??;
            }
            Ok(())
        })
    }
}

/// Makes so many topics with a record each; says how many bytes of memory one takes.
///
/// # Errors
/// What the engine or the system says.
pub fn idle_topics(path: &Path, topics: usize) -> anyhow::Result<usize> {
    /// Topics that are made at once.
    const AT_ONCE: usize = 256;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let store = DiskStore::open(path, DiskOptions::default())?;
    let before = resident_bytes()?;
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for lane in 0..AT_ONCE {
            let store = store.clone();
            tasks.spawn(async move {
                for topic in (lane..topics).step_by(AT_ONCE) {
                    let name = name(&format!("device-{topic}"))?;
                    let log = store.create(&name, LogConfig::default()).await?;
                    let receipt = log.append(AppendBatch::new(now()).record("state")).await?;
                    ensure!(receipt.next.get() == 1, "a topic of more than one record");
                }
                Ok(())
            });
        }
        while let Some(done) = tasks.join_next().await {
            done??;
        }
        anyhow::Ok(())
    })?;
    Ok(settled_bytes()?.saturating_sub(before) / topics)
}

/// Bytes of memory that this process has once nothing is done any more behind the writers.
fn settled_bytes() -> anyhow::Result<usize> {
    /// Longer than any one thing that the housekeeper does.
    const PAUSE: Duration = Duration::from_secs(3);
    /// After so many of them the process is taken for one that never rests.
    const PAUSES_MAX: usize = 40;
    let mut bytes = resident_bytes()?;
    for _ in 0..PAUSES_MAX {
        std::thread::sleep(PAUSE);
        let now = resident_bytes()?;
        if now == bytes {
            return Ok(now);
        }
        bytes = now;
    }
    anyhow::bail!("memory does not settle: {bytes} bytes and changing")
}

/// Bytes of memory that this process has.
fn resident_bytes() -> anyhow::Result<usize> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).context("no VmRSS")?;
    Ok(kib.parse::<usize>()? << 10)
}
