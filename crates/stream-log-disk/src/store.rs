//! The store: an engine, its two threads, and the logs in it by name.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use async_trait::async_trait;
use parking_lot::Mutex;
use stream_log::{Log, LogConfig, LogName, LogStore, Namespace, StoreError};
use time::OffsetDateTime;

use crate::engine::{Attempt, Cell, Engine};
use crate::error::{Damage, DiskError, OpenError};
use crate::log::DiskLog;
use crate::meter::CommitStats;
use crate::options::{DiskOptions, Usage};
use crate::vfs::{OsVfs, Vfs};

/// Logs in one folder of a disk.
///
/// # Overload
///
/// Writers wait while the disk syncs what came before, and share the next sync.
/// When there is no room on the disk, appends fail with [`DiskError::NoRoom`] and nothing is
/// written; once there is room they succeed again.
///
/// # End of life
///
/// [`close`](Self::close) ends it in order; dropping the last handle of the store and of its logs
/// does the same.
/// After a failed write or sync, nothing is written any more ([`DiskError::Poisoned`]), and reads
/// go on; the folder must be opened again.
#[derive(Debug, Clone)]
pub struct DiskStore {
    shared: Arc<Shared>,
}

/// What the handles of a store and of its logs share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) engine: Arc<Engine>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl DiskStore {
    /// Opens the folder at `path`, or makes it.
    ///
    /// Reads the newest segments and syncs; blocks the thread for as long.
    ///
    /// # Errors
    /// [`OpenError`] if another process has the folder, another version wrote it, or the system
    /// refuses something.
    pub fn open(path: &Path, options: DiskOptions) -> Result<Self, OpenError> {
        let vfs = OsVfs::take(path).map_err(|error| match error.kind() {
            std::io::ErrorKind::WouldBlock => OpenError::Locked,
            _ => OpenError::Io(error),
        })?;
        Self::open_on(Arc::new(vfs), options)
    }

    /// Opens a folder of another file system.
    ///
    /// # Errors
    /// As [`open`](Self::open), but for the lock, which is the caller's business.
    pub fn open_on(vfs: Arc<dyn Vfs>, options: DiskOptions) -> Result<Self, OpenError> {
        let engine = Arc::new(Engine::open(vfs, options)?);
        let shared = Shared { engine, threads: Mutex::default() };
        let commit = |engine: &Engine| {
            while engine.wait_for_work() {
                // Everybody who waits has been told; from here on nothing is written.
                engine.commit(false).ok();
            }
        };
        let keep_house = |engine: &Engine| {
            while engine.wait_for_chores() {
                engine.do_chore();
            }
        };
        shared.spawn("log-commit", commit)?;
        shared.spawn("log-house", keep_house)?;
        Ok(Self { shared: Arc::new(shared) })
    }

    /// What was found damaged when the folder was opened; empty for a whole one.
    pub fn damage(&self) -> &[Damage] {
        self.shared.engine.damage()
    }

    /// Why nothing is written any more; `None` while all is well.
    pub fn trouble(&self) -> Option<DiskError> {
        self.shared.engine.trouble()
    }

    /// How much room the segments take.
    pub fn usage(&self) -> Usage {
        self.shared.engine.usage()
    }

    /// How it has committed since it was opened.
    pub fn commits(&self) -> CommitStats {
        self.shared.engine.meter.stats()
    }

    /// Ends in order: what is pending is committed, and every later operation but a read fails
    /// with [`DiskError::Closed`].
    ///
    /// Blocks the thread while the disk syncs.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Commits what the calling thread appended, in that thread.
    ///
    /// For threads that call it each time before they sleep: from the first call on, appends of
    /// that thread do not wake the store's own committer.
    /// It blocks while the disk syncs; appends of other threads do not wait for it to be called.
    ///
    /// Such threads are event loops, and those of a runtime whose tasks mostly wait for the log
    /// (`on_thread_park` of tokio's builder): there it makes many small appends half as fast again.
    /// A thread that never sleeps, or that also sleeps without this call (`block_in_place`), must not
    /// call it: its appends could wait for ever.
    pub fn commit_before_sleep(&self) {
        self.shared.engine.commit_before_sleep();
    }

    fn log(&self, cell: Arc<Cell>) -> Arc<dyn Log> {
        Arc::new(DiskLog::new(Arc::clone(&self.shared), cell))
    }
}

impl Shared {
    fn spawn(&self, name: &str, run: fn(&Engine)) -> std::io::Result<()> {
        let engine = Arc::clone(&self.engine);
        let thread = std::thread::Builder::new().name(name.to_owned());
        self.threads.lock().push(thread.spawn(move || run(&engine))?);
        Ok(())
    }

    fn close(&self) {
        let mut threads = self.threads.lock();
        self.engine.stop();
        if threads.is_empty() {
            return;
        }
        for thread in threads.drain(..) {
            // A thread that panicked has nothing left to do.
            thread.join().ok();
        }
        if let Err(error) = self.engine.end() {
            tracing::warn!(%error, "log not closed in order");
        }
    }

    /// Does what `attempt` does: waits for room until it can, and then until it is safe.
    pub(crate) async fn settle<T, E: From<DiskError>>(
        &self,
        mut attempt: impl FnMut(&Engine) -> Result<Attempt<T>, E>,
    ) -> Result<T, E> {
        let mut room = None;
        loop {
            match attempt(&self.engine)? {
                Attempt::Done(value, None) => return Ok(value),
                Attempt::Done(value, Some(wait)) => {
                    let reached = wait.group.wait(wait.phase).await;
                    reached.map_err(|_| self.engine.failure())?;
                    return Ok(value);
                }
                Attempt::NoRoom => {}
            }
            // Room that is made after this is heard of, so one more attempt comes before the wait.
            let Some(room) = &mut room else {
                room = Some(self.engine.room());
                continue;
            };
            let made = room.changed().await;
            let error = room.borrow_and_update().error();
            if let Some(error) = error.or_else(|| made.err().map(|_| DiskError::Closed)) {
                return Err(error.into());
            }
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
    }
}

#[async_trait]
impl LogStore for DiskStore {
    async fn create(&self, name: &LogName, config: LogConfig) -> Result<Arc<dyn Log>, StoreError> {
        let create = |engine: &Engine| engine.create(name.as_str(), config);
        Ok(self.log(self.shared.settle(create).await?))
    }

    async fn get(&self, name: &LogName) -> Result<Option<Arc<dyn Log>>, StoreError> {
        Ok(self.shared.engine.find(name.as_str())?.map(|cell| self.log(cell)))
    }

    async fn delete(&self, name: &LogName) -> Result<bool, StoreError> {
        let Some(cell) = self.shared.engine.find(name.as_str())? else { return Ok(false) };
        let deleted = self.shared.settle(|engine| engine.delete(&cell)).await?;
        self.shared.engine.forget(name.as_str(), &cell);
        Ok(deleted)
    }

    async fn list(
        &self,
        namespace: Namespace,
        after: Option<&LogName>,
        limit: usize,
    ) -> Result<Vec<LogName>, StoreError> {
        let after = after.map(LogName::as_str);
        let names = self.shared.engine.names(namespace.prefix(), after, limit);
        Ok(names.iter().filter_map(|name| LogName::parse(name).ok()).collect())
    }

    async fn sweep(&self, now: OffsetDateTime) -> Result<usize, StoreError> {
        let mut count = 0;
        for (name, cell) in self.shared.engine.expired(now) {
            if self.shared.settle(|engine| engine.expire(&cell, now)).await? {
                self.shared.engine.forget(&name, &cell);
                count += 1;
            }
        }
        Ok(count)
    }
}
