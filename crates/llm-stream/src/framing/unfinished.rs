//! The beginning of a payload whose end has not come, within a limit.

use super::Frame;

/// Keeps the pieces of one payload until it is whole.
#[derive(Debug)]
pub(super) struct Unfinished {
    bytes: Vec<u8>,
    /// Whether the payload is too long, and what is left of it to be thrown away.
    skipping: bool,
    bytes_max: usize,
}

impl Unfinished {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), skipping: false, bytes_max }
    }

    /// Whether a payload may be taken as it is, because it has no earlier piece and fits.
    pub(super) fn may_pass(&self, whole: &[u8]) -> bool {
        self.bytes.is_empty() && !self.skipping && whole.len() <= self.bytes_max
    }

    /// Adds a piece; at the limit `each` is told, once, and the payload is thrown away.
    pub(super) fn keep(&mut self, piece: &[u8], each: &mut impl FnMut(Frame<'_>)) {
        if self.skipping {
            return;
        }
        if self.bytes.len() + piece.len() > self.bytes_max {
            self.bytes = Vec::new();
            self.skipping = true;
            each(Frame::TooLong);
            return;
        }
        self.bytes.extend_from_slice(piece);
    }

    /// Gives the payload, which is whole, to `each`, and begins the next one.
    pub(super) fn end(&mut self, each: &mut impl FnMut(Frame<'_>)) {
        if !self.skipping {
            each(Frame::Payload(&self.bytes));
        }
        self.bytes.clear();
        self.skipping = false;
    }

    /// What there is at the end of the input.
    pub(super) fn take(&mut self) -> Option<Vec<u8>> {
        Some(std::mem::take(&mut self.bytes)).filter(|bytes| !bytes.is_empty())
    }
}
