//! Those who read events.

use std::io::{self, Read as _, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::event::Scanner;
use crate::tally::Tally;
use crate::target::Subscribe;

/// Bytes that are read at once.
const READ_BYTES: usize = 256 << 10;

/// Connections of one thread that are made and not yet ready: a server's queue of those who knock
/// has a bound.
const KNOCKING: usize = 100;

/// How long a thread sleeps at most before it looks whether it must stop.
const LOOK: Duration = Duration::from_millis(20);

/// Connections that read until they are stopped.
#[derive(Debug)]
pub struct Subscribers {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<io::Result<Tally>>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    ready: AtomicUsize,
    lost: AtomicUsize,
    received: AtomicU64,
    /// Latencies of events count that were sent after this, in microseconds.
    since_us: AtomicU64,
}

impl Subscribers {
    /// Has `threads` threads open `count` connections together, for events of `bytes` bytes.
    pub fn start(
        subscribe: &Subscribe,
        (count, threads): (usize, usize),
        bytes: usize,
        epoch: Instant,
    ) -> Self {
        let shared = Arc::new(Shared::default());
        let threads = threads.max(1);
        let handles = (0..threads).map(|thread| {
            let own = (thread..count).step_by(threads).count();
            let (subscribe, shared) = (subscribe.clone(), Arc::clone(&shared));
            std::thread::spawn(move || Readers::new(subscribe, shared, bytes, epoch)?.run(own))
        });
        let threads = handles.collect();
        Self { shared, threads }
    }

    /// Connections that will get everything that is published from now on.
    pub fn ready(&self) -> usize {
        self.shared.ready.load(Ordering::Relaxed)
    }

    /// Connections that have ended.
    pub fn lost(&self) -> usize {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Events that came so far, to all of them together.
    pub fn received(&self) -> u64 {
        self.shared.received.load(Ordering::Relaxed)
    }

    /// Counts the latencies only of events that are sent later than `at`, after the beginning of
    /// the load.
    pub fn count_since(&self, at: Duration) {
        let at = u64::try_from(at.as_micros()).unwrap_or(u64::MAX);
        self.shared.since_us.store(at, Ordering::Relaxed);
    }

    /// Whether a thread has failed.
    pub fn is_over(&self) -> bool {
        self.threads.iter().any(JoinHandle::is_finished)
    }

    /// Ends all connections.
    ///
    /// # Errors
    /// If a connection could not be made, or a thread failed.
    pub fn stop(self) -> io::Result<Tally> {
        self.shared.stop.store(true, Ordering::Relaxed);
        let mut all = Tally::new();
        for thread in self.threads {
            let lost = || Err(io::Error::other("a thread of subscribers was lost"));
            all.add(&thread.join().unwrap_or_else(|_| lost())?);
        }
        Ok(all)
    }
}

/// The connections of one thread.
struct Readers {
    subscribe: Subscribe,
    shared: Arc<Shared>,
    bytes: usize,
    epoch: Instant,
    poll: Poll,
    readers: Vec<Option<Reader>>,
    knocking: usize,
    buffer: Vec<u8>,
    tally: Tally,
}

struct Reader {
    socket: TcpStream,
    stage: Stage,
    scanner: Scanner,
    /// The number that comes next of each sender.
    expected: Vec<u32>,
}

/// How far a subscription is.
enum Stage {
    Connecting,
    /// What the server has said so far.
    Head(Vec<u8>),
    /// The same, after the second thing was sent.
    Ready(Vec<u8>),
    Reading,
}

impl Readers {
    fn new(
        subscribe: Subscribe,
        shared: Arc<Shared>,
        bytes: usize,
        epoch: Instant,
    ) -> io::Result<Self> {
        let (poll, buffer) = (Poll::new()?, vec![0; READ_BYTES]);
        let (readers, tally) = (Vec::new(), Tally::new());
        Ok(Self { subscribe, shared, bytes, epoch, poll, readers, knocking: 0, buffer, tally })
    }

    fn run(mut self, count: usize) -> io::Result<Tally> {
        let mut events = Events::with_capacity(1024);
        while !self.shared.stop.load(Ordering::Relaxed) {
            while self.readers.len() < count && self.knocking < KNOCKING {
                self.knock()?;
            }
            match self.poll.poll(&mut events, Some(LOOK)) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            for event in &events {
                self.ready(event.token().0)?;
            }
        }
        Ok(self.tally)
    }

    fn knock(&mut self) -> io::Result<()> {
        let mut socket = TcpStream::connect(self.subscribe.address)?;
        let interest = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut socket, Token(self.readers.len()), interest)?;
        let (stage, scanner) = (Stage::Connecting, Scanner::default());
        self.readers.push(Some(Reader { socket, stage, scanner, expected: Vec::new() }));
        self.knocking += 1;
        Ok(())
    }

    fn ready(&mut self, key: usize) -> io::Result<()> {
        let Some(Some(reader)) = self.readers.get_mut(key) else { return Ok(()) };
        if matches!(reader.stage, Stage::Connecting) {
            if let Some(error) = reader.socket.take_error()? {
                return Err(error);
            }
            if reader.socket.peer_addr().is_err() {
                return Ok(());
            }
            reader.socket.set_nodelay(true)?;
            // A few hundred bytes fit into a new socket.
            reader.socket.write_all(&self.subscribe.request)?;
            reader.stage = Stage::Head(Vec::new());
        }
        loop {
            let Some(Some(reader)) = self.readers.get_mut(key) else { return Ok(()) };
            match reader.socket.read(&mut self.buffer) {
                Ok(0) => return self.lost(key),
                Ok(count) => {
                    self.took(key, count)?;
                    if count < READ_BYTES {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.lost(key),
            }
        }
    }

    fn lost(&mut self, key: usize) -> io::Result<()> {
        let Some(reader) = self.readers.get_mut(key).and_then(Option::take) else { return Ok(()) };
        if let Stage::Head(said) | Stage::Ready(said) = reader.stage {
            let said = String::from_utf8_lossy(&said).into_owned();
            return Err(io::Error::other(format!("a subscription was answered {said:?}")));
        }
        self.shared.lost.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Looks at what was read.
    fn took(&mut self, key: usize, count: usize) -> io::Result<()> {
        let Some(Some(reader)) = self.readers.get_mut(key) else { return Ok(()) };
        let mut read = self.buffer.get(..count).unwrap_or_default();
        let own;
        if let Some(rest) = reader.subscribe(&self.subscribe, read)? {
            own = rest;
            read = &own;
            if matches!(reader.stage, Stage::Reading) {
                self.knocking = self.knocking.saturating_sub(1);
                self.shared.ready.fetch_add(1, Ordering::Relaxed);
            }
        }
        if !matches!(reader.stage, Stage::Reading) {
            return Ok(());
        }
        let now_us = u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
        let since_us = self.shared.since_us.load(Ordering::Relaxed);
        let before = self.tally.received;
        let (tally, expected) = (&mut self.tally, &mut reader.expected);
        reader.scanner.scan(read, self.bytes, |mark| tally.count(mark, now_us, since_us, expected));
        let new = tally.received.saturating_sub(before);
        self.shared.received.fetch_add(new, Ordering::Relaxed);
        Ok(())
    }
}

impl Reader {
    /// Goes on with the subscription, if it is not yet made; gives what was read behind it.
    fn subscribe(&mut self, subscribe: &Subscribe, read: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let mut said = match std::mem::replace(&mut self.stage, Stage::Reading) {
            Stage::Reading => return Ok(None),
            Stage::Connecting => Vec::new(),
            Stage::Head(mut said) => {
                said.extend_from_slice(read);
                let Some(end) = memchr::memmem::find(&said, b"\r\n") else {
                    self.stage = Stage::Head(said);
                    return Ok(Some(Vec::new()));
                };
                let is_http = said.starts_with(b"HTTP/");
                let ok = [&b" 200 "[..], b" 101 "].iter().any(|ok| said.get(8..13) == Some(ok));
                let head =
                    if is_http { memchr::memmem::find(&said, b"\r\n\r\n") } else { Some(end) };
                if is_http && !ok {
                    let said = String::from_utf8_lossy(&said).into_owned();
                    return Err(io::Error::other(format!("a subscription was answered {said:?}")));
                }
                if head.is_none() {
                    self.stage = Stage::Head(said);
                    return Ok(Some(Vec::new()));
                }
                self.socket.write_all(&subscribe.then)?;
                said
            }
            Stage::Ready(mut said) => {
                said.extend_from_slice(read);
                said
            }
        };
        match memchr::memmem::find(&said, &subscribe.ready) {
            Some(found) => Ok(Some(said.split_off(found.saturating_add(subscribe.ready.len())))),
            None => {
                self.stage = Stage::Ready(said);
                Ok(Some(Vec::new()))
            }
        }
    }
}
