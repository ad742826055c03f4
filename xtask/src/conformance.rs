//! `cargo xtask conformance`: what we write and read, judged by programs that others publish.

mod durable_streams;
mod llm;
mod sse;

use anyhow::Result;

use crate::args::{Args, UsageError};

/// What `run` knows.
const SUITES: &str = "llm, sse, durable-streams";

/// `cargo xtask conformance llm|sse|durable-streams [...]`
pub(crate) fn run(mut args: Args) -> Result<()> {
    match args.word().as_deref() {
        Some("llm") => llm::run(args),
        Some("sse") => sse::run(args),
        Some("durable-streams") => durable_streams::run(args),
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
    durable_streams::run(Args::default())
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
