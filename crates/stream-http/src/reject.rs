//! Failures as responses.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, StatusCode, Uri};
use llm_relay::{RelayIdError, StartError};
use stream_log::{AppendError, ReadError, StoreError};
use stream_model::{ErrorClass, TopicError};
use stream_protocol::{PROBLEM_CONTENT_TYPE, Problem};
use tracing::error;

use crate::many::OpenError;

/// A request that was not carried out, and why.
#[derive(Debug)]
pub(crate) struct Reject(pub(crate) Problem);

impl IntoResponse for Reject {
    fn into_response(self) -> Response {
        let body = self.0.to_json().to_string();
        let mut response =
            (self.0.status(), [(CONTENT_TYPE, PROBLEM_CONTENT_TYPE)], body).into_response();
        if response.status() == StatusCode::UNAUTHORIZED {
            // RFC 9110, 11.6.1 asks for it.
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl<P: Into<Problem>> From<P> for Reject {
    fn from(problem: P) -> Self {
        Self(problem.into())
    }
}

/// A problem of this class, told in the error's own words and those of its causes.
fn problem(
    class: ErrorClass,
    name: &str,
    title: &'static str,
    error: &dyn std::error::Error,
) -> Problem {
    let mut detail = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        detail.push_str(": ");
        detail.push_str(&cause.to_string());
        source = cause.source();
    }
    if matches!(class, ErrorClass::Unavailable | ErrorClass::Internal) {
        error!(detail, "request failed");
    }
    Problem::new(class, name, title).detail(detail)
}

impl Reject {
    pub(crate) fn topic(error: TopicError) -> Self {
        Self(problem(ErrorClass::Invalid, "topic-invalid", "The name is no topic", &error))
    }

    pub(crate) fn relay_id(error: RelayIdError) -> Self {
        Self(problem(ErrorClass::Invalid, "relay-id-invalid", "The name is no relay's", &error))
    }

    pub(crate) fn append(error: &AppendError) -> Self {
        let name = match error {
            AppendError::Closed { .. } => "log-closed",
            AppendError::Producer(_) => "producer-out-of-order",
            AppendError::Full { .. } => "log-full",
            AppendError::TooLarge { .. } => "batch-too-large",
            _ => "append-failed",
        };
        Self(problem(error.class(), name, "The events were not published", error))
    }

    pub(crate) fn read(error: &ReadError) -> Self {
        let (name, problem_of_reader) = match error {
            ReadError::Trimmed { .. } => ("position-trimmed", "The position is gone"),
            ReadError::EpochChanged { .. } => ("epoch-changed", "The stream was made anew"),
            ReadError::BeyondTail { .. } => ("position-beyond-tail", "There is no such position"),
            ReadError::Damaged { .. } => ("records-damaged", "The records are damaged"),
            ReadError::Deleted => ("not-found", "There is no such stream"),
            _ => ("read-failed", "The stream cannot be read"),
        };
        let mut reject = problem(error.class(), name, problem_of_reader, error);
        if let ReadError::Trimmed { earliest, .. } = error {
            reject = reject.with("earliest", earliest.get());
        }
        Self(reject)
    }

    pub(crate) fn store(error: &StoreError) -> Self {
        Self(problem(error.class(), "store-failed", "The store cannot do it", error))
    }

    pub(crate) fn open(error: &OpenError) -> Self {
        match error {
            OpenError::Store(error) => Self::store(error),
            OpenError::Read(error) => Self::read(error),
            OpenError::TooMany => {
                Self(problem(ErrorClass::TooLarge, "too-many-topics", "Too many topics", error))
            }
        }
    }

    pub(crate) fn start(error: &StartError) -> Self {
        let (name, title) = match error {
            StartError::Exists => ("relay-exists", "A relay of this name runs or is kept"),
            _ => ("relay-failed", "The relay cannot be started or stopped"),
        };
        Self(problem(error.class(), name, title, error))
    }

    pub(crate) fn not_found(what: &'static str) -> Self {
        Self(Problem::new(ErrorClass::NotFound, "not-found", what))
    }
}

/// What nobody answers.
pub(crate) async fn unknown_route(method: Method, uri: Uri) -> Reject {
    let problem = Problem::new(ErrorClass::NotFound, "route-unknown", "There is no such route");
    Reject(problem.detail(format!(
        "nothing answers {method} {}; publish to /topics/{{topic}}, or start a relay at /llm/{{id}}",
        uri.path()
    )))
}

/// A route that is there, but not for this method.
pub(crate) async fn wrong_method(method: Method, uri: Uri) -> Reject {
    let problem =
        Problem::new(ErrorClass::Invalid, "method-unknown", "The method is not taken here");
    Reject(
        problem
            .with_status(StatusCode::METHOD_NOT_ALLOWED)
            .detail(format!("{} does not take {method}", uri.path())),
    )
}
