//! Who commits: the store's own thread, or the threads that append, before they sleep.

use std::sync::Arc;

use stream_log::{Durability, Log};
use stream_log_disk::{DiskOptions, DiskStore};
use tokio::task::JoinSet;

use crate::support::{batch, log, payloads};

/// Appends one record after the other, each when the one before is on the disk.
async fn write(log: Arc<dyn Log>, count: usize) {
    for _ in 0..count {
        let receipt = log.append(batch(&["a record"])).await.unwrap();
        assert_eq!(receipt.durability, Durability::Disk);
    }
}

#[test]
fn threads_that_commit_before_they_sleep_and_others_share_a_log() {
    const WRITERS: usize = 16;
    const EACH: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let store = DiskStore::open(folder.path(), DiskOptions::default()).unwrap();
    let committed = store.clone();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .on_thread_park(move || committed.commit_before_sleep())
        .build()
        .unwrap();
    runtime.block_on(async {
        let log = log(&store, "shared").await;
        let mut writers = JoinSet::new();
        for _ in 0..WRITERS {
            writers.spawn(write(Arc::clone(&log), EACH));
        }
        // This thread is none of the runtime's own, so the store commits for it.
        write(Arc::clone(&log), EACH).await;
        writers.join_all().await;
        assert_eq!(payloads(&*log).await.len(), (WRITERS + 1) * EACH);
    });
}
