//! What a store that was closed, killed or restarted must still have.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that fails must panic")]

use std::sync::Arc;

use stream_model::{Epoch, Offset, Producer, ProducerId, StreamPosition};

use super::{T0, batch, name, payloads};
use crate::{Log, LogConfig, LogStore, Namespace, ReadError, ReadFrom, ReadLimit, Retention};

/// Records of each of the logs that are written in turn.
const RECORDS: u64 = 400;

/// What was written to a store before it was closed, or the process or machine under it ended.
///
/// A backend's own test calls [`write`](Self::write) with a store that holds nothing, and
/// [`check`](Self::check), as often as it likes, with what came up again.
#[derive(Debug)]
pub struct Reopened {
    epochs: Vec<(&'static str, Epoch)>,
    /// A place in a log that was deleted and made anew.
    gone: StreamPosition,
}

impl Reopened {
    /// Writes what [`check`](Self::check) looks for; all of it is acknowledged when this returns.
    pub async fn write(store: &dyn LogStore) -> Self {
        write_in_turn(store).await;
        write_endings(store).await;
        write_as_producer(store).await;
        let gone = write_anew(store).await;
        let mut epochs = Vec::new();
        for log in ["one", "two", "three", "ended", "produced", "anew"] {
            epochs.push((log, find(store, log).await.tail().await.unwrap().state.epoch));
        }
        Self { epochs, gone }
    }

    /// Checks that all of it is there, and nothing else.
    pub async fn check(&self, store: &dyn LogStore) {
        for (log, epoch) in &self.epochs {
            let state = find(store, log).await.tail().await.unwrap().state;
            assert_eq!(state.epoch, *epoch, "the epoch of {log}");
        }
        check_names(store).await;
        check_in_turn(store).await;
        check_endings(store).await;
        check_producer(store).await;
        self.check_anew(store).await;
    }

    async fn check_anew(&self, store: &dyn LogStore) {
        let anew = find(store, "anew").await;
        assert_eq!(payloads(&*anew, ReadFrom::Earliest).await, ["new"]);
        let old = anew.read(ReadFrom::Position(self.gone), ReadLimit::default()).await;
        assert!(matches!(old, Err(ReadError::EpochChanged { .. })), "{old:?}");
    }
}

async fn make(store: &dyn LogStore, log: &str, config: LogConfig) -> Arc<dyn Log> {
    store.create(&name(log), config).await.unwrap()
}

async fn find(store: &dyn LogStore, log: &str) -> Arc<dyn Log> {
    let found = store.get(&name(log)).await.unwrap();
    found.unwrap_or_else(|| panic!("the log {log} is gone"))
}

async fn is_closed(log: &dyn Log) -> bool {
    log.tail().await.unwrap().state.closed
}

async fn write_in_turn(store: &dyn LogStore) {
    for log in ["one", "two", "three"] {
        make(store, log, LogConfig::default()).await;
    }
    for _ in 0..RECORDS / 2 {
        for log in ["one", "two", "three"] {
            assert!(find(store, log).await.append(batch(&["a", "b"])).await.is_ok());
        }
    }
}

async fn check_in_turn(store: &dyn LogStore) {
    for log in ["one", "two", "three"] {
        let log = find(store, log).await;
        let all = payloads(&*log, ReadFrom::Earliest).await;
        assert_eq!(all.len() as u64, RECORDS);
        assert!(all.chunks(2).all(|pair| pair == ["a", "b"]));
        let epoch = log.tail().await.unwrap().state.epoch;
        for offset in [0, 1, RECORDS / 3, RECORDS - 1, RECORDS].map(Offset::new) {
            let from = ReadFrom::Position(StreamPosition { epoch, offset });
            let read = log.read(from, ReadLimit::records(1)).await.unwrap();
            let first = read.records.first().map(|record| (record.offset, record.timestamp));
            assert_eq!(first, (offset < read.tail).then_some((offset, T0)));
        }
    }
}

async fn write_endings(store: &dyn LogStore) {
    let ended = make(store, "ended", LogConfig::default()).await;
    assert!(ended.append(batch(&["a"]).close()).await.is_ok());
    let ended = make(store, "ended without a word", LogConfig::default()).await;
    assert!(ended.close().await.is_ok());
    let deleted = make(store, "deleted", LogConfig::default()).await;
    assert!(deleted.append(batch(&["a"])).await.is_ok());
    assert!(store.delete(&name("deleted")).await.unwrap());
    let trimmed = make(store, "trimmed", LogConfig::default()).await;
    assert!(trimmed.append(batch(&["a", "b", "c"])).await.is_ok());
    trimmed.trim(Offset::new(2)).await.unwrap();
    let retention = Retention { records_max: 3, ..Retention::ALL };
    let kept = make(store, "kept", LogConfig { retention, ..LogConfig::default() }).await;
    for _ in 0..4 {
        assert!(kept.append(batch(&["a", "b"])).await.is_ok());
    }
}

async fn check_endings(store: &dyn LogStore) {
    let ended = find(store, "ended").await;
    assert!(is_closed(&*ended).await);
    assert_eq!(payloads(&*ended, ReadFrom::Earliest).await, ["a"]);
    assert!(is_closed(&*find(store, "ended without a word").await).await);
    assert!(store.get(&name("deleted")).await.unwrap().is_none());
    let trimmed = find(store, "trimmed").await;
    assert_eq!(payloads(&*trimmed, ReadFrom::Earliest).await, ["c"]);
    let gone = trimmed.read(ReadFrom::Offset(Offset::new(1)), ReadLimit::default()).await;
    assert!(matches!(gone, Err(ReadError::Trimmed { .. })), "{gone:?}");
    let kept = find(store, "kept").await;
    assert_eq!(kept.tail().await.unwrap().state.earliest, Offset::new(5));
    assert_eq!(payloads(&*kept, ReadFrom::Earliest).await, ["b", "a", "b"]);
}

fn producer(seq: u64) -> Producer {
    Producer { id: ProducerId::new("p").unwrap(), epoch: 3, seq }
}

async fn write_as_producer(store: &dyn LogStore) {
    let log = make(store, "produced", LogConfig::default()).await;
    for seq in 0..3 {
        assert!(!log.append(batch(&["a"]).producer(producer(seq))).await.unwrap().duplicate);
    }
    assert!(log.append(batch(&["b"])).await.is_ok());
}

async fn check_producer(store: &dyn LogStore) {
    let log = find(store, "produced").await;
    let again = log.append(batch(&["a"]).producer(producer(2))).await.unwrap();
    assert!(again.duplicate);
    assert_eq!((again.first, again.next), (Offset::new(2), Offset::new(3)));
    assert!(log.append(batch(&["a"]).producer(producer(9))).await.is_err());
    assert_eq!(payloads(&*log, ReadFrom::Earliest).await, ["a", "a", "a", "b"]);
}

async fn write_anew(store: &dyn LogStore) -> StreamPosition {
    let first = make(store, "anew", LogConfig::default()).await;
    let first = first.append(batch(&["old"])).await.unwrap();
    assert!(store.delete(&name("anew")).await.unwrap());
    let second = make(store, "anew", LogConfig::default()).await;
    let second = second.append(batch(&["new"])).await.unwrap();
    assert_ne!(first.epoch, second.epoch);
    first.position()
}

async fn check_names(store: &dyn LogStore) {
    let all = ["anew", "ended", "ended without a word", "kept", "one", "produced", "three"];
    let listed = store.list(Namespace::Topic, None, 7).await.unwrap();
    assert_eq!(listed, all.map(name));
    let rest = store.list(Namespace::Topic, Some(&name("three")), 7).await.unwrap();
    assert_eq!(rest, ["trimmed", "two"].map(name));
}
