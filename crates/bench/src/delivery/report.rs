//! Rounds at rising rates, and their table.
#![expect(clippy::print_stdout, reason = "a benchmark prints its tables")]

use stream_load::{Load, Outcome, idle, run};

use super::contestant::Kind;

/// Events a second of a calm server.
const CALM: f64 = 20.0;

/// A round whose 99th percentile is longer counts as overload.
const P99_MS_MAX: f64 = 200.0;

/// What one contestant reached.
#[derive(Debug, Clone, Copy)]
struct Line {
    calm: Outcome,
    full: Outcome,
    idle_bytes: f64,
}

/// Runs all contestants in turn, and prints a line for each.
///
/// # Errors
/// Names the contestant that refused or broke a connection.
pub fn compare(kinds: &[Kind], load: Load, rates: &[f64], idlers: usize) -> anyhow::Result<()> {
    println!(
        "{} subscribers, {} bytes; full: the highest rate with p99 below {P99_MS_MAX:.0} ms",
        load.subscribers, load.bytes
    );
    println!(
        "{:>11} {:>6} {:>7} {:>7} | calm {:>5} {:>6} {:>6} | {:>6} {:>8} {:>6}  who",
        "deliver/s", "us CPU", "p50 ms", "p99 ms", "us", "p50", "p99", "MB", "B/idle", "wrong"
    );
    for kind in kinds {
        let line = measure(kind, load, rates, idlers);
        let Line { calm, full, idle_bytes } = line.map_err(|error| error.context(kind.name()))?;
        println!(
            "{:>11.0} {:>6.2} {:>7.1} {:>7.1} |      {:>5.1} {:>6.1} {:>6.1} | {:>6.1} {:>8.0} {:>6}  {}",
            full.deliveries_per_second,
            full.cpu_us,
            full.p50_ms,
            full.p99_ms,
            calm.cpu_us,
            calm.p50_ms,
            calm.p99_ms,
            megabytes(full.memory_bytes),
            idle_bytes,
            calm.wrong.max(full.wrong),
            kind.name()
        );
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "the figures have three digits")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn measure(kind: &Kind, load: Load, rates: &[f64], idlers: usize) -> anyhow::Result<Line> {
    let contestant = kind.start()?;
    let calm = run(contestant.server(), load, CALM)?;
    let mut full = calm;
    for rate in rates {
        let outcome = run(contestant.server(), load, *rate)?;
        eprintln_round(kind, &outcome);
        let keeps_up = outcome.deliveries_per_second > 0.9 * outcome.asked_per_second;
        if outcome.p99_ms <= P99_MS_MAX
            && outcome.deliveries_per_second > full.deliveries_per_second
        {
            full = Outcome { wrong: outcome.wrong.max(full.wrong), ..outcome };
        }
        if !keeps_up || outcome.p99_ms > P99_MS_MAX {
            break;
        }
    }
    drop(contestant);
    // A process of its own: what a load has left behind is no idle subscriber's.
    let idle_bytes = if idlers == 0 { 0.0 } else { idle(kind.start()?.server(), idlers)? };
    Ok(Line { calm, full, idle_bytes })
}

#[expect(clippy::print_stderr, reason = "shows that it goes on")]
fn eprintln_round(kind: &Kind, outcome: &Outcome) {
    let Outcome { deliveries_per_second, asked_per_second, cpu_us, p50_ms, p99_ms, wrong, .. } =
        outcome;
    eprintln!(
        "{}: {deliveries_per_second:.0} of {asked_per_second:.0}/s, {cpu_us:.2} us CPU, \
         p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, {wrong} wrong",
        kind.name()
    );
}
