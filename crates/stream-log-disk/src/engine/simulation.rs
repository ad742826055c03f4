//! Histories by chance on the simulated disk: whatever is cut off, what was acknowledged is there.
//!
//! All logs share one sequence of frames, so what a power failure leaves must be what a beginning
//! of the history would have made, and that beginning must reach beyond everything acknowledged.
//! The engine is driven step by step in one thread, so a seed gives the same history each time
//! but for the ids of its logs.

mod damage;
mod history;
mod interrupted;
mod model;

use history::{Fault, History};

/// How many crash points a test goes through; `MILLSTREAM_CRASH_POINTS` sets another number.
fn crash_points() -> u64 {
    let asked = std::env::var("MILLSTREAM_CRASH_POINTS").ok();
    asked.map_or(400, |points| points.parse().expect("MILLSTREAM_CRASH_POINTS is no number"))
}

/// Crashes that one disk goes through before a new one is taken.
const CRASHES_PER_DISK: u64 = 8;

/// Goes through so many crash points; the first broken promise with its seed, if any, and the bytes
/// that compaction gave back otherwise.
fn crash(points: u64, faults: &[Fault]) -> Result<u64, String> {
    let mut freed = 0;
    for seed in 0..points.div_ceil(CRASHES_PER_DISK) {
        let mut history = History::new(seed);
        for _ in 0..CRASHES_PER_DISK {
            let told = |broken| format!("seed {seed}: {broken}");
            history.live_and_crash(faults).map_err(told)?;
        }
        freed += history.freed;
    }
    Ok(freed)
}

#[test]
fn what_was_acknowledged_survives_every_crash() {
    let faults = [Fault::Crash, Fault::Crash, Fault::Kill, Fault::Syncs, Fault::Writes];
    let freed = crash(crash_points(), &faults).unwrap();
    assert!(freed > 0, "nothing was ever compacted");
}

#[test]
fn a_full_disk_refuses_and_goes_on_when_there_is_room() {
    crash(crash_points() / 4, &[Fault::Full]).unwrap();
}

#[test]
fn syncs_that_do_nothing_are_found_out() {
    let broken = crash(crash_points(), &[Fault::SyncsLie]).unwrap_err();
    assert!(broken.contains("lost"), "{broken}");
}
