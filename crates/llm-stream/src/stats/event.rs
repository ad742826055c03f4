//! The statistics of a stream as one of its events.

use serde_json::{Map, Value, json};

use super::StreamStats;
use crate::event::{Metadata, StreamEvent};

/// The kind of the metadata event that [`StreamStats::to_event`] makes.
pub const STATISTICS: &str = "statistics";

impl StreamStats {
    /// The statistics as a metadata event of the kind [`STATISTICS`], for those who read the
    /// stream: counts, and times in milliseconds; what is unknown is left out.
    ///
    /// # Examples
    /// ```
    /// use llm_stream::StreamStats;
    ///
    /// let stats =
    ///     StreamStats { total_tokens: 100, total_duration_ms: 2500.0, ..StreamStats::default() };
    /// let json = stats.to_event().to_json();
    /// assert!(json.contains(r#""kind":"statistics""#));
    /// assert!(json.contains(r#""tokens_per_second":40.0"#));
    /// ```
    pub fn to_event(&self) -> StreamEvent {
        let mut fields = Map::new();
        let known = [
            ("total_tokens", Some(json!(self.total_tokens))),
            ("token_source", Some(json!(self.token_source.as_str()))),
            ("estimated", Some(json!(self.is_estimated()))),
            ("first_token_ms", self.first_token_ms.map(rounded)),
            ("first_reasoning_ms", self.first_reasoning_ms.map(rounded)),
            ("total_duration_ms", Some(rounded(self.total_duration_ms))),
            ("tokens_per_second", Some(rounded(self.tokens_per_second()))),
            ("events_count", Some(json!(self.events_count))),
            ("inter_token_p50_ms", self.inter_token.map(|times| rounded(times.p50_ms))),
            ("inter_token_p95_ms", self.inter_token.map(|times| rounded(times.p95_ms))),
            ("inter_token_p99_ms", self.inter_token.map(|times| rounded(times.p99_ms))),
            ("stalls", Some(json!(self.stalls))),
            ("stalled_ms", Some(rounded(self.stalled_ms))),
        ];
        fields.extend(known.into_iter().filter_map(|(name, value)| Some((name.into(), value?))));
        let mut event = StreamEvent::from(Metadata::Custom { kind: STATISTICS.to_owned() });
        event.extra = Some(Box::new(fields));
        event
    }
}

/// Microseconds are more than a network's times are worth.
fn rounded(number: f64) -> Value {
    json!((number * 1000.0).round() / 1000.0)
}
