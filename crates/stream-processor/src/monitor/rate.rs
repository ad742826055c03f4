//! How many values come in a second, lately.

use std::time::Instant;

/// Whole seconds that are looked at.
const SECONDS: u64 = 10;

/// Counts of the newest seconds.
#[derive(Debug, Clone, Default)]
pub(super) struct Rate {
    begin: Option<Instant>,
    /// The present second, and those that are looked at, each in its place by its remainder.
    counts: [(u64, u64); 11],
}

impl Rate {
    pub(super) fn add(&mut self, now: Instant) {
        let begin = *self.begin.get_or_insert(now);
        let second = now.saturating_duration_since(begin).as_secs();
        let places = self.counts.len() as u64;
        let place = usize::try_from(second % places).unwrap_or(0);
        if let Some(count) = self.counts.get_mut(place) {
            if count.0 != second {
                *count = (second, 0);
            }
            count.1 += 1;
        }
    }

    /// Over the last whole seconds; in the first second, what came so far.
    pub(super) fn per_second(&self, now: Instant) -> f64 {
        let Some(begin) = self.begin else { return 0.0 };
        let present = now.saturating_duration_since(begin).as_secs();
        if present == 0 {
            return to_float(self.counts.iter().map(|(_, count)| count).sum());
        }
        let first = present.saturating_sub(SECONDS);
        let lately = self.counts.iter().filter(|(second, _)| (first..present).contains(second));
        to_float(lately.map(|(_, count)| count).sum()) / to_float(present - first)
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn to_float(count: u64) -> f64 {
    count as f64
}
