//! How a failure is told: problem documents by RFC 9457.

use http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use stream_model::ErrorClass;

/// The content type of a problem document.
pub const PROBLEM_CONTENT_TYPE: &str = "application/problem+json";

/// A failure as a client sees it (RFC 9457, 3).
///
/// ```
/// use stream_model::ErrorClass;
/// use stream_protocol::Problem;
///
/// let problem = Problem::new(ErrorClass::TooLarge, "body-too-large", "The body is too large")
///     .detail("expected a body of at most 1024 bytes")
///     .with("limit", 1024);
/// assert_eq!(problem.status().as_u16(), 413);
/// assert_eq!(problem.to_json()["type"], "urn:millstream:problem:body-too-large");
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(flatten)]
    more: Map<String, Value>,
}

impl Problem {
    /// A problem of the stable type `urn:millstream:problem:NAME`, with the same title each time.
    pub fn new(class: ErrorClass, name: &str, title: &'static str) -> Self {
        Self {
            kind: format!("urn:millstream:problem:{name}"),
            title,
            status: status_of(class).as_u16(),
            detail: None,
            more: Map::new(),
        }
    }

    /// Says what happened this time, and what to do about it.
    #[must_use]
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    /// Adds a member for programs to read, such as the limit that was hit.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.more.insert(name.to_owned(), value.into());
        self
    }

    /// Answers with another status than the class has.
    #[must_use]
    pub fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status.as_u16();
        self
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The document.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// The one place where a kind of failure becomes a status (RFC 9110, 15).
pub const fn status_of(class: ErrorClass) -> StatusCode {
    match class {
        ErrorClass::Invalid => StatusCode::BAD_REQUEST,
        ErrorClass::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorClass::Forbidden | ErrorClass::Fenced => StatusCode::FORBIDDEN,
        ErrorClass::NotFound => StatusCode::NOT_FOUND,
        ErrorClass::Conflict => StatusCode::CONFLICT,
        ErrorClass::Gone => StatusCode::GONE,
        ErrorClass::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorClass::Unsupported => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        ErrorClass::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorClass::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorClass::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
