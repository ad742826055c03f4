//! Errors inside a stream, typed so that a caller can decide without reading messages.

use serde::{Deserialize, Serialize};

use super::RawJson;
use crate::names::wire_names;

/// What went wrong, in words that mean the same for every provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request was wrong; the same one will fail again.
    InvalidRequest,
    /// The key was refused or lacks a permission.
    Authentication,
    /// The account has no credit left.
    Quota,
    /// Too many requests or tokens for now.
    RateLimit,
    /// The provider has no capacity for now.
    Overloaded,
    /// The provider took too long.
    Timeout,
    /// The provider failed.
    Server,
    /// A filter of the provider stopped the request or the answer.
    ContentFilter,
    /// A payload of the stream was no valid JSON; it was skipped.
    Malformed,
    /// A limit of the decoder was reached.
    Limit,
    /// The format of the stream could not be told from its first bytes.
    UnknownFormat,
    /// The crate cannot say.
    Other,
}

wire_names!(ErrorKind {
    InvalidRequest = "invalid_request",
    Authentication = "authentication",
    Quota = "quota",
    RateLimit = "rate_limit",
    Overloaded = "overloaded",
    Timeout = "timeout",
    Server = "server",
    ContentFilter = "content_filter",
    Malformed = "malformed",
    Limit = "limit",
    UnknownFormat = "unknown_format",
    Other = "other",
});

impl ErrorKind {
    /// Whether the same request may succeed later.
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::RateLimit | Self::Overloaded | Self::Timeout | Self::Server)
    }

    /// What a provider's own code, type or HTTP status means, in any of the formats.
    ///
    /// # Examples
    /// ```
    /// use llm_stream::ErrorKind;
    ///
    /// assert_eq!(ErrorKind::from_provider("overloaded_error"), ErrorKind::Overloaded);
    /// assert_eq!(ErrorKind::from_provider("429"), ErrorKind::RateLimit);
    /// ```
    pub fn from_provider(word: &str) -> Self {
        match word.to_ascii_lowercase().as_str() {
            "400"
            | "404"
            | "405"
            | "409"
            | "413"
            | "415"
            | "422"
            | "invalid_request_error"
            | "not_found_error"
            | "request_too_large"
            | "invalid_argument"
            | "not_found"
            | "failed_precondition"
            | "context_length_exceeded"
            | "invalid_prompt"
            | "model_not_found"
            | "tool_use_failed" => Self::InvalidRequest,
            "401"
            | "403"
            | "authentication_error"
            | "permission_error"
            | "permission_denied"
            | "unauthenticated"
            | "invalid_api_key" => Self::Authentication,
            "402" | "insufficient_quota" | "billing_error" | "insufficient_credits" => Self::Quota,
            "429"
            | "rate_limit_error"
            | "rate_limit_exceeded"
            | "resource_exhausted"
            | "too_many_requests"
            | "tokens"
            | "requests" => Self::RateLimit,
            "503"
            | "529"
            | "overloaded_error"
            | "overloaded"
            | "unavailable"
            | "server_is_overloaded"
            | "slow_down"
            | "service_unavailable" => Self::Overloaded,
            "408" | "504" | "timeout_error" | "deadline_exceeded" | "timeout" => Self::Timeout,
            "500"
            | "502"
            | "api_error"
            | "server_error"
            | "internal_error"
            | "internal"
            | "internal_server_error"
            | "bad_gateway" => Self::Server,
            "content_filter" | "content_policy_violation" | "safety" => Self::ContentFilter,
            _ => Self::Other,
        }
    }
}

/// An error inside a stream: the provider's own, or what the decoder found wrong with its bytes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StreamError {
    /// What kind of error it is; in a dict without one, [`ErrorKind::Other`].
    #[serde(default = "other", skip_serializing_if = "is_other")]
    pub kind: ErrorKind,
    /// What happened, for people; in the dict form it is the event's `content`.
    #[serde(skip)]
    pub message: String,
    /// The provider's code or type, where it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The provider's own error value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<RawJson>,
    /// The beginning of the payload that could not be decoded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

fn other() -> ErrorKind {
    ErrorKind::Other
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
fn is_other(kind: &ErrorKind) -> bool {
    *kind == ErrorKind::Other
}

impl StreamError {
    /// An error of which only the kind and a message are known.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: None, raw: None, payload: None }
    }

    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        self.kind.is_retryable()
    }

    /// Whether the provider reported it, rather than the decoder.
    pub fn is_from_provider(&self) -> bool {
        !matches!(self.kind, ErrorKind::Malformed | ErrorKind::Limit | ErrorKind::UnknownFormat)
    }
}
