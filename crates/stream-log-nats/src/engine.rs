//! What the logs of a store share: the connection, the logs that are known, and the tasks.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;
use stream_log::LogName;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::api::{Api, Stored};
use crate::cell::Cell;
use crate::error::NatsError;
use crate::limits::{CATCH_UP_MESSAGES, CELLS_MAX, PAGE_BYTES, RECENT_BYTES, RECENT_BYTES_PER_LOG};
use crate::message::Message;
use crate::opening::Recipe;
use crate::subject::Layout;
use crate::view::Step;

/// A store's engine.
#[derive(Debug)]
pub(crate) struct Engine {
    pub(crate) api: Api,
    pub(crate) layout: Layout,
    /// How streams are made.
    pub(crate) recipe: Recipe,
    cells: Mutex<HashMap<LogName, Arc<Cell>>>,
    /// Bytes of records that are kept for followed logs.
    recent_bytes: AtomicI64,
    tasks: Mutex<JoinSet<()>>,
    /// Changes with each connection.
    pub(crate) connections: watch::Receiver<u64>,
    pub(crate) counts: Counts,
}

/// What happened since the store was opened.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) messages: AtomicU64,
    pub(crate) conflicts: AtomicU64,
    pub(crate) failures: AtomicU64,
    pub(crate) jumps: AtomicU64,
    pub(crate) losses: AtomicU64,
}

/// Counts one more.
pub(crate) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Engine {
    pub(crate) fn new(
        api: Api,
        layout: Layout,
        recipe: Recipe,
        connections: watch::Receiver<u64>,
    ) -> Self {
        Self {
            api,
            layout,
            recipe,
            cells: Mutex::default(),
            recent_bytes: AtomicI64::new(0),
            tasks: Mutex::default(),
            connections,
            counts: Counts::default(),
        }
    }

    /// Runs a task that ends by itself, or with the engine.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// The logs that are held.
    pub(crate) fn cells(&self) -> Vec<Arc<Cell>> {
        self.cells.lock().values().cloned().collect()
    }

    /// A log that is held, if it is not over.
    pub(crate) fn known(&self, name: &LogName) -> Option<Arc<Cell>> {
        let cell = self.cells.lock().get(name).cloned()?;
        (!cell.state().deleted).then_some(cell)
    }

    /// Finds a log, asking the cluster if it was not heard of just now.
    pub(crate) async fn find(&self, name: &LogName) -> Result<Option<Arc<Cell>>, NatsError> {
        let place = self.layout.place(name);
        self.settle(&place.shard).await?;
        if let Some(cell) = self.known(name) {
            if !cell.is_fresh(Instant::now()) {
                match self.catch_up(&cell).await {
                    // What is left of it is found below.
                    Ok(()) | Err(NatsError::Lost) => {}
                    Err(error) => return Err(error),
                }
            }
            if !cell.state().deleted {
                return Ok(Some(cell));
            }
        }
        let asked = (Instant::now(), place.shard.history());
        let newest = self.api.last(&place.shard, &place.subject).await?;
        let newest = newest.filter(|(_, message)| !message.head.state.deleted);
        newest.map(|newest| self.hold(name, newest, asked)).transpose()
    }

    /// Holds a log that was heard of in answer to a request, which was sent at a time and in a
    /// history; another that heard of it first comes first.
    ///
    /// # Errors
    /// [`NatsError::Lost`] if another history began meanwhile: nothing would end this cell.
    pub(crate) fn hold(
        &self,
        name: &LogName,
        (at, message): Stored,
        asked: (Instant, u64),
    ) -> Result<Arc<Cell>, NatsError> {
        let place = self.layout.place(name);
        let mut cells = self.cells.lock();
        // Under the lock: whoever begins a history ends the cells that are there after it.
        if place.shard.history() != asked.1 {
            return Err(NatsError::Lost);
        }
        if let Some(known) = cells.get(name) {
            let state = known.state();
            if !state.deleted && state.epoch == message.head.state.epoch {
                return Ok(Arc::clone(known));
            }
            known.end(&mut 0);
        }
        if cells.len() >= CELLS_MAX {
            cells.retain(|_, cell| Arc::strong_count(cell) > 1 || cell.is_watched());
        }
        let cell = Arc::new(Cell::new((name.clone(), place), (at, &message), asked));
        cells.insert(name.clone(), Arc::clone(&cell));
        Ok(cell)
    }

    /// Lets go of a log that is over.
    pub(crate) fn forget(&self, cell: &Arc<Cell>) {
        let mut cells = self.cells.lock();
        if cells.get(&cell.name).is_some_and(|known| Arc::ptr_eq(known, cell)) {
            cells.remove(&cell.name);
        }
    }

    /// Takes a message that may be the log's next one.
    pub(crate) fn take(&self, cell: &Cell, at: u64, message: &Message) -> Step {
        let kept = usize::try_from(self.recent_bytes.load(Ordering::Relaxed)).unwrap_or_default();
        let share = if kept > RECENT_BYTES { 0 } else { RECENT_BYTES_PER_LOG };
        let mut grown = 0;
        let step = cell.take(at, message, share, &mut grown);
        self.recent_bytes.fetch_add(grown, Ordering::Relaxed);
        step
    }

    /// Follows a log no more.
    pub(crate) fn unfollow(&self, cell: &Cell) {
        let freed = i64::try_from(cell.unfollow()).unwrap_or(i64::MAX);
        self.recent_bytes.fetch_sub(freed, Ordering::Relaxed);
    }

    /// Ends a log that lost messages.
    pub(crate) fn end_lost(&self, cell: &Cell) {
        let mut grown = 0;
        cell.end_lost(&mut grown);
        self.recent_bytes.fetch_add(grown, Ordering::Relaxed);
    }

    fn end(&self, cell: &Cell) {
        let mut grown = 0;
        cell.end(&mut grown);
        self.recent_bytes.fetch_add(grown, Ordering::Relaxed);
    }

    /// Asks the cluster how the log stands; those who ask at the same time share an answer.
    pub(crate) async fn catch_up(&self, cell: &Cell) -> Result<(), NatsError> {
        let begun = Instant::now();
        let _turn = cell.asking.lock().await;
        if cell.was_heard_since(begun) {
            return Ok(());
        }
        let asked = Instant::now();
        let (shard, subject) = (&cell.place.shard, &cell.place.subject);
        self.settle(shard).await?;
        if cell.is_lost() {
            return Err(NatsError::Lost);
        }
        let (history, seen) = (cell.history, cell.last().at);
        match self.api.last(shard, subject).await? {
            None => self.end(cell),
            Some((at, message)) => {
                let mut step = self.take(cell, at, &message);
                if step == Step::Missing {
                    step = self.take_missing(cell, at, &message).await?;
                }
                match step {
                    Step::Forked => self.lost(shard, history).await?,
                    Step::Known if at < seen => self.doubt(cell, seen, history).await?,
                    _ => {}
                }
            }
        }
        cell.heard(asked);
        if cell.is_lost() { Err(NatsError::Lost) } else { Ok(()) }
    }

    /// Takes the messages up to the newest one by one, if they are few, and otherwise that alone.
    async fn take_missing(
        &self,
        cell: &Cell,
        newest: u64,
        message: &Message,
    ) -> Result<Step, NatsError> {
        let (shard, subject) = (&cell.place.shard, &cell.place.subject);
        let known = cell.last();
        let page = (CATCH_UP_MESSAGES, PAGE_BYTES);
        for (at, message) in self.api.page(shard, subject, known.at.saturating_add(1), page).await?
        {
            match self.take(cell, at, &message) {
                Step::Missing => break,
                Step::Forked => return Ok(Step::Forked),
                _ => {}
            }
        }
        let step = self.take(cell, newest, message);
        if step != Step::Missing {
            return Ok(step);
        }
        // Nothing links what comes to what is known: that must be there still, or be let go of.
        if self.api.id_at(shard, known.at).await?.is_some_and(|id| id != known.id) {
            return Ok(Step::Forked);
        }
        count(&self.counts.jumps);
        let mut grown = 0;
        let step = cell.jump(newest, message, &mut grown);
        self.recent_bytes.fetch_add(grown, Ordering::Relaxed);
        Ok(step)
    }
}
