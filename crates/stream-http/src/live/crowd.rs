//! The readers of one log in one shard.

use std::collections::HashMap;
use std::sync::Arc;
use std::task::Waker;

use super::inbox::{Asked, Bell, Crowd, Inbox};
use super::reader::Reader;
use super::ring::{Found, Ring};
use super::source::{Follower, Gathered, Source};
use crate::limits::{LIVE_READER_BYTES, LIVE_RING_BYTES};
use crate::metrics::Kind;

/// A log, the frames that its readers are due, and who they are.
pub(super) struct Readers {
    pub(super) crowd: Crowd,
    pub(super) kind: Kind,
    pub(super) source: Arc<dyn Source>,
    follower: Box<dyn Follower>,
    pub(super) ring: Ring,
    /// The keys of the readers.
    pub(super) keys: Vec<u32>,
    /// Who waits for which page.
    asking: HashMap<(u64, Option<u64>), Vec<u32>>,
    bell: Waker,
    /// Whether nothing new will come.
    pub(super) ended: bool,
    /// Whether it stands in the list of those that have something new.
    pub(super) is_due: bool,
    /// Once the server goes down: the record before which everything must still be delivered.
    pub(super) drain_to: Option<u64>,
}

impl Readers {
    pub(super) fn new(
        crowd: Crowd,
        kind: Kind,
        source: Arc<dyn Source>,
        from: u64,
        inbox: &Arc<Inbox>,
    ) -> Self {
        let follower = source.follow(from);
        let ring = Ring::new(follower.position());
        let bell = Waker::from(Arc::new(Bell { inbox: Arc::clone(inbox), crowd }));
        Self {
            crowd,
            kind,
            source,
            follower,
            ring,
            keys: Vec::new(),
            asking: HashMap::new(),
            bell,
            ended: false,
            is_due: false,
            drain_to: None,
        }
    }

    /// Adds a reader; says where it stands in the list.
    pub(super) fn join(&mut self, key: u32) -> u32 {
        self.keys.push(key);
        self.follower.readers().join();
        u32::try_from(self.keys.len().saturating_sub(1)).unwrap_or_default()
    }

    /// Takes out the reader at `index`; the reader of the returned key stands there now.
    pub(super) fn leave(&mut self, index: u32) -> Option<u32> {
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        if index < self.keys.len() {
            self.keys.swap_remove(index);
            self.follower.readers().leave();
        }
        self.keys.get(index).copied()
    }

    /// What the ring has for a reader; one whose connection ends gets nothing more.
    pub(super) fn found(&self, reader: &Reader) -> Found {
        if reader.closing { Found::UpToDate } else { self.ring.find(reader.place.next) }
    }

    /// Takes what the log holds now as all that must still be delivered; the end of a log that has
    /// one is told by the log itself.
    pub(super) fn begin_drain(&mut self) {
        let tail = self.source.tail();
        self.drain_to = (!tail.is_final).then_some(tail.next);
    }

    /// Moves what is new to the ring; says whether there may be more.
    pub(super) fn gather(&mut self) -> bool {
        let gathered = self.follower.gather(&mut self.ring);
        self.ended = gathered == Gathered::Ended;
        gathered == Gathered::More
    }

    /// Has the shard told when there is something new; `false` if there is already.
    pub(super) fn arm(&mut self) -> bool {
        self.ended || self.follower.arm(&self.bell)
    }

    /// Lets go of frames beyond what may be kept for those who are behind, the slowest of whom is
    /// to get the record `slowest` next.
    pub(super) fn trim(&mut self, slowest: Option<u64>) {
        let slowest = slowest.unwrap_or(u64::MAX);
        self.follower.note_slowest(slowest);
        if slowest >= self.ring.next() {
            self.ring.clear();
        } else {
            let bytes_max = self.keys.len().saturating_mul(LIVE_READER_BYTES);
            self.ring.shrink(bytes_max.min(LIVE_RING_BYTES));
        }
    }

    /// Takes note that a reader waits for a page; says which to ask for, if nobody did yet.
    pub(super) fn ask(&mut self, key: u32, from: u64, until: Option<u64>) -> Option<Asked> {
        let waiting = self.asking.entry((from, until)).or_default();
        waiting.push(key);
        (waiting.len() == 1).then_some(Asked { crowd: self.crowd, from, until })
    }

    /// Those who wait for a page.
    pub(super) fn answered(&mut self, asked: Asked) -> Vec<u32> {
        let keys = self.asking.remove(&(asked.from, asked.until)).unwrap_or_default();
        if self.asking.is_empty() {
            self.asking = HashMap::new();
        }
        keys
    }
}
