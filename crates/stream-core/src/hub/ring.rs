//! The newest items in blocks, so that a reader takes a lock once a block and not once an item.

use std::collections::VecDeque;

use super::capacity::Capacity;
use crate::sync::{Arc, OnceLock};

/// A run of items with consecutive numbers, filled from the front and never changed after.
///
/// Readers hold it without a lock: a slot is empty until its item is published, and the same for
/// ever after.
pub(super) struct Block<T> {
    base: u64,
    slots: Box<[OnceLock<T>]>,
}

impl<T> Block<T> {
    fn new(base: u64, items: usize) -> Self {
        Self { base, slots: (0..items).map(|_| OnceLock::new()).collect() }
    }

    /// The item with this number, if it belongs to the block and is there.
    pub(super) fn get(&self, number: u64) -> Option<&T> {
        self.slot(number)?.get()
    }

    /// The items with numbers from `first` up to `next`, as far as they belong to the block.
    pub(super) fn items(&self, first: u64, next: u64) -> impl Iterator<Item = &T> {
        let numbered = (self.base..next).zip(&self.slots);
        numbered.filter(move |(number, _)| *number >= first).map_while(|(_, slot)| slot.get())
    }

    fn slot(&self, number: u64) -> Option<&OnceLock<T>> {
        self.slots.get(usize::try_from(number.checked_sub(self.base)?).ok()?)
    }
}

/// A block that is still kept.
struct Kept<T> {
    block: Arc<Block<T>>,
    weight: usize,
}

/// The blocks that are still kept.
pub(super) struct Ring<T> {
    blocks: VecDeque<Kept<T>>,
    capacity: Capacity,
    next: u64,
    weight: usize,
}

/// What left a ring; to be dropped without a lock, since a drop may be slow.
pub(super) type Evicted<T> = Vec<Arc<Block<T>>>;

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
        self.blocks.front().map_or(self.next, |kept| kept.block.base)
    }

    /// The number of the oldest of the newest `count` items that are there.
    pub(super) fn recall(&self, count: usize) -> u64 {
        let wanted = self.next.saturating_sub(u64::try_from(count).unwrap_or(u64::MAX));
        wanted.max(self.first())
    }

    /// Keeps at least this many items from now on.
    pub(super) fn raise(&mut self, items: usize) {
        self.capacity.raise(items);
    }

    /// Adds an item, and moves the blocks that need not be kept to `evicted`.
    ///
    /// `pin` is given the number after the item, and answers from which one on all must stay.
    pub(super) fn push(
        &mut self,
        item: T,
        weight: usize,
        pin: impl FnOnce(u64) -> u64,
        evicted: &mut Evicted<T>,
    ) {
        let number = self.next;
        let room = self.blocks.back().is_some_and(|kept| {
            kept.weight <= self.capacity.block_weight() && kept.block.slot(number).is_some()
        });
        if !room {
            self.grow(number);
        }
        if let Some(kept) = self.blocks.back_mut() {
            if let Some(slot) = kept.block.slot(number) {
                // The number is fresh, so the slot is empty.
                drop(slot.set(item));
            }
            kept.weight = kept.weight.saturating_add(weight);
        }
        self.weight = self.weight.saturating_add(weight);
        self.next = number.saturating_add(1);
        if self.blocks.len() > 1 && !self.allows_oldest() {
            self.evict(pin(self.next), evicted);
        }
    }

    /// Lets go of everything and leaves out the numbers up to `next`; not backwards.
    pub(super) fn skip_to(&mut self, next: u64) -> Evicted<T> {
        if next <= self.next {
            return Vec::new();
        }
        self.weight = 0;
        self.next = next;
        self.blocks.drain(..).map(|kept| kept.block).collect()
    }

    fn grow(&mut self, base: u64) {
        let last = self.blocks.back().map_or(0, |kept| kept.block.slots.len());
        let block = Arc::new(Block::new(base, self.capacity.block_items(last)));
        self.blocks.push_back(Kept { block, weight: 0 });
    }

    /// Whether the oldest block must or may still be kept.
    fn allows_oldest(&self) -> bool {
        let second = self.blocks.get(1).map_or(self.next, |kept| kept.block.base);
        self.capacity.allows(self.next - second, self.weight)
    }

    fn evict(&mut self, pin: u64, evicted: &mut Evicted<T>) {
        while self.blocks.get(1).is_some_and(|second| second.block.base <= pin)
            && !self.allows_oldest()
        {
            if let Some(oldest) = self.blocks.pop_front() {
                self.weight = self.weight.saturating_sub(oldest.weight);
                evicted.push(oldest.block);
            }
        }
    }

    /// The block with this number; `None` if the number has left the ring or is not there yet.
    pub(super) fn block(&self, number: u64) -> Option<Arc<Block<T>>> {
        let after = self.blocks.partition_point(|kept| kept.block.base <= number);
        let kept = self.blocks.get(after.checked_sub(1)?)?;
        (number < self.next).then(|| Arc::clone(&kept.block))
    }

    /// The blocks with this number and all later ones.
    pub(super) fn blocks_from(&self, number: u64) -> Vec<Arc<Block<T>>> {
        let after = self.blocks.partition_point(|kept| kept.block.base <= number);
        let from = after.saturating_sub(1);
        self.blocks.range(from..).map(|kept| Arc::clone(&kept.block)).collect()
    }
}
