//! One round of load on one server.

use std::time::{Duration, Instant};

use crate::process::{Process, ProcessError, Usage};
use crate::publishers::Publishers;
use crate::subscribers::Subscribers;
use crate::target::{Publish, Subscribe};

/// Publishing that does not count, at the beginning.
const WARM_UP: Duration = Duration::from_secs(1);

/// How long subscribers may take to be ready.
const READY: Duration = Duration::from_mins(1);

/// How long nothing comes until what is missing counts as lost.
const PATIENCE: Duration = Duration::from_secs(3);

/// What the load is.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections that read.
    pub subscribers: usize,
    /// Threads that read them.
    pub threads: usize,
    /// Connections that publish.
    pub publishers: u16,
    /// Bytes of an event.
    pub bytes: usize,
    /// How long is counted.
    pub time: Duration,
}

/// What one round gave.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outcome {
    /// Events that came to subscribers, a second.
    pub deliveries_per_second: f64,
    /// What was asked for.
    pub asked_per_second: f64,
    /// Microseconds of the server's processor time for each.
    pub cpu_us: f64,
    /// Milliseconds from publishing to arrival: the median.
    pub p50_ms: f64,
    /// The 99th percentile of the same.
    pub p99_ms: f64,
    /// The longest of the same.
    pub max_ms: f64,
    /// Bytes of the server's memory at the end.
    pub memory_bytes: u64,
    /// Events that did not come.
    pub lost: u64,
    /// Events that came again, or after a later one.
    pub duplicates: u64,
    /// All that was wrong: events that did not come, came again, or did not come in order.
    pub wrong: u64,
}

/// Why there is no outcome.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// A connection was refused, broke, or was answered otherwise.
    #[error("a connection failed")]
    Connection(#[from] std::io::Error),
    /// Not all subscribers were ready in time.
    #[error("{ready} of {subscribers} subscribers are ready after {READY:?}")]
    NotReady {
        /// Those who were.
        ready: usize,
        /// All.
        subscribers: usize,
    },
    /// Idle subscribers were let go of.
    #[error("{count} idle subscribers were let go of")]
    LetGo {
        /// How many.
        count: usize,
    },
    /// It is not known what the server uses.
    #[error(transparent)]
    Process(#[from] ProcessError),
}

/// A server under load.
#[derive(Debug, Clone, Copy)]
pub struct Server<'a> {
    /// How to subscribe.
    pub subscribe: &'a Subscribe,
    /// How to publish.
    pub publish: &'a Publish,
    /// Its process, if it is on this machine.
    pub process: Option<Process>,
}

impl Server<'_> {
    fn usage(&self) -> Result<Usage, ProcessError> {
        self.process.map_or(Ok(Usage::default()), Process::usage)
    }
}

/// Puts the load on a server, `rate` events a second.
///
/// # Errors
/// [`LoadError`] if a connection was refused or broke, or the server's use is not known.
#[expect(clippy::cast_precision_loss, reason = "the figures have three digits")]
pub fn run(server: Server<'_>, load: Load, rate: f64) -> Result<Outcome, LoadError> {
    let epoch = Instant::now();
    let subscribers = subscribe(server, load, epoch)?;
    let (publish, size) = (server.publish, (load.publishers, load.bytes));
    let publishers = Publishers::start(publish, size, Some(rate), epoch)?;
    std::thread::sleep(WARM_UP);
    subscribers.count_since(epoch.elapsed());
    let (begin, before) = (Instant::now(), subscribers.received());
    let used = server.usage()?;
    std::thread::sleep(load.time);
    let Usage { cpu, memory_bytes } = server.usage()?;
    let deliveries = subscribers.received().saturating_sub(before) as f64;
    let seconds = begin.elapsed().as_secs_f64();
    let due = publishers.stop()?.sum().saturating_mul(load.subscribers as u64);
    settle(&subscribers, due);
    let tally = subscribers.stop()?;
    Ok(Outcome {
        deliveries_per_second: deliveries / seconds,
        asked_per_second: rate * load.subscribers as f64,
        cpu_us: cpu.saturating_sub(used.cpu).as_secs_f64() * 1e6 / deliveries.max(1.0),
        p50_ms: tally.latency_us(50.0) as f64 / 1e3,
        p99_ms: tally.latency_us(99.0) as f64 / 1e3,
        max_ms: tally.latency_us_max() as f64 / 1e3,
        memory_bytes,
        lost: due.saturating_sub(tally.received),
        duplicates: tally.duplicates,
        wrong: due.abs_diff(tally.received).max(tally.skipped).max(tally.duplicates),
    })
}

/// Opens the connections, and waits until all will get what is published.
fn subscribe(server: Server<'_>, load: Load, epoch: Instant) -> Result<Subscribers, LoadError> {
    let count = (load.subscribers, load.threads);
    let subscribers = Subscribers::start(server.subscribe, count, load.bytes, epoch);
    while subscribers.ready() < load.subscribers {
        if subscribers.is_over() {
            subscribers.stop()?;
            return Err(std::io::Error::other("a thread of subscribers has ended").into());
        }
        if epoch.elapsed() > READY {
            let (ready, subscribers) = (subscribers.ready(), load.subscribers);
            return Err(LoadError::NotReady { ready, subscribers });
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(subscribers)
}

/// Waits until everything came, or nothing more does.
fn settle(subscribers: &Subscribers, due: u64) {
    let (mut received, mut since) = (0, Instant::now());
    while subscribers.received() < due && since.elapsed() < PATIENCE {
        if subscribers.received() > received {
            (received, since) = (subscribers.received(), Instant::now());
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Bytes of the server's memory that each of `count` idle subscribers costs.
///
/// # Errors
/// [`LoadError`] as [`run`], and if one of them was let go of.
#[expect(clippy::cast_precision_loss, reason = "the figures have three digits")]
pub fn idle(server: Server<'_>, count: usize) -> Result<f64, LoadError> {
    let load =
        Load { subscribers: count, threads: 1, publishers: 1, bytes: 0, time: Duration::ZERO };
    // What the server makes once, for the first one.
    subscribe(server, Load { subscribers: 10, ..load }, Instant::now())?.stop()?;
    let before = server.usage()?.memory_bytes;
    let subscribers = subscribe(server, load, Instant::now())?;
    std::thread::sleep(WARM_UP);
    let after = server.usage()?.memory_bytes;
    let lost = subscribers.lost();
    subscribers.stop()?;
    if lost > 0 {
        return Err(LoadError::LetGo { count: lost });
    }
    Ok(after.saturating_sub(before) as f64 / count as f64)
}
