//! Percentiles of very many values in little memory.
//!
//! Values are counted in buckets whose borders grow by 2 % each (`DDSketch`, Masson, Rim and Lee,
//! 2019), so any percentile is known to 1 %, whatever the values are.

use std::collections::BTreeMap;

use crate::limits::SKETCH_BUCKETS;

/// How much further the border of a bucket is than the one before.
const GROWTH: f64 = 1.02;

/// What is nearer to zero counts as zero.
const LEAST: f64 = 1e-9;

/// Counts of values by size.
#[derive(Debug, Clone, Default)]
pub(super) struct Sketch {
    positive: BTreeMap<i32, u64>,
    negative: BTreeMap<i32, u64>,
    zeros: u64,
}

impl Sketch {
    /// Adds a finite value.
    pub(super) fn add(&mut self, value: f64) {
        if value.abs() < LEAST {
            self.zeros += 1;
            return;
        }
        let side = if value > 0.0 { &mut self.positive } else { &mut self.negative };
        *side.entry(bucket(value.abs())).or_default() += 1;
        if side.len() > SKETCH_BUCKETS {
            merge_least(side);
        }
    }

    /// The value that a share of `q` is not greater than; 0 if there are none.
    pub(super) fn quantile(&self, q: f64) -> f64 {
        let buckets = self.negative.iter().rev().map(|(bucket, n)| (-middle(*bucket), *n));
        let buckets = buckets.chain([(0.0, self.zeros)]);
        let buckets = buckets.chain(self.positive.iter().map(|(bucket, n)| (middle(*bucket), *n)));
        let total: u64 = buckets.clone().map(|(_, n)| n).sum();
        let mut before = rank(q, total);
        for (value, n) in buckets {
            match before.checked_sub(n) {
                Some(rest) => before = rest,
                None => return value,
            }
        }
        0.0
    }
}

/// How many values are before the one that is asked for.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count is one, near enough"
)]
fn rank(q: f64, total: u64) -> u64 {
    let last = total.saturating_sub(1);
    ((q.clamp(0.0, 1.0) * total as f64).ceil() as u64).saturating_sub(1).min(last)
}

/// The bucket of a value that is not below [`LEAST`].
#[expect(clippy::cast_possible_truncation, reason = "the logarithm of no float is that large")]
fn bucket(value: f64) -> i32 {
    (value.ln() / GROWTH.ln()).ceil() as i32
}

/// What stands for the values of a bucket: nowhere in it is a value further away than 1 %.
fn middle(bucket: i32) -> f64 {
    GROWTH.powi(bucket) * 2.0 / (1.0 + GROWTH)
}

/// Puts the two least buckets together: small values become less exact, and no other.
fn merge_least(side: &mut BTreeMap<i32, u64>) {
    if let Some((_, n)) = side.pop_first()
        && let Some(mut least) = side.first_entry()
    {
        *least.get_mut() += n;
    }
}
