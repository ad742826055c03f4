//! Flipped bits and cut files: all of it is noticed, and nothing but what was hit is lost.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use stream_log::{AppendBatch, LogConfig, ReadError, ReadFrom, ReadLimit};
use stream_model::Offset;
use time::macros::datetime;

use super::interrupted::Interrupted;
use crate::engine::{Attempt, Cell, Engine};
use crate::error::Damage;
use crate::frame::at;
use crate::load::load;
use crate::options::DiskOptions;
use crate::scan::{Found, Scanner};
use crate::segment::{HEADER_BYTES, Header, HeaderFound, segment_name};
use crate::vfs::{SimDisk, Vfs as _};

const NAMES: [&str; 3] = ["topic/a", "topic/b", "topic/c"];

/// Bytes of frames in the log that is damaged.
const LOG_BYTES: usize = 64 << 10;

/// Every `usual`-th place is damaged; with `MILLSTREAM_DAMAGE=all`, every `all`-th one.
fn stride(usual: usize, all: usize) -> usize {
    match std::env::var("MILLSTREAM_DAMAGE").as_deref() {
        Ok("all") => all,
        _ => usual,
    }
}

fn open(disk: &SimDisk) -> Engine {
    // The log fits into one segment, and that is quick to make.
    let options = DiskOptions::default().segment_bytes(128 << 10);
    Engine::open(Arc::new(disk.clone()), options).unwrap()
}

fn record(log: usize, offset: u64) -> Vec<u8> {
    let mut record = format!("record {offset} of log {log} ").into_bytes();
    record.resize(record.len() + usize::try_from(offset % 7).unwrap() * 40, b'.');
    record
}

/// A disk with a whole log on it, closed in order; how many records each log has, and the bytes
/// of the segment that frames are in.
fn whole() -> (SimDisk, [u64; 3], usize) {
    let disk = SimDisk::new();
    let engine = open(&disk);
    let cells = NAMES.map(|name| match engine.create(name, LogConfig::default()).unwrap() {
        Attempt::Done(cell, _) => cell,
        Attempt::NoRoom => panic!("no room for {name}"),
    });
    let mut counts = [0; 3];
    for turn in 0.. {
        let log = turn % 3;
        let mut batch = AppendBatch::new(datetime!(2026-01-02 03:04:05 UTC));
        for _ in 0..=turn % 4 {
            batch = batch.record(record(log, counts[log]));
            counts[log] += 1;
        }
        assert!(matches!(engine.append(&cells[log], &batch), Ok(Attempt::Done(..))));
        engine.commit(false).unwrap();
        if at(engine.stage.lock().position) >= LOG_BYTES {
            break;
        }
    }
    let bytes = at(engine.stage.lock().position);
    engine.stop();
    engine.end().unwrap();
    (disk, counts, bytes)
}

/// Reads all of a log; says how many records were given, and how many were told to be damaged.
#[track_caller]
fn read(engine: &Engine, cell: &Arc<Cell>, log: usize, place: &str) -> (u64, u64) {
    read_from(engine, cell, log, 0, place)
}

/// The same from the record at `start` on.
#[track_caller]
fn read_from(engine: &Engine, cell: &Arc<Cell>, log: usize, start: u64, place: &str) -> (u64, u64) {
    let next = cell.state.lock().seen().next.get();
    let (mut offset, mut given) = (start, 0);
    while offset < next {
        let from = ReadFrom::Offset(Offset::new(offset));
        let plan = engine.plan_read(cell, from, ReadLimit::default()).unwrap();
        match engine.fetch(&plan) {
            Ok(batch) => {
                assert!(!batch.records.is_empty(), "{place}: stuck at {offset} of log {log}");
                for found in batch.records {
                    assert_eq!(found.offset.get(), offset, "{place}");
                    assert_eq!(found.payload, record(log, offset), "{place}: wrong bytes");
                    offset += 1;
                    given += 1;
                }
            }
            Err(ReadError::Damaged { from, to }) => {
                assert_eq!(from.get(), offset, "{place}");
                offset = to.get();
            }
            Err(other) => panic!("{place}: {other}"),
        }
    }
    (given, next - start - given)
}

/// Opens the damaged disk; the damage must be told, at most one log may have lost records, and
/// every record is either given as it was or told to be damaged.
fn check(disk: &SimDisk, counts: [u64; 3], place: &str) {
    let engine = open(disk);
    assert_ne!(engine.damage(), [], "{place}: not noticed");
    let mut hit = 0;
    for (log, name) in NAMES.iter().enumerate() {
        let cell = engine.find(name).unwrap().unwrap_or_else(|| panic!("{place}: no log {name}"));
        let (given, damaged) = read(&engine, &cell, log, place);
        assert_eq!(given + damaged, counts[log], "{place}: log {name}");
        hit += u32::from(damaged > 0);
    }
    assert!(hit <= 1, "{place}: {hit} logs lost records");
}

/// What is found of a whole log without starting it: batches as they lie in the segment.
struct Whole {
    disk: SimDisk,
    counts: [u64; 3],
    /// Up to the end of its last frame.
    segment: Vec<u8>,
    /// The frames of batches by their positions: the first offset, and which bytes it is.
    frames: HashMap<u32, (u64, Range<usize>)>,
    /// Batches of all logs.
    batches: usize,
}

impl Whole {
    fn new() -> Self {
        let (disk, counts, bytes) = whole();
        let mut segment = disk.contents().remove(&segment_name(1)).unwrap();
        segment.truncate(bytes);
        disk.put(&segment_name(1), segment.clone());
        let HeaderFound::Whole(header) = Header::read(&segment) else { panic!("no header") };
        let mut frames = HashMap::new();
        let mut scanner = Scanner::new(&segment, header.secret, HEADER_BYTES, 0);
        while let Some(found) = scanner.next() {
            let Found::Frame { position, head, .. } = found else { panic!("{found:?}") };
            let bytes = at(position)..at(position + head.frame_bytes());
            frames.insert(position, (head.first, bytes));
        }
        let mut whole = Self { disk, counts, segment, frames, batches: 0 };
        whole.batches = whole.found(&whole.disk, &whole.segment, "whole");
        whole
    }

    /// Loads what is on the disk, whose segment holds `bytes`; every batch that is found must be
    /// as it was, and every log as long. Says how many were found.
    fn found(&self, disk: &SimDisk, bytes: &[u8], place: &str) -> usize {
        let loaded = load(disk).unwrap();
        let is_whole = bytes == self.segment;
        assert_eq!(loaded.recovered.damage.is_empty(), is_whole, "{place}: told, or not");
        let mut batches = 0;
        for (log, name) in NAMES.iter().enumerate() {
            let mut logs = loaded.recovered.logs.iter();
            let found = logs.find(|(known, _)| known == name);
            let (_, state) = found.unwrap_or_else(|| panic!("{place}: no log {name}"));
            assert_eq!(state.next, self.counts[log], "{place}: log {name}");
            for entry in &state.entries {
                let (first, bytes_of_it) = &self.frames[&entry.position];
                assert_eq!(entry.first, *first, "{place}: log {name}");
                // What is not as it was must not be taken for a batch.
                let as_it_was =
                    bytes.get(bytes_of_it.clone()) == self.segment.get(bytes_of_it.clone());
                assert!(as_it_was, "{place}: wrong bytes of {name}");
                batches += 1;
            }
        }
        batches
    }
}

#[test]
fn no_flipped_bit_gives_wrong_bytes_or_costs_more_than_a_batch() {
    let whole = Whole::new();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let whole = &whole;
            scope.spawn(move || {
                let disk = whole.disk.fork();
                let file = disk.open(&segment_name(1)).unwrap();
                let mut bytes = whole.segment.clone();
                let bits = (0..whole.segment.len() * 8).step_by(stride(97, 1));
                for bit in bits.skip(thread).step_by(threads) {
                    let place = u64::try_from(bit / 8).unwrap();
                    let flip = |bytes: &mut Vec<u8>| {
                        bytes[bit / 8] ^= 1 << (bit % 8);
                        file.write_at(&bytes[bit / 8..=bit / 8], place).unwrap();
                        file.sync_data().unwrap();
                    };
                    flip(&mut bytes);
                    let found = whole.found(&disk, &bytes, &format!("bit {bit}"));
                    assert!(found + 1 >= whole.batches, "bit {bit}: {found} batches");
                    flip(&mut bytes);
                }
            });
        }
    });
}

#[test]
fn no_cut_gives_wrong_bytes_or_costs_what_was_before_it() {
    let whole = Whole::new();
    let disk = whole.disk.fork();
    let file = disk.open(&segment_name(1)).unwrap();
    let mut bytes = whole.segment.clone();
    let mut least = whole.batches;
    for cut in (at(HEADER_BYTES)..whole.segment.len()).rev().step_by(stride(31, 1)) {
        bytes.truncate(cut);
        file.set_len(u64::try_from(cut).unwrap()).unwrap();
        file.sync_data().unwrap();
        let found = whole.found(&disk, &bytes, &format!("cut at {cut}"));
        assert!(found <= least, "cut at {cut}: {found} of {least} batches");
        least = found;
    }
    assert_eq!(least, 0);
}

#[test]
fn every_flipped_bit_of_a_segment_is_told_and_costs_one_log_one_batch() {
    let (disk, counts, bytes) = whole();
    let segment = disk.contents().remove(&segment_name(1)).unwrap();
    for bit in (0..bytes * 8).step_by(stride(997, 61)) {
        let mut flipped = segment.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let damaged = disk.fork();
        damaged.put(&segment_name(1), flipped);
        check(&damaged, counts, &format!("bit {bit}"));
    }
}

#[test]
fn every_cut_of_a_segment_is_told_and_costs_what_was_cut() {
    let (disk, counts, bytes) = whole();
    let segment = disk.contents().remove(&segment_name(1)).unwrap();
    for cut in (0..bytes).step_by(stride(211, 29)) {
        let damaged = disk.fork();
        damaged.put(&segment_name(1), segment[..cut].to_vec());
        let engine = open(&damaged);
        assert_ne!(engine.damage(), [], "cut at {cut}: not noticed");
        for (log, name) in NAMES.iter().enumerate() {
            let cell = engine.find(name).unwrap().unwrap();
            let (given, damaged) = read(&engine, &cell, log, &format!("cut at {cut}"));
            assert_eq!(given + damaged, counts[log], "cut at {cut}: log {name}");
        }
    }
}

#[test]
fn a_sealed_segment_is_known_from_either_copy_of_any_catalog() {
    // Records of every length, so that a segment is sealed every few of them.
    let disk = SimDisk::new();
    let options = DiskOptions::default().segment_bytes(0);
    let engine = Engine::open(Arc::new(disk.clone()), options).unwrap();
    let cells = NAMES.map(|name| match engine.create(name, LogConfig::default()).unwrap() {
        Attempt::Done(cell, _) => cell,
        Attempt::NoRoom => panic!("no room for {name}"),
    });
    for offset in 0..2000 {
        for (log, cell) in cells.iter().enumerate() {
            let batch = AppendBatch::new(datetime!(2026-01-02 03:04:05 UTC));
            let batch = batch.record(record(log, offset));
            while let Attempt::NoRoom = engine.append(cell, &batch).unwrap() {
                engine.commit(false).unwrap();
                while engine.do_chore() {}
                engine.commit(false).unwrap();
            }
        }
        if offset % 200 == 199 {
            engine.trim(&cells[1], Offset::new(offset / 2)).unwrap();
            engine.commit(false).unwrap();
            while engine.do_chore() {}
            let files = disk.contents();
            assert_eq!(files.get("catalog"), files.get("catalog.copy"), "at {offset}");
            let Some(mut catalog) = files.get("catalog").cloned() else { continue };
            catalog[20] ^= 1;
            let damaged = disk.fork();
            damaged.put("catalog", catalog);
            let engine = open(&damaged);
            assert_eq!(engine.damage(), [Damage::Catalog], "at {offset}");
            for (log, name) in NAMES.iter().enumerate() {
                let cell = engine.find(name).unwrap().unwrap();
                let earliest = if log == 1 { offset / 2 } else { 0 };
                let found = read_from(&engine, &cell, log, earliest, "by the copy");
                assert_eq!(found, (offset + 1 - earliest, 0), "at {offset}: {name}");
            }
        }
    }
    assert!(engine.stage.lock().active.number > 3, "no segment was sealed");
}

#[test]
fn a_group_says_what_was_synced_while_it_was_put_together() {
    let disk = Interrupted::new(SimDisk::new());
    let engine = Engine::open(Arc::new(disk.clone()), DiskOptions::default()).unwrap();
    let engine = Arc::new(engine);
    let Attempt::Done(cell, _) = engine.create("topic/a", LogConfig::default()).unwrap() else {
        panic!("no room");
    };
    engine.commit(false).unwrap();
    let append = |engine: &Engine, cell: &Arc<Cell>, text: &'static str| {
        let batch = AppendBatch::new(datetime!(2026-01-02 03:04:05 UTC)).record(text);
        assert!(matches!(engine.append(cell, &batch), Ok(Attempt::Done(..))));
    };
    append(&engine, &cell, "acknowledged");
    let after = at(engine.stage.lock().position);
    let (writer, log) = (Arc::clone(&engine), Arc::clone(&cell));
    disk.during_sync(move || append(&writer, &log, "meanwhile"));
    engine.commit(false).unwrap();
    engine.commit(false).unwrap();
    assert!(disk.has_happened());

    let left = disk.disk.fork();
    let mut segment = left.contents().remove(&segment_name(1)).unwrap();
    // The last byte of the record that was acknowledged.
    segment[after - 1] ^= 1;
    left.put(&segment_name(1), segment);
    let engine = open(&left);
    assert_ne!(engine.damage(), [], "what was acknowledged is taken for a torn tail");
    let cell = engine.find("topic/a").unwrap().unwrap();
    assert_eq!(cell.state.lock().seen().next, Offset::new(2));
}

#[test]
fn every_flipped_bit_of_a_catalog_is_told_and_costs_nothing() {
    let (disk, counts, _) = whole();
    let catalog = disk.contents().remove("catalog").unwrap();
    for bit in 0..catalog.len() * 8 {
        let mut flipped = catalog.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let damaged = disk.fork();
        damaged.put("catalog", flipped);
        check(&damaged, counts, &format!("bit {bit} of the catalog"));
    }
}

#[test]
fn damage_is_told_once_and_offsets_are_not_given_twice() {
    let (disk, counts, bytes) = whole();
    let mut segment = disk.contents().remove(&segment_name(1)).unwrap();
    segment[bytes / 2] ^= 1;
    disk.put(&segment_name(1), segment);
    check(&disk, counts, "first start");
    let again = disk.fork();
    let engine = open(&again);
    assert_eq!(engine.damage(), [], "told again");
    let lost: u64 = NAMES
        .iter()
        .enumerate()
        .map(|(log, name)| read(&engine, &engine.find(name).unwrap().unwrap(), log, "again").1)
        .sum();
    assert!(lost > 0);
}

#[test]
fn a_frame_behind_a_torn_one_does_not_come_back() {
    let disk = SimDisk::new();
    let engine = open(&disk);
    let Attempt::Done(cell, _) = engine.create("topic/a", LogConfig::default()).unwrap() else {
        panic!("no room");
    };
    engine.commit(false).unwrap();
    let append = |engine: &Engine, cell: &Arc<Cell>, text: &'static str| {
        let batch = AppendBatch::new(datetime!(2026-01-02 03:04:05 UTC)).record(text);
        assert!(matches!(engine.append(cell, &batch), Ok(Attempt::Done(..))));
    };
    let torn = at(engine.stage.lock().position);
    append(&engine, &cell, "torn");
    let after = at(engine.stage.lock().position);
    append(&engine, &cell, "behind");
    engine.commit(false).unwrap();

    // Of the group, the second frame reached the disk and the first did not.
    let left = disk.fork();
    let mut segment = left.contents().remove(&segment_name(1)).unwrap();
    segment[torn..after].fill(0);
    left.put(&segment_name(1), segment);
    let engine = open(&left);
    assert_eq!(engine.damage(), []);
    let cell = engine.find("topic/a").unwrap().unwrap();
    append(&engine, &cell, "anew");
    engine.commit(false).unwrap();
    let engine = open(&left.fork());
    let cell = engine.find("topic/a").unwrap().unwrap();
    assert_eq!(cell.state.lock().seen().next, Offset::new(1));
}

#[test]
fn swapped_segments_are_told() {
    let (disk, ..) = whole();
    let (other, ..) = whole();
    let stranger = other.contents().remove(&segment_name(1)).unwrap();
    disk.put(&segment_name(2), stranger);
    assert_ne!(open(&disk).damage(), []);
}
