//! A value in a growing document, read where it lies.

use std::fmt;

use serde_json::{Map, Number, Value};

use super::{
    path::JsonPath,
    tree::{Content, JsonKind, JsonState, Node, NodeId, Slot, Tree},
};

/// A value in a growing document: a cheap, copyable view.
///
/// It shows the document as it was when the view was taken;
/// text can be fed again once all views are gone, as the borrow checker sees to.
///
/// # Examples
///
/// ```
/// use llm_stream::json::{JsonState, PartialJson};
///
/// let mut json = PartialJson::default();
/// json.push(r#"{"city": "Par"#)?;
/// let city = json.pointer("/city").unwrap();
/// assert_eq!((city.as_str(), city.state()), (Some("Par"), JsonState::Partial));
/// # Ok::<(), llm_stream::json::JsonError>(())
/// ```
#[derive(Clone, Copy)]
pub struct JsonNode<'a> {
    tree: &'a Tree,
    id: NodeId,
}

impl fmt::Debug for JsonNode<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = self.to_value();
        f.debug_struct("JsonNode").field("state", &self.state()).field("value", &value).finish()
    }
}

impl<'a> JsonNode<'a> {
    pub(super) fn new(tree: &'a Tree, id: NodeId) -> Self {
        Self { tree, id }
    }

    fn node(self) -> &'a Node {
        self.tree.node(self.id)
    }

    /// How much of the value is known.
    pub fn state(self) -> JsonState {
        self.node().state
    }

    /// The kind of the value; `None` while only its key is known.
    pub fn kind(self) -> Option<JsonKind> {
        Some(match self.node().content {
            Content::Unknown => return None,
            Content::Null => JsonKind::Null,
            Content::Bool(_) => JsonKind::Bool,
            Content::Number { .. } => JsonKind::Number,
            Content::String { .. } => JsonKind::String,
            Content::Array { .. } => JsonKind::Array,
            Content::Object { .. } => JsonKind::Object,
        })
    }

    /// Whether this is `null`.
    pub fn is_null(self) -> bool {
        self.node().content == Content::Null
    }

    /// The value of a literal `true` or `false`.
    pub fn as_bool(self) -> Option<bool> {
        match self.node().content {
            Content::Bool(value) => Some(value),
            _ => None,
        }
    }

    /// The value of a complete number, read as `serde_json` reads it.
    pub fn as_number(self) -> Option<Number> {
        match (self.node().content, self.state()) {
            (Content::Number { start, end }, JsonState::Complete) => {
                self.tree.text(start, end).parse().ok()
            }
            _ => None,
        }
    }

    /// The text of a string, as far as it is known.
    pub fn as_str(self) -> Option<&'a str> {
        match (self.node().content, self.state()) {
            (Content::String { start, end }, JsonState::Complete) => {
                Some(self.tree.text(start, end))
            }
            (Content::String { start, .. }, _) => Some(self.tree.text(start, self.tree.text_len())),
            _ => None,
        }
    }

    /// The number of elements or members that have begun; 0 for other kinds.
    pub fn len(self) -> usize {
        match self.node().content {
            Content::Array { count, .. } | Content::Object { count, .. } => {
                usize::try_from(count).unwrap_or(usize::MAX)
            }
            _ => 0,
        }
    }

    /// Whether no element or member has begun.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The key under which this value stands in its object.
    pub fn key(self) -> Option<&'a str> {
        match self.node().slot {
            Slot::Key { start, end } => Some(self.tree.text(start, end)),
            _ => None,
        }
    }

    /// The place at which this value stands in its array, from 0.
    pub fn index(self) -> Option<usize> {
        match self.node().slot {
            Slot::Index(index) => usize::try_from(index).ok(),
            _ => None,
        }
    }

    /// The array or object around this value.
    pub fn parent(self) -> Option<Self> {
        match self.node().slot {
            Slot::Root => None,
            _ => Some(Self::new(self.tree, self.node().parent)),
        }
    }

    /// The way from the root of the document to this value.
    pub fn path(self) -> JsonPath<'a> {
        JsonPath::new(self)
    }

    /// The elements or members in the order of the text, pending ones included.
    pub fn children(self) -> JsonChildren<'a> {
        JsonChildren { tree: self.tree, next: self.id.index() + 1, end: self.tree.end_of(self.id) }
    }

    /// The member with this key; of several the last.
    ///
    /// Takes time in proportion to the number of members.
    pub fn get(self, key: &str) -> Option<Self> {
        self.children().filter(|child| child.key() == Some(key)).last()
    }

    /// The element at this place, from 0.
    ///
    /// Takes time in proportion to `index`.
    pub fn at(self, index: usize) -> Option<Self> {
        self.children().nth(index).filter(|child| child.index() == Some(index))
    }

    /// The value that a JSON Pointer (RFC 6901) leads to from here, such as `/items/3/text`.
    pub fn pointer(self, pointer: &str) -> Option<Self> {
        if pointer.is_empty() {
            return Some(self);
        }
        let mut segments = pointer.strip_prefix('/')?.split('/');
        segments.try_fold(self, |node, segment| match node.kind() {
            Some(JsonKind::Object) => node.get(&segment.replace("~1", "/").replace("~0", "~")),
            Some(JsonKind::Array) if is_array_index(segment) => node.at(segment.parse().ok()?),
            _ => None,
        })
    }

    /// The value as it is known, with open strings, arrays and objects closed.
    ///
    /// What is pending is left out; `None` if that is the value itself.
    pub fn to_value(self) -> Option<Value> {
        let mut open: Vec<(NodeId, Option<&'a str>, Value)> = Vec::new();
        for index in self.id.index()..self.tree.end_of(self.id) {
            let node = Self::new(self.tree, NodeId::from_index(index));
            let Some(value) = node.shallow_value() else { continue };
            while open.len() > 1 && open.last().is_some_and(|top| top.0 != node.node().parent) {
                close_last(&mut open);
            }
            if matches!(value, Value::Array(_) | Value::Object(_)) {
                open.push((node.id, node.key(), value));
            } else if let Some((_, _, parent)) = open.last_mut() {
                put(parent, node.key(), value);
            } else {
                return Some(value);
            }
        }
        while open.len() > 1 {
            close_last(&mut open);
        }
        open.pop().map(|(_, _, value)| value)
    }

    /// The value with empty containers; `None` when it is pending.
    fn shallow_value(self) -> Option<Value> {
        if self.state() == JsonState::Pending {
            return None;
        }
        match self.kind()? {
            JsonKind::Null => Some(Value::Null),
            JsonKind::Bool => self.as_bool().map(Value::Bool),
            JsonKind::Number => self.as_number().map(Value::Number),
            JsonKind::String => self.as_str().map(Value::from),
            JsonKind::Array => Some(Value::Array(Vec::with_capacity(self.len()))),
            JsonKind::Object => Some(Value::Object(Map::new())),
        }
    }
}

fn close_last(open: &mut Vec<(NodeId, Option<&str>, Value)>) {
    if let Some((_, key, value)) = open.pop()
        && let Some((_, _, parent)) = open.last_mut()
    {
        put(parent, key, value);
    }
}

fn put(parent: &mut Value, key: Option<&str>, value: Value) {
    match (parent, key) {
        (Value::Array(elements), _) => elements.push(value),
        (Value::Object(members), Some(key)) => {
            members.insert(key.to_owned(), value);
        }
        _ => {}
    }
}

/// A pointer's index has no sign and no leading zero.
fn is_array_index(segment: &str) -> bool {
    segment == "0"
        || (!segment.starts_with('0') && segment.bytes().all(|byte| byte.is_ascii_digit()))
}

/// The elements or members of a [`JsonNode`].
#[derive(Debug, Clone)]
pub struct JsonChildren<'a> {
    tree: &'a Tree,
    next: usize,
    end: usize,
}

impl<'a> Iterator for JsonChildren<'a> {
    type Item = JsonNode<'a>;

    fn next(&mut self) -> Option<JsonNode<'a>> {
        if self.next >= self.end {
            return None;
        }
        let id = NodeId::from_index(self.next);
        self.next = self.tree.end_of(id);
        Some(JsonNode::new(self.tree, id))
    }
}
