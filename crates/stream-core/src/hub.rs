//! One item to many readers: a ring of the newest items and a cursor for each reader.
//!
//! # Order
//!
//! Items have consecutive sequence numbers, and every cursor sees them in that order.
//!
//! # Lag
//!
//! The ring holds at least the newest [`Capacity`] items and at most one block more.
//! A cursor whose next item has left the ring is told how many are missing
//! ([`TryNext::Lagged`]) and goes on with the oldest item that is left.
//! A publisher never waits.
//!
//! # Memory
//!
//! Items lie in blocks of [`BLOCK_ITEMS`].
//! A cursor that stands still keeps the one block it reads from alive, and nothing else, however
//! far the ring has moved on.
//!
//! # Closing
//!
//! After [`Hub::close`], or when the last handle is gone, cursors read what is in the ring and
//! then [`TryNext::Closed`].

mod cursor;
mod ring;
mod waiters;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::RwLock;

pub use self::cursor::{Cursor, Readiness, TryNext};
use self::ring::Ring;
use self::waiters::Waiters;

/// Items in a block of the ring: the unit in which old ones are let go.
const BLOCK_ITEMS: usize = 32;

/// How much a ring keeps.
///
/// Old blocks go as soon as the ring holds this many items without them, and also as soon as the
/// ring weighs more than it may, as long as one block is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    items: usize,
    weight: usize,
}

impl Capacity {
    /// At least `items` items (1 at the least), of any weight.
    pub const fn items(items: usize) -> Self {
        Self { items: if items == 0 { 1 } else { items }, weight: usize::MAX }
    }

    /// At most about `weight` in all, in the unit in which items are weighed when published.
    #[must_use]
    pub const fn weight(mut self, weight: usize) -> Self {
        self.weight = weight;
        self
    }
}

/// Delivers each published item to every cursor.
///
/// A clone is another handle to the same hub; the hub closes when the last one is dropped.
pub struct Hub<T> {
    shared: Arc<Shared<T>>,
    handles: Arc<()>,
}

/// What handles and cursors share.
struct Shared<T> {
    ring: RwLock<Ring<T>>,
    /// The sequence number after the newest item; written under the ring's lock.
    next: AtomicU64,
    closed: AtomicBool,
    waiters: Waiters,
}

impl<T> Hub<T> {
    /// A hub whose first item has the number 0.
    pub fn new(capacity: Capacity) -> Self {
        Self::starting_at(0, capacity)
    }

    /// A hub whose first item has the number `first`.
    pub fn starting_at(first: u64, capacity: Capacity) -> Self {
        let shared = Arc::new(Shared {
            ring: RwLock::new(Ring::new(first, capacity)),
            next: AtomicU64::new(first),
            closed: AtomicBool::new(false),
            waiters: Waiters::default(),
        });
        Self { shared, handles: Arc::new(()) }
    }

    /// Adds `item`, which weighs `weight`, wakes the readers that wait, and returns its number.
    ///
    /// An item published after [`close`](Self::close) is dropped; its number is never read.
    pub fn publish(&self, item: T, weight: usize) -> u64 {
        self.publish_all([(item, weight)])
    }

    /// Adds items in order with one wake-up for all, and returns the number of the first.
    pub fn publish_all(&self, items: impl IntoIterator<Item = (T, usize)>) -> u64 {
        let mut ring = self.shared.ring.write();
        let first = ring.next();
        if self.is_closed() {
            return first;
        }
        // What leaves the ring is dropped after the lock is: a drop may be slow.
        let mut evicted = Vec::new();
        for (item, weight) in items {
            ring.push(item, weight, &mut evicted);
        }
        self.shared.next.store(ring.next(), Ordering::SeqCst);
        drop(ring);
        self.shared.waiters.wake_all();
        drop(evicted);
        first
    }

    /// Leaves out the numbers up to `next`, and lets go of everything before it.
    ///
    /// For a source that has lost items of its own: a cursor before `next` lags.
    /// Going back does nothing.
    pub fn skip_to(&self, next: u64) {
        let mut evicted = Vec::new();
        let mut ring = self.shared.ring.write();
        if ring.skip_to(next, &mut evicted) {
            self.shared.next.store(next, Ordering::SeqCst);
        }
        drop(ring);
        self.shared.waiters.wake_all();
    }

    /// A cursor that reads what is published from now on.
    pub fn cursor(&self) -> Cursor<T> {
        self.cursor_at(self.next())
    }

    /// A cursor whose first item is `position`; one that has left the ring makes it lag, one that
    /// is not there yet makes it wait.
    pub fn cursor_at(&self, position: u64) -> Cursor<T> {
        Cursor::new(Arc::clone(&self.shared), position)
    }

    /// The number that the next item gets.
    pub fn next(&self) -> u64 {
        self.shared.next.load(Ordering::SeqCst)
    }

    /// The number of the oldest item in the ring; [`next`](Self::next) if it is empty.
    pub fn first(&self) -> u64 {
        self.shared.ring.read().first()
    }

    /// How many cursors there are.
    pub fn cursors(&self) -> usize {
        self.shared.waiters.len()
    }

    /// Ends the hub: cursors read what is in the ring, and then that it is closed.
    pub fn close(&self) {
        self.shared.close();
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.shared.closed.load(Ordering::SeqCst)
    }
}

impl<T> Shared<T> {
    fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.waiters.wake_all();
    }
}

impl<T> Clone for Hub<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), handles: Arc::clone(&self.handles) }
    }
}

impl<T> Drop for Hub<T> {
    fn drop(&mut self) {
        if Arc::strong_count(&self.handles) == 1 {
            self.shared.close();
        }
    }
}

impl<T> std::fmt::Debug for Hub<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("next", &self.next())
            .field("cursors", &self.cursors())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
