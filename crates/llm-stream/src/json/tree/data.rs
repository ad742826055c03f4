//! What a tree is made of.

/// How much of a value is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum JsonState {
    /// The value is announced, by its key or its first digit, but nothing of it can be read.
    #[default]
    Pending,
    /// A string, array or object that can be read and may grow.
    Partial,
    /// Nothing of it will change.
    Complete,
}

/// The kind of a JSON value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JsonKind {
    /// `null`
    Null,
    /// `true` or `false`
    Bool,
    /// A number.
    Number,
    /// A string.
    String,
    /// An array.
    Array,
    /// An object.
    Object,
}

/// What is done about a key that its object already has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum DuplicateKeys {
    /// The last one counts, as in `serde_json`.
    #[default]
    LastWins,
    /// It is [`JsonErrorKind::DuplicateKey`](crate::json::JsonErrorKind::DuplicateKey);
    /// every key of an open object is remembered.
    Refuse,
}

/// The place of a node in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::json) struct NodeId(pub(super) u32);

impl NodeId {
    pub(in crate::json) const ROOT: Self = Self(0);
    pub(in crate::json) const NONE: Self = Self(u32::MAX);

    pub(in crate::json) fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }

    pub(in crate::json) fn from_index(index: usize) -> Self {
        Self(narrow(index))
    }
}

/// Limits keep every place in a tree below 2^31, so that this never saturates.
pub(in crate::json) fn narrow(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(u32::MAX)
}

/// What a node holds; ranges are bytes of [`Tree::text`](super::Tree::text).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::json) enum Content {
    /// A key without a value.
    Unknown,
    Null,
    Bool(bool),
    Number {
        start: u32,
        end: u32,
    },
    /// `end` is set when the string is complete; until then it reaches to the end of the text.
    String {
        start: u32,
        end: u32,
    },
    /// `end` is the node after the last one inside; set when the array is complete.
    Array {
        count: u32,
        end: u32,
    },
    Object {
        count: u32,
        end: u32,
    },
}

/// How a node is found in its parent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::json) enum Slot {
    Root,
    Index(u32),
    Key { start: u32, end: u32 },
}

#[derive(Debug, Clone, Copy)]
pub(in crate::json) struct Node {
    pub(in crate::json) parent: NodeId,
    pub(in crate::json) slot: Slot,
    pub(in crate::json) content: Content,
    pub(in crate::json) state: JsonState,
}

impl Node {
    /// Stands for a node that is not there.
    pub(in crate::json) const MISSING: Self = Self {
        parent: NodeId::NONE,
        slot: Slot::Root,
        content: Content::Unknown,
        state: JsonState::Pending,
    };
}
