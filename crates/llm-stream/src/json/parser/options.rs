//! What a stream parser looks for, and its bounds.

use super::JsonStreamParser;
use crate::json::{limits, scanner::JsonDialect, tree::DuplicateKeys};

/// What a [`JsonStreamParser`] looks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum JsonExtract {
    /// Every outermost `{…}`; whatever lies between, code fences and brackets included, is prose.
    #[default]
    Objects,
    /// Every outermost `{…}` and `[…]`; whatever lies between is prose.
    ///
    /// A `[` in prose begins an array too: `see [1]` yields `[1]`.
    Containers,
    /// Each element of every outermost `[…]`, as soon as it is complete; the rest is prose.
    Elements,
    /// Values of any kind with nothing but optional whitespace between them, as in JSON Lines.
    ///
    /// Numbers and literals end at whitespace, a bracket, a quote, or the end of the text.
    Values,
}

/// How a [`JsonStreamParser`] reads.
#[derive(Debug, Clone)]
pub struct JsonStreamOptions {
    pub(super) extract: JsonExtract,
    pub(super) dialect: JsonDialect,
    pub(super) duplicate_keys: DuplicateKeys,
    pub(super) depth_max: usize,
    pub(super) object_bytes_max: usize,
    pub(super) pending_objects_max: usize,
    pub(super) pending_bytes_max: usize,
}

impl Default for JsonStreamOptions {
    fn default() -> Self {
        Self {
            extract: JsonExtract::Objects,
            dialect: JsonDialect::Strict,
            duplicate_keys: DuplicateKeys::LastWins,
            depth_max: limits::DEPTH_MAX,
            object_bytes_max: limits::OBJECT_BYTES_MAX,
            pending_objects_max: limits::PENDING_OBJECTS_MAX,
            pending_bytes_max: limits::PENDING_BYTES_MAX,
        }
    }
}

impl JsonStreamOptions {
    /// What is looked for; [`JsonExtract::Objects`] by default.
    #[must_use]
    pub fn extract(mut self, extract: JsonExtract) -> Self {
        self.extract = extract;
        self
    }

    /// Which texts count as JSON; [`JsonDialect::Strict`] by default.
    #[must_use]
    pub fn dialect(mut self, dialect: JsonDialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// What is done about a key that comes twice; [`DuplicateKeys::LastWins`] by default.
    #[must_use]
    pub fn duplicate_keys(mut self, duplicate_keys: DuplicateKeys) -> Self {
        self.duplicate_keys = duplicate_keys;
        self
    }

    /// The deepest nesting; [`limits::DEPTH_MAX`] by default, from 1 to [`limits::DEPTH_CEILING`].
    ///
    /// With [`JsonExtract::Elements`] the array around the elements counts.
    #[must_use]
    pub fn depth_max(mut self, depth_max: usize) -> Self {
        self.depth_max = depth_max.clamp(1, limits::DEPTH_CEILING);
        self
    }

    /// The longest object (or array, element or value); [`limits::OBJECT_BYTES_MAX`] by default,
    /// from 1 to [`limits::DOCUMENT_BYTES_CEILING`].
    ///
    /// The blanks and the comma before an element, and the byte that ends a number, count.
    #[must_use]
    pub fn object_bytes_max(mut self, object_bytes_max: usize) -> Self {
        self.object_bytes_max = object_bytes_max.clamp(1, limits::DOCUMENT_BYTES_CEILING);
        self
    }

    /// The most objects that wait to be taken; [`limits::PENDING_OBJECTS_MAX`] by default.
    ///
    /// One object always has room.
    #[must_use]
    pub fn pending_objects_max(mut self, pending_objects_max: usize) -> Self {
        self.pending_objects_max = pending_objects_max;
        self
    }

    /// The most source bytes that the objects which wait to be taken may have together;
    /// [`limits::PENDING_BYTES_MAX`] by default.
    ///
    /// One object always has room.
    #[must_use]
    pub fn pending_bytes_max(mut self, pending_bytes_max: usize) -> Self {
        self.pending_bytes_max = pending_bytes_max;
        self
    }

    /// Makes the parser.
    pub fn build(self) -> JsonStreamParser {
        JsonStreamParser::new(self)
    }
}
