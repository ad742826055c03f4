//! `cargo xtask nightly`: the long runs, too slow for every change.

use std::path::Path;

use anyhow::{Result, bail};

use crate::args::Args;
use crate::metadata::{Package, Workspace};
use crate::process::{cargo, program};
use crate::test::with_corpus;

/// Random cases for each property, many times what a common test run takes.
const CASES: u64 = 20_000;

/// Seconds that each fuzz target runs.
const SECONDS: u64 = 300;

/// The fuzz targets, a workspace of their own.
pub(crate) const FUZZ_DIR: &str = "crates/fuzz";

/// `cargo xtask nightly [--cases N] [--seconds N]`
pub(crate) fn run(mut args: Args) -> Result<()> {
    let cases = args.number("--cases")?.unwrap_or(CASES);
    let seconds = args.number("--seconds")?.unwrap_or(SECONDS);
    args.finish()?;
    properties(cases)?;
    fuzz(seconds)
}

/// Runs all tests with `cases` random cases for each property.
fn properties(cases: u64) -> Result<()> {
    let tests = cargo(["test", "--workspace", "--all-features", "--all-targets"]);
    with_corpus(tests).env("PROPTEST_CASES", cases.to_string()).run()
}

/// Runs each fuzz target for `seconds`; a crash is a failure.
fn fuzz(seconds: u64) -> Result<()> {
    let targets = targets()?;
    println!("fuzz: {} targets in {FUZZ_DIR}", targets.len());
    if targets.is_empty() {
        return Ok(());
    }
    if !program("cargo-fuzz").args(["--version"]).succeeds() {
        bail!("cargo-fuzz is missing; install it with `cargo install --locked cargo-fuzz`");
    }
    for target in targets {
        // The sanitizers are switched on by flags that a stable compiler refuses without this.
        cargo(["fuzz", "run", "--fuzz-dir", FUZZ_DIR, &target, "--"])
            .args([format!("-max_total_time={seconds}")])
            .env("RUSTC_BOOTSTRAP", "1")
            .run()?;
    }
    Ok(())
}

fn targets() -> Result<Vec<String>> {
    let manifest = Path::new(FUZZ_DIR).join("Cargo.toml");
    if !manifest.is_file() {
        return Ok(Vec::new());
    }
    let metadata = cargo(["metadata", "--format-version=1", "--no-deps", "--manifest-path"]);
    let metadata = metadata.args([&manifest]).read()?;
    let workspace = Workspace::parse(&metadata, Path::new(FUZZ_DIR))?;
    let binaries = workspace.packages.iter().flat_map(Package::binaries);
    Ok(binaries.map(str::to_owned).collect())
}
