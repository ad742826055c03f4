//! Values that cannot break out of their field: the event's name and its id.

use std::borrow::Cow;
use std::fmt;

use memchr::memchr3;

use crate::limits::{EVENT_NAME_BYTES_MAX, LAST_EVENT_ID_BYTES_MAX};

/// Why a text is not an event name or id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldError {
    /// A carriage return, line feed or NUL would end the field, or void it.
    #[error("forbidden character {character:?} at byte {offset}")]
    Forbidden {
        /// The character found first.
        character: char,
        /// Where it lies, in bytes.
        offset: usize,
    },
    /// The text is over the limit of its field.
    #[error("{len} bytes, the limit is {limit}")]
    TooLong {
        /// The length of the text, in bytes.
        len: usize,
        /// The limit of the field, in bytes.
        limit: usize,
    },
    /// An event name is empty, which a client reads as `message`.
    #[error("event name is empty")]
    EmptyName,
}

/// The name of an event's type, such as `message` or `response.output_text.delta`.
///
/// It holds 1 to [`EVENT_NAME_BYTES_MAX`] bytes and no CR, LF or NUL.
/// Other separators, such as U+2028, mean nothing to the format and are allowed.
///
/// # Examples
///
/// ```
/// use stream_sse::EventName;
///
/// assert_eq!(EventName::parse("ping")?.as_str(), "ping");
/// assert!(EventName::parse("ping\ndata: forged").is_err());
/// # Ok::<(), stream_sse::FieldError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EventName<'a>(Cow<'a, str>);

impl<'a> EventName<'a> {
    /// Takes a name, borrowed or owned.
    ///
    /// # Errors
    ///
    /// Refuses an empty name, one over [`EVENT_NAME_BYTES_MAX`] bytes, and CR, LF and NUL.
    pub fn parse(name: impl Into<Cow<'a, str>>) -> Result<Self, FieldError> {
        let name = name.into();
        if name.is_empty() {
            return Err(FieldError::EmptyName);
        }
        check(&name, EVENT_NAME_BYTES_MAX)?;
        Ok(Self(name))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Copies the name if it is borrowed.
    #[must_use]
    pub fn into_owned(self) -> EventName<'static> {
        EventName(Cow::Owned(self.0.into_owned()))
    }
}

/// The id that a client sends back to resume behind an event.
///
/// It holds up to [`LAST_EVENT_ID_BYTES_MAX`] bytes and no CR, LF or NUL.
/// An empty id is a value of its own: it makes the client forget the one it has.
///
/// # Examples
///
/// ```
/// use stream_sse::LastEventId;
///
/// assert_eq!(LastEventId::parse("epoch-7:42")?.as_str(), "epoch-7:42");
/// assert_eq!(LastEventId::from(42).as_str(), "42");
/// assert!(LastEventId::parse("1\r2").is_err());
/// # Ok::<(), stream_sse::FieldError>(())
/// ```
#[doc(alias = "EventId")]
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LastEventId<'a>(Cow<'a, str>);

impl<'a> LastEventId<'a> {
    /// Takes an id, borrowed or owned.
    ///
    /// # Errors
    ///
    /// Refuses an id over [`LAST_EVENT_ID_BYTES_MAX`] bytes, and CR, LF and NUL.
    pub fn parse(id: impl Into<Cow<'a, str>>) -> Result<Self, FieldError> {
        let id = id.into();
        check(&id, LAST_EVENT_ID_BYTES_MAX)?;
        Ok(Self(id))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Copies the id if it is borrowed.
    #[must_use]
    pub fn into_owned(self) -> LastEventId<'static> {
        LastEventId(Cow::Owned(self.0.into_owned()))
    }
}

impl From<u64> for LastEventId<'static> {
    fn from(number: u64) -> Self {
        Self(Cow::Owned(number.to_string()))
    }
}

impl fmt::Display for EventName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for LastEventId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Refuses what would end a field early, and what is too long.
fn check(text: &str, limit: usize) -> Result<(), FieldError> {
    if text.len() > limit {
        return Err(FieldError::TooLong { len: text.len(), limit });
    }
    let Some(offset) = memchr3(b'\r', b'\n', 0, text.as_bytes()) else {
        return Ok(());
    };
    let character = text.as_bytes().get(offset).copied().map_or('\0', char::from);
    Err(FieldError::Forbidden { character, offset })
}
