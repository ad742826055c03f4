//! The newest items: the latest under the ring's lock, all before them in runs that need none.

use std::collections::VecDeque;

use super::capacity::Capacity;
use crate::sync::{Arc, OnceLock};

/// Places for runs in the first block of a ring, and in one after a block of few runs.
const RUNS_MIN: usize = 4;

/// Places for runs in a block whose readers come for each item.
const RUNS_MAX: usize = 64;

/// Items with consecutive numbers that came to lie here at one time.
struct Run<T> {
    base: u64,
    items: Box<[T]>,
}

/// Some runs that follow each other, filled from the front and never changed after.
///
/// Readers hold it without a lock: the place of a run is empty until its items are there, and the
/// same for ever after.
pub(super) struct Block<T> {
    base: u64,
    runs: Box<[OnceLock<Run<T>>]>,
}

impl<T> Run<T> {
    /// The items from this number on, if the first of them belongs to the run.
    fn from(&self, number: u64) -> Option<&[T]> {
        let items = self.items.get(usize::try_from(number.checked_sub(self.base)?).ok()?..)?;
        (!items.is_empty()).then_some(items)
    }
}

impl<T> Block<T> {
    fn new(base: u64, runs: usize) -> Self {
        Self { base, runs: (0..runs).map(|_| OnceLock::new()).collect() }
    }

    /// The rest of the run that the item with this number belongs to, and the index of that run;
    /// runs before the one at `index` are not looked at.
    pub(super) fn rest(&self, number: u64, index: usize) -> Option<(&[T], usize)> {
        let runs = self.runs.iter().enumerate().skip(index);
        let mut filled = runs.map_while(|(index, run)| Some((run.get()?, index)));
        filled.find_map(|(run, index)| Some((run.from(number)?, index)))
    }

    /// The items with numbers from `first` up to `next`, as far as they belong to the block.
    pub(super) fn items(&self, first: u64, next: u64) -> impl Iterator<Item = &T> {
        let items = self.runs.iter().map_while(OnceLock::get).flat_map(|run| &run.items);
        let numbered = (self.base..next).zip(items);
        numbered.filter(move |(number, _)| *number >= first).map(|(_, item)| item)
    }
}

/// A block that is still kept.
struct Kept<T> {
    block: Arc<Block<T>>,
    /// How many runs it has.
    runs: usize,
    items: usize,
    weight: usize,
}

impl<T> Kept<T> {
    fn is_open(&self, capacity: Capacity) -> bool {
        self.runs < self.block.runs.len()
            && self.items < capacity.block_items()
            && self.weight <= capacity.block_weight()
    }
}

/// The items that are still kept.
///
/// An item costs its publisher no more than the ring's lock.
/// What lies in the tail becomes a run when it fills a block, or when a reader comes for it; so
/// readers that lag behind take no lock but where a block begins.
pub(super) struct Ring<T> {
    blocks: VecDeque<Kept<T>>,
    tail: Vec<T>,
    tail_weight: usize,
    capacity: Capacity,
    next: u64,
    weight: usize,
}

/// What left a ring; to be dropped without a lock, since a drop may be slow.
pub(super) type Evicted<T> = Vec<Arc<Block<T>>>;

impl<T> Ring<T> {
    pub(super) fn new(first: u64, capacity: Capacity) -> Self {
        let (blocks, tail) = (VecDeque::new(), Vec::new());
        Self { blocks, tail, tail_weight: 0, capacity, next: first, weight: 0 }
    }

    /// The number after the newest item.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// The number of the oldest item.
    pub(super) fn first(&self) -> u64 {
        self.base(0)
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
        if self.is_full() {
            self.seal();
        }
        self.tail.push(item);
        self.tail_weight = self.tail_weight.saturating_add(weight);
        self.weight = self.weight.saturating_add(weight);
        self.next = self.next.saturating_add(1);
        if !self.blocks.is_empty() && !self.allows_oldest() {
            self.evict(pin(self.next), evicted);
        }
    }

    /// Whether the tail and the block that it will belong to are as large as a block may be.
    fn is_full(&self) -> bool {
        let open = self.blocks.back().filter(|kept| kept.is_open(self.capacity));
        let (items, weight) = open.map_or((0, 0), |kept| (kept.items, kept.weight));
        items + self.tail.len() >= self.capacity.block_items()
            || weight.saturating_add(self.tail_weight) > self.capacity.block_weight()
    }

    /// Makes a run of the tail, if there is anything in it.
    fn seal(&mut self) {
        if self.tail.is_empty() {
            return;
        }
        let base = self.tail_base();
        let run = Run { base, items: self.tail.drain(..).collect() };
        let runs = match self.blocks.back() {
            None => RUNS_MIN,
            Some(last) if last.is_open(self.capacity) => 0,
            Some(last) => (2 * last.runs).clamp(RUNS_MIN, RUNS_MAX),
        };
        if runs > 0 {
            let block = Arc::new(Block::new(base, runs));
            self.blocks.push_back(Kept { block, runs: 0, items: 0, weight: 0 });
        }
        let Some(kept) = self.blocks.back_mut() else { return };
        kept.items += run.items.len();
        kept.weight = kept.weight.saturating_add(std::mem::take(&mut self.tail_weight));
        if let Some(place) = kept.block.runs.get(kept.runs) {
            // The block is open, so the place is empty.
            drop(place.set(run));
        }
        kept.runs += 1;
    }

    /// Lets go of everything and leaves out the numbers up to `next`; not backwards.
    pub(super) fn skip_to(&mut self, next: u64) -> Evicted<T> {
        if next <= self.next {
            return Vec::new();
        }
        self.seal();
        self.weight = 0;
        self.next = next;
        self.blocks.drain(..).map(|kept| kept.block).collect()
    }

    /// The number of the first item of the block at `index`, or behind the last one of the tail.
    fn base(&self, index: usize) -> u64 {
        self.blocks.get(index).map_or_else(|| self.tail_base(), |kept| kept.block.base)
    }

    fn tail_base(&self) -> u64 {
        self.next.saturating_sub(u64::try_from(self.tail.len()).unwrap_or(u64::MAX))
    }

    /// Whether the oldest block must or may still be kept.
    fn allows_oldest(&self) -> bool {
        self.capacity.allows(self.next - self.base(1), self.weight)
    }

    /// Lets go of old blocks; the tail is never among them.
    fn evict(&mut self, pin: u64, evicted: &mut Evicted<T>) {
        while self.base(1) <= pin && !self.allows_oldest() {
            let Some(oldest) = self.blocks.pop_front() else { return };
            self.weight = self.weight.saturating_sub(oldest.weight);
            evicted.push(oldest.block);
        }
    }

    /// The block with this number; `None` if the number has left the ring or is not there yet.
    pub(super) fn block(&mut self, number: u64) -> Option<Arc<Block<T>>> {
        if number >= self.tail_base() {
            self.seal();
        }
        let after = self.blocks.partition_point(|kept| kept.block.base <= number);
        let kept = self.blocks.get(after.checked_sub(1)?)?;
        (number < self.next).then(|| Arc::clone(&kept.block))
    }

    /// The blocks with this number and all later ones.
    pub(super) fn blocks_from(&mut self, number: u64) -> Vec<Arc<Block<T>>> {
        self.seal();
        let after = self.blocks.partition_point(|kept| kept.block.base <= number);
        let from = after.saturating_sub(1);
        self.blocks.range(from..).map(|kept| Arc::clone(&kept.block)).collect()
    }
}
