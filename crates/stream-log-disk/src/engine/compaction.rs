//! Gives back the room of records that were let go of while others beside them live on.
//!
//! A sealed segment of which little is needed is written anew with that alone, and the new file
//! takes the name of the old one.
//! A crash leaves one of the two, and both hold every record that is needed: before a file is
//! replaced, a catalog says on the disk what was let go of, as a log that was not known to be
//! trimmed would miss what is gone.
//! Positions change with the file, so an index belongs to one of them and is known by its secret;
//! who still reads the old file has it open, and reads on.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::files::{DRAFT_ENDING, new_secret};
use super::sleep::Slot;
use super::{Engine, Segment};
use crate::compact::CompactWriter;
use crate::error::DiskError;
use crate::frame::{Draft, Head, Kind};
use crate::index::{Entry, SegmentIndex, holder};
use crate::limits::READ_BYTES;
use crate::options::Usage;
use crate::read::FrameReader;
use crate::recovery::end_of_previous;
use crate::segment::{FRONT_BYTES, HEADER_BYTES, Header, index_name, segment_name};
use crate::state::LogId;
use crate::vfs::{VfsFile, replace};

/// What was let go of, and what compaction made of it.
#[derive(Debug, Default)]
pub(super) struct Garbage {
    /// Bytes of payload that were let go of since all segments were looked through.
    bytes: AtomicU64,
    /// So many are worth looking through them again.
    due_at: AtomicU64,
    /// Bytes of files that were given back.
    freed: AtomicU64,
}

/// A batch that is needed.
type Live = (LogId, Entry);

/// The logs that need a segment, each with the oldest record that it still has.
type Needs = BTreeMap<u64, Vec<(LogId, u64)>>;

impl Engine {
    /// Counts payload that a log let go of, in these segments among others.
    pub(super) fn note_garbage(&self, segments: impl IntoIterator<Item = u64>, bytes: u64) {
        {
            let known = self.segments.lock();
            for segment in segments.into_iter().filter_map(|number| known.get(&number)) {
                segment.has_garbage.store(true, Ordering::Release);
            }
        }
        let sum = self.garbage.bytes.fetch_add(bytes, Ordering::AcqRel).saturating_add(bytes);
        if bytes > 0 && sum >= self.garbage.due_at.load(Ordering::Acquire) {
            self.ask_for_compaction();
        }
    }

    /// What the segments hold, and what was let go of.
    pub(crate) fn usage(&self) -> Usage {
        let (active, position) = {
            let stage = self.stage.lock();
            (stage.active.number, u64::from(stage.position))
        };
        let segments = self.segments.lock();
        let sealed: u64 =
            segments.range(..active).map(|(_, segment)| u64::from(segment.end())).sum();
        Usage {
            segment_bytes: sealed.saturating_add(position),
            garbage_bytes: self.garbage.bytes.load(Ordering::Acquire),
            freed_bytes: self.garbage.freed.load(Ordering::Acquire),
        }
    }

    /// Writes those segments anew of which at most half is needed.
    pub(super) fn compact(&self) -> Result<(), DiskError> {
        self.garbage.bytes.store(0, Ordering::Release);
        let suspects = self.suspects();
        let needs = self.needs(&suspects);
        let mut sparse = Vec::new();
        for segment in suspects.values() {
            let live = self.live(segment, needs.get(&segment.number).map_or(&[], Vec::as_slice))?;
            if let Some(live) = live {
                sparse.push((Arc::clone(segment), live));
            }
        }
        if !sparse.is_empty() {
            // From here on the disk knows what was let go of.
            self.write_catalog()?;
        }
        for (segment, live) in sparse {
            if self.is_current(&segment) {
                self.rewrite(&segment, &live)?;
            }
        }
        self.set_next_compaction();
        Ok(())
    }

    /// Looking through all segments must not cost more than what it gives back.
    fn set_next_compaction(&self) {
        let ends = self.segments.lock().values().map(|segment| u64::from(segment.end())).sum();
        let due = u64::max(ends, u64::from(self.options.segment()).saturating_mul(4)) / 8;
        self.garbage.due_at.store(due, Ordering::Release);
    }

    /// The sealed segments in which something was let go of since they were looked at.
    fn suspects(&self) -> BTreeMap<u64, Arc<Segment>> {
        let active = self.stage.lock().active.number;
        let segments = self.segments.lock();
        let sealed = segments.range(..active);
        let suspects = sealed.filter(|(_, segment)| {
            let is_needed = segment.live.load(Ordering::Acquire) > 0;
            is_needed && segment.has_garbage.swap(false, Ordering::AcqRel)
        });
        suspects.map(|(number, segment)| (*number, Arc::clone(segment))).collect()
    }

    fn needs(&self, suspects: &BTreeMap<u64, Arc<Segment>>) -> Needs {
        let mut needs = Needs::new();
        if suspects.is_empty() {
            return needs;
        }
        self.for_each_slot(|_, slot, configs| {
            slot.look(configs, |log| {
                for run in log.runs.iter().filter(|run| suspects.contains_key(&run.segment)) {
                    needs.entry(run.segment).or_default().push((log.id, log.earliest));
                }
            });
            if let Slot::Awake(cell) = slot {
                // It would keep the old file, whose room is to be given back.
                cell.state.lock().front = None;
            }
        });
        needs
    }

    /// The batches of a segment that are needed, in the order of the file; `None` if too many are.
    fn live(
        &self,
        segment: &Arc<Segment>,
        needs: &[(LogId, u64)],
    ) -> Result<Option<Vec<Live>>, DiskError> {
        let index = self.index_of(segment)?;
        let mut positions: Vec<u32> = index.positions().collect();
        positions.push(segment.end());
        positions.sort_unstable();
        let mut live: Vec<Live> = Vec::new();
        for (log, earliest) in needs {
            let entries = index.entries(*log);
            let first = holder(entries, *earliest).unwrap_or_default();
            let kept = entries.get(first..).unwrap_or_default();
            live.extend(kept.iter().map(|entry| (*log, *entry)));
        }
        live.sort_unstable_by_key(|(_, entry)| entry.position);
        let bytes: u64 = live
            .iter()
            .map(|(_, entry)| {
                let after = positions.partition_point(|position| *position <= entry.position);
                let end = positions.get(after).copied().unwrap_or(entry.position);
                u64::from(end.saturating_sub(entry.position))
            })
            .sum();
        let used = u64::from(segment.end().saturating_sub(HEADER_BYTES));
        Ok((bytes <= used / 2 && !live.is_empty()).then_some(live))
    }

    fn is_current(&self, segment: &Arc<Segment>) -> bool {
        let segments = self.segments.lock();
        segments.get(&segment.number).is_some_and(|known| Arc::ptr_eq(known, segment))
    }

    /// Writes a segment anew with these batches alone; one with a damaged batch stays as it is.
    fn rewrite(&self, old: &Arc<Segment>, live: &[Live]) -> Result<(), DiskError> {
        let file = self.file_of(old)?;
        let draft = format!("{}{DRAFT_ENDING}", segment_name(old.number));
        let written = self.vfs.create(&draft).and_then(|out| copy(old, &*file, &*out, live));
        let fresh = match written {
            Ok(Some(fresh)) => fresh,
            kept => {
                self.vfs.remove(&draft).ok();
                let told = kept.map(drop);
                return told.map_err(|error| DiskError::NoRoom(error.to_string()));
            }
        };
        old.is_replaced.store(true, Ordering::Release);
        // Opened again if it was closed before it was known to be replaced.
        self.file_of(old)?;
        if let Err(error) = self.vfs.rename(&draft, &segment_name(old.number)) {
            old.is_replaced.store(false, Ordering::Release);
            return Err(DiskError::NoRoom(error.to_string()));
        }
        if let Err(error) = self.vfs.sync_dir() {
            // Either file will do after a crash.
            tracing::warn!(%error, segment = old.number, "cannot sync folder");
        }
        let freed = u64::from(old.end().saturating_sub(fresh.end()));
        self.garbage.freed.fetch_add(freed, Ordering::AcqRel);
        tracing::debug!(segment = old.number, freed, "segment compacted");
        self.replace_segment(old, fresh);
        Ok(())
    }

    fn replace_segment(&self, old: &Arc<Segment>, fresh: Arc<Segment>) {
        let index = fresh.index.lock().clone();
        {
            // Logs that let go of the segment meanwhile are counted under this lock.
            let mut segments = self.segments.lock();
            fresh.live.store(old.live.load(Ordering::Acquire), Ordering::Release);
            segments.insert(old.number, Arc::clone(&fresh));
        }
        self.forget_segment(old);
        if let Some(index) = index {
            let bytes = index.to_bytes(fresh.secret);
            if let Err(error) = replace(&*self.vfs, &index_name(fresh.number), &bytes) {
                tracing::warn!(%error, segment = fresh.number, "cannot write index");
            }
        }
        self.keep_index(fresh);
    }
}

/// Copies batches to a new file, and makes it safe; `None` if one cannot be read.
fn copy(
    old: &Segment,
    file: &dyn VfsFile,
    out: &dyn VfsFile,
    live: &[Live],
) -> io::Result<Option<Arc<Segment>>> {
    let mut reader = FrameReader::new(file, old.secret);
    let mut front = vec![0; FRONT_BYTES];
    let read = file.read_at(&mut front, 0)?;
    front.truncate(read);
    let previous_end = end_of_previous(&front, Header::new(old.number, old.secret));
    let header = Header::compacted(old.number, new_secret());
    let mut writer = CompactWriter::new(header, previous_end.unwrap_or_default());
    let mut parts: BTreeMap<LogId, Vec<Entry>> = BTreeMap::new();
    for (log, entry) in live {
        let ahead = || entry.position.saturating_add(READ_BYTES);
        let frame = reader.batch(entry.position, ahead)?;
        let is_it = |head: &Head| head.log == *log && head.first == entry.first;
        let Some(frame) = frame.filter(|frame| is_it(&frame.head)) else { return Ok(None) };
        let head = frame.head;
        let draft =
            Draft { kind: Kind::Batch, log: *log, first: head.first, records: head.records };
        let position = writer.put(draft, frame.body());
        parts.entry(*log).or_default().push(Entry { position, ..*entry });
        if writer.pending() >= READ_BYTES {
            writer.flush(|bytes, position| out.write_at(bytes, position))?;
        }
    }
    let end = writer.finish(|bytes, position| out.write_at(bytes, position))?;
    out.sync_all()?;
    let fresh = Segment::new(header.number, header.secret, end);
    *fresh.index.lock() = Some(Arc::new(SegmentIndex::new(parts)));
    Ok(Some(fresh))
}

#[cfg(test)]
mod tests;
