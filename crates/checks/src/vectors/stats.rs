//! Statistics of a stream, counted in whitespace words.

use std::time::{Duration, Instant};

use anyhow::ensure;
use millstream::llm::{
    Delta, StatsRecorder, StreamEvent, StreamStats, TokenCounter, TokenSource, WordCounter,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::parse;

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum StatsInput {
    Totals { total_tokens: u64, total_duration_ms: f64 },
    Timeline { deltas: Vec<(f64, String)>, end_ms: f64 },
    Texts { deltas_text: Vec<String> },
}

/// Totals to `{tokens_per_second}`; deltas at milliseconds to `{first_token_ms, total_duration_ms,
/// events_count, ws_tokens, ws_tokens_per_second}`; texts alone to `{ws_tokens}`.
pub(super) fn stats(input: &Value) -> anyhow::Result<Value> {
    match parse(input)? {
        StatsInput::Totals { total_tokens, total_duration_ms } => {
            let stats = StreamStats { total_tokens, total_duration_ms, ..StreamStats::default() };
            Ok(json!({ "tokens_per_second": stats.tokens_per_second() }))
        }
        StatsInput::Timeline { deltas, end_ms } => record(deltas, end_ms),
        StatsInput::Texts { deltas_text } => {
            let mut counter = WordCounter::default();
            for text in deltas_text {
                counter.push(&Delta { text, ..Delta::default() });
            }
            Ok(json!({ "ws_tokens": counter.tokens() }))
        }
    }
}

fn record(deltas: Vec<(f64, String)>, end_ms: f64) -> anyhow::Result<Value> {
    let begin = Instant::now();
    let at = |ms: f64| anyhow::Ok(begin + Duration::try_from_secs_f64(ms / 1000.0)?);
    let mut recorder = StatsRecorder::default();
    recorder.begin(begin);
    for (ms, text) in deltas {
        recorder.record(at(ms)?, &StreamEvent::delta(text));
    }
    recorder.record(at(end_ms)?, &StreamEvent::end(""));
    let stats = recorder.stats();
    ensure!(stats.token_source == TokenSource::Words, "tokens are of {:?}", stats.token_source);
    Ok(json!({
        "first_token_ms": stats.first_token_ms,
        "total_duration_ms": stats.total_duration_ms,
        "events_count": stats.events_count,
        "ws_tokens": stats.total_tokens,
        "ws_tokens_per_second": stats.tokens_per_second(),
    }))
}
