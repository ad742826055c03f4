//! The store keeps the contract that every backend keeps, on each of the file systems.

use std::sync::Arc;

use stream_log::{Durability, LogConfig, LogStore, StoreError, conformance};
use stream_log_disk::{DiskOptions, DiskStore, OpenError, SimDisk};

use crate::support::{batch, log, name};

#[tokio::test]
async fn the_store_conforms_on_the_real_file_system() {
    let folder = tempfile::tempdir().unwrap();
    conformance::check_store(&DiskStore::open(folder.path(), DiskOptions::default()).unwrap())
        .await;
}

#[tokio::test]
async fn the_store_conforms_on_the_simulated_disk() {
    let disk = Arc::new(SimDisk::new());
    conformance::check_store(&DiskStore::open_on(disk, DiskOptions::default()).unwrap()).await;
}

#[tokio::test]
async fn a_store_that_was_opened_again_conforms() {
    let disk = Arc::new(SimDisk::new());
    let options = DiskOptions::default().segment_bytes(0);
    let store = DiskStore::open_on(disk.clone(), options).unwrap();
    assert!(log(&store, "other").await.append(batch(&["a"])).await.is_ok());
    assert!(store.delete(&name("other")).await.unwrap());
    store.close();
    let disk = Arc::new(disk.restart());
    conformance::check_store(&DiskStore::open_on(disk, options).unwrap()).await;
}

#[tokio::test]
async fn an_append_is_as_safe_as_was_asked() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path(), DiskOptions::default()).unwrap();
    let log = log(&store, "a").await;
    for (asked, given) in [
        (None, Durability::Disk),
        (Some(Durability::Memory), Durability::Os),
        (Some(Durability::Os), Durability::Os),
        (Some(Durability::Disk), Durability::Disk),
    ] {
        let mut batch = batch(&["x"]);
        batch.durability = asked;
        assert_eq!(log.append(batch).await.unwrap().durability, given, "{asked:?}");
    }
    let asked = batch(&["x"]).durability(Durability::Replicated);
    assert!(log.append(asked).await.is_err());
}

#[tokio::test]
async fn a_full_store_refuses_one_more_log() {
    let disk = Arc::new(SimDisk::new());
    let store = DiskStore::open_on(disk, DiskOptions::default().logs_max(1)).unwrap();
    assert!(store.create(&name("a"), LogConfig::default()).await.is_ok());
    let refused = store.create(&name("b"), LogConfig::default()).await;
    assert!(matches!(refused, Err(StoreError::Full { limit: 1 })), "{refused:?}");
}

#[tokio::test]
async fn a_folder_has_one_store() {
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path(), DiskOptions::default()).unwrap();
    let second = DiskStore::open(folder.path(), DiskOptions::default());
    assert!(matches!(second, Err(OpenError::Locked)), "{second:?}");
    drop(store);
    assert!(DiskStore::open(folder.path(), DiskOptions::default()).is_ok());
}
