//! Token counts in the words of OpenAI chat and of its imitators.

use serde_json::value::RawValue;

use super::super::lenient::{Count, Key, missing, payload};
use crate::event::{RawJson, Usage};

payload! {
    /// The numbers of a usage object that have a meaning for every provider.
    pub(in crate::wire) struct Tokens<'a> {
        input: Count<'a> = "prompt_tokens" | "input_tokens",
        output: Count<'a> = "completion_tokens" | "output_tokens",
        total: Count<'a> = "total_tokens",
        input_details: Details<'a> = "prompt_tokens_details" | "input_tokens_details",
        output_details: Details<'a> = "completion_tokens_details" | "output_tokens_details",
        cache_hits: Count<'a> = "prompt_cache_hit_tokens",
        reasoning: Count<'a> = "reasoning_tokens",
    }
}

payload! {
    struct Details<'a> {
        cached: Count<'a> = "cached_tokens",
        cache_write: Count<'a> = "cache_write_tokens" | "cache_creation_tokens",
        reasoning: Count<'a> = "reasoning_tokens",
    }
}

impl Tokens<'_> {
    /// The event form; `raw` is the object that the numbers were read from.
    pub(in crate::wire) fn usage(&self, raw: &RawValue) -> Usage {
        Usage {
            input_tokens: self.input.0,
            output_tokens: self.output.0,
            total_tokens: self.total.0,
            cache_read_tokens: self.input_details.cached.0.or(self.cache_hits.0),
            cache_write_tokens: self.input_details.cache_write.0,
            reasoning_tokens: self.output_details.reasoning.0.or(self.reasoning.0),
            raw: Some(RawJson::from_raw(raw)),
        }
    }
}
