//! Which records a log lets go of, and what becomes of the segments that held them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Engine, Segment};
use crate::body::LastSecond;
use crate::error::DiskError;
use crate::index::{Entry, holder};
use crate::read::FrameReader;
use crate::retention::Batch;
use crate::state::{Front, LogId, LogState};
use stream_log::codec::widen;

/// Bytes of a batch that are read at first to find the lengths of its records.
const LENGTHS_BYTES: u32 = 4 << 10;

/// A batch and where it ends.
#[derive(Debug)]
struct Spot {
    /// Its segment; `None` for the active one.
    segment: Option<Arc<Segment>>,
    entry: Entry,
    /// Where the next batch begins.
    next: u64,
    /// Bytes of payload up to its end, where that is known without reading it.
    bytes: Option<u64>,
}

impl Engine {
    /// Lets go of what the log's retention does not keep.
    pub(super) fn retain(&self, log: &mut LogState) {
        // Most batches end here, so nothing is copied before.
        if log.held().needs_plan(&log.config.retention) {
            self.trim_over(log);
        }
    }

    /// Lets go of the oldest batches as long as the log's retention does not keep them.
    fn trim_over(&self, log: &mut LogState) {
        let keep = log.config.retention;
        let mut held = log.held();
        while held.needs_plan(&keep)
            && let Some(spot) = self.spot(log, held.earliest)
        {
            let Spot { entry, next, .. } = spot;
            let lengths = || self.lengths(log.id, &spot);
            let bytes = spot
                .bytes
                .or_else(|| Some(entry.bytes_before.saturating_add(lengths()?.into_iter().sum())));
            // A batch that cannot be read weighs nothing.
            let bytes = bytes.unwrap_or(entry.bytes_before);
            let batch = Batch { first: entry.first, next, bytes, nanos: entry.nanos };
            if !held.trim(&keep, batch, lengths) {
                break;
            }
            // What follows the batch may be damaged, and is then let go of with it.
            held.earliest = held.earliest.max(next);
        }
        self.let_go(log, held.earliest, held.trimmed);
    }

    /// Lets go of the records before `first`.
    pub(super) fn trim_to(&self, log: &mut LogState, first: u64) {
        if first >= log.earliest {
            let trimmed = self.bytes_before(log, first);
            self.let_go(log, first, trimmed);
        }
    }

    /// Lets go of the records before `earliest`, which hold `trimmed` bytes of payload.
    pub(super) fn let_go(&self, log: &mut LogState, earliest: u64, trimmed: u64) {
        let before = log.trimmed;
        let gone = log.let_go(earliest, trimmed);
        // The oldest run that is left may be left in part.
        let segments = gone.iter().copied().chain(log.runs.first().map(|run| run.segment));
        self.note_garbage(segments, log.trimmed.saturating_sub(before));
        self.release(&gone);
    }

    /// Bytes of payload that the log was given before the record.
    fn bytes_before(&self, log: &mut LogState, offset: u64) -> u64 {
        if offset >= log.next {
            return log.bytes;
        }
        let Some(spot) = self.spot(log, offset) else { return log.trimmed };
        let records = offset.saturating_sub(spot.entry.first);
        if records == 0 {
            return spot.entry.bytes_before;
        }
        let lengths = self.lengths(log.id, &spot).unwrap_or_default();
        let before = lengths.iter().take(stream_log::codec::narrow(records)).sum();
        spot.entry.bytes_before.saturating_add(before)
    }

    /// Lets go of everything of a log that was deleted; what the active segment has of it goes
    /// when that is sealed.
    pub(super) fn let_go_of_all(&self, log: &mut LogState) {
        log.front = None;
        let gone: Vec<u64> = log.runs.drain(..).map(|run| run.segment).collect();
        let held = log.bytes.saturating_sub(log.trimmed);
        self.note_garbage(gone.iter().copied(), held);
        self.release(&gone);
    }

    /// Counts a log less in each of these segments; one that no log needs is dropped.
    pub(super) fn release(&self, segments: &[u64]) {
        if segments.is_empty() {
            return;
        }
        let known = self.segments.lock();
        let released = segments.iter().filter_map(|number| known.get(number));
        let emptied = released.filter(|segment| segment.live.fetch_sub(1, Ordering::AcqRel) == 1);
        let any = emptied.count() > 0;
        drop(known);
        if any {
            self.ask_for_catalog();
        }
    }

    /// The batch that holds `offset`, or the last one before it.
    fn spot(&self, log: &mut LogState, offset: u64) -> Option<Spot> {
        if let Some(found) = holder(&log.entries, offset) {
            let entry = *log.entries.get(found)?;
            let next = log.entries.get(found + 1);
            let bytes = Some(next.map_or(log.bytes, |next| next.bytes_before));
            let next = next.map_or(log.next, |next| next.first);
            return Some(Spot { segment: None, entry, next, bytes });
        }
        let found = log.runs.partition_point(|run| run.first <= offset).checked_sub(1)?;
        let run = *log.runs.get(found)?;
        let segment = self.segments.lock().get(&run.segment).cloned()?;
        self.load_front(log, &segment).ok()?;
        let entries = &log.front.as_deref()?.entries;
        let at = holder(entries, offset)?;
        let entry = *entries.get(at)?;
        let after = entries.get(at + 1).or(log.entries.first());
        let (next, bytes) = match (entries.get(at + 1), log.runs.get(found + 1), after) {
            (None, Some(run), _) => (run.first, None),
            (_, _, Some(next)) => (next.first, Some(next.bytes_before)),
            (_, _, None) => (log.next, Some(log.bytes)),
        };
        Some(Spot { segment: Some(segment), entry, next, bytes })
    }

    /// Has the log's batches of one segment at hand.
    fn load_front(&self, log: &mut LogState, segment: &Arc<Segment>) -> Result<(), DiskError> {
        if log.front.as_ref().is_some_and(|front| Arc::ptr_eq(&front.segment, segment)) {
            return Ok(());
        }
        let entries = self.index_of(segment)?.entries(log.id).to_vec();
        log.front = Some(Box::new(Front { segment: Arc::clone(segment), entries }));
        Ok(())
    }

    /// Bytes of each record of a batch; `None` if it cannot be read.
    fn lengths(&self, log: LogId, spot: &Spot) -> Option<Vec<u64>> {
        let active = || Arc::clone(&self.stage.lock().active);
        let segment = spot.segment.clone().unwrap_or_else(active);
        let file = self.file_of(&segment).ok()?;
        let mut reader = FrameReader::new(&*file, segment.secret);
        let ahead = || spot.entry.position.saturating_add(LENGTHS_BYTES);
        let frame = reader.batch(spot.entry.position, ahead).ok()??;
        let body = frame.read(&mut LastSecond::default()).filter(|_| frame.head.log == log)?;
        Some(body.lengths.map(widen).collect())
    }
}
