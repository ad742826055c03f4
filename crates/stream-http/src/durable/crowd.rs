//! A durable stream's live readers, as a shard feeds them: those who take each append as it comes
//! share its event.

use std::sync::Arc;
use std::task::{Context, Waker};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use stream_core::{Cursor, Readiness, TryBatch};
use stream_log::{LiveLog, ReadLimit, Record, SharedReaders};
use stream_model::Offset;
use stream_model::now::now;
use stream_protocol::CloseCode;
use stream_protocol::durable::limits::PAGE_APPENDS;
use stream_protocol::durable::record::decode_append;
use stream_protocol::durable::{cursor, read, sse};
use tracing::warn;

use super::stream::Stream;
use crate::limits::{LIVE_EVENT_BYTES, LIVE_GATHER_BYTES, LIVE_PAGE_BYTES};
use crate::live::frames::{Frames, FramesBuilder};
use crate::live::ring::Ring;
use crate::live::source::{Follower, Gathered, Page, Source, Tail};

/// What an append holds; nothing if its record is damaged.
#[derive(Debug)]
pub(crate) struct Piece(Option<Bytes>);

impl Piece {
    pub(crate) fn new(record: &Record) -> Self {
        Self(decode_append(&record.payload).ok().map(|(_, piece)| piece))
    }
}

/// A stream; its appends are numbered as those before it count, also of its source.
pub(super) struct StreamSource {
    pub(super) stream: Arc<Stream>,
    pub(super) live: Arc<LiveLog<Piece>>,
}

/// The cursor of those who have none of their own.
pub(super) fn common_cursor() -> u64 {
    cursor::next(now(), None, 0)
}

impl Source for StreamSource {
    fn id(&self) -> usize {
        Arc::as_ptr(&self.live).addr()
    }

    fn follow(&self, from: u64) -> Box<dyn Follower> {
        let readers = self.live.share_cursor();
        // A fork's readers may stand before its own log, which is for pages to know.
        let from = self.stream.log_offset(from.max(self.stream.description.base()));
        let cursor = self.live.hub().cursor_at(from.get());
        let (stream, live) = (Arc::clone(&self.stream), Arc::clone(&self.live));
        Box::new(StreamFollower { stream, live, cursor, readers })
    }

    fn page(self: Arc<Self>, from: u64, until: Option<u64>) -> BoxFuture<'static, Page> {
        Box::pin(async move {
            let left = until.map(|until| usize::try_from(until.saturating_sub(from)));
            let left = left.and_then(Result::ok).unwrap_or(PAGE_APPENDS);
            let limit = ReadLimit { records_max: left, bytes_max: LIVE_PAGE_BYTES };
            let mut frames = FramesBuilder::new(from);
            let ends = match self.stream.page_of(from, limit).await {
                Ok(page) if !page.has_data() && page.pieces.is_empty() && !page.closed => {
                    self.live.state().is_final()
                }
                Ok(page) => {
                    let next = from.saturating_add(page.pieces.len() as u64);
                    let description = &self.stream.description;
                    frames.push(next, &sse::events(description, &page, common_cursor()));
                    page.closed
                }
                Err(refusal) => {
                    warn!(path = %self.stream.path, ?refusal, "live reader ended");
                    true
                }
            };
            Page { frames: frames.finish(), gaps: Vec::new(), ends }
        })
    }

    fn tail(&self) -> Tail {
        let state = self.live.state();
        Tail { next: self.stream.number(state.next), is_final: state.is_final() }
    }

    fn farewell(&self, _: u64, _: CloseCode) -> Vec<u8> {
        Vec::new()
    }

    fn heartbeat(&self) -> Vec<u8> {
        Vec::new()
    }

    fn with_cursor(&self, frames: &Frames, cursor: u64) -> Frames {
        let (mut bytes, mut begin) = (frames.bytes().to_vec(), 0);
        for end in frames.ends() {
            if let Some(events) = bytes.get_mut(begin..end) {
                sse::raise_cursor(events, cursor);
            }
            begin = end;
        }
        frames.with_bytes(bytes.into())
    }
}

struct StreamFollower {
    stream: Arc<Stream>,
    live: Arc<LiveLog<Piece>>,
    cursor: Cursor<Piece>,
    readers: SharedReaders,
}

/// What comes next in the hub.
enum Run {
    Pieces(Vec<Bytes>),
    /// What is missing is for those who read the log.
    Skipped,
    Over(Gathered),
}

impl StreamFollower {
    fn number(&self) -> u64 {
        self.stream.number(Offset::new(self.cursor.position()))
    }

    /// Takes appends for one event.
    fn run(&mut self) -> Run {
        let (mut pieces, mut bytes) = (Vec::new(), 0);
        while bytes < LIVE_EVENT_BYTES {
            // Looked at before it is taken: what lags moves on when it is.
            match self.cursor.readiness() {
                Some(Readiness::Item) => {}
                _ if !pieces.is_empty() => break,
                None => return Run::Over(Gathered::All),
                Some(Readiness::Closed) => return Run::Over(Gathered::Ended),
                Some(Readiness::Lagged { missed }) => {
                    self.cursor.seek(self.cursor.position().saturating_add(missed));
                    return Run::Skipped;
                }
            }
            let TryBatch::Items(mut batch) = self.cursor.try_next_batch() else { continue };
            while bytes < LIVE_EVENT_BYTES
                && let Some(Piece(piece)) = batch.next()
            {
                // Whoever reads the log finds out what is wrong with it.
                let Some(piece) = piece else { return Run::Skipped };
                bytes = bytes.saturating_add(piece.len());
                pieces.push(piece.clone());
            }
        }
        Run::Pieces(pieces)
    }

    /// The events that carry `pieces`, which end before `next`.
    fn events(&self, (first, next): (u64, u64), pieces: Vec<Bytes>) -> Vec<u8> {
        let page = read::Page {
            start: self.stream.offset(first),
            next: self.stream.offset(next),
            pieces,
            up_to_date: next == self.stream.number(self.live.state().next),
            closed: false,
        };
        sse::events(&self.stream.description, &page, common_cursor())
    }
}

impl Follower for StreamFollower {
    fn position(&self) -> u64 {
        self.number()
    }

    fn gather(&mut self, ring: &mut Ring) -> Gathered {
        let mut frames = FramesBuilder::new(self.number());
        let gathered = loop {
            if frames.len() >= LIVE_GATHER_BYTES {
                break Gathered::More;
            }
            match self.run() {
                Run::Pieces(pieces) => {
                    let (first, next) = (frames.next(), self.number());
                    frames.push(next, &self.events((first, next), pieces));
                }
                Run::Over(gathered) => break gathered,
                Run::Skipped => {
                    ring.skip_to(self.number());
                    frames = FramesBuilder::new(self.number());
                }
            }
        };
        ring.push(frames.finish());
        gathered
    }

    fn arm(&mut self, waker: &Waker) -> bool {
        self.cursor.poll_ready(&mut Context::from_waker(waker)).is_pending()
    }

    fn readers(&mut self) -> &mut SharedReaders {
        &mut self.readers
    }

    fn note_slowest(&mut self, next: u64) {
        // The stream's own log begins where what a fork has from its source ends.
        let behind = self.number().saturating_sub(next);
        self.readers.note_slowest(self.cursor.position().saturating_sub(behind));
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::{CONTENT_TYPE, HeaderValue};
    use stream_core::Capacity;
    use stream_log::MemoryStore;
    use stream_protocol::durable::StreamPath;
    use stream_protocol::durable::append::Append;
    use stream_protocol::durable::create::Create;

    use super::*;
    use crate::durable::Streams;
    use crate::live::ring::Found;

    #[tokio::test]
    async fn what_has_left_the_hub_is_left_to_those_who_read_the_log() {
        let headers: HeaderMap =
            [(CONTENT_TYPE, HeaderValue::from_static("text/plain"))].into_iter().collect();
        let streams = Streams::new(Arc::new(MemoryStore::new()), false);
        let create = Create::parse(&headers, Bytes::new(), "/").unwrap();
        let path = StreamPath::new("a").unwrap();
        let (stream, _) = streams.create(&path, create).await.unwrap();
        let tail = stream.log.tail().await.unwrap();
        let render = Arc::new(|_, record| Piece::new(&record));
        let capacity = Capacity::items(4);
        let live = Arc::new(LiveLog::start(Arc::clone(&stream.log), tail, capacity, render));
        let source = StreamSource { stream: Arc::clone(&stream), live: Arc::clone(&live) };
        let mut follower = source.follow(0);
        let mut ring = Ring::new(follower.position());
        let append = async |count: u64| {
            for _ in 0..count {
                let append = Append::parse(&headers, Bytes::from_static(b"x")).unwrap();
                stream.append(&append).await.unwrap();
            }
            let next = stream.log.tail().await.unwrap().state.next;
            while live.hub().next() < next.get() {
                tokio::task::yield_now().await;
            }
        };
        append(2).await;
        assert_eq!(follower.gather(&mut ring), Gathered::All);
        assert!(matches!(ring.find(0), Found::Due(_)));
        // The follower still holds the block that it reads from, whose rest comes before the gap.
        append(1000).await;
        assert_eq!(follower.gather(&mut ring), Gathered::All);
        assert_eq!(ring.next(), 1002);
        assert!(matches!(ring.find(2), Found::Behind(None)), "{ring:?}");
        assert!(matches!(ring.find(1002), Found::UpToDate));
        let page = Arc::new(source).page(2, None).await;
        assert_eq!(page.frames.ends().count(), 1);
    }
}
