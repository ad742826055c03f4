//! One item to many readers: a ring of the newest items, a cursor for each reader that comes for
//! them, and a list of handlers that are called.
//!
//! # Order
//!
//! Items have consecutive sequence numbers, and every cursor and every handler sees them in that
//! order.
//! The number is given under the ring's lock; nothing of a reader's runs under it.
//!
//! # Handlers
//!
//! Whoever publishes calls the handlers, inline and without a lock; a publisher that comes
//! meanwhile leaves its item to the one who is at it, and goes.
//! So a handler may publish, attach and detach as it likes: what it publishes is delivered after
//! the item that it is called for.
//! A handler that returns an error or panics is reported and counted, and harms nobody.
//! One that is slow slows whoever delivers, and nobody else: give slow work a cursor of its own.
//!
//! # Lag
//!
//! The ring holds at least the newest [`Capacity`] items, and at most a block more.
//! A cursor whose next item has left the ring is told how many are missing
//! ([`TryNext::Lagged`]) and goes on with the oldest item that is left.
//! [`Hub::publish`] never waits.
//!
//! [`Hub::try_publish`] and [`Hub::send`] pay heed to the readers that were made with
//! [`Hub::paced_cursor`] and to the handlers: the one refuses and the other waits where one of
//! them would fall behind its bound, so none of them ever misses an item.
//! Items that wait for handlers stay in the ring, up to
//! [`HANDLER_BACKLOG_MAX`](crate::limits::HANDLER_BACKLOG_MAX) of them.
//!
//! # Memory
//!
//! Items lie in blocks of at most 256.
//! A cursor that stands still keeps the one block it reads from alive, and nothing else, however
//! far the ring has moved on.
//!
//! # Closing
//!
//! After [`Hub::close`], or when the last handle is gone, cursors read what is in the ring and
//! then [`TryNext::Closed`]; publishers who wait get their item back.
//! Dropping a cursor or an [`Attachment`] takes the reader out.

mod attachment;
mod batch;
mod callback;
mod capacity;
mod cursor;
mod handlers;
mod pace;
mod place;
mod publish;
mod ring;
mod together;
mod waiters;

pub use self::attachment::Attachment;
pub use self::batch::{Batch, TryBatch};
pub use self::callback::{Call, Callback, Failure};
pub use self::capacity::Capacity;
pub use self::cursor::{Cursor, Readiness, Remote, TryNext};
use self::handlers::Handlers;
use self::pace::{Pace, Progress};
pub use self::publish::{Refused, SendError};
use self::ring::Ring;
pub use self::together::Together;
use self::waiters::Waiters;
use crate::sync::{Arc, AtomicBool, AtomicU64, Mutex, Ordering};

/// Delivers each published item to every cursor and every handler.
///
/// A clone is another handle to the same hub; the hub closes when the last one is dropped.
pub struct Hub<T>(Arc<Owner<T>>);

/// Closes the hub when the last handle is gone; cursors and attachments do not count.
struct Owner<T>(Arc<Shared<T>>);

/// What handles and readers share.
struct Shared<T> {
    ring: Mutex<Ring<T>>,
    /// The sequence number after the newest item; written under the ring's lock.
    next: AtomicU64,
    closed: AtomicBool,
    waiters: Waiters,
    pace: Pace,
    handlers: Handlers<T>,
}

impl<T> Hub<T> {
    /// A hub whose first item has the number 0.
    pub fn new(capacity: Capacity) -> Self {
        Self::starting_at(0, capacity)
    }

    /// A hub whose first item has the number `first`.
    pub fn starting_at(first: u64, capacity: Capacity) -> Self {
        let shared = Shared {
            ring: Mutex::new(Ring::new(first, capacity)),
            next: AtomicU64::new(first),
            closed: AtomicBool::new(false),
            waiters: Waiters::default(),
            pace: Pace::default(),
            handlers: Handlers::default(),
        };
        Self(Arc::new(Owner(Arc::new(shared))))
    }

    /// A cursor that reads what is published from now on.
    pub fn cursor(&self) -> Cursor<T> {
        self.cursor_at(self.next())
    }

    /// A cursor whose first item is `position`; one that has left the ring makes it lag, one that
    /// is not there yet makes it wait.
    pub fn cursor_at(&self, position: u64) -> Cursor<T> {
        Cursor::new(Arc::clone(self.shared()), position, None)
    }

    /// A cursor that [`try_publish`](Self::try_publish) and [`send`](Self::send) never leave more
    /// than `limit` items behind (1 at the least).
    ///
    /// The ring keeps at least `limit` items from now on.
    /// Only [`publish`](Self::publish) and [`publish_all`](Self::publish_all) can make it lag.
    ///
    /// # Examples
    ///
    /// ```
    /// use stream_core::{Capacity, Hub, TryNext};
    ///
    /// let hub = Hub::new(Capacity::items(10));
    /// let mut cursor = hub.paced_cursor(1);
    /// assert!(hub.try_publish('a', 1).is_ok());
    /// assert!(hub.try_publish('b', 1).is_err());
    /// assert_eq!(cursor.try_next(), TryNext::Item(&'a'));
    /// assert!(hub.try_publish('b', 1).is_ok());
    /// ```
    pub fn paced_cursor(&self, limit: usize) -> Cursor<T> {
        self.paced_cursor_at(self.next(), limit)
    }

    /// As [`paced_cursor`](Self::paced_cursor), with `position` as its first item.
    pub fn paced_cursor_at(&self, position: u64, limit: usize) -> Cursor<T> {
        self.keep(limit);
        let items = u64::try_from(limit).unwrap_or(u64::MAX);
        let progress = Arc::new(Progress::new(position, items));
        self.shared().pace.join(Arc::clone(&progress));
        Cursor::new(Arc::clone(self.shared()), position, Some(progress))
    }

    /// Calls `callback` for each item that is published from now on, until the attachment is
    /// dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::atomic::{AtomicU64, Ordering};
    /// use std::sync::Arc;
    /// use stream_core::{Callback, Capacity, Hub};
    ///
    /// let hub = Hub::new(Capacity::items(10));
    /// let sum = Arc::new(AtomicU64::new(0));
    /// let seen = Arc::clone(&sum);
    /// let attachment = hub.attach(Callback::new(move |item| {
    ///     seen.fetch_add(*item, Ordering::Relaxed);
    /// }));
    /// hub.publish(7, 1);
    /// drop(attachment);
    /// hub.publish(8, 1);
    /// assert_eq!(sum.load(Ordering::Relaxed), 7);
    /// ```
    pub fn attach(&self, callback: Callback<T>) -> Attachment<T> {
        self.attach_at(self.next(), callback)
    }

    /// As [`attach`](Self::attach), with `position` as the first item; earlier ones that are still
    /// in the ring are delivered at once.
    pub fn attach_at(&self, position: u64, callback: Callback<T>) -> Attachment<T> {
        Attachment::new(self.shared(), position, callback)
    }

    /// The number that the next item gets.
    pub fn next(&self) -> u64 {
        self.shared().next.load(Ordering::SeqCst)
    }

    /// The number of the oldest item in the ring; [`next`](Self::next) if it is empty.
    pub fn first(&self) -> u64 {
        self.shared().ring.lock().first()
    }

    /// Where a reader begins who wants the newest `count` items, as far as they are in the ring.
    pub fn recall(&self, count: usize) -> u64 {
        self.shared().ring.lock().recall(count)
    }

    /// How many cursors there are.
    pub fn cursors(&self) -> usize {
        self.shared().waiters.len()
    }

    /// How many handlers there are.
    pub fn handlers(&self) -> usize {
        self.shared().handlers.len()
    }

    /// Whether there is neither a cursor nor a handler.
    pub fn is_idle(&self) -> bool {
        self.cursors() == 0 && self.handlers() == 0
    }

    /// How often a handler failed, panicked or missed items.
    pub fn failures(&self) -> u64 {
        self.shared().handlers.failures()
    }

    /// Keeps at least `items` items from now on.
    pub fn keep(&self, items: usize) {
        self.shared().ring.lock().raise(items);
    }

    /// Ends the hub: cursors read what is in the ring, and then that it is closed.
    pub fn close(&self) {
        self.shared().close();
    }

    /// Whether [`close`](Self::close) was called.
    pub fn is_closed(&self) -> bool {
        self.shared().is_closed()
    }

    fn shared(&self) -> &Arc<Shared<T>> {
        &self.0.0
    }
}

impl<T: Clone> Hub<T> {
    /// The newest `count` items that are in the ring, oldest first, as they were at one instant.
    pub fn recent(&self, count: usize) -> Vec<T> {
        let mut ring = self.shared().ring.lock();
        let next = ring.next();
        let first = ring.recall(count);
        let blocks = ring.blocks_from(first);
        drop(ring);
        let mut items = Vec::with_capacity(usize::try_from(next - first).unwrap_or(0));
        for block in blocks {
            items.extend(block.items(first, next).cloned());
        }
        items
    }
}

impl<T> Shared<T> {
    fn close(&self) {
        // Under the lock, so that whoever waits from now on finds it closed.
        let ring = self.ring.lock();
        self.closed.store(true, Ordering::SeqCst);
        drop(ring);
        self.waiters.wake_all();
        self.pace.wake_all();
    }

    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }
}

impl<T> Drop for Owner<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl<T> Clone for Hub<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> std::fmt::Debug for Hub<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub")
            .field("next", &self.next())
            .field("cursors", &self.cursors())
            .field("handlers", &self.handlers())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
