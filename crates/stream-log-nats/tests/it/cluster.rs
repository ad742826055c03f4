//! Three servers with three copies, of which one is always being killed or stopped.
//!
//! `MILLSTREAM_NATS_FAULTS` says how often, if not four times.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use stream_log::{Durability, Log, LogExt, ReadFrom, conformance};
use stream_log_nats::NatsStore;
use stream_log_nats::testkit::NatsCluster;
use stream_model::{Producer, ProducerId};

use crate::support::{batch, log, options};

async fn open(cluster: &NatsCluster) -> NatsStore {
    let options = options().timeout(Duration::from_secs(20));
    NatsStore::open(&cluster.addresses(), options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_conforms_on_a_cluster() {
    let cluster = NatsCluster::start();
    let store = open(&cluster).await;
    assert_eq!(store.durability(), Durability::Replicated);
    conformance::check_store(&store).await;
}

/// Appends numbered records until it is told to stop, each as often as it takes; gives how many
/// were acknowledged.
async fn produce(log: Arc<dyn Log>, id: &'static str, stop: Arc<AtomicBool>) -> u64 {
    let mut seq = 0;
    while !stop.load(Ordering::Relaxed) {
        let producer = Producer { id: ProducerId::new(id).unwrap(), epoch: 0, seq };
        match log.append(batch(&[id]).producer(producer)).await {
            Ok(_) => seq += 1,
            Err(error) => assert!(error.is_retryable(), "{error:?}"),
        }
    }
    seq
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_was_acknowledged_is_lost_or_doubled_while_servers_fail() {
    let faults = std::env::var("MILLSTREAM_NATS_FAULTS").map_or(4, |n| n.parse().unwrap());
    let mut cluster = NatsCluster::start();
    let (here, there) = (open(&cluster).await, open(&cluster).await);
    let stop = Arc::new(AtomicBool::new(false));
    let logs = [log(&here, "a").await, log(&there, "a").await];
    let mut watch = logs[0].tail().await.unwrap().watch;
    let writers: Vec<_> = logs
        .iter()
        .zip(["one", "two"])
        .map(|(log, id)| tokio::spawn(produce(Arc::clone(log), id, Arc::clone(&stop))))
        .collect();
    for fault in 0..faults {
        let seen = watch.state().next;
        let server = &mut cluster.servers()[fault % 3];
        let paused = fault % 2 == 1;
        if paused {
            server.pause();
        } else {
            server.kill();
        }
        // Without it the others go on: somebody who watches hears of more.
        while watch.state().next.since(seen) < 20 {
            assert!(watch.changed().await.is_some());
        }
        let server = &mut cluster.servers()[fault % 3];
        if paused {
            server.resume();
        } else {
            tokio::task::block_in_place(|| server.restart());
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut acknowledged = Vec::new();
    for writer in writers {
        acknowledged.push(writer.await.unwrap());
    }
    let all = logs[1].read_all(ReadFrom::Earliest).await.unwrap().records;
    for (id, acknowledged) in ["one", "two"].iter().zip(acknowledged) {
        let found = all.iter().filter(|record| record.payload == id.as_bytes()).count();
        let found = u64::try_from(found).unwrap();
        // The last one may be stored without its answer having come.
        assert!(acknowledged > 0 && (acknowledged..=acknowledged + 1).contains(&found), "{found}");
    }
    assert!(all.iter().zip(0..).all(|(record, n)| record.offset.get() == n));
}
