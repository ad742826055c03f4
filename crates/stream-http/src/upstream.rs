//! Providers that the server calls itself.

use axum::body::Body;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Uri};
use llm_stream::Format;

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
        Ok(Self { url: parsed, format, key: None })
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

    /// The format of its streams.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The request that carries `body` to the provider; `headers` say more than it needs.
    pub(crate) fn request(&self, body: impl Into<Body>, headers: HeaderMap) -> Request<Body> {
        let mut request = Request::new(body.into());
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
