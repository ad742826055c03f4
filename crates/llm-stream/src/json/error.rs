//! What can be wrong with JSON text, and where.

/// Why a piece of JSON was refused, and at which byte.
///
/// ```
/// use llm_stream::json::{JsonErrorKind, PartialJson};
///
/// let error = PartialJson::default().push("[1,]").unwrap_err();
/// assert_eq!(error.offset, 3);
/// assert_eq!(error.to_string(), "expected a value, found ']' at byte 3");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
#[non_exhaustive]
pub struct JsonError {
    /// What is wrong.
    pub kind: JsonErrorKind,
    /// The first byte that is not acceptable, counted from the start of the stream.
    ///
    /// The offset does not depend on how the text was cut into chunks.
    pub offset: u64,
}

/// What is wrong with a piece of JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonErrorKind {
    /// A character that the grammar does not allow here.
    #[error("expected {expected}, found {found:?}")]
    Unexpected {
        /// The character that stands there.
        found: char,
        /// What could have stood there, in words.
        expected: &'static str,
    },
    /// The text ended in the middle of a value.
    #[error("unexpected end of text")]
    UnexpectedEnd,
    /// A raw control character (below U+0020) in a string.
    #[error("control character {found:?} in a string")]
    ControlCharacter {
        /// The character, which should have been escaped.
        found: char,
    },
    /// A `\u` escape that is half of a surrogate pair without its other half.
    #[error("lone surrogate in an escape")]
    LoneSurrogate,
    /// A number too large for a 64-bit float.
    #[error("number out of range")]
    NumberOutOfRange,
    /// A key that its object already has, where duplicates are refused.
    #[error("duplicate key")]
    DuplicateKey,
    /// Bytes that are not UTF-8.
    #[error("invalid utf-8")]
    InvalidUtf8,
    /// Arrays and objects nested deeper than allowed.
    #[error("nested deeper than {limit} levels")]
    DepthLimit {
        /// The deepest level allowed.
        limit: usize,
    },
    /// A document or object longer than allowed.
    #[error("longer than {limit_bytes} bytes")]
    TooLarge {
        /// The largest size allowed, in bytes.
        limit_bytes: usize,
    },
    /// A complete object was dropped because too many wait to be taken.
    #[error("too many objects wait to be taken")]
    PendingFull,
}

impl JsonErrorKind {
    pub(super) fn at(self, offset: u64) -> JsonError {
        JsonError { kind: self, offset }
    }
}

impl JsonError {
    /// Whether the text was fine as far as it went, and more of it could have completed it.
    pub fn is_incomplete(&self) -> bool {
        matches!(self.kind, JsonErrorKind::UnexpectedEnd)
    }

    /// Whether a configured limit was reached, as opposed to text that is not JSON.
    pub fn is_limit(&self) -> bool {
        matches!(
            self.kind,
            JsonErrorKind::DepthLimit { .. }
                | JsonErrorKind::TooLarge { .. }
                | JsonErrorKind::PendingFull
        )
    }

    pub(super) fn shifted(self, base: u64) -> Self {
        Self { kind: self.kind, offset: self.offset.saturating_add(base) }
    }
}
