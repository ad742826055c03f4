//! Kills a pipeline between logs on disk, and says whether its output is as if nobody had.
#![expect(clippy::print_stdout, reason = "a command line prints")]

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use checks::crash::{PipelinePlan, run_pipeline, run_pipelines};
use clap::Parser;

#[derive(Debug, Parser)]
struct Args {
    /// How often the pipeline is killed
    #[arg(long, default_value_t = 100)]
    kills: u32,
    /// Decides what the pipeline reads, and when it is killed
    #[arg(long)]
    seed: Option<u64>,
    /// Be the pipeline in this folder
    #[arg(long)]
    child: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    if let Some(folder) = args.child {
        run_pipeline(&folder, true).await?;
        return Ok(ExitCode::SUCCESS);
    }
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("crash of a pipeline: seed {seed}");
    let program = std::env::current_exe()?;
    let plan = PipelinePlan { kills: args.kills, seed };
    let report = run_pipelines(&plan, |folder| {
        let mut child = Command::new(&program);
        child.arg("--child").arg(folder);
        child
    });
    let report = report.await?;
    println!("{report}");
    Ok(if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
