//! An HTTP client for streams: what calls providers, and what the command line uses.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_core::Stream;
use futures_util::StreamExt;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use stream_model::BoxError;

use crate::limits::{CONNECT_TIMEOUT, RESPONSE_TIMEOUT};

/// Calls HTTP and HTTPS servers; a clone shares its connections.
#[derive(Debug, Clone)]
pub struct Client {
    inner: hyper_util::client::legacy::Client<HttpsConnector<HttpConnector>, Body>,
}

impl Default for Client {
    fn default() -> Self {
        Self::new()
    }
}

impl Client {
    /// A client that trusts the web's certificate authorities.
    pub fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_connect_timeout(Some(CONNECT_TIMEOUT));
        connector.set_nodelay(true);
        connector.enforce_http(false);
        let connector = HttpsConnectorBuilder::new()
            .with_webpki_roots()
            .https_or_http()
            .enable_http1()
            .wrap_connector(connector);
        let executor = TokioExecutor::new();
        let builder = hyper_util::client::legacy::Client::builder(executor);
        Self { inner: builder.build(connector) }
    }

    /// Sends `request` and gives the response as soon as its head is there.
    ///
    /// # Errors
    /// [`CallError`] if no connection, or no response, came in time ([`RESPONSE_TIMEOUT`]).
    ///
    /// # Cancel safety
    /// Dropping the future ends the call; the server may have seen it.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Body>, CallError> {
        self.send_within(RESPONSE_TIMEOUT, request).await
    }

    /// As [`send`](Self::send), with another bound.
    pub(crate) async fn send_within(
        &self,
        timeout: Duration,
        request: Request<Body>,
    ) -> Result<Response<Body>, CallError> {
        let response = tokio::time::timeout(timeout, self.inner.request(request)).await;
        let response = response.map_err(|_| CallError::Timeout { after: timeout })?;
        Ok(response.map_err(|error| CallError::Transport(error.into()))?.map(Body::new))
    }
}

/// A body as the stream of bytes that a relay reads.
pub(crate) fn chunks(body: Body) -> impl Stream<Item = Result<Bytes, BoxError>> + Send {
    body.into_data_stream().map(|chunk| chunk.map_err(BoxError::from))
}

/// Reads at most `limit` bytes of a body, whatever follows or goes wrong.
pub(crate) async fn read_some(mut body: Body, limit: usize) -> Vec<u8> {
    let mut read = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        let data = frame.into_data().unwrap_or_default();
        let room = limit.saturating_sub(read.len()).min(data.len());
        read.extend(data.into_iter().take(room));
        if read.len() == limit {
            break;
        }
    }
    read
}

/// Why a server gave no response.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// No connection, or it broke.
    #[error("cannot reach the server")]
    Transport(#[source] BoxError),
    /// The response did not begin in time.
    #[error("no response within {} s", after.as_secs_f64())]
    Timeout {
        /// The bound.
        after: Duration,
    },
}
