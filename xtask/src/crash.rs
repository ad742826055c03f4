//! `cargo xtask crash`: nothing that was acknowledged is lost, on a simulated disk and on this one.

use anyhow::Result;

use crate::args::Args;
use crate::corpus::PACKAGES;
use crate::executables::Executables;
use crate::process::{Process, cargo, program};

/// How often the real server is killed, and how many appends it acknowledges meanwhile.
const FULL: Real = Real { cycles: 200, appends: 200_000 };

/// The same in a run that every change can wait for.
const SHORT: Real = Real { cycles: 12, appends: 6_000 };

/// Crashes of the simulated disk.
const POINTS: u64 = 20_000;

/// What the real server goes through.
#[derive(Clone, Copy)]
struct Real {
    cycles: u64,
    appends: u64,
}

/// `cargo xtask crash [--points N] [--cycles N] [--appends N] [--seed N]`
pub(crate) fn run(mut args: Args) -> Result<()> {
    let points = args.number("--points")?.unwrap_or(POINTS);
    let cycles = args.number("--cycles")?.unwrap_or(FULL.cycles);
    let appends = args.number("--appends")?.unwrap_or(FULL.appends);
    let seed = args.number("--seed")?;
    args.finish()?;
    simulated(points).env("MILLSTREAM_DAMAGE", "all").run()?;
    real(Real { cycles, appends }, seed)
}

/// As many simulated crashes as ever, but few real ones, and damage in some places only.
pub(crate) fn short() -> Result<()> {
    simulated(POINTS).run()?;
    real(SHORT, None)
}

/// The tests that crash the simulated disk, and damage what is on it.
fn simulated(points: u64) -> Process {
    let tests = ["test", "--package=stream-log-disk", "--all-features", "--lib", "simulation"];
    cargo(tests).env("MILLSTREAM_CRASH_POINTS", points.to_string())
}

/// Kills the real server, and takes its room away.
fn real(Real { cycles, appends }: Real, seed: Option<u64>) -> Result<()> {
    let built = Executables::build(&[PACKAGES, &["--bin=crash", "--bin=millstream"]].concat())?;
    let crash = program(built.path("crash")?);
    let mut crash = crash
        .args(["--server".as_ref(), built.path("millstream")?.as_os_str()])
        .args(["--full", "--cycles", &cycles.to_string(), "--appends", &appends.to_string()]);
    if let Some(seed) = seed {
        crash = crash.args(["--seed", &seed.to_string()]);
    }
    crash.run()
}
