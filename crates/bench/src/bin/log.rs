//! The log on disk beside fjall, redb and `SQLite`, every append on the disk before it is
//! acknowledged, and beside what the disk itself can do.
//!
//! Records have 200 bytes of chance; the contestants take turns, and the median of the rounds
//! counts; of reading back, which needs no disk, the fastest.
//! What each reads back is counted before it is reported.
#![expect(
    clippy::cast_precision_loss,
    clippy::print_stdout,
    reason = "a benchmark prints, in round numbers"
)]

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use bench::log::{
    Contestant, Fjall, Ours, RECORD_BYTES, Raw, Redb, Sqlite, copy_folder, folder_bytes,
    idle_topics, records, write_at_once,
};

/// Rounds that count.
const ROUNDS: usize = 5;
/// How often everything is read back.
const READS: usize = 9;
/// Topics of the memory row.
const TOPICS: usize = 1_000_000;
/// Writers that each wait for their own acknowledgement.
const WRITERS: usize = 64;
/// Appends of one writer alone, in a round.
const ALONE: usize = 2_000;
/// Batches of 64 and of 1,024 in a round.
const BATCHES_64: usize = 1_000;
const BATCHES_1024: usize = 150;
/// Appends of each of the writers in a round: of an engine that syncs for all of them at once, and
/// of one that syncs for each.
const EACH_GROUPED: usize = 1_500;
const EACH_ALONE: usize = 100;

/// What one contestant reached, in records a second where nothing else is said.
#[derive(Debug, Default)]
struct Figures {
    name: &'static str,
    alone: Vec<f64>,
    by_64: Vec<f64>,
    by_1024: Vec<f64>,
    writers: Vec<f64>,
    read: f64,
    reopen_ms_per_million: f64,
    disk_per_payload: f64,
}

fn main() -> anyhow::Result<()> {
    let mut args = std::env::args().skip(1);
    if let (Some("--idle"), Some(path)) = (args.next().as_deref(), args.next()) {
        // A process of its own, so that nothing else is counted.
        println!("{}", idle_topics(Path::new(&path), TOPICS)?);
        return Ok(());
    }
    // Beside the project, as the folder for temporary files may lie in memory.
    let folder = tempfile::tempdir_in(std::env::current_dir()?)?;
    let place = |name: &str| folder.path().join(name);
    print(&measure(&place)?);
    print_logs([(1, &place("one")), (WRITERS, &place("many"))])?;
    println!("bytes of memory for each of {TOPICS} idle topics: {}", idle(&place("idle"))?);
    Ok(())
}

/// The figures of everybody: first the disk itself, then we, then the peers.
fn measure(place: &impl Fn(&str) -> std::path::PathBuf) -> anyhow::Result<[Figures; 5]> {
    let raw = Arc::new(Raw::open(&place("raw"))?);
    let ours = Arc::new(Ours::open(&place("ours"))?);
    let fjall = Arc::new(Fjall::open(&place("fjall"))?);
    let redb = Arc::new(Redb::open(&place("redb"))?);
    let sqlite = Arc::new(Sqlite::open(&place("sqlite"))?);
    let mut figures = <[Figures; 5]>::default();
    let [of_raw, of_ours, of_fjall, of_redb, of_sqlite] = &mut figures;
    for _ in 0..ROUNDS {
        round(of_raw, &raw, |raw| write_at_once(raw, WRITERS, EACH_ALONE), EACH_ALONE)?;
        round(of_ours, &ours, |ours| ours.write_at_once(WRITERS, EACH_GROUPED), EACH_GROUPED)?;
        round(of_fjall, &fjall, |fjall| write_at_once(fjall, WRITERS, EACH_ALONE), EACH_ALONE)?;
        round(of_redb, &redb, |redb| write_at_once(redb, WRITERS, EACH_ALONE), EACH_ALONE)?;
        round(of_sqlite, &sqlite, |db| write_at_once(db, WRITERS, EACH_ALONE), EACH_ALONE)?;
    }
    look_back(of_ours, &*ours, EACH_GROUPED, &place("ours"))?;
    look_back(of_fjall, &*fjall, EACH_ALONE, &place("fjall"))?;
    look_back(of_redb, &*redb, EACH_ALONE, &place("redb"))?;
    look_back(of_sqlite, &*sqlite, EACH_ALONE, &place("sqlite"))?;
    Ok(figures)
}

/// One round of one contestant.
fn round<C: Contestant>(
    figures: &mut Figures,
    contestant: &Arc<C>,
    at_once: impl FnOnce(&Arc<C>) -> anyhow::Result<()>,
    each: usize,
) -> anyhow::Result<()> {
    figures.name = contestant.name();
    let (one, some, many) = (records(1), records(64), records(1024));
    figures.alone.push(rate(ALONE, || (0..ALONE).try_for_each(|_| contestant.append(&one)))?);
    let by_64 = || (0..BATCHES_64).try_for_each(|_| contestant.append(&some));
    figures.by_64.push(rate(BATCHES_64 * 64, by_64)?);
    let by_1024 = || (0..BATCHES_1024).try_for_each(|_| contestant.append(&many));
    figures.by_1024.push(rate(BATCHES_1024 * 1024, by_1024)?);
    figures.writers.push(rate(WRITERS * each, || at_once(contestant))?);
    Ok(())
}

/// Reads everything back, and opens a copy of the folder as a killed process would leave it.
fn look_back<C: Contestant>(
    figures: &mut Figures,
    contestant: &C,
    each: usize,
    path: &Path,
) -> anyhow::Result<()> {
    let written = ROUNDS * (ALONE + BATCHES_64 * 64 + BATCHES_1024 * 1024 + WRITERS * each);
    let count = contestant.read()?;
    ensure!(count == written, "{}: {count} of {written} records", figures.name);
    for _ in 0..READS {
        let read = rate(written, || contestant.read().map(drop))?;
        figures.read = figures.read.max(read);
    }
    figures.disk_per_payload = folder_bytes(path)? as f64 / (written * RECORD_BYTES) as f64;
    let copy = path.with_extension("copy");
    copy_folder(path, &copy)?;
    let start = Instant::now();
    let opened = C::open(&copy)?;
    let millis = start.elapsed().as_secs_f64() * 1e3;
    figures.reopen_ms_per_million = millis * 1e6 / written as f64;
    ensure!(opened.read()? == written, "{}: records lost", figures.name);
    drop(opened);
    Ok(std::fs::remove_dir_all(copy)?)
}

/// How many things a second, if `run` does so many.
fn rate(things: usize, run: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<f64> {
    let start = Instant::now();
    run()?;
    Ok(things as f64 / start.elapsed().as_secs_f64())
}

/// What it costs that writers have a log each, whose records then lie between those of others.
fn print_logs(places: [(usize, &Path); 2]) -> anyhow::Result<()> {
    let mut stores = Vec::new();
    for (logs, path) in places {
        stores.push((logs, Ours::with_logs(path, logs)?, Vec::new()));
    }
    for _ in 0..ROUNDS {
        for (_, ours, written) in &mut stores {
            let write = || ours.write_at_once(WRITERS, EACH_GROUPED);
            written.push(rate(WRITERS * EACH_GROUPED, write)?);
        }
    }
    println!("{:<18} {:>10} {:>11}", "records/s", "64 writers", "read back");
    let count = ROUNDS * WRITERS * EACH_GROUPED;
    for (logs, ours, written) in &stores {
        ensure!(ours.read()? == count, "{logs} logs: records lost");
        let mut read = 0.0_f64;
        for _ in 0..READS {
            read = read.max(rate(count, || ours.read().map(drop))?);
        }
        println!("{:<18} {:>10.0} {:>11.0}", format!("logs: {logs}"), median(written), read);
    }
    Ok(())
}

fn idle(path: &Path) -> anyhow::Result<String> {
    let output = Command::new(std::env::current_exe()?).arg("--idle").arg(path).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout).context("expected a number")?.trim().to_owned())
}

fn median(rates: &[f64]) -> f64 {
    let mut rates = rates.to_vec();
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

fn print(figures: &[Figures; 5]) {
    println!(
        "{:<18} {:>9} {:>10} {:>10} {:>11} {:>11} {:>10} {:>7}",
        "records/s",
        "1 writer",
        "64 writers",
        "by 64",
        "by 1,024",
        "read back",
        "reopen ms",
        "disk x"
    );
    for row in figures {
        println!(
            "{:<18} {:>9.0} {:>10.0} {:>10.0} {:>11.0} {:>11.0} {:>10.1} {:>7.2}",
            row.name,
            median(&row.alone),
            median(&row.writers),
            median(&row.by_64),
            median(&row.by_1024),
            row.read,
            row.reopen_ms_per_million,
            row.disk_per_payload,
        );
    }
    println!(
        "reopen: after a kill, for a million records; disk: bytes of files for one of payload"
    );
    let [raw, ours, peers @ ..] = figures;
    let best = peers.iter().map(|peer| median(&peer.writers)).fold(0.0, f64::max);
    let (ours, limit) = (median(&ours.writers), median(&raw.by_64));
    println!("64 writers: {:.1} times the best peer (target 5)", ours / best);
    println!("64 writers: {:.2} of the disk's limit in batches of 64 (target 0.5)", ours / limit);
}
