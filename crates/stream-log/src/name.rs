//! The names of logs, in spaces that never meet.

use std::fmt;
use std::sync::Arc;

/// Bytes of the name within its space; longer ones are refused.
const NAME_BYTES_MAX: usize = 1024;

/// What a log is for; names of different spaces never meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Namespace {
    /// Published events of a topic.
    Topic,
    /// Events of one LLM stream.
    Relay,
    /// A stream of the Durable Streams protocol.
    Durable,
    /// What the members of a consumer group say to each other, and how far its partitions are.
    Group,
}

impl Namespace {
    /// Every space.
    pub const ALL: &[Self] = &[Self::Topic, Self::Relay, Self::Durable, Self::Group];

    /// What the full names of this space begin with.
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Topic => "topic/",
            Self::Relay => "llm/",
            Self::Durable => "stream/",
            Self::Group => "group/",
        }
    }
}

/// A log's name: its space and a name in it.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogName {
    namespace: Namespace,
    /// Prefix and name, so that a store needs one text only.
    full: Arc<str>,
}

impl LogName {
    /// The log `name` in `namespace`.
    ///
    /// # Errors
    /// [`LogNameError`] if the name is empty, over 1,024 bytes, or holds a control character.
    pub fn new(namespace: Namespace, name: &str) -> Result<Self, LogNameError> {
        let fits = (1..=NAME_BYTES_MAX).contains(&name.len());
        if !fits || name.chars().any(char::is_control) {
            return Err(LogNameError);
        }
        Ok(Self { namespace, full: format!("{}{name}", namespace.prefix()).into() })
    }

    /// The name whose [`as_str`](Self::as_str) is `text`.
    ///
    /// # Errors
    /// [`LogNameError`] if no log can have it.
    pub fn parse(text: &str) -> Result<Self, LogNameError> {
        let spaces = Namespace::ALL.iter();
        let mut split =
            spaces.filter_map(|space| Some((*space, text.strip_prefix(space.prefix())?)));
        let (namespace, name) = split.next().ok_or(LogNameError)?;
        Self::new(namespace, name)
    }

    /// The space.
    pub fn namespace(&self) -> Namespace {
        self.namespace
    }

    /// The name within its space.
    pub fn name(&self) -> &str {
        self.full.strip_prefix(self.namespace.prefix()).unwrap_or(&self.full)
    }

    /// Space and name as one text, unique over all spaces.
    pub fn as_str(&self) -> &str {
        &self.full
    }
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full)
    }
}

impl fmt::Debug for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogName({})", self.full)
    }
}

/// The text is no log's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a log name of 1 to {NAME_BYTES_MAX} bytes without control characters")]
pub struct LogNameError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_name_in_two_spaces_is_two_logs() {
        let topic = LogName::new(Namespace::Topic, "a/b").unwrap();
        let relay = LogName::new(Namespace::Relay, "a/b").unwrap();
        assert_ne!(topic, relay);
        assert_ne!(topic.as_str(), relay.as_str());
        assert_eq!((topic.name(), relay.name()), ("a/b", "a/b"));
    }

    #[test]
    fn a_full_name_reads_back() {
        for space in Namespace::ALL {
            let name = LogName::new(*space, "a/b").unwrap();
            assert_eq!(LogName::parse(name.as_str()), Ok(name));
        }
        for bad in ["", "topic", "topic/", "other/a", "/a"] {
            assert_eq!(LogName::parse(bad), Err(LogNameError), "{bad:?}");
        }
    }

    #[test]
    fn names_have_bounds() {
        assert!(LogName::new(Namespace::Topic, &"x".repeat(NAME_BYTES_MAX)).is_ok());
        for bad in ["", &"x".repeat(NAME_BYTES_MAX + 1), "a\nb"] {
            assert_eq!(LogName::new(Namespace::Topic, bad), Err(LogNameError));
        }
    }
}
