//! Parts of a request's address; what has no meaning is a problem document like any other.

use axum::extract::{FromRequestParts, Path, Query};
use http::request::Parts;
use serde::de::DeserializeOwned;
use stream_model::ErrorClass;
use stream_protocol::Problem;

use crate::reject::Reject;

/// The one variable segment of the path, decoded.
#[derive(Debug)]
pub(crate) struct Name(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Reject> {
        match Path::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(error) => {
                let problem =
                    Problem::new(ErrorClass::Invalid, "path-invalid", "The path is broken");
                Err(problem.detail(error.body_text()).into())
            }
        }
    }
}

/// The query.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Reject;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Reject> {
        match Query::from_request_parts(parts, state).await {
            Ok(Query(query)) => Ok(Self(query)),
            Err(error) => {
                let problem =
                    Problem::new(ErrorClass::Invalid, "query-invalid", "The query is broken");
                Err(problem.detail(error.body_text()).into())
            }
        }
    }
}
