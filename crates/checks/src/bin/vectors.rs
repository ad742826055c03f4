//! Runs the golden suites and counts what came out right.
#![expect(clippy::print_stdout, reason = "a command line prints")]

use std::path::PathBuf;
use std::process::ExitCode;

use checks::vectors::{HOME, read};
use clap::Parser;

#[derive(Debug, Parser)]
struct Args {
    /// The folder of the suites; without it, those that the project keeps
    #[arg(long, default_value = HOME, hide_default_value = true)]
    dir: PathBuf,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    let (mut passed, mut failed) = (0, 0);
    for suite in read(&args.dir)? {
        let outcome = suite.run();
        println!("{outcome}");
        passed += outcome.passed();
        failed += outcome.failed();
    }
    println!("vectors: {passed} passed, {failed} failed");
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
