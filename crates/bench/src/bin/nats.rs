//! Appends to a log over NATS beside what a plain client does to JetStream, how long it takes until
//! another server of ours hears of them, and fan-out beside the same server on its own disk.
#![expect(clippy::print_stdout, reason = "a command line prints")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use async_nats::{Client, HeaderMap};
use bench::delivery::contestant::Kind;
use bench::shared::{self, Asked, Came};
use bytes::Bytes;
use clap::Parser;
use millstream::log::{
    AppendBatch, Log, LogConfig, LogExt as _, LogName, LogStoreExt as _, Namespace, ReadFrom,
};
use millstream::model::now::now;
use millstream::nats::{NatsOptions, NatsStore};
use stream_log_nats::testkit::NatsServer;
use tokio::task::JoinSet;

/// Bytes of a record.
const PAYLOAD: &[u8] = &[b'x'; 200];

/// Logs, and writers of each, of the part that is not one after the other.
const LOGS: u32 = 16;
const WRITERS: u32 = 8;

#[derive(Debug, Parser)]
struct Args {
    /// The server of NATS
    #[arg(long)]
    nats: PathBuf,
    /// Our server
    #[arg(long)]
    millstream: PathBuf,
    /// Readers of all topics
    #[arg(long, default_value_t = 600)]
    subscribers: usize,
    /// Publishers of all topics
    #[arg(long, default_value_t = 192)]
    publishers: u16,
    /// Events a second on all topics that are too many
    #[arg(long, default_value_t = 9000.0)]
    rate: f64,
    /// Events a second on all topics that are few
    #[arg(long, default_value_t = 60.0)]
    slow_rate: f64,
    /// Seconds that are counted
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Appends one after the other
    #[arg(long, default_value_t = 2000)]
    appends: u32,
    /// How often each part is run, in turn
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Times in order.
struct Times(Vec<Duration>);

impl Times {
    fn new(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        Self(times)
    }

    /// The time that so many hundredths are not longer than.
    fn percentile(&self, hundredths: usize) -> Duration {
        let place = (self.0.len() * hundredths / 100).min(self.0.len().saturating_sub(1));
        self.0.get(place).copied().unwrap_or_default()
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let server = NatsServer::of(&args.nats, "");
    let address = server.address();
    let client = async_nats::connect(&address).await?;
    make_stream(&client).await?;
    let options = || NatsOptions::default().synced();
    let (here, there) =
        (NatsStore::open(&address, options()).await?, NatsStore::open(&address, options()).await?);
    for round in 0..args.rounds {
        let plain = plain(&client, args.appends).await?;
        let (ours, heard) = ours(&here, &there, round, args.appends).await?;
        let (p50, ours50) = (plain.percentile(50), ours.percentile(50));
        println!(
            "appends one by one: plain p50 {p50:.0?} p99 {:.0?}, ours p50 {ours50:.0?} p99 {:.0?} \
             (x{:.2}); another server hears: p50 {:.0?} p99 {:.0?}",
            plain.percentile(99),
            ours.percentile(99),
            ours50.as_secs_f64() / p50.as_secs_f64(),
            heard.percentile(50),
            heard.percentile(99),
        );
        let (plain, ours) = (
            plain_at_once(&client, args.appends).await?,
            ours_at_once(&here, round, args.appends).await?,
        );
        println!(
            "{} writers, appends a second: plain {plain:.0}, ours {ours:.0} (x{:.2})",
            LOGS * WRITERS,
            ours / plain,
        );
    }
    tokio::task::block_in_place(|| fan_out(&args, &address))
}

/// Fan-out over HTTP: on disk, on the cluster, and with three servers on the cluster.
fn fan_out(args: &Args, address: &str) -> anyhow::Result<()> {
    let disk = tempfile::tempdir()?;
    for rate in [args.slow_rate, args.rate] {
        let time = Duration::from_secs(args.seconds);
        let (subscribers, publishers) = (args.subscribers, args.publishers);
        let asked = Asked { subscribers, publishers, rate, time };
        println!("{subscribers} readers of 3 topics over SSE, {rate} events of 200 bytes a second");
        let mut rounds = Vec::new();
        for round in 0..args.rounds {
            let data = disk.path().join(format!("{rate} {round}"));
            let own = Kind::Topics(args.millstream.clone(), Some(data));
            let one = Kind::Shared(args.millstream.clone(), address.to_owned());
            let disk = print("disk", shared::alone(&own, asked)?);
            let nats = print("NATS", shared::alone(&one, asked)?);
            let three = print("3 on NATS", shared::together(&args.millstream, address, asked)?);
            rounds.push((nats.deliveries / disk.deliveries, three.deliveries / nats.deliveries));
        }
        let median = |of: fn(&(f64, f64)) -> f64| {
            let mut ratios: Vec<f64> = rounds.iter().map(of).collect();
            ratios.sort_unstable_by(f64::total_cmp);
            ratios.get(ratios.len() / 2).copied().unwrap_or_default()
        };
        let (one, three) = (median(|(one, _)| *one), median(|(_, three)| *three));
        println!(
            "deliveries: NATS x{one:.2} of disk (0.75 wanted), three servers x{three:.2} of one"
        );
    }
    Ok(())
}

fn print(who: &str, came: Came) -> Came {
    let Came { deliveries, p50_ms, p99_ms, cpu_us } = came;
    println!(
        "{who:>10}: {deliveries:>8.0} deliveries/s, p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, \
         {cpu_us:.2} us of our processor time each"
    );
    came
}

async fn make_stream(client: &Client) -> anyhow::Result<()> {
    let config = r#"{"name":"plain","subjects":["plain.>"],"storage":"file","num_replicas":1}"#;
    let made = client.request("$JS.API.STREAM.CREATE.plain", config.into()).await?;
    ensure!(!made.payload.starts_with(br#"{"error"#), "{:?}", made.payload);
    Ok(())
}

/// Publishes and waits for the acknowledgement, as JetStream's clients do.
async fn publish(client: &Client, subject: String) -> anyhow::Result<()> {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Expected-Stream", "plain");
    let payload = Bytes::from_static(PAYLOAD);
    let acknowledged = client.request_with_headers(subject, headers, payload).await?;
    let told: serde_json::Value = serde_json::from_slice(&acknowledged.payload)?;
    ensure!(told["seq"].as_u64().is_some(), "not stored: {told}");
    Ok(())
}

async fn plain(client: &Client, appends: u32) -> anyhow::Result<Times> {
    let mut times = Vec::new();
    for _ in 0..appends {
        let start = Instant::now();
        publish(client, "plain.one".to_owned()).await?;
        times.push(start.elapsed());
    }
    Ok(Times::new(times))
}

async fn log(store: &NatsStore, name: &str) -> anyhow::Result<Arc<dyn Log>> {
    let name = LogName::new(Namespace::Topic, name)?;
    Ok(store.get_or_create(&name, LogConfig::default()).await?)
}

/// The times of appends, and of what another server needs to hear of each.
async fn ours(
    here: &NatsStore,
    there: &NatsStore,
    round: usize,
    appends: u32,
) -> anyhow::Result<(Times, Times)> {
    let name = format!("one {round}");
    let (own, other) = (log(here, &name).await?, log(there, &name).await?);
    let mut times = Vec::new();
    for _ in 0..appends {
        let start = Instant::now();
        let receipt = own.append_one(now(), Bytes::from_static(PAYLOAD)).await?;
        ensure!(!receipt.duplicate, "appended before");
        times.push(start.elapsed());
    }
    let mut watch = other.tail().await?.watch;
    let mut heard = Vec::new();
    for _ in 0..appends / 4 {
        let start = Instant::now();
        let (receipt, ()) = tokio::try_join!(
            async {
                Ok::<_, anyhow::Error>(own.append_one(now(), Bytes::from_static(PAYLOAD)).await?)
            },
            async {
                watch.changed().await.context("the log is gone")?;
                heard.push(start.elapsed());
                Ok(())
            },
        )?;
        ensure!(watch.state().next == receipt.next, "what is heard is what was appended");
    }
    let read = other.read_all(ReadFrom::Earliest).await?;
    ensure!(read.next.get() == u64::from(appends + appends / 4), "up to {}", read.next);
    Ok((Times::new(times), Times::new(heard)))
}

async fn plain_at_once(client: &Client, appends: u32) -> anyhow::Result<f64> {
    let start = Instant::now();
    let mut writers = JoinSet::new();
    for writer in 0..LOGS * WRITERS {
        let client = client.clone();
        writers.spawn(async move {
            for _ in 0..appends / WRITERS {
                publish(&client, format!("plain.{}", writer % LOGS)).await?;
            }
            anyhow::Ok(())
        });
    }
    finish(writers).await?;
    Ok(f64::from(appends / WRITERS * LOGS * WRITERS) / start.elapsed().as_secs_f64())
}

async fn ours_at_once(store: &NatsStore, round: usize, appends: u32) -> anyhow::Result<f64> {
    let mut logs = Vec::new();
    for number in 0..LOGS {
        logs.push(log(store, &format!("many {round} {number}")).await?);
    }
    let start = Instant::now();
    let mut writers = JoinSet::new();
    for log in std::iter::repeat_n(&logs, WRITERS as usize).flatten() {
        let log = Arc::clone(log);
        writers.spawn(async move {
            for _ in 0..appends / WRITERS {
                let receipt = log.append(AppendBatch::new(now()).record(PAYLOAD)).await?;
                ensure!(!receipt.duplicate, "appended before");
            }
            anyhow::Ok(())
        });
    }
    finish(writers).await?;
    let taken = start.elapsed();
    for log in logs {
        let next = log.tail().await?.state.next.get();
        ensure!(next == u64::from(appends / WRITERS * WRITERS), "{next} records");
    }
    Ok(f64::from(appends / WRITERS * LOGS * WRITERS) / taken.as_secs_f64())
}

async fn finish(mut writers: JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(ended) = writers.join_next().await {
        ended??;
    }
    Ok(())
}
