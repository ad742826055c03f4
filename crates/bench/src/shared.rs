//! Fan-out of our server on a cluster of NATS beside the same server on its own disk.

use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use stream_load::{Load, Outcome, Process, Server, run};

use crate::delivery::contestant::{Contestant, Kind};

/// Topics, each with its own publishers and readers; with as many servers, what is published on one
/// is read on the next.
pub const TOPICS: usize = 3;

/// What is asked of the servers together.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    /// Readers of all topics.
    pub subscribers: usize,
    /// Publishers of all topics.
    pub publishers: u16,
    /// Events a second on all topics.
    pub rate: f64,
    /// How long is counted.
    pub time: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Came {
    /// Events that came to readers, a second.
    pub deliveries: f64,
    /// Milliseconds from publishing to arrival: the median, and the 99th percentile, of the topic
    /// that took longest.
    pub p50_ms: f64,
    /// See [`p50_ms`](Self::p50_ms).
    pub p99_ms: f64,
    /// Microseconds of our servers' processor time for each.
    pub cpu_us: f64,
}

/// One round on one server of this kind.
///
/// # Errors
/// Says that it did not start, that a connection broke, or that events were lost.
pub fn alone(kind: &Kind, asked: Asked) -> anyhow::Result<Came> {
    fan_out(&[kind.start()?], asked)
}

/// One round on three servers that share a cluster.
///
/// # Errors
/// As [`alone`].
pub fn together(program: &Path, engine: &str, asked: Asked) -> anyhow::Result<Came> {
    let kind = Kind::Shared(program.to_owned(), engine.to_owned());
    let servers: Vec<_> = (0..TOPICS).map(|_| kind.start()).collect::<Result<_, _>>()?;
    fan_out(&servers, asked)
}

fn fan_out(servers: &[Contestant], asked: Asked) -> anyhow::Result<Came> {
    let share = u16::try_from(TOPICS)?;
    let load = Load {
        subscribers: asked.subscribers / TOPICS,
        threads: 1,
        publishers: asked.publishers / share,
        bytes: 200,
        time: asked.time,
    };
    let rate = asked.rate / f64::from(share);
    let before = used(servers)?;
    let round = |topic: usize| {
        let server = |place: usize| servers.get(place % servers.len()).context("a server");
        let name = format!("bench-{topic}");
        let (_, publish) = server(topic)?.topic(&name);
        let (subscribe, _) = server(topic + 1)?.topic(&name);
        let server = Server { subscribe: &subscribe, publish: &publish, process: None };
        anyhow::Ok(run(server, load, rate)?)
    };
    let outcomes = thread::scope(|scope| {
        let running: Vec<_> = (0..TOPICS).map(|topic| scope.spawn(move || round(topic))).collect();
        let ended =
            running.into_iter().map(|round| round.join().map_err(|_| anyhow!("a panic"))?);
        ended.collect::<anyhow::Result<Vec<Outcome>>>()
    })?;
    let used = used(servers)?.saturating_sub(before);
    let mut came = Came::default();
    for outcome in &outcomes {
        ensure!(outcome.wrong == 0, "{} events were lost, doubled or late", outcome.wrong);
        came.deliveries += outcome.deliveries_per_second;
        came.p50_ms = came.p50_ms.max(outcome.p50_ms);
        came.p99_ms = came.p99_ms.max(outcome.p99_ms);
    }
    // A second of warming up is among what was used.
    let counted = came.deliveries * (asked.time.as_secs_f64() + 1.0);
    came.cpu_us = used.as_secs_f64() * 1e6 / counted.max(1.0);
    Ok(came)
}

/// The processor's time of all of them.
fn used(servers: &[Contestant]) -> anyhow::Result<Duration> {
    let mut sum = Duration::ZERO;
    for server in servers {
        sum += server.server().process.map(Process::usage).context("a process")??.cpu;
    }
    Ok(sum)
}
