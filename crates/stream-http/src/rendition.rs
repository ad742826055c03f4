//! How what a reader is given becomes bytes on its connection.

use stream_model::Offset;
use stream_protocol::ResumeToken;
use stream_protocol::session::Notice;

use crate::chunk::Chunk;
use crate::frame::{Frame, notice_frame};
use crate::item::TopicItem;
use crate::message;

/// Writes the records of a log, and what the server itself says, in one reader's format.
pub(crate) trait Rendition: Send + 'static {
    /// A record as all readers of the log share it.
    type Item: Send + Sync + 'static;

    /// Writes the record at `offset`.
    fn record(&mut self, offset: Offset, item: &Self::Item, chunk: &mut Chunk);

    /// Writes what the server itself has to say to a reader that stands at `token`, as far as the
    /// format has words for it.
    fn notice(&mut self, notice: &Notice, token: ResumeToken, chunk: &mut Chunk);

    /// Whether nothing more can be written.
    fn is_over(&self) -> bool {
        false
    }

    /// Whether what was written is told to be whole, or not, by its own words; if not, the
    /// connection must be broken off, lest it look as if nothing were missing.
    fn tells_its_end(&self) -> bool {
        true
    }
}

/// A relay's events as they are; the server's words are frames too.
#[derive(Debug)]
pub(crate) struct RelayFrames;

impl Rendition for RelayFrames {
    type Item = Frame;

    fn record(&mut self, _: Offset, item: &Frame, chunk: &mut Chunk) {
        chunk.push(item);
    }

    fn notice(&mut self, notice: &Notice, token: ResumeToken, chunk: &mut Chunk) {
        chunk.push(&notice_frame(notice, &token));
    }
}

/// A topic's events as server-sent events.
#[derive(Debug)]
pub(crate) struct TopicFrames;

impl Rendition for TopicFrames {
    type Item = TopicItem;

    fn record(&mut self, _: Offset, item: &TopicItem, chunk: &mut Chunk) {
        chunk.push(item.frame());
    }

    fn notice(&mut self, notice: &Notice, token: ResumeToken, chunk: &mut Chunk) {
        chunk.push(&notice_frame(notice, &token));
    }
}

/// A topic's events as lines of JSON.
#[derive(Debug)]
pub(crate) struct TopicLines;

impl Rendition for TopicLines {
    type Item = TopicItem;

    fn record(&mut self, _: Offset, item: &TopicItem, chunk: &mut Chunk) {
        chunk.line(|out| message::put_event(out, item, None, &item.token()));
    }

    fn notice(&mut self, notice: &Notice, token: ResumeToken, chunk: &mut Chunk) {
        chunk.line(|out| message::put_notice(out, notice, None, Some(&token)));
    }
}
