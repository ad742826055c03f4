//! Offset tokens: where a reader is, as it stands in URLs and headers (8).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Hexadecimal digits of each half of a token.
const DIGITS: usize = 16;

/// Bytes of a token: two halves and what is between them.
pub(super) const TOKEN_BYTES: usize = 2 * DIGITS + 1;

/// A position between two appends of a stream: how many lie before it, and in which life of the
/// stream the last of these was written.
///
/// On the wire it is `LIFE_NUMBER`, each in 16 hexadecimal digits, so that tokens of one stream
/// sort as their positions do: a fork's life is later than its source's.
/// Because the life is that of the append *before* the position, a fork shares the tokens of its
/// source up to where it leaves it, a token of a deleted stream means nothing in the stream made
/// anew at its path, and the beginning is the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StreamOffset {
    life: u64,
    number: u64,
}

impl StreamOffset {
    /// Before the first append of any stream.
    pub const BEGINNING: Self = Self { life: 0, number: 0 };

    /// After `number` appends, the last of which was written in `life`.
    pub const fn new(life: u64, number: u64) -> Self {
        if number == 0 { Self::BEGINNING } else { Self { life, number } }
    }

    /// How many appends lie before the position.
    pub const fn number(self) -> u64 {
        self.number
    }

    /// As it stands in headers, one of which every append is answered with.
    pub(super) fn token(self) -> [u8; TOKEN_BYTES] {
        let mut token = [b'_'; TOKEN_BYTES];
        let (life, rest) = token.split_at_mut(DIGITS);
        put_hex(life, self.life);
        put_hex(rest.split_at_mut(1).1, self.number);
        token
    }
}

/// Writes a number in lower-case digits, with zeros in front.
fn put_hex(digits: &mut [u8], number: u64) {
    let mut left = number;
    for digit in digits.iter_mut().rev() {
        let [.., last] = left.to_be_bytes();
        let value = last % 16;
        *digit = if value < 10 { b'0' + value } else { b'a' - 10 + value };
        left /= 16;
    }
}

impl fmt::Display for StreamOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.token()).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for StreamOffset {
    type Err = StreamOffsetError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (life, number) = text.split_once('_').ok_or(StreamOffsetError)?;
        let (life, number) = (half(life)?, half(number)?);
        // The beginning has one token only, as every other position.
        if number == 0 && life != 0 {
            return Err(StreamOffsetError);
        }
        Ok(Self { life, number })
    }
}

impl Serialize for StreamOffset {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for StreamOffset {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Rust's own parser takes signs and capitals.
fn half(text: &str) -> Result<u64, StreamOffsetError> {
    let hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
    if text.len() != DIGITS || !text.bytes().all(hex) {
        return Err(StreamOffsetError);
    }
    u64::from_str_radix(text, 16).map_err(|_| StreamOffsetError)
}

/// The text is no offset of this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected an offset as it was received, or -1 or now")]
pub struct StreamOffsetError;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_token_reads_back_and_sorts(life: u64, number: u64, further: u64) {
            let offset = StreamOffset::new(life, number);
            let token = offset.to_string();
            prop_assert_eq!(&token, &format!("{:016x}_{number:016x}", offset.life));
            prop_assert_eq!(token.parse(), Ok(offset));
            let later = StreamOffset::new(life.saturating_add(further), number.saturating_add(1));
            prop_assert!(later.to_string() > token);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[0-9a-f_+ A-F]{0,40}") {
            if let Ok(offset) = text.parse::<StreamOffset>() {
                prop_assert_eq!(offset.to_string(), text);
            }
        }
    }

    #[test]
    fn the_beginning_is_the_same_in_every_life() {
        assert_eq!(StreamOffset::new(7, 0), StreamOffset::BEGINNING);
        assert_eq!("0000000000000000_0000000000000000".parse(), Ok(StreamOffset::BEGINNING));
        assert!("0000000000000001_0000000000000000".parse::<StreamOffset>().is_err());
    }
}
