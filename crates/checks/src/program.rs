//! The real binary as a process of its own.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::task::JoinSet;

/// How long a process may take to start or to end; tests wait for neither, this bounds a failure.
const PATIENCE: Duration = Duration::from_mins(1);

/// A running `millstream`, killed when dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// Kept open, so that the process can go on printing.
    _stdout: BufReader<ChildStdout>,
    url: String,
    log: Log,
}

/// What a process logs, kept as it comes if somebody asked for that.
#[derive(Debug, Default)]
struct Log {
    text: Arc<Mutex<String>>,
    /// Reads it; ends with the process.
    _reader: JoinSet<()>,
}

impl Log {
    fn of(stderr: ChildStderr) -> Self {
        let text = Arc::<Mutex<String>>::default();
        let (kept, mut lines) = (Arc::clone(&text), BufReader::new(stderr).lines());
        let mut reader = JoinSet::new();
        reader.spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        Self { text, _reader: reader }
    }
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
        Self::run(binary, args, Stdio::inherit()).await
    }

    /// The same, with what the process logs kept for [`log`](Self::log) instead of printed.
    ///
    /// # Errors
    /// As [`start`](Self::start).
    ///
    /// # Cancel safety
    /// As [`start`](Self::start).
    pub async fn start_logged<A: AsRef<OsStr>>(
        binary: &Path,
        args: impl IntoIterator<Item = A>,
    ) -> anyhow::Result<Self> {
        Self::run(binary, args, Stdio::piped()).await
    }

    async fn run<A: AsRef<OsStr>>(
        binary: &Path,
        args: impl IntoIterator<Item = A>,
        stderr: Stdio,
    ) -> anyhow::Result<Self> {
        let mut child = Command::new(binary)
            .args(args)
            .env("MILLSTREAM_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(stderr)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let stdout = child.stdout.take().context("the process has no standard output")?;
        let log = child.stderr.take().map(Log::of).unwrap_or_default();
        let mut stdout = BufReader::new(stdout);
        let mut line = String::new();
        tokio::time::timeout(PATIENCE, stdout.read_line(&mut line)).await??;
        let Some(url) = line.trim_end().strip_prefix("listening on ") else {
            bail!("expected `listening on URL` as the first line, found {line:?}");
        };
        Ok(Self { url: url.to_owned(), child, _stdout: stdout, log })
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

    /// What the process has logged so far; nothing unless it was
    /// [started so](Self::start_logged).
    pub fn log(&self) -> String {
        self.log.text.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks the process to end (SIGTERM) without waiting for it.
    ///
    /// # Errors
    /// Says that the process is gone, or that no signal could be sent.
    ///
    /// # Cancel safety
    /// Dropping the future may leave the signal unsent.
    pub async fn ask_to_end(&self) -> anyhow::Result<()> {
        self.signal("-TERM").await
    }

    /// Stops the process as a debugger would (SIGSTOP): it keeps its connections and says nothing.
    ///
    /// # Errors
    /// As [`ask_to_end`](Self::ask_to_end).
    ///
    /// # Cancel safety
    /// As [`ask_to_end`](Self::ask_to_end).
    pub async fn pause(&self) -> anyhow::Result<()> {
        self.signal("-STOP").await
    }

    /// Lets the process go on (SIGCONT).
    ///
    /// # Errors
    /// As [`ask_to_end`](Self::ask_to_end).
    ///
    /// # Cancel safety
    /// As [`ask_to_end`](Self::ask_to_end).
    pub async fn resume(&self) -> anyhow::Result<()> {
        self.signal("-CONT").await
    }

    async fn signal(&self, signal: &str) -> anyhow::Result<()> {
        let pid = self.id()?.to_string();
        let sent = Command::new("kill").args([signal, &pid]).status().await?;
        ensure!(sent.success(), "cannot send {signal} to {pid}");
        Ok(())
    }

    /// Ends the process at once (SIGKILL), whatever it is doing, and waits until it is gone.
    ///
    /// # Errors
    /// Says that no signal could be sent.
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
