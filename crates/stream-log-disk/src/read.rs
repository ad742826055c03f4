//! Frames out of a segment's file, many with one read.

use std::io;

use bytes::{Bytes, BytesMut};
use parking_lot::Mutex;

use crate::body::{BatchBody, LastSecond, read_batch};
use crate::frame::{HEAD_BYTES_MAX, Head, Kind, Place, at};
use crate::limits::{READ_BYTES, WINDOWS_KEPT};
use crate::vfs::VfsFile;

/// Memory of earlier reads, to be used again when nobody has any of their records.
#[derive(Debug, Default)]
pub(crate) struct Windows(Mutex<Vec<Bytes>>);

/// Reads frames at rising positions of one segment.
#[derive(Debug)]
pub(crate) struct FrameReader<'a> {
    file: &'a dyn VfsFile,
    secret: u32,
    window: Bytes,
    window_start: u32,
    /// How many bytes of the window the file had.
    filled: usize,
    windows: Option<&'a Windows>,
    /// Where the last frame begins that will be asked for; zero if nobody said.
    last: u32,
}

/// A batch, in the window that its payloads are slices of.
#[derive(Debug)]
pub(crate) struct BatchFrame<'a> {
    pub(crate) head: Head,
    body: &'a [u8],
    window: &'a Bytes,
}

impl<'a> BatchFrame<'a> {
    /// What the batch says; `None` if it has another form.
    #[inline]
    pub(crate) fn read(&self, last: &mut LastSecond) -> Option<BatchBody<'a>> {
        read_batch(self.body, self.head.records, last)
    }

    /// What follows the head.
    pub(crate) fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The bytes that `part`, which is a part of the body, lies in, without a copy.
    #[inline]
    pub(crate) fn share(&self, part: &[u8]) -> Bytes {
        self.window.slice_ref(part)
    }
}

impl Windows {
    /// A window of `bytes`, with anything in it.
    ///
    /// Small ones are always new: a record that is kept holds all of its window.
    fn take(&self, bytes: usize) -> BytesMut {
        if bytes <= at(READ_BYTES) / 2 {
            return BytesMut::new();
        }
        let mut windows = self.0.lock();
        // The records of some may be held yet, those of the read that asks among them.
        let free = windows.iter().rposition(Bytes::is_unique);
        let kept = free.map(|free| windows.remove(free));
        drop(windows);
        kept.and_then(|window| window.try_into_mut().ok()).unwrap_or_default()
    }

    fn keep(&self, window: Bytes) {
        if window.len() > at(READ_BYTES) / 2 && window.len() <= at(READ_BYTES) {
            let mut windows = self.0.lock();
            // The one that was read last is the last whose records are let go of.
            windows.insert(0, window);
            windows.truncate(WINDOWS_KEPT);
        }
    }
}

impl<'a> FrameReader<'a> {
    pub(crate) fn new(file: &'a dyn VfsFile, secret: u32) -> Self {
        Self {
            file,
            secret,
            window: Bytes::new(),
            window_start: 0,
            filled: 0,
            windows: None,
            last: 0,
        }
    }

    /// Uses the memory of earlier reads again, and leaves its own for later ones.
    pub(crate) fn with_windows(mut self, windows: &'a Windows) -> Self {
        self.windows = Some(windows);
        self
    }

    /// Says that the last frame that will be read is at `last`: what must come from the disk for
    /// frames far apart is fetched with all that lies between them.
    pub(crate) fn up_to(mut self, last: u32) -> Self {
        self.last = last;
        self
    }

    /// Reads the batch at `position`; frames up to `ahead`, which is asked only if the file must be
    /// read, are wanted next.
    ///
    /// `None` if no whole batch is there.
    #[inline]
    pub(crate) fn batch(
        &mut self,
        position: u32,
        ahead: impl Fn() -> u32,
    ) -> io::Result<Option<BatchFrame<'_>>> {
        let place = Place { secret: self.secret, position };
        let head_bytes = u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX);
        self.cover(position, head_bytes, &ahead)?;
        let Some(head) = Head::read(self.rest(position), place) else { return Ok(None) };
        self.cover(position, head.frame_bytes(), &ahead)?;
        let body = head.body(self.rest(position), place).filter(|_| head.kind == Kind::Batch);
        Ok(body.map(|body| BatchFrame { head, body, window: &self.window }))
    }

    fn rest(&self, position: u32) -> &[u8] {
        let start = position.checked_sub(self.window_start);
        start.and_then(|start| self.window.get(at(start)..self.filled)).unwrap_or_default()
    }

    /// Makes sure that the window holds `bytes` from `position` on, as far as the file has them.
    #[inline]
    fn cover(&mut self, position: u32, bytes: u32, ahead: impl Fn() -> u32) -> io::Result<()> {
        if self.rest(position).len() >= at(bytes) {
            return Ok(());
        }
        let wanted = ahead().saturating_sub(position).min(READ_BYTES).max(bytes);
        self.read_window(position, at(wanted))
    }

    /// Reads the window that begins at `position`.
    #[cold]
    fn read_window(&mut self, position: u32, bytes: usize) -> io::Result<()> {
        let is_first = self.filled == 0;
        self.leave_window();
        let mut window = self.windows.map_or_else(BytesMut::new, |kept| kept.take(bytes));
        // One that was longer stays so: what is cut off would be zeroed again.
        window.resize(window.len().max(bytes), 0);
        let wanted = window.get_mut(..bytes).unwrap_or_default();
        self.filled = if is_first {
            self.file.read_at(wanted, position.into())?
        } else {
            let until = position.saturating_add(READ_BYTES).min(self.last);
            self.file.read_one_of_many(wanted, position.into(), until.into())?
        };
        self.window = window.freeze();
        self.window_start = position;
        Ok(())
    }

    fn leave_window(&mut self) {
        self.filled = 0;
        if let Some(windows) = self.windows {
            windows.keep(std::mem::take(&mut self.window));
        }
    }
}

impl Drop for FrameReader<'_> {
    fn drop(&mut self) {
        self.leave_window();
    }
}
