//! A run of items that a cursor reads in one go.

use std::slice;

use super::pace::{Pace, Progress};
use super::ring::Block;

/// What a cursor finds when it asks for a run of items.
#[derive(Debug)]
pub enum TryBatch<'a, T> {
    /// One item at least.
    Items(Batch<'a, T>),
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

/// The items of one block that are published, in order.
///
/// The cursor moves as the items are taken; those that are left come again with the next batch.
/// Publishers who wait for this reader see how far it came when the batch is dropped.
pub struct Batch<'a, T> {
    block: &'a Block<T>,
    run: &'a mut usize,
    position: &'a mut u64,
    /// What is left of the run.
    items: slice::Iter<'a, T>,
    progress: Option<(&'a Pace, &'a Progress)>,
}

impl<'a, T> Batch<'a, T> {
    pub(super) fn new(
        (block, run, position): (&'a Block<T>, &'a mut usize, &'a mut u64),
        progress: Option<(&'a Pace, &'a Progress)>,
    ) -> Self {
        Self { block, run, position, items: [].iter(), progress }
    }

    /// The number of the item that comes next.
    pub fn position(&self) -> u64 {
        *self.position
    }
}

impl<'a, T> Iterator for Batch<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        if self.items.as_slice().is_empty() {
            let (items, run) = self.block.rest(*self.position, *self.run)?;
            (self.items, *self.run) = (items.iter(), run);
        }
        let item = self.items.next()?;
        *self.position += 1;
        Some(item)
    }
}

impl<T> Drop for Batch<'_, T> {
    fn drop(&mut self) {
        if let Some((pace, progress)) = self.progress {
            pace.advance(progress, *self.position);
        }
    }
}

impl<T> std::fmt::Debug for Batch<'_, T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("position", &self.position).finish_non_exhaustive()
    }
}
