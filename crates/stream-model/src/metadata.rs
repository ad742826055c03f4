//! What travels beside an event's data.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Names and JSON values beside the data; no name is reserved.
///
/// Most events have few names or none: they lie in one small list, sorted by name, and no names
/// at all take one pointer and no allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata(Option<Box<Entries>>);

type Entries = Vec<(String, Value)>;

impl Metadata {
    /// No names at all.
    pub const fn new() -> Self {
        Self(None)
    }

    /// The value of `name`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let index = self.find(name).ok()?;
        self.entries().get(index).map(|(_, value)| value)
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
        let (name, value) = (name.into(), value.into());
        let place = self.find(&name);
        let entries = self.0.get_or_insert_with(|| Box::new(Vec::with_capacity(1)));
        match place {
            Ok(index) => entries.get_mut(index).map(|(_, old)| std::mem::replace(old, value)),
            Err(index) => {
                entries.insert(index, (name, value));
                None
            }
        }
    }

    /// Takes `name` out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.find(name).ok()?;
        let (_, value) = self.0.as_mut()?.remove(index);
        if self.is_empty() {
            self.0 = None;
        }
        Some(value)
    }

    /// How many names there are.
    pub fn len(&self) -> usize {
        self.entries().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Every name with its value, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries().iter().map(|(name, value)| (name.as_str(), value))
    }

    fn entries(&self) -> &[(String, Value)] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    /// Where `name` stands, or would stand.
    fn find(&self, name: &str) -> Result<usize, usize> {
        self.entries().binary_search_by(|(other, _)| other.as_str().cmp(name))
    }
}

impl From<Map<String, Value>> for Metadata {
    fn from(map: Map<String, Value>) -> Self {
        map.into_iter().collect()
    }
}

/// Of pairs with one name, the last counts.
impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Metadata {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut metadata = Self::new();
        for (name, value) in pairs {
            metadata.insert(name, value);
        }
        metadata
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
        assert_eq!(metadata, Metadata::new());
        assert_eq!(metadata.remove("topic"), None);
    }

    #[test]
    fn names_are_sorted_and_the_last_of_a_kind_counts() {
        let metadata: Metadata = [("b", 1), ("c", 2), ("a", 3), ("b", 4)].into_iter().collect();
        let found: Vec<_> = metadata.iter().map(|(name, value)| (name, value.as_i64())).collect();
        assert_eq!(found, [("a", Some(3)), ("b", Some(4)), ("c", Some(2))]);
        assert_eq!(metadata.get("b"), Some(&Value::from(4)));
        assert_eq!(metadata.get("d"), None);
    }

    #[test]
    fn null_reads_as_empty_and_empty_writes_as_an_object() {
        assert_eq!(serde_json::from_str::<Metadata>("null").unwrap(), Metadata::new());
        assert_eq!(serde_json::to_string(&Metadata::new()).unwrap(), "{}");
    }
}
