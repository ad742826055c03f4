//! A request that was not carried out: a problem document, and the headers that clients act on.

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use stream_model::{ErrorClass, ProducerError};

use super::StreamOffset;
use super::headers::{
    PRODUCER_EXPECTED_SEQ, PRODUCER_RECEIVED_SEQ, STREAM_CLOSED, STREAM_NEXT_OFFSET,
};
use crate::Problem;
use crate::publish::PRODUCER_EPOCH;

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// What went wrong, for people and programs; boxed, as most requests are not refused.
    pub problem: Box<Problem>,
    /// What the protocol says in headers, and what its clients read.
    pub headers: HeaderMap,
}

impl Refusal {
    /// A refusal of this class.
    pub fn new(
        class: ErrorClass,
        name: &str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let problem = Problem::new(class, name, title).detail(detail);
        Self { problem: Box::new(problem), headers: HeaderMap::new() }
    }

    /// Status 400.
    pub(super) fn invalid(name: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorClass::Invalid, name, title, detail)
    }

    /// Status 409.
    pub(super) fn conflict(name: &str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(ErrorClass::Conflict, name, title, detail)
    }

    /// Status 404: there is no such stream, or it has expired.
    pub fn not_found() -> Self {
        let detail = "no stream was created at this path, or it was deleted or has expired";
        Self::new(ErrorClass::NotFound, "not-found", "There is no such stream", detail)
    }

    /// Status 410: the stream was deleted, and lives on in its forks alone (4.2).
    pub fn deleted() -> Self {
        let detail = "the stream was deleted; its data is kept for its forks";
        Self::new(ErrorClass::Gone, "stream-deleted", "The stream was deleted", detail)
    }

    /// Status 409: the path is taken by a deleted stream that lives on in its forks (4.2).
    pub fn path_blocked() -> Self {
        let detail = "a deleted stream with forks stands at this path until the last fork is gone";
        Self::conflict("stream-deleted", "The path is taken by a deleted stream", detail)
    }

    /// Status 410: the offset belongs to a stream that stood at this path before, or to a branch
    /// that this fork does not share.
    pub fn foreign_offset(offset: StreamOffset) -> Self {
        let detail = format!("the offset {offset} belongs to another stream; read from -1");
        Self::new(ErrorClass::Gone, "offset-foreign", "The offset is gone", detail)
    }

    /// Status 400: no such append was ever acknowledged.
    pub fn beyond_tail(offset: StreamOffset, tail: StreamOffset) -> Self {
        let detail = format!("the offset {offset} lies beyond the tail {tail}");
        Self::invalid("offset-beyond-tail", "There is no such offset", detail)
    }

    /// Status 409: the stream takes nothing more; tells where it ended (5.2).
    pub fn closed(tail: StreamOffset) -> Self {
        let detail = format!("the stream was closed at {tail}");
        let mut refusal = Self::conflict("stream-closed", "The stream is closed", detail);
        refusal.set(STREAM_CLOSED, "true");
        refusal.set(STREAM_NEXT_OFFSET, &tail.to_string());
        refusal
    }

    /// What a producer has to know to go on (5.2.1).
    pub fn producer(error: ProducerError) -> Self {
        let (name, title) = match error {
            ProducerError::Fenced { .. } => ("producer-fenced", "A newer producer has taken over"),
            ProducerError::Gap { .. } => ("producer-gap", "An append before this one is missing"),
            _ => ("producer-invalid", "The producer headers do not fit"),
        };
        let mut refusal = Self::new(error.class(), name, title, error.to_string());
        match error {
            ProducerError::Fenced { current } => {
                refusal.set(PRODUCER_EPOCH, &current.to_string());
            }
            ProducerError::Gap { expected, received } => {
                refusal.set(PRODUCER_EXPECTED_SEQ, &expected.to_string());
                refusal.set(PRODUCER_RECEIVED_SEQ, &received.to_string());
            }
            _ => {}
        }
        refusal
    }

    fn set(&mut self, name: HeaderName, value: &str) {
        // Numbers and our own words are visible ASCII; anything else is left out.
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
    }
}

impl<P: Into<Problem>> From<P> for Refusal {
    fn from(problem: P) -> Self {
        Self { problem: Box::new(problem.into()), headers: HeaderMap::new() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(refusal: Refusal, status: u16, headers: &[(HeaderName, &str)]) {
        assert_eq!(refusal.problem.status().as_u16(), status);
        assert_eq!(refusal.headers.len(), headers.len());
        for (name, value) in headers {
            assert_eq!(refusal.headers[name], *value);
        }
    }

    #[test]
    fn clients_are_told_in_headers_how_to_go_on() {
        let tail = StreamOffset::new(1, 2);
        let token = tail.to_string();
        check(Refusal::not_found(), 404, &[]);
        check(Refusal::closed(tail), 409, &[(STREAM_CLOSED, "true"), (STREAM_NEXT_OFFSET, &token)]);
        check(
            Refusal::producer(ProducerError::Fenced { current: 3 }),
            403,
            &[(PRODUCER_EPOCH, "3")],
        );
        check(
            Refusal::producer(ProducerError::Gap { expected: 1, received: 5 }),
            409,
            &[(PRODUCER_EXPECTED_SEQ, "1"), (PRODUCER_RECEIVED_SEQ, "5")],
        );
        check(Refusal::producer(ProducerError::EpochStart { received: 5 }), 400, &[]);
    }
}
