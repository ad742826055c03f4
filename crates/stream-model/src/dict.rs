//! Events as the documents' dictionaries: `to_dict` and `from_dict` by way of serde.

use serde::de::Error as _;
use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;
use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{OffsetDateTime, PrimitiveDateTime};

use crate::{Data, Event, EventId, EventType, Metadata};

impl Event {
    /// The event as `{id, type, data, metadata, timestamp}`.
    ///
    /// # Errors
    /// [`DictError`] if the data or the timestamp cannot be written as JSON.
    pub fn to_dict(&self) -> Result<Value, DictError> {
        Ok(serde_json::to_value(self)?)
    }

    /// Reads `{id, type, data, metadata, timestamp}`; every key may be missing, other keys are
    /// ignored, and `null` for the id, type, metadata or timestamp counts as missing.
    ///
    /// A timestamp without an offset is read as UTC.
    ///
    /// # Errors
    /// [`DictError`] names the key whose value has another form.
    pub fn from_dict(dict: &Value) -> Result<Self, DictError> {
        if !dict.is_object() {
            return Err(DictError(serde_json::Error::custom("expected an object")));
        }
        Ok(serde_json::from_str(&dict.to_string())?)
    }
}

/// Why a dictionary is no event, or an event no dictionary.
#[derive(Debug, thiserror::Error)]
#[error("expected an object with id, type, data, metadata and timestamp")]
pub struct DictError(#[from] serde_json::Error);

/// Writes `{id, type, data, metadata, timestamp}`, the time in RFC 3339.
impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error as _;
        let timestamp = self.timestamp().format(&Rfc3339).map_err(S::Error::custom)?;
        let mut dict = serializer.serialize_struct("Event", 5)?;
        dict.serialize_field("id", self.id())?;
        dict.serialize_field("type", &self.event_type())?;
        dict.serialize_field("data", self.data())?;
        dict.serialize_field("metadata", self.metadata())?;
        dict.serialize_field("timestamp", &timestamp)?;
        dict.end()
    }
}

#[derive(Deserialize)]
struct Dict<'a> {
    #[serde(default)]
    id: Option<EventId>,
    #[serde(default, rename = "type")]
    event_type: Option<EventType>,
    #[serde(default, borrow)]
    data: Option<&'a RawValue>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    timestamp: Option<String>,
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let dict = Dict::deserialize(deserializer)?;
        let mut builder = Event::builder()
            .event_type(dict.event_type.unwrap_or_default())
            .data(dict.data.map(Data::from).unwrap_or_default())
            .metadata(dict.metadata);
        if let Some(id) = dict.id {
            builder = builder.id(id);
        }
        if let Some(text) = dict.timestamp {
            builder = builder.timestamp(parse_time(&text).map_err(D::Error::custom)?);
        }
        Ok(builder.build())
    }
}

/// RFC 3339 first; then any ISO 8601, as other writers spell it, which is UTC if it does not say.
pub(crate) fn parse_time(text: &str) -> Result<OffsetDateTime, time::error::Parse> {
    OffsetDateTime::parse(text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(text, &Iso8601::DEFAULT))
        .or_else(|_| {
            PrimitiveDateTime::parse(text, &Iso8601::DEFAULT).map(PrimitiveDateTime::assume_utc)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_dictionary_reads_back() {
        let dict = json!({
            "id": "e1", "type": "error", "data": {"k": [1, 2.5, null]},
            "metadata": {"topic": "t"}, "timestamp": "2026-02-03T04:05:06.789012Z",
        });
        assert_eq!(Event::from_dict(&dict).unwrap().to_dict().unwrap(), dict);
    }

    #[test]
    fn every_key_may_be_missing_or_null() {
        let nulls = json!({"id": null, "type": null, "metadata": null, "timestamp": null, "x": 1});
        for dict in [json!({}), nulls] {
            let event = Event::from_dict(&dict).unwrap();
            assert_eq!(event.event_type(), EventType::Message);
            assert_eq!(event.data(), &Data::null());
        }
    }

    #[test]
    fn a_wrong_value_is_refused() {
        for bad in [
            json!({"type": "nope"}),
            json!({"id": "a\nb"}),
            json!({"timestamp": "yesterday"}),
            json!({"metadata": 3}),
            json!([]),
        ] {
            assert!(Event::from_dict(&bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn data_keeps_its_spelling() {
        let event: Event = serde_json::from_str(r#"{"data": {"b": 1.0, "a":2}}"#).unwrap();
        assert_eq!(event.data().as_str(), Some(r#"{"b": 1.0, "a":2}"#));
    }
}
