//! The store that a server keeps everything in.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use millstream::disk::{CommitStats, DiskOptions, DiskStore, SYNC_BOUNDS, Usage};
use millstream::http::{AppOptions, Buckets};
use millstream::log::{LogStore, MemoryStore};
use millstream::nats::{NatsStats, NatsStore};
use tracing::warn;

use crate::config::Storage;

/// An open store.
#[derive(Debug)]
pub(crate) enum Store {
    Disk(DiskStore),
    Memory(Arc<MemoryStore>),
    Cluster(NatsStore),
}

impl Store {
    /// Opens what the settings name; what is found damaged is logged.
    pub(crate) async fn open(storage: Storage) -> anyhow::Result<Self> {
        match storage {
            Storage::Memory => Ok(Self::Memory(Arc::new(MemoryStore::new()))),
            Storage::Cluster(cluster) => {
                let opened = NatsStore::open(&cluster.servers, cluster.options).await;
                let cannot = || format!("cannot use the cluster {}", cluster.servers);
                Ok(Self::Cluster(opened.with_context(cannot)?))
            }
            Storage::Disk(path) => {
                // Recovery reads and syncs.
                Ok(Self::Disk(tokio::task::spawn_blocking(move || open_disk(path)).await??))
            }
        }
    }

    /// The logs.
    pub(crate) fn logs(&self) -> Arc<dyn LogStore> {
        match self {
            Self::Disk(store) => Arc::new(store.clone()),
            Self::Memory(store) => Arc::clone(store) as _,
            Self::Cluster(store) => Arc::new(store.clone()),
        }
    }

    /// Has the server make use of what the store can do, and `GET /metrics` tell how it is.
    pub(crate) fn equip(&self, options: AppOptions) -> AppOptions {
        match self {
            Self::Disk(store) => equip_with_disk(store, options),
            Self::Memory(_) => options,
            Self::Cluster(store) => equip_with_cluster(store, options),
        }
    }

    /// Ends in order.
    pub(crate) async fn close(self) -> anyhow::Result<()> {
        if let Self::Disk(store) = self {
            tokio::task::spawn_blocking(move || store.close()).await?;
        }
        Ok(())
    }
}

/// Threads that do nothing but append commit what they append.
fn equip_with_disk(store: &DiskStore, options: AppOptions) -> AppOptions {
    let of_store = || store.clone();
    let (committer, measured) = (of_store(), of_store());
    let options = options.before_sleep(move || committer.commit_before_sleep());
    let options = with_gauges(options, move || measured.usage(), DISK_GAUGES);
    let (groups, batches, syncs) = (of_store(), of_store(), of_store());
    let help = "Groups of batches that were committed, each with one write and at most one sync";
    let options = options.counter("log_groups", help, move || groups.commits().groups);
    let help = "Batches in those groups";
    let options = options.counter("log_batches", help, move || batches.commits().batches);
    let help = "Seconds that the disk took to sync a group";
    options.histogram("log_sync_seconds", help, move || sync_buckets(&syncs.commits()))
}

fn sync_buckets(commits: &CommitStats) -> Buckets {
    let bounds = SYNC_BOUNDS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
    Buckets { counts: bounds.zip(commits.syncs).collect(), sum: commits.sync_time.as_secs_f64() }
}

/// Other servers have the same logs.
fn equip_with_cluster(store: &NatsStore, options: AppOptions) -> AppOptions {
    let measured = store.clone();
    with_gauges(options.shared(), move || measured.stats(), CLUSTER_GAUGES)
}

/// A gauge's name, what it says, and how it is read from a store's figures `F`.
type Gauge<F> = (&'static str, &'static str, fn(F) -> u64);

const DISK_GAUGES: &[Gauge<Usage>] = &[
    ("log_segment_bytes", "Bytes of the log's segments", |usage| usage.segment_bytes),
    ("log_garbage_bytes", "Bytes let go of since compaction last looked", |usage| {
        usage.garbage_bytes
    }),
    ("log_freed_bytes", "Bytes that compaction gave back since the start", |usage| {
        usage.freed_bytes
    }),
];

const CLUSTER_GAUGES: &[Gauge<NatsStats>] = &[
    ("cluster_connected", "Whether there is a connection to the cluster", |stats| {
        stats.connected.into()
    }),
    (
        "cluster_connections",
        "Connections made since the start; each after the first ended an outage",
        |stats| stats.connections,
    ),
    ("cluster_messages", "Messages stored since the start", |stats| stats.messages),
    ("cluster_conflicts", "Messages that other servers came before since the start", |stats| {
        stats.conflicts
    }),
    (
        "cluster_losses",
        "Times that the cluster was found to have lost acknowledged messages since the start",
        |stats| stats.losses,
    ),
    ("cluster_failures", "Groups of appends that were not acknowledged since the start", |stats| {
        stats.failures
    }),
];

fn with_gauges<F: 'static>(
    options: AppOptions,
    figures: impl Fn() -> F + Clone + Send + Sync + 'static,
    gauges: &[Gauge<F>],
) -> AppOptions {
    gauges.iter().fold(options, |options, (name, help, read)| {
        let (figures, read) = (figures.clone(), *read);
        options.gauge(name, help, move || read(figures()))
    })
}

fn open_disk(path: PathBuf) -> anyhow::Result<DiskStore> {
    let opened = DiskStore::open(&path, DiskOptions::default());
    let store = opened.with_context(|| format!("cannot open data folder {}", path.display()))?;
    for damage in store.damage() {
        warn!(%damage, "data folder damaged; the rest is served");
    }
    Ok(store)
}
