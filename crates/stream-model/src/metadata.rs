//! What travels beside an event's data.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Names and JSON values beside the data; no name is reserved.
///
/// Empty metadata, by far the commonest, takes one pointer and no allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata(Option<Box<Map<String, Value>>>);

impl Metadata {
    /// No names at all.
    pub const fn new() -> Self {
        Self(None)
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.as_ref()?.get(name)
    }

    /// The value of `name`, if it is text.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str()
    }

    /// The topic that a stream put here, or the publisher did; it is not validated.
    pub fn topic(&self) -> Option<&str> {
        self.get_str("topic")
    }

    /// Sets `name` to `value` and returns what was there.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        self.0.get_or_insert_default().insert(name.into(), value.into())
    }

    /// Takes `name` out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        self.0.as_mut()?.remove(name)
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |map| map.len())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every name with its value, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.0.iter().flat_map(|map| map.iter()).map(|(name, value)| (name.as_str(), value))
    }
}

impl From<Map<String, Value>> for Metadata {
    fn from(map: Map<String, Value>) -> Self {
        Self((!map.is_empty()).then(|| Box::new(map)))
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let map: Map<_, _> = pairs.into_iter().map(|(k, v)| (k.into(), v.into())).collect();
        map.into()
    }
}

impl Serialize for Metadata {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

/// `null` counts as empty.
impl<'de> Deserialize<'de> for Metadata {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Option::<Map<String, Value>>::deserialize(deserializer)?.unwrap_or_default().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_and_go() {
        let mut metadata = Metadata::new();
        assert!(metadata.is_empty());
        assert_eq!(metadata.insert("topic", "a"), None);
        assert_eq!(metadata.insert("topic", "b"), Some(Value::from("a")));
        assert_eq!(metadata.topic(), Some("b"));
        assert_eq!(metadata.remove("topic"), Some(Value::from("b")));
        assert_eq!(metadata, metadata.clone());
        assert!(metadata.is_empty());
    }

    #[test]
    fn null_reads_as_empty_and_empty_writes_as_an_object() {
        assert_eq!(serde_json::from_str::<Metadata>("null").unwrap(), Metadata::new());
        assert_eq!(serde_json::to_string(&Metadata::new()).unwrap(), "{}");
    }
}
