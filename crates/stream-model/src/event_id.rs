//! An event's id: a UUID unless the publisher brought a name of its own.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::limits::EVENT_ID_BYTES_MAX;

/// Identifies an event; cannot hold CR, LF or NUL, so it can never break a frame.
///
/// A UUID is kept as its 16 bytes and written only on demand; any other text is shared.
/// Ids compare by their text, whichever way they were made.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventId(Repr);

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Repr {
    Uuid(Uuid),
    Text(Arc<str>),
}

impl EventId {
    /// Takes `text` as an id.
    ///
    /// # Errors
    /// Refuses an empty text, one over [`EVENT_ID_BYTES_MAX`] bytes, and one with CR, LF or NUL
    /// (WHATWG HTML 9.2.6 could not carry it).
    pub fn new(text: &str) -> Result<Self, EventIdError> {
        if text.is_empty() {
            return Err(EventIdError::Empty);
        }
        if text.len() > EVENT_ID_BYTES_MAX {
            return Err(EventIdError::TooLong { bytes: text.len() });
        }
        if text.bytes().any(|byte| matches!(byte, b'\r' | b'\n' | b'\0')) {
            return Err(EventIdError::LineBreak);
        }
        Ok(Self(canonical_uuid(text).map_or_else(|| Repr::Text(text.into()), Repr::Uuid)))
    }

    /// The UUID, if the id is one in canonical form.
    pub fn as_uuid(&self) -> Option<Uuid> {
        match &self.0 {
            Repr::Uuid(uuid) => Some(*uuid),
            Repr::Text(_) => None,
        }
    }
}

/// Only the canonical spelling may become a [`Uuid`]; any other would be written back changed.
fn canonical_uuid(text: &str) -> Option<Uuid> {
    if text.len() != uuid::fmt::Hyphenated::LENGTH {
        return None;
    }
    let uuid = Uuid::try_parse(text).ok()?;
    let mut buffer = Uuid::encode_buffer();
    (uuid.hyphenated().encode_lower(&mut buffer) == text).then_some(uuid)
}

impl From<Uuid> for EventId {
    fn from(uuid: Uuid) -> Self {
        Self(Repr::Uuid(uuid))
    }
}

impl FromStr for EventId {
    type Err = EventIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Uuid(uuid) => {
                f.write_str(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
            Repr::Text(text) => f.write_str(text),
        }
    }
}

impl fmt::Debug for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EventId({self})")
    }
}

impl Serialize for EventId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Repr::Uuid(uuid) => {
                serializer.serialize_str(uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()))
            }
            Repr::Text(text) => serializer.serialize_str(text),
        }
    }
}

impl<'de> Deserialize<'de> for EventId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(&text).map_err(serde::de::Error::custom)
    }
}

/// Why a text is no event id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EventIdError {
    /// There is nothing in it.
    #[error("expected an event id, found an empty text")]
    Empty,
    /// It is over the limit.
    #[error("expected an event id of at most {EVENT_ID_BYTES_MAX} bytes, found {bytes}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It holds CR, LF or NUL.
    #[error("expected an event id without CR, LF and NUL")]
    LineBreak,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_canonical_uuids_become_uuids() {
        let canonical = "0198f3c2-7a1b-7c3d-8e4f-5a6b7c8d9e0f";
        assert!(EventId::new(canonical).unwrap().as_uuid().is_some());
        for other in [canonical.to_uppercase(), canonical.replace('-', ""), "e1".to_owned()] {
            let id = EventId::new(&other).unwrap();
            assert!(id.as_uuid().is_none());
            assert_eq!(id.to_string(), other);
        }
    }

    #[test]
    fn ids_that_would_break_a_frame_are_refused() {
        for bad in ["a\nb", "a\rb", "a\0b", "\n"] {
            assert_eq!(EventId::new(bad), Err(EventIdError::LineBreak), "{bad:?}");
        }
        assert_eq!(EventId::new(""), Err(EventIdError::Empty));
    }

    #[test]
    fn the_limit_is_inclusive() {
        assert!(EventId::new(&"x".repeat(EVENT_ID_BYTES_MAX)).is_ok());
        let bytes = EVENT_ID_BYTES_MAX + 1;
        assert_eq!(EventId::new(&"x".repeat(bytes)), Err(EventIdError::TooLong { bytes }));
    }
}
