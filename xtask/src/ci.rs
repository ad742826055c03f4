//! `cargo xtask ci`: every step in turn, timed, stopping at the first that fails.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use crate::args::Args;
use crate::{
    api, check, conformance, corpus, crash, crash_nats, docs, features, setup, test, vectors,
};

/// A named step.
struct Step {
    name: &'static str,
    run: fn() -> Result<()>,
}

/// Cheap steps first; neighbours share what they compile.
///
/// The doctests belong to `docs` here, so that they run once.
const STEPS: &[Step] = &[
    Step { name: "setup", run: || setup::run(Args::default()) },
    Step { name: "check", run: || check::run(Args::default()) },
    Step { name: "features", run: || features::run(Args::default()) },
    Step { name: "docs", run: || docs::run(Args::default()) },
    Step { name: "api", run: || api::run(Args::default()) },
    Step { name: "test", run: test::targets },
    Step { name: "corpus", run: corpus::if_present },
    Step { name: "vectors", run: || vectors::run(Args::default()) },
    Step { name: "crash", run: crash::short },
    Step { name: "crash-nats", run: crash_nats::short },
    Step { name: "conformance", run: conformance::all },
];

/// `cargo xtask ci`
pub(crate) fn run(args: Args) -> Result<()> {
    args.finish()?;
    let mut times = Vec::new();
    let outcome = run_steps(STEPS, &mut times);
    println!("\n{}", table(&times));
    outcome
}

/// Runs `steps` until one fails; `times` gets the time of each that ran.
fn run_steps(steps: &[Step], times: &mut Vec<(&'static str, Duration)>) -> Result<()> {
    for Step { name, run } in steps {
        println!("\n== {name} ==");
        let start = Instant::now();
        let outcome = run();
        times.push((name, start.elapsed()));
        outcome.with_context(|| format!("step `{name}` failed"))?;
    }
    Ok(())
}

/// One line per step, and their sum.
fn table(times: &[(&str, Duration)]) -> String {
    let sum = ("total", times.iter().map(|(_, time)| *time).sum());
    let line =
        |(name, time): &(&str, Duration)| format!("{name:<12} {:>8.1} s", time.as_secs_f64());
    times.iter().chain([&sum]).map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    #[test]
    fn the_first_failure_ends_the_run_and_is_named() {
        let steps = [
            Step { name: "good", run: || Ok(()) },
            Step { name: "bad", run: || bail!("broken") },
            Step { name: "never", run: || Ok(()) },
        ];
        let mut times = Vec::new();
        let error = run_steps(&steps, &mut times).unwrap_err();
        assert_eq!(format!("{error:#}"), "step `bad` failed: broken");
        let ran: Vec<_> = times.iter().map(|(name, _)| *name).collect();
        assert_eq!(ran, ["good", "bad"]);
    }

    #[test]
    fn the_table_adds_up() {
        let times = [("check", Duration::from_millis(1500)), ("test", Duration::from_mins(1))];
        let want = "check             1.5 s\ntest             60.0 s\ntotal            61.5 s";
        assert_eq!(table(&times), want);
    }
}
