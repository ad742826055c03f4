//! The servers: processes that are started, asked for their cost, and killed.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::client::Protocol;

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(20);

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Contestant {
    /// What it is called in the tables.
    pub name: &'static str,
    /// What it understands.
    pub protocol: Protocol,
    /// Where it listens.
    pub address: SocketAddr,
    process: Child,
}

impl Contestant {
    /// Starts `program`; `args` are made of the port to listen on.
    ///
    /// # Errors
    /// Says that it did not start.
    pub fn start<A: AsRef<OsStr>>(
        name: &'static str,
        protocol: Protocol,
        program: &Path,
        args: impl FnOnce(u16) -> Vec<A>,
    ) -> anyhow::Result<Self> {
        // Free now, and nobody else's within the next moment: nobody else looks for one.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let process = Command::new(program)
            .args(args(port))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let contestant = Self { name, protocol, address, process };
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            ensure!(begin.elapsed() < START, "{name} does not listen on {address}");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(contestant)
    }

    /// Time that the process has spent on the processor, all threads together.
    ///
    /// # Errors
    /// If the system does not say.
    #[expect(clippy::cast_precision_loss, reason = "the figures have three digits")]
    pub fn cpu(&self) -> anyhow::Result<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id()))?;
        // The name may hold anything, but ends with the last parenthesis.
        let (_, fields) = stat.rsplit_once(')').context("expected a name in parentheses")?;
        let ticks: Option<u64> =
            fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().ok()).sum();
        let ticks = ticks.context("expected two times")?;
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        // One that has ended needs no end.
        self.process.kill().unwrap_or_default();
        drop(self.process.wait());
    }
}
