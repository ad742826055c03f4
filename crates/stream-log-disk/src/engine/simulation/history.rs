//! One disk and what is done to it, by chance.

use std::sync::Arc;

use bytes::Bytes;
use stream_log::{AppendBatch, Durability, LogConfig, Retention};
use stream_model::{Offset, Producer, ProducerId};
use time::macros::datetime;

use super::model::{Model, Op};
use crate::engine::staging::Wait;
use crate::engine::{Attempt, Engine};
use crate::error::DiskError;
use crate::group::Phase;
use crate::options::DiskOptions;
use crate::vfs::{SimDisk, SimFault};
use stream_log::codec::widen;

/// What ends a life of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The power fails within a step.
    Crash,
    /// The process is killed; the system keeps what it was given.
    Kill,
    /// Syncs fail from some step on, and then the power does.
    Syncs,
    /// Writes fail from some step on, and then the power does.
    Writes,
    /// The disk fills up, has room again, and then the power fails.
    Full,
    /// Syncs do nothing, and then the power fails.
    SyncsLie,
}

/// Names of logs; few, so that they meet in one segment and are deleted and made anew.
const NAMES: [&str; 4] = ["topic/a", "topic/b", "llm/c", "stream/d"];

/// A disk, the store on it, and what the store must hold.
pub(super) struct History {
    chance: fastrand::Rng,
    disk: SimDisk,
    /// What is safe for sure.
    model: Model,
    /// What was done since, and what must be waited for before it is sure.
    pending: Vec<(Op, Wait)>,
    /// Makes every payload another.
    written: u64,
    /// Bytes that compaction gave back.
    pub(super) freed: u64,
}

impl History {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            chance: fastrand::Rng::with_seed(seed),
            disk: SimDisk::new(),
            model: Model::default(),
            pending: Vec::new(),
            written: 0,
            freed: 0,
        }
    }

    /// Opens the store, uses it, has it end by one of the faults, and looks at what is left.
    pub(super) fn live_and_crash(&mut self, faults: &[Fault]) -> Result<(), String> {
        let fault = *self.chance.choice(faults).unwrap();
        let at = self.disk.steps() + self.chance.u64(1..60);
        self.disk.set_fault(match fault {
            Fault::Crash => SimFault::CrashAt(at),
            Fault::Syncs => SimFault::SyncsFailFrom(at),
            Fault::Writes => SimFault::WritesFailFrom(at),
            Fault::SyncsLie => SimFault::SyncsLie,
            Fault::Kill | Fault::Full => SimFault::None,
        });
        if let Ok(engine) = self.open() {
            self.live(&engine, fault)?;
        }
        let seed = self.chance.u64(..);
        let next = if fault == Fault::Kill { self.disk.restart() } else { self.disk.reboot(seed) };
        self.disk = next;
        self.look_after_crash(fault == Fault::Kill)
    }

    fn open(&self) -> Result<Engine, String> {
        // Small segments, so that a life passes through several.
        let options = DiskOptions::default().segment_bytes(0);
        let opened = Engine::open(Arc::new(self.disk.clone()), options);
        opened.map_err(|error| error.to_string())
    }

    fn live(&mut self, engine: &Engine, fault: Fault) -> Result<(), String> {
        let steps = self.chance.u32(1..60);
        let (full_from, full_to) = (steps / 3, steps * 2 / 3);
        for step in 0..steps {
            if fault == Fault::Full && step == full_from {
                let used: usize = self.disk.contents().values().map(Vec::len).sum();
                self.disk.set_fault(SimFault::Full(widen(used)));
            }
            if fault == Fault::Full && step == full_to {
                self.disk.set_fault(SimFault::None);
                self.must_have_room(engine)?;
            }
            if !self.step(engine)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Does one thing; says whether the store still works.
    fn step(&mut self, engine: &Engine) -> Result<bool, String> {
        match self.chance.u32(..20) {
            0..=11 => self.write(engine),
            12..=15 => self.commit(engine),
            16 => Ok(self.keep_house(engine)),
            17 => Ok(self.compact(engine)),
            18 => self.look_alive(engine),
            _ => {
                // All of it, as the threads would in time.
                let works = self.commit(engine)? && self.keep_house(engine);
                Ok(works && self.look_alive(engine)?)
            }
        }
    }

    fn commit(&mut self, engine: &Engine) -> Result<bool, String> {
        let was_dead = self.disk.has_crashed();
        let committed = engine.commit(self.chance.u32(..8) == 0).is_ok();
        if self.settle() && was_dead {
            return Err("acknowledged by a crashed machine".into());
        }
        Ok(committed)
    }

    fn keep_house(&mut self, engine: &Engine) -> bool {
        while engine.do_chore() {}
        // A catalog is written after a commit of its own.
        self.settle();
        engine.trouble().is_none()
    }

    /// Looks for segments to make smaller, however little was let go of.
    fn compact(&mut self, engine: &Engine) -> bool {
        engine.ask_for_compaction();
        let works = self.keep_house(engine);
        self.freed += engine.usage().freed_bytes;
        works
    }

    /// Takes what is safe now into the model; says whether anything is.
    fn settle(&mut self) -> bool {
        let safe = |(_, wait): &(Op, Wait)| {
            wait.phase == Phase::Synced && wait.group.has_reached(Phase::Synced)
        };
        let count = self.pending.iter().rposition(safe).map_or(0, |last| last + 1);
        for (op, _) in self.pending.drain(..count) {
            self.model.apply(&op);
        }
        count > 0
    }

    /// What readers see while the store runs is what was written so far.
    fn look_alive(&mut self, engine: &Engine) -> Result<bool, String> {
        if !self.commit(engine)? || self.disk.has_crashed() {
            return Ok(false);
        }
        let mut all = self.model.clone();
        self.pending.iter().for_each(|(op, _)| all.apply(op));
        let found = Model::read(engine, &all)?;
        if found == all { Ok(true) } else { Err(format!("read {found:?}, expected {all:?}")) }
    }

    /// What is left after the end of a life is what some beginning of it made.
    fn look_after_crash(&mut self, killed: bool) -> Result<(), String> {
        self.settle();
        let engine = self.open()?;
        if !engine.damage().is_empty() {
            return Err(format!("a crash looks like damage: {:?}", engine.damage()));
        }
        let pending = std::mem::take(&mut self.pending);
        let least = if killed {
            // The system has what it was given, synced or not.
            let written = |(_, wait): &(Op, Wait)| wait.group.has_reached(Phase::Written);
            pending.iter().rposition(written).map_or(0, |last| last + 1)
        } else {
            0
        };
        let mut model = self.model.clone();
        for count in 0..=pending.len() {
            if count >= least && Model::read(&engine, &model)? == model {
                self.model = model;
                // A store that was used goes on; one that was only looked at must not be changed.
                return Ok(());
            }
            if let Some((op, _)) = pending.get(count) {
                model.apply(op);
            }
        }
        let found = Model::read(&engine, &model)?;
        Err(format!("lost: found {found:?}, expected at least {:?}", self.model))
    }

    /// A write must succeed once those who make room were asked.
    fn must_have_room(&mut self, engine: &Engine) -> Result<(), String> {
        let name = format!("topic/room-{}", self.written);
        self.written += 1;
        for _ in 0..3 {
            match self.create(engine, name.clone()) {
                Ok(true) => return Ok(()),
                Ok(false) => self.make_room(engine),
                Err(error) => return Err(format!("refused although there is room: {error}")),
            }
        }
        Err("no room although there is".into())
    }

    /// Does what the threads do when writers wait for room.
    fn make_room(&mut self, engine: &Engine) {
        for _ in 0..2 {
            while engine.do_chore() {}
            engine.commit(false).ok();
        }
        self.settle();
    }

    fn write(&mut self, engine: &Engine) -> Result<bool, String> {
        for _ in 0..3 {
            match self.attempt(engine) {
                Ok(true) => return Ok(true),
                Ok(false) => self.make_room(engine),
                Err(DiskError::Poisoned(_)) => return Ok(false),
                Err(error) => return Err(format!("refused: {error}")),
            }
        }
        Ok(engine.trouble().is_none())
    }

    /// Writes something; says whether there was room.
    fn attempt(&mut self, engine: &Engine) -> Result<bool, DiskError> {
        let name = (*self.chance.choice(NAMES).unwrap()).to_owned();
        let Some(cell) = engine.find(&name)? else { return self.create(engine, name) };
        let decided = cell.state.lock().decided();
        if decided.deleted {
            return Ok(true);
        }
        let (op, attempt) = match self.chance.u32(..40) {
            0 => (Op::Delete { name }, engine.delete(&cell)?.map(drop)),
            1 => match engine.close(&cell) {
                Ok(attempt) => (Op::Close { name }, attempt),
                Err(error) => return Err(backend(error)),
            },
            2..=5 => {
                let seen = cell.state.lock().seen();
                let before = self.chance.u64(seen.earliest.get()..=seen.next.get());
                match engine.trim(&cell, Offset::new(before)) {
                    Ok(attempt) => (Op::Trim { name, before }, attempt),
                    Err(error) => return Err(backend(error)),
                }
            }
            _ if decided.closed => return Ok(true),
            _ => {
                let (op, batch) = self.batch(name);
                match engine.append(&cell, &batch) {
                    Ok(attempt) => (op, attempt.map(drop)),
                    Err(error) => return Err(backend(error)),
                }
            }
        };
        Ok(self.remember(op, attempt))
    }

    fn create(&mut self, engine: &Engine, name: String) -> Result<bool, DiskError> {
        let [records_max, bytes_max] = self
            .chance
            .choice([[u64::MAX, u64::MAX], [u64::MAX, u64::MAX], [3, u64::MAX], [u64::MAX, 9000]])
            .unwrap();
        let retention = Retention { records_max, bytes_max, age_max: None };
        let config = LogConfig { retention, ..LogConfig::default() };
        match engine.create(&name, config).map_err(backend)? {
            Attempt::NoRoom => Ok(false),
            Attempt::Done(cell, wait) => {
                let epoch = cell.state.lock().epoch;
                Ok(self.remember(Op::Create { name, epoch, config }, Attempt::Done((), wait)))
            }
        }
    }

    fn remember(&mut self, op: Op, attempt: Attempt<()>) -> bool {
        match attempt {
            Attempt::NoRoom => return false,
            Attempt::Done((), Some(wait)) => self.pending.push((op, wait)),
            // It had happened before.
            Attempt::Done((), None) => {}
        }
        true
    }

    /// A batch of a few records, each unlike any other.
    fn batch(&mut self, name: String) -> (Op, AppendBatch) {
        let count = self.chance.usize(1..4);
        let records: Vec<Bytes> = (0..count).map(|_| self.payload()).collect();
        let mut batch = AppendBatch::new(datetime!(2026-01-02 03:04:05 UTC));
        batch.records.clone_from(&records);
        if self.chance.u32(..3) == 0 {
            batch.durability = Some(Durability::Os);
        }
        batch.close = self.chance.u32(..100) == 0;
        if self.chance.bool() {
            // A new epoch each time, so that the sequence is right whatever came before.
            let id = ProducerId::new(self.chance.choice(["p", "q"]).unwrap()).unwrap();
            batch.producer = Some(Producer { id, epoch: self.written, seq: 0 });
        }
        let (producer, close) = (batch.producer.clone(), batch.close);
        (Op::Append { name, records, producer, close }, batch)
    }

    fn payload(&mut self) -> Bytes {
        let most = self.chance.choice([0, 30, 600, 3000, 12_000]).unwrap();
        let mut payload = self.written.to_le_bytes().to_vec();
        self.written += 1;
        payload.resize(payload.len() + self.chance.usize(..=most), self.chance.u8(..));
        payload.into()
    }
}

impl<T> Attempt<T> {
    fn map<U>(self, map: impl FnOnce(T) -> U) -> Attempt<U> {
        match self {
            Self::Done(value, wait) => Attempt::Done(map(value), wait),
            Self::NoRoom => Attempt::NoRoom,
        }
    }
}

/// What the engine says, without the words of the contract around it.
fn backend(error: impl std::error::Error) -> DiskError {
    let source = error.source().and_then(|source| source.downcast_ref::<DiskError>());
    source.cloned().unwrap_or_else(|| DiskError::NoRoom(format!("unexpected: {error}")))
}
