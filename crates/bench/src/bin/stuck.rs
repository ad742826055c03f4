//! What subscribers that never read cost those that publish, and the server's memory.
//!
//! `cargo xtask bench stuck` builds the server; rounds with and without them take turns.
#![expect(clippy::print_stdout, reason = "a benchmark prints its tables")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use bench::delivery::contestant::{Contestant, Kind};
use clap::Parser;

#[derive(Debug, Parser)]
struct Args {
    /// Our binary
    #[arg(long)]
    millstream: PathBuf,
    /// Subscribers that never read
    #[arg(long, default_value_t = 1000)]
    subscribers: usize,
    /// Bytes that are published in each round
    #[arg(long, default_value_t = 100_000_000)]
    volume: usize,
    /// Bytes of an event
    #[arg(long, default_value_t = 10_000)]
    bytes: usize,
    /// Rounds of each kind; the medians are shown
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Keep events on disk, in a folder below this one
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// What one round gave.
#[derive(Debug, Clone, Copy)]
struct Round {
    total: Duration,
    p50: Duration,
    p99: Duration,
    grown_bytes: u64,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds.max(1) {
        without.push(round(&args, 0)?);
        with.push(round(&args, args.subscribers)?);
    }
    let (without, with) = (median(&without), median(&with));
    println!(
        "{} MB in events of {} bytes, one publisher, one reader who reads",
        args.volume / 1_000_000,
        args.bytes
    );
    println!("{:>9} {:>9} {:>9} {:>9}  who never reads", "MB/s", "p50 us", "p99 us", "grown MB");
    for (round, who) in [(without, "nobody".to_owned()), (with, format!("{}", args.subscribers))] {
        println!(
            "{:>9.1} {:>9} {:>9} {:>9.1}  {who}",
            to_f64(args.volume as u64) / 1e6 / round.total.as_secs_f64(),
            round.p50.as_micros(),
            round.p99.as_micros(),
            to_f64(round.grown_bytes) / 1e6,
        );
    }
    let slower = |with: Duration, without: Duration| with.as_secs_f64() / without.as_secs_f64();
    println!(
        "time for all {:.2}x (1.2 wanted), p50 {:.2}x, p99 {:.2}x",
        slower(with.total, without.total),
        slower(with.p50, without.p50),
        slower(with.p99, without.p99)
    );
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "the figures have three digits")]
fn to_f64(count: u64) -> f64 {
    count as f64
}

/// Each figure's median by itself.
fn median(rounds: &[Round]) -> Round {
    let of = |figure: &dyn Fn(&Round) -> Duration| {
        let mut all: Vec<_> = rounds.iter().map(figure).collect();
        all.sort_unstable();
        all[all.len() / 2]
    };
    Round {
        total: of(&|round| round.total),
        p50: of(&|round| round.p50),
        p99: of(&|round| round.p99),
        grown_bytes: rounds.iter().map(|round| round.grown_bytes).max().unwrap_or_default(),
    }
}

/// A server of its own, `stuck` subscribers that never read, one that does, and one publisher.
fn round(args: &Args, stuck: usize) -> anyhow::Result<Round> {
    let dir = args.dir.as_ref().map(tempfile::tempdir_in).transpose()?;
    let data = dir.as_ref().map(|dir| dir.path().join("data"));
    let server = Kind::Topics(args.millstream.clone(), data).start()?;
    let stuck: Vec<TcpStream> = (0..stuck).map(|_| subscribe(&server)).collect::<Result<_, _>>()?;
    let mut reader = subscribe(&server)?;
    let end = b"the last event";
    let reading = std::thread::spawn(move || read_until(&mut reader, end));
    let before = memory(&server)?;
    let mut publisher = TcpStream::connect(server.publish.address)?;
    publisher.set_nodelay(true)?;
    let event = (server.publish.request)(&vec![b'x'; args.bytes]);
    let mut latencies = Vec::new();
    let begin = Instant::now();
    for _ in 0..args.volume.div_ceil(args.bytes) {
        let sent = Instant::now();
        publish(&mut publisher, &event)?;
        latencies.push(sent.elapsed());
    }
    let total = begin.elapsed();
    publish(&mut publisher, &(server.publish.request)(end))?;
    let grown_bytes = memory(&server)?.saturating_sub(before);
    let read = reading.join().map_err(|_| anyhow::anyhow!("the reader failed"))??;
    ensure!(read >= args.volume, "the reader got {read} of {} bytes", args.volume);
    drop(stuck);
    latencies.sort_unstable();
    let at = |percent: usize| latencies[(latencies.len() - 1) * percent / 100];
    Ok(Round { total, p50: at(50), p99: at(99), grown_bytes })
}

fn memory(server: &Contestant) -> anyhow::Result<u64> {
    let process = server.server().process.context("a server without a process")?;
    Ok(process.usage()?.memory_bytes)
}

/// A subscriber whose head has come.
fn subscribe(server: &Contestant) -> anyhow::Result<TcpStream> {
    let mut socket = TcpStream::connect(server.subscribe.address)?;
    socket.write_all(&server.subscribe.request)?;
    read_until(&mut socket, &server.subscribe.ready)?;
    Ok(socket)
}

/// Reads until something has come; says how many bytes that were.
fn read_until(socket: &mut TcpStream, end: &[u8]) -> anyhow::Result<usize> {
    let mut all = 0;
    let mut kept = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        let count = socket.read(&mut chunk)?;
        ensure!(count > 0, "the server hung up");
        all += count;
        kept.extend_from_slice(&chunk[..count]);
        if kept.windows(end.len()).any(|part| part == end) {
            return Ok(all);
        }
        // What may be the beginning of it.
        kept.drain(..kept.len().saturating_sub(end.len()));
    }
}

/// Sends an event and waits for its acknowledgement.
fn publish(socket: &mut TcpStream, request: &[u8]) -> anyhow::Result<()> {
    socket.write_all(request)?;
    let mut answer = Vec::new();
    let mut chunk = [0; 4 << 10];
    loop {
        let count = socket.read(&mut chunk)?;
        ensure!(count > 0, "the server hung up");
        answer.extend_from_slice(&chunk[..count]);
        // The answer is one JSON object without any in it.
        if answer.ends_with(b"}") {
            let text = String::from_utf8_lossy(&answer);
            ensure!(text.starts_with("HTTP/1.1 201"), "an event was answered {text}");
            return Ok(());
        }
    }
}
