//! Serves encodings over loopback, cut into pieces that no event is as short as.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode, Uri, header};
use futures_util::stream;
use millstream::llm::{OutputFormat, encode};
use tokio::net::TcpListener;

use super::Sample;

/// Bytes of a piece of a body: small enough to cut events, and no power of two.
const PIECE_BYTES: usize = 97;

/// Serves the `current` one of `samples` at `/FORMAT`, whatever follows; the task runs until it is
/// aborted.
///
/// # Errors
/// If there is no port to listen on.
///
/// # Cancel safety
/// Dropping the future starts nothing.
pub async fn serve(
    samples: Arc<Vec<Sample>>,
    current: Arc<AtomicUsize>,
) -> anyhow::Result<(SocketAddr, tokio::task::JoinHandle<std::io::Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // The request is read to its end: a connection with bytes left unread is reset.
    let answer = move |uri: Uri, _request: Bytes| {
        let sample = samples.get(current.load(Ordering::SeqCst));
        let response = respond(format_of(uri.path()).zip(sample));
        async move { response }
    };
    let app = Router::new().fallback(answer);
    let task = tokio::spawn(async move { axum::serve(listener, app).await });
    Ok((address, task))
}

fn respond(asked: Option<(OutputFormat, &Sample)>) -> Response<Body> {
    let Some((format, sample)) = asked else {
        let mut response = Response::new(Body::from("no such stream"));
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let bytes = encode(format, &sample.events);
    let pieces: Vec<Result<Bytes, Infallible>> =
        bytes.chunks(PIECE_BYTES).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
    let mut response = Response::new(Body::from_stream(stream::iter(pieces)));
    let headers = response.headers_mut();
    let content_type = header::HeaderValue::from_static(format.content_type());
    headers.insert(header::CONTENT_TYPE, content_type);
    if let Some((name, value)) = format.header() {
        let name = header::HeaderName::from_static(name);
        headers.insert(name, header::HeaderValue::from_static(value));
    }
    response
}

fn format_of(path: &str) -> Option<OutputFormat> {
    path.split('/').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_begins_with_a_format() {
        assert_eq!(format_of("/ai-sdk/api/chat"), Some(OutputFormat::AiSdk));
        for path in ["/", "/0", "/morse/ai-sdk"] {
            assert!(format_of(path).is_none(), "{path}");
        }
    }
}
