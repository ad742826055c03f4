//! Notifications of pipelines over HTTP.

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Request, Uri};
use stream_model::BoxError;
use stream_processor::Webhook;

use crate::client::Client;

/// A URL to which the notifications of a
/// [`NotificationSink`](stream_processor::NotificationSink) are posted.
///
/// Whoever configures it decides where it points: it may be a host of the server's own network.
#[derive(Debug, Clone)]
pub struct HttpWebhook {
    client: Client,
    url: Uri,
    headers: HeaderMap,
}

impl HttpWebhook {
    /// Posts to `url` by `client`.
    pub fn new(client: Client, url: Uri) -> Self {
        let json = HeaderValue::from_static("application/json");
        Self { client, url, headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]) }
    }

    /// Adds headers, such as one that authorises it.
    #[must_use]
    pub fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }
}

#[async_trait]
impl Webhook for HttpWebhook {
    async fn post(&self, body: Bytes) -> Result<u16, BoxError> {
        let mut request = Request::post(self.url.clone()).body(Body::from(body))?;
        request.headers_mut().extend(self.headers.clone());
        Ok(self.client.send(request).await?.status().as_u16())
    }
}
