//! Stages that remember what went before.

use std::collections::{HashSet, VecDeque};
use std::hash::Hash;
use std::num::NonZeroUsize;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::debug_by_name;
use crate::state::keeps;
use crate::{Batches, Emit, Flow, Loader, Moment, SaveState, Saver, Stage, StateError};

/// Keeps a state, and turns each item into something by it.
#[derive(Clone)]
pub struct Scan<S, F> {
    pub(crate) state: S,
    pub(crate) step: F,
}

/// Adds all items up, and emits the result at the end.
#[derive(Clone)]
pub struct Fold<S, F> {
    pub(crate) state: Option<S>,
    pub(crate) step: F,
    pub(crate) first: Option<u64>,
}

/// Leaves out items whose key was among the newest.
#[derive(Clone)]
pub struct Distinct<K, F> {
    key: F,
    known: HashSet<K>,
    order: VecDeque<K>,
    limit: usize,
}

/// Leaves out items whose key is that of the item before.
#[derive(Clone)]
pub struct DistinctUntilChanged<K, F> {
    pub(crate) key: F,
    pub(crate) last: Option<K>,
}

debug_by_name!(Scan<S, F>, Fold<S, F>, Distinct<K, F>, DistinctUntilChanged<K, F>);

impl<T, U, S, F: FnMut(&mut S, T) -> U> Stage<T> for Scan<S, F> {
    type Out = U;

    #[inline]
    fn push<E: Emit<U> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        out.emit((self.step)(&mut self.state, item), moment)
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

impl<T, S, F: FnMut(&mut S, T)> Stage<T> for Fold<S, F> {
    type Out = S;

    #[inline]
    fn push<E: Emit<S> + ?Sized>(&mut self, item: T, moment: &mut Moment, _out: &mut E) -> Flow {
        self.first.get_or_insert(moment.origin().position());
        if let Some(state) = &mut self.state {
            (self.step)(state, item);
        }
        Flow::Continue(())
    }

    fn finish<E: Emit<S> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> bool {
        self.first = None;
        let Some(state) = self.state.take() else { return true };
        moment.joined(|moment| out.emit(state, moment)).is_break() || self.state.is_none()
    }

    fn held(&self) -> Option<u64> {
        self.first
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

impl<K, F> Distinct<K, F> {
    /// Tells items apart by `key`, and remembers `limit` keys.
    pub(crate) fn new(limit: NonZeroUsize, key: F) -> Self {
        Self { key, known: HashSet::new(), order: VecDeque::new(), limit: limit.get() }
    }
}

impl<T, K: Hash + Eq + Clone, F: FnMut(&T) -> K> Stage<T> for Distinct<K, F> {
    type Out = T;

    fn push<E: Emit<T> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        let key = (self.key)(&item);
        if self.known.contains(&key) {
            return Flow::Continue(());
        }
        if self.order.len() >= self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.known.insert(key);
        out.emit(item, moment)
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

impl<T, K: PartialEq, F: FnMut(&T) -> K> Stage<T> for DistinctUntilChanged<K, F> {
    type Out = T;

    #[inline]
    fn push<E: Emit<T> + ?Sized>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow {
        let key = Some((self.key)(&item));
        if key == self.last {
            return Flow::Continue(());
        }
        self.last = key;
        out.emit(item, moment)
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

keeps!(Scan<S: DeserializeOwned, F>, state);
keeps!(Fold<S: DeserializeOwned, F>, state, first);
keeps!(DistinctUntilChanged<K: DeserializeOwned, F>, last);

impl<K: Serialize + DeserializeOwned + Hash + Eq + Clone, F> SaveState for Distinct<K, F> {
    fn save(&self, to: &mut Saver) -> Result<(), StateError> {
        to.put(&self.order)
    }

    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
        self.order = from.take()?;
        self.known = self.order.iter().cloned().collect();
        Ok(())
    }
}
