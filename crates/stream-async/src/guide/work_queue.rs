//! Items that wait for whoever takes them: each is taken once.

use std::collections::VecDeque;
use std::pin::pin;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// A bounded queue that any number put into and take from.
#[derive(Debug)]
pub(super) struct WorkQueue<T> {
    state: Mutex<State<T>>,
    /// Told when there is something to take, or the end.
    filled: Notify,
    /// Told when there may be room, or the end.
    emptied: Notify,
    capacity: usize,
}

#[derive(Debug)]
struct State<T> {
    items: VecDeque<T>,
    closed: bool,
}

impl<T> WorkQueue<T> {
    /// A queue of at most `capacity` items (1 at the least).
    pub(super) fn new(capacity: usize) -> Self {
        let state = State { items: VecDeque::new(), closed: false };
        let (filled, emptied) = (Notify::new(), Notify::new());
        Self { state: Mutex::new(state), filled, emptied, capacity: capacity.max(1) }
    }

    /// Puts an item in; while there is no room, waits or, if `may_drop` says so, drops the oldest,
    /// which it returns.
    ///
    /// Gives the item back if the queue is closed.
    pub(super) async fn push(&self, item: T, may_drop: impl Fn() -> bool) -> Result<Option<T>, T> {
        loop {
            let mut emptied = pin!(self.emptied.notified());
            emptied.as_mut().enable();
            {
                let mut state = self.state.lock();
                if state.closed {
                    return Err(item);
                }
                let is_full = state.items.len() >= self.capacity;
                if !is_full || may_drop() {
                    let dropped = if is_full { state.items.pop_front() } else { None };
                    state.items.push_back(item);
                    drop(state);
                    self.filled.notify_one();
                    return Ok(dropped);
                }
            }
            emptied.await;
        }
    }

    /// Takes the oldest item, waiting for it; `None` at the end.
    ///
    /// # Cancel safety
    /// Dropping the future loses nothing.
    pub(super) async fn pop(&self) -> Option<T> {
        loop {
            let mut filled = pin!(self.filled.notified());
            filled.as_mut().enable();
            {
                let mut state = self.state.lock();
                if let Some(item) = self.take(&mut state) {
                    return Some(item);
                }
                if state.closed {
                    return None;
                }
            }
            filled.await;
        }
    }

    /// Takes the oldest item, if there is one.
    pub(super) fn try_pop(&self) -> Option<T> {
        self.take(&mut self.state.lock())
    }

    fn take(&self, state: &mut State<T>) -> Option<T> {
        let item = state.items.pop_front()?;
        if !state.items.is_empty() {
            // One who waits may have been told of an item that another took.
            self.filled.notify_one();
        }
        self.emptied.notify_one();
        Some(item)
    }

    /// Lets whoever waits for room look again.
    pub(super) fn look_again(&self) {
        self.emptied.notify_waiters();
    }

    /// Takes no more items; what is there can still be taken.
    pub(super) fn close(&self) {
        self.state.lock().closed = true;
        self.filled.notify_waiters();
        self.emptied.notify_waiters();
    }

    pub(super) fn is_closed(&self) -> bool {
        self.state.lock().closed
    }

    pub(super) fn len(&self) -> usize {
        self.state.lock().items.len()
    }

    pub(super) fn capacity(&self) -> usize {
        self.capacity
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn it_holds_as_many_as_it_may() {
        let queue = WorkQueue::new(2);
        assert_eq!(queue.push(1, || false).await, Ok(None));
        assert_eq!(queue.push(2, || false).await, Ok(None));
        assert_eq!(queue.push(3, || false).now_or_never(), None);
        assert_eq!(queue.push(3, || true).await, Ok(Some(1)));
        assert_eq!((queue.pop().await, queue.try_pop(), queue.try_pop()), (Some(2), Some(3), None));
    }

    #[tokio::test]
    async fn who_waits_is_woken_by_room_and_by_items() {
        let queue = WorkQueue::new(1);
        let (taken, put) = tokio::join!(
            async { [queue.pop().await, queue.pop().await, queue.pop().await] },
            async {
                for item in 0..3 {
                    queue.push(item, || false).await.unwrap();
                }
            }
        );
        assert_eq!((taken, put), ([Some(0), Some(1), Some(2)], ()));
    }

    #[tokio::test]
    async fn the_end_comes_behind_what_is_there() {
        let queue = WorkQueue::new(2);
        queue.push(1, || false).await.unwrap();
        queue.close();
        assert_eq!(queue.push(2, || false).await, Err(2));
        assert_eq!((queue.pop().await, queue.pop().await), (Some(1), None));
    }
}
