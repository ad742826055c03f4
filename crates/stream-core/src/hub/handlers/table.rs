//! The list of a hub's handlers.

use crate::hub::callback::{Call, Callback, Report};
use crate::sync::Arc;

/// Handlers in the order in which they came.
///
/// What is called lies by itself, since nothing else is looked at for each item.
/// A handler that goes leaves a gap, and gaps are closed when they outnumber the rest, so that
/// many may go at once without moving all others each time.
pub(super) struct Table<T> {
    calls: Vec<Option<Arc<Call<T>>>>,
    entries: Vec<Entry>,
    live: usize,
    next_id: u64,
    /// From this item on, everybody is called.
    settled: u64,
}

/// What belongs to the call at the same index.
#[derive(Clone)]
struct Entry {
    id: u64,
    /// The first item that it is called for.
    from: u64,
    report: Option<Arc<Report>>,
}

impl<T> Table<T> {
    /// Whom to call; nobody, where a gap is.
    pub(super) fn calls(&self) -> &[Option<Arc<Call<T>>>] {
        &self.calls
    }

    /// How many there are with the gaps.
    pub(super) fn len(&self) -> usize {
        self.calls.len()
    }

    /// How many there are without the gaps.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// The id that the next handler gets.
    pub(super) fn next_id(&self) -> u64 {
        self.next_id
    }

    /// Whether everybody is called for the item with this number.
    pub(super) fn is_settled(&self, number: u64) -> bool {
        self.settled <= number
    }

    pub(super) fn insert(&mut self, from: u64, callback: Callback<T>) -> u64 {
        let (call, report) = callback.into_parts();
        let id = self.next_id;
        self.calls.push(Some(call));
        self.entries.push(Entry { id, from, report });
        self.live += 1;
        self.next_id += 1;
        self.settled = self.settled.max(from);
        id
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<Callback<T>> {
        let index = self.find(id)?;
        let call = self.calls.get_mut(index)?.take()?;
        let report = self.entries.get_mut(index)?.report.take();
        self.live -= 1;
        if self.calls.len() > 2 * self.live {
            self.close_gaps();
        }
        Some(Callback::from_parts(call, report))
    }

    fn close_gaps(&mut self) {
        let mut calls = self.calls.iter();
        self.entries.retain(|_| calls.next().is_some_and(Option::is_some));
        self.calls.retain(Option::is_some);
        self.entries.shrink_to(2 * self.live);
        self.calls.shrink_to(2 * self.live);
    }

    /// The id of the handler, or gap, at `index`; the next free one behind the last.
    pub(super) fn id(&self, index: usize) -> u64 {
        self.entries.get(index).map_or(self.next_id, |entry| entry.id)
    }

    /// The first item that the handler at `index` is called for.
    pub(super) fn from(&self, index: usize) -> u64 {
        self.entries.get(index).map_or(u64::MAX, |entry| entry.from)
    }

    /// The handler at `index`, with whom to tell when it fails.
    pub(super) fn callback(&self, index: usize) -> Option<Callback<T>> {
        let call = self.calls.get(index)?.as_ref()?;
        let report = self.entries.get(index)?.report.clone();
        Some(Callback::from_parts(Arc::clone(call), report))
    }

    /// Where the handler with this id stands.
    pub(super) fn find(&self, id: u64) -> Option<usize> {
        let index = self.index_of(id);
        (self.entries.get(index)?.id == id).then_some(index)
    }

    /// Where the handler with this id stands, or else the next one after it.
    pub(super) fn index_of(&self, id: u64) -> usize {
        self.entries.partition_point(|entry| entry.id < id)
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { calls: Vec::new(), entries: Vec::new(), live: 0, next_id: 0, settled: 0 }
    }
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        let Self { ref calls, ref entries, live, next_id, settled } = *self;
        Self { calls: calls.clone(), entries: entries.clone(), live, next_id, settled }
    }
}
