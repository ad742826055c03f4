//! The way from the root of a document to one of its values.

use std::fmt;

use super::node::JsonNode;

/// One step of a [`JsonPath`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonSegment<'a> {
    /// Into an object, by key.
    Key(&'a str),
    /// Into an array, by place from 0.
    Index(usize),
}

/// The way from the root of a document to one of its values.
///
/// It is a view of the document and costs nothing until it is written or walked.
/// Displayed as a `JSONPath` query (RFC 9535): `$.items[3].text`, `$["a key"]`.
///
/// # Examples
///
/// ```
/// use llm_stream::json::PartialJson;
///
/// let mut json = PartialJson::default();
/// json.push(r#"{"items": [{"text": "Hel"#)?;
/// let path = json.pointer("/items/0/text").unwrap().path();
/// assert_eq!(path.to_string(), "$.items[0].text");
/// assert_eq!(path.to_pointer(), "/items/0/text");
/// # Ok::<(), llm_stream::json::JsonError>(())
/// ```
#[derive(Clone, Copy)]
pub struct JsonPath<'a> {
    node: JsonNode<'a>,
}

impl<'a> JsonPath<'a> {
    pub(super) fn new(node: JsonNode<'a>) -> Self {
        Self { node }
    }

    /// The value at the end of the path.
    pub fn node(self) -> JsonNode<'a> {
        self.node
    }

    /// The steps from the root to the value; none for the root.
    pub fn segments(self) -> Vec<JsonSegment<'a>> {
        let mut segments: Vec<_> =
            std::iter::successors(Some(self.node), |node| node.parent()).filter_map(step).collect();
        segments.reverse();
        segments
    }

    /// The path as a JSON Pointer (RFC 6901), as `serde_json::Value::pointer` takes it.
    pub fn to_pointer(self) -> String {
        let mut pointer = String::new();
        for segment in self.segments() {
            pointer.push('/');
            match segment {
                JsonSegment::Key(key) => {
                    pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
                }
                JsonSegment::Index(index) => pointer.push_str(&index.to_string()),
            }
        }
        pointer
    }
}

fn step(node: JsonNode<'_>) -> Option<JsonSegment<'_>> {
    node.key().map(JsonSegment::Key).or_else(|| node.index().map(JsonSegment::Index))
}

impl fmt::Display for JsonPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("$")?;
        for segment in self.segments() {
            match segment {
                JsonSegment::Key(key) if is_plain(key) => write!(f, ".{key}")?,
                JsonSegment::Key(key) => {
                    write!(f, "[{}]", serde_json::Value::from(key))?;
                }
                JsonSegment::Index(index) => write!(f, "[{index}]")?,
            }
        }
        Ok(())
    }
}

impl fmt::Debug for JsonPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JsonPath({self})")
    }
}

/// Whether a key may stand behind a dot without quotes.
fn is_plain(key: &str) -> bool {
    !key.is_empty()
        && !key.starts_with(|first: char| first.is_ascii_digit())
        && key.chars().all(|char| char.is_ascii_alphanumeric() || char == '_' || !char.is_ascii())
}
