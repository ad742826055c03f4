//! Strings, keys and their escapes.

use super::{Expect, JsonScanner, JsonToken, State, Step};
use crate::json::error::JsonErrorKind;

/// How far into an escape sequence the text has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escape {
    /// After a backslash.
    Start,
    /// After `\u`, with the value of the hex digits seen and how many they are.
    Hex(u32, u8),
    /// After the first half of a surrogate pair, where a backslash must come.
    LowBackslash,
    /// After that backslash, where `u` must come.
    LowStart,
    /// A code unit that is read, but not yet given out.
    Owed(u32),
}

const REPLACEMENT: JsonToken<'static> = JsonToken::Char(char::REPLACEMENT_CHARACTER);

impl JsonScanner {
    pub(super) fn open_string<'a>(&mut self, in_key: bool, input: &mut &str) -> JsonToken<'a> {
        self.quote = if self.take(input, 1) == "'" { b'\'' } else { b'"' };
        self.in_key = in_key;
        self.state = State::Text;
        if in_key { JsonToken::KeyStart } else { JsonToken::StringStart }
    }

    fn close_string<'a>(&mut self) -> JsonToken<'a> {
        if self.in_key {
            self.state = State::Between(Expect::Colon);
            return JsonToken::KeyEnd;
        }
        self.after_value();
        JsonToken::StringEnd
    }

    pub(super) fn text<'a>(&mut self, input: &mut &'a str) -> Step<'a> {
        let bytes = input.as_bytes();
        if bytes.first() == Some(&self.quote) {
            self.take(input, 1);
            return Some(self.close_string());
        }
        let plain = plain_len(bytes, self.quote);
        if plain > 0 {
            return Some(JsonToken::Text(self.take(input, plain)));
        }
        match bytes {
            [b'\\', meaning, ..] if let Some(char) = short_meaning(*meaning) => {
                self.take(input, 2);
                Some(JsonToken::Char(char))
            }
            [b'\\', b'u', digits @ ..] if let Some(char) = basic_char(digits) => {
                self.take(input, 6);
                Some(JsonToken::Char(char))
            }
            [b'\\', ..] => {
                self.take(input, 1);
                self.state = State::Escape(Escape::Start);
                None
            }
            [_, ..] if self.is_tolerant() => Some(JsonToken::Text(self.take(input, 1))),
            _ => {
                let found = char::from(bytes.first().copied().unwrap_or_default());
                self.fail(JsonErrorKind::ControlCharacter { found })
            }
        }
    }

    /// A key without quotes; its end is the first character that cannot belong to it.
    pub(super) fn name<'a>(&mut self, input: &mut &'a str) -> JsonToken<'a> {
        let len = input.bytes().take_while(|byte| is_name_byte(*byte)).count();
        if len > 0 {
            return JsonToken::Text(self.take(input, len));
        }
        self.state = State::Between(Expect::Colon);
        JsonToken::KeyEnd
    }

    pub(super) fn escape<'a>(&mut self, escape: Escape, input: &mut &'a str) -> Step<'a> {
        let Some(char) = input.chars().next() else {
            return match escape {
                Escape::Owed(unit) => self.code_unit(unit),
                _ => None,
            };
        };
        match (escape, char) {
            (Escape::Owed(unit), _) => self.code_unit(unit),
            (Escape::Start | Escape::LowStart, 'u') => {
                self.continue_escape(Escape::Hex(0, 0), input)
            }
            (Escape::Start, _) => self.short_escape(char, input),
            (Escape::LowBackslash, '\\') => self.continue_escape(Escape::LowStart, input),
            (Escape::LowBackslash, _) => self.lone_surrogate(State::Text),
            (Escape::LowStart, _) => self.lone_surrogate(State::Escape(Escape::Start)),
            (Escape::Hex(value, digits), _) => self.hex(value, digits, char, input),
        }
    }

    fn continue_escape<'a>(&mut self, escape: Escape, input: &mut &'a str) -> Step<'a> {
        self.take(input, 1);
        self.state = State::Escape(escape);
        None
    }

    fn short_escape<'a>(&mut self, char: char, input: &mut &'a str) -> Step<'a> {
        let known = u8::try_from(char).ok().and_then(short_meaning);
        let Some(meaning) = known.or_else(|| self.is_tolerant().then_some(char)) else {
            return self.refuse(input, "an escape");
        };
        self.take(input, char.len_utf8());
        self.state = State::Text;
        Some(JsonToken::Char(meaning))
    }

    fn hex<'a>(&mut self, value: u32, digits: u8, char: char, input: &mut &'a str) -> Step<'a> {
        let Some(digit) = char.to_digit(16) else {
            return self.refuse(input, "a hex digit");
        };
        self.take(input, 1);
        let value = value * 16 + digit;
        if digits < 3 {
            self.state = State::Escape(Escape::Hex(value, digits + 1));
            return None;
        }
        self.code_unit(value)
    }

    /// Gives out a whole `\u` escape, joined with the surrogate before it.
    fn code_unit<'a>(&mut self, unit: u32) -> Step<'a> {
        match (self.high_surrogate.take(), unit) {
            (Some(high), 0xDC00..=0xDFFF) => {
                let joined = 0x1_0000 + ((high - 0xD800) << 10) + (unit - 0xDC00);
                self.state = State::Text;
                char::from_u32(joined).map(JsonToken::Char)
            }
            (Some(_), _) => self.lone_surrogate(State::Escape(Escape::Owed(unit))),
            (None, 0xD800..=0xDBFF) => {
                self.high_surrogate = Some(unit);
                self.state = State::Escape(Escape::LowBackslash);
                None
            }
            (None, _) => match char::from_u32(unit) {
                Some(char) => {
                    self.state = State::Text;
                    Some(JsonToken::Char(char))
                }
                None => self.lone_surrogate(State::Text),
            },
        }
    }

    fn lone_surrogate<'a>(&mut self, resume: State) -> Step<'a> {
        if !self.is_tolerant() {
            return self.fail(JsonErrorKind::LoneSurrogate);
        }
        self.high_surrogate = None;
        self.state = resume;
        Some(REPLACEMENT)
    }
}

/// What a backslash and this byte stand for.
fn short_meaning(byte: u8) -> Option<char> {
    Some(match byte {
        b'"' | b'\\' | b'/' => char::from(byte),
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        _ => return None,
    })
}

/// The character that the first four of these hex digits stand for by themselves.
fn basic_char(digits: &[u8]) -> Option<char> {
    let digits = digits.first_chunk::<4>()?;
    let unit = digits.iter().try_fold(0, |unit, digit| {
        char::from(*digit).to_digit(16).map(|digit| unit * 16 + digit)
    })?;
    char::from_u32(unit)
}

pub(super) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'-') || !byte.is_ascii()
}

/// The length of the prefix that stands for itself: no quote, backslash or control character.
#[inline]
pub(super) fn plain_len(bytes: &[u8], quote: u8) -> usize {
    let mut rest = bytes;
    let mut len = 0;
    while let Some((word, tail)) = rest.split_first_chunk::<8>() {
        let stops = stop_bits(u64::from_le_bytes(*word), quote);
        if stops != 0 {
            let before = stops.trailing_zeros() / 8;
            return len + usize::try_from(before).unwrap_or(0);
        }
        rest = tail;
        len += 8;
    }
    let is_plain = |byte: &&u8| **byte != quote && **byte != b'\\' && **byte >= 0x20;
    len + rest.iter().take_while(is_plain).count()
}

/// Marks bytes of `word` that are not plain; the lowest mark is exact, higher ones may lie.
fn stop_bits(word: u64, quote: u8) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let is_zero = |word: u64| word.wrapping_sub(ONES) & !word & HIGH;
    let control = word.wrapping_sub(ONES * 0x20) & !word & HIGH;
    control | is_zero(word ^ (ONES * u64::from(quote))) | is_zero(word ^ (ONES * 0x5C))
}
