//! A headless Chromium that shows one page.

use std::path::Path;
use std::process::Stdio;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::process::{Child, Command};

/// A browser with a profile of its own; both are gone when this is dropped.
#[derive(Debug)]
pub struct Chromium {
    child: Child,
    /// The browser and all that it started: its program may be a script that starts another.
    group: Option<Pid>,
    _profile: tempfile::TempDir,
}

impl Chromium {
    /// Opens `url` with the program `binary`.
    ///
    /// # Errors
    /// If the program does not start.
    pub fn open(binary: &Path, url: &str) -> anyhow::Result<Self> {
        let profile = tempfile::tempdir()?;
        let mut user_data = std::ffi::OsString::from("--user-data-dir=");
        user_data.push(profile.path());
        let child = Command::new(binary)
            // The streams are ours and loopback is all it sees; a container has no other sandbox.
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0"])
            .arg(user_data)
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(Self { child, group, _profile: profile })
    }

    /// Waits until the browser is gone, which it should not be before it was dropped.
    ///
    /// # Errors
    /// Always, with how it ended.
    pub async fn crashed(&mut self) -> anyhow::Error {
        match self.child.wait().await {
            Ok(status) => anyhow::anyhow!("the browser ended by itself: {status}"),
            Err(error) => error.into(),
        }
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // An error says that it is gone already.
            kill_process_group(group, Signal::KILL).ok();
        }
    }
}
