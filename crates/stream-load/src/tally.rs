//! What subscribers have counted.

use hdrhistogram::Histogram;

use crate::event::Mark;

/// The longest latency that is told apart from longer ones: ten minutes.
const LATENCY_US_MAX: u64 = 600_000_000;

/// What came, what should have come, and how long it took.
#[derive(Debug, Clone)]
pub struct Tally {
    /// Events that came.
    pub received: u64,
    /// Events that came again.
    pub duplicates: u64,
    /// Events that did not come before a later one of the same sender; those that come at all
    /// afterwards count as duplicates too.
    pub skipped: u64,
    latencies_us: Histogram<u64>,
}

impl Tally {
    /// Nothing yet.
    ///
    /// # Panics
    /// Never: the bounds are sound.
    pub fn new() -> Self {
        #[expect(clippy::expect_used, reason = "the bounds are constants, and sound")]
        let latencies_us = Histogram::new_with_max(LATENCY_US_MAX, 3).expect("sound bounds");
        Self { received: 0, duplicates: 0, skipped: 0, latencies_us }
    }

    /// Counts an event that came to a subscriber who expects the numbers `expected` of each
    /// sender; its latency counts only if it was sent after `since_us`.
    pub(crate) fn count(
        &mut self,
        mark: Mark,
        now_us: u64,
        since_us: u64,
        expected: &mut Vec<u32>,
    ) {
        let sender = usize::from(mark.sender);
        if expected.len() <= sender {
            expected.resize(sender.saturating_add(1), 0);
        }
        let Some(next) = expected.get_mut(sender) else { return };
        if mark.number < *next {
            self.duplicates = self.duplicates.saturating_add(1);
            return;
        }
        self.received = self.received.saturating_add(1);
        self.skipped = self.skipped.saturating_add(u64::from(mark.number.saturating_sub(*next)));
        *next = mark.number.saturating_add(1);
        if mark.sent_us >= since_us {
            self.latencies_us.saturating_record(now_us.saturating_sub(mark.sent_us));
        }
    }

    /// Adds what others have counted.
    pub fn add(&mut self, other: &Self) {
        self.received = self.received.saturating_add(other.received);
        self.duplicates = self.duplicates.saturating_add(other.duplicates);
        self.skipped = self.skipped.saturating_add(other.skipped);
        // Histograms of the same bounds can always be added.
        self.latencies_us.add(&other.latencies_us).unwrap_or_default();
    }

    /// The latency in microseconds that `percent` of the events had at most.
    pub fn latency_us(&self, percent: f64) -> u64 {
        self.latencies_us.value_at_percentile(percent)
    }

    /// The longest latency, in microseconds.
    pub fn latency_us_max(&self) -> u64 {
        self.latencies_us.max()
    }

    /// How many latencies were counted.
    pub fn latencies(&self) -> u64 {
        self.latencies_us.len()
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_or_comes_twice_is_counted() {
        let (mut tally, mut expected) = (Tally::new(), Vec::new());
        for (sender, number) in [(0, 0), (0, 1), (1, 0), (0, 1), (0, 4), (0, 3), (1, 1)] {
            let mark = Mark { sender, number, sent_us: 50 };
            tally.count(mark, 60 + u64::from(number), 50, &mut expected);
        }
        assert_eq!((tally.received, tally.duplicates, tally.skipped), (5, 2, 2));
        assert_eq!(expected, [5, 2]);
        assert_eq!((tally.latencies(), tally.latency_us_max()), (5, 14));
        let mut all = tally.clone();
        all.add(&tally);
        assert_eq!((all.received, all.latencies()), (10, 10));
        // What was sent before the time that counts has no latency.
        tally.count(Mark { sender: 2, number: 0, sent_us: 49 }, 60, 50, &mut expected);
        assert_eq!((tally.received, tally.latencies()), (6, 5));
    }
}
