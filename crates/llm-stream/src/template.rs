//! Recognises payloads that differ from the one before in nothing but their text.
//!
//! Most payloads of a stream do: the same id, model and structure around the next few letters.
//! From a payload that gave exactly one delta, a template is made: its bytes, with a hole where
//! that text stood and holes where values stand that are ignored anyway (padding, counters) or
//! white space that a provider pads with.
//! A payload that has the same bytes around its holes must give the same delta with another text,
//! because decoding depends on nothing else; so it need not be parsed.

use std::borrow::Cow;
use std::ops::Range;

use crate::json_string::{plain_len, unescape};

/// The bytes around the holes of the last payload.
#[derive(Debug, Default)]
pub(crate) struct Template {
    active: bool,
    name: Option<Vec<u8>>,
    bytes: Vec<u8>,
    holes: Vec<Hole>,
}

/// A place where payloads may differ: what of the template's bytes is cut out for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Hole {
    range: Range<usize>,
    kind: Kind,
}

/// What may stand in a hole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The characters of the string that the delta came from.
    Text,
    /// A string or a number.
    Scalar,
    /// White space between tokens.
    Space,
}

impl Template {
    /// Forgets the last payload.
    pub(crate) fn clear(&mut self) {
        self.active = false;
    }

    /// Makes a template of a payload.
    ///
    /// `text` is where the characters of its only delta are, unescaped; `ignored` are places of
    /// strings with their quotes and of numbers.
    pub(crate) fn learn(
        &mut self,
        name: Option<&[u8]>,
        data: &str,
        text: Range<usize>,
        ignored: impl Iterator<Item = Range<usize>>,
    ) {
        self.holes.clear();
        self.holes.push(Hole { range: text, kind: Kind::Text });
        self.holes.extend(ignored.map(|range| Hole { range, kind: Kind::Scalar }));
        self.holes.extend(padding(data).into_iter().map(|range| Hole { range, kind: Kind::Space }));
        self.holes.sort_unstable_by_key(|hole| hole.range.start);
        let apart = self.holes.is_sorted_by(|left, right| left.range.end <= right.range.start);
        self.active = apart && self.text_is_quoted(data);
        if self.active {
            if self.name.as_deref() != name {
                self.name = name.map(<[u8]>::to_vec);
            }
            self.bytes.clear();
            self.bytes.extend_from_slice(data.as_bytes());
        }
    }

    /// The text of a payload, if the payload differs from the template in its holes only.
    ///
    /// Never an empty text: that would give no delta.
    pub(crate) fn text_of<'a>(&self, name: Option<&[u8]>, data: &'a [u8]) -> Option<Cow<'a, str>> {
        if !self.active || self.name.as_deref() != name {
            return None;
        }
        let mut rest = data;
        let mut text = None;
        let mut from = 0;
        for hole in &self.holes {
            rest = rest.strip_prefix(self.bytes.get(from..hole.range.start)?)?;
            from = hole.range.end;
            match hole.kind {
                Kind::Text => {
                    let (token, after) = split_text(rest)?;
                    (text, rest) = (Some(token), after);
                }
                Kind::Scalar => rest = skip_scalar(rest, self.bytes.get(hole.range.clone())?)?,
                Kind::Space => rest = rest.trim_ascii_start(),
            }
        }
        let same_end = rest == self.bytes.get(from..)?;
        text.filter(|text| same_end && !text.is_empty())
    }

    fn text_is_quoted(&self, data: &str) -> bool {
        let Some(hole) = self.holes.iter().find(|hole| hole.kind == Kind::Text) else {
            return false;
        };
        let before = hole.range.start.checked_sub(1).and_then(|at| data.as_bytes().get(at));
        before == Some(&b'"') && data.as_bytes().get(hole.range.end) == Some(&b'"')
    }
}

/// Where a payload may be padded: before its last brace, which is inside no string.
fn padding(data: &str) -> Option<Range<usize>> {
    let inside = data.strip_suffix('}')?;
    Some(inside.trim_ascii_end().len()..inside.len())
}

/// Cuts the characters of a JSON string off, up to its closing quote.
fn split_text(rest: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
    let (plain, after) = rest.split_at_checked(plain_len(rest)?)?;
    if after.first() == Some(&b'"') {
        return Some((Cow::Borrowed(std::str::from_utf8(plain).ok()?), after));
    }
    split_escaped(rest)
}

/// As [`split_text`], for a string with escapes.
fn split_escaped(rest: &[u8]) -> Option<(Cow<'_, str>, &[u8])> {
    let mut end = 0;
    loop {
        let tail = rest.get(end..)?;
        let at = plain_len(tail)?;
        match tail.get(at)? {
            b'"' => {
                end += at;
                break;
            }
            b'\\' => end += at + 2,
            _ => return None,
        }
    }
    let (escaped, after) = rest.split_at_checked(end)?;
    let text = unescape(std::str::from_utf8(escaped).ok()?)?;
    Some((Cow::Owned(text), after))
}

/// Skips a string without escapes, or a number; quickly if it is the string `known`.
fn skip_scalar<'a>(rest: &'a [u8], known: &[u8]) -> Option<&'a [u8]> {
    if let Some(string) = rest.strip_prefix(b"\"") {
        if let Some(after) = rest.strip_prefix(known) {
            return Some(after);
        }
        return string.get(plain_len(string)?..)?.strip_prefix(b"\"");
    }
    let end = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let (digits, after) = rest.split_at(end);
    let padded = digits.len() > 1 && digits.first() == Some(&b'0');
    (!digits.is_empty() && !padded).then_some(after)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where `needle` stands in `data`.
    fn place(data: &str, needle: &str) -> Range<usize> {
        let at = data.find(needle).unwrap();
        at..at + needle.len()
    }

    fn template() -> Template {
        let data = r#"{"n":7,"text":"Hello","pad":"xyz","end":true  }"#;
        let mut template = Template::default();
        let ignored = [place(data, "\"xyz\""), place(data, "7")];
        template.learn(Some(b"e"), data, place(data, "Hello"), ignored.into_iter());
        template
    }

    #[track_caller]
    fn check(data: &str, want: Option<&str>) {
        let text = template().text_of(Some(b"e"), data.as_bytes()).map(Cow::into_owned);
        assert_eq!(text.as_deref(), want, "{data}");
    }

    #[test]
    fn payloads_that_differ_in_holes_only() {
        check(r#"{"n":7,"text":"Hello","pad":"xyz","end":true}"#, Some("Hello"));
        check(r#"{"n":123,"text":" wörld","pad":"","end":true}"#, Some(" wörld"));
        check(r#"{"n":0,"text":"a\n\"b\"\\","pad":"p","end":true}"#, Some("a\n\"b\"\\"));
        check(r#"{"n":0,"text":"\ud83d\ude00","pad":"p","end":true}"#, Some("😀"));
        check(r#"{"n":7,"text":"padded","pad":"xyz","end":true      }"#, Some("padded"));
    }

    #[test]
    fn other_payloads() {
        check(r#"{"n":7,"text":"","pad":"xyz","end":true}"#, None);
        check(r#"{"n":7,"text":"Hello","pad":"xyz","end":false}"#, None);
        check(r#"{"n":7,"text":"Hello","pad":"xyz","end":true} "#, None);
        check(r#"{"n":7,"text":"Hello","pad":"xyz"}"#, None);
        check(r#"{"n":07,"text":"Hello","pad":"xyz","end":true}"#, None);
        check(r#"{"n":-7,"text":"Hello","pad":"xyz","end":true}"#, None);
        check(r#"{"n":7,"text":"\ud83d","pad":"xyz","end":true}"#, None);
        check(r#"{"n":7,"text":"\x","pad":"xyz","end":true}"#, None);
        check("{\"n\":7,\"text\":\"a\tb\",\"pad\":\"xyz\",\"end\":true}", None);
        check(r#"{"n":7,"text":"Hello","pad":"x\ny","end":true}"#, None);
        check(r#"{"n":7,"text":"cut"#, None);
        check(r#"{"n":7,"text":"cut\"#, None);
        check("", None);
    }

    #[test]
    fn other_names_and_bytes() {
        let data = br#"{"n":7,"text":"Hello","pad":"xyz","end":true}"#;
        assert_eq!(template().text_of(None, data), None);
        assert_eq!(template().text_of(Some(b"f"), data), None);
        let invalid = b"{\"n\":7,\"text\":\"\xff\",\"pad\":\"xyz\",\"end\":true}";
        assert_eq!(template().text_of(Some(b"e"), invalid), None);
        let mut cleared = template();
        cleared.clear();
        assert_eq!(cleared.text_of(Some(b"e"), data), None);
    }

    #[test]
    fn holes_that_overlap_teach_nothing() {
        let data = r#"{"text":"Hello"}"#;
        let mut template = Template::default();
        let same = place(data, "\"Hello\"");
        template.learn(None, data, place(data, "Hello"), [same].into_iter());
        assert_eq!(template.text_of(None, data.as_bytes()), None);
    }
}
