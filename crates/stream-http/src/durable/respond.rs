//! Answers and refusals as responses, and the headers that every one of them carries.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use stream_log::{AppendError, ReadError, StoreError};
use stream_protocol::durable::{Answer, Refusal};

use crate::reject::Reject;

/// Keeps pages of other origins from embedding the answer (12.7); those that are allowed ask by CORS,
/// which it does not concern.
const CROSS_ORIGIN_RESOURCE_POLICY: HeaderName =
    HeaderName::from_static("cross-origin-resource-policy");

/// A refusal on its way out.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Refusal);

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self(refusal)
    }
}

impl From<Reject> for Refused {
    fn from(reject: Reject) -> Self {
        Self(reject.0.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let Refusal { problem, headers } = self.0;
        let mut response = Reject(*problem).into_response();
        response.headers_mut().extend(headers);
        response
    }
}

/// A response of this head.
pub(super) fn respond(answer: Answer, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    response
}

/// A response without a body.
pub(super) fn respond_empty(answer: Answer) -> Response {
    respond(answer, Bytes::new())
}

/// The store could not do it.
pub(super) fn store_refused(error: &StoreError) -> Refusal {
    Reject::store(error).0.into()
}

/// The log cannot be read; a deleted one is as good as none.
pub(super) fn read_refused(error: &ReadError) -> Refusal {
    match error {
        ReadError::Deleted => Refusal::not_found(),
        error => Reject::read(error).0.into(),
    }
}

/// The log took nothing; a deleted one is as good as none.
pub(super) fn append_refused(error: &AppendError) -> Refusal {
    match error {
        AppendError::Deleted => Refusal::not_found(),
        AppendError::Producer(error) => Refusal::producer(*error),
        error => Reject::append(error).0.into(),
    }
}

/// What a browser must know of every answer (12.7).
pub(crate) const BROWSER_HEADERS: [(HeaderName, HeaderValue); 2] = [
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (CROSS_ORIGIN_RESOURCE_POLICY, HeaderValue::from_static("same-origin")),
];

/// Adds [`BROWSER_HEADERS`].
pub(super) async fn with_browser_headers(mut response: Response) -> Response {
    for (name, value) in BROWSER_HEADERS {
        response.headers_mut().insert(name, value);
    }
    response
}
