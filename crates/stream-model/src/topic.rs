//! The name of a stream of events.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits::{TOPIC_BYTES_MAX, TOPIC_SEGMENTS_MAX};

/// A topic's name: segments parted by dots, case-sensitive, none of them empty.
///
/// It holds no white space, no control character and neither `*` nor `>`, which belong to
/// [`TopicFilter`](crate::TopicFilter)s.
/// Cloning shares the text.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Topic(Arc<str>);

impl Topic {
    /// Takes `name` as a topic.
    ///
    /// # Errors
    /// Says which rule the name breaks; see [`TopicError`].
    pub fn new(name: &str) -> Result<Self, TopicError> {
        check_size(name)?;
        for segment in name.split('.') {
            check_segment(segment)?;
            if segment.contains(['*', '>']) {
                return Err(TopicError::Wildcard);
            }
        }
        Ok(Self(name.into()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the server itself writes this topic: its name starts with `$`.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with('$')
    }
}

/// The rules of length that topics and filters share.
pub(crate) fn check_size(text: &str) -> Result<(), TopicError> {
    if text.len() > TOPIC_BYTES_MAX {
        return Err(TopicError::TooLong { bytes: text.len() });
    }
    let segments = text.split('.').count();
    if segments > TOPIC_SEGMENTS_MAX {
        return Err(TopicError::TooDeep { segments });
    }
    Ok(())
}

/// The rules of one segment that topics and filters share.
pub(crate) fn check_segment(segment: &str) -> Result<(), TopicError> {
    if segment.is_empty() {
        return Err(TopicError::EmptySegment);
    }
    match segment.chars().find(|c| c.is_control() || c.is_whitespace()) {
        Some(character) => Err(TopicError::Character { character }),
        None => Ok(()),
    }
}

impl AsRef<str> for Topic {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

/// A topic is found by its name: both are equal, and hash, in the same way.
impl Borrow<str> for Topic {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

impl FromStr for Topic {
    type Err = TopicError;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        Self::new(name)
    }
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Topic({})", self.0)
    }
}

impl Serialize for Topic {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Topic {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        Self::new(&name).map_err(serde::de::Error::custom)
    }
}

/// Why a name is no topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicError {
    /// It starts or ends with a dot, holds two in a row, or is empty.
    #[error("expected segments parted by single dots, found an empty segment")]
    EmptySegment,
    /// It is over the limit.
    #[error("expected a topic of at most {TOPIC_BYTES_MAX} bytes, found {bytes}")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// It has too many segments.
    #[error("expected a topic of at most {TOPIC_SEGMENTS_MAX} segments, found {segments}")]
    TooDeep {
        /// How many it has.
        segments: usize,
    },
    /// It holds a character that no topic may hold.
    #[error("expected a topic without white space and control characters, found {character:?}")]
    Character {
        /// The first such character.
        character: char,
    },
    /// It holds `*` or `>`, which only a filter may.
    #[error("expected a topic, found the wildcard of a filter")]
    Wildcard,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_topics() {
        for good in ["demo", "orders.eu.paid", "Orders", "$sys.stats", "größe.値", "a-b_c/d"] {
            assert_eq!(Topic::new(good).unwrap().as_str(), good);
        }
        assert!(Topic::new("$sys").unwrap().is_reserved());
    }

    #[test]
    fn names_that_are_none() {
        use TopicError::{Character, EmptySegment, Wildcard};
        for (bad, why) in [
            ("", EmptySegment),
            (".a", EmptySegment),
            ("a.", EmptySegment),
            ("a..b", EmptySegment),
            ("a b", Character { character: ' ' }),
            ("a\nb", Character { character: '\n' }),
            ("a\0b", Character { character: '\0' }),
            ("*", Wildcard),
            ("a.>", Wildcard),
            ("a.b*", Wildcard),
        ] {
            assert_eq!(Topic::new(bad), Err(why), "{bad:?}");
        }
    }

    #[test]
    fn the_limits_are_inclusive() {
        assert!(Topic::new(&"x".repeat(TOPIC_BYTES_MAX)).is_ok());
        let bytes = TOPIC_BYTES_MAX + 1;
        assert_eq!(Topic::new(&"x".repeat(bytes)), Err(TopicError::TooLong { bytes }));
        assert!(Topic::new(&vec!["x"; TOPIC_SEGMENTS_MAX].join(".")).is_ok());
        let segments = TOPIC_SEGMENTS_MAX + 1;
        let deep = vec!["x"; segments].join(".");
        assert_eq!(Topic::new(&deep), Err(TopicError::TooDeep { segments }));
    }
}
