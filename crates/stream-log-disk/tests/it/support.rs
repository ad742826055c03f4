//! Logs, batches and what is in them.

use std::sync::Arc;

use stream_log::{AppendBatch, Log, LogConfig, LogExt, LogName, LogStore, LogStoreExt, Namespace};
use stream_log::{ReadFrom, Retention};
use stream_log_disk::DiskStore;
use time::OffsetDateTime;
use time::macros::datetime;

pub(crate) const T0: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

pub(crate) fn name(name: &str) -> LogName {
    LogName::new(Namespace::Topic, name).unwrap()
}

pub(crate) fn batch(payloads: &[&'static str]) -> AppendBatch {
    payloads.iter().fold(AppendBatch::new(T0), |batch, payload| batch.record(*payload))
}

pub(crate) fn keep(records_max: u64) -> LogConfig {
    let retention = Retention { records_max, ..Retention::ALL };
    LogConfig { retention, ..LogConfig::default() }
}

pub(crate) async fn log(store: &DiskStore, log: &str) -> Arc<dyn Log> {
    store.get_or_create(&name(log), LogConfig::default()).await.unwrap()
}

pub(crate) async fn find(store: &DiskStore, log: &str) -> Option<Arc<dyn Log>> {
    store.get(&name(log)).await.unwrap()
}

/// Everything in the log, as text.
pub(crate) async fn payloads(log: &dyn Log) -> Vec<String> {
    let batch = log.read_all(ReadFrom::Earliest).await.unwrap();
    let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).unwrap();
    batch.records.iter().map(|record| text(&record.payload)).collect()
}
