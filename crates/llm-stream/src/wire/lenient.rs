//! Borrowed payload types that forgive everything but broken JSON.
//!
//! Providers send numbers as strings, objects where lists belong, nulls anywhere and fields that
//! nobody has documented. None of this may cost a payload: a field of a wrong type reads as
//! missing, a field given twice reads as its last value, and unknown fields are skipped or kept raw.

use std::borrow::Cow;

use super::cursor::{BadJson, Cursor, Read, parse};

/// Declares a payload struct: each field with the keys that it is read from.
///
/// With `; rest` at the end, unknown fields that are not null are kept raw.
macro_rules! payload {
    (
        $(#[$meta:meta])*
        $vis:vis struct $name:ident<'a> {
            $($(#[$doc:meta])* $field:ident: $kind:ty = $($key:literal)|+,)*
            $(; $rest:ident)?
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Default)]
        $vis struct $name<'a> {
            $($(#[$doc])* $field: $kind,)*
            $($rest: $crate::wire::lenient::Rest<'a>,)?
            lifetime: std::marker::PhantomData<&'a ()>,
        }

        impl<'a> $crate::wire::cursor::Read<'a> for $name<'a> {
            fn read(
                &mut self,
                cursor: &mut $crate::wire::cursor::Cursor<'a>,
            ) -> Result<(), $crate::wire::cursor::BadJson> {
                if cursor.peek() != Some(b'{') {
                    return cursor.skip();
                }
                cursor.object(|cursor, key| match &*key {
                    $($($key)|+ => self.$field.read(cursor),)*
                    _ => payload!(@unknown self cursor key $($rest)?),
                })
            }
        }
    };
    (@unknown $self:ident $cursor:ident $key:ident $rest:ident) => {{
        let raw = $cursor.raw()?;
        if raw != "null" {
            $self.$rest.push(($key, raw));
        }
        Ok(())
    }};
    (@unknown $self:ident $cursor:ident $key:ident) => {
        $cursor.skip()
    };
}

pub(super) use payload;

/// The unknown fields of an object: their keys, and their values as text.
pub(super) type Rest<'a> = Vec<(Cow<'a, str>, &'a str)>;

/// A string; numbers read as their digits, everything else as missing.
#[derive(Debug, Default)]
pub(super) struct Text<'a>(pub(super) Option<Cow<'a, str>>);

impl Text<'_> {
    /// The text, empty if it is missing.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// The text, if there is a non-empty one.
    pub(super) fn non_empty(&self) -> Option<&str> {
        self.0.as_deref().filter(|text| !text.is_empty())
    }
}

impl<'a> Read<'a> for Text<'a> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), BadJson> {
        self.0 = match cursor.peek() {
            Some(b'"') => Some(cursor.string()?),
            Some(b'-' | b'0'..=b'9') => Some(Cow::Borrowed(cursor.raw()?)),
            _ => {
                cursor.skip()?;
                None
            }
        };
        Ok(())
    }
}

/// A count; digits in a string read as their number, everything else as missing.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Count(pub(super) Option<u64>);

impl<'a> Read<'a> for Count {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), BadJson> {
        let raw = cursor.raw()?;
        self.0 = raw.parse().ok().or_else(|| {
            let digits = raw.trim_matches('"');
            // Some counts are written as floats: 12.0 is 12.
            digits.strip_suffix(".0").unwrap_or(digits).parse().ok()
        });
        Ok(())
    }
}

/// Any value, kept as its text; null reads as missing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Raw<'a>(pub(super) Option<&'a str>);

impl Raw<'_> {
    /// The value as a count; what is none reads as missing.
    pub(super) fn count(self) -> Option<u64> {
        self.0?.parse().ok()
    }

    /// Whether the value is `true`.
    pub(super) fn is_true(self) -> bool {
        self.0 == Some("true")
    }
}

impl<'a> Read<'a> for Raw<'a> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), BadJson> {
        self.0 = Some(cursor.raw()?).filter(|raw| *raw != "null");
        Ok(())
    }
}

/// A value that is skipped.
#[derive(Debug, Default)]
pub(super) struct Skip;

impl<'a> Read<'a> for Skip {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), BadJson> {
        cursor.skip()
    }
}

/// A list; a single object reads as a list of one, everything else as empty.
#[derive(Debug)]
pub(super) struct List<T>(pub(super) Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'a, T: Read<'a>> List<T> {
    fn read_item(&mut self, cursor: &mut Cursor<'a>) -> Result<(), BadJson> {
        // Most lists have one item: room for more would be room that is cleared and never used.
        if self.0.is_empty() {
            self.0.reserve_exact(1);
        }
        let item = self.0.push_mut(T::default());
        item.read(cursor)
    }
}

impl<'a, T: Read<'a>> Read<'a> for List<T> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), BadJson> {
        self.0.clear();
        match cursor.peek() {
            Some(b'[') => cursor.array(|cursor| self.read_item(cursor)),
            Some(b'{') => self.read_item(cursor),
            _ => cursor.skip(),
        }
    }
}

/// A value that few payloads have, boxed so that the others need not carry its size.
///
/// Null reads as missing.
#[derive(Debug)]
pub(super) struct Rare<T>(pub(super) Option<Box<T>>);

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Default> Rare<T> {
    /// The value, given away; the default if it is missing.
    pub(super) fn take(&mut self) -> T {
        self.0.take().map_or_else(T::default, |value| *value)
    }
}

impl<'a, T: Read<'a>> Read<'a> for Rare<T> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), BadJson> {
        self.0 = None;
        if cursor.peek() == Some(b'n') {
            return cursor.skip();
        }
        self.0.insert(Box::default()).read(cursor)
    }
}

/// A value that few payloads have, together with its text; null reads as missing.
#[derive(Debug)]
pub(super) struct Both<'a, T>(pub(super) Option<Box<(&'a str, T)>>);

impl<T> Default for Both<'_, T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'a, T> Both<'a, T> {
    /// The text and the value.
    pub(super) fn get(&self) -> Option<(&'a str, &T)> {
        self.0.as_deref().map(|(raw, value)| (*raw, value))
    }

    /// The text and the value, given away.
    pub(super) fn take(self) -> Option<(&'a str, T)> {
        self.0.map(|both| *both)
    }
}

impl<'a, T: Read<'a>> Read<'a> for Both<'a, T> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), BadJson> {
        self.0 = None;
        if cursor.peek() == Some(b'n') {
            return cursor.skip();
        }
        let start = cursor.place();
        let (raw, value) = &mut **self.0.insert(Box::default());
        value.read(cursor)?;
        *raw = cursor.since(start);
        Ok(())
    }
}

/// The arguments of a tool call: a string, or any other value as its text; null reads as missing.
#[derive(Debug, Default)]
pub(super) struct Arguments<'a>(pub(super) Option<Cow<'a, str>>);

impl Arguments<'_> {
    /// The text, empty if it is missing.
    pub(super) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }
}

impl<'a> Read<'a> for Arguments<'a> {
    fn read(&mut self, cursor: &mut Cursor<'a>) -> Result<(), BadJson> {
        self.0 = match cursor.peek() {
            Some(b'"') => Some(cursor.string()?),
            _ => Some(Cow::Borrowed(cursor.raw()?)).filter(|raw| raw != "null"),
        };
        Ok(())
    }
}

/// Reads a value that has been kept raw; what it cannot be reads as missing.
pub(super) fn nested<'a, T: Read<'a>>(raw: Raw<'a>) -> T {
    raw.0.and_then(|raw| parse(raw).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    payload! {
        struct Sample<'a> {
            text: Text<'a> = "text" | "alias",
            count: Count = "count",
            list: List<Sample<'a>> = "list",
            both: Both<'a, Sample<'a>> = "both",
            arguments: Arguments<'a> = "arguments",
            ; rest
        }
    }

    fn sample(json: &str) -> Sample<'_> {
        parse(json).unwrap()
    }

    #[test]
    fn right_types() {
        let json = r#"{"text":"a","count":3,"list":[{"count":1},{}],"both":{"text":"b"}}"#;
        let value = sample(json);
        assert_eq!(value.text.as_str(), "a");
        assert_eq!(value.count.0, Some(3));
        assert_eq!(value.list.0.len(), 2);
        let (raw, both) = value.both.get().unwrap();
        assert_eq!((raw, both.text.as_str()), (r#"{"text":"b"}"#, "b"));
        assert!(value.rest.is_empty());
    }

    #[test]
    fn wrong_types_read_as_missing() {
        let json = r#"{"text":[1],"count":"x","list":7,"both":null,"arguments":null}"#;
        let value = sample(json);
        assert!(value.text.0.is_none() && value.count.0.is_none() && value.list.0.is_empty());
        assert!(value.both.get().is_none() && value.arguments.0.is_none());
        for json in ["null", "3", "\"x\"", "[{}]"] {
            assert!(sample(json).text.0.is_none(), "{json}");
        }
    }

    #[test]
    fn near_types_are_converted() {
        assert_eq!(sample(r#"{"text":12}"#).text.as_str(), "12");
        assert_eq!(sample(r#"{"count":"12"}"#).count.0, Some(12));
        assert_eq!(sample(r#"{"count":12.0}"#).count.0, Some(12));
        assert_eq!(sample(r#"{"count":-1}"#).count.0, None);
        assert_eq!(sample(r#"{"list":{"count":1}}"#).list.0.len(), 1);
        assert_eq!(sample(r#"{"arguments":{"a": 1}}"#).arguments.as_str(), r#"{"a": 1}"#);
        assert_eq!(sample(r#"{"arguments":"{\"a\":1}"}"#).arguments.as_str(), r#"{"a":1}"#);
    }

    #[test]
    fn the_last_of_a_field_counts_and_unknown_ones_are_kept() {
        let value = sample(r#"{"text":"a","alias":"b","new":[1],"none":null}"#);
        assert_eq!(value.text.as_str(), "b");
        assert_eq!(value.rest, [("new".into(), "[1]")]);
    }

    #[test]
    fn broken_json_is_an_error() {
        for json in ["", "{", r#"{"text":}"#, r#"{"new":tru}"#, "{} {}"] {
            assert!(parse::<Sample<'_>>(json).is_err(), "{json}");
        }
    }
}
