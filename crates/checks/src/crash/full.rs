//! A disk without room: what is refused is said, what was promised stays, and room is used as soon
//! as there is some.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Resource, Rlimit, prlimit};
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::audit::{Ledger, Verdict, audit};
use super::campaign::{ANSWER_TIMEOUT, start, targets};
use super::link::Link;
use super::log::{Retry, Target};
use super::reader::read_to_tail;
use super::stage::{PATIENCE, Stage};
use crate::program::Program;

/// Bytes that there is room for.
const ROOM_BYTES: u64 = 3 << 20;

/// Bytes of the file system when there is room again.
const MORE_ROOM: &str = "64m";

/// Appends of each writer after there is room again.
const APPENDS_AFTER: u32 = 100;

/// How long to wait before a refused append is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// Starts a server for which writing beyond its limit is an error and not its end.
const SHELL: &str = "trap '' XFSZ; exec \"$@\"";

/// What keeps the server from writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scarcity {
    /// A file system in memory that is full; mounting one is not allowed everywhere.
    SmallDisk,
    /// A limit on the length of files (`prlimit --fsize`).
    FileSize,
}

/// What became of a server without room.
#[derive(Debug, Clone, Copy, Default)]
pub struct Full {
    /// What is wrong with the logs, while there was no room and afterwards.
    pub verdict: Verdict,
    acknowledged_before: u32,
    refused: u32,
    acknowledged_after: u32,
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { verdict, acknowledged_before, refused, acknowledged_after } = self;
        write!(f, "{acknowledged_before} appends acknowledged until there was no room, ")?;
        write!(f, "{refused} refused, {acknowledged_after} acknowledged with room again; {verdict}")
    }
}

/// Fills the room that there is, then makes more; `None` if this machine does not allow that.
///
/// # Errors
/// Says what the server did that no server may, such as not to refuse, or not to go on.
///
/// # Cancel safety
/// Dropping the future kills the server.
pub async fn run(server: &Path, scarcity: Scarcity) -> anyhow::Result<Option<Full>> {
    let Some(room) = Room::new(scarcity)? else { return Ok(None) };
    let stage = Stage::new(ANSWER_TIMEOUT);
    let keep = ["--data".to_owned(), room.data().display().to_string()];
    let words = ["-c", SHELL, "sh", &server.display().to_string()].map(str::to_owned);
    let (server, _) = start(Path::new("sh"), &words, &keep, &stage).await?;
    let mut writers = Vec::new();
    for (writer, target) in (0..).zip(targets()) {
        writers.push(Writer::create(stage.clone(), target, writer).await?);
    }
    room.end(&server)?;
    let mut full = Full::default();
    for writer in &mut writers {
        full.acknowledged_before += writer.fill().await?;
        full.refused += 1;
    }
    full.verdict = judge(&stage, &writers).await.context("reading without room")?;
    room.begin(&server)?;
    for writer in &mut writers {
        for _ in 0..APPENDS_AFTER {
            full.refused += writer.insist().await?;
            full.acknowledged_after += 1;
        }
    }
    full.verdict = full.verdict.and(judge(&stage, &writers).await?);
    server.ask_to_end().await?;
    ensure!(server.wait().await?.success(), "the server did not end well");
    Ok(Some(full))
}

/// Reads every log and holds it against what its writer was promised.
async fn judge(stage: &Stage, writers: &[Writer]) -> anyhow::Result<Verdict> {
    let mut verdict = Verdict::default();
    for writer in writers {
        let log = read_to_tail(stage.clone(), writer.target.clone()).await?;
        verdict = verdict.and(audit(&log, std::slice::from_ref(&writer.ledger)));
    }
    Ok(verdict)
}

/// The only writer of a log.
struct Writer {
    target: Target,
    link: Link,
    ledger: Ledger,
}

impl Writer {
    async fn create(stage: Stage, target: Target, writer: u32) -> anyhow::Result<Self> {
        let ledger = Ledger { writer, ..Ledger::default() };
        let mut own = Self { target, link: Link::new(stage), ledger };
        if let Some(create) = own.target.create() {
            let status = own.link.insist(&create).await?.status;
            ensure!(status == 201, "the stream was answered {status}");
        }
        own.insist().await?;
        Ok(own)
    }

    /// Appends until it is refused, and says how often it was not.
    async fn fill(&mut self) -> anyhow::Result<u32> {
        let begin = Instant::now();
        let mut appends = 0;
        while self.append().await? {
            appends += 1;
            ensure!(begin.elapsed() < PATIENCE, "{appends} appends, and none is refused");
        }
        Ok(appends)
    }

    /// Appends once, and says how often it was refused before.
    async fn insist(&mut self) -> anyhow::Result<u32> {
        let begin = Instant::now();
        let mut refused = 0;
        while !self.append().await? {
            refused += 1;
            ensure!(begin.elapsed() < PATIENCE, "appends are refused although there is room");
            sleep(PAUSE).await;
        }
        Ok(refused)
    }

    /// Sends the next append, and says whether it was acknowledged or refused.
    async fn append(&mut self) -> anyhow::Result<bool> {
        let Ledger { writer, acknowledged, .. } = self.ledger;
        let request = self.target.append(writer, acknowledged, Retry::Producer);
        let reply = self.link.once(&request).await?.context("the server hung up")?;
        if let Some(told) = self.target.acknowledged(reply.status, &reply.body) {
            self.ledger.offsets.extend(told.offset);
            self.ledger.acknowledged += 1;
            return Ok(true);
        }
        if reply.status < 500 {
            bail!("append {acknowledged} was answered {}: {}", reply.status, reply.text()?);
        }
        Ok(false)
    }
}

/// A place for data whose room can be ended and begun again.
struct Room {
    scarcity: Scarcity,
    dir: TempDir,
}

impl Room {
    /// `None` if this process may not mount.
    fn new(scarcity: Scarcity) -> anyhow::Result<Option<Self>> {
        let dir = tempfile::tempdir()?;
        let is_made = scarcity == Scarcity::FileSize || {
            let size = format!("size={ROOM_BYTES}");
            mount(&["-t", "tmpfs", "-o", &size, "tmpfs"], dir.path())
        };
        Ok(is_made.then_some(Self { scarcity, dir }))
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// From now on there is no more room than [`ROOM_BYTES`].
    fn end(&self, server: &Program) -> anyhow::Result<()> {
        match self.scarcity {
            // It was made so small.
            Scarcity::SmallDisk => Ok(()),
            Scarcity::FileSize => limit_files(server, Some(ROOM_BYTES)),
        }
    }

    /// From now on there is room again.
    fn begin(&self, server: &Program) -> anyhow::Result<()> {
        match self.scarcity {
            Scarcity::SmallDisk => {
                let options = format!("remount,size={MORE_ROOM}");
                ensure!(mount(&["-o", &options], self.dir.path()), "cannot make more room");
                Ok(())
            }
            Scarcity::FileSize => limit_files(server, None),
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        if self.scarcity == Scarcity::SmallDisk {
            // Also when the server still has files open.
            Command::new("umount").arg("--lazy").arg(self.dir.path()).status().ok();
        }
    }
}

/// Whether `mount` did what it was asked for; quietly, because not to be allowed is no error.
fn mount(options: &[&str], path: &Path) -> bool {
    let mount = Command::new("mount").args(options).arg(path).output();
    mount.is_ok_and(|output| output.status.success())
}

/// Limits the length of the files that the server may write.
fn limit_files(server: &Program, bytes: Option<u64>) -> anyhow::Result<()> {
    let pid = i32::try_from(server.id()?).ok().and_then(Pid::from_raw);
    prlimit(pid, Resource::Fsize, Rlimit { current: bytes, maximum: None })?;
    Ok(())
}
