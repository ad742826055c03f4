//! What an SSE `id` holds: where its reader goes on.

use std::fmt;
use std::str::FromStr;

use stream_model::{Offset, StreamPosition};

/// Where a reader goes on: the position after what it has.
///
/// Opaque to clients; on the wire it is the text of the position, `EPOCH.OFFSET`.
/// Texts of another form are kept free for tokens of several positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ResumeToken(StreamPosition);

impl ResumeToken {
    /// A token for a reader that has everything before `position`.
    pub const fn at(position: StreamPosition) -> Self {
        Self(position)
    }

    /// A token for a reader that has the record at `position` and everything before it.
    pub const fn after(position: StreamPosition) -> Self {
        let StreamPosition { epoch, offset } = position;
        Self(StreamPosition { epoch, offset: offset.next() })
    }

    /// The record that comes next.
    pub const fn position(self) -> StreamPosition {
        self.0
    }

    /// The number of the record that comes next.
    pub const fn offset(self) -> Offset {
        self.0.offset
    }
}

impl fmt::Display for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ResumeToken {
    type Err = ResumeTokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self).map_err(|_| ResumeTokenError)
    }
}

/// The text is no resume token of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected the id of an event of this stream, as it was received")]
pub struct ResumeTokenError;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use stream_model::Epoch;

    proptest! {
        #[test]
        fn a_token_reads_back(epoch: u64, offset: u64) {
            let position = StreamPosition { epoch: Epoch::new(epoch), offset: Offset::new(offset) };
            let token = ResumeToken::at(position);
            prop_assert_eq!(token.to_string().parse(), Ok(token));
            prop_assert_eq!(ResumeToken::after(position).offset(), Offset::new(offset).next());
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            if let Ok(token) = text.parse::<ResumeToken>() {
                prop_assert_eq!(token, token.to_string().parse().unwrap());
            }
        }
    }
}
