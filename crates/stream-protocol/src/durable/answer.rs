//! The head of an answer that says yes.

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION};
use http::{HeaderMap, StatusCode};

use super::headers::{STREAM_CLOSED, STREAM_NEXT_OFFSET};
use super::record::Description;
use super::{ContentType, StreamOffset};

/// Status and headers of an answer, without its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
}

impl Answer {
    pub(super) fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new() }
    }

    /// The answer to a `HEAD` (5.5): what the stream is, and where it ends.
    pub fn metadata(description: &Description, tail: StreamOffset, closed: bool) -> Self {
        let answer = Self::new(StatusCode::OK)
            .content_type(&description.content_type)
            .next(tail)
            .closed(closed)
            .header(CACHE_CONTROL, "no-store");
        match description.lifetime.header() {
            Some((name, value)) => answer.header(name, &value),
            None => answer,
        }
    }

    /// The answer to a `DELETE` (5.4).
    pub fn deleted() -> Self {
        Self::new(StatusCode::NO_CONTENT)
    }

    pub(super) fn header(self, name: HeaderName, value: &str) -> Self {
        // Every value is a number, a token, or was a header before; a broken one is left out.
        self.put(name, HeaderValue::from_str(value).ok())
    }

    fn put(mut self, name: HeaderName, value: Option<HeaderValue>) -> Self {
        if let Some(value) = value {
            self.headers.insert(name, value);
        }
        self
    }

    pub(super) fn content_type(self, content_type: &ContentType) -> Self {
        self.header(CONTENT_TYPE, content_type.as_str())
    }

    pub(super) fn next(self, offset: StreamOffset) -> Self {
        self.put(STREAM_NEXT_OFFSET, HeaderValue::from_bytes(&offset.token()).ok())
    }

    pub(super) fn location(self, url: &str) -> Self {
        self.header(LOCATION, url)
    }

    /// The header is there only if it is true (4.1).
    pub(super) fn closed(self, closed: bool) -> Self {
        if closed { self.header(STREAM_CLOSED, "true") } else { self }
    }
}
