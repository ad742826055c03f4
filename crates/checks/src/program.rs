//! The real binary as a process of its own.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};

/// How long a process may take to start or to end; tests wait for neither, this bounds a failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running `millstream`, killed when dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// Kept open, so that the process can go on printing.
    _stdout: BufReader<ChildStdout>,
    url: String,
}

impl Program {
    /// Starts `binary` with `args` and waits for the line that says where it listens.
    ///
    /// # Errors
    /// Says that it did not start, or what it printed instead.
    ///
    /// # Cancel safety
    /// Dropping the future kills the process.
    pub async fn start<A: AsRef<OsStr>>(
        binary: &Path,
        args: impl IntoIterator<Item = A>,
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(binary)
            .args(args)
            .env("MILLSTREAM_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let stdout = child.stdout.take().context("the process has no standard output")?;
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        tokio::time::timeout(PATIENCE, stdout.read_line(&mut line)).await??;
        let Some(url) = line.trim_end().strip_prefix("listening on ") else {
            bail!("expected `listening on URL` as the first line, found {line:?}");
        };
        Ok(Self { url: url.to_owned(), child, _stdout: stdout })
    }

    /// Where it listens: `http://127.0.0.1:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The process's number.
    ///
    /// # Errors
    /// Says that the process is gone.
    pub fn id(&self) -> anyhow::Result<u32> {
        self.child.id().context("the process has ended")
    }

    /// Asks the process to end (SIGTERM) without waiting for it.
    ///
    /// # Errors
    /// Says that the process is gone, or that no signal could be sent.
    ///
    /// # Cancel safety
    /// Dropping the future may leave the signal unsent.
    pub async fn ask_to_end(&self) -> anyhow::Result<()> {
        let pid = self.id()?.to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().await?;
        ensure!(sent.success(), "cannot send SIGTERM to {pid}");
        Ok(())
    }

    /// Kills the process (SIGKILL) and waits until it is gone.
    ///
    /// # Errors
    /// Says what the system says.
    ///
    /// # Cancel safety
    /// Dropping the future kills the process.
    pub async fn kill(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    /// Waits for the process to end by itself.
    ///
    /// # Errors
    /// Says that it did not.
    ///
    /// # Cancel safety
    /// Dropping the future kills the process.
    pub async fn wait(mut self) -> anyhow::Result<ExitStatus> {
        let ended = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        Ok(ended.context("the process does not end")??)
    }
}
