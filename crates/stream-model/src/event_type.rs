//! The five standard kinds of event.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an event is about.
///
/// The set is closed: a Server-Sent Events stream with names of its own writes raw frames
/// instead of [`Event`](crate::Event)s.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum EventType {
    /// Something that was published.
    #[default]
    Message,
    /// Something that failed.
    Error,
    /// A reader or client arrived.
    Connect,
    /// A reader or client left.
    Disconnect,
    /// Nothing happened, and the connection is alive.
    Heartbeat,
}

impl EventType {
    /// Every kind, in the order of declaration.
    pub const ALL: [Self; 5] =
        [Self::Message, Self::Error, Self::Connect, Self::Disconnect, Self::Heartbeat];

    /// The name on the wire, in lower case.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Error => "error",
            Self::Connect => "connect",
            Self::Disconnect => "disconnect",
            Self::Heartbeat => "heartbeat",
        }
    }
}

impl fmt::Display for EventType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for EventType {
    type Err = UnknownEventType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(UnknownEventType)
    }
}

/// The text names none of the five event types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected message, error, connect, disconnect or heartbeat")]
pub struct UnknownEventType;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_reads_back_and_case_counts() {
        for kind in EventType::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
            assert_eq!(kind.as_str().to_uppercase().parse::<EventType>(), Err(UnknownEventType));
        }
    }
}
