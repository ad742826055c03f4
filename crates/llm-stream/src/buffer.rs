//! Keeps the text of a stream, up to a limit.

use crate::handler::BUFFER_CHARS_MAX;

/// Gathers pieces of text up to a number of characters.
///
/// A piece that does not fit is refused as a whole and changes nothing.
/// The buffer has one owner and no lock; who shares it puts it in a mutex.
///
/// # Examples
/// ```
/// use llm_stream::StreamBuffer;
///
/// let mut buffer = StreamBuffer::with_chars_max(5);
/// buffer.append("äöü")?;
/// assert!(buffer.append("xyz").is_err());
/// buffer.append("xy")?;
/// assert_eq!(buffer.content(), "äöüxy");
/// # Ok::<(), llm_stream::BufferFull>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamBuffer {
    content: String,
    chars: usize,
    chunks: usize,
    chars_max: usize,
}

impl Default for StreamBuffer {
    fn default() -> Self {
        Self::with_chars_max(BUFFER_CHARS_MAX)
    }
}

impl StreamBuffer {
    /// An empty buffer of at most [`BUFFER_CHARS_MAX`] characters.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty buffer of at most `chars_max` characters (Unicode scalar values, not bytes).
    pub fn with_chars_max(chars_max: usize) -> Self {
        Self { content: String::new(), chars: 0, chunks: 0, chars_max }
    }

    /// Appends a piece; an empty one counts as a chunk too.
    ///
    /// # Errors
    /// If it does not fit; the buffer is then unchanged.
    pub fn append(&mut self, chunk: &str) -> Result<(), BufferFull> {
        let chars = self.chars.saturating_add(chunk.chars().count());
        if chars > self.chars_max {
            return Err(BufferFull { chars, chars_max: self.chars_max });
        }
        self.content.push_str(chunk);
        self.chars = chars;
        self.chunks += 1;
        Ok(())
    }

    /// All the text so far.
    pub fn content(&self) -> &str {
        &self.content
    }

    /// The text, with the buffer given away.
    pub fn into_content(self) -> String {
        self.content
    }

    /// How many characters there are.
    #[doc(alias = "length")]
    pub fn char_count(&self) -> usize {
        self.chars
    }

    /// How many pieces were appended.
    pub fn chunk_count(&self) -> usize {
        self.chunks
    }

    /// How many characters there may be.
    #[doc(alias = "max_size")]
    pub fn chars_max(&self) -> usize {
        self.chars_max
    }

    /// Makes the buffer empty; its limit stays.
    pub fn clear(&mut self) {
        self.content.clear();
        self.chars = 0;
        self.chunks = 0;
    }
}

/// A piece of text does not fit into a [`StreamBuffer`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("text of {chars} characters exceeds the buffer's {chars_max}")]
pub struct BufferFull {
    /// How many characters there would be.
    pub chars: usize,
    /// How many there may be.
    pub chars_max: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clearing_keeps_the_limit() {
        let mut buffer = StreamBuffer::with_chars_max(2);
        buffer.append("ab").unwrap();
        buffer.clear();
        assert_eq!((buffer.content(), buffer.char_count(), buffer.chunk_count()), ("", 0, 0));
        assert_eq!(buffer.append("abc"), Err(BufferFull { chars: 3, chars_max: 2 }));
    }

    #[test]
    fn the_error_says_what_was_known() {
        let error = StreamBuffer::with_chars_max(1).append("ab").unwrap_err();
        assert_eq!(error.to_string(), "text of 2 characters exceeds the buffer's 1");
    }
}
