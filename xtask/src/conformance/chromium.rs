//! The browser that pages and streams are tried in.

use std::env;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use crate::install::{run_all, words};

/// Names the browser where it is not the one of the system's package.
const VARIABLE: &str = "MILLSTREAM_CHROMIUM";

/// The browser of the system's package.
const CHROMIUM: &str = "chromium-headless-shell";

/// How Debian and its kin install it.
const INSTALL: [&str; 2] = [
    "apt-get update --quiet=2",
    "apt-get install --quiet=2 --yes --no-install-recommends chromium-headless-shell",
];

/// Where the browser lies, installed if it is not there.
pub(super) fn provide() -> Result<PathBuf> {
    if let Some(named) = env::var_os(VARIABLE) {
        return Ok(named.into());
    }
    if let Some(found) = on_path() {
        return Ok(found);
    }
    run_all(&format!("{CHROMIUM} (or name another in {VARIABLE})"), &INSTALL.map(words))?;
    on_path().with_context(|| format!("expected {CHROMIUM} on the PATH"))
}

fn on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(CHROMIUM)).find(|file| file.is_file())
}
