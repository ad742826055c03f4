//! `cargo xtask conformance sse`: the decoder beside a real Chromium.

use std::env;
use std::path::PathBuf;

use anyhow::Result;

use crate::args::Args;
use crate::corpus::PACKAGES;
use crate::executables::Executables;
use crate::install::{run_all, words};
use crate::process::program;

/// Names the browser where it is not the one of the system's package.
const VARIABLE: &str = "MILLSTREAM_CHROMIUM";

/// The browser of the system's package.
const CHROMIUM: &str = "chromium-headless-shell";

/// How Debian and its kin install it.
const INSTALL: [&str; 2] = [
    "apt-get update --quiet=2",
    "apt-get install --quiet=2 --yes --no-install-recommends chromium-headless-shell",
];

/// `cargo xtask conformance sse [--random N] [--seed N]`
pub(super) fn run(args: Args) -> Result<()> {
    let browser = browser()?;
    let built = Executables::build(&[PACKAGES, &["--bin=conformance-sse"]].concat())?;
    let check = program(built.path("conformance-sse")?);
    check.args(["--chromium".as_ref(), browser.as_os_str()]).args(args.rest()).run()
}

/// The browser, installed if it is not there.
fn browser() -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE) {
        return Ok(named.into());
    }
    if !program(CHROMIUM).args(["--version"]).succeeds() {
        run_all(&format!("{CHROMIUM} (or name another in {VARIABLE})"), &INSTALL.map(words))?;
    }
    Ok(CHROMIUM.into())
}
