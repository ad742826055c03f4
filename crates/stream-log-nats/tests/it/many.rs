//! Several servers on one cluster.

use std::sync::Arc;

use stream_log::{AppendError, LogConfig, LogStore, ReadError, ReadFrom, ReadLimit};
use stream_log_nats::testkit::NatsServer;
use stream_log_nats::{NatsOptions, NatsStore, OpenError};
use stream_model::{Offset, Producer, ProducerId};
use tokio::task::JoinSet;

use crate::support::{batch, find, log, name, open, options, payloads};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_offset_is_written_twice() {
    const APPENDS: u64 = 150;
    let server = NatsServer::start();
    let stores = [open(&server).await, open(&server).await, open(&server).await];
    let mut writers = JoinSet::new();
    for store in &stores {
        let log = log(store, "shared").await;
        for _ in 0..4 {
            let log = Arc::clone(&log);
            writers.spawn(async move {
                let mut first = Vec::new();
                for _ in 0..APPENDS {
                    let receipt = log.append(batch(&["a", "b"])).await.unwrap();
                    assert_eq!(receipt.next, receipt.first.plus(2));
                    first.push(receipt.first.get());
                }
                assert!(first.is_sorted(), "what one caller appends keeps its order");
                first
            });
        }
    }
    let mut first: Vec<u64> = writers.join_all().await.concat();
    first.sort_unstable();
    let want: Vec<u64> = (0..12 * APPENDS).map(|n| n * 2).collect();
    assert_eq!(first, want);
    for store in &stores {
        let all = payloads(&*find(store, "shared").await.unwrap()).await;
        assert_eq!(all.len(), first.len() * 2);
        assert!(all.chunks(2).all(|pair| pair == ["a", "b"]), "a batch lies in one piece");
    }
    assert!(stores.iter().map(|store| store.stats().conflicts).sum::<u64>() > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_that_asks_everybody_appends_once() {
    let server = NatsServer::start();
    let logs = [log(&open(&server).await, "a").await, log(&open(&server).await, "a").await];
    for seq in 0..60 {
        let producer = Producer { id: ProducerId::new("p").unwrap(), epoch: 0, seq };
        let append = || batch(&["x"]).producer(producer.clone());
        let (one, two) = tokio::join!(logs[0].append(append()), logs[1].append(append()));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.first, two.first);
        assert!(one.duplicate != two.duplicate, "{one:?} {two:?}");
    }
    assert_eq!(payloads(&*logs[0]).await.len(), 60);
}

#[tokio::test]
async fn who_watches_hears_of_everything_that_others_do() {
    let server = NatsServer::start();
    let (here, there) = (open(&server).await, open(&server).await);
    let (own, other) = (log(&here, "a").await, log(&there, "a").await);
    let mut watch = other.tail().await.unwrap().watch;
    for n in 1..=20 {
        assert!(own.append(batch(&["x"])).await.is_ok());
        while watch.state().next < Offset::new(n) {
            assert!(watch.changed().await.is_some());
        }
        let read = other.read(ReadFrom::Offset(Offset::new(n - 1)), ReadLimit::default()).await;
        assert_eq!(read.unwrap().records.len(), 1);
    }
    own.trim(Offset::new(10)).await.unwrap();
    while watch.state().earliest < Offset::new(10) {
        assert!(watch.changed().await.is_some());
    }
    assert_eq!(watch.state().earliest, Offset::new(10));
    own.close().await.unwrap();
    while !watch.state().closed {
        assert!(watch.changed().await.is_some());
    }
    assert!(here.delete(&name("a")).await.unwrap());
    while !watch.state().deleted {
        assert!(watch.changed().await.is_some());
    }
}

#[tokio::test]
async fn what_one_acknowledged_the_other_reads_at_once() {
    let server = NatsServer::start();
    let (own, other) = (log(&open(&server).await, "a").await, log(&open(&server).await, "a").await);
    let _watch = other.tail().await.unwrap().watch;
    for _ in 0..50 {
        let receipt = own.append(batch(&["x"])).await.unwrap();
        let read = other.read(ReadFrom::Position(receipt.position()), ReadLimit::default()).await;
        assert_eq!(read.unwrap().records.len(), 1);
        let after = ReadFrom::Offset(receipt.next);
        assert!(other.read(after, ReadLimit::default()).await.unwrap().records.is_empty());
    }
}

#[tokio::test]
async fn a_life_that_another_server_ended_is_over_here() {
    let server = NatsServer::start();
    let (here, there) = (open(&server).await, open(&server).await);
    let old = log(&here, "a").await;
    let position = old.append(batch(&["old"])).await.unwrap().position();
    assert!(there.delete(&name("a")).await.unwrap());
    let new = there.create(&name("a"), LogConfig::default()).await.unwrap();
    assert!(new.append(batch(&["new"])).await.is_ok());

    let refused = old.append(batch(&["late"])).await;
    assert!(matches!(refused, Err(AppendError::Deleted)), "{refused:?}");
    let refused = old.read(ReadFrom::Earliest, ReadLimit::default()).await;
    assert!(matches!(refused, Err(ReadError::Deleted)), "{refused:?}");
    let found = find(&here, "a").await.unwrap();
    assert_eq!(payloads(&*found).await, ["new"]);
    let refused = found.read(ReadFrom::Position(position), ReadLimit::default()).await;
    assert!(matches!(refused, Err(ReadError::EpochChanged { .. })), "{refused:?}");
}

#[tokio::test]
async fn streams_keep_their_number_and_prefixes_never_meet() {
    let server = NatsServer::start();
    let address = server.address();
    let one = NatsStore::open(&address, options().shards(2)).await.unwrap();
    let two = NatsStore::open(&address, options().shards(7)).await.unwrap();
    for n in 0..20 {
        assert!(log(&one, &format!("log {n}")).await.append(batch(&["x"])).await.is_ok());
        assert_eq!(payloads(&*find(&two, &format!("log {n}")).await.unwrap()).await, ["x"]);
    }
    let other = NatsStore::open(&address, options().prefix("other")).await.unwrap();
    assert!(find(&other, "log 1").await.is_none());
    let refused = NatsStore::open(&address, NatsOptions::default().prefix("a.b")).await;
    assert!(matches!(refused, Err(OpenError::Prefix(_))), "{refused:?}");
}
