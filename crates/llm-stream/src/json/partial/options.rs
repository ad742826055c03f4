//! How a document that is read while it arrives is read, and its bounds.

use super::PartialJson;
use crate::json::{limits, scanner::JsonDialect, tree::DuplicateKeys};

/// How a [`PartialJson`] reads.
#[derive(Debug, Clone)]
pub struct PartialJsonOptions {
    pub(super) dialect: JsonDialect,
    pub(super) duplicate_keys: DuplicateKeys,
    pub(super) depth_max: usize,
    pub(super) document_bytes_max: usize,
    pub(super) events: bool,
}

impl Default for PartialJsonOptions {
    fn default() -> Self {
        Self {
            dialect: JsonDialect::Strict,
            duplicate_keys: DuplicateKeys::LastWins,
            depth_max: limits::DEPTH_MAX,
            document_bytes_max: limits::DOCUMENT_BYTES_MAX,
            events: true,
        }
    }
}

impl PartialJsonOptions {
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

    /// The deepest nesting; [`limits::DEPTH_MAX`] by default, at most [`limits::DEPTH_CEILING`].
    #[must_use]
    pub fn depth_max(mut self, depth_max: usize) -> Self {
        self.depth_max = depth_max.min(limits::DEPTH_CEILING);
        self
    }

    /// The longest text; [`limits::DOCUMENT_BYTES_MAX`] by default, at most
    /// [`limits::DOCUMENT_BYTES_CEILING`].
    #[must_use]
    pub fn document_bytes_max(mut self, document_bytes_max: usize) -> Self {
        self.document_bytes_max = document_bytes_max.min(limits::DOCUMENT_BYTES_CEILING);
        self
    }

    /// Whether events are kept for [`PartialJson::next_event`]; they are by default.
    #[must_use]
    pub fn events(mut self, events: bool) -> Self {
        self.events = events;
        self
    }

    /// Makes the reader.
    pub fn build(self) -> PartialJson {
        PartialJson::new(&self)
    }
}
