//! Reads JSON text once, forward, without copying: the ground the payload types stand on.
//!
//! It is stricter than it is clever: what it skips is checked like what it reads, so that a
//! payload is either JSON or an error, whichever of its fields are of interest.

use std::borrow::Cow;

use memchr::memchr2;

use crate::limits::DEPTH_MAX;

/// A text that is no JSON, or is nested too deep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid JSON at byte {at}")]
pub(crate) struct BadJson {
    at: usize,
}

/// A place in a JSON text.
#[derive(Debug)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

/// Something that is read from a JSON value; what it cannot be reads as nothing.
pub(super) trait Read<'a>: Default {
    /// Reads the next value, all of it.
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), BadJson>;
}

/// Reads the one value that `text` is.
pub(super) fn parse<'a, T: Read<'a>>(text: &'a str) -> Result<T, BadJson> {
    let mut cursor = Cursor { text, at: 0, depth: 0 };
    let mut value = T::default();
    value.read(&mut cursor)?;
    match cursor.peek() {
        None => Ok(value),
        Some(_) => Err(cursor.bad()),
    }
}

impl<'a> Cursor<'a> {
    /// The first byte of what is next, after white space.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        loop {
            let byte = self.here()?;
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Calls `field` for each field of the next value, which begins with a brace.
    pub(super) fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), BadJson>,
    ) -> Result<(), BadJson> {
        self.enter(b'{')?;
        if self.peek() != Some(b'}') {
            loop {
                let key = self.key()?;
                field(self, key)?;
                if !self.goes_on(b'}')? {
                    break;
                }
            }
        }
        self.leave();
        Ok(())
    }

    /// Calls `item` for each item of the next value, which begins with a bracket.
    pub(super) fn array(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<(), BadJson>,
    ) -> Result<(), BadJson> {
        self.enter(b'[')?;
        if self.peek() != Some(b']') {
            loop {
                item(self)?;
                if !self.goes_on(b']')? {
                    break;
                }
            }
        }
        self.leave();
        Ok(())
    }

    /// The next value, which begins with a quote, without its escapes.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, BadJson> {
        let start = self.at;
        if !self.skip_string()? {
            let inner = self.text.get(start + 1..self.at - 1);
            return inner.map(Cow::Borrowed).ok_or(self.bad());
        }
        serde_json::from_str(self.since(start)).map(Cow::Owned).map_err(|_| self.bad())
    }

    /// The text of the next value, whatever it is.
    pub(super) fn raw(&mut self) -> Result<&'a str, BadJson> {
        let start = self.place();
        self.skip()?;
        Ok(self.since(start))
    }

    /// Where the next value begins.
    pub(super) fn place(&mut self) -> usize {
        self.peek();
        self.at
    }

    /// The text since `place`.
    pub(super) fn since(&self, place: usize) -> &'a str {
        self.text.get(place..self.at).unwrap_or_default()
    }

    /// Skips the next value, whatever it is.
    pub(super) fn skip(&mut self) -> Result<(), BadJson> {
        match self.peek() {
            Some(b'"') => self.skip_string().map(|_| ()),
            Some(b'{') => self.skip_object(),
            Some(b'[') => self.array(Self::skip),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => self.number(),
        }
    }

    /// As [`object`](Self::object), without a look at the keys.
    fn skip_object(&mut self) -> Result<(), BadJson> {
        self.enter(b'{')?;
        if self.peek() != Some(b'}') {
            loop {
                if self.peek() != Some(b'"') {
                    return Err(self.bad());
                }
                self.skip_string()?;
                self.take(b':')?;
                self.skip()?;
                if !self.goes_on(b'}')? {
                    break;
                }
            }
        }
        self.leave();
        Ok(())
    }

    #[inline]
    fn here(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn bad(&self) -> BadJson {
        BadJson { at: self.at }
    }

    /// Takes `byte`, after white space.
    #[inline]
    fn take(&mut self, byte: u8) -> Result<(), BadJson> {
        if self.peek() != Some(byte) {
            return Err(self.bad());
        }
        self.at += 1;
        Ok(())
    }

    fn enter(&mut self, opener: u8) -> Result<(), BadJson> {
        self.take(opener)?;
        self.depth += 1;
        if self.depth > DEPTH_MAX { Err(self.bad()) } else { Ok(()) }
    }

    /// Takes the closer that has been seen.
    fn leave(&mut self) {
        self.at += 1;
        self.depth -= 1;
    }

    /// Takes a comma, or sees `closer`; returns whether it was a comma.
    #[inline]
    fn goes_on(&mut self, closer: u8) -> Result<bool, BadJson> {
        match self.peek() {
            Some(b',') => {
                self.at += 1;
                Ok(true)
            }
            Some(byte) if byte == closer => Ok(false),
            _ => Err(self.bad()),
        }
    }

    fn key(&mut self) -> Result<Cow<'a, str>, BadJson> {
        if self.peek() != Some(b'"') {
            return Err(self.bad());
        }
        let key = self.string()?;
        self.take(b':')?;
        Ok(key)
    }

    /// Skips the next value, which begins with a quote, and returns whether it has escapes.
    fn skip_string(&mut self) -> Result<bool, BadJson> {
        let mut escaped = false;
        self.at += 1;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            self.at += special(rest).ok_or(BadJson { at: self.text.len() })?;
            match self.here() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(escaped);
                }
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                _ => return Err(self.bad()),
            }
        }
    }

    fn escape(&mut self) -> Result<(), BadJson> {
        let escape = self.text.as_bytes().get(self.at + 1..).unwrap_or_default();
        let length = match escape {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'u', digits @ ..] if is_hex(digits.get(..4)) => 6,
            _ => return Err(self.bad()),
        };
        self.at += length;
        Ok(())
    }

    fn literal(&mut self, literal: &str) -> Result<(), BadJson> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        if !rest.starts_with(literal) {
            return Err(self.bad());
        }
        self.at += literal.len();
        Ok(())
    }

    fn number(&mut self) -> Result<(), BadJson> {
        self.optional(b"-");
        match self.here() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.optional(b".") {
            self.digits()?;
        }
        if self.optional(b"eE") {
            self.optional(b"+-");
            self.digits()?;
        }
        Ok(())
    }

    fn optional(&mut self, bytes: &[u8]) -> bool {
        let is_here = self.here().is_some_and(|byte| bytes.contains(&byte));
        self.at += usize::from(is_here);
        is_here
    }

    fn digits(&mut self) -> Result<(), BadJson> {
        let start = self.at;
        while self.here().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        if self.at == start { Err(self.bad()) } else { Ok(()) }
    }
}

fn is_hex(digits: Option<&[u8]>) -> bool {
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
}

/// Words of eight bytes that are searched one by one, before a search with more overhead begins.
const WORDS_OF_SHORT: usize = 6;

/// Where the first quote, backslash or control character is.
fn special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    // The high bit of each byte that is zero; bytes above the first such may be set wrongly.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & HIGHS;
    let (words, tail) = bytes.as_chunks::<8>();
    for (at, word) in words.iter().enumerate().take(WORDS_OF_SHORT) {
        let word = u64::from_le_bytes(*word);
        let controls = word.wrapping_sub(ONES * 0x20) & !word & HIGHS;
        let quotes = zeros(word ^ (ONES * u64::from(b'"')));
        let backslashes = zeros(word ^ (ONES * u64::from(b'\\')));
        let found = controls | quotes | backslashes;
        if found != 0 {
            let byte = usize::try_from(found.trailing_zeros() / 8).unwrap_or(0);
            return Some(at * 8 + byte);
        }
    }
    if words.len() > WORDS_OF_SHORT {
        let searched = WORDS_OF_SHORT * 8;
        return special_in_long(bytes.get(searched..)?).map(|at| searched + at);
    }
    let in_tail = tail.iter().position(|&byte| byte < 0x20 || byte == b'"' || byte == b'\\');
    in_tail.map(|at| words.len() * 8 + at)
}

/// As [`special`], for strings so long that a vector search pays.
fn special_in_long(bytes: &[u8]) -> Option<usize> {
    let end = memchr2(b'"', b'\\', bytes);
    let plain = bytes.get(..end.unwrap_or(bytes.len()))?;
    // Counting has no early exit, which makes it one vector loop.
    match plain.iter().filter(|byte| **byte < 0x20).count() {
        0 => end,
        _ => plain.iter().position(|&byte| byte < 0x20),
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    /// A value of which nothing is kept.
    #[derive(Default)]
    struct Nothing;

    impl<'a> Read<'a> for Nothing {
        fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), BadJson> {
            cursor.skip()
        }
    }

    /// Skips `text` and each of its beginnings; `serde_json` must agree on what is JSON.
    #[track_caller]
    fn check(text: &str) {
        for (end, _) in text.char_indices().chain([(text.len(), ' ')]) {
            let (piece, _) = text.split_at(end);
            let want = serde_json::from_str::<IgnoredAny>(piece).is_ok();
            assert_eq!(parse::<Nothing>(piece).is_ok(), want, "{piece:?}");
        }
    }

    #[test]
    fn accepts_what_serde_json_accepts() {
        for text in [
            r#"{"a":[1,-2.5e+3,0,0.1,1E9],"b":{"c":null,"d":true,"e":false}}"#,
            " [ ] ",
            "{ }",
            r#"[{},[],"",[[]]]"#,
            r#""plain""#,
            r#""a\"b\\c\/\b\f\n\r\t\u00e9\ud83d\ude00 end""#,
            "\"longer than eight bytes with ünïcödé 😀\"",
            "12 ",
        ] {
            check(text);
        }
    }

    #[test]
    fn refuses_what_serde_json_refuses() {
        for text in [
            "",
            " ",
            "{a:1}",
            "{'a':1}",
            r#"{"a" 1}"#,
            r#"{"a":1,}"#,
            r#"{"a":1 "b":2}"#,
            "[1,]",
            "[1 2]",
            "[1}",
            "{]",
            "01",
            "-",
            "1.",
            ".5",
            "1e",
            "+1",
            "nul",
            "truee",
            "1 2",
            "\"a\tb\"",
            "\"0123456\u{1}\"",
            r#""\x""#,
            r#""\u12""#,
            r#""\u12g4""#,
            r#""open"#,
        ] {
            check(text);
        }
    }

    #[test]
    fn strings() {
        #[track_caller]
        fn check(text: &str, want: &str, borrowed: bool) {
            let mut cursor = Cursor { text, at: 0, depth: 0 };
            let string = cursor.string().unwrap();
            assert_eq!((&*string, matches!(string, Cow::Borrowed(_))), (want, borrowed));
        }
        check(r#""""#, "", true);
        check(r#""0123456789abcdef""#, "0123456789abcdef", true);
        check(r#""ünï\n😀""#, "ünï\n😀", false);
    }

    #[test]
    fn at_the_depth_limit_and_past_it() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse::<Nothing>(&nested(DEPTH_MAX)).is_ok());
        assert!(parse::<Nothing>(&nested(DEPTH_MAX + 1)).is_err());
    }

    #[test]
    fn special_finds_the_first() {
        let plain = "abcdefghijklmnopqrstuvwx\u{ff}\u{80}".repeat(5);
        assert_eq!(special(plain.as_bytes()), None);
        for at in 0..plain.len() {
            for byte in [b'"', b'\\', 0, 0x1f] {
                let mut bytes = plain.as_bytes().to_vec();
                bytes[at] = byte;
                bytes.push(b'"');
                assert_eq!(special(&bytes), Some(at));
            }
        }
    }
}
