//! Short requests.

use std::sync::OnceLock;

use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Bytes of an answer that is read whole.
const ANSWER_BYTES_MAX: usize = 256 << 20;

/// A status and the JSON that came with it; `null` for a body that is none.
pub type Answer = (StatusCode, Value);

/// A client that uses each connection once: the runtime that drives one ends with its test.
fn client() -> &'static Client<HttpConnector, Body> {
    static CLIENT: OnceLock<Client<HttpConnector, Body>> = OnceLock::new();
    CLIENT.get_or_init(|| {
        Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build_http()
    })
}

/// Sends a request and gives the head of the response with its body still to come.
///
/// # Errors
/// Says that there was no response.
///
/// # Cancel safety
/// Dropping the future ends the call; the server may have seen it.
pub async fn send(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> anyhow::Result<Response<Body>> {
    let mut request = Request::builder().method(method).uri(url);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = client().request(request.body(body.into())?).await?;
    Ok(response.map(Body::new))
}

/// Sends a request and reads the whole answer.
///
/// # Errors
/// Says that there was no whole response.
///
/// # Cancel safety
/// As [`send`].
pub async fn call(
    method: &str,
    url: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> anyhow::Result<Answer> {
    let response = send(method, url, headers, body).await?;
    let status = response.status();
    let bytes = to_bytes(response.into_body(), ANSWER_BYTES_MAX).await?;
    Ok((status, serde_json::from_slice(&bytes).unwrap_or_default()))
}
