//! `cargo xtask check`: what must hold before a change is shown to anybody.

use anyhow::Result;

use crate::args::Args;
use crate::nightly::FUZZ_DIR;
use crate::process::cargo;
use crate::{layers, tidy};

/// Formatting, layers and tidy first, because they answer at once; then clippy.
pub(crate) fn run(args: Args) -> Result<()> {
    args.finish()?;
    cargo(["fmt", "--all", "--", "--check"]).run()?;
    layers::run(Args::default())?;
    tidy::run(Args::default())?;
    fuzz_lock()?;
    cargo(["clippy", "--workspace", "--all-targets", "--all-features", "--", "--deny=warnings"])
        .run()
}

/// The lock file of the fuzz targets, a workspace of their own, names what the crates depend on now.
fn fuzz_lock() -> Result<()> {
    let manifest = format!("{FUZZ_DIR}/Cargo.toml");
    cargo(["tree", "--locked", "--quiet", "--manifest-path", &manifest]).read()?;
    println!("lock: {FUZZ_DIR}/Cargo.lock is up to date");
    Ok(())
}
