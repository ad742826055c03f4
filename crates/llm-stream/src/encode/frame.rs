//! The frames that one event becomes, and the buffer that they lie in.

use super::limits::BUFFER_BYTES_KEPT;
use super::object::Object;

/// One piece of the output, borrowed from its encoder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The SSE event name, in the formats that have them.
    pub event: Option<&'static str>,
    /// The SSE data, on one line; of [`OutputFormat::Text`](crate::OutputFormat::Text) the text
    /// itself. UTF-8.
    pub data: &'a [u8],
    /// Whether no other frame of the same event follows: the one that carries the event's
    /// position as its SSE id.
    pub is_last: bool,
}

/// The frames of one event, in order.
///
/// Dropping them unread is fine: the encoder has taken the event all the same.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    out: &'a Out,
    next: usize,
    start: usize,
}

impl<'a> Frames<'a> {
    pub(super) fn new(out: &'a Out) -> Self {
        Self { out, next: 0, start: 0 }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        let &Cut { event, end } = self.out.cuts.get(self.next)?;
        let data = self.out.data.get(self.start..end)?;
        self.next += 1;
        self.start = end;
        Some(Frame { event, data, is_last: self.next == self.out.cuts.len() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.out.cuts.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Frames<'_> {}

/// Where the frames of one event are written.
#[derive(Debug, Clone, Default)]
pub(super) struct Out {
    data: Vec<u8>,
    cuts: Vec<Cut>,
}

/// The end of a frame in the buffer.
#[derive(Debug, Clone, Copy)]
struct Cut {
    event: Option<&'static str>,
    end: usize,
}

impl Out {
    /// Forgets the frames of the event before.
    pub(super) fn clear(&mut self) {
        self.data.clear();
        self.data.shrink_to(BUFFER_BYTES_KEPT);
        self.cuts.clear();
    }

    /// Writes a frame with a JSON object.
    pub(super) fn json(&mut self, fill: impl FnOnce(&mut Object<'_>)) {
        self.write(None, fill);
    }

    /// Writes a frame with a JSON object whose `type` is also the name of the event.
    pub(super) fn named(&mut self, name: &'static str, fill: impl FnOnce(&mut Object<'_>)) {
        self.write(Some(name), |object| {
            object.put("type", name);
            fill(object);
        });
    }

    /// Writes a frame with a JSON object and its `type`.
    pub(super) fn typed(&mut self, kind: &str, fill: impl FnOnce(&mut Object<'_>)) {
        self.write(None, |object| {
            object.put("type", kind);
            fill(object);
        });
    }

    /// Writes a frame that is `text` itself.
    pub(super) fn text(&mut self, text: &str) {
        self.data.extend_from_slice(text.as_bytes());
        self.cut(None);
    }

    fn write(&mut self, event: Option<&'static str>, fill: impl FnOnce(&mut Object<'_>)) {
        Object::write(&mut self.data, fill);
        self.cut(event);
    }

    fn cut(&mut self, event: Option<&'static str>) {
        self.cuts.push(Cut { event, end: self.data.len() });
    }
}
