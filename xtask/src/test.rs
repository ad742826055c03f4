//! `cargo xtask test`: every test and doctest, of one crate or of all; installs the server that
//! some of them start.

use anyhow::Result;

use crate::args::Args;
use crate::corpus;
use crate::nats;
use crate::process::{Process, cargo};

/// `cargo xtask test [CRATE]`
pub(crate) fn run(mut args: Args) -> Result<()> {
    let package = args.word();
    args.finish()?;
    if let Some(package) = package {
        nats::server()?;
        return with_corpus(cargo(["test", "--all-features", "--package", &package])).run();
    }
    targets()?;
    doctests()
}

/// Every test of every crate but the doctests.
pub(crate) fn targets() -> Result<()> {
    nats::server()?;
    with_corpus(cargo(["test", "--workspace", "--all-features", "--all-targets"])).run()?;
    nats::test_old()
}

/// Every doctest; the README's examples are among the facade's.
pub(crate) fn doctests() -> Result<()> {
    cargo(["test", "--workspace", "--all-features", "--doc"]).run()
}

/// Passes the folder of recorded streams on, or says loudly what will not be tested.
pub(crate) fn with_corpus(process: Process) -> Process {
    if let Some(dir) = corpus::named() {
        return process.env(corpus::VARIABLE, dir);
    }
    corpus::say_untested();
    process
}
