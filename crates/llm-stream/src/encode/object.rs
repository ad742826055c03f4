//! Writes JSON straight into a buffer, field by field, with nothing in between.

use serde_json::{Map, Value};

use crate::event::{RawJson, write_string};
use crate::wire::without_lone_halves;

/// A value that can be written as JSON.
pub(super) trait Json {
    fn write(&self, out: &mut Vec<u8>);
}

impl Json for str {
    fn write(&self, out: &mut Vec<u8>) {
        write_string(self, out);
    }
}

impl Json for String {
    fn write(&self, out: &mut Vec<u8>) {
        write_string(self, out);
    }
}

impl Json for bool {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if *self { b"true" } else { b"false" });
    }
}

impl Json for u64 {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.to_string().as_bytes());
    }
}

impl Json for u32 {
    fn write(&self, out: &mut Vec<u8>) {
        u64::from(*self).write(out);
    }
}

/// A provider may write half a character as an escape, which some clients' parsers refuse and
/// others read as a text that they cannot send on: it becomes U+FFFD.
impl Json for RawJson {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(without_lone_halves(self.as_str()).as_bytes());
    }
}

impl Json for Map<String, Value> {
    fn write(&self, out: &mut Vec<u8>) {
        let start = out.len();
        if serde_json::to_writer(&mut *out, self).is_err() {
            // Out of reach: memory does not fail to be written, and every key is a string.
            out.truncate(start);
            out.extend_from_slice(b"null");
        }
    }
}

/// `None` is null.
impl<T: Json> Json for Option<T> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Some(value) => value.write(out),
            None => out.extend_from_slice(b"null"),
        }
    }
}

impl<T: Json + ?Sized> Json for &T {
    fn write(&self, out: &mut Vec<u8>) {
        (**self).write(out);
    }
}

/// The null of fields that have no value here.
pub(super) const NULL: Option<bool> = None;

/// An object that is being written.
#[derive(Debug)]
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl Object<'_> {
    /// Appends the object that `fill` makes.
    pub(super) fn write(out: &mut Vec<u8>, fill: impl FnOnce(&mut Object<'_>)) {
        out.push(b'{');
        fill(&mut Object { out, empty: true });
        out.push(b'}');
    }

    /// Adds a field.
    pub(super) fn put(&mut self, key: &str, value: impl Json) -> &mut Self {
        value.write(self.key(key));
        self
    }

    /// Adds a field, unless it has no value.
    pub(super) fn put_some(&mut self, key: &str, value: Option<impl Json>) -> &mut Self {
        if let Some(value) = value {
            self.put(key, value);
        }
        self
    }

    /// Adds an object.
    pub(super) fn object(&mut self, key: &str, fill: impl FnOnce(&mut Object<'_>)) -> &mut Self {
        Object::write(self.key(key), fill);
        self
    }

    /// Adds an array.
    pub(super) fn array(&mut self, key: &str, fill: impl FnOnce(&mut Array<'_>)) -> &mut Self {
        let out = self.key(key);
        out.push(b'[');
        fill(&mut Array { out, empty: true });
        out.push(b']');
        self
    }

    /// Adds an array of nothing.
    pub(super) fn nothing(&mut self, key: &str) -> &mut Self {
        self.array(key, |_| {})
    }

    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        write_string(key, self.out);
        self.out.push(b':');
        self.out
    }
}

/// An array that is being written.
#[derive(Debug)]
pub(super) struct Array<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl Array<'_> {
    /// Adds an element.
    pub(super) fn put(&mut self, value: impl Json) -> &mut Self {
        value.write(self.next());
        self
    }

    /// Adds an object.
    pub(super) fn object(&mut self, fill: impl FnOnce(&mut Object<'_>)) -> &mut Self {
        Object::write(self.next(), fill);
        self
    }

    fn next(&mut self) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_values_have_whole_characters_only() {
        let raw = RawJson::from_valid(r#"{"a":"\ud83d","b":"\ud83d\ude00"}"#);
        let mut out = Vec::new();
        raw.write(&mut out);
        let value: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value, serde_json::json!({"a": "\u{FFFD}", "b": "😀"}));
    }

    #[test]
    fn values_nest() {
        let mut out = Vec::new();
        Object::write(&mut out, |object| {
            object.put("a\"", "b\n").put("n", 12_u32).put("none", NULL).put_some("no", NULL);
            object.object("o", |inner| {
                inner.put("yes", true);
            });
            object.nothing("empty").array("list", |list| {
                list.put(1_u64).put("two").object(|_| {});
            });
        });
        let want =
            r#"{"a\"":"b\n","n":12,"none":null,"o":{"yes":true},"empty":[],"list":[1,"two",{}]}"#;
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }
}
