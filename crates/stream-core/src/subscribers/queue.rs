//! A queue that is no more than a place in the hub's ring.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use stream_model::{Lagged, SubscriptionHandle};

use super::Release;
use crate::subscribe::{Overflow, Queue};
use crate::{Carrier, Cursor, Hub, TryNext};

/// The end of a subscription that goes on.
const OPEN: u64 = u64::MAX;

/// Reads a hub's events as they come, and skips those that the subscription does not select.
pub(super) struct HubQueue<C> {
    cursor: Cursor<C>,
    handle: SubscriptionHandle,
    events: u64,
    overflow: Overflow,
    /// The first event that is not read any more.
    end: Arc<AtomicU64>,
    done: bool,
}

/// Joins a queue to `hub`; the second ends it where the hub then is.
pub(super) fn open<C: Carrier>(
    hub: &Hub<C>,
    from: u64,
    queue: Queue,
    handle: &SubscriptionHandle,
) -> (HubQueue<C>, Release) {
    let cursor = if queue.overflow == Overflow::Wait {
        hub.paced_cursor_at(from, queue.events)
    } else {
        hub.keep(queue.events);
        hub.cursor_at(from)
    };
    let end = Arc::new(AtomicU64::new(OPEN));
    let (remote, ended) = (cursor.remote(), Arc::clone(&end));
    let release = move || {
        ended.store(remote.next().unwrap_or(0), Ordering::SeqCst);
        remote.release();
        remote.wake();
    };
    let events = u64::try_from(queue.events).unwrap_or(u64::MAX);
    let (handle, overflow) = (handle.clone(), queue.overflow);
    let queue = HubQueue { cursor, handle, events, overflow, end, done: false };
    (queue, Box::new(release))
}

impl<C: Carrier> HubQueue<C> {
    /// Where reading ends.
    fn end(&self) -> u64 {
        self.end.load(Ordering::SeqCst)
    }

    /// Does what is to be done if too much waits.
    fn check_overflow(&mut self) -> Option<Lagged> {
        let position = self.cursor.position();
        let waiting = self.cursor.lag().min(self.end().saturating_sub(position));
        if self.overflow == Overflow::Wait || waiting <= self.events {
            return None;
        }
        if self.overflow == Overflow::Disconnect {
            self.done = true;
            self.handle.cancel();
            return Some(Lagged { missed: waiting });
        }
        let missed = waiting - self.events;
        self.cursor.seek(position + missed);
        Some(Lagged { missed })
    }

    pub(super) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<C, Lagged>>> {
        loop {
            if self.done || self.cursor.position() >= self.end() {
                return Poll::Ready(None);
            }
            if let Some(lagged) = self.check_overflow() {
                return Poll::Ready(Some(Err(lagged)));
            }
            if self.cursor.poll_ready(cx).is_pending() {
                // The end may have come between the look and the registration.
                if self.cursor.position() >= self.end() {
                    continue;
                }
                return Poll::Pending;
            }
            let (position, end) = (self.cursor.position(), self.end());
            match self.cursor.try_next() {
                TryNext::Item(carrier) if self.handle.accepts(carrier.borrow()) => {
                    return Poll::Ready(Some(Ok(carrier.clone())));
                }
                TryNext::Item(_) | TryNext::Empty => {}
                TryNext::Lagged { missed } => {
                    let missed = missed.min(end.saturating_sub(position));
                    return Poll::Ready(Some(Err(Lagged { missed })));
                }
                TryNext::Closed => {
                    self.done = true;
                    self.handle.cancel();
                }
            }
        }
    }
}
