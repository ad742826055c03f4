//! `cargo xtask check`: what must hold before a change is shown to anybody.

use anyhow::Result;

use crate::args::Args;
use crate::process::cargo;
use crate::{layers, tidy};

/// Formatting, layers and tidy first, because they answer at once; then clippy.
pub(crate) fn run(args: Args) -> Result<()> {
    args.finish()?;
    cargo(["fmt", "--all", "--", "--check"]).run()?;
    layers::run(Args::default())?;
    tidy::run(Args::default())?;
    cargo(["clippy", "--workspace", "--all-targets", "--all-features", "--", "--deny=warnings"])
        .run()
}
