//! `cargo xtask conformance llm`: our encodings, read by the clients that providers publish.

use std::path::Path;

use anyhow::Result;

use crate::args::Args;
use crate::corpus::{self, PACKAGES};
use crate::executables::Executables;
use crate::install::{Installation, install, words};
use crate::process::program;

/// The scripts, and the lock files of what they import.
const SCRIPTS: &str = "crates/checks/conformance";

/// Where the clients for Python are installed, below the scripts.
const VENV: &str = "crates/checks/conformance/.venv";

/// Where npm installs the AI SDK and its Node.
const NODE_MODULES: &str = "crates/checks/conformance/node_modules";

/// `cargo xtask conformance llm [--dir DIR]`
pub(super) fn run(mut args: Args) -> Result<()> {
    let dir = args.path("--dir")?;
    args.finish()?;
    check(dir.or_else(corpus::find).as_deref())
}

/// Has the official clients of LLM providers read our encodings.
fn check(dir: Option<&Path>) -> Result<()> {
    install(&python())?;
    install(&node())?;
    let built = Executables::build(&[PACKAGES, &["--bin=conformance-llm"]].concat())?;
    let mut check = program(built.path("conformance-llm")?)
        .args([Path::new("--python"), &Path::new(VENV).join("bin/python")])
        .args([Path::new("--node"), &Path::new(NODE_MODULES).join(".bin/node")])
        .args(["--scripts", SCRIPTS]);
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

fn node() -> Installation {
    let lock = Path::new(SCRIPTS).join("package-lock.json");
    let commands = vec![words(&format!("npm --prefix {SCRIPTS} ci --no-audit --no-fund"))];
    Installation { lock, folder: NODE_MODULES.into(), commands }
}
