//! The binary mode: the data is the body, and the attributes travel beside it as texts.

use bytes::Bytes;
use serde_json::Value;

use super::attributes::{self, Reader};
use super::{CloudEventError, Source, is_json, media_type};
use crate::{Data, DataKind, Event};

/// An event whose attributes lie beside its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BinaryEvent {
    /// Names and values, without the prefix that a transport gives them, and without the content
    /// type.
    pub attributes: Vec<(String, String)>,
    /// What the body is.
    pub content_type: Option<String>,
    /// The body, shared with the event.
    pub data: Bytes,
}

/// `event` as attributes and a body.
///
/// Over HTTP each attribute becomes the header `ce-NAME`, whose value goes through
/// [`encode_header`](super::encode_header).
///
/// # Errors
/// [`CloudEventError`] if the timestamp lies outside the years 0 to 9999.
pub fn to_binary(event: &Event, source: &Source) -> Result<BinaryEvent, CloudEventError> {
    let mut attributes = Vec::new();
    for (name, value) in attributes::write(event, source)? {
        match value {
            _ if name == "datacontenttype" => {}
            Value::String(text) => attributes.push((name, text)),
            other => attributes.push((name, other.to_string())),
        }
    }
    let json = (event.data().kind() == DataKind::Json).then_some("application/json");
    Ok(BinaryEvent {
        attributes,
        content_type: attributes::content_type(event).or(json).map(str::to_owned),
        data: event.data().bytes().clone(),
    })
}

/// Reads an event from attributes, a content type and a body.
///
/// A body of a JSON type must be JSON, one of a text type is text if it is UTF-8, and any other
/// stays bytes; without a content type it is JSON if it can be.
///
/// # Errors
/// [`CloudEventError`] says what is missing or wrong.
pub fn from_binary<'a>(
    attributes: impl IntoIterator<Item = (&'a str, &'a str)>,
    content_type: Option<&str>,
    data: Bytes,
) -> Result<Event, CloudEventError> {
    let mut reader = Reader::default();
    for (name, value) in attributes {
        reader.take(name, value.into())?;
    }
    let plain_json = content_type.is_some_and(|text| media_type(text) == "application/json");
    if let Some(content_type) = content_type.filter(|_| !plain_json) {
        reader.take("datacontenttype", content_type.into())?;
    }
    Ok(reader.finish()?.data(read_data(content_type, data)?).build())
}

fn read_data(content_type: Option<&str>, bytes: Bytes) -> Result<Data, CloudEventError> {
    let Some(content_type) = content_type else {
        if bytes.is_empty() {
            return Ok(Data::null());
        }
        return Ok(Data::json(bytes.clone()).unwrap_or_else(|_| Data::binary(bytes)));
    };
    if is_json(content_type) {
        return Ok(Data::json(bytes)?);
    }
    if media_type(content_type).starts_with("text/") {
        return Ok(match String::from_utf8(bytes.to_vec()) {
            Ok(text) => Data::text(text),
            Err(_) => Data::binary(bytes),
        });
    }
    Ok(Data::binary(bytes))
}
