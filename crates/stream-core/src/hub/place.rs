//! A place between the items of a ring.

use super::ring::Block;
use super::{Readiness, Shared};
use crate::sync::{Arc, Ordering};

/// The number of the item that comes next, and the block that it lies in.
pub(super) struct Place<T> {
    block: Option<Arc<Block<T>>>,
    /// The run of the block that the item before lay in, or one before it.
    run: usize,
    position: u64,
}

impl<T> Place<T> {
    pub(super) fn new(position: u64) -> Self {
        Self { block: None, run: 0, position }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Moves to `position`, forward or back.
    pub(super) fn seek(&mut self, position: u64) {
        self.position = position;
        (self.block, self.run) = (None, 0);
    }

    /// Moves past the next `count` items.
    pub(super) fn skip(&mut self, count: u64) {
        self.position = self.position.saturating_add(count);
    }

    /// The next items that lie side by side, once [`look`](Self::look) has found the first.
    pub(super) fn items(&self) -> Option<&[T]> {
        Some(self.block.as_ref()?.rest(self.position, self.run)?.0)
    }

    /// The next item, once [`look`](Self::look) has found it.
    pub(super) fn item(&self) -> Option<&T> {
        self.items()?.first()
    }

    /// The item before the next one, if it lies in the same block.
    pub(super) fn last(&self) -> Option<&T> {
        self.block.as_ref()?.rest(self.position.checked_sub(1)?, self.run)?.0.first()
    }

    /// The block of the next item and the place in it, once [`look`](Self::look) has found it.
    pub(super) fn run(&mut self) -> Option<(&Block<T>, &mut usize, &mut u64)> {
        Some((self.block.as_deref()?, &mut self.run, &mut self.position))
    }

    /// Finds the next item; takes a lock only where a block begins.
    pub(super) fn look(&mut self, shared: &Shared<T>) -> Option<Readiness> {
        let found = self.block.as_ref().and_then(|block| block.rest(self.position, self.run));
        if let Some((_, run)) = found {
            self.run = run;
            return Some(Readiness::Item);
        }
        if self.position >= shared.next.load(Ordering::Acquire) && !shared.is_closed() {
            return None;
        }
        self.look_again(shared)
    }

    /// As [`look`](Self::look), and sees all that was published before the lock was taken.
    pub(super) fn look_again(&mut self, shared: &Shared<T>) -> Option<Readiness> {
        let mut ring = shared.ring.lock();
        let first = ring.first();
        if self.position < first {
            return Some(Readiness::Lagged { missed: first - self.position });
        }
        if self.position >= ring.next() {
            return shared.is_closed().then_some(Readiness::Closed);
        }
        (self.block, self.run) = (ring.block(self.position), 0);
        Some(Readiness::Item)
    }
}

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        Self { block: self.block.clone(), run: self.run, position: self.position }
    }
}
