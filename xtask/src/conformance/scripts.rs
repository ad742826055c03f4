//! The scripts that other people's clients and browsers are driven with, and the Node they run in.

use std::path::Path;

use anyhow::Result;

use super::chromium;
use crate::args::Args;
use crate::corpus::PACKAGES;
use crate::executables::Executables;
use crate::install::{Installation, install, words};
use crate::process::program;

/// The scripts, and the lock files of what they import.
pub(super) const SCRIPTS: &str = "crates/checks/conformance";

/// The Node that npm installs beside them: the machine's own may be too old for the AI SDK.
pub(super) const NODE: &str = "crates/checks/conformance/node_modules/.bin/node";

/// Where the browser's pictures of pages go.
const PICTURES: &str = "target/pictures";

/// Milliseconds after which a test that does not end has failed.
const PATIENCE: &str = "120000";

/// `cargo xtask conformance clients`: published clients against the real server.
pub(super) fn clients(args: Args) -> Result<()> {
    args.finish()?;
    test("clients", &[])
}

/// `cargo xtask conformance browser`: the dashboard and `EventSource` in a real browser.
pub(super) fn browser(args: Args) -> Result<()> {
    args.finish()?;
    let chromium = chromium::provide()?;
    let pictures = std::path::absolute(PICTURES)?;
    test("browser", &[("CHROMIUM", &chromium), ("PICTURES", &pictures)])?;
    println!("pictures: {PICTURES}");
    Ok(())
}

/// Installs what the scripts import, as the lock file has it.
pub(super) fn install_node() -> Result<()> {
    let lock = Path::new(SCRIPTS).join("package-lock.json");
    let folder = Path::new(SCRIPTS).join("node_modules");
    let commands = vec![words(&format!("npm --prefix {SCRIPTS} ci --no-audit --no-fund"))];
    install(&Installation { lock, folder, commands })
}

/// Runs the tests in a folder of the scripts against the server as it is now.
fn test(folder: &str, variables: &[(&str, &Path)]) -> Result<()> {
    install_node()?;
    let built = Executables::build(&[PACKAGES, &["--bin=millstream"]].concat())?;
    let pattern = format!("{SCRIPTS}/{folder}/*.test.mjs");
    let timeout = format!("--test-timeout={PATIENCE}");
    let node = program(NODE).args(["--test", "--test-reporter=spec", &timeout, &pattern]);
    let node = node.env("MILLSTREAM", std::path::absolute(built.path("millstream")?)?);
    variables.iter().fold(node, |node, (name, value)| node.env(name, value)).run()
}
