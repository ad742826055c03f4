//! What writers, readers and whoever kills the server know of each other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;

/// How long anybody waits for a server that comes back.
pub(super) const PATIENCE: Duration = Duration::from_mins(1);

/// Shared by all who take part.
#[derive(Debug, Clone)]
pub(super) struct Stage(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// Where the server listens, while it runs.
    address: watch::Sender<Option<SocketAddr>>,
    /// Records of each log, once no more are written.
    goals: watch::Sender<Option<BTreeMap<String, usize>>>,
    acknowledged: AtomicU64,
    is_over: AtomicBool,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self(Arc::new(Shared {
            address: watch::Sender::new(None),
            goals: watch::Sender::new(None),
            acknowledged: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }))
    }

    /// Says where the server is, or that it is gone.
    pub(super) fn set_address(&self, address: Option<SocketAddr>) {
        self.0.address.send_replace(address);
    }

    /// Where the server is, once it is there.
    pub(super) async fn address(&self) -> anyhow::Result<SocketAddr> {
        let mut addresses = self.0.address.subscribe();
        let address = tokio::time::timeout(PATIENCE, addresses.wait_for(Option::is_some)).await;
        let address = address.context("the server does not come back")??;
        address.context("the server is gone")
    }

    /// Notes that the server acknowledged one more append.
    pub(super) fn acknowledge(&self) {
        self.0.acknowledged.fetch_add(1, Ordering::Relaxed);
    }

    /// Appends that were acknowledged so far.
    pub(super) fn acknowledged(&self) -> u64 {
        self.0.acknowledged.load(Ordering::Relaxed)
    }

    /// Asks the writers to end once their last append is acknowledged.
    pub(super) fn end_writing(&self) {
        self.0.is_over.store(true, Ordering::Relaxed);
    }

    /// Whether writers should go on.
    pub(super) fn is_writing(&self) -> bool {
        !self.0.is_over.load(Ordering::Relaxed)
    }

    /// Tells readers how many records each log has in the end.
    pub(super) fn set_goals(&self, goals: BTreeMap<String, usize>) {
        self.0.goals.send_replace(Some(goals));
    }

    /// Whether a reader of `log` that has `records` records has all.
    pub(super) fn is_all(&self, log: &str, records: usize) -> bool {
        let goals = self.0.goals.borrow();
        goals.as_ref().and_then(|goals| goals.get(log)).is_some_and(|goal| records >= *goal)
    }
}
