//! Events as [CloudEvents 1.0.2](https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md),
//! in both directions and in all three content modes, as pure functions over bytes and pairs.
//!
//! | our event | `CloudEvents` attribute |
//! |---|---|
//! | id | `id` |
//! | type | `type`: `millstream.message` and so on; a message's may come from the metadata's `type` |
//! | topic in the metadata | `subject`; the extension `topic` if the metadata has a `subject` too |
//! | timestamp | `time`, in RFC 3339 |
//! | `source`, `dataschema`, `datacontenttype` in the metadata | the same |
//! | data | `data`, or `data_base64` for bytes |
//! | other metadata: flags, 32-bit numbers and texts with a lower-case alphanumeric name | extensions |
//! | all other metadata | the extension `metadata`, as the text of a JSON object |
//!
//! So an event of ours reads back as it was, save that numbers and flags in extensions come back
//! as texts from the binary mode, which knows no other, and a foreign one keeps its attributes in
//! the metadata.
//!
//! # Examples
//!
//! ```
//! use stream_model::Event;
//! use stream_model::cloud_event::{self, Source};
//!
//! let source = Source::new("/shop/orders")?;
//! let event = Event::builder().meta("topic", "orders.eu").data(serde_json::json!({"n": 7})).build();
//! let json = cloud_event::to_json(&event, &source)?;
//! let back = cloud_event::from_json(json.as_bytes())?;
//! assert_eq!(back.id(), event.id());
//! assert_eq!(back.topic(), Some("orders.eu"));
//! assert_eq!(back.data().to_value()?, serde_json::json!({"n": 7}));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attributes;
mod binary;
mod header;
mod structured;

#[cfg(test)]
mod tests;

use std::fmt;

pub use self::binary::{BinaryEvent, from_binary, to_binary};
pub use self::header::{decode_header, encode_header};
pub use self::structured::{from_json, from_json_batch, to_json, to_json_batch};
use crate::{DataError, EventIdError};

/// The media type of one event as JSON.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";

/// The media type of a JSON array of events.
pub const BATCH_CONTENT_TYPE: &str = "application/cloudevents-batch+json";

/// How a message carries its events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ContentMode {
    /// The body is the data, and the attributes travel beside it.
    Binary,
    /// The body is one event as JSON.
    Structured,
    /// The body is a JSON array of events.
    Batch,
}

impl ContentMode {
    /// The mode of a message with this content type; `None` for a form of structured event that is
    /// not JSON.
    ///
    /// ```
    /// use stream_model::cloud_event::ContentMode;
    ///
    /// let mode = ContentMode::of("application/CloudEvents+JSON; charset=utf-8");
    /// assert_eq!(mode, Some(ContentMode::Structured));
    /// assert_eq!(ContentMode::of("text/plain"), Some(ContentMode::Binary));
    /// assert_eq!(ContentMode::of("application/cloudevents+avro"), None);
    /// ```
    pub fn of(content_type: &str) -> Option<Self> {
        let essence = media_type(content_type);
        match essence.as_str() {
            CONTENT_TYPE | "application/cloudevents" => Some(Self::Structured),
            BATCH_CONTENT_TYPE | "application/cloudevents-batch" => Some(Self::Batch),
            other if other.starts_with("application/cloudevents") => None,
            _ => Some(Self::Binary),
        }
    }
}

/// A content type without its parameters, in lower case.
fn media_type(content_type: &str) -> String {
    let essence = content_type.split_once(';').map_or(content_type, |(essence, _)| essence);
    essence.trim().to_ascii_lowercase()
}

/// Whether data of this content type is JSON (RFC 6839: also what ends in `+json`).
fn is_json(content_type: &str) -> bool {
    let essence = media_type(content_type);
    essence.ends_with("/json") || essence.ends_with("+json")
}

/// The context in which events happened: a URI reference, used for an event whose metadata has no
/// `source`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source(String);

impl Source {
    /// Takes `text` as a source.
    ///
    /// # Errors
    /// Refuses an empty text and characters that no URI reference holds: white space, controls,
    /// and what is not ASCII.
    pub fn new(text: &str) -> Result<Self, CloudEventError> {
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(CloudEventError::Attribute("source"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Why something is no event of `CloudEvents` 1.0, or an event cannot be written as one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CloudEventError {
    /// The JSON is malformed, or not an object.
    #[error("expected a cloud event as a JSON object")]
    Json(#[from] serde_json::Error),
    /// A required attribute is missing.
    #[error("expected the attribute `{0}`")]
    Missing(&'static str),
    /// An attribute that the specification names has a value it must not have.
    #[error("attribute `{0}` has an invalid value")]
    Attribute(&'static str),
    /// An extension has a name or a value that it must not have.
    #[error("extension {name:?} has an invalid name or value")]
    Extension {
        /// The name, cut after 64 characters.
        name: String,
    },
    /// The same attribute came twice.
    #[error("attribute {name:?} came twice")]
    Repeated {
        /// The name, cut after 64 characters.
        name: String,
    },
    /// The version of the specification is another one.
    #[error("expected specversion 1.0")]
    Version,
    /// The id cannot be an event's.
    #[error("cannot take the id")]
    Id(#[from] EventIdError),
    /// The data is not what its content type says.
    #[error("cannot take the data")]
    Data(#[from] DataError),
}
