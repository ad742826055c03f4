//! Finish reasons and error kinds in the words of each output format.

use crate::event::{ErrorKind, Finish, FinishReason, StreamError};
use crate::format::Format;

/// The provider's own word, where it is one of the output format's words for the reason.
fn own_word(finish: &Finish, source: Option<Format>, native: Format) -> Option<&str> {
    let word = finish.provider_reason.as_str();
    let means_it = FinishReason::from_provider(word) == finish.reason;
    (means_it && source == Some(native)).then_some(word)
}

/// The word of OpenAI chat; where it has none for an error, the one that gateways use.
pub(super) fn chat(finish: &Finish, source: Option<Format>) -> &str {
    own_word(finish, source, Format::OpenAiChat).unwrap_or(match finish.reason {
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool_calls",
        FinishReason::ContentFilter | FinishReason::Refusal => "content_filter",
        FinishReason::Error => "error",
        FinishReason::Stop | FinishReason::Pause | FinishReason::Other => "stop",
    })
}

/// The word of Anthropic; it has none for an error.
pub(super) fn anthropic(finish: &Finish, source: Option<Format>) -> Option<&str> {
    own_word(finish, source, Format::Anthropic).or(match finish.reason {
        FinishReason::Length => Some("max_tokens"),
        FinishReason::ToolCalls => Some("tool_use"),
        FinishReason::ContentFilter | FinishReason::Refusal => Some("refusal"),
        FinishReason::Pause => Some("pause_turn"),
        FinishReason::Error => None,
        FinishReason::Stop if finish.stop_sequence.is_some() => Some("stop_sequence"),
        FinishReason::Stop | FinishReason::Other => Some("end_turn"),
    })
}

/// The word of the AI SDK.
pub(super) fn ai_sdk(finish: &Finish) -> &'static str {
    match finish.reason {
        FinishReason::Stop => "stop",
        FinishReason::Length => "length",
        FinishReason::ToolCalls => "tool-calls",
        FinishReason::ContentFilter | FinishReason::Refusal => "content-filter",
        FinishReason::Error => "error",
        FinishReason::Pause | FinishReason::Other => "other",
    }
}

/// What both OpenAI and Anthropic call an error of this kind.
pub(super) fn error_type(error: &StreamError) -> &'static str {
    match error.kind {
        ErrorKind::InvalidRequest => "invalid_request_error",
        ErrorKind::Authentication => "authentication_error",
        ErrorKind::Quota => "billing_error",
        ErrorKind::RateLimit => "rate_limit_error",
        ErrorKind::Overloaded => "overloaded_error",
        ErrorKind::Timeout => "timeout_error",
        ErrorKind::Server => "api_error",
        other => other.as_str(),
    }
}

/// The provider's code of an error, where it tells the kind; else a word that does.
pub(super) fn error_code(error: &StreamError) -> &str {
    let code = error.code.as_deref();
    code.filter(|code| ErrorKind::from_provider(code) == error.kind).unwrap_or(error_type(error))
}
