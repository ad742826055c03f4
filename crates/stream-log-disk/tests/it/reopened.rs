//! What was there is there again when the folder is opened again.

use std::sync::Arc;

use stream_log::conformance::Reopened;
use stream_log::{Durability, LogStore, ReadFrom, ReadLimit};
use stream_log_disk::{DiskOptions, DiskStore, SimDisk};
use stream_model::Offset;

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
async fn check<T>(change: impl AsyncFn(&DiskStore) -> T, look: impl AsyncFn(&DiskStore, &T)) {
    let disk = SimDisk::new();
    let store = open(&disk);
    let done = change(&store).await;
    look(&store, &done).await;
    for after in [disk.fork(), disk.reboot(1), disk.reboot(2)] {
        let store = open(&after);
        look(&store, &done).await;
        store.close();
        look(&open(&after.fork()), &done).await;
    }
    look(&open(&disk.restart()), &done).await;
}

#[tokio::test]
async fn what_every_store_keeps() {
    let change = async |store: &DiskStore| Reopened::write(store).await;
    check(change, async |store, written| written.check(store).await).await;
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
    let look = async |store: &DiskStore, (): &()| {
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
