//! Items that go on together.

use std::fmt;
use std::vec::Drain;

use crate::{Flow, Moment, Origin};

/// Items in their order, each with where it comes from.
///
/// A stage whose type is unknown is called once for several of them.
pub struct Items<T> {
    list: Vec<(Origin, T)>,
}

impl<T> Items<T> {
    /// How many there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether there is no room for another without more memory.
    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() == self.list.capacity()
    }

    /// Makes room for so many more.
    pub(crate) fn reserve(&mut self, count: usize) {
        self.list.reserve_exact(count);
    }

    /// Adds an item that comes from where the item does that is treated at this moment.
    #[inline]
    pub fn push(&mut self, item: T, moment: &Moment) {
        self.list.push((moment.origin(), item));
    }

    /// Adds an item that comes from `position` alone.
    #[inline]
    pub(crate) fn push_from(&mut self, position: u64, item: T) {
        self.list.push((Origin::at(position), item));
    }

    /// Gives item after item to `take`, at the moment of each, until it says `Break`.
    ///
    /// What it was not given stays, also if it panics.
    #[inline]
    pub fn each<F>(&mut self, moment: &mut Moment, mut take: F) -> Flow
    where
        F: FnMut(T, &mut Moment) -> Flow,
    {
        let present = moment.origin();
        let mut list = std::mem::take(&mut self.list);
        let mut flow = Flow::Continue(());
        {
            let mut rest = Rest { items: list.drain(..), home: &mut self.list };
            while flow.is_continue()
                && let Some((origin, item)) = rest.items.next()
            {
                moment.set_origin(origin);
                flow = take(item, moment);
            }
        }
        if self.list.is_empty() {
            // Its memory serves the next ones.
            self.list = list;
        }
        moment.set_origin(present);
        flow
    }

    /// The oldest position that something in it comes from.
    pub(crate) fn held(&self) -> Option<u64> {
        self.list.iter().map(|(origin, _)| origin.position()).min()
    }
}

impl<T> Default for Items<T> {
    fn default() -> Self {
        Self { list: Vec::new() }
    }
}

impl<T> fmt::Debug for Items<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").field("len", &self.len()).finish_non_exhaustive()
    }
}

/// Items that were not given yet; when it is dropped, they go home.
struct Rest<'a, T> {
    items: Drain<'a, (Origin, T)>,
    home: &'a mut Vec<(Origin, T)>,
}

impl<T> Drop for Rest<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.home.extend(self.items.by_ref());
    }
}
