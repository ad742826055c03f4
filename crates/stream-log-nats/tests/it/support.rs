//! Stores, names and batches.

use std::sync::Arc;
use std::time::Duration;

use stream_log::{
    AppendBatch, Log, LogConfig, LogExt, LogName, LogStore, LogStoreExt, Namespace, ReadFrom,
};
use stream_log_nats::testkit::NatsServer;
use stream_log_nats::{NatsOptions, NatsStore};
use time::OffsetDateTime;

pub(crate) fn options() -> NatsOptions {
    NatsOptions::default().synced().timeout(Duration::from_secs(5))
}

pub(crate) async fn open(server: &NatsServer) -> NatsStore {
    NatsStore::open(&server.address(), options()).await.unwrap()
}

pub(crate) fn name(name: &str) -> LogName {
    LogName::new(Namespace::Topic, name).unwrap()
}

pub(crate) async fn log(store: &NatsStore, log: &str) -> Arc<dyn Log> {
    store.get_or_create(&name(log), LogConfig::default()).await.unwrap()
}

pub(crate) async fn find(store: &NatsStore, log: &str) -> Option<Arc<dyn Log>> {
    store.get(&name(log)).await.unwrap()
}

pub(crate) fn batch(payloads: &[&'static str]) -> AppendBatch {
    let batch = AppendBatch::new(OffsetDateTime::UNIX_EPOCH);
    payloads.iter().fold(batch, |batch, payload| batch.record(*payload))
}

pub(crate) async fn payloads(log: &dyn Log) -> Vec<String> {
    let records = log.read_all(ReadFrom::Earliest).await.unwrap().records;
    let text = |payload: &[u8]| String::from_utf8(payload.to_vec()).unwrap();
    records.iter().map(|record| text(&record.payload)).collect()
}
