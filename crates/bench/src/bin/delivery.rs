//! Live delivery to a thousand subscribers: our server beside the strongest others, in one run.
//!
//! `cargo xtask bench delivery` builds or installs them all and says where they are.

use std::path::PathBuf;
use std::time::Duration;

use bench::delivery::axum_server;
use bench::delivery::contestant::Kind;
use bench::delivery::report::compare;
use clap::Parser;
use stream_load::Load;

#[derive(Debug, Parser)]
struct Args {
    /// Our binary
    #[arg(long)]
    millstream: Option<PathBuf>,
    /// The binary of the crate `durable-streams`
    #[arg(long)]
    durable_streams: Option<PathBuf>,
    /// nginx, with Debian's nchan
    #[arg(long)]
    nginx: Option<PathBuf>,
    /// The binary `nats-server`
    #[arg(long)]
    nats: Option<PathBuf>,
    /// Leave the minimal server of axum and a broadcast channel out
    #[arg(long)]
    no_axum: bool,
    /// Where the servers keep their data: a folder on the disk that is measured
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Connections that read
    #[arg(long, default_value_t = 1000)]
    subscribers: usize,
    /// Threads of the load that read
    #[arg(long, default_value_t = 1)]
    threads: usize,
    /// Connections that publish
    #[arg(long, default_value_t = 16)]
    publishers: u16,
    /// Bytes of an event
    #[arg(long, default_value_t = 200)]
    bytes: usize,
    /// How long each round is
    #[arg(long, default_value_t = 3)]
    seconds: u64,
    /// Events a second, tried in this order until the server does not keep up
    #[arg(long, value_delimiter = ',', default_values_t = [100.0, 200.0, 400.0, 700.0, 1000.0, 1300.0, 1600.0, 2000.0, 2500.0, 3000.0, 3500.0, 4000.0, 5000.0])]
    rates: Vec<f64>,
    /// Idle subscribers whose memory is measured; 0 leaves that out
    #[arg(long, default_value_t = 10_000)]
    idle: usize,
    /// Only contestants whose name holds this
    #[arg(long)]
    only: Option<String>,
    /// Be the minimal server on this port
    #[arg(long, hide = true)]
    axum_server: Option<u16>,
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    if let Some(port) = args.axum_server {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        return Ok(runtime.block_on(axum_server::serve(port))?);
    }
    let parent = args.dir.clone().unwrap_or_else(std::env::temp_dir);
    let dir = tempfile::tempdir_in(parent)?;
    let at = |name: &str| Some(dir.path().join(name));
    let mut kinds = Vec::new();
    if let Some(program) = &args.millstream {
        kinds.push(Kind::Topics(program.clone(), None));
        kinds.push(Kind::Topics(program.clone(), at("topics")));
        kinds.push(Kind::Streams(program.clone(), None));
        kinds.push(Kind::Streams(program.clone(), at("streams")));
    }
    if let Some(program) = &args.durable_streams {
        for durability in ["memory", "wal"] {
            let data = dir.path().join(durability);
            kinds.push(Kind::DurableStreams(program.clone(), (data, durability)));
        }
    }
    kinds.extend(args.nginx.clone().map(|program| Kind::Nchan(program, dir.path().join("nchan"))));
    kinds.extend(args.nats.clone().map(Kind::Nats));
    if !args.no_axum {
        kinds.push(Kind::Axum(std::env::current_exe()?));
    }
    kinds.retain(|kind| args.only.as_ref().is_none_or(|only| kind.name().contains(only)));
    let Args { subscribers, threads, publishers, bytes, seconds, .. } = args;
    let time = Duration::from_secs(seconds);
    let load = Load { subscribers, threads, publishers, bytes, time };
    compare(&kinds, load, &args.rates, args.idle)
}
