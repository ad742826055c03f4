//! The logs of a store by their names: those that somebody uses, and those that are asleep.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Bound::{self, Unbounded};
use std::sync::Arc;

use super::Cell;
use super::dormitory::Dormitory;
use super::sleep::{Slot, doze, wake};
use crate::catalog::Configs;

/// All logs of a store, by name.
#[derive(Debug, Default)]
pub(super) struct Directory {
    awake: BTreeMap<Box<str>, Arc<Cell>>,
    asleep: Dormitory,
}

impl Directory {
    /// How many there are, with those that were deleted and not yet forgotten.
    pub(super) fn len(&self) -> usize {
        self.awake.len().saturating_add(self.asleep.len())
    }

    /// Whether there is a log of this name that is not known to be deleted.
    pub(super) fn has(&self, name: &str) -> bool {
        match self.awake.get(name) {
            Some(cell) => !cell.state.lock().deleted,
            None => self.asleep.get(name).is_some(),
        }
    }

    /// The log of this name, woken if it is asleep; none that is known to be deleted.
    pub(super) fn wake(&mut self, name: &str, configs: &Configs) -> Option<Arc<Cell>> {
        if let Some(cell) = self.awake.get(name) {
            return (!cell.state.lock().deleted).then(|| Arc::clone(cell));
        }
        let cell = wake(self.asleep.get(name)?, configs)?;
        self.asleep.remove(name);
        self.insert(name, Arc::clone(&cell));
        Some(cell)
    }

    /// Takes in a log, in the place of one that was deleted.
    pub(super) fn insert(&mut self, name: &str, cell: Arc<Cell>) {
        self.awake.insert(name.into(), cell);
    }

    /// Forgets the name of a log.
    pub(super) fn forget(&mut self, name: &str, cell: &Arc<Cell>) {
        if self.awake.get(name).is_some_and(|known| Arc::ptr_eq(known, cell)) {
            self.awake.remove(name);
        }
    }

    /// The logs from `start` on, in the order of their names.
    pub(super) fn range<'a>(
        &'a self,
        start: Bound<&'a str>,
    ) -> impl Iterator<Item = (&'a str, Slot<'a>)> {
        let awake = self.awake.range::<str, _>((start, Unbounded));
        let awake = awake.map(|(name, cell)| (&**name, Slot::Awake(cell)));
        let asleep = self.asleep.range(start).map(|(name, bytes)| (name, Slot::Asleep(bytes)));
        let (mut awake, mut asleep) = (awake.peekable(), asleep.peekable());
        std::iter::from_fn(move || first(&mut awake, &mut asleep))
    }

    /// Puts those of the next `count` logs from `start` on to sleep that nobody uses; says with
    /// which of them it ended, if there may be more.
    pub(super) fn doze(
        &mut self,
        start: Bound<&str>,
        count: usize,
        configs: &Configs,
    ) -> Option<Box<str>> {
        let some = || self.awake.range::<str, _>((start, Unbounded)).take(count);
        let last = some().last().filter(|_| some().count() == count).map(|(name, _)| name.clone());
        let asleep = some().filter_map(|(name, cell)| Some((name.clone(), doze(cell, configs)?)));
        let asleep: Vec<_> = asleep.collect();
        for (name, _) in &asleep {
            self.awake.remove(name);
        }
        self.asleep.put(&asleep);
        last
    }

    #[cfg(test)]
    pub(super) fn asleep(&self) -> usize {
        self.asleep.len()
    }
}

/// The next of two rows of logs, both in the order of their names.
fn first<'a>(
    awake: &mut Peekable<impl Iterator<Item = (&'a str, Slot<'a>)>>,
    asleep: &mut Peekable<impl Iterator<Item = (&'a str, Slot<'a>)>>,
) -> Option<(&'a str, Slot<'a>)> {
    match (awake.peek(), asleep.peek()) {
        (Some((one, _)), Some((other, _))) if other < one => asleep.next(),
        (None, _) => asleep.next(),
        _ => awake.next(),
    }
}
