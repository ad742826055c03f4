//! `cargo xtask conformance sse`: the decoder beside a real Chromium.

use anyhow::Result;

use super::chromium;
use crate::args::Args;
use crate::corpus::PACKAGES;
use crate::executables::Executables;
use crate::process::program;

/// `cargo xtask conformance sse [--random N] [--seed N]`
pub(super) fn run(args: Args) -> Result<()> {
    let browser = chromium::provide()?;
    let built = Executables::build(&[PACKAGES, &["--bin=conformance-sse"]].concat())?;
    let check = program(built.path("conformance-sse")?);
    check.args(["--chromium".as_ref(), browser.as_os_str()]).args(args.rest()).run()
}
