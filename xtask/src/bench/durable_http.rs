//! The peers of the bench `durable-http`: where they are, installed if they are not there.

use std::path::Path;

use anyhow::{Context as _, Result};

use super::beside_server;
use crate::args::Args;
use crate::install::{Installation, install, run_all, words};
use crate::process::program;

/// The script that starts the Node server, and the lock file of what it imports.
const NODE: &str = "crates/bench/durable-http";

/// Where the Rust server is installed.
const PEERS: &str = "target/peers";

/// The Rust server, as its lock file has it.
const DURABLE_STREAMS: &str = "cargo install --locked durable-streams --version 0.1.5 --root target/peers --target-dir target/peers/build";

/// How Debian and its kin install Redis.
const REDIS: [&str; 2] = [
    "apt-get update --quiet=2",
    "apt-get install --quiet=2 --yes --no-install-recommends redis-server",
];

/// `cargo xtask bench durable-http [ARGS]`
pub(super) fn run(args: Args) -> Result<()> {
    let bench = beside_server("durable-http")?;
    install(&node_server())?;
    let server = Path::new(NODE).join("server.mjs");
    bench
        .args(["--durable-streams".as_ref(), durable_streams()?.as_os_str()])
        .args(["--node".as_ref(), server.as_os_str()])
        .args(["--redis", redis()?])
        .args(args.rest())
        .run()
}

fn node_server() -> Installation {
    let lock = Path::new(NODE).join("package-lock.json");
    let commands = vec![words(&format!("npm --prefix {NODE} ci --no-audit --no-fund"))];
    Installation { lock, folder: Path::new(NODE).join("node_modules"), commands }
}

/// The Rust server's binary.
pub(super) fn durable_streams() -> Result<std::path::PathBuf> {
    let binary = std::path::absolute(Path::new(PEERS).join("bin/durable-streams-server"))?;
    if !binary.is_file() {
        run_all("durable-streams", &[words(DURABLE_STREAMS)])?;
    }
    binary.is_file().then_some(()).context("cargo installed no durable-streams-server")?;
    Ok(binary)
}

/// The program of the system's package.
fn redis() -> Result<&'static str> {
    const NAME: &str = "redis-server";
    if !program(NAME).args(["--version"]).succeeds() {
        run_all(NAME, &REDIS.map(words))?;
    }
    Ok(NAME)
}
