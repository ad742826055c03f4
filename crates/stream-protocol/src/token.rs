//! What an SSE `id` holds: where its reader goes on.

use std::fmt;
use std::str::FromStr;

use stream_model::{Offset, StreamPosition, Topic};

use crate::{Interest, Positions};

/// Where a reader goes on: the position after what it has.
///
/// Opaque to clients; on the wire it is the text of the position, `EPOCH.OFFSET`.
/// A reader of many topics has [`Positions`], whose text has another form.
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

/// A resume token of either form, for readers that take both: a reader may leave one transport
/// and go on with another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnyToken {
    /// A position in one topic, which the token does not name.
    One(ResumeToken),
    /// Positions in topics that it names.
    Many(Positions),
}

impl AnyToken {
    /// For a reader of one topic.
    ///
    /// # Errors
    /// [`ResumeTokenError`] if the token knows nothing of the topic.
    pub fn for_topic(self, topic: &Topic) -> Result<ResumeToken, ResumeTokenError> {
        match self {
            Self::One(token) => Ok(token),
            Self::Many(positions) => {
                positions.get(topic).map(ResumeToken::at).ok_or(ResumeTokenError)
            }
        }
    }

    /// For a reader of what `interest` takes.
    ///
    /// # Errors
    /// [`ResumeTokenError`] if the token is of one topic, and the reader of more.
    pub fn for_interest(self, interest: &Interest) -> Result<Positions, ResumeTokenError> {
        match self {
            Self::Many(positions) => Ok(positions),
            Self::One(token) => {
                let topic = interest.single().ok_or(ResumeTokenError)?;
                let mut positions = Positions::default();
                positions.set(&topic, token.position());
                Ok(positions)
            }
        }
    }
}

impl FromStr for AnyToken {
    type Err = ResumeTokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let one = text.parse().map(Self::One);
        one.or_else(|_| text.parse().map(Self::Many))
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

    #[test]
    fn a_reader_may_change_between_one_topic_and_many() {
        let interest = |topics: &[&str]| Interest::parse(topics, [""; 0]).unwrap();
        let topic = |name| Topic::new(name).unwrap();
        let one: ResumeToken = "e.5".parse().unwrap();
        let many = AnyToken::One(one).for_interest(&interest(&["a"])).unwrap();
        assert_eq!(many.get(&topic("a")), Some(one.position()));
        let many: AnyToken = many.to_string().parse().unwrap();
        assert_eq!(many.clone().for_topic(&topic("a")), Ok(one));
        assert_eq!(many.clone().for_topic(&topic("b")), Err(ResumeTokenError));
        assert!(many.for_interest(&interest(&["a", "b.*"])).is_ok());
        assert_eq!(AnyToken::One(one).for_interest(&interest(&["a", "b"])), Err(ResumeTokenError));
    }

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
