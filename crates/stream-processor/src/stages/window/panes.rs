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

impl<K: Hash + Eq, A> Panes<K, A> {
    /// The window that begins at `start_ms`, opened if need be for an item from `position`.
    #[inline]
    pub(super) fn open(&mut self, start_ms: i64, position: u64) -> Option<&mut Pane<K, A>> {
        // Most items belong to the newest windows.
        let after = self.list.iter().rev().take_while(|pane| pane.start_ms > start_ms).count();
        let at = self.list.len() - after;
        let is_it = |pane: &Pane<K, A>| pane.start_ms == start_ms;
        if let Some(found) = at.checked_sub(1).filter(|at| self.list.get(*at).is_some_and(is_it)) {
            return self.list.get_mut(found);
        }
        let end_ms = start_ms.saturating_add(self.length_ms);
        self.list.insert(at, Pane::new(start_ms, end_ms, position, self.hasher.clone()));
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
    /// By keys as they came first.
    pub(super) entries: VecDeque<(K, A)>,
    index: HashTable<usize>,
    hasher: DefaultHashBuilder,
}

impl<K: Hash + Eq, A> Pane<K, A> {
    fn new(start_ms: i64, end_ms: i64, first: u64, hasher: DefaultHashBuilder) -> Self {
        let (entries, index) = (VecDeque::new(), HashTable::new());
        Self { start_ms, end_ms, first, entries, index, hasher }
    }

    /// What the items of `key` amount to, which is `initial` before the first.
    #[inline]
    pub(super) fn value(&mut self, key: K, initial: impl FnOnce() -> A) -> Option<&mut A> {
        let Self { entries, index, hasher, .. } = self;
        let hash = hasher.hash_one(&key);
        let is_it = |at: &usize| entries.get(*at).is_some_and(|(known, _)| *known == key);
        if let Some(at) = index.find(hash, is_it) {
            return entries.get_mut(*at).map(|(_, value)| value);
        }
        let rehash = |at: &usize| entries.get(*at).map_or(0, |(key, _)| hasher.hash_one(key));
        index.insert_unique(hash, entries.len(), rehash);
        entries.push_back((key, initial()));
        entries.back_mut().map(|(_, value)| value)
    }
}

impl<K, A> SaveState for Panes<K, A>
where
    K: Serialize + DeserializeOwned + Hash + Eq,
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
                pane.value(key, || value);
            }
        }
        Ok(())
    }
}
