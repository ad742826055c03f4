//! One line of the stream, taken apart into field and value.

use std::time::Duration;

/// What a line without its line end says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Line<'a> {
    Data(&'a [u8]),
    Event(&'a [u8]),
    Id(&'a [u8]),
    Retry(Duration),
    Comment(&'a [u8]),
    /// Unknown fields and values that the standard says to ignore.
    Ignored,
}

impl<'a> Line<'a> {
    /// Reads a line that is not blank.
    #[inline]
    pub(super) fn parse(line: &'a [u8]) -> Self {
        if let Some(value) = line.strip_prefix(b"data:") {
            Self::Data(strip_space(value))
        } else if let Some(value) = line.strip_prefix(b"event:") {
            Self::Event(strip_space(value))
        } else {
            Self::parse_rare(line)
        }
    }

    /// Reads a line that is not one of the two most frequent.
    fn parse_rare(line: &'a [u8]) -> Self {
        let end = memchr::memchr(b':', line).unwrap_or(line.len());
        let (name, tail) = line.split_at_checked(end).unwrap_or((line, &[]));
        let value = strip_space(tail.strip_prefix(b":").unwrap_or_default());
        match name {
            b"" => Self::Comment(value),
            b"id" => Self::id(value),
            b"retry" => Self::retry(value),
            b"data" => Self::Data(value),
            b"event" => Self::Event(value),
            _ => Self::Ignored,
        }
    }

    /// An id with a NUL is ignored, because it could not be sent back in a header.
    fn id(value: &'a [u8]) -> Self {
        if memchr::memchr(0, value).is_some() { Self::Ignored } else { Self::Id(value) }
    }

    /// A reconnection time is ASCII digits alone; a number beyond `u64` waits for ever just the same.
    fn retry(value: &'a [u8]) -> Self {
        if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
            return Self::Ignored;
        }
        let millis = value.iter().fold(0u64, |sum, digit| {
            sum.saturating_mul(10).saturating_add(u64::from(digit - b'0'))
        });
        Self::Retry(Duration::from_millis(millis))
    }
}

/// Strips one space, and only one, from the front of a value.
#[inline]
fn strip_space(value: &[u8]) -> &[u8] {
    match value {
        [b' ', rest @ ..] => rest,
        _ => value,
    }
}
