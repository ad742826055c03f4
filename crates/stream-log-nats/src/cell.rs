//! One log as this server holds it: what is known of it, and who waits for it.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use stream_log::{
    Durability, LogName, Producers, ReadBatch, ReadError, ReadFrom, ReadLimit, Record, Tail,
    TailSender, TailState, tail_channel,
};
use stream_model::Offset;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::group::{Answer, Ask, Ground, Plan, plan};
use crate::head::{Head, Stub};
use crate::limits::{BOOKMARKS_MAX, FRESH_FOR, PURGE_LAG, WAITING_PER_LOG};
use crate::message::{Link, Message};
use crate::search::{Bookmarks, Search};
use crate::subject::Place;
use crate::view::{Step, View};

/// One life of a log.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) name: LogName,
    pub(crate) place: Place,
    /// The history of its stream; with a later one, this life is over.
    pub(crate) history: u64,
    inner: Mutex<Inner>,
    tail: TailSender,
    /// Held by the one who asks the cluster how the log stands.
    pub(crate) asking: tokio::sync::Mutex<()>,
    /// Held by the one who begins to follow the log.
    pub(crate) joining: tokio::sync::Mutex<()>,
    room: Arc<Semaphore>,
}

/// Somebody who waits for an answer.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) ask: Ask,
    pub(crate) answer: oneshot::Sender<Answer>,
    pub(crate) _room: OwnedSemaphorePermit,
}

/// What changes, under a lock that is never held for longer than one batch takes.
#[derive(Debug)]
struct Inner {
    view: View,
    waiting: VecDeque<Waiting>,
    writing: bool,
    /// Whether messages of the log were lost.
    lost: bool,
    /// When a request that told how the log stands was sent.
    heard: Instant,
    /// Whether a message came since the last audit.
    stirred: bool,
    follower: Option<Follower>,
    bookmarks: Bookmarks,
    /// Messages before this number are to be given back, and since when.
    garbage: Option<(u64, Instant)>,
    /// Messages before this number were given back, or somebody else sees to it.
    purged: u64,
}

/// The task that feeds a cell; ends with it.
#[derive(Debug)]
struct Follower(JoinHandle<()>);

impl Drop for Follower {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Cell {
    /// The log as its newest message says, which was asked for at `heard` in a history.
    pub(crate) fn new(
        (name, place): (LogName, Place),
        (at, message): (u64, &Message),
        (heard, history): (Instant, u64),
    ) -> Self {
        let view = View::new(at, message);
        let tail = tail_channel(view.head.state).0;
        let purged = view.head.needed_from(at);
        let inner = Inner {
            view,
            waiting: VecDeque::new(),
            writing: false,
            lost: false,
            heard,
            stirred: false,
            follower: None,
            bookmarks: Bookmarks::default(),
            garbage: None,
            purged,
        };
        Self {
            name,
            place,
            history,
            inner: Mutex::new(inner),
            tail,
            asking: tokio::sync::Mutex::default(),
            joining: tokio::sync::Mutex::default(),
            room: Arc::new(Semaphore::new(WAITING_PER_LOG)),
        }
    }

    pub(crate) fn head(&self) -> Head {
        self.inner.lock().view.head
    }

    pub(crate) fn state(&self) -> TailState {
        self.inner.lock().view.head.state
    }

    /// The newest message that is known.
    pub(crate) fn last(&self) -> Link {
        self.inner.lock().view.last
    }

    pub(crate) fn tail(&self) -> Tail {
        self.tail.tail()
    }

    /// A place among those who may wait.
    pub(crate) fn room(&self) -> Arc<Semaphore> {
        Arc::clone(&self.room)
    }

    /// Takes the next message, if it is that; the bytes by which the kept records grew or shrank
    /// are `grown`.
    pub(crate) fn take(&self, at: u64, message: &Message, share: usize, grown: &mut i64) -> Step {
        let mut inner = self.inner.lock();
        let before = inner.view.recent_bytes();
        let share = if inner.follower.is_some() { share } else { 0 };
        let step = inner.view.take(at, message, share);
        inner.stirred |= step == Step::Taken;
        if step == Step::Taken {
            inner.note_garbage();
        }
        *grown = difference(before, inner.view.recent_bytes());
        self.tail.send(inner.view.head.state);
        step
    }

    /// Goes on from a message, whatever came before it.
    pub(crate) fn jump(&self, at: u64, message: &Message, grown: &mut i64) -> Step {
        let mut inner = self.inner.lock();
        let before = inner.view.recent_bytes();
        let step = inner.view.jump(at, message);
        *grown = difference(before, inner.view.recent_bytes());
        self.tail.send(inner.view.head.state);
        step
    }

    /// This life of the log is over, and some of its messages are lost.
    pub(crate) fn end_lost(&self, grown: &mut i64) {
        self.inner.lock().lost = true;
        self.end(grown);
    }

    /// Whether it ended so.
    pub(crate) fn is_lost(&self) -> bool {
        self.inner.lock().lost
    }

    /// This life of the log is over.
    pub(crate) fn end(&self, grown: &mut i64) {
        let mut inner = self.inner.lock();
        *grown = difference(inner.view.recent_bytes(), 0);
        inner.view.end();
        self.tail.send(inner.view.head.state);
    }

    /// Whether the cluster told how the log stands in answer to a request sent at `since` or later.
    pub(crate) fn was_heard_since(&self, since: Instant) -> bool {
        self.inner.lock().heard >= since
    }

    pub(crate) fn heard(&self, at: Instant) {
        let mut inner = self.inner.lock();
        inner.heard = inner.heard.max(at);
    }

    /// Whether what is known needs no request: the log is followed, or was heard of just now.
    pub(crate) fn is_fresh(&self, now: Instant) -> bool {
        let inner = self.inner.lock();
        inner.follower.is_some() || now.saturating_duration_since(inner.heard) < FRESH_FOR
    }

    pub(crate) fn is_followed(&self) -> bool {
        self.inner.lock().follower.is_some()
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.tail.is_watched()
    }

    pub(crate) fn follow_with(&self, task: JoinHandle<()>) {
        self.inner.lock().follower = Some(Follower(task));
    }

    /// Follows the log no more; says how many bytes that frees.
    pub(crate) fn unfollow(&self) -> usize {
        let mut inner = self.inner.lock();
        inner.follower = None;
        let bytes = inner.view.recent_bytes();
        inner.view.forget_recent();
        bytes
    }

    /// Whether a message came since this was asked last.
    pub(crate) fn has_stirred(&self) -> bool {
        std::mem::take(&mut self.inner.lock().stirred)
    }

    /// Lets somebody wait; says whether a writer must be started.
    pub(crate) fn wait(&self, waiting: Waiting) -> bool {
        let mut inner = self.inner.lock();
        inner.waiting.push_back(waiting);
        !std::mem::replace(&mut inner.writing, true)
    }

    /// Those who wait and fit into one message of `bytes_max`; `None` if nobody does, and then
    /// the writer must end.
    pub(crate) fn next_group(&self, bytes_max: usize) -> Option<VecDeque<Waiting>> {
        let mut inner = self.inner.lock();
        let mut group = VecDeque::new();
        let mut bytes = 0_usize;
        while let Some(next) = inner.waiting.pop_front() {
            // Nobody hears the answer: what was given up need not happen.
            if next.answer.is_closed() {
                continue;
            }
            bytes = bytes.saturating_add(next.ask.bytes_max());
            // Who trims needs to know of another record than retention: one of them at a time.
            let alone = matches!(next.ask, Ask::Trim(_));
            if (bytes > bytes_max || alone) && !group.is_empty() {
                inner.waiting.push_front(next);
                break;
            }
            group.push_back(next);
            if alone {
                break;
            }
        }
        inner.writing = !group.is_empty();
        inner.writing.then_some(group)
    }

    /// Plans the next message for a group; `walked` is where retention goes on if the newest message
    /// is still that one.
    pub(crate) fn plan(
        &self,
        group: &VecDeque<Waiting>,
        walked: (Link, Offset),
        durability: Durability,
        checkpoint_bytes: usize,
    ) -> Plan {
        let inner = self.inner.lock();
        let View { head, last, stubs, .. } = &inner.view;
        let producers = inner.view.producers();
        let walked = if walked.0 == *last { walked.1 } else { Offset::ZERO };
        let last = *last;
        let ground = Ground { head, last, producers, stubs, walked, durability, checkpoint_bytes };
        plan(ground, group.iter().map(|waiting| &waiting.ask), fastrand::u64(..))
    }

    /// Where producers can be read from, up to the newest message; `None` if they are known.
    pub(crate) fn unknown_producers(&self) -> Option<(u64, Link)> {
        let inner = self.inner.lock();
        let View { head, last, .. } = &inner.view;
        (!inner.view.knows_producers()).then_some((head.producers_at?, *last))
    }

    pub(crate) fn learn_producers(&self, producers: Producers, last: Link) {
        self.inner.lock().view.learn_producers(producers, last);
    }

    pub(crate) fn learn_stubs(&self, stubs: VecDeque<Stub>) {
        self.inner.lock().view.stubs = stubs;
    }

    /// Where a read starts.
    pub(crate) fn resolve(&self, from: ReadFrom) -> Result<Offset, ReadError> {
        self.state().resolve(from)
    }

    /// A read that needs no cluster: of the newest records, or of none at the tail.
    pub(crate) fn recent(&self, from: Offset, limit: ReadLimit) -> Option<ReadBatch> {
        let inner = self.inner.lock();
        let state = inner.view.head.state;
        if from == state.next {
            return Some(batch(state, from, Vec::new()));
        }
        Some(batch(state, from, inner.view.recent(from, limit)?))
    }

    /// The message that holds a record or comes before it, if a read left off there or the log
    /// begins there.
    pub(crate) fn bookmark(&self, offset: Offset) -> Option<u64> {
        let inner = self.inner.lock();
        let oldest = inner.view.head.oldest.filter(|oldest| oldest.offset == offset);
        let stub = oldest.map(|oldest| oldest.at);
        stub.or_else(|| inner.bookmarks.get(offset))
    }

    pub(crate) fn put_bookmark(&self, offset: Offset, at: u64) {
        self.inner.lock().bookmarks.put(offset, at, BOOKMARKS_MAX);
    }

    /// The search for a record of the log; `None` if it has none.
    pub(crate) fn search(&self, offset: Offset) -> Option<Search> {
        let inner = self.inner.lock();
        let View { head, last, .. } = &inner.view;
        let oldest = head.oldest?;
        Some(Search::new(offset, (oldest.at, oldest.offset), (last.at, head.state.next)))
    }

    /// The number before which messages have been garbage for long enough.
    pub(crate) fn take_garbage(&self, now: Instant) -> Option<u64> {
        let mut inner = self.inner.lock();
        let (before, _) =
            inner.garbage.filter(|(_, since)| now.duration_since(*since) >= PURGE_LAG)?;
        inner.garbage = None;
        inner.purged = before;
        Some(before)
    }
}

impl Inner {
    fn note_garbage(&mut self) {
        let needed = self.view.head.needed_from(self.view.last.at);
        if self.garbage.is_none() && needed > self.purged {
            self.garbage = Some((needed, Instant::now()));
        }
    }
}

/// What a read gives.
pub(crate) fn batch(state: TailState, from: Offset, records: Vec<Record>) -> ReadBatch {
    let next = records.last().map_or(from, |record| record.offset.next());
    ReadBatch { epoch: state.epoch, next, tail: state.next, closed: state.closed, records }
}

fn difference(before: usize, after: usize) -> i64 {
    let signed = |bytes: usize| i64::try_from(bytes).unwrap_or(i64::MAX);
    signed(after) - signed(before)
}
