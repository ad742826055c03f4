//! `cargo xtask conformance llm`: our encodings, read by the clients that providers publish.

use std::path::Path;

use anyhow::Result;

use super::scripts::{NODE, SCRIPTS, install_node};
use crate::args::Args;
use crate::corpus::{self, PACKAGES};
use crate::executables::Executables;
use crate::install::{Installation, install, words};
use crate::process::program;

/// Where the clients for Python are installed, below the scripts.
const VENV: &str = "crates/checks/conformance/.venv";

/// `cargo xtask conformance llm [--dir DIR]`
pub(super) fn run(mut args: Args) -> Result<()> {
    let dir = args.path("--dir")?;
    args.finish()?;
    check(dir.or_else(corpus::find).as_deref())
}

/// Has the official clients of LLM providers read our encodings.
fn check(dir: Option<&Path>) -> Result<()> {
    install(&python())?;
    install_node()?;
    let built =
        Executables::build(&[PACKAGES, &["--bin=conformance-llm", "--bin=millstream"]].concat())?;
    let mut check = program(built.path("conformance-llm")?)
        .args([Path::new("--python"), &Path::new(VENV).join("bin/python")])
        .args(["--node", NODE])
        .args(["--scripts", SCRIPTS])
        .args([Path::new("--server"), built.path("millstream")?]);
    match dir {
        Some(dir) => check = check.args([Path::new("--dir"), dir]),
        None => corpus::say_untested(),
    }
    check.run()
}

fn python() -> Installation {
    let lock = Path::new(SCRIPTS).join("requirements.txt");
    let pip = format!("{VENV}/bin/pip install --quiet --disable-pip-version-check --no-deps -r");
    let commands = vec![
        words(&format!("python3 -m venv {VENV}")),
        words(&format!("{pip} {}", lock.display())),
    ];
    Installation { lock, folder: VENV.into(), commands }
}
