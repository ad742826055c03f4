//! The committer's part: write and sync a group, publish it, and go on to the next segment.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use parking_lot::MutexGuard;
use stream_log::codec::widen;

use super::blocks::fill_last_block;
use super::{Cell, Engine, Room, Stage, Staged, Successor};
use crate::error::DiskError;
use crate::frame::{Kind, Place, set_synced};
use crate::group::{GroupSender, Phase, group};
use crate::index::SegmentIndex;
use crate::limits::{GATHER_FRAMES_MIN, GATHER_PAUSE, GATHER_PAUSES_MAX, LOGS_PER_SEGMENT};
use crate::segment::HEADER_BYTES;
use crate::vfs::VfsFile;

/// A group that was taken from the stage.
struct Taken {
    file: Arc<dyn VfsFile>,
    start: u32,
    buffer: Vec<u8>,
    staged: Vec<Staged>,
    sender: GroupSender,
    needs_sync: bool,
    end: u32,
    /// Where the room in the file ends.
    limit: u32,
}

/// Bytes of a written group's buffer that are kept for another group.
const GROUP_BYTES_KEPT: usize = 1 << 20;

impl Engine {
    /// Commits what is pending, and everything before it; goes on to the next segment if that is
    /// due.
    ///
    /// With `force_sync`, all of it is synced even if nobody waits for that.
    pub(crate) fn commit(&self, force_sync: bool) -> Result<(), DiskError> {
        let _committing = self.committing.lock();
        if let Some(poisoned @ DiskError::Poisoned(_)) = self.trouble() {
            return Err(poisoned);
        }
        if let Some(taken) = self.take() {
            let sync = taken.needs_sync || force_sync;
            let mut buffer = self.write_and_publish(taken, sync)?;
            let mut stage = self.stage.lock();
            if stage.buffer.capacity() == 0 {
                // Its memory serves the group after the next.
                buffer.shrink_to(GROUP_BYTES_KEPT);
                stage.buffer = buffer;
            }
        } else if force_sync {
            let (file, end) = {
                let stage = self.stage.lock();
                (Arc::clone(&stage.file), stage.start)
            };
            self.sync(&*file, end)?;
        }
        self.roll_if_due()
    }

    fn sync(&self, file: &dyn VfsFile, end: u32) -> Result<(), DiskError> {
        let begin = Instant::now();
        self.try_io(file.sync_data())?;
        self.meter.synced(begin.elapsed());
        self.stage.lock().synced = end;
        Ok(())
    }

    /// Waits until there is something to commit, or the committer is to end; says whether to go
    /// on.
    pub(crate) fn wait_for_work(&self) -> bool {
        let mut stage = self.stage.lock();
        // Those who were told of a large group write again at once: the last of them calls.
        let mut expects = stage.expected >= GATHER_FRAMES_MIN;
        loop {
            let can_roll = stage.rolling && stage.successor.is_some() && stage.trouble.is_none();
            if !stage.staged.is_empty() {
                self.gather(&mut stage);
                return true;
            }
            if can_roll {
                return true;
            }
            if stage.stopping {
                return false;
            }
            stage.called = expects;
            if expects {
                self.work.wait_for(&mut stage, GATHER_PAUSE);
                expects = false;
            } else {
                self.work.wait(&mut stage);
            }
        }
    }

    /// Waits for as many frames as the last group had, as long as more of them come.
    ///
    /// The writers of that group were told at one moment and write again one after the other: a
    /// group that began with the first of them would leave all others to the next sync.
    fn gather(&self, stage: &mut MutexGuard<'_, Stage>) {
        for _ in 0..GATHER_PAUSES_MAX {
            let count = stage.staged.len();
            let due = stage.rolling || stage.stopping || stage.trouble.is_some();
            if due || stage.expected < GATHER_FRAMES_MIN || count >= stage.expected {
                return;
            }
            // The writer who makes the group whole ends the pause.
            self.work.wait_for(stage, GATHER_PAUSE);
            if stage.staged.len() == count {
                return;
            }
        }
    }

    fn take(&self) -> Option<Taken> {
        let mut stage = self.stage.lock();
        stage.expected = stage.staged.len();
        stage.called = false;
        if stage.buffer.is_empty() {
            return None;
        }
        let (sender, fresh) = group();
        let taken = Taken {
            file: Arc::clone(&stage.file),
            start: stage.start,
            buffer: std::mem::take(&mut stage.buffer),
            staged: std::mem::take(&mut stage.staged),
            sender: std::mem::replace(&mut stage.sender, sender),
            needs_sync: std::mem::take(&mut stage.needs_sync),
            end: stage.position,
            limit: stage.limit,
        };
        stage.group = fresh;
        stage.start = stage.position;
        let place = Place { secret: stage.active.secret, position: taken.start };
        let mut taken = taken;
        // What was staged while the group before was being synced does not know of that yet.
        set_synced(&mut taken.buffer, place, stage.synced);
        Some(taken)
    }

    fn write_and_publish(&self, taken: Taken, sync: bool) -> Result<Vec<u8>, DiskError> {
        let Taken { file, start, mut buffer, staged, sender, end, limit, .. } = taken;
        fill_last_block(&mut buffer, start, limit);
        self.try_io(file.write_at(&buffer, start.into()))?;
        self.meter.wrote(widen(staged.len()));
        self.publish(&staged, Phase::Written);
        sender.reached(Phase::Written);
        if sync {
            self.sync(&*file, end)?;
            self.publish(&staged, Phase::Synced);
            sender.reached(Phase::Synced);
        }
        buffer.clear();
        Ok(buffer)
    }

    fn try_io(&self, result: io::Result<()>) -> Result<(), DiskError> {
        result.map_err(|error| self.poison(&error))
    }

    /// Shows readers what has become as safe as was asked.
    fn publish(&self, staged: &[Staged], phase: Phase) {
        for Staged { cell, effect, .. } in staged.iter().filter(|s| s.phase == phase) {
            let mut log = cell.state.lock();
            let was_untouched = log.entries.is_empty();
            log.publish(*effect);
            match effect.kind {
                Kind::Batch => self.retain(&mut log),
                Kind::Trim => self.trim_to(&mut log, effect.entry.first),
                Kind::Delete => self.let_go_of_all(&mut log),
                Kind::Create | Kind::Close | Kind::Begin => {}
            }
            log.tell();
            let touched = was_untouched && !log.entries.is_empty();
            drop(log);
            if touched {
                self.touch(cell);
            }
        }
    }

    /// Remembers that the log has batches in the active segment, which is sealed if too many have.
    fn touch(&self, cell: &Arc<Cell>) {
        let count = {
            let mut touched = self.touched.lock();
            touched.push(Arc::clone(cell));
            touched.len()
        };
        if count == LOGS_PER_SEGMENT / 2 {
            self.look_for_successor();
        }
        if count == LOGS_PER_SEGMENT {
            let mut stage = self.stage.lock();
            stage.rolling = true;
            if stage.successor.is_none() {
                self.ask_for_successor();
            }
        }
    }

    /// Seals the active segment and begins its successor, if that was asked for, is ready, and
    /// nothing is on its way.
    fn roll_if_due(&self) -> Result<(), DiskError> {
        let (old, file, end) = {
            let stage = self.stage.lock();
            let quiet = stage.buffer.is_empty() && stage.trouble.is_none();
            if !stage.rolling || stage.successor.is_none() || !quiet {
                return Ok(());
            }
            (Arc::clone(&stage.active), Arc::clone(&stage.file), stage.position)
        };
        // What comes after in the next segment proves that this one was safe.
        self.try_io(file.sync_data())?;
        old.end.store(end, Ordering::Release);
        self.seal(&old);
        let mut stage = self.stage.lock();
        let Some(Successor { segment, file, limit }) = stage.successor.take() else {
            return Ok(());
        };
        stage.active = segment;
        stage.file = file;
        stage.limit = limit;
        (stage.position, stage.start, stage.synced) = (HEADER_BYTES, HEADER_BYTES, HEADER_BYTES);
        stage.begin(end);
        stage.rolling = false;
        drop(stage);
        self.room.send_replace(Room::default());
        self.ask_to_tidy(old);
        Ok(())
    }

    /// Moves the index of the segment, which ends here, out of the logs.
    fn seal(&self, segment: &super::Segment) {
        let touched: Vec<Arc<Cell>> = std::mem::take(&mut *self.touched.lock());
        // Nothing is published meanwhile, and every writer waits: the batches are copied once.
        let batches = touched.iter().map(|cell| cell.state.lock().entries.len()).sum();
        let mut index = SegmentIndex::with_room(batches);
        for cell in &touched {
            let log = cell.state.lock();
            index.push(log.id, &log.entries);
        }
        // In place before any log points to it.
        *segment.index.lock() = Some(Arc::new(index.sorted()));
        segment.live.store(touched.len(), Ordering::Release);
        for cell in &touched {
            let mut log = cell.state.lock();
            log.seal(segment.number);
            if log.deleted {
                self.let_go_of_all(&mut log);
            } else {
                let (earliest, trimmed) = (log.earliest, log.trimmed);
                self.let_go(&mut log, earliest, trimmed);
            }
        }
    }
}
