//! The catalog: how every log stood at some moment, so that a start reads the newest segments
//! only.
//!
//! It speaks of a moment at or after the beginning of one segment; what comes from there on is
//! read again, and what the catalog knows already is recognised by its offsets.

use std::sync::Arc;

use stream_log::{LogConfig, Producers};
use stream_model::{Epoch, Offset, ProducerId, ProducerState};

use crate::body::{put_config, read_config};
use crate::index::Run;
use crate::segment::FORMAT;
use crate::state::{LogId, LogState};
use stream_log::codec::{Reader, narrow, put_bytes, put_signed, put_varint, widen};

/// The catalog's file, and a copy of it: what it knows may be in no segment any more.
pub(crate) const NAME: &str = "catalog";
pub(crate) const COPY_NAME: &str = "catalog.copy";

const MAGIC: [u8; 7] = *b"MSTRCAT";
const CLOSED: u8 = 1;

/// How the store stood.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    /// The first segment that must be read again.
    pub(crate) from_segment: u64,
    /// The number that the next log gets.
    pub(crate) next_log: LogId,
    /// A segment and the byte before which it is known to be safe.
    pub(crate) safe_before: Option<(u64, u32)>,
    /// A segment and the byte before which the catalog knows what every frame says.
    pub(crate) known_before: (u64, u32),
    /// The sealed segments before `from_segment`, and where each ends.
    pub(crate) sealed: Vec<(u64, u32)>,
    pub(crate) logs: Vec<(String, LogState)>,
}

/// Writes a catalog piece by piece, so that no log must be copied.
#[derive(Debug)]
pub(crate) struct CatalogWriter {
    out: Vec<u8>,
}

impl CatalogWriter {
    /// A catalog of no logs yet.
    pub(crate) fn new() -> Self {
        let mut out = MAGIC.to_vec();
        out.push(FORMAT);
        out.extend_from_slice(&[0; 4]);
        Self { out }
    }

    /// Adds a log.
    pub(crate) fn log(&mut self, name: &str, log: &LogState) {
        let out = &mut self.out;
        // 0 ends the logs.
        put_varint(out, u64::from(log.id).saturating_add(1));
        put_bytes(out, name.as_bytes());
        out.extend_from_slice(&log.epoch.get().to_le_bytes());
        put_config(out, &log.config);
        out.push(if log.closed { CLOSED } else { 0 });
        for number in [log.earliest, log.next, log.bytes, log.trimmed] {
            put_varint(out, number);
        }
        put_signed(out, log.touched);
        put_varint(out, widen(log.runs.len()));
        for run in &log.runs {
            put_varint(out, run.segment);
            put_varint(out, run.first);
        }
        let producers = log.producers.as_deref();
        put_varint(out, producers.map_or(0, |producers| widen(producers.iter().len())));
        for (id, state) in producers.iter().flat_map(|producers| producers.iter()) {
            put_bytes(out, id.as_str().as_bytes());
            for number in [state.epoch, state.seq, state.first.get(), state.next.get()] {
                put_varint(out, number);
            }
        }
    }

    /// The file's content; `head` has no logs of its own.
    pub(crate) fn finish(mut self, head: &Catalog) -> Vec<u8> {
        let out = &mut self.out;
        put_varint(out, 0);
        put_varint(out, head.from_segment);
        put_varint(out, head.next_log.into());
        let (segment, end) = head.safe_before.map_or((0, 0), |(n, end)| (n.saturating_add(1), end));
        put_varint(out, segment);
        put_varint(out, end.into());
        put_varint(out, head.known_before.0);
        put_varint(out, head.known_before.1.into());
        put_varint(out, widen(head.sealed.len()));
        for (segment, end) in &head.sealed {
            put_varint(out, *segment);
            put_varint(out, (*end).into());
        }
        let checksum = crc32fast::hash(self.out.get(12..).unwrap_or_default());
        if let Some(field) = self.out.get_mut(8..12) {
            field.copy_from_slice(&checksum.to_le_bytes());
        }
        self.out
    }
}

impl Catalog {
    /// Reads a file's content; `None` if it is damaged.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader(bytes);
        (reader.take(MAGIC.len())? == MAGIC && reader.u8()? == FORMAT).then_some(())?;
        if reader.u32()? != crc32fast::hash(reader.0) {
            return None;
        }
        let mut catalog = Self::default();
        let mut configs = Configs::default();
        while let Some(id) = reader.varint()?.checked_sub(1) {
            let id = LogId::try_from(id).ok()?;
            catalog.logs.push(read_log(id, &mut reader, &mut configs)?);
        }
        (catalog.from_segment, catalog.next_log) = (reader.varint()?, reader.varint32()?);
        let (segment, end) = (reader.varint()?, reader.varint32()?);
        catalog.safe_before = segment.checked_sub(1).map(|segment| (segment, end));
        catalog.known_before = (reader.varint()?, reader.varint32()?);
        for _ in 0..reader.varint()? {
            catalog.sealed.push((reader.varint()?, reader.varint32()?));
        }
        reader.0.is_empty().then_some(catalog)
    }
}

fn read_log(
    id: LogId,
    reader: &mut Reader<'_>,
    configs: &mut Configs,
) -> Option<(String, LogState)> {
    let name = reader.text()?.to_owned();
    let epoch = Epoch::new(reader.u64()?);
    let config = configs.share(read_config(reader)?);
    let mut log = LogState::new(id, epoch, config);
    log.closed = reader.u8()? & CLOSED != 0;
    log.earliest = reader.varint()?;
    log.next = reader.varint()?;
    log.bytes = reader.varint()?;
    log.trimmed = reader.varint()?;
    log.touched = reader.signed()?;
    let runs = narrow(reader.varint()?);
    log.runs.reserve_exact(runs.min(reader.0.len()));
    for _ in 0..runs {
        let segment = reader.varint()?;
        log.runs.push(Run { first: reader.varint()?, segment });
    }
    for _ in 0..reader.varint()? {
        let id = ProducerId::new(reader.text()?).ok()?;
        let (epoch, seq) = (reader.varint()?, reader.varint()?);
        let (first, next) = (Offset::new(reader.varint()?), Offset::new(reader.varint()?));
        let producers = log.producers.get_or_insert_with(|| Box::new(Producers::default()));
        producers.put(id, ProducerState { epoch, seq, first, next });
    }
    Some((name, log))
}

/// Configurations, each in memory once however many logs have it.
#[derive(Debug, Default)]
pub(crate) struct Configs(Vec<Arc<LogConfig>>);

/// Different configurations that are shared; beyond them, each log has its own.
const SHARED_MAX: usize = 64;

impl Configs {
    /// The number of a configuration that is shared; it never changes.
    pub(crate) fn position(&self, config: &Arc<LogConfig>) -> Option<usize> {
        self.0.iter().position(|known| Arc::ptr_eq(known, config))
    }

    /// The configuration of a number.
    pub(crate) fn at(&self, position: usize) -> Option<Arc<LogConfig>> {
        self.0.get(position).cloned()
    }

    pub(crate) fn share(&mut self, config: LogConfig) -> Arc<LogConfig> {
        if let Some(known) = self.0.iter().find(|known| ***known == config) {
            return Arc::clone(known);
        }
        let fresh = Arc::new(config);
        if self.0.len() < SHARED_MAX {
            self.0.push(Arc::clone(&fresh));
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Vec<u8> {
        let mut log = LogState::new(3, Epoch::new(9), Arc::new(LogConfig::default()));
        (log.closed, log.earliest, log.next, log.bytes, log.trimmed) = (true, 1, 5, 100, 20);
        log.touched = -4;
        log.runs = vec![Run { first: 0, segment: 2 }];
        let state = ProducerState { epoch: 1, seq: 2, first: Offset::new(3), next: Offset::new(4) };
        log.producers.get_or_insert_default().put(ProducerId::new("p").unwrap(), state);
        let sealed = vec![(1, 900), (2, 800)];
        let safe_before = Some((3, 77));
        let (known_before, logs) = ((3, 50), Vec::new());
        let head =
            Catalog { from_segment: 3, next_log: 4, safe_before, known_before, sealed, logs };
        let mut writer = CatalogWriter::new();
        writer.log("topic/a", &log);
        writer.finish(&head)
    }

    #[test]
    fn a_catalog_reads_back() {
        let catalog = Catalog::read(&sample()).unwrap();
        assert_eq!((catalog.from_segment, catalog.next_log), (3, 4));
        assert_eq!((catalog.safe_before, catalog.known_before), (Some((3, 77)), (3, 50)));
        assert_eq!(catalog.sealed, [(1, 900), (2, 800)]);
        let (name, log) = &catalog.logs[0];
        assert_eq!((name.as_str(), log.id, log.epoch.get()), ("topic/a", 3, 9));
        assert_eq!((log.closed, log.earliest, log.next), (true, 1, 5));
        assert_eq!((log.bytes, log.trimmed, log.touched), (100, 20, -4));
        assert_eq!(log.runs, [Run { first: 0, segment: 2 }]);
        let producers = log.producers.as_deref().unwrap();
        assert_eq!(producers.get(&ProducerId::new("p").unwrap()).unwrap().seq, 2);
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_noticed() {
        let whole = sample();
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(Catalog::read(&flipped).is_none(), "bit {bit}");
        }
        assert!((0..whole.len()).all(|cut| Catalog::read(&whole[..cut]).is_none()));
    }
}
