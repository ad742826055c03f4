//! One metric.

use std::time::Instant;

use super::rate::Rate;
use super::sketch::Sketch;

/// Values, summed up as they come.
///
/// Mean and deviation are exact to rounding (Welford's algorithm), percentiles to 1 %, and its
/// size does not depend on how many values there were.
#[derive(Debug, Clone, Default)]
pub struct Metric {
    count: u64,
    mean: f64,
    /// The sum of the squares of the distances from the mean.
    squares: f64,
    min: f64,
    max: f64,
    sketch: Sketch,
    rate: Rate,
}

/// What the values of a metric amount to.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Statistics {
    /// How many there were.
    pub count: u64,
    /// Their mean.
    pub mean: f64,
    /// The standard deviation of all of them: of the population, not of a sample.
    pub std: f64,
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
    /// Half of them are not greater.
    pub p50: f64,
    /// 90 % of them are not greater.
    pub p90: f64,
    /// 99 % of them are not greater.
    pub p99: f64,
    /// How many came in a second, over the last ten whole seconds or since the first.
    pub rate_per_second: f64,
}

impl Metric {
    /// Adds a value that came at `now`, and returns whether it is a finite number.
    pub fn record(&mut self, now: Instant, value: f64) -> bool {
        if !value.is_finite() {
            return false;
        }
        let is_first = self.count == 0;
        self.count += 1;
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 values")]
        let count = self.count as f64;
        let distance = value - self.mean;
        self.mean += distance / count;
        self.squares += distance * (value - self.mean);
        self.min = if is_first { value } else { self.min.min(value) };
        self.max = if is_first { value } else { self.max.max(value) };
        self.sketch.add(value);
        self.rate.add(now);
        true
    }

    /// What the values amount to by `now`; `None` if there are none.
    pub fn statistics(&self, now: Instant) -> Option<Statistics> {
        let &Self { count, mean, squares, min, max, .. } = self;
        if count == 0 {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 values")]
        let std = (squares / count as f64).sqrt();
        let percentile = |q: f64| self.sketch.quantile(q).clamp(min, max);
        let (p50, p90, p99) = (percentile(0.5), percentile(0.9), percentile(0.99));
        let rate_per_second = self.rate.per_second(now);
        Some(Statistics { count, mean, std, min, max, p50, p90, p99, rate_per_second })
    }

    /// The value that a share of `q` of the values is not greater than, to 1 %; 0 if there are
    /// none.
    pub fn quantile(&self, q: f64) -> f64 {
        if self.count == 0 { 0.0 } else { self.sketch.quantile(q).clamp(self.min, self.max) }
    }
}
