//! The engine: what a store decides and does, called by its threads or, step by step, by a test.
//!
//! Three kinds of callers meet here.
//! *Writers* decide under the lock of one log, put a frame into the buffer of the pending group
//! under the lock of the stage, and wait for the group.
//! The *committer* takes the group, writes and syncs it with no lock held, and publishes it log by
//! log.
//! The *housekeeper* keeps room ahead of the writers, and indexes, catalogs and drops behind them.
//! Locks are taken in this order: names, a log, the stage, the rest; never back.
//!
//! # Overload and end
//!
//! A writer that finds no room waits for the housekeeper; if the disk is full, the append fails
//! with nothing written, and the next one tries again.
//! After a failed write or sync nothing is written any more; reads go on.

mod commit;
mod house;
mod open;
mod reading;
mod staging;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use crate::catalog::Configs;
use crate::error::{Damage, DiskError};
use crate::frame::Back;
use crate::group::{Group, GroupSender, Phase};
use crate::index::SegmentIndex;
use crate::options::DiskOptions;
use crate::state::{Effect, LogId, LogState};
use crate::vfs::{Vfs, VfsFile};

pub(crate) use house::Chores;
pub(crate) use staging::{Attempt, Wait};

/// A store without its threads.
#[derive(Debug)]
pub(crate) struct Engine {
    vfs: Arc<dyn Vfs>,
    options: DiskOptions,
    names: Mutex<Names>,
    stage: Mutex<Stage>,
    /// Rung when the committer has something to do.
    pub(crate) work: Condvar,
    /// Held by whoever commits.
    committing: Mutex<()>,
    /// Logs with batches in the active segment.
    touched: Mutex<Vec<Arc<Cell>>>,
    segments: Mutex<BTreeMap<u64, Arc<Segment>>>,
    /// Segments whose index was read, the one read longest ago first.
    indexed: Mutex<VecDeque<Arc<Segment>>>,
    chores: Mutex<Chores>,
    /// Rung when the housekeeper has something to do.
    pub(crate) bell: Condvar,
    room: watch::Sender<Room>,
    damage: Vec<Damage>,
}

/// A log, shared by its handles.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) state: Mutex<LogState>,
}

#[derive(Debug, Default)]
struct Names {
    logs: BTreeMap<Box<str>, Arc<Cell>>,
    next_log: LogId,
    configs: Configs,
}

/// A segment that can be read.
#[derive(Debug)]
pub(crate) struct Segment {
    number: u64,
    secret: u32,
    file: Arc<dyn VfsFile>,
    /// Where it ends; 0 while it is active.
    end: AtomicU32,
    /// Logs with batches in it that were not let go of, counted when it is sealed.
    live: AtomicUsize,
    index: Mutex<Option<Arc<SegmentIndex>>>,
}

/// Where the next frame goes, and those that wait to be written.
#[derive(Debug)]
struct Stage {
    active: Arc<Segment>,
    /// The committer's own way to the active segment's file.
    file: Arc<dyn VfsFile>,
    /// Where the next frame goes.
    position: u32,
    /// Up to where the file may be written.
    limit: u32,
    /// Up to where the file is known to be synced.
    synced: u32,
    back: Back,
    /// The frames of the pending group; they begin at `start`.
    buffer: Vec<u8>,
    start: u32,
    staged: Vec<Staged>,
    sender: GroupSender,
    group: Group,
    /// Whether anybody in the pending group waits for a sync.
    needs_sync: bool,
    /// Whether the active segment is to be sealed before anything else is staged.
    rolling: bool,
    successor: Option<Successor>,
    /// Why nothing is staged any more.
    trouble: Option<DiskError>,
    /// Whether the committer is to end.
    stopping: bool,
    /// What a frame's body begins with, while it is put together.
    meta: Vec<u8>,
}

/// A frame in the pending group.
#[derive(Debug)]
struct Staged {
    cell: Arc<Cell>,
    effect: Effect,
    phase: Phase,
}

/// A segment that is ready to be the active one.
#[derive(Debug)]
struct Successor {
    segment: Arc<Segment>,
    file: Arc<dyn VfsFile>,
    limit: u32,
}

/// What the housekeeper last did for those who wait for room.
#[derive(Debug, Clone, Default)]
pub(crate) struct Room {
    /// Why there is none.
    error: Option<DiskError>,
}

impl Segment {
    fn new(number: u64, secret: u32, file: Arc<dyn VfsFile>) -> Arc<Self> {
        let (end, live) = (AtomicU32::new(0), AtomicUsize::new(0));
        Arc::new(Self { number, secret, file, end, live, index: Mutex::new(None) })
    }

    fn is_sealed(&self) -> bool {
        self.end.load(Ordering::Acquire) > 0
    }
}

impl Engine {
    /// What recovery found damaged.
    pub(crate) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The log of this name.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Arc<Cell>>, DiskError> {
        let found = self.names.lock().logs.get(name).cloned();
        match &self.stage.lock().trouble {
            Some(DiskError::Closed) => Err(DiskError::Closed),
            _ => Ok(found),
        }
    }

    /// Names that come after `after`, or from `from` on, and begin with `from`.
    pub(crate) fn names(&self, from: &str, after: Option<&str>, limit: usize) -> Vec<Box<str>> {
        use std::ops::Bound::{Excluded, Included, Unbounded};
        let start = after.filter(|after| *after >= from).map_or(Included(from), Excluded);
        let names = self.names.lock();
        let found = names.logs.range::<str, _>((start, Unbounded)).map(|(name, _)| name);
        found.take_while(|name| name.starts_with(from)).take(limit).cloned().collect()
    }

    /// Every log whose time has run out at `now`.
    pub(crate) fn expired(&self, now: time::OffsetDateTime) -> Vec<(Box<str>, Arc<Cell>)> {
        let names = self.names.lock();
        let expired = names.logs.iter().filter(|(_, cell)| cell.state.lock().is_expired(now));
        expired.map(|(name, cell)| (name.clone(), Arc::clone(cell))).collect()
    }

    /// Hears of room being made.
    pub(crate) fn room(&self) -> watch::Receiver<Room> {
        self.room.subscribe()
    }

    /// Why nothing is written any more.
    pub(crate) fn trouble(&self) -> Option<DiskError> {
        self.stage.lock().trouble.clone()
    }

    /// Stops for good: nobody knows what is on the disk.
    fn poison(&self, error: &std::io::Error) -> DiskError {
        let error = DiskError::Poisoned(error.to_string());
        tracing::error!(%error, "log stopped");
        let mut stage = self.stage.lock();
        stage.trouble.get_or_insert_with(|| error.clone());
        // Dropping the sender tells everybody who waits for the pending group.
        (stage.sender, stage.group) = crate::group::group();
        stage.staged.clear();
        stage.buffer.clear();
        drop(stage);
        self.room.send_replace(Room { error: Some(error.clone()) });
        error
    }
}

impl Room {
    /// Why there is none.
    pub(crate) fn error(&self) -> Option<DiskError> {
        self.error.clone()
    }
}
