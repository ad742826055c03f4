//! What relays have measured of models, in the words of OpenTelemetry's conventions for generative
//! AI as Prometheus writes them: `gen_ai_client_operation_duration_seconds` and so on.

use std::collections::HashSet;

use llm_stream::StreamStats;
use llm_stream::otel::{self, Value};
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::limits::MODELS_COUNTED;

/// The model of all streams beyond the bound of models.
const OTHER_MODEL: &str = "_OTHER";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    gen_ai_operation_name: Option<String>,
    gen_ai_provider_name: Option<String>,
    gen_ai_response_model: Option<String>,
    gen_ai_token_type: Option<&'static str>,
    error_type: Option<String>,
}

type Histograms = Family<Labels, Histogram, fn() -> Histogram>;

/// One of the conventions' metrics.
#[derive(Debug)]
struct Metric {
    /// Its name in the conventions.
    name: &'static str,
    histograms: Histograms,
}

/// The histograms of all models, without the prefix of our own metrics.
#[derive(Debug)]
pub(super) struct GenAi {
    registry: Registry,
    metrics: Vec<Metric>,
    /// The models that have labels of their own.
    models: Mutex<HashSet<String>>,
}

impl GenAi {
    pub(super) fn new() -> Self {
        let mut registry = Registry::default();
        let metrics = [
            (otel::CLIENT_TOKEN_USAGE, "Tokens of a stream by type", None),
            (otel::CLIENT_OPERATION_DURATION, "Duration of a stream", Some(Unit::Seconds)),
            (
                otel::CLIENT_OPERATION_TIME_TO_FIRST_CHUNK,
                "Time until the first chunk of a stream",
                Some(Unit::Seconds),
            ),
            (
                otel::CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK,
                "Mean time between the chunks of a stream",
                Some(Unit::Seconds),
            ),
        ];
        let metrics = metrics.into_iter().map(|(name, help, unit)| {
            let histograms = Histograms::new_with_constructor(match unit {
                Some(_) => seconds,
                None => tokens,
            });
            let prometheus = name.replace('.', "_");
            match unit {
                Some(unit) => {
                    registry.register_with_unit(prometheus, help, unit, histograms.clone());
                }
                None => registry.register(prometheus, help, histograms.clone()),
            }
            Metric { name, histograms }
        });
        let metrics = metrics.collect();
        Self { registry, metrics, models: Mutex::default() }
    }

    pub(super) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Counts a stream that is over.
    pub(super) fn observe(&self, stats: &StreamStats) {
        let attributes = otel::attributes(stats);
        let text = |name: &str| {
            attributes.iter().find_map(|(known, value)| match value {
                Value::Text(text) if *known == name => Some(text.clone()),
                _ => None,
            })
        };
        let labels = Labels {
            gen_ai_operation_name: text(otel::OPERATION_NAME),
            gen_ai_provider_name: text(otel::PROVIDER_NAME),
            gen_ai_response_model: text(otel::RESPONSE_MODEL).map(|model| self.bounded(model)),
            gen_ai_token_type: None,
            error_type: text(otel::ERROR_TYPE),
        };
        for measured in otel::measurements(stats) {
            let metric = self.metrics.iter().find(|metric| metric.name == measured.name);
            let labels = Labels { gen_ai_token_type: measured.token_type, ..labels.clone() };
            if let Some(metric) = metric {
                metric.histograms.get_or_create(&labels).observe(measured.value);
            }
        }
    }

    /// The model, or what stands for all beyond [`MODELS_COUNTED`]: its name comes from outside.
    fn bounded(&self, model: String) -> String {
        let mut models = self.models.lock();
        if models.contains(&model) {
            return model;
        }
        if models.len() >= MODELS_COUNTED {
            return OTHER_MODEL.to_owned();
        }
        models.insert(model.clone());
        model
    }
}

/// The buckets that the conventions give for token counts: 1, 4, 16 … 67,108,864.
fn tokens() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 4.0, 14))
}

/// The buckets that they give for seconds: 0.01, 0.02 … 81.92.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.01, 2.0, 14))
}

#[cfg(test)]
mod tests {
    use prometheus_client::encoding::text::encode;

    use super::*;

    #[test]
    fn a_stream_is_counted_under_the_conventions_names() {
        let gen_ai = GenAi::new();
        let mut stats = StreamStats { total_duration_ms: 1500.0, ..StreamStats::default() };
        for number in 0..MODELS_COUNTED + 2 {
            stats.origin.model = Some(format!("model-{number}"));
            gen_ai.observe(&stats);
        }
        let mut text = String::new();
        encode(&mut text, gen_ai.registry()).unwrap();
        let count = |model: &str| {
            let label = format!("gen_ai_response_model=\"{model}\"");
            let mut lines = text.lines().filter(|line| line.contains(&label));
            let line = lines
                .find(|line| line.starts_with("gen_ai_client_operation_duration_seconds_count"));
            line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
        };
        assert_eq!(count("model-0"), 1);
        assert_eq!(count(&format!("model-{MODELS_COUNTED}")), 0);
        assert_eq!(count(OTHER_MODEL), 2, "the names of models come from outside");
    }
}
