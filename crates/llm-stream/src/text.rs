//! Plain text to pieces and back, for tests and for callers who want no events.

use std::num::NonZeroUsize;
use std::time::Duration;

use crate::handler::{HandlerError, Input, StreamHandler};

/// Characters of a piece, for those who have no opinion.
pub const CHUNK_CHARS: NonZeroUsize = NonZeroUsize::new(10).unwrap();

/// Cuts a text into pieces of `chunk_chars` characters (Unicode scalar values).
///
/// The last piece may be shorter. Nothing waits: each piece says how long a driver that plays a
/// provider should wait after it, which is no time unless [`Chunks::delay`] sets one.
///
/// # Examples
/// ```
/// use llm_stream::{CHUNK_CHARS, chunk_stream};
///
/// let pieces: Vec<_> = chunk_stream("Hello streaming world", CHUNK_CHARS).collect();
/// assert_eq!(pieces.last().map(|chunk| chunk.text), Some("d"));
/// ```
pub fn chunk_stream(text: &str, chunk_chars: NonZeroUsize) -> Chunks<'_> {
    Chunks { rest: text, chunk_chars, delay: Duration::ZERO }
}

/// The pieces of a text; see [`chunk_stream`].
#[derive(Debug, Clone)]
pub struct Chunks<'a> {
    rest: &'a str,
    chunk_chars: NonZeroUsize,
    delay: Duration,
}

/// A piece of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk<'a> {
    /// The piece; never empty.
    pub text: &'a str,
    /// How long to wait after it.
    pub delay: Duration,
}

impl Chunks<'_> {
    /// Sets how long to wait after each piece.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let end = self.rest.char_indices().nth(self.chunk_chars.get()).map(|(at, _)| at);
        let (text, rest) = self.rest.split_at_checked(end.unwrap_or(self.rest.len()))?;
        self.rest = rest;
        Some(Chunk { text, delay: self.delay })
    }
}

impl From<Chunk<'_>> for Input {
    fn from(chunk: Chunk<'_>) -> Self {
        chunk.text.into()
    }
}

/// The whole text of a stream: of pieces of text, or of events.
///
/// It is what a [`StreamHandler`] without processors gathers, within the same limit.
///
/// # Errors
/// If the stream fails or is incomplete, and if it is longer than
/// [`CONTENT_CHARS_MAX`](crate::CONTENT_CHARS_MAX).
///
/// # Examples
/// ```
/// use llm_stream::stream_to_string;
///
/// assert_eq!(stream_to_string(["Hello", " ", "World"])?, "Hello World");
/// # Ok::<(), llm_stream::HandlerError>(())
/// ```
pub fn stream_to_string<I>(stream: I) -> Result<String, HandlerError>
where
    I: IntoIterator<Item: Into<Input>>,
{
    let text = StreamHandler::untimed().process_stream(stream)?;
    Ok(text.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_says_how_long_to_wait() {
        let delay = Duration::from_millis(10);
        let mut chunks = chunk_stream("abc", NonZeroUsize::MIN).delay(delay);
        assert_eq!(chunks.next(), Some(Chunk { text: "a", delay }));
        assert_eq!(
            chunk_stream("abc", CHUNK_CHARS).map(|c| c.delay).sum::<Duration>(),
            Duration::ZERO
        );
    }

    #[test]
    fn a_text_survives_being_cut() {
        let text = "Grüße 😀 日本語".repeat(20);
        for size in 1..40 {
            let size = NonZeroUsize::new(size).unwrap();
            assert_eq!(stream_to_string(chunk_stream(&text, size)).unwrap(), text);
        }
    }

    #[test]
    fn a_failing_stream_has_no_text() {
        let pieces = [Ok("a"), Err("connection reset")];
        let error = stream_to_string(pieces).unwrap_err();
        assert_eq!(error.to_string(), "connection reset");
    }
}
