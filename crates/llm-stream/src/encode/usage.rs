//! Token counts in the words of each output format.

use super::about::About;
use super::object::Object;
use crate::event::{RawJson, Usage};
use crate::format::Format;

/// What the formats call their counts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Words {
    /// The provider's format whose usage objects look like this.
    native: Format,
    input: &'static str,
    output: &'static str,
    input_details: &'static str,
    output_details: &'static str,
}

/// The words of OpenAI chat.
pub(super) const CHAT: Words = Words {
    native: Format::OpenAiChat,
    input: "prompt_tokens",
    output: "completion_tokens",
    input_details: "prompt_tokens_details",
    output_details: "completion_tokens_details",
};

/// The words of OpenAI Responses.
pub(super) const RESPONSES: Words = Words {
    native: Format::OpenAiResponses,
    input: "input_tokens",
    output: "output_tokens",
    input_details: "input_tokens_details",
    output_details: "output_tokens_details",
};

/// The provider's own object, where it has the form that the output format wants.
fn own(usage: &Usage, about: &About, native: Format) -> Option<RawJson> {
    let is_whole = usage.input_tokens.is_some() && usage.output_tokens.is_some();
    usage.raw.clone().filter(|_| is_whole && about.source == Some(native))
}

/// All input and output; at least what is known of them.
fn total(usage: &Usage) -> u64 {
    let sum = usage.input_tokens.unwrap_or(0).saturating_add(usage.output_tokens.unwrap_or(0));
    usage.total_tokens.unwrap_or(sum)
}

/// Adds the field `usage` in the form of either OpenAI format, null if nothing is known.
pub(super) fn openai(about: &About, words: Words, object: &mut Object<'_>) {
    let Some(usage) = &about.usage else {
        object.put("usage", super::object::NULL);
        return;
    };
    if let Some(raw) = own(usage, about, words.native) {
        object.put("usage", raw);
        return;
    }
    object.object("usage", |counts| {
        counts.put(words.input, usage.input_tokens.unwrap_or(0));
        counts.object(words.input_details, |details| {
            details.put("cached_tokens", usage.cache_read_tokens.unwrap_or(0));
            details.put_some("cache_write_tokens", usage.cache_write_tokens);
        });
        counts.put(words.output, usage.output_tokens.unwrap_or(0));
        counts.object(words.output_details, |details| {
            details.put("reasoning_tokens", usage.reasoning_tokens.unwrap_or(0));
        });
        counts.put("total_tokens", total(usage));
    });
}

/// Adds the field `usage` in Anthropic's form, which always has both counts.
pub(super) fn anthropic(about: &About, object: &mut Object<'_>) {
    let unknown = Usage::default();
    let usage = about.usage.as_ref().unwrap_or(&unknown);
    if let Some(raw) = own(usage, about, Format::Anthropic) {
        object.put("usage", raw);
        return;
    }
    // Cached input is counted apart there.
    let cached = [usage.cache_read_tokens, usage.cache_write_tokens];
    let cached = cached.into_iter().flatten().fold(0, u64::saturating_add);
    object.object("usage", |counts| {
        counts.put("input_tokens", usage.input_tokens.unwrap_or(0).saturating_sub(cached));
        counts.put_some("cache_creation_input_tokens", usage.cache_write_tokens);
        counts.put_some("cache_read_input_tokens", usage.cache_read_tokens);
        counts.put("output_tokens", usage.output_tokens.unwrap_or(0));
        if let Some(thinking) = usage.reasoning_tokens {
            counts.object("output_tokens_details", |details| {
                details.put("thinking_tokens", thinking);
            });
        }
    });
}

/// Adds what is known, in the words that the AI SDK and AG-UI share.
pub(super) fn camel_case(usage: &Usage, counts: &mut Object<'_>) {
    counts
        .put_some("inputTokens", usage.input_tokens)
        .put_some("outputTokens", usage.output_tokens)
        .put_some("totalTokens", usage.total_tokens)
        .put_some("reasoningTokens", usage.reasoning_tokens)
        .put_some("cachedInputTokens", usage.cache_read_tokens)
        .put_some("cacheWriteInputTokens", usage.cache_write_tokens);
}
