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
use crate::wire::skip_nested;

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
    /// Any value but a word.
    Value,
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
    /// values, of strings with their quotes.
    pub(crate) fn learn(
        &mut self,
        name: Option<&[u8]>,
        data: &str,
        text: Range<usize>,
        ignored: impl Iterator<Item = Range<usize>>,
    ) {
        self.holes.clear();
        self.holes.push(Hole { range: text, kind: Kind::Text });
        self.holes.extend(ignored.map(|range| Hole { range, kind: Kind::Value }));
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
    #[inline]
    pub(crate) fn text_of<'a>(&self, name: Option<&[u8]>, data: &'a str) -> Option<Cow<'a, str>> {
        if !self.active || self.name.as_deref() != name {
            return None;
        }
        let mut rest = data.as_bytes();
        let mut text = None;
        let mut from = 0;
        for hole in &self.holes {
            rest = rest.strip_prefix(self.bytes.get(from..hole.range.start)?)?;
            from = hole.range.end;
            match hole.kind {
                Kind::Text => {
                    let (token, after) = split_text(data.get(data.len() - rest.len()..)?)?;
                    (text, rest) = (Some(token), after.as_bytes());
                }
                Kind::Value => {
                    let known = self.bytes.get(hole.range.clone())?;
                    rest = skip_value(data.get(data.len() - rest.len()..)?, known)?.as_bytes();
                }
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
#[inline]
fn split_text(rest: &str) -> Option<(Cow<'_, str>, &str)> {
    let (plain, after) = rest.split_at_checked(plain_len(rest.as_bytes())?)?;
    if after.starts_with('"') {
        return Some((Cow::Borrowed(plain), after));
    }
    split_escaped(rest)
}

/// As [`split_text`], for a string with escapes.
fn split_escaped(rest: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut end = 0;
    loop {
        let tail = rest.as_bytes().get(end..)?;
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
    Some((Cow::Owned(unescape(escaped)?), after))
}

/// Skips a value that is no word; quickly if it is the one that is `known`.
#[inline]
fn skip_value<'a>(rest: &'a str, known: &[u8]) -> Option<&'a str> {
    if rest.as_bytes().starts_with(known)
        && let Some((_, after)) = rest.split_at_checked(known.len())
        && after.starts_with([',', '}', ']'])
    {
        return Some(after);
    }
    match rest.as_bytes().first()? {
        b'"' => {
            let (_, after) = split_text(rest.strip_prefix('"')?)?;
            after.strip_prefix('"')
        }
        b'{' | b'[' => skip_nested(rest),
        _ => skip_count(rest),
    }
}

/// Skips a number that is written with digits alone.
fn skip_count(rest: &str) -> Option<&str> {
    let end = rest.bytes().position(|byte| !byte.is_ascii_digit())?;
    let (digits, after) = rest.split_at_checked(end)?;
    let padded = digits.len() > 1 && digits.starts_with('0');
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
        let text = template().text_of(Some(b"e"), data).map(Cow::into_owned);
        assert_eq!(text.as_deref(), want, "{data}");
    }

    #[test]
    fn payloads_that_differ_in_holes_only() {
        check(r#"{"n":7,"text":"Hello","pad":"xyz","end":true}"#, Some("Hello"));
        check(r#"{"n":123,"text":" wörld","pad":"","end":true}"#, Some(" wörld"));
        check(r#"{"n":0,"text":"a\n\"b\"\\","pad":"p","end":true}"#, Some("a\n\"b\"\\"));
        check(r#"{"n":0,"text":"\ud83d\ude00","pad":"p\n","end":true}"#, Some("😀"));
        check(r#"{"n":7,"text":"padded","pad":"xyz","end":true      }"#, Some("padded"));
    }

    #[test]
    fn values_with_values_in_them() {
        let data = r#"{"text":"Hello","again":{"text":"Hello","end":null}}"#;
        let mut template = Template::default();
        let again = place(data, r#"{"text":"Hello","end":null}"#);
        template.learn(None, data, 9..14, [again].into_iter());
        let text_of = |data: &str| template.text_of(None, data).map(Cow::into_owned);
        for again in [r#"{"text":"a","end":[{}]}"#, "[]", "12", r#""b""#] {
            let data = format!(r#"{{"text":"a","again":{again}}}"#);
            assert_eq!(text_of(&data).as_deref(), Some("a"), "{data}");
        }
        for again in ["{", r#"{"text"}"#, "[1,]", "nul", &"[".repeat(200)] {
            let data = format!(r#"{{"text":"a","again":{again}}}"#);
            assert_eq!(text_of(&data), None, "{data}");
        }
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
        check(r#"{"n":7,"text":"Hello","pad":"x\y","end":true}"#, None);
        check(r#"{"n":7,"text":"cut"#, None);
        check(r#"{"n":7,"text":"cut\"#, None);
        check("", None);
    }

    #[test]
    fn other_names() {
        let data = r#"{"n":7,"text":"Hello","pad":"xyz","end":true}"#;
        assert_eq!(template().text_of(None, data), None);
        assert_eq!(template().text_of(Some(b"f"), data), None);
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
        assert_eq!(template.text_of(None, data), None);
    }
}
