//! Frames out of a segment's file, many with one read.

use std::io;
use std::ops::Range;

use bytes::Bytes;

use crate::body::{BatchBody, read_batch};
use crate::frame::{HEAD_BYTES_MAX, Head, Kind, Place, at};
use crate::limits::READ_BYTES;
use crate::vfs::VfsFile;

/// Reads frames at rising positions of one segment.
#[derive(Debug)]
pub(crate) struct FrameReader<'a> {
    file: &'a dyn VfsFile,
    secret: u32,
    window: Bytes,
    window_start: u32,
}

/// A batch, and the bytes that its payloads are slices of.
#[derive(Debug)]
pub(crate) struct BatchFrame {
    pub(crate) head: Head,
    frame: Bytes,
    body: Range<usize>,
}

impl BatchFrame {
    /// What the batch says; `None` if it has another form.
    pub(crate) fn read(&self) -> Option<BatchBody<'_>> {
        read_batch(self.body(), self.head.records)
    }

    /// What follows the head.
    pub(crate) fn body(&self) -> &[u8] {
        self.frame.get(self.body.clone()).unwrap_or_default()
    }

    /// The bytes that `part`, which is a part of the body, lies in, without a copy.
    pub(crate) fn share(&self, part: &[u8]) -> Bytes {
        self.frame.slice_ref(part)
    }
}

impl<'a> FrameReader<'a> {
    pub(crate) fn new(file: &'a dyn VfsFile, secret: u32) -> Self {
        Self { file, secret, window: Bytes::new(), window_start: 0 }
    }

    /// Reads the batch at `position`; frames up to `ahead`, which is asked only if the file must be
    /// read, are wanted next.
    ///
    /// `None` if no whole batch is there.
    pub(crate) fn batch(
        &mut self,
        position: u32,
        ahead: impl Fn() -> u32,
    ) -> io::Result<Option<BatchFrame>> {
        let place = Place { secret: self.secret, position };
        let head_bytes = u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX);
        self.cover(position, head_bytes, &ahead)?;
        let Some(head) = Head::read(self.rest(position), place) else { return Ok(None) };
        self.cover(position, head.frame_bytes(), &ahead)?;
        let rest = self.rest(position);
        if head.kind != Kind::Batch || head.body(rest, place).is_none() {
            return Ok(None);
        }
        let start = at(position.saturating_sub(self.window_start));
        let frame = self.window.slice(start..start + at(head.frame_bytes()));
        let body = at(head.head_bytes)..at(head.frame_bytes());
        Ok(Some(BatchFrame { head, frame, body }))
    }

    fn rest(&self, position: u32) -> &[u8] {
        let start = position.checked_sub(self.window_start);
        start.and_then(|start| self.window.get(at(start)..)).unwrap_or_default()
    }

    /// Makes sure that the window holds `bytes` from `position` on, as far as the file has them.
    fn cover(&mut self, position: u32, bytes: u32, ahead: impl Fn() -> u32) -> io::Result<()> {
        if self.rest(position).len() >= at(bytes) {
            return Ok(());
        }
        let wanted = ahead().saturating_sub(position).clamp(4 << 10, READ_BYTES).max(bytes);
        let mut window = vec![0; at(wanted)];
        let count = self.file.read_at(&mut window, position.into())?;
        window.truncate(count);
        self.window = window.into();
        self.window_start = position;
        Ok(())
    }
}
