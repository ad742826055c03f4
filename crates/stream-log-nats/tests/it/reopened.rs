//! What was there is there again when the server or the client is started again.

use std::time::Duration;

use stream_log::{LogConfig, LogStore, Namespace, ReadError, ReadFrom, ReadLimit, Retention};
use stream_log_nats::NatsStore;
use stream_log_nats::testkit::NatsServer;
use stream_model::{Offset, Producer, ProducerId, StreamPosition};
use time::OffsetDateTime;

use crate::support::{batch, find, log, name, open, payloads};

/// Does something to a store, and then looks at it: as it is, from another client, and after the
/// server was killed.
async fn check(change: impl AsyncFn(&NatsStore), look: impl AsyncFn(&NatsStore)) {
    let mut server = NatsServer::start();
    let store = open(&server).await;
    change(&store).await;
    look(&store).await;
    look(&open(&server).await).await;
    server.restart();
    look(&store).await;
    look(&open(&server).await).await;
}

#[tokio::test]
async fn records_positions_and_epochs() {
    let change = async |store: &NatsStore| {
        for n in 0..600 {
            let log = log(store, ["a", "b", "c"][n % 3]).await;
            assert!(log.append(batch(&["one", "two"])).await.is_ok());
        }
    };
    let look = async |store: &NatsStore| {
        for log in ["a", "b", "c"] {
            let log = find(store, log).await.unwrap();
            let all = payloads(&*log).await;
            assert_eq!(all.len(), 400);
            assert!(all.chunks(2).all(|pair| pair == ["one", "two"]));
            let epoch = log.tail().await.unwrap().state.epoch;
            for offset in [0_u64, 1, 133, 398, 399, 400] {
                let offset = Offset::new(offset);
                let from = ReadFrom::Position(StreamPosition { epoch, offset });
                let read = log.read(from, ReadLimit::records(1)).await.unwrap();
                let first = read.records.first().map(|record| record.offset);
                assert_eq!(first, (offset < read.tail).then_some(offset));
            }
        }
    };
    check(change, look).await;
}

#[tokio::test]
async fn closing_deleting_and_trimming() {
    let change = async |store: &NatsStore| {
        let closed = log(store, "closed").await;
        assert!(closed.append(batch(&["a"]).close()).await.is_ok());
        assert!(log(store, "closed later").await.close().await.is_ok());
        assert!(log(store, "deleted").await.append(batch(&["a"])).await.is_ok());
        assert!(store.delete(&name("deleted")).await.unwrap());
        let trimmed = log(store, "trimmed").await;
        assert!(trimmed.append(batch(&["a", "b", "c"])).await.is_ok());
        trimmed.trim(Offset::new(2)).await.unwrap();
    };
    let look = async |store: &NatsStore| {
        assert!(find(store, "deleted").await.is_none());
        let closed = find(store, "closed").await.unwrap();
        assert!(closed.tail().await.unwrap().state.closed);
        assert_eq!(payloads(&*closed).await, ["a"]);
        assert!(find(store, "closed later").await.unwrap().tail().await.unwrap().state.closed);
        let trimmed = find(store, "trimmed").await.unwrap();
        assert_eq!(payloads(&*trimmed).await, ["c"]);
        let gone = trimmed.read(ReadFrom::Offset(Offset::new(1)), ReadLimit::default()).await;
        assert!(matches!(gone, Err(ReadError::Trimmed { .. })), "{gone:?}");
        let names = store.list(Namespace::Topic, None, 10).await.unwrap();
        assert_eq!(names, ["closed", "closed later", "trimmed"].map(name));
    };
    check(change, look).await;
}

#[tokio::test]
async fn producers_and_what_they_appended() {
    let producer = |seq| Producer { id: ProducerId::new("p").unwrap(), epoch: 3, seq };
    let change = async |store: &NatsStore| {
        for seq in 0..3 {
            let append = batch(&["a"]).producer(producer(seq));
            assert!(!log(store, "a").await.append(append).await.unwrap().duplicate);
        }
        assert!(log(store, "a").await.append(batch(&["b"])).await.is_ok());
    };
    let look = async |store: &NatsStore| {
        let log = find(store, "a").await.unwrap();
        let again = log.append(batch(&["a"]).producer(producer(2))).await.unwrap();
        assert!(again.duplicate);
        assert_eq!((again.first, again.next), (Offset::new(2), Offset::new(3)));
        assert!(log.append(batch(&["a"]).producer(producer(9))).await.is_err());
        assert_eq!(payloads(&*log).await, ["a", "a", "a", "b"]);
    };
    check(change, look).await;
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
    let look = async |store: &NatsStore| {
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
    let look = async |store: &NatsStore| {
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
