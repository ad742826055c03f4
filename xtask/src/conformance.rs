//! `cargo xtask conformance`: what we write and read, judged by programs that others publish.

mod chromium;
mod durable_streams;
mod llm;
mod scripts;
mod sse;

use anyhow::Result;

use crate::args::{Args, UsageError};

/// What `run` knows.
const SUITES: &str = "llm, sse, durable-streams, clients, browser";

/// `cargo xtask conformance llm|sse|durable-streams|clients|browser [...]`
pub(crate) fn run(mut args: Args) -> Result<()> {
    match args.word().as_deref() {
        Some("llm") => llm::run(args),
        Some("sse") => sse::run(args),
        Some("durable-streams") => durable_streams::run(args),
        Some("clients") => scripts::clients(args),
        Some("browser") => scripts::browser(args),
        Some(other) => {
            Err(UsageError(format!("no conformance suite `{other}`; there are {SUITES}")).into())
        }
        None => Err(UsageError(format!("which conformance suite? there are {SUITES}")).into()),
    }
}

/// Every suite in turn.
pub(crate) fn all() -> Result<()> {
    llm::run(Args::default())?;
    sse::run(Args::default())?;
    durable_streams::run_on(durable_streams::Engine::Disk, None)?;
    durable_streams::run_on(durable_streams::Engine::Nats, None)?;
    scripts::clients(Args::default())?;
    scripts::browser(Args::default())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_suite_must_be_named() {
        for line in [vec![], vec!["x".to_owned()]] {
            assert!(run(Args::new(line, PathBuf::new())).unwrap_err().is::<UsageError>());
        }
    }
}
