//! The project's own tool: every check, test, bench and generator behind `cargo xtask`.
//!
//! One file per command; `command.rs` has the list.
//! The decisions (layers, tidy rules, feature plans) are pure functions over text and values, tested here;
//! what runs other programs is kept short.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool speaks to the person who called it"
)]

mod api;
mod args;
mod bench;
mod bless;
mod check;
mod ci;
mod clippy_config;
mod command;
mod conformance;
mod corpus;
mod crash;
mod crash_nats;
mod docs;
mod executables;
mod features;
mod finding;
mod install;
mod layers;
mod links;
mod metadata;
mod nats;
mod nightly;
mod process;
mod setup;
mod test;
mod tidy;
mod vectors;

use std::env;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;

use crate::args::{Args, UsageError};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            if error.is::<UsageError>() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

/// Goes to the root of the workspace, where every command works, and runs the one that was named.
fn run() -> anyhow::Result<()> {
    let called_from = env::current_dir().context("the current directory is gone")?;
    let manifest_dir = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let root = manifest_dir.as_deref().and_then(|dir| dir.parent());
    env::set_current_dir(root.context("start this as `cargo xtask`")?)?;
    command::dispatch(Args::new(env::args().skip(1), called_from))
}
