//! A topic's readers, as a shard feeds them.

use std::sync::Arc;
use std::task::{Context, Waker};

use futures_util::future::BoxFuture;
use stream_core::{Cursor, Readiness, TryBatch};
use stream_log::{LiveLog, LogReader, Next, ReadFrom, ReadLimit, SharedReaders};
use stream_model::{Offset, StreamPosition};
use stream_protocol::session::Notice;
use stream_protocol::{CloseCode, ResumeToken};
use tracing::warn;

use super::frames::{Frames, FramesBuilder};
use super::ring::Ring;
use super::source::{Follower, Gathered, Page, Source, Tail};
use crate::feed::session_gap;
use crate::frame::notice_frame;
use crate::item::TopicItem;
use crate::limits::{LIVE_GATHER_BYTES, LIVE_PAGE_BYTES};

/// A topic's log; records are numbered as it numbers them.
pub(crate) struct TopicSource(pub(crate) Arc<LiveLog<TopicItem>>);

impl TopicSource {
    fn token(&self, next: u64) -> ResumeToken {
        ResumeToken::at(StreamPosition { epoch: self.0.epoch(), offset: Offset::new(next) })
    }

    /// Reads up to a page of the log.
    async fn read(&self, from: u64, until: Option<u64>) -> Page {
        let limit = ReadLimit { bytes_max: LIVE_PAGE_BYTES, ..ReadLimit::default() };
        let (mut frames, mut gaps) = (FramesBuilder::new(from), Vec::new());
        let end = match LogReader::open(Arc::clone(&self.0), ReadFrom::Offset(Offset::new(from))) {
            Ok(reader) => self.fill(reader.limit(limit), until, &mut frames, &mut gaps).await,
            Err(error) => {
                warn!(%error, "reader ended: its log cannot be read");
                Some(CloseCode::Unavailable)
            }
        };
        if let Some(code) = end {
            frames.push(frames.next(), &self.farewell(frames.next(), code));
        }
        Page { frames: frames.finish(), gaps, ends: end.is_some() }
    }

    /// Adds what the reader finds until there is a page of it; says whether the log has ended.
    async fn fill(
        &self,
        mut reader: LogReader<TopicItem>,
        until: Option<u64>,
        frames: &mut FramesBuilder,
        gaps: &mut Vec<stream_protocol::session::Gap>,
    ) -> Option<CloseCode> {
        while frames.len() < LIVE_PAGE_BYTES && until.is_none_or(|until| frames.next() < until) {
            let Tail { next, is_final } = self.tail();
            // Never waits for what is to come.
            if frames.next() >= next && !is_final && !self.0.hub().is_closed() {
                return None;
            }
            match reader.next().await {
                Ok(Next::Record(offset, item)) => frames.push(offset.next().get(), item.frame()),
                Ok(Next::Gap(gap)) => {
                    let (gap, position) = (session_gap(gap), reader.position());
                    let frame = notice_frame(&Notice::Gap((), gap), &ResumeToken::at(position));
                    frames.push(position.offset.get(), &frame);
                    gaps.push(gap);
                }
                Ok(Next::End(state)) if state.deleted => return Some(CloseCode::Deleted),
                Ok(Next::End(_)) => return Some(CloseCode::Ended),
                Ok(Next::TooSlow) => return Some(CloseCode::TooSlow),
                Err(error) => {
                    warn!(%error, "reader ended: its log cannot be read");
                    return Some(CloseCode::Unavailable);
                }
            }
        }
        None
    }
}

impl Source for TopicSource {
    fn id(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    fn follow(&self, from: u64) -> Box<dyn Follower> {
        let readers = self.0.share_cursor();
        Box::new(TopicFollower { cursor: self.0.hub().cursor_at(from), readers })
    }

    fn page(self: Arc<Self>, from: u64, until: Option<u64>) -> BoxFuture<'static, Page> {
        Box::pin(async move { self.read(from, until).await })
    }

    fn tail(&self) -> Tail {
        let state = self.0.state();
        Tail { next: state.next.get(), is_final: state.is_final() }
    }

    fn farewell(&self, next: u64, code: CloseCode) -> Vec<u8> {
        notice_frame(&Notice::<()>::Disconnect(code), &self.token(next)).to_vec()
    }

    fn heartbeat(&self) -> Vec<u8> {
        // A heartbeat carries no position, whatever this one is.
        notice_frame(&Notice::<()>::Heartbeat, &self.token(0)).to_vec()
    }

    fn with_cursor(&self, frames: &Frames, _: u64) -> Frames {
        frames.clone()
    }
}

struct TopicFollower {
    cursor: Cursor<TopicItem>,
    readers: SharedReaders,
}

impl Follower for TopicFollower {
    fn position(&self) -> u64 {
        self.cursor.position()
    }

    fn gather(&mut self, ring: &mut Ring) -> Gathered {
        let mut frames = FramesBuilder::new(self.cursor.position());
        let gathered = loop {
            if frames.len() >= LIVE_GATHER_BYTES {
                break Gathered::More;
            }
            match self.cursor.readiness() {
                Some(Readiness::Item) => {}
                None => break Gathered::All,
                Some(Readiness::Closed) => break Gathered::Ended,
                // Those who were to get what is missing read the log.
                Some(Readiness::Lagged { missed }) => {
                    let next = self.cursor.position().saturating_add(missed);
                    self.cursor.seek(next);
                    ring.skip_to(next);
                    frames = FramesBuilder::new(next);
                    continue;
                }
            }
            let TryBatch::Items(mut batch) = self.cursor.try_next_batch() else { continue };
            while frames.len() < LIVE_GATHER_BYTES
                && let Some(item) = batch.next()
            {
                frames.push(batch.position(), item.frame());
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
        self.readers.note_slowest(next);
    }
}
