//! A log on a simulated disk, to be damaged, and what must be true of whatever is left.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use stream_log::{
    AppendBatch, Log, LogConfig, LogName, LogStore, Namespace, ReadError, ReadFrom, ReadLimit,
};
use stream_log_disk::{DiskOptions, DiskStore, SimDisk};
use stream_model::Offset;
use time::OffsetDateTime;
use tokio::runtime::{Builder, Runtime};

/// Logs on the disk.
const LOGS: u64 = 3;

/// Batches of each log; enough for two segments.
const BATCHES: u64 = 16;

/// Records of each batch.
const BATCH_RECORDS: u64 = 2;

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    // A thread that is just begun when the process ends counts as a leak.
    let mut builder = Builder::new_current_thread();
    builder.thread_keep_alive(Duration::from_hours(1)).build().unwrap()
});

static WHOLE: LazyLock<BTreeMap<String, Vec<u8>>> = LazyLock::new(|| {
    let disk = SimDisk::new();
    let store = open(&disk).expect("an empty disk opens");
    RUNTIME.block_on(async {
        for log in 0..LOGS {
            store.create(&name(log), LogConfig::default()).await.unwrap();
        }
        for batch in 0..BATCHES {
            for log in 0..LOGS {
                let first = batch * BATCH_RECORDS;
                let records = (first..first + BATCH_RECORDS).map(|offset| record(log, offset));
                let batch = AppendBatch::new(OffsetDateTime::UNIX_EPOCH).records(records);
                let found = store.get(&name(log)).await.unwrap().unwrap();
                assert_eq!(found.append(batch).await.unwrap().first.get(), first);
            }
        }
    });
    store.close();
    disk.contents()
});

fn open(disk: &SimDisk) -> Option<DiskStore> {
    let options = DiskOptions::default().segment_bytes(64 << 10);
    DiskStore::open_on(Arc::new(disk.clone()), options).ok()
}

fn name(log: u64) -> LogName {
    LogName::new(Namespace::Topic, &format!("log-{log}")).unwrap()
}

/// What a log holds at an offset.
fn record(log: u64, offset: u64) -> Bytes {
    let length = usize::try_from((log * 7 + offset * 310) % 1900).unwrap();
    let mut bytes = format!("{log}.{offset}:").into_bytes();
    bytes.resize(bytes.len() + length, b'x');
    bytes.into()
}

/// The files of a disk with several segments, closed in order.
#[must_use]
pub fn whole_files() -> BTreeMap<String, Vec<u8>> {
    WHOLE.clone()
}

/// Opens the files twice: what is read is what was written, and the second time it is the same
/// as the first, and what was appended in between.
pub fn check_files(files: BTreeMap<String, Vec<u8>>) {
    let disk = SimDisk::new();
    for (name, bytes) in files {
        disk.put(&name, bytes);
    }
    let Some(store) = open(&disk) else { return };
    let mut tails = Vec::new();
    for log in 0..LOGS {
        tails.push(RUNTIME.block_on(check_log(&store, log, None)));
    }
    store.close();
    let store = open(&disk).expect("what was opened opens again");
    for (log, tail) in (0..LOGS).zip(tails) {
        RUNTIME.block_on(check_log(&store, log, Some(tail)));
    }
    store.close();
}

/// Reads a log and appends one record; says where that is.
///
/// `appended` is where one was appended before, if the log was there.
async fn check_log(store: &DiskStore, log: u64, appended: Option<Option<u64>>) -> Option<u64> {
    let found = store.get(&name(log)).await.expect("a log can be looked for");
    if let Some(appended) = appended {
        assert_eq!(found.is_some(), appended.is_some(), "log {log} came or went");
    }
    let found = found?;
    let extra = appended.flatten();
    let tail = found.tail().await.unwrap().state;
    if let Some(extra) = extra {
        assert_eq!(tail.next.get(), extra + 1, "log {log} ends elsewhere");
    }
    read(&*found, log, (tail.earliest.get(), tail.next.get()), extra).await;
    let batch = AppendBatch::new(OffsetDateTime::UNIX_EPOCH).record(EXTRA);
    let receipt = found.append(batch).await.expect("an open log takes records");
    assert_eq!(receipt.first, tail.next);
    Some(receipt.first.get())
}

/// What is appended to a log that was damaged.
const EXTRA: &str = "extra";

/// Reads from the first offset to the second: every record is as it was, or told to be damaged.
async fn read(found: &dyn Log, log: u64, (mut at, next): (u64, u64), extra: Option<u64>) {
    while at < next {
        match found.read(ReadFrom::Offset(Offset::new(at)), ReadLimit::default()).await {
            Ok(batch) => {
                assert!(!batch.records.is_empty(), "stuck at {at} of log {log}");
                for found in batch.records {
                    assert_eq!(found.offset.get(), at);
                    if extra == Some(at) {
                        assert_eq!(found.payload, EXTRA);
                    } else {
                        assert_eq!(found.payload, record(log, at), "log {log} at {at}");
                    }
                    at += 1;
                }
            }
            Err(ReadError::Damaged { to, .. }) => at = to.get(),
            Err(other) => panic!("log {log} at {at}: {other}"),
        }
    }
}
