//! What the values of named metrics amount to, in bounded memory.

mod metric;
mod rate;
mod sketch;

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::time::Instant;

pub use self::metric::{Metric, Statistics};
use crate::limits::METRICS_MAX;

/// Named metrics, each summed up as its values come.
///
/// It can be shared between threads; [`Metric`] is the pure part, with a time that is given.
///
/// # Examples
///
/// ```
/// use stream_processor::StreamMonitor;
///
/// let monitor = StreamMonitor::new();
/// for latency_ms in [3.0, 5.0, 4.0] {
///     monitor.record_metric("latency_ms", latency_ms);
/// }
/// let statistics = monitor.statistics("latency_ms").expect("values were recorded");
/// assert_eq!((statistics.min, statistics.mean, statistics.max), (3.0, 4.0, 5.0));
/// assert!(monitor.statistics("unknown").is_none());
/// ```
#[derive(Debug, Default)]
pub struct StreamMonitor {
    metrics: Mutex<HashMap<String, Metric>>,
}

impl StreamMonitor {
    /// No metrics.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a value to a metric, and returns whether it did.
    ///
    /// A value that is no number, or infinite, is left out, and so is a metric beyond
    /// [`METRICS_MAX`].
    pub fn record_metric(&self, name: &str, value: f64) -> bool {
        let now = Instant::now().into_std();
        let mut metrics = self.metrics.lock();
        if let Some(metric) = metrics.get_mut(name) {
            return metric.record(now, value);
        }
        if metrics.len() >= METRICS_MAX || !value.is_finite() {
            return false;
        }
        metrics.entry(name.to_owned()).or_default().record(now, value)
    }

    /// What a metric's values amount to; `None` if there are none.
    #[doc(alias = "get_statistics")]
    pub fn statistics(&self, name: &str) -> Option<Statistics> {
        let now = Instant::now().into_std();
        self.metrics.lock().get(name).and_then(|metric| metric.statistics(now))
    }

    /// The names of the metrics, sorted.
    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.metrics.lock().keys().cloned().collect();
        names.sort_unstable();
        names
    }
}
