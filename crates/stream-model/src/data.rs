//! An event's payload, kept as it came.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::finite::is_finite;

/// What the bytes of a [`Data`] are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataKind {
    /// One JSON value (RFC 8259).
    Json,
    /// Text in UTF-8.
    Text,
    /// Bytes of no known form.
    Binary,
}

/// The payload of an event: the bytes that came, checked once and parsed on demand.
///
/// Cloning shares the bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Data {
    kind: DataKind,
    bytes: Bytes,
}

impl Data {
    /// The JSON value `null`.
    pub const fn null() -> Self {
        Self { kind: DataKind::Json, bytes: Bytes::from_static(b"null") }
    }

    /// Takes JSON text as it is, but for white space around it.
    ///
    /// # Errors
    /// [`DataError::Json`] if `bytes` are not exactly one JSON value.
    pub fn json(bytes: impl Into<Bytes>) -> Result<Self, DataError> {
        let bytes = bytes.into();
        serde_json::from_slice::<IgnoredAny>(&bytes)?;
        // serde_json skips over what IgnoredAny ignores without looking at its UTF-8.
        std::str::from_utf8(&bytes).map_err(|_| DataError::Utf8)?;
        let trimmed = bytes.trim_ascii();
        let bytes = if trimmed.len() == bytes.len() { bytes } else { bytes.slice_ref(trimmed) };
        Ok(Self { kind: DataKind::Json, bytes })
    }

    /// Writes `value` as JSON.
    ///
    /// # Errors
    /// [`DataError::Json`] if `value` cannot be written, for example a map whose keys are no text,
    /// and [`DataError::NotFinite`] if it holds a NaN or an infinity.
    pub fn serialize<T: Serialize + ?Sized>(value: &T) -> Result<Self, DataError> {
        let json = serde_json::to_string(value)?;
        // Only where a `null` was written can there have been a number that JSON has not.
        if json.contains("null") && !is_finite(value) {
            return Err(DataError::NotFinite);
        }
        Ok(Self { kind: DataKind::Json, bytes: json.into() })
    }

    /// Takes text; line breaks stay as they are.
    pub fn text(text: impl Into<String>) -> Self {
        Self { kind: DataKind::Text, bytes: text.into().into_bytes().into() }
    }

    /// Takes bytes of any form.
    pub fn binary(bytes: impl Into<Bytes>) -> Self {
        Self { kind: DataKind::Binary, bytes: bytes.into() }
    }

    /// What the bytes are.
    pub fn kind(&self) -> DataKind {
        self.kind
    }

    /// The bytes as they came; JSON and text are UTF-8.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes, shared.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// JSON or text as `str`; `None` for binary data.
    pub fn as_str(&self) -> Option<&str> {
        match self.kind {
            DataKind::Json | DataKind::Text => std::str::from_utf8(&self.bytes).ok(),
            DataKind::Binary => None,
        }
    }

    /// Parses JSON into a `T`; text counts as a JSON string, binary as one in base64.
    ///
    /// # Errors
    /// [`DataError::Json`] if the data has another shape than `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, DataError> {
        Ok(match self.kind {
            DataKind::Json => serde_json::from_slice(&self.bytes)?,
            DataKind::Text | DataKind::Binary => serde_json::from_value(self.to_value()?)?,
        })
    }

    /// The data as a JSON value; text becomes a string, binary one in base64.
    ///
    /// # Errors
    /// [`DataError::Json`] if JSON exceeds what a [`Value`] can hold, for example in depth.
    pub fn to_value(&self) -> Result<Value, DataError> {
        Ok(match self.kind {
            DataKind::Json => serde_json::from_slice(&self.bytes)?,
            DataKind::Text => Value::from(String::from_utf8_lossy(&self.bytes)),
            DataKind::Binary => Value::from(BASE64.encode(&self.bytes)),
        })
    }

    pub(crate) fn from_checked(kind: DataKind, bytes: Bytes) -> Self {
        Self { kind, bytes }
    }
}

impl Default for Data {
    fn default() -> Self {
        Self::null()
    }
}

impl From<&Value> for Data {
    fn from(value: &Value) -> Self {
        Self { kind: DataKind::Json, bytes: value.to_string().into() }
    }
}

impl From<Value> for Data {
    fn from(value: Value) -> Self {
        Self::from(&value)
    }
}

impl From<&RawValue> for Data {
    fn from(raw: &RawValue) -> Self {
        Self { kind: DataKind::Json, bytes: Bytes::copy_from_slice(raw.get().as_bytes()) }
    }
}

/// JSON is written as it came, text as a string, binary as a string in base64.
impl Serialize for Data {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::Error;
        match self.kind {
            DataKind::Json => serde_json::from_slice::<&RawValue>(&self.bytes)
                .map_err(S::Error::custom)?
                .serialize(serializer),
            DataKind::Text => serializer.serialize_str(&String::from_utf8_lossy(&self.bytes)),
            DataKind::Binary => serializer.serialize_str(&BASE64.encode(&self.bytes)),
        }
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            DataKind::Json => write!(f, "Json({})", String::from_utf8_lossy(&self.bytes)),
            DataKind::Text => write!(f, "Text({:?})", String::from_utf8_lossy(&self.bytes)),
            DataKind::Binary => write!(f, "Binary({} bytes)", self.bytes.len()),
        }
    }
}

/// Why bytes are not the data they were said to be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// Not JSON, or not of the wanted shape.
    #[error("expected one JSON value")]
    Json(#[from] serde_json::Error),
    /// Not UTF-8.
    #[error("expected text in UTF-8")]
    Utf8,
    /// A NaN or an infinity, which JSON cannot say.
    #[error("expected finite numbers")]
    NotFinite,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_keeps_its_bytes() {
        for text in ["null", "0", "false", "\"\"", "[]", "{}", "{\"b\": 1, \"a\":2}", "1e2"] {
            let data = Data::json(text).unwrap();
            assert_eq!(data.as_str(), Some(text));
            assert_eq!(serde_json::to_string(&data).unwrap(), text);
        }
        assert_eq!(Data::json(" 1\r\n").unwrap().as_bytes(), b"1");
    }

    #[test]
    fn what_is_no_json_is_refused() {
        for bad in [&b""[..], b"{", b"1 2", b"NaN", b"{\"a\":\"\xff\"}", b"\"\xc3\""] {
            assert!(Data::json(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn numbers_that_json_has_not_are_refused() {
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(matches!(Data::serialize(&bad), Err(DataError::NotFinite)));
            assert!(matches!(Data::serialize(&[Some(1.0), Some(bad)]), Err(DataError::NotFinite)));
        }
        assert_eq!(Data::serialize(&None::<f64>).unwrap(), Data::null());
        assert_eq!(Data::serialize(&"null").unwrap().as_str(), Some("\"null\""));
    }

    #[test]
    fn text_and_bytes_read_as_strings() {
        assert_eq!(Data::text("a\nb").to_value().unwrap(), Value::from("a\nb"));
        assert_eq!(Data::binary(&b"\xff\x00"[..]).to_value().unwrap(), Value::from("/wA="));
        assert_eq!(Data::text("x").parse::<String>().unwrap(), "x");
    }
}
