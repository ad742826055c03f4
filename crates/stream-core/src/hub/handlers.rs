//! Delivery to handlers: whoever publishes also delivers, unless somebody is at it already.
//!
//! One publisher at a time has the turn.
//! It calls every handler for every item in order, and keeps the turn until nothing is left; the
//! others leave their items in the ring and go.
//! Nothing is left behind: a publisher publishes before it asks for the turn, whoever gives the
//! turn back looks for items once more, and each has a fence between the two.

mod deliver;
mod table;

use self::deliver::Runner;
use self::table::Table;
use super::callback::Callback;
use super::pace::{Pace, Progress};
use crate::limits::HANDLER_BACKLOG_MAX;
use crate::sync::{Arc, AtomicU64, AtomicUsize, Mutex, Ordering, RwLock};

/// The handlers of a hub, and how far delivery has come.
pub(super) struct Handlers<T> {
    table: RwLock<Arc<Table<T>>>,
    /// Changes with the table, under its lock.
    version: AtomicU64,
    live: AtomicUsize,
    /// Which item is delivered next; publishers wait for it as long as there are handlers.
    progress: Arc<Progress>,
    /// The turn: only ever tried, so that nobody waits for this lock.
    runner: Mutex<Runner<T>>,
    failures: AtomicU64,
}

impl<T> Default for Handlers<T> {
    fn default() -> Self {
        let table = Arc::new(Table::default());
        Self {
            runner: Mutex::new(Runner::new(Arc::clone(&table))),
            table: RwLock::new(table),
            version: AtomicU64::new(0),
            live: AtomicUsize::new(0),
            progress: Arc::new(Progress::new(0, HANDLER_BACKLOG_MAX)),
            failures: AtomicU64::new(0),
        }
    }
}

impl<T> Handlers<T> {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.live.load(Ordering::SeqCst)
    }

    /// How often one of them failed.
    pub(super) fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    /// The item that must stay in the ring, with all after it, when `next` is published next.
    pub(super) fn pin(&self, next: u64) -> u64 {
        if self.len() == 0 {
            return u64::MAX;
        }
        self.progress.position().max(next.saturating_sub(HANDLER_BACKLOG_MAX))
    }

    /// Adds a handler for the items from `from` on, and returns its id.
    pub(super) fn attach(&self, from: u64, callback: Callback<T>, pace: &Pace) -> u64 {
        let mut table = self.table.write();
        let entries = Arc::make_mut(&mut table);
        let id = entries.insert(from, callback);
        if entries.live() == 1 {
            self.progress.raise(from);
            pace.join(Arc::clone(&self.progress));
        }
        self.changed(entries.live());
        id
    }

    /// Takes a handler out; it is not called again, though a call may be under way.
    pub(super) fn detach(&self, id: u64, pace: &Pace) -> Option<Callback<T>> {
        let mut table = self.table.write();
        let entries = Arc::make_mut(&mut table);
        let callback = entries.remove(id)?;
        let live = entries.live();
        self.changed(live);
        if live == 0 {
            pace.leave(&self.progress);
        }
        Some(callback)
    }

    fn changed(&self, live: usize) {
        self.live.store(live, Ordering::SeqCst);
        self.version.fetch_add(1, Ordering::SeqCst);
    }
}
