//! `cargo xtask docs`: the documentation builds without a warning, its examples run, its links lead somewhere.

use anyhow::Result;

use crate::args::Args;
use crate::finding::conclude;
use crate::process::cargo;
use crate::{links, test, tidy};

/// `cargo xtask docs`
pub(crate) fn run(args: Args) -> Result<()> {
    args.finish()?;
    let pages = tidy::files_with_ending(".md")?;
    conclude(links::broken(&pages), &format!("links: {} pages, none broken", pages.len()))?;
    cargo(["doc", "--workspace", "--all-features", "--no-deps"])
        .env("RUSTDOCFLAGS", "--deny=warnings")
        .run()?;
    test::doctests()
}
