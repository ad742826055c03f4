//! What the committer counts: groups, what was in them, and how long the disk took to sync them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The bounds of [`CommitStats::syncs`]: a sync counts where it is the first to be no longer than
/// the bound, and behind all of them if it took more than a second.
pub const SYNC_BOUNDS: [Duration; 12] = [
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2_500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_secs(1),
];

/// How a store has committed since it was opened.
///
/// What is counted while this is put together may be in one number and not yet in another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct CommitStats {
    /// Groups that were written: each of them one write, and at most one sync.
    pub groups: u64,
    /// Batches, and other changes of logs, in those groups.
    pub batches: u64,
    /// Syncs by the time they took, one number for each of [`SYNC_BOUNDS`] and one for those
    /// beyond.
    pub syncs: [u64; SYNC_BOUNDS.len() + 1],
    /// The time that all of them took.
    pub sync_time: Duration,
}

/// Counts for [`CommitStats`].
#[derive(Debug, Default)]
pub(crate) struct CommitMeter {
    groups: AtomicU64,
    batches: AtomicU64,
    syncs: [AtomicU64; SYNC_BOUNDS.len() + 1],
    sync_nanos: AtomicU64,
}

impl CommitMeter {
    pub(crate) fn wrote(&self, batches: u64) {
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.batches.fetch_add(batches, Ordering::Relaxed);
    }

    pub(crate) fn synced(&self, time: Duration) {
        let index = SYNC_BOUNDS.partition_point(|bound| *bound < time);
        if let Some(count) = self.syncs.get(index) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.sync_nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    pub(crate) fn stats(&self) -> CommitStats {
        CommitStats {
            groups: self.groups.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            syncs: self.syncs.each_ref().map(|count| count.load(Ordering::Relaxed)),
            sync_time: Duration::from_nanos(self.sync_nanos.load(Ordering::Relaxed)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sync_counts_at_the_first_bound_that_it_keeps() {
        let meter = CommitMeter::default();
        for micros in [0, 50, 51, 1_000_000, 1_000_001] {
            meter.synced(Duration::from_micros(micros));
        }
        let stats = meter.stats();
        assert_eq!(stats.syncs, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1]);
        assert_eq!(stats.sync_time, Duration::from_micros(2_000_102));
    }
}
