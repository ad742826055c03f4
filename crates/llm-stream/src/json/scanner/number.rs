//! The grammar of JSON numbers, one byte at a time.

use super::{JsonScanner, JsonToken, State, Step};

/// How far into a number the text has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NumberPart {
    /// Nothing seen.
    Start,
    /// After `-`.
    Minus,
    /// After a leading zero, which no digit may follow.
    Zero,
    /// In the digits before the point.
    Integer,
    /// After the point.
    Point,
    /// In the digits after the point.
    Fraction,
    /// After `e` or `E`.
    Exponent,
    /// After the sign of the exponent.
    ExponentSign,
    /// In the digits of the exponent.
    ExponentDigits,
}

impl NumberPart {
    /// Whether a number may end here.
    pub(super) fn is_whole(self) -> bool {
        matches!(self, Self::Zero | Self::Integer | Self::Fraction | Self::ExponentDigits)
    }

    /// The part that `byte` leads to, or `None` when it is not part of this number.
    fn after(self, byte: u8) -> Option<Self> {
        match (self, byte) {
            (Self::Start, b'-') => Some(Self::Minus),
            (Self::Start | Self::Minus, b'0') => Some(Self::Zero),
            (Self::Start | Self::Minus, b'1'..=b'9') | (Self::Integer, b'0'..=b'9') => {
                Some(Self::Integer)
            }
            (Self::Zero | Self::Integer, b'.') => Some(Self::Point),
            (Self::Point | Self::Fraction, b'0'..=b'9') => Some(Self::Fraction),
            (Self::Zero | Self::Integer | Self::Fraction, b'e' | b'E') => Some(Self::Exponent),
            (Self::Exponent, b'+' | b'-') => Some(Self::ExponentSign),
            (Self::Exponent | Self::ExponentSign | Self::ExponentDigits, b'0'..=b'9') => {
                Some(Self::ExponentDigits)
            }
            _ => None,
        }
    }
}

impl JsonScanner {
    pub(super) fn number<'a>(&mut self, from: NumberPart, input: &mut &'a str) -> Step<'a> {
        let mut part = from;
        let mut len = 0;
        for byte in input.bytes() {
            let Some(next) = part.after(byte) else { break };
            part = next;
            len += 1;
        }
        if len > 0 {
            self.state = State::Number(part);
            return Some(JsonToken::Number(self.take(input, len)));
        }
        if !part.is_whole() {
            return self.refuse(input, "a digit");
        }
        self.after_value();
        Some(JsonToken::NumberEnd)
    }
}
