//! Compaction on the simulated disk: every record that is needed stays, whatever happens.

use std::sync::Arc;

use stream_log::{AppendBatch, LogConfig, ReadFrom, ReadLimit, Retention};
use stream_model::Offset;
use time::macros::datetime;

use crate::engine::{Attempt, Cell, Engine};
use crate::options::DiskOptions;
use crate::segment::segment_name;
use crate::vfs::{SimDisk, SimFault};

/// Records of each log; those of all logs fill several of the smallest segments.
const RECORDS: u64 = 60;

fn open(disk: &SimDisk) -> Engine {
    Engine::open(Arc::new(disk.clone()), DiskOptions::default().segment_bytes(0)).unwrap()
}

/// Does what the threads would do in time.
fn settle(engine: &Engine) {
    for _ in 0..3 {
        engine.commit(true).unwrap();
        while engine.do_chore() {}
    }
}

fn create(engine: &Engine, name: &str, retention: Retention) -> Arc<Cell> {
    let config = LogConfig { retention, ..LogConfig::default() };
    loop {
        match engine.create(name, config).unwrap() {
            Attempt::Done(cell, _) => return cell,
            Attempt::NoRoom => settle(engine),
        }
    }
}

fn record(log: usize, offset: u64) -> Vec<u8> {
    let mut record = format!("record {offset} of log {log} ").into_bytes();
    record.resize(1000, b'.');
    record
}

fn append(engine: &Engine, cell: &Arc<Cell>, log: usize, offset: u64) {
    let at = datetime!(2026-01-02 03:04:05 UTC);
    let batch = AppendBatch::new(at).record(record(log, offset));
    while let Attempt::NoRoom = engine.append(cell, &batch).unwrap() {
        settle(engine);
    }
}

/// Three logs whose records lie side by side: one kept, one trimmed to its end but for ten
/// records, one deleted.
fn mixed(disk: &SimDisk) -> Engine {
    let engine = open(disk);
    let names = ["topic/kept", "topic/trimmed", "topic/deleted"];
    let cells = names.map(|name| create(&engine, name, Retention::default()));
    for turn in 0..RECORDS * 4 {
        // One of four is kept.
        let log = [0, 1, 2, 2][usize::try_from(turn % 4).unwrap()];
        let offset = cells[log].state.lock().decided().next.get();
        append(&engine, &cells[log], log, offset);
    }
    settle(&engine);
    engine.trim(&cells[1], Offset::new(RECORDS - 10)).unwrap();
    engine.delete(&cells[2]).unwrap();
    engine.commit(true).unwrap();
    engine
}

#[track_caller]
fn look(engine: &Engine, place: &str) {
    assert_eq!(engine.damage(), [], "{place}");
    for (log, (name, earliest)) in
        [("topic/kept", 0), ("topic/trimmed", RECORDS - 10)].into_iter().enumerate()
    {
        let cell = engine.find(name).unwrap().unwrap();
        let mut offset = cell.state.lock().seen().earliest.get();
        assert_eq!(offset, earliest, "{place}: {name}");
        while offset < RECORDS {
            let from = ReadFrom::Offset(Offset::new(offset));
            let plan = engine.plan_read(&cell, from, ReadLimit::default()).unwrap();
            let batch = engine.fetch(&plan).unwrap();
            assert!(!batch.records.is_empty(), "{place}: {name} ends at {offset}");
            for found in batch.records {
                assert_eq!(found.payload, record(log, offset), "{place}: {name} at {offset}");
                offset += 1;
            }
        }
    }
    assert!(engine.find("topic/deleted").unwrap().is_none(), "{place}");
}

fn compact(engine: &Engine) {
    engine.ask_for_compaction();
    while engine.do_chore() {}
}

#[test]
fn what_is_left_reads_as_before_and_takes_less_room() {
    let disk = SimDisk::new();
    let engine = mixed(&disk);
    let bytes = |disk: &SimDisk| -> usize {
        let files = disk.contents();
        files
            .iter()
            .filter(|(name, _)| name.ends_with(".segment"))
            .map(|(_, file)| file.len())
            .sum()
    };
    let before = bytes(&disk);
    compact(&engine);
    assert!(engine.usage().freed_bytes > 0);
    assert!(bytes(&disk) < before, "{} of {before} bytes are left", bytes(&disk));
    look(&engine, "compacted");
    settle(&engine);
    look(&engine, "settled");
    look(&open(&disk.fork()), "opened again");
    let again = engine.usage().freed_bytes;
    compact(&engine);
    assert_eq!(engine.usage().freed_bytes, again, "there was nothing left to do");
    engine.stop();
    engine.end().unwrap();
    look(&open(&disk.fork()), "closed and opened again");
}

#[test]
fn a_crash_at_any_step_leaves_what_was_needed() {
    let first = {
        let disk = SimDisk::new();
        mixed(&disk);
        disk.steps()
    };
    let mut finished = false;
    for step in 1.. {
        let disk = SimDisk::new();
        let engine = mixed(&disk);
        // What fills the segments is not by chance, but its steps may differ by the odd chore.
        assert!(disk.steps().abs_diff(first) < 50);
        disk.set_fault(SimFault::CrashAt(disk.steps() + step));
        compact(&engine);
        finished = !disk.has_crashed();
        for seed in 0..4 {
            look(&open(&disk.reboot(seed)), &format!("step {step}, seed {seed}"));
        }
        if finished {
            assert!(engine.usage().freed_bytes > 0 && step > 10, "only {step} steps");
            break;
        }
    }
    assert!(finished);
}

#[test]
fn a_full_disk_and_failing_writes_leave_everything_as_it_was() {
    for from in 0..20 {
        let disk = SimDisk::new();
        let engine = mixed(&disk);
        disk.set_fault(SimFault::Full(from * 1000));
        compact(&engine);
        look(&engine, "full");
        disk.set_fault(SimFault::None);
        look(&open(&disk.fork()), "full and opened again");
    }
}

#[test]
fn who_read_the_old_file_reads_on() {
    let disk = SimDisk::new();
    let engine = mixed(&disk);
    let cell = engine.find("topic/kept").unwrap().unwrap();
    let plan = |engine: &Engine| {
        engine.plan_read(&cell, ReadFrom::Offset(Offset::new(0)), ReadLimit::default()).unwrap()
    };
    let old = engine.segments.lock().values().next().cloned().unwrap();
    let planned = plan(&engine);
    let before = engine.fetch(&planned).unwrap();
    compact(&engine);
    assert!(!engine.is_current(&old), "the segment was not written anew");
    let file = engine.file_of(&old).unwrap();
    let index = engine.index_of(&old).unwrap();
    let entry = index.entries(cell.state.lock().id)[0];
    let mut reader = crate::read::FrameReader::new(&*file, old.secret);
    assert!(reader.batch(entry.position, || 0).unwrap().is_some(), "the old file is gone");
    let records = |batch: stream_log::ReadBatch| -> Vec<_> {
        batch.records.into_iter().map(|record| record.payload).collect()
    };
    let before = records(before);
    assert_eq!(records(engine.fetch(&planned).unwrap()), before);
    assert_eq!(records(engine.fetch(&plan(&engine)).unwrap()), before);
}

#[test]
fn retention_goes_on_by_the_new_file() {
    let disk = SimDisk::new();
    let engine = open(&disk);
    let keep = Retention { records_max: u64::MAX, bytes_max: 30_000, age_max: None };
    let bounded = create(&engine, "topic/bounded", keep);
    let other = create(&engine, "topic/other", Retention::default());
    for offset in 0..RECORDS * 3 {
        append(&engine, &bounded, 0, offset);
        append(&engine, &other, 1, offset);
        if offset == RECORDS * 2 {
            settle(&engine);
            engine.trim(&other, Offset::new(RECORDS * 2)).unwrap();
            engine.commit(true).unwrap();
            compact(&engine);
            assert!(engine.usage().freed_bytes > 0);
        }
    }
    settle(&engine);
    let log = bounded.state.lock();
    assert_eq!((log.bytes - log.trimmed, log.next - log.earliest), (30_000, 30));
}

#[test]
fn a_damaged_segment_stays_as_it_is() {
    let disk = SimDisk::new();
    let engine = mixed(&disk);
    settle(&engine);
    let cell = engine.find("topic/kept").unwrap().unwrap();
    let segment = engine.segments.lock().values().next().cloned().unwrap();
    let entry = engine.index_of(&segment).unwrap().entries(cell.state.lock().id)[0];
    let file = engine.file_of(&segment).unwrap();
    file.write_at(b"?", u64::from(entry.position) + 100).unwrap();
    let before = disk.contents().remove(&segment_name(segment.number)).unwrap();
    compact(&engine);
    let after = disk.contents().remove(&segment_name(segment.number)).unwrap();
    assert_eq!(before, after);
}
