//! A reader's place in a hub.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};

use super::Shared;
use super::ring::Block;

/// Reads a hub's items in order, at its own pace.
///
/// A cursor keeps at most one block of old items alive, however long it stands still.
pub struct Cursor<T> {
    shared: Arc<Shared<T>>,
    block: Option<Arc<Block<T>>>,
    position: u64,
    key: usize,
}

/// What a cursor finds.
#[derive(Debug, PartialEq, Eq)]
pub enum TryNext<'a, T> {
    /// The next item; the cursor has moved past it.
    Item(&'a T),
    /// Nothing yet.
    Empty,
    /// The next items have left the ring; the cursor has moved to the oldest that is left.
    Lagged {
        /// How many were missed.
        missed: u64,
    },
    /// The hub is closed, and everything was read.
    Closed,
}

/// What a cursor would find, without moving it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Readiness {
    /// An item.
    Item,
    /// A gap.
    Lagged {
        /// How many items are missing.
        missed: u64,
    },
    /// The end.
    Closed,
}

impl<T> Cursor<T> {
    pub(super) fn new(shared: Arc<Shared<T>>, position: u64) -> Self {
        let key = shared.waiters.join();
        Self { shared, block: None, position, key }
    }

    /// The number of the item to be read next.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Moves to `position`, forward or back.
    pub fn seek(&mut self, position: u64) {
        self.position = position;
        self.block = None;
    }

    /// How many items are published and not read.
    pub fn lag(&self) -> u64 {
        self.shared.next.load(Ordering::Acquire).saturating_sub(self.position)
    }

    /// Takes the next item without waiting.
    pub fn try_next(&mut self) -> TryNext<'_, T> {
        match self.readiness() {
            None => TryNext::Empty,
            Some(Readiness::Closed) => TryNext::Closed,
            Some(Readiness::Lagged { missed }) => {
                self.position = self.position.saturating_add(missed);
                TryNext::Lagged { missed }
            }
            Some(Readiness::Item) => {
                let number = self.position;
                self.position = self.position.saturating_add(1);
                match self.block.as_ref().and_then(|block| block.get(number)) {
                    Some(item) => TryNext::Item(item),
                    None => TryNext::Empty,
                }
            }
        }
    }

    /// What [`try_next`](Self::try_next) would find now; `None` for nothing yet.
    pub fn readiness(&mut self) -> Option<Readiness> {
        if let Some(block) = &self.block
            && block.get(self.position).is_some()
        {
            return Some(Readiness::Item);
        }
        // Read before the item is looked for: what was published before the close must be seen.
        let closed = self.shared.closed.load(Ordering::SeqCst);
        if self.position >= self.shared.next.load(Ordering::SeqCst) {
            return closed.then_some(Readiness::Closed);
        }
        let ring = self.shared.ring.read();
        let first = ring.first();
        if self.position < first {
            return Some(Readiness::Lagged { missed: first - self.position });
        }
        self.block = ring.block(self.position);
        Some(Readiness::Item)
    }

    /// Waits until [`try_next`](Self::try_next) would find something.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Readiness> {
        if let Some(readiness) = self.readiness() {
            return Poll::Ready(readiness);
        }
        self.shared.waiters.wait(self.key, cx.waker());
        // Something may have been published between the look and the registration.
        self.readiness().map_or(Poll::Pending, Poll::Ready)
    }

    /// Takes the next item, waiting for it; never [`TryNext::Empty`].
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: the cursor moves only when the result is there.
    pub async fn next(&mut self) -> TryNext<'_, T> {
        poll_fn(|cx| self.poll_ready(cx)).await;
        self.try_next()
    }
}

/// Another reader at the same place.
impl<T> Clone for Cursor<T> {
    fn clone(&self) -> Self {
        Self {
            shared: Arc::clone(&self.shared),
            block: self.block.clone(),
            position: self.position,
            key: self.shared.waiters.join(),
        }
    }
}

impl<T> Drop for Cursor<T> {
    fn drop(&mut self) {
        self.shared.waiters.leave(self.key);
    }
}

impl<T> std::fmt::Debug for Cursor<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor")
            .field("position", &self.position)
            .field("lag", &self.lag())
            .finish_non_exhaustive()
    }
}
