//! The newest items in blocks, so that a reader takes a lock once a block and not once an item.

use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};

use super::{BLOCK_ITEMS, Capacity};

/// A run of items with consecutive numbers, filled from the front and never changed after.
///
/// Readers hold it without a lock: a slot is empty until its item is published, and the same for
/// ever after.
pub(super) struct Block<T> {
    base: u64,
    slots: Box<[OnceLock<T>]>,
}

impl<T> Block<T> {
    fn new(base: u64) -> Self {
        Self { base, slots: (0..BLOCK_ITEMS).map(|_| OnceLock::new()).collect() }
    }

    /// The item with this number, if it belongs to the block and is there.
    pub(super) fn get(&self, number: u64) -> Option<&T> {
        self.slots.get(self.index(number)?)?.get()
    }

    /// Whether the number belongs to this block.
    pub(super) fn covers(&self, number: u64) -> bool {
        self.index(number).is_some_and(|index| index < self.slots.len())
    }

    fn index(&self, number: u64) -> Option<usize> {
        usize::try_from(number.checked_sub(self.base)?).ok()
    }
}

/// The blocks that are still kept.
pub(super) struct Ring<T> {
    blocks: VecDeque<(Arc<Block<T>>, usize)>,
    capacity: Capacity,
    next: u64,
    weight: usize,
}

impl<T> Ring<T> {
    pub(super) fn new(first: u64, capacity: Capacity) -> Self {
        Self { blocks: VecDeque::new(), capacity, next: first, weight: 0 }
    }

    /// The number after the newest item.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The number of the oldest item.
    pub(super) fn first(&self) -> u64 {
        self.blocks.front().map_or(self.next, |(block, _)| block.base)
    }

    /// Adds an item and moves the blocks that need not be kept to `evicted`.
    pub(super) fn push(&mut self, item: T, weight: usize, evicted: &mut Vec<Arc<Block<T>>>) {
        let number = self.next;
        if !self.blocks.back().is_some_and(|(block, _)| block.covers(number)) {
            self.blocks.push_back((Arc::new(Block::new(number)), 0));
        }
        if let Some((block, block_weight)) = self.blocks.back_mut() {
            if let Some(slot) = block.index(number).and_then(|index| block.slots.get(index)) {
                // The number is fresh, so the slot is empty.
                drop(slot.set(item));
            }
            *block_weight = block_weight.saturating_add(weight);
        }
        self.weight = self.weight.saturating_add(weight);
        self.next = self.next.saturating_add(1);
        self.evict(evicted);
    }

    /// Moves on to `next` without items in between; says whether that was forward.
    pub(super) fn skip_to(&mut self, next: u64, evicted: &mut Vec<Arc<Block<T>>>) -> bool {
        if next <= self.next {
            return false;
        }
        evicted.extend(self.blocks.drain(..).map(|(block, _)| block));
        self.weight = 0;
        self.next = next;
        true
    }

    fn evict(&mut self, evicted: &mut Vec<Arc<Block<T>>>) {
        while self.blocks.len() > 1 {
            let second = self.blocks.get(1).map_or(self.next, |(block, _)| block.base);
            let left = usize::try_from(self.next - second).unwrap_or(usize::MAX);
            if left < self.capacity.items && self.weight <= self.capacity.weight {
                return;
            }
            if let Some((block, weight)) = self.blocks.pop_front() {
                self.weight = self.weight.saturating_sub(weight);
                evicted.push(block);
            }
        }
    }

    /// The block with this number; the oldest one, if the number has left the ring.
    pub(super) fn block(&self, number: u64) -> Option<Arc<Block<T>>> {
        let (front, _) = self.blocks.front()?;
        let index = number.saturating_sub(front.base) / BLOCK_ITEMS as u64;
        let (block, _) = self.blocks.get(usize::try_from(index).ok()?)?;
        Some(Arc::clone(block))
    }
}
