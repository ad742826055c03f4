//! What writers, readers and whoever kills servers know of each other.

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
    /// Where servers listen, while they run.
    addresses: watch::Sender<Vec<SocketAddr>>,
    /// How long one answer may take; then the request is sent again.
    answer_timeout: Duration,
    /// Records of each log, once no more are written.
    goals: watch::Sender<Option<BTreeMap<String, usize>>>,
    acknowledged: AtomicU64,
    is_over: AtomicBool,
}

impl Stage {
    pub(super) fn new(answer_timeout: Duration) -> Self {
        Self(Arc::new(Shared {
            addresses: watch::Sender::new(Vec::new()),
            answer_timeout,
            goals: watch::Sender::new(None),
            acknowledged: AtomicU64::new(0),
            is_over: AtomicBool::new(false),
        }))
    }

    /// Says where the servers are; none is there if there is no address.
    pub(super) fn set_addresses(&self, addresses: Vec<SocketAddr>) {
        self.0.addresses.send_replace(addresses);
    }

    /// Where a server is, any of them, once one is there.
    pub(super) async fn address(&self) -> anyhow::Result<SocketAddr> {
        let mut addresses = self.0.addresses.subscribe();
        let some = addresses.wait_for(|addresses| !addresses.is_empty());
        let known = tokio::time::timeout(PATIENCE, some).await;
        let known = known.context("the server does not come back")??;
        fastrand::choice(known.iter()).copied().context("the server is gone")
    }

    /// How long one answer may take.
    pub(super) fn answer_timeout(&self) -> Duration {
        self.0.answer_timeout
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
