//! Rounds in turn, and their tables.
#![expect(clippy::print_stdout, reason = "a benchmark prints its tables")]

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::contestant::Contestant;
use super::load::{Load, Outcome, PAYLOAD_BYTES, run};

/// Runs the loads on all contestants in turn, `rounds` times, and prints a table for each load: the
/// median round of each contestant.
///
/// Loads take turns, too, each other time backwards: a machine whose speed drifts, and what a server
/// has left to do of a round before, slow all tables alike, and one can be held against the other.
///
/// # Errors
/// Names the contestant that answered wrongly or lost something.
///
/// # Cancel safety
/// Dropping the future ends the writers.
pub async fn compare(
    contestants: &[Contestant],
    loads: &[Load],
    rounds: usize,
) -> anyhow::Result<()> {
    let mut tables = vec![vec![Vec::new(); contestants.len()]; loads.len()];
    for round in 0..rounds {
        let mut turn: Vec<_> = loads.iter().zip(&mut tables).collect();
        if round % 2 == 1 {
            turn.reverse();
        }
        for (&load, table) in turn {
            for (contestant, outcomes) in contestants.iter().zip(table) {
                let outcome = run(contestant, load, round).await;
                outcomes.push(outcome.map_err(|error| error.context(contestant.name))?);
            }
        }
    }
    for (load, table) in loads.iter().zip(&tables) {
        print(contestants, *load, table);
    }
    for (load, table) in loads.iter().zip(&tables).filter(|(load, _)| load.streams > 1) {
        let on_one = |other: &Load| other.writers == load.writers && other.streams == 1;
        if let Some(one) = loads.iter().position(on_one).and_then(|at| tables.get(at)) {
            hold_against(contestants, *load, table, one);
        }
    }
    Ok(())
}

/// Prints the median round of each contestant.
fn print(contestants: &[Contestant], load: Load, table: &[Vec<Outcome>]) {
    println!("\n{} writers on {} streams", load.writers, load.streams);
    println!("{:>10} {:>14} {:>9} {:>9}  who", "appends/s", "us CPU/append", "p50 us", "p99 us");
    for (contestant, outcomes) in contestants.iter().zip(table) {
        let Outcome { appends_per_second, cpu_us, latency_us_p50, latency_us_p99 } =
            median(outcomes);
        println!(
            "{appends_per_second:>10.0} {cpu_us:>14.1} {latency_us_p50:>9} {latency_us_p99:>9}  {}",
            contestant.name
        );
    }
}

/// Prints what it costs that appends go to many streams: each round of that load against the one on
/// one stream that it took turns with.
fn hold_against(
    contestants: &[Contestant],
    load: Load,
    many: &[Vec<Outcome>],
    one: &[Vec<Outcome>],
) {
    println!("\n{} writers, appends/s on {} streams against one", load.writers, load.streams);
    println!("{:>10} {:>14} {:>19}  who", "median", "fewest", "most");
    for (contestant, (many, one)) in contestants.iter().zip(many.iter().zip(one)) {
        let pairs = many.iter().zip(one);
        let mut ratios: Vec<f64> =
            pairs.map(|(many, one)| many.appends_per_second / one.appends_per_second).collect();
        ratios.sort_by(f64::total_cmp);
        let (Some(median), [fewest, .., most]) = (ratios.get(ratios.len() / 2), &ratios[..]) else {
            continue; // One round is no comparison.
        };
        println!("{median:>10.2} {fewest:>14.2} {most:>19.2}  {}", contestant.name);
    }
}

/// The round with the median rate.
fn median(outcomes: &[Outcome]) -> Outcome {
    let mut outcomes = outcomes.to_vec();
    outcomes.sort_by(|left, right| left.appends_per_second.total_cmp(&right.appends_per_second));
    outcomes.get(outcomes.len() / 2).cloned().unwrap_or_default()
}

/// Prints what the disk itself does: one file, one writer, a sync after each write.
///
/// # Errors
/// If `dir` cannot be written to.
#[expect(clippy::cast_precision_loss, reason = "the figures have three digits")]
pub fn disk(dir: &Path, time: Duration) -> anyhow::Result<()> {
    println!("the disk: appends of a file, each with a sync");
    for appends in [1, 64] {
        let bytes = vec![b'x'; PAYLOAD_BYTES * appends];
        let mut file = File::create(dir.join("disk"))?;
        let begin = Instant::now();
        let mut syncs = 0;
        while begin.elapsed() < time {
            file.write_all(&bytes)?;
            file.sync_data()?;
            syncs += appends;
        }
        let rate = syncs as f64 / begin.elapsed().as_secs_f64();
        println!("{rate:>10.0} appends/s, {appends} to a sync");
    }
    Ok(())
}
