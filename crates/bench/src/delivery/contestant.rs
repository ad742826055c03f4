//! The servers: processes that are started and killed, and how each is spoken to.

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use stream_load::{Process, Publish, Server, Subscribe, http_get, http_post};

/// How long a server may take until it listens.
const START: Duration = Duration::from_secs(20);

const EVENTS: &str = "accept: text/event-stream\r\n";

const TEXT: &str = "content-type: text/plain\r\n";

/// Who takes part, and where it is.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Our server, topics; with a folder, on disk.
    Topics(PathBuf, Option<PathBuf>),
    /// Our server, topics, on a cluster at an address.
    Shared(PathBuf, String),
    /// Our server, durable streams; with a folder, on disk.
    Streams(PathBuf, Option<PathBuf>),
    /// The server of the crate `durable-streams`, its folder, and `memory` or `wal`.
    DurableStreams(PathBuf, (PathBuf, &'static str)),
    /// nginx with nchan; where its settings may be written.
    Nchan(PathBuf, PathBuf),
    /// NATS, over its own protocol.
    Nats(PathBuf),
    /// [`axum_server`](super::axum_server), which is a mode of this program.
    Axum(PathBuf),
}

/// A server that runs until it is dropped.
#[derive(Debug)]
pub struct Contestant {
    /// How to subscribe.
    pub subscribe: Subscribe,
    /// How to publish.
    pub publish: Publish,
    process: Child,
}

impl Kind {
    /// What it is called in the tables.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Topics(_, None) => "millstream, topic, memory",
            Self::Topics(_, Some(_)) => "millstream, topic, disk",
            Self::Shared(..) => "millstream, topic, NATS",
            Self::Streams(_, None) => "millstream, durable stream, memory",
            Self::Streams(_, Some(_)) => "millstream, durable stream, disk",
            Self::DurableStreams(_, (_, "memory")) => "durable-streams 0.1.5, memory",
            Self::DurableStreams(..) => "durable-streams 0.1.5, WAL",
            Self::Nchan(..) => "nchan",
            Self::Nats(_) => "nats-server (TCP)",
            Self::Axum(_) => "axum + broadcast",
        }
    }

    /// Starts it.
    ///
    /// # Errors
    /// Says that it did not start.
    pub fn start(&self) -> anyhow::Result<Contestant> {
        // Free now, and nobody else's within the next moment: nobody else looks for one.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let (program, args) = self.command(port)?;
        let (subscribe, publish) = self.protocol(address);
        let process = spawn(program, &args)?;
        let contestant = Contestant { subscribe, publish, process };
        let begin = Instant::now();
        while TcpStream::connect(address).is_err() {
            ensure!(begin.elapsed() < START, "{} does not listen on {address}", self.name());
            std::thread::sleep(Duration::from_millis(20));
        }
        if matches!(self, Self::Streams(..) | Self::DurableStreams(..)) {
            make_stream(address, self.path())?;
        }
        Ok(contestant)
    }

    fn path(&self) -> &'static str {
        match self {
            Self::Topics(..) | Self::Shared(..) => "/topics/bench",
            Self::Streams(..) => "/v1/stream/bench",
            Self::DurableStreams(..) => "/bench",
            Self::Nchan(..) => "/publish",
            Self::Nats(_) | Self::Axum(_) => "/",
        }
    }

    fn protocol(&self, address: SocketAddr) -> (Subscribe, Publish) {
        let path = self.path();
        let subscribe = match self {
            Self::Nats(_) => return nats(address),
            Self::Streams(..) | Self::DurableStreams(..) => {
                http_get(address, &format!("{path}?offset=now&live=sse"), "")
            }
            Self::Nchan(..) => http_get(address, "/subscribe", EVENTS),
            Self::Topics(..) | Self::Shared(..) | Self::Axum(_) => http_get(address, path, EVENTS),
        };
        (subscribe, http_post(address, path, TEXT))
    }

    fn command(&self, port: u16) -> anyhow::Result<(&Path, Vec<String>)> {
        Ok(match self {
            Self::Topics(program, dir) | Self::Streams(program, dir) => {
                let mut words = words(&["serve", "--listen", &format!("127.0.0.1:{port}")]);
                match dir {
                    None => words.push("--memory".to_owned()),
                    Some(dir) => words.extend(["--data".to_owned(), text(dir)]),
                }
                (program, words)
            }
            Self::Shared(program, engine) => {
                let listen = format!("127.0.0.1:{port}");
                (program, words(&["serve", "--listen", &listen, "--engine", engine]))
            }
            Self::DurableStreams(program, dir) => {
                let (dir, durability) = dir;
                let port = port.to_string();
                let data = text(dir);
                let words =
                    words(&["--port", &port, "--data-dir", &data, "--durability", durability]);
                (program, words)
            }
            Self::Nchan(program, dir) => {
                let config = dir.join("nginx.conf");
                std::fs::create_dir_all(dir)?;
                std::fs::write(&config, nchan_config(port))?;
                (program, words(&["-p", &text(dir), "-c", &text(&config)]))
            }
            Self::Nats(program) => {
                (program, words(&["--addr", "127.0.0.1", "--port", &port.to_string()]))
            }
            Self::Axum(program) => (program, words(&["--axum-server", &port.to_string()])),
        })
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn spawn(program: &Path, args: &[impl AsRef<OsStr>]) -> anyhow::Result<Child> {
    let mut command = Command::new(program);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().with_context(|| format!("cannot start {}", program.display()))
}

/// A worker for each core, as nginx is meant to be run.
fn nchan_config(port: u16) -> String {
    format!(
        "load_module /usr/lib/nginx/modules/ngx_nchan_module.so;\n\
         daemon off; worker_processes auto; pid nginx.pid; error_log stderr crit;\n\
         events {{ worker_connections 20000; }}\n\
         http {{ access_log off; nchan_shared_memory_size 256M;\n\
           server {{ listen 127.0.0.1:{port} backlog=4096;\n\
             nchan_channel_id bench; nchan_message_buffer_length 10000;\n\
             location = /publish {{ nchan_publisher http; }}\n\
             location = /subscribe {{ nchan_subscriber eventsource;\n\
               nchan_subscriber_first_message newest; }} }} }}\n"
    )
}

/// NATS's own protocol: lines, and one subject.
fn nats(address: SocketAddr) -> (Subscribe, Publish) {
    const CONNECT: &str = "CONNECT {\"verbose\":false,\"pedantic\":false}\r\n";
    let subscribe = Subscribe {
        address,
        request: format!("{CONNECT}SUB bench 1\r\nPING\r\n").into_bytes(),
        then: b"PONG\r\n".to_vec(),
        ready: b"PONG\r\n".to_vec(),
    };
    let request = |event: &[u8]| {
        let head = format!("PUB bench {}\r\n", event.len());
        [head.as_bytes(), event, b"\r\n"].concat()
    };
    let greeting = CONNECT.as_bytes().to_vec();
    (subscribe, Publish { address, greeting, request: Arc::new(request), is_answered: false })
}

fn make_stream(address: SocketAddr, path: &str) -> anyhow::Result<()> {
    use std::io::{Read as _, Write as _};
    let mut socket = TcpStream::connect(address)?;
    let request = format!(
        "PUT {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{TEXT}content-length: 0\r\n\r\n"
    );
    socket.write_all(request.as_bytes())?;
    let mut answer = String::new();
    socket.read_to_string(&mut answer)?;
    // It is there already where a server has found its data again.
    ensure!(answer.starts_with("HTTP/1.1 20"), "{path} was answered {answer}");
    Ok(())
}

impl Contestant {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.publish.address
    }

    /// The same server, as the load sees another topic of it.
    pub fn topic(&self, name: &str) -> (Subscribe, Publish) {
        let (address, path) = (self.address(), format!("/topics/{name}"));
        (http_get(address, &path, EVENTS), http_post(address, &path, TEXT))
    }

    /// As the load sees it.
    pub fn server(&self) -> Server<'_> {
        let process = Some(Process::new(self.process.id()));
        Server { subscribe: &self.subscribe, publish: &self.publish, process }
    }
}

impl Drop for Contestant {
    fn drop(&mut self) {
        // One that has ended needs no end; nginx's workers end when their master is asked to.
        let asked = Command::new("kill").arg(self.process.id().to_string()).status();
        let deadline = Instant::now() + Duration::from_secs(3);
        while asked.is_ok() && Instant::now() < deadline {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.process.kill().unwrap_or_default();
        drop(self.process.wait());
    }
}
