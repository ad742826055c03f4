//! State by key, and timers over event time.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::debug_by_name;
use super::window::{Lateness, Watermark};
use crate::{Batches, Emit, Flow, Loader, Moment, SaveState, Saver, Stage, StateError};

/// Keeps a state for each key, and timers that the key has set.
///
/// `F` is `FnMut(&T) -> (i64, K)`: the time of an item in milliseconds and its key.
/// `G` is `FnMut(T, &mut Keyed<K, A>) -> I`, `H` is `FnMut(&mut Keyed<K, A>) -> I`: what comes of
/// an item, and of a timer.
///
/// # Order
///
/// Timers that are due because an item shows how late it is come before that item; they come by
/// their time, and those of one time as they were set.
pub struct KeyedState<K, A, F, G, H> {
    watermark: Watermark,
    place: F,
    on_item: G,
    on_timer: H,
    /// No entry stays without a state.
    states: HashMap<K, Option<A>>,
    timers: Timers<K>,
}

debug_by_name!(KeyedState<K, A, F, G, H>);

/// The timers of all keys.
#[derive(Debug, Clone)]
struct Timers<K> {
    /// By time, and as they were set.
    due: BTreeMap<(i64, u64), K>,
    /// The same by key and time: one key has one timer for a time.
    by_key: HashMap<K, BTreeMap<i64, u64>>,
    set: u64,
}

/// A key while one of its items, or timers, is treated.
#[derive(Debug)]
pub struct Keyed<'a, K, A> {
    /// The key.
    pub key: &'a K,
    /// What is kept for it; `None` at first, and to forget it.
    pub state: &'a mut Option<A>,
    /// When the item happened, or what the timer was set to, in milliseconds since 1970.
    pub at_ms: i64,
    /// The time up to which everything is there.
    watermark_ms: i64,
    timers: &'a mut Timers<K>,
}

impl<K: Hash + Eq + Clone, A> Keyed<'_, K, A> {
    /// The time up to which everything is there; nothing older is expected.
    pub fn watermark_ms(&self) -> i64 {
        self.watermark_ms
    }

    /// Sets a timer for this key: it comes when the watermark has reached `at_ms`.
    ///
    /// A key has one timer for a time; setting it again does nothing.
    pub fn set_timer(&mut self, at_ms: i64) {
        self.timers.set(self.key, at_ms);
    }

    /// Takes a timer of this key back.
    pub fn clear_timer(&mut self, at_ms: i64) {
        self.timers.clear(self.key, at_ms);
    }
}

impl<K: Hash + Eq + Clone> Timers<K> {
    fn set(&mut self, key: &K, at_ms: i64) {
        let of_key = self.by_key.entry(key.clone()).or_default();
        if of_key.contains_key(&at_ms) {
            return;
        }
        self.set += 1;
        of_key.insert(at_ms, self.set);
        self.due.insert((at_ms, self.set), key.clone());
    }

    fn clear(&mut self, key: &K, at_ms: i64) {
        let Some(of_key) = self.by_key.get_mut(key) else { return };
        if let Some(number) = of_key.remove(&at_ms) {
            self.due.remove(&(at_ms, number));
        }
        if of_key.is_empty() {
            self.by_key.remove(key);
        }
    }

    /// The first timer, if its time is `until_ms` or before.
    fn take(&mut self, until_ms: i64) -> Option<(i64, K)> {
        let first = self.due.first_entry().filter(|entry| entry.key().0 <= until_ms)?;
        let ((at_ms, _), key) = first.remove_entry();
        if let Entry::Occupied(mut of_key) = self.by_key.entry(key.clone()) {
            of_key.get_mut().remove(&at_ms);
            if of_key.get().is_empty() {
                of_key.remove();
            }
        }
        Some((at_ms, key))
    }

    /// The time of the last one.
    fn last_ms(&self) -> Option<i64> {
        self.due.last_key_value().map(|((at_ms, _), _)| *at_ms)
    }
}

impl<K, A, F, G, H> KeyedState<K, A, F, G, H> {
    pub(crate) fn new(lateness: Lateness, place: F, on_item: G, on_timer: H) -> Self {
        let timers = Timers { due: BTreeMap::new(), by_key: HashMap::new(), set: 0 };
        let watermark = Watermark::new(lateness);
        Self { watermark, place, on_item, on_timer, states: HashMap::new(), timers }
    }
}

/// A clone has the same states and timers.
impl<K: Clone, A: Clone, F: Clone, G: Clone, H: Clone> Clone for KeyedState<K, A, F, G, H> {
    fn clone(&self) -> Self {
        Self {
            watermark: self.watermark.clone(),
            place: self.place.clone(),
            on_item: self.on_item.clone(),
            on_timer: self.on_timer.clone(),
            states: self.states.clone(),
            timers: self.timers.clone(),
        }
    }
}

impl<K: Hash + Eq + Clone, A, F, G, H> KeyedState<K, A, F, G, H> {
    /// Calls `with` for a key at a time, and keeps the state that it leaves.
    fn with_key<R>(
        &mut self,
        (at_ms, key): (i64, K),
        with: impl FnOnce(&mut G, &mut H, &mut Keyed<'_, K, A>) -> R,
    ) -> R {
        let mut entry = match self.states.entry(key.clone()) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => entry.insert_entry(None),
        };
        let mut keyed = Keyed {
            key: &key,
            state: entry.get_mut(),
            at_ms,
            watermark_ms: self.watermark.before_ms,
            timers: &mut self.timers,
        };
        let result = with(&mut self.on_item, &mut self.on_timer, &mut keyed);
        if entry.get().is_none() {
            entry.remove();
        }
        result
    }

    /// Treats the timers up to `until_ms`, also those that are set meanwhile.
    fn ring<I, E>(&mut self, until_ms: i64, moment: &mut Moment, out: &mut E) -> Flow
    where
        I: IntoIterator,
        H: FnMut(&mut Keyed<'_, K, A>) -> I,
        E: Emit<I::Item> + ?Sized,
    {
        while let Some((at_ms, key)) = self.timers.take(until_ms) {
            self.watermark.close(at_ms);
            for item in self.with_key((at_ms, key), |_, on_timer, key| on_timer(key)) {
                moment.joined(|moment| out.emit(item, moment))?;
            }
        }
        Flow::Continue(())
    }

    /// As [`ring`](Self::ring), up to the last one that was set by now.
    fn ring_all<I, E>(&mut self, moment: &mut Moment, out: &mut E) -> Flow
    where
        I: IntoIterator,
        H: FnMut(&mut Keyed<'_, K, A>) -> I,
        E: Emit<I::Item> + ?Sized,
    {
        let Some(last_ms) = self.timers.last_ms() else { return Flow::Continue(()) };
        self.ring(last_ms, moment, out)
    }
}

impl<T, K, A, F, G, H, I> Stage<T> for KeyedState<K, A, F, G, H>
where
    K: Hash + Eq + Clone,
    F: FnMut(&T) -> (i64, K),
    G: FnMut(T, &mut Keyed<'_, K, A>) -> I,
    H: FnMut(&mut Keyed<'_, K, A>) -> I,
    I: IntoIterator,
{
    type Out = I::Item;

    fn push<E>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<I::Item> + ?Sized,
    {
        let (at_ms, key) = (self.place)(&item);
        if self.watermark.see(at_ms, moment.now()) {
            self.ring(self.watermark.before_ms, moment, out)?;
        }
        let results = self.with_key((at_ms, key), |on_item, _, key| on_item(item, key));
        results.into_iter().try_for_each(|item| out.emit(item, moment))?;
        // It may have set a timer to a time that has come already.
        self.ring(self.watermark.before_ms, moment, out)
    }

    fn advance<E: Emit<I::Item> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> Flow {
        if self.watermark.take_idle(moment.now()) {
            return self.ring_all(moment, out);
        }
        if self.watermark.follow(moment) {
            return self.ring(self.watermark.before_ms, moment, out);
        }
        Flow::Continue(())
    }

    /// The timers that are set by now come; those that they set for later do not.
    fn finish<E: Emit<I::Item> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> bool {
        // Timers that set further ones would never come to an end.
        matches!(self.ring_all(moment, out), Flow::Continue(()) | Flow::Break(()))
    }

    fn deadline(&self) -> Option<Instant> {
        if self.timers.due.is_empty() { None } else { self.watermark.idle_at() }
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

impl<K, A, F, G, H> SaveState for KeyedState<K, A, F, G, H>
where
    K: Serialize + DeserializeOwned + Hash + Eq + Clone,
    A: Serialize + DeserializeOwned,
{
    fn save(&self, to: &mut Saver) -> Result<(), StateError> {
        self.watermark.save(to)?;
        to.put_all(self.states.iter())?;
        to.put_all(self.timers.due.iter().map(|((at_ms, _), key)| (at_ms, key)))
    }

    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
        self.watermark.restore(from)?;
        self.states = from.take_all()?;
        self.timers = Timers { due: BTreeMap::new(), by_key: HashMap::new(), set: 0 };
        for (at_ms, key) in from.take_all::<(i64, K), Vec<_>>()? {
            self.timers.set(&key, at_ms);
        }
        Ok(())
    }
}
