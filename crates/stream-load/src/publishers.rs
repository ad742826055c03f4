//! Those who send events.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::event::{Mark, event};
use crate::target::Publish;

/// Bytes of an answer that are read at once.
const READ_BYTES: usize = 4 << 10;

/// Threads that publish until they are stopped, each on a connection of its own.
#[derive(Debug)]
pub struct Publishers {
    /// Each publisher stops when its own is dropped.
    stops: Vec<Sender<()>>,
    sent: Arc<AtomicU64>,
    threads: Vec<JoinHandle<io::Result<u32>>>,
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Events that each sender has sent, all of them acknowledged where that is usual.
    pub by_sender: Vec<u32>,
}

impl Published {
    /// All of them.
    pub fn sum(&self) -> u64 {
        self.by_sender.iter().copied().map(u64::from).sum()
    }
}

impl Publishers {
    /// Has `count` publishers send events of `bytes` bytes, all together so many a second; with
    /// `None`, as many as the server takes.
    ///
    /// A publisher whose event was not acknowledged in time sends the next ones as soon as it can.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub fn start(
        publish: &Publish,
        (count, bytes): (u16, usize),
        rate: Option<f64>,
        epoch: Instant,
    ) -> io::Result<Self> {
        let sent = Arc::new(AtomicU64::new(0));
        let (mut stops, mut threads) = (Vec::new(), Vec::new());
        for sender in 0..count {
            let (stop, stopped) = mpsc::channel();
            stops.push(stop);
            let publisher = Publisher {
                socket: connect(publish)?,
                publish: publish.clone(),
                sender,
                bytes,
                epoch,
                stopped,
                sent: Arc::clone(&sent),
            };
            let interval = rate.map(|rate| Duration::from_secs_f64(f64::from(count) / rate));
            // They take turns.
            let first = interval.unwrap_or_default().mul_f64(f64::from(sender) / f64::from(count));
            threads.push(std::thread::spawn(move || publisher.run(first, interval)));
        }
        Ok(Self { stops, sent, threads })
    }

    /// Events that were sent so far.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Stops all publishers.
    ///
    /// # Errors
    /// If a connection broke, or an event was refused.
    pub fn stop(self) -> io::Result<Published> {
        drop(self.stops);
        let ends = self.threads.into_iter().map(|thread| {
            thread.join().unwrap_or_else(|_| Err(io::Error::other("a publisher was lost")))
        });
        Ok(Published { by_sender: ends.collect::<io::Result<_>>()? })
    }
}

fn connect(publish: &Publish) -> io::Result<TcpStream> {
    let mut socket = TcpStream::connect(publish.address)?;
    socket.set_nodelay(true)?;
    socket.write_all(&publish.greeting)?;
    Ok(socket)
}

struct Publisher {
    socket: TcpStream,
    publish: Publish,
    sender: u16,
    bytes: usize,
    epoch: Instant,
    stopped: Receiver<()>,
    sent: Arc<AtomicU64>,
}

impl Publisher {
    fn run(mut self, first: Duration, interval: Option<Duration>) -> io::Result<u32> {
        let mut due = Instant::now() + first;
        let mut read = Vec::new();
        let mut number = 0_u32;
        loop {
            // Waits until the next one is due, or there is none.
            let wait = due.saturating_duration_since(Instant::now());
            if self.stopped.recv_timeout(wait) == Err(RecvTimeoutError::Disconnected) {
                return Ok(number);
            }
            due = interval.map_or_else(Instant::now, |interval| due + interval);
            let sent_us = u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX);
            let event = event(Mark { sender: self.sender, number, sent_us }, self.bytes);
            self.socket.write_all(&(self.publish.request)(&event))?;
            if self.publish.is_answered {
                answer(&mut self.socket, &mut read)?;
            }
            number = number.saturating_add(1);
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Reads the next answer, and what follows it, to `read`.
fn answer(socket: &mut impl Read, read: &mut Vec<u8>) -> io::Result<()> {
    loop {
        if let Some(bytes) = whole(read)? {
            read.drain(..bytes.min(read.len()));
            return Ok(());
        }
        let mut more = [0; READ_BYTES];
        let count = socket.read(&mut more)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        read.extend_from_slice(more.get(..count).unwrap_or_default());
    }
}

/// The bytes of the answer at the front, if it is whole.
fn whole(read: &[u8]) -> io::Result<Option<usize>> {
    let Some(end) = memchr::memmem::find(read, b"\r\n\r\n") else { return Ok(None) };
    let head = read.get(..end).unwrap_or_default().to_ascii_lowercase();
    let head = String::from_utf8_lossy(&head);
    let refused = || io::Error::other(format!("an event was answered {head}"));
    let status = head.split(' ').nth(1).ok_or_else(refused)?;
    if !status.starts_with('2') {
        return Err(refused());
    }
    let body = end.saturating_add(4);
    if head.contains("transfer-encoding") {
        let rest = read.get(body..).unwrap_or_default();
        let last = memchr::memmem::find(rest, b"0\r\n\r\n");
        return Ok(last.map(|last| body.saturating_add(last).saturating_add(5)));
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length: usize =
        length.map_or(Ok(0), |length| length.trim().parse()).map_err(|_| refused())?;
    let bytes = body.saturating_add(length);
    Ok((read.len() >= bytes).then_some(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read_at_every_cut() {
        let answers = [
            "HTTP/1.1 204 No Content\r\nx: y\r\n\r\n",
            "HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        ];
        for text in answers {
            for cut in 0..text.len() {
                assert_eq!(whole(&text.as_bytes()[..cut]).unwrap(), None, "{text} cut at {cut}");
            }
            let more = format!("{text}HTTP");
            assert_eq!(whole(more.as_bytes()).unwrap(), Some(text.len()));
            let mut read = Vec::new();
            answer(&mut more.as_bytes(), &mut read).unwrap();
            assert_eq!(read, b"HTTP");
            answer(&mut &text.as_bytes()[4..], &mut read).unwrap();
            assert!(answer(&mut &b""[..], &mut read).is_err());
        }
        assert!(whole(b"HTTP/1.1 503 Service Unavailable\r\n\r\n").is_err());
    }
}
