//! The server of NATS that tests, conformance suites and benches start: a package for Python,
//! pinned by its hash.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::install::{Installation, install, words};
use crate::process::{cargo, program};

/// The package as its lock file has it, and where it goes; `stream_log_nats::testkit` looks there.
const LOCK: &str = "xtask/nats.txt";
const FOLDER: &str = "target/peers/nats";
const INSTALL: &str = "python3 -m pip install --quiet --no-deps --require-hashes --upgrade --target target/peers/nats --requirement xtask/nats.txt";

/// The oldest version that logs work on, as Debian packages it: fetched and unpacked without root.
const OLD_FOLDER: &str = "target/peers/nats-debian";
const FETCH_OLD: &str = "mkdir -p target/peers/nats-debian && cd target/peers/nats-debian && apt-get download nats-server && dpkg-deb -x nats-server_*.deb .";

/// The old executable, fetched if it is not there; `None` where there is no such package.
pub(crate) fn old_server() -> Result<Option<PathBuf>> {
    let binary = std::path::absolute(Path::new(OLD_FOLDER).join("usr/sbin/nats-server"))?;
    if !binary.is_file() && !program("apt-get").args(["--version"]).succeeds() {
        return Ok(None);
    }
    if !binary.is_file() && program("sh").args(["-c", FETCH_OLD]).run().is_err() {
        bail!("cannot fetch the old nats-server; run `{FETCH_OLD}`");
    }
    Ok(Some(binary))
}

/// Runs the conformance suite of logs on the old version, or says that it cannot.
pub(crate) fn test_old() -> Result<()> {
    let Some(server) = old_server()? else {
        println!("logs on Debian's nats-server: NOT TESTED, there is no apt-get here");
        return Ok(());
    };
    let test = cargo(["test", "--package=stream-log-nats", "--all-features", "--test=it"]);
    let test = test.args(["--", "conforms::"]);
    test.env("MILLSTREAM_NATS_SERVER", server.display().to_string()).run()
}

/// The executable, installed if it is not there.
pub(crate) fn server() -> Result<PathBuf> {
    let (lock, folder) = (PathBuf::from(LOCK), PathBuf::from(FOLDER));
    install(&Installation { lock, folder, commands: vec![words(INSTALL)] })?;
    let binary = std::path::absolute(Path::new(FOLDER).join("bin/nats-server"))?;
    binary.is_file().then_some(()).context("pip installed no nats-server")?;
    Ok(binary)
}
