//! Providers that the server calls itself.

use axum::body::Body;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Request, Uri};
use llm_stream::Format;
use serde_json::value::RawValue;

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

    /// The request that carries `body` to the provider.
    pub(crate) fn request(&self, body: &RawValue) -> Request<Body> {
        let mut request = Request::post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "text/event-stream, application/x-ndjson, application/json");
        if self.format == Format::Anthropic {
            request = request.header("anthropic-version", "2023-06-01");
        }
        if let Some((name, value)) = &self.key {
            request = request.header(name, value);
        }
        #[expect(clippy::expect_used, reason = "URL and headers were parsed before")]
        request.body(Body::from(body.get().to_owned())).expect("the parts are valid")
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
