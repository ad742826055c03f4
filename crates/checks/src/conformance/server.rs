//! Serves encodings over loopback, cut into pieces that no event is as short as.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{Response, StatusCode, Uri, header};
use futures_util::stream;
use millstream::llm::{OutputFormat, encode};
use tokio::net::TcpListener;

use super::Sample;

/// Bytes of a piece of a body: small enough to cut events, and no power of two.
const PIECE_BYTES: usize = 97;

/// Serves `samples` at `/FORMAT/NUMBER/`, whatever follows; the task runs until it is aborted.
///
/// # Errors
/// If there is no port to listen on.
///
/// # Cancel safety
/// Dropping the future starts nothing.
pub async fn serve(
    samples: Arc<Vec<Sample>>,
) -> anyhow::Result<(SocketAddr, tokio::task::JoinHandle<std::io::Result<()>>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // The request is read to its end: a connection with bytes left unread is reset.
    let answer = move |uri: Uri, _request: Bytes| {
        let response = respond(&samples, uri.path());
        async move { response }
    };
    let app = Router::new().fallback(answer);
    let task = tokio::spawn(async move { axum::serve(listener, app).await });
    Ok((address, task))
}

fn respond(samples: &[Sample], path: &str) -> Response<Body> {
    let Some((format, sample)) = find(samples, path) else {
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

fn find<'a>(samples: &'a [Sample], path: &str) -> Option<(OutputFormat, &'a Sample)> {
    let mut words = path.split('/').skip(1);
    let format = words.next()?.parse().ok()?;
    let number: usize = words.next()?.parse().ok()?;
    Some((format, samples.get(number)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_a_format_and_a_stream() {
        let samples = [Sample { name: "x".to_owned(), events: Vec::new() }];
        let (format, sample) = find(&samples, "/ai-sdk/0/api/chat").unwrap();
        assert_eq!((format, sample.name.as_str()), (OutputFormat::AiSdk, "x"));
        for path in ["/", "/ai-sdk", "/ai-sdk/1", "/ai-sdk/x", "/morse/0"] {
            assert!(find(&samples, path).is_none(), "{path}");
        }
    }
}
