//! The tests that every backend must pass: what [`Log`] and [`LogStore`] promise, shown.
//!
//! A backend's own test calls [`check_store`] with a store that holds nothing, and uses
//! [`Reopened`] if it keeps anything beyond the life of a process.
//! Each failure panics and says which promise was broken.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that fails must panic")]

mod reopened;

pub use reopened::Reopened;

use std::sync::Arc;
use std::time::Duration;

use stream_model::{Epoch, Offset, Producer, ProducerError, ProducerId, StreamPosition};
use time::OffsetDateTime;
use time::macros::datetime;

use crate::{
    AppendBatch, AppendError, Log, LogConfig, LogExt, LogName, LogStore, LogStoreExt, Namespace,
    ReadError, ReadFrom, ReadLimit, Retention, StoreError, TrimError,
};

const T0: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

/// Runs every test against `store`, which must be empty and is left with a few logs.
pub async fn check_store(store: &dyn LogStore) {
    let bench = Bench { store };
    bench.appends_are_numbered_and_read_back().await;
    bench.a_batch_is_all_or_nothing().await;
    bench.reads_are_bounded().await;
    bench.positions_out_of_the_log_are_errors().await;
    bench.a_producer_appends_once().await;
    bench.a_closed_log_stays_readable().await;
    bench.closing_with_an_append_is_one_step().await;
    bench.retention_trims_the_oldest().await;
    bench.a_full_log_refuses().await;
    bench.followers_are_woken().await;
    bench.logs_are_created_listed_and_deleted().await;
    bench.logs_expire().await;
}

struct Bench<'a> {
    store: &'a dyn LogStore,
}

fn name(name: &str) -> LogName {
    LogName::new(Namespace::Topic, name).unwrap()
}

fn batch(payloads: &[&'static str]) -> AppendBatch {
    payloads.iter().fold(AppendBatch::new(T0), |batch, payload| batch.record(*payload))
}

async fn payloads(log: &dyn Log, from: ReadFrom) -> Vec<String> {
    let batch = log.read_all(from).await.unwrap();
    let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).unwrap();
    batch.records.iter().map(|record| text(&record.payload)).collect()
}

impl Bench<'_> {
    async fn log(&self, log: &str, config: LogConfig) -> Arc<dyn Log> {
        self.store.create(&name(log), config).await.unwrap()
    }

    async fn appends_are_numbered_and_read_back(&self) {
        let log = self.log("numbered", LogConfig::default()).await;
        let first = log.append(batch(&["a", "b"])).await.unwrap();
        let second = log.append(batch(&["c"])).await.unwrap();
        assert_eq!((first.first, first.next), (Offset::ZERO, Offset::new(2)));
        assert_eq!((second.first, second.next), (Offset::new(2), Offset::new(3)));
        assert_eq!(first.epoch, second.epoch);
        assert_eq!(payloads(&*log, ReadFrom::Earliest).await, ["a", "b", "c"]);
        assert_eq!(payloads(&*log, ReadFrom::Offset(Offset::new(1))).await, ["b", "c"]);
        assert_eq!(payloads(&*log, ReadFrom::Position(second.position())).await, ["c"]);
        assert_eq!(payloads(&*log, ReadFrom::Latest).await, [""; 0]);
        let read = log.read(ReadFrom::Earliest, ReadLimit::default()).await.unwrap();
        assert!(read.records.iter().all(|record| record.timestamp == T0));
        assert!(read.records.iter().zip(0..).all(|(record, n)| record.offset.get() == n));
    }

    async fn a_batch_is_all_or_nothing(&self) {
        let log = self.log("atomic", LogConfig::default()).await;
        assert!(matches!(log.append(batch(&[])).await, Err(AppendError::Empty)));
        let wrong = batch(&["a", "b"]).expected_tail(Offset::new(1));
        match log.append(wrong).await {
            Err(error @ AppendError::TailMismatch { expected, actual }) => {
                assert_eq!((expected, actual), (Offset::new(1), Offset::ZERO));
                assert!(error.has_no_side_effects());
            }
            other => panic!("expected a tail mismatch, found {other:?}"),
        }
        assert_eq!(payloads(&*log, ReadFrom::Earliest).await, [""; 0]);
        assert!(log.append(batch(&["a"]).expected_tail(Offset::ZERO)).await.is_ok());
    }

    async fn reads_are_bounded(&self) {
        let log = self.log("bounded", LogConfig::default()).await;
        assert!(log.append(batch(&["aaaa", "bbbb", "cccc"])).await.is_ok());
        let count = async |records_max, bytes_max| {
            let limit = ReadLimit { records_max, bytes_max };
            log.read(ReadFrom::Earliest, limit).await.unwrap().records.len()
        };
        assert_eq!(count(2, 100).await, 2);
        assert_eq!(count(10, 8).await, 2);
        assert_eq!(count(10, 7).await, 1);
        assert_eq!(count(0, 0).await, 1, "a reader must always get on");
    }

    async fn positions_out_of_the_log_are_errors(&self) {
        let log = self.log("positions", LogConfig::default()).await;
        let receipt = log.append(batch(&["a", "b", "c"])).await.unwrap();
        let limit = ReadLimit::default();
        let beyond = log.read(ReadFrom::Offset(Offset::new(4)), limit).await;
        assert!(matches!(beyond, Err(ReadError::BeyondTail { .. })), "{beyond:?}");
        // A position is told by a log that has come so far.
        let lost = StreamPosition { epoch: receipt.epoch, offset: Offset::new(4) };
        let lost = log.read(ReadFrom::Position(lost), limit).await;
        assert!(matches!(lost, Err(ReadError::EpochChanged { .. })), "{lost:?}");

        let asked = Epoch::new(receipt.epoch.get() ^ 1);
        let other = StreamPosition { epoch: asked, offset: Offset::ZERO };
        let changed = log.read(ReadFrom::Position(other), limit).await;
        assert!(matches!(changed, Err(ReadError::EpochChanged { .. })), "{changed:?}");

        log.trim(Offset::new(2)).await.unwrap();
        log.trim(Offset::new(1)).await.unwrap();
        let trimmed = log.read(ReadFrom::Offset(Offset::new(1)), limit).await;
        match trimmed {
            Err(ReadError::Trimmed { earliest, .. }) => assert_eq!(earliest, Offset::new(2)),
            other => panic!("expected a trimmed offset, found {other:?}"),
        }
        assert_eq!(payloads(&*log, ReadFrom::Earliest).await, ["c"]);
        let beyond = log.trim(Offset::new(4)).await;
        assert!(matches!(beyond, Err(TrimError::BeyondTail { .. })), "{beyond:?}");
        log.trim(Offset::new(3)).await.unwrap();
        let next = log.append(batch(&["d"])).await.unwrap();
        assert_eq!(next.first, Offset::new(3), "an emptied log keeps its numbers");
    }

    async fn a_producer_appends_once(&self) {
        let log = self.log("producers", LogConfig::default()).await;
        let producer = |epoch, seq| Producer { id: ProducerId::new("p").unwrap(), epoch, seq };
        let first = log.append(batch(&["a", "b"]).producer(producer(0, 0))).await.unwrap();
        let again = log.append(batch(&["a", "b"]).producer(producer(0, 0))).await.unwrap();
        assert!(!first.duplicate && again.duplicate);
        assert_eq!((first.first, first.next), (again.first, again.next));
        let gap = log.append(batch(&["d"]).producer(producer(0, 2))).await;
        let expected = ProducerError::Gap { expected: 1, received: 2 };
        assert!(matches!(gap, Err(AppendError::Producer(error)) if error == expected), "{gap:?}");
        assert!(log.append(batch(&["c"]).producer(producer(1, 0))).await.is_ok());
        let fenced = log.append(batch(&["d"]).producer(producer(0, 1))).await;
        let expected = ProducerError::Fenced { current: 1 };
        assert!(matches!(fenced, Err(AppendError::Producer(e)) if e == expected), "{fenced:?}");
        assert_eq!(payloads(&*log, ReadFrom::Earliest).await, ["a", "b", "c"]);
    }

    async fn a_closed_log_stays_readable(&self) {
        let log = self.log("closed", LogConfig::default()).await;
        assert!(log.append(batch(&["a"])).await.is_ok());
        assert!(log.close().await.unwrap().state.closed);
        assert!(log.close().await.unwrap().state.closed, "closing twice is no error");
        let refused = log.append(batch(&["b"])).await;
        assert!(matches!(refused, Err(AppendError::Closed { .. })), "{refused:?}");
        let read = log.read(ReadFrom::Earliest, ReadLimit::default()).await.unwrap();
        assert!(read.is_end());
        assert_eq!(read.records.len(), 1);
    }

    async fn closing_with_an_append_is_one_step(&self) {
        let log = self.log("closing", LogConfig::default()).await;
        let id = ProducerId::new("p").unwrap();
        let last = batch(&["a"]).producer(Producer { id, epoch: 0, seq: 0 }).close();
        assert!(!log.append(last.clone()).await.unwrap().duplicate);
        assert!(log.append(last).await.unwrap().duplicate, "a retry of the closing append");
        assert!(log.tail().await.unwrap().state.closed);
    }

    async fn retention_trims_the_oldest(&self) {
        let keep = |records_max, bytes_max, age_max| LogConfig {
            retention: Retention { records_max, bytes_max, age_max },
            ..LogConfig::default()
        };
        let by_count = self.log("by-count", keep(2, u64::MAX, None)).await;
        assert!(by_count.append(batch(&["a", "b", "c"])).await.is_ok());
        assert_eq!(payloads(&*by_count, ReadFrom::Earliest).await, ["b", "c"]);

        let by_bytes = self.log("by-bytes", keep(u64::MAX, 4, None)).await;
        assert!(by_bytes.append(batch(&["aa", "bb", "cc"])).await.is_ok());
        assert_eq!(payloads(&*by_bytes, ReadFrom::Earliest).await, ["bb", "cc"]);
        assert!(by_bytes.append(batch(&["too large to keep beside others"])).await.is_ok());
        assert_eq!(payloads(&*by_bytes, ReadFrom::Earliest).await.len(), 1);

        let age = Some(Duration::from_secs(10));
        let by_age = self.log("by-age", keep(u64::MAX, u64::MAX, age)).await;
        for second in [0, 5, 11] {
            let at = T0 + Duration::from_secs(second);
            assert!(by_age.append(AppendBatch::new(at).record("x")).await.is_ok());
        }
        assert_eq!(payloads(&*by_age, ReadFrom::Earliest).await.len(), 2);
    }

    async fn a_full_log_refuses(&self) {
        let config = LogConfig { bytes_max: Some(4), ..LogConfig::default() };
        let log = self.log("full", config).await;
        assert!(log.append(batch(&["aa", "bb"])).await.is_ok());
        let full = log.append(batch(&["c"])).await;
        assert!(matches!(full, Err(AppendError::Full { limit: 4 })), "{full:?}");
        assert_eq!(payloads(&*log, ReadFrom::Earliest).await, ["aa", "bb"]);
    }

    async fn followers_are_woken(&self) {
        let log = self.log("followed", LogConfig::default()).await;
        let mut watch = log.tail().await.unwrap().watch;
        assert!(log.append(batch(&["a"])).await.is_ok());
        assert_eq!(watch.changed().await.unwrap().next, Offset::new(1));
        log.close().await.unwrap();
        assert!(watch.changed().await.unwrap().closed);
    }

    async fn logs_are_created_listed_and_deleted(&self) {
        let store = self.store;
        let log = self.log("life.a", LogConfig::default()).await;
        let again = store.create(&name("life.a"), LogConfig::default()).await;
        assert!(matches!(again, Err(StoreError::Exists)), "{again:?}");
        assert!(store.get_or_create(&name("life.b"), LogConfig::default()).await.is_ok());
        assert!(store.get(&name("life.none")).await.unwrap().is_none());
        let relay = LogName::new(Namespace::Relay, "life.a").unwrap();
        assert!(store.get(&relay).await.unwrap().is_none(), "spaces never meet");

        let listed = store.list(Namespace::Topic, Some(&name("life")), 2).await.unwrap();
        assert_eq!(listed, [name("life.a"), name("life.b")]);
        assert_eq!(store.list(Namespace::Relay, None, 10).await.unwrap(), []);

        let epoch = log.append(batch(&["a"])).await.unwrap().epoch;
        assert!(store.delete(&name("life.a")).await.unwrap());
        assert!(!store.delete(&name("life.a")).await.unwrap());
        let gone = log.append(batch(&["b"])).await;
        assert!(matches!(gone, Err(AppendError::Deleted)), "{gone:?}");
        let gone = log.read(ReadFrom::Earliest, ReadLimit::default()).await;
        assert!(matches!(gone, Err(ReadError::Deleted)), "{gone:?}");
        let anew = self.log("life.a", LogConfig::default()).await;
        assert_ne!(anew.tail().await.unwrap().state.epoch, epoch, "a new life has a new epoch");

        assert!(store.delete(&name("life.b")).await.unwrap());
        self.log("life.c", LogConfig::default()).await;
        let listed = store.list(Namespace::Topic, Some(&name("life")), 2).await.unwrap();
        assert_eq!(listed, [name("life.a"), name("life.c")], "as many as before, but not the same");
    }

    async fn logs_expire(&self) {
        let config = LogConfig { ttl: Some(Duration::from_secs(10)), ..LogConfig::default() };
        let log = self.log("expiring", config).await;
        assert!(log.append(batch(&["a"])).await.is_ok());
        assert_eq!(self.store.sweep(T0 + Duration::from_secs(9)).await.unwrap(), 0);
        assert_eq!(self.store.sweep(T0 + Duration::from_secs(10)).await.unwrap(), 1);
        assert!(self.store.get(&name("expiring")).await.unwrap().is_none());
    }
}
