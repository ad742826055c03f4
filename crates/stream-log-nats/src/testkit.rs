//! Servers of NATS for tests: on ports of their own, with files that go with them.
#![expect(clippy::expect_used, reason = "a test that cannot start its server must panic")]

use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};

use tempfile::TempDir;

/// The variable that names another server than the one that `cargo xtask setup` installs.
const SERVER: &str = "MILLSTREAM_NATS_SERVER";

/// Where `cargo xtask setup` puts it.
const INSTALLED: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/peers/nats/bin/nats-server");

/// The folder in which a server keeps what it has stored.
const STORED: &str = "jetstream";

/// What a server logs before the port that it listens on, and when it takes requests.
const LISTENS: &str = "Listening for client connections on 127.0.0.1:";
const READY: &str = "Server is ready";

/// Servers of a cluster: as few as can lose one.
const SERVERS: usize = 3;

/// One server, killed when it is dropped.
#[derive(Debug)]
pub struct NatsServer {
    binary: PathBuf,
    folder: TempDir,
    extra: String,
    port: u16,
    child: Option<Child>,
}

impl NatsServer {
    /// A server with JetStream that syncs before it acknowledges.
    ///
    /// # Panics
    /// If no server is installed, or it does not start.
    pub fn start() -> Self {
        Self::with("")
    }

    /// A server with more lines in its configuration.
    ///
    /// # Panics
    /// As [`start`](Self::start).
    pub fn with(extra: &str) -> Self {
        Self::of(&binary(), extra)
    }

    /// A server that is this executable, with more lines in its configuration.
    ///
    /// # Panics
    /// If it does not start.
    pub fn of(binary: &Path, extra: &str) -> Self {
        let mut server = Self::of_files(binary, extra);
        server.port = server.run("-1");
        server
    }

    /// A server that does not run yet.
    fn of_files(binary: &Path, extra: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the server");
        let (binary, extra) = (binary.to_owned(), extra.to_owned());
        Self { binary, folder, extra, port: 0, child: None }
    }

    /// Whether it syncs before it acknowledges, which versions before 2.10 cannot.
    ///
    /// # Panics
    /// If it does not tell its version.
    pub fn syncs(&self) -> bool {
        let told = Command::new(&self.binary).arg("--version").output().expect("a version");
        !String::from_utf8_lossy(&told.stdout).contains(" v2.9.")
    }

    /// The address to connect to.
    pub fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    /// The number of its process.
    ///
    /// # Panics
    /// If it is killed.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("a server that runs").id()
    }

    /// Kills it without a warning.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // One that is gone already is as good.
            child.kill().ok();
            child.wait().ok();
        }
    }

    /// Stops it as a debugger would (SIGSTOP): it keeps its connections and says nothing.
    ///
    /// # Panics
    /// If it is killed, or no signal can be sent.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on (SIGCONT).
    ///
    /// # Panics
    /// As [`pause`](Self::pause).
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.pid().to_string()]).status();
        assert!(sent.expect("a program that sends signals").success(), "no signal was sent");
    }

    /// Another server of the same configuration, with what this one has stored by now.
    ///
    /// # Panics
    /// If this one runs, or the other does not start.
    #[must_use]
    pub fn fork(&self) -> Self {
        let mut fork = Self::of_files(&self.binary, &self.extra);
        fork.take_files(self);
        fork.port = fork.run("-1");
        fork
    }

    /// Puts what it has stored back to what another server has stored, or to nothing.
    ///
    /// # Panics
    /// If one of them runs, or the files cannot be copied.
    pub fn roll_back(&mut self, to: Option<&Self>) {
        assert!(self.child.is_none(), "a server that runs keeps what it has stored");
        fs::remove_dir_all(self.folder.path().join(STORED)).expect("files to roll back");
        if let Some(to) = to {
            self.take_files(to);
        }
    }

    /// Copies what another server has stored.
    fn take_files(&self, from: &Self) {
        assert!(from.child.is_none(), "a server that runs writes its files");
        let (from, to) = (from.folder.path().join(STORED), self.folder.path());
        let copied = Command::new("cp").arg("-a").args([from.as_path(), to]).status();
        assert!(copied.expect("a program that copies").success(), "no files were copied");
    }

    /// Starts it again on the port that it had, with what it had stored.
    ///
    /// # Panics
    /// If it does not start.
    pub fn restart(&mut self) {
        self.kill();
        self.run(&self.port.to_string());
    }

    /// Starts it and says which port it got.
    fn run(&mut self, port: &str) -> u16 {
        let Self { binary, folder, extra, .. } = &*self;
        let path = folder.path().display();
        let sync = if self.syncs() { ", sync_interval: always" } else { "" };
        let config = format!(
            "listen: \"127.0.0.1:{port}\"\n\
             jetstream {{ store_dir: \"{path}\"{sync} }}\n{extra}\n"
        );
        let file = folder.path().join("nats.conf");
        fs::write(&file, config).expect("a configuration");
        let mut child = Command::new(binary)
            .arg("-c")
            .arg(file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a server that starts");
        let log = child.stderr.take().expect("a server with a log");
        self.child = Some(child);
        await_readiness(log)
    }
}

/// Reads what a server logs until it is ready, and lets it log on.
fn await_readiness(log: ChildStderr) -> u16 {
    let mut log = BufReader::new(log);
    let (mut port, mut line) = (None, String::new());
    while !line.contains(READY) {
        line.clear();
        let read = log.read_line(&mut line).expect("a log of lines");
        assert!(read > 0, "the server ended before it was ready");
        let told = line.split_once(LISTENS).and_then(|(_, port)| port.trim().parse().ok());
        port = port.or(told);
    }
    // A server that nobody listens to stops when the pipe is full; the thread ends with it.
    std::thread::spawn(move || io::copy(&mut log, &mut io::sink()));
    port.expect("a server that listens")
}

/// Three servers that keep three copies of everything, killed when they are dropped.
#[derive(Debug)]
pub struct NatsCluster {
    servers: Vec<NatsServer>,
}

impl NatsCluster {
    /// A cluster whose servers sync before they acknowledge.
    ///
    /// # Panics
    /// If no server is installed, or one does not start.
    pub fn start() -> Self {
        Self::of(&binary())
    }

    /// A cluster of servers that are this executable.
    ///
    /// # Panics
    /// If one does not start.
    pub fn of(binary: &Path) -> Self {
        // Each must know where the others listen before any of them does.
        let free: Vec<_> =
            (0..SERVERS).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
        let ports: Vec<_> = free
            .iter()
            .map(|free| free.local_addr().expect("a port that is bound").port())
            .collect();
        drop(free);
        let routes: Vec<_> = ports.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        let routes = routes.join(", ");
        let start = |(number, port): (usize, &u16)| {
            let extra = format!(
                "server_name: n{number}\ncluster {{ name: tests, listen: \"127.0.0.1:{port}\", \
                 routes: [{routes}] }}"
            );
            NatsServer::of(binary, &extra)
        };
        Self { servers: ports.iter().enumerate().map(start).collect() }
    }

    /// The addresses of all servers, as an engine is named.
    pub fn addresses(&self) -> String {
        self.servers.iter().map(NatsServer::address).collect::<Vec<_>>().join(",")
    }

    /// The servers, to be killed and restarted.
    pub fn servers(&mut self) -> &mut [NatsServer] {
        &mut self.servers
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The server's executable.
///
/// # Panics
/// If there is none, with the command that installs it.
pub fn binary() -> PathBuf {
    let named = std::env::var_os(SERVER).map(PathBuf::from);
    let path = named.unwrap_or_else(|| INSTALLED.into());
    let found = path.is_file().then_some(path);
    found.expect("nats-server is missing; install it with `cargo xtask setup`")
}
