//! Frames to bytes; what a frame may hold cannot be mistaken for more frames.

use std::mem;
use std::time::Duration;

use memchr::memchr2;

use super::frame::FrameRef;

/// Writes frames into one growing buffer.
///
/// The fields of a frame come in the order comment, id, event, retry, data, then a blank line.
/// No value can add a field or an event: names and ids have types that cannot hold a line break,
/// and data and comments are split at every CR, LF and CRLF.
///
/// # Limits
///
/// The buffer holds what was pushed since the last [`take`](Self::take) or
/// [`clear`](Self::clear): the caller bounds it, at `7 * frame + 64` bytes a frame at worst.
///
/// # Examples
///
/// ```
/// use stream_sse::{Encoder, FrameRef, LastEventId};
///
/// let id = LastEventId::from(7);
/// let mut encoder = Encoder::new();
/// encoder.push(FrameRef { id: Some(&id), data: Some(b"{}"), ..FrameRef::default() });
/// encoder.push_comment("keep-alive");
/// assert_eq!(encoder.take(), b"id: 7\ndata: {}\n\n: keep-alive\n\n");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Encoder {
    out: Vec<u8>,
}

impl Encoder {
    /// An encoder with an empty buffer.
    pub fn new() -> Self {
        Self::default()
    }

    /// An encoder that appends to `buffer`.
    pub fn with_buffer(buffer: Vec<u8>) -> Self {
        Self { out: buffer }
    }

    /// Writes one frame; an empty one writes nothing.
    pub fn push(&mut self, frame: FrameRef<'_>) {
        if frame.is_empty() {
            return;
        }
        self.reserve(&frame);
        if let Some(comment) = frame.comment {
            self.put_comment(comment.as_bytes());
        }
        if let Some(id) = frame.id {
            self.put_field(b"id: ", id.as_str().as_bytes());
        }
        if let Some(event) = frame.event {
            self.put_field(b"event: ", event.as_str().as_bytes());
        }
        if let Some(retry) = frame.retry {
            self.put_retry(retry);
        }
        match frame.data {
            Some(data) => self.put_data(data),
            None => self.out.push(b'\n'),
        }
    }

    /// Writes a comment, which clients skip; it keeps an idle connection open.
    pub fn push_comment(&mut self, comment: &str) {
        self.push(FrameRef { comment: Some(comment), ..FrameRef::default() });
    }

    /// What was written so far.
    pub fn as_bytes(&self) -> &[u8] {
        &self.out
    }

    /// Takes what was written so far and starts with an empty buffer.
    #[must_use]
    pub fn take(&mut self) -> Vec<u8> {
        mem::take(&mut self.out)
    }

    /// Forgets what was written and keeps the memory for it.
    pub fn clear(&mut self) {
        self.out.clear();
    }

    /// Makes room for the frame at once, if its data is one line.
    fn reserve(&mut self, frame: &FrameRef<'_>) {
        const NAMES: usize = ": \nid: \nevent: \nretry: 18446744073709551615\ndata: \n\n".len();
        let values = frame.comment.map_or(0, str::len)
            + frame.id.map_or(0, |id| id.as_str().len())
            + frame.event.map_or(0, |event| event.as_str().len())
            + frame.data.map_or(0, <[u8]>::len);
        self.out.reserve(values + NAMES);
    }

    /// Writes one line; as the length of `name` is known, it is a store or two.
    #[inline]
    fn put_field<const N: usize>(&mut self, name: &[u8; N], value: &[u8]) {
        self.out.extend_from_slice(name);
        self.out.extend_from_slice(value);
        self.out.push(b'\n');
    }

    fn put_retry(&mut self, retry: Duration) {
        let millis = u64::try_from(retry.as_millis()).unwrap_or(u64::MAX);
        self.put_field(b"retry: ", millis.to_string().as_bytes());
    }

    /// Writes data, a field for each of its lines, and ends the frame.
    #[inline]
    fn put_data(&mut self, data: &[u8]) {
        if is_one_line(data) {
            self.out.extend_from_slice(b"data: ");
            self.out.extend_from_slice(data);
            self.out.extend_from_slice(b"\n\n");
        } else {
            self.put_lines(data);
            self.out.push(b'\n');
        }
    }

    fn put_lines(&mut self, data: &[u8]) {
        let mut rest = Some(data);
        while let Some(text) = rest {
            let (line, tail) = split_line(text);
            self.put_field(b"data: ", line);
            rest = tail;
        }
    }

    /// Writes a comment, a colon before each of its lines.
    fn put_comment(&mut self, comment: &[u8]) {
        let mut rest = Some(comment);
        while let Some(text) = rest {
            let (line, tail) = split_line(text);
            if line.is_empty() {
                self.put_field(b":", line);
            } else {
                self.put_field(b": ", line);
            }
            rest = tail;
        }
    }
}

/// Whether there is no line end in `text`.
///
/// In short texts the least byte is found sooner than either line end is found to be missing, and
/// rules both out but for texts with a tab or the like.
#[inline]
fn is_one_line(text: &[u8]) -> bool {
    let least = text.iter().fold(u8::MAX, |least, byte| least.min(*byte));
    least > b'\r' || memchr2(b'\n', b'\r', text).is_none()
}

/// Takes the first line, and what follows its line end, if it has one.
fn split_line(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let end = memchr2(b'\n', b'\r', text).unwrap_or(text.len());
    let (line, tail) = text.split_at_checked(end).unwrap_or((text, &[]));
    let rest = match tail {
        [] => None,
        [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => Some(rest),
    };
    (line, rest)
}
