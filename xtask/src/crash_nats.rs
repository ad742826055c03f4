//! `cargo xtask crash-nats`: servers of a NATS cluster, and ours on it, are killed and stopped while
//! others write and read, and nothing that was acknowledged is lost, reordered or doubled.

use anyhow::Result;

use crate::args::Args;
use crate::corpus::PACKAGES;
use crate::executables::Executables;
use crate::nats;
use crate::process::{cargo, program};

/// How often a server of NATS fails, and how often one of ours.
const FAULTS: u64 = 50;

/// The same in a run that every change can wait for.
const FAULTS_SHORT: u64 = 4;

/// `cargo xtask crash-nats [--faults N] [--seed N]`
pub(crate) fn run(mut args: Args) -> Result<()> {
    let faults = args.number("--faults")?.unwrap_or(FAULTS);
    let seed = args.number("--seed")?;
    args.finish()?;
    nats::server()?;
    let test = ["test", "--package=stream-log-nats", "--all-features", "--test=it"];
    cargo(test)
        .args(["--", "--nocapture", "while_servers_fail"])
        .env("MILLSTREAM_NATS_FAULTS", faults.to_string())
        .run()?;
    servers(faults, seed)
}

/// A few faults of real servers; those of the log alone are among the tests.
pub(crate) fn short() -> Result<()> {
    servers(FAULTS_SHORT, None)
}

/// Lets servers of both kinds fail.
fn servers(faults: u64, seed: Option<u64>) -> Result<()> {
    let nats = nats::server()?;
    let binaries = &["--bin=crash-cluster", "--bin=millstream"];
    let built = Executables::build(&[PACKAGES, binaries].concat())?;
    let crash = program(built.path("crash-cluster")?)
        .args(["--server".as_ref(), built.path("millstream")?.as_os_str()])
        .args(["--nats".as_ref(), nats.as_os_str()])
        .args(["--faults", &faults.to_string()]);
    match seed {
        Some(seed) => crash.args(["--seed", &seed.to_string()]).run(),
        None => crash.run(),
    }
}
