//! The statistics of a stream in the words of OpenTelemetry's conventions for generative AI.
//!
//! The names are data: this module knows no telemetry library. The conventions are still in
//! development, so a name may change, and then it changes here.
//!
//! # Unknown usage is not reported
//! A number of tokens that neither the provider nor a tokenizer has counted is left out: words
//! between white space are no tokens.

use crate::event::ErrorKind;
use crate::format::Format;
use crate::stats::{StreamStats, to_f64};
use crate::tokens::TokenSource;

/// What was asked for: `chat`, `text_completion` or `generate_content`.
pub const OPERATION_NAME: &str = "gen_ai.operation.name";
/// Who answers: `openai`, `anthropic`, `gcp.gemini`, `cohere`.
pub const PROVIDER_NAME: &str = "gen_ai.provider.name";
/// The model that was asked for; a stream does not know it.
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
/// The model that answered.
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
/// The provider's id of the answer.
pub const RESPONSE_ID: &str = "gen_ai.response.id";
/// Why each choice ended.
pub const RESPONSE_FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
/// Seconds to the first chunk.
pub const RESPONSE_TIME_TO_FIRST_CHUNK: &str = "gen_ai.response.time_to_first_chunk";
/// Tokens of the input, cached ones included.
pub const USAGE_INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// Tokens of the output.
pub const USAGE_OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// Input tokens that were read from a cache.
pub const USAGE_CACHE_READ_INPUT_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
/// Input tokens that were written to a cache.
pub const USAGE_CACHE_CREATION_INPUT_TOKENS: &str = "gen_ai.usage.cache_creation.input_tokens";
/// Output tokens that were spent on reasoning.
pub const USAGE_REASONING_OUTPUT_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
/// `input` or `output`, of [`CLIENT_TOKEN_USAGE`].
pub const TOKEN_TYPE: &str = "gen_ai.token.type";
/// What went wrong.
pub const ERROR_TYPE: &str = "error.type";

/// Metric: tokens, by [`TOKEN_TYPE`].
pub const CLIENT_TOKEN_USAGE: &str = "gen_ai.client.token.usage";
/// Metric: seconds of the whole operation.
pub const CLIENT_OPERATION_DURATION: &str = "gen_ai.client.operation.duration";
/// Metric: seconds to the first chunk.
pub const CLIENT_OPERATION_TIME_TO_FIRST_CHUNK: &str =
    "gen_ai.client.operation.time_to_first_chunk";
/// Metric: seconds between chunks.
pub const CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK: &str =
    "gen_ai.client.operation.time_per_output_chunk";

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// A word or name.
    Text(String),
    /// A count.
    Count(u64),
    /// Seconds.
    Seconds(f64),
    /// Words in order.
    List(Vec<&'static str>),
}

/// One observation for a histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measurement {
    /// The metric: one of the constants of this module.
    pub name: &'static str,
    /// The observed value.
    pub value: f64,
    /// `{token}` or `s`.
    pub unit: &'static str,
    /// The attribute [`TOKEN_TYPE`], for token counts.
    pub token_type: Option<&'static str>,
}

/// The attributes of a span over the stream, in order of their names' constants here.
///
/// What is unknown is left out.
pub fn attributes(stats: &StreamStats) -> Vec<(&'static str, Value)> {
    let origin = &stats.origin;
    let tokens = Tokens::of(stats);
    let text = |text: &str| Value::Text(text.to_owned());
    let reasons = origin.finish_reasons.iter().map(|reason| reason.as_str()).collect::<Vec<_>>();
    let pairs = [
        (OPERATION_NAME, origin.format.map(operation).map(text)),
        (PROVIDER_NAME, origin.format.and_then(provider).map(text)),
        (RESPONSE_MODEL, origin.model.as_deref().map(text)),
        (RESPONSE_ID, origin.id.as_deref().map(text)),
        (RESPONSE_FINISH_REASONS, (!reasons.is_empty()).then_some(Value::List(reasons))),
        (RESPONSE_TIME_TO_FIRST_CHUNK, first_chunk_seconds(stats).map(Value::Seconds)),
        (USAGE_INPUT_TOKENS, tokens.input.map(Value::Count)),
        (USAGE_OUTPUT_TOKENS, tokens.output.map(Value::Count)),
        (USAGE_CACHE_READ_INPUT_TOKENS, tokens.cache_read.map(Value::Count)),
        (USAGE_CACHE_CREATION_INPUT_TOKENS, tokens.cache_write.map(Value::Count)),
        (USAGE_REASONING_OUTPUT_TOKENS, tokens.reasoning.map(Value::Count)),
        (ERROR_TYPE, origin.error.map(ErrorKind::as_str).map(text)),
    ];
    pairs.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// The observations that a client reports of a streamed operation, once it is over.
///
/// The time between chunks is observed once, as the mean of the stream.
pub fn measurements(stats: &StreamStats) -> Vec<Measurement> {
    let tokens = Tokens::of(stats);
    let between = stats.inter_token.map(|times| times.mean_ms / 1e3);
    let seconds = [
        (CLIENT_OPERATION_DURATION, Some(stats.total_duration_ms / 1e3)),
        (CLIENT_OPERATION_TIME_TO_FIRST_CHUNK, first_chunk_seconds(stats)),
        (CLIENT_OPERATION_TIME_PER_OUTPUT_CHUNK, between),
    ];
    let seconds = seconds.into_iter().filter_map(|(name, value)| {
        Some(Measurement { name, value: value?, unit: "s", token_type: None })
    });
    let counts = [("input", tokens.input), ("output", tokens.output)];
    let counts = counts.into_iter().filter_map(|(token_type, count)| {
        let value = to_f64(count?);
        let (name, unit) = (CLIENT_TOKEN_USAGE, "{token}");
        Some(Measurement { name, value, unit, token_type: Some(token_type) })
    });
    counts.chain(seconds).collect()
}

/// The numbers of tokens that may be reported.
#[derive(Debug, Default)]
struct Tokens {
    input: Option<u64>,
    output: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    reasoning: Option<u64>,
}

impl Tokens {
    fn of(stats: &StreamStats) -> Self {
        let usage = stats.usage.as_ref();
        // A provider counts the input before it begins, the output when it is done.
        let last_word = usage.filter(|_| stats.usage_is_final);
        let output = match stats.token_source {
            TokenSource::Words => None,
            TokenSource::Provider if !stats.usage_is_final => None,
            _ => Some(stats.total_tokens),
        };
        Self {
            input: usage.and_then(|usage| usage.input_tokens),
            output,
            cache_read: usage.and_then(|usage| usage.cache_read_tokens),
            cache_write: usage.and_then(|usage| usage.cache_write_tokens),
            reasoning: last_word.and_then(|usage| usage.reasoning_tokens),
        }
    }
}

/// Seconds to the first piece of text, whatever its channel.
fn first_chunk_seconds(stats: &StreamStats) -> Option<f64> {
    let first = match (stats.first_token_ms, stats.first_reasoning_ms) {
        (Some(token), Some(reasoning)) => Some(token.min(reasoning)),
        (token, reasoning) => token.or(reasoning),
    };
    first.map(|first| first / 1e3)
}

fn operation(format: Format) -> &'static str {
    match format {
        Format::OpenAiCompletions => "text_completion",
        Format::Gemini | Format::GeminiInteractions => "generate_content",
        Format::OpenAiChat
        | Format::OpenAiResponses
        | Format::Anthropic
        | Format::Ollama
        | Format::Cohere => "chat",
    }
}

/// Whose format it is, where only its inventor speaks it.
///
/// Many providers speak OpenAI's chat format and anybody may run Ollama, so these tell nothing.
fn provider(format: Format) -> Option<&'static str> {
    match format {
        Format::OpenAiResponses => Some("openai"),
        Format::Anthropic => Some("anthropic"),
        Format::Gemini | Format::GeminiInteractions => Some("gcp.gemini"),
        Format::Cohere => Some("cohere"),
        Format::OpenAiChat | Format::OpenAiCompletions | Format::Ollama => None,
    }
}
