//! The values of one document, as far as they are known, in the order of the text.
//!
//! Nodes lie in one vector and all their text in one string, so that a delta costs an append.
//! The part of a container is everything between itself and its end;
//! the only value that can be unfinished without being a container is the last node.

mod data;

use std::collections::BTreeSet;

use super::{
    error::JsonErrorKind,
    event::{EventQueue, RecordKind},
    scanner::JsonToken,
};

use data::narrow;
pub(super) use data::{Content, Node, NodeId, Slot};
pub use data::{DuplicateKeys, JsonKind, JsonState};

/// A growing tree; feed it the tokens of one document in order.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    nodes: Vec<Node>,
    text: String,
    /// The innermost open container.
    open: NodeId,
    key_start: u32,
    number_open: bool,
    /// Where the part of the open string begins that no event has told of.
    untold: Option<u32>,
    /// The keys of every open object, if duplicates are refused.
    seen_keys: Option<Vec<BTreeSet<Box<str>>>>,
}

impl Tree {
    pub(super) fn new(duplicates: DuplicateKeys) -> Self {
        Self {
            nodes: Vec::new(),
            text: String::new(),
            open: NodeId::NONE,
            key_start: 0,
            number_open: false,
            untold: None,
            seen_keys: (duplicates == DuplicateKeys::Refuse).then(Vec::new),
        }
    }

    /// Forgets everything, but keeps its memory for the next document.
    pub(super) fn clear(&mut self) {
        self.nodes.clear();
        self.text.clear();
        self.open = NodeId::NONE;
        self.number_open = false;
        self.untold = None;
        if let Some(seen) = &mut self.seen_keys {
            seen.clear();
        }
    }

    #[cfg(test)]
    pub(super) fn capacity_bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Node>() + self.text.capacity()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.node(NodeId::ROOT).state == JsonState::Complete
    }

    pub(super) fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id.index()).unwrap_or(&Node::MISSING)
    }

    pub(super) fn text(&self, start: u32, end: u32) -> &str {
        let place = |at: u32| usize::try_from(at).unwrap_or(usize::MAX);
        self.text.get(place(start)..place(end)).unwrap_or_default()
    }

    pub(super) fn text_len(&self) -> u32 {
        narrow(self.text.len())
    }

    /// The index after the last node that belongs to `id`, itself included.
    pub(super) fn end_of(&self, id: NodeId) -> usize {
        let node = self.node(id);
        match node.content {
            Content::Array { end, .. } | Content::Object { end, .. } => match node.state {
                JsonState::Complete => NodeId(end).index(),
                _ => self.nodes.len(),
            },
            _ => id.index() + 1,
        }
    }

    /// Takes in the next token of the document, and tells `events` what became of it.
    pub(super) fn apply(
        &mut self,
        token: &JsonToken<'_>,
        events: &mut EventQueue,
    ) -> Result<(), JsonErrorKind> {
        match *token {
            JsonToken::Text(piece) => self.add_text(piece),
            JsonToken::Char(char) => self.text.push(char),
            JsonToken::KeyStart => self.key_start = self.text_len(),
            JsonToken::KeyEnd => self.end_key()?,
            JsonToken::StringStart => {
                let start = self.text_len();
                self.begin(Content::String { start, end: start }, JsonState::Partial, events);
                self.untold = Some(start);
            }
            JsonToken::StringEnd => {
                self.tell_text(events);
                self.untold = None;
                self.complete_last(events);
            }
            JsonToken::Number(piece) => {
                self.begin_number(events);
                self.text.push_str(piece);
            }
            JsonToken::NumberEnd => {
                self.number_open = false;
                self.check_number()?;
                self.complete_last(events);
            }
            JsonToken::Null => self.leaf(Content::Null, events),
            JsonToken::Bool(value) => self.leaf(Content::Bool(value), events),
            JsonToken::ArrayStart => self.open(Content::Array { count: 0, end: 0 }, events),
            JsonToken::ObjectStart => self.open(Content::Object { count: 0, end: 0 }, events),
            JsonToken::ArrayEnd | JsonToken::ObjectEnd => self.close(events),
        }
        Ok(())
    }

    /// Takes in text of the string or key that is open.
    #[inline]
    pub(super) fn add_text(&mut self, piece: &str) {
        self.text.push_str(piece);
    }

    /// Tells of text that came since the last time; to be called at the end of each chunk.
    pub(super) fn tell_text(&mut self, events: &mut EventQueue) {
        let end = self.text_len();
        if let Some(start) = self.untold.filter(|start| *start < end) {
            self.untold = Some(end);
            events.push(self.last(), RecordKind::Text { start, end });
        }
    }

    fn last(&self) -> NodeId {
        NodeId(narrow(self.nodes.len()).saturating_sub(1))
    }

    fn last_mut(&mut self) -> Option<&mut Node> {
        self.nodes.last_mut()
    }

    /// Gives content to the node that the last key made, or to a new element.
    fn begin(&mut self, content: Content, state: JsonState, events: &mut EventQueue) {
        let parent = self.open;
        let mut slot = Slot::Root;
        let mut has_node = false;
        match self.nodes.get_mut(parent.index()).map(|node| &mut node.content) {
            Some(Content::Array { count, .. }) => {
                slot = Slot::Index(*count);
                *count += 1;
            }
            Some(_) => has_node = true,
            None => {}
        }
        match self.nodes.last_mut() {
            Some(node) if has_node => {
                node.content = content;
                node.state = state;
            }
            _ => self.nodes.push(Node { parent, slot, content, state }),
        }
        if state == JsonState::Partial {
            events.push(self.last(), RecordKind::Started);
        }
    }

    fn leaf(&mut self, content: Content, events: &mut EventQueue) {
        self.begin(content, JsonState::Complete, events);
        events.push(self.last(), RecordKind::Completed);
    }

    fn complete_last(&mut self, events: &mut EventQueue) {
        let text_end = self.text_len();
        if let Some(node) = self.last_mut() {
            node.state = JsonState::Complete;
            if let Content::String { end, .. } | Content::Number { end, .. } = &mut node.content {
                *end = text_end;
            }
        }
        events.push(self.last(), RecordKind::Completed);
    }

    fn begin_number(&mut self, events: &mut EventQueue) {
        if !self.number_open {
            self.number_open = true;
            let start = self.text_len();
            self.begin(Content::Number { start, end: start }, JsonState::Pending, events);
        }
    }

    /// Only an exponent or hundreds of digits can take a number out of a float's range.
    fn check_number(&self) -> Result<(), JsonErrorKind> {
        const SAFE_DIGITS: usize = 300;
        let Content::Number { start, .. } = self.node(self.last()).content else {
            return Ok(());
        };
        let digits = self.text(start, self.text_len());
        let is_safe = digits.len() < SAFE_DIGITS && !digits.contains(['e', 'E']);
        if is_safe || digits.parse::<serde_json::Number>().is_ok() {
            return Ok(());
        }
        Err(JsonErrorKind::NumberOutOfRange)
    }

    fn open(&mut self, content: Content, events: &mut EventQueue) {
        self.begin(content, JsonState::Partial, events);
        self.open = self.last();
        if let Some(seen) = &mut self.seen_keys {
            seen.push(BTreeSet::new());
        }
    }

    fn close(&mut self, events: &mut EventQueue) {
        let id = self.open;
        let nodes_end = narrow(self.nodes.len());
        if let Some(node) = self.nodes.get_mut(id.index()) {
            node.state = JsonState::Complete;
            if let Content::Array { end, .. } | Content::Object { end, .. } = &mut node.content {
                *end = nodes_end;
            }
            self.open = node.parent;
        }
        if let Some(seen) = &mut self.seen_keys {
            seen.pop();
        }
        events.push(id, RecordKind::Completed);
    }

    fn end_key(&mut self) -> Result<(), JsonErrorKind> {
        let slot = Slot::Key { start: self.key_start, end: self.text_len() };
        if let Some(seen) = self.seen_keys.as_mut().and_then(|seen| seen.last_mut()) {
            let start = usize::try_from(self.key_start).unwrap_or(usize::MAX);
            let key = self.text.get(start..).unwrap_or_default();
            if !seen.insert(key.into()) {
                return Err(JsonErrorKind::DuplicateKey);
            }
        }
        let parent = self.open;
        if let Some(Content::Object { count, .. }) =
            self.nodes.get_mut(parent.index()).map(|node| &mut node.content)
        {
            *count += 1;
        }
        self.nodes.push(Node { parent, slot, ..Node::MISSING });
        Ok(())
    }
}
