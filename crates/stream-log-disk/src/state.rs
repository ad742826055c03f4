//! One log: what its readers see, and what is on its way to the disk.
//!
//! A log has two ends: what is safe and seen, and, ahead of it while something is being written,
//! what was decided.
//! Decisions are made on the second, readers are given the first, and publishing what was
//! decided moves the first on.

use std::sync::Arc;

use stream_log::{
    Admission, AppendBatch, AppendError, AppendReceipt, Durability, LogConfig, Producers,
    TailSender, TailState,
};
use stream_model::{Epoch, Offset, ProducerState};
use time::OffsetDateTime;

use crate::body::BatchMeta;
use crate::engine::Segment;
use crate::frame::Kind;
use crate::group::{Group, Phase};
use crate::index::{Entry, Run};
use crate::retention::Held;
use stream_log::codec::widen;

/// A log's number in the frames; never used twice.
pub(crate) type LogId = u32;

/// A log, as far as memory knows it.
#[derive(Debug)]
pub(crate) struct LogState {
    pub(crate) id: LogId,
    pub(crate) closed: bool,
    pub(crate) deleted: bool,
    pub(crate) epoch: Epoch,
    pub(crate) config: Arc<LogConfig>,
    pub(crate) earliest: u64,
    pub(crate) next: u64,
    /// Bytes of payload that it was ever given.
    pub(crate) bytes: u64,
    /// Of these, the ones before `earliest`.
    pub(crate) trimmed: u64,
    /// The newest batch's time in nanoseconds since 1970; `i64::MIN` if there was none.
    pub(crate) touched: i64,
    pub(crate) producers: Option<Box<Producers>>,
    /// Where the sealed segments have batches of it, the oldest first.
    pub(crate) runs: Vec<Run>,
    /// Its batches in the active segment.
    pub(crate) entries: Vec<Entry>,
    /// Its batches in the oldest sealed segment, once retention has asked for them.
    pub(crate) front: Option<Box<Front>>,
    /// What is on its way to the disk.
    ahead: Option<Ahead>,
    tail: Option<TailSender>,
}

/// Batches of a log in one sealed segment.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) segment: Arc<Segment>,
    pub(crate) entries: Vec<Entry>,
}

/// How the log stands with everything that is on its way.
#[derive(Debug)]
struct Ahead {
    next: u64,
    bytes: u64,
    closed: bool,
    deleted: bool,
    /// Effects that were staged and not published.
    count: u32,
    /// The group of the newest of them, and when that is to be published.
    group: Group,
    phase: Phase,
}

/// What a frame does to its log once it is safe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Effect {
    pub(crate) kind: Kind,
    /// For batches, where it lies; for a trim, `first` is the first record that is kept.
    pub(crate) entry: Entry,
    pub(crate) records: u32,
    /// Bytes of payload.
    pub(crate) bytes: u64,
    pub(crate) close: bool,
}

impl Effect {
    /// What a frame without records does.
    pub(crate) fn of(kind: Kind, first: u64, position: u32) -> Self {
        let entry = Entry { first, bytes_before: 0, nanos: 0, position };
        Self { kind, entry, records: 0, bytes: 0, close: false }
    }

    /// What a batch does.
    pub(crate) fn of_batch(
        meta: &BatchMeta,
        (first, records): (u64, u32),
        bytes: u64,
        position: u32,
    ) -> Self {
        let nanos = nanos_of(meta.timestamp);
        let entry = Entry { first, bytes_before: meta.bytes_before, nanos, position };
        Self { kind: Kind::Batch, entry, records, bytes, close: meta.close }
    }
}

/// A time as the log remembers it: nanoseconds since 1970, at most 292 years from it.
pub(crate) fn nanos_of(time: OffsetDateTime) -> i64 {
    let nanos = time.unix_timestamp_nanos();
    i64::try_from(nanos).unwrap_or(if nanos < 0 { i64::MIN + 1 } else { i64::MAX })
}

impl LogState {
    pub(crate) fn new(id: LogId, epoch: Epoch, config: Arc<LogConfig>) -> Self {
        Self {
            id,
            closed: false,
            deleted: false,
            epoch,
            config,
            earliest: 0,
            next: 0,
            bytes: 0,
            trimmed: 0,
            touched: i64::MIN,
            producers: None,
            runs: Vec::new(),
            entries: Vec::new(),
            front: None,
            ahead: None,
            tail: None,
        }
    }

    /// What readers see.
    pub(crate) fn seen(&self) -> TailState {
        TailState {
            epoch: self.epoch,
            earliest: Offset::new(self.earliest),
            next: Offset::new(self.next),
            closed: self.closed,
            deleted: self.deleted,
        }
    }

    /// How the log stands with everything that is on its way.
    pub(crate) fn decided(&self) -> TailState {
        let seen = self.seen();
        match &self.ahead {
            None => seen,
            Some(ahead) => TailState {
                next: Offset::new(ahead.next),
                closed: ahead.closed,
                deleted: ahead.deleted,
                ..seen
            },
        }
    }

    /// Bytes of payload that it was ever given, with everything on its way.
    pub(crate) fn decided_bytes(&self) -> u64 {
        self.ahead.as_ref().map_or(self.bytes, |ahead| ahead.bytes)
    }

    /// What must be reached before everything decided so far is seen; `None` if it is.
    pub(crate) fn last_group(&self) -> Option<(Group, Phase)> {
        self.ahead.as_ref().map(|ahead| (ahead.group.clone(), ahead.phase))
    }

    /// When something staged with `group` can be seen that asks for `asked`: not before what was
    /// staged earlier.
    pub(crate) fn phase_in(&self, group: &Group, asked: Phase) -> Phase {
        let before = self.ahead.as_ref().filter(|ahead| ahead.group.is_same(group));
        before.map_or(asked, |ahead| ahead.phase.max(asked))
    }

    /// Whether the batch is to be appended; the receipt of then if it was before.
    pub(crate) fn judge(&self, batch: &AppendBatch) -> Result<Option<AppendReceipt>, AppendError> {
        let admission = Admission {
            state: self.decided(),
            bytes: self.decided_bytes().saturating_sub(self.trimmed),
            config: &self.config,
            producers: self.producers.as_deref(),
            durability: Durability::Disk,
        };
        admission.judge(batch)
    }

    /// Remembers what is on its way with `group`.
    pub(crate) fn stage(&mut self, effect: Effect, group: &Group, phase: Phase) {
        let seen = self.seen();
        let bytes = self.bytes;
        let ahead = self.ahead.get_or_insert_with(|| {
            let TailState { next, closed, deleted, .. } = seen;
            let group = group.clone();
            let next = next.get();
            Ahead { next, bytes, closed, deleted, count: 0, group, phase }
        });
        ahead.phase = phase;
        ahead.count += 1;
        if !ahead.group.is_same(group) {
            ahead.group.clone_from(group);
        }
        match effect.kind {
            Kind::Batch => {
                ahead.next = effect.entry.first.saturating_add(effect.records.into());
                ahead.bytes = ahead.bytes.saturating_add(effect.bytes);
                ahead.closed |= effect.close;
            }
            Kind::Close => ahead.closed = true,
            Kind::Delete => ahead.deleted = true,
            Kind::Create | Kind::Trim | Kind::Begin => {}
        }
    }

    /// Remembers what a producer appended.
    pub(crate) fn remember(&mut self, meta: &BatchMeta, first: u64, records: u32) {
        if let Some(producer) = &meta.producer {
            let (first, next) = (Offset::new(first), Offset::new(first).plus(records.into()));
            let state = ProducerState { epoch: producer.epoch, seq: producer.seq, first, next };
            self.producers.get_or_insert_default().put(producer.id.clone(), state);
        }
    }

    /// Shows readers what has become safe; the first of what was staged and not yet published.
    pub(crate) fn publish(&mut self, effect: Effect) {
        if let Some(ahead) = &mut self.ahead {
            ahead.count = ahead.count.saturating_sub(1);
            if ahead.count == 0 {
                self.ahead = None;
            }
        }
        self.apply(effect);
    }

    /// Does to the log what a frame says that is safe, whether it is new or found again.
    pub(crate) fn apply(&mut self, effect: Effect) {
        let Effect { kind, entry, records, bytes, close } = effect;
        match kind {
            Kind::Batch => {
                if records > 0 {
                    if self.entries.capacity() == 0 {
                        // Most logs of many get one batch in a segment.
                        self.entries.reserve_exact(1);
                    }
                    self.entries.push(entry);
                }
                self.next = entry.first.saturating_add(records.into());
                self.bytes = entry.bytes_before.saturating_add(bytes);
                self.touched = entry.nanos;
                self.closed |= close;
            }
            Kind::Close => self.closed = true,
            Kind::Delete => self.deleted = true,
            Kind::Trim | Kind::Create | Kind::Begin => {}
        }
    }

    /// Whether nothing but its numbers must be kept in memory.
    pub(crate) fn is_idle(&self) -> bool {
        let is_followed = self.tail.as_ref().is_some_and(TailSender::is_watched);
        // One that was never touched begins its time when it is first asked for it.
        let has_time = self.config.ttl.is_none() || self.touched != i64::MIN;
        let is_quiet = self.entries.is_empty() && self.ahead.is_none() && !self.deleted;
        is_quiet && has_time && self.producers.is_none() && !is_followed
    }

    /// Tells followers how the log stands.
    pub(crate) fn tell(&mut self) {
        let seen = self.seen();
        if let Some(tail) = &self.tail {
            tail.send(seen);
            if !tail.is_watched() {
                self.tail = None;
            }
        }
    }

    /// What followers hear changes from.
    pub(crate) fn tail(&mut self) -> &TailSender {
        let seen = self.seen();
        self.tail.get_or_insert_with(|| stream_log::tail_channel(seen).0)
    }

    /// What retention starts from.
    pub(crate) fn held(&self) -> Held {
        Held {
            earliest: self.earliest,
            next: self.next,
            bytes: self.bytes,
            trimmed: self.trimmed,
            nanos: self.touched,
        }
    }

    /// Lets go of the records before `earliest`, and of the runs that hold nothing else; returns
    /// the segments of these.
    pub(crate) fn let_go(&mut self, earliest: u64, trimmed: u64) -> Vec<u64> {
        self.earliest = self.earliest.max(earliest);
        self.trimmed = self.trimmed.max(trimmed);
        let after_runs = self.entries.first().map_or(self.next, |entry| entry.first);
        let ends = self.runs.iter().skip(1).map(|run| run.first).chain([after_runs]);
        let gone = ends.take_while(|end| *end <= self.earliest).count().min(self.runs.len());
        if gone > 0 {
            self.front = None;
        }
        self.runs.drain(..gone).map(|run| run.segment).collect()
    }

    /// Moves the batches of the active segment, which is sealed now, to a run.
    pub(crate) fn seal(&mut self, segment: u64) -> Vec<Entry> {
        let entries = std::mem::take(&mut self.entries);
        // A catalog that was made while the segment was being sealed knows the run already.
        let known = self.runs.last().is_some_and(|run| run.segment == segment);
        if let Some(entry) = entries.first()
            && !known
        {
            self.runs.reserve_exact(1);
            self.runs.push(Run { first: entry.first, segment });
        }
        entries
    }

    /// Whether the log's time has run out at `now`; one that never got a batch starts its time
    /// now.
    pub(crate) fn is_expired(&mut self, now: OffsetDateTime) -> bool {
        let Some(ttl) = self.config.ttl else { return false };
        let now = nanos_of(now);
        if self.touched == i64::MIN {
            self.touched = now;
        }
        let idle = i128::from(now) - i128::from(self.touched);
        idle >= i128::try_from(ttl.as_nanos()).unwrap_or(i128::MAX)
    }
}

/// Bytes of a batch's payload.
pub(crate) fn payload_bytes(batch: &AppendBatch) -> u64 {
    batch.records.iter().map(|record| widen(record.len())).sum()
}
