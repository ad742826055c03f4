//! Logs that nobody uses, kept as a few bytes until somebody does.
//!
//! A store may have far more logs than are in use; one that is asleep weighs about as much as its
//! name.

use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use parking_lot::Mutex;
use stream_model::Epoch;

use super::{Cell, Engine, LOGS_AT_ONCE, Names};
use crate::catalog::Configs;
use crate::index::Run;
use crate::state::LogState;
use stream_log::codec::{Reader, narrow, put_signed, put_varint, widen};

/// What a store has of a log under its name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slot<'a> {
    Awake(&'a Arc<Cell>),
    Asleep(&'a [u8]),
}

impl Slot<'_> {
    /// Calls `look` with the log, which stays asleep if it is.
    pub(super) fn look(self, configs: &Configs, look: impl FnOnce(&mut LogState)) {
        match self {
            Self::Awake(cell) => look(&mut cell.state.lock()),
            Self::Asleep(bytes) => {
                if let Some(mut log) = read(bytes, configs) {
                    look(&mut log);
                }
            }
        }
    }

    /// Whether the log is known to be deleted.
    pub(super) fn is_deleted(self) -> bool {
        matches!(self, Self::Awake(cell) if cell.state.lock().deleted)
    }
}

/// The log of which this was kept.
pub(super) fn wake(bytes: &[u8], configs: &Configs) -> Option<Arc<Cell>> {
    let state = Mutex::new(read(bytes, configs)?);
    Some(Arc::new(Cell { state }))
}

/// What is kept of the log while it sleeps; `None` if somebody uses it.
pub(super) fn doze(cell: &Arc<Cell>, configs: &Configs) -> Option<Box<[u8]>> {
    // Nobody else can come by another handle while the names are locked.
    if Arc::strong_count(cell) > 1 {
        return None;
    }
    let log = cell.state.lock();
    if log.is_idle() { put(&log, configs) } else { None }
}

impl Engine {
    /// Puts all logs to sleep that nobody uses.
    ///
    /// The names are locked for a few logs at a time, so that nobody waits for all of them.
    pub(super) fn put_to_sleep(&self) {
        let mut last: Option<Box<str>> = None;
        loop {
            let mut names = self.names.lock();
            let Names { logs, configs, .. } = &mut *names;
            let start = last.as_deref().map_or(Unbounded, Excluded);
            last = logs.doze(start, LOGS_AT_ONCE, configs);
            if last.is_none() {
                return;
            }
        }
    }
}

/// What is kept of an idle log; `None` if its configuration is one of its own.
fn put(log: &LogState, configs: &Configs) -> Option<Box<[u8]>> {
    let mut out = Vec::with_capacity(64);
    put_varint(&mut out, log.id.into());
    out.extend_from_slice(&log.epoch.get().to_le_bytes());
    put_varint(&mut out, widen(configs.position(&log.config)?));
    out.push(u8::from(log.closed));
    for number in [log.earliest, log.next, log.bytes, log.trimmed] {
        put_varint(&mut out, number);
    }
    put_signed(&mut out, log.touched);
    put_varint(&mut out, widen(log.runs.len()));
    for run in &log.runs {
        put_varint(&mut out, run.segment);
        put_varint(&mut out, run.first);
    }
    Some(out.into())
}

fn read(bytes: &[u8], configs: &Configs) -> Option<LogState> {
    let mut reader = Reader(bytes);
    let id = reader.varint32()?;
    let epoch = Epoch::new(reader.u64()?);
    let config = configs.at(narrow(reader.varint()?))?;
    let mut log = LogState::new(id, epoch, config);
    log.closed = reader.u8()? != 0;
    log.earliest = reader.varint()?;
    log.next = reader.varint()?;
    log.bytes = reader.varint()?;
    log.trimmed = reader.varint()?;
    log.touched = reader.signed()?;
    for _ in 0..reader.varint()? {
        let segment = reader.varint()?;
        log.runs.push(Run { first: reader.varint()?, segment });
    }
    Some(log)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Attempt;
    use crate::limits::LOGS_PER_SEGMENT;
    use crate::options::DiskOptions;
    use crate::vfs::SimDisk;
    use stream_log::{AppendBatch, Durability, LogConfig};
    use time::macros::datetime;

    #[test]
    fn a_log_wakes_up_as_it_fell_asleep() {
        let mut configs = Configs::default();
        configs.share(LogConfig { bytes_max: Some(1), ..LogConfig::default() });
        let config = configs.share(LogConfig::default());
        let mut log = LogState::new(300, Epoch::new(9), config);
        (log.closed, log.earliest, log.next, log.bytes, log.trimmed) = (true, 1, 5, 100, 20);
        log.touched = -4;
        log.runs = vec![Run { first: 0, segment: 2 }, Run { first: 3, segment: 7 }];
        let before = format!("{log:?}");
        let cell = Arc::new(Cell { state: Mutex::new(log) });
        let held = Arc::clone(&cell);
        assert_eq!(doze(&cell, &configs), None, "somebody uses it");
        drop(held);
        let asleep = doze(&cell, &configs).unwrap();
        let woken = wake(&asleep, &configs).unwrap();
        assert_eq!(format!("{:?}", woken.state.lock()), before);
    }

    #[test]
    fn with_one_log_too_many_the_segment_is_sealed_and_the_others_sleep() {
        let engine = Engine::open(Arc::new(SimDisk::new()), DiskOptions::default()).unwrap();
        let at = datetime!(2026-01-02 03:04:05 UTC);
        let batch = AppendBatch::new(at).record("x").durability(Durability::Os);
        let settle = || {
            engine.commit(false).unwrap();
            while engine.do_chore() {}
            engine.commit(false).unwrap();
        };
        let fill = |logs: std::ops::Range<usize>| {
            for log in logs {
                let cell = loop {
                    match engine.create(&format!("topic/{log}"), LogConfig::default()).unwrap() {
                        Attempt::Done(cell, _) => break cell,
                        Attempt::NoRoom => settle(),
                    }
                };
                while let Attempt::NoRoom = engine.append(&cell, &batch).unwrap() {
                    settle();
                }
            }
            settle();
            while engine.do_chore() {}
        };
        let asleep = || engine.names.lock().logs.asleep();
        fill(0..LOGS_PER_SEGMENT - 1);
        assert_eq!((engine.stage.lock().active.number, asleep()), (1, 0));
        fill(LOGS_PER_SEGMENT - 1..LOGS_PER_SEGMENT);
        assert_eq!((engine.stage.lock().active.number, asleep()), (2, LOGS_PER_SEGMENT));
        let cell = engine.find("topic/7").unwrap().unwrap();
        assert_eq!(cell.state.lock().seen().next.get(), 1);
    }

    #[test]
    fn a_log_with_a_configuration_of_its_own_stays_awake() {
        let config = Arc::new(LogConfig::default());
        let log = LogState::new(1, Epoch::new(1), config);
        let cell = Arc::new(Cell { state: Mutex::new(log) });
        assert_eq!(doze(&cell, &Configs::default()), None);
    }
}
