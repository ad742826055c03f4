//! JSON kept as text: what the crate does not interpret, exactly as the provider wrote it.

use std::fmt;

use memchr::memchr2;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// One JSON value as text, with its number spelling and key order kept.
///
/// Line ends between its tokens are removed, so that it fits on one line of a log or an SSE
/// frame. Two are equal if their texts are, or else if they parse to equal values.
///
/// # Examples
/// ```
/// use llm_stream::RawJson;
///
/// let raw: RawJson = serde_json::from_str(r#"{"b": 1.0, "a": 2}"#)?;
/// assert_eq!(raw.as_str(), r#"{"b": 1.0, "a": 2}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone)]
pub struct RawJson(Box<str>);

impl RawJson {
    /// The JSON text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses it as a `T`, which may borrow from it.
    ///
    /// # Errors
    /// If the value has not the form of a `T`.
    pub fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// The value that `text` is, which has been found to be JSON.
    pub(crate) fn from_valid(text: impl Into<Box<str>>) -> Self {
        let text = text.into();
        if memchr2(b'\n', b'\r', text.as_bytes()).is_none() {
            return Self(text);
        }
        // A JSON string cannot hold a bare line end, so each one here is mere layout.
        Self(text.replace(['\n', '\r'], "").into())
    }
}

impl From<&Value> for RawJson {
    fn from(value: &Value) -> Self {
        Self::from_valid(value.to_string())
    }
}

impl fmt::Debug for RawJson {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl PartialEq for RawJson {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
            || match (self.parse::<Value>(), other.parse::<Value>()) {
                (Ok(ours), Ok(theirs)) => ours == theirs,
                _ => false,
            }
    }
}

impl Serialize for RawJson {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(S::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for RawJson {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from_valid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_removed_and_nothing_else() {
        let raw: RawJson =
            serde_json::from_str("{\r\n  \"a\": \"x\\ny\",\n  \"b\": 1e400\n}").unwrap();
        assert_eq!(raw.as_str(), r#"{  "a": "x\ny",  "b": 1e400}"#);
    }

    #[test]
    fn equality_is_of_values() {
        let spaced: RawJson = serde_json::from_str(r#"{"a": 1, "b": [2]}"#).unwrap();
        let tight: RawJson = serde_json::from_str(r#"{"b":[2],"a":1}"#).unwrap();
        let other: RawJson = serde_json::from_str(r#"{"b":[3],"a":1}"#).unwrap();
        assert_eq!(spaced, tight);
        assert_ne!(spaced, other);
    }
}
