//! Bytes that are written to a connection together.

use bytes::{Bytes, BytesMut};

use crate::frame::Frame;

/// Bytes that are written together.
#[derive(Debug, Default)]
pub(crate) struct Chunk {
    first: Option<Frame>,
    joined: BytesMut,
}

impl Chunk {
    /// Adds a frame.
    pub(crate) fn push(&mut self, frame: &Frame) {
        if frame.is_empty() {
            return;
        }
        match self.first.take() {
            // A lone frame is shared with every other reader of it, not copied.
            None if self.joined.is_empty() => self.first = Some(frame.clone()),
            None => self.joined.extend_from_slice(frame),
            Some(first) => {
                self.joined.extend_from_slice(&first);
                self.joined.extend_from_slice(frame);
            }
        }
    }

    /// Adds bytes that no other reader gets.
    pub(crate) fn extend(&mut self, bytes: &[u8]) {
        if let Some(first) = self.first.take() {
            self.joined.extend_from_slice(&first);
        }
        self.joined.extend_from_slice(bytes);
    }

    /// Adds a line, without its line break, that no other reader gets.
    pub(crate) fn line(&mut self, write: impl FnOnce(&mut BytesMut)) {
        self.extend(b"");
        write(&mut self.joined);
        self.joined.extend_from_slice(b"\n");
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.first.as_ref().map_or(self.joined.len(), Bytes::len)
    }

    /// Takes what there is; nothing is no chunk.
    pub(crate) fn take(&mut self) -> Option<Bytes> {
        match self.first.take() {
            Some(first) => Some(first),
            None if self.joined.is_empty() => None,
            None => Some(self.joined.split().freeze()),
        }
    }
}
