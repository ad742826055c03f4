//! Request bodies, read whole and never beyond a limit.

use axum::body::Body;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt;
use stream_model::ErrorClass;
use stream_protocol::Problem;

use crate::limits::DISCARD_BYTES;

/// Reads a body of at most `limit` bytes.
///
/// What comes beyond the limit is read and thrown away, up to a bound of its own: a client that
/// is still sending when it is refused would see a broken connection and no answer.
///
/// # Errors
/// A problem that names the limit, or says that the body broke off.
pub(crate) async fn read(mut body: Body, limit: usize) -> Result<Bytes, Problem> {
    let mut read = Parts::default();
    let mut discarded = 0_usize;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| broken_off(&error))?;
        let data = frame.into_data().unwrap_or_default();
        if discarded > 0 || read.len().saturating_add(data.len()) > limit {
            discarded = discarded.saturating_add(data.len());
        } else {
            read.push(data);
        }
        if discarded > DISCARD_BYTES {
            break;
        }
    }
    if discarded > 0 { Err(too_large(limit)) } else { Ok(read.take()) }
}

/// A body so far; one that came in one part, as most do, is not copied.
#[derive(Default)]
struct Parts {
    first: Bytes,
    joined: BytesMut,
}

impl Parts {
    fn push(&mut self, part: Bytes) {
        if self.len() == 0 {
            self.first = part;
            return;
        }
        if self.joined.is_empty() {
            self.joined.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.joined.extend_from_slice(&part);
    }

    fn len(&self) -> usize {
        self.first.len().max(self.joined.len())
    }

    fn take(self) -> Bytes {
        if self.joined.is_empty() { self.first } else { self.joined.freeze() }
    }
}

/// A body, or what stands for one elsewhere, is beyond its limit.
pub(crate) fn too_large(limit: usize) -> Problem {
    Problem::new(ErrorClass::TooLarge, "body-too-large", "The body is too large")
        .detail(format!("expected a body of at most {limit} bytes; send it in smaller parts"))
        .with("limit", limit)
}

fn broken_off(error: &axum::Error) -> Problem {
    Problem::new(ErrorClass::Invalid, "body-cut", "The body broke off").detail(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a body that comes in these parts.
    async fn check(parts: &[&'static str], limit: usize, want: Option<&str>) {
        let parts: Vec<_> = parts.iter().map(|part| Ok::<_, std::io::Error>(*part)).collect();
        let body = Body::from_stream(futures_util::stream::iter(parts));
        assert_eq!(read(body, limit).await.ok().as_deref(), want.map(str::as_bytes));
    }

    #[tokio::test]
    async fn a_body_is_whole_or_refused() {
        check(&[], 0, Some("")).await;
        check(&["abc"], 3, Some("abc")).await;
        check(&["a", "", "b", "c"], 3, Some("abc")).await;
        check(&["abcd"], 3, None).await;
        check(&["ab", "cd", "e"], 3, None).await;
        check(&["ab", "cd", ""], 4, Some("abcd")).await;
    }
}
