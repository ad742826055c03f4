//! The text that one step of a filter may look at, and what a search says about it.

/// The part of a text that has come in and is not yet released.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window<'a> {
    /// The text.
    pub(super) text: &'a str,
    /// The byte before it, unless the whole text begins with it.
    pub(super) before: Option<u8>,
    /// Whether nothing follows it.
    pub(super) last: bool,
}

impl<'a> Window<'a> {
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// The bytes from `from` up to `to`, cut to what there is.
    pub(super) fn bytes(&self, from: usize, to: usize) -> &'a [u8] {
        self.text.as_bytes().get(from..to.min(self.text.len())).unwrap_or_default()
    }

    /// The text from `from` up to `to`, which are borders of characters.
    pub(super) fn slice(&self, from: usize, to: usize) -> &'a str {
        let slice = self.text.get(from..to);
        debug_assert!(slice.is_some(), "{from}..{to} is not a part of {:?}", self.text);
        slice.unwrap_or_default()
    }

    /// The byte before position `at`.
    pub(super) fn byte_before(&self, at: usize) -> Option<u8> {
        match at.checked_sub(1) {
            Some(index) => self.text.as_bytes().get(index).copied(),
            None => self.before,
        }
    }

    /// The first border of a character after `at`, at most the end.
    pub(super) fn next_char(&self, at: usize) -> usize {
        let rest = self.text.get(at..).unwrap_or_default();
        at + rest.chars().next().map_or(0, char::len_utf8)
    }

    /// The last border of a character that is not after `at`.
    pub(super) fn char_floor(&self, at: usize) -> usize {
        self.text.floor_char_boundary(at)
    }
}

/// The leftmost match of one search, with positions in the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) start: usize,
    /// The end; the largest number if the match is too long to be followed.
    pub(super) end: usize,
    /// The place of the pattern in the list, or `None` if the match is too long to be followed.
    pub(super) pattern: Option<usize>,
}

impl Found {
    /// Text from `start` on that may be a match longer than any may be.
    pub(super) fn too_long(start: usize) -> Self {
        Self { start, end: usize::MAX, pattern: None }
    }

    /// Whether this match is taken rather than `other`: the leftmost, then the longest, then the
    /// pattern that comes first in the list.
    pub(super) fn beats(&self, other: &Self) -> bool {
        (self.start, other.end, self.pattern) < (other.start, self.end, other.pattern)
    }

    /// The same match after the first `bytes` of the window are gone.
    pub(super) fn rebased(self, bytes: usize) -> Self {
        let end = if self.pattern.is_some() { self.end - bytes } else { self.end };
        Self { start: self.start - bytes, end, ..self }
    }
}

/// What one search says about the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// No match begins before the position; what follows it may still become one.
    ///
    /// It is the end of the window if nothing may.
    Open(usize),
    /// The leftmost match is this, whatever follows.
    Found(Found),
}
