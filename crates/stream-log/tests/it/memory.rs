//! The specification in memory keeps the contract that it specifies.

use std::sync::Arc;

use stream_log::{AppendBatch, AppendError, Durability, Log, LogConfig, MemoryLog, MemoryStore};
use stream_log::{LogName, LogStore, Namespace, StoreError, conformance};
use stream_model::now::now;

#[tokio::test]
async fn the_store_conforms() {
    conformance::check_store(&MemoryStore::new()).await;
}

#[tokio::test]
async fn what_is_kept_while_the_store_lives() {
    let store = MemoryStore::new();
    let written = conformance::Reopened::write(&store).await;
    written.check(&store).await;
    written.check(&store).await;
}

#[tokio::test]
async fn a_store_that_kept_nothing_or_is_another_is_found_out() {
    let written = Arc::new(conformance::Reopened::write(&MemoryStore::new()).await);
    let empty = MemoryStore::new();
    let another = MemoryStore::new();
    conformance::Reopened::write(&another).await;
    for (store, broken) in [(empty, "the log one is gone"), (another, "the epoch of one")] {
        let written = Arc::clone(&written);
        let checked = tokio::spawn(async move { written.check(&store).await }).await;
        let said = checked.unwrap_err().into_panic().downcast::<String>().unwrap();
        assert!(said.contains(broken), "{said}");
    }
}

#[tokio::test]
async fn memory_never_claims_more_than_memory() {
    let log = MemoryLog::new(LogConfig::default());
    let batch = || AppendBatch::new(now()).record("a");
    assert_eq!(log.append(batch()).await.unwrap().durability, Durability::Memory);
    let refused = log.append(batch().durability(Durability::Disk)).await;
    assert!(matches!(refused, Err(AppendError::Durability { .. })), "{refused:?}");
}

#[tokio::test]
async fn a_full_store_refuses_one_more_log() {
    let store = MemoryStore::with_limit(1);
    let name = |name| LogName::new(Namespace::Topic, name).unwrap();
    assert!(store.create(&name("a"), LogConfig::default()).await.is_ok());
    let refused = store.create(&name("b"), LogConfig::default()).await;
    assert!(matches!(refused, Err(StoreError::Full { limit: 1 })), "{refused:?}");
}
