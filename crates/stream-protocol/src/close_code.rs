//! Why the server ends a connection, and whether coming back helps.

use std::fmt;

/// Why a connection ends.
///
/// The codes lie in the range that WebSocket leaves to applications (RFC 6455, 7.4.2):
/// below 4500 the client should come back with its resume token, from 4500 on it should not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseCode {
    /// The server is shutting down.
    Shutdown,
    /// The stream's storage failed.
    Unavailable,
    /// The stream was deleted; there may be a new one of its name.
    Deleted,
    /// The reader's token has expired; with a new one it may go on.
    TokenExpired,
    /// The reader was too slow, and had asked to be sent away then; it may go on where it was.
    TooSlow,
    /// The stream is closed, and everything was delivered.
    Ended,
    /// Topics were made until the reader's positions no longer fit into a resume token.
    TooManyTopics,
}

impl CloseCode {
    /// The number on the wire.
    pub const fn code(self) -> u16 {
        match self {
            Self::Shutdown => 4000,
            Self::Unavailable => 4001,
            Self::Deleted => 4002,
            Self::TokenExpired => 4003,
            Self::TooSlow => 4004,
            Self::Ended => 4500,
            Self::TooManyTopics => 4501,
        }
    }

    /// The word on the wire.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Shutdown => "shutdown",
            Self::Unavailable => "unavailable",
            Self::Deleted => "deleted",
            Self::TokenExpired => "token-expired",
            Self::TooSlow => "too-slow",
            Self::Ended => "ended",
            Self::TooManyTopics => "too-many-topics",
        }
    }

    /// Whether the client should come back.
    pub const fn may_reconnect(self) -> bool {
        self.code() < 4500
    }
}

impl fmt::Display for CloseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.code(), self.reason())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_range_says_whether_to_come_back() {
        use CloseCode::{Deleted, Ended, Shutdown, TokenExpired, TooManyTopics, Unavailable};
        assert!(
            [Shutdown, Unavailable, Deleted, TokenExpired]
                .into_iter()
                .all(CloseCode::may_reconnect)
        );
        assert!(![Ended, TooManyTopics].into_iter().any(CloseCode::may_reconnect));
    }
}
