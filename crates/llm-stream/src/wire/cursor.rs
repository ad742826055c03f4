//! Reads JSON text once, forward, without copying: the ground the payload types stand on.
//!
//! It is stricter than it is clever: what it skips is checked like what it reads, so that a
//! payload is either JSON or an error, whichever of its fields are of interest.

use std::borrow::Cow;

use crate::json_string::{plain_len, unescape};
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

/// What follows the object or array that `text` begins with.
///
/// Nothing if it is none, or so deep that it depends on what is around it whether it is too deep.
pub(crate) fn skip_nested(text: &str) -> Option<&str> {
    let mut cursor = Cursor { text, at: 0, depth: DEPTH_MAX / 2 };
    cursor.skip_nested().ok()?;
    text.get(cursor.at..)
}

impl<'a> Cursor<'a> {
    /// The first byte of what is next, after white space.
    #[inline]
    pub(super) fn peek(&mut self) -> Option<u8> {
        match self.here() {
            Some(b' ' | b'\n' | b'\r' | b'\t') => self.peek_past_space(),
            byte => byte,
        }
    }

    fn peek_past_space(&mut self) -> Option<u8> {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.here() {
            self.at += 1;
        }
        self.here()
    }

    /// Calls `field` for each field of the next value, which begins with a brace.
    pub(super) fn object(
        &mut self,
        mut field: impl FnMut(&mut Self, Cow<'a, str>) -> Result<(), BadJson>,
    ) -> Result<(), BadJson> {
        self.enter(b'{')?;
        let mut key = self.first_key()?;
        while let Some(known) = key {
            field(self, known)?;
            key = self.next_key()?;
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
    #[inline]
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>, BadJson> {
        match self.plain_string() {
            Some(plain) => Ok(Cow::Borrowed(plain)),
            None => self.escaped_string(),
        }
    }

    /// Takes the string that is next, if it has no escapes and is well-formed.
    #[inline]
    fn plain_string(&mut self) -> Option<&'a str> {
        let start = self.at + 1;
        let end = start + plain_len(self.text.as_bytes().get(start..)?)?;
        if self.text.as_bytes().get(end) != Some(&b'"') {
            return None;
        }
        self.at = end + 1;
        self.text.get(start..end)
    }

    fn escaped_string(&mut self) -> Result<Cow<'a, str>, BadJson> {
        let start = self.at;
        self.skip_escaped_string()?;
        let escaped = self.text.get(start + 1..self.at - 1).and_then(unescape);
        escaped.map(Cow::Owned).ok_or(self.bad())
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
    #[inline]
    pub(super) fn skip(&mut self) -> Result<(), BadJson> {
        match self.peek() {
            Some(b'"') => self.skip_string(),
            Some(b'{' | b'[') => self.skip_nested(),
            first => self.skip_plain(first),
        }
    }

    /// Skips the next value, which is an object or array.
    ///
    /// No recursion: payloads hold much that nobody reads, and this is where it goes by.
    fn skip_nested(&mut self) -> Result<(), BadJson> {
        const _: () = assert!(DEPTH_MAX <= 128, "there is a bit for each level");
        // Of each level that is open, the innermost last, whether it is an object.
        let mut objects = 0_u128;
        let outside = self.depth;
        loop {
            match self.peek() {
                Some(b'"') => self.skip_string()?,
                Some(opener @ (b'{' | b'[')) => {
                    let is_object = opener == b'{';
                    self.enter(opener)?;
                    objects = objects << 1 | u128::from(is_object);
                    if self.peek() != Some(closer(is_object)) {
                        self.skip_key_of(is_object)?;
                        continue;
                    }
                }
                first => self.skip_plain(first)?,
            }
            // A value has ended: so may levels around it.
            loop {
                let is_object = objects & 1 == 1;
                if self.goes_on(closer(is_object))? {
                    self.skip_key_of(is_object)?;
                    break;
                }
                self.leave();
                objects >>= 1;
                if self.depth == outside {
                    return Ok(());
                }
            }
        }
    }

    /// Skips a key and its colon, if it is an object that goes on.
    #[inline]
    fn skip_key_of(&mut self, is_object: bool) -> Result<(), BadJson> {
        if !is_object || self.plain_key().is_some() {
            return Ok(());
        }
        self.any_key().map(drop)
    }

    /// Skips the next value, which is a word or a number that begins with `first`.
    #[inline]
    fn skip_plain(&mut self, first: Option<u8>) -> Result<(), BadJson> {
        match first {
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => self.number(),
        }
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

    /// The first key of the object that has begun, and its colon; nothing if the object ends.
    fn first_key(&mut self) -> Result<Option<Cow<'a, str>>, BadJson> {
        if self.peek() == Some(b'}') {
            return Ok(None);
        }
        self.key().map(Some)
    }

    /// The next key, and what stands before and after it; nothing if the object ends.
    fn next_key(&mut self) -> Result<Option<Cow<'a, str>>, BadJson> {
        if !self.goes_on(b'}')? {
            return Ok(None);
        }
        self.key().map(Some)
    }

    #[inline]
    fn key(&mut self) -> Result<Cow<'a, str>, BadJson> {
        match self.plain_key() {
            Some(plain) => Ok(Cow::Borrowed(plain)),
            None => self.any_key(),
        }
    }

    /// Takes a key and its colon, if they are written as most are: no escapes and no white space.
    #[inline]
    fn plain_key(&mut self) -> Option<&'a str> {
        let bytes = self.text.as_bytes().get(self.at..)?.strip_prefix(b"\"")?;
        let length = plain_len(bytes)?;
        let (start, end) = (self.at + 1, self.at + 1 + length);
        bytes.get(length..)?.strip_prefix(b"\":")?;
        self.at = end + 2;
        self.text.get(start..end)
    }

    /// Takes a key and its colon, however they are written.
    fn any_key(&mut self) -> Result<Cow<'a, str>, BadJson> {
        if self.peek() != Some(b'"') {
            return Err(self.bad());
        }
        let key = self.string()?;
        self.take(b':')?;
        Ok(key)
    }

    /// Skips the next value, which begins with a quote.
    #[inline]
    fn skip_string(&mut self) -> Result<(), BadJson> {
        match self.plain_string() {
            Some(_) => Ok(()),
            None => self.skip_escaped_string(),
        }
    }

    /// As [`skip_string`](Self::skip_string), whatever is in the string.
    fn skip_escaped_string(&mut self) -> Result<(), BadJson> {
        self.at += 1;
        loop {
            let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
            self.at += plain_len(rest).ok_or(BadJson { at: self.text.len() })?;
            match self.here() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => self.escape()?,
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
        self.optional(|byte| byte == b'-');
        match self.here() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.optional(|byte| byte == b'.') {
            self.digits()?;
        }
        if self.optional(|byte| byte == b'e' || byte == b'E') {
            self.optional(|byte| byte == b'+' || byte == b'-');
            self.digits()?;
        }
        Ok(())
    }

    #[inline]
    fn optional(&mut self, is_it: impl Fn(u8) -> bool) -> bool {
        let is_here = self.here().is_some_and(is_it);
        self.at += usize::from(is_here);
        is_here
    }

    #[inline]
    fn digits(&mut self) -> Result<(), BadJson> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.bad()) } else { Ok(()) }
    }
}

/// What ends an object, or else an array.
#[inline]
fn closer(is_object: bool) -> u8 {
    if is_object { b'}' } else { b']' }
}

fn is_hex(digits: Option<&[u8]>) -> bool {
    digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
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
}
