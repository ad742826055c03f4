//! How what a reader is given becomes bytes on its connection.

use stream_model::Offset;
use stream_protocol::session::Notice;

use crate::chunk::Chunk;
use crate::frame::{Frame, notice_frame};

/// Writes the records of a log, and what the server itself says, in one reader's format.
pub(crate) trait Rendition: Send + 'static {
    /// A record as all readers of the log share it.
    type Item: Send + Sync + 'static;

    /// Writes the record at `offset`.
    fn record(&mut self, offset: Offset, item: &Self::Item, chunk: &mut Chunk);

    /// Writes what the server itself has to say, as far as the format has words for it.
    fn notice(&mut self, notice: &Notice, chunk: &mut Chunk);

    /// Whether nothing more can be written.
    fn is_over(&self) -> bool;

    /// Whether what was written is told to be whole, or not, by its own words; if not, the
    /// connection must be broken off, lest it look as if nothing were missing.
    fn tells_its_end(&self) -> bool;
}

/// Frames as they are; the server's words are frames too.
#[derive(Debug)]
pub(crate) struct AsFrames;

impl Rendition for AsFrames {
    type Item = Frame;

    fn record(&mut self, _: Offset, item: &Frame, chunk: &mut Chunk) {
        chunk.push(item);
    }

    fn notice(&mut self, notice: &Notice, chunk: &mut Chunk) {
        chunk.push(&notice_frame(notice));
    }

    fn is_over(&self) -> bool {
        false
    }

    fn tells_its_end(&self) -> bool {
        true
    }
}
