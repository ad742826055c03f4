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

mod aside;
mod blocks;
mod cache;
mod commit;
mod compaction;
mod directory;
mod dormitory;
mod files;
mod house;
mod open;
mod reading;
mod sleep;
mod staging;
mod trimming;

#[cfg(test)]
mod simulation;

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use parking_lot::{Condvar, Mutex};
use tokio::sync::watch;

use crate::catalog::Configs;
use crate::error::{Damage, DiskError};
use crate::frame::Back;
use crate::group::{Group, GroupSender, Phase};
use crate::index::SegmentIndex;
use crate::meter::CommitMeter;
use crate::options::DiskOptions;
use crate::read::Windows;
use crate::state::{Effect, LogId, LogState};
use crate::vfs::{Vfs, VfsFile};

use compaction::Garbage;
use directory::Directory;
use house::Chores;
use sleep::Slot;
pub(crate) use staging::Attempt;

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
    /// Segments whose index is in memory, the one read longest ago first.
    indexed: Mutex<VecDeque<Arc<Segment>>>,
    /// Segments whose file is open, the one opened longest ago first.
    opened: Mutex<VecDeque<Arc<Segment>>>,
    /// Memory of earlier reads, to be used again.
    windows: Windows,
    /// Files of emptied segments, to be used again.
    spares: Mutex<Vec<String>>,
    chores: Mutex<Chores>,
    /// Rung when the housekeeper has something to do.
    pub(crate) bell: Condvar,
    room: watch::Sender<Room>,
    garbage: Garbage,
    pub(crate) meter: CommitMeter,
    damage: Vec<Damage>,
}

/// A log, shared by its handles.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) state: Mutex<LogState>,
}

#[derive(Debug, Default)]
struct Names {
    logs: Directory,
    next_log: LogId,
    configs: Configs,
}

/// A segment that can be read.
#[derive(Debug)]
pub(crate) struct Segment {
    number: u64,
    secret: u32,
    file: Mutex<Option<Arc<dyn VfsFile>>>,
    /// Where it ends; 0 while it is active.
    end: AtomicU32,
    /// Logs with batches in it that were not let go of, counted when it is sealed.
    live: AtomicUsize,
    /// Whether any of them may have been let go of since it was last looked through.
    has_garbage: AtomicBool,
    /// Whether its name leads to another file by now, so that its own must stay open.
    is_replaced: AtomicBool,
    index: Mutex<Option<Arc<SegmentIndex>>>,
}

/// Where the next frame goes, and those that wait to be written.
#[expect(clippy::struct_excessive_bools, reason = "each is one thing to do or to know")]
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
    /// How many frames the last group had.
    expected: usize,
    /// Whether the committer was called for the pending group.
    called: bool,
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

/// Logs that are looked at before others may have the names.
const LOGS_AT_ONCE: usize = 1024;

impl Segment {
    /// A segment that ends at `end`; at 0, one that goes on.
    fn new(number: u64, secret: u32, end: u32) -> Arc<Self> {
        let (end, live) = (AtomicU32::new(end), AtomicUsize::new(0));
        Arc::new(Self {
            number,
            secret,
            file: Mutex::default(),
            end,
            live,
            has_garbage: AtomicBool::new(true),
            is_replaced: AtomicBool::new(false),
            index: Mutex::default(),
        })
    }

    fn end(&self) -> u32 {
        self.end.load(Ordering::Acquire)
    }

    fn is_replaced(&self) -> bool {
        self.is_replaced.load(Ordering::Acquire)
    }
}

impl Engine {
    /// What recovery found damaged.
    pub(crate) fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The log of this name.
    pub(crate) fn find(&self, name: &str) -> Result<Option<Arc<Cell>>, DiskError> {
        let found = self.wake(name);
        match &self.stage.lock().trouble {
            Some(DiskError::Closed) => Err(DiskError::Closed),
            _ => Ok(found),
        }
    }

    /// Names that come after `after`, or from `from` on, and begin with `from`.
    pub(crate) fn names(&self, from: &str, after: Option<&str>, limit: usize) -> Vec<Box<str>> {
        let start = after.filter(|after| *after >= from).map_or(Included(from), Excluded);
        let names = self.names.lock();
        let found = names.logs.range(start).take_while(|(name, _)| name.starts_with(from));
        let there = found.filter(|(_, slot)| !slot.is_deleted());
        there.map(|(name, _)| name.into()).take(limit).collect()
    }

    /// Calls `look` with every log that is there all the while; others may be missed.
    ///
    /// The names are locked for a few logs at a time, so that nobody waits for all of them.
    fn for_each_slot(&self, mut look: impl FnMut(&str, Slot<'_>, &Configs)) {
        let mut last: Option<Box<str>> = None;
        loop {
            let names = self.names.lock();
            let start = last.as_deref().map_or(Unbounded, Excluded);
            let mut count = 0;
            let mut end = None;
            for (name, slot) in names.logs.range(start).take(LOGS_AT_ONCE) {
                look(name, slot, &names.configs);
                count += 1;
                end = Some(name);
            }
            if count < LOGS_AT_ONCE {
                return;
            }
            last = end.map(Box::from);
        }
    }

    /// Every log whose time has run out at `now`.
    pub(crate) fn expired(&self, now: time::OffsetDateTime) -> Vec<(Box<str>, Arc<Cell>)> {
        let mut expired: Vec<Box<str>> = Vec::new();
        self.for_each_slot(|name, slot, configs| {
            slot.look(configs, |log| {
                if log.is_expired(now) {
                    expired.push(name.into());
                }
            });
        });
        let woken = expired.into_iter().filter_map(|name| {
            let cell = self.wake(&name)?;
            Some((name, cell))
        });
        woken.collect()
    }

    /// The log of this name, woken if it is asleep.
    fn wake(&self, name: &str) -> Option<Arc<Cell>> {
        let mut names = self.names.lock();
        let Names { logs, configs, .. } = &mut *names;
        logs.wake(name, configs)
    }

    /// Hears of room being made.
    pub(crate) fn room(&self) -> watch::Receiver<Room> {
        self.room.subscribe()
    }

    /// Why nothing is written any more.
    pub(crate) fn trouble(&self) -> Option<DiskError> {
        self.stage.lock().trouble.clone()
    }

    /// Why a group that was waited for did not come as far as it should.
    pub(crate) fn failure(&self) -> DiskError {
        self.trouble().unwrap_or(DiskError::Closed)
    }

    /// Takes no more writers, and lets the threads end once nothing is pending.
    pub(crate) fn stop(&self) {
        let mut stage = self.stage.lock();
        stage.trouble.get_or_insert(DiskError::Closed);
        stage.stopping = true;
        drop(stage);
        self.work.notify_all();
        self.chores.lock().stop();
        self.bell.notify_all();
        self.room.send_replace(Room { error: Some(DiskError::Closed) });
    }

    /// Stops for good: nobody knows what is on the disk.
    fn poison(&self, error: &std::io::Error) -> DiskError {
        let error = DiskError::Poisoned(error.to_string());
        tracing::error!(%error, "log stopped");
        let mut stage = self.stage.lock();
        stage.trouble = Some(error.clone());
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
