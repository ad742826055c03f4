//! What was there is there again when the server or the client is started again.

use std::time::Duration;

use stream_log::conformance::Reopened;
use stream_log::{LogConfig, LogStore, Namespace, ReadFrom, ReadLimit, Retention};
use stream_log_nats::NatsStore;
use stream_log_nats::testkit::NatsServer;
use stream_model::{Offset, Producer, ProducerId};
use time::OffsetDateTime;

use crate::support::{batch, find, log, name, open, payloads};

/// Does something to a store, and then looks at it: as it is, from another client, and after the
/// server was killed.
async fn check<T>(change: impl AsyncFn(&NatsStore) -> T, look: impl AsyncFn(&NatsStore, &T)) {
    let mut server = NatsServer::start();
    let store = open(&server).await;
    let done = change(&store).await;
    look(&store, &done).await;
    look(&open(&server).await, &done).await;
    server.restart();
    look(&store, &done).await;
    look(&open(&server).await, &done).await;
}

#[tokio::test]
async fn what_every_store_keeps() {
    let change = async |store: &NatsStore| Reopened::write(store).await;
    check(change, async |store, written| written.check(store).await).await;
}

#[tokio::test]
async fn records_behind_messages_without_any() {
    let change = async |store: &NatsStore| {
        let log = log(store, "sparse").await;
        assert!(log.append(batch(&["a", "b", "c"])).await.is_ok());
        // More messages than are read at once.
        let before = Producer { id: ProducerId::new("p").unwrap(), epoch: 0, seq: 0 };
        for seq in 0..300 {
            assert!(
                log.append(batch(&["x"]).producer(Producer { seq, ..before.clone() }))
                    .await
                    .is_ok()
            );
        }
        for before in 1..280 {
            log.trim(Offset::new(before)).await.unwrap();
        }
        assert!(log.append(batch(&["last"]).close()).await.is_ok());
    };
    let look = async |store: &NatsStore, (): &()| {
        let log = find(store, "sparse").await.unwrap();
        let all = payloads(&*log).await;
        assert_eq!((all.len(), all.last().unwrap().as_str()), (303 - 279 + 1, "last"));
        for offset in 279..304 {
            let from = ReadFrom::Offset(Offset::new(offset));
            let read = log.read(from, ReadLimit::records(1)).await.unwrap();
            assert_eq!(read.records[0].offset, Offset::new(offset));
        }
    };
    check(change, look).await;
}

#[tokio::test]
async fn what_retention_keeps() {
    let keep = Retention { records_max: 50, bytes_max: 1000, age_max: None };
    let config = LogConfig { retention: keep, ..LogConfig::default() };
    let change = async |store: &NatsStore| {
        let log = store.create(&name("kept"), config).await.unwrap();
        for _ in 0..40 {
            assert!(log.append(batch(&["0123456789", "01234567890123456789", "x"])).await.is_ok());
        }
    };
    let look = async |store: &NatsStore, (): &()| {
        let log = find(store, "kept").await.unwrap();
        assert_eq!(log.tail().await.unwrap().state.earliest, Offset::new(70));
        assert_eq!(payloads(&*log).await.len(), 50);
    };
    check(change, look).await;
}

#[tokio::test]
async fn times_to_live() {
    let ttl = Some(Duration::from_mins(1));
    let config = LogConfig { ttl, ..LogConfig::default() };
    let server = NatsServer::start();
    let store = open(&server).await;
    let begin = OffsetDateTime::UNIX_EPOCH;
    assert!(store.create(&name("empty"), config).await.is_ok());
    let log = store.create(&name("used"), config).await.unwrap();
    assert!(log.append(batch(&["a"])).await.is_ok());
    assert_eq!(store.sweep(begin + Duration::from_secs(30)).await.unwrap(), 0);

    let other = open(&server).await;
    let used = find(&other, "used").await.unwrap();
    let mut later = batch(&["b"]);
    later.timestamp = begin + Duration::from_secs(50);
    assert!(used.append(later).await.is_ok());
    assert_eq!(store.sweep(begin + Duration::from_secs(80)).await.unwrap(), 0, "used since");
    assert_eq!(store.sweep(begin + Duration::from_secs(90)).await.unwrap(), 1, "the empty one");
    assert_eq!(other.sweep(begin + Duration::from_secs(110)).await.unwrap(), 1);
    assert_eq!(store.list(Namespace::Topic, None, 10).await.unwrap(), []);
}
