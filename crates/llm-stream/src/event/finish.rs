//! Why a choice ended: the provider's own word and what it means.

use serde::{Deserialize, Serialize};

use super::RawJson;
use crate::names::wire_names;

/// Why a choice ended, in words that mean the same for every provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum FinishReason {
    /// The model was done, or met a stop sequence.
    Stop,
    /// A limit on tokens, or the context window, was reached.
    Length,
    /// The model waits for the results of its tool calls.
    ToolCalls,
    /// A filter of the provider stopped it.
    ContentFilter,
    /// The model declined.
    Refusal,
    /// The provider paused a long turn; sending it back goes on.
    Pause,
    /// Something failed.
    Error,
    /// A reason that the crate does not know.
    Other,
}

wire_names!(FinishReason {
    Stop = "stop",
    Length = "length",
    ToolCalls = "tool_calls",
    ContentFilter = "content_filter",
    Refusal = "refusal",
    Pause = "pause",
    Error = "error",
    Other = "other",
});

impl FinishReason {
    /// What a provider's own word means, in any of the formats.
    ///
    /// # Examples
    /// ```
    /// use llm_stream::FinishReason;
    ///
    /// assert_eq!(FinishReason::from_provider("end_turn"), FinishReason::Stop);
    /// assert_eq!(FinishReason::from_provider("MAX_TOKENS"), FinishReason::Length);
    /// ```
    pub fn from_provider(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "stop" | "end_turn" | "stop_sequence" | "complete" | "completed" | "eos"
            | "eos_token" | "finish" | "finished" | "load" | "unload" => Self::Stop,
            "length"
            | "max_tokens"
            | "max_output_tokens"
            | "incomplete"
            | "model_length"
            | "model_context_window_exceeded" => Self::Length,
            "tool_calls" | "tool_call" | "tool_use" | "function_call" | "requires_action" => {
                Self::ToolCalls
            }
            "content_filter" | "content-filter" | "safety" | "recitation" | "blocklist"
            | "prohibited_content" | "spii" | "language" | "image_safety" | "error_toxic" => {
                Self::ContentFilter
            }
            "refusal" => Self::Refusal,
            "pause_turn" => Self::Pause,
            "error"
            | "failed"
            | "error_limit"
            | "malformed_function_call"
            | "cancelled"
            | "unexpected_tool_call"
            | "user_cancel" => Self::Error,
            _ => Self::Other,
        }
    }
}

/// The end of one choice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finish {
    /// The choice that ended.
    #[serde(default, skip_serializing_if = "super::metadata::is_zero")]
    pub choice: u32,
    /// What the reason means.
    ///
    /// Where a provider calls it a plain stop although the model made tool calls, this says
    /// [`FinishReason::ToolCalls`].
    pub reason: FinishReason,
    /// The provider's own word: its `finish_reason`, `stop_reason`, `status` or `done_reason`.
    pub provider_reason: String,
    /// The stop sequence that was met, where the provider names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop_sequence: Option<String>,
    /// What else the provider says about the reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub details: Option<RawJson>,
}
