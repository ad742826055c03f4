//! Numbers that the server's host keeps, asked for when the metrics are.

use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use serde_json::{Value, json};

/// A distribution, as [`AppOptions::histogram`](crate::AppOptions::histogram) tells it.
#[derive(Debug, Clone, Default)]
pub struct Buckets {
    /// Upper bounds, rising, and how many values keep each and none before it; those beyond all
    /// bounds stand at [`f64::INFINITY`].
    pub counts: Vec<(f64, u64)>,
    /// The sum of all values.
    pub sum: f64,
}

/// A number, or a distribution, with its name.
#[derive(Clone)]
pub(crate) struct HostMetric {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) read: Read,
}

/// How it is read.
#[derive(Clone)]
pub(crate) enum Read {
    Gauge(Arc<dyn Fn() -> u64 + Send + Sync>),
    Counter(Arc<dyn Fn() -> u64 + Send + Sync>),
    Histogram(Arc<dyn Fn() -> Buckets + Send + Sync>),
}

impl HostMetric {
    /// What it is now; of a distribution the count and the sum.
    pub(crate) fn value(&self) -> Value {
        match &self.read {
            Read::Gauge(read) | Read::Counter(read) => json!(read()),
            Read::Histogram(read) => {
                let Buckets { counts, sum } = read();
                json!({ "count": counts.iter().map(|(_, count)| count).sum::<u64>(), "sum": sum })
            }
        }
    }
}

impl std::fmt::Debug for HostMetric {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("HostMetric").field(&self.name).finish()
    }
}

impl Collector for HostMetric {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let kind = match self.read {
            Read::Gauge(_) => MetricType::Gauge,
            Read::Counter(_) => MetricType::Counter,
            Read::Histogram(_) => MetricType::Histogram,
        };
        let mut metric = encoder.encode_descriptor(self.name, self.help, None, kind)?;
        match &self.read {
            Read::Gauge(read) => ConstGauge::new(read()).encode(metric),
            Read::Counter(read) => ConstCounter::new(read()).encode(metric),
            Read::Histogram(read) => {
                let Buckets { counts, sum } = read();
                let count = counts.iter().map(|(_, count)| count).sum();
                metric.encode_histogram::<NoLabelSet>(sum, count, &counts, None)
            }
        }
    }
}
