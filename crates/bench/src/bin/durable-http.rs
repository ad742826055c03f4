//! Durable appends over HTTP: our server beside the strongest others, in one run.
//!
//! `cargo xtask bench durable-http` builds or installs them all and says where they are.
#![expect(clippy::print_stdout, reason = "a benchmark prints its tables")]

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use bench::durable_http::client::Protocol;
use bench::durable_http::contestant::Contestant;
use bench::durable_http::load::Load;
use bench::durable_http::report::{compare, disk};
use clap::Parser;

#[derive(Debug, Parser)]
struct Args {
    /// Our binary
    #[arg(long)]
    millstream: PathBuf,
    /// The binary of the crate `durable-streams`
    #[arg(long)]
    durable_streams: Option<PathBuf>,
    /// The script that starts `@durable-streams/server` in Node
    #[arg(long)]
    node: Option<PathBuf>,
    /// The binary `redis-server`
    #[arg(long)]
    redis: Option<PathBuf>,
    /// Where the servers keep their data: a folder on the disk that is measured
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Let ours keep everything in memory: what the disk costs is the difference
    #[arg(long)]
    memory: bool,
    /// How long each round is
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Rounds of each contestant, of which the median counts
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Which of the tables alone, counted from 1: `2,3` holds 64 streams against one
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 3, 4])]
    tables: Vec<usize>,
}

/// Writers and streams of each table.
const LOADS: [(usize, usize); 4] = [(1, 1), (64, 1), (64, 64), (1, 64)];

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let parent = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let dir = tempfile::tempdir_in(parent)?;
    let time = Duration::from_secs(args.seconds);
    disk(dir.path(), time)?;
    let contestants = start(&args, dir.path())?;
    let load = |table: &usize| {
        let at = table.checked_sub(1).and_then(|at| LOADS.get(at));
        at.map(|&(writers, streams)| Load { writers, streams, time })
    };
    let loads: Option<Vec<Load>> = args.tables.iter().map(load).collect();
    let loads = loads.with_context(|| format!("there are tables 1 to {}", LOADS.len()))?;
    compare(&contestants, &loads, args.rounds).await?;
    println!("\nall that was acknowledged was read back");
    Ok(())
}

/// Starts all that were named, ours first.
fn start(args: &Args, dir: &Path) -> anyhow::Result<Vec<Contestant>> {
    let data = |name: &str| dir.join(name).display().to_string();
    let ours = |port| {
        let listen = format!("127.0.0.1:{port}");
        let mut words = ["serve", "--listen", &listen].map(str::to_owned).to_vec();
        if args.memory {
            words.push("--memory".to_owned());
        } else {
            words.extend(["--data".to_owned(), data("millstream")]);
        }
        words
    };
    let mut all = vec![Contestant::start(
        "millstream",
        Protocol::DurableStreams("/v1/stream/"),
        &args.millstream,
        ours,
    )?];
    if let Some(program) = &args.durable_streams {
        let words = |port: u16| {
            let port = port.to_string();
            vec!["--port".to_owned(), port, "--data-dir".to_owned(), data("durable-streams")]
        };
        let protocol = Protocol::DurableStreams("/");
        all.push(Contestant::start("durable-streams 0.1.5", protocol, program, words)?);
    }
    if let Some(script) = &args.node {
        let script = script.display().to_string();
        let words = |port: u16| vec![script, port.to_string(), data("node")];
        let protocol = Protocol::DurableStreams("/");
        all.push(Contestant::start("@durable-streams/server", protocol, Path::new("node"), words)?);
    }
    if let Some(program) = &args.redis {
        std::fs::create_dir(dir.join("redis"))?;
        let words = |port: u16| {
            let (port, dir) = (port.to_string(), data("redis"));
            let words = ["--port", &port, "--save", "", "--appendonly", "yes"];
            let always = ["--appendfsync", "always", "--dir", &dir];
            words.into_iter().chain(always).map(str::to_owned).collect()
        };
        all.push(Contestant::start("redis, appendfsync always", Protocol::Redis, program, words)?);
    }
    Ok(all)
}
