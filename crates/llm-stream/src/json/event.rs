//! What happened to a growing document, step by step.

use std::collections::VecDeque;

use super::{
    node::JsonNode,
    path::JsonPath,
    tree::{JsonKind, NodeId, Tree},
};

/// One step in the growth of a document.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct JsonEvent<'a> {
    /// Where it happened.
    pub path: JsonPath<'a>,
    /// What happened.
    pub kind: JsonEventKind<'a>,
}

/// What happened to a value.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum JsonEventKind<'a> {
    /// A string, array or object began.
    Started(JsonKind),
    /// The string at the path grew by this text.
    ///
    /// All deltas of one path, put together, are the string.
    /// What arrives between two reads of the events is one delta.
    StringDelta(&'a str),
    /// The value is complete; numbers and literals have this event only.
    Completed(JsonNode<'a>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordKind {
    Started,
    Text { start: u32, end: u32 },
    Completed,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) node: NodeId,
    pub(super) kind: RecordKind,
}

impl Record {
    /// Takes `next` in, if it is more text of the same string.
    fn extend(&mut self, next: Self) -> bool {
        match (&mut self.kind, next.kind) {
            (RecordKind::Text { end, .. }, RecordKind::Text { start, end: next_end })
                if self.node == next.node && *end == start =>
            {
                *end = next_end;
                true
            }
            _ => false,
        }
    }
}

/// Events that were not read yet: at most three for each node, since text is joined.
#[derive(Debug, Clone)]
pub(super) struct EventQueue {
    is_on: bool,
    records: VecDeque<Record>,
}

impl EventQueue {
    pub(super) fn new(is_on: bool) -> Self {
        Self { is_on, records: VecDeque::new() }
    }

    pub(super) fn clear(&mut self) {
        self.records.clear();
    }

    pub(super) fn push(&mut self, node: NodeId, kind: RecordKind) {
        if !self.is_on {
            return;
        }
        let record = Record { node, kind };
        if !self.records.back_mut().is_some_and(|last| last.extend(record)) {
            self.records.push_back(record);
        }
    }

    pub(super) fn pop<'a>(&mut self, tree: &'a Tree) -> Option<JsonEvent<'a>> {
        let record = self.records.pop_front()?;
        let node = JsonNode::new(tree, record.node);
        let kind = match record.kind {
            RecordKind::Started => JsonEventKind::Started(node.kind().unwrap_or(JsonKind::Null)),
            RecordKind::Text { start, end } => JsonEventKind::StringDelta(tree.text(start, end)),
            RecordKind::Completed => JsonEventKind::Completed(node),
        };
        Some(JsonEvent { path: node.path(), kind })
    }
}
