//! A member in a process of its own, as its parent has it.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::sleep;

/// How often a process is asked whether it has ended.
const PAUSE: Duration = Duration::from_millis(20);

/// A process, killed at the latest when it is dropped.
pub(super) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    told: Arc<Mutex<Told>>,
}

/// What a process has told of itself: partitions at work, commits refused, times it was expelled.
type Told = (u32, u64, u64);

impl Process {
    pub(super) fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdin = child.stdin.take();
        let stdout = BufReader::new(child.stdout.take().context("a process without output")?);
        let told = Arc::new(Mutex::new(Told::default()));
        let newest = Arc::clone(&told);
        // It ends with the process.
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if let Ok(line) = serde_json::from_str(&line) {
                    *newest.lock().unwrap_or_else(PoisonError::into_inner) = line;
                }
            }
        });
        Ok(Self { child, stdin, told })
    }

    fn told(&self) -> Told {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Partitions that are at work in it, as far as it has told.
    pub(super) fn running(&self) -> u32 {
        self.told().0
    }

    /// Kills it (SIGKILL).
    pub(super) fn kill(&mut self) -> anyhow::Result<()> {
        ensure!(self.child.try_wait()?.is_none(), "a process came to its end before it was killed");
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Stops it (SIGSTOP).
    pub(super) fn pause(&self) -> anyhow::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Lets it go on (SIGCONT).
    pub(super) fn go_on(&self) -> anyhow::Result<()> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        Ok(kill_process(Pid::from_child(&self.child), signal)?)
    }

    /// Has it leave.
    pub(super) fn send_away(&mut self) {
        if let Some(mut stdin) = self.stdin.take() {
            // One that has ended needs not be sent away.
            writeln!(stdin).unwrap_or(());
        }
    }

    /// Waits until it has ended, and says how many of its commits were refused, and how often it
    /// was expelled.
    pub(super) async fn end(&mut self) -> anyhow::Result<(u64, u64)> {
        let status: ExitStatus = loop {
            if let Some(status) = self.child.try_wait()? {
                break status;
            }
            sleep(PAUSE).await;
        };
        ensure!(status.success(), "a process ended with {status}");
        let (_, fenced, expulsions) = self.told();
        Ok((fenced, expulsions))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended is as good.
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
