//! Token counts in the words of OpenAI chat and of its imitators.

use super::super::lenient::{Count, payload};
use crate::event::{RawJson, Usage};

payload! {
    /// The numbers of a usage object that have a meaning for every provider.
    pub(in crate::wire) struct Tokens<'a> {
        input: Count = "prompt_tokens" | "input_tokens",
        output: Count = "completion_tokens" | "output_tokens",
        total: Count = "total_tokens",
        input_details: Details<'a> = "prompt_tokens_details" | "input_tokens_details",
        output_details: Details<'a> = "completion_tokens_details" | "output_tokens_details",
        cache_hits: Count = "prompt_cache_hit_tokens",
        reasoning: Count = "reasoning_tokens",
    }
}

payload! {
    struct Details<'a> {
        cached: Count = "cached_tokens",
        cache_write: Count = "cache_write_tokens" | "cache_creation_tokens",
        reasoning: Count = "reasoning_tokens",
    }
}

impl Tokens<'_> {
    /// The event form; `raw` is the object that the numbers were read from.
    pub(in crate::wire) fn usage(&self, raw: &str) -> Usage {
        Usage {
            input_tokens: self.input.0,
            output_tokens: self.output.0,
            total_tokens: self.total.0,
            cache_read_tokens: self.input_details.cached.0.or(self.cache_hits.0),
            cache_write_tokens: self.input_details.cache_write.0,
            reasoning_tokens: self.output_details.reasoning.0.or(self.reasoning.0),
            raw: Some(RawJson::from_valid(raw)),
        }
    }
}
