//! `cargo xtask crash`: nothing that was acknowledged is lost, on a simulated disk and on this one.

use anyhow::Result;

use crate::args::Args;
use crate::corpus::PACKAGES;
use crate::executables::Executables;
use crate::nats;
use crate::process::{Process, cargo, program};

/// How often the real server is killed, how many appends it acknowledges meanwhile, and how often a
/// pipeline is killed.
const FULL: Real = Real { cycles: 200, appends: 200_000, pipelines: 100 };

/// The same in a run that every change can wait for.
const SHORT: Real = Real { cycles: 12, appends: 6_000, pipelines: 10 };

/// Crashes of the simulated disk.
const POINTS: u64 = 20_000;

/// How often something happens to processes that share a source; `cargo xtask test` does the same a
/// few times.
const TROUBLES: u64 = 100;

/// What real processes go through.
#[derive(Clone, Copy)]
struct Real {
    cycles: u64,
    appends: u64,
    pipelines: u64,
}

/// `cargo xtask crash [--points N] [--cycles N] [--appends N] [--pipelines N] [--troubles N] [--seed N]`
pub(crate) fn run(mut args: Args) -> Result<()> {
    let points = args.number("--points")?.unwrap_or(POINTS);
    let cycles = args.number("--cycles")?.unwrap_or(FULL.cycles);
    let appends = args.number("--appends")?.unwrap_or(FULL.appends);
    let pipelines = args.number("--pipelines")?.unwrap_or(FULL.pipelines);
    let troubles = args.number("--troubles")?.unwrap_or(TROUBLES);
    let seed = args.number("--seed")?;
    args.finish()?;
    simulated(points).env("MILLSTREAM_DAMAGE", "all").run()?;
    real(Real { cycles, appends, pipelines }, seed)?;
    group(troubles, seed)
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

/// Kills the real server, takes its room away, and kills a pipeline.
fn real(Real { cycles, appends, pipelines }: Real, seed: Option<u64>) -> Result<()> {
    let binaries = &["--bin=crash", "--bin=crash-pipeline", "--bin=millstream"];
    let built = Executables::build(&[PACKAGES, binaries].concat())?;
    let crash = program(built.path("crash")?)
        .args(["--server".as_ref(), built.path("millstream")?.as_os_str()])
        .args(["--full", "--cycles", &cycles.to_string(), "--appends", &appends.to_string()]);
    seeded(crash, seed).run()?;
    let pipeline = program(built.path("crash-pipeline")?);
    seeded(pipeline.args(["--kills", &pipelines.to_string()]), seed).run()
}

/// Kills, stops, adds and sends away processes that share a source.
fn group(troubles: u64, seed: Option<u64>) -> Result<()> {
    nats::server()?;
    let built = Executables::build(&[PACKAGES, &["--bin=crash-group"]].concat())?;
    let group = program(built.path("crash-group")?);
    seeded(group.args(["--troubles", &troubles.to_string()]), seed).run()
}

fn seeded(process: Process, seed: Option<u64>) -> Process {
    match seed {
        Some(seed) => process.args(["--seed", &seed.to_string()]),
        None => process,
    }
}
