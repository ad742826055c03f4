//! A process that freezes, as by SIGSTOP, and loses answers: logs as such a process sees them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use stream_log::{
    AppendBatch, AppendError, AppendReceipt, Log, LogConfig, LogName, LogStore, MemoryStore,
    Namespace, ReadBatch, ReadError, ReadFrom, ReadLimit, StoreError, Tail, TrimError,
};
use stream_model::Offset;
use time::OffsetDateTime;
use tokio::sync::watch;
use tokio::time::sleep;

/// A process.
#[derive(Debug, Clone)]
pub(super) struct Frail {
    frozen: watch::Sender<bool>,
    /// Of so many appends one fails, and perhaps happened.
    lost_of: u64,
    random: Arc<Mutex<fastrand::Rng>>,
    reads: Arc<AtomicUsize>,
}

impl Default for Frail {
    fn default() -> Self {
        Self::losing_one_in(u64::MAX, 0)
    }
}

impl Frail {
    pub(super) fn losing_one_in(lost_of: u64, seed: u64) -> Self {
        let random = Arc::new(Mutex::new(fastrand::Rng::with_seed(seed)));
        Self { frozen: watch::Sender::new(false), lost_of, random, reads: Arc::default() }
    }

    /// Has nothing that it asked for answered, and nothing that it asks for done, or goes on.
    pub(super) fn freeze(&self, is_frozen: bool) {
        self.frozen.send_replace(is_frozen);
    }

    /// How often it has read any of its logs.
    pub(super) fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    pub(super) fn log(&self, log: Arc<dyn Log>) -> Arc<dyn Log> {
        Arc::new(FrailLog { log, frail: self.clone() })
    }

    pub(super) fn store(&self, store: &Arc<MemoryStore>) -> Arc<dyn LogStore> {
        Arc::new(FrailStore { store: Arc::clone(store), frail: self.clone() })
    }

    async fn thaw(&self) {
        while *self.frozen.borrow() {
            assert!(self.frozen.subscribe().wait_for(|is_frozen| !is_frozen).await.is_ok());
            // Its threads go on in any order.
            let pause = self.random.lock().u64(..100);
            sleep(Duration::from_millis(pause)).await;
        }
    }

    /// Does something, unless it is frozen before, and hears of it, unless it is frozen after.
    async fn pass<T>(&self, work: impl Future<Output = T>) -> T {
        self.thaw().await;
        let done = work.await;
        // Others have their turn, and it may be frozen between the deed and the answer.
        tokio::task::yield_now().await;
        self.thaw().await;
        done
    }

    fn loses(&self) -> bool {
        self.random.lock().u64(..self.lost_of) == 0
    }
}

#[derive(Debug)]
struct FrailLog {
    log: Arc<dyn Log>,
    frail: Frail,
}

#[async_trait]
impl Log for FrailLog {
    async fn append(&self, batch: AppendBatch) -> Result<AppendReceipt, AppendError> {
        let lost = || AppendError::Backend("nobody knows".into());
        if self.frail.loses() {
            return Err(lost());
        }
        let appended = self.frail.pass(self.log.append(batch)).await;
        if self.frail.loses() { Err(lost()) } else { appended }
    }

    async fn read(&self, from: ReadFrom, limit: ReadLimit) -> Result<ReadBatch, ReadError> {
        self.frail.reads.fetch_add(1, Ordering::Relaxed);
        self.frail.pass(self.log.read(from, limit)).await
    }

    async fn tail(&self) -> Result<Tail, ReadError> {
        self.frail.pass(self.log.tail()).await
    }

    async fn trim(&self, before: Offset) -> Result<(), TrimError> {
        self.frail.pass(self.log.trim(before)).await
    }

    async fn close(&self) -> Result<Tail, AppendError> {
        self.frail.pass(self.log.close()).await
    }
}

#[derive(Debug)]
struct FrailStore {
    store: Arc<MemoryStore>,
    frail: Frail,
}

#[async_trait]
impl LogStore for FrailStore {
    async fn create(&self, name: &LogName, config: LogConfig) -> Result<Arc<dyn Log>, StoreError> {
        let log = self.frail.pass(self.store.create(name, config)).await?;
        Ok(self.frail.log(log))
    }

    async fn get(&self, name: &LogName) -> Result<Option<Arc<dyn Log>>, StoreError> {
        let log = self.frail.pass(self.store.get(name)).await?;
        Ok(log.map(|log| self.frail.log(log)))
    }

    async fn delete(&self, name: &LogName) -> Result<bool, StoreError> {
        self.frail.pass(self.store.delete(name)).await
    }

    async fn list(
        &self,
        namespace: Namespace,
        after: Option<&LogName>,
        limit: usize,
    ) -> Result<Vec<LogName>, StoreError> {
        self.frail.pass(self.store.list(namespace, after, limit)).await
    }

    async fn sweep(&self, now: OffsetDateTime) -> Result<usize, StoreError> {
        self.frail.pass(self.store.sweep(now)).await
    }
}
