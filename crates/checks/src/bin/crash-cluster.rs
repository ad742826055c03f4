//! Kills and stops servers on a cluster of NATS, ours and theirs, and says what was lost.
#![expect(clippy::print_stdout, reason = "a command line prints")]

use std::path::PathBuf;
use std::process::ExitCode;

use checks::crash::{ClusterPlan, run_on_cluster};
use clap::Parser;

#[derive(Debug, Parser)]
struct Args {
    /// Our server
    #[arg(long)]
    server: PathBuf,
    /// The server of NATS
    #[arg(long)]
    nats: PathBuf,
    /// How often a server of NATS fails, and how often one of ours
    #[arg(long, default_value_t = 50)]
    faults: usize,
    /// Decides where readers are cut
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let Args { server, nats, faults, seed } = Args::parse();
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("crash on a cluster: seed {seed}");
    let report = run_on_cluster(&ClusterPlan { server, nats, faults, seed }).await?;
    println!("{report}");
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
