//! What the logs must hold: the same operations done to plain lists.

use std::collections::BTreeMap;

use bytes::Bytes;
use stream_log::{LogConfig, ReadFrom, ReadLimit};
use stream_model::{Epoch, Offset, Producer};

use crate::engine::Engine;
use stream_log::codec::{narrow, widen};

/// All logs by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Model {
    pub(super) logs: BTreeMap<String, ModelLog>,
}

/// One log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ModelLog {
    epoch: Epoch,
    records_max: u64,
    bytes_max: u64,
    pub(super) earliest: u64,
    pub(super) records: Vec<Bytes>,
    pub(super) closed: bool,
    pub(super) producers: BTreeMap<String, Producer>,
}

/// Something that was done and may have been cut off.
#[derive(Debug, Clone)]
pub(super) enum Op {
    Create { name: String, epoch: Epoch, config: LogConfig },
    Append { name: String, records: Vec<Bytes>, producer: Option<Producer>, close: bool },
    Trim { name: String, before: u64 },
    Close { name: String },
    Delete { name: String },
}

impl ModelLog {
    pub(super) fn next(&self) -> u64 {
        widen(self.records.len())
    }

    /// Keeps what retention keeps: the newest record always.
    fn retain(&mut self) {
        while self.earliest + 1 < self.next() {
            let kept = &self.records[narrow(self.earliest)..];
            let bytes: usize = kept.iter().map(Bytes::len).sum();
            if widen(kept.len()) <= self.records_max && widen(bytes) <= self.bytes_max {
                return;
            }
            self.earliest += 1;
        }
    }
}

impl Model {
    pub(super) fn apply(&mut self, op: &Op) {
        match op {
            Op::Create { name, epoch, config } => {
                let log = ModelLog {
                    epoch: *epoch,
                    records_max: config.retention.records_max,
                    bytes_max: config.retention.bytes_max,
                    earliest: 0,
                    records: Vec::new(),
                    closed: false,
                    producers: BTreeMap::new(),
                };
                self.logs.insert(name.clone(), log);
            }
            Op::Append { name, records, producer, close } => {
                let log = self.logs.get_mut(name).unwrap();
                log.records.extend(records.iter().cloned());
                log.closed |= close;
                if let Some(producer) = producer {
                    log.producers.insert(producer.id.as_str().to_owned(), producer.clone());
                }
                log.retain();
            }
            Op::Trim { name, before } => {
                let log = self.logs.get_mut(name).unwrap();
                log.earliest = log.earliest.max(*before);
            }
            Op::Close { name } => self.logs.get_mut(name).unwrap().closed = true,
            Op::Delete { name } => {
                self.logs.remove(name);
            }
        }
    }

    /// What an engine holds, as a reader sees it; an error if the reader is told of one.
    pub(super) fn read(engine: &Engine, like: &Self) -> Result<Self, String> {
        let mut model = Self::default();
        for name in engine.names("", None, usize::MAX) {
            let log = ModelLog::read(engine, &name, like.logs.get(&*name));
            model.logs.insert(name.to_string(), log.map_err(|told| format!("log {name}: {told}"))?);
        }
        Ok(model)
    }
}

impl ModelLog {
    /// Reads a log; what it let go of, and what no reader can see, is taken to be as in `like`.
    fn read(engine: &Engine, name: &str, like: Option<&Self>) -> Result<Self, String> {
        let cell = engine.find(name).unwrap().ok_or("not found although listed")?;
        let (seen, config, producers) = {
            let log = cell.state.lock();
            let ids = log.producers.iter().flat_map(|producers| producers.iter());
            let producers = ids.map(|(id, state)| {
                let (epoch, seq) = (state.epoch, state.seq);
                (id.as_str().to_owned(), Producer { id: id.clone(), epoch, seq })
            });
            (log.seen(), *log.config, producers.collect())
        };
        let earliest = seen.earliest.get();
        let gone = like.map_or(&[][..], |like| &like.records);
        let mut records: Vec<Bytes> = gone.iter().take(narrow(earliest)).cloned().collect();
        records.resize(narrow(earliest), Bytes::new());
        while widen(records.len()) < seen.next.get() {
            let from = ReadFrom::Offset(Offset::new(widen(records.len())));
            let limit = ReadLimit { records_max: 7, bytes_max: 3000 };
            let plan = engine.plan_read(&cell, from, limit).map_err(|error| error.to_string())?;
            let batch = engine.fetch(&plan).map_err(|error| error.to_string())?;
            if batch.records.is_empty() {
                return Err(format!("nothing at {} of {seen:?}", records.len()));
            }
            records.extend(batch.records.into_iter().map(|record| record.payload));
        }
        Ok(Self {
            epoch: seen.epoch,
            records_max: config.retention.records_max,
            bytes_max: config.retention.bytes_max,
            earliest,
            records,
            closed: seen.closed,
            producers,
        })
    }
}
