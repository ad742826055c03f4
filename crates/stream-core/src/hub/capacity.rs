//! How much a ring keeps.

use crate::limits::{BLOCK_ITEMS_MAX, BLOCK_ITEMS_MIN};

/// How much a ring keeps.
///
/// Items leave in blocks: as soon as the ring holds this many items without its oldest block, and
/// also as soon as it weighs more than it may, as long as one block is left.
/// A block is an eighth of the ring by count (at least [`BLOCK_ITEMS_MIN`] items and at most
/// [`BLOCK_ITEMS_MAX`]) and about an eighth by weight.
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

    /// At least as many items as before, and at least `items`.
    pub(super) fn raise(&mut self, items: usize) {
        self.items = self.items.max(items);
    }

    /// Whether a ring of this many items and this weight holds what it must and not too much.
    pub(super) fn allows(self, items: u64, weight: usize) -> bool {
        items < u64::try_from(self.items).unwrap_or(u64::MAX) && weight <= self.weight
    }

    /// How many items a block takes.
    pub(super) fn block_items(self) -> usize {
        (self.items / 8).next_power_of_two().clamp(BLOCK_ITEMS_MIN, BLOCK_ITEMS_MAX)
    }

    /// The weight at which a block takes nothing more.
    pub(super) fn block_weight(self) -> usize {
        self.weight / 8
    }
}
