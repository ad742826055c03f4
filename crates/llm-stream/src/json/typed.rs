//! Reads a growing document as a type, through serde.

mod deserializer;

use std::{fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{SeqAccess, Visitor},
};

use super::{node::JsonNode, tree::JsonState};
use deserializer::NodeDeserializer;

/// By this name a [`Partial`] asks our deserializer for the state beside the value.
const PARTIAL: &str = "$llm_stream::json::Partial";

/// A value read from a document that may be unfinished, and how finished it is.
///
/// [`PartialJson::read`](super::PartialJson::read) gives one, and a field or element of this
/// type tells the same of its own part of the document.
///
/// How a type sees an unfinished document:
///
/// * Strings grow, arrays and objects gain elements and members.
/// * Numbers, `true`, `false` and `null` appear only when they are complete.
/// * A member that has not appeared is missing: give the struct `#[serde(default)]`, or the
///   field the type `Option` or, with a default, `Partial`.
/// * Types that need a whole value (enums, dates, structs with required fields) cannot be made
///   from the beginning of one. `value` is `None` until they can.
///   The nearest `Partial` around such a value absorbs this; without one the whole document
///   reads as `None` meanwhile.
/// * A *complete* value that does not fit its type is an error, at once.
///
/// Values nested deeper than [`limits::READ_DEPTH_MAX`](super::limits::READ_DEPTH_MAX) levels
/// cannot be read as a type.
/// Read by any other deserializer, or inside an untagged or internally tagged enum, it counts
/// as complete.
/// Serialized, it is its value alone.
///
/// # Examples
///
/// ```
/// use llm_stream::json::{JsonState, Partial, PartialJson};
/// use serde::Deserialize;
///
/// #[derive(Deserialize, Default)]
/// #[serde(default)]
/// struct Recipe {
///     title: Partial<String>,
///     minutes: Option<u32>,
///     steps: Vec<Partial<Step>>,
/// }
///
/// #[derive(Deserialize)]
/// struct Step {
///     text: String,
///     grams: f64,
/// }
///
/// let mut json = PartialJson::default();
/// json.push(r#"{"title": "Bread", "steps": [{"text": "Mix", "grams": 50"#)?;
/// let recipe: Recipe = json.read()?.value.unwrap();
/// assert_eq!(recipe.title.done().map(String::as_str), Some("Bread"));
/// assert_eq!(recipe.minutes, None);
/// assert!(recipe.steps[0].value.is_none()); // 50 may become 500
///
/// json.push(r#"0}], "minutes": 90}"#)?;
/// let recipe = json.read::<Recipe>()?;
/// assert_eq!(recipe.state, JsonState::Complete);
/// let recipe = recipe.value.unwrap();
/// assert_eq!(recipe.minutes, Some(90));
/// assert_eq!(recipe.steps[0].done().map(|step| step.grams), Some(500.0));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Partial<T> {
    /// The value; `None` while nothing that fits the type is there.
    pub value: Option<T>,
    /// How much of the value is known.
    pub state: JsonState,
}

impl<T> Partial<T> {
    /// The value, once nothing of it can change.
    pub fn done(&self) -> Option<&T> {
        self.value.as_ref().filter(|_| self.state == JsonState::Complete)
    }
}

impl<T> Default for Partial<T> {
    fn default() -> Self {
        Self { value: None, state: JsonState::Pending }
    }
}

impl<T: Serialize> Serialize for Partial<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Partial<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_newtype_struct(PARTIAL, PartialVisitor(PhantomData))
    }
}

struct PartialVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for PartialVisitor<T> {
    type Value = Partial<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, inner: D) -> Result<Partial<T>, D::Error> {
        let value = Some(T::deserialize(inner)?);
        Ok(Partial { value, state: JsonState::Complete })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Partial<T>, A::Error> {
        let is_complete = seq.next_element()?.unwrap_or(false);
        let state = if is_complete { JsonState::Complete } else { JsonState::Partial };
        Ok(Partial { value: seq.next_element()?, state })
    }
}

/// Why a document could not be read as a type: what does not fit, and where.
///
/// ```
/// use llm_stream::json::PartialJson;
///
/// let mut json = PartialJson::default();
/// json.push(r#"{"sizes": [1, "two"]}"#)?;
/// let error = json.read::<std::collections::BTreeMap<String, Vec<u8>>>().unwrap_err();
/// assert_eq!(error.to_string(), "invalid type: string \"two\", expected u8 at $.sizes[1]");
/// # Ok::<(), llm_stream::json::JsonError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at {path}")]
#[non_exhaustive]
pub struct ReadError {
    /// What does not fit, in serde's words.
    pub message: String,
    /// Where, as [`JsonPath`](super::JsonPath) displays it.
    pub path: String,
    /// Whether the misfit is in a complete value, which nothing can mend.
    is_final: bool,
}

impl serde::de::Error for ReadError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), path: String::new(), is_final: false }
    }
}

impl ReadError {
    /// Notes where the error is, unless a value further inside has done so.
    fn at(mut self, node: JsonNode<'_>) -> Self {
        if self.path.is_empty() {
            self.path = node.path().to_string();
            self.is_final |= node.state() == JsonState::Complete;
        }
        self
    }
}

impl<'a> JsonNode<'a> {
    /// The value so far as a type of your own; see [`Partial`].
    ///
    /// # Errors
    ///
    /// The value does not fit the type, and nothing that may still come could change that.
    pub fn read<T: Deserialize<'a>>(self) -> Result<Partial<T>, ReadError> {
        match self.state() {
            JsonState::Pending => Ok(Partial::default()),
            _ => Partial::deserialize(NodeDeserializer::new(self)),
        }
    }
}

#[cfg(test)]
mod tests;
