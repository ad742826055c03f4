//! Kills the real server under load, and says what was lost.
#![expect(clippy::print_stdout, reason = "a command line prints")]

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use checks::crash::full::{self, Scarcity};
use checks::crash::{Plan, run};
use clap::Parser;

#[derive(Debug, Parser)]
struct Args {
    /// The binary to start
    #[arg(long)]
    server: PathBuf,
    /// How often the server is killed
    #[arg(long, default_value_t = 200)]
    cycles: u32,
    /// Appends that must be acknowledged in all
    #[arg(long, default_value_t = 200_000)]
    appends: u64,
    /// Decides when the server is killed, and where readers are cut
    #[arg(long)]
    seed: Option<u64>,
    /// Let the server keep everything in memory: then appends must be lost
    #[arg(long)]
    memory: bool,
    /// Take away the server's room on the disk as well
    #[arg(long)]
    full: bool,
}

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("crash: seed {seed}");
    let data = tempfile::tempdir()?;
    let keep = if args.memory {
        vec!["--memory".to_owned()]
    } else {
        vec!["--data".to_owned(), data.path().display().to_string()]
    };
    let plan = Plan { server: args.server, keep, kills: args.cycles, appends: args.appends, seed };
    let report = run(&plan).await?;
    println!("{report}");
    let mut is_clean = report.is_clean();
    if args.full {
        for (scarcity, what) in [
            (Scarcity::FileSize, "files of limited length"),
            (Scarcity::SmallDisk, "small file system"),
        ] {
            match full::run(&plan.server, scarcity).await.context(what)? {
                Some(full) => {
                    println!("{what}: {full}");
                    is_clean &= full.verdict.is_clean();
                }
                None => println!("{what}: NOT TESTED, mounting is not allowed here"),
            }
        }
    }
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
