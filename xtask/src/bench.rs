//! `cargo xtask bench`: one bench of the crate `bench`, built with optimisations on.

mod delivery;
mod durable_http;

use anyhow::{Context as _, Result};

use crate::args::{Args, UsageError};
use crate::executables::Executables;
use crate::metadata::Workspace;
use crate::nats;
use crate::process::{Process, cargo, program};

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
    // These start programs: our server, and peers that are no crates.
    match name.as_str() {
        "delivery" => return delivery::run(args),
        "durable-http" => return durable_http::run(args),
        "nats" => return on_nats(args),
        "stuck" => return beside_server("stuck")?.args(args.rest()).run(),
        _ => {}
    }
    let bench = cargo(["run", "--release", "--package=bench", "--bin", &name, "--"]);
    bench.args(args.rest()).run()
}

/// `cargo xtask bench nats [ARGS]`
fn on_nats(args: Args) -> Result<()> {
    let server = nats::server()?;
    beside_server("nats")?.args(["--nats".as_ref(), server.as_os_str()]).args(args.rest()).run()
}

/// A bench that starts our server, both built with optimisations on, and told where that is.
fn beside_server(bench: &str) -> Result<Process> {
    let bin = format!("--bin={bench}");
    let packages = ["--release", "--package=millstream-server", "--package=bench"];
    let built = Executables::build(&[&packages[..], &["--bin=millstream", &bin]].concat())?;
    let server = built.path("millstream")?;
    Ok(program(built.path(bench)?).args(["--millstream".as_ref(), server.as_os_str()]))
}
