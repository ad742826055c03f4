//! What a shard's readers are fed from: one log, in one form.

use std::sync::Arc;
use std::task::Waker;

use futures_util::future::BoxFuture;
use stream_log::SharedReaders;
use stream_protocol::CloseCode;
use stream_protocol::session::Gap;

use super::frames::Frames;
use super::ring::Ring;

/// One log, as all its readers outside the library see it.
pub(crate) trait Source: Send + Sync + 'static {
    /// Tells the log from every other that is read now.
    fn id(&self) -> usize;

    /// Follows the log from `from` on, for all readers of one shard.
    fn follow(&self, from: u64) -> Box<dyn Follower>;

    /// Reads the log for readers that the ring has nothing for: from the record `from` on, and no
    /// further than `until`.
    fn page(self: Arc<Self>, from: u64, until: Option<u64>) -> BoxFuture<'static, Page>;

    /// The record that will come next, and whether one will.
    fn tail(&self) -> Tail;

    /// What a reader that stands at `next` is told when its connection is ended.
    fn farewell(&self, next: u64, code: CloseCode) -> Vec<u8>;

    /// What readers are sent after a silence; nothing if the form has no words for it.
    fn heartbeat(&self) -> Vec<u8>;

    /// The same frames for a reader whose cursor (Durable Streams, 10.1) is not everybody's.
    fn with_cursor(&self, frames: &Frames, cursor: u64) -> Frames;
}

/// How a log stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tail {
    /// The record that comes next.
    pub(crate) next: u64,
    /// Whether none will.
    pub(crate) is_final: bool,
}

/// Moves what is new from a log to a ring.
pub(crate) trait Follower: Send {
    /// Where the ring begins.
    fn position(&self) -> u64;

    /// Moves what is there, as much as one turn takes.
    fn gather(&mut self, ring: &mut Ring) -> Gathered;

    /// Has `waker` called when there is more; `false` if there is more already.
    fn arm(&mut self, waker: &Waker) -> bool;

    /// Counts the readers that it follows the log for.
    fn readers(&mut self) -> &mut SharedReaders;

    /// Notes the record that the slowest of them is to get next.
    fn note_slowest(&mut self, next: u64);
}

/// What a turn has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gathered {
    /// There may be more.
    More,
    /// Nothing more is there yet.
    All,
    /// Nothing more will come.
    Ended,
}

/// A piece of history.
#[derive(Debug)]
pub(crate) struct Page {
    /// The frames; where nothing could be read, without bytes.
    pub(crate) frames: Frames,
    /// Gaps among them.
    pub(crate) gaps: Vec<Gap>,
    /// Whether the connection ends after them.
    pub(crate) ends: bool,
}
