//! The structured mode: an event as one JSON object, and a batch as an array of them.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use super::attributes::{self, Reader};
use super::{CloudEventError, Source, is_json};
use crate::{Data, DataKind, Event};

/// `event` as a JSON object, of the type [`CONTENT_TYPE`](super::CONTENT_TYPE).
///
/// # Errors
/// [`CloudEventError`] if the timestamp lies outside the years 0 to 9999, or the data cannot be
/// written as JSON.
pub fn to_json(event: &Event, source: &Source) -> Result<String, CloudEventError> {
    let attributes = attributes::write(event, source)?;
    Ok(serde_json::to_string(&Written { attributes, data: event.data() })?)
}

/// `events` as a JSON array, of the type [`BATCH_CONTENT_TYPE`](super::BATCH_CONTENT_TYPE).
///
/// # Errors
/// As [`to_json`], for the first event that cannot be written.
pub fn to_json_batch<'a>(
    events: impl IntoIterator<Item = &'a Event>,
    source: &Source,
) -> Result<String, CloudEventError> {
    let written: Result<Vec<_>, CloudEventError> = events
        .into_iter()
        .map(|event| {
            let attributes = attributes::write(event, source)?;
            Ok(Written { attributes, data: event.data() })
        })
        .collect();
    Ok(serde_json::to_string(&written?)?)
}

/// Reads one event from a JSON object.
///
/// # Errors
/// [`CloudEventError`] says what is missing or wrong.
pub fn from_json(json: &[u8]) -> Result<Event, CloudEventError> {
    serde_json::from_slice::<Object<'_>>(json)?.into_event()
}

/// Reads events from a JSON array of objects.
///
/// # Errors
/// [`CloudEventError`] of the first event that is wrong; then none is taken.
pub fn from_json_batch(json: &[u8]) -> Result<Vec<Event>, CloudEventError> {
    let objects: Vec<Object<'_>> = serde_json::from_slice(json)?;
    objects.into_iter().map(Object::into_event).collect()
}

/// An event on its way out.
struct Written<'a> {
    attributes: Vec<(String, Value)>,
    data: &'a Data,
}

impl Serialize for Written<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.attributes {
            map.serialize_entry(name, value)?;
        }
        match self.data.kind() {
            DataKind::Binary => map.serialize_entry("data_base64", self.data)?,
            // No data and the data `null` are the same to us, and shorter is better.
            _ if *self.data == Data::null() => {}
            DataKind::Json | DataKind::Text => map.serialize_entry("data", self.data)?,
        }
        map.end()
    }
}

/// An event on its way in; its data is not looked at before its content type is known.
#[derive(Default)]
struct Object<'a> {
    attributes: Vec<(String, Value)>,
    data: Option<&'a RawValue>,
    data_base64: Option<String>,
}

impl Object<'_> {
    fn into_event(self) -> Result<Event, CloudEventError> {
        let mut reader = Reader::default();
        for (name, value) in self.attributes {
            reader.take(&name, value)?;
        }
        let content_type = reader.content_type();
        let json = content_type.is_none_or(is_json);
        let data = match (self.data, self.data_base64) {
            (None, None) => Data::null(),
            (Some(_), Some(_)) => return Err(CloudEventError::Attribute("data_base64")),
            (Some(raw), None) => text_or_json(raw, json),
            (None, Some(text)) => {
                let bytes = BASE64.decode(text);
                let bytes = bytes.map_err(|_| CloudEventError::Attribute("data_base64"))?;
                if content_type.is_some() && json {
                    Data::json(bytes)?
                } else {
                    Data::binary(bytes)
                }
            }
        };
        Ok(reader.finish()?.data(data).build())
    }
}

/// A JSON string is text, where the content type says that the data is not JSON.
fn text_or_json(raw: &RawValue, json: bool) -> Data {
    let text = if json { None } else { serde_json::from_str::<String>(raw.get()).ok() };
    text.map_or_else(|| Data::from(raw), Data::text)
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut object = Object::default();
        while let Some(name) = map.next_key::<String>()? {
            let repeated = match name.as_str() {
                "data" => object.data.replace(map.next_value()?).is_some(),
                "data_base64" => object.data_base64.replace(map.next_value()?).is_some(),
                _ => {
                    object.attributes.push((name, map.next_value()?));
                    false
                }
            };
            if repeated {
                return Err(A::Error::custom("data came twice"));
            }
        }
        Ok(object)
    }
}
