//! Kills, stops and adds processes that share a source, and says whether their output is as if one
//! had worked undisturbed.
#![expect(clippy::print_stdout, reason = "a command line prints")]

use std::process::{Command, ExitCode};

use checks::crash::{GroupPlan, run_groups, run_member};
use clap::Parser;

#[derive(Debug, Parser)]
struct Args {
    /// How often something happens to a process
    #[arg(long, default_value_t = 40)]
    troubles: u32,
    /// Decides what happens to which
    #[arg(long)]
    seed: Option<u64>,
    /// Be a process that shares the source on this server of NATS
    #[arg(long)]
    child: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    if let Some(address) = args.child {
        run_member(&address).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("crash of a group: seed {seed}");
    let program = std::env::current_exe()?;
    let plan = GroupPlan { troubles: args.troubles, seed };
    let report = run_groups(&plan, |address| {
        let mut child = Command::new(&program);
        child.args(["--child", address]);
        child
    });
    let report = report.await?;
    println!("{report}");
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
