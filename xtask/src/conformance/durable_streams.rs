//! `cargo xtask conformance durable-streams`: the published suite against the real server.

use std::path::Path;

use anyhow::Result;

use crate::args::{Args, UsageError};
use crate::corpus::PACKAGES;
use crate::executables::Executables;
use crate::install::{Installation, install, words};
use crate::nats;
use crate::process::program;

/// The suite, and the lock file of what runs it.
const SUITE: &str = "crates/checks/conformance/durable-streams";

/// What keeps our server's logs while the suite runs.
#[derive(Clone, Copy)]
pub(super) enum Engine {
    Disk,
    Nats,
}

/// `cargo xtask conformance durable-streams [--engine disk|nats] [--url URL]`; without a URL,
/// against our own server.
pub(super) fn run(mut args: Args) -> Result<()> {
    let url = args.value("--url")?;
    let engine = match args.value("--engine")?.as_deref() {
        None | Some("disk") => Engine::Disk,
        Some("nats") => Engine::Nats,
        Some(other) => {
            return Err(UsageError(format!("no engine `{other}`; there are disk, nats")).into());
        }
    };
    args.finish()?;
    run_on(engine, url.as_deref())
}

/// Runs the suite against our own server with this engine, or against the one at a URL.
pub(super) fn run_on(engine: Engine, url: Option<&str>) -> Result<()> {
    install(&suite())?;
    let programs = ["--bin=conformance-durable-streams", "--bin=millstream"];
    let built = Executables::build(&[PACKAGES, &programs].concat())?;
    // The suite is run from its own folder.
    let suite = std::path::absolute(SUITE)?;
    let check = program(built.path("conformance-durable-streams")?);
    let check = check.args(["--suite".as_ref(), suite.as_os_str()]);
    match url {
        Some(url) => check.args(["--url", url]).run(),
        None => {
            let check = check.args(["--server".as_ref(), built.path("millstream")?.as_os_str()]);
            match engine {
                Engine::Disk => check.run(),
                Engine::Nats => check.args(["--nats".as_ref(), nats::server()?.as_os_str()]).run(),
            }
        }
    }
}

fn suite() -> Installation {
    let lock = Path::new(SUITE).join("package-lock.json");
    let commands = vec![words(&format!("npm --prefix {SUITE} ci --no-audit --no-fund"))];
    Installation { lock, folder: Path::new(SUITE).join("node_modules"), commands }
}
