//! The content type of a stream, and what follows from it (9).

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::limits::CONTENT_TYPE_BYTES_MAX;

/// A stream's content type, as its creator wrote it.
///
/// Two are the same if their media types are, in any case and whatever the parameters.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentType(Text);

/// Types that most streams have, and every append to one names: they take no memory of their own.
const USUAL: [&str; 3] = ["application/octet-stream", "application/json", "text/plain"];

#[derive(Clone)]
enum Text {
    /// One of [`USUAL`].
    Usual(&'static str),
    Written(Arc<str>),
}

impl ContentType {
    /// Takes the value of a `Content-Type` header.
    ///
    /// # Errors
    /// [`ContentTypeError`] if it names no media type, or is longer than
    /// [`CONTENT_TYPE_BYTES_MAX`] bytes.
    pub fn parse(text: &str) -> Result<Self, ContentTypeError> {
        if let Some(usual) = USUAL.into_iter().find(|usual| *usual == text) {
            return Ok(Self(Text::Usual(usual)));
        }
        let text = text.trim_ascii();
        let media_type = media_type(text);
        let named = media_type.split('/').filter(|part| !part.is_empty()).count() == 2;
        let visible = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !named || !visible || text.len() > CONTENT_TYPE_BYTES_MAX {
            return Err(ContentTypeError);
        }
        Ok(Self(Text::Written(text.into())))
    }

    /// As it was written.
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Text::Usual(text) => text,
            Text::Written(text) => text,
        }
    }

    fn media_type(&self) -> &str {
        match &self.0 {
            Text::Usual(text) => text,
            Text::Written(text) => media_type(text),
        }
    }

    /// Whether the stream holds JSON messages rather than bytes.
    pub fn is_json(&self) -> bool {
        self.media_type().eq_ignore_ascii_case("application/json")
    }

    /// Whether server-sent events carry the data as it is; other data is sent as base64.
    pub fn is_text(&self) -> bool {
        let kind = self.media_type().split('/').next().unwrap_or_default();
        self.is_json() || kind.eq_ignore_ascii_case("text")
    }
}

/// `application/octet-stream`, for a stream whose creator does not say.
impl Default for ContentType {
    fn default() -> Self {
        Self(Text::Usual("application/octet-stream"))
    }
}

impl PartialEq for ContentType {
    fn eq(&self, other: &Self) -> bool {
        let (one, two) = (self.media_type(), other.media_type());
        one == two || one.eq_ignore_ascii_case(two)
    }
}

impl Eq for ContentType {}

impl fmt::Debug for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentType({:?})", self.as_str())
    }
}

impl TryFrom<String> for ContentType {
    type Error = ContentTypeError;

    fn try_from(text: String) -> Result<Self, ContentTypeError> {
        Self::parse(&text)
    }
}

impl From<ContentType> for String {
    fn from(content_type: ContentType) -> Self {
        content_type.as_str().to_owned()
    }
}

/// The part before the parameters (RFC 9110, 8.3.1).
fn media_type(text: &str) -> &str {
    text.split(';').next().unwrap_or_default().trim_ascii()
}

/// The text is no content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a content type such as text/plain, of at most {CONTENT_TYPE_BYTES_MAX} bytes")]
pub struct ContentTypeError;

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, is_json: bool, is_text: bool) {
        let content_type = ContentType::parse(text).unwrap();
        assert_eq!((content_type.is_json(), content_type.is_text()), (is_json, is_text), "{text}");
    }

    #[test]
    fn what_follows_from_the_media_type() {
        check("application/json", true, true);
        check("APPLICATION/JSON; charset=utf-8", true, true);
        check("text/plain", false, true);
        check("Text/Markdown", false, true);
        check("application/ndjson", false, false);
        check("image/png", false, false);
    }

    #[test]
    fn parameters_and_case_make_no_difference() {
        let parse = |text: &str| ContentType::parse(text).unwrap();
        assert_eq!(parse("Text/Plain ; charset=utf-8"), parse("text/plain"));
        assert_ne!(parse("text/plain"), parse("text/html"));
        for usual in USUAL {
            assert_eq!(parse(usual), parse(&format!(" {};a=b ", usual.to_uppercase())));
            assert_eq!(parse(usual).as_str(), usual);
        }
        assert_eq!(parse(USUAL[0]), ContentType::default());
    }

    #[test]
    fn what_names_no_media_type_is_refused() {
        let long = format!("text/{}", "x".repeat(CONTENT_TYPE_BYTES_MAX));
        for bad in ["", "text", "text/", "/plain", ";", "a/b/c", "te\nxt/plain", &long] {
            assert_eq!(ContentType::parse(bad), Err(ContentTypeError), "{bad:?}");
        }
    }
}
