//! `cargo xtask bench`: one bench of the crate `bench`, built with optimisations on.

mod delivery;
mod durable_http;

use anyhow::{Context as _, Result};

use crate::args::{Args, UsageError};
use crate::metadata::Workspace;
use crate::process::cargo;

/// `cargo xtask bench [NAME [ARGS]]`; without a name, lists the benches.
pub(crate) fn run(mut args: Args) -> Result<()> {
    let workspace = Workspace::load()?;
    let package = workspace.package("bench").context("the workspace has no crate `bench`")?;
    let names: Vec<&str> = package.binaries().collect();
    let Some(name) = args.word() else {
        args.finish()?;
        println!("{}", names.join("\n"));
        return Ok(());
    };
    if !names.contains(&name.as_str()) {
        let known = names.join(", ");
        return Err(UsageError(format!("no bench `{name}`; there are {known}")).into());
    }
    // Its peers are programs, not crates.
    match name.as_str() {
        "delivery" => return delivery::run(args),
        "durable-http" => return durable_http::run(args),
        _ => {}
    }
    let bench = cargo(["run", "--release", "--package=bench", "--bin", &name, "--"]);
    bench.args(args.rest()).run()
}
