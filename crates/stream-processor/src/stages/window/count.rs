//! Windows of a number of items.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::num::NonZeroUsize;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::stages::debug_by_name;
use crate::{Batches, Emit, Flow, Loader, Moment, SaveState, Saver, Stage, StateError};

/// Adds so many items of each key up.
///
/// `F` is `FnMut(&T) -> K`, `G` is `FnMut(&mut A, &T)`.
#[derive(Clone)]
pub struct CountWindow<K, A, F, G> {
    size: NonZeroUsize,
    key: F,
    initial: A,
    add: G,
    open: HashMap<K, Open<A>>,
    /// Where the first item of each came from, in the order in which they were begun.
    firsts: BTreeMap<u64, u64>,
    begun: u64,
}

debug_by_name!(CountWindow<K, A, F, G>);

/// A window that is not full.
#[derive(Debug, Clone, Serialize, serde::Deserialize)]
struct Open<A> {
    /// In which order it was begun.
    number: u64,
    items: usize,
    value: A,
}

impl<K, A, F, G> CountWindow<K, A, F, G> {
    pub(crate) fn new(size: NonZeroUsize, key: F, initial: A, add: G) -> Self {
        let (open, firsts) = (HashMap::new(), BTreeMap::new());
        Self { size, key, initial, add, open, firsts, begun: 0 }
    }
}

impl<T, K, A, F, G> Stage<T> for CountWindow<K, A, F, G>
where
    K: Hash + Eq,
    A: Clone,
    F: FnMut(&T) -> K,
    G: FnMut(&mut A, &T),
{
    type Out = (K, A);

    fn push<E>(&mut self, item: T, moment: &mut Moment, out: &mut E) -> Flow
    where
        E: Emit<(K, A)> + ?Sized,
    {
        let mut entry = match self.open.entry((self.key)(&item)) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(entry) => {
                self.begun += 1;
                self.firsts.insert(self.begun, moment.origin().position());
                let (number, value) = (self.begun, self.initial.clone());
                entry.insert_entry(Open { number, items: 0, value })
            }
        };
        let open = entry.get_mut();
        open.items += 1;
        (self.add)(&mut open.value, &item);
        if open.items < self.size.get() {
            return Flow::Continue(());
        }
        let (key, open) = entry.remove_entry();
        self.firsts.remove(&open.number);
        moment.joined(|moment| out.emit((key, open.value), moment))
    }

    /// Windows that are not full go on in the order in which they were begun.
    fn finish<E: Emit<(K, A)> + ?Sized>(&mut self, moment: &mut Moment, out: &mut E) -> bool {
        let mut rest: Vec<(K, Open<A>)> = self.open.drain().collect();
        self.firsts.clear();
        rest.sort_unstable_by_key(|(_, open)| open.number);
        for (key, open) in rest {
            if moment.joined(|moment| out.emit((key, open.value), moment)).is_break() {
                break;
            }
        }
        true
    }

    fn held(&self) -> Option<u64> {
        self.firsts.first_key_value().map(|(_, first)| *first)
    }

    fn batches(&self) -> Batches {
        Batches::Taken
    }
}

impl<K, A, F, G> SaveState for CountWindow<K, A, F, G>
where
    K: Serialize + DeserializeOwned + Hash + Eq,
    A: Serialize + DeserializeOwned,
{
    fn save(&self, to: &mut Saver) -> Result<(), StateError> {
        to.put(&self.begun)?;
        to.put_all(self.firsts.iter())?;
        to.put_all(self.open.iter())
    }

    fn restore(&mut self, from: &mut Loader<'_>) -> Result<(), StateError> {
        self.begun = from.take()?;
        self.firsts = from.take_all()?;
        self.open = from.take_all()?;
        Ok(())
    }
}
