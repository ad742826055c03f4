//! What was there is there again when the folder is opened again.

use std::sync::Arc;

use stream_log::{Durability, LogStore, ReadError, ReadFrom, ReadLimit};
use stream_log_disk::{DiskOptions, DiskStore, SimDisk};
use stream_model::{Offset, Producer, ProducerId};

use crate::support::{batch, find, keep, log, name, payloads};

/// Segments as small as they can be, so that a test passes through many of them.
fn small() -> DiskOptions {
    DiskOptions::default().segment_bytes(0)
}

fn open(disk: &SimDisk) -> DiskStore {
    let store = DiskStore::open_on(Arc::new(disk.clone()), small()).unwrap();
    assert_eq!(store.damage(), []);
    store
}

/// Does something to a store, and then looks at it: as it is, closed and opened again, opened
/// after the process was killed, and after power failures.
async fn check(change: impl AsyncFn(&DiskStore), look: impl AsyncFn(&DiskStore)) {
    let disk = SimDisk::new();
    let store = open(&disk);
    change(&store).await;
    look(&store).await;
    for after in [disk.fork(), disk.reboot(1), disk.reboot(2)] {
        let store = open(&after);
        look(&store).await;
        store.close();
        look(&open(&after.fork())).await;
    }
    look(&open(&disk.restart())).await;
}

#[tokio::test]
async fn records_and_their_places() {
    let change = async |store: &DiskStore| {
        for n in 0..3000 {
            let log = log(store, ["a", "b", "c"][n % 3]).await;
            let fill: &'static str = ["x", "yy", "a longer one, so that segments fill up"][n % 3];
            assert!(log.append(batch(&[fill, "z"]).durability(Durability::Os)).await.is_ok());
        }
        assert!(log(store, "a").await.append(batch(&["last"])).await.is_ok());
    };
    let look = async |store: &DiskStore| {
        for (log, fill) in [("b", "yy"), ("c", "a longer one, so that segments fill up")] {
            let payloads = payloads(&*find(store, log).await.unwrap()).await;
            assert_eq!(payloads.len(), 2000);
            assert!(payloads.chunks(2).all(|pair| pair == [fill, "z"]));
        }
        let log = find(store, "a").await.unwrap();
        let read = log.read(ReadFrom::Offset(Offset::new(1999)), ReadLimit::default()).await;
        let read = read.unwrap().records;
        assert_eq!(read.iter().map(|r| &r.payload[..]).collect::<Vec<_>>(), [&b"z"[..], b"last"]);
    };
    check(change, look).await;
}

#[tokio::test]
async fn closing_deleting_and_trimming() {
    let change = async |store: &DiskStore| {
        let closed = log(store, "closed").await;
        assert!(closed.append(batch(&["a"]).close()).await.is_ok());
        assert!(log(store, "closed later").await.close().await.is_ok());
        assert!(log(store, "deleted").await.append(batch(&["a"])).await.is_ok());
        assert!(store.delete(&name("deleted")).await.unwrap());
        let trimmed = log(store, "trimmed").await;
        assert!(trimmed.append(batch(&["a", "b", "c"])).await.is_ok());
        trimmed.trim(Offset::new(2)).await.unwrap();
    };
    let look = async |store: &DiskStore| {
        assert!(find(store, "deleted").await.is_none());
        let closed = find(store, "closed").await.unwrap();
        assert!(closed.tail().await.unwrap().state.closed);
        assert_eq!(payloads(&*closed).await, ["a"]);
        let later = find(store, "closed later").await.unwrap();
        assert!(later.tail().await.unwrap().state.closed);
        let trimmed = find(store, "trimmed").await.unwrap();
        assert_eq!(payloads(&*trimmed).await, ["c"]);
        let gone = trimmed.read(ReadFrom::Offset(Offset::new(1)), ReadLimit::default()).await;
        assert!(matches!(gone, Err(ReadError::Trimmed { .. })), "{gone:?}");
    };
    check(change, look).await;
}

#[tokio::test]
async fn producers_and_what_they_appended() {
    let producer = |seq| Producer { id: ProducerId::new("p").unwrap(), epoch: 3, seq };
    let change = async |store: &DiskStore| {
        for seq in 0..3 {
            let append = batch(&["a"]).producer(producer(seq));
            assert!(!log(store, "a").await.append(append).await.unwrap().duplicate);
        }
    };
    let look = async |store: &DiskStore| {
        let log = find(store, "a").await.unwrap();
        let again = log.append(batch(&["a"]).producer(producer(2))).await.unwrap();
        assert!(again.duplicate);
        assert_eq!((again.first, again.next), (Offset::new(2), Offset::new(3)));
        assert_eq!(payloads(&*log).await.len(), 3);
    };
    check(change, look).await;
}

#[tokio::test]
async fn retention_and_the_segments_that_it_empties() {
    let disk = SimDisk::new();
    let store = open(&disk);
    let log = store.create(&name("a"), keep(10)).await.unwrap();
    for _ in 0..2000 {
        let batch = batch(&["one hundred bytes of payload, or about as many as that"; 2]);
        assert!(log.append(batch.durability(Durability::Os)).await.is_ok());
    }
    assert!(log.append(batch(&["last"])).await.is_ok());
    store.close();
    let files = disk.contents();
    let segments = files.keys().filter(|name| name.ends_with(".segment")).count();
    assert!(segments <= 3, "{:?}", files.keys());
    let store = open(&disk.fork());
    let read = payloads(&*find(&store, "a").await.unwrap()).await;
    assert_eq!((read.len(), read[9].as_str()), (10, "last"));
}

#[tokio::test]
async fn a_log_that_was_made_anew_is_another() {
    let disk = SimDisk::new();
    let store = open(&disk);
    let first = log(&store, "a").await.append(batch(&["old"])).await.unwrap();
    assert!(store.delete(&name("a")).await.unwrap());
    let second = log(&store, "a").await.append(batch(&["new"])).await.unwrap();
    assert_ne!(first.epoch, second.epoch);
    let store = open(&disk.reboot(3));
    let log = find(&store, "a").await.unwrap();
    assert_eq!(payloads(&*log).await, ["new"]);
    let old = log.read(ReadFrom::Position(first.position()), ReadLimit::default()).await;
    assert!(matches!(old, Err(ReadError::EpochChanged { .. })), "{old:?}");
}

#[tokio::test]
async fn names_in_their_order() {
    let disk = SimDisk::new();
    let store = open(&disk);
    for text in ["b", "a", "c"] {
        log(&store, text).await;
    }
    let store = open(&disk.reboot(4));
    let listed = store.list(stream_log::Namespace::Topic, Some(&name("a")), 10).await.unwrap();
    assert_eq!(listed, [name("b"), name("c")]);
}
