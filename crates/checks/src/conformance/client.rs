//! An official client as a process that reads one stream after the other.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::Said;

/// How long a client may take over one stream.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running client: addresses go in, what it assembled comes out, one line each.
#[derive(Debug)]
pub struct Client {
    /// Killed when dropped.
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

/// What a client answers.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Answer {
    Broke { broke: String },
    Said(Said),
}

impl Client {
    /// Starts `program` with `script`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(program: &Path, script: impl AsRef<OsStr>) -> anyhow::Result<Self> {
        let mut child = Command::new(program)
            .arg(script)
            // A proxy of the environment must not get between us.
            .env("NO_PROXY", "127.0.0.1")
            // A client serialises its own union types with many words.
            .env("PYTHONWARNINGS", "ignore")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let input = child.stdin.take().context("the client has no standard input")?;
        let output = child.stdout.take().context("the client has no standard output")?;
        Ok(Self { _child: child, input, output: BufReader::new(output).lines() })
    }

    /// What it assembles of the stream at `url`.
    ///
    /// # Errors
    /// Says what the client broke on, or that it ended or fell silent.
    ///
    /// # Cancel safety
    /// After the future was dropped the client may answer for the address before.
    pub async fn read(&mut self, url: &str) -> anyhow::Result<Said> {
        self.input.write_all(format!("{url}\n").as_bytes()).await?;
        self.input.flush().await?;
        let line = tokio::time::timeout(PATIENCE, self.output.next_line());
        let line = line.await.context("the client fell silent")??;
        let line = line.context("the client ended")?;
        match serde_json::from_str(&line).context("the client printed something else")? {
            Answer::Said(said) => Ok(said),
            Answer::Broke { broke } => bail!("the client broke: {broke}"),
        }
    }
}
