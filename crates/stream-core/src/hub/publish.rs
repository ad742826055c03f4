//! How items come into a hub.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::ring::{Evicted, Ring};
use super::{Hub, Shared};
use crate::sync::{MutexGuard, Ordering};

/// Why an item was not published; it comes back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused<T> {
    /// A paced cursor or the handlers are as far behind as they may be.
    #[error("a reader is as far behind as it may be")]
    Full(T),
    /// The hub is closed.
    #[error("the hub is closed")]
    Closed(T),
}

/// The hub is closed; the item comes back.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the hub is closed")]
pub struct SendError<T>(pub T);

/// Whom something new concerns.
#[derive(Clone, Copy)]
pub(super) struct News {
    waited: bool,
    handled: bool,
}

/// An item that was just published.
pub(super) struct Fresh<T> {
    pub(super) number: u64,
    pub(super) item: T,
}

impl<T: Clone> Hub<T> {
    /// Adds `item`, which weighs `weight`, delivers it, and returns its number; never waits for a
    /// reader.
    ///
    /// An item published after [`close`](Self::close) is dropped; its number is never read.
    pub fn publish(&self, item: T, weight: usize) -> u64 {
        self.shared().push(item, weight)
    }

    /// As [`publish`](Self::publish), unless a paced cursor or the handlers would fall too far
    /// behind.
    ///
    /// # Errors
    /// Gives the item back if there is no room for it, or if the hub is closed.
    pub fn try_publish(&self, item: T, weight: usize) -> Result<u64, Refused<T>> {
        self.shared().try_push(item, weight)
    }

    /// As [`publish`](Self::publish), but waits as long as a paced cursor or the handlers would
    /// fall too far behind.
    ///
    /// Not to be waited for by a handler of this hub, which would wait for itself.
    ///
    /// # Errors
    /// Gives the item back if the hub is closed.
    ///
    /// # Cancel safety
    /// If the future is dropped before it is ready, nothing was published, and the item is
    /// dropped with it.
    pub async fn send(&self, item: T, weight: usize) -> Result<u64, SendError<T>> {
        let mut item = Some(item);
        poll_fn(|cx| self.shared().poll_send(cx, &mut item, weight)).await
    }
}

impl<T> Hub<T> {
    /// Adds items in order with one wake-up for all, and returns the number of the first.
    pub fn publish_all(&self, items: impl IntoIterator<Item = (T, usize)>) -> u64 {
        // Collected first: the iterator is foreign, and must not run under a lock.
        self.shared().push_all(items.into_iter().collect())
    }

    /// Leaves out the numbers up to `next`, and lets go of everything before it.
    ///
    /// For a source that has lost items of its own: a reader before `next` lags.
    /// Going back does nothing.
    pub fn skip_to(&self, next: u64) {
        let shared = self.shared();
        let mut ring = shared.ring.lock();
        let evicted = ring.skip_to(next);
        shared.announce(ring, evicted, None);
    }
}

impl<T: Clone> Shared<T> {
    fn push(&self, item: T, weight: usize) -> u64 {
        let copy = self.copy_for_handlers(&item);
        let mut ring = self.ring.lock();
        let number = ring.next();
        if self.is_closed() {
            return number;
        }
        let mut evicted = Vec::new();
        ring.push(item, weight, |next| self.handlers.pin(next), &mut evicted);
        self.announce(ring, evicted, copy.map(|item| Fresh { number, item }));
        number
    }

    fn try_push(&self, item: T, weight: usize) -> Result<u64, Refused<T>> {
        let copy = self.copy_for_handlers(&item);
        let mut ring = self.ring.lock();
        let number = ring.next();
        if self.is_closed() {
            return Err(Refused::Closed(item));
        }
        if !self.pace.has_room(number) {
            return Err(Refused::Full(item));
        }
        let mut evicted = Vec::new();
        ring.push(item, weight, |next| self.handlers.pin(next), &mut evicted);
        self.announce(ring, evicted, copy.map(|item| Fresh { number, item }));
        Ok(number)
    }

    /// A copy that handlers are called with, so that they do not have to look for the item.
    ///
    /// Made without the ring's lock: a clone may be slow.
    fn copy_for_handlers(&self, item: &T) -> Option<T> {
        (self.handlers.len() > 0).then(|| item.clone())
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        slot: &mut Option<T>,
        weight: usize,
    ) -> Poll<Result<u64, SendError<T>>> {
        while let Some(item) = slot.take() {
            match self.try_push(item, weight) {
                Ok(number) => return Poll::Ready(Ok(number)),
                Err(Refused::Closed(item)) => return Poll::Ready(Err(SendError(item))),
                Err(Refused::Full(item)) => *slot = Some(item),
            }
            let waits = self.pace.wait(self.next.load(Ordering::SeqCst), cx.waker());
            // The hub may have been closed between the look and the registration.
            if waits && !self.is_closed() {
                break;
            }
        }
        Poll::Pending
    }
}

impl<T> Shared<T> {
    fn push_all(&self, items: Vec<(T, usize)>) -> u64 {
        let mut ring = self.ring.lock();
        let first = ring.next();
        if self.is_closed() {
            return first;
        }
        let mut evicted = Vec::new();
        for (item, weight) in items {
            ring.push(item, weight, |next| self.handlers.pin(next), &mut evicted);
        }
        self.announce(ring, evicted, None);
        first
    }

    /// Gives the ring back and tells everybody that there is something new.
    fn announce(
        &self,
        ring: MutexGuard<'_, Ring<T>>,
        evicted: Evicted<T>,
        fresh: Option<Fresh<T>>,
    ) {
        let news = self.give_back(ring);
        self.tell(news, fresh);
        // Last, and without the lock: a drop may be slow.
        drop(evicted);
    }

    /// Gives the ring back and says who is to be told.
    ///
    /// That is looked up before the ring is given back: whoever comes later takes the ring's lock
    /// after saying so, and finds the item.
    pub(super) fn give_back(&self, ring: MutexGuard<'_, Ring<T>>) -> News {
        self.next.store(ring.next(), Ordering::Release);
        News { waited: self.waiters.any(), handled: self.handlers.len() > 0 }
    }

    /// Tells them; `fresh` is the item that handlers may not have had.
    pub(super) fn tell(&self, news: News, fresh: Option<Fresh<T>>) {
        if news.waited {
            self.waiters.wake_all();
        }
        if news.handled {
            self.deliver(fresh.as_ref());
        }
    }
}
