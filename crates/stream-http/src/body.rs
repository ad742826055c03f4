//! Request bodies, read whole and never beyond a limit.

use axum::body::Body;
use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use stream_model::ErrorClass;
use stream_protocol::Problem;

/// Reads a body of at most `limit` bytes.
///
/// # Errors
/// A problem that names the limit, or says that the body broke off.
pub(crate) async fn read(body: Body, limit: usize) -> Result<Bytes, Problem> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => {
            Err(Problem::new(ErrorClass::TooLarge, "body-too-large", "The body is too large")
                .detail(format!(
                    "expected a body of at most {limit} bytes; send it in smaller parts"
                ))
                .with("limit", limit))
        }
        Err(error) => Err(Problem::new(ErrorClass::Invalid, "body-cut", "The body broke off")
            .detail(error.to_string())),
    }
}
