//! A process that shares a source: it adds up the numbers of each key of its partitions.

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use millstream::log::{Log, LogConfig, LogName, LogStoreExt as _, Namespace};
use millstream::model::{Event, ProducerId};
use millstream::nats::{NatsOptions, NatsStore};
use millstream::processor::{Group, GroupStats, LogSink, LogSource, Member, StreamProcessor};
use serde_json::json;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

/// Keys of the numbers.
pub(super) const KEYS: u64 = 100;

/// Partitions of the group.
pub(super) const PARTITIONS: u32 = 12;

/// How long a process may be silent.
pub(super) const SESSION: Duration = Duration::from_secs(2);

/// How often a partition commits.
const INTERVAL: Duration = Duration::from_millis(20);

/// Numbers of a partition that are under way at a time.
const AT_A_TIME: NonZeroUsize = NonZeroUsize::new(4).expect("4 is not 0");

/// How long something is tried while the server is away.
const PATIENCE: Duration = Duration::from_secs(30);

/// What the processes of a group have in common.
pub(super) struct GroupLogs {
    store: Arc<NatsStore>,
    pub(super) input: Arc<dyn Log>,
    pub(super) output: Arc<dyn Log>,
}

impl GroupLogs {
    /// Opens the logs, and makes them if they are not there.
    pub(super) async fn open(address: &str) -> anyhow::Result<Self> {
        insist(async || {
            let options = NatsOptions::default().synced().timeout(Duration::from_secs(5));
            let store = Arc::new(NatsStore::open(address, options).await?);
            let log = async |name: &str| {
                let name = LogName::new(Namespace::Topic, name)?;
                anyhow::Ok(store.get_or_create(&name, LogConfig::default()).await?)
            };
            let (input, output) = (log("numbers").await?, log("sums").await?);
            Ok(Self { store, input, output })
        })
        .await
    }
}

/// Does something again until it works, for as long as a server may be away.
pub(super) async fn insist<T>(work: impl AsyncFn() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let begin = Instant::now();
    loop {
        match work().await {
            Err(_) if begin.elapsed() < PATIENCE => sleep(Duration::from_millis(100)).await,
            done => return done,
        }
    }
}

/// Is a member until the source ends, or a line comes; tells how it is in lines of JSON.
///
/// # Errors
/// Says why the member ended before.
///
/// # Cancel safety
/// Dropping the future ends the member as if its process were killed.
pub async fn run_member(address: &str) -> anyhow::Result<()> {
    let logs = GroupLogs::open(address).await?;
    let member = insist(async || join(&logs).await).await?;
    let mut told = member.stats();
    let mut sent_away = lines();
    loop {
        tokio::select! {
            stats = member.when(|stats| *stats != told) => match stats {
                Some(stats) => told = stats,
                None => break,
            },
            _ = sent_away.recv() => {
                member.leave().await?;
                return tell(&told);
            }
        }
        tell(&told)?;
    }
    member.join().await?;
    Ok(())
}

async fn join(logs: &GroupLogs) -> anyhow::Result<Member> {
    let group = Group::new(logs.store.clone(), "sums").partitions(PARTITIONS);
    let sums = StreamProcessor::from_source(LogSource::events(Arc::clone(&logs.input)))
        .map_async(AT_A_TIME, async |event: Event| {
            let pause = fastrand::u64(..300);
            sleep(Duration::from_micros(pause)).await;
            event
        })
        .scan(BTreeMap::new(), |sums: &mut BTreeMap<u64, u64>, event: Event| {
            let (key, number) = pair(&event);
            let sum = sums.entry(key).or_default();
            *sum += number;
            Event::new(json!([key, *sum]))
        })
        .log_sink(LogSink::new(Arc::clone(&logs.output), ProducerId::new("sums")?));
    let group = group.session(SESSION).interval(INTERVAL);
    Ok(sums.join_group(group, |event| pair(event).0.to_le_bytes()).await?)
}

fn pair(event: &Event) -> (u64, u64) {
    event.parse().unwrap_or_default()
}

/// Hears when a line comes, or none will; the thread ends with the process.
fn lines() -> mpsc::Receiver<()> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        let mut line = String::new();
        if std::io::stdin().lock().read_line(&mut line).is_ok() {
            // Whoever is not there any more needs not be told.
            sender.blocking_send(()).unwrap_or(());
        }
    });
    lines
}

/// Writes how it is on one line.
fn tell(stats: &GroupStats) -> anyhow::Result<()> {
    let GroupStats { running, fenced, expulsions, .. } = *stats;
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{}", json!([running, fenced, expulsions]))?;
    Ok(stdout.flush()?)
}
