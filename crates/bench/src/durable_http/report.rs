//! Rounds in turn, and their tables.
#![expect(clippy::print_stdout, reason = "a benchmark prints its tables")]

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use super::contestant::Contestant;
use super::load::{Load, Outcome, PAYLOAD_BYTES, run};

/// Runs `load` on all contestants in turn, `rounds` times, and prints the median round of each.
///
/// # Errors
/// Names the contestant that answered wrongly or lost something.
///
/// # Cancel safety
/// Dropping the future ends the writers.
pub async fn compare(contestants: &[Contestant], load: Load, rounds: usize) -> anyhow::Result<()> {
    let mut outcomes = vec![Vec::new(); contestants.len()];
    for round in 0..rounds {
        for (contestant, outcomes) in contestants.iter().zip(&mut outcomes) {
            let outcome = run(contestant, load, round).await;
            outcomes.push(outcome.map_err(|error| error.context(contestant.name))?);
        }
    }
    let Load { writers, streams, .. } = load;
    println!("\n{writers} writers on {streams} streams");
    println!("{:>10} {:>14} {:>9} {:>9}  who", "appends/s", "us CPU/append", "p50 us", "p99 us");
    for (contestant, outcomes) in contestants.iter().zip(outcomes) {
        let Outcome { appends_per_second, cpu_us, latency_us_p50, latency_us_p99 } =
            median(outcomes);
        println!(
            "{appends_per_second:>10.0} {cpu_us:>14.1} {latency_us_p50:>9} {latency_us_p99:>9}  {}",
            contestant.name
        );
    }
    Ok(())
}

/// The round with the median rate.
fn median(mut outcomes: Vec<Outcome>) -> Outcome {
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
