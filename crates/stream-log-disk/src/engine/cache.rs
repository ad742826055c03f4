//! Files and indexes of segments that are kept at hand, as many as there is room for.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Engine, Segment};
use crate::error::DiskError;
use crate::index::SegmentIndex;
use crate::limits::{FILES_OPEN, INDEX_BYTES_IN_MEMORY};
use crate::recovery::index_of;
use crate::segment::{index_name, segment_name};
use crate::vfs::{Vfs, VfsFile, read_whole};

impl Engine {
    /// The segment's file, opened if it is not open.
    pub(super) fn file_of(&self, segment: &Arc<Segment>) -> Result<Arc<dyn VfsFile>, DiskError> {
        let mut kept = segment.file.lock();
        if let Some(file) = &*kept {
            return Ok(Arc::clone(file));
        }
        let opened = self.vfs.open(&segment_name(segment.number));
        let file = opened.map_err(|error| DiskError::read(segment.number, &error))?;
        *kept = Some(Arc::clone(&file));
        drop(kept);
        let mut opened = self.opened.lock();
        opened.push_back(Arc::clone(segment));
        let oldest = if opened.len() > FILES_OPEN { opened.pop_front() } else { None };
        drop(opened);
        if let Some(oldest) = oldest {
            let mut file = oldest.file.lock();
            if !oldest.is_replaced() {
                *file = None;
            }
        }
        Ok(file)
    }

    /// The segment's index, read if it is not in memory, and made anew if it cannot be read.
    pub(super) fn index_of(&self, segment: &Arc<Segment>) -> Result<Arc<SegmentIndex>, DiskError> {
        let mut kept = segment.index.lock();
        if let Some(index) = &*kept {
            return Ok(Arc::clone(index));
        }
        let index = match read_index(&*self.vfs, segment) {
            Some(index) => index,
            None => self.scan(segment)?,
        };
        let index = Arc::new(index);
        *kept = Some(Arc::clone(&index));
        drop(kept);
        if !segment.is_replaced() {
            self.keep_index(Arc::clone(segment));
        }
        Ok(index)
    }

    /// Remembers that the segment's index is in memory; lets go of others if that is too much.
    pub(super) fn keep_index(&self, segment: Arc<Segment>) {
        let mut indexed = self.indexed.lock();
        indexed.push_back(segment);
        let over = take_over(&mut indexed);
        drop(indexed);
        for segment in over {
            *segment.index.lock() = None;
        }
    }

    fn scan(&self, segment: &Arc<Segment>) -> Result<SegmentIndex, DiskError> {
        let file = self.file_of(segment)?;
        let bytes = read_whole(&*file).map_err(|error| DiskError::read(segment.number, &error))?;
        Ok(index_of(&bytes, segment.secret, segment.end()))
    }

    /// Lets go of the file and the index of a segment that is no more.
    pub(super) fn forget_segment(&self, segment: &Arc<Segment>) {
        self.opened.lock().retain(|known| !Arc::ptr_eq(known, segment));
        self.indexed.lock().retain(|known| !Arc::ptr_eq(known, segment));
    }
}

/// Takes the oldest segments out until the indexes of the others are few enough; one stays.
fn take_over(indexed: &mut VecDeque<Arc<Segment>>) -> Vec<Arc<Segment>> {
    let bytes = |segment: &Arc<Segment>| {
        // One that is being read just now counts at its next turn.
        let index = segment.index.try_lock();
        index.and_then(|index| index.as_ref().map(|index| index.bytes())).unwrap_or_default()
    };
    let mut sum: usize = indexed.iter().map(bytes).sum();
    let mut over = Vec::new();
    while sum > INDEX_BYTES_IN_MEMORY
        && indexed.len() > 1
        && let Some(oldest) = indexed.pop_front()
    {
        sum = sum.saturating_sub(bytes(&oldest));
        over.push(oldest);
    }
    over
}

fn read_index(vfs: &dyn Vfs, segment: &Segment) -> Option<SegmentIndex> {
    let file = vfs.open(&index_name(segment.number)).ok()?;
    SegmentIndex::from_bytes(&read_whole(&*file).ok()?, segment.secret)
}
