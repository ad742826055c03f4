//! What events add up to, one after the other.

use std::collections::BTreeMap;
use std::fmt;

use stream_model::Event;

use super::LoggedEvent;
use crate::limits::PROJECTION_ENTRIES_MAX;

/// Sums events up; given the same events in the same order, it says the same.
pub trait Projection {
    /// Takes the next event.
    ///
    /// # Errors
    /// [`ProjectionFull`] if it would have to hold more than it may; the event was not taken.
    fn apply(&mut self, logged: &LoggedEvent) -> Result<(), ProjectionFull>;
}

/// A projection would have to hold more than it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("projection full: it may hold {limit} entries")]
pub struct ProjectionFull {
    /// Keys, events or outputs that it may hold.
    pub limit: usize,
}

/// Refuses an entry beyond [`PROJECTION_ENTRIES_MAX`].
pub(super) const fn check_room(entries: usize) -> Result<(), ProjectionFull> {
    if entries < PROJECTION_ENTRIES_MAX {
        return Ok(());
    }
    Err(ProjectionFull { limit: PROJECTION_ENTRIES_MAX })
}

/// How many events there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counter(u64);

impl Counter {
    /// The number of events.
    pub const fn count(self) -> u64 {
        self.0
    }
}

impl Projection for Counter {
    fn apply(&mut self, _: &LoggedEvent) -> Result<(), ProjectionFull> {
        self.0 += 1;
        Ok(())
    }
}

/// A state that each event changes.
#[derive(Clone)]
pub struct Fold<S, F> {
    state: S,
    step: F,
}

impl<S, F: FnMut(&mut S, &LoggedEvent)> Fold<S, F> {
    /// Begins with `state`.
    pub fn new(state: S, step: F) -> Self {
        Self { state, step }
    }

    /// The state after the events so far.
    pub fn state(&self) -> &S {
        &self.state
    }

    /// The state.
    pub fn into_state(self) -> S {
        self.state
    }
}

impl<S, F: FnMut(&mut S, &LoggedEvent)> Projection for Fold<S, F> {
    fn apply(&mut self, logged: &LoggedEvent) -> Result<(), ProjectionFull> {
        (self.step)(&mut self.state, logged);
        Ok(())
    }
}

/// The total after each event that has a number.
#[derive(Clone)]
pub struct RunningSum<F> {
    number: F,
    totals: Vec<f64>,
    skipped: u64,
}

impl<F: FnMut(&Event) -> Option<f64>> RunningSum<F> {
    /// Sums what `number` makes of each event; an event without a number adds no total.
    pub fn new(number: F) -> Self {
        Self { number, totals: Vec::new(), skipped: 0 }
    }

    /// The totals, one for each event that had a number.
    pub fn totals(&self) -> &[f64] {
        &self.totals
    }

    /// Events without a number.
    pub const fn skipped(&self) -> u64 {
        self.skipped
    }
}

impl<F: FnMut(&Event) -> Option<f64>> Projection for RunningSum<F> {
    fn apply(&mut self, logged: &LoggedEvent) -> Result<(), ProjectionFull> {
        check_room(self.totals.len())?;
        match (self.number)(&logged.event) {
            Some(number) => {
                self.totals.push(self.totals.last().copied().unwrap_or_default() + number);
            }
            None => self.skipped += 1,
        }
        Ok(())
    }
}

/// The newest event of each key.
#[derive(Clone)]
pub struct LatestPerKey<F> {
    key: F,
    events: BTreeMap<String, LoggedEvent>,
}

impl<F: FnMut(&Event) -> Option<String>> LatestPerKey<F> {
    /// Keeps events apart by `key`; an event without a key is left out.
    pub fn new(key: F) -> Self {
        Self { key, events: BTreeMap::new() }
    }

    /// The newest event of each key.
    pub fn events(&self) -> &BTreeMap<String, LoggedEvent> {
        &self.events
    }

    /// The newest event of each key.
    pub fn into_events(self) -> BTreeMap<String, LoggedEvent> {
        self.events
    }
}

impl<F: FnMut(&Event) -> Option<String>> Projection for LatestPerKey<F> {
    fn apply(&mut self, logged: &LoggedEvent) -> Result<(), ProjectionFull> {
        let Some(key) = (self.key)(&logged.event) else { return Ok(()) };
        if let Some(latest) = self.events.get_mut(&key) {
            *latest = logged.clone();
            return Ok(());
        }
        check_room(self.events.len())?;
        self.events.insert(key, logged.clone());
        Ok(())
    }
}

/// All events of each key, in order.
#[derive(Clone)]
pub struct GroupBy<F> {
    key: F,
    groups: BTreeMap<String, Vec<LoggedEvent>>,
    held: usize,
}

impl<F: FnMut(&Event) -> Option<String>> GroupBy<F> {
    /// Keeps events apart by `key`; an event without a key is left out.
    pub fn new(key: F) -> Self {
        Self { key, groups: BTreeMap::new(), held: 0 }
    }

    /// The events of each key.
    pub fn groups(&self) -> &BTreeMap<String, Vec<LoggedEvent>> {
        &self.groups
    }

    /// The events of each key.
    pub fn into_groups(self) -> BTreeMap<String, Vec<LoggedEvent>> {
        self.groups
    }
}

impl<F: FnMut(&Event) -> Option<String>> Projection for GroupBy<F> {
    fn apply(&mut self, logged: &LoggedEvent) -> Result<(), ProjectionFull> {
        let Some(key) = (self.key)(&logged.event) else { return Ok(()) };
        check_room(self.held)?;
        self.groups.entry(key).or_default().push(logged.clone());
        self.held += 1;
        Ok(())
    }
}

impl<S: fmt::Debug, F> fmt::Debug for Fold<S, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fold").field("state", &self.state).finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for RunningSum<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningSum").field("totals", &self.totals).finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for LatestPerKey<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LatestPerKey").field("events", &self.events).finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for GroupBy<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GroupBy").field("groups", &self.groups).finish_non_exhaustive()
    }
}
