//! The windows that are open, each with what its keys amount to.

use std::collections::VecDeque;
use std::hash::{BuildHasher as _, Hash};

use hashbrown::{DefaultHashBuilder, HashTable};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Loader, SaveState, Saver, StateError};

/// The windows of one length that are open, by their end.
#[derive(Debug, Clone)]
pub(super) struct Panes<K, A> {
    length_ms: i64,
    list: VecDeque<Pane<K, A>>,
    hasher: DefaultHashBuilder,
}

impl<K, A> Panes<K, A> {
    /// The window that begins at `start_ms`, opened if need be for an item from `position`.
    #[inline]
    pub(super) fn open(&mut self, start_ms: i64, position: u64) -> Option<&mut Pane<K, A>> {
        // Most items belong to the newest windows, and with one length to the newest.
        if self.list.back().is_some_and(|pane| pane.start_ms == start_ms) {
            return self.list.back_mut();
        }
        let after = self.list.iter().rev().take_while(|pane| pane.start_ms > start_ms).count();
        let at = self.list.len() - after;
        let is_it = |pane: &Pane<K, A>| pane.start_ms == start_ms;
        if let Some(found) = at.checked_sub(1).filter(|at| self.list.get(*at).is_some_and(is_it)) {
            return self.list.get_mut(found);
        }
        let end_ms = start_ms.saturating_add(self.length_ms);
        let pane = Pane::new((start_ms, end_ms), position, self.hasher.clone());
        self.list.insert(at, pane);
        self.list.get_mut(at)
    }
}

impl<K, A> Panes<K, A> {
    pub(super) fn new(length_ms: i64) -> Self {
        Self { length_ms, list: VecDeque::new(), hasher: DefaultHashBuilder::default() }
    }

    /// The one that ends first.
    pub(super) fn first(&mut self) -> Option<&mut Pane<K, A>> {
        self.list.front_mut()
    }

    /// Whether the one that ends first ends by `end_ms`.
    #[inline]
    pub(super) fn has_ended(&self, end_ms: i64) -> bool {
        self.list.front().is_some_and(|pane| pane.end_ms <= end_ms)
    }

    /// Lets go of the one that ends first.
    pub(super) fn drop_first(&mut self) {
        self.list.pop_front();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The oldest position that something in them came from.
    pub(super) fn held(&self) -> Option<u64> {
        self.list.iter().map(|pane| pane.first).min()
    }
}

/// A window that is open.
#[derive(Debug, Clone)]
pub(super) struct Pane<K, A> {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    /// Where its first item came from.
    first: u64,
    /// By keys as they came first; the other way round once they are taken.
    entries: Vec<(K, A)>,
    is_closing: bool,
    /// Where each key is among the entries.
    index: HashTable<usize>,
    /// Where the key was that was asked for last: often it is asked for again.
    latest: usize,
    hasher: DefaultHashBuilder,
}

impl<K: Hash + Eq + Clone, A> Pane<K, A> {
    /// What the items of `key` amount to, which is `initial` before the first.
    ///
    /// The `hash` of the key is the same in all panes of a window, and kept if it was needed.
    #[inline]
    pub(super) fn value(
        &mut self,
        key: &K,
        hash: &mut Option<u64>,
        initial: impl FnOnce() -> A,
    ) -> Option<&mut A> {
        let is_it = |entries: &[(K, A)], at| entries.get(at).is_some_and(|(known, _)| known == key);
        if !is_it(&self.entries, self.latest) {
            let hash = *hash.get_or_insert_with(|| self.hasher.hash_one(key));
            self.latest = self.find_or_insert(key, hash, initial);
        }
        self.entries.get_mut(self.latest).map(|(_, value)| value)
    }

    #[inline]
    fn find_or_insert(&mut self, key: &K, hash: u64, initial: impl FnOnce() -> A) -> usize {
        let Self { entries, index, hasher, .. } = self;
        let is_it = |at: &usize| entries.get(*at).is_some_and(|(known, _)| known == key);
        match index.find(hash, is_it) {
            Some(at) => *at,
            None => {
                let known =
                    |at: &usize| entries.get(*at).map_or(0, |(key, _)| hasher.hash_one(key));
                index.insert_unique(hash, entries.len(), known);
                entries.push((key.clone(), initial()));
                entries.len() - 1
            }
        }
    }
}

impl<K, A> Pane<K, A> {
    fn new((start_ms, end_ms): (i64, i64), first: u64, hasher: DefaultHashBuilder) -> Self {
        let (entries, index) = (Vec::new(), HashTable::new());
        Self { start_ms, end_ms, first, entries, is_closing: false, index, latest: 0, hasher }
    }

    /// The key that came first of those that were not taken; no item is added after this.
    pub(super) fn take_first(&mut self) -> Option<(K, A)> {
        if !self.is_closing {
            self.is_closing = true;
            self.entries.reverse();
        }
        self.entries.pop()
    }
}

impl<K, A> SaveState for Panes<K, A>
where
    K: Serialize + DeserializeOwned + Hash + Eq + Clone,
    A: Serialize + DeserializeOwned,
{
    fn save(&self, to: &mut Saver) -> Result<(), StateError> {
        to.put(&self.list.len())?;
        for pane in &self.list {
            to.put(&(pane.start_ms, pane.first))?;
            to.put_all(pane.entries.iter())?;
        }
        Ok(())
    }

    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
        self.list.clear();
        let count: usize = from.take()?;
        for _ in 0..count {
            let (start_ms, first) = from.take()?;
            let entries: Vec<(K, A)> = from.take_all()?;
            let Some(pane) = self.open(start_ms, first) else { continue };
            for (key, value) in entries {
                pane.value(&key, &mut None, || value);
            }
        }
        Ok(())
    }
}
