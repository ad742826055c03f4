//! How long the files of segments are.

use std::path::Path;

use stream_log::codec::narrow;
use stream_log::{AppendBatch, Durability, Log, LogExt, ReadFrom};
use stream_log_disk::limits::GROWTH_BYTES_MAX;
use stream_log_disk::{DiskOptions, DiskStore};

use crate::support::{T0, log};

const MIB: usize = 1 << 20;

/// Mebibytes of each segment's file, the oldest first.
fn files(folder: &Path) -> Vec<usize> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "segment"))
        .collect();
    files.sort_unstable();
    files.iter().map(|file| narrow(file.metadata().unwrap().len()).div_ceil(MIB)).collect()
}

async fn append(log: &dyn Log, bytes: usize) {
    let payload = vec![b'x'; bytes];
    let batch = AppendBatch::new(T0).record(payload).durability(Durability::Os);
    let receipt = log.append(batch).await.unwrap();
    assert!(receipt.durability >= Durability::Os);
}

#[tokio::test]
async fn a_small_log_is_a_small_file_and_each_segment_twice_as_long_as_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path(), DiskOptions::default()).unwrap();
    let log = log(&store, "growing").await;
    append(&*log, 1).await;
    assert_eq!(files(folder.path()), [1]);
    let first = narrow(GROWTH_BYTES_MAX.into()) / MIB;
    let whole = [first, 2 * first, 4 * first, 8 * first];
    let mut records = 1;
    while !files(folder.path()).starts_with(&whole) {
        append(&*log, MIB).await;
        records += 1;
        assert!(records <= 8 * first, "{:?}", files(folder.path()));
    }
    store.close();
    assert_eq!(log.read_all(ReadFrom::Earliest).await.unwrap().records.len(), records);
}

#[tokio::test]
async fn a_batch_that_no_successor_would_hold_lengthens_the_segment() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path(), DiskOptions::default()).unwrap();
    let log = log(&store, "large").await;
    append(&*log, 20 * MIB).await;
    append(&*log, 20 * MIB).await;
    append(&*log, 30 * MIB).await;
    let batch = log.read_all(ReadFrom::Earliest).await.unwrap();
    let lengths: Vec<_> = batch.records.iter().map(|record| record.payload.len() / MIB).collect();
    assert_eq!(lengths, [20, 20, 30]);
    let [first, second, ..] = files(folder.path())[..] else { panic!("one file") };
    assert!((40..64).contains(&first), "{first}");
    assert!(second >= 30, "the third fits into no file beside the others: {second}");
}
