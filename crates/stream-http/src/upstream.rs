//! Providers that the server calls itself.

use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, Uri};
use llm_relay::RelayOptions;
use llm_stream::Format;
use tracing::warn;

use crate::client::{CallError, Client};
use crate::retry::{RetryPolicy, asked_wait, says_later};

const ANTHROPIC_VERSION: HeaderName = HeaderName::from_static("anthropic-version");
/// What providers stream in.
const ACCEPTED: &str = "text/event-stream, application/x-ndjson, application/json";

/// A provider by its URL, its format, and the key that it wants.
///
/// The key is never shown, logged or sent anywhere else.
#[derive(Clone)]
pub struct Upstream {
    url: Uri,
    format: Format,
    key: Option<(HeaderName, HeaderValue)>,
    retry: RetryPolicy,
    silence_max: Option<Duration>,
}

impl Upstream {
    /// A provider without a key.
    ///
    /// # Errors
    /// [`UpstreamError::Url`] if `url` is no absolute HTTP or HTTPS URL.
    pub fn new(url: &str, format: Format) -> Result<Self, UpstreamError> {
        let parsed: Uri = url.parse().map_err(|_| UpstreamError::Url { url: url.to_owned() })?;
        let absolute =
            parsed.host().is_some() && matches!(parsed.scheme_str(), Some("http" | "https"));
        if !absolute {
            return Err(UpstreamError::Url { url: url.to_owned() });
        }
        Ok(Self {
            url: parsed,
            format,
            key: None,
            retry: RetryPolicy::default(),
            silence_max: None,
        })
    }

    /// Sends `key` in the header that the format's provider reads it from.
    ///
    /// # Errors
    /// [`UpstreamError::Key`] if no header can hold it.
    pub fn key(mut self, key: &str) -> Result<Self, UpstreamError> {
        let (name, text) = match self.format {
            Format::Anthropic => (HeaderName::from_static("x-api-key"), key.to_owned()),
            Format::Gemini | Format::GeminiInteractions => {
                (HeaderName::from_static("x-goog-api-key"), key.to_owned())
            }
            _ => (AUTHORIZATION, format!("Bearer {key}")),
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| UpstreamError::Key)?;
        value.set_sensitive(true);
        self.key = Some((name, value));
        Ok(self)
    }

    /// How patient the server is until an answer begins.
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = policy;
        self
    }

    /// How long the provider may be silent in mid-stream; see [`RelayOptions::silence_max`].
    #[must_use]
    pub fn silence_max(mut self, silence: Duration) -> Self {
        self.silence_max = Some(silence);
        self
    }

    /// `options` for a relay of this provider's streams.
    pub(crate) fn relay_options(&self, options: RelayOptions) -> RelayOptions {
        let options = options.format(self.format);
        match self.silence_max {
            Some(silence) => options.silence_max(silence),
            None => options,
        }
    }

    /// Calls the provider, again where that may help; the response is the last one.
    ///
    /// # Cancel safety
    /// Dropping the future ends the call, or the wait for the next one.
    pub(crate) async fn call(
        &self,
        client: &Client,
        body: Bytes,
        headers: HeaderMap,
    ) -> Result<Response<Body>, CallError> {
        let mut calls = 1;
        loop {
            let request = self.request(body.clone(), headers.clone());
            let result = client.send_within(self.retry.timeout(), request).await;
            let wait = match &result {
                Ok(response) if says_later(response.status()) => {
                    self.retry.wait(calls, asked_wait(response.headers()))
                }
                Err(CallError::Transport(_)) => self.retry.wait(calls, None),
                Ok(_) | Err(CallError::Timeout { .. }) => None,
            };
            let Some(wait) = wait else { return result };
            let status = result.as_ref().ok().map(|response| response.status().as_u16());
            let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
            warn!(host = self.url.host(), calls, status, wait_ms, "provider did not answer");
            // Many who wait for one provider must not all come back at once.
            tokio::time::sleep(wait.mul_f64(1.0 + fastrand::f64() / 4.0)).await;
            calls += 1;
        }
    }

    /// The format of its streams.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The request that carries `body` to the provider; `headers` say more than it needs.
    fn request(&self, body: Bytes, headers: HeaderMap) -> Request<Body> {
        let mut request = Request::new(Body::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        let own = request.headers_mut();
        if self.format == Format::Anthropic {
            own.insert(ANTHROPIC_VERSION, HeaderValue::from_static("2023-06-01"));
        }
        own.extend(headers);
        own.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        own.insert(ACCEPT, HeaderValue::from_static(ACCEPTED));
        if let Some((name, value)) = &self.key {
            own.insert(name.clone(), value.clone());
        }
        request
    }
}

impl std::fmt::Debug for Upstream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upstream")
            .field("url", &self.url)
            .field("format", &self.format)
            .field("has_key", &self.key.is_some())
            .field("retry", &self.retry)
            .field("silence_max", &self.silence_max)
            .finish()
    }
}

/// Why a provider cannot be configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// The URL cannot be called.
    #[error("expected an absolute http or https URL, found {url:?}")]
    Url {
        /// What it was.
        url: String,
    },
    /// The key cannot be sent.
    #[error("expected a key of visible ASCII characters")]
    Key,
}
