//! Joins surrogate pairs whose two `\u` escapes came in different deltas.
//!
//! A provider that cuts text by UTF-16 units writes the halves of a character as lone escapes,
//! which JSON text cannot carry into a Rust string. The payload is rewritten with a private-use
//! character for each lone half, and the text is joined again where it is emitted.

use std::borrow::Cow;

use memchr::memmem;

use crate::event::Channel;

/// The private-use characters that stand for lone high halves: 1,024 of them from here.
const HIGH_MARK: u32 = 0x10_F000;
/// The private-use characters that stand for lone low halves: 1,024 of them from here.
const LOW_MARK: u32 = 0x10_F400;
/// Code units of one kind of half.
const HALVES: u32 = 0x400;

/// Replaces each lone half in JSON text by its mark; `None` if there is none.
pub(crate) fn mark_lone_halves(json: &str) -> Option<String> {
    let mark = |half: u32| match half.checked_sub(0xDC00) {
        Some(low) => char::from_u32(LOW_MARK + low),
        None => char::from_u32(HIGH_MARK + half - 0xD800),
    };
    replace_lone_halves(json, mark)
}

/// JSON text that every parser reads: with U+FFFD for each lone half.
pub(crate) fn without_lone_halves(json: &str) -> Cow<'_, str> {
    // Only escapes that begin so are halves, and hardly any text has one.
    let may_have = memmem::find(json.as_bytes(), b"\\ud").is_some()
        || memmem::find(json.as_bytes(), b"\\uD").is_some();
    let replaced =
        may_have.then(|| replace_lone_halves(json, |_| Some(char::REPLACEMENT_CHARACTER)));
    replaced.flatten().map_or(Cow::Borrowed(json), Cow::Owned)
}

/// Replaces each lone half in JSON text by what it is told; `None` if there is none.
fn replace_lone_halves(json: &str, with: impl Fn(u32) -> Option<char>) -> Option<String> {
    let mut replaced = String::new();
    let mut rest = json;
    while let Some(at) = rest.find('\\') {
        let (plain, escape) = rest.split_at_checked(at)?;
        replaced.push_str(plain);
        let length = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(half @ 0xD800..=0xDFFF), _) => {
                replaced.extend(with(half));
                rest = escape.get(6..)?;
                continue;
            }
            _ => 2,
        };
        // A character after the backslash that is no ASCII is no escape either: give up.
        let (kept, after) = escape.split_at_checked(length)?;
        replaced.push_str(kept);
        rest = after;
    }
    replaced.push_str(rest);
    (replaced.len() != json.len()).then_some(replaced)
}

/// The code unit of the `\uXXXX` escape that `text` begins with.
fn unit(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

/// High halves that wait for their low halves, one for each text that is being emitted.
#[derive(Debug, Default)]
pub(super) struct Halves {
    active: bool,
    waiting: Vec<(Key, u32)>,
}

/// Which text: its choice, channel, and tool call.
pub(super) type Key = (u32, Channel, u64);

impl Halves {
    /// From now on, texts may hold marks.
    pub(super) fn expect(&mut self) {
        self.active = true;
    }

    /// Whether texts may hold marks.
    pub(super) fn are_expected(&self) -> bool {
        self.active
    }

    /// Joins the halves in the next piece of a text; a half without its other becomes U+FFFD.
    pub(super) fn join<'a>(&mut self, key: Key, piece: Cow<'a, str>) -> Cow<'a, str> {
        if !self.active || piece.is_empty() {
            return piece;
        }
        let at = self.waiting.iter().position(|(waiting, _)| *waiting == key);
        let mut high = at.map(|at| self.waiting.swap_remove(at).1);
        let mut joined = String::with_capacity(piece.len());
        for character in piece.chars() {
            let code = u32::from(character);
            let low = code.checked_sub(LOW_MARK).filter(|low| *low < HALVES);
            match (high.take(), low) {
                (Some(high), Some(low)) => {
                    let code = 0x1_0000 + high * HALVES + low;
                    joined.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                    continue;
                }
                (Some(_), None) | (None, Some(_)) => joined.push(char::REPLACEMENT_CHARACTER),
                (None, None) => {}
            }
            high = code.checked_sub(HIGH_MARK).filter(|high| *high < HALVES);
            if high.is_none() && low.is_none() {
                joined.push(character);
            }
        }
        if let Some(high) = high {
            self.waiting.push((key, high));
        }
        Cow::Owned(joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lone_halves_are_marked_and_pairs_are_not() {
        assert_eq!(mark_lone_halves(r#""\ud83d\ude00""#), None);
        assert_eq!(mark_lone_halves(r#""\\ud83d \n é""#), None);
        assert_eq!(mark_lone_halves(r#""a\ud83d""#).unwrap(), "\"a\u{10F03D}\"");
        assert_eq!(mark_lone_halves(r#""\ude00b""#).unwrap(), "\"\u{10F600}b\"");
    }

    #[test]
    fn lone_halves_are_left_out_of_json() {
        assert_eq!(without_lone_halves(r#""\ud83d\ude00 \\ud83d""#), r#""\ud83d\ude00 \\ud83d""#);
        assert_eq!(
            without_lone_halves(r#"{"\uD83D":"a\ude00b"}"#),
            "{\"\u{FFFD}\":\"a\u{FFFD}b\"}"
        );
    }

    #[track_caller]
    fn joins(pieces: &[&str], want: &str) {
        let mut halves = Halves::default();
        halves.expect();
        let key = (0, Channel::Text, 0);
        let joined: String =
            pieces.iter().map(|&piece| halves.join(key, Cow::Borrowed(piece))).collect();
        assert_eq!(joined, want);
    }

    #[test]
    fn halves_join_over_pieces() {
        joins(&["a\u{10F03D}", "\u{10F600}b"], "a😀b");
        joins(&["\u{10F03D}", "", "\u{10F600}"], "😀");
        joins(&["\u{10F03D}", "x"], "\u{FFFD}x");
        joins(&["\u{10F600}"], "\u{FFFD}");
        joins(&["\u{10F03D}\u{10F03D}", "\u{10F600}"], "\u{FFFD}😀");
    }

    #[test]
    fn texts_do_not_mix() {
        let mut halves = Halves::default();
        halves.expect();
        assert_eq!(halves.join((0, Channel::Text, 0), "\u{10F03D}".into()), "");
        assert_eq!(halves.join((1, Channel::Text, 0), "\u{10F600}".into()), "\u{FFFD}");
        assert_eq!(halves.join((0, Channel::Text, 0), "\u{10F600}".into()), "😀");
    }
}
