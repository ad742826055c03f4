//! Percentiles of times between tokens, in bounded memory.

use std::time::Duration;

/// Buckets of each doubling: a time is known to within 1/32, about 3 %.
const BUCKETS_PER_DOUBLING: u64 = 16;

/// Its binary logarithm.
const BUCKET_BITS: u32 = 4;

/// Longer times count as this, 19 hours in microseconds.
///
/// It bounds the buckets to 528, 2 KiB.
const MICROS_MAX: u64 = (1 << 36) - 1;

/// The times between tokens of one stream, in milliseconds.
///
/// Percentiles are known to within 3 %; mean and maximum are exact to a microsecond.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InterToken {
    /// How many times there are.
    pub count: u64,
    /// Their mean.
    pub mean_ms: f64,
    /// The median.
    pub p50_ms: f64,
    /// What 95 % do not exceed.
    pub p95_ms: f64,
    /// What 99 % do not exceed.
    pub p99_ms: f64,
    /// The longest.
    pub max_ms: f64,
}

/// Counts durations in buckets whose width grows with the duration.
#[derive(Debug, Clone, Default)]
pub(super) struct Latencies {
    /// Grown as far as the longest time so far needs.
    buckets: Vec<u32>,
    count: u64,
    sum_micros: u64,
    max_micros: u64,
}

impl Latencies {
    pub(super) fn record(&mut self, latency: Duration) {
        let micros = to_micros(latency).min(MICROS_MAX);
        let place = bucket(micros);
        if place >= self.buckets.len() {
            self.buckets.resize(place + 1, 0);
        }
        if let Some(bucket) = self.buckets.get_mut(place) {
            *bucket = bucket.saturating_add(1);
        }
        self.count += 1;
        self.sum_micros = self.sum_micros.saturating_add(micros);
        self.max_micros = self.max_micros.max(micros);
    }

    pub(super) fn summary(&self) -> Option<InterToken> {
        let mean = self.sum_micros.checked_div(self.count)?;
        Some(InterToken {
            count: self.count,
            mean_ms: to_ms(mean),
            p50_ms: to_ms(self.percentile(50)),
            p95_ms: to_ms(self.percentile(95)),
            p99_ms: to_ms(self.percentile(99)),
            max_ms: to_ms(self.max_micros),
        })
    }

    pub(super) fn clear(&mut self) {
        *self = Self { buckets: std::mem::take(&mut self.buckets), ..Self::default() };
        self.buckets.clear();
    }

    /// What `percent` of the times do not exceed, in microseconds.
    fn percentile(&self, percent: u64) -> u64 {
        let rank = self.count.saturating_mul(percent).div_ceil(100);
        let mut below = 0;
        for (place, count) in self.buckets.iter().enumerate() {
            below += u64::from(*count);
            if below >= rank {
                return middle(place).min(self.max_micros);
            }
        }
        self.max_micros
    }
}

/// The bucket of a time.
fn bucket(micros: u64) -> usize {
    let doublings = u64::from(micros.max(1).ilog2().saturating_sub(BUCKET_BITS));
    let place = doublings * BUCKETS_PER_DOUBLING + (micros >> doublings);
    usize::try_from(place).unwrap_or(usize::MAX)
}

/// The middle of a bucket, in microseconds.
fn middle(bucket: usize) -> u64 {
    let bucket = u64::try_from(bucket).unwrap_or(u64::MAX);
    let doublings = (bucket / BUCKETS_PER_DOUBLING).saturating_sub(1);
    let first = (bucket - doublings * BUCKETS_PER_DOUBLING) << doublings;
    first + ((1 << doublings) - 1) / 2
}

/// Whole microseconds, without the 128-bit arithmetic of [`Duration::as_micros`].
fn to_micros(latency: Duration) -> u64 {
    let seconds = latency.as_secs().saturating_mul(1_000_000);
    seconds.saturating_add(u64::from(latency.subsec_micros()))
}

fn to_ms(micros: u64) -> f64 {
    Duration::from_micros(micros).as_secs_f64() * 1e3
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn nothing_has_no_percentiles() {
        assert_eq!(Latencies::default().summary(), None);
    }

    #[test]
    fn short_times_are_exact() {
        let mut latencies = Latencies::default();
        (1..=20).for_each(|micros| latencies.record(Duration::from_micros(micros)));
        let summary = latencies.summary().unwrap();
        assert_eq!((summary.count, summary.p50_ms, summary.p95_ms), (20, 0.010, 0.019));
        assert_eq!((summary.p99_ms, summary.max_ms, summary.mean_ms), (0.020, 0.020, 0.010));
    }

    #[test]
    fn memory_is_bounded() {
        let mut latencies = Latencies::default();
        latencies.record(Duration::MAX);
        latencies.record(Duration::ZERO);
        assert_eq!(latencies.buckets.len(), 528);
        assert_eq!(latencies.max_micros, MICROS_MAX);
    }

    #[test]
    fn cleared_latencies_are_as_new() {
        let mut latencies = Latencies::default();
        latencies.record(Duration::from_secs(1));
        latencies.clear();
        assert_eq!(latencies.summary(), None);
    }

    proptest! {
        #[test]
        fn percentiles_are_within_a_thirty_second(micros in proptest::collection::vec(0..1u64 << 36, 1..200)) {
            let mut sorted = micros.clone();
            sorted.sort_unstable();
            let mut latencies = Latencies::default();
            for micros in micros {
                latencies.record(Duration::from_micros(micros));
            }
            for percent in [50, 95, 99] {
                let rank = (sorted.len() * percent).div_ceil(100);
                let exact = sorted[rank - 1];
                let got = latencies.percentile(u64::try_from(percent).unwrap());
                prop_assert!(got.abs_diff(exact) <= exact / 32 + 1, "{got} for {exact}");
            }
        }
    }
}
