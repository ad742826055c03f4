//! The readers' part: where the records lie is found under the log's lock, and read without it.

use std::sync::Arc;

use bytes::Bytes;
use stream_log::{ReadBatch, ReadError, ReadFrom, ReadLimit, Record, TailState};
use stream_model::Offset;

use super::{Cell, Engine, Segment};
use crate::body::LastSecond;
use crate::error::DiskError;
use crate::index::{Entry, holder};
use crate::read::{BatchFrame, FrameReader};
use crate::state::{LogId, LogState};
use stream_log::codec::{narrow, widen};

/// A gap between two wanted frames that is still read with one call: to copy it takes as long as
/// another call.
const GAP_BYTES: u64 = 4 << 10;

/// Bytes that a frame has beside its payload, about.
const FRAME_BYTES_EXTRA: u64 = 256;

/// Records for which there is room from the start, at most; they may be larger than the limit
/// of their bytes lets through.
const RECORDS_RESERVED_MAX: usize = 1 << 14;

/// What a read will do.
#[derive(Debug)]
pub(crate) struct ReadPlan {
    cell: Arc<Cell>,
    log: LogId,
    state: TailState,
    start: u64,
    /// Where the piece of the log ends that this read may give.
    until: u64,
    /// Bytes of payload that the log was given up to there, at most.
    bytes_until: u64,
    limit: ReadLimit,
    source: Source,
}

#[derive(Debug)]
enum Source {
    /// There is nothing to read.
    Nothing,
    /// No segment has it.
    Lost,
    /// The active segment, or the one that was active when the read was planned.
    Active(Arc<Segment>, Vec<Entry>),
    Sealed(u64),
}

impl ReadPlan {
    /// Whether the records may have to be fetched from the disk.
    pub(crate) fn is_cold(&self) -> bool {
        matches!(self.source, Source::Sealed(_))
    }
}

/// What a reader is told of records that cannot be read.
fn damaged(from: u64, to: u64) -> ReadError {
    ReadError::Damaged { from: Offset::new(from), to: Offset::new(to.max(from.saturating_add(1))) }
}

impl Engine {
    /// Finds out what a read will do.
    pub(crate) fn plan_read(
        &self,
        cell: &Arc<Cell>,
        from: ReadFrom,
        limit: ReadLimit,
    ) -> Result<ReadPlan, ReadError> {
        let log = cell.state.lock();
        let state = log.seen();
        let start = state.resolve(from)?.get();
        let (source, until) = self.source(&log, start, limit);
        let bytes_until = log.bytes;
        let (cell, log) = (Arc::clone(cell), log.id);
        Ok(ReadPlan { cell, log, state, start, until, bytes_until, limit, source })
    }

    fn source(&self, log: &LogState, start: u64, limit: ReadLimit) -> (Source, u64) {
        if start >= log.next {
            return (Source::Nothing, log.next);
        }
        if let Some(found) = holder(&log.entries, start) {
            let entries = wanted(log.entries.get(found..).unwrap_or_default(), limit);
            let until = log.entries.get(found + entries.len()).map_or(log.next, |e| e.first);
            let active = Arc::clone(&self.stage.lock().active);
            return (Source::Active(active, entries.to_vec()), until);
        }
        let after = log.runs.partition_point(|run| run.first <= start);
        let active = || log.entries.first().map_or(log.next, |entry| entry.first);
        let until = log.runs.get(after).map_or_else(active, |run| run.first);
        let run = after.checked_sub(1).and_then(|found| log.runs.get(found));
        (run.map_or(Source::Lost, |run| Source::Sealed(run.segment)), until)
    }

    /// Does what was planned.
    pub(crate) fn fetch(&self, plan: &ReadPlan) -> Result<ReadBatch, ReadError> {
        let records = match &plan.source {
            Source::Nothing => Ok(Vec::new()),
            Source::Lost => Err(damaged(plan.start, plan.until)),
            Source::Active(segment, entries) => self.fetch_from(plan, segment, entries),
            Source::Sealed(number) => self.fetch_sealed(plan, *number),
        };
        let records = match records {
            Ok(records) => records,
            // The records may have been let go of since the read was planned.
            Err(error) => {
                plan.cell.state.lock().seen().resolve(ReadFrom::Offset(Offset::new(plan.start)))?;
                return Err(error);
            }
        };
        Ok(ReadBatch {
            epoch: plan.state.epoch,
            next: Offset::new(plan.start).plus(widen(records.len())),
            tail: plan.state.next,
            closed: plan.state.closed,
            records,
        })
    }

    fn fetch_sealed(&self, plan: &ReadPlan, number: u64) -> Result<Vec<Record>, ReadError> {
        let segment = self.segments.lock().get(&number).cloned();
        let lost = || damaged(plan.start, plan.until);
        let segment = segment.ok_or_else(lost)?;
        let index = self.index_of(&segment)?;
        let entries = index.entries(plan.log);
        let found = holder(entries, plan.start).ok_or_else(lost)?;
        let entries = entries.get(found..).unwrap_or_default();
        let some = wanted(entries, plan.limit);
        let until = entries.get(some.len()).map_or(plan.until, |entry| entry.first);
        self.fetch_piece(plan, (&segment, some), until)
    }

    fn fetch_from(
        &self,
        plan: &ReadPlan,
        segment: &Arc<Segment>,
        entries: &[Entry],
    ) -> Result<Vec<Record>, ReadError> {
        self.fetch_piece(plan, (segment, entries), plan.until)
    }

    /// Reads batches that follow each other, up to `until`, as far as they are whole.
    fn fetch_piece(
        &self,
        plan: &ReadPlan,
        (segment, entries): (&Arc<Segment>, &[Entry]),
        until: u64,
    ) -> Result<Vec<Record>, ReadError> {
        let file = self.file_of(segment)?;
        let last = entries.last().map_or(0, |entry| entry.position);
        let reader = FrameReader::new(&*file, segment.secret);
        let mut reader = reader.with_windows(&self.windows).up_to(last);
        let mut collector = Collector::new(plan, until);
        for (at, entry) in entries.iter().enumerate() {
            let next = entries.get(at + 1).map_or(until, |next| next.first);
            let ahead = || ahead(entries.get(at..).unwrap_or_default(), plan.bytes_until);
            let frame = reader.batch(entry.position, ahead);
            let frame = frame.map_err(|error| DiskError::read(segment.number, &error))?;
            let whole = frame.is_some_and(|frame| {
                let is_it = frame.head.log == plan.log && frame.head.first == entry.first;
                is_it && collector.take(&frame)
            });
            if collector.is_full {
                break;
            }
            if !whole || collector.next < next {
                // What came before is given first, and the next read tells of the damage.
                if collector.records.is_empty() {
                    return Err(damaged(plan.start.max(collector.next), next));
                }
                break;
            }
        }
        Ok(collector.records)
    }
}

/// The batches that a read may give records of.
fn wanted(entries: &[Entry], limit: ReadLimit) -> &[Entry] {
    let base = entries.get(1).map_or(0, |entry| entry.bytes_before);
    let bytes_max = widen(limit.bytes_max);
    let fits = |entry: &Entry| entry.bytes_before.saturating_sub(base) <= bytes_max;
    // The first batch may give as little as one record, and each of the others gives one.
    let most = limit.records_max.saturating_add(1).min(entries.len());
    let count = entries.get(..most).unwrap_or(entries).partition_point(fits).max(1);
    entries.get(..count).unwrap_or(entries)
}

/// Up to where it pays to read at once, from the first of `entries` on.
fn ahead(entries: &[Entry], bytes_until: u64) -> u32 {
    let Some(first) = entries.first() else { return 0 };
    let mut end = u64::from(first.position);
    for (at, entry) in entries.iter().enumerate() {
        if u64::from(entry.position) > end.saturating_add(GAP_BYTES)
            || end.saturating_sub(first.position.into()) > crate::limits::READ_BYTES.into()
        {
            break;
        }
        let bytes = entries.get(at + 1).map_or(bytes_until, |next| next.bytes_before);
        let payload = bytes.saturating_sub(entry.bytes_before);
        end = u64::from(entry.position).saturating_add(payload).saturating_add(FRAME_BYTES_EXTRA);
    }
    u32::try_from(end).unwrap_or(u32::MAX)
}

/// Takes records out of batches until there are enough.
struct Collector<'a> {
    plan: &'a ReadPlan,
    records: Vec<Record>,
    bytes: usize,
    next: u64,
    is_full: bool,
    last: LastSecond,
}

impl<'a> Collector<'a> {
    /// For records before `until`.
    fn new(plan: &'a ReadPlan, until: u64) -> Self {
        let most = narrow(until.saturating_sub(plan.start)).min(plan.limit.records_max);
        let records = Vec::with_capacity(most.min(RECORDS_RESERVED_MAX));
        Self {
            plan,
            records,
            bytes: 0,
            next: plan.start,
            is_full: false,
            last: LastSecond::default(),
        }
    }

    /// Takes the records of a batch; returns whether it has the form of one.
    fn take(&mut self, frame: &BatchFrame<'_>) -> bool {
        let Some(body) = frame.read(&mut self.last) else { return false };
        let skip = narrow(self.next.saturating_sub(frame.head.first));
        let mut rest = body.payloads;
        for (at, length) in body.lengths.enumerate() {
            let Some((payload, after)) = rest.split_at_checked(length) else { return false };
            rest = after;
            if at < skip {
                continue;
            }
            self.push(body.meta.timestamp, || frame.share(payload), length);
            if self.is_full {
                break;
            }
        }
        true
    }

    #[inline]
    fn push(
        &mut self,
        timestamp: time::OffsetDateTime,
        payload: impl FnOnce() -> Bytes,
        length: usize,
    ) {
        self.bytes = self.bytes.saturating_add(length);
        let limit = self.plan.limit;
        let over = self.records.len() >= limit.records_max || self.bytes > limit.bytes_max;
        if over && !self.records.is_empty() {
            self.is_full = true;
            return;
        }
        self.records.push(Record { offset: Offset::new(self.next), timestamp, payload: payload() });
        self.next = self.next.saturating_add(1);
    }
}
