//! A log reads back as it was written, whatever lies between its records on the disk.

use std::sync::Arc;

use bytes::Bytes;
use stream_log::{AppendBatch, Durability, Log, ReadFrom, ReadLimit};
use stream_log_disk::{DiskOptions, DiskStore};
use stream_model::{Producer, ProducerId};

use crate::support::{T0, find, log};

/// Logs whose batches are small, far larger than what is read of one at first, and many records
/// that weigh nothing, behind a producer with a long name.
const LOGS: [&str; 3] = ["small", "large", "many"];

/// The batch of round `n` of a log.
fn batch(log: &str, n: usize) -> AppendBatch {
    let payload = |bytes: usize| Bytes::from(vec![u8::try_from(n % 251).unwrap(); bytes]);
    let batch = AppendBatch::new(T0).durability(Durability::Os);
    match log {
        "small" => batch.record(payload(n * 37 % 300)),
        "large" => batch.records([payload(n * 7919 % 20_000), payload(1)]),
        _ => {
            let id = ProducerId::new(&"p".repeat(200)).unwrap();
            let seq = u64::try_from(n).unwrap();
            let records = std::iter::repeat_n(payload(0), n * 61 % 900 + 1);
            batch.records(records).producer(Producer { id, epoch: 0, seq })
        }
    }
}

/// Everything in the log, asked for in pieces.
async fn read(log: &Arc<dyn Log>, limit: ReadLimit) -> Vec<Bytes> {
    let (mut from, mut payloads) = (ReadFrom::Earliest, Vec::new());
    loop {
        let batch = log.read(from, limit).await.unwrap();
        payloads.extend(batch.records.into_iter().map(|record| record.payload));
        if batch.next == batch.tail {
            return payloads;
        }
        from = ReadFrom::Offset(batch.next);
    }
}

#[tokio::test]
async fn a_log_among_others_reads_as_it_was_written() {
    const ROUNDS: usize = 120;
    for options in [DiskOptions::default(), DiskOptions::default().segment_bytes(0)] {
        let folder = tempfile::tempdir().unwrap();
        let store = DiskStore::open(folder.path(), options).unwrap();
        for n in 0..ROUNDS {
            for name in LOGS {
                assert!(log(&store, name).await.append(batch(name, n)).await.is_ok());
            }
        }
        for name in LOGS {
            let written: Vec<Bytes> = (0..ROUNDS).flat_map(|n| batch(name, n).records).collect();
            let log = find(&store, name).await.unwrap();
            for (records_max, bytes_max) in [(1000, 1), (7, 1 << 20), (8192, 4 << 20)] {
                let read = read(&log, ReadLimit { records_max, bytes_max }).await;
                assert!(read == written, "{name}: {records_max} records, {bytes_max} bytes");
            }
        }
    }
}
