//! The bytes of a segment that is written anew with some of its batches.
//!
//! It differs from others in two things: its header says so, and its first frame says where it
//! ends, as the catalog may still say where its predecessor did.
//! Nothing is ever added to it.

use std::io;

use crate::frame::{Back, Draft, Kind, Place, put_frame};
use crate::segment::{HEADER_BYTES, Header};
use stream_log::codec::Reader;

/// Puts frames one after the other.
#[derive(Debug)]
pub(crate) struct CompactWriter {
    header: Header,
    /// Where the segment before ended.
    previous_end: u32,
    back: Back,
    /// Frames that are not written, and where they begin.
    buffer: Vec<u8>,
    start: u32,
}

impl CompactWriter {
    /// A segment of no batches yet.
    pub(crate) fn new(header: Header, previous_end: u32) -> Self {
        let mut writer = Self {
            header,
            previous_end,
            back: Back::default(),
            buffer: Vec::new(),
            start: HEADER_BYTES,
        };
        // In the place of the frame that says where everything ends.
        writer.buffer = writer.front(0);
        writer
    }

    /// The first frame.
    fn front(&mut self, end: u32) -> Vec<u8> {
        let mut out = Vec::new();
        let place = Place { secret: self.header.secret, position: HEADER_BYTES };
        let draft = Draft { kind: Kind::Begin, log: 0, first: 0, records: 0 };
        let body = [self.previous_end.to_le_bytes(), end.to_le_bytes()].concat();
        let said = (draft, HEADER_BYTES, Back::default());
        self.back = put_frame(&mut out, place, said, &body, std::iter::empty()).as_back();
        out
    }

    /// Adds a batch; returns where it begins.
    pub(crate) fn put(&mut self, draft: Draft, body: &[u8]) -> u32 {
        let position = self.position();
        let place = Place { secret: self.header.secret, position };
        let said = (draft, position, self.back);
        let head = put_frame(&mut self.buffer, place, said, body, std::iter::empty());
        self.back = head.as_back();
        position
    }

    /// Where the next frame begins.
    fn position(&self) -> u32 {
        self.start.saturating_add(self.pending())
    }

    /// Bytes of frames that are not written.
    pub(crate) fn pending(&self) -> u32 {
        u32::try_from(self.buffer.len()).unwrap_or(u32::MAX)
    }

    /// Has `write` write the frames that are not written.
    pub(crate) fn flush(&mut self, write: impl Fn(&[u8], u64) -> io::Result<()>) -> io::Result<()> {
        write(&self.buffer, self.start.into())?;
        self.start = self.position();
        self.buffer.clear();
        Ok(())
    }

    /// Has `write` write what is left, and the front; returns where the segment ends.
    pub(crate) fn finish(
        mut self,
        write: impl Fn(&[u8], u64) -> io::Result<()>,
    ) -> io::Result<u32> {
        self.flush(&write)?;
        let end = self.start;
        let mut front = self.header.to_bytes();
        front.append(&mut self.front(end));
        write(&front, 0)?;
        Ok(end)
    }
}

/// Where a segment ends, as the body of its first frame says; `None` if it was never compacted.
pub(crate) fn own_end(begin: &[u8]) -> Option<u32> {
    let mut reader = Reader(begin);
    reader.u32()?;
    reader.u32()
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::frame::at;
    use crate::scan::{Found, Scanner};
    use stream_log::codec::widen;

    #[test]
    fn what_was_put_is_scanned_and_the_front_says_where_it_ends() {
        let header = Header::compacted(7, 99);
        for flush_at in [0, 50, u32::MAX] {
            let file = RefCell::new(Vec::new());
            let write = |bytes: &[u8], position: u64| {
                let position = usize::try_from(position).unwrap();
                let mut file = file.borrow_mut();
                let length = file.len().max(position + bytes.len());
                file.resize(length, 0);
                file[position..position + bytes.len()].copy_from_slice(bytes);
                Ok(())
            };
            let mut writer = CompactWriter::new(header, 1234);
            let mut put = Vec::new();
            for log in 0..5 {
                let draft = Draft { kind: Kind::Batch, log, first: 3, records: 2 };
                put.push((log, writer.put(draft, b"body")));
                if writer.pending() > flush_at {
                    writer.flush(write).unwrap();
                }
            }
            let end = writer.finish(write).unwrap();
            let bytes = file.into_inner();
            assert_eq!(bytes.len(), at(end));
            assert_eq!(Header::read(&bytes), crate::segment::HeaderFound::Whole(header));
            let mut scanner = Scanner::new(&bytes, header.secret, HEADER_BYTES, end);
            let Some(Found::Frame { body, .. }) = scanner.next() else { panic!("no front") };
            assert_eq!((Reader(body).u32(), own_end(body)), (Some(1234), Some(end)));
            for (log, want) in put {
                let Some(Found::Frame { position, head, body }) = scanner.next() else {
                    panic!("no frame of {log}")
                };
                assert_eq!((head.log, position, body), (log, want, &b"body"[..]));
            }
            assert_eq!(scanner.next(), None);
            assert_eq!(widen(bytes.len()), u64::from(scanner.position()));
        }
    }
}
