//! The writers' part: decide, put a frame into the pending group, and say what to wait for.

use std::sync::Arc;

use parking_lot::Mutex;
use stream_log::{
    AppendBatch, AppendError, AppendReceipt, Durability, LogConfig, StoreError, TrimError,
};
use stream_model::Offset;
use stream_model::now::new_epoch;
use time::OffsetDateTime;

use super::{Cell, Engine, Stage, Staged};
use crate::body::{BatchMeta, CreateBody, put_batch, put_create};
use crate::error::DiskError;
use crate::frame::{Draft, Kind, Place, frame_bytes_max, put_frame};
use crate::group::{Group, Phase};
use crate::limits::{GROWTH_BYTES_MAX, GROWTH_BYTES_MIN};
use crate::state::{Effect, LogState, payload_bytes};
use stream_log::codec::widen;

/// What a writer must wait for before it may say that something happened.
#[derive(Debug, Clone)]
pub(crate) struct Wait {
    pub(crate) group: Group,
    pub(crate) phase: Phase,
}

/// How an attempt to write went.
#[derive(Debug)]
pub(crate) enum Attempt<T> {
    /// It happens once the wait is over; without one, it has.
    Done(T, Option<Wait>),
    /// There is no room yet; the housekeeper knows.
    NoRoom,
}

/// A frame that is ready but for its place.
struct Parts<'a> {
    draft: Draft,
    batch: Option<(&'a BatchMeta, &'a AppendBatch)>,
    phase: Phase,
}

impl Engine {
    /// Appends a batch.
    pub(crate) fn append(
        &self,
        cell: &Arc<Cell>,
        batch: &AppendBatch,
    ) -> Result<Attempt<AppendReceipt>, AppendError> {
        let mut log = cell.state.lock();
        if let Some(receipt) = log.judge(batch)? {
            return Ok(self.again(&log, receipt));
        }
        self.check_size(batch)?;
        let asked = batch.durability.unwrap_or_else(|| self.options.default_durability());
        let asked = if asked >= Durability::Disk { Phase::Synced } else { Phase::Written };
        let first = log.decided().next;
        let records = u32::try_from(batch.records.len()).unwrap_or(u32::MAX);
        let meta = BatchMeta {
            timestamp: batch.timestamp,
            bytes_before: log.decided_bytes(),
            producer: batch.producer.clone(),
            close: batch.close,
        };
        let draft = Draft { kind: Kind::Batch, log: log.id, first: first.get(), records };
        let parts = Parts { draft, batch: Some((&meta, batch)), phase: asked };
        let Some(wait) = self.stage(cell, &mut log, parts)? else { return Ok(Attempt::NoRoom) };
        log.remember(&meta, first.get(), records);
        let durability =
            if wait.phase == Phase::Synced { Durability::Disk } else { Durability::Os };
        let next = first.plus(records.into());
        let receipt = AppendReceipt { epoch: log.epoch, first, next, durability, duplicate: false };
        Ok(Attempt::Done(receipt, Some(wait)))
    }

    /// Answers a batch that was appended before and may still be on its way.
    fn again(&self, log: &LogState, receipt: AppendReceipt) -> Attempt<AppendReceipt> {
        let wait = log.last_group().map(|(group, phase)| Wait { group, phase });
        let is_safe = match &wait {
            Some(wait) => wait.phase == Phase::Synced,
            None => {
                let stage = self.stage.lock();
                stage.synced >= stage.start
            }
        };
        let durability = if is_safe { Durability::Disk } else { Durability::Os };
        Attempt::Done(AppendReceipt { durability, ..receipt }, wait)
    }

    fn check_size(&self, batch: &AppendBatch) -> Result<(), AppendError> {
        // A length takes at most five bytes in a batch that is small enough.
        let lengths = widen(batch.records.len()).saturating_mul(5);
        let body = payload_bytes(batch).saturating_add(lengths).saturating_add(META_BYTES_MAX);
        let (bytes, limit) = (frame_bytes_max(body), u64::from(self.options.frame_bytes_max()));
        if bytes > limit { Err(AppendError::TooLarge { bytes, limit }) } else { Ok(()) }
    }

    /// Closes a log.
    pub(crate) fn close(&self, cell: &Arc<Cell>) -> Result<Attempt<()>, AppendError> {
        let mut log = cell.state.lock();
        let decided = log.decided();
        if decided.deleted {
            return Err(AppendError::Deleted);
        }
        if decided.closed {
            let wait = log.last_group().map(|(group, phase)| Wait { group, phase });
            return Ok(Attempt::Done((), wait));
        }
        let parts = Parts::control(Kind::Close, &log, decided.next.get());
        Ok(Attempt::of(self.stage(cell, &mut log, parts)?))
    }

    /// Lets go of the records before `before`.
    pub(crate) fn trim(&self, cell: &Arc<Cell>, before: Offset) -> Result<Attempt<()>, TrimError> {
        let mut log = cell.state.lock();
        let seen = log.seen();
        if seen.deleted || log.decided().deleted {
            return Err(TrimError::Deleted);
        }
        if before > seen.next {
            return Err(TrimError::BeyondTail { asked: before, tail: seen.next });
        }
        if before <= seen.earliest {
            return Ok(Attempt::Done((), None));
        }
        let parts = Parts::control(Kind::Trim, &log, before.get());
        Ok(Attempt::of(self.stage(cell, &mut log, parts)?))
    }

    /// Makes a log.
    pub(crate) fn create(
        &self,
        name: &str,
        config: LogConfig,
    ) -> Result<Attempt<Arc<Cell>>, StoreError> {
        let mut names = self.names.lock();
        // The name of a log that was deleted is free, also if nobody waited for the deletion.
        if names.logs.has(name) {
            return Err(StoreError::Exists);
        }
        if names.logs.len() >= self.options.logs() {
            return Err(StoreError::Full { limit: self.options.logs() });
        }
        let epoch = new_epoch();
        let mut body = Vec::new();
        put_create(&mut body, &CreateBody { name: name.to_owned(), epoch, config });
        let id = names.next_log;
        let config = names.configs.share(config);
        let cell = Arc::new(Cell { state: Mutex::new(LogState::new(id, epoch, config)) });
        let mut log = cell.state.lock();
        let parts = Parts::control(Kind::Create, &log, 0);
        let staged = self.stage_with(&cell, &mut log, parts, |meta| meta.append(&mut body))?;
        drop(log);
        let Some(wait) = staged else { return Ok(Attempt::NoRoom) };
        names.next_log = id.saturating_add(1);
        names.logs.insert(name, Arc::clone(&cell));
        Ok(Attempt::Done(cell, Some(wait)))
    }

    /// Deletes a log; says whether it was there.
    pub(crate) fn delete(&self, cell: &Arc<Cell>) -> Result<Attempt<bool>, DiskError> {
        let mut log = cell.state.lock();
        if log.decided().deleted {
            return Ok(Attempt::Done(false, None));
        }
        let next = log.decided().next.get();
        let parts = Parts::control(Kind::Delete, &log, next);
        let staged = self.stage(cell, &mut log, parts)?;
        Ok(staged.map_or(Attempt::NoRoom, |wait| Attempt::Done(true, Some(wait))))
    }

    /// Deletes a log if its time has run out at `now` and nobody writes to it.
    pub(crate) fn expire(
        &self,
        cell: &Arc<Cell>,
        now: OffsetDateTime,
    ) -> Result<Attempt<bool>, DiskError> {
        let mut log = cell.state.lock();
        if log.last_group().is_some() || log.deleted || !log.is_expired(now) {
            return Ok(Attempt::Done(false, None));
        }
        let parts = Parts::control(Kind::Delete, &log, log.next);
        let staged = self.stage(cell, &mut log, parts)?;
        Ok(staged.map_or(Attempt::NoRoom, |wait| Attempt::Done(true, Some(wait))))
    }

    /// Forgets the name of a log that was deleted.
    pub(crate) fn forget(&self, name: &str, cell: &Arc<Cell>) {
        self.names.lock().logs.forget(name, cell);
    }

    fn stage(
        &self,
        cell: &Arc<Cell>,
        log: &mut LogState,
        parts: Parts<'_>,
    ) -> Result<Option<Wait>, DiskError> {
        let batch = parts.batch;
        self.stage_with(cell, log, parts, |out| {
            if let Some((meta, batch)) = batch {
                put_batch(out, meta, &batch.records);
            }
        })
    }

    /// Puts a frame into the pending group; `None` if there is no room.
    fn stage_with(
        &self,
        cell: &Arc<Cell>,
        log: &mut LogState,
        parts: Parts<'_>,
        put_meta: impl FnOnce(&mut Vec<u8>),
    ) -> Result<Option<Wait>, DiskError> {
        let mut guard = self.stage.lock();
        let stage = &mut *guard;
        if let Some(trouble) = &stage.trouble {
            return Err(trouble.clone());
        }
        let mut meta = std::mem::take(&mut stage.meta);
        meta.clear();
        put_meta(&mut meta);
        let payload = parts.batch.map_or(0, |(_, batch)| payload_bytes(batch));
        let bytes = frame_bytes_max(widen(meta.len()).saturating_add(payload));
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        if !self.has_room(stage, bytes) {
            stage.meta = meta;
            return Ok(None);
        }
        let effect = stage.put(&parts, &meta);
        stage.meta = meta;
        let phase = log.phase_in(&stage.group, parts.phase);
        log.stage(effect, &stage.group, phase);
        stage.needs_sync |= phase == Phase::Synced;
        stage.staged.push(Staged { cell: Arc::clone(cell), effect, phase });
        // The committer sleeps until it is called, and then may wait for as many as it expects.
        let whole = stage.called && stage.staged.len() == stage.expected;
        let due = whole || !(stage.called || self.is_committed_here());
        stage.called |= due;
        let group = stage.group.clone();
        self.look_ahead(stage);
        drop(guard);
        if due {
            self.work.notify_one();
        }
        Ok(Some(Wait { group, phase }))
    }

    /// Whether a frame of so many bytes fits; if not, sees to it that it will.
    fn has_room(&self, stage: &mut Stage, bytes: u32) -> bool {
        let end = stage.position.saturating_add(bytes);
        if !stage.rolling && end <= stage.limit {
            return true;
        }
        // Growing disturbs the syncs of what is written meanwhile; the successor is longer anyway.
        let grows = end <= GROWTH_BYTES_MAX || bytes > GROWTH_BYTES_MAX / 2;
        if !stage.rolling && grows && end <= self.options.segment() {
            self.ask_for_growth(end);
            return false;
        }
        stage.rolling = true;
        if stage.successor.is_none() {
            self.ask_for_successor();
        }
        self.work.notify_one();
        false
    }

    /// Has room made before it is needed.
    fn look_ahead(&self, stage: &Stage) {
        let left = stage.limit.saturating_sub(stage.position);
        if stage.limit < GROWTH_BYTES_MAX.min(self.options.segment()) {
            if left < stage.limit.max(GROWTH_BYTES_MIN) / 2 {
                self.look_for_growth(stage.limit.saturating_add(1));
            }
        } else if left < stage.limit / 2 && stage.successor.is_none() {
            self.look_for_successor();
        }
    }
}

/// Bytes of everything in a batch's body but lengths and payloads, at most.
const META_BYTES_MAX: u64 = 512;

impl<T> Attempt<T> {
    fn of(staged: Option<Wait>) -> Self
    where
        T: Default,
    {
        staged.map_or(Self::NoRoom, |wait| Self::Done(T::default(), Some(wait)))
    }
}

impl Parts<'_> {
    fn control(kind: Kind, log: &LogState, first: u64) -> Self {
        let draft = Draft { kind, log: log.id, first, records: 0 };
        Self { draft, batch: None, phase: Phase::Synced }
    }
}

impl Stage {
    /// Writes a frame into the buffer.
    fn put(&mut self, parts: &Parts<'_>, meta: &[u8]) -> Effect {
        let position = self.position;
        let place = Place { secret: self.active.secret, position };
        let records = parts.batch.map_or(&[][..], |(_, batch)| &batch.records);
        let payloads = records.iter().map(|record| &record[..]);
        let said = (parts.draft, self.synced, self.back);
        let head = put_frame(&mut self.buffer, place, said, meta, payloads);
        self.back = head.as_back();
        self.position = position.saturating_add(head.frame_bytes());
        let Draft { kind, first, records, .. } = parts.draft;
        match parts.batch {
            Some((meta, batch)) => {
                Effect::of_batch(meta, (first, records), payload_bytes(batch), position)
            }
            None => Effect::of(kind, first, position),
        }
    }

    /// Writes the frame that a segment begins with.
    pub(super) fn begin(&mut self, end_of_previous: u32) {
        let place = Place { secret: self.active.secret, position: self.position };
        let draft = Draft { kind: Kind::Begin, log: 0, first: 0, records: 0 };
        let said = (draft, self.synced, self.back);
        let body = end_of_previous.to_le_bytes();
        let head = put_frame(&mut self.buffer, place, said, &body, std::iter::empty());
        self.back = head.as_back();
        self.position = self.position.saturating_add(head.frame_bytes());
    }
}
