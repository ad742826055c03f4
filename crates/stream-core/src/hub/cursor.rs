//! A reader's place in a hub.

use std::future::poll_fn;
use std::task::{Context, Poll};

use super::Shared;
use super::batch::{Batch, TryBatch};
use super::pace::Progress;
use super::place::Place;
use crate::sync::{Arc, Ordering, Weak};

/// Reads a hub's items in order, at its own pace.
///
/// A cursor keeps at most one block of old items alive, however long it stands still.
pub struct Cursor<T> {
    shared: Arc<Shared<T>>,
    place: Place<T>,
    key: usize,
    /// Where publishers see how far it is, if they wait for it.
    progress: Option<Arc<Progress>>,
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
    pub(super) fn new(
        shared: Arc<Shared<T>>,
        position: u64,
        progress: Option<Arc<Progress>>,
    ) -> Self {
        let key = shared.waiters.join();
        Self { shared, place: Place::new(position), key, progress }
    }

    /// The number of the item to be read next.
    pub fn position(&self) -> u64 {
        self.place.position()
    }

    /// Moves to `position`, forward or back.
    pub fn seek(&mut self, position: u64) {
        self.place.seek(position);
        self.report();
    }

    /// How many items are published and not read.
    pub fn lag(&self) -> u64 {
        self.shared.next.load(Ordering::Acquire).saturating_sub(self.position())
    }

    /// Takes the next item without waiting.
    pub fn try_next(&mut self) -> TryNext<'_, T> {
        match self.readiness() {
            None => TryNext::Empty,
            Some(Readiness::Closed) => TryNext::Closed,
            Some(Readiness::Lagged { missed }) => {
                self.skip(missed);
                TryNext::Lagged { missed }
            }
            Some(Readiness::Item) => {
                self.skip(1);
                self.place.last().map_or(TryNext::Empty, TryNext::Item)
            }
        }
    }

    /// Takes the next run of items without waiting: all that is published of one block.
    ///
    /// About twice as fast as [`try_next`](Self::try_next) where items come in bursts.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_core::{Capacity, Hub, TryBatch};
    ///
    /// let hub = Hub::new(Capacity::items(100));
    /// let mut cursor = hub.cursor();
    /// hub.publish_all([(1, 1), (2, 1), (3, 1)]);
    /// let TryBatch::Items(batch) = cursor.try_next_batch() else { panic!("there are items") };
    /// assert_eq!(batch.sum::<i32>(), 6);
    /// assert_eq!(cursor.lag(), 0);
    /// ```
    pub fn try_next_batch(&mut self) -> TryBatch<'_, T> {
        match self.readiness() {
            None => TryBatch::Empty,
            Some(Readiness::Closed) => TryBatch::Closed,
            Some(Readiness::Lagged { missed }) => {
                self.skip(missed);
                TryBatch::Lagged { missed }
            }
            Some(Readiness::Item) => {
                let progress =
                    self.progress.as_deref().map(|progress| (&self.shared.pace, progress));
                let run = self.place.run();
                run.map_or(TryBatch::Empty, |run| TryBatch::Items(Batch::new(run, progress)))
            }
        }
    }

    /// What [`try_next`](Self::try_next) would find now; `None` for nothing yet.
    pub fn readiness(&mut self) -> Option<Readiness> {
        self.place.look(&self.shared)
    }

    /// Waits until [`try_next`](Self::try_next) would find something.
    pub fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Readiness> {
        if let Some(readiness) = self.readiness() {
            return Poll::Ready(readiness);
        }
        self.shared.waiters.wait(self.key, cx.waker());
        // Something may have been published between the look and the registration.
        self.place.look_again(&self.shared).map_or(Poll::Pending, Poll::Ready)
    }

    /// Takes the next item, waiting for it; never [`TryNext::Empty`].
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: the cursor moves only when the result is there.
    pub async fn next(&mut self) -> TryNext<'_, T> {
        poll_fn(|cx| self.poll_ready(cx)).await;
        self.try_next()
    }

    /// Takes the next run of items, waiting for it; never [`TryBatch::Empty`].
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing: the cursor moves only as the batch is read.
    pub async fn next_batch(&mut self) -> TryBatch<'_, T> {
        poll_fn(|cx| self.poll_ready(cx)).await;
        self.try_next_batch()
    }

    /// What reaches the cursor from elsewhere, while a task waits for it.
    pub fn remote(&self) -> Remote<T> {
        let progress = self.progress.clone();
        Remote { shared: Arc::downgrade(&self.shared), key: self.key, progress }
    }

    fn skip(&mut self, count: u64) {
        self.place.skip(count);
        self.report();
    }

    fn report(&self) {
        if let Some(progress) = &self.progress {
            self.shared.pace.advance(progress, self.position());
        }
    }
}

/// Another reader at the same place; publishers do not wait for it.
impl<T> Clone for Cursor<T> {
    fn clone(&self) -> Self {
        let (shared, key) = (Arc::clone(&self.shared), self.shared.waiters.join());
        Self { shared, place: self.place.clone(), key, progress: None }
    }
}

impl<T> Drop for Cursor<T> {
    fn drop(&mut self) {
        self.shared.waiters.leave(self.key);
        if let Some(progress) = &self.progress {
            self.shared.pace.leave(progress);
        }
    }
}

impl<T> std::fmt::Debug for Cursor<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cursor")
            .field("position", &self.position())
            .field("lag", &self.lag())
            .finish_non_exhaustive()
    }
}

/// Reaches a cursor from elsewhere; keeps neither the cursor nor the hub alive.
pub struct Remote<T> {
    shared: Weak<Shared<T>>,
    key: usize,
    progress: Option<Arc<Progress>>,
}

impl<T> Remote<T> {
    /// Wakes the task that waits for the cursor, for a reason that the hub does not know.
    pub fn wake(&self) {
        if let Some(shared) = self.shared.upgrade() {
            shared.waiters.wake(self.key);
        }
    }

    /// The number that the hub's next item gets; `None` if the hub is gone.
    pub fn next(&self) -> Option<u64> {
        self.shared.upgrade().map(|shared| shared.next.load(Ordering::SeqCst))
    }

    /// Lets publishers wait for the cursor no more; from now on it may lag.
    pub fn release(&self) {
        if let (Some(shared), Some(progress)) = (self.shared.upgrade(), &self.progress) {
            shared.pace.leave(progress);
        }
    }
}

impl<T> std::fmt::Debug for Remote<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remote").field("key", &self.key).finish_non_exhaustive()
    }
}
