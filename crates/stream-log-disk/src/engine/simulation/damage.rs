//! Flipped bits and cut files: all of it is noticed, and nothing but what was hit is lost.

use std::sync::Arc;

use stream_log::{AppendBatch, LogConfig, ReadError, ReadFrom, ReadLimit};
use stream_model::Offset;
use time::macros::datetime;

use crate::engine::{Attempt, Cell, Engine};
use crate::frame::at;
use crate::options::DiskOptions;
use crate::segment::segment_name;
use crate::vfs::SimDisk;

const NAMES: [&str; 3] = ["topic/a", "topic/b", "topic/c"];

/// Bytes of frames in the log that is damaged.
const LOG_BYTES: usize = 64 << 10;

/// Every `stride`-th place is damaged; with `MILLSTREAM_DAMAGE=all`, every one.
fn stride(usual: usize) -> usize {
    match std::env::var("MILLSTREAM_DAMAGE").as_deref() {
        Ok("all") => 1,
        _ => usual,
    }
}

fn open(disk: &SimDisk) -> Engine {
    let options = DiskOptions::default().segment_bytes(1 << 20);
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
    let next = cell.state.lock().seen().next.get();
    let (mut offset, mut given) = (0, 0);
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
    (given, next - given)
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

#[test]
fn every_flipped_bit_of_a_segment_is_told_and_costs_one_log_one_batch() {
    let (disk, counts, bytes) = whole();
    let segment = disk.contents().remove(&segment_name(1)).unwrap();
    for bit in (0..bytes * 8).step_by(stride(997)) {
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
    for cut in (0..bytes).step_by(stride(211)) {
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
