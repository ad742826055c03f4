//! The housekeeper's part: room ahead of the writers; indexes, catalogs and order behind them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::files::{create_segment, is_no_room, new_secret, spare_name};
use super::sleep::Slot;
use super::{Engine, Room, Segment, Successor};
use crate::catalog::{COPY_NAME, Catalog, CatalogWriter, NAME};
use crate::error::DiskError;
use crate::limits::{GROWTH_BYTES_MAX, SPARE_SEGMENTS};
use crate::segment::{Header, grown, index_name, segment_name, successor_bytes};
use crate::vfs::replace;
use stream_log::codec::widen;

/// What the housekeeper has to do.
#[expect(clippy::struct_excessive_bools, reason = "each is one thing to do or to know")]
#[derive(Debug, Default)]
pub(super) struct Chores {
    /// How long the active segment's file should become at least.
    growth: Option<u32>,
    successor: bool,
    /// Segments that were sealed and whose index is not written.
    sealed: Vec<Arc<Segment>>,
    catalog: bool,
    compaction: bool,
    /// Bytes of the last catalog, and of the segments that were sealed since.
    catalog_bytes: u64,
    bytes_since: u64,
    /// There was no room; what nobody waits for is not tried again until there is.
    is_full: bool,
    stopping: bool,
}

/// One thing to do.
#[derive(Debug)]
enum Chore {
    Grow(u32),
    Succeed,
    Tidy(Arc<Segment>),
    Catalog,
    Compact,
}

impl Chores {
    pub(super) fn stop(&mut self) {
        self.stopping = true;
    }

    fn is_empty(&self) -> bool {
        let has_room = self.growth.is_none() && !self.successor;
        has_room && self.sealed.is_empty() && !self.catalog && !self.compaction
    }

    /// The next thing to do: first what writers may be waiting for.
    fn take(&mut self) -> Option<Chore> {
        if let Some(bytes) = self.growth.take() {
            return Some(Chore::Grow(bytes));
        }
        if std::mem::take(&mut self.successor) {
            return Some(Chore::Succeed);
        }
        if let Some(segment) = self.sealed.pop() {
            return Some(Chore::Tidy(segment));
        }
        if std::mem::take(&mut self.catalog) {
            return Some(Chore::Catalog);
        }
        std::mem::take(&mut self.compaction).then_some(Chore::Compact)
    }
}

impl Engine {
    /// A writer waits until the active segment's file has `bytes`.
    pub(super) fn ask_for_growth(&self, bytes: u32) {
        self.add_chore(|chores| chores.growth = chores.growth.max(Some(bytes)));
    }

    /// The active segment's file should have `bytes` soon.
    pub(super) fn look_for_growth(&self, bytes: u32) {
        self.add_chore(|chores| {
            if !chores.is_full {
                chores.growth = chores.growth.max(Some(bytes));
            }
        });
    }

    /// A writer waits for the next segment.
    pub(super) fn ask_for_successor(&self) {
        self.add_chore(|chores| chores.successor = true);
    }

    /// The next segment will be needed soon.
    pub(super) fn look_for_successor(&self) {
        self.add_chore(|chores| chores.successor |= !chores.is_full);
    }

    /// A segment was sealed.
    pub(super) fn ask_to_tidy(&self, segment: Arc<Segment>) {
        self.add_chore(|chores| {
            chores.bytes_since = chores.bytes_since.saturating_add(segment.end().into());
            chores.sealed.push(segment);
            // A start reads the catalog and what came since: neither should be much longer.
            chores.catalog |= chores.bytes_since >= chores.catalog_bytes;
        });
    }

    /// The last catalog speaks of segments that no log needs.
    pub(super) fn ask_for_catalog(&self) {
        self.add_chore(|chores| chores.catalog = true);
    }

    /// Enough was let go of to look for segments that can be made smaller.
    pub(super) fn ask_for_compaction(&self) {
        self.add_chore(|chores| chores.compaction = true);
    }

    fn add_chore(&self, add: impl FnOnce(&mut Chores)) {
        let mut chores = self.chores.lock();
        let was_empty = chores.is_empty();
        add(&mut chores);
        if was_empty && !chores.is_empty() {
            self.bell.notify_one();
        }
    }

    /// Waits until there is something to do, or the housekeeper is to end; says whether to go on.
    pub(crate) fn wait_for_chores(&self) -> bool {
        let mut chores = self.chores.lock();
        while chores.is_empty() && !chores.stopping {
            self.bell.wait(&mut chores);
        }
        !chores.stopping
    }

    /// Does one thing; says whether there was one.
    pub(crate) fn do_chore(&self) -> bool {
        let Some(chore) = self.chores.lock().take() else { return false };
        if matches!(self.trouble(), Some(DiskError::Poisoned(_))) {
            return true;
        }
        match chore {
            Chore::Grow(bytes) => self.settle_room(self.grow(bytes)),
            Chore::Succeed => self.settle_room(self.succeed()),
            Chore::Tidy(segment) => self.tidy(&segment),
            Chore::Catalog => {
                if let Err(error) = self.write_catalog() {
                    tracing::warn!(%error, "cannot write catalog");
                }
            }
            Chore::Compact => {
                if let Err(error) = self.compact() {
                    tracing::warn!(%error, "cannot compact");
                }
            }
        }
        true
    }

    /// Tells those who wait for room how it went.
    fn settle_room(&self, result: io::Result<()>) {
        let no_room = match result {
            Err(error) if !is_no_room(&error) => {
                self.poison(&error);
                return;
            }
            result => result.err().map(|error| DiskError::NoRoom(error.to_string())),
        };
        self.chores.lock().is_full = no_room.is_some();
        if let Some(error) = &no_room {
            tracing::warn!(%error, "cannot make room");
        }
        self.room.send_replace(Room { error: no_room });
    }

    /// Lengthens the active segment's file to `bytes` or more.
    fn grow(&self, bytes: u32) -> io::Result<()> {
        let (active, limit) = {
            let stage = self.stage.lock();
            (Arc::clone(&stage.active), stage.limit)
        };
        if limit >= bytes {
            return Ok(());
        }
        let longer = grown(limit, bytes, self.options.segment());
        let file = self.file_of(&active).map_err(io::Error::other)?;
        file.put_zeros(limit.into(), longer.into())?;
        file.sync_all()?;
        let mut stage = self.stage.lock();
        if Arc::ptr_eq(&stage.active, &active) {
            stage.limit = longer;
        }
        Ok(())
    }

    /// Makes the segment after the active one.
    fn succeed(&self) -> io::Result<()> {
        let (number, limit) = {
            let stage = self.stage.lock();
            if stage.successor.is_some() {
                return Ok(());
            }
            (stage.active.number.saturating_add(1), stage.limit)
        };
        let header = Header::new(number, new_secret());
        let spare = self.spares.lock().pop();
        let bytes = successor_bytes(limit, self.options.segment());
        let limit = create_segment(&*self.vfs, header, bytes, spare.as_deref())?;
        let file = self.vfs.open(&segment_name(number))?;
        let segment = Segment::new(number, header.secret, 0);
        self.segments.lock().insert(number, Arc::clone(&segment));
        let limit = limit.min(self.options.segment());
        self.stage.lock().successor = Some(Successor { segment, file, limit });
        self.work.notify_one();
        Ok(())
    }

    /// Writes the index of a sealed segment, without which it is made anew when needed; gives back
    /// what the segment's file has too much, and the memory of logs that nobody uses.
    fn tidy(&self, segment: &Arc<Segment>) {
        let index = segment.index.lock().clone();
        if let Some(index) = index {
            let bytes = index.to_bytes(segment.secret);
            if let Err(error) = replace(&*self.vfs, &index_name(segment.number), &bytes) {
                tracing::warn!(%error, segment = segment.number, "cannot write index");
            }
        }
        self.keep_index(Arc::clone(segment));
        self.cut(segment);
        self.put_to_sleep();
    }

    /// Gives back what the file of a sealed segment has too much.
    fn cut(&self, segment: &Arc<Segment>) {
        let Ok(file) = self.file_of(segment) else { return };
        let end = u64::from(segment.end());
        // The file of a full segment stays as it is, to be used again.
        if file.len().is_ok_and(|bytes| bytes >= end.saturating_add(GROWTH_BYTES_MAX.into())) {
            tidy_up(file.set_len(end));
        }
    }

    /// Writes how every log stands, and drops the segments that no log needs.
    pub(super) fn write_catalog(&self) -> Result<(), DiskError> {
        // What this segment and later ones say is read again: whatever is not seen yet.
        let known_before = {
            let stage = self.stage.lock();
            (stage.active.number, stage.position)
        };
        let (from_segment, _) = known_before;
        // Now everything before that is seen.
        self.commit(false)?;
        let (needed, emptied) = self.sealed_before(from_segment);
        let next_log = self.names.lock().next_log;
        let mut writer = CatalogWriter::new();
        let mut deleted = Vec::new();
        self.for_each_slot(|name, slot, configs| {
            slot.look(configs, |log| {
                if log.id < next_log && !log.deleted {
                    writer.log(name, log);
                }
            });
            if let Slot::Awake(cell) = slot
                && cell.state.lock().deleted
            {
                deleted.push((Box::<str>::from(name), Arc::clone(cell)));
            }
        });
        // The catalog must not know more than the disk.
        self.commit(true)?;
        let safe_before = {
            let stage = self.stage.lock();
            Some((stage.active.number, stage.synced))
        };
        let sealed = needed.iter().map(|segment| (segment.number, segment.end())).collect();
        let logs = Vec::new();
        let bytes = writer.finish(&Catalog {
            from_segment,
            next_log,
            safe_before,
            known_before,
            sealed,
            logs,
        });
        self.put_catalog(&bytes)?;
        {
            let mut chores = self.chores.lock();
            (chores.catalog_bytes, chores.bytes_since) = (widen(bytes.len()), 0);
        }
        for (name, cell) in &deleted {
            self.forget(name, cell);
        }
        for segment in &emptied {
            self.drop_segment(segment);
        }
        Ok(())
    }

    /// The sealed segments that come before `number`: those that a log needs, and the others.
    fn sealed_before(&self, number: u64) -> (Vec<Arc<Segment>>, Vec<Arc<Segment>>) {
        let segments = self.segments.lock();
        let sealed = segments.range(..number).map(|(_, segment)| Arc::clone(segment));
        sealed.partition(|segment| segment.live.load(Ordering::Acquire) > 0)
    }

    fn put_catalog(&self, bytes: &[u8]) -> Result<(), DiskError> {
        for name in [NAME, COPY_NAME] {
            let mut result = replace(&*self.vfs, name, bytes);
            if result.as_ref().is_err_and(is_no_room) {
                // Emptied segments wait to be used again, and a catalog lets go of more of them.
                self.remove_spares();
                result = replace(&*self.vfs, name, bytes);
            }
            result.map_err(|error| DiskError::NoRoom(error.to_string()))?;
        }
        Ok(())
    }

    fn remove_spares(&self) {
        for spare in std::mem::take(&mut *self.spares.lock()) {
            tidy_up(self.vfs.remove(&spare));
        }
    }

    /// Lets go of a segment that neither a log nor the catalog needs.
    fn drop_segment(&self, segment: &Arc<Segment>) {
        self.segments.lock().remove(&segment.number);
        self.forget_segment(segment);
        let name = segment_name(segment.number);
        let mut spares = self.spares.lock();
        if spares.len() < SPARE_SEGMENTS {
            let spare = spare_name(segment.number);
            tidy_up(self.vfs.rename(&name, &spare));
            spares.push(spare);
        } else {
            tidy_up(self.vfs.remove(&name));
        }
        drop(spares);
        // An index may not have been written; the next start removes what is left.
        self.vfs.remove(&index_name(segment.number)).ok();
    }

    /// The last thing that is done: everything safe, and a catalog that knows where it ends.
    pub(crate) fn end(&self) -> Result<(), DiskError> {
        while self.do_chore() {}
        self.commit(true)?;
        let result = self.write_catalog();
        self.vfs.unlock();
        result
    }
}

/// Tells of a file that stays although nobody needs it; the next start removes it.
fn tidy_up(result: io::Result<()>) {
    if let Err(error) = result {
        tracing::warn!(%error, "cannot tidy up");
    }
}
