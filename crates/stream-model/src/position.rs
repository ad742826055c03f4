//! Where a reader stands in a log.

use std::fmt;
use std::num::ParseIntError;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The number of a record in its log, counted from 0.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Offset(u64);

impl Offset {
    /// The first record of any log.
    pub const ZERO: Self = Self(0);

    /// The offset with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The offset `count` records further on; stays at the largest one.
    #[must_use]
    pub const fn plus(self, count: u64) -> Self {
        Self(self.0.saturating_add(count))
    }

    /// The offset right after this one.
    #[must_use]
    pub const fn next(self) -> Self {
        self.plus(1)
    }

    /// How many records lie from `earlier` up to this one; 0 if `earlier` is later.
    pub const fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for Offset {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        digits(text)?.parse().map(Self).map_err(ParsePositionError::Number)
    }
}

/// Which life of a log an offset belongs to.
///
/// A log that was lost and made anew has another epoch, so that an old offset cannot be
/// mistaken for a place in the new log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Epoch(u64);

impl Epoch {
    /// The epoch with this number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::LowerHex::fmt(&self.0, f)
    }
}

impl FromStr for Epoch {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let hex = |byte: u8| byte.is_ascii_digit() || matches!(byte, b'a'..=b'f');
        if text.is_empty() || !text.bytes().all(hex) {
            return Err(ParsePositionError::Form);
        }
        u64::from_str_radix(text, 16).map(Self).map_err(ParsePositionError::Number)
    }
}

/// As hexadecimal text: a JSON number would lose the low bits in many readers.
impl Serialize for Epoch {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Epoch {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// An offset and the epoch in which it counts.
///
/// Written `EPOCH.OFFSET`, for example `18c2f0a1.42`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamPosition {
    /// The life of the log.
    pub epoch: Epoch,
    /// The record.
    pub offset: Offset,
}

impl fmt::Display for StreamPosition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.epoch, self.offset)
    }
}

impl FromStr for StreamPosition {
    type Err = ParsePositionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (epoch, offset) = text.split_once('.').ok_or(ParsePositionError::Form)?;
        Ok(Self { epoch: epoch.parse()?, offset: offset.parse()? })
    }
}

/// Rust's own parser takes `+1`; a position is digits and nothing else.
fn digits(text: &str) -> Result<&str, ParsePositionError> {
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(ParsePositionError::Form);
    }
    Ok(text)
}

/// Why a text is no position.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParsePositionError {
    /// It has another form.
    #[error("expected an offset in decimal digits, with an epoch in hexadecimal before a dot")]
    Form,
    /// A number is out of range.
    #[error("position out of range")]
    Number(#[source] ParseIntError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_reads_back() {
        let position = StreamPosition { epoch: Epoch::new(0x18c2_f0a1), offset: Offset::new(42) };
        assert_eq!(position.to_string(), "18c2f0a1.42");
        assert_eq!("18c2f0a1.42".parse(), Ok(position));
    }

    #[test]
    fn what_is_no_position_is_refused() {
        for bad in ["", ".", "1", "1.", ".1", "1.+2", "1.-2", "+1.2", "G.2", "1.2.3", "1. 2"] {
            assert_eq!(bad.parse::<StreamPosition>(), Err(ParsePositionError::Form), "{bad:?}");
        }
        let huge = "1.18446744073709551616".parse::<StreamPosition>();
        assert!(matches!(huge, Err(ParsePositionError::Number(_))));
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(Offset::new(u64::MAX).next(), Offset::new(u64::MAX));
        assert_eq!(Offset::new(3).since(Offset::new(5)), 0);
    }
}
